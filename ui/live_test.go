package ui

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"offbasic/probes"
)

// ricoh is a device that two hints name: its subject and its network card.
func ricoh() probes.Session {
	c := copier
	c.Peer, c.MAC, c.Hello = "192.0.2.50", "00:26:73:0a:0b:0c", "RNP0026730A0B0C"
	c.Auth = []probes.Auth{{Mechanism: "LOGIN", Account: "accounts@contoso.example", Outcome: probes.AuthRefused, Reply: "535 5.7.3 no"}}
	c.Message = &probes.Message{Subject: `Message from "RNP0026730A0B0C"`, File: "messages/r.eml"}
	c.Taken = false
	return c
}

// live is a morning at the live screen: several devices, some of them again.
func live(t *testing.T, lang string, width, height int) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, lang)
		s := newStage(t, w.options(), width, height)
		s.press("c")
		s.pass(100 * time.Millisecond)
		for _, c := range []probes.Session{at(copier, "k1"), at(ricoh(), "r1"), at(copier, "k2"), at(ricoh(), "r2")} {
			w.knock(c)
			s.pass(time.Second)
		}
		s.pass(time.Second)
		s.shoot("four sessions of two senders")
		s.press("g")
		s.shoot("by sender")
		s.press("g", "/")
		s.write("192.0.2.61")
		s.shoot("one peer")
		s.press("esc", "s")
		s.shoot("a transcript saved")
		s.press("enter", "m")
		s.shoot("a message saved")
		s.press("enter")
		s.pass(100 * time.Millisecond)
		s.shoot("who it is, by its hints")
		s.press("e")
		s.shoot("the hints as they came")
		s.press("esc", "w")
		s.shoot("who is it")
		s.write("sage 100")
		s.shoot("not in the catalogue")
		s.press("enter")
		s.pass(2 * time.Second)
		s.shoot("as the admin said")
		s.press("w")
		s.shoot("who is it, once more")
		s.press("esc", "esc", "esc", "f", "t")
		s.pass(time.Second)
		s.shoot("the ports answer")
		w.closed = &probes.Fault{Op: "connect", Code: "knock_stopped", Args: map[string]string{
			"address": "192.0.2.23:587", "command": "netsh advfirewall firewall add rule name=offbasic dir=in action=allow protocol=TCP localport=587",
		}}
		s.press("t")
		s.pass(time.Second)
		s.shoot("a firewall")
		s.end()
		s.golden()
	})
}

func TestLive(t *testing.T)           { live(t, "en", 80, 24) }
func TestLiveWide(t *testing.T)       { live(t, "en", 120, 40) }
func TestLiveFrench(t *testing.T)     { live(t, "fr", 80, 24) }
func TestLiveFrenchWide(t *testing.T) { live(t, "fr", 120, 40) }

// The filter knows peers, accounts and verdicts.
func TestSessionsAreFiltered(t *testing.T) {
	for words, want := range map[string]string{"192.0.2.61": "k1", "accounts@": "r1", "refused": "r1", "taken": "k1", "rnp ricoh": ""} {
		on(t, 80, 24, nil, func(w *world, s *stage) {
			s.press("c")
			s.pass(100 * time.Millisecond)
			w.knock(at(copier, "k1"))
			w.knock(at(ricoh(), "r1"))
			s.pass(2 * time.Second)
			s.press("/")
			s.write(words)
			rows := s.app().top().(captureScreen).rows(s.app().env())
			if got := strings.Join(keysOf(rows), " "); got != want {
				t.Errorf("%q shows %q, want %q", words, got, want)
			}
		})
	}
}

// The capture's own test connection is nobody's: it is neither listed nor
// counted. Another bare connection is listed, and counts for no sender.
func TestOwnTestConnectionIsNotShown(t *testing.T) {
	on(t, 80, 24, nil, func(w *world, s *stage) {
		s.press("c")
		s.pass(100 * time.Millisecond)
		s.press("f", "t")
		s.pass(2 * time.Second)
		if got := strings.Join(w.knocked, " "); got != "192.0.2.23:2525 192.0.2.23:587 192.0.2.23:465" {
			t.Errorf("tested %q", got)
		}
		s.press("esc")
		s.sees("Waiting for a first connection")
		w.knock(at(probes.Session{Peer: "192.0.2.99", Protocol: "bare", End: probes.EndClosed}, "b"))
		s.pass(2 * time.Second)
		s.sees("1 session, no sender", "192.0.2.99")
	})
}

// What is copied from the list is the transcript that lies on disk.
func TestTranscriptIsCopiedFromTheList(t *testing.T) {
	on(t, 80, 24, nil, func(w *world, s *stage) {
		s.press("c")
		s.pass(100 * time.Millisecond)
		w.knock(at(copier, "k1"))
		s.pass(2 * time.Second)
		s.press("c", "s")
		if len(s.clips) != 1 || !strings.Contains(s.clips[0], "C: AUTH LOGIN") {
			t.Errorf("clipboard %q", s.clips)
		}
		if got := strings.Join(w.saved, " "); got != "k1.txt" {
			t.Errorf("saved %q", got)
		}
	})
}

// What the admin says counts for the ranking, and is taken back.
func TestProductThatTheAdminNames(t *testing.T) {
	on(t, 80, 24, func(w *world) { w.mig.Attach(at(copier, "k1")); w.seen = append(w.seen, at(copier, "k1")) }, func(w *world, s *stage) {
		s.press("enter")
		s.sees("What it is: not known")
		s.press("w")
		s.write("konica")
		s.press("enter")
		s.pass(time.Second)
		s.sees("What it is: Konica Minolta, as you said", "Kept: this sender is Konica Minolta.")
		if got := w.mig.Senders[0].Device; got != "konica-minolta" {
			t.Errorf("kept %q", got)
		}
		if d := s.app().top().(senderScreen).facts.Device; d == nil || d.ID != "konica-minolta" {
			t.Errorf("it is judged as %+v", d)
		}
		s.press("w", "home", "up", "pgup", "pgup", "pgup", "enter")
		s.pass(time.Second)
		s.sees("What it is: not known")
	})
}

// A test send counts in the ranking on the sender's screen as it does in the
// command.
func TestTrialsAreJudged(t *testing.T) {
	on(t, 80, 24, func(w *world) {
		w.mig.Attach(at(copier, "k1"))
		w.seen = append(w.seen, at(copier, "k1"))
		sent := sentTrial()
		sent.Sender, sent.Route = w.mig.Senders[0].ID, probes.OAuth
		w.tried = []probes.Trial{sent}
	}, func(_ *world, s *stage) {
		s.press("enter")
		for _, r := range s.app().top().(senderScreen).ranked {
			if r.Route == probes.OAuth && (r.Fit != "asks" || r.For[len(r.For)-1].ID != "sent") {
				t.Errorf("oauth %s for %v, though a message got through and the device was not asked", r.Fit, r.For)
			}
		}
	})
}
