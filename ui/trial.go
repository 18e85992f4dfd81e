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

// trialScreen makes a test send, explains what came of it, and waits for the
// message to arrive.
type trialScreen struct {
	sender string
	to     string
	// messages are the captured sessions that can be sent again, the last
	// first; message is the one chosen, -1 the short test message.
	messages []probes.Session
	message  int
	asked    int64 // reading the messages and the forecast
	forecast []checks.Finding
	blind    error // why nothing can be foreseen

	run   stream[trialEvent]
	state runState
	steps []probes.Step
	trial *probes.Trial
	err   error
	why   Explained // what the last word means
	asks  int64     // for that

	look    stream[receiptEvent]
	looking bool
	waited  time.Duration
	receipt *probes.Receipt
	lookErr string

	// awaits says that young rights are waited for, impatient that the admin
	// does not want to.
	awaits    bool
	impatient bool
	page      trialPage // is shown instead
	top       int
}

// trialPage is what can be shown in the place of a trial.
type trialPage int

// The pages of a trial.
const (
	noPage trialPage = iota
	transcriptPage
	detailPage
	repeatPage
)

// outlook is what was read before a test send.
type outlook struct {
	messages []probes.Session
	forecast []checks.Finding
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
	s := trialScreen{sender: id, message: -1, asked: e.runs.next()}
	if c, ok := e.mig.Sender(id); ok {
		s.to = c.Mailbox()
	}
	return s
}

func (trialScreen) name() string          { return "trial" }
func (s trialScreen) is(msg tea.Msg) bool { return msg == tea.Msg(trialWantedMsg{s.sender}) }
func (trialScreen) typing() bool          { return false }
func (s trialScreen) busy() bool {
	return s.state == running || s.state == stopping || s.looking || s.awaits
}

// Init reads what could be sent and what it will meet, and the last trial when
// it was sent and is not seen to have arrived.
func (s trialScreen) Init(e env) tea.Cmd {
	c, ok := e.mig.Sender(s.sender)
	if !ok {
		return nil
	}
	if e.opts.Trial == nil || e.mig.NextFor(*c) != wizard.StepVerify {
		return s.lookAhead(e)
	}
	read, id := e.opts.Trial, c.Last.Trial
	return tea.Batch(s.lookAhead(e), func() tea.Msg {
		t, err := read(e.runs.ctx, id)
		if err != nil {
			return saidMsg{faultText(e, err), true}
		}
		return earlierMsg{t}
	})
}

// lookAhead asks what a test send as it is set now will meet.
func (s trialScreen) lookAhead(e env) tea.Cmd {
	sessions, forecast, req, whole := e.opts.Sessions, e.opts.Forecast, s.request(e), s.ready(e)
	return ask(e.runs, s.asked, func(ctx context.Context) (outlook, error) {
		seen, err := sessions(ctx, req.Sender)
		if err != nil {
			return outlook{}, err
		}
		o := outlook{messages: withMessage(seen)}
		if forecast != nil && whole {
			o.forecast, err = forecast(ctx, req)
		}
		return o, err
	})
}

// keptMessages is how many captured messages can be chosen from.
const keptMessages = 5

// withMessage are the last sessions that left a message, the last one first.
func withMessage(seen []probes.Session) []probes.Session {
	var out []probes.Session
	for _, c := range slices.Backward(seen) {
		if c.Message != nil && c.Message.File != "" && len(out) < keptMessages {
			c.Transcript = nil
			out = append(out, c)
		}
	}
	return out
}

// request is the test send as it is set now.
func (s trialScreen) request(e env) TryRequest {
	r := TryRequest{Sender: s.sender, To: s.to, Values: map[string]string{}}
	c, ok := e.mig.Sender(s.sender)
	if !ok {
		return r
	}
	r.Route = c.Route
	for _, f := range e.tryFields(*c) {
		if f.value != "" {
			r.Values[f.id] = f.value
		}
	}
	r.Secret = e.draft.secrets[secretOf(*c)]
	if s.message >= 0 && s.message < len(s.messages) {
		r.Session = s.messages[s.message].ID
	}
	return r
}

func (s trialScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case answerMsg[outlook]:
		return s.foresees(msg), nil
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
	case answerMsg[Explained]:
		if msg.run == s.asks && msg.err == nil {
			s.why = msg.value
			_, s.awaits = s.waits(e)
		}
	case earlierMsg:
		if msg.trial.Sender == s.sender && s.trial == nil && s.state == idle {
			s.trial, s.steps, s.state = &msg.trial, msg.trial.Steps, ended
		}
	case toChangedMsg:
		if msg.sender == s.sender {
			s.to = msg.to
			return s.ahead(e)
		}
	case changedMsg:
		return s.ahead(e)
	case tickMsg:
		return s.ticked(e, time.Time(msg))
	}
	return s, nil
}

// foresees takes up what was read before a test send.
func (s trialScreen) foresees(msg answerMsg[outlook]) trialScreen {
	if msg.run == s.asked {
		s.messages, s.forecast = msg.value.messages, msg.value.forecast
		s.blind = msg.err
	}
	return s
}

// ticked tries again by itself when it is time.
func (s trialScreen) ticked(e env, now time.Time) (screen, tea.Cmd) {
	var y checks.Young
	if y, s.awaits = s.waits(e); s.awaits && !now.Before(y.Next) {
		return s.begin(e)
	}
	return s, nil
}

// ahead looks ahead again, while nothing was sent yet.
func (s trialScreen) ahead(e env) (screen, tea.Cmd) {
	if s.state != idle {
		return s, nil
	}
	s.asked = e.runs.next()
	return s, s.lookAhead(e)
}

// waits tells whether the trial was refused by something that may be too
// young, and when it is made again by itself.
func (s trialScreen) waits(e env) (checks.Young, bool) {
	y := s.why.Young
	if y == nil || s.impatient || s.state != ended || !e.now.Before(y.Ends) {
		return checks.Young{}, false
	}
	return *y, true
}

// ready tells whether everything is known that a test send needs.
func (s trialScreen) ready(e env) bool {
	c, ok := e.mig.Sender(s.sender)
	return ok && s.to != "" && len(e.lacking(*c)) == 0
}

// begin sends the test message.
func (s trialScreen) begin(e env) (screen, tea.Cmd) {
	req, try, change := s.request(e), e.opts.Try, e.opts.Change
	s = trialScreen{
		sender: s.sender, to: s.to, messages: s.messages, message: s.message, asked: s.asked, forecast: s.forecast,
		impatient: s.impatient, state: running,
	}
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
		if ev.trial.Outcome != probes.TrialSent {
			s.asks = e.runs.next()
			cmds = append(cmds, ask(e.runs, s.asks, e.explain(*ev.trial)))
		}
	}
	if s.trial != nil && s.trial.Outcome == probes.TrialSent && !s.looking && s.receipt == nil {
		var cmd tea.Cmd
		s, cmd = s.search(e)
		cmds = append(cmds, cmd)
	}
	return s, tea.Batch(cmds...)
}

// explain asks what the last word of a trial means.
func (e env) explain(t probes.Trial) func(context.Context) (Explained, error) {
	explain := e.opts.Explain
	return func(ctx context.Context) (Explained, error) { return explain(ctx, t) }
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
		s.state, s.err = ended, msg.err
	case s.look.id:
		if s.looking && msg.err != nil {
			s.lookErr = faultText(e, msg.err)
		}
		s.looking = false
	}
	return s
}

func (s trialScreen) found() bool { return s.receipt != nil && s.receipt.Found }

func (s trialScreen) sent() bool {
	return s.trial != nil && s.trial.Outcome == probes.TrialSent && !s.found()
}
