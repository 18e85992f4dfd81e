package capture

import (
	"bytes"
	"strings"

	"offbasic/probes"
)

// command is one line of a client, taken apart.
type command struct {
	verb string // upper case: "MAIL"
	arg  []byte // what follows, without the spaces around it
	// quirks of how it was written.
	quirks []string
}

// isVerb tells the commands that are understood; everything else is unknown,
// and never recorded, since it may be a password that came too late.
func isVerb(s string) bool {
	switch s {
	case "EHLO", "HELO", "LHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP",
		"VRFY", "EXPN", "HELP", "QUIT":
		return true
	}
	return false
}

// parseCommand takes a line apart. Verbs are found in any case, after spaces,
// and before "=", ":" or "[" as well, because devices write "AUTH=LOGIN" and
// "EHLO[192.0.2.1]".
func parseCommand(text []byte) command {
	var c command
	if bytes.IndexByte(text, 0) >= 0 {
		c.quirks = append(c.quirks, quirkNUL)
		text = withoutNULs(text)
	}
	text = bytes.Trim(text, " \t")
	n := 0
	for n < len(text) && isLetter(text[n]) {
		n++
	}
	c.verb = strings.ToUpper(string(text[:min(n, 9)]))
	if !isVerb(c.verb) || n < len(text) && !endsVerb(c.verb, text[n]) {
		return command{arg: text, quirks: c.quirks}
	}
	if string(text[:n]) != c.verb {
		c.quirks = append(c.quirks, quirkLowerCase)
	}
	rest := text[n:]
	if c.verb == "AUTH" && len(rest) > 0 && (rest[0] == '=' || rest[0] == ':') {
		rest = rest[1:]
		c.quirks = append(c.quirks, quirkAuthEquals)
	}
	c.arg = bytes.Trim(rest, " \t")
	return c
}

// endsVerb tells what may stand right behind a verb. A line that goes on
// otherwise is no command: a password may begin with one, as "Help2024!" does.
func endsVerb(verb string, next byte) bool {
	switch {
	case next == ' ' || next == '\t':
		return true
	case verb == "AUTH":
		return next == '=' || next == ':'
	case verb == "EHLO" || verb == "HELO":
		return next == '['
	}
	return (verb == "MAIL" || verb == "RCPT") && next == ':'
}

// withoutNULs takes NULs out of a line, but for those that part an account from
// a password.
func withoutNULs(text []byte) []byte {
	text = bytes.Trim(text, "\x00 \t")
	head := text[:max(bytes.IndexAny(text, " \t=:"), 0)]
	if strings.EqualFold(string(bytes.ReplaceAll(head, []byte{0}, nil)), "AUTH") {
		return text // with NULs in the verb it is no command
	}
	return bytes.ReplaceAll(text, []byte{0}, nil)
}

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

// converse answers commands until the dialogue is over.
func (c *conn) converse() {
	for c.end == "" && c.notTLS() {
		l, err := c.in.line(c.lineLength)
		if err != nil {
			c.hungUp(err)
			return
		}
		c.noteEnding(l)
		cmd := parseCommand(l.text)
		c.rec.quirk(cmd.quirks...)
		switch {
		case l.cut:
			c.longLine(cmd)
			clear(l.text)
			c.in.take(l.size)
		case cmd.verb == "AUTH":
			c.auth(cmd, l.size)
		default:
			cmd.arg = bytes.Clone(cmd.arg)
			c.in.take(l.size)
			c.notePipelining(cmd.verb)
			c.obey(cmd)
		}
	}
}

// notTLS looks at the first bytes after the greeting: a client that was slower
// to begin with TLS than the greeting was held back for shows here. What it
// offers is still recorded, and its next connection is waited for longer.
func (c *conn) notTLS() bool {
	if c.tls != nil || c.spoke() {
		return true
	}
	if err := c.in.first(c.limits.Command); err != nil {
		c.hungUp(err)
		return false
	}
	if err := c.in.atLeast(helloHead, c.limits.Command); err != nil || !isTLSHello(c.in.buffered()) {
		return true // the error comes again
	}
	if !c.pop3 {
		c.rec.quirk(quirkTLSAfterBanner)
	}
	c.door.began(c.peer, c.port, true)
	return c.handshake(probes.Implicit)
}

// obey answers every command but AUTH, whose line holds secrets.
func (c *conn) obey(cmd command) {
	switch cmd.verb {
	case "EHLO", "HELO":
		c.hello(cmd)
	case "LHLO":
		c.lhlo(cmd)
	case "STARTTLS":
		c.startTLS(cmd)
	case "MAIL":
		c.mailFrom(cmd)
	case "RCPT":
		c.rcptTo(cmd)
	case "DATA":
		c.data(cmd)
	case "BDAT":
		c.bdat(cmd)
	case "RSET":
		c.reset(cmd)
	case "QUIT":
		c.quit(cmd)
	case "NOOP", "VRFY", "EXPN", "HELP":
		c.small(cmd)
	default:
		c.unknownCommand(cmd)
	}
}

// hungUp ends the dialogue that the client broke off.
func (c *conn) hungUp(err error) {
	if c.tls != nil && !c.spoke() && !isTimeout(err) && !c.isStopped() {
		// The handshake finished, and then not one word: the client looked at
		// the certificate and went away.
		c.rec.TLS.Error, c.rec.TLS.Refusal = tlsCertificateRefused, refusalClosed
		if strings.Contains(err.Error(), "remote error") {
			c.rec.TLS.Error, c.rec.TLS.Refusal = tlsFailure(err, nil, 0)
		}
		c.rec.note("tls_failed", strings.TrimSpace(c.rec.TLS.Error+" "+c.rec.TLS.Refusal))
		c.end = probes.EndTLS
		return
	}
	c.broke(err)
}

// spoke tells whether the client said anything since TLS began.
func (c *conn) spoke() bool {
	return c.greeted || c.unknown > 0 || c.rec.MailFrom != "" || len(c.rec.Auth) > 0
}

// noteEnding records how lines end.
func (c *conn) noteEnding(l line) {
	switch l.end {
	case endLF:
		c.rec.quirk(quirkBareLF)
	case endCR:
		c.rec.quirk(quirkLoneCR)
	case endCRLF:
	}
}

// notePipelining records commands that were sent ahead where that was not
// offered (RFC 2920).
func (c *conn) notePipelining(verb string) {
	if len(c.in.buffered()) == 0 || verb == "" || verb == "DATA" || verb == "BDAT" || verb == "STARTTLS" {
		return
	}
	if !c.greeted || !c.policy.announces(c.tls != nil, "PIPELINING") {
		c.rec.quirk(quirkPipelining)
	}
}

// longLine answers a line over the limit. A name that is too long is cut, not
// refused.
func (c *conn) longLine(cmd command) {
	c.rec.quirk(quirkLimitLine)
	if cmd.verb == "EHLO" || cmd.verb == "HELO" {
		cmd.arg = bytes.Clone(cmd.arg)
		c.hello(cmd)
		return
	}
	c.rec.say(probes.Client, "<line too long>")
	c.unknown++
	c.reply("500 5.5.2 Line too long")
}

// hear records a command whose argument says nothing: it may be a password
// that came too late, and only its length is shown.
func (c *conn) hear(cmd command) {
	if len(cmd.arg) == 0 {
		c.heard(cmd, "")
		return
	}
	c.heard(cmd, "<"+count(len(cmd.arg), "byte")+">")
}

// heard records a command with its argument as it may be shown.
func (c *conn) heard(cmd command, arg string) {
	c.rec.say(probes.Client, strings.TrimRight(cmd.verb+" "+arg, " "))
}

func (c *conn) unknownCommand(cmd command) {
	c.unknown++
	c.recognise(cmd.arg)
	if len(cmd.arg) == 0 {
		c.rec.say(probes.Client, "<empty line>")
	} else {
		c.rec.say(probes.Client, "<unknown command, "+count(len(cmd.arg), "byte")+">")
		c.rec.quirk(quirkUnknownCommand)
		if c.refused {
			c.rec.quirk(quirkAuthNotWaiting)
		}
	}
	switch {
	case c.rec.Protocol != "" && !c.greeted:
		c.reply("421 5.5.1 This is an SMTP server")
	case c.unknown >= c.limits.Unknown:
		c.rec.quirk(quirkLimitUnknown)
		c.reply("421 5.5.1 Too many unknown commands")
		c.end = probes.EndLimit
	default:
		c.answer("500 5.3.3 Unrecognized command", "UNKNOWN")
	}
}

func (c *conn) hello(cmd command) {
	name := helloName(cmd.arg)
	c.heard(cmd, name)
	if c.greeted {
		c.rec.quirk(quirkHelloRepeated)
	}
	c.rec.quirk(helloQuirks(name)...)
	if cmd.verb == "HELO" {
		c.rec.quirk(quirkHeloOnly)
	} else {
		c.rec.unquirk(quirkHeloOnly)
	}
	if name != "" {
		c.rec.Hello = clean(name, keptName)
	}
	first := c.policy.Hello
	if first == "" {
		first = "{host}"
	}
	lines := []string{"250 " + first}
	if cmd.verb == "EHLO" {
		for _, l := range c.policy.lines(c.tls != nil) {
			lines = append(lines, "250 "+l)
		}
	}
	if c.answer(strings.Join(lines, "\n"), cmd.verb) == '2' {
		c.greeted = true
		c.dropMail()
	}
}

// helloName is the name in a greeting, up to the first space.
func helloName(arg []byte) string {
	name := bytes.TrimLeft(arg, ": ")
	if i := bytes.IndexAny(name, " \t"); i >= 0 {
		name = name[:i]
	}
	return string(name)
}

// helloQuirks tells names that RFC 5321, section 4.1.4 does not allow, or that
// a strict server takes badly.
func helloQuirks(name string) []string {
	switch {
	case name == "":
		return []string{quirkHelloEmpty}
	case strings.HasPrefix(name, "["):
		return []string{quirkHelloLiteral}
	case !strings.Contains(name, "."):
		return []string{quirkHelloBare}
	}
	return nil
}

// lhlo is LMTP (RFC 2033), which no device sends mail with.
func (c *conn) lhlo(cmd command) {
	c.hear(cmd)
	c.unknown++
	c.rec.Protocol = "lmtp"
	c.reply("500 5.5.1 This is an SMTP server")
}

func (c *conn) startTLS(cmd command) {
	c.hear(cmd)
	switch {
	case c.tls != nil:
		c.reply("503 5.5.2 TLS is active already")
		return
	case !c.policy.announces(false, "STARTTLS"):
		c.rec.quirk(quirkUnofferedSTARTTLS)
		c.reply("502 5.5.1 Command not implemented")
		return
	}
	if c.answer("220 2.0.0 SMTP server ready", "STARTTLS") != '2' || c.end != "" {
		return
	}
	if implicitPort(c.port) {
		c.rec.quirk(quirkSTARTTLSOnTLSPort)
	}
	c.plainAfterSTARTTLS()
	if !c.handshake(probes.StartTLS) {
		return
	}
	c.greeted, c.authed = false, false // RFC 3207, section 4.2
	c.dropMail()
}

// plainAfterSTARTTLS looks at what came in the same packet as STARTTLS: a
// ClientHello that did not wait is taken, commands are dropped as RFC 3207,
// section 6 asks.
func (c *conn) plainAfterSTARTTLS() {
	ahead := c.in.buffered()
	switch {
	case len(ahead) == 0:
	case isTLSHello(ahead):
		c.rec.quirk(quirkHelloPipelined)
	default:
		c.rec.quirk(quirkPlainAfterSTARTTLS)
		c.in.take(len(ahead))
	}
}

func (c *conn) reset(cmd command) {
	c.hear(cmd)
	c.dropMail()
	c.answer("250 2.0.0 Resetting", "RSET")
}

// small answers the commands that change nothing.
func (c *conn) small(cmd command) {
	c.hear(cmd)
	def := "250 2.0.0 OK"
	switch cmd.verb {
	case "VRFY":
		def = "252 2.1.5 Cannot VRFY user"
	case "EXPN":
		def = "502 5.5.1 Command not implemented"
	case "HELP":
		def = "214 2.0.0 See RFC 5321"
	}
	c.answer(def, cmd.verb)
}

func (c *conn) quit(cmd command) {
	c.hear(cmd)
	c.answer("221 2.0.0 Service closing transmission channel", "QUIT")
	if c.end == "" {
		c.end = probes.EndQuit
	}
}
