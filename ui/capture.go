package ui

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"offbasic/probes"
	"offbasic/wizard"
)

// kept is how many sessions the live screen remembers. All of them are on
// disk; the older ones are read from the sender's screen.
const kept = 500

// captureScreen shows sessions as they arrive.
type captureScreen struct {
	run    stream[probes.CaptureEvent]
	state  runState
	policy string
	// again says to start once more when the run has ended; left, to go back.
	again, left bool
	lent        bool // the ports are another screen's for a while
	err         string

	ports  []probes.Listening
	seen   []probes.Session // without transcripts, oldest first
	total  int
	at     picker
	follow bool // the cursor stays on the newest
	filter filter
	pane   portsPane
	// grouped shows a row for each sender instead of each session.
	grouped bool
	since   time.Time // when it began to listen
	// trials are the test sends of all senders, and mark what they were read at.
	trials []probes.Trial
	mark   string
	reads  int64
}

// runState is how far a run has come.
type runState int

const (
	idle runState = iota
	running
	stopping
	ended
)

func newCapture(e env) captureScreen {
	s := captureScreen{follow: true, since: e.now.Truncate(time.Second), reads: e.runs.next(), mark: lastTrials(e.mig)}
	if len(e.opts.Policies) > 0 {
		s.policy = e.opts.Policies[0]
	}
	return s.start(e)
}

func (s captureScreen) start(e env) captureScreen {
	policy, capture := s.policy, e.opts.Capture
	s.run = start(e.runs, func(ctx context.Context, emit func(probes.CaptureEvent)) error {
		return capture(ctx, policy, emit)
	})
	s.state, s.ports, s.err, s.again = running, nil, "", false
	return s
}

func (captureScreen) name() string { return "capture" }
func (s captureScreen) Init(e env) tea.Cmd {
	return tea.Batch(s.run.next, ask(e.runs, s.reads, e.opts.Trials))
}
func (captureScreen) is(msg tea.Msg) bool   { return msg == tea.Msg(captureWantedMsg{}) }
func (s captureScreen) typing() bool        { return s.filter.open }
func (s captureScreen) busy() bool          { return s.state == running || s.state == stopping }
func (s captureScreen) stop() captureScreen { s.run.stop(); s.state = stopping; return s }
func (s captureScreen) refused() []probes.Listening {
	return slices.DeleteFunc(slices.Clone(s.ports), func(l probes.Listening) bool { return l.Fault == nil })
}

func (s captureScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	s.filter = s.filter.typed(msg)
	switch msg := msg.(type) {
	case batchMsg[probes.CaptureEvent]:
		if msg.run == s.run.id {
			return s.take(e, msg.events)
		}
	case endMsg:
		if msg.run == s.run.id {
			return s.ended(e, msg.err)
		}
	case answerMsg[[]knocked]:
		return s.wasTested(msg), nil
	case answerMsg[[]probes.Trial]:
		if msg.run == s.reads && msg.err == nil {
			s.trials = msg.value
		}
	case changedMsg:
		if mark := lastTrials(e.mig); mark != s.mark {
			s.mark, s.reads = mark, e.runs.next()
			return s, ask(e.runs, s.reads, e.opts.Trials)
		}
	case portsWantedMsg:
		if s.lent = s.state == running; s.lent {
			s = s.stop()
		}
	case portsBackMsg:
		if s.lent {
			s.lent = false
			s = s.start(e)
			return s, s.run.next
		}
	}
	return s, nil
}

// take adds one frame's events.
func (s captureScreen) take(e env, events []probes.CaptureEvent) (screen, tea.Cmd) {
	s.seen, s.ports = slices.Clone(s.seen), slices.Clone(s.ports)
	for _, ev := range events {
		if ev.Listening != nil {
			s.ports = append(s.ports, *ev.Listening)
		}
		if ev.Session != nil && !e.ownKnock(*ev.Session) {
			c := *ev.Session
			c.Transcript = nil
			s.seen = append(s.seen, c)
			s.total++
		}
	}
	if over := len(s.seen) - kept; over > 0 {
		s.seen = slices.Clone(s.seen[over:])
	}
	return s, s.run.next
}

func (s captureScreen) ended(e env, err error) (screen, tea.Cmd) {
	switch {
	case s.lent:
		s.state = ended
		return s, send(portsFreeMsg{})
	case s.left:
		s.state = ended
		return s, tea.Sequence(send(arrivedMsg{}), send(backMsg{}))
	case s.again:
		s = s.start(e)
		return s, s.run.next
	}
	s.state = ended
	if err != nil {
		s.err = faultText(e, err)
	}
	return s, nil
}

// selected is the session under the cursor, among those shown.
func (s captureScreen) selected(shown []seenRow) (*probes.Session, int) {
	if len(shown) == 0 {
		return nil, 0
	}
	at := len(shown) - 1
	if !s.follow {
		at = s.at.index(keysOf(shown), "")
	}
	return shown[at].session, at
}

// lastTrials changes whenever a test send or its receipt is new.
func lastTrials(m *wizard.Migration) string {
	var b strings.Builder
	for _, c := range m.Senders {
		if c.Last != nil {
			b.WriteString(c.Last.Trial + c.Last.Received.String())
		}
	}
	return b.String()
}

func (s captureScreen) actions(e env) []action {
	if s.filter.open {
		return s.filter.actions(e, func(f filter) (screen, tea.Cmd) { s.filter = f; return stay(s) })
	}
	if s.pane.open {
		return s.paneActions(e)
	}
	shown := s.rows(e)
	c, at := s.selected(shown)
	acts := s.sessionActions(e, c)
	acts = append(acts, s.portActions(e)...)
	if len(s.seen) > 0 {
		words := map[bool]string{false: "group", true: "ungroup"}[s.grouped]
		acts = append(acts,
			e.on(words, func() (screen, tea.Cmd) { s.grouped = !s.grouped; return stay(s) }, "g"),
			e.on("filter", func() (screen, tea.Cmd) { s.filter.open = true; return stay(s) }, "/"),
		)
	}
	acts = append(acts, s.leaveAction(e))
	move := func(n int) (screen, tea.Cmd) {
		s.at = s.at.move(keysOf(shown), at, n)
		s.follow = at+n >= len(shown)-1
		return stay(s)
	}
	return append(acts, e.moves(move, 8)...)
}

// sessionActions are about the session under the cursor.
func (s captureScreen) sessionActions(e env, c *probes.Session) []action {
	if c == nil {
		return nil
	}
	acts := []action{e.ask("details", sessionWantedMsg{c.ID}, "enter")}
	if owner := e.mig.OwnerOf(*c); owner != "" {
		acts = append(acts, e.ask("sender", senderWantedMsg{owner}, "w"))
		acts = append(acts, e.askIt(c.Peer)...)
	}
	return append(acts, e.keeping(c.ID)...)
}

// portActions are about how and where it listens.
func (s captureScreen) portActions(e env) []action {
	var acts []action
	if len(s.ports) > 0 {
		acts = append(acts, e.on("ports", func() (screen, tea.Cmd) { s.pane.open, s.pane.top = true, 0; return stay(s) }, "f"))
	}
	if s.state == stopping {
		return acts
	}
	if s.state == ended {
		acts = append(acts, e.on("retry", func() (screen, tea.Cmd) { return s.restart(e) }, "r"))
	}
	if len(e.opts.Policies) > 1 {
		acts = append(acts, e.on("policy", func() (screen, tea.Cmd) {
			i := slices.Index(e.opts.Policies, s.policy)
			s.policy = e.opts.Policies[(i+1)%len(e.opts.Policies)]
			return s.restart(e)
		}, "p"))
	}
	return acts
}

// restart ends the run, if there is one, and starts another when its ports are
// free again.
func (s captureScreen) restart(e env) (screen, tea.Cmd) {
	s.pane.tested = nil
	if s.state == running {
		s = s.stop()
		s.again = true
		return s, nil // endMsg follows
	}
	s = s.start(e)
	return s, s.run.next
}

func (s captureScreen) leaveAction(e env) action {
	switch {
	case s.filter.text != "":
		return e.on("filter_off", func() (screen, tea.Cmd) { s.filter = filter{}; return stay(s) }, "esc")
	case s.state == running:
		return e.on("stop_back", func() (screen, tea.Cmd) {
			s = s.stop()
			s.left = true
			return s, nil // endMsg follows
		}, "esc")
	}
	return e.ask("back", backMsg{}, "esc")
}

// port is the port of address:port, 0 when it is not one.
func port(addr string) uint16 {
	n, err := strconv.ParseUint(addr[strings.LastIndexByte(addr, ':')+1:], 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}
