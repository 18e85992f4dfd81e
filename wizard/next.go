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
	switch s.State() {
	case Proved:
		return StepWatch
	case Refused:
		if !Automatic(s.Route) {
			return StepByHand
		}
		return StepRepair
	case Unknown:
		if s.Seen.Sessions == 0 {
			return StepCapture
		}
		return StepChoose
	}
	if !Automatic(s.Route) {
		return StepByHand
	}
	if s.Last != nil && s.Last.Route == s.Route {
		return StepVerify
	}
	if s.Route == probes.OAuth && m.App == nil {
		return StepApp
	}
	if s.Route == probes.OAuth && s.SetUp.IsZero() {
		return StepScript
	}
	return StepTry
}

// Automatic tells whether this program can set a route up and try it. The
// others are set up and tried by hand.
func Automatic(r probes.Route) bool { return r == probes.OAuth }

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

// ReadBack remembers that a sender's set-up was read back as it should be.
func (m *Migration) ReadBack(id string, at time.Time) error {
	s, ok := m.Sender(id)
	if !ok {
		return ErrNoSender
	}
	s.SetUp = at
	return nil
}

// Tried remembers a trial, and its receipt when there is one.
func (m *Migration) Tried(t probes.Trial) error {
	s, ok := m.Sender(t.Sender)
	if !ok {
		return ErrNoSender
	}
	a := Attempt{Trial: t.ID, Route: t.Route, At: t.Started, Outcome: t.Outcome}
	if t.Reply != nil && t.Outcome != probes.TrialSent {
		a.Reply = probes.Reply{Code: t.Reply.Code, Enhanced: t.Reply.Enhanced}.String()
	}
	if t.Receipt != nil && t.Receipt.Found {
		a.Received = t.Receipt.Received
	}
	s.Last = &a
	return nil
}
