package ui

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"offbasic/ui/text"
	"offbasic/wizard"
)

// every is how often the answer of a script is looked for.
const every = 5 * time.Second

// scriptScreen shows a script, saves it, runs it where that is possible, and
// waits for its answer.
type scriptScreen struct {
	ref    ScriptRef
	script ScriptText
	lines  []string // as drawn, without numbers
	dark   bool     // the background that lines were drawn for
	err    string
	top    int

	saveRun, readRun, runRun int64 // the calls under way; 0 for none
	path                     string
	saved                    time.Time
	asked                    time.Time // when the answer was last looked for
	rows                     []ReadBackLine
	confirming               bool // running was asked for and not confirmed
	results                  bool // the answer in full is shown instead of the text
}

// Messages about a script.
type (
	scriptRanMsg struct {
		run  int64
		path string // where it was saved
		err  error
	}
	// readBackWantedMsg asks for the answer of a script to be read.
	readBackWantedMsg struct{ ref ScriptRef }
	// valuesWantedMsg asks for the values of a script, answerWantedMsg for an
	// answer that was made elsewhere.
	valuesWantedMsg struct{ ref ScriptRef }
	answerWantedMsg struct{ ref ScriptRef }
	// answerTakenMsg is such an answer, as it was understood.
	answerTakenMsg struct {
		ref  ScriptRef
		rows []ReadBackLine
	}
)

func newScript(e env, ref ScriptRef) scriptScreen {
	return scriptScreen{ref: ref}.written(e)
}

// written is the script with the values that are known now.
func (s scriptScreen) written(e env) scriptScreen {
	script, err := e.opts.Script(s.ref)
	s.err = ""
	if err != nil {
		s.err = faultText(e, err)
		return s
	}
	if script.Text != s.script.Text || s.dark != e.th.dark {
		s.script = script
		s = s.drawn(e)
	}
	s.script = script
	return s
}

// drawn colours the text once for each background.
func (s scriptScreen) drawn(e env) scriptScreen {
	s.dark, s.lines = e.th.dark, nil
	var b strings.Builder
	for l := range strings.Lines(s.script.Text) {
		b.WriteString(clean(strings.ReplaceAll(strings.TrimRight(l, "\r\n"), "\t", "    ")) + "\n")
	}
	for _, line := range powershell(b.String()) {
		s.lines = append(s.lines, e.th.styled(line))
	}
	return s
}

func (scriptScreen) name() string { return "script" }
func (s scriptScreen) is(msg tea.Msg) bool {
	return msg == tea.Msg(scriptWantedMsg{s.ref})
}
func (scriptScreen) typing() bool { return false }
func (s scriptScreen) busy() bool { return s.runRun != 0 }

// Init looks whether an answer is there already, from an earlier day.
func (s scriptScreen) Init(_ env) tea.Cmd {
	if s.err != "" {
		return nil
	}
	return send(readBackWantedMsg{s.ref})
}

func (s scriptScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case readBackWantedMsg:
		if msg.ref == s.ref {
			return s.read(e)
		}
	case answerMsg[string]:
		if msg.run == s.saveRun {
			return s.wasSaved(e, msg)
		}
	case answerMsg[[]ReadBackLine]:
		if msg.run == s.readRun {
			return s.wasRead(e, msg)
		}
	case answerTakenMsg:
		if msg.ref == s.ref {
			return s.shows(e, msg.rows)
		}
	case tea.PasteMsg:
		return s.pasted(e, msg.Content)
	case scriptRanMsg:
		if msg.run == s.runRun {
			return s.ran(e, msg)
		}
	case changedMsg:
		return s.written(e), nil
	case tea.BackgroundColorMsg:
		return s.drawn(e), nil
	case tickMsg:
		if s.waiting() && s.readRun == 0 && time.Time(msg).Sub(s.asked) >= every {
			return s.read(e)
		}
	}
	return s, nil
}

// waiting tells whether the script is written and its answer is not yet good.
func (s scriptScreen) waiting() bool { return s.path != "" && !s.good() && s.runRun == 0 }

// good tells whether everything that was read back is as it should be.
func (s scriptScreen) good() bool {
	return len(s.rows) > 0 && !slices.ContainsFunc(s.rows, func(r ReadBackLine) bool { return !r.OK })
}

func (s scriptScreen) save(e env) (screen, tea.Cmd) {
	s.saveRun = e.runs.next()
	return s, ask(e.runs, s.saveRun, s.saving(e))
}

// saving writes the script, and remembers for which sender.
func (s scriptScreen) saving(e env) func(context.Context) (string, error) {
	save, change, ref, name, at := e.opts.SaveScript, e.opts.Change, s.ref, s.script.Name, e.now
	return func(ctx context.Context) (string, error) {
		path, err := save(ctx, ref)
		if err != nil || ref.Sender == "" {
			return path, err
		}
		_, err = change(ctx, func(m *wizard.Migration) error { return m.Wrote(ref.Sender, name, at) })
		return path, err
	}
}

func (s scriptScreen) wasSaved(e env, msg answerMsg[string]) (screen, tea.Cmd) {
	s.saveRun = 0
	if msg.err != nil {
		return s, send(saidMsg{faultText(e, msg.err), true})
	}
	s.path, s.saved, s.asked = msg.value, e.now, e.now
	if !s.good() {
		return s, send(arrivedMsg{}) // the news say it
	}
	return s, tea.Batch(send(arrivedMsg{}), send(saidMsg{text: e.t("script.ui.saved", text.Args{"path": clean(s.path)})}))
}

func (s scriptScreen) read(e env) (screen, tea.Cmd) {
	s.readRun, s.asked = e.runs.next(), e.now
	read, ref := e.opts.ReadBack, s.ref
	return s, ask(e.runs, s.readRun, func(ctx context.Context) ([]ReadBackLine, error) { return read(ctx, ref) })
}

// wasRead shows what was read.
func (s scriptScreen) wasRead(e env, msg answerMsg[[]ReadBackLine]) (screen, tea.Cmd) {
	s.readRun = 0
	if f, ok := asFault(msg.err); ok && f.Code == "readback_missing" {
		return s, nil // not yet
	}
	if msg.err != nil {
		return s, send(saidMsg{faultText(e, msg.err), true})
	}
	return s.shows(e, msg.value)
}

// shows takes up an answer; when all is as it should be the sender is set up
// by its route's script.
func (s scriptScreen) shows(e env, rows []ReadBackLine) (screen, tea.Cmd) {
	was := s.good()
	s.rows = rows
	c, ok := e.mig.Sender(s.ref.Sender)
	if !s.good() || was || !ok || s.ref.Name != "" || !c.SetUp.IsZero() {
		return s, nil
	}
	id, at := c.ID, e.now
	said := saidMsg{text: e.t("script.ui.good")}
	return s, change(e, func(m *wizard.Migration) error { return m.ReadBack(id, at) }, said)
}

// pasted takes what was pasted, or a file that was dropped on the terminal, as
// the answer.
func (s scriptScreen) pasted(e env, given string) (screen, tea.Cmd) {
	if s.err != "" || s.readRun != 0 {
		return s, nil
	}
	s.readRun = e.runs.next()
	take, ref, given := e.opts.TakeReadBack, s.ref, dropped(given)
	return s, ask(e.runs, s.readRun, func(ctx context.Context) ([]ReadBackLine, error) { return take(ctx, ref, given) })
}

// dropped is what was pasted, without what terminals put around the path of a
// file that is dropped on them.
func dropped(s string) string {
	s = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), "&"))
	if strings.HasPrefix(s, "{") {
		return s
	}
	for _, quote := range []string{"'", `"`} {
		if inner, ok := strings.CutPrefix(s, quote); ok && strings.HasSuffix(inner, quote) {
			return strings.TrimSuffix(inner, quote)
		}
	}
	s = strings.TrimPrefix(s, "file://")
	return strings.ReplaceAll(s, `\ `, " ")
}

// start runs the script: with the terminal, unless it needs none.
func (s scriptScreen) start(e env) (screen, tea.Cmd) {
	s.confirming, s.runRun = false, e.runs.next()
	run, ref, call, ctx, save := s.runRun, s.ref, e.opts.RunScript, e.runs.ctx, s.saving(e)
	path := new(string)
	both := func(ctx context.Context, t Terminal) error {
		var err error
		if *path, err = save(ctx); err != nil {
			return err
		}
		return call(ctx, ref, t)
	}
	done := func(err error) tea.Msg { return scriptRanMsg{run, *path, err} }
	if e.opts.Shell == "" {
		return s, func() tea.Msg { return done(both(ctx, Terminal{})) }
	}
	hand := e.opts.exec
	if hand == nil {
		hand = tea.Exec
	}
	return s, hand(&shellRun{ctx: ctx, run: both, over: e.t("script.ui.over")}, done)
}

// shellRun is a run that has the terminal.
type shellRun struct {
	ctx context.Context //nolint:containedctx // tea.ExecCommand takes none
	run func(context.Context, Terminal) error
	t   Terminal
	// over says that it has ended, and that enter leads back.
	over string
}

// Run implements tea.ExecCommand, as do the others. What the script said stays
// until the admin has read it.
func (r *shellRun) Run() error {
	err := r.run(r.ctx, r.t)
	if r.t.In != nil && r.ctx.Err() == nil {
		fmt.Fprint(r.t.Out, "\n"+r.over+" ")
		_, _ = readLine(r.t.In) // the end of input leads back as well
	}
	return err
}

func (r *shellRun) SetStdin(in io.Reader) { r.t.In = in }
func (r *shellRun) SetStdout(w io.Writer) { r.t.Out = w }
func (r *shellRun) SetStderr(w io.Writer) { r.t.Err = w }

func (s scriptScreen) ran(e env, msg scriptRanMsg) (screen, tea.Cmd) {
	s.runRun = 0
	if msg.path != "" {
		s.path, s.saved = msg.path, e.now
	}
	m, cmd := s.read(e) // a script that stopped may have said why
	if msg.err != nil {
		return m, tea.Batch(cmd, send(saidMsg{faultText(e, msg.err), true}))
	}
	return m, tea.Batch(cmd, send(arrivedMsg{}))
}

// openFolder shows the folder of the script.
func (s scriptScreen) openFolder(e env) tea.Cmd {
	open, path := e.opts.OpenFolder, s.path
	return func() tea.Msg {
		if err := open(e.runs.ctx, path); err != nil {
			return saidMsg{faultText(e, err), true}
		}
		return saidMsg{text: e.t("script.ui.opened", text.Args{"path": clean(path)})}
	}
}
