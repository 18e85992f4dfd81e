// Package ui is the terminal interface: a root model that owns the window and
// a stack of screens. Update decides and commands act; neither Update nor View
// ever opens a file or a socket, or asks the clock. What the interface needs
// from the outside is a struct of functions that main fills in.
package ui

import (
	"context"
	"slices"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"offbasic/probes"
	"offbasic/wizard"
)

// App is the root model.
type App struct {
	opts *Options
	runs *runner
	th   theme
	mig  wizard.Migration
	now  time.Time

	width, height int
	stack         []screen // the last one is shown
	over          overlay
	overTop       int // first line of the overlay shown
	said          saidMsg
	draft         *draft

	stale     bool // the migration on disk is newer than mig
	reloading int64
}

// New returns the interface at its home screen. Everything that it starts ends
// with ctx.
func New(ctx context.Context, opts Options) App {
	if opts.Now == nil {
		opts.Now = time.Now //nolint:forbidigo // the default clock
	}
	if opts.Location == nil {
		opts.Location = time.Local
	}
	a := App{
		opts: &opts, runs: &runner{ctx: ctx}, th: newTheme(true),
		mig: opts.Migration, now: opts.Now(), stack: []screen{newHome()}, draft: &draft{},
	}
	return a
}

// Init asks for the background colour and starts the clock.
func (a App) Init() tea.Cmd {
	return tea.Batch(tea.RequestBackgroundColor, a.tick(), a.top().Init(a.env()))
}

// tick is the interface's clock: it makes "2 days ago" and waits move on.
func (a App) tick() tea.Cmd {
	now := a.opts.Now
	return tea.Tick(time.Second, func(time.Time) tea.Msg { return tickMsg(now()) })
}

// Update decides what a message changes.
func (a App) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.width, a.height = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		a.th = newTheme(msg.IsDark())
		return a.tell(msg)
	case tea.KeyPressMsg:
		return a.press(msg)
	case tea.PasteMsg:
		return a.tellTop(msg)
	case tickMsg:
		return a.ticked(msg)
	case batchMsg[probes.CaptureEvent]:
		// No message of its own: it would be one more redraw a frame.
		a.stale = a.stale || slices.ContainsFunc(msg.events, func(ev probes.CaptureEvent) bool { return ev.Session != nil })
	case arrivedMsg:
		return a.arrived()
	case answerMsg[wizard.Migration]:
		return a.reloaded(msg)
	case changedMsg:
		a = a.changed(msg)
	case saidMsg:
		a.said = msg
		return a, nil
	case backMsg:
		return a.back()
	case draftDoneMsg, secretMsg:
		a.draft.take(msg)
		return a, nil
	case overlayMsg:
		a.over, a.overTop = msg.over, 0
		return a, nil
	case scrollMsg:
		a.overTop = max(0, min(a.overTop+int(msg), a.overLines()-1))
		return a, nil
	}
	if i := slices.IndexFunc(a.stack, func(s screen) bool { return s.is(msg) }); i >= 0 {
		return a.raise(i), nil
	}
	if s, ok := a.wanted(msg); ok {
		return a.open(s)
	}
	return a.tell(msg)
}

// changed takes up a state that was just written. A reading that is under way
// may be older: it is dropped and done again.
func (a App) changed(msg changedMsg) App {
	a.mig = msg.mig
	if a.reloading != 0 {
		a.reloading, a.stale = 0, true
	}
	return a
}

// wanted is the screen that a message asks for.
func (a App) wanted(msg tea.Msg) (screen, bool) {
	switch msg := msg.(type) {
	case captureWantedMsg:
		return newCapture(a.env()), true
	case sessionWantedMsg:
		return newSession(a.env(), msg.id), true
	case senderWantedMsg:
		return newSender(a.env(), msg.id), true
	case interviewWantedMsg:
		return newInterview(a.env(), msg.peer, a.listening()), true
	case addWantedMsg:
		return newAdd(a.env(), msg.list), true
	case editWantedMsg:
		return newEdit(a.env(), msg), true
	case whoWantedMsg:
		return newWho(msg), true
	case toWantedMsg:
		return newTo(a.env(), msg), true
	}
	return a.setupWanted(msg)
}

// setupWanted is the screen of the tenant, of a script or of a test send that a
// message asks for.
func (a App) setupWanted(msg tea.Msg) (screen, bool) {
	switch msg := msg.(type) {
	case registerWantedMsg:
		if a.opts.Register == nil {
			return newRegister(a.env()), true
		}
		return newRegisterChoice(a.env()), true
	case byHandMsg:
		return newRegister(a.env()), true
	case setupWantedMsg:
		return newSetup(a.env(), msg.req), true
	case undoWantedMsg:
		return newUndo(a.env()), true
	case changesWantedMsg:
		return newChanges(a.env()), true
	case outsideWantedMsg:
		return newOutside(a.env()), true
	case tenantWantedMsg:
		return newTenant(a.env()), true
	case scriptWantedMsg:
		return newScript(a.env(), msg.ref), true
	case scriptsWantedMsg:
		return scriptsScreen{sender: msg.sender}, true
	case valuesWantedMsg:
		return newValues(a.env(), msg.ref), true
	case answerWantedMsg:
		return newAnswer(a.env(), msg.ref), true
	case trialWantedMsg:
		return newTrial(a.env(), msg.sender), true
	case tryValuesWantedMsg:
		return newTryValues(a.env(), msg.sender), true
	case compareWantedMsg:
		return newCompare(msg.sender), true
	}
	return a.findWanted(msg)
}

func (a App) top() screen { return a.stack[len(a.stack)-1] }

// open shows a screen above the others.
func (a App) open(s screen) (tea.Model, tea.Cmd) {
	a.said = saidMsg{}
	a.stack = append(slices.Clip(a.stack), s)
	return a, s.Init(a.env())
}

// raise shows screen i, which is open already: what it runs is not started
// twice, and the stack holds each subject once.
func (a App) raise(i int) App {
	a.said = saidMsg{}
	s := a.stack[i]
	a.stack = append(slices.Delete(slices.Clone(a.stack), i, i+1), s)
	return a
}

func (a App) back() (tea.Model, tea.Cmd) {
	a.said = saidMsg{}
	if len(a.stack) > 1 {
		a.stack = slices.Clone(a.stack[:len(a.stack)-1])
	}
	return a, nil
}

// tell passes a message on to every screen: one that is covered by another
// goes on receiving what it asked for.
func (a App) tell(msg tea.Msg) (tea.Model, tea.Cmd) {
	e, cmds := a.env(), make([]tea.Cmd, len(a.stack))
	a.stack = slices.Clone(a.stack)
	for i, s := range a.stack {
		a.stack[i], cmds[i] = s.Update(e, msg)
	}
	return a, tea.Batch(cmds...)
}

func (a App) tellTop(msg tea.Msg) (tea.Model, tea.Cmd) {
	s, cmd := a.top().Update(a.env(), msg)
	return a.swap(s), cmd
}

func (a App) swap(s screen) App {
	a.stack = slices.Clone(a.stack)
	a.stack[len(a.stack)-1] = s
	return a
}

// press looks a key up among the actions that are possible now.
func (a App) press(msg tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	if msg.String() == forceQuit {
		return a, tea.Quit
	}
	if a.tooSmall() {
		return a, nil
	}
	for _, act := range a.actions() {
		if act.do != nil && key.Matches(msg, act.Binding) {
			return a.act(act)
		}
	}
	if a.typing() {
		return a.tellTop(msg)
	}
	return a, nil
}

func (a App) act(act action) (tea.Model, tea.Cmd) {
	a.said = saidMsg{}
	s, cmd := act.do()
	if s == nil {
		return a, cmd
	}
	return a.swap(s), cmd
}

// ticked moves the clock on, and reads the migration again when it has grown.
func (a App) ticked(msg tickMsg) (tea.Model, tea.Cmd) {
	a.now = time.Time(msg)
	cmds := []tea.Cmd{a.tick()}
	if a.stale && a.reloading == 0 {
		a.stale, a.reloading = false, a.runs.next()
		cmds = append(cmds, ask(a.runs, a.reloading, a.opts.Reload))
	}
	m, cmd := a.tell(msg)
	return m, tea.Batch(append(cmds, cmd)...)
}

func (a App) arrived() (tea.Model, tea.Cmd) {
	a.stale = true
	return a, nil
}

func (a App) reloaded(msg answerMsg[wizard.Migration]) (tea.Model, tea.Cmd) {
	if msg.run != a.reloading {
		return a, nil
	}
	a.reloading = 0
	if msg.err != nil {
		a.said = saidMsg{faultText(a.env(), msg.err), true}
		return a, nil
	}
	a.mig = msg.value
	return a.tell(changedMsg{a.mig})
}

// listening tells whether a screen holds the ports.
func (a App) listening() bool {
	return slices.ContainsFunc(a.stack, func(s screen) bool {
		c, ok := s.(captureScreen)
		return ok && c.busy()
	})
}

func (a App) busy() bool { return slices.ContainsFunc(a.stack, screen.busy) }

func (a App) typing() bool { return a.over == noOverlay && a.top().typing() }

// change asks for a change of the migration. What follows it is asked for only
// when the change is on disk.
func change(e env, f func(*wizard.Migration) error, after ...tea.Msg) tea.Cmd {
	return func() tea.Msg {
		m, err := e.opts.Change(e.runs.ctx, f)
		if err != nil {
			return saidMsg{faultText(e, err), true}
		}
		cmds := []tea.Cmd{send(changedMsg{m})}
		for _, msg := range after {
			cmds = append(cmds, send(msg))
		}
		return tea.Sequence(cmds...)()
	}
}
