package reach

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"offbasic/probes"
)

// TLS looks at the encryption of the host's first address that is open. The
// error is a *probes.Fault: nothing to shake hands with.
func (p Probe) TLS(ctx context.Context) (probes.Handshake, error) {
	p = p.filled()
	addresses, err := p.addresses(ctx)
	if err != nil {
		return probes.Handshake{}, err
	}
	args := map[string]string{"host": probes.Clean(p.Host, 100), "port": strconv.Itoa(p.Port)}
	op := "look at the TLS of " + args["host"]
	var last error
	for _, ip := range addresses {
		state, err := p.shake(ctx, ip, tls.VersionTLS10, tls.VersionTLS13)
		switch {
		case ctx.Err() != nil:
			return probes.Handshake{}, &probes.Fault{Op: op, Code: "cancelled", Err: context.Cause(ctx)}
		case errors.Is(err, errNoSTARTTLS):
			return probes.Handshake{}, &probes.Fault{Op: op, Code: Unencrypted, Args: args}
		case errors.Is(err, errNotSMTP):
			return probes.Handshake{}, &probes.Fault{Op: op, Code: NoGreeting, Args: args, Err: err}
		case err != nil:
			last = err
			continue
		}
		h := p.judge(state)
		h.Address = ip
		h.Versions = p.versions(ctx, ip)
		return h, nil
	}
	args["cause"] = probes.Cause(last)
	return probes.Handshake{}, &probes.Fault{Op: op, Code: Closed, Args: args, Err: last}
}

var errNoSTARTTLS = errors.New("the server offers no STARTTLS")

// shake opens a connection of its own and shakes hands between the two
// versions.
func (p Probe) shake(ctx context.Context, ip netip.Addr, lowest, highest uint16) (*tls.ConnectionState, error) {
	conn, err := p.connect(ctx, ip)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // nothing is lost with it
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	d := p.dialogue(conn)
	if p.Mode == probes.StartTLS {
		if err := d.startTLS(); err != nil {
			return nil, err
		}
	}
	config := &tls.Config{
		ServerName: p.ServerName, MinVersion: lowest, MaxVersion: highest,
		CipherSuites:       allSuites(),
		InsecureSkipVerify: true, //nolint:gosec // looked at, judged below, and nothing is sent over it
	}
	t, err := d.client(ctx, config)
	if err != nil {
		return nil, err
	}
	state := t.ConnectionState()
	if p.Mode == probes.StartTLS {
		_, _ = t.Write([]byte("QUIT\r\n")) // the farewell decides nothing
	}
	return &state, nil
}

// allSuites are those for TLS 1.0 to 1.2 that Go has, the old ones too: an old
// server is to be described, not avoided.
func allSuites() []uint16 {
	var ids []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, s.ID)
	}
	return ids
}

func (d *dialogue) startTLS() error {
	if _, _, err := d.reply(); err != nil {
		return err
	}
	_, lines, err := d.say("EHLO offbasic.invalid")
	if err != nil {
		return err
	}
	if !offers(lines, "STARTTLS") {
		return errNoSTARTTLS
	}
	code, _, err := d.say("STARTTLS")
	if err == nil && code != "220" {
		err = errNoSTARTTLS
	}
	if err == nil && d.in.Buffered() > 0 { // RFC 3207 section 4: nothing may follow in clear
		err = errNotSMTP
	}
	return err
}

// versions tries each version alone.
func (p Probe) versions(ctx context.Context, ip netip.Addr) []string {
	var out []string
	for v := uint16(tls.VersionTLS10); v <= tls.VersionTLS13; v++ {
		if state, err := p.shake(ctx, ip, v, v); err == nil && state.Version == v {
			out = append(out, tls.VersionName(v))
		}
	}
	return out
}

// judge describes a handshake and whether its certificate stands.
func (p Probe) judge(state *tls.ConnectionState) probes.Handshake {
	h := probes.Handshake{
		Host: probes.Clean(p.Host, 100), Port: p.Port,
		Mode: p.Mode, Name: probes.Clean(p.ServerName, 100),
		Version: tls.VersionName(state.Version), Suite: tls.CipherSuiteName(state.CipherSuite),
	}
	for _, c := range state.PeerCertificates[:min(len(state.PeerCertificates), 10)] {
		h.Chain = append(h.Chain, probes.CertificateOf(c))
	}
	if len(state.PeerCertificates) == 0 {
		h.Problem = "chain"
		return h
	}
	now := p.Now()
	err := probes.VerifyChain(state.PeerCertificates, p.ServerName, p.Roots, now)
	h.Verified = err == nil
	if err != nil {
		h.Problem, h.Cause = problem(err, now), probes.Clean(err.Error(), 300)
	}
	return h
}

func problem(err error, now time.Time) string {
	var (
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		unknown x509.UnknownAuthorityError
	)
	switch {
	case errors.As(err, &name):
		return "name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(invalid.Cert.NotBefore):
		return "early"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "expired"
	case errors.As(err, &unknown):
		return "untrusted"
	}
	return "chain"
}
