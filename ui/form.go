package ui

import (
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
	save   func(env) tea.Cmd
	saving bool
	doing  string // the words while it saves; "" are those of saving
	run    int64
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
	s.save = func(e env) tea.Cmd {
		return func() tea.Msg {
			then, err := save(e)
			return savedMsg{run, err, then}
		}
	}
	s.form = s.build()
	return s
}

func (s formScreen) name() string                     { return s.id }
func (formScreen) is(tea.Msg) bool                    { return false }
func (s formScreen) typing() bool                     { return true }
func (s formScreen) busy() bool                       { return false }
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
			s.saving = true
			return s, s.save(e)
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
	if msg.err != nil {
		s.form = s.build()
		return s, tea.Batch(s.Init(e), send(saidMsg{faultText(e, msg.err), true}))
	}
	cmds := []tea.Cmd{send(backMsg{})}
	for _, m := range msg.then {
		cmds = append(cmds, send(m))
	}
	return s, tea.Sequence(cmds...)
}

// actions are huh's own keys, which it handles itself, and esc.
func (s formScreen) actions(e env) []action {
	if s.saving {
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
		if s.doing != "" {
			return " " + e.t(s.doing)
		}
		return " " + e.t("app.saving")
	}
	lines := strings.Split(s.form.View(), "\n")
	for i := range lines {
		lines[i] = " " + lines[i]
	}
	return strings.Join(lines, "\n")
}
