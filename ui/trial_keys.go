package ui

import (
	tea "charm.land/bubbletea/v2"

	"offbasic/wizard"
)

func (s trialScreen) actions(e env) []action {
	c, ok := e.mig.Sender(s.sender)
	if !ok || c.Route == "" {
		return []action{e.ask("back", backMsg{}, "esc")}
	}
	if s.page != noPage {
		return s.pageActions(e)
	}
	acts := s.stateActions(e)
	if s.state == running || s.state == stopping {
		return acts
	}
	if !s.looking && !s.found() {
		acts = append(acts, s.choices(e, c)...)
	}
	if s.trial != nil {
		acts = append(acts, s.pages(e)...)
	}
	return s.leaveActions(e, append(acts, s.remedies(e)...))
}

// remedies are the numbers of what was read of the tenant: each goes to where
// it is mended.
func (s trialScreen) remedies(e env) []action {
	var acts []action
	for i, f := range s.why.Findings {
		if msg := remedyMsg(f); msg != nil && s.state == ended && i < 9 {
			acts = append(acts, e.quietly("remedy", func() (screen, tea.Cmd) { return nil, send(msg) }, number(i+1)))
		}
	}
	return acts
}

// choices change what is sent, and to whom, before it is sent again.
func (s trialScreen) choices(e env, c *wizard.Sender) []action {
	acts := []action{e.ask("to", toWantedMsg{s.sender, s.to}, "w"), e.ask("try_values", tryValuesWantedMsg{s.sender}, "v")}
	if s.state == idle && len(s.messages) > 0 {
		acts = append(acts, e.on("message", func() (screen, tea.Cmd) {
			if s.message++; s.message >= len(s.messages) {
				s.message = -1
			}
			return s.ahead(e)
		}, "m"))
	}
	if len(e.mig.SenderScripts(*c)) > 0 && (!wizard.NeedsApp(c.Route) || e.mig.App != nil) {
		acts = append(acts, e.ask("set_up", scriptWantedMsg{ScriptRef{Sender: c.ID}}, "s"))
	}
	return acts
}

// pages are what can be read of a trial.
func (s trialScreen) pages(e env) []action {
	show := func(p trialPage) func() (screen, tea.Cmd) {
		return func() (screen, tea.Cmd) { s.page, s.top = p, 0; return stay(s) }
	}
	var acts []action
	if len(s.trial.Transcript) > 0 {
		acts = append(acts, e.on("transcript", show(transcriptPage), "x"))
	}
	acts = append(acts, e.on("try_details", show(detailPage), "d"))
	if e.opts.Repeat != nil && e.opts.Repeat(*s.trial) != "" {
		acts = append(acts, e.on("repeat", show(repeatPage), "r"))
	}
	return acts
}

// stateActions are what the state of the trial calls for.
func (s trialScreen) stateActions(e env) []action {
	begin := func() (screen, tea.Cmd) { return s.begin(e) }
	_, waits := s.waits(e)
	switch {
	case s.state == stopping:
		return nil
	case s.state == running:
		return []action{e.on("cancel", func() (screen, tea.Cmd) { s.run.stop(); s.state = stopping; return stay(s) }, "esc")}
	case s.looking:
		return []action{e.on("stop_looking", func() (screen, tea.Cmd) { s.look.stop(); s.looking = false; return stay(s) }, "s")}
	case s.state == idle && s.ready(e):
		return []action{e.on("send", begin, "enter")}
	case s.state == idle:
		return []action{e.ask("try_values", tryValuesWantedMsg{s.sender}, "enter")}
	case s.found():
		return []action{e.ask("sender", senderWantedMsg{s.sender}, "enter"), e.on("again", begin, "a")}
	case s.sent():
		return []action{e.on("look_again", func() (screen, tea.Cmd) { return s.search(e) }, "enter"), e.on("again", begin, "a")}
	case waits:
		return []action{
			e.on("try_now", begin, "enter", "a"),
			e.on("stop_waiting", func() (screen, tea.Cmd) { s.impatient, s.awaits = true, false; return stay(s) }, "n"),
		}
	}
	return []action{e.on("again", begin, "enter", "a")}
}

// leaveActions are the way back, which first stops looking, and the moves.
func (s trialScreen) leaveActions(e env, acts []action) []action {
	back := e.ask("back", backMsg{}, "esc")
	if s.looking {
		back = e.on("back", func() (screen, tea.Cmd) { s.look.stop(); s.looking = false; return s, send(backMsg{}) }, "esc")
	}
	return append(append(acts, back), s.moves(e)...)
}

func (s trialScreen) moves(e env) []action {
	last := lastTop(s.lines(e), e.height)
	move := func(n int) (screen, tea.Cmd) { s.top = max(0, min(s.top+n, last)); return stay(s) }
	return e.moves(move, e.height-2)
}

// pageActions are those of a page that is shown in the place of the trial.
func (s trialScreen) pageActions(e env) []action {
	closing := func() (screen, tea.Cmd) { s.page, s.top = noPage, 0; return stay(s) }
	var acts []action
	switch s.page {
	case transcriptPage:
		acts = []action{e.copy("copy_transcript", transcriptText(s.trial.Transcript), "c"), e.on("close", closing, "esc", "x")}
	case repeatPage:
		acts = []action{e.copy("copy_command", e.opts.Repeat(*s.trial), "c"), e.on("close", closing, "esc", "r")}
	case detailPage, noPage:
		acts = []action{e.on("close", closing, "esc", "d")}
	}
	return append(acts, s.moves(e)...)
}
