package checks

import (
	"cmp"
	"strings"
)

// origin is what a line tells beside the reply.
type origin struct {
	when    string // as the log writes it
	sender  string
	job     string // the message's or the connection's id
	process string // of Postfix: "postfix/smtp[421]"
	host    string // that was refused
	part    part
}

// part says what a line is about.
type part int

// The parts of the story of a failure.
const (
	whole     part = iota // the only line about it
	happening             // a server said no; what became of the message is told later
	outcome               // what became of the message
)

// whose reads where a line comes from, and remembers who sends what.
func (r *Reading) whose(line string) origin {
	var o origin
	switch {
	case o.postfix(line), o.exim(line), o.exchange(line), o.iis(line):
	}
	o.job, o.host = o.job[:min(len(o.job), maxJob)], o.host[:min(len(o.host), maxJob)]
	said := senderOn(line)
	switch {
	case o.job == "" && o.process != "":
	case said != "":
		r.senders.put(strings.Clone(o.job), strings.Clone(said))
	case o.job == "" && strings.Contains(line, "EHLO "):
		r.senders.put("", "") // another connection of a dialogue
	}
	o.sender = said
	return o
}

// complete adds what is wanted of a refusal's line alone.
func (r *Reading) complete(o origin, line string) origin {
	if o.sender == "" && (o.job != "" || o.process == "") {
		o.sender, _ = r.senders.get(o.job)
	}
	o.sender = cmp.Or(o.sender, r.table.sender(line), o.host, hostOn(line))
	o.when = r.table.when(line)
	return o
}

// postfix reads "Nov 22 10:00:00 mx postfix/smtp[421]: A1B2C3: ...", short
// and long queue ids alike (postconf(5), enable_long_queue_ids).
func (o *origin) postfix(line string) bool {
	tag, rest, ok := strings.Cut(line, "]: ")
	open := strings.LastIndexByte(tag, '[')
	if !ok || open < 0 {
		return false
	}
	process := tag[strings.LastIndexByte(tag, ' ')+1:]
	slash := strings.LastIndexByte(tag[:open], '/')
	if slash < 0 || len(process) > 64 || !strings.Contains(process, "/") {
		return false
	}
	o.process = process
	if id, _, ok := strings.Cut(rest[:min(len(rest), 24)], ": "); ok && isQueueID(id) {
		o.job = id
	}
	switch tag[slash+1 : open] {
	case "smtp", "lmtp":
		o.part = happening
		if strings.Contains(rest, "to=<") && strings.Contains(rest, ", status=") {
			o.part = outcome
		}
	}
	return true
}

func isQueueID(s string) bool {
	if len(s) < 5 || s == "NOQUEUE" {
		return false
	}
	upper := true
	digit := false
	for i := range len(s) {
		if !isWord(s[i]) || s[i] == '_' {
			return false
		}
		upper = upper && s[i] <= 'Z'
		digit = digit || isDigit(s[i])
	}
	return upper || digit
}

// exim reads "2026-11-22 10:00:00 1abcde-000001-AB ** a@b ...", with a zone
// and a process id before the id or without, of the old and the long form of
// ids (Exim's specification, chapter 52, "Log files").
func (o *origin) exim(line string) bool {
	if len(line) < 36 || line[4] != '-' || line[10] != ' ' {
		return false
	}
	rest := line[19:]
	for range 3 {
		rest = strings.TrimLeft(rest, " ")
		word, after, _ := strings.Cut(rest, " ")
		if isEximID(word) {
			o.job, o.part = word, happening
			if flag, _, _ := strings.Cut(after, " "); flag == "**" || flag == "==" {
				o.part = outcome
			}
			return true
		}
		rest = after
	}
	return false
}

func isEximID(s string) bool {
	a, rest, _ := strings.Cut(s, "-")
	b, c, _ := strings.Cut(rest, "-")
	return len(a) == 6 && (len(b) == 6 || len(b) == 11) && (len(c) == 2 || len(c) == 4)
}

// exchange reads a protocol log of Exchange: "#Fields: date-time,connector-id,
// session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"
// (Microsoft Learn, "Protocol logging").
func (o *origin) exchange(line string) bool {
	if len(line) < 30 || line[4] != '-' || line[10] != 'T' {
		return false
	}
	fields := strings.SplitN(line, ",", 9)
	if len(fields) < 8 || len(fields[6]) != 1 {
		return false
	}
	o.job = fields[2]
	if fields[6] == ">" { // this server refused a client
		o.host, _, _ = strings.Cut(fields[5], "]")
		o.host = strings.TrimLeft(o.host, "[")
		if i := strings.LastIndexByte(fields[5], ':'); i > 0 && fields[5][0] != '[' {
			o.host = fields[5][:i]
		}
	}
	return true
}

// iis reads a line of IIS's SMTP service in W3C extended format: the name of
// the service, "SMTPSVC1", stands behind the client's address and name.
func (o *origin) iis(line string) bool {
	before, _, ok := strings.Cut(line, " SMTPSVC")
	if !ok {
		return false
	}
	f := strings.Fields(before)
	if len(f) < 2 {
		return false
	}
	o.job = f[len(f)-2]
	if !strings.HasPrefix(f[len(f)-1], "Outbound") {
		o.host = o.job
	}
	return true
}

// senderOn finds who sends, as the line itself has it.
func senderOn(line string) string {
	if strings.IndexByte(line, '<') >= 0 {
		if who := bracketed(line); who != "" {
			return who
		}
	}
	if strings.IndexByte(line, '=') < 0 {
		return ""
	}
	for _, mark := range [...]string{"sasl_username=", "set_id=", "account=", "mailbox="} {
		if _, after, ok := strings.Cut(line, mark); ok {
			return name(after)
		}
	}
	return ""
}

// bracketed finds the sender of an envelope.
func bracketed(line string) string {
	for _, mark := range [...]string{"from=<", " F=<", "FROM:<", "from:<"} {
		if _, after, ok := strings.Cut(line, mark); ok {
			if who, _, ok := strings.Cut(after, ">"); ok && len(who) <= maxName {
				return cmp.Or(who, "<>")
			}
		}
	}
	if _, after, ok := strings.Cut(line, " <= "); ok { // Exim takes a message
		return name(after)
	}
	return ""
}

// hostOn finds the host that was refused, where nothing names a sender:
// "reject: RCPT from printer[192.0.2.7]:" of Postfix, "authenticator failed
// for (COPIER) [192.0.2.7]" of Exim.
func hostOn(line string) string {
	for _, mark := range [...]string{" from ", " failed for "} {
		_, after, ok := strings.Cut(line, mark)
		if !ok {
			continue
		}
		if end := strings.IndexByte(after, ']'); end > 0 && end < maxName && strings.Contains(after[:end], "[") {
			return strings.TrimPrefix(after[:end+1], "unknown")
		}
	}
	return ""
}

// maxJob is how much of an id or an address is looked at, in bytes.
const maxJob = 64

// maxName is how long the name of a sender may be: a path of RFC 5321 section
// 4.5.3.1.3, in bytes.
const maxName = 256

// name cuts a name where a log ends it.
func name(s string) string {
	if i := strings.IndexAny(s, " ,;)\"'\t"); i >= 0 {
		s = s[:i]
	}
	if len(s) > maxName {
		return ""
	}
	return strings.Trim(s, "<>")
}
