package ui

import (
	"context"
	"slices"
	"strconv"
	"strings"

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
	fixing bool // the commands that allow the refused ports are shown
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
	s := captureScreen{follow: true}
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

func (captureScreen) name() string          { return "capture" }
func (s captureScreen) Init(env) tea.Cmd    { return s.run.next }
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
			return s.take(msg.events)
		}
	case endMsg:
		if msg.run == s.run.id {
			return s.ended(e, msg.err)
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
func (s captureScreen) take(events []probes.CaptureEvent) (screen, tea.Cmd) {
	s.seen, s.ports = slices.Clone(s.seen), slices.Clone(s.ports)
	for _, ev := range events {
		if ev.Listening != nil {
			s.ports = append(s.ports, *ev.Listening)
		}
		if ev.Session != nil {
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

func (s captureScreen) shown() []probes.Session {
	if s.filter.text == "" {
		return s.seen
	}
	var out []probes.Session
	for _, c := range s.seen {
		if s.filter.passes(c.Peer, c.Hello, c.Account(), c.MailFrom, c.TLS.Version, c.Protocol) {
			out = append(out, c)
		}
	}
	return out
}

func idsOf(sessions []probes.Session) []string {
	ids := make([]string, len(sessions))
	for i, c := range sessions {
		ids[i] = c.ID
	}
	return ids
}

// selected is the session under the cursor, among those shown.
func (s captureScreen) selected(shown []probes.Session) (*probes.Session, int) {
	if len(shown) == 0 {
		return nil, 0
	}
	at := len(shown) - 1
	if !s.follow {
		at = s.at.index(idsOf(shown), "")
	}
	return &shown[at], at
}

func (s captureScreen) actions(e env) []action {
	if s.filter.open {
		return s.filter.actions(e, func(f filter) (screen, tea.Cmd) { s.filter = f; return stay(s) })
	}
	shown := s.shown()
	c, at := s.selected(shown)
	var acts []action
	if c != nil {
		acts = append(acts, e.ask("details", sessionWantedMsg{c.ID}, "enter"))
		if owner := ownerOf(e.mig, *c); owner != "" {
			acts = append(acts, e.ask("sender", senderWantedMsg{owner}, "w"))
			acts = append(acts, e.askIt(c.Peer)...)
		}
	}
	acts = append(acts, s.portActions(e)...)
	if c != nil {
		acts = append(acts, e.on("filter", func() (screen, tea.Cmd) { s.filter.open = true; return stay(s) }, "/"))
	}
	acts = append(acts, s.leaveAction(e))
	move := func(n int) (screen, tea.Cmd) {
		s.at = s.at.move(idsOf(shown), at, n)
		s.follow = at+n >= len(shown)-1
		return stay(s)
	}
	return append(acts, e.moves(move, 8)...)
}

// portActions are about how and where it listens.
func (s captureScreen) portActions(e env) []action {
	var acts []action
	if len(s.refused()) > 0 && !s.fixing {
		acts = append(acts, e.on("fix", func() (screen, tea.Cmd) { s.fixing = true; return stay(s) }, "f"))
	}
	if cmd := s.fixCommand(e); s.fixing && cmd != "" {
		acts = append(acts, e.copy("copy_command", cmd, "f", "y"))
	}
	if s.state == stopping {
		return acts
	}
	if len(s.refused()) > 0 || s.state == ended {
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
	s.fixing = false
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
	case s.fixing:
		return e.on("close", func() (screen, tea.Cmd) { s.fixing = false; return stay(s) }, "esc")
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

// fixCommand is the one command that allows the refused ports on this system.
func (s captureScreen) fixCommand(e env) string {
	for _, l := range s.refused() {
		if cmd := e.opts.PortFix(l); cmd != "" {
			return cmd
		}
	}
	return ""
}

// ownerOf is the sender that a session was attached to, "" when it is none's.
func ownerOf(m *wizard.Migration, c probes.Session) string {
	if !c.IsSender() {
		return ""
	}
	var byPeer string
	for _, s := range m.Senders {
		if !slices.Contains(s.Peers, c.Peer) {
			continue
		}
		if s.Account == c.Account() {
			return s.ID
		}
		if c.Account() == "" && byPeer == "" {
			byPeer = s.ID
		}
	}
	return byPeer
}

// port is the port of address:port, 0 when it is not one.
func port(addr string) uint16 {
	n, err := strconv.ParseUint(addr[strings.LastIndexByte(addr, ':')+1:], 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}
