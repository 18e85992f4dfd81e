package ui

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

// interviewScreen asks one device what is not known of it, attempt by attempt.
// It can also show a canary to be typed into the device, and tell how that
// arrives.
type interviewScreen struct {
	peer  string
	run   stream[interviewMsg]
	state runState
	// again says to start once more when the run has ended; left, to go back.
	again, left bool
	err         string

	ports  []probes.Listening
	orders chan wizard.Order
	asking *wizard.Asking
	last   *probes.Session
	out    *wizard.Outcome // at the end
	table  []checks.Question
	skip   []string
	at     picker // of the table

	canary *checks.Canary // being shown; nil means that questions are asked
	route  int            // of the canary, among checks.CanaryRoutes
	heard  []checks.CanaryHeard
}

// interviewMsg is what happened in a run. Exactly one field is set.
type interviewMsg struct {
	interview *wizard.InterviewEvent
	canary    *wizard.CanaryEvent
}

// askIt is the key that begins an interview, where one can be held.
func (e env) askIt(peer string) []action {
	if e.opts.Interview == nil {
		return nil
	}
	return []action{e.ask("interview", interviewWantedMsg{peer}, "i")}
}

// newInterview waits for the ports when another screen holds them.
func newInterview(e env, peer string, wait bool) interviewScreen {
	s := interviewScreen{peer: peer}
	if wait {
		return s
	}
	return s.start(e)
}

func (s interviewScreen) start(e env) interviewScreen {
	s.state, s.err, s.ports, s.again = running, "", nil, false
	if s.canary != nil {
		run, c := e.opts.Canary, *s.canary
		s.run = start(e.runs, func(ctx context.Context, emit func(interviewMsg)) error {
			return run(ctx, c, func(ev wizard.CanaryEvent) { emit(interviewMsg{canary: &ev}) })
		})
		return s
	}
	orders := make(chan wizard.Order, 1)
	run, peer := e.opts.Interview, s.peer
	s.orders, s.out = orders, nil
	s.run = start(e.runs, func(ctx context.Context, emit func(interviewMsg)) error {
		return run(ctx, peer, orders, func(ev wizard.InterviewEvent) { emit(interviewMsg{interview: &ev}) })
	})
	return s
}

func (interviewScreen) name() string { return "interview" }
func (s interviewScreen) is(msg tea.Msg) bool {
	return msg == tea.Msg(interviewWantedMsg{s.peer})
}
func (interviewScreen) typing() bool { return false }
func (s interviewScreen) busy() bool { return s.state == running || s.state == stopping }

func (s interviewScreen) Init(env) tea.Cmd {
	if s.state == idle {
		return send(portsWantedMsg{})
	}
	return s.run.next
}

func (s interviewScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case portsFreeMsg:
		if s.state == idle {
			s = s.start(e)
			return s, s.run.next
		}
	case batchMsg[interviewMsg]:
		if msg.run == s.run.id {
			for _, ev := range msg.events {
				s = s.take(ev)
			}
			return s, s.run.next
		}
	case endMsg:
		if msg.run == s.run.id {
			return s.ended(e, msg.err)
		}
	}
	return s, nil
}

func (s interviewScreen) take(ev interviewMsg) interviewScreen {
	if ev.canary != nil {
		return s.takeCanary(*ev.canary)
	}
	switch ev := ev.interview; {
	case ev.Listening != nil:
		s.ports = append(slices.Clone(s.ports), *ev.Listening)
	case ev.Asking != nil:
		s.asking, s.table, s.skip = ev.Asking, ev.Asking.Table, ev.Asking.Skipped
	case ev.Session != nil:
		s.last = ev.Session
	case ev.Answer != nil:
		s.table = slices.Clone(s.table)
		for i, q := range s.table {
			if q.ID == ev.Answer.Question.ID {
				s.table[i] = ev.Answer.Question
			}
		}
	case ev.Outcome != nil:
		s.out, s.table, s.skip = ev.Outcome, ev.Outcome.Table, ev.Outcome.Skipped
	}
	return s
}

// keptHeard is how many sign-ins with a canary are shown.
const keptHeard = 4

func (s interviewScreen) takeCanary(ev wizard.CanaryEvent) interviewScreen {
	if ev.Listening != nil {
		s.ports = append(slices.Clone(s.ports), *ev.Listening)
		return s
	}
	s.heard = append(slices.Clone(s.heard), *ev.Heard)
	s.heard = s.heard[max(0, len(s.heard)-keptHeard):]
	return s
}

func (s interviewScreen) ended(e env, err error) (screen, tea.Cmd) {
	switch {
	case s.left:
		s.state = ended
		return s, tea.Sequence(send(arrivedMsg{}), send(portsBackMsg{}), send(backMsg{}))
	case s.again:
		s = s.start(e)
		return s, s.run.next
	}
	s.state = ended
	if err != nil {
		s.err = faultText(e, err)
	}
	return s, send(arrivedMsg{})
}

func (s interviewScreen) stop() interviewScreen { s.run.stop(); s.state = stopping; return s }

func (s interviewScreen) ids() []string {
	ids := make([]string, len(s.table))
	for i, q := range s.table {
		ids[i] = q.ID
	}
	return ids
}

// asked is the id of the question that is being asked, "" when none is.
func (s interviewScreen) asked() string {
	if s.asking == nil || s.state != running {
		return ""
	}
	return s.asking.Question.ID
}

func (s interviewScreen) actions(e env) []action {
	var acts []action
	if s.canary != nil {
		acts = s.canaryActions(e)
	} else {
		acts = s.questionActions(e)
	}
	switch s.state {
	case running:
		acts = append(acts, e.on("stop_back", func() (screen, tea.Cmd) {
			s = s.stop()
			s.left = true
			return s, nil // endMsg follows
		}, "esc"))
	case ended:
		acts = append(acts, e.on("back", func() (screen, tea.Cmd) {
			return nil, tea.Sequence(send(portsBackMsg{}), send(backMsg{}))
		}, "esc"))
	case idle, stopping:
	}
	if s.canary != nil || len(s.table) == 0 {
		return acts
	}
	at := s.at.index(s.ids(), s.asked())
	move := func(n int) (screen, tea.Cmd) { s.at = s.at.move(s.ids(), at, n); return stay(s) }
	return append(acts, e.moves(move, 8)...)
}

func (s interviewScreen) questionActions(e env) []action {
	var acts []action
	if s.asked() != "" {
		acts = append(acts, e.on("skip", s.order(e, wizard.Order{Peer: s.peer}), "s"))
	}
	if s.state == running && len(s.table) > 0 {
		id := s.ids()[s.at.index(s.ids(), s.asked())]
		acts = append(acts, e.on("ask_again", s.order(e, wizard.Order{Peer: s.peer, Again: true, Question: id}), "a"))
	}
	if s.state == running || s.state == ended {
		acts = append(acts, e.on("canary", func() (screen, tea.Cmd) {
			return s.showCanary(e).restart(e)
		}, "c"))
	}
	return acts
}

// order passes on what the admin asks of the run.
func (s interviewScreen) order(e env, o wizard.Order) func() (screen, tea.Cmd) {
	orders, ctx := s.orders, e.runs.ctx
	return func() (screen, tea.Cmd) {
		s.at = picker{} // the cursor follows the question again
		return s, func() tea.Msg {
			select {
			case orders <- o:
			case <-ctx.Done():
			}
			return nil
		}
	}
}

func (s interviewScreen) canaryActions(e env) []action {
	if s.state != running && s.state != ended {
		return nil
	}
	return []action{
		e.on("canary_next", func() (screen, tea.Cmd) {
			s.route = (s.route + 1) % len(checks.CanaryRoutes())
			return s.showCanary(e).restart(e)
		}, "n"),
		e.on("questions", func() (screen, tea.Cmd) {
			s.canary = nil
			return s.restart(e)
		}, "i"),
	}
}

// showCanary makes a new one each time: what the device held before proves
// nothing.
func (s interviewScreen) showCanary(e env) interviewScreen {
	c := e.opts.NewCanary(checks.CanaryRoutes()[s.route])
	s.canary, s.heard = &c, nil
	return s
}

// restart ends the run, if there is one, and starts the next when the ports
// are free again.
func (s interviewScreen) restart(e env) (screen, tea.Cmd) {
	if s.state == running {
		s = s.stop()
		s.again = true
		return s, nil // endMsg follows
	}
	s = s.start(e)
	return s, s.run.next
}
