package ui

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"offbasic/probes"
)

// The live screen under load: 500 sessions a second for ten seconds.
func TestFloodIsDrawnAtMostTwentyTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "en")
		s := newStage(t, w.options(), 80, 24)
		s.press("c")
		s.pass(time.Second)
		const seconds, rate = 10, 500
		flood(w, seconds*rate, time.Second/rate)
		for range seconds {
			before := s.draws
			s.pass(time.Second)
			if n := s.draws - before; n > 20 {
				t.Errorf("%d redraws in a second, want at most 20", n)
			}
		}
		s.pass(2 * time.Second)
		screen := s.app().top().(captureScreen)
		if screen.total != seconds*rate {
			t.Errorf("%d sessions shown as arrived, want %d", screen.total, seconds*rate)
		}
		if n := len(screen.seen); n != kept {
			t.Errorf("%d sessions in memory, want %d", n, kept)
		}
		s.sees("4500 older sessions are kept on disk", "10.0.19.135")
		if n := len(s.app().mig.Senders); n != seconds*rate {
			t.Errorf("%d senders known after the flood, want %d", n, seconds*rate)
		}
		s.end()
	})
}

// A key is answered at once, whatever arrives meanwhile.
func TestKeyIsAnsweredDuringAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "en")
		s := newStage(t, w.options(), 80, 24)
		s.press("c")
		flood(w, 2000, 2*time.Millisecond)
		s.pass(time.Second)
		began := time.Now()
		s.press("?")
		s.sees("Keys that work here")
		if took := time.Since(began); took > 0 {
			t.Errorf("the key was answered after %s, want within the frame", took)
		}
		s.press("esc", "up")
		selected, _ := s.app().top().(captureScreen).selected(s.app().top().(captureScreen).rows(s.app().env()))
		id := selected.ID
		s.pass(200 * time.Millisecond)
		if selected, _ = s.app().top().(captureScreen).selected(s.app().top().(captureScreen).rows(s.app().env())); selected.ID != id {
			t.Errorf("the cursor moved from %s to %s by itself", id, selected.ID)
		}
		s.pass(4 * time.Second)
		s.end()
	})
}

// flood sends n devices, one every interval.
func flood(w *world, n int, interval time.Duration) {
	go func() {
		for i := range n {
			time.Sleep(interval)
			c := probes.Session{
				ID: fmt.Sprintf("f%05d", i), Started: time.Now(), Peer: fmt.Sprintf("10.0.%d.%d", i/256, i%256), Listener: "0.0.0.0:587",
				TLS: probes.TLS{Mode: probes.NoTLS}, End: probes.EndQuit,
			}
			w.mu.Lock()
			w.mig.Attach(c)
			w.mu.Unlock()
			w.told <- probes.CaptureEvent{Session: &c}
		}
	}()
}
