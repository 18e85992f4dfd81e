package ui

import (
	"testing"
	"testing/synctest"
	"time"
)

// journey is the whole way of one device, from the first start to the proof.
func journey(t *testing.T, lang string, width, height int) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, lang)
		w.trials = append(w.trials, refusedTrial(), sentTrial())
		s := newStage(t, w.options(), width, height)
		s.shoot("first start")
		s.press("?")
		s.shoot("help of the first start")
		s.press("esc", "c")
		s.pass(200 * time.Millisecond)
		s.shoot("capture waits")
		s.press("f")
		s.shoot("the command for the refused port")
		s.press("f", "esc")
		time.Sleep(time.Minute)
		w.knock(at(copier, "s1"))
		s.pass(2 * time.Second)
		s.shoot("a session arrived")
		s.press("enter")
		s.shoot("its details")
		s.press("pgdown", "pgdown")
		s.shoot("further down")
		s.press("enter")
		s.shoot("its sender")
		s.press("down")
		s.shoot("another route")
		s.press("e")
		s.shoot("all the evidence")
		s.press("esc", "home")
		chooseOAuth(s)
		s.shoot("route chosen")
		s.press("q")
		s.shoot("leaving while the capture runs")
		s.press("esc", "enter")
		s.shoot("how to register")
		s.press("down", "enter")
		s.shoot("registration by hand, first page")
		fillIn(s)
		s.shoot("registration saved")
		s.press("enter")
		s.shoot("the script")
		w.answers = [][]ReadBackLine{nil, answer(false), answer(true)}
		s.press("enter")
		s.pass(3 * time.Second)
		s.shoot("script saved, waiting")
		s.pass(8 * time.Second)
		s.shoot("read back, not yet")
		s.pass(10 * time.Second)
		s.shoot("read back, good")
		s.press("enter")
		s.shoot("trial, ready")
		s.press("enter")
		s.pass(100 * time.Millisecond)
		s.shoot("trial, in progress")
		s.pass(time.Second)
		s.shoot("trial, refused")
		s.press("x")
		s.shoot("its transcript")
		s.press("x", "a")
		s.pass(3 * time.Second)
		s.shoot("sent, waiting for the receipt")
		s.pass(4 * time.Second)
		s.shoot("arrived")
		s.press("esc", "esc", "esc", "esc", "esc")
		s.pass(2 * time.Second)
		s.shoot("home, proved")
		s.end()
		s.golden()
	})
}

// chooseOAuth moves to the route "oauth" wherever it is ranked, and takes it.
func chooseOAuth(s *stage) {
	screen := s.app().top().(senderScreen)
	for i, r := range screen.routes() {
		if r == "oauth" {
			for range i {
				s.press("down")
			}
		}
	}
	s.press("enter")
}

// fillIn answers the registration.
func fillIn(s *stage) {
	s.write("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
	s.press("enter")
	s.write("contoso.example")
	s.press("enter")
	s.shoot("registration, the cloud")
	s.press("enter")
	s.write("11111111-2222-3333-4444-555555555555")
	s.press("enter")
	s.write("11111111-2222-3333-4444-555555555555")
	s.press("enter")
	s.shoot("registration, the wrong object id")
	for range 36 {
		s.press("backspace")
	}
	s.write("66666666-7777-8888-9999-000000000000")
	s.press("enter")
	s.shoot("registration, the credential")
	s.press("enter")
	s.write("top~secret.value")
	s.shoot("registration, the secret")
	s.press("enter")
}

func TestJourney(t *testing.T)           { journey(t, "en", 80, 24) }
func TestJourneyWide(t *testing.T)       { journey(t, "en", 120, 40) }
func TestJourneyFrench(t *testing.T)     { journey(t, "fr", 80, 24) }
func TestJourneyFrenchWide(t *testing.T) { journey(t, "fr", 120, 40) }
