package ui

import (
	"context"
	"fmt"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"offbasic/assets"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// BenchmarkFirstFrame is from New to the first frame of the home screen, with
// many senders. No session is read for it.
func BenchmarkFirstFrame(b *testing.B) {
	tr, err := text.Load(assets.Locales(), "en")
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprintf("senders=%d", n), func(b *testing.B) {
			w := &world{tr: tr}
			for i := range n {
				w.mig.Attach(probes.Session{ID: "x", Peer: fmt.Sprintf("10.0.%d.%d", i/256, i%256), Started: time.Unix(int64(i), 0)})
			}
			opts := w.options()
			opts.Sessions = func(context.Context, string) ([]probes.Session, error) {
				b.Fatal("sessions were read for the first frame")
				return nil, nil
			}
			b.ReportAllocs()
			for b.Loop() {
				m, _ := New(b.Context(), opts).Update(tea.WindowSizeMsg{Width: 80, Height: 24})
				if m.View().Content == "" {
					b.Fatal("nothing was drawn")
				}
			}
		})
	}
}

// BenchmarkCaptureFrame is one frame of the live screen under load: a batch of
// 30 sessions, and the drawing.
func BenchmarkCaptureFrame(b *testing.B) {
	tr, err := text.Load(assets.Locales(), "en")
	if err != nil {
		b.Fatal(err)
	}
	w := &world{tr: tr, mig: wizard.Migration{}}
	opts := w.options()
	app := New(b.Context(), opts)
	app.width, app.height = 80, 24
	s := captureScreen{follow: true, state: running}
	batch := make([]probes.CaptureEvent, 30)
	for i := range batch {
		c := copier
		c.ID = fmt.Sprint(i)
		batch[i] = probes.CaptureEvent{Session: &c}
	}
	b.ReportAllocs()
	for b.Loop() {
		next, _ := s.take(app.env(), batch)
		s = next.(captureScreen)
		app.stack = []screen{newHome(), s}
		if app.View().Content == "" {
			b.Fatal("nothing was drawn")
		}
	}
}
