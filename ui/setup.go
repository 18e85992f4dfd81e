package ui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

// setupScreen makes the app registration through Graph: first it says what it
// would do, then it does it, step by step.
type setupScreen struct {
	req   RegisterRequest // DryRun is set while it is only tried out
	run   stream[setupMsg]
	state runState
	setupNews
	since time.Time // of the last news
	err   error
	would []probes.SetupStep // what the dry run said
	top   int
}

// setupNews is what a set-up, or its undo, has told so far.
type setupNews struct {
	steps []probes.SetupStep
	sign  *SignIn // the admin is asked to sign in
	note  error   // worth knowing of the sign-in
}

// hear takes up what happened, and returns what others are to know. What a
// step became stands in the place of its waiting.
func (n setupNews) hear(events []setupMsg) (setupNews, []tea.Cmd) {
	var cmds []tea.Cmd
	n.steps = slices.Clone(n.steps)
	for _, ev := range events {
		switch {
		case ev.mig != nil:
			cmds = append(cmds, send(changedMsg{*ev.mig}))
		case ev.event.SignIn != nil && ev.event.SignIn.Way == "note":
			n.note = ev.event.SignIn.Before
		case ev.event.SignIn != nil:
			n.sign = ev.event.SignIn
		case ev.event.Step != nil:
			n.steps, n.sign = afterWaiting(n.steps, *ev.event.Step), nil
		}
	}
	return n, cmds
}

func afterWaiting(steps []probes.SetupStep, next probes.SetupStep) []probes.SetupStep {
	i := slices.IndexFunc(steps, func(s probes.SetupStep) bool {
		return s.Step == next.Step && s.Outcome == probes.SetupWaiting
	})
	if i < 0 {
		return append(steps, next)
	}
	steps[i] = next
	return steps
}

// setupMsg is what happened in a set-up, or the state that it led to.
type setupMsg struct {
	event SetupEvent
	mig   *wizard.Migration
}

// setupWantedMsg asks for a registration to be made.
type setupWantedMsg struct{ req RegisterRequest }

// newSetup begins with what would be done.
func newSetup(e env, req RegisterRequest) setupScreen {
	req.DryRun = true
	return setupScreen{req: req}.begin(e)
}

func (s setupScreen) begin(e env) setupScreen {
	register, req := e.opts.Register, s.req
	s.state, s.steps, s.sign, s.err, s.since, s.top = running, nil, nil, nil, e.now, 0
	s.run = start(e.runs, func(ctx context.Context, emit func(setupMsg)) error {
		m, err := register(ctx, req, func(ev SetupEvent) { emit(setupMsg{event: ev}) })
		if err == nil {
			emit(setupMsg{mig: &m})
		}
		return err
	})
	return s
}

func (setupScreen) name() string       { return "setup" }
func (setupScreen) is(tea.Msg) bool    { return false }
func (setupScreen) typing() bool       { return false }
func (s setupScreen) Init(env) tea.Cmd { return s.run.next }
func (s setupScreen) busy() bool       { return s.state == running || s.state == stopping }
func (s setupScreen) done() bool {
	return s.state == ended && s.err == nil && !s.req.DryRun && !s.failed()
}

func (s setupScreen) planned() bool {
	return s.state == ended && s.err == nil && s.req.DryRun && !s.failed()
}
func (s setupScreen) failed() bool { return hasFailed(s.steps) }
func hasFailed(l []probes.SetupStep) bool {
	return slices.ContainsFunc(l, func(st probes.SetupStep) bool { return st.Outcome == probes.SetupFailed })
}

func (s setupScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case batchMsg[setupMsg]:
		if msg.run == s.run.id {
			return s.happened(e, msg.events)
		}
	case endMsg:
		if msg.run == s.run.id {
			return s.ended(msg.err), send(arrivedMsg{})
		}
	}
	return s, nil
}

func (s setupScreen) happened(e env, events []setupMsg) (screen, tea.Cmd) {
	news, cmds := s.hear(events)
	s.setupNews, s.since = news, e.now
	return s, tea.Batch(append(cmds, s.run.next)...)
}

// ended keeps why it came to nothing. What was stopped by the admin says so.
func (s setupScreen) ended(err error) setupScreen {
	if s.state == stopping && err != nil {
		err = &probes.Fault{Op: "register the app", Code: "setup_stopped"}
	}
	s.state, s.err, s.sign = ended, err, nil
	if s.planned() {
		s.would = s.steps
	}
	return s
}

func (s setupScreen) actions(e env) []action {
	begin := func(dry bool) func() (screen, tea.Cmd) {
		return func() (screen, tea.Cmd) {
			s.req.DryRun = dry
			s = s.begin(e)
			return s, s.run.next
		}
	}
	var acts []action
	switch {
	case s.state == stopping:
		return nil
	case s.state == running:
		acts = append(s.signActions(e), e.on("cancel", func() (screen, tea.Cmd) { s.run.stop(); s.state = stopping; return stay(s) }, "esc"))
	case s.planned():
		acts = append(acts, e.on("setup_now", begin(false), "enter"), e.on("setup_change", s.change(), "r"))
	case s.done():
		acts = append(acts, s.after(e)...)
	default:
		acts = append(acts, e.on("retry", begin(s.req.DryRun), "enter", "r"), e.on("setup_change", s.change(), "h"))
	}
	if s.state == ended {
		acts = append(acts, e.ask("log", changesWantedMsg{}, "l"), e.ask("back", backMsg{}, "esc"))
	}
	last := lastTop(s.lines(e), e.height)
	move := func(n int) (screen, tea.Cmd) { s.top = max(0, min(s.top+n, last)); return stay(s) }
	return append(acts, e.moves(move, e.height-2)...)
}

// change goes back to the choices.
func (s setupScreen) change() func() (screen, tea.Cmd) {
	return func() (screen, tea.Cmd) { return nil, tea.Sequence(send(backMsg{}), send(registerWantedMsg{})) }
}

// after is the next useful thing once the app is there: the script that gives
// it its rights, and the way to take everything back.
func (s setupScreen) after(e env) []action {
	ref := ScriptRef{Name: checks.RightsScript(s.req.Rights)}
	for _, c := range e.mig.Senders {
		if wizard.NeedsApp(c.Route) && e.mig.NextFor(c) == wizard.StepScript {
			ref = ScriptRef{Sender: c.ID}
			break
		}
	}
	var acts []action
	if ref.Sender != "" || s.req.Rights == probes.RoleRights {
		acts = append(acts, e.ask("next.script", scriptWantedMsg{ref}, "enter"))
	}
	return append(acts, e.ask("undo", undoWantedMsg{}, "u"))
}

// signActions copy what is to be entered elsewhere.
func (s setupScreen) signActions(e env) []action {
	if s.sign == nil {
		return nil
	}
	var acts []action
	if s.sign.Code != "" {
		acts = append(acts, e.copy("copy_code", s.sign.Code, "c"))
	}
	if s.sign.URL != "" {
		acts = append(acts, e.copy("copy_url", s.sign.URL, "u"))
	}
	return acts
}
