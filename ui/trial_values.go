package ui

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

// tryField is one value of a test send. Its words are under
// "trial.field.<id>".
type tryField struct {
	id     string
	value  string   // that the admin entered; "" means the usual one
	usual  string   // what is taken when nothing is entered; "" when nobody knows before
	asked  bool     // is shown and asked for on this route
	needed bool     // nothing can be sent without it
	among  []string // what can be entered; empty means anything
	of     checks.HostFrom
}

// tryFields are the values of a sender's route, with what is usual.
func (e env) tryFields(c wizard.Sender) []tryField {
	way, ok := checks.WayOf(c.Route)
	if !ok {
		return nil
	}
	told := func(id string) string {
		if v := c.Told[string(c.Route)+"."+id]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	signIn := told("sign_in")
	if signIn == "" && len(way.SignIn) > 0 {
		signIn = string(way.SignIn[0])
	}
	service := told("provider")
	smtp := way.Host != checks.HostGraph
	fields := []tryField{
		{id: "from", usual: c.Mailbox(), asked: true, needed: c.Mailbox() == ""},
		{id: "provider", among: serviceIDs(), asked: way.Host == checks.HostCatalogue, needed: way.Host == checks.HostCatalogue},
		{id: "region", asked: regional(service), needed: regional(service)},
		{id: "host", usual: e.usualHost(way, service), asked: smtp, needed: way.Host == checks.HostGiven, of: way.Host},
		{id: "port", usual: usualPort(way, e.mig.Tenant.Cloud), asked: smtp},
		{id: "tls", usual: string(way.TLS), among: tlsModes(way), asked: smtp && way.Plain},
		{id: "sign_in", usual: signIn, among: signIns(way), asked: len(way.SignIn) > 1},
		{id: "account", usual: c.Mailbox(), asked: signIn == string(checks.ByPassword), needed: way.From == checks.FromVerified && signIn == string(checks.ByPassword)},
		{id: "certificate", asked: signIn == string(checks.ByCertificate), needed: signIn == string(checks.ByCertificate)},
	}
	for i := range fields {
		if fields[i].asked {
			fields[i].value = told(fields[i].id)
		}
	}
	return fields
}

// wantsSecret tells whether a sender's route signs in with a password.
func (e env) wantsSecret(c wizard.Sender) bool {
	for _, f := range e.tryFields(c) {
		if f.id == "account" {
			return f.asked
		}
	}
	return false
}

// secretOf is under which name a password is kept while the program runs.
func secretOf(c wizard.Sender) string { return c.ID + " " + string(c.Route) }

// lacking are the words of what is needed and not known.
func (e env) lacking(c wizard.Sender) []string {
	if e.mig.Lab {
		return nil // it has a default for everything
	}
	var words []string
	for _, f := range e.tryFields(c) {
		if f.asked && f.needed && f.value == "" && f.usual == "" {
			words = append(words, e.t("trial.field."+f.id))
		}
	}
	if e.wantsSecret(c) && e.draft.secrets[secretOf(c)] == "" {
		words = append(words, e.t("trial.field.secret"))
	}
	return words
}

// tryFrom is the address that the test message is sent from.
func (e env) tryFrom(c wizard.Sender) string {
	for _, f := range e.tryFields(c) {
		if f.id == "from" && f.value != "" {
			return f.value
		}
	}
	return c.Mailbox()
}

// fieldValue is a value as it is shown: with the usual one named as such.
func (e env) fieldValue(f tryField) string {
	named := func(v string) string {
		if k := "trial." + f.id + "." + v; e.tr.Has(k) {
			return e.t(k)
		}
		return clean(v)
	}
	switch {
	case f.value != "":
		return named(f.value)
	case e.mig.Lab && (f.id == "host" || f.id == "port"):
		return e.t("trial.field.of_lab")
	case f.usual != "":
		return named(f.usual)
	case e.mig.Lab:
		return e.t("trial.field.of_lab")
	case f.needed:
		return e.th.warn.Render(e.t("trial.field.not_known"))
	}
	words := "trial.field." + f.id + ".found"
	if f.id == "host" && f.of == checks.HostCatalogue {
		words = "trial.field.host.of_service"
	}
	return e.th.faint.Render(e.t(words))
}

func serviceIDs() []string {
	all := checks.Services()
	ids := make([]string, len(all))
	for i, s := range all {
		ids[i] = s.ID
	}
	return ids
}

func regional(service string) bool {
	s, ok := checks.ServiceByID(service)
	return ok && s.Region
}

// usualHost is the server of a route, "" where DNS or the admin tells.
func (e env) usualHost(w checks.Way, service string) string {
	switch w.Host {
	case checks.HostOfCloud:
		c, ok := checks.CloudByID(e.mig.Tenant.Cloud)
		if !ok {
			c, _ = checks.CloudByID("")
		}
		return c.SMTP
	case checks.HostFixed:
		return w.Name
	case checks.HostCatalogue:
		if s, ok := checks.ServiceByID(service); ok {
			return s.Host
		}
	case checks.HostMX, checks.HostGiven, checks.HostGraph:
	}
	return ""
}

func usualPort(w checks.Way, cloud string) string {
	if c, ok := checks.CloudByID(cloud); ok && w.Host == checks.HostOfCloud && len(c.Ports) > 0 {
		return number(c.Ports[0])
	}
	if len(w.Ports) == 0 {
		return ""
	}
	return number(w.Ports[0])
}

func signIns(w checks.Way) []string {
	out := make([]string, len(w.SignIn))
	for i, s := range w.SignIn {
		out[i] = string(s)
	}
	return out
}

func tlsModes(w checks.Way) []string {
	modes := []string{string(probes.StartTLS), string(probes.Implicit)}
	if w.Plain {
		modes = append(modes, string(probes.NoTLS))
	}
	return modes
}

// tryValuesWantedMsg asks for the form of a route's values.
type tryValuesWantedMsg struct{ sender string }

// tryForm is the questions about a sender's route, with their answers.
type tryForm struct {
	sender  wizard.Sender
	asked   []tryField
	answers []*string
	secret  *string
}

// newTryValues asks for the values of a sender's route. The password stays in
// memory, for this run only.
func newTryValues(e env, id string) formScreen {
	f := tryForm{secret: new(string)}
	if c, ok := e.mig.Sender(id); ok {
		f.sender = *c
	}
	for _, field := range e.tryFields(f.sender) {
		if field.asked || slices.Contains([]string{"account", "certificate", "region"}, field.id) {
			f.asked, f.answers = append(f.asked, field), append(f.answers, new(field.value))
		}
	}
	title := e.t("trial.values_title", map[string]string{"route": e.routeName(f.sender.Route)})
	return newForm(e, "values", title, func() []*huh.Group { return f.groups(e) }, func(e env) ([]tea.Msg, error) {
		m, err := e.opts.Change(e.runs.ctx, f.tell)
		return []tea.Msg{secretMsg{secretOf(f.sender), *f.secret}, changedMsg{m}}, err
	})
}

// answer is what was entered, or what is usual.
func (f tryForm) answer(id string) string {
	i := slices.IndexFunc(f.asked, func(field tryField) bool { return field.id == id })
	switch {
	case i < 0:
		return ""
	case *f.answers[i] != "":
		return *f.answers[i]
	}
	return f.asked[i].usual
}

// groups are the pages: the choices first, for others depend on them.
func (f tryForm) groups(e env) []*huh.Group {
	var choices, others []*huh.Group
	var lines []huh.Field
	for i, field := range f.asked {
		input := e.tryInput(field, f.answers[i])
		page := func() *huh.Group { return huh.NewGroup(input).WithHideFunc(func() bool { return f.hidden(field.id) }) }
		switch {
		case len(field.among) > 0 || field.id == "region":
			choices = append(choices, page())
		case field.id == "account" || field.id == "certificate":
			others = append(others, page())
		default:
			lines = append(lines, input)
		}
	}
	secret := e.input("trial.field.secret", f.secret).EchoMode(huh.EchoModePassword)
	pages := append(choices, huh.NewGroup(lines...))
	return append(append(pages, others...), huh.NewGroup(secret).WithHideFunc(func() bool { return f.hidden("account") }))
}

// tell remembers what was entered, but for what is usual anyway.
func (f tryForm) tell(m *wizard.Migration) error {
	var errs []error
	for i, field := range f.asked {
		var values []string
		if v := strings.TrimSpace(*f.answers[i]); v != "" && v != field.usual {
			values = []string{v}
		}
		errs = append(errs, m.Tell(f.sender.ID, string(f.sender.Route)+"."+field.id, values...))
	}
	return errors.Join(errs...)
}

// secretMsg is a password that was typed for a test send.
type secretMsg struct{ of, secret string }

// hidden tells whether a question does not arise with the answers so far.
func (f tryForm) hidden(id string) bool {
	way, _ := checks.WayOf(f.sender.Route)
	signIn := f.answer("sign_in")
	if signIn == "" && len(way.SignIn) > 0 {
		signIn = string(way.SignIn[0])
	}
	switch id {
	case "account":
		return signIn != string(checks.ByPassword)
	case "certificate":
		return signIn != string(checks.ByCertificate)
	case "region":
		return !regional(f.answer("provider"))
	}
	return false
}

// tryInput is the question for one value: a choice, or a line.
func (e env) tryInput(f tryField, value *string) huh.Field {
	words := "trial.field." + f.id
	if len(f.among) > 0 {
		if *value == "" && f.usual != "" {
			*value = f.usual
		}
		var options []huh.Option[string]
		for _, v := range f.among {
			options = append(options, huh.NewOption(e.optionWords(f.id, v), v))
		}
		return huh.NewSelect[string]().Title(e.t(words)).Description(e.t(words + ".why")).Options(options...).Value(value)
	}
	v := validator{e}
	valid := map[string]func(string) error{"from": v.address, "port": v.port, "host": v.host}[f.id]
	return e.input(words, value).Placeholder(f.usual).Validate(func(s string) error {
		if strings.TrimSpace(s) == "" {
			if f.needed && f.usual == "" && f.id != "account" && f.id != "certificate" && f.id != "region" {
				return v.err("empty")
			}
			return nil
		}
		if valid == nil {
			return nil
		}
		return valid(s)
	})
}

// optionWords are the words of a choice.
func (e env) optionWords(id, value string) string {
	if s, ok := checks.ServiceByID(value); ok && id == "provider" {
		return s.Name
	}
	return e.word("trial."+id, value)
}

func (v validator) port(s string) error {
	if n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 16); err != nil || n == 0 {
		return v.err("port")
	}
	return nil
}

func (v validator) host(s string) error {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, " /@\"'") || clean(s) != s || slices.Contains(strings.Split(s, "."), "") && !strings.Contains(s, ":") {
		return v.err("host")
	}
	return nil
}
