package ui

import (
	"errors"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"

	"offbasic/wizard"
)

// draft is the answers that were given and not saved yet. They are kept in
// memory only, and the secret is dropped as soon as it is saved.
type draft struct {
	open       bool // the registration was filled in at least once
	tenant     string
	cloud      string
	domains    string
	client     string
	object     string
	credential wizard.Credential
	secret     string
	cert       string

	add  sender
	list string

	choice registration
	// secrets are passwords for test sends, by secretOf, while the program runs.
	secrets map[string]string
}

// take forgets what was saved, and keeps what must not be.
func (d *draft) take(msg tea.Msg) {
	switch msg := msg.(type) {
	case draftDoneMsg:
		d.forget(msg)
	case secretMsg:
		d.keep(msg)
	}
}

// keep remembers a password for a test send; none forgets it.
func (d *draft) keep(msg secretMsg) {
	if d.secrets == nil {
		d.secrets = map[string]string{}
	}
	d.secrets[msg.of] = msg.secret
}

// sender is what is asked of a sender that is added by hand.
type sender struct{ name, account, peer string }

// recall starts the draft from what is known already.
func (d *draft) recall(m *wizard.Migration) {
	if d.open {
		return
	}
	*d = draft{
		open: true, tenant: m.Tenant.ID, cloud: knownCloud(m), domains: strings.Join(m.Tenant.Domains, " "),
		credential: wizard.Secret, add: d.add, list: d.list, choice: d.choice, secrets: d.secrets,
	}
	if a := m.App; a != nil {
		d.client, d.object, d.credential, d.cert = a.ClientID, a.ObjectID, a.Credential, a.CertFile
	}
}

// answers is the draft as what is to be saved. The parts of the tenant and of
// the registration that are not asked for stay as they are.
func (d *draft) answers(m wizard.Migration) (wizard.Tenant, wizard.Registration, string) {
	t, app := m.Tenant, wizard.Registration{}
	if m.App != nil {
		app = *m.App
	}
	t.ID = strings.ToLower(strings.TrimSpace(d.tenant))
	t.Domains = domainsOf(d.domains)
	if d.cloud != knownCloud(&m) {
		t.Cloud = d.cloud
	}
	if t.Domain == "" && len(t.Domains) > 0 {
		t.Domain = t.Domains[0]
	}
	app.ClientID = strings.ToLower(strings.TrimSpace(d.client))
	app.ObjectID = strings.ToLower(strings.TrimSpace(d.object))
	app.Credential, app.CertFile = d.credential, ""
	if d.credential == wizard.Certificate {
		app.CertFile = strings.TrimSpace(d.cert)
		return t, app, ""
	}
	return t, app, d.secret
}

func domainsOf(s string) []string {
	var out []string
	for f := range strings.FieldsFuncSeq(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune(" ,;\t\n", r) }) {
		out = include(out, f)
	}
	return out
}

// newRegister asks for the app registration, which was made by hand.
func newRegister(e env) formScreen {
	d := e.draft
	d.recall(e.mig)
	v := validator{e}
	fields := func() []*huh.Group {
		return []*huh.Group{
			huh.NewGroup(
				e.input("app.tenant", &d.tenant).Validate(v.guid),
				e.input("app.domains", &d.domains).Validate(v.domains),
			),
			huh.NewGroup(e.askCloud(&d.cloud)).WithHideFunc(func() bool { return e.mig.Lab }),
			huh.NewGroup(
				e.input("app.client", &d.client).Validate(v.guid),
				e.input("app.object", &d.object).Validate(v.object(&d.client)),
			),
			huh.NewGroup(
				huh.NewSelect[wizard.Credential]().Title(e.t("app.credential")).Description(e.t("app.credential.why")).Options(
					huh.NewOption(e.t("app.credential.certificate"), wizard.Certificate),
					huh.NewOption(e.t("app.credential.secret"), wizard.Secret),
				).Value(&d.credential),
			),
			huh.NewGroup(
				e.input("app.secret", &d.secret).EchoMode(huh.EchoModePassword).Validate(v.given),
			).WithHideFunc(func() bool { return d.credential != wizard.Secret }),
			huh.NewGroup(
				e.input("app.cert", &d.cert).Validate(v.given),
			).WithHideFunc(func() bool { return d.credential != wizard.Certificate }),
		}
	}
	return newForm(e, "app", e.t("app.title"), fields, saveApp)
}

func saveApp(e env) ([]tea.Msg, error) {
	tenant, app, secret := e.draft.answers(*e.mig)
	if err := e.opts.SaveApp(e.runs.ctx, tenant, app, secret); err != nil {
		return nil, err
	}
	m, err := e.opts.Reload(e.runs.ctx)
	if err != nil {
		return nil, err
	}
	return []tea.Msg{changedMsg{m}, draftDoneMsg{"app"}, saidMsg{text: e.t("app.saved")}}, nil
}

// draftDoneMsg names the form whose answers are saved.
type draftDoneMsg struct{ form string }

// forget drops answers that are saved, the secret among them.
func (d *draft) forget(msg draftDoneMsg) {
	switch msg.form {
	case "app":
		*d = draft{add: d.add, list: d.list, choice: d.choice, secrets: d.secrets}
	case "add":
		d.add = sender{}
	case "list":
		d.list = ""
	}
}

// input is a question with its words: "<id>" and "<id>.why".
func (e env) input(id string, value *string) *huh.Input {
	return huh.NewInput().Title(e.t(id)).Description(e.t(id + ".why")).Prompt("> ").CharLimit(400).Value(value)
}

// validator says what is wrong with an answer, in the reader's language.
type validator struct{ e env }

func (v validator) err(id string) error { return errors.New(v.e.t("app.wrong." + id)) }

func (v validator) given(s string) error {
	if strings.TrimSpace(s) == "" {
		return v.err("empty")
	}
	return nil
}

func (v validator) guid(s string) error {
	if !isGUID(strings.TrimSpace(s)) {
		return v.err("guid")
	}
	return nil
}

// object is the id of the enterprise application. It is never the client id:
// a client id entered twice is the mistake that is easiest to make.
func (v validator) object(client *string) func(string) error {
	return func(s string) error {
		if strings.EqualFold(strings.TrimSpace(s), strings.TrimSpace(*client)) {
			return v.err("object")
		}
		return v.guid(s)
	}
}

// domains may be empty: then which recipients are outside is not known.
func (v validator) domains(s string) error {
	for _, d := range domainsOf(s) {
		if !strings.Contains(d, ".") || strings.ContainsAny(d, "@/:") || clean(d) != d {
			return v.err("domain")
		}
	}
	return nil
}

func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (r == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return false
		}
	}
	return true
}
