package ui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"offbasic/ui/text"
	"offbasic/wizard"
)

// every is how often the answer of a script is looked for.
const every = 5 * time.Second

// scriptScreen shows a set-up script, saves it, and waits for its answer.
type scriptScreen struct {
	sender string
	script ScriptText
	err    string
	top    int

	saveRun, readRun, runRun int64 // the calls under way; 0 for none
	path                     string
	saved                    time.Time
	asked                    time.Time // when the answer was last looked for
	rows                     []ReadBackLine
	confirming               bool // running was asked for and not confirmed
}

type scriptRanMsg struct {
	run int64
	err error
}

func newScript(e env, sender string) scriptScreen {
	s := scriptScreen{sender: sender}
	script, err := e.opts.Script(sender)
	if err != nil {
		s.err = faultText(e, err)
	}
	s.script = script
	return s
}

func (scriptScreen) name() string          { return "script" }
func (s scriptScreen) is(msg tea.Msg) bool { return msg == tea.Msg(scriptWantedMsg{s.sender}) }
func (scriptScreen) typing() bool          { return false }
func (s scriptScreen) busy() bool          { return s.runRun != 0 }

// Init looks whether an answer is there already, from an earlier day.
func (s scriptScreen) Init(_ env) tea.Cmd {
	if s.err != "" {
		return nil
	}
	return send(readBackWantedMsg{s.sender})
}

// readBackWantedMsg asks for the answer of a sender's script to be read.
type readBackWantedMsg struct{ sender string }

func (s scriptScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case readBackWantedMsg:
		if msg.sender == s.sender {
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
	case scriptRanMsg:
		if msg.run == s.runRun {
			return s.ran(e, msg.err)
		}
	case tickMsg:
		if s.waiting() && s.readRun == 0 && time.Time(msg).Sub(s.asked) >= every {
			return s.read(e)
		}
	}
	return s, nil
}

// waiting tells whether the script is written and its answer is not yet good.
func (s scriptScreen) waiting() bool { return s.path != "" && !s.good() }

// good tells whether everything that was read back is as it should be.
func (s scriptScreen) good() bool {
	return len(s.rows) > 0 && !slices.ContainsFunc(s.rows, func(r ReadBackLine) bool { return !r.OK })
}

func (s scriptScreen) save(e env) (screen, tea.Cmd) {
	s.saveRun = e.runs.next()
	save, id, name, at := e.opts.SaveScript, s.sender, s.script.Name, e.now
	change := e.opts.Change
	return s, ask(e.runs, s.saveRun, func(ctx context.Context) (string, error) {
		path, err := save(ctx, id)
		if err != nil {
			return "", err
		}
		_, err = change(ctx, func(m *wizard.Migration) error { return m.Wrote(id, name, at) })
		return path, err
	})
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
	read, id := e.opts.ReadBack, s.sender
	return s, ask(e.runs, s.readRun, func(ctx context.Context) ([]ReadBackLine, error) { return read(ctx, id) })
}

// wasRead shows what was read; when all is as it should be the sender is set up.
func (s scriptScreen) wasRead(e env, msg answerMsg[[]ReadBackLine]) (screen, tea.Cmd) {
	s.readRun = 0
	if f, ok := asFault(msg.err); ok && f.Code == "readback_missing" {
		return s, nil // not yet
	}
	if msg.err != nil {
		return s, send(saidMsg{faultText(e, msg.err), true})
	}
	was := s.good()
	s.rows = msg.value
	c, ok := e.mig.Sender(s.sender)
	if !s.good() || was || !ok || !c.SetUp.IsZero() {
		return s, nil
	}
	id, at := s.sender, e.now
	said := saidMsg{text: e.t("script.ui.good")}
	return s, change(e, func(m *wizard.Migration) error { return m.ReadBack(id, at) }, said)
}

func (s scriptScreen) start(e env) (screen, tea.Cmd) {
	s.confirming, s.runRun = false, e.runs.next()
	run, id, call, ctx := s.runRun, s.sender, e.opts.RunScript, e.runs.ctx
	return s, func() tea.Msg { return scriptRanMsg{run, call(ctx, id)} }
}

func (s scriptScreen) ran(e env, err error) (screen, tea.Cmd) {
	s.runRun = 0
	if err != nil {
		return s, send(saidMsg{faultText(e, err), true})
	}
	return s.read(e)
}

func (s scriptScreen) heading(e env) (left, right string) {
	title := s.script.Name
	if k := "script." + s.script.Name; e.tr.Has(k) {
		title = e.t(k)
	}
	return e.t("script.ui.title", text.Args{"script": title}), e.t("script.ui.where")
}

func (s scriptScreen) actions(e env) []action {
	if s.err != "" {
		return []action{e.ask("back", backMsg{}, "esc")}
	}
	if s.confirming {
		return []action{
			e.on("run_now", func() (screen, tea.Cmd) { return s.start(e) }, "enter", "y"),
			e.on("close", func() (screen, tea.Cmd) { s.confirming = false; return stay(s) }, "esc", "n"),
		}
	}
	var acts []action
	switch {
	case s.good():
		acts = append(acts, e.ask("try", trialWantedMsg{s.sender}, "enter", "t"))
	case s.path == "" && s.saveRun == 0:
		acts = append(acts, e.on("save", func() (screen, tea.Cmd) { return s.save(e) }, "enter", "s"))
	case s.readRun == 0:
		acts = append(acts, e.on("read_again", func() (screen, tea.Cmd) { return s.read(e) }, "enter", "r"))
	}
	acts = append(acts, e.copy("copy_script", s.script.Text, "c"))
	if e.opts.RunScript != nil && s.runRun == 0 {
		acts = append(acts, e.on("run_script", func() (screen, tea.Cmd) { s.confirming = true; return stay(s) }, "p"))
	}
	if s.path != "" || s.good() {
		acts = append(acts, e.on("save_again", func() (screen, tea.Cmd) { return s.save(e) }, "s"))
	}
	acts = append(acts, e.ask("back", backMsg{}, "esc"))
	height := e.height - len(s.news(e))
	last := lastTop(s.numbered(e), height)
	move := func(n int) (screen, tea.Cmd) { s.top = max(0, min(s.top+n, last)); return stay(s) }
	return append(acts, e.moves(move, height-2)...)
}

func (s scriptScreen) View(e env) string {
	if s.err != "" {
		return strings.Join(e.trouble(s.err), "\n")
	}
	news := s.news(e)
	return strings.Join(append(fit(e.page(s.numbered(e), s.top, e.height-len(news)), e.width, e.height-len(news)), news...), "\n")
}

// numbered is the script with line numbers; long lines are continued under
// their own text.
func (s scriptScreen) numbered(e env) []string {
	var lines []string
	n := 0
	for l := range strings.Lines(s.script.Text) {
		n++
		num := e.th.faint.Render(fmt.Sprintf("%4d", n))
		for _, w := range hard(clean(strings.ReplaceAll(strings.TrimRight(l, "\r\n"), "\t", "    ")), e.width-7, 4) {
			lines = append(lines, num+"  "+w)
			num = "    "
		}
	}
	return lines
}

// news is what became of the script, below its text.
func (s scriptScreen) news(e env) []string {
	width := min(prose, e.width-2)
	said, style := e.t("script.ui.read_it"), lipgloss.NewStyle()
	switch {
	case s.confirming:
		said, style = e.t("script.ui.confirm"), e.th.warn
	case s.runRun != 0:
		said = e.t("script.ui.running")
	case s.saveRun != 0:
		said = e.t("app.saving")
	case s.good():
		said, style = e.t("script.ui.all_good"), e.th.good
	case len(s.rows) > 0:
		said = e.t("script.ui.not_yet")
	case s.path != "":
		said = e.t("script.ui.waiting", text.Args{"path": clean(s.path), "seconds": number(int(e.now.Sub(s.saved).Seconds()))})
	}
	lines := append([]string{""}, indented(paint(style, wrap(said, width, 0)))...)
	for _, r := range s.rows {
		lines = append(lines, s.readRow(e, r, width))
	}
	return lines
}

func (s scriptScreen) readRow(e env, r ReadBackLine, width int) string {
	label := pad(e.word("expect", r.ID), 34)
	if r.OK {
		return cut("   "+label+" "+e.th.good.Render(e.t("script.ui.ok")), width+1)
	}
	if r.Got == "" {
		return cut("   "+label+" "+e.th.bad.Render(e.t("script.ui.missing")), width+1)
	}
	said := e.t("script.ui.wrong", text.Args{"got": clean(r.Got), "want": clean(r.Want)})
	return cut("   "+label+" "+e.th.bad.Render(said), e.width-1)
}
