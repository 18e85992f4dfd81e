package capture

import (
	"bytes"
	"slices"
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
	intake *intake  // of the message, once it has begun
}

// path is the address of MAIL or RCPT, as it was meant.
type path struct {
	addr   string // "<>" for the null sender
	params []string
	quirks []string
	// shown is all of it as it may be recorded: a password may stand in the
	// name of a mailbox and in a parameter.
	shown string
}

// parsePath reads what follows MAIL or RCPT: "FROM:<a@b> SIZE=1", and all
// that devices make of it. ok is false when there is no address to be found.
//
//nolint:gocognit // one branch for each spelling that was seen
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
	before := strings.ToUpper(word) + string(arg[len(word):len(arg)-len(text)])
	open := bytes.IndexByte(text, '<')
	var params []byte
	var addr string
	if open >= 0 {
		end := bytes.IndexByte(text[open:], '>')
		if end < 0 {
			return p, false
		}
		addr, params = string(text[open+1:open+end]), text[open+end+1:]
		if open > 0 {
			p.quirks = append(p.quirks, quirkDisplayName)
			before += hidden("display name", open) + " "
		}
	} else {
		end := bytes.IndexAny(text, " \t")
		if end < 0 {
			end = len(text)
		}
		addr, params = string(text[:end]), text[end:]
		p.quirks = append(p.quirks, quirkNoBrackets)
	}
	p, ok = p.withAddress(strings.TrimSpace(addr), word)
	p.shown = before + p.addr
	if open >= 0 && p.addr != "<>" {
		p.shown = before + "<" + p.addr + ">"
	}
	for f := range strings.FieldsSeq(string(params)) {
		p.params = append(p.params, f)
		if len(p.shown) < keptLine {
			p.shown += " " + parameter(f)
		}
	}
	return p, ok
}

// parameter shows a parameter of MAIL or RCPT: its key, where it is one, and
// its value where that can be no secret.
func parameter(text string) string {
	key, value, has := strings.Cut(text, "=")
	key = strings.ToUpper(key)
	_, err := strconv.ParseUint(value, 10, 64)
	plain := key == "SIZE" && err == nil ||
		slices.Contains([]string{"7BIT", "8BITMIME", "BINARYMIME", "FULL", "HDRS", "NEVER", "SUCCESS", "FAILURE", "DELAY"}, strings.ToUpper(value))
	switch {
	case !isParameter(key) && (!has || !strings.HasPrefix(key, "X-")):
		return hidden("parameter", len(text))
	case !has:
		return key
	case plain:
		return key + "=" + value
	}
	return clean(key, keptMechanism) + "=<" + count(len(value), "byte") + ">"
}

// isParameter tells the parameters of MAIL and RCPT in the IANA registry "MAIL
// Parameters".
func isParameter(key string) bool {
	switch key {
	case "SIZE", "BODY", "SMTPUTF8", "AUTH", "RET", "ENVID", "BY", "MT-PRIORITY", "REQUIRETLS", "HOLDFOR",
		"HOLDUNTIL", "SUBMITTER", "TRANSID", "MTRK", "SOLICIT", "CONPERM", "CONNEG", "NOTIFY", "ORCPT", "RRVS":
		return true
	}
	return false
}

// addressOf is an address without what a device may have written into it:
// "name:password@domain".
func addressOf(addr string) (cleaned string, more bool) {
	local, domain := addr, ""
	at := strings.LastIndexByte(addr, '@')
	if at >= 0 {
		local, domain = addr[:at], addr[at:]
	}
	if i := strings.IndexFunc(local, endsAccount); i >= 0 {
		local, more = local[:i], true
	}
	if i := strings.IndexFunc(domain, endsAccount); i >= 0 && !strings.HasPrefix(domain, "@[") {
		domain, more = domain[:i], true
	}
	return clean(local+domain, keptName), more
}

func (p path) withAddress(addr, word string) (path, bool) {
	if strings.HasPrefix(addr, "@") { // a source route, RFC 5321, appendix F.2
		if _, after, found := strings.Cut(addr, ":"); found {
			addr = after
		}
	}
	var more bool
	if p.addr, more = addressOf(addr); more {
		p.quirks = append(p.quirks, quirkAccountAndMore)
	}
	if addr == "" {
		p.addr = "<>"
		return p, strings.EqualFold(word, "FROM")
	}
	if !strings.Contains(addr, "@") {
		p.quirks = append(p.quirks, quirkNoDomain)
	}
	return p, true
}

// hearPath records MAIL or RCPT.
func (c *conn) hearPath(cmd command, word string) (path, bool) {
	p, ok := parsePath(cmd.arg, word)
	if ok {
		c.heard(cmd, p.shown)
	} else {
		c.hear(cmd)
	}
	return p, ok
}

func (c *conn) mailFrom(cmd command) {
	p, ok := c.hearPath(cmd, "FROM")
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
	p, ok := c.hearPath(cmd, "TO")
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
	if slices.Contains(r.RcptTo, addr) {
		return
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
