package ui

import (
	tea "charm.land/bubbletea/v2"
)

// findWanted is the screen of finding, ordering or reporting that a message
// asks for.
func (a App) findWanted(msg tea.Msg) (screen, bool) {
	switch msg := msg.(type) {
	case importWantedMsg:
		return newImport(msg), true
	case boardWantedMsg:
		return newBoard(a.env()), true
	case askWantedMsg:
		return newAsk(a.env(), msg.sender), true
	case sourcesWantedMsg:
		return newSources(a.env(), msg.sender), true
	case reportWantedMsg:
		return newReport(a.env()), true
	case reportPathWantedMsg:
		return newReportPath(a.env(), msg.req), true
	}
	return nil, false
}

// findActions are the home screen's ways to senders, and to their order.
func (e env) findActions() []action {
	if e.opts.Import == nil {
		return []action{e.ask("list", addWantedMsg{list: true}, "i")}
	}
	acts := []action{e.ask("import", importWantedMsg{}, "i")}
	if e.opts.Plan != nil && len(e.mig.Senders) > 0 {
		acts = append(acts, e.ask("board", boardWantedMsg{}, "p"))
	}
	return acts
}

// senderFinds are what a sender's screen offers of the questions and, beside
// its evidence, of what it is known from.
func (e env) senderFinds(id string, evidence bool) []action {
	switch {
	case evidence && e.opts.Join != nil:
		return []action{e.ask("sources", sourcesWantedMsg{id}, "f")}
	case !evidence && e.opts.Plan != nil:
		return []action{e.ask("answer", askWantedMsg{id}, "a")}
	}
	return nil
}

// dragged is a file that was dragged into the terminal.
func (e env) dragged(msg tea.Msg) tea.Cmd {
	p, ok := msg.(tea.PasteMsg)
	if !ok || e.opts.Import == nil || !pathLike(p.Content) {
		return nil
	}
	return send(importWantedMsg{p.Content})
}
