package ui

import (
	"errors"
	"fmt"
	"runtime"

	"offbasic/checks"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// finds are the import, the order of work and the report.
func (p *plain) finds() []choice {
	var cs []choice
	if p.opts.Import != nil {
		cs = append(cs, choice{p.t("home.way.import"), p.importFiles})
	}
	if p.opts.Plan != nil && len(p.m.Senders) > 0 {
		cs = append(cs, choice{p.t("board.title"), p.board})
	}
	if p.opts.Report != nil && len(p.m.Senders) > 0 {
		cs = append(cs, choice{p.t("report.ui.title"), p.report})
	}
	return cs
}

// senderFinds are the questions about a sender, and what it is known from.
func (p *plain) senderFinds(id string) []choice {
	var cs []choice
	if p.opts.Plan != nil {
		cs = append(cs, choice{p.t("ask.ui.title"), func() error { return p.questions(id) }})
	}
	if p.opts.Join != nil && p.opts.Split != nil {
		cs = append(cs, choice{p.t("sources.title"), func() error { return p.sources(id) }})
	}
	return cs
}

// importFiles asks for paths and reads them. What a file does not tell is
// asked.
func (p *plain) importFiles() error {
	typed := ""
	p.say("", p.t("import.ui.ask"))
	if err := p.answer(&typed, validator{p.env}.given); err != nil {
		return err
	}
	for _, file := range paths(typed, runtime.GOOS == "windows") {
		if err := p.importFile(file); err != nil {
			return err
		}
	}
	return p.changed(p.opts.Reload(p.ctx))
}

func (p *plain) importFile(file string) error {
	var r ImportRequest
	for {
		said := int64(0)
		got, err := p.opts.Import(p.ctx, file, r, func(read, size int64) {
			const quarter = 4
			if now := read * quarter / max(1, size); now > said && now < quarter {
				said = now
				p.say(p.t("import.ui.progress", text.Args{"percent": number(int(read * 100 / size)), "read": p.size(read), "size": p.size(size)}))
			}
		})
		s := importScreen{state: ended, err: err, files: []string{file}}.take(importMsg{done: true, results: got, err: err})
		for _, res := range s.results {
			p.say(p.imported(res, prose)...)
		}
		switch {
		case err == nil:
			return nil
		case s.asks() == askOrder:
			err = p.askOrder(s, &r)
		case s.asks() == askColumns:
			err = p.askColumns(s, &r)
		}
		if errors.Is(err, errChosen) {
			continue
		}
		return err
	}
}

// askOrder asks how the dates of a file are to be read; errChosen means that
// it was said.
func (p *plain) askOrder(s importScreen, r *ImportRequest) error {
	p.say(wrap(p.orderWords(s), prose, 0)...)
	return p.menu(p.t("key.back"), func() []choice {
		var cs []choice
		for _, o := range orders() {
			cs = append(cs, choice{p.t("import.ui.order." + o), func() error { r.Order = o; return errChosen }})
		}
		return cs
	})
}

// askColumns asks what the columns of a table hold.
func (p *plain) askColumns(s importScreen, r *ImportRequest) error {
	p.say(wrap(p.t("import.ui.ask_columns", text.Args{"file": baseName(s.files[0])}), prose, 0)...)
	return p.menu(p.t("key.back"), func() []choice {
		var cs []choice
		for i, heading := range s.asked {
			cs = append(cs, choice{clean(heading) + ": " + p.fieldWords(s.named[i]), func() error { return p.askField(s, i) }})
		}
		if len(s.columns()) > 0 {
			cs = append(cs, choice{p.t("key.read_with_columns"), func() error { r.Columns = s.columns(); return errChosen }})
		}
		return cs
	})
}

func (p *plain) askField(s importScreen, column int) error {
	s.at = column
	p.say(p.t("import.ui.ask_field", text.Args{"column": clean(s.asked[column])}))
	err := p.menu(p.t("key.back"), func() []choice {
		var cs []choice
		for _, f := range s.fieldRows(p.env) {
			words := p.fieldWords(f)
			if f == "" {
				words = p.t("import.ui.no_field")
			}
			cs = append(cs, choice{words, func() error { s.named[column] = f; return errChosen }})
		}
		return cs
	})
	return unlessChosen(err)
}

func unlessChosen(err error) error {
	if errors.Is(err, errChosen) {
		return nil
	}
	return err
}

// board says the order of work.
func (p *plain) board() error {
	plan, err := p.opts.Plan(p.ctx)
	if err != nil {
		return err
	}
	s := boardScreen{plan: plan}.build(p.env)
	for i, r := range s.rows {
		c, ok := p.m.Sender(r.task.Sender)
		if !ok {
			continue
		}
		p.say(fmt.Sprintf("%d. %s, %s, %s", i+1, clean(c.Title()), p.t("state."+string(r.task.State)), p.t("todo."+string(r.task.Next))))
		if why := p.risks(r.task); why != "" && r.task.State != wizard.Proved {
			p.say(p.t("board.why", text.Args{"risk": number(r.task.Risk), "why": why}))
		}
		if group := s.group(p.env, r.task); group != "" {
			p.say(group)
		}
	}
	return nil
}

// questions asks those that are open about a sender, one at a time.
func (p *plain) questions(id string) error {
	facts, err := p.factsOf(id)
	if err != nil {
		return err
	}
	c, ok := p.m.Sender(id)
	if !ok {
		return nil
	}
	asks := c.Asked(facts)
	if len(asks) == 0 {
		p.say(p.t("ask.none"))
		return nil
	}
	for _, a := range asks {
		if err := p.askPerson(id, a); err != nil {
			return err
		}
	}
	return nil
}

// factsOf reads what is known of a sender.
func (p *plain) factsOf(id string) (checks.Facts, error) {
	sessions, err := p.opts.Sessions(p.ctx, id)
	if err != nil {
		return checks.Facts{}, err
	}
	trials, err := p.opts.Trials(p.ctx)
	return p.facts(id, sessions, trials), err
}

func (p *plain) askPerson(id string, a wizard.Ask) error {
	p.say("", p.t("ask."+a.ID), p.t("ask."+a.ID+".why"))
	keep := func(answer string) error {
		err := p.changed(p.opts.Change(p.ctx, func(m *wizard.Migration) error { return m.Answer(id, a.ID, clean(answer)) }))
		if err == nil {
			p.say(p.t("app.kept"))
		}
		return err
	}
	if len(a.Choices) == 0 {
		p.say(p.t("ask.ui.skip"))
		fmt.Fprint(p.out, "> ")
		said, err := p.line()
		if err != nil || said == "" {
			return err
		}
		return keep(said)
	}
	err := p.menu(p.t("key.skip_question"), func() []choice {
		var cs []choice
		for _, answer := range a.Choices {
			cs = append(cs, choice{p.choiceWords(a, answer), func() error {
				if err := keep(answer); err != nil {
					return err
				}
				return errChosen
			}})
		}
		return cs
	})
	return unlessChosen(err)
}

// report asks for a format and a language, and writes the report where it is
// proposed.
func (p *plain) report() error {
	var r ReportRequest
	p.say(p.t("report.ui.format"))
	left := true
	err := p.menu(p.t("key.back"), func() []choice {
		var cs []choice
		for _, f := range p.opts.ReportFormats {
			cs = append(cs, choice{p.t("report.format." + f), func() error { r.Format, left = f, false; return errChosen }})
		}
		return cs
	})
	if left || unlessChosen(err) != nil {
		return unlessChosen(err)
	}
	left = true
	p.say(p.t("report.ui.lang"))
	err = p.menu(p.t("key.back"), func() []choice {
		var cs []choice
		for _, l := range p.opts.ReportLanguages {
			cs = append(cs, choice{p.t("report.lang." + l), func() error { r.Lang, left = l, false; return errChosen }})
		}
		return cs
	})
	if left || unlessChosen(err) != nil {
		return unlessChosen(err)
	}
	r.Path = p.opts.ReportPath(p.ctx, r)
	if err := p.question("report.ui.path", &r.Path, validator{p.env}.given); err != nil {
		return err
	}
	saved, err := p.opts.Report(p.ctx, r)
	if err == nil {
		p.say(p.t("app.saved_to", text.Args{"path": clean(saved)}))
	}
	return err
}
