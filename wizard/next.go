package wizard

import (
	"errors"
	"slices"
	"time"

	"offbasic/probes"
)

// Step is a thing that the admin can do next.
type Step string

// The steps of the journey, in its order.
const (
	StepFind    Step = "find"    // no sender is known
	StepCapture Step = "capture" // a sender was never captured
	StepChoose  Step = "choose"  // a route is to be chosen
	StepApp     Step = "app"     // the app registration is to be entered
	StepScript  Step = "script"  // the set-up script is to be run
	StepTry     Step = "try"     // a test send is due
	StepRepair  Step = "repair"  // the last test send was refused
	StepVerify  Step = "verify"  // sent, and not seen to arrive
	StepByHand  Step = "by_hand" // this program can neither set the route up nor try it
	StepWatch   Step = "watch"   // all are proved: watch what still uses a password
)

// Suggestion is the next useful thing to do, and for which sender.
type Suggestion struct {
	Step   Step
	Sender string // id; "" when it is about the whole
}

// Next says what brings the migration furthest now: what is nearly done comes
// before what is not begun.
func (m Migration) Next() Suggestion {
	if len(m.Senders) == 0 {
		return Suggestion{Step: StepFind}
	}
	order := []Step{StepVerify, StepRepair, StepTry, StepScript, StepApp, StepChoose, StepCapture, StepByHand}
	best, at := Suggestion{Step: StepWatch}, len(order)
	for _, s := range m.Senders {
		step := m.NextFor(s)
		if i := slices.Index(order, step); i >= 0 && i < at {
			best, at = Suggestion{step, s.ID}, i
		}
	}
	return best
}

// NextFor is the next step of one sender.
func (m Migration) NextFor(s Sender) Step {
	switch state := s.State(); {
	case state == Proved:
		return StepWatch
	case state == Unknown && s.Seen.Sessions == 0:
		return StepCapture
	case state == Unknown:
		return StepChoose
	case !Automatic(s.Route):
		return StepByHand
	case state == Refused:
		return StepRepair
	case s.Last != nil && s.Last.Route == s.Route:
		return StepVerify
	case NeedsApp(s.Route) && m.App == nil:
		return StepApp
	case NeedsScript(s.Route) && s.SetUp.IsZero():
		return StepScript
	}
	return StepTry
}

// Automatic tells whether this program can try a route. A replacement is
// tried when it is there, over the route of its own.
func Automatic(r probes.Route) bool {
	return r != probes.Replace && slices.Contains(probes.Routes(), r)
}

// NeedsApp tells whether a route is nothing without an app registration.
func NeedsApp(r probes.Route) bool {
	return r == probes.OAuth || r == probes.HVE || r == probes.Graph
}

// NeedsScript tells whether a route is set up by a script in any case. A local
// relay may be one that Exchange's cmdlets know nothing of: it is tried first.
func NeedsScript(r probes.Route) bool {
	return r != probes.Relay && len(RouteScripts(r)) > 0
}

// Identify remembers what a sender is, as the admin says: a product of the
// catalogue by its id, or another by name. Neither means that it is to be
// guessed again.
func (m *Migration) Identify(id, device, product string) error {
	s, ok := m.Sender(id)
	if !ok {
		return ErrNoSender
	}
	s.Device, s.Product = device, product
	return nil
}

// ErrNoSender is the answer to an id that nobody has.
var ErrNoSender = errors.New("no such sender")

// Choose gives a sender its route. What was proved over another route does
// not count for the new one.
func (m *Migration) Choose(id string, r probes.Route, at time.Time) error {
	s, ok := m.Sender(id)
	if !ok {
		return ErrNoSender
	}
	if s.Route != r {
		s.Route, s.Chosen, s.SetUp = r, at, time.Time{}
	}
	return nil
}

// Wrote remembers that a script was written for a sender.
func (m *Migration) Wrote(id, script string, at time.Time) error {
	s, ok := m.Sender(id)
	if !ok {
		return ErrNoSender
	}
	if s.Scripts == nil {
		s.Scripts = map[string]time.Time{}
	}
	s.Scripts[script] = at
	return nil
}

// ReadBack remembers that a sender's set-up was read back as it should be. The
// first time counts: reading it again makes no right younger.
func (m *Migration) ReadBack(id string, at time.Time) error {
	s, ok := m.Sender(id)
	if !ok {
		return ErrNoSender
	}
	if s.SetUp.IsZero() {
		s.SetUp = at
	}
	return nil
}

// Tried remembers a trial, and its receipt when there is one. One over another
// route than the chosen one, as of a comparison, changes nothing that was
// proved.
func (m *Migration) Tried(t probes.Trial) error {
	s, ok := m.Sender(t.Sender)
	if !ok {
		return ErrNoSender
	}
	if s.Route == "" || t.Route == s.Route {
		s.Last = attempt(t)
	}
	return nil
}

// attempt is what is remembered of a trial.
func attempt(t probes.Trial) *Attempt {
	a := Attempt{Trial: t.ID, Route: t.Route, At: t.Started, Outcome: t.Outcome}
	if t.Reply != nil && t.Outcome != probes.TrialSent {
		a.Reply = probes.Reply{Code: t.Reply.Code, Enhanced: t.Reply.Enhanced}.String()
	}
	if t.Receipt != nil && t.Receipt.Found {
		a.Received = t.Receipt.Received
	}
	return &a
}
