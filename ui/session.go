package ui

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"offbasic/probes"
	"offbasic/ui/text"
)

// sessionScreen is one captured connection: its facts, its oddities, its
// transcript.
type sessionScreen struct {
	id    string
	run   int64
	found *probes.Session
	err   string
	top   int
}

func newSession(e env, id string) sessionScreen { return sessionScreen{id: id, run: e.runs.next()} }

func (sessionScreen) name() string          { return "session" }
func (s sessionScreen) is(msg tea.Msg) bool { return msg == tea.Msg(sessionWantedMsg{s.id}) }
func (sessionScreen) typing() bool          { return false }
func (sessionScreen) busy() bool            { return false }
func (s sessionScreen) Init(e env) tea.Cmd {
	read, id := e.opts.Session, s.id
	return ask(e.runs, s.run, func(ctx context.Context) (probes.Session, error) { return read(ctx, id) })
}

func (s sessionScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	if msg, ok := msg.(answerMsg[probes.Session]); ok && msg.run == s.run {
		if msg.err != nil {
			s.err = faultText(e, msg.err)
			return s, nil
		}
		s.found = &msg.value
	}
	return s, nil
}

func (s sessionScreen) heading(e env) (left, right string) {
	left = e.t("session.title")
	if s.found == nil {
		return left, ""
	}
	return left + "  " + clean(s.found.Peer), e.moment(s.found.Started)
}

func (s sessionScreen) actions(e env) []action {
	var acts []action
	if s.found != nil {
		if owner := e.mig.OwnerOf(*s.found); owner != "" {
			acts = append(acts, e.ask("sender", senderWantedMsg{owner}, "enter", "w"))
		}
		if len(s.found.Transcript) > 0 {
			acts = append(acts, e.keeping(s.id)...)
		}
		if s.found.Message != nil && s.found.Message.File != "" {
			acts = append(acts, e.saving("save_message", s.id, e.opts.SaveMessage, "m"))
		}
	}
	acts = append(acts, e.ask("back", backMsg{}, "esc"))
	last := lastTop(s.lines(e), e.height)
	move := func(n int) (screen, tea.Cmd) { s.top = max(0, min(s.top+n, last)); return stay(s) }
	return append(acts, e.moves(move, e.height-2)...)
}

func (s sessionScreen) View(e env) string {
	return strings.Join(e.page(s.lines(e), s.top, e.height), "\n")
}

// lines is the whole page: in a wide window the transcript stands beside the
// facts.
func (s sessionScreen) lines(e env) []string {
	switch {
	case s.err != "":
		return e.trouble(s.err)
	case s.found == nil:
		return []string{" " + e.t("app.reading")}
	}
	if e.width < wide {
		facts := s.facts(e, min(prose, e.width-2))
		return append(append(facts, ""), s.transcript(e, e.width-2)...)
	}
	left := e.width*2/5 - 2
	right := e.width - left - 3
	return panes(s.facts(e, left-1), s.transcript(e, right), left, right)
}

// facts says what was seen, a fact a line, and what is odd about it.
func (s sessionScreen) facts(e env, width int) []string {
	c := s.found
	var lines []string
	fact := func(id, value string) {
		if value == "" {
			return
		}
		label := pad(e.t("session.fact."+id), 16)
		for _, l := range wrap(label+" "+value, width, 17) {
			lines = append(lines, " "+l)
		}
	}
	fact("hello", clean(c.Hello))
	fact("mac", clean(c.MAC))
	fact("protocol", protocolWord(e, c))
	fact("tls", tlsFact(e, c.TLS))
	for _, a := range c.Auth {
		fact("auth", authFact(e, a))
	}
	fact("from", clean(c.MailFrom))
	fact("to", clean(strings.Join(c.RcptTo, ", ")))
	if c.Size > 0 {
		fact("size", e.size(c.Size))
	}
	if m := c.Message; m != nil {
		fact("subject", clean(m.Subject))
		fact("mailer", clean(m.Mailer))
		fact("message_id", clean(m.MessageID))
		fact("file", clean(m.File))
	}
	fact("listener", clean(c.Listener))
	fact("policy", e.policy(c.Policy))
	fact("end", e.word("end", string(c.End)))
	if len(c.Quirks) == 0 {
		return lines
	}
	lines = append(lines, "", " "+e.th.strong.Render(e.t("session.quirks")))
	for _, q := range c.Quirks {
		for _, l := range wrap("- "+e.word("quirk", q), width-1, 2) {
			lines = append(lines, "  "+l)
		}
	}
	return lines
}

func protocolWord(e env, c *probes.Session) string {
	if c.Protocol == "" {
		return ""
	}
	return e.word("protocol", c.Protocol)
}

func tlsFact(e env, t probes.TLS) string {
	var said strings.Builder
	said.WriteString(e.word("session.tls", string(t.Mode)))
	for _, part := range []string{t.Version, t.Cipher} {
		if part != "" {
			said.WriteString(", " + clean(part))
		}
	}
	if t.Error != "" {
		why := "session.tls.error." + t.Error
		if !e.tr.Has(why) {
			why = "session.tls.error.other"
		}
		said.WriteString(", " + e.t(why, text.Args{"error": clean(t.Error)}))
	}
	if len(t.ClientVersions) > 0 {
		said.WriteString(", " + e.t("session.tls.offers", text.Args{"versions": clean(strings.Join(t.ClientVersions, " "))}))
	}
	if t.SNI != "" {
		said.WriteString(", " + e.t("session.tls.sni", text.Args{"name": clean(t.SNI)}))
	}
	return said.String()
}

func authFact(e env, a probes.Auth) string {
	said := clean(strings.TrimSpace(a.Mechanism+" "+a.Account)) + ", " + e.word("session.auth", string(a.Outcome))
	if a.Cleartext {
		said += ", " + e.t("session.auth.cleartext")
	}
	if a.Reply != "" {
		said += " (" + clean(a.Reply) + ")"
	}
	return said
}

func (s sessionScreen) transcript(e env, width int) []string {
	lines := []string{" " + e.th.strong.Render(e.t("session.transcript"))}
	if len(s.found.Transcript) == 0 {
		return append(lines, "  "+e.t("session.no_transcript"))
	}
	return append(lines, transcriptLines(e, s.found.Transcript, width)...)
}

// transcriptLines is a transcript for reading: time, who, what.
func transcriptLines(e env, transcript []probes.Line, width int) []string {
	var lines []string
	for _, l := range transcript {
		ms := e.th.faint.Render(fmt.Sprintf("%7d", l.MS))
		for i, w := range hard(speaker(l.From)+" "+clean(l.Text), max(20, width-10), 3) {
			if i > 0 {
				ms = strings.Repeat(" ", 7)
			}
			lines = append(lines, " "+ms+" "+w)
		}
	}
	return lines
}

// speaker is the sign of who says a line: S and C as RFC 5321 writes it.
func speaker(from probes.Speaker) string {
	switch from {
	case probes.Client:
		return "C:"
	case probes.Server:
		return "S:"
	}
	return "--"
}

func transcriptText(transcript []probes.Line) string {
	var b strings.Builder
	for _, l := range transcript {
		fmt.Fprintf(&b, "%7d %s %s\n", l.MS, speaker(l.From), clean(l.Text))
	}
	return b.String()
}

// copy puts s on the clipboard of the terminal (OSC 52) and says so. Whether
// the terminal obeys cannot be known.
func (e env) copy(id, s string, keys ...string) action {
	return e.on(id, func() (screen, tea.Cmd) { return nil, e.clip(s) }, keys...)
}

func (e env) clip(s string) tea.Cmd {
	said := e.t("app.copied", text.Args{"n": number(strings.Count(strings.TrimRight(s, "\n"), "\n") + 1)})
	return tea.Batch(tea.SetClipboard(s), send(saidMsg{text: said}))
}
