package ui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"offbasic/probes"
	"offbasic/ui/text"
)

func (s setupScreen) heading(e env) (left, right string) {
	left = e.t("setup.ui.title")
	if s.req.DryRun {
		left = e.t("setup.ui.title_dry")
	}
	return left, e.t("rights." + string(s.req.Rights))
}

func (s setupScreen) View(e env) string {
	return strings.Join(e.page(s.lines(e), s.top, e.height), "\n")
}

// lines is what was done or would be done, then what is to be done now.
func (s setupScreen) lines(e env) []string {
	var lines []string
	if s.req.DryRun {
		lines = append(lines, indented(wrap(e.t("setup.ui.dry"), min(prose, e.width-2), 0))...)
		lines = append(lines, "")
	}
	if s.note != nil {
		lines = append(append(lines, indented(wrap(faultText(e, s.note), min(prose, e.width-2), 0))...), "")
	}
	lines = append(lines, e.setupSteps(s.steps)...)
	if len(s.steps) > 0 {
		lines = append(lines, "")
	}
	return append(lines, s.news(e)...)
}

// news is what is going on, or what came of it.
func (s setupScreen) news(e env) []string {
	width := min(prose, e.width-2)
	switch {
	case s.state == stopping:
		return []string{" " + e.t("setup.ui.stopping")}
	case s.state == running && s.sign != nil:
		return e.signInLines(*s.sign)
	case s.state == running:
		return []string{" " + e.th.faint.Render(s.clock(e))}
	case s.err != nil && !s.told():
		return append(e.threeParts(s.err), indented(wrap(e.t("setup.ui.safe"), width, 0))...)
	case s.err != nil, s.failed():
		return indented(wrap(e.t("setup.ui.safe"), width, 0))
	case s.planned():
		return indented(wrap(e.t("setup.ui.planned"), width, 0))
	}
	return s.doneLines(e, width)
}

// clock says how long Microsoft was waited for, or when a step that waits is
// tried again.
func (s setupScreen) clock(e env) string {
	passed := e.now.Sub(s.since)
	i := slices.IndexFunc(s.steps, func(st probes.SetupStep) bool { return st.Outcome == probes.SetupWaiting })
	if i >= 0 {
		if left := time.Duration(s.steps[i].Waited)*time.Millisecond - passed; left > 0 {
			return e.t("setup.ui.again", text.Args{"time": elapsed(left.Round(time.Second))})
		}
	}
	return e.t("setup.ui.running", text.Args{"time": elapsed(passed)})
}

// told tells whether the step that failed has said why already.
func (s setupScreen) told() bool {
	f, ok := asFault(s.err)
	return ok && slices.ContainsFunc(s.steps, func(st probes.SetupStep) bool { return st.Fault == f.Code && st.Outcome == probes.SetupFailed })
}

// doneLines is the registration as it now is, and what comes next.
func (s setupScreen) doneLines(e env, width int) []string {
	lines := indented(paint(e.th.good, wrap(e.t("setup.ui.done"), width, 0)))
	if a := e.mig.App; a != nil {
		for _, fact := range []struct{ id, value string }{{"app.client", a.ClientID}, {"app.object", a.ObjectID}} {
			lines = append(lines, " "+cut(e.t(fact.id)+"  "+clean(fact.value), e.width-2))
		}
	}
	return append(lines, indented(wrap(e.t("setup.ui.next."+string(s.req.Rights)), width, 0))...)
}

// setupSteps is a row for each step: what became of it, its words, its object,
// how long it took. Below it stand its wait and what it met.
func (e env) setupSteps(steps []probes.SetupStep) []string {
	cols := e.setupColumns(steps)
	var lines []string
	for _, st := range steps {
		lines = append(lines, " "+e.setupRow(cols, st))
		said, waited := "setup.ui.waited", time.Duration(st.Waited)*time.Millisecond
		if st.Outcome == probes.SetupWaiting {
			said = "setup.ui.waits" // from now on
		}
		if waited >= time.Second {
			lines = append(lines, e.th.faint.Render(cut(pad("", 18)+e.t(said, text.Args{"time": elapsed(waited)}), e.width)))
		}
		if st.Fault != "" {
			lines = append(lines, e.threeParts(&probes.Fault{Op: st.Step, Code: st.Fault, Args: st.Args})...)
		}
	}
	return lines
}

// setupRow is the row of one step. Where it has no object, its words take the
// place.
func (e env) setupRow(cols []column, st probes.SetupStep) string {
	ms := ""
	if st.MS > 0 && st.Outcome != probes.SetupWaiting {
		ms = e.millis(st.MS)
	}
	cells := []string{e.setupOutcome(st), e.word("setup", st.Step)}
	if object := clean(cmp.Or(st.Name, st.ID)); object != "" {
		cells = append(cells, object)
	} else {
		cols = []column{cols[0], {width: cols[1].width + 2 + cols[2].width}, cols[3]}
	}
	return row(cols, append(cells, pad("", max(0, cols[len(cols)-1].width-len([]rune(ms))))+ms)...)
}

// setupOutcome is what became of a step, in a word.
func (e env) setupOutcome(st probes.SetupStep) string {
	outcome, style := string(st.Outcome), e.th.good
	switch {
	case st.Outcome == probes.SetupFailed:
		style = e.th.bad
	case st.Would != "":
		outcome, style = "would."+string(st.Would), e.th.plan
	case st.Outcome == probes.SetupSkipped && st.Fault != "":
		outcome, style = "unread", e.th.warn
	case st.Outcome == probes.SetupSkipped:
		style = e.th.faint
	}
	return style.Render(e.t("setup.outcome." + outcome))
}

// setupColumns are the outcome, the step, its object and the time. The step's
// words are whole where there is room for them beside a service's name.
func (e env) setupColumns(steps []probes.SetupStep) []column {
	const outcome, least, name, ms = 15, 30, 26, 9
	room := e.width - 1 - outcome - ms - 3*2
	longest := least
	for _, st := range steps {
		longest = max(longest, ansi.StringWidth(e.word("setup", st.Step)))
	}
	step := max(least, min(longest, room-name))
	return []column{{width: outcome}, {width: step}, {width: max(6, room-step)}, {width: ms}}
}

// threeParts is a fault as a screen shows it: what was tried, why it failed,
// what to do now.
func (e env) threeParts(err error) []string {
	return indented(e.faultLines(err, min(prose, e.width-2)))
}

func (e env) faultLines(err error, width int) []string {
	f, ok := asFault(err)
	if !ok || !e.tr.Has("fault."+string(f.Code)) {
		return paint(e.th.bad, wrap("! "+clean(err.Error()), width, 2))
	}
	words := "fault." + string(f.Code)
	var lines []string
	if e.tr.Has(words + ".tried") {
		lines = append(lines, wrap(e.t("app.tried")+" "+e.t(words+".tried", e.args(f.Args)), width, 0)...)
	}
	why := e.t(words, e.args(f.Args))
	if f.Err != nil && !strings.Contains(e.t(words), "{") {
		why += " (" + clean(f.Err.Error()) + ")" // words with arguments hold the cause already
	}
	lines = append(lines, paint(e.th.bad, wrap("! "+why, width, 2))...)
	if e.tr.Has(words + ".hint") {
		lines = append(lines, wrap(e.t("app.now")+" "+e.t(words+".hint", e.args(f.Args)), width, 0)...)
	}
	return lines
}

// signInLines ask the admin to sign in: where, with which code, until when, and
// why the way before this one did not do.
func (e env) signInLines(p SignIn) []string {
	width := min(prose, e.width-2)
	var lines []string
	if p.Before != nil {
		lines = append(e.trouble(faultText(e, p.Before)), "")
	}
	say := func(words string) { lines = append(lines, indented(wrap(words, width, 0))...) }
	say(e.th.strong.Render(e.t("signin.ui." + p.Way)))
	for _, l := range hard(clean(p.URL), e.width-6, 0) {
		lines = append(lines, "    "+l)
	}
	if p.Code != "" {
		lines = append(lines, "")
		lines = append(lines, "    "+e.th.key.Render(strings.Join(strings.Split(clean(p.Code), ""), " ")))
		lines = append(lines, "")
		say(e.t("signin.ui.code"))
	}
	if !p.Expires.IsZero() {
		if left := p.Expires.Sub(e.now); left > 0 {
			say(e.t("signin.ui.expires", text.Args{"time": elapsed(left)}))
		} else {
			say(e.t("signin.ui.expired"))
		}
	}
	say(e.th.faint.Render(e.t("signin.ui.other_browser")))
	return lines
}
