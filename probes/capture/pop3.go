package capture

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"offbasic/probes"
)

// popScheme before an address of Server.Listen asks for POP3 there.
const popScheme = "pop3://"

// The texts of POP3 that policies share, worded as Exchange words them.
const (
	popOK       = "+OK User successfully logged on."
	popRefused  = "-ERR Logon failure: unknown user name or bad password."
	popNotNow   = "-ERR Command is not valid in this state."
	popNoSuch   = "-ERR The specified message does not exist."
	popNeedTLS  = "-ERR Must issue a STLS command first"
	popReady    = "+OK The Microsoft Exchange POP3 service is ready."
	popGoodbye  = "+OK Microsoft Exchange Server POP3 server signing off."
	popPassword = "POP3" // the key of Policy.Replies
)

// popPort tells the ports that are POP3's without being told so.
func popPort(port string) bool {
	return slices.Contains([]string{"110", "1110", "995", "1995"}, port)
}

// popMechanisms are what AUTH takes over POP3 (RFC 5034).
func popMechanisms() []string { return []string{"LOGIN", "PLAIN", "XOAUTH2"} }

// popWithin is how long after a sign-in by POP3 a message without sign-in is
// taken to rely on it. Servers that allowed this kept the door open for ten to
// thirty minutes.
const popWithin = 10 * time.Minute

// popReply words an SMTP reply as POP3 has it (RFC 1939, section 3, and RFC
// 5034, section 4); one that is POP3's already stays as it is.
func popReply(text string) string {
	if text[0] == '+' || text[0] == '-' {
		return text
	}
	words := text[min(4, len(text)):]
	if text[0] == '3' {
		return "+ " + words
	}
	if enhanced, rest, ok := strings.Cut(words, " "); ok && strings.Count(enhanced, ".") == 2 {
		words = rest
	}
	if text[0] == '2' {
		return "+OK " + words
	}
	return "-ERR " + words
}

// popCommand takes a line apart. Of what follows the keyword only one space is
// cut: a password may begin or end with one (RFC 1939, section 7).
func popCommand(text []byte) (verb string, arg []byte) {
	n := 0
	for n < len(text) && isLetter(text[n]) {
		n++
	}
	if n < len(text) && text[n] != ' ' && text[n] != '\t' {
		return "", text // as a password may begin
	}
	verb = strings.ToUpper(string(text[:min(n, 5)]))
	switch verb {
	case "USER", "PASS", "APOP", "AUTH", "CAPA", "STLS", "STAT", "LIST", "UIDL", "RETR", "TOP", "DELE",
		"NOOP", "RSET", "QUIT":
		return verb, bytes.TrimPrefix(text[n:], []byte(" "))
	}
	return "", text
}

// conversePOP answers commands until the dialogue is over.
func (c *conn) conversePOP() {
	for c.end == "" && c.notTLS() {
		l, err := c.in.line(c.lineLength)
		if err != nil {
			c.hungUp(err)
			break
		}
		c.noteEnding(l)
		verb, arg := popCommand(l.text)
		if verb != "" {
			c.greeted, c.rec.Protocol = true, "pop3"
		}
		switch {
		case l.cut:
			c.longLine(command{})
			clear(l.text)
			c.in.take(l.size)
		case verb == "PASS":
			c.pass(arg, l.size)
		case verb == "APOP":
			c.apop(arg, l.size)
		case verb == "AUTH":
			c.auth(command{verb: verb, arg: bytes.Trim(arg, " \t")}, l.size)
		default:
			arg = bytes.Clone(bytes.Trim(arg, " \t"))
			c.in.take(l.size)
			c.obeyPOP(command{verb: verb, arg: arg})
		}
	}
	if c.pending != nil {
		c.authGone(c.pending)
	}
}

// obeyPOP answers every command but those whose line holds secrets.
func (c *conn) obeyPOP(cmd command) {
	if cmd.verb == "" {
		c.unknownPOP(cmd)
		return
	}
	if cmd.verb == "USER" {
		c.user(cmd)
		return
	}
	c.hear(cmd)
	switch cmd.verb {
	case "CAPA":
		c.capabilities()
	case "STLS":
		c.stls()
	case "QUIT":
		c.reply(popGoodbye)
		if c.end == "" {
			c.end = probes.EndQuit
		}
	default:
		c.emptyBox(cmd)
	}
}

// unknownPOP answers a line that is no command. It may be a password that came
// too late: only its length is shown.
func (c *conn) unknownPOP(cmd command) {
	c.unknown++
	c.recognise(cmd.arg)
	c.rec.say(probes.Client, "<unknown command, "+count(len(cmd.arg), "byte")+">")
	clear(cmd.arg)
	switch {
	case c.rec.Protocol != "" && !c.greeted:
		c.reply("421 5.5.1 This is a POP3 server")
	case c.unknown >= c.limits.Unknown:
		c.rec.quirk(quirkLimitUnknown)
		c.reply("421 5.5.1 Too many unknown commands")
		c.end = probes.EndLimit
	default:
		c.reply("-ERR Unrecognized command")
	}
}

// capabilities is CAPA (RFC 2449).
func (c *conn) capabilities() {
	lines := []string{"+OK", "TOP", "UIDL", "USER", "SASL " + strings.Join(popMechanisms(), " ")}
	if c.tls == nil && c.policy.announces(false, "STARTTLS") {
		lines = append(lines, "STLS")
	}
	c.reply(strings.Join(append(lines, "."), "\n"))
}

// stls is STARTTLS of POP3 (RFC 2595, section 4); what was said before it
// counts no more.
func (c *conn) stls() {
	switch {
	case c.tls != nil || c.authed:
		c.reply(popNotNow)
		return
	case !c.policy.announces(false, "STARTTLS"):
		c.rec.quirk(quirkUnofferedSTARTTLS)
		c.reply("-ERR Command not implemented")
		return
	}
	c.reply("+OK Begin TLS negotiation.")
	if c.end != "" {
		return
	}
	c.plainAfterSTARTTLS()
	if c.handshake(probes.StartTLS) {
		c.greeted = false
		c.forget()
	}
}

// emptyBox answers what is asked of a mailbox that holds nothing (RFC 1939,
// section 5).
func (c *conn) emptyBox(cmd command) {
	switch {
	case !c.authed:
		c.reply(popNotNow)
	case cmd.verb == "STAT":
		c.reply("+OK 0 0")
	case (cmd.verb == "LIST" || cmd.verb == "UIDL") && len(cmd.arg) == 0:
		c.reply("+OK 0 messages\n.")
	case cmd.verb == "NOOP" || cmd.verb == "RSET":
		c.reply("+OK")
	default:
		c.reply(popNoSuch)
	}
}

// user keeps the account until the password comes.
func (c *conn) user(cmd command) {
	c.forget()
	d := c.newSignIn("USER")
	d.hold(cmd.arg)
	c.sayAuth(d, "USER "+d.shown)
	if refusal := c.notNow(); refusal != "" {
		c.authEnded(d, refusal)
		return
	}
	c.pending = d
	c.reply("+OK")
}

// forget drops the account that USER named.
func (c *conn) forget() {
	if c.pending != nil {
		c.pending.release()
		c.pending = nil
	}
}

// pass ends the sign-in that USER began. size is the length of its line in the
// buffer, which is wiped as soon as it is read.
func (c *conn) pass(password []byte, size int) {
	d := c.pending
	c.pending = nil
	if d == nil {
		d = c.newSignIn("USER")
		d.auth.Outcome = probes.AuthMalformed
	}
	shown := "PASS " + hidden("password", d.pair(d.first, password))
	if d.swapped() {
		shown = "PASS <account " + d.auth.Account + ">"
	}
	d.release()
	c.in.take(size)
	c.sayAuth(d, shown)
	refusal := c.notNow()
	if refusal == "" && d.auth.Outcome == probes.AuthMalformed {
		refusal = popNotNow
	}
	c.endPOP(d, refusal)
}

// apop is APOP (RFC 1939, section 7): the account, a space, a digest. The
// digest is not kept: with the greeting it lets a password be guessed.
func (c *conn) apop(arg []byte, size int) {
	d := c.newSignIn("APOP")
	arg = bytes.TrimSpace(arg)
	i := bytes.LastIndexByte(arg, ' ')
	shown, refusal := "APOP "+secret("unreadable", arg), ""
	if i > 0 && len(arg)-i-1 == 32 {
		d.name(arg[:i])
		d.tell(nil)
		shown = "APOP <account " + d.auth.Account + ", digest>"
	} else {
		d.auth.Outcome = probes.AuthMalformed
		refusal = "-ERR Protocol error."
	}
	c.in.take(size)
	c.rec.say(probes.Client, shown)
	if r := c.notNow(); r != "" {
		refusal = r
	}
	c.endPOP(d, refusal)
}

// endPOP answers a sign-in: with the refusal if there is one, else with what
// the policy says.
func (c *conn) endPOP(d *dialogue, refusal string) {
	if refusal == "" {
		refusal = c.popVerdict(d.auth.Mechanism)
	}
	c.authEnded(d, refusal)
}

// popVerdict is the answer to what was sent to sign in. A policy refuses
// passwords over POP3, not tokens.
func (c *conn) popVerdict(mech string) string {
	c.hold(c.policy.delay(popPassword))
	if mech == "XOAUTH2" {
		return popOK
	}
	return c.fill(c.policy.reply(popOK, popPassword))
}

// popProtocol is what a connection to a POP3 listener was: never a sender.
func (c *conn) popProtocol() string {
	switch {
	case c.rec.Protocol != "":
		return c.rec.Protocol
	case len(c.rec.TLS.ClientVersions) > 0:
		return "pop3"
	case c.in.any:
		return "scan"
	}
	return "bare"
}

// notePOPBefore records MAIL without sign-in shortly after one by POP3.
func (c *conn) notePOPBefore() {
	if len(c.rec.Auth) == 0 && c.popped.has(c.peer, c.Now()) {
		c.rec.quirk(quirkPOPBeforeSMTP)
	}
}

// visitors remembers for popWithin who signed in by POP3.
type visitors struct {
	mu sync.Mutex
	at map[netip.Addr]time.Time
}

// add remembers a peer, at most habitsKept of them.
func (v *visitors) add(peer netip.Addr, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.at == nil {
		v.at = map[netip.Addr]time.Time{}
	}
	if len(v.at) >= habitsKept {
		for p, at := range v.at {
			if now.Sub(at) > popWithin {
				delete(v.at, p)
			}
		}
	}
	for p := range v.at { // still full: any of them makes room
		if len(v.at) < habitsKept {
			break
		}
		delete(v.at, p)
	}
	v.at[peer] = now
}

// has tells whether the peer signed in not long ago.
func (v *visitors) has(peer netip.Addr, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	at, ok := v.at[peer]
	return ok && now.Sub(at) <= popWithin
}
