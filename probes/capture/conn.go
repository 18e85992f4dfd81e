package capture

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"offbasic/probes"
)

// conn is one connection: a dialogue with one client, and its record.
type conn struct {
	*run
	raw    net.Conn
	out    net.Conn // raw, or TLS over it
	in     *reader
	peer   netip.Addr
	port   string // of ours
	pop3   bool   // is spoken, not SMTP
	policy Policy
	rec    *record
	mail   transaction
	tls    *tls.Conn

	greeted    bool // with EHLO or HELO, or any command of POP3
	authed     bool
	refused    bool // a sign-in was refused
	lineLength int  // limit
	attempts   int  // to sign in
	unknown    int  // commands that nobody knows
	messages   int
	places     int        // opened in the store
	pending    *dialogue  // USER came, PASS did not yet
	acked      bool       // the record of its last message is on disk
	end        probes.End // set once the dialogue is over

	leave func() // the door, once; nil when it was not entered

	mu      sync.Mutex // guards the deadlines against stop
	stopped chan struct{}
	until   time.Time // the whole session ends
}

// lastWords is how long a client has to take the reply to a shutdown.
const lastWords = time.Second

func newConn(r *run, raw net.Conn, peer netip.Addr) *conn {
	c := &conn{run: r, raw: raw, out: raw, peer: peer, rec: newRecord(r.Now, r.limits.Transcript), stopped: make(chan struct{})}
	_, c.port, _ = net.SplitHostPort(raw.LocalAddr().String())
	c.lineLength = r.limits.LineLength
	c.in = newReader(raw, r.limits.Command, c.waitRead)
	c.until = wall().Add(r.limits.Session)
	c.rec.Peer, c.rec.Listener = peer.String(), raw.LocalAddr().String()
	return c
}

// wall is the clock of the sockets' deadlines, which no record shows.
func wall() time.Time {
	return time.Now() //nolint:forbidigo // a socket's deadline is wall time
}

// serve goes through the dialogue and hands the record over.
func (c *conn) serve() {
	c.guard(c.dialogue)
	c.finish()
}

// guard runs f. A fault of our own in it ends this session and no other; the
// value of the panic is not kept, since it may hold what the client sent.
func (c *conn) guard(f func()) {
	defer func() {
		if recover() == nil {
			return
		}
		c.in.wipe()
		c.rec.quirk(quirkInternal)
		c.rec.note("internal", "")
		c.end = probes.EndDropped
	}()
	f()
}

// dialogue goes through what the client says.
func (c *conn) dialogue() {
	c.policy = c.run.policy(c.peer)
	c.rec.Policy, c.rec.Asked, c.rec.Alone = c.policy.Name, c.policy.Asked, c.policy.Alone
	switch {
	case !c.open():
	case c.pop3:
		c.conversePOP()
	default:
		c.converse()
	}
}

// turnAway closes a connection that is not served, and records why.
func (c *conn) turnAway(quirk string) {
	c.rec.quirk(quirk)
	c.rec.Protocol = "refused"
	c.reply("421 4.3.2 Service not available")
	c.end = probes.EndLimit
	c.finish()
}

// finish closes the connection and hands the final record over.
func (c *conn) finish() {
	c.close()
	defer c.leaveDoor()()
	c.rec.Ended = c.Now().UTC()
	c.rec.Protocol = c.protocol()
	if c.Neighbour != nil {
		c.guard(func() { c.rec.MAC = c.Neighbour(c.rec.Peer) })
	}
	if c.mail.open && c.end != probes.EndQuit {
		c.rec.quirk(quirkDroppedMidway)
	}
	c.guard(c.dropMail)
	if c.rec.Taken && (c.end == probes.EndClosed || c.end == probes.EndReset || c.end == probes.EndTimeout) {
		c.rec.quirk(quirkNoQuit)
	}
	c.rec.End = c.end
	if c.Store != nil {
		c.guard(c.keep)
	}
	c.rec.End = c.end
	c.ended <- c.rec.snapshot()
}

// keepsSoon is what a Store also is when it can take a record without waiting
// for the disk.
type keepsSoon interface{ KeepSoon(s probes.Session) error }

// keep hands the final record to the store. What follows an acknowledgement is
// worth no wait for the disk: the record that was acknowledged is on it.
func (c *conn) keep() {
	keep := c.Store.Keep
	if s, ok := c.Store.(keepsSoon); ok && c.acked {
		keep = s.KeepSoon
	}
	if err := keep(c.rec.snapshot()); err != nil {
		c.rec.quirk(quirkKeepFailed)
	}
}

// leaveDoor makes room for the peer's next connection as soon as this one is
// closed: keeping its record takes the time of a disk. As many sessions as
// Limits.Waiting says are kept beside the open ones; beyond that, the room is
// made by what is returned, which is to be called once the record is kept.
func (c *conn) leaveDoor() (kept func()) {
	if c.leave == nil {
		return func() {}
	}
	select {
	case c.keeping <- struct{}{}:
		c.leave()
		return func() { <-c.keeping }
	default:
		c.rec.quirk(quirkLimitWaiting)
		return c.leave
	}
}

func (c *conn) close() {
	if c.tls != nil && c.end != probes.EndReset {
		_ = c.tls.CloseWrite()
	}
	_ = c.raw.Close()
}

// stop asks the dialogue to end; another goroutine calls it, once.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.stopped)
	_ = c.raw.SetReadDeadline(time.Unix(1, 0))
	_ = c.raw.SetWriteDeadline(wall().Add(lastWords))
}

// waitRead and waitWrite bound the next read or write.
func (c *conn) waitRead(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isStopped() {
		_ = c.raw.SetReadDeadline(c.bound(d))
	}
}

func (c *conn) waitWrite(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isStopped() {
		_ = c.raw.SetWriteDeadline(c.bound(d))
	}
}

func (c *conn) bound(d time.Duration) time.Time {
	at := wall().Add(d)
	if at.After(c.until) {
		return c.until
	}
	return at
}

// broke says how the connection ended, from the error that ended it.
func (c *conn) broke(err error) {
	if c.end != "" {
		return
	}
	late := !wall().Before(c.until)
	switch {
	case c.isStopped():
		c.end = probes.EndShutdown
		c.reply("421 4.3.2 Service shutting down")
	case isTimeout(err) && late:
		c.end = probes.EndLimit
		c.rec.quirk(quirkLimitTime)
		c.lastReply("421 4.4.2 Connection timed out")
	case isTimeout(err):
		c.end = probes.EndTimeout
		if c.in.idle >= c.limits.Command { // else it only left QUIT out
			c.rec.quirk(quirkLimitSilence)
		}
		c.lastReply("421 4.4.2 Connection timed out")
	case isReset(err):
		c.end = probes.EndReset
	default:
		c.end = probes.EndClosed
	}
}

// lastReply is a reply after the session's own deadline.
func (c *conn) lastReply(text string) {
	c.mu.Lock()
	c.until = wall().Add(lastWords)
	c.mu.Unlock()
	c.reply(text)
}

// isReset tells a connection that the other side reset. Windows has its own
// number for it, WSAECONNRESET.
func isReset(err error) bool {
	var errno syscall.Errno
	return errors.Is(err, syscall.ECONNRESET) || errors.As(err, &errno) && errno == 10054
}

// reply sends one reply, which may have several lines, and records it. One
// that begins with 421 ends the dialogue.
func (c *conn) reply(text string) {
	wire := c.worded(text)
	c.rec.say(probes.Server, wire)
	c.waitWrite(c.limits.Command)
	_, err := io.WriteString(c.out, wire)
	if err != nil {
		c.broke(err)
	}
	if c.end == "" && strings.HasPrefix(text, "421") {
		c.end = probes.EndDropped
	}
}

// worded is a reply as it is sent.
func (c *conn) worded(text string) string {
	if c.pop3 {
		return strings.ReplaceAll(popReply(text), "\n", "\r\n") + "\r\n"
	}
	return wireLines(text)
}

// wireLines writes a reply as RFC 5321, section 4.2.1 wants it: every line but
// the last with a hyphen after the code.
func wireLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if len(l) < 4 {
			continue
		}
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		lines[i] = l[:3] + sep + l[4:]
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}

// answer sends the policy's reply for the first of keys that it knows, or def,
// after the policy's delay. It returns the reply's first digit.
func (c *conn) answer(def string, keys ...string) byte {
	c.hold(c.policy.delay(keys...))
	text := c.fill(c.policy.reply(def, keys...))
	c.reply(text)
	return text[0]
}

// hold waits, but not after the run has stopped or the session is over.
func (c *conn) hold(d time.Duration) {
	if d = min(d, c.until.Sub(wall())); d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.stopped:
	}
}

func (c *conn) isStopped() bool {
	select {
	case <-c.stopped:
		return true
	default:
		return false
	}
}

// fill puts the names into a text of the policy.
func (c *conn) fill(text string) string {
	for _, name := range []struct {
		mark  string
		value func() string
	}{
		{"{host}", c.host},
		{"{peer}", c.peer.String},
		{"{id}", func() string { return c.rec.ID }},
		{"{date}", func() string { return c.Now().UTC().Format(time.RFC1123Z) }},
	} {
		if strings.Contains(text, name.mark) {
			text = strings.ReplaceAll(text, name.mark, name.value())
		}
	}
	return text
}

// widen gives the reader a large buffer for a message, and returns what takes
// it away again.
func (c *conn) widen() (giveBack func()) {
	wide, ok := c.wide.Get().(*[]byte)
	if !ok {
		b := make([]byte, bufferData)
		wide = &b
	}
	narrow, ok := c.in.swap(*wide)
	if !ok {
		c.wide.Put(wide)
		return func() {}
	}
	return func() {
		if _, ok := c.in.swap(narrow); ok { // else much came behind the message
			c.wide.Put(wide)
		}
	}
}

func (c *conn) host() string {
	switch {
	case c.Host != "":
		return c.Host
	case c.policy.Host != "":
		return c.policy.Host
	}
	return "offbasic"
}
