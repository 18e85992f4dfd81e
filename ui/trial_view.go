package ui

import (
	"strings"
	"time"

	"offbasic/probes"
	"offbasic/ui/text"
)

func (s trialScreen) heading(e env) (left, right string) {
	c, ok := e.mig.Sender(s.sender)
	if !ok || c.Route == "" {
		return e.t("trial.title_plain"), ""
	}
	left = e.t("trial.title", text.Args{"route": e.routeName(c.Route), "sender": clean(c.Title())})
	if s.trial != nil && s.trial.Server != "" {
		right = clean(s.trial.Server)
	}
	return left, right
}

func (s trialScreen) View(e env) string {
	return strings.Join(e.page(s.lines(e), s.top, e.height), "\n")
}

// lines is the whole page: in a wide window the meaning stands beside the
// steps.
func (s trialScreen) lines(e env) []string {
	c, ok := e.mig.Sender(s.sender)
	switch {
	case !ok:
		return []string{" " + e.t("sender.gone")}
	case c.Route == "":
		return indented(wrap(e.t("trial.no_route"), min(prose, e.width-2), 0))
	case s.transcript:
		return transcriptLines(e, s.trial.Transcript, e.width-2)
	case s.state == idle:
		return s.ready(e)
	}
	if e.width < wide {
		return append(append(s.stepLines(e, e.width-2), ""), s.meaning(e, min(prose, e.width-2))...)
	}
	left := e.paneWidth()
	right := e.width - left - 3
	return panes(s.stepLines(e, left-2), s.meaning(e, right), left, right)
}

func indented(lines []string) []string {
	for i := range lines {
		lines[i] = " " + lines[i]
	}
	return lines
}

// ready says what will be sent, before anything is.
func (s trialScreen) ready(e env) []string {
	width := min(prose, e.width-2)
	c, _ := e.mig.Sender(s.sender)
	if s.to == "" {
		return indented(wrap(e.t("trial.no_mailbox"), width, 0))
	}
	lines := wrap(e.t("trial.ready", text.Args{"from": clean(c.Mailbox()), "to": clean(s.to)}), width, 0)
	lines = append(append(lines, ""), wrap(e.t("trial.ready.then"), width, 0)...)
	if l := c.Last; l != nil && l.Outcome != probes.TrialSent {
		said := text.Args{"ago": e.ago(l.At), "reply": clean(l.Reply)}
		last := e.t("trial.last_time", said)
		if l.Reply == "" {
			last = e.t("trial.last_time_failed", said)
		}
		lines = append(append(lines, ""), wrap(last, width, 0)...)
	}
	return indented(lines)
}

// stepLines is a line for each step: its outcome, its words, what was said,
// how long it took.
func (s trialScreen) stepLines(e env, width int) []string {
	cols := []column{{width: 3}, {width: 15}, {width: 0}, {width: 9}}
	cols[2].width = max(10, width-3-15-9-6)
	var lines []string
	for _, st := range s.steps {
		sign, style := e.t("trial.sign."+string(st.Outcome)), e.th.good
		if st.Outcome == probes.StepFailed {
			style = e.th.bad
		}
		if st.Outcome == probes.StepSkipped {
			style = e.th.faint
		}
		said := st.Reply
		if said == "" {
			said = st.Detail
		}
		rows := wrap(clean(said), cols[2].width, 0)
		const most = 3
		if st.Outcome != probes.StepFailed || len(rows) > most {
			rows = rows[:min(len(rows), 1)]
			rows[0] = cut(clean(said), cols[2].width)
		}
		ms := pad("", max(0, 9-len([]rune(e.millis(st.MS))))) + e.millis(st.MS)
		lines = append(lines, " "+row(cols, style.Render(sign), e.word("step", st.Step), rows[0], ms))
		for _, more := range rows[1:] {
			lines = append(lines, " "+row(cols, "", "", more, ""))
		}
	}
	if s.state == running || s.state == stopping {
		lines = append(lines, "     "+e.th.faint.Render(e.t("trial.running")))
	}
	return lines
}

// meaning is what came of the trial, and what to do now.
func (s trialScreen) meaning(e env, width int) []string {
	var lines []string
	switch {
	case s.err != "":
		lines = wrap("! "+s.err, width, 2)
	case s.trial == nil:
	case s.trial.Outcome == probes.TrialSent:
		lines = s.arrival(e, width)
	default:
		lines = s.explained(e, width)
	}
	if e.width >= wide {
		return lines
	}
	return indented(lines)
}

// explained is the last word of the server: what it means, what is likely,
// what to do.
func (s trialScreen) explained(e env, width int) []string {
	reached := s.trial.Reached()
	lines := paint(e.th.bad, wrap(e.t("trial.outcome."+string(s.trial.Outcome), text.Args{"step": e.word("step", reached.Step)}), width, 0))
	if reached.Fault != "" {
		lines = append(lines, wrap(faultWords(e, reached.Fault, reached.Args), width, 0)...)
	}
	x := e.opts.Explain(*s.trial)
	if x.Meaning != "" {
		lines = append(lines, wrap(clean(x.Meaning), width, 0)...)
	}
	if len(x.Causes) > 0 {
		lines = append(lines, e.th.strong.Render(e.t("trial.causes")))
		for _, c := range x.Causes {
			lines = append(lines, wrap("  - "+clean(c), width, 4)...)
		}
	}
	if len(x.Remedies) > 0 {
		lines = append(lines, e.th.strong.Render(e.t("trial.remedies")))
		for i, r := range x.Remedies {
			lines = append(lines, wrap("  "+number(i+1)+"  "+clean(r), width, 5)...)
		}
	}
	if r := s.trial.Reply; r != nil && r.Server != "" {
		lines = append(lines, e.th.faint.Render(cut(e.t("trial.for_support")+" "+clean(r.Server), width)))
	}
	return lines
}

// arrival is the wait for the message, or the proof that it arrived.
func (s trialScreen) arrival(e env, width int) []string {
	lines := paint(e.th.good, wrap(e.t("trial.accepted"), width, 0))
	switch {
	case s.found():
		return append(lines, s.receiptLines(e, width)...)
	case s.looking:
		return append(lines, wrap(e.t("trial.looking", text.Args{
			"mailbox": clean(strings.Join(s.trial.To, ", ")), "time": elapsed(s.waited),
		}), width, 0)...)
	case s.lookErr != "":
		return append(lines, wrap("! "+s.lookErr, width, 2)...)
	case s.receipt != nil:
		return append(lines, wrap(e.t("trial.not_found", text.Args{
			"time": elapsed(time.Duration(s.receipt.Waited) * time.Millisecond),
		}), width, 0)...)
	}
	return append(lines, wrap(e.t("trial.not_looked"), width, 0)...)
}

func (s trialScreen) receiptLines(e env, width int) []string {
	r := s.receipt
	lines := []string{e.th.good.Render(e.t("trial.arrived"))}
	fact := func(id, value string) {
		if value != "" {
			lines = append(lines, wrap("  "+pad(e.t("trial.receipt."+id), 15)+" "+clean(value), width, 18)...)
		}
	}
	fact("mailbox", r.Mailbox)
	fact("folder", r.Folder)
	fact("received", e.moment(r.Received))
	if r.AfterMS > 0 {
		after := time.Duration(r.AfterMS) * time.Millisecond
		fact("after", e.t("trial.seconds", text.Args{"n": e.decimal(trimZero(after))}))
	}
	fact("auth_as", r.AuthAs)
	fact("results", r.Results)
	fact("message_id", r.MessageID)
	return lines
}

// trimZero is seconds with one decimal.
func trimZero(d time.Duration) string {
	tenths := (d + 50*time.Millisecond) / (100 * time.Millisecond)
	return number(int(tenths/10)) + "." + number(int(tenths%10))
}

// elapsed is a stopwatch: minutes and seconds.
func elapsed(d time.Duration) string {
	s := int(d / time.Second)
	return number(s/60) + ":" + string([]byte{'0' + byte(s%60/10), '0' + byte(s%10)})
}
