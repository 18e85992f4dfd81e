package ui

import (
	"net/netip"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"

	"offbasic/wizard"
)

// newAdd asks for a sender that was not captured, or for a list of them.
func newAdd(e env, list bool) formScreen {
	d, v := e.draft, validator{e}
	if list {
		fields := func() []*huh.Group {
			return []*huh.Group{huh.NewGroup(
				huh.NewText().Title(e.t("home.list")).Description(e.t("home.list.why")).
					Lines(8).CharLimit(20000).ExternalEditor(false).Value(&d.list).Validate(v.list),
			)}
		}
		return newForm(e, "list", e.t("home.way.list"), fields, func(e env) ([]tea.Msg, error) {
			return addSenders(e, "list", parseSenders(e.draft.list))
		})
	}
	fields := func() []*huh.Group {
		return []*huh.Group{huh.NewGroup(
			e.input("home.add.name", &d.add.name).Validate(v.given),
			e.input("home.add.account", &d.add.account).Validate(v.address),
			e.input("home.add.peer", &d.add.peer).Validate(v.peer),
		)}
	}
	return newForm(e, "add", e.t("home.way.add"), fields, func(e env) ([]tea.Msg, error) {
		return addSenders(e, "add", []sender{e.draft.add})
	})
}

func addSenders(e env, form string, list []sender) ([]tea.Msg, error) {
	m, err := e.opts.Change(e.runs.ctx, func(m *wizard.Migration) error {
		for _, s := range list {
			m.Senders = append(m.Senders, s.sender(m))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return []tea.Msg{changedMsg{m}, draftDoneMsg{form}, saidMsg{text: e.counted("home.added", len(list))}}, nil
}

// sender is the answers as a sender, with an id that nobody has.
func (s sender) sender(m *wizard.Migration) wizard.Sender {
	c := wizard.Sender{Name: strings.TrimSpace(s.name), Account: strings.TrimSpace(s.account)}
	if p := strings.TrimSpace(s.peer); p != "" {
		c.Peers = []string{p}
	}
	peer := ""
	if len(c.Peers) > 0 {
		peer = c.Peers[0]
	}
	c.ID = m.FreeID(peer, c.Name)
	return c
}

// parseSenders reads a list: a line a sender, its name, and after commas or
// semicolons or tabs its mailbox and its address, in any order.
func parseSenders(s string) []sender {
	var out []sender
	for line := range strings.Lines(s) {
		var c sender
		for field := range strings.FieldsFuncSeq(line, func(r rune) bool { return strings.ContainsRune(",;\t", r) }) {
			field = clean(strings.Trim(strings.TrimSpace(field), `"`))
			_, notAddr := netip.ParseAddr(field)
			switch {
			case field == "":
			case notAddr == nil:
				c.peer = field
			case strings.Contains(field, "@") && !strings.Contains(field, " "):
				c.account = field
			case c.name == "":
				c.name = field
			}
		}
		if c != (sender{}) {
			out = append(out, c)
		}
	}
	return out
}

func (v validator) list(s string) error {
	if len(parseSenders(s)) == 0 {
		return v.err("empty")
	}
	return nil
}

// address may be empty: a sender need not sign in.
func (v validator) address(s string) error {
	s = strings.TrimSpace(s)
	if at := strings.Index(s, "@"); s != "" && (at < 1 || at == len(s)-1 || strings.ContainsAny(s, " <>")) {
		return v.err("address")
	}
	return nil
}

func (v validator) peer(s string) error {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	if _, err := netip.ParseAddr(s); err != nil {
		return v.err("peer")
	}
	return nil
}

// editWantedMsg asks for a form with one field of a sender: name or note.
type editWantedMsg struct{ sender, field string }

func newEdit(e env, msg editWantedMsg) formScreen {
	var value string
	if c, ok := e.mig.Sender(msg.sender); ok {
		value = c.Name
		if msg.field == "note" {
			value = c.Note
		}
	}
	answer := &value
	fields := func() []*huh.Group {
		return []*huh.Group{huh.NewGroup(e.input("sender.edit."+msg.field, answer))}
	}
	return newForm(e, "edit", e.t("sender.edit."+msg.field), fields, func(e env) ([]tea.Msg, error) {
		m, err := e.opts.Change(e.runs.ctx, func(m *wizard.Migration) error {
			c, ok := m.Sender(msg.sender)
			if !ok {
				return wizard.ErrNoSender
			}
			if msg.field == "note" {
				c.Note = clean(strings.TrimSpace(*answer))
			} else {
				c.Name = clean(strings.TrimSpace(*answer))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		return []tea.Msg{changedMsg{m}, saidMsg{text: e.t("app.kept")}}, nil
	})
}

// newTo asks whom the test message goes to.
func newTo(e env, msg toWantedMsg) formScreen {
	v, to := validator{e}, msg.to
	answer := &to
	fields := func() []*huh.Group {
		return []*huh.Group{huh.NewGroup(e.input("trial.to", answer).Validate(v.recipient))}
	}
	return newForm(e, "edit", e.t("trial.to"), fields, func(env) ([]tea.Msg, error) {
		return []tea.Msg{toChangedMsg{msg.sender, strings.TrimSpace(*answer)}}, nil
	})
}

func (v validator) recipient(s string) error {
	if err := v.given(s); err != nil {
		return err
	}
	return v.address(s)
}
