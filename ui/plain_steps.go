package ui

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"charm.land/huh/v2"

	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// steps are the script, the test send and the comparison of a sender that has
// a route.
func (p *plain) steps(id string) []choice {
	c, ok := p.m.Sender(id)
	if !ok || c.Route == "" {
		return nil
	}
	if !wizard.Automatic(c.Route) {
		p.say(p.t("next.by_hand", text.Args{"sender": clean(c.Title()), "route": p.routeName(c.Route)}))
		return nil
	}
	cs := []choice{{p.t("key.try"), func() error { return p.try(id) }}}
	if len(p.m.SenderScripts(*c)) > 0 && (!wizard.NeedsApp(c.Route) || p.m.App != nil) {
		cs = append(cs, choice{p.t("key.set_up"), func() error { return p.script(ScriptRef{Sender: id}) }})
	}
	if p.opts.Compare != nil {
		cs = append(cs, choice{p.t("key.compare"), func() error { return p.compare(id) }})
	}
	return append(cs, choice{p.t("scripts.title"), func() error { return p.scripts(id) }})
}

// scripts lists the scripts with what each is for.
func (p *plain) scripts(sender string) error {
	s := scriptsScreen{sender: sender}
	return p.menu(p.t("key.back"), func() []choice {
		var cs []choice
		for _, name := range s.names(p.env) {
			words := p.scriptTitle(name) + ". " + p.t("script."+name+".what")
			cs = append(cs, choice{words, func() error { return p.script(s.ref(p.env, name)) }})
		}
		return cs
	})
}

// script says a script, and offers what can be done with it.
func (p *plain) script(ref ScriptRef) error {
	s, err := p.opts.Script(ref)
	if err != nil {
		return err
	}
	for l := range strings.Lines(s.Text) {
		p.say(clean(strings.TrimRight(l, "\r\n")))
	}
	return p.menu(p.t("key.back"), func() []choice {
		if s, err = p.opts.Script(ref); err != nil {
			return nil
		}
		var cs []choice
		if len(s.Missing) > 0 {
			p.say(p.t("script.ui.values_missing", text.Args{"values": p.inputs(s.Missing)}))
		} else {
			cs = append(cs, choice{p.t("key.save"), func() error { return p.saveScript(ref, s) }})
			if p.opts.RunScript != nil {
				cs = append(cs, choice{p.t("key.run_script"), func() error { return p.runScript(ref, s) }})
			}
			cs = append(cs, choice{p.t("key.read_again"), func() error { return p.readBack(ref) }})
		}
		if len(p.askedInputs(s.Name)) > 0 {
			cs = append(cs, choice{p.t("key.values"), func() error { return p.values(ref, s.Name) }})
		}
		return append(cs, choice{p.t("script.ui.paste_title"), func() error { return p.takeAnswer(ref) }})
	})
}

func (p *plain) saveScript(ref ScriptRef, s ScriptText) error {
	path, err := p.opts.SaveScript(p.ctx, ref)
	if err != nil {
		return err
	}
	p.say(p.t("script.ui.saved", text.Args{"path": clean(path)}))
	if ref.Sender == "" {
		return nil
	}
	return p.changed(p.opts.Change(p.ctx, func(m *wizard.Migration) error { return m.Wrote(ref.Sender, s.Name, p.now) }))
}

// runScript runs it after it was shown and confirmed.
func (p *plain) runScript(ref ScriptRef, s ScriptText) error {
	v := scriptScreen{ref: ref, script: s, confirming: true}
	p.say(v.said(p.env))
	return p.once(p.t("key.close"), choice{p.t("key.run_now"), func() error {
		if err := p.saveScript(ref, s); err != nil {
			return err
		}
		if err := p.opts.RunScript(p.ctx, ref, Terminal{p.in, p.out, p.out}); err != nil {
			return err
		}
		return p.readBack(ref)
	}})
}

// once is a menu that is left when something was chosen.
func (p *plain) once(leave string, cs ...choice) error {
	for i, c := range cs {
		cs[i].do = func() error {
			if err := c.do(); err != nil {
				return err
			}
			return errChosen
		}
	}
	err := p.menu(leave, func() []choice { return cs })
	if errors.Is(err, errChosen) {
		return nil
	}
	return err
}

// values asks for what a script is told.
func (p *plain) values(ref ScriptRef, name string) error {
	v, known := validator{p.env}, p.scriptValues(ref)
	needed, _ := wizard.ScriptInputsOf(name)
	for _, in := range p.askedInputs(name) {
		was := strings.Join(valuesOf(in, known), " ")
		answer := was
		p.say("", p.word("script.input", in.Name)+". "+p.t("script.value."+in.Name))
		if err := p.answer(&answer, v.scriptValue(name, in, isNeeded(needed, in))); err != nil {
			return err
		}
		if answer == was {
			continue
		}
		tell := func(m *wizard.Migration) error { return m.Tell(ref.Sender, in.Name, split(in, answer)...) }
		if err := p.changed(p.opts.Change(p.ctx, tell)); err != nil {
			return err
		}
	}
	return nil
}

// takeAnswer asks for a file with an answer that was made elsewhere.
func (p *plain) takeAnswer(ref ScriptRef) error {
	given := ""
	p.say("", p.t("script.ui.paste"), p.t("script.ui.paste_plain"))
	if err := p.answer(&given, validator{p.env}.given); err != nil {
		return err
	}
	rows, err := p.opts.TakeReadBack(p.ctx, ref, dropped(given))
	if err != nil {
		return err
	}
	return p.answered(ref, rows)
}

func (p *plain) readBack(ref ScriptRef) error {
	rows, err := p.opts.ReadBack(p.ctx, ref)
	if err != nil {
		return err
	}
	return p.answered(ref, rows)
}

// answered says what was read back, and what that means.
func (p *plain) answered(ref ScriptRef, rows []ReadBackLine) error {
	s := scriptScreen{rows: rows}
	for _, r := range rows {
		p.say(strings.TrimSpace(strings.Join(p.readRow(r, prose), " ")))
	}
	switch {
	case len(rows) == 0:
		p.say(p.t("script.ui.no_answer"))
		return nil
	case !s.good():
		p.say(p.t("script.ui.not_yet"))
		return nil
	case rows[0].Read:
		return nil
	}
	p.say(p.t("script.ui.all_good"))
	if ref.Sender == "" || ref.Name != "" {
		return nil
	}
	return p.changed(p.opts.Change(p.ctx, func(m *wizard.Migration) error { return m.ReadBack(ref.Sender, p.now) }))
}

// try asks for what the route is told, sends, says each step, and looks for
// the message.
func (p *plain) try(id string) error {
	c, _ := p.m.Sender(id)
	to := c.Mailbox()
	if err := p.question("trial.to", &to, validator{p.env}.recipient); err != nil {
		return err
	}
	if err := p.tryValues(id); err != nil {
		return err
	}
	s := trialScreen{sender: id, to: to, message: -1}
	req := s.request(p.env)
	if p.opts.Forecast != nil {
		found, err := p.opts.Forecast(p.ctx, req)
		if err != nil {
			return err
		}
		for _, f := range worstFirst(found) {
			p.say(p.finding(f))
		}
	}
	t, err := p.opts.Try(p.ctx, req, func(st probes.Step) {
		p.say(p.t("trial.sign."+string(st.Outcome)) + " " + p.word("step", st.Step) + ": " + clean(st.Reply+st.Detail))
	})
	if err != nil {
		return err
	}
	if err := p.changed(p.opts.Change(p.ctx, func(m *wizard.Migration) error { return m.Tried(t) })); err != nil {
		return err
	}
	s.trial, s.state = &t, ended
	p.met(s)
	if t.Outcome != probes.TrialSent {
		p.now = p.opts.Now().In(p.opts.Location)
		if s.why, err = p.opts.Explain(p.ctx, t); err != nil {
			return err
		}
		p.say(s.explained(p.env, prose)...)
		return nil
	}
	return p.verify(s)
}

// met says what a test send met on its way, and how to repeat it.
func (p *plain) met(s trialScreen) {
	for _, f := range s.met(p.env) {
		p.say(p.t("finding.step", text.Args{"step": p.word("step", f.Step), "words": p.findingWords(f)}), "> "+p.t("remedy."+f.Remedy, p.args(f.Args)))
	}
	if p.opts.Repeat == nil || p.opts.Repeat(*s.trial) == "" {
		return
	}
	p.say(p.t("trial.repeat"))
	for l := range strings.Lines(p.opts.Repeat(*s.trial)) {
		p.say(clean(strings.TrimRight(l, "\n")))
	}
}

// tryValues asks for what is needed and not known. A password is not shown
// while it is typed.
func (p *plain) tryValues(id string) error {
	c, _ := p.m.Sender(id)
	for _, f := range p.tryFields(*c) {
		if !f.asked || !f.needed || f.value != "" || f.usual != "" {
			continue
		}
		value := ""
		if err := p.question("trial.field."+f.id, &value, validator{p.env}.given); err != nil {
			return err
		}
		tell := func(m *wizard.Migration) error { return m.Tell(id, string(c.Route)+"."+f.id, value) }
		if err := p.changed(p.opts.Change(p.ctx, tell)); err != nil {
			return err
		}
	}
	if !p.wantsSecret(*c) || p.draft.secrets[secretOf(*c)] != "" {
		return nil
	}
	secret := ""
	err := p.input("trial.field.secret", &secret).EchoMode(huh.EchoModePassword).Validate(validator{p.env}.given).RunAccessible(p.out, p.in)
	p.draft.keep(secretMsg{secretOf(*c), secret})
	return err
}

func (p *plain) verify(s trialScreen) error {
	p.say(p.t("trial.accepted"), p.t("trial.looking", text.Args{"mailbox": clean(strings.Join(s.trial.To, ", ")), "time": elapsed(0)}))
	r, err := p.opts.Verify(p.ctx, *s.trial, func(time.Duration) {})
	if err != nil {
		return err
	}
	s.trial.Receipt, s.receipt = &r, &r
	p.say(s.arrival(p.env, prose)...)
	return p.changed(p.opts.Change(p.ctx, func(m *wizard.Migration) error { return m.Tried(*s.trial) }))
}

// compare tries every route and says what became of each.
func (p *plain) compare(id string) error {
	p.say(p.t("compare.ready"))
	return p.once(p.t("key.close"), choice{p.t("key.compare_now"), func() error {
		s := compareScreen{sender: id, state: ended}
		err := p.env.compare(p.ctx, id, func(ev compareMsg) { s = s.take(ev) })
		if err == nil && len(s.rows) == 0 {
			p.say(p.t("compare.none"))
		}
		for _, r := range s.rows {
			cells := s.cells(p.env, r)
			p.say(fmt.Sprintf("%s: %s, %s: %s", p.routeName(r.route), cells[1], p.t("compare.col.arrived"), cells[2]))
		}
		return err
	}})
}
