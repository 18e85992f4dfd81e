package ui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"offbasic/probes"
	"offbasic/ui/text"
)

// seenRow is one row of the live list: a session, or a sender by its last one.
type seenRow struct {
	key     string // of the row: the session's id, or whose it is
	session *probes.Session
	n       int // sessions that it stands for
}

// whose tells sessions of one sender from others: by the sender, else by peer
// and account.
func (e env) whose(c probes.Session) string {
	if id := e.mig.OwnerOf(c); id != "" {
		return id
	}
	return c.Peer + " " + strings.ToLower(c.Account())
}

// rows are the sessions that the filter lets through, or their senders with
// the one that came last at the end.
func (s captureScreen) rows(e env) []seenRow {
	owners := map[string]string{}
	owner := func(c probes.Session) string {
		k := c.Peer + " " + c.Account() + " " + c.Protocol
		if _, ok := owners[k]; !ok {
			owners[k] = e.whose(c)
		}
		return owners[k]
	}
	rows := make([]seenRow, 0, len(s.seen))
	for i := range s.seen {
		c := &s.seen[i]
		if s.filter.text != "" && !s.passes(e, *c) {
			continue
		}
		r := seenRow{c.ID, c, 1}
		if s.grouped {
			r.key = owner(*c)
		}
		rows = append(rows, r)
	}
	if s.grouped {
		rows = grouped(rows)
	}
	return rows
}

// grouped leaves the last row of each key, in the order of the last ones.
func grouped(rows []seenRow) []seenRow {
	n, last := map[string]int{}, map[string]int{}
	for i, r := range rows {
		n[r.key]++
		last[r.key] = i
	}
	var out []seenRow
	for i, r := range rows {
		if last[r.key] == i {
			r.n = n[r.key]
			out = append(out, r)
		}
	}
	return out
}

// passes tells whether the filter lets a session through: by who it is, what
// it signs in as, and what became of it.
func (s captureScreen) passes(e env, c probes.Session) bool {
	title := ""
	if o, ok := e.mig.Sender(e.mig.OwnerOf(c)); ok {
		title = o.Title()
	}
	return s.filter.passes(title, c.Peer, c.Hello, c.MailFrom, signedIn(e, c), tlsWord(e, c), outcome(e, c), c.Protocol)
}

func keysOf(rows []seenRow) []string {
	keys := make([]string, len(rows))
	for i, r := range rows {
		keys[i] = r.key
	}
	return keys
}

// counts says how many sessions of how many senders came since the start.
func (s captureScreen) counts(e env) string {
	return e.counted("capture.count.sessions", s.total) + ", " + s.senders(e)
}

// senders counts the senders that were seen since, as the migration tells them
// apart.
func (s captureScreen) senders(e env) string {
	n := 0
	for _, c := range e.mig.Senders {
		if !c.Seen.Last.Before(s.since) {
			n++
		}
	}
	if n == 0 {
		return e.t("capture.count.none")
	}
	return e.counted("capture.count.senders", n)
}

// keeping are the actions on the transcript of a session.
func (e env) keeping(id string) []action {
	copied := func() tea.Msg {
		c, err := e.opts.Session(e.runs.ctx, id)
		if err != nil {
			return saidMsg{faultText(e, err), true}
		}
		return e.clip(transcriptText(c.Transcript))()
	}
	return []action{
		e.on("copy", func() (screen, tea.Cmd) { return nil, copied }, "c"),
		e.saving("save_transcript", id, e.opts.SaveTranscript, "s"),
	}
}

// saving is an action that saves something of a session to a file, and says
// where it is.
func (e env) saving(words, id string, save func(context.Context, string) (string, error), keys ...string) action {
	return e.on(words, func() (screen, tea.Cmd) {
		return nil, func() tea.Msg {
			path, err := save(e.runs.ctx, id)
			if err != nil {
				return saidMsg{faultText(e, err), true}
			}
			return saidMsg{text: e.t("app.saved_to", text.Args{"path": clean(path)})}
		}
	}, keys...)
}
