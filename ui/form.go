package ui

import (
	"context"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
)

// formScreen is a page of questions. The answers are written through pointers
// that outlive it, so that leaving with esc loses nothing.
type formScreen struct {
	id     string
	title  string
	form   *huh.Form
	build  func() *huh.Form // anew, with the answers given so far
	save   func(context.Context, env) tea.Cmd
	saving bool
	run    int64
	// doing is what takes a while when the form is saved, as words under
	// "<doing>.sending" and, when the admin stopped it, "<doing>.stopped". ""
	// cannot be stopped.
	doing    string
	stop     context.CancelFunc
	stopping bool
}

// savedMsg says how the saving of a form ended.
type savedMsg struct {
	run int64
	err error
	// then is what follows when it went well.
	then []tea.Msg
}

// submittedMsg says that the last question of a form is answered.
type submittedMsg struct{ run int64 }

func newForm(e env, id, title string, fields func() []*huh.Group, save func(env) ([]tea.Msg, error)) formScreen {
	s := formScreen{id: id, title: title, run: e.runs.next()}
	run := s.run
	s.build = func() *huh.Form {
		f := huh.NewForm(fields()...).WithShowHelp(false).WithTheme(e.th).WithKeyMap(e.formKeys())
		f.SubmitCmd = send(submittedMsg{run})
		f.CancelCmd = tea.Quit
		return f
	}
	s.save = func(_ context.Context, e env) tea.Cmd {
		return func() tea.Msg {
			then, err := save(e)
			return savedMsg{run, err, then}
		}
	}
	s.form = s.build()
	return s
}

// thatCanStop makes the saving of a form something that takes a while, and that
// ends with its context.
func (s formScreen) thatCanStop(doing string, save func(context.Context, env) ([]tea.Msg, error)) formScreen {
	run := s.run
	s.doing = doing
	s.save = func(ctx context.Context, e env) tea.Cmd {
		return func() tea.Msg {
			then, err := save(ctx, e)
			return savedMsg{run, err, then}
		}
	}
	return s
}

// begin saves the answers.
func (s formScreen) begin(e env) (screen, tea.Cmd) {
	ctx := e.runs.ctx
	s.saving, s.stopping, s.stop = true, false, nil
	if s.doing != "" {
		ctx, s.stop = context.WithCancel(ctx)
	}
	return s, s.save(ctx, e)
}

func (s formScreen) name() string                     { return s.id }
func (formScreen) is(tea.Msg) bool                    { return false }
func (s formScreen) typing() bool                     { return true }
func (s formScreen) busy() bool                       { return s.saving && s.stop != nil }
func (s formScreen) heading(env) (left, right string) { return s.title, "" }

func (s formScreen) Init(e env) tea.Cmd {
	cmd := s.form.Init()
	_, sized := s.form.Update(tea.WindowSizeMsg{Width: min(prose, e.width-2), Height: e.height})
	return tea.Batch(cmd, sized)
}

func (s formScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case submittedMsg:
		if msg.run == s.run {
			return s.begin(e)
		}
		return s, nil
	case savedMsg:
		if msg.run == s.run {
			return s.saved(e, msg)
		}
		return s, nil
	case tickMsg, changedMsg:
		return s, nil
	case tea.WindowSizeMsg:
		return s.pass(tea.WindowSizeMsg{Width: min(prose, e.width-2), Height: e.height})
	}
	return s.pass(msg)
}

func (s formScreen) pass(msg tea.Msg) (screen, tea.Cmd) {
	m, cmd := s.form.Update(msg)
	if f, ok := m.(*huh.Form); ok {
		s.form = f
	}
	return s, cmd
}

// saved goes back when it went well; else the questions stand again, answered.
func (s formScreen) saved(e env, msg savedMsg) (screen, tea.Cmd) {
	s.saving = false
	if s.stop != nil {
		s.stop()
	}
	if msg.err != nil {
		s.form = s.build()
		said := saidMsg{faultText(e, msg.err), true}
		if s.stopping {
			said = saidMsg{text: e.t(s.doing + ".stopped")}
		}
		return s, tea.Batch(s.Init(e), send(said))
	}
	cmds := []tea.Cmd{send(backMsg{})}
	for _, m := range msg.then {
		cmds = append(cmds, send(m))
	}
	return s, tea.Sequence(cmds...)
}

// actions are huh's own keys, which it handles itself, and esc.
func (s formScreen) actions(e env) []action {
	switch {
	case s.saving && s.stop != nil && !s.stopping:
		return []action{e.on("cancel", func() (screen, tea.Cmd) { s.stop(); s.stopping = true; return stay(s) }, "esc")}
	case s.saving:
		return nil
	}
	var acts []action
	for _, b := range s.form.KeyBinds() {
		if b.Enabled() && !key.Matches(tea.KeyPressMsg{Code: tea.KeyEscape}, b) {
			acts = append(acts, action{Binding: b})
		}
	}
	return append(acts, e.ask("leave_form", backMsg{}, "esc"))
}

func (s formScreen) View(e env) string {
	if s.saving {
		switch {
		case s.stopping:
			return " " + e.t("setup.ui.stopping")
		case s.doing != "":
			return " " + e.t(s.doing+".sending")
		}
		return " " + e.t("app.saving")
	}
	lines := strings.Split(s.form.View(), "\n")
	for i := range lines {
		lines[i] = " " + lines[i]
	}
	return strings.Join(lines, "\n")
}
