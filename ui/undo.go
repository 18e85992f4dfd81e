package ui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"offbasic/probes"
)

// undoScreen lists what this program made in the tenant, and removes it after
// it was confirmed.
type undoScreen struct {
	read  int64
	made  []probes.Change
	known bool
	keep  []string // ids that are to stay
	at    picker
	err   error

	confirming bool
	run        stream[setupMsg]
	state      runState
	setupNews
}

// undoWantedMsg asks for the list of what was made.
type undoWantedMsg struct{}

func newUndo(e env) undoScreen { return undoScreen{read: e.runs.next()} }

func (undoScreen) name() string                { return "undo" }
func (undoScreen) is(msg tea.Msg) bool         { return msg == tea.Msg(undoWantedMsg{}) }
func (undoScreen) typing() bool                { return false }
func (s undoScreen) busy() bool                { return s.state == running || s.state == stopping }
func (s undoScreen) Init(e env) tea.Cmd        { return ask(e.runs, s.read, e.opts.Made) }
func (undoScreen) heading(e env) (l, r string) { return e.t("undo.title"), "" }

func (s undoScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case answerMsg[[]probes.Change]:
		if msg.run == s.read {
			s.known, s.made, s.err = true, msg.value, msg.err
		}
	case batchMsg[setupMsg]:
		if msg.run == s.run.id {
			return s.happened(msg.events)
		}
	case endMsg:
		if msg.run == s.run.id {
			s.state, s.err, s.sign = ended, msg.err, nil
			s.read = e.runs.next()
			return s, tea.Batch(s.readAgain(e), send(arrivedMsg{}))
		}
	}
	return s, nil
}

// readAgain reads what is left, and keeps an error of the removing.
func (s undoScreen) readAgain(e env) tea.Cmd {
	was := s.err
	return ask(e.runs, s.read, func(ctx context.Context) ([]probes.Change, error) {
		left, err := e.opts.Made(ctx)
		if was != nil {
			err = was
		}
		return left, err
	})
}

func (s undoScreen) happened(events []setupMsg) (screen, tea.Cmd) {
	news, cmds := s.hear(events)
	s.setupNews = news
	return s, tea.Batch(append(cmds, s.run.next)...)
}

func (s undoScreen) ids() []string {
	ids := make([]string, len(s.made))
	for i, c := range s.made {
		ids[i] = c.ID
	}
	return ids
}

// going are the ids that are to be removed.
func (s undoScreen) going() []string {
	return slices.DeleteFunc(s.ids(), func(id string) bool { return slices.Contains(s.keep, id) })
}

func (s undoScreen) begin(e env) (screen, tea.Cmd) {
	undo, ids := e.opts.Undo, s.going()
	s.confirming, s.state, s.steps, s.err = false, running, nil, nil
	s.run = start(e.runs, func(ctx context.Context, emit func(setupMsg)) error {
		m, err := undo(ctx, ids, func(ev SetupEvent) { emit(setupMsg{event: ev}) })
		if err == nil {
			emit(setupMsg{mig: &m})
		}
		return err
	})
	return s, s.run.next
}

func (s undoScreen) toggle(id string) undoScreen {
	if i := slices.Index(s.keep, id); i >= 0 {
		s.keep = slices.Delete(slices.Clone(s.keep), i, i+1)
		return s
	}
	s.keep = append(slices.Clone(s.keep), id)
	return s
}

func (s undoScreen) actions(e env) []action {
	back := e.ask("back", backMsg{}, "esc")
	switch {
	case s.state == stopping:
		return nil
	case s.state == running:
		cancel := e.on("cancel", func() (screen, tea.Cmd) { s.run.stop(); s.state = stopping; return stay(s) }, "esc")
		return append(setupScreen{setupNews: s.setupNews}.signActions(e), cancel)
	case s.confirming:
		return []action{
			e.on("remove_now", func() (screen, tea.Cmd) { return s.begin(e) }, "y"),
			e.on("close", func() (screen, tea.Cmd) { s.confirming = false; return stay(s) }, "esc", "n"),
		}
	case len(s.made) == 0:
		return []action{back}
	}
	at := s.at.index(s.ids(), "")
	var acts []action
	if len(s.going()) > 0 {
		acts = append(acts, e.on("remove", func() (screen, tea.Cmd) { s.confirming = true; return stay(s) }, "enter"))
	}
	acts = append(acts, e.on("keep", func() (screen, tea.Cmd) { return stay(s.toggle(s.made[at].ID)) }, "x"), back)
	move := func(n int) (screen, tea.Cmd) { s.at = s.at.move(s.ids(), at, n); return stay(s) }
	return append(acts, e.moves(move, e.height-6)...)
}

func (s undoScreen) View(e env) string {
	width := min(prose, e.width-2)
	say := func(words string) []string { return indented(wrap(words, width, 0)) }
	var lines []string
	switch {
	case !s.known:
		return " " + e.t("app.reading")
	case s.state == running && s.sign != nil:
		return strings.Join(append(e.setupSteps(s.steps), e.signInLines(*s.sign)...), "\n")
	case s.state == running, s.state == stopping:
		return strings.Join(append(e.setupSteps(s.steps), " "+e.th.faint.Render(e.t("undo.running"))), "\n")
	case len(s.made) == 0 && s.state == ended:
		lines = say(e.t("undo.all_gone"))
	case len(s.made) == 0:
		lines = say(e.t("undo.nothing"))
	case s.confirming:
		lines = paint(e.th.warn, say(e.counted("undo.confirm", len(s.going()))))
	default:
		lines = say(e.t("undo.why"))
	}
	lines = append(lines, "")
	if s.err != nil {
		lines = append(append(lines, e.threeParts(s.err)...), "")
	}
	at := s.at.index(s.ids(), "")
	from, to := window(len(s.made), at, e.height-len(lines)-len(s.steps)-3)
	for i := from; i < to; i++ {
		lines = append(lines, " "+e.marked(s.row(e, s.made[i]), i == at, e.width-1))
	}
	if len(s.made) > 0 {
		lines = append(lines, "", "   "+e.th.faint.Render(cut(clean(s.made[at].Object), e.width-4)))
	}
	if len(s.steps) > 0 {
		lines = append(append(lines, ""), e.setupSteps(s.steps)...)
	}
	return strings.Join(lines, "\n")
}

// row is one thing that was made.
func (s undoScreen) row(e env, c probes.Change) string {
	what := e.t("undo.goes")
	if slices.Contains(s.keep, c.ID) {
		what = e.t("undo.stays")
	}
	cols := []column{{width: 8}, {width: max(20, e.width-36)}, {width: 20}}
	return row(cols, what, e.word("setup", c.Step), e.when(c.At))
}
