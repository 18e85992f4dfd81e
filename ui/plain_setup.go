package ui

import (
	"strings"

	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// registration offers the ways to an app registration.
func (p *plain) registration() error {
	if p.opts.Register == nil {
		return p.register()
	}
	p.say("", p.t("register.how"), p.t("register.how.why"))
	return p.menu(p.t("key.back"), func() []choice {
		return []choice{
			{p.t("register.how.graph"), p.byGraph},
			{p.t("register.how.hand"), p.register},
			{p.t("undo.title"), p.undo},
		}
	})
}

// byGraph asks for the choices, says what would be done, and does it when that
// is agreed to.
func (p *plain) byGraph() error {
	p.draft.recallChoice(p.mig, p.t("setup.ui.name"), p.preferred()[0].Model)
	req, v := &p.draft.choice.req, validator{p.env}
	for _, q := range []struct {
		id    string
		value *string
		valid func(string) error
	}{{"register.tenant", &req.Tenant, v.tenant}, {"register.name", &req.Name, v.given}} {
		if err := p.question(q.id, q.value, q.valid); err != nil {
			return err
		}
	}
	p.say("", p.t("register.rights"))
	p.say(p.rightsReasons()...)
	var cs []choice
	for _, o := range p.rightsOptions() {
		cs = append(cs, choice{o.Key, func() error { req.Rights = o.Value; return p.withCredential() }})
	}
	return p.once(p.t("key.back"), cs...)
}

func (p *plain) withCredential() error {
	req := &p.draft.choice.req
	p.say("", p.t("app.credential"), p.t("register.credential.why"))
	return p.once(p.t("key.back"),
		choice{p.t("register.credential.certificate"), func() error { req.Credential = wizard.Certificate; return p.setUp(true) }},
		choice{p.t("register.credential.secret"), func() error { req.Credential = wizard.Secret; return p.setUp(true) }},
	)
}

// setUp runs the registration: dry first, then in earnest when that is asked
// for.
func (p *plain) setUp(dry bool) error {
	req := p.draft.choice.req
	req.DryRun = dry
	if dry {
		p.say("", p.t("setup.ui.dry"))
	}
	failed := false
	m, err := p.opts.Register(p.ctx, req, func(ev SetupEvent) {
		failed = failed || ev.Step != nil && ev.Step.Outcome == probes.SetupFailed
		p.told(ev)
	})
	if err := p.changed(m, err); err != nil {
		p.say(trimmed(p.threeParts(err))...)
		p.say(p.t("setup.ui.safe"))
		return nil
	}
	switch {
	case failed:
		p.say(p.t("setup.ui.safe"))
		return nil
	case !dry:
		p.say(trimmed(setupScreen{req: req}.doneLines(p.env, prose))...)
		return nil
	}
	p.say(p.t("setup.ui.planned_plain"))
	return p.once(p.t("key.back"), choice{p.t("key.setup_now"), func() error { return p.setUp(false) }})
}

// told says one event of a set-up.
func (p *plain) told(ev SetupEvent) {
	if ev.SignIn != nil && ev.SignIn.Way == "note" {
		p.say(faultText(p.env, ev.SignIn.Before))
		return
	}
	if ev.SignIn != nil {
		p.now = p.opts.Now().In(p.opts.Location)
		s, whole := *ev.SignIn, p.env
		whole.width = shownLimit // an address is one line, to be copied
		lines := whole.signInLines(s)
		if s.Code != "" { // letters with spaces between are read one by one: said once more as they are typed
			lines = append(lines, clean(s.Code))
		}
		p.say(trimmed(lines)...)
		return
	}
	p.say(trimmed(p.setupSteps([]probes.SetupStep{*ev.Step}))...)
}

func trimmed(lines []string) []string {
	out := make([]string, 0, len(lines))
	for _, l := range lines {
		if l = strings.Join(strings.Fields(l), " "); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// undo lists what was made and removes it after a question.
func (p *plain) undo() error {
	made, err := p.opts.Made(p.ctx)
	if err != nil {
		return err
	}
	if len(made) == 0 {
		p.say(p.t("undo.nothing"))
		return nil
	}
	s := undoScreen{made: made}
	for _, c := range made {
		p.say(trimmed([]string{s.row(p.env, c)})...)
	}
	p.say(p.counted("undo.confirm", len(made)))
	return p.once(p.t("key.back"), choice{p.t("key.remove_now"), func() error {
		return p.changed(p.opts.Undo(p.ctx, s.ids(), p.told))
	}})
}

// tenant says what is known of the tenant, and offers the scripts and the log.
func (p *plain) tenant() error {
	state, err := p.opts.Tenant(p.ctx)
	if err != nil {
		return err
	}
	s := tenantScreen{state: state, read: true}
	if state.Read.IsZero() {
		p.say(p.t("tenant.never_read"))
	}
	p.say(trimmed(s.everything(p.env))...)
	return p.menu(p.t("key.back"), func() []choice {
		cs := []choice{
			{p.t("scripts.title"), func() error { return p.scripts("") }},
			{p.t("changes.title"), p.changes},
		}
		if p.opts.ProveOutside != nil && p.m.App != nil {
			cs = append(cs, choice{p.t("key.prove_outside"), p.proveOutside})
		}
		return cs
	})
}

// proveOutside asks as which mailbox the app must be refused, tries it, and says
// what it came to.
func (p *plain) proveOutside() error {
	mailbox := p.m.App.Outside
	if err := p.question("tenant.outside", &mailbox, validator{p.env}.recipient); err != nil {
		return err
	}
	p.say(p.t("tenant.outside.sending"))
	words, err := p.opts.ProveOutside(p.ctx, mailbox)
	if err != nil {
		return err
	}
	for _, w := range words {
		p.say(clean(w))
	}
	return p.changed(p.opts.Reload(p.ctx))
}

// changes says the command log.
func (p *plain) changes() error {
	list, err := p.opts.Changes(p.ctx)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		p.say(p.t("changes.none"))
		return nil
	}
	p.say(strings.Split(strings.TrimSuffix(changesScreen{list: list}.text(p.env), "\n"), "\n")...)
	return p.once(p.t("key.back"), choice{p.t("key.save"), func() error {
		path, err := p.opts.SaveChanges(p.ctx)
		if err == nil {
			p.say(p.t("app.saved_to", text.Args{"path": clean(path)}))
		}
		return err
	}})
}
