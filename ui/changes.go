package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"offbasic/probes"
	"offbasic/ui/text"
)

// changesScreen is the command log: everything that was done to the tenant, as
// the request or the PowerShell that does the same.
type changesScreen struct {
	run  int64
	list []probes.Change
	read bool
	err  error
	at   picker
	top  int
	one  bool // the one under the cursor is shown in full
}

// changesWantedMsg asks for the command log.
type changesWantedMsg struct{}

func newChanges(e env) changesScreen { return changesScreen{run: e.runs.next()} }

func (changesScreen) name() string         { return "changes" }
func (changesScreen) is(msg tea.Msg) bool  { return msg == tea.Msg(changesWantedMsg{}) }
func (changesScreen) typing() bool         { return false }
func (changesScreen) busy() bool           { return false }
func (s changesScreen) Init(e env) tea.Cmd { return ask(e.runs, s.run, e.opts.Changes) }

func (s changesScreen) heading(e env) (left, right string) {
	return e.t("changes.title"), e.counted("changes.count", len(s.list))
}

func (s changesScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case answerMsg[[]probes.Change]:
		if msg.run == s.run {
			s.read, s.list, s.err = true, msg.value, msg.err
		}
	case arrivedMsg, changedMsg:
		s.run = e.runs.next()
		return s, s.Init(e)
	}
	return s, nil
}

func (s changesScreen) ids() []string {
	ids := make([]string, len(s.list))
	for i, c := range s.list {
		ids[i] = c.ID
	}
	return ids
}

// index is the row of the cursor; before it is moved that is the last one.
func (s changesScreen) index() int {
	last := ""
	if n := len(s.list); n > 0 {
		last = s.list[n-1].ID
	}
	return s.at.index(s.ids(), last)
}

func (s changesScreen) actions(e env) []action {
	back := e.ask("back", backMsg{}, "esc")
	if len(s.list) == 0 {
		return []action{back}
	}
	at := s.index()
	all := e.copy("copy_all", s.text(e), "a")
	save := e.on("save", func() (screen, tea.Cmd) { return s, s.save(e) }, "s")
	one := e.copy("copy", changeText(e, s.list[at]), "c")
	if s.one {
		lines := s.full(e, s.list[at])
		last := lastTop(lines, e.height)
		move := func(n int) (screen, tea.Cmd) { s.top = max(0, min(s.top+n, last)); return stay(s) }
		closing := e.on("close", func() (screen, tea.Cmd) { s.one = false; return stay(s) }, "esc", "enter")
		return append([]action{one, save, closing}, e.moves(move, e.height-2)...)
	}
	acts := []action{
		e.on("details", func() (screen, tea.Cmd) { s.one, s.top = true, 0; return stay(s) }, "enter"), one, all, save,
	}
	if e.opts.Made != nil {
		acts = append(acts, e.ask("undo", undoWantedMsg{}, "u"))
	}
	move := func(n int) (screen, tea.Cmd) { s.at = s.at.move(s.ids(), at, n); return stay(s) }
	return append(append(acts, back), e.moves(move, e.height-4)...)
}

func (s changesScreen) save(e env) tea.Cmd {
	return func() tea.Msg {
		path, err := e.opts.SaveChanges(e.runs.ctx)
		if err != nil {
			return saidMsg{faultText(e, err), true}
		}
		return saidMsg{text: e.t("app.saved_to", text.Args{"path": clean(path)})}
	}
}

func (s changesScreen) View(e env) string {
	width := min(prose, e.width-2)
	switch {
	case s.err != nil:
		return strings.Join(e.threeParts(s.err), "\n")
	case !s.read:
		return " " + e.t("app.reading")
	case len(s.list) == 0:
		return strings.Join(indented(wrap(e.t("changes.none"), width, 0)), "\n")
	case s.one:
		return strings.Join(e.page(s.full(e, s.list[s.index()]), s.top, e.height), "\n")
	}
	lines := append(indented(wrap(e.t("changes.why"), width, 0)), "")
	at := s.index()
	below := []string(nil)
	if e.height > 24 {
		below = append([]string{""}, s.full(e, s.list[at])...)
		below = below[:min(len(below), e.height/2)]
	}
	from, to := window(len(s.list), at, e.height-len(lines)-len(below))
	cols := s.columns(e)
	for i := from; i < to; i++ {
		lines = append(lines, " "+e.marked(e.changeCells(cols, s.list[i]), i == at, e.width-1))
	}
	return strings.Join(append(lines, below...), "\n")
}

// columns leave the outcomes the room that the longest needs.
func (s changesScreen) columns(e env) []column {
	said := 1
	for _, c := range s.list {
		said = max(said, min(22, ansi.StringWidth(clean(e.word("changes", c.Outcome)))))
	}
	return []column{{width: 16}, {width: max(12, e.width-4-16-said-4)}, {width: said}}
}

// changeCells is a change: when, what, what was said.
func (e env) changeCells(cols []column, c probes.Change) string {
	said := e.th.good.Render(e.t("changes.done"))
	if c.Outcome != probes.ChangeDone {
		said = e.th.bad.Render(clean(e.word("changes", c.Outcome)))
	}
	return row(cols, e.when(c.At), clean(e.changeRow(c)), said)
}

// changeRow is a change in a row: what it was for comes first, because the same
// object is changed more than once.
func (e env) changeRow(c probes.Change) string {
	head := changeHead(c)
	if key := "setup." + c.Step; c.Step != "" && c.Step != head && e.tr.Has(key) {
		return e.t(key) + "  " + head
	}
	return head
}

// changeHead is a change in a line: the request, or the first cmdlet.
func changeHead(c probes.Change) string {
	if c.Method != "" {
		path := c.URL
		if _, rest, whole := strings.Cut(path, "://"); whole {
			_, path, _ = strings.Cut(rest, "/")
			path = "/" + path
		}
		return c.Method + " " + path
	}
	head, _, _ := strings.Cut(c.Shell, "\n")
	if head == "" {
		return c.Step
	}
	return head
}

// full is a change with everything that is known of it.
func (s changesScreen) full(e env, c probes.Change) []string {
	width := e.width - 2
	var lines []string
	fact := func(id, value string) {
		if value != "" {
			lines = append(lines, indented(wrap(pad(e.t("changes."+id), 14)+" "+clean(value), min(prose, width), 15))...)
		}
	}
	fact("at", e.moment(c.At))
	fact("by", e.word("changes.by", c.By))
	fact("actor", c.Actor)
	fact("step", e.word("setup", c.Step))
	fact("outcome", e.word("changes", c.Outcome))
	fact("request_id", c.RequestID)
	for _, block := range []struct{ id, text string }{{"request", request(c)}, {"shell", c.Shell}} {
		if block.text == "" {
			continue
		}
		lines = append(lines, "", " "+e.th.strong.Render(e.t("changes."+block.id)))
		for l := range strings.Lines(block.text) {
			for _, w := range hard(clean(strings.TrimRight(l, "\r\n")), width-4, 4) {
				lines = append(lines, "   "+w)
			}
		}
	}
	return lines
}

// request is the request to Graph, as it can be repeated in Graph Explorer.
func request(c probes.Change) string {
	if c.Method == "" {
		return ""
	}
	if c.Body == "" {
		return c.Method + " " + c.URL
	}
	return c.Method + " " + c.URL + "\n" + c.Body
}

// changeText is a change for a ticket.
func changeText(e env, c probes.Change) string {
	lines := []string{"# " + e.moment(c.At) + "  " + clean(c.Actor) + "  " + clean(c.Outcome)}
	for _, part := range []string{request(c), c.Shell} {
		for l := range strings.Lines(part) {
			lines = append(lines, clean(strings.TrimRight(l, "\r\n")))
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// text is the whole log for a ticket.
func (s changesScreen) text(e env) string {
	parts := make([]string, len(s.list))
	for i, c := range s.list {
		parts[i] = changeText(e, c)
	}
	return strings.Join(parts, "\n")
}
