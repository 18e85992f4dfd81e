package capture

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"offbasic/probes"
)

// The codes of what keeps an address from being opened. Arguments of their
// words: address, port, and command, the one command that helps on this system.
const (
	PortBusy           probes.Code = "port_busy"
	PortDenied         probes.Code = "port_denied"
	AddressInvalid     probes.Code = "address_invalid"
	AddressUnavailable probes.Code = "address_unavailable"
)

// DefaultListen are the ports that devices send to, and the one on which those
// that sign in by POP3 first do so.
func DefaultListen() []string { return []string{":25", ":587", ":465", ":110"} }

// fallbackPort is the way out where a low port is refused.
func fallbackPort(port string) string {
	return map[string]string{"25": "2525", "587": "1587", "465": "1465", "110": "1110"}[port]
}

// implicitPort tells the ports on which clients begin with TLS.
func implicitPort(port string) bool {
	return slices.Contains([]string{"465", "1465", "995", "1995"}, port)
}

// listener is an open address, and what is spoken there.
type listener struct {
	net.Listener
	pop3 bool
}

// spoken takes the scheme off a wanted address and tells whether POP3 is to be
// spoken there.
func spoken(wanted string) (addr string, pop3 bool) {
	addr, pop3 = strings.CutPrefix(wanted, popScheme)
	_, port, _ := net.SplitHostPort(addr)
	return addr, pop3 || popPort(port)
}

// open opens every wanted address and emits what became of it. The error is
// the first fault when none is open, or only POP3 where mail was to be taken.
func (r *run) open(ctx context.Context, emit func(probes.CaptureEvent)) ([]listener, error) {
	wanted := r.Listen
	if len(wanted) == 0 {
		wanted = DefaultListen()
	}
	var open []listener
	var first *probes.Fault
	for _, w := range wanted {
		ln, told := r.openOne(ctx, w)
		if first == nil {
			first = told.Fault
		}
		if ln.Listener != nil {
			open = append(open, ln)
		}
		emit(probes.CaptureEvent{Listening: &told})
	}
	isMail := func(ln listener) bool { return !ln.pop3 }
	wantsMail := func(w string) bool { _, pop3 := spoken(w); return !pop3 }
	if len(open) == 0 || slices.ContainsFunc(wanted, wantsMail) && !slices.ContainsFunc(open, isMail) {
		for _, ln := range open {
			_ = ln.Close()
		}
		return nil, first
	}
	return open, nil
}

// openOne opens a wanted address or its way out; what came of it is told.
func (r *run) openOne(ctx context.Context, wanted string) (listener, probes.Listening) {
	addr, pop3 := spoken(wanted)
	told := probes.Listening{Wanted: wanted}
	if pop3 {
		told.Protocol = "pop3"
	}
	ln, fault := listen(ctx, addr)
	told.Fault = fault
	if fault != nil && r.Fallback {
		ln = listenElsewhere(ctx, addr)
	}
	if ln != nil {
		told.Addr = ln.Addr().String()
	}
	return listener{ln, pop3}, told
}

func listen(ctx context.Context, addr string) (net.Listener, *probes.Fault) {
	fault := &probes.Fault{Op: "listen on " + addr}
	host, port, err := net.SplitHostPort(addr)
	if err == nil {
		err = checkPort(port)
	}
	if err != nil {
		fault.Code, fault.Err = AddressInvalid, err
		return nil, fault.With("address", addr)
	}
	lc := net.ListenConfig{KeepAlive: -1} // a dead connection is ended by the limits
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err == nil {
		return ln, nil
	}
	fault.Code, fault.Err = listenCode(err), err
	return nil, fault.With("address", addr).With("host", host).With("port", port).
		With("command", portCommand(fault.Code, port))
}

// listenElsewhere tries the way out of a refused port; nil when there is none.
func listenElsewhere(ctx context.Context, addr string) net.Listener {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || fallbackPort(port) == "" {
		return nil
	}
	ln, fault := listen(ctx, net.JoinHostPort(host, fallbackPort(port)))
	if fault != nil {
		return nil
	}
	return ln
}

func checkPort(port string) error {
	n, err := strconv.Atoi(port)
	if err != nil || n < 0 || n > 65535 {
		return errors.New("the port is not a number from 0 to 65535")
	}
	return nil
}

// listenCode names a listen error. Windows has its own numbers for these.
func listenCode(err error) probes.Code {
	var errno syscall.Errno
	isErrno := errors.As(err, &errno)
	windows := func(n syscall.Errno) bool { return isErrno && runtime.GOOS == "windows" && errno == n }
	switch {
	case errors.Is(err, syscall.EADDRINUSE) || windows(10048): // WSAEADDRINUSE
		return PortBusy
	case errors.Is(err, fs.ErrPermission) || windows(10013): // WSAEACCES
		return PortDenied
	case errors.Is(err, syscall.EADDRNOTAVAIL) || windows(10049): // WSAEADDRNOTAVAIL
		return AddressUnavailable
	}
	var dns *net.DNSError
	var bad *net.AddrError
	if errors.As(err, &dns) || errors.As(err, &bad) {
		return AddressInvalid
	}
	return AddressUnavailable
}

// portCommand is the command of this system that allows the port, or that
// shows who holds it.
func portCommand(code probes.Code, port string) string {
	switch runtime.GOOS + " " + string(code) {
	case "linux port_denied":
		if exe, err := os.Executable(); err == nil && !strings.ContainsAny(exe, "'\n") {
			return "sudo setcap cap_net_bind_service=+ep '" + exe + "'"
		}
		return "sudo sysctl net.ipv4.ip_unprivileged_port_start=" + port
	case "linux port_busy":
		return "sudo ss -ltnp 'sport = :" + port + "'"
	case "darwin port_denied":
		return "offbasic capture --listen :" + port // macOS lets any user have the wildcard address
	case "darwin port_busy":
		return "sudo lsof -nP -iTCP:" + port + " -sTCP:LISTEN"
	case "windows port_denied":
		return "netsh interface ipv4 show excludedportrange protocol=tcp"
	case "windows port_busy":
		return "Get-NetTCPConnection -State Listen -LocalPort " + port
	}
	return ""
}

// Address is one address of this machine that a device may be pointed at.
type Address struct {
	Addr      netip.Addr
	Interface string // "eth0", "Wi-Fi"
}

// Addresses lists this machine's addresses, the likely one first: the one
// that packets to elsewhere leave from, then other private IPv4, then the
// rest. Loopback is last. No packet is sent.
func Addresses() []Address {
	ifaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var found []Address
	for _, i := range ifaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				found = append(found, Address{Addr: p.Addr().Unmap(), Interface: i.Name})
			}
		}
	}
	out := outgoing()
	slices.SortStableFunc(found, func(a, b Address) int {
		return cmp.Compare(likelihood(a.Addr, out), likelihood(b.Addr, out))
	})
	return found
}

// likelihood ranks an address; lower is likelier.
func likelihood(a, outgoing netip.Addr) int {
	switch {
	case a == outgoing:
		return 0
	case a.IsLoopback():
		return 5
	case a.IsLinkLocalUnicast():
		return 4
	case a.Is6():
		return 3
	case a.IsPrivate():
		return 1
	}
	return 2
}

// outgoing is the source address of packets to a far host. Connecting a UDP
// socket asks the routing table and sends nothing; 192.0.2.1 is of RFC 5737.
func outgoing() netip.Addr {
	var d net.Dialer
	c, err := d.DialContext(context.Background(), "udp", "192.0.2.1:9")
	if err != nil {
		return netip.Addr{}
	}
	defer func() { _ = c.Close() }()
	return peerOf(c.LocalAddr())
}
