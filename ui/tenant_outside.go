package ui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
)

// outsideWantedMsg asks for the test send that must be refused.
type outsideWantedMsg struct{}

// outsideTriedMsg says what that test send came to, in words.
type outsideTriedMsg struct{ words []string }

// newOutside asks as which mailbox the app must be refused, and tries it.
func newOutside(e env) formScreen {
	v, mailbox := validator{e}, ""
	if e.mig.App != nil {
		mailbox = e.mig.App.Outside
	}
	answer := &mailbox
	fields := func() []*huh.Group {
		return []*huh.Group{huh.NewGroup(e.input("tenant.outside", answer).Validate(v.recipient))}
	}
	return newForm(e, "outside", e.t("tenant.outside.title"), fields, nil).thatCanStop("tenant.outside", func(ctx context.Context, e env) ([]tea.Msg, error) {
		words, err := e.opts.ProveOutside(ctx, strings.TrimSpace(*answer))
		if err != nil {
			return nil, err
		}
		m, err := e.opts.Reload(e.runs.ctx)
		if err != nil {
			return nil, err
		}
		return []tea.Msg{changedMsg{m}, outsideTriedMsg{words}}, nil
	})
}

// outsideLines are what the test send that must be refused came to.
func (s tenantScreen) outsideLines(e env, width int) []string {
	var lines []string
	for _, w := range s.outside {
		lines = append(lines, indented(wrap("> "+clean(w), width, 2))...)
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	return lines[:min(len(lines), max(0, e.height/2))]
}
