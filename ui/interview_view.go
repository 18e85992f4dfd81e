package ui

import (
	"slices"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/ui/text"
)

func (s interviewScreen) heading(e env) (left, right string) {
	left = e.t("interview.title", text.Args{"peer": clean(s.peer)})
	if s.canary != nil {
		left = e.t("canary.title", text.Args{"peer": clean(s.peer)})
	}
	switch {
	case s.state == idle || s.state == running && len(s.ports) == 0:
		return left, e.t("capture.opening")
	case s.state == stopping:
		return left, e.t("capture.stopping")
	case s.state == ended:
		return left, e.t("interview.over")
	}
	var open []string
	for _, l := range s.ports {
		if l.Addr != "" {
			open = include(open, portName(l.Addr, l))
		}
	}
	return left, e.t("capture.open", text.Args{"ports": strings.Join(open, " ")})
}

func (s interviewScreen) View(e env) string {
	switch {
	case s.err != "":
		return strings.Join(e.trouble(s.err), "\n")
	case s.canary != nil:
		return strings.Join(s.canaryLines(e), "\n")
	case s.state == idle:
		return " " + e.t("interview.waits_for_ports")
	}
	lines := s.question(e)
	lines = append(lines, "")
	return strings.Join(append(lines, s.rows(e, e.height-len(lines))...), "\n")
}

// rows are the questions around the cursor, each whole, and how many lines
// there are besides.
func (s interviewScreen) rows(e env, height int) []string {
	at := s.at.index(s.ids(), s.asked())
	var all []string
	first, last := 0, 0
	for i, q := range s.table {
		if i == at {
			first = len(all)
		}
		said, faint := s.row(e, q)
		for n, l := range wrap(said, e.width-4, 3) {
			if faint {
				l = e.th.faint.Render(l)
			}
			all = append(all, " "+e.marked(l, i == at && n == 0, e.width-1))
		}
		if i == at {
			last = len(all) - 1
		}
	}
	hidden := len(all) > height && height > 2
	if hidden {
		height--
	}
	from, to := window(len(all), (first+last)/2, height)
	if hidden {
		return append(all[from:to:to], "   "+e.th.faint.Render(e.counted("list.hidden", len(all)-to+from)))
	}
	return all[from:to]
}

// question is what is asked now, and what to do for it.
func (s interviewScreen) question(e env) []string {
	width := min(prose, e.width-2)
	say := func(words string) []string { return indented(wrap(words, width, 0)) }
	switch {
	case s.state == ended && s.out != nil && len(s.out.Open()) == 0:
		return say(e.t("interview.full"))
	case s.state == ended:
		return say(e.t("interview.stopped"))
	case s.asking == nil:
		return say(e.t("app.reading"))
	}
	a := s.asking
	lines := say(e.th.strong.Render(e.t("interview.question", text.Args{
		"known": number(a.Known), "of": number(a.Of), "question": e.t("question." + a.Question.ID),
	})))
	press := e.t("interview.press_now")
	switch {
	case a.Waiting:
		press = e.t("interview.leave_alone", text.Args{"until": a.Until.In(e.opts.Location).Format(time.TimeOnly)})
	case a.Question.ID == "retries":
		press = e.t("interview.press_then_wait")
	}
	lines = append(lines, say(press)...)
	if s.last == nil {
		return append(lines, say(e.th.faint.Render(e.t("capture.any_account")))...)
	}
	return append(lines, say(e.th.faint.Render(e.t("interview.last", text.Args{
		"at": e.clock(s.last.Started), "what": signedIn(e, *s.last), "end": outcome(e, *s.last),
	})))...)
}

// row is one question: its answer, or that there is none, which is faint.
func (s interviewScreen) row(e env, q checks.Question) (said string, faint bool) {
	words := e.t("question." + q.ID)
	switch {
	case slices.Contains(s.skip, q.ID):
		return "-  " + words + " " + e.t("interview.skipped"), false
	case q.Answer == "" && q.ID == s.asked():
		return "?  " + words, false
	case q.Answer == "":
		return "   " + words, true
	case slices.Contains(checks.NotAsked(), q.Answer):
		return "-  " + words + " " + e.t("question.not."+q.Answer), q.Answer == checks.Moot
	}
	return e.th.good.Render("=") + "  " + e.t("question."+q.ID+"."+q.Answer, e.args(q.Args)), false
}

// canaryLines show what to type, and how it arrived.
func (s interviewScreen) canaryLines(e env) []string {
	width := min(prose, e.width-2)
	lines := indented(wrap(e.t("canary.intro", text.Args{"route": e.routeName(s.canary.Route)}), width, 0))
	lines = append(lines, "")
	for _, part := range []struct{ id, shown string }{
		{"account", s.canary.Account}, {"password", s.canary.Password},
	} {
		lines = append(lines, " "+e.t("canary.shown."+part.id, text.Args{"length": number(len(part.shown))}))
		for _, l := range hardWrap(part.shown, e.width-6) {
			lines = append(lines, "    "+e.th.strong.Render(l))
		}
	}
	lines = append(lines, "")
	if len(s.heard) == 0 {
		return append(lines, indented(wrap(e.t("canary.waiting"), width, 0))...)
	}
	for _, h := range slices.Backward(s.heard) {
		lines = append(lines, " "+cut(clean(h.Peer)+"  "+clean(h.Mechanism), e.width-2))
		for _, part := range []struct {
			id string
			a  checks.Arrived
		}{{"account", h.Account}, {"password", h.Password}} {
			lines = append(lines, e.arrived(part.id, part.a, width)...)
		}
	}
	return lines
}

// arrived says how one part of a canary arrived.
func (e env) arrived(id string, a checks.Arrived, width int) []string {
	mark := e.th.good.Render("=")
	if !a.Whole() {
		mark = e.th.bad.Render("!")
	}
	var at, how []string
	for _, n := range a.At {
		at = append(at, number(n))
	}
	args := text.Args{
		"length": number(a.Length), "of": number(a.Of), "characters": strings.Join(strings.Split(a.Characters, ""), " "),
		"at": strings.Join(at, ", "), "realm": clean(a.Realm),
	}
	for _, as := range a.As {
		how = append(how, e.t("canary.as."+as, args))
	}
	return indented(wrap("  "+mark+" "+e.t("canary."+id, text.Args{"how": strings.Join(how, ", ")}), width, 4))
}

// hardWrap cuts what has no spaces into lines of at most width characters.
func hardWrap(s string, width int) []string {
	var lines []string
	for len(s) > width {
		lines = append(lines, s[:width])
		s = s[width:]
	}
	return append(lines, s)
}
