package ui

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"
)

// Run shows the interface until the admin leaves it or ctx ends. When it
// returns, nothing that it started is still running.
func Run(ctx context.Context, opts Options, with ...tea.ProgramOption) error {
	if opts.Accessible {
		return runPlain(ctx, opts)
	}
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	app := New(running, opts)
	_, err := tea.NewProgram(app, append([]tea.ProgramOption{tea.WithContext(ctx)}, with...)...).Run()
	cancel()
	app.runs.wg.Wait()
	if errors.Is(err, tea.ErrInterrupted) || ctx.Err() != nil {
		return nil
	}
	return err
}
