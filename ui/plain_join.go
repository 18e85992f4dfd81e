package ui

import (
	"strings"

	"offbasic/ui/text"
)

// sources says what a sender is known from, and offers to split off what is
// another's and to join a sender that is the same.
func (p *plain) sources(id string) error {
	s := sourcesScreen{sender: id}
	return p.menu(p.t("key.back"), func() []choice {
		c, ok := p.m.Sender(id)
		if !ok {
			return nil
		}
		list := knownFrom(c)
		if len(list) == 0 {
			p.say(p.t("sources.none"))
		}
		for _, k := range list {
			for _, l := range s.rows(p.env, c, k, false) {
				p.say(strings.TrimSpace(l))
			}
		}
		var cs []choice
		if len(list) > 0 {
			cs = append(cs, choice{p.t("key.split"), func() error { return p.split(id, list) }})
		}
		if len(p.m.Senders) > 1 {
			cs = append(cs, choice{p.t("key.join"), func() error { return p.join(s) }})
		}
		return cs
	})
}

// split asks which thing is another sender's.
func (p *plain) split(id string, list []known) error {
	err := p.menu(p.t("key.back"), func() []choice {
		var cs []choice
		for _, k := range list {
			words := clean(k.key)
			if !k.peer {
				kind := string(k.lines[0].Kind)
				words = p.word("source", kind) + ", " + strings.TrimPrefix(words, kind+":")
			}
			cs = append(cs, choice{words, func() error { return p.splitOff(id, k.key) }})
		}
		return cs
	})
	return unlessChosen(err)
}

// splitOff does it; errChosen means that it was done.
func (p *plain) splitOff(id, key string) error {
	made, err := p.opts.Split(p.ctx, id, key)
	if err == nil {
		err = p.changed(p.opts.Reload(p.ctx))
	}
	if err != nil {
		return err
	}
	if c, ok := p.m.Sender(made); ok {
		made = c.Title()
	}
	p.say(p.t("sources.split", text.Args{"sender": clean(made)}))
	return errChosen
}

// join asks for a few letters of the sender that is the same, and which of
// those that have them it is.
func (p *plain) join(s sourcesScreen) error {
	p.say("", p.t("sources.ask_join"))
	if err := p.answer(&s.filter.text, validator{p.env}.given); err != nil {
		return err
	}
	ids := s.others(p.env)
	if len(ids) == 0 {
		p.say(p.t("home.filtered", text.Args{"n": number(0), "all": number(len(p.m.Senders) - 1)}))
		return nil
	}
	err := p.menu(p.t("key.back"), func() []choice {
		var cs []choice
		for _, other := range ids {
			c, ok := p.m.Sender(other)
			if !ok {
				continue
			}
			words := strings.Join(filled(clean(c.Title()), clean(c.Account), clean(strings.Join(c.Peers, " "))), ", ")
			cs = append(cs, choice{words, func() error {
				if err := p.opts.Join(p.ctx, s.sender, other); err != nil {
					return err
				}
				p.say(p.t("sources.joined"))
				if err := p.changed(p.opts.Reload(p.ctx)); err != nil {
					return err
				}
				return errChosen
			}})
		}
		return cs
	})
	return unlessChosen(err)
}

// filled are the words that are not empty.
func filled(words ...string) []string {
	var out []string
	for _, w := range words {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}
