package cli

import (
	"context"
	"errors"
	"time"

	"offbasic/probes"
	"offbasic/probes/capture"
	"offbasic/wizard"
)

// attachEvery is how long sessions are gathered before their senders are
// written: a flood costs a few writes a second, not one each.
const attachEvery = 100 * time.Millisecond

// Capture runs the capturing server until ctx is done. A session is emitted
// when it is on disk and its sender knows of it; the emission waits for the
// reader, and so does the capture in the end.
func (w *Work) Capture(ctx context.Context, s capture.Server, emit func(probes.CaptureEvent)) error {
	if err := w.capturing(ctx, true); err != nil {
		return err
	}
	s.Store, s.Now = w.Folder, w.Now
	s.Neighbour = func(peer string) string { return w.neighbours.MAC(ctx, peer) }
	events, done := make(chan probes.CaptureEvent, 256), make(chan error, 1)
	go func() {
		defer close(events)
		done <- s.Run(ctx, func(ev probes.CaptureEvent) { events <- ev })
	}()
	attached := w.attach(events, emit)
	return errors.Join(<-done, attached, w.capturing(context.WithoutCancel(ctx), false))
}

func (w *Work) capturing(ctx context.Context, on bool) error {
	_, err := w.Folder.Change(ctx, func(m *wizard.Migration) error {
		m.Capturing = on
		return nil
	})
	return err
}

// attach takes events until the capture ends, gathers what comes close
// together, writes the senders, and only then passes the events on. After a
// write that failed it goes on taking events, so that the capture can end, and
// returns the first error.
func (w *Work) attach(events <-chan probes.CaptureEvent, emit func(probes.CaptureEvent)) error {
	var first error
	for ev := range events {
		batch := gather(ev, events)
		if _, err := w.Folder.Change(context.Background(), func(m *wizard.Migration) error {
			for _, ev := range batch {
				if ev.Session != nil {
					m.Attach(*ev.Session)
				}
			}
			return nil
		}); err != nil && first == nil {
			first = err
		}
		for _, ev := range batch {
			emit(ev)
		}
	}
	return first
}

// gather returns first and what follows it within attachEvery, a lone event
// at once.
func gather(first probes.CaptureEvent, events <-chan probes.CaptureEvent) []probes.CaptureEvent {
	batch := []probes.CaptureEvent{first}
	select {
	case ev, ok := <-events:
		if !ok {
			return batch
		}
		batch = append(batch, ev)
	default:
		return batch
	}
	full := time.After(attachEvery)
	for {
		select {
		case ev, ok := <-events:
			if !ok {
				return batch
			}
			batch = append(batch, ev)
		case <-full:
			return batch
		}
	}
}
