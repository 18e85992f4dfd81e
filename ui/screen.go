package ui

import (
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// A screen fills the body of the window. Screens never name one another: they
// ask for the next one with a message, and App decides. A screen keeps what
// the admin did to it; what it draws is computed from that and env each time,
// so that a new size, theme or migration needs no telling.
type screen interface {
	// name is the id of its words: "help.<name>".
	name() string
	// is tells whether msg asks for this very screen.
	is(msg tea.Msg) bool
	Init(env) tea.Cmd
	Update(env, tea.Msg) (screen, tea.Cmd)
	// View draws the body within the width and height of env.
	View(env) string
	// heading is the left and the right of the first line.
	heading(env) (left, right string)
	// actions is what can be done now: the keys that work are these.
	actions(env) []action
	// typing reports whether keys are text for a field.
	typing() bool
	// busy reports whether something runs that leaving would stop.
	busy() bool
}

// env is what a screen sees of the world when it is asked something.
type env struct {
	opts          *Options
	tr            text.Printer
	th            theme
	runs          *runner
	now           time.Time
	mig           *wizard.Migration // never changed by a screen
	draft         *draft            // answers that were left unfinished
	width, height int               // of the body
}

func (e env) t(key string, args ...text.Args) string { return e.tr.T(key, args...) }

// An action is a key, its words, and what it does: what is shown at the foot,
// what ? lists and what a key press looks up are the same value.
type action struct {
	key.Binding
	// do is nil where the key belongs to the field that has the keyboard.
	do func() (screen, tea.Cmd)
	// quiet actions are listed by ? only: everybody expects them.
	quiet bool
}

// Messages by which screens ask App to move on.
type (
	captureWantedMsg  struct{}
	sessionWantedMsg  struct{ id string }
	senderWantedMsg   struct{ id string }
	registerWantedMsg struct{}
	scriptWantedMsg   struct{ ref ScriptRef }
	trialWantedMsg    struct{ sender string }
	addWantedMsg      struct{ list bool }
	// interviewWantedMsg asks for the interview of the device at an address.
	interviewWantedMsg struct{ peer string }
	backMsg            struct{}
)

// Messages by which a screen borrows the ports that another listens on.
type (
	portsWantedMsg struct{}
	portsFreeMsg   struct{}
	portsBackMsg   struct{}
)

// Facts that concern every screen.
type (
	// changedMsg is the migration as it now is on disk.
	changedMsg struct{ mig wizard.Migration }
	// arrivedMsg says that the migration on disk has grown by itself.
	arrivedMsg struct{}
	// saidMsg is a line for the foot of the window.
	saidMsg struct {
		text string
		bad  bool
	}
	tickMsg time.Time
)

// answerMsg carries the outcome of one call to the screen that made it.
type answerMsg[T any] struct {
	run   int64
	value T
	err   error
}

func send(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }

// stay is what an action returns that only changes its own screen.
func stay(s screen) (screen, tea.Cmd) { return s, nil }

// faultText is an error in the reader's language: why, and what to do.
func faultText(e env, err error) string {
	f, ok := asFault(err)
	if !ok || !e.tr.Has("fault."+string(f.Code)) {
		return clean(err.Error())
	}
	return faultWords(e, f.Code, f.Args)
}

// trouble is an error as the body of a screen.
func (e env) trouble(said string) []string {
	return indented(paint(e.th.bad, wrap("! "+said, min(prose, e.width-2), 2)))
}

func faultWords(e env, code probes.Code, args map[string]string) string {
	words := "fault." + string(code)
	said := e.t(words, e.args(args))
	if e.tr.Has(words + ".hint") {
		said += " " + e.t(words+".hint", e.args(args))
	}
	return said
}
