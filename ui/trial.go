package ui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"offbasic/probes"
	"offbasic/wizard"
)

// trialScreen makes a test send, explains what came of it, and waits for the
// message to arrive.
type trialScreen struct {
	sender string
	to     string

	run   stream[trialEvent]
	state runState
	steps []probes.Step
	trial *probes.Trial
	err   string

	look    stream[receiptEvent]
	looking bool
	waited  time.Duration
	receipt *probes.Receipt
	lookErr string

	transcript bool // is shown instead
	top        int
}

// trialEvent is a step of a test send, or what it came to.
type trialEvent struct {
	step  *probes.Step
	trial *probes.Trial
	mig   wizard.Migration
}

// receiptEvent is how long a message was waited for, or what was found.
type receiptEvent struct {
	waited  time.Duration
	receipt *probes.Receipt
	mig     wizard.Migration
}

// earlierMsg is the last trial, of another day.
type earlierMsg struct{ trial probes.Trial }

// Messages about the recipient of the test message.
type (
	toWantedMsg  struct{ sender, to string }
	toChangedMsg struct{ sender, to string }
)

func newTrial(e env, id string) trialScreen {
	s := trialScreen{sender: id}
	if c, ok := e.mig.Sender(id); ok {
		s.to = c.Mailbox()
	}
	return s
}

func (trialScreen) name() string          { return "trial" }
func (s trialScreen) is(msg tea.Msg) bool { return msg == tea.Msg(trialWantedMsg{s.sender}) }
func (trialScreen) typing() bool          { return false }
func (s trialScreen) busy() bool          { return s.state == running || s.state == stopping || s.looking }

// Init reads the last trial when it was sent and is not seen to have arrived.
func (s trialScreen) Init(e env) tea.Cmd {
	c, ok := e.mig.Sender(s.sender)
	if !ok || e.opts.Trial == nil || e.mig.NextFor(*c) != wizard.StepVerify {
		return nil
	}
	read, id := e.opts.Trial, c.Last.Trial
	return func() tea.Msg {
		t, err := read(e.runs.ctx, id)
		if err != nil {
			return saidMsg{faultText(e, err), true}
		}
		return earlierMsg{t}
	}
}

func (s trialScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case batchMsg[trialEvent]:
		if msg.run == s.run.id {
			return s.happened(e, msg.events)
		}
	case batchMsg[receiptEvent]:
		if msg.run == s.look.id {
			return s.looked(msg.events)
		}
	case endMsg:
		return s.ended(e, msg), nil
	case earlierMsg:
		if msg.trial.Sender == s.sender && s.trial == nil && s.state == idle {
			s.trial, s.steps, s.state = &msg.trial, msg.trial.Steps, ended
		}
	case toChangedMsg:
		if msg.sender == s.sender {
			s.to = msg.to
		}
	}
	return s, nil
}

// begin sends the test message.
func (s trialScreen) begin(e env) (screen, tea.Cmd) {
	c, ok := e.mig.Sender(s.sender)
	if !ok {
		return s, nil
	}
	s = trialScreen{sender: s.sender, to: s.to, state: running}
	req, try, change := TryRequest{c.ID, c.Route, s.to}, e.opts.Try, e.opts.Change
	s.run = start(e.runs, func(ctx context.Context, emit func(trialEvent)) error {
		t, err := try(ctx, req, func(st probes.Step) { emit(trialEvent{step: &st}) })
		if err != nil {
			return err
		}
		m, err := change(ctx, func(m *wizard.Migration) error { return m.Tried(t) })
		if err == nil {
			emit(trialEvent{trial: &t, mig: m})
		}
		return err
	})
	return s, s.run.next
}

// happened takes up a frame's steps. A message that was taken is looked for at
// once.
func (s trialScreen) happened(e env, events []trialEvent) (screen, tea.Cmd) {
	cmds := []tea.Cmd{s.run.next}
	s.steps = slices.Clone(s.steps)
	for _, ev := range events {
		if ev.step != nil {
			s.steps = append(s.steps, *ev.step)
			continue
		}
		s.trial, s.state = ev.trial, ended
		if len(ev.trial.Steps) > 0 {
			s.steps = ev.trial.Steps
		}
		cmds = append(cmds, send(changedMsg{ev.mig}))
	}
	if s.trial != nil && s.trial.Outcome == probes.TrialSent && !s.looking && s.receipt == nil {
		var cmd tea.Cmd
		s, cmd = s.search(e)
		cmds = append(cmds, cmd)
	}
	return s, tea.Batch(cmds...)
}

// search looks for the message until it is found or looking is stopped.
func (s trialScreen) search(e env) (trialScreen, tea.Cmd) {
	t, verify, change := *s.trial, e.opts.Verify, e.opts.Change
	s.looking, s.waited, s.lookErr, s.receipt = true, 0, "", nil
	s.look = start(e.runs, func(ctx context.Context, emit func(receiptEvent)) error {
		r, err := verify(ctx, t, func(d time.Duration) { emit(receiptEvent{waited: d}) })
		if err != nil {
			return err
		}
		t.Receipt = &r
		m, err := change(ctx, func(m *wizard.Migration) error { return m.Tried(t) })
		if err == nil {
			emit(receiptEvent{receipt: &r, mig: m})
		}
		return err
	})
	return s, s.look.next
}

func (s trialScreen) looked(events []receiptEvent) (screen, tea.Cmd) {
	cmds := []tea.Cmd{s.look.next}
	for _, ev := range events {
		if ev.receipt == nil {
			s.waited = ev.waited
			continue
		}
		s.receipt, s.looking = ev.receipt, false
		cmds = append(cmds, send(changedMsg{ev.mig}))
	}
	return s, tea.Batch(cmds...)
}

// ended says why a run came to nothing, unless the admin stopped it.
func (s trialScreen) ended(e env, msg endMsg) trialScreen {
	switch msg.run {
	case s.run.id:
		if s.state == stopping {
			s.state = idle
			s.steps = nil
			return s
		}
		s.state = ended
		if msg.err != nil {
			s.err = faultText(e, msg.err)
		}
	case s.look.id:
		if s.looking && msg.err != nil {
			s.lookErr = faultText(e, msg.err)
		}
		s.looking = false
	}
	return s
}

func (s trialScreen) actions(e env) []action {
	c, ok := e.mig.Sender(s.sender)
	if !ok || c.Route == "" {
		return []action{e.ask("back", backMsg{}, "esc")}
	}
	if s.transcript {
		return s.pageActions(e)
	}
	acts := s.stateActions(e)
	if s.state == running || s.state == stopping {
		return acts
	}
	if !s.looking {
		acts = append(acts, e.ask("to", toWantedMsg{s.sender, s.to}, "w"))
		if c.Route == probes.OAuth && e.mig.App != nil {
			acts = append(acts, e.ask("set_up", scriptWantedMsg{c.ID}, "s"))
		}
	}
	if s.trial != nil && len(s.trial.Transcript) > 0 {
		acts = append(acts,
			e.on("transcript", func() (screen, tea.Cmd) { s.transcript, s.top = true, 0; return stay(s) }, "x"),
			e.copy("copy_transcript", transcriptText(s.trial.Transcript), "c"))
	}
	return s.leaveActions(e, acts)
}

// stateActions are what the state of the trial calls for.
func (s trialScreen) stateActions(e env) []action {
	begin := func() (screen, tea.Cmd) { return s.begin(e) }
	var acts []action
	switch {
	case s.state == stopping:
		return nil
	case s.state == running:
		return []action{e.on("cancel", func() (screen, tea.Cmd) { s.run.stop(); s.state = stopping; return stay(s) }, "esc")}
	case s.looking:
		return []action{e.on("stop_looking", func() (screen, tea.Cmd) { s.look.stop(); s.looking = false; return stay(s) }, "s")}
	case s.state == idle && s.to != "":
		acts = append(acts, e.on("send", begin, "enter"))
	case s.found():
		acts = append(acts, e.ask("sender", senderWantedMsg{s.sender}, "enter"))
	case s.sent():
		acts = append(acts, e.on("look_again", func() (screen, tea.Cmd) { return s.search(e) }, "enter", "v"))
	}
	if s.state == ended {
		acts = append(acts, e.on("again", begin, "r"))
	}
	return acts
}

// leaveActions are the way back, which first stops looking, and the moves.
func (s trialScreen) leaveActions(e env, acts []action) []action {
	back := e.ask("back", backMsg{}, "esc")
	if s.looking {
		back = e.on("back", func() (screen, tea.Cmd) { s.look.stop(); s.looking = false; return s, send(backMsg{}) }, "esc")
	}
	last := lastTop(s.lines(e), e.height)
	move := func(n int) (screen, tea.Cmd) { s.top = max(0, min(s.top+n, last)); return stay(s) }
	return append(append(acts, back), e.moves(move, e.height-2)...)
}

// pageActions are those of the transcript.
func (s trialScreen) pageActions(e env) []action {
	last := lastTop(s.lines(e), e.height)
	move := func(n int) (screen, tea.Cmd) { s.top = max(0, min(s.top+n, last)); return stay(s) }
	return append([]action{
		e.copy("copy_transcript", transcriptText(s.trial.Transcript), "c"),
		e.on("close", func() (screen, tea.Cmd) { s.transcript, s.top = false, 0; return stay(s) }, "esc", "x"),
	}, e.moves(move, e.height-2)...)
}

func (s trialScreen) found() bool { return s.receipt != nil && s.receipt.Found }

func (s trialScreen) sent() bool {
	return s.trial != nil && s.trial.Outcome == probes.TrialSent && !s.found()
}
