package cli

import (
	"context"
	"errors"
	"slices"
	"time"

	"offbasic/probes"
	"offbasic/probes/capture"
	"offbasic/wizard"
)

// attachEvery is how long after their senders were written the next sessions
// are gathered: a flood costs a few writes a second, not one each.
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

// attach takes events until the capture ends, gathers what comes close behind
// another, makes their senders known, and only then passes the events on. After
// a write that failed it goes on taking events, so that the capture can end, and
// returns the first error.
func (w *Work) attach(events <-chan probes.CaptureEvent, emit func(probes.CaptureEvent)) error {
	var first error
	rest := time.After(0)
	for ev := range events {
		if ev.Session == nil {
			emit(ev)
			continue
		}
		batch := gather(ev, events, rest)
		if err := w.attachAll(batch); err != nil && first == nil {
			first = err
		}
		rest = time.After(attachEvery)
		for _, ev := range batch {
			emit(ev)
		}
	}
	return first
}

// attachAll makes the senders of sessions known: on the disk, and where that is
// full at least here. The next start counts the sessions anew.
func (w *Work) attachAll(batch []probes.CaptureEvent) error {
	attach := func(m *wizard.Migration) {
		for _, ev := range batch {
			if ev.Session != nil && w.wasKept(*ev.Session) {
				m.Attach(*ev.Session)
			}
		}
	}
	_, err := w.Folder.Change(context.Background(), func(m *wizard.Migration) error {
		attach(m)
		return nil
	})
	if err != nil {
		_, assumed := w.Folder.Assume(attach)
		err = errors.Join(err, assumed)
	}
	return err
}

// wasKept tells whether a session is on the disk: one with a message that could
// not be kept may be there all the same.
func (w *Work) wasKept(s probes.Session) bool {
	if !slices.Contains(s.Quirks, "keep_failed") {
		return true
	}
	_, err := w.Folder.Session(context.Background(), s.ID)
	return err == nil
}

// gather returns first and what follows it until the rest is over.
func gather(first probes.CaptureEvent, events <-chan probes.CaptureEvent, rest <-chan time.Time) []probes.CaptureEvent {
	batch := []probes.CaptureEvent{first}
	for {
		select {
		case ev, ok := <-events:
			if !ok {
				return batch
			}
			batch = append(batch, ev)
		case <-rest:
			return batch
		}
	}
}
