package ui

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

// talk is an interview whose device is played by the test.
type talk struct {
	world    *world
	sessions chan probes.Session
	heard    chan checks.CanaryHeard
	orders   []wizard.Order
	running  int
}

func (k *talk) opens(emit func(*probes.Listening)) {
	for _, port := range []string{"587", "465"} {
		emit(&probes.Listening{Wanted: "0.0.0.0:" + port, Addr: "0.0.0.0:" + port})
	}
}

// interview is held as the program holds it, by the same rules.
func (k *talk) interview(ctx context.Context, peer string, orders <-chan wizard.Order, emit func(wizard.InterviewEvent)) error {
	if k.world.captures > 0 {
		k.world.t.Error("the ports are the capture's still")
	}
	k.running++
	defer func() { k.running-- }()
	in := wizard.Interview{Dialogue: true}
	in.Meet(peer, k.world.seen, nil)
	next := func() {
		if a, ok := in.Asking(peer); ok {
			emit(wizard.InterviewEvent{Asking: &a})
		}
	}
	k.opens(func(l *probes.Listening) { emit(wizard.InterviewEvent{Listening: l}) })
	next()
	for ctx.Err() == nil && !in.Done() {
		select {
		case <-ctx.Done():
		case s := <-k.sessions:
			a, _ := in.Asking(peer)
			s.Policy = a.Question.Policy
			emit(wizard.InterviewEvent{Session: &s})
			for _, answer := range in.Heard(s) {
				emit(wizard.InterviewEvent{Answer: &answer})
			}
		case o := <-orders:
			k.orders = append(k.orders, o)
			if o.Again {
				in.Again(peer, o.Question)
			} else {
				in.Skip(peer)
			}
		}
		next()
	}
	o := in.Outcome(peer)
	emit(wizard.InterviewEvent{Outcome: &o})
	return nil
}

func (k *talk) canary(ctx context.Context, _ checks.Canary, emit func(wizard.CanaryEvent)) error {
	k.opens(func(l *probes.Listening) { emit(wizard.CanaryEvent{Listening: l}) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case h := <-k.heard:
			emit(wizard.CanaryEvent{Heard: &h})
		}
	}
}

func (k *talk) options() Options {
	o := k.world.options()
	o.Interview, o.Canary = k.interview, k.canary
	o.NewCanary = func(r probes.Route) checks.Canary {
		c, _ := checks.NewCanary(r, "contoso.example", 0, rand.New(rand.NewPCG(1, 2)).IntN)
		return c
	}
	return o
}

func newTalk(t *testing.T, lang string) *talk {
	return &talk{world: newWorld(t, lang), sessions: make(chan probes.Session), heard: make(chan checks.CanaryHeard)}
}

// stopped is an attempt of the copier that ended without a message.
func stopped(n int, auth ...probes.Auth) probes.Session {
	c := at(copier, fmt.Sprint("q", n))
	c.Auth, c.MailFrom, c.RcptTo, c.Message, c.Size, c.Taken, c.Transcript = auth, "", nil, nil, 0, false, nil
	return c
}

// The film of an interview: from the capture, whose ports it borrows, over
// questions, one that is left out and one that is asked again, to the canary.
func interviewFilm(t *testing.T, lang string) {
	synctest.Test(t, func(t *testing.T) {
		k := newTalk(t, lang)
		s := newStage(t, k.options(), 80, 24)
		s.press("c")
		s.pass(200 * time.Millisecond)
		k.world.knock(at(copier, "s1"))
		s.pass(2 * time.Second)
		s.press("i")
		s.pass(time.Second)
		s.shoot("the first question that is open")
		s.pass(time.Minute)
		k.sessions <- stopped(1, probes.Auth{Mechanism: "LOGIN", Account: "scan@contoso.example", Outcome: probes.AuthRefused, Reply: "550 5.7.30 Basic authentication is not supported for Client Submission."})
		s.pass(time.Second)
		s.shoot("two answers of one attempt")
		s.press("s")
		s.pass(time.Second)
		s.shoot("one was left out")
		s.press("up")
		s.shoot("the cursor on an answer")
		s.press("a")
		s.pass(time.Second)
		s.shoot("it is asked again")
		s.pass(2 * time.Minute)
		k.sessions <- stopped(2)
		s.pass(time.Second)
		s.shoot("and answered")
		s.press("?")
		s.shoot("help")
		s.press("esc", "c")
		s.pass(time.Second)
		s.shoot("the canary")
		s.press("n")
		s.pass(time.Second)
		s.shoot("for another route")
		shown := *s.app().top().(interviewScreen).canary
		k.heard <- shown.Judge("192.0.2.61", "LOGIN", shown.Account, []byte(shown.Password)[:31])
		s.pass(time.Second)
		s.shoot("cut by the device")
		s.press("i")
		s.pass(time.Second)
		s.shoot("back at the questions")
		s.press("esc")
		s.pass(time.Second)
		if k.running != 0 || k.world.captures != 1 {
			t.Errorf("%d interviews and %d captures run", k.running, k.world.captures)
		}
		s.end()
		s.golden()
	})
}

func TestInterviewFilm(t *testing.T)       { interviewFilm(t, "en") }
func TestInterviewFilmFrench(t *testing.T) { interviewFilm(t, "fr") }

// What the admin orders reaches the interview, for the question under the
// cursor.
func TestOrdersReachTheInterview(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTalk(t, "en")
		k.world.seen = []probes.Session{at(copier, "s1")}
		k.world.mig.Attach(k.world.seen[0])
		s := newStage(t, k.options(), 80, 24)
		s.send(interviewWantedMsg{"192.0.2.61"})
		s.pass(time.Second)
		s.press("home", "a")
		s.pass(time.Second)
		s.sees("Does it sign in today?")
		s.press("s")
		s.pass(time.Second)
		want := []wizard.Order{{Again: true, Peer: "192.0.2.61", Question: "signs-in"}, {Peer: "192.0.2.61"}}
		if fmt.Sprint(k.orders) != fmt.Sprint(want) {
			t.Errorf("orders %v, want %v", k.orders, want)
		}
		s.press("esc")
		s.pass(time.Second)
		if k.running != 0 {
			t.Error("the interview runs on")
		}
		s.end()
	})
}

// Where no interview can be held, no key offers one.
func TestWithoutAnInterviewNoKeyOffersIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "en")
		s := newStage(t, w.options(), 80, 24)
		s.press("c")
		s.pass(200 * time.Millisecond)
		w.knock(at(copier, "s1"))
		s.pass(2 * time.Second)
		s.missing("ask it more")
		s.end()
	})
}
