package ui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"offbasic/checks"
	"offbasic/wizard"
)

// boardScreen is the order of work: which sender comes first and why, how far
// each is, and what one change serves.
type boardScreen struct {
	run    int64
	plan   Plan
	read   bool
	err    error
	filter filter
	at     picker
	rows   []boardRow
	shown  []string // ids of the rows that the filter lets through
	index  map[string]int
}

// boardRow is a task, with everything that the filter looks at in lower case.
type boardRow struct {
	task wizard.Task
	find string
}

// boardWantedMsg asks for the order of work.
type boardWantedMsg struct{}

func newBoard(e env) boardScreen { return boardScreen{run: e.runs.next()} }

func (boardScreen) name() string         { return "board" }
func (boardScreen) is(msg tea.Msg) bool  { return msg == tea.Msg(boardWantedMsg{}) }
func (s boardScreen) typing() bool       { return s.filter.open }
func (boardScreen) busy() bool           { return false }
func (s boardScreen) Init(e env) tea.Cmd { return ask(e.runs, s.run, e.opts.Plan) }

func (s boardScreen) heading(e env) (left, right string) { return e.t("board.title"), e.deadline() }

func (s boardScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case answerMsg[Plan]:
		if msg.run != s.run {
			return s, nil
		}
		s.read, s.plan, s.err = true, msg.value, msg.err
		return s.build(e).narrow(""), nil
	case changedMsg:
		s.run = e.runs.next()
		return s, s.Init(e)
	case tea.KeyPressMsg, tea.PasteMsg:
		before := s.filter.text
		s.filter = s.filter.typed(msg)
		return s.narrow(before), nil
	}
	return s, nil
}

// build makes the rows once for what was read, not for each key.
func (s boardScreen) build(e env) boardScreen {
	senders := make(map[string]*wizard.Sender, len(e.mig.Senders))
	for i := range e.mig.Senders {
		senders[e.mig.Senders[i].ID] = &e.mig.Senders[i]
	}
	words := map[string]string{}
	say := func(key string) string {
		if _, ok := words[key]; !ok {
			words[key] = e.t(key)
		}
		return words[key]
	}
	s.rows, s.index = make([]boardRow, 0, len(s.plan.Tasks)), make(map[string]int, len(s.plan.Tasks))
	for _, t := range s.plan.Tasks {
		c, ok := senders[t.Sender]
		if !ok {
			continue // it is gone since
		}
		find := []string{t.Sender, clean(c.Title()), c.Account, string(t.Route), say("state." + string(t.State)), say("todo." + string(t.Next)), c.Site, c.Contact}
		find = append(append(find, c.Peers...), t.Group)
		s.index[t.Sender] = len(s.rows)
		s.rows = append(s.rows, boardRow{t, strings.ToLower(strings.Join(find, " "))})
	}
	return s
}

// narrow finds the rows again. A filter that grew only looks at what it showed
// before.
func (s boardScreen) narrow(before string) boardScreen {
	words := strings.Fields(strings.ToLower(s.filter.text))
	from := s.shown
	if before == "" || !strings.HasPrefix(s.filter.text, before) {
		from = make([]string, len(s.rows))
		for i, r := range s.rows {
			from[i] = r.task.Sender
		}
	} else if before == s.filter.text {
		return s
	}
	s.shown = make([]string, 0, len(from))
	for _, id := range from {
		if holdsAll(s.rows[s.index[id]].find, words) {
			s.shown = append(s.shown, id)
		}
	}
	return s
}

func holdsAll(s string, words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(s, w) })
}

// selected is the task under the cursor.
func (s boardScreen) selected() (*wizard.Task, int) {
	if len(s.shown) == 0 {
		return nil, 0
	}
	at := s.at.index(s.shown, "")
	return &s.rows[s.index[s.shown[at]]].task, at
}

func (s boardScreen) actions(e env) []action {
	if s.filter.open {
		return s.filter.actions(e, func(f filter) (screen, tea.Cmd) {
			before := s.filter.text
			s.filter = f
			if f.text == "" {
				before = ""
			}
			return stay(s.narrow(before))
		})
	}
	var acts []action
	t, at := s.selected()
	if t != nil {
		acts = append(acts, e.ask("open", senderWantedMsg{t.Sender}, "enter"), e.ask("answer", askWantedMsg{t.Sender}, "a"))
	}
	if e.opts.Report != nil {
		acts = append(acts, e.ask("report", reportWantedMsg{}, "r"))
	}
	if e.opts.Import != nil {
		acts = append(acts, e.ask("import", importWantedMsg{}, "i"))
	}
	if len(s.rows) > 0 {
		acts = append(acts, e.on("filter", func() (screen, tea.Cmd) { s.filter.open = true; return stay(s) }, "/"))
	}
	if s.filter.text != "" {
		acts = append(acts, e.on("filter_off", func() (screen, tea.Cmd) { s.filter = filter{}; return stay(s.narrow("")) }, "esc"))
	} else {
		acts = append(acts, e.ask("back", backMsg{}, "esc"))
	}
	move := func(n int) (screen, tea.Cmd) { s.at = s.at.move(s.shown, at, n); return stay(s) }
	return append(acts, e.moves(move, max(1, e.height/2))...)
}

// risks is why a sender is where it is in the order.
func (e env) risks(t wizard.Task) string {
	var parts []string
	for _, why := range t.Why {
		parts = append(parts, e.risk(why))
	}
	if t.MayWait {
		parts = append(parts, e.t("report.wait"))
	}
	return strings.Join(parts, ", ")
}

func (e env) risk(why checks.Reason) string { return e.t("risk."+why.ID, e.args(why.Args)) }
