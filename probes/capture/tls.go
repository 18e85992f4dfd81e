package capture

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"

	"offbasic/probes"
)

// The ids of TLS.Error.
const (
	tlsCertificateRefused = "certificate_refused"
	tlsNoCommonVersion    = "no_common_version"
	tlsNoCommonSuite      = "no_common_suite"
	tlsClosed             = "closed"
	tlsReset              = "reset"
	tlsTimeout            = "timeout"
	tlsMalformed          = "malformed"
	tlsAlert              = "alert" // the client ended it with an alert that is not about the certificate
)

// The shapes in which a refused certificate shows (TLS.Refusal).
const (
	refusalAlert      = "alert"       // an alert that names the certificate
	refusalPlainAlert = "plain_alert" // the same, unencrypted inside TLS 1.3, as OpenSSL up to 3.0 sends it
	refusalReset      = "reset"       // a connection reset, as GnuTLS does
	refusalClosed     = "closed"      // a close without a word, after our certificate or after a finished handshake
)

// tapped is what the client sent before the handshake was over.
const tapped = 32 << 10

// tap is the connection below TLS: it reads through the buffer, where bytes
// may lie already, and keeps a copy of the handshake's.
type tap struct {
	net.Conn
	in   *reader
	seen []byte
	sent int  // bytes that we sent
	off  bool // the handshake is over
}

func (t *tap) Read(p []byte) (int, error) {
	var n int
	var err error
	if b := t.in.buffered(); len(b) > 0 {
		n = copy(p, b)
		t.in.take(n)
	} else {
		n, err = t.Conn.Read(p)
	}
	if !t.off {
		t.seen = append(t.seen, p[:min(n, tapped-len(t.seen))]...)
	}
	return n, err
}

func (t *tap) Write(p []byte) (int, error) {
	if !t.off {
		t.sent += len(p)
	}
	return t.Conn.Write(p)
}

// handshake speaks TLS from here on. False means that it did not come to it.
func (c *conn) handshake(mode probes.TLSMode) bool {
	t := &tap{Conn: c.raw, in: c.in}
	config, err := c.certs.config(c.policy)
	if err != nil {
		c.rec.note("no_certificate", err.Error())
		c.end = probes.EndTLS
		return false
	}
	s := tls.Server(t, config)
	c.waitRead(c.limits.Command)
	c.waitWrite(c.limits.Command)
	err = s.HandshakeContext(context.Background()) // the deadlines end it, as they end every read
	c.rec.TLS = offer(t.seen, mode)
	if len(t.seen) > 0 && t.seen[0] != 22 {
		c.rec.quirk(quirkSSLv2Hello)
	}
	if err != nil {
		c.refuseTLS(t, err)
		return false
	}
	t.off = true
	state := s.ConnectionState()
	c.rec.TLS.Version = tls.VersionName(state.Version)
	c.rec.TLS.Cipher = tls.CipherSuiteName(state.CipherSuite)
	c.rec.note("tls", c.rec.TLS.Version+" "+c.rec.TLS.Cipher)
	c.tls, c.out = s, s
	c.in = newReader(s, c.limits.Command, c.waitRead)
	return true
}

// offer is what the ClientHello among the client's bytes says.
func offer(seen []byte, mode probes.TLSMode) probes.TLS {
	h, err := parseHello(seen)
	if err != nil {
		return probes.TLS{Mode: mode}
	}
	return h.offer(mode)
}

// refuseTLS records a handshake that failed.
func (c *conn) refuseTLS(t *tap, err error) {
	c.rec.TLS.Error, c.rec.TLS.Refusal = tlsFailure(err, t.seen, t.sent)
	c.rec.note("tls_failed", strings.TrimSpace(c.rec.TLS.Error+" "+c.rec.TLS.Refusal))
	if c.isStopped() {
		c.end = probes.EndShutdown
		return
	}
	c.end = probes.EndTLS
}

// tlsFailure names a failed handshake, and the shape of a refused certificate.
func tlsFailure(err error, seen []byte, sent int) (id, refusal string) {
	text := err.Error()
	var remote *net.OpError
	isRemote := errors.As(err, &remote) && remote.Op == "remote error"
	switch {
	case isRemote && aboutCertificate(text):
		return tlsCertificateRefused, refusalAlert
	case strings.Contains(text, "bad record MAC") && plainCertificateAlert(seen):
		return tlsCertificateRefused, refusalPlainAlert
	case isReset(err) && sent > withCertificate:
		return tlsCertificateRefused, refusalReset
	case isEOF(err) && sent > withCertificate:
		return tlsCertificateRefused, refusalClosed
	case isReset(err):
		return tlsReset, ""
	case isTimeout(err):
		return tlsTimeout, ""
	case strings.Contains(text, "unsupported versions"), strings.Contains(text, "unsupported SSLv2"):
		return tlsNoCommonVersion, ""
	case strings.Contains(text, "no cipher suite"), strings.Contains(text, "no ECDHE curve"),
		strings.Contains(text, "signature algorithms"):
		return tlsNoCommonSuite, ""
	case isRemote:
		return tlsAlert, ""
	case isEOF(err):
		return tlsClosed, ""
	}
	return tlsMalformed, ""
}

// withCertificate is more than we send before a certificate, in bytes: a
// HelloRetryRequest, an alert.
const withCertificate = 400

func isEOF(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// aboutCertificate tells crypto/tls's names of the alerts that refuse one
// (RFC 5246, section 7.2.2).
func aboutCertificate(text string) bool {
	for _, name := range []string{
		"bad certificate", "unsupported certificate", "revoked certificate", "expired certificate",
		"unknown certificate",
	} {
		if strings.Contains(text, name) {
			return true
		}
	}
	return false
}

// plainCertificateAlert finds a fatal alert about the certificate that was
// sent unencrypted: record type 21, two bytes, level 2, description 42 to 48.
func plainCertificateAlert(seen []byte) bool {
	for i := 0; ; i++ {
		at := bytes.Index(seen[i:], []byte{21, 3})
		if at < 0 || i+at+7 > len(seen) {
			return false
		}
		i += at
		r := seen[i : i+7]
		if r[3] == 0 && r[4] == 2 && r[5] == 2 && r[6] >= 42 && r[6] <= 48 {
			return true
		}
	}
}

// tlsVersionNumber is the number of "1.0" to "1.3"; "" is 0, no bound.
func tlsVersionNumber(v string) (uint16, bool) {
	n, ok := map[string]uint16{
		"": 0, "1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
	}[v]
	return n, ok
}
