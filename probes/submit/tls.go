package submit

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"time"

	"offbasic/probes"
)

// maxChain is how many certificates of a chain are taken down.
const maxChain = 6

// tlsConfig takes the handshake as far as the certificate, which judge judges.
func (t *try) tlsConfig(facts *probes.TrialTLS) *tls.Config {
	return &tls.Config{
		ServerName: ascii(facts.ServerName), MinVersion: tls.VersionTLS12,
		// Verified by judge, so that a chain that does not stand can be shown
		// and, where the request says so, be taken.
		InsecureSkipVerify: true, //nolint:gosec // see above
		VerifyConnection:   func(s tls.ConnectionState) error { return t.judge(s, facts) },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			facts.ClientAsked = true
			if t.r.ClientCertificate == nil {
				return &tls.Certificate{}, nil
			}
			return t.r.ClientCertificate, nil
		},
	}
}

// judge takes the chain down and verifies it as crypto/tls would.
func (t *try) judge(s tls.ConnectionState, facts *probes.TrialTLS) error {
	facts.Version, facts.Suite = tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite)
	for _, c := range s.PeerCertificates[:min(len(s.PeerCertificates), maxChain)] {
		facts.Chain = append(facts.Chain, t.certificate(c))
	}
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	err := probes.VerifyChain(s.PeerCertificates, ascii(facts.ServerName), t.r.Roots, time.Time{})
	if facts.Verified = err == nil; facts.Verified {
		return nil
	}
	f := t.tlsFault(&tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err})
	facts.Problem, facts.Args = f.Code, t.cleanArgs(f.Args)
	if t.r.AllowBadCertificate {
		return nil
	}
	return f
}

// certificate is what is shown of one. A server that the client comes back to
// knows the secret, and can have written it there.
func (t *try) certificate(c *x509.Certificate) probes.Certificate {
	out := probes.CertificateOf(c)
	out.Subject, out.Issuer, out.Names = t.mask.cut(out.Subject), t.mask.cut(out.Issuer), t.mask.lines(out.Names)
	return out
}

// handshake encrypts the connection from here on.
func (t *try) handshake() (string, error) {
	facts := &probes.TrialTLS{ServerName: t.serverName()}
	if c := t.r.ClientCertificate; c != nil && len(c.Certificate) > 0 {
		sum := sha256.Sum256(c.Certificate[0])
		facts.Client = hex.EncodeToString(sum[:])
	}
	t.trial.TLS = facts
	conn, err := t.wire.startTLS(t.tlsConfig(facts))
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(t.ctx, t.r.Timeouts.Command)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return "", t.handshakeFault(err)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return "", err
	}
	t.wire.attach(conn)
	t.encrypted = true
	detail := facts.Version + " " + facts.Suite
	t.wire.line(probes.Note, "tls "+detail)
	if facts.Problem != "" {
		t.odd("certificate_allowed")
		t.wire.line(probes.Note, "certificate_allowed "+string(facts.Problem))
	}
	return detail, nil
}

// handshakeFault is the judgement of the certificate, or what else a handshake
// failed at.
func (t *try) handshakeFault(err error) error {
	if f, ok := errors.AsType[*probes.Fault](err); ok {
		return f
	}
	return t.tlsFault(err)
}

// serverName is the name that the certificate must have.
func (t *try) serverName() string {
	if t.r.ServerName != "" {
		return t.r.ServerName
	}
	return t.host
}
