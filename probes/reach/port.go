package reach

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"offbasic/probes"
)

// Doors knocks at every address of the host, all at once. The error is a
// *probes.Fault, when there is no address to knock at.
func (p Probe) Doors(ctx context.Context) ([]probes.Door, error) {
	p = p.filled()
	addresses, err := p.addresses(ctx)
	if err != nil {
		return nil, err
	}
	doors := make([]probes.Door, len(addresses))
	done := make(chan struct{})
	for i, ip := range addresses {
		go func() {
			doors[i] = p.knock(ctx, ip)
			done <- struct{}{}
		}()
	}
	for range addresses {
		<-done
	}
	return doors, nil
}

func (p Probe) knock(ctx context.Context, ip netip.Addr) probes.Door {
	d := probes.Door{Address: ip, Outcome: probes.DialConnected}
	began := p.Now()
	conn, err := p.connect(ctx, ip)
	d.MS = float64(p.Now().Sub(began).Microseconds()) / 1000
	if err != nil {
		d.Outcome, d.Cause = probes.DialOutcomeOf(err), probes.Cause(err)
		return d
	}
	defer conn.Close()                                          //nolint:errcheck // nothing is lost with it
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // ends a read that waits
	if p.Mode == probes.StartTLS {
		p.greet(conn, &d)
	}
	return d
}

// greet reads the banner and what EHLO offers.
func (p Probe) greet(conn net.Conn, d *probes.Door) {
	s := p.dialogue(conn)
	_, banner, err := s.reply()
	d.Banner = probes.Clean(strings.Join(banner, " "), 200)
	if err != nil {
		d.Rewritten = "not_smtp"
		if probes.TimedOut(err) || len(banner) == 0 {
			d.Rewritten, d.Cause = "", probes.Cause(err)
			d.Outcome = probes.DialFailed
		}
		return
	}
	_, lines, err := s.say("EHLO offbasic.invalid")
	if err == nil && len(lines) > 1 {
		for _, l := range lines[1:] {
			d.Capabilities = append(d.Capabilities, probes.Clean(l, 100))
		}
	}
	_, _, _ = s.say("QUIT") // the farewell decides nothing
	d.STARTTLS = offers(d.Capabilities, "STARTTLS")
	d.Rewritten = probes.Rewritten(d.Banner, d.Capabilities)
}

func offers(capabilities []string, name string) bool {
	for _, c := range capabilities {
		if word, _, _ := strings.Cut(strings.ToUpper(c), " "); word == name {
			return true
		}
	}
	return false
}
