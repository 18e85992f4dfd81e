package capture

import (
	"net/netip"
	"sync"
	"time"
)

// Limits bound what clients can cost. A zero field means its default; when a
// limit strikes, the session's record says so with a quirk "limit_...".
type Limits struct {
	Connections int           // open at once
	PerPeer     int           // open at once from one address
	LineLength  int           // bytes of a command line; more is dropped
	MessageSize int64         // bytes of a message; more is answered with 552
	Disk        int64         // bytes of all messages of one Run; more is answered with 452
	Command     time.Duration // silence, or a client that does not read
	Session     time.Duration // a whole connection
	Transcript  int           // lines kept of one session
	Messages    int           // of one connection
	Recipients  int           // of one message
	SignIns     int           // attempts of one connection
	Unknown     int           // lines of one connection that are no commands
	// Waiting is how many sessions that are over may wait to be kept and read,
	// beside the connections that are open; from then on no more are let in.
	Waiting int
	// Peek is how long a client may speak first, as one that begins with TLS
	// does, before the greeting is sent; one that did so before has longer.
	// Negative means not at all.
	Peek time.Duration
}

// DefaultLimits suit a laptop: they let every device work, and keep the
// memory of a flood under 200 MB.
func DefaultLimits() Limits {
	return Limits{
		Connections: 512,
		PerPeer:     64,
		LineLength:  32 << 10,  // a token of Entra, in base64, is up to 12 kB
		MessageSize: 157286400, // what Exchange Online announces as SIZE
		Disk:        2 << 30,
		Command:     2 * time.Minute,
		Session:     15 * time.Minute,
		Transcript:  500,
		Messages:    20,
		Recipients:  1000,
		SignIns:     40,
		Unknown:     50,
		Waiting:     512,
		Peek:        300 * time.Millisecond,
	}
}

// orDefault fills in what is zero.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	fill(&l.Connections, d.Connections)
	fill(&l.PerPeer, d.PerPeer)
	fill(&l.LineLength, d.LineLength)
	fill(&l.MessageSize, d.MessageSize)
	fill(&l.Disk, d.Disk)
	fill(&l.Command, d.Command)
	fill(&l.Session, d.Session)
	fill(&l.Transcript, d.Transcript)
	fill(&l.Messages, d.Messages)
	fill(&l.Recipients, d.Recipients)
	fill(&l.SignIns, d.SignIns)
	fill(&l.Unknown, d.Unknown)
	fill(&l.Waiting, d.Waiting)
	fill(&l.Peek, d.Peek)
	return l
}

func fill[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// budget is a number of bytes that many goroutines spend.
type budget struct {
	mu   sync.Mutex
	left int64
}

// spend takes n bytes; false means that they are not there.
func (b *budget) spend(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.left {
		return false
	}
	b.left -= n
	return true
}

// giveBack returns bytes that are not used any more.
func (b *budget) giveBack(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += n
}

// door counts who is in, and remembers for a short while who kept silent and
// who spoke first, so that a busy peer's greeting is not held back.
type door struct {
	limits Limits
	public bool
	now    func() time.Time

	mu    sync.Mutex
	in    map[netip.Addr]int
	total int
	noted map[netip.Addr]time.Time
	habit map[habitKey]habit
}

type habitKey struct {
	peer netip.Addr
	port string
}

// habit is how a peer began its last connections to one port.
type habit struct {
	silent     int // connections in quick succession
	last       time.Time
	spokeFirst bool // ever, as long as it is remembered
}

// Bounds of what the door remembers.
const (
	habitsKept   = 4096
	noteInterval = time.Minute
	busySilences = 3               // connections without a word, each ...
	busyWithin   = 2 * time.Second // ... this soon after the other, make a busy peer
)

func newDoor(l Limits, public bool, now func() time.Time) *door {
	return &door{
		limits: l, public: public, now: now,
		in: map[netip.Addr]int{}, noted: map[netip.Addr]time.Time{}, habit: map[habitKey]habit{},
	}
}

// enter counts a connection in, or returns the quirk that says why not.
func (d *door) enter(peer netip.Addr) (refusal string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !d.public && !isPrivate(peer):
		return quirkPublicPeer
	case d.total >= d.limits.Connections:
		return quirkLimitConnections
	case d.in[peer] >= d.limits.PerPeer:
		return quirkLimitPerPeer
	}
	d.in[peer]++
	d.total++
	return ""
}

func (d *door) leave(peer netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total--
	if d.in[peer]--; d.in[peer] == 0 {
		delete(d.in, peer)
	}
}

// worthNoting allows one record a minute and peer of connections that were
// turned away, so that a flood does not fill the record.
func (d *door) worthNoting(peer netip.Addr) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if last, ok := d.noted[peer]; ok && now.Sub(last) < noteInterval {
		return false
	}
	if len(d.noted) >= habitsKept {
		return false
	}
	for p, at := range d.noted {
		if now.Sub(at) >= noteInterval {
			delete(d.noted, p)
		}
	}
	d.noted[peer] = now
	return true
}

// busy tells whether the peer may be greeted at once: it connected to this
// port several times within seconds and never spoke first.
func (d *door) busy(peer netip.Addr, port string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.habit[habitKey{peer, port}]
	return !h.spokeFirst && h.silent >= busySilences && d.now().Sub(h.last) < busyWithin
}

// spokeFirst tells whether the peer once spoke first on this port.
func (d *door) spokeFirst(peer netip.Addr, port string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.habit[habitKey{peer, port}].spokeFirst
}

// began remembers how a connection began.
func (d *door) began(peer netip.Addr, port string, spokeFirst bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key, now := habitKey{peer, port}, d.now()
	h, known := d.habit[key]
	if !known && len(d.habit) >= habitsKept {
		clear(d.habit)
	}
	if now.Sub(h.last) > busyWithin {
		h.silent = 0
	}
	h.spokeFirst = h.spokeFirst || spokeFirst
	h.silent++
	h.last = now
	d.habit[key] = h
}

// isPrivate tells the ranges of a local network: loopback, RFC 1918, RFC 4193,
// link-local, and the carrier-grade NAT range of RFC 6598.
func isPrivate(a netip.Addr) bool {
	cgnat := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || cgnat.Contains(a.WithZone(""))
}
