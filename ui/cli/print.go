package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// line writes one object of the JSON contract on a line of its own.
func (c *call) line(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write a line of JSON: %w", err)
	}
	_, err = c.Out.Write(append(b, '\n'))
	return err
}

// say writes a line of text to stdout, unless stdout is for JSON.
func (c *call) say(format string, a ...any) {
	if !c.json {
		fmt.Fprintf(c.Out, format+"\n", a...)
	}
}

// note writes a line of talk to stderr.
func (c *call) note(key string, args text.Args) {
	fmt.Fprintln(c.Err, c.tr.T(key, args))
}

// session is one captured session in a line: when, who, what it did, how it
// ended.
func (c *call) session(s probes.Session) string {
	var line strings.Builder
	fmt.Fprintf(&line, "%s  %-15s  %-14s  %s", s.Started.Local().Format(time.TimeOnly), s.Peer, orDash(cut(s.Hello, 40)), c.sessionWords(s))
	if why, args := checks.FailedTLS(s.TLS); why != "" {
		line.WriteString("\n    = " + c.tr.T("tls.why."+why, args))
	}
	for _, q := range s.Quirks {
		if q == "keep_failed" || q == "internal_fault" || strings.HasPrefix(q, "limit_") {
			line.WriteString("\n    ! " + c.tr.T("quirk."+q)) // something was not kept: that is news
		}
	}
	return line.String()
}

func (c *call) sessionWords(s probes.Session) string {
	if !s.IsSender() {
		words := c.tr.T("protocol." + s.Protocol)
		if account := s.Account(); account != "" { // of POP before SMTP
			words += "  " + account
		}
		return words
	}
	words := []string{c.tr.T("session.no_auth")}
	if n := len(s.Auth); n > 0 {
		a := s.Auth[n-1]
		words = []string{strings.TrimSpace(a.Mechanism + " " + a.Account)}
		if a.Outcome != probes.AuthAccepted {
			words = append(words, c.tr.T("outcome."+string(a.Outcome)))
		}
	}
	switch {
	case s.TLS.Error != "":
		words = append(words, c.tr.T("tls.failed"))
		if s.End == probes.EndTLS {
			return strings.Join(words, "  ")
		}
	case s.TLS.Version != "":
		words = append(words, s.TLS.Version)
	default:
		words = append(words, c.tr.T("tls.none"))
	}
	if s.Taken {
		return strings.Join(append(words, c.tr.T("session.taken")), "  ")
	}
	return strings.Join(append(words, c.tr.T("end."+string(s.End))), "  ")
}

// finding is one finding in a line; its status stands in words before it.
func (c *call) finding(f checks.Finding) string {
	words := c.tr.T("check."+string(f.Check)+"."+string(f.Status), f.Args)
	if f.Step != "" {
		words = c.tr.T("finding.step", text.Args{"step": c.tr.T("step." + f.Step), "words": words})
	}
	s := fmt.Sprintf("  %-9s  %s", c.tr.T("finding."+string(f.Status)), words)
	if f.Remedy != "" && f.Status != checks.Pass {
		s += "\n             " + c.tr.T("remedy."+f.Remedy, f.Args)
	}
	return s
}

// step is one step of a trial in a line.
func (c *call) step(s probes.Step) string {
	mark := " "
	if s.Outcome == probes.StepFailed {
		mark = "x"
	}
	what := first(s.Reply, s.Detail)
	if s.Step == probes.StepSTARTTLS { // what was agreed says more than "220 Ready"
		what = first(s.Detail, s.Reply)
	}
	if s.Fault != "" {
		what = c.tr.T("fault."+string(s.Fault), s.Args)
	}
	return fmt.Sprintf("  %s %-12s %6.0f ms  %s", mark, c.tr.T("step."+s.Step), s.MS, cut(what, 78-26))
}

// explained prints an explanation: the meaning, its causes, what to do now.
func (c *call) explained(w io.Writer, e checks.Explanation) {
	fmt.Fprintln(w, e.Meaning)
	for _, s := range e.Causes {
		fmt.Fprintln(w, "  - "+s)
	}
	for i, s := range e.Remedies {
		fmt.Fprintf(w, "  %d  %s\n", i+1, s)
	}
}

// maxTitle is how much of a name that a device gave itself is shown in a line.
const maxTitle = 40

// sender is one sender of the list in a line.
func (c *call) sender(s wizard.Sender) string {
	seen := c.tr.T("sender.never_seen")
	if s.Seen.Sessions > 0 {
		tls := orDash(s.Seen.TLS)
		if s.Seen.TLSError != "" {
			tls = c.tr.T("tls.failed")
		}
		seen = strings.Join([]string{orDash(s.Seen.Mechanism), tls}, ", ")
	}
	return fmt.Sprintf("%-16s  %-24s  %-16s  %-10s %s", cut(s.ID, maxTitle), cut(s.Title(), maxTitle), seen, orDash(string(s.Route)), c.tr.T("state."+string(s.State())))
}

// cut shortens s to n characters; the whole of it is in the transcript.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-3]) + "..."
	}
	return s
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
