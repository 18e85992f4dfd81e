// Package reach asks a mail server's port what it is: whether it is open from
// here, over which addresses, what the banner says, whether STARTTLS is there,
// which TLS versions it speaks and with which certificate, and whether
// something on the way rewrites SMTP. It signs in nowhere and sends no mail.
package reach

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// The codes of the faults of this package.
const (
	HostInvalid    probes.Code = "reach_host_invalid" // arg host
	HostUnknown    probes.Code = "reach_host_unknown" // args host, cause
	ServiceInvalid probes.Code = "service_invalid"    // arg service
	ServiceFailed  probes.Code = "service_failed"     // args service, cause
	NoAddress      probes.Code = "service_no_address" // arg service
	NoGreeting     probes.Code = "reach_not_smtp"     // args host, port
	Unencrypted    probes.Code = "reach_no_tls"       // args host, port
	Closed         probes.Code = "reach_closed"       // args host, port, cause
)

// Resolver finds the addresses of a name; net.Resolver is one.
type Resolver interface {
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
}

// The limits of a look.
const (
	stepTime   = 10 * time.Second // to connect, to greet, to shake hands
	maxLine    = 2048             // bytes; RFC 5321 section 4.5.3.1.5 has 512
	maxLines   = 100              // of one reply
	maxAddress = 8                // of one name that are tried
)

// Probe looks at one port. Host and Port must be set.
type Probe struct {
	Host string
	Port int
	// Mode is how TLS begins; "" is implicit on 465 and STARTTLS elsewhere.
	Mode       probes.TLSMode
	ServerName string         // in the certificate; "" means Host
	Roots      *x509.CertPool // nil means the system's
	DNS        Resolver       // nil means the system's
	Dial       func(ctx context.Context, network, addr string) (net.Conn, error)
	Limit      time.Duration    // for one step; 0 means ten seconds
	Now        func() time.Time // nil means time.Now
}

func (p Probe) filled() Probe {
	if p.DNS == nil {
		p.DNS = net.DefaultResolver
	}
	if p.Dial == nil {
		p.Dial = new(net.Dialer).DialContext
	}
	if p.Limit <= 0 {
		p.Limit = stepTime
	}
	if p.ServerName == "" {
		p.ServerName = p.Host
	}
	if p.Now == nil {
		p.Now = time.Now //nolint:forbidigo // the default clock
	}
	if p.Mode == "" {
		p.Mode = probes.StartTLS
		if p.Port == 465 {
			p.Mode = probes.Implicit
		}
	}
	return p
}

// addresses are those of the host, IPv6 and IPv4, at most eight.
func (p Probe) addresses(ctx context.Context) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(p.Host); err == nil {
		return []netip.Addr{ip.Unmap()}, nil
	}
	shown := probes.Clean(p.Host, 100)
	if p.Host == "" || len(p.Host) > 253 || strings.ContainsAny(p.Host, " /\\@:\r\n\t\x00") {
		return nil, &probes.Fault{Op: "look up " + shown, Code: HostInvalid, Args: map[string]string{"host": shown}}
	}
	ctx, stop := context.WithTimeout(ctx, p.Limit)
	defer stop()
	found, err := p.DNS.LookupIPAddr(ctx, p.Host)
	var out []netip.Addr
	for _, f := range found {
		if a, ok := netip.AddrFromSlice(f.IP); ok && len(out) < maxAddress {
			out = append(out, a.Unmap().WithZone(f.Zone))
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	if err == nil {
		err = errors.New("the name has no address")
	}
	return nil, &probes.Fault{Op: "look up " + shown, Code: HostUnknown, Args: map[string]string{"host": shown, "cause": unknown(err)}, Err: err}
}

// unknown is why a name has no address, without the name.
func unknown(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok && !dns.IsTimeout {
		return probes.Clean(dns.Err, 200)
	}
	return probes.Cause(err)
}

// connect opens the port at one address.
func (p Probe) connect(ctx context.Context, ip netip.Addr) (net.Conn, error) {
	ctx, stop := context.WithTimeout(ctx, p.Limit)
	defer stop()
	return p.Dial(ctx, "tcp", net.JoinHostPort(ip.String(), strconv.Itoa(p.Port)))
}

// dialogue is an SMTP connection of which lines are read and written.
type dialogue struct {
	conn  net.Conn
	in    *bufio.Reader
	limit time.Duration
	now   func() time.Time
}

func (p Probe) dialogue(conn net.Conn) *dialogue {
	return &dialogue{conn: conn, in: bufio.NewReaderSize(conn, maxLine), limit: p.Limit, now: p.Now}
}

// reply reads one reply of one or several lines (RFC 5321 section 4.2.1).
func (d *dialogue) reply() (code string, lines []string, err error) {
	if err := d.conn.SetDeadline(d.now().Add(d.limit)); err != nil {
		return "", nil, err
	}
	for len(lines) < maxLines {
		line, err := d.in.ReadSlice('\n')
		if err != nil {
			return "", lines, err
		}
		s := strings.TrimRight(string(line), "\r\n")
		if len(s) < 3 || strings.Trim(s[:3], "0123456789") != "" {
			return "", append(lines, s), errNotSMTP
		}
		lines = append(lines, strings.TrimSpace(s[min(len(s), 4):]))
		if len(s) == 3 || s[3] != '-' {
			return s[:3], lines, nil
		}
	}
	return "", lines, errNotSMTP
}

var errNotSMTP = errors.New("the answer is not SMTP")

// say sends a command and reads the reply.
func (d *dialogue) say(command string) (code string, lines []string, err error) {
	if err := d.conn.SetDeadline(d.now().Add(d.limit)); err != nil {
		return "", nil, err
	}
	if _, err := d.conn.Write([]byte(command + "\r\n")); err != nil {
		return "", nil, err
	}
	return d.reply()
}

// client shakes hands and returns what was agreed. The certificate is judged
// afterwards: a bad one is news, not the end.
func (d *dialogue) client(ctx context.Context, c *tls.Config) (*tls.Conn, error) {
	if err := d.conn.SetDeadline(d.now().Add(d.limit)); err != nil {
		return nil, err
	}
	t := tls.Client(d.conn, c)
	return t, t.HandshakeContext(ctx)
}
