package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"offbasic/probes"
)

// The replies of the MX host (Microsoft, "Non-delivery reports in Exchange
// Online"; "Introducing more control over Direct Send").
const (
	relayDenied      = "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"
	directSendOff    = "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources"
	noSuchRecipient  = "550 5.4.1 Recipient address rejected: Access denied"
	noValidFrom      = "550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant"
	mxFrontend       = "AM0EUR02FT001.eop-EUR02.prod.protection.outlook.com"
	mxRecipientLimit = 1000
)

// mx is the tenant's MX host: connectors, Direct Send and the Internet's mail.
// What it calls itself ends in mail.protection.outlook.com.
func mx() service {
	return service{
		name: mxService, host: "AM0EUR02FT001.mail.protection.outlook.com", names: []string{mxHost("contoso.example")},
		banner: "Microsoft ESMTP MAIL Service ready", bracket: true, most: mxRecipientLimit, size: maxMessage,
		extensions: exchangeExtensions(), clear: true, open: true,
		oldTLS: func(*Lab) string { return "" },
		from:   anyAddress, to: (*session).admitRecipient, take: (*session).arrive,
	}
}

// ClientCertificateName is the name in the certificate that the lab gives a client.
const ClientCertificateName = "relay.contoso.example"

// ClientCertificate is a certificate for the connector by certificate, as PEM
// with its key: its name is "relay.contoso.example", and the lab's CA has
// signed it as a public one would.
func (l *Lab) ClientCertificate() ([]byte, error) { return l.CertificateFor(ClientCertificateName) }

// CertificateFor is a client certificate with another name, as PEM with its
// key: somebody else's.
func (l *Lab) CertificateFor(name string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a client certificate: %w", err)
	}
	t := template(name, l.now())
	t.DNSNames = []string{name}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	der, err := l.trust.sign(t, key.Public())
	if err != nil {
		return nil, fmt.Errorf("make a client certificate: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make a client certificate: %w", err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...), nil
}

// CA is the certificate of the lab's private authority as PEM, for clients
// that read it from a file.
func (l *Lab) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: l.trust.ca.Raw})
}

// proven are the names of a client's certificate, if the lab's CA signed it.
func (l *Lab) proven(state *tls.ConnectionState) []string {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	leaf := state.PeerCertificates[0]
	_, err := leaf.Verify(x509.VerifyOptions{Roots: l.trust.pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return nil
	}
	return append([]string{leaf.Subject.CommonName}, leaf.DNSNames...)
}

// attribution is what is known of who connects to the MX host.
type attribution struct {
	connector string // name of the tenant's connector that it matches; "" is none
	tls       bool   // the connector wants TLS
	domain    bool   // the certificate itself names an accepted domain
}

// attribute looks for the connector that a client comes through: of type
// OnPremises, enabled, for the sender's domain, by the address or by the name
// of a certificate (New-InboundConnector). One by certificate is looked at only
// with -RequireTls (-TlsSenderCertificateName).
func (l *Lab) attribute(peer, from string, state *tls.ConnectionState) attribution {
	names := l.proven(state)
	l.dir.mu.Lock()
	defer l.dir.mu.Unlock()
	for _, o := range l.dir.connectors {
		if o["Enabled"] != "True" || o["ConnectorType"] != "OnPremises" || !forDomain(o["SenderDomains"], from) {
			continue
		}
		wants := o["RequireTls"] == "True"
		if name := o["TlsSenderCertificateName"]; name != "" {
			i := slices.IndexFunc(names, func(n string) bool { return nameMatches(name, n) })
			if wants && i >= 0 {
				return attribution{o["Name"], true, l.dir.within(names[i])}
			}
			continue
		}
		if inRanges(o["SenderIPAddresses"], peer) {
			return attribution{connector: o["Name"], tls: wants}
		}
	}
	return attribution{}
}

// forDomain reads SenderDomains: "*", "contoso.example", "smtp:*.example;1".
func forDomain(list, from string) bool {
	_, domain, _ := strings.Cut(from, "@")
	for d := range strings.SplitSeq(list, ",") {
		d = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(d)), "smtp:")
		d, _, _ = strings.Cut(d, ";")
		if d == "*" || strings.EqualFold(d, domain) || strings.HasPrefix(d, "*.") && strings.HasSuffix(strings.ToLower(domain), d[1:]) {
			return true
		}
	}
	return false
}

// nameMatches compares a connector's certificate name with one of a
// certificate; "*.contoso.example" stands for any host there.
func nameMatches(wanted, name string) bool {
	wanted, name = strings.ToLower(wanted), strings.ToLower(name)
	if rest, ok := strings.CutPrefix(wanted, "*"); ok {
		return strings.HasSuffix(name, rest) && len(name) > len(rest)
	}
	return wanted == name
}

func inRanges(list, peer string) bool {
	ip, err := netip.ParseAddr(peer)
	if err != nil {
		return false
	}
	for r := range strings.SplitSeq(list, ",") {
		if inside, ok := within(strings.TrimSpace(r), ip); ok && inside {
			return true
		}
	}
	return false
}

// within tells whether a host is in an accepted domain.
func (d *directory) within(host string) bool {
	return slices.ContainsFunc(d.domains, func(domain string) bool {
		return strings.EqualFold(host, domain) || strings.HasSuffix(strings.ToLower(host), "."+strings.ToLower(domain))
	})
}

// admitRecipient decides who may write to whom through the MX host.
func (s *session) admitRecipient(to string) string {
	return s.l.admission(s.peer(), s.from, to, s.tls)
}

// admission is the MX host's decision about one recipient. Through a connector
// mail may go to anybody, if the sender's domain or the certificate's is the
// tenant's; without one it may come in alone, and as Direct Send, with a
// sender's domain of the tenant's own, only where that is not refused.
func (l *Lab) admission(peer, from, to string, state *tls.ConnectionState) string {
	by := l.attribute(peer, from, state)
	ours := l.dir.accepted(from)
	switch {
	case by.connector != "" && by.tls && state == nil:
		return tlsFirstMail
	case by.connector == "" && ours && l.dir.refusesDirectSend():
		return directSendOff
	case l.dir.accepted(to):
		if l.dir.mailbox(to) == nil && !l.dir.isGroup(to) {
			return noSuchRecipient
		}
		return ""
	case by.connector != "" && (ours || by.domain):
		return ""
	}
	return relayDenied
}

func (d *directory) refusesDirectSend() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rejectDirectSend
}

func (d *directory) isGroup(address string) bool { _, ok := d.groupAt(address); return ok }

// arrive decides about a whole message at the MX host.
func (s *session) arrive(m received) {
	if reply := s.l.comeIn(incoming{
		service: s.svc.name, hello: s.hello, peer: s.peer(), from: s.from, to: s.to, head: parseHead(m.raw), size: m.size, tls: s.tls,
	}); reply != "" {
		s.no(reply)
		return
	}
	s.say("250 2.6.0 Queued mail for delivery")
}

// incoming is a message at the MX host, whoever brings it.
type incoming struct {
	service     string // that it was given to first
	hello, peer string
	from        string
	to          []string
	head        []header
	size        int
	signed      string // domain of a DKIM signature that verifies
	tls         *tls.ConnectionState
	hops        []header // of the servers before
}

// comeIn filters a message that came from outside and delivers it; it gives
// the refusal, or "".
func (l *Lab) comeIn(m incoming) string {
	author := headerFrom(m.head)
	if !strings.Contains(author, "@") {
		return noValidFrom
	}
	by := l.attribute(m.peer, m.from, m.tls)
	a := arrival{peer: m.peer, hello: m.hello, from: m.from, author: author, signed: m.signed, connector: by.connector != ""}
	v := l.judge(a)
	if v.reject != "" {
		return v.reject
	}
	at := l.now()
	trace := append([]header{
		hop(mxFrontend, hub, between, "", at),
		hop(fmt.Sprintf("%s (%s)", probes.Clean(m.hello, 100), m.peer), mx().host, cipher(m.tls), " via Frontend Transport", at),
	}, v.fields(a)...)
	l.post(posted{
		service: m.service, from: m.from, to: m.to, head: append(slices.Clip(m.hops), m.head...), size: m.size, peer: m.peer,
		trace: trace, filtered: v.junk, by: by.connector,
	})
	return ""
}
