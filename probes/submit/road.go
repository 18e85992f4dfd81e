package submit

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"offbasic/probes"
)

// ahead is how long the next address waits for the one before (RFC 8305
// section 5, "Connection Attempt Delay").
const ahead = 250 * time.Millisecond

// slow is how much longer the other family may take before it is said.
const slow = time.Second

// maxAddrs is how many addresses of a name are tried.
const maxAddrs = 8

// ended is how one part of the way went.
type ended struct {
	detail string
	err    error
	ms     float64
}

// road is the way to the server: its name, its addresses, a connection. It is
// gone while the token is asked for.
type road struct {
	r     Request
	dns   chan ended // one, when the addresses are known
	conn  chan ended // one, when there is a connection or there will be none
	host  string     // read after dns
	addrs []string   // read after dns
	won   net.Conn   // read after conn
	stop  context.CancelFunc

	mu     sync.Mutex
	dials  []probes.Dial
	others sync.WaitGroup // dials that go on when one has won
}

// setOut begins the way. It ends with ctx, or by home.
func setOut(ctx context.Context, r Request) *road {
	ctx, stop := context.WithCancel(ctx)
	w := &road{r: r, dns: make(chan ended, 1), conn: make(chan ended, 1), host: r.Host, stop: stop}
	go func() {
		began := r.Now()
		detail, err := w.lookup(ctx)
		w.dns <- ended{detail, err, ms(r.Now().Sub(began))}
		if err != nil {
			w.conn <- ended{err: err}
			return
		}
		began = r.Now()
		addr, err := w.race(ctx)
		w.conn <- ended{addr, err, ms(r.Now().Sub(began))}
	}()
	return w
}

// home ends the way: no goroutine and no connection that nobody took is left.
// read says that conn was. It returns every dial, in the order in which they
// began.
func (w *road) home(read bool) []probes.Dial {
	w.stop()
	if !read {
		<-w.conn
		if w.won != nil {
			_ = w.won.Close()
		}
	}
	w.others.Wait()
	return w.dials
}

// lookup finds the host, where it is an MX host, and its addresses.
func (w *road) lookup(ctx context.Context) (detail string, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.r.Timeouts.Connect)
	defer cancel()
	if w.r.MX != "" {
		if err := w.mx(ctx); err != nil {
			return "", err
		}
		detail = "MX " + w.host + ": "
	}
	if _, err := netip.ParseAddr(w.host); err == nil {
		w.addrs = []string{w.host}
		return "", nil
	}
	found, err := w.r.Lookup(ctx, ascii(w.host))
	if err != nil {
		return "", dnsFault(w.host, err)
	}
	for _, a := range found {
		if _, err := netip.ParseAddr(a); err == nil && len(w.addrs) < maxAddrs {
			w.addrs = append(w.addrs, a)
		}
	}
	if len(w.addrs) == 0 {
		return "", dnsFault(w.host, &net.DNSError{Name: w.host, Err: "no address", IsNotFound: true})
	}
	return detail + strings.Join(w.addrs, ", "), nil
}

// mx finds the MX host of the lowest preference. "." means that the domain
// takes no mail (RFC 7505).
func (w *road) mx(ctx context.Context) error {
	hosts, err := w.r.LookupMX(ctx, ascii(w.r.MX))
	hosts = slices.DeleteFunc(hosts, func(m *net.MX) bool { return !isHost(strings.TrimSuffix(m.Host, ".")) })
	if len(hosts) == 0 {
		if err == nil {
			err = &net.DNSError{Name: w.r.MX, Err: "no MX record", IsNotFound: true}
		}
		f := dnsFault(w.r.MX, err)
		if f.Code == HostUnknown {
			f.Code, f.Args = NoMX, map[string]string{"domain": w.r.MX}
		}
		return f
	}
	first := slices.MinFunc(hosts, func(a, b *net.MX) int { return int(a.Pref) - int(b.Pref) })
	w.host = strings.TrimSuffix(first.Host, ".")
	return nil
}

// race connects to the addresses, each a little after the one before, IPv6 and
// IPv4 in turn, and takes the first connection (RFC 8305). The first address
// of the other family is timed even when it lost.
func (w *road) race(ctx context.Context) (string, error) {
	addrs := interleaved(w.addrs)
	arrived := make(chan arrival, len(addrs))
	next, open := 0, 0
	begin := func() {
		i, a := next, addrs[next]
		next, open = next+1, open+1
		w.note(i, a)
		w.others.Go(func() { w.dial(ctx, i, a, arrived) })
	}
	begin()
	var failed error
	for open > 0 {
		var later <-chan time.Time
		if next < len(addrs) {
			later = time.After(ahead)
		}
		select {
		case <-later:
			begin()
		case a := <-arrived:
			open--
			if a.err == nil {
				w.win(a, arrived, open)
				w.timeOther(ctx, addrs, next)
				return a.addr, nil
			}
			failed = a.err
			if next < len(addrs) && ctx.Err() == nil {
				begin()
			}
		}
	}
	return "", failed
}

// arrival is the end of one dial.
type arrival struct {
	i    int
	addr string
	conn net.Conn
	err  error
}

// win takes a connection, and closes those that come after it.
func (w *road) win(a arrival, arrived chan arrival, open int) {
	w.won = a.conn
	w.mu.Lock()
	w.dials[a.i].Used = true
	w.mu.Unlock()
	w.others.Go(func() {
		for range open {
			if late := <-arrived; late.conn != nil {
				_ = late.conn.Close()
			}
		}
	})
}

// timeOther dials the first address of the family that nobody dialled yet.
func (w *road) timeOther(ctx context.Context, addrs []string, next int) {
	if next != 1 || len(addrs) < 2 || isIPv6(addrs[0]) == isIPv6(addrs[1]) {
		return
	}
	w.note(1, addrs[1])
	arrived := make(chan arrival, 1)
	w.others.Go(func() {
		w.dial(ctx, 1, addrs[1], arrived)
		if late := <-arrived; late.conn != nil {
			_ = late.conn.Close()
		}
	})
}

// note enters a dial, unfinished until something is known of it.
func (w *road) note(i int, addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i == len(w.dials) {
		w.dials = append(w.dials, probes.Dial{Addr: w.withPort(addr), Outcome: probes.DialUnfinished})
	}
}

func (w *road) withPort(addr string) string { return net.JoinHostPort(addr, strconv.Itoa(w.r.Port)) }

// dial connects to one address and says how long that took.
func (w *road) dial(ctx context.Context, i int, ip string, arrived chan<- arrival) {
	addr := w.withPort(ip)
	began := w.r.Now()
	limited, cancel := context.WithTimeout(ctx, w.r.Timeouts.Connect)
	conn, err := w.r.Dial(limited, "tcp", addr)
	cancel()
	w.mu.Lock()
	w.dials[i].MS = ms(w.r.Now().Sub(began))
	w.dials[i].Outcome = probes.DialOutcomeOf(err)
	if err != nil && ctx.Err() != nil { // the trial's
		w.dials[i].Outcome = probes.DialUnfinished
	}
	if o := w.dials[i].Outcome; o == probes.DialFailed || o == probes.DialNoRoute {
		w.dials[i].Cause = probes.Cause(err)
	}
	w.mu.Unlock()
	if err != nil {
		err = connectFault(addr, err)
	}
	arrived <- arrival{i, addr, conn, err}
}

// interleaved puts the families in turn, IPv6 first (RFC 8305 section 4).
func interleaved(addrs []string) []string {
	var six, four, out []string
	for _, a := range addrs {
		if isIPv6(a) {
			six = append(six, a)
		} else {
			four = append(four, a)
		}
	}
	for i := range max(len(six), len(four)) {
		if i < len(six) {
			out = append(out, six[i])
		}
		if i < len(four) {
			out = append(out, four[i])
		}
	}
	return out
}

func isIPv6(addr string) bool { return strings.Contains(addr, ":") }

// lagging says which family was slow or dead while the other one served.
func lagging(dials []probes.Dial) []string {
	i := slices.IndexFunc(dials, func(d probes.Dial) bool { return d.Used })
	if i < 0 {
		return nil
	}
	var out []string
	for _, d := range dials {
		family := "ipv4"
		if host, _, _ := net.SplitHostPort(d.Addr); isIPv6(host) {
			family = "ipv6"
		}
		late := d.MS-dials[i].MS > ms(slow)
		switch {
		case d.Used || d.Outcome == probes.DialNoRoute:
		case d.Outcome == probes.DialConnected, d.Outcome == probes.DialUnfinished:
			if late {
				out = append(out, family+"_slow")
			}
		default:
			out = append(out, family+"_dead")
		}
	}
	return slices.Compact(out)
}

// ms is a duration in milliseconds, to the microsecond.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
