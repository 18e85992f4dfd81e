package checks

import (
	"slices"
	"strconv"
	"strings"

	"offbasic/probes"
)

// table is the head of a log that is a table, as printers and reports export
// it: comma, semicolon or tab between the columns. The zero value is none.
type table struct {
	comma                  byte
	times, senders, errors []int // columns
}

// tableOf reads the first line of a log; one that names nothing that we look
// for is no head.
func tableOf(line string) table {
	line = strings.TrimPrefix(strings.TrimRight(line, "\r"), "\ufeff")
	if stampOn(line) != "" || strings.ContainsAny(line, "<[{") {
		return table{} // a line of a log
	}
	for _, comma := range []byte("\t;,") {
		t := table{comma: comma}
		for i, cell := range cells(line, comma) {
			switch cell = strings.ToLower(strings.TrimSpace(cell)); {
			case oneOf(cell, "date", "time", "datum", "zeit", "heure", "horodatage"):
				t.times = append(t.times, i)
			case oneOf(cell, "sender", "from", "account", "user", "mailbox", "device", "host", "expéditeur", "compte", "utilisateur"):
				t.senders = append(t.senders, i)
			case oneOf(cell, "error", "result", "response", "reply", "status", "code", "detail", "erreur", "résultat", "réponse", "statut"):
				t.errors = append(t.errors, i)
			}
		}
		if len(t.errors) > 0 && len(t.senders)+len(t.times) > 0 {
			return t
		}
	}
	return table{}
}

// oneOf tells whether one of the words is in a heading.
func oneOf(heading string, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(heading, w) })
}

// cells cuts a line of a table at the commas outside quotes, into at most 64.
func cells(line string, comma byte) []string {
	var out []string
	quoted, from := false, 0
	for i := range len(line) {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == comma && !quoted && len(out) < 63:
			out = append(out, line[from:i])
			from = i + 1
		}
	}
	return append(out, line[from:])
}

// in returns the first cell of these columns that is not empty.
func (t table) in(line string, columns []int) string {
	if t.comma == 0 || len(columns) == 0 {
		return ""
	}
	row := cells(line, t.comma)
	for _, i := range columns {
		if i < len(row) && strings.Trim(row[i], " \"-") != "" {
			return strings.Trim(row[i], " \"")
		}
	}
	return ""
}

func (t table) sender(line string) string {
	who := t.in(line, t.senders)
	return who[:min(len(who), maxName)]
}

// when is the time of a line, as the log writes it.
func (t table) when(line string) string {
	if s := stampOn(line); s != "" {
		return probes.Clean(s, maxTime)
	}
	return probes.Clean(t.in(line, t.times), maxTime)
}

// maxTime is how much of a time is kept, in bytes.
const maxTime = 64

// reply finds the reply that a line of a log tells of.
func (t table) reply(line string) (f found, ok bool) {
	if clientSays(line) {
		return found{}, false
	}
	if f, ok = iisReply(line); ok {
		return f, true
	}
	if f, ok = findReply(line, true); ok && f.class() >= "4" {
		return f, true
	}
	if t.comma == 0 {
		return f, ok
	}
	row := cells(line, t.comma)
	for _, i := range t.errors {
		if i >= len(row) {
			continue
		}
		cell := strings.Trim(row[i], " \"")
		if x, ok := findReply(cell, false); ok && (x.status != 0 || standard(strconv.Itoa(x.code))) {
			return x, true
		}
	}
	return f, ok
}

// clientSays tells a line of a dialogue that the client says: what looks like
// a reply in it is none, and may be a password.
func clientSays(line string) bool {
	s := strings.TrimLeft(line, " \t0123456789")
	for _, mark := range [...]string{"C: ", "-> ", "~> ", ">>> ", "send: "} {
		if strings.HasPrefix(s, mark) {
			return true
		}
	}
	return false
}

// iisReply reads sc-status of IIS's SMTP service, six columns behind its name:
// "SMTPSVC1 MAIL01 192.0.2.10 0 RCPT - +TO:<a@example.org> 550 0 ...". What a
// server answers to IIS stands before it, with + for spaces.
func iisReply(line string) (f found, ok bool) {
	_, after, ok := strings.Cut(line, " SMTPSVC")
	if !ok {
		return found{}, false
	}
	row := strings.Fields(after)
	if len(row) < 8 {
		return found{}, false
	}
	if said := row[6]; len(said) > 3 && isCode(said) {
		return findReply(strings.ReplaceAll(said, "+", " "), false)
	}
	if code := row[7]; len(code) == 3 && code[0] >= '4' && standard(code) {
		return findReply(code, false)
	}
	return found{}, false
}
