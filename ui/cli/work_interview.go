package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"math/big"
	"sync"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/capture"
	"offbasic/wizard"
)

// Interviewing is how one interview is held.
type Interviewing struct {
	Server   capture.Server // where and how to listen; its policies are the interview's
	Peer     string         // the only device to ask; "" means all that come
	Dialogue bool           // also asks about the dialogue of the sign-in
	Patience time.Duration  // for a device to come back by itself; 0 means the default
	// Orders are the admin's; nil means none.
	Orders <-chan wizard.Order
}

// Interview asks devices, attempt by attempt, until all that came have been
// asked everything, or ctx is done. emit is called from one goroutine at a
// time; the outcome of each device comes last.
func (w *Work) Interview(ctx context.Context, o Interviewing, emit func(wizard.InterviewEvent)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	in := &interviewing{
		work: w, emit: emit, stop: stop,
		began: make(chan wizard.Asking, 16), open: map[string]int{}, settled: make(chan struct{}),
		talk: wizard.Interview{Peer: o.Peer, Dialogue: o.Dialogue, Patience: o.Patience},
	}
	if o.Peer != "" {
		if err := in.meet(ctx, o.Peer); err != nil {
			return err
		}
		in.tellNext(o.Peer)
		if in.talk.Done() {
			in.end()
			return nil
		}
	}
	o.Server.PolicyFor = func(peer string) (capture.Policy, bool) { return in.policy(ctx, peer) }
	captured, done := make(chan probes.CaptureEvent), make(chan error, 1)
	go func() {
		defer close(captured)
		done <- w.Capture(ctx, o.Server, func(ev probes.CaptureEvent) { captured <- ev })
	}()
	in.hold(captured, o.Orders)
	err := <-done
	in.end()
	return err
}

// interviewing is an interview while it is held. Connections ask it for their
// policy; one goroutine takes in what came of them.
type interviewing struct {
	work  *Work
	emit  func(wizard.InterviewEvent)
	stop  context.CancelFunc
	began chan wizard.Asking // a device came that was not met before

	mu      sync.Mutex // guards what follows
	talk    wizard.Interview
	open    map[string]int // connections of a device that were not heard yet
	settled chan struct{}  // closed when one was
	latest  string         // the device that was asked last
}

// hold takes sessions, orders and the time until the capture has ended.
func (in *interviewing) hold(captured <-chan probes.CaptureEvent, orders <-chan wizard.Order) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case ev, ok := <-captured:
			if !ok {
				return
			}
			in.take(ev)
		case a := <-in.began:
			in.emit(wizard.InterviewEvent{Asking: &a})
		case order := <-orders:
			in.obey(order)
		case <-tick.C:
			in.passed()
		}
	}
}

// take tells a session, what it taught, and what is asked next.
func (in *interviewing) take(ev probes.CaptureEvent) {
	if ev.Listening != nil {
		in.emit(wizard.InterviewEvent{Listening: ev.Listening})
		return
	}
	s := *ev.Session
	in.mu.Lock()
	answers := in.talk.Heard(s)
	if in.open[s.Peer] > 0 && s.Protocol != "refused" {
		in.open[s.Peer]--
		close(in.settled)
		in.settled = make(chan struct{})
	}
	in.mu.Unlock()
	s.Transcript = nil
	in.emit(wizard.InterviewEvent{Session: &s})
	in.tell(answers)
	in.tellNext(s.Peer)
	in.stopWhenDone()
}

func (in *interviewing) tell(answers []wizard.Answer) {
	for _, a := range answers {
		in.emit(wizard.InterviewEvent{Answer: &a})
	}
}

// tellNext says what a device is asked with its next attempt.
func (in *interviewing) tellNext(peer string) {
	in.mu.Lock()
	a, ok := in.talk.Asking(peer)
	if ok {
		in.latest = peer
	}
	in.mu.Unlock()
	if ok {
		in.emit(wizard.InterviewEvent{Asking: &a})
	}
}

// passed lets the time answer.
func (in *interviewing) passed() {
	in.mu.Lock()
	answers := in.talk.Passed(in.work.Now())
	in.mu.Unlock()
	in.tell(answers)
	for _, a := range answers {
		in.tellNext(a.Peer)
	}
	in.stopWhenDone()
}

// stopWhenDone ends the capture when everything was asked and every connection
// was heard.
func (in *interviewing) stopWhenDone() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, n := range in.open {
		if n > 0 {
			return
		}
	}
	if in.talk.Done() {
		in.stop()
	}
}

// obey does what the admin asks.
func (in *interviewing) obey(o wizard.Order) {
	in.mu.Lock()
	peer := first(o.Peer, in.latest)
	left := ""
	if o.Again {
		in.talk.Again(peer, o.Question)
	} else {
		left = in.talk.Skip(peer)
	}
	skipped := in.talk.Skipped(peer)
	in.mu.Unlock()
	// What cannot be written is asked again another day: nothing is lost.
	_, _ = in.work.Folder.Change(context.Background(), func(m *wizard.Migration) error {
		m.LeaveOut(peer, skipped)
		return nil
	})
	if left != "" {
		in.emit(wizard.InterviewEvent{Left: &wizard.Left{Peer: peer, Question: left}})
	}
	in.tellNext(peer)
	in.stopWhenDone()
}

// end tells the outcome of every device.
func (in *interviewing) end() {
	for _, peer := range in.talk.Peers() {
		o := in.talk.Outcome(peer)
		in.emit(wizard.InterviewEvent{Outcome: &o})
	}
}

// settling is how long a connection waits for the one before it to be heard: a
// device that comes back at once is asked the next question, not the same.
const settling = time.Second

// policy is asked by each connection for what it is met with.
func (in *interviewing) policy(ctx context.Context, peer string) (capture.Policy, bool) {
	in.settle(ctx, peer)
	if err := in.meet(ctx, peer); err != nil {
		return capture.Policy{}, false
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.talk.Met(peer) {
		return capture.Policy{}, false
	}
	in.open[peer]++
	name, alone, ok := in.talk.Policy(peer)
	if !ok {
		name = "everything" // nothing is left to ask: its mail is taken
	}
	p, ok := capture.Asking(name)
	p.Asked, p.Alone = in.work.Folder.Migration().LastAt(peer), alone
	return p, ok
}

func (in *interviewing) settle(ctx context.Context, peer string) {
	late := time.NewTimer(settling)
	defer late.Stop()
	for {
		in.mu.Lock()
		n, settled := in.open[peer], in.settled
		in.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-settled:
		case <-late.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// meet begins with a device that was not met, with what is on disk of it.
func (in *interviewing) meet(ctx context.Context, peer string) error {
	in.mu.Lock()
	known := in.talk.Met(peer)
	in.mu.Unlock()
	if known {
		return nil
	}
	var before []probes.Session
	m := in.work.Folder.Migration()
	asked := m.LastAt(peer)
	err := in.work.Folder.Sessions(ctx, func(s probes.Session) error {
		if s.Peer == peer && (asked == "" || m.OwnerOf(s) == asked) {
			before = append(before, s)
		}
		return nil
	})
	if err != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.talk.Meet(peer, before, m.LeftOut(peer))
	if a, ok := in.talk.Asking(peer); ok && in.talk.Peer == "" {
		select {
		case in.began <- a:
		default: // many came at once; each is told what it is asked next
		}
	}
	return nil
}

// Canary makes an account and a password to be typed into a device, for a
// route, different each time. False means that the route asks for none.
func (w *Work) Canary(route probes.Route, length int) (checks.Canary, bool) {
	domain := ""
	if w.Folder != nil {
		domain = w.Folder.Migration().Tenant.Domain
	}
	return checks.NewCanary(route, domain, length, randomBelow)
}

// randomBelow cannot be guessed.
func randomBelow(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		return 0 // never: rand.Reader does not fail, as of Go 1.24
	}
	return int(i.Int64())
}

// HearCanary waits for sign-ins with a canary and tells how each arrived, until
// ctx is done. Neither session nor message is kept, and nothing that was typed:
// the verdict is, with the sender, where a migration is open for writing.
func (w *Work) HearCanary(ctx context.Context, s capture.Server, c checks.Canary, emit func(wizard.CanaryEvent)) error {
	s.Policy, _ = capture.Asking("canary")
	s.Now = w.Now
	var mu sync.Mutex
	var unkept error
	s.Secret = func(peer, mechanism, account string, password []byte) {
		heard := c.Judge(peer, mechanism, account, password)
		mu.Lock()
		defer mu.Unlock()
		unkept = errors.Join(unkept, w.keepCanary(heard))
		emit(wizard.CanaryEvent{Heard: &heard})
	}
	err := s.Run(ctx, func(ev probes.CaptureEvent) {
		if ev.Listening != nil {
			mu.Lock()
			defer mu.Unlock()
			emit(wizard.CanaryEvent{Listening: ev.Listening})
		}
	})
	return errors.Join(err, unkept)
}

// keepCanary remembers the verdict on a canary that was recognised.
func (w *Work) keepCanary(h checks.CanaryHeard) error {
	if w.Folder == nil || !h.Known() {
		return nil
	}
	_, err := w.Folder.Change(context.Background(), func(m *wizard.Migration) error {
		m.HeardCanary(h.Peer, h.Result(w.Now()))
		return nil
	})
	return err
}

// InterviewPeer interviews one device on the usual ports, also about how it
// signs in.
func (w *Work) InterviewPeer(ctx context.Context, peer string, orders <-chan wizard.Order, emit func(wizard.InterviewEvent)) error {
	o := Interviewing{Server: capture.Server{Fallback: true}, Peer: peer, Dialogue: true, Orders: orders}
	return w.Interview(ctx, o, emit)
}

// CanaryFor makes a canary for a route that asks for one.
func (w *Work) CanaryFor(route probes.Route) checks.Canary {
	c, _ := w.Canary(route, 0)
	return c
}

// HearCanaryHere waits for a canary on the usual ports.
func (w *Work) HearCanaryHere(ctx context.Context, c checks.Canary, emit func(wizard.CanaryEvent)) error {
	return w.HearCanary(ctx, capture.Server{Fallback: true}, c, emit)
}
