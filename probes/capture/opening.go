package capture

import (
	"bytes"
	"time"

	"offbasic/probes"
)

// implicitWait is how long a client on an implicit TLS port may be silent
// before it is taken for one that waits for a greeting.
const implicitWait = 3 * time.Second

// talkerWait is how long a client has that began with TLS on this port before.
const talkerWait = 1500 * time.Millisecond

// open tells a client that begins with TLS from one that waits for the
// greeting, by what it sends first, on any port. A client that begins with TLS
// cannot use a greeting that comes before it, so the greeting is held back for
// a moment. Java may take longer than that: its hello then comes after the
// greeting, is recorded all the same, and its next connection is waited for
// longer. False means that it ended there.
func (c *conn) open() bool {
	implicit := implicitPort(c.port)
	spoke, err := c.speaksFirst(implicit)
	if err != nil {
		c.broke(err)
		return false
	}
	switch {
	case spoke && isTLSHello(c.in.buffered()):
		if !implicit && !c.pop3 {
			c.rec.quirk(quirkImplicitOnPlainPort)
		}
		if !c.handshake(probes.Implicit) {
			return false
		}
	case spoke:
		c.rec.quirk(quirkEarlyTalker)
	}
	if implicit && c.tls == nil && !c.pop3 {
		c.rec.quirk(quirkPlainOnTLSPort)
	}
	c.hold(c.policy.delay("GREETING"))
	c.reply(c.fill(c.greeting()))
	return c.end == ""
}

func (c *conn) greeting() string {
	switch {
	case c.pop3: // what is in the brackets is for APOP
		return popReady + " <" + c.challengeSeed() + ">"
	case c.policy.Greeting == "":
		return "220 {host} ESMTP"
	}
	return "220 " + c.policy.Greeting
}

// speaksFirst waits for a first byte as long as this port and this peer call
// for.
func (c *conn) speaksFirst(implicit bool) (bool, error) {
	wait := c.limits.Peek
	switch {
	case implicit:
		wait = max(wait, implicitWait)
	case wait < 0 || c.door.busy(c.peer, c.port):
		c.door.began(c.peer, c.port, false)
		return false, nil
	case c.door.spokeFirst(c.peer, c.port):
		wait = max(wait, talkerWait)
	}
	err := c.in.first(wait)
	if isTimeout(err) && !c.isStopped() {
		c.door.began(c.peer, c.port, false)
		return false, nil
	}
	if err == nil {
		c.door.began(c.peer, c.port, true)
		err = c.in.atLeast(helloHead, wait)
	}
	return err == nil, err
}

// helloHead is how many bytes tell a TLS hello from a command.
const helloHead = 5

// atLeast waits until n bytes are there; a client that sends fewer is not an
// error.
func (b *reader) atLeast(n int, d time.Duration) error {
	for len(b.buffered()) < n && !bytes.ContainsAny(b.buffered(), "\r\n") {
		if err := b.more(bufferStart, d); err != nil {
			if isTimeout(err) {
				return nil
			}
			return err
		}
	}
	return nil
}

// isTLSHello tells the first bytes of TLS or SSL: a handshake record, or the
// ClientHello of SSL 2.0, whose length has its high bit set and whose message
// type is 1.
func isTLSHello(b []byte) bool {
	if len(b) < 3 {
		return len(b) > 0 && b[0] == 0x16
	}
	return b[0] == 0x16 && b[1] == 3 || b[0]&0x80 != 0 && b[2] == 1
}
