package capture

import (
	"bytes"
	"slices"
	"strings"

	"offbasic/probes"
)

// Bounds of one sign-in.
const (
	maxSteps = 8 // lines of the client

	keptMechanism = 40 // bytes of its name
)

// auth goes through one sign-in. size is the length of its line in the buffer,
// which is wiped as soon as it is read.
func (c *conn) auth(cmd command, size int) {
	mech, initial, has := cutMechanism(cmd.arg)
	mech = recordedMechanism(mech)
	d := c.newSignIn(mech)
	shown, challenge := strings.TrimRight("AUTH "+mech, " "), ""
	if has {
		c.noteInitial(mech)
		d.inline = true
		challenge = d.next(initial)
		d.inline = false
		shown += " " + d.shown
	} else {
		challenge = d.begin()
	}
	c.in.take(size)
	c.sayAuth(d, shown)
	c.noteOrder(quirkAuthBeforeHello)
	if mech != "" && !c.offers(mech) {
		c.rec.quirk(quirkUnofferedMechanism)
	}
	if refusal := c.authRefusal(mech); refusal != "" {
		c.authEnded(d, refusal)
		return
	}
	for !d.done {
		c.hold(c.policy.delay("AUTH "+mech, "AUTH"))
		var ok bool
		if challenge, ok = c.authStep(d, challenge); !ok {
			return
		}
	}
	if d.auth.Outcome == probes.AuthMalformed {
		c.authEnded(d, "501 5.5.2 Cannot decode response")
		return
	}
	c.authEnded(d, c.verdict(mech))
}

// newSignIn is a dialogue under the policy of this connection.
func (c *conn) newSignIn(mech string) *dialogue {
	d := newDialogue(mech, c.challengeSeed())
	d.prompts, d.opening = c.policy.LoginPrompts, c.policy.Challenge
	if c.Secret != nil {
		d.secret = func(password []byte) { c.Secret(c.rec.Peer, d.auth.Mechanism, d.auth.Account, password) }
	}
	return d
}

// offers tells whether the mechanism is announced.
func (c *conn) offers(mech string) bool {
	if c.pop3 {
		return slices.Contains(popMechanisms(), mech)
	}
	return c.policy.announcesAuth(c.tls != nil, mech)
}

// verdict is the answer to the credentials, after the policy's delay.
func (c *conn) verdict(mech string) string {
	if c.pop3 {
		return c.popVerdict(mech)
	}
	c.hold(c.policy.delay("AUTH "+mech, "AUTH"))
	return c.fill(c.policy.reply(replyAuthOK, "AUTH "+mech, "AUTH"))
}

// authStep sends a challenge and reads the client's line. False means that the
// attempt ended there.
func (c *conn) authStep(d *dialogue, challenge string) (next string, ok bool) {
	c.reply("334 " + challenge)
	if c.end != "" {
		c.authGone(d)
		return "", false
	}
	l, err := c.in.line(c.lineLength)
	if err != nil {
		c.authGone(d)
		c.broke(err)
		return "", false
	}
	c.noteEnding(l)
	if l.cut {
		c.rec.quirk(quirkLimitLine)
	}
	cancelled := string(bytes.TrimSpace(l.text)) == "*" // RFC 4954, section 4
	if !cancelled {
		next = d.next(l.text)
	}
	if d.step > maxSteps {
		d.done, d.auth.Outcome = true, probes.AuthMalformed
	}
	clear(l.text)
	c.in.take(l.size)
	if cancelled {
		c.rec.say(probes.Client, "*")
		d.auth.Outcome = probes.AuthCancelled
		c.authEnded(d, "501 5.7.0 Authentication cancelled")
		return "", false
	}
	c.sayAuth(d, d.shown)
	return next, true
}

// sayAuth records a line of a sign-in. One with the first answer of LOGIN names
// the account once it is known which of the two answers that is.
func (c *conn) sayAuth(d *dialogue, shown string) {
	if d.first == nil {
		c.nameHeld(d)
	} else if d.held == nil {
		d.held = &heldLine{at: len(c.rec.Transcript), size: len(d.first)}
	}
	c.rec.say(probes.Client, shown)
}

// heldLine is the line of the transcript that is to name an account.
type heldLine struct {
	at   int // in the transcript
	size int // bytes of the answer
}

// nameHeld puts the account into the line that waits for it.
func (c *conn) nameHeld(d *dialogue) {
	held := d.held
	d.held = nil
	if held == nil || held.at >= len(c.rec.Transcript) {
		return
	}
	name := "<account " + d.auth.Account + ">"
	switch {
	case d.swapped():
		name = hidden("password", held.size)
	case d.auth.Account == "":
		return
	}
	l := &c.rec.Transcript[held.at]
	if c.rec.spend(len(name)) {
		l.Text = strings.Replace(l.Text, heldAccount(held.size), name, 1)
	}
}

// cutMechanism splits "LOGIN dXNlcg==" and "LOGIN". An "=" alone is an empty
// initial response (RFC 4954, section 4).
func cutMechanism(arg []byte) (mech string, initial []byte, has bool) {
	arg = bytes.TrimSpace(arg)
	i := bytes.IndexAny(arg, " \t")
	if i < 0 {
		return strings.ToUpper(string(arg)), nil, false
	}
	initial = bytes.TrimSpace(arg[i:])
	if string(initial) == "=" {
		initial = nil
	}
	return strings.ToUpper(string(arg[:i])), initial, true
}

// challengeSeed makes challenges unique without a secret.
func (c *conn) challengeSeed() string { return c.rec.ID + "@" + c.host() }

func (c *conn) noteInitial(mech string) {
	switch mech {
	case "LOGIN":
		c.rec.quirk(quirkLoginInline)
	case "XOAUTH2", "OAUTHBEARER":
		c.rec.quirk(quirkTokenInline)
	}
}

// authRefusal is the answer to the AUTH command itself, where it is a no.
func (c *conn) authRefusal(mech string) string {
	if mech == "" {
		return "501 5.5.4 Unrecognized authentication type"
	}
	refusal := c.notNow()
	switch {
	case refusal != "":
		return refusal
	case c.pop3 && !c.offers(mech):
		return replyUnknownMech
	case c.pop3:
		return ""
	case !c.policy.takes(mech):
		return c.policy.reply(replyUnknownMech, "AUTH "+mech)
	}
	reply := c.policy.reply("", "AUTH "+mech, "AUTH")
	for _, code := range []string{"500", "501", "502", "503", "504", "530", "534", "538"} {
		if strings.HasPrefix(reply, code) {
			return reply
		}
	}
	return ""
}

// notNow is the answer to any sign-in at a time when there can be none.
func (c *conn) notNow() string {
	switch {
	case c.authed:
		return "503 5.5.2 Already authenticated"
	case c.attempts >= c.limits.SignIns:
		c.rec.quirk(quirkLimitAuth)
		return "421 4.7.0 Too many sign-in attempts"
	case c.policy.RequireTLS && c.tls == nil && c.pop3:
		return popNeedTLS
	case c.policy.RequireTLS && c.tls == nil:
		return replyNeedTLS
	}
	return ""
}

// authEnded records an attempt and answers it.
func (c *conn) authEnded(d *dialogue, reply string) {
	c.attempts++
	d.settle()
	c.nameHeld(d)
	a := d.auth
	a.Cleartext = c.tls == nil
	a.Reply = firstOf(reply)
	if c.pop3 {
		a.Reply = popReply(a.Reply)
	}
	switch {
	case a.Outcome == probes.AuthCancelled, a.Outcome == probes.AuthMalformed:
	case reply[0] == '2' || reply[0] == '+':
		a.Outcome = probes.AuthAccepted
	default:
		a.Outcome = probes.AuthRefused
	}
	c.authed = c.authed || a.Outcome == probes.AuthAccepted
	c.refused = c.refused || a.Outcome != probes.AuthAccepted
	if a.Mechanism != "" {
		c.noteAttempt(a, d)
	}
	c.reply(reply)
}

// noteAttempt adds the attempt to the record, with what it showed.
func (c *conn) noteAttempt(a probes.Auth, d *dialogue) {
	for _, before := range c.rec.Auth {
		if before.Mechanism != a.Mechanism && before.Outcome == probes.AuthRefused {
			c.rec.quirk(quirkTriesOthers)
		}
	}
	if a.Cleartext && d.password {
		c.rec.quirk(quirkCleartextPassword)
	}
	c.rec.quirk(d.quirks...)
	if c.pop3 {
		c.popped.add(c.peer, c.Now())
	} else {
		c.rec.unquirk(quirkPOPBeforeSMTP)
	}
	c.rec.auth(a)
}

// authGone records an attempt that the client did not finish.
func (c *conn) authGone(d *dialogue) {
	c.attempts++
	d.settle()
	c.nameHeld(d)
	d.auth.Outcome = probes.AuthCancelled
	d.auth.Cleartext = c.tls == nil
	c.noteAttempt(d.auth, d)
}

// firstOf is the first line of a reply.
func firstOf(reply string) string {
	l, _, _ := strings.Cut(reply, "\n")
	return l
}
