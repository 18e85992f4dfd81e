package ui

import (
	"slices"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
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
	case s.page == transcriptPage:
		return transcriptLines(e, s.trial.Transcript, e.width-2)
	case s.page == detailPage:
		return e.trialDetails(*s.trial)
	case s.page == repeatPage:
		return s.repeat(e)
	case s.state == idle:
		return s.plan(e, c)
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

// plan says what will be sent and what it will meet, before anything is.
func (s trialScreen) plan(e env, c *wizard.Sender) []string {
	width := min(prose, e.width-2)
	var lines []string
	say := func(words string) { lines = append(lines, indented(wrap(words, width, 0))...) }
	if s.to == "" {
		say(e.t("trial.no_mailbox"))
	} else {
		say(e.t("trial.ready", text.Args{"from": clean(e.tryFrom(*c)), "to": clean(s.to)}))
	}
	lines = append(lines, "")
	fact := func(label, value string) {
		lines = append(lines, indented(wrap("  "+pad(label, 16)+" "+value, width, 19))...)
	}
	fact(e.t("trial.message"), s.messageWords(e))
	for _, f := range e.tryFields(*c) {
		if f.id != "from" && (f.asked || f.value != "") {
			fact(e.t("trial.field."+f.id), e.fieldValue(f))
		}
	}
	if lacking := e.lacking(*c); len(lacking) > 0 {
		lines = append(lines, "")
		lines = append(lines, indented(paint(e.th.warn, wrap(e.t("trial.lacking", text.Args{"values": strings.Join(lacking, ", ")}), width, 0)))...)
	}
	lines = append(append(lines, ""), s.foreseen(e, width)...)
	say(e.t("trial.ready.then"))
	if l := c.Last; l != nil && l.Outcome != probes.TrialSent {
		said := text.Args{"ago": e.ago(l.At), "reply": clean(l.Reply)}
		last := e.t("trial.last_time", said)
		if l.Reply == "" {
			last = e.t("trial.last_time_failed", said)
		}
		lines = append(lines, "")
		say(last)
	}
	return lines
}

// messageWords is what is sent: the short test message, or a captured one.
func (s trialScreen) messageWords(e env) string {
	if s.message < 0 || s.message >= len(s.messages) {
		if n := len(s.messages); n > 0 {
			return e.t("trial.message.test") + " " + e.counted("trial.message.others", n)
		}
		return e.t("trial.message.test")
	}
	c := s.messages[s.message]
	return e.t("trial.message.captured", text.Args{"at": e.when(c.Started), "size": e.size(c.Size), "subject": clean(c.Message.Subject)})
}

// foreseen is what the message will meet, the worst first.
func (s trialScreen) foreseen(e env, width int) []string {
	if s.blind != nil {
		return append(e.threeParts(s.blind), "")
	}
	found := worstFirst(s.forecast)
	if len(found) == 0 {
		return nil
	}
	lines := []string{" " + e.th.strong.Render(e.t("trial.forecast"))}
	for _, f := range found {
		lines = append(lines, indented(e.remedyLines(f, width))...)
	}
	return append(lines, "")
}

// stepLines is a line for each step: its outcome, its words, what was said,
// how long it took.
func (s trialScreen) stepLines(e env, width int) []string {
	cols := []column{{width: 3}, {width: 15}, {width: 0}, {width: 9}}
	cols[2].width = max(10, width-3-15-9-6)
	var lines []string
	met := s.met(e)
	for i, st := range s.steps {
		lines = append(lines, e.stepRows(cols, st, s.stepWords(st, met))...)
		if !slices.ContainsFunc(s.steps[i+1:], func(later probes.Step) bool { return later.Step == st.Step }) {
			lines = append(lines, e.metLines(met, st.Step, width)...)
		}
	}
	if s.state == running || s.state == stopping {
		lines = append(lines, "     "+e.th.faint.Render(e.t("trial.running")))
	}
	return lines
}

// stepWords is what was said or came of a step, unless a finding below it says
// that better.
func (s trialScreen) stepWords(st probes.Step, met []checks.Finding) string {
	switch {
	case st.Step == probes.StepSTARTTLS && st.Fault == "" && st.Detail != "": // what was agreed says more than "220 Ready"
		return st.Detail
	case st.Reply != "":
		return st.Reply
	case st.Fault != "" && s.trial != nil && checks.Explains(met, *s.trial):
		return ""
	}
	return st.Detail
}

// stepRows is one step: its outcome, its words, what was said, how long it
// took.
func (e env) stepRows(cols []column, st probes.Step, said string) []string {
	sign, style := e.t("trial.sign."+string(st.Outcome)), e.th.good
	switch st.Outcome {
	case probes.StepFailed:
		style = e.th.bad
	case probes.StepSkipped:
		style = e.th.faint
	case probes.StepOK:
	}
	rows := wrap(clean(said), cols[2].width, 0)
	const most = 3
	if st.Outcome != probes.StepFailed || len(rows) > most {
		rows = rows[:min(len(rows), 1)]
		rows[0] = cut(clean(said), cols[2].width)
	}
	ms := pad("", max(0, 9-len([]rune(e.millis(st.MS))))) + e.millis(st.MS)
	lines := []string{" " + row(cols, style.Render(sign), e.word("step", st.Step), rows[0], ms)}
	for _, more := range rows[1:] {
		lines = append(lines, " "+row(cols, "", "", more, ""))
	}
	return lines
}

// met is what the trial met on its way: what of it is said of the tenant with
// the way to mend it is not said twice.
func (s trialScreen) met(e env) []checks.Finding {
	if s.trial == nil {
		return nil
	}
	f := checks.TrialFacts{Trial: *s.trial, Tenant: e.mig.Tenant.ID}
	if app := e.mig.App; app != nil {
		f.App, f.Object = app.ClientID, app.ObjectID
	}
	return checks.Beside(checks.JudgeTrial(f), s.why.Findings)
}

// metLines are the findings about one step, each with what to do.
func (e env) metLines(met []checks.Finding, step string, width int) []string {
	var lines []string
	for _, f := range met {
		if f.Step != step {
			continue
		}
		style := e.th.warn
		if f.Status == checks.Fail {
			style = e.th.bad
		}
		lines = append(lines, indented(wrap("    "+style.Render("!")+" "+e.findingWords(f), width-1, 6))...)
		if f.Remedy != "" {
			lines = append(lines, indented(wrap("    > "+e.t("remedy."+f.Remedy, e.args(f.Args)), width-1, 6))...)
		}
	}
	return lines
}

// meaning is what came of the trial, and what to do now.
func (s trialScreen) meaning(e env, width int) []string {
	var lines []string
	switch {
	case s.err != nil:
		lines = e.faultLines(s.err, width)
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
	style, waiting := e.th.bad, s.waitLines(e, width)
	if waiting != nil {
		style = e.th.warn
	}
	lines := paint(style, wrap(e.t("trial.outcome."+string(s.trial.Outcome), text.Args{"step": e.word("step", reached.Step)}), width, 0))
	lines = append(lines, waiting...)
	if reached.Fault != "" && !checks.Explains(s.met(e), *s.trial) {
		lines = append(lines, e.faultLines(&probes.Fault{Op: reached.Step, Code: reached.Fault, Args: reached.Args}, width)...)
	}
	lines = append(lines, e.whyLines(s.why, width)...)
	if r := s.trial.Reply; r != nil && r.Server != "" {
		lines = append(lines, e.th.faint.Render(cut(e.t("trial.for_support")+" "+clean(r.Server), width)))
	}
	return lines
}

// waitLines is the clock of what may be too young: since when it is there, how
// long it may take, when the next try is.
func (s trialScreen) waitLines(e env, width int) []string {
	y, waits := s.waits(e)
	if !waits {
		return nil
	}
	lines := paint(e.th.strong, wrap(e.t("trial.not_yet", text.Args{
		"object": e.word("object", y.Object), "ago": e.ago(y.Made), "until": e.hour(y.Ends),
	}), width, 0))
	return append(lines, wrap(e.t("trial.next_try", text.Args{
		"at": e.hour(y.Next), "in": elapsed(max(0, y.Next.Sub(e.now))),
	}), width, 0)...)
}

// hour is a moment of today by hours and minutes.
func (e env) hour(at time.Time) string { return at.In(e.opts.Location).Format("15:04") }

// whyLines is what a server's last word means: what was read of the tenant and
// causes it, each with the key that goes to its remedy, then what is likely.
func (e env) whyLines(x Explained, width int) []string {
	var lines []string
	if x.Meaning != "" {
		lines = append(lines, wrap(clean(x.Meaning), width, 0)...)
	}
	if len(x.Findings) > 0 {
		lines = append(lines, e.th.strong.Render(e.t("trial.read")))
	}
	for i, f := range x.Findings {
		lines = append(lines, wrap("  "+number(i+1)+"  "+e.t("check."+string(f.Check)+"."+string(f.Status), e.args(f.Args)), width, 5)...)
		if f.Remedy != "" {
			lines = append(lines, wrap("     > "+e.t("remedy."+f.Remedy, e.args(f.Args)), width, 7)...)
		}
	}
	for _, group := range []struct {
		title string
		list  []string
	}{{"trial.causes", x.Causes}, {"trial.remedies", x.Remedies}} {
		if len(group.list) > 0 {
			lines = append(lines, e.th.strong.Render(e.t(group.title)))
		}
		for _, l := range group.list {
			lines = append(lines, wrap("  - "+clean(l), width, 4)...)
		}
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
	if e.opts.Arrival == nil || s.trial == nil {
		return lines
	}
	for _, f := range worstFirst(e.opts.Arrival(*s.trial, *r)) {
		lines = append(lines, e.remedyLines(f, width)...)
	}
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
