package capture

import (
	"bytes"
	"strconv"
	"strings"

	"offbasic/probes"
)

// transaction is one message on its way: its envelope, and whether the end of
// it was seen.
type transaction struct {
	open   bool // MAIL was accepted
	from   string
	rcpts  int      // recipients accepted
	to     []string // the first of them
	size   int64    // declared
	smtp8  bool     // BODY=8BITMIME or SMTPUTF8 was declared
	chunks *intake
}

// path is the address of MAIL or RCPT, as it was meant.
type path struct {
	addr   string // "<>" for the null sender
	params []string
	quirks []string
}

// parsePath reads what follows MAIL or RCPT: "FROM:<a@b> SIZE=1", and all
// that devices make of it. ok is false when there is no address to be found.
func parsePath(arg []byte, word string) (p path, ok bool) {
	if len(arg) < len(word) || !strings.EqualFold(string(arg[:len(word)]), word) {
		return p, false
	}
	rest := bytes.TrimLeft(arg[len(word):], " \t")
	if len(rest) < len(arg)-len(word) {
		p.quirks = append(p.quirks, quirkSpaceBeforeColon)
	}
	if len(rest) == 0 || rest[0] != ':' {
		return p, false
	}
	text := bytes.TrimLeft(rest[1:], " \t")
	if len(text) < len(rest)-1 {
		p.quirks = append(p.quirks, quirkSpaceAfterColon)
	}
	var params []byte
	var addr string
	if open := bytes.IndexByte(text, '<'); open >= 0 {
		end := bytes.IndexByte(text[open:], '>')
		if end < 0 {
			return p, false
		}
		addr, params = string(text[open+1:open+end]), text[open+end+1:]
		if open > 0 {
			p.quirks = append(p.quirks, quirkDisplayName)
		}
	} else {
		first, after, _ := bytes.Cut(text, []byte(" "))
		addr, params = string(first), after
		p.quirks = append(p.quirks, quirkNoBrackets)
	}
	for f := range strings.FieldsSeq(string(params)) {
		p.params = append(p.params, f)
	}
	return p.withAddress(strings.TrimSpace(addr), word)
}

func (p path) withAddress(addr, word string) (path, bool) {
	if strings.HasPrefix(addr, "@") { // a source route, RFC 5321, appendix F.2
		if _, after, found := strings.Cut(addr, ":"); found {
			addr = after
		}
	}
	p.addr = clean(addr, keptName)
	if addr == "" {
		p.addr = "<>"
		return p, strings.EqualFold(word, "FROM")
	}
	if !strings.Contains(addr, "@") {
		p.quirks = append(p.quirks, quirkNoDomain)
	}
	return p, true
}

func (c *conn) mailFrom(cmd command) {
	c.hear(cmd)
	p, ok := parsePath(cmd.arg, "FROM")
	c.rec.quirk(p.quirks...)
	c.noteOrder(quirkMailBeforeHello)
	c.notePOPBefore()
	switch {
	case !ok:
		c.reply("501 5.5.4 Invalid arguments")
		return
	case c.policy.RequireTLS && c.tls == nil:
		c.reply(replyNeedTLS)
		return
	case c.mail.open:
		c.reply("503 5.5.2 Sender already specified")
		return
	}
	if c.refused && !c.authed {
		c.rec.quirk(quirkSendsAfterRefusal)
	}
	if c.messages == 0 {
		c.rec.MailFrom = p.addr
	}
	if c.policy.RequireAuth && !c.authed {
		c.answer(replyUnauthenticated, "UNAUTHENTICATED")
		return
	}
	if c.messages >= c.limits.Messages {
		c.rec.quirk(quirkLimitMessages)
		c.reply("421 4.7.0 Too many messages on one connection")
		return
	}
	t := transaction{open: true, from: p.addr}
	c.mailParams(&t, p.params)
	if t.size > c.limits.MessageSize {
		c.rec.quirk(quirkLimitMessage)
		c.reply("552 5.3.4 Message size exceeds fixed maximum message size")
		return
	}
	if c.answer("250 2.1.0 Sender OK", "MAIL") == '2' {
		c.mail = t
	}
}

// mailParams reads the parameters of MAIL that say something; unknown ones are
// taken without a word.
func (c *conn) mailParams(t *transaction, params []string) {
	for _, param := range params {
		key, value, _ := strings.Cut(strings.ToUpper(param), "=")
		switch key {
		case "SIZE":
			t.size, _ = strconv.ParseInt(value, 10, 64)
		case "BODY":
			t.smtp8 = t.smtp8 || value == "8BITMIME" || value == "BINARYMIME"
		case "SMTPUTF8":
			t.smtp8 = true
		case "AUTH", "RET", "ENVID", "BY", "MT-PRIORITY", "REQUIRETLS":
		default:
			c.rec.quirk(quirkUnknownParameter)
		}
	}
}

func (c *conn) rcptTo(cmd command) {
	c.hear(cmd)
	p, ok := parsePath(cmd.arg, "TO")
	c.rec.quirk(p.quirks...)
	switch {
	case !ok:
		c.reply("501 5.5.4 Invalid arguments")
		return
	case !c.mail.open:
		c.reply("503 5.5.2 Need mail command")
		return
	case c.mail.rcpts >= c.limits.Recipients:
		c.rec.quirk(quirkLimitRecipients)
		c.reply("452 4.5.3 Too many recipients")
		return
	}
	if c.answer("250 2.1.5 Recipient OK", "RCPT") != '2' {
		return
	}
	if c.mail.rcpts++; len(c.mail.to) < keptRcpts {
		c.mail.to = append(c.mail.to, p.addr)
	}
	c.rec.recipient(p.addr)
}

// recipient adds one to all that the session wrote to.
func (r *record) recipient(addr string) {
	for _, known := range r.RcptTo {
		if known == addr {
			return
		}
	}
	if len(r.RcptTo) < keptRcpts && r.spend(len(addr)+perLine) {
		r.RcptTo = append(r.RcptTo, addr)
		return
	}
	r.quirk(quirkLimitTranscript)
}

// noteOrder records a command that came before any greeting.
func (c *conn) noteOrder(quirk string) {
	if !c.greeted {
		c.rec.quirk(quirk)
	}
}

// protocol is what the connection was, if it was not SMTP.
func (c *conn) protocol() string {
	switch {
	case c.pop3:
		return c.popProtocol()
	case c.rec.Protocol != "":
		return c.rec.Protocol
	case c.greeted || len(c.rec.Auth) > 0 || c.rec.MailFrom != "" || c.rec.Hello != "":
		return ""
	case c.rec.TLS.Mode != probes.NoTLS && len(c.rec.TLS.ClientVersions) > 0:
		return ""
	case c.in.any:
		return "scan"
	case c.end == probes.EndLimit || c.end == probes.EndShutdown:
		return ""
	}
	return "bare"
}
