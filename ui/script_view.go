package ui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"offbasic/ui/text"
)

// scriptTitle is the words of a script.
func (e env) scriptTitle(name string) string { return e.word("script", name) }

func (s scriptScreen) heading(e env) (left, right string) {
	right = e.t("script.ui.where")
	if s.script.Onprem {
		right = e.t("script.ui.where_onprem")
	}
	name := s.script.Name
	if name == "" {
		name = s.ref.Name
	}
	if name == "" {
		return e.t("script.ui.title_plain"), ""
	}
	return e.t("script.ui.title", text.Args{"script": e.scriptTitle(name)}), right
}

func (s scriptScreen) actions(e env) []action {
	back := e.ask("back", backMsg{}, "esc")
	switch {
	case s.err != "":
		return []action{e.ask("all_scripts", scriptsWantedMsg{s.ref.Sender}, "a"), back}
	case s.confirming:
		return []action{
			e.on("run_now", func() (screen, tea.Cmd) { return s.start(e) }, "enter", "y"),
			e.on("close", func() (screen, tea.Cmd) { s.confirming = false; return stay(s) }, "esc", "n"),
		}
	case s.runRun != 0:
		return []action{back}
	case s.results:
		return s.resultActions(e)
	}
	acts := append(s.mainActions(e), s.otherActions(e)...)
	acts = append(acts, back)
	height := e.height - len(s.news(e))
	return append(acts, s.moving(e, len(s.numbered(e)), height)...)
}

// moving are the moves in n lines, of which height are shown.
func (s scriptScreen) moving(e env, n, height int) []action {
	last := max(0, n-height)
	move := func(by int) (screen, tea.Cmd) { s.top = max(0, min(s.top+by, last)); return stay(s) }
	return e.moves(move, height-2)
}

// mainActions are what comes next: the values, the file, the run, the answer,
// the try.
func (s scriptScreen) mainActions(e env) []action {
	save := func() (screen, tea.Cmd) { return s.save(e) }
	confirm := func() (screen, tea.Cmd) { s.confirming = true; return stay(s) }
	values := valuesWantedMsg{s.ref}
	runs, hasValues := e.opts.RunScript != nil, len(s.script.Missing) == 0
	var acts []action
	switch {
	case !hasValues:
		return []action{e.ask("values", values, "enter", "v")}
	case s.good() && s.ref.Sender != "" && s.ref.Name == "":
		acts = append(acts, e.ask("try", trialWantedMsg{s.ref.Sender}, "enter", "t"))
	case s.path == "" && s.saveRun == 0:
		acts = append(acts, e.on("save", save, "enter", "s"))
	case s.readRun == 0:
		acts = append(acts, e.on("read_again", func() (screen, tea.Cmd) { return s.read(e) }, "enter", "r"))
	}
	if runs {
		acts = append(acts, e.on("run_script", confirm, "p"))
	}
	return append(acts, e.ask("paste_answer", answerWantedMsg{s.ref}, "i"))
}

func (s scriptScreen) otherActions(e env) []action {
	acts := []action{e.copy("copy_script", s.script.Text, "c")}
	if s.path != "" {
		acts = append(acts, e.on("open_folder", func() (screen, tea.Cmd) { return s, s.openFolder(e) }, "o"))
	}
	if len(s.rows) > 0 {
		acts = append(acts, e.on("results", func() (screen, tea.Cmd) { s.results, s.top = true, 0; return stay(s) }, "e"))
	}
	if len(s.script.Missing) == 0 {
		if s.path != "" || s.good() {
			acts = append(acts, e.on("save_again", func() (screen, tea.Cmd) { return s.save(e) }, "s"))
		}
		if len(e.askedInputs(s.script.Name)) > 0 {
			acts = append(acts, e.ask("values", valuesWantedMsg{s.ref}, "v"))
		}
	}
	return append(acts, e.ask("all_scripts", scriptsWantedMsg{s.ref.Sender}, "a"))
}

func (s scriptScreen) resultActions(e env) []action {
	acts := []action{
		e.copy("copy", strings.Join(s.plainRows(e), "\n")+"\n", "c"),
		e.on("close", func() (screen, tea.Cmd) { s.results, s.top = false, 0; return stay(s) }, "esc", "e"),
	}
	return append(acts, s.moving(e, len(s.resultLines(e)), e.height)...)
}

func (s scriptScreen) View(e env) string {
	switch {
	case s.err != "":
		return strings.Join(e.trouble(s.err), "\n")
	case s.results:
		return strings.Join(e.page(s.resultLines(e), s.top, e.height), "\n")
	case e.width >= wide && len(s.rows) > 0:
		return strings.Join(s.besideResults(e), "\n")
	}
	news := s.news(e)
	return strings.Join(append(fit(e.page(s.numbered(e), s.top, e.height-len(news)), e.width, e.height-len(news)), news...), "\n")
}

// besideResults is the script with its answer beside it.
func (s scriptScreen) besideResults(e env) []string {
	right := e.width - prose - 3
	left := e
	left.width = prose
	lines := left.page(s.numbered(left), s.top, e.height)
	beside := append(wrap(s.said(e), right-1, 0), "")
	for _, r := range s.rows {
		beside = append(beside, e.readRow(r, right-1)...)
	}
	return panes(lines, beside, prose, right)
}

// numbered is the script with line numbers; long lines are continued under
// their own text.
func (s scriptScreen) numbered(e env) []string {
	var lines []string
	for n, l := range s.lines {
		num := e.th.faint.Render(fmt.Sprintf("%4d", n+1))
		for _, w := range hard(l, e.width-7, 4) {
			lines = append(lines, num+"  "+w)
			num = "    "
		}
	}
	return lines
}

// said is what became of the script, in a sentence.
func (s scriptScreen) said(e env) string {
	switch {
	case s.confirming && !s.script.Changes:
		return e.t("script.ui.confirm_reads", text.Args{"shell": s.shell(e)})
	case s.confirming:
		return e.t("script.ui.confirm", text.Args{"shell": s.shell(e)})
	case s.runRun != 0:
		return e.t("script.ui.running")
	case s.saveRun != 0:
		return e.t("app.saving")
	case len(s.script.Missing) > 0:
		return e.t("script.ui.values_missing", text.Args{"values": e.inputs(s.script.Missing)})
	case s.good() && s.rows[0].Read:
		return e.t("script.ui.was_read")
	case s.good():
		return e.t("script.ui.all_good")
	case len(s.rows) > 0:
		return e.t("script.ui.not_yet")
	case s.path != "":
		return e.t("script.ui.waiting", text.Args{"path": clean(s.path), "seconds": number(int(e.now.Sub(s.saved).Seconds()))})
	case !s.script.Changes:
		return e.t("script.ui.read_only")
	}
	return e.t("script.ui.read_it")
}

// shell is what runs a script here.
func (s scriptScreen) shell(e env) string {
	if e.opts.Shell == "" {
		return e.t("script.ui.shell_lab")
	}
	return clean(e.opts.Shell)
}

// inputs are the words of values of a script.
func (e env) inputs(names []string) string {
	words := make([]string, len(names))
	for i, n := range names {
		words[i] = e.word("script.input", n)
	}
	return strings.Join(words, ", ")
}

// news is what became of the script, below its text. What is not as it should
// be comes first, as far as there is room.
func (s scriptScreen) news(e env) []string {
	width := min(prose, e.width-2)
	style := lipgloss.NewStyle()
	switch {
	case s.confirming, len(s.script.Missing) > 0:
		style = e.th.warn
	case s.good():
		style = e.th.good
	}
	lines := append([]string{""}, indented(paint(style, wrap(s.said(e), width, 0)))...)
	room := max(3, e.height/2-len(lines))
	var rows []string
	for _, good := range []bool{false, true} {
		for _, r := range s.rows {
			if r.OK == good {
				rows = append(rows, cut(e.readRow(r, e.width-1)[0], e.width-1))
			}
		}
	}
	return append(lines, e.part(rows, 0, room, "results")...)
}

// readRow is one thing that was read back, and what is wrong with it.
func (e env) readRow(r ReadBackLine, width int) []string {
	label := "   " + pad(e.word("expect", r.ID), 34) + " "
	if r.Read {
		label = "   " + pad(e.word("script.read", r.ID), 34) + " "
	}
	said, style := "", e.th.bad
	switch {
	case r.Why != "":
		said, style = e.t("script.unread", text.Args{"why": clean(r.Why)}), e.th.warn
	case r.Read:
		said, style = e.t("script.rows", text.Args{"count": number(r.Rows)}), e.th.good
	case r.OK:
		said, style = e.t("script.ui.ok"), e.th.good
	case r.Got == "":
		said = e.t("script.ui.missing")
	default:
		said = e.t("script.ui.wrong", text.Args{"got": clean(r.Got), "want": clean(r.Want)})
	}
	if width < 60 {
		return append([]string{cut(label, width)}, paint(style, wrap("     "+said, width, 5))...)
	}
	const indent = 3 + 34 + 1
	lines := wrap(said, width-indent, 0)
	for i, l := range lines {
		lead := strings.Repeat(" ", indent)
		if i == 0 {
			lead = label
		}
		lines[i] = lead + style.Render(l)
	}
	return lines
}

// resultLines is the answer in full, and what to do about what is wrong.
func (s scriptScreen) resultLines(e env) []string {
	lines := indented(wrap(s.said(e), min(prose, e.width-2), 0))
	lines = append(lines, "")
	for _, r := range s.rows {
		lines = append(lines, e.readRow(r, e.width-1)...)
		if why := "expect." + r.ID + ".why"; !r.OK && e.tr.Has(why) {
			lines = append(lines, wrap("      "+e.t(why), min(prose, e.width-2), 6)...)
		}
	}
	return lines
}

// plainRows is the answer as text.
func (s scriptScreen) plainRows(e env) []string {
	e.th = theme{}
	var lines []string
	for _, r := range s.rows {
		lines = append(lines, strings.TrimSpace(strings.Join(e.readRow(r, prose), " ")))
	}
	return lines
}
