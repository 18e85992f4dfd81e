package exports

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// isPostfix tells a log of Postfix by its first lines.
func isPostfix(text string) bool {
	return regexp.MustCompile(`(?m)^.{1,120}postfix[\w./-]*/[a-z]+\[\d+\]: `).MatchString(text)
}

// postfix reads Postfix's log. A message's lines carry its queue id: who came
// with it, how it is from, how large it is, where it goes.
type postfix struct {
	r    *reader
	mark *regexp.Regexp
	open map[string]*queued
	old  []string // queue ids, the oldest first
}

type queued struct {
	peer, account, from string
	to                  string // domain of the last recipient
	size                int64
}

// keptOpen is how many messages may be under way.
const keptOpen = 10000

func newPostfix(r *reader) *postfix {
	return &postfix{
		r: r, open: map[string]*queued{},
		mark: regexp.MustCompile(`^(\S+(?: {1,2}\d{1,2} \d\d:\d\d:\d\d)?) \S+ postfix[\w./-]*/([a-z]+)\[\d+\]: ([0-9A-Za-z]{6,20}): (.*)`),
	}
}

// line reads one line: "Nov 22 19:05:58 mail postfix/smtpd[7]: 4F2A1: client=printer[192.0.2.7], sasl_method=LOGIN, sasl_username=scan".
func (p *postfix) line(s string) error {
	m := p.mark.FindStringSubmatch(s)
	if m == nil {
		return nil // connects, disconnects, other programs
	}
	daemon, id, rest := m[2], m[3], m[4]
	switch {
	case (daemon == "smtpd" || daemon == "submission") && strings.HasPrefix(rest, "client="):
		p.message(id).came(rest)
	case daemon == "qmgr" && strings.HasPrefix(rest, "from="):
		q := p.message(id)
		q.from = address(clean(value(rest, "from")))
		q.size, _ = strconv.ParseInt(value(rest, "size"), 10, 64)
	case daemon == "qmgr" && rest == "removed":
		delete(p.open, id)
	case strings.HasPrefix(rest, "to=") && strings.Contains(rest, "status="):
		return p.sent(m[1], id, rest)
	}
	return nil
}

func (p *postfix) message(id string) *queued {
	q, ok := p.open[id]
	if ok {
		return q
	}
	if p.old = append(p.old, id); len(p.old) > keptOpen {
		delete(p.open, p.old[0])
		p.old = p.old[1:]
	}
	q = &queued{}
	p.open[id] = q
	return q
}

// came reads who brought a message: "client=printer[192.0.2.7], sasl_username=scan".
func (q *queued) came(rest string) {
	client := value(rest, "client")
	if _, addr, ok := strings.Cut(client, "["); ok {
		q.peer = peer([]byte(strings.TrimSuffix(addr, "]")))
	}
	q.account = clean(value(rest, "sasl_username"))
}

// sent is one recipient of a message.
func (p *postfix) sent(when, id, rest string) error {
	q, ok := p.open[id]
	if !ok {
		q = &queued{}
	}
	at, ok := p.time(when)
	if !ok {
		p.r.bad("date")
		return nil
	}
	if q.from == "" && q.account == "" {
		p.r.sum.Skipped++ // a bounce, or a message whose beginning is not in this log
		return nil
	}
	s := probes.Sighting{
		Kind: probes.FromPostfix, OldTLS: -1, Messages: 1, Account: strings.ToLower(q.account), From: q.from, Peer: q.peer, At: at,
		To: domain(clean(value(rest, "to"))), Size: q.size, Refused: value(rest, "status") == "bounced",
	}
	if s.Refused {
		s.Why = clean(value(rest, "dsn"))
	}
	return p.r.saw(s)
}

func (p *postfix) time(s string) (time.Time, bool) {
	if strings.IndexByte(s, ' ') > 0 {
		return p.r.dates.syslog(s)
	}
	t, ok, err := p.r.dates.parse(s, p.r.line)
	return t, ok && err == nil
}

// value is what follows name= up to the next comma, without angle brackets.
func value(s, name string) string {
	i := strings.Index(s, name+"=")
	if i < 0 || i > 0 && s[i-1] != ' ' {
		return ""
	}
	s = s[i+len(name)+1:]
	if end := strings.IndexByte(s, ','); end >= 0 {
		s = s[:end]
	}
	if end := strings.IndexByte(s, ' '); end >= 0 {
		s = s[:end]
	}
	return strings.Trim(s, "<>")
}

// isW3C tells a log in the extended format of the W3C, which IIS's SMTP
// service writes.
func isW3C(text string) bool {
	return strings.HasPrefix(text, "#Software:") || strings.HasPrefix(text, "#Version:") || strings.HasPrefix(text, "#Fields:")
}

// w3c reads the log of IIS's SMTP service: a line for each command, told apart
// by the client's address. A message ends at its DATA or BDAT.
type w3c struct {
	r      *reader
	fields map[string]int
	open   map[string]*queued // by client
}

func (l *w3c) line(s string) error {
	if names, ok := strings.CutPrefix(s, "#Fields:"); ok {
		l.fields, l.open = map[string]int{}, map[string]*queued{}
		for i, name := range strings.Fields(names) {
			l.fields[name] = i
		}
		return nil
	}
	if s == "" || s[0] == '#' {
		return nil
	}
	cells := strings.Fields(s)
	in := func(name string) string {
		if i, ok := l.fields[name]; ok && i < len(cells) && cells[i] != "-" {
			return cells[i]
		}
		return ""
	}
	if l.fields == nil || len(cells) < len(l.fields) {
		l.r.bad("columns")
		return nil
	}
	client := peer([]byte(in("c-ip")))
	if client == "" || strings.Contains(in("cs-username"), "OutboundConnection") {
		l.r.sum.Skipped++
		return nil
	}
	return l.command(client, in)
}

// command follows one client's dialogue.
func (l *w3c) command(client string, in func(string) string) error {
	q := l.open[client]
	if q == nil {
		if len(l.open) >= keptOpen {
			clear(l.open)
		}
		q = &queued{peer: client}
		l.open[client] = q
	}
	argument := clean(strings.ReplaceAll(in("cs-uri-query"), "+", " "))
	switch strings.ToUpper(in("cs-method")) {
	case "MAIL":
		q.from = address(bracketed(argument))
	case "RCPT":
		q.to = domain(bracketed(argument))
	case "DATA", "BDAT":
		return l.message(q, in)
	case "QUIT":
		delete(l.open, client)
	}
	return nil
}

func (l *w3c) message(q *queued, in func(string) string) error {
	if q.from == "" {
		l.r.sum.Skipped++
		return nil
	}
	at, ok, err := l.r.dates.parse(strings.TrimSpace(in("date")+" "+in("time")), l.r.line)
	if err != nil || !ok {
		l.r.bad("date")
		return nil
	}
	size, _ := strconv.ParseInt(in("cs-bytes"), 10, 64)
	s := probes.Sighting{Kind: probes.FromIIS, OldTLS: -1, Messages: 1, From: q.from, Peer: q.peer, To: q.to, Size: size, At: at}
	if status := in("sc-status"); status >= "4" && len(status) == 3 {
		s.Refused, s.Why, s.Messages = true, clean(status), 0
	}
	q.from, q.to = "", ""
	return l.r.saw(s)
}

// bracketed is the path of MAIL or RCPT: "+FROM:<a@example.org>".
func bracketed(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}
