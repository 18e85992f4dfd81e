package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

// registration is how an app registration is to be made.
type registration struct {
	open   bool // the page was filled in at least once
	byHand bool
	req    RegisterRequest
}

// byHandMsg asks for the form of a registration that was made by hand.
type byHandMsg struct{}

// recallChoice starts the choice from what is known.
func (d *draft) recallChoice(m *wizard.Migration, name string, rights probes.RightsModel) {
	if d.choice.open {
		return
	}
	d.choice = registration{open: true, req: RegisterRequest{
		Tenant: m.Tenant.Domain, Cloud: knownCloud(m), Name: name, Credential: wizard.Certificate, Rights: rights,
	}}
	if m.App == nil {
		return
	}
	if m.App.Name != "" {
		d.choice.req.Name = m.App.Name
	}
	if m.App.Rights != "" {
		d.choice.req.Rights = m.App.Rights
	}
}

// newRegisterChoice asks how the app registration is to be made, and why one
// would choose which.
func newRegisterChoice(e env) formScreen {
	d, v := e.draft, validator{e}
	d.recallChoice(e.mig, e.t("setup.ui.name"), e.preferred()[0].Model)
	c := &d.choice
	byHand := func() bool { return c.byHand }
	fields := func() []*huh.Group {
		return []*huh.Group{
			huh.NewGroup(
				huh.NewSelect[bool]().Title(e.t("register.how")).Description(e.t("register.how.why")).Options(
					huh.NewOption(e.t("register.how.graph"), false),
					huh.NewOption(e.t("register.how.hand"), true),
				).Value(&c.byHand),
			),
			huh.NewGroup(
				huh.NewSelect[probes.RightsModel]().Title(e.t("register.rights")).Description(strings.Join(e.rightsReasons(), "\n")).
					Options(e.rightsOptions()...).Value(&c.req.Rights),
			).WithHideFunc(byHand),
			huh.NewGroup(
				huh.NewSelect[wizard.Credential]().Title(e.t("app.credential")).Description(e.t("register.credential.why")).Options(
					huh.NewOption(e.t("register.credential.certificate"), wizard.Certificate),
					huh.NewOption(e.t("register.credential.secret"), wizard.Secret),
				).Value(&c.req.Credential),
			).WithHideFunc(byHand),
			huh.NewGroup(
				e.input("register.tenant", &c.req.Tenant).Validate(v.tenant),
				e.input("register.name", &c.req.Name).Validate(v.given),
			).WithHideFunc(byHand),
			huh.NewGroup(e.askCloud(&c.req.Cloud)).WithHideFunc(func() bool { return c.byHand || e.mig.Lab }),
		}
	}
	return newForm(e, "register", e.t("app.title"), fields, func(e env) ([]tea.Msg, error) {
		if e.draft.choice.byHand {
			return []tea.Msg{byHandMsg{}}, nil
		}
		req := e.draft.choice.req
		req.Tenant, req.Name = strings.TrimSpace(req.Tenant), strings.TrimSpace(req.Name)
		return []tea.Msg{setupWantedMsg{req}}, nil
	})
}

// knownCloud is the tenant's cloud as far as it is known.
func knownCloud(m *wizard.Migration) string {
	c, _ := checks.CloudByID(m.Tenant.Cloud)
	return c.ID
}

// askCloud asks for the tenant's cloud. What is known of one by report only is
// marked.
func (e env) askCloud(value *string) *huh.Select[string] {
	var options []huh.Option[string]
	for _, c := range checks.Clouds() {
		words := e.t("cloud." + c.ID)
		if c.Confidence != "primary" {
			words += " (" + e.t("register.cloud.unconfirmed") + ")"
		}
		options = append(options, huh.NewOption(words, c.ID))
	}
	return huh.NewSelect[string]().Title(e.t("register.cloud")).Description(e.t("register.cloud.why")).Options(options...).Value(value)
}

// rightsReasons says what the models of rights are, and what speaks for and
// against each here, the better first.
func (e env) rightsReasons() []string {
	const width = prose - 6 // within the frame of a form
	lines := wrap(e.t("register.rights.why"), width, 0)
	for _, p := range e.preferred() {
		lines = append(lines, e.t("register.rights."+string(p.Model)))
		for _, r := range p.For {
			lines = append(lines, wrap("  + "+e.reason(r), width, 4)...)
		}
		for _, r := range p.Against {
			lines = append(lines, wrap("  - "+e.reason(r), width, 4)...)
		}
	}
	return lines
}

func (e env) rightsOptions() []huh.Option[probes.RightsModel] {
	var out []huh.Option[probes.RightsModel]
	for i, p := range e.preferred() {
		words := e.t("register.rights." + string(p.Model))
		if i == 0 {
			words += " (" + e.t("rights.mark.better") + ")"
		}
		out = append(out, huh.NewOption(words, p.Model))
	}
	return out
}

// preferred are the models of rights, the better here first.
func (e env) preferred() []checks.RightsPreference {
	return checks.PreferRights(e.mig.RightsFacts(), false)
}

// tenant takes a domain or an id; nothing means the one that signs in.
func (v validator) tenant(s string) error {
	s = strings.TrimSpace(s)
	if s == "" || isGUID(s) || strings.Contains(s, ".") && v.domains(s) == nil && len(domainsOf(s)) == 1 {
		return nil
	}
	return v.err("tenant")
}
