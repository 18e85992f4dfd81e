// Package capture is an SMTP server that takes whatever a device sends, tells
// what the device offered and did, and hands every connection over as one
// session. Beside it listens a POP3 server with an empty mailbox, for devices
// that sign in there before they send. It delivers nothing, relays nothing, and keeps no password and no
// token: they are cut from a line before the line is recorded.
package capture

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"offbasic/probes"
)

// Store keeps what was captured. Both methods are called from many goroutines
// at once.
type Store interface {
	// Message opens the place for a message's bytes as received, and names it
	// as it goes into Message.File. The bytes are on disk when Close has
	// returned, or Keep of a session that names them. A writer that also has the method Discard() error is asked by it, in place
	// of Close, to give up a message that the client did not finish.
	Message(id string) (w io.WriteCloser, file string, err error)
	// Keep returns when the session is on disk. A later record of the same id
	// replaces the earlier. A Store that also has KeepSoon, of the same form, is
	// asked by it for a record that need not be on disk yet.
	Keep(s probes.Session) error
}

// Server is a capturing SMTP server. The zero value listens on DefaultListen,
// speaks as the policy "exchange", keeps nothing on disk and refuses peers
// outside private networks.
type Server struct {
	// Listen holds "host:port" each; empty means DefaultListen. Ports 110 and
	// 995, and 1110 and 1995, speak POP3; "pop3://host:port" does on any port.
	Listen []string
	// Fallback opens 2525, 1587, 1465 or 1110 where 25, 587, 465 or 110 is
	// refused.
	Fallback bool
	// Policy says what to offer and to answer; one without a name means
	// "exchange".
	Policy Policy
	// PolicyFor, when set, is asked on every connection for the policy of this
	// peer (an IP address as in Session.Peer); false means Policy.
	PolicyFor func(peer string) (Policy, bool)
	// Secret, when set, is told every password while it is in memory, for a
	// comparison with one that was made up for the purpose. The slice is wiped
	// when it returns: it must keep no part of it. For CRAM-MD5 it holds the
	// challenge, a space and the digest; for NTLM and APOP, where there is
	// nothing to compare, it is nil. Tokens are not told.
	Secret func(peer, mechanism, account string, password []byte)
	// Neighbour, when set, is asked at the end of each connection for the
	// hardware address of its peer, "" when that is not known. It must return
	// soon: the session is handed over after it.
	Neighbour func(peer string) string
	// Store keeps sessions and messages; nil means that they are only emitted.
	Store Store
	// Limits bound what clients can cost; a zero field means its default.
	Limits Limits
	// AllowPublic also serves peers outside private address ranges.
	AllowPublic bool
	// Host is the name in the greeting and the first name of the certificate;
	// empty means the policy's.
	Host string
	// Trust, when set, is called with the capture's own CA before the first
	// connection is served, for a client that is to verify its certificate.
	Trust func(*x509.CertPool)
	// Now is the clock of the records; nil means time.Now.
	Now func() time.Time

	certs *certificates // nil means made anew by each Run
}

// Run captures until ctx is done and every connection has ended. It emits one
// Listening for each wanted address, then a Session at the end of each
// connection. emit is called from one goroutine at a time and never after Run
// has returned. The error is a *probes.Fault when no address could be opened.
func (s *Server) Run(ctx context.Context, emit func(probes.CaptureEvent)) error {
	r := newRun(s)
	listeners, err := r.open(ctx, emit)
	if err != nil {
		return err
	}
	if s.certs == nil {
		go r.certs.make(r.certNames())
	}
	if s.Trust != nil {
		s.Trust(r.certs.roots())
	}

	stop := context.AfterFunc(ctx, func() { r.stop(listeners) })
	defer stop()
	var emitting sync.WaitGroup
	emitting.Go(func() {
		for session := range r.ended {
			emit(probes.CaptureEvent{Session: &session})
		}
	})
	var accepting sync.WaitGroup
	for _, ln := range listeners {
		accepting.Go(func() { r.accept(ctx, ln) })
	}
	accepting.Wait()
	close(r.closing)
	r.serving.Wait()
	close(r.ended)
	emitting.Wait()
	return nil
}

// run is one Run of a server: what its connections share.
type run struct {
	*Server
	limits  Limits
	door    *door
	ended   chan probes.Session
	keeping chan struct{} // one for each closed connection whose record is not kept yet
	serving sync.WaitGroup
	disk    budget
	popped  visitors
	wide    sync.Pool     // of buffers for messages, *[]byte
	waiters chan job      // to a goroutine that waits for one
	spare   chan struct{} // one for each goroutine that waits
	closing chan struct{} // closed when no more connections come

	mu      sync.Mutex
	stopped bool
	conns   map[*conn]struct{}
}

func newRun(s *Server) *run {
	c := *s
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default clock
	}
	if c.Policy.Name == "" {
		c.Policy, _ = PolicyNamed("exchange")
	}
	if c.certs == nil {
		c.certs = newCertificates(c.Now())
	}
	limits := c.Limits.orDefault()
	return &run{
		Server:  &c,
		limits:  limits,
		door:    newDoor(limits, c.AllowPublic, c.Now),
		ended:   make(chan probes.Session, 64),
		keeping: make(chan struct{}, limits.Waiting),
		disk:    budget{left: limits.Disk},
		conns:   map[*conn]struct{}{},
		waiters: make(chan job),
		spare:   make(chan struct{}, spareWorkers),
		closing: make(chan struct{}),
	}
}

// certNames are the names that the certificate is made for first.
func (r *run) certNames() []string {
	names := []string{r.Host, r.Policy.Host}
	for _, name := range PolicyNames() {
		p, _ := PolicyNamed(name)
		names = append(names, p.Host)
	}
	return names
}

// accept takes connections until the listener is closed.
func (r *run) accept(ctx context.Context, ln listener) {
	for {
		raw, err := ln.Accept()
		if err == nil {
			r.admit(raw, ln.pop3)
			continue
		}
		if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
			return
		}
		select { // out of file descriptors, or a client that was gone already
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

// admit serves a connection in its own goroutine, or turns it away.
func (r *run) admit(raw net.Conn, pop3 bool) {
	peer := peerOf(raw.RemoteAddr())
	refusal := r.door.enter(peer)
	if refusal != "" && !r.door.worthNoting(peer) {
		_ = raw.Close()
		return
	}
	c := newConn(r, raw, peer)
	c.pop3 = pop3
	if !r.track(c) {
		_ = raw.Close()
		if refusal == "" {
			r.door.leave(peer)
		}
		return
	}
	if refusal == "" {
		c.leave = func() { r.door.leave(peer) }
	}
	job := job{c, refusal}
	select {
	case r.waiters <- job:
	default:
		r.serving.Go(func() { r.work(job) })
	}
}

// job is a connection to serve, or to turn away for a reason.
type job struct {
	*conn
	refusal string
}

// spareWorkers is how many goroutines wait for another connection when theirs
// has ended: their stacks have grown already.
const spareWorkers = 32

// work serves one connection, then others as long as there are some.
func (r *run) work(j job) {
	for ok := true; ok; j, ok = r.nextJob() {
		if j.refusal != "" {
			j.turnAway(j.refusal)
		} else {
			j.serve()
		}
		r.untrack(j.conn)
	}
}

// nextJob waits for the next connection, unless enough others do, or the run
// is ending.
func (r *run) nextJob() (j job, ok bool) {
	select {
	case r.spare <- struct{}{}:
	default:
		return job{}, false
	}
	defer func() { <-r.spare }()
	select {
	case j = <-r.waiters:
		return j, true
	case <-r.closing:
		return job{}, false
	}
}

// track remembers an open connection; false means that the run has stopped.
func (r *run) track(c *conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return false
	}
	r.conns[c] = struct{}{}
	return true
}

func (r *run) untrack(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
}

// stop closes the listeners and asks every connection to end.
func (r *run) stop(listeners []listener) {
	for _, ln := range listeners {
		_ = ln.Close()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	for c := range r.conns {
		c.stop()
	}
}

// policy is what this peer is met with.
func (r *run) policy(peer netip.Addr) Policy {
	if r.PolicyFor != nil {
		if p, ok := r.PolicyFor(peer.String()); ok {
			return p
		}
	}
	return r.Policy
}

// peerOf is the client's address, an IPv4 one always written as IPv4.
func peerOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}
