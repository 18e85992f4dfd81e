package ui

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"
)

// frame is the time that events are gathered before they are drawn: with the
// clock's tick and one reload a second it keeps below 20 redraws a second.
const frame = 60 * time.Millisecond

// batchLimit bounds the events of one frame. A source that is faster waits.
const batchLimit = 1024

// runner owns every goroutine that the interface starts.
type runner struct {
	ctx  context.Context //nolint:containedctx // the program's lifetime
	wg   sync.WaitGroup
	last atomic.Int64
}

// next is a new id, which tells the messages of one run from those of others.
func (r *runner) next() int64 { return r.last.Add(1) }

// A stream carries a running source's events into the update loop, in order.
// Exactly one next command is outstanding at any moment; the Update that
// receives its message asks for the following one. A source that outruns the
// screen therefore waits, and nothing is lost or reordered.
type stream[T any] struct {
	id     int64
	stop   context.CancelFunc
	events chan T
	done   chan error
}

type (
	// batchMsg is what happened during one frame.
	batchMsg[T any] struct {
		run    int64
		events []T
	}
	// endMsg says that the source of a run has ended.
	endMsg struct {
		run int64
		err error
	}
)

// start runs source in the background until it ends or stop is called.
func start[T any](r *runner, source func(ctx context.Context, emit func(T)) error) stream[T] {
	ctx, stop := context.WithCancel(r.ctx)
	s := stream[T]{r.next(), stop, make(chan T), make(chan error, 1)}
	r.wg.Go(func() {
		defer stop()
		defer close(s.events)
		s.done <- source(ctx, func(ev T) {
			select {
			case s.events <- ev:
			case <-ctx.Done():
			}
		})
	})
	return s
}

// next waits for an event and gathers those that follow within one frame, or
// tells the end.
func (s stream[T]) next() tea.Msg {
	first, ok := <-s.events
	if !ok {
		return endMsg{s.id, <-s.done}
	}
	batch := []T{first}
	over := time.NewTimer(frame)
	defer over.Stop()
	for {
		more := s.events
		if len(batch) >= batchLimit {
			more = nil
		}
		select {
		case ev, ok := <-more:
			if !ok {
				return batchMsg[T]{s.id, batch}
			}
			batch = append(batch, ev)
		case <-over.C:
			return batchMsg[T]{s.id, batch}
		}
	}
}

// ask calls f in the background; its answer comes back under run.
func ask[T any](r *runner, run int64, f func(context.Context) (T, error)) tea.Cmd {
	return func() tea.Msg {
		v, err := f(r.ctx)
		return answerMsg[T]{run, v, err}
	}
}
