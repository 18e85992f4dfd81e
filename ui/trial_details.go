package ui

import (
	"strings"
	"time"

	"offbasic/probes"
	"offbasic/ui/text"
)

// trialDetails is everything about a test send that its steps do not say.
func (e env) trialDetails(t probes.Trial) []string {
	width := min(prose, e.width-2)
	var lines []string
	fact := func(id, value string) {
		if value != "" {
			lines = append(lines, wrap(pad(e.t("trial.detail."+id), 16)+" "+clean(value), width, 17)...)
		}
	}
	fact("server", t.Server)
	fact("started", e.moment(t.Started))
	fact("from", t.From)
	fact("to", strings.Join(t.To, ", "))
	fact("mechanism", t.Mechanism)
	fact("account", t.Account)
	if t.Size > 0 {
		fact("size", e.size(t.Size))
	}
	fact("message_id", t.MessageID)
	for _, d := range t.Dials {
		used := ""
		if d.Used {
			used = ", " + e.t("trial.dial.used")
		}
		fact("dial", d.Addr+"  "+e.t("trial.dial."+string(d.Outcome))+", "+e.millis(d.MS)+used)
	}
	if t.TLS != nil {
		lines = append(append(lines, "", e.th.strong.Render("TLS")), e.tlsDetails(*t.TLS, width)...)
	}
	if len(t.Quirks) > 0 {
		lines = append(lines, "", e.th.strong.Render(e.t("trial.oddities")))
		for _, q := range t.Quirks {
			lines = append(lines, wrap("  ! "+e.word("oddity", q), width, 4)...)
		}
	}
	lines = append(lines, e.changeLines(t, width)...)
	return indented(lines)
}

// tlsDetails is what the handshake agreed on, and the certificates.
func (e env) tlsDetails(t probes.TrialTLS, width int) []string {
	lines := wrap("  "+clean(strings.TrimSpace(t.Version+" "+t.Suite)), width, 2)
	switch {
	case t.Verified:
		lines = append(lines, wrap("  "+e.th.good.Render(e.t("trial.tls.verified", text.Args{"name": clean(t.ServerName)})), width, 2)...)
	case t.Problem != "":
		lines = append(lines, paint(e.th.bad, wrap("  ! "+faultWords(e, t.Problem, t.Args), width, 4))...)
	}
	switch {
	case t.Client != "":
		lines = append(lines, wrap("  "+e.t("trial.tls.client", text.Args{"fingerprint": clean(t.Client)}), width, 4)...)
	case t.ClientAsked:
		lines = append(lines, wrap("  "+e.t("trial.tls.client_asked"), width, 4)...)
	}
	for i, c := range t.Chain {
		lines = append(lines, wrap("  "+number(i+1)+"  "+clean(c.Subject), width, 5)...)
		lines = append(lines, wrap("     "+e.t("trial.tls.certificate", text.Args{
			"issuer": clean(c.Issuer), "from": c.From.Format(time.DateOnly), "until": c.Until.Format(time.DateOnly),
		}), width, 5)...)
		if len(c.Names) > 0 {
			lines = append(lines, wrap("     "+e.t("trial.tls.names", text.Args{"names": clean(strings.Join(c.Names, ", "))}), width, 5)...)
		}
		lines = append(lines, e.th.faint.Render(cut("     SHA-256 "+clean(c.SHA256), e.width-2)))
	}
	return lines
}

// changeLines are the changes to a captured message, each with its reason.
func (e env) changeLines(t probes.Trial, width int) []string {
	if t.Message == "" {
		return nil
	}
	lines := []string{"", e.th.strong.Render(e.t("trial.changes"))}
	if len(t.Changes) == 0 {
		return append(lines, wrap("  "+e.t("trial.changes.none"), width, 2)...)
	}
	for _, c := range t.Changes {
		said := e.t("change."+c.What, text.Args{"from": orNothing(e, c.From), "to": orNothing(e, c.To)})
		if !e.tr.Has("change." + c.What) {
			said = clean(c.What)
		}
		lines = append(lines, wrap("  - "+said+" "+e.word("change.why", c.Why), width, 4)...)
	}
	return lines
}

func orNothing(e env, s string) string {
	if s == "" {
		return e.t("trial.changes.nothing")
	}
	return clean(s)
}

// repeat is the command that does the same without this program.
func (s trialScreen) repeat(e env) []string {
	lines := indented(wrap(e.t("trial.repeat"), min(prose, e.width-2), 0))
	lines = append(lines, "")
	for l := range strings.Lines(e.opts.Repeat(*s.trial)) {
		for _, w := range hard(clean(strings.TrimRight(l, "\r\n")), e.width-4, 4) {
			lines = append(lines, "   "+w)
		}
	}
	return lines
}
