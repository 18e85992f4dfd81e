package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"offbasic/ui/text"
	"offbasic/wizard"
)

// sourcesScreen is what a sender is known from, with the reason why each thing
// is its own. What is another's is split off; another sender that is the same
// is joined.
type sourcesScreen struct {
	sender string
	at     picker
	run    int64
	doing  bool

	joining bool // another sender is looked for
	filter  filter
	other   picker
}

// sourcesWantedMsg asks for what a sender is known from.
type sourcesWantedMsg struct{ sender string }

// mendedMsg says how a join or a split ended.
type mendedMsg struct {
	run  int64
	made string // the sender that a split made
	mig  wizard.Migration
	err  error
}

// known is one thing that a sender is known from: sources of one key, or an
// address that it was captured from.
type known struct {
	key   string
	peer  bool
	lines []wizard.Source
}

func newSources(e env, sender string) sourcesScreen {
	return sourcesScreen{sender: sender, run: e.runs.next()}
}

func (sourcesScreen) name() string          { return "sources" }
func (sourcesScreen) Init(env) tea.Cmd      { return nil }
func (s sourcesScreen) is(msg tea.Msg) bool { return msg == tea.Msg(sourcesWantedMsg{s.sender}) }
func (s sourcesScreen) typing() bool        { return s.joining }
func (s sourcesScreen) busy() bool          { return s.doing }

func (s sourcesScreen) heading(e env) (left, right string) {
	c, ok := e.mig.Sender(s.sender)
	if !ok {
		return e.t("sources.title"), ""
	}
	if s.joining {
		return e.t("sources.join_title", text.Args{"sender": clean(c.Title())}), ""
	}
	return e.t("sources.of", text.Args{"sender": clean(c.Title())}), ""
}

// knownFrom are the things that a sender is known from.
func knownFrom(c *wizard.Sender) []known {
	var out []known
	at := map[string]int{}
	for _, p := range c.Peers {
		at[p] = len(out)
		out = append(out, known{key: p, peer: true})
	}
	for _, src := range c.Sources {
		i, ok := at[src.Key]
		if !ok {
			i = len(out)
			at[src.Key] = i
			out = append(out, known{key: src.Key})
		}
		out[i].lines = append(out[i].lines, src)
	}
	return out
}

func sourceKeys(list []known) []string {
	keys := make([]string, len(list))
	for i, k := range list {
		keys[i] = k.key
	}
	return keys
}

func (s sourcesScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case mendedMsg:
		if msg.run == s.run {
			return s.mended(e, msg)
		}
	case tea.KeyPressMsg, tea.PasteMsg:
		s.filter = s.filter.typed(msg)
	}
	return s, nil
}

func (s sourcesScreen) mended(e env, msg mendedMsg) (screen, tea.Cmd) {
	s.doing = false
	if msg.err != nil {
		return s, send(saidMsg{faultText(e, msg.err), true})
	}
	said := e.t("sources.joined")
	if msg.made != "" {
		name := msg.made
		if c, ok := msg.mig.Sender(msg.made); ok {
			name = c.Title()
		}
		said = e.t("sources.split", text.Args{"sender": clean(name)})
	}
	return s, tea.Sequence(send(changedMsg{msg.mig}), send(saidMsg{text: said}))
}

// others are the senders that this one can be joined with.
func (s sourcesScreen) others(e env) []string {
	var ids []string
	for _, c := range e.mig.Senders {
		if c.ID != s.sender && s.filter.passes(c.ID, c.Title(), c.Account, strings.Join(c.Peers, " ")) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func (s sourcesScreen) actions(e env) []action {
	back := e.ask("back", backMsg{}, "esc")
	c, ok := e.mig.Sender(s.sender)
	switch {
	case s.doing:
		return nil
	case !ok:
		return []action{back}
	case s.joining:
		return s.joinActions(e)
	}
	list := knownFrom(c)
	keys := sourceKeys(list)
	at := s.at.index(keys, "")
	var acts []action
	if len(list) > 0 {
		key := list[at].key
		acts = append(acts, e.on("split", func() (screen, tea.Cmd) { return s.mend(e, "", key) }, "x"))
	}
	if len(e.mig.Senders) > 1 {
		join := func() (screen, tea.Cmd) { s.joining, s.filter = true, filter{open: true}; return stay(s) }
		acts = append(acts, e.on("join", join, "o"))
	}
	move := func(n int) (screen, tea.Cmd) { s.at = s.at.move(keys, at, n); return stay(s) }
	return append(append(acts, back), e.moves(move, max(1, e.height/2))...)
}

// joinActions choose the sender that is the same.
func (s sourcesScreen) joinActions(e env) []action {
	ids := s.others(e)
	leave := e.on("leave_field", func() (screen, tea.Cmd) { s.joining, s.filter = false, filter{}; return stay(s) }, "esc")
	if len(ids) == 0 {
		return []action{leave}
	}
	at := s.other.index(ids, "")
	move := func(n int) func() (screen, tea.Cmd) {
		return func() (screen, tea.Cmd) { s.other = s.other.move(ids, at, n); return stay(s) }
	}
	return []action{
		e.on("join_this", func() (screen, tea.Cmd) { return s.mend(e, ids[at], "") }, "enter"), leave,
		e.quietly("up", move(-1), "up"), e.quietly("down", move(1), "down"),
		e.quietly("page_up", move(-8), "pgup"), e.quietly("page_down", move(8), "pgdown"),
	}
}

// mend joins other, or splits key off.
func (s sourcesScreen) mend(e env, other, key string) (screen, tea.Cmd) {
	s.joining, s.filter, s.doing = false, filter{}, true
	id, run, opts, ctx := s.sender, s.run, e.opts, e.runs.ctx
	return s, func() tea.Msg {
		msg := mendedMsg{run: run}
		if other != "" {
			msg.err = opts.Join(ctx, id, other)
		} else {
			msg.made, msg.err = opts.Split(ctx, id, key)
		}
		if msg.err == nil {
			msg.mig, msg.err = opts.Reload(ctx)
		}
		return msg
	}
}

func (s sourcesScreen) View(e env) string {
	c, ok := e.mig.Sender(s.sender)
	switch {
	case !ok:
		return " " + e.t("sender.gone")
	case s.doing:
		return " " + e.t("app.saving")
	case s.joining:
		return strings.Join(s.joinList(e), "\n")
	}
	list := knownFrom(c)
	width := min(prose, e.width-2)
	if len(list) == 0 {
		return strings.Join(indented(wrap(e.t("sources.none"), width, 0)), "\n")
	}
	lines := append(indented(wrap(e.t("sources.why"), width, 0)), "")
	at := s.at.index(sourceKeys(list), "")
	var rows []string
	first, last := 0, 0
	for i, k := range list {
		if i == at {
			first = len(rows)
		}
		rows = append(rows, s.rows(e, c, k, i == at)...)
		if i == at {
			last = len(rows)
		}
	}
	room := e.height - len(lines)
	top := max(0, min(first, max(last-room, len(rows)-room)))
	return strings.Join(append(lines, e.page(rows, top, room)...), "\n")
}

// rows are one thing that the sender is known from: its key, and a line for
// each source with the reason.
func (s sourcesScreen) rows(e env, c *wizard.Sender, k known, selected bool) []string {
	head := clean(k.key)
	if len(k.lines) > 0 {
		head = strings.TrimPrefix(head, string(k.lines[0].Kind)+":")
	}
	if k.peer {
		head += "  " + e.t("sources.captured")
		if c.Seen.Sessions == 0 {
			head = clean(k.key) + "  " + e.t("sources.address")
		}
	}
	lines := []string{" " + e.marked(head, selected, e.width-1)}
	for _, src := range k.lines {
		said := e.t("report.source", text.Args{"kind": e.word("source", string(src.Kind)), "file": clean(src.File), "line": number(src.Line)})
		if src.Messages > 0 {
			said += ", " + e.t("report.source.messages", text.Args{"count": number(src.Messages)})
		}
		lines = append(lines, "     "+cut(said, e.width-6), "     "+e.th.faint.Render(cut(e.joinedBy(src.By, src.With, src.Shared), e.width-6)))
	}
	return lines
}

// joinList asks which sender is the same.
func (s sourcesScreen) joinList(e env) []string {
	ids := s.others(e)
	lines := append(indented(wrap(e.t("sources.ask_join"), min(prose, e.width-2), 0)), s.filter.view(e, len(ids), len(e.mig.Senders)-1), "")
	if len(ids) == 0 {
		return lines
	}
	at := s.other.index(ids, "")
	cols := []column{{width: 34}, {width: 26}, {width: max(8, e.width-72)}}
	from, to := window(len(ids), at, e.height-len(lines))
	for i := from; i < to; i++ {
		c, _ := e.mig.Sender(ids[i])
		lines = append(lines, " "+e.marked(row(cols, clean(c.Title()), clean(c.Account), clean(strings.Join(c.Peers, " "))), i == at, e.width-1))
	}
	return lines
}
