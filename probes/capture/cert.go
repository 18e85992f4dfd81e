package capture

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"slices"
	"time"
)

// certificates are made at start, beside the listening: a CA of our own, one
// RSA and one ECDSA leaf. Old devices know only RSA.
type certificates struct {
	now    time.Time
	made   chan struct{}
	leaves []tls.Certificate
	err    error
}

func newCertificates(now time.Time) *certificates {
	return &certificates{now: now, made: make(chan struct{})}
}

// make is called once; config waits for it.
func (c *certificates) make(names []string) {
	defer close(c.made)
	c.leaves, c.err = makeLeaves(c.now, names)
}

// roots is the CA, empty when there is none; it waits for it.
func (c *certificates) roots() *x509.CertPool {
	<-c.made
	pool := x509.NewCertPool()
	for _, l := range c.leaves {
		for _, der := range l.Certificate[1:] {
			if ca, err := x509.ParseCertificate(der); err == nil {
				pool.AddCert(ca)
			}
		}
	}
	return pool
}

// config is what TLS is spoken with: everything that Go can still speak, since
// an old device is to be heard, within the policy's bounds. No session
// tickets, so that every handshake shows what the client thinks of the
// certificate.
func (c *certificates) config(p Policy) (*tls.Config, error) {
	<-c.made
	if c.err != nil {
		return nil, c.err
	}
	var suites []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		suites = append(suites, s.ID)
	}
	config := &tls.Config{
		MinVersion:             tls.VersionTLS10,
		CipherSuites:           suites,
		Certificates:           c.leaves,
		SessionTicketsDisabled: true,
	}
	if low, ok := tlsVersionNumber(p.TLSMin); ok && low != 0 {
		config.MinVersion = low
	}
	config.MaxVersion, _ = tlsVersionNumber(p.TLSMax)
	return config, nil
}

func makeLeaves(now time.Time, names []string) ([]tls.Certificate, error) {
	caKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make the key of the capture's CA: %w", err)
	}
	ca := template(now, "offbasic capture CA")
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, fmt.Errorf("make the capture's CA: %w", err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make the capture's RSA key: %w", err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the capture's ECDSA key: %w", err)
	}
	var leaves []tls.Certificate
	for _, key := range []crypto.Signer{ecKey, rsaKey} {
		t := leaf(now, names)
		der, err := x509.CreateCertificate(rand.Reader, t, ca, key.Public(), caKey)
		if err != nil {
			return nil, fmt.Errorf("make the capture's certificate: %w", err)
		}
		leaves = append(leaves, tls.Certificate{Certificate: [][]byte{der, caDER}, PrivateKey: key})
	}
	return leaves, nil
}

func template(now time.Time, name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, Organization: []string{"offbasic"}},
		NotBefore:    now.AddDate(-1, 0, 0), // devices' clocks are often behind
		NotAfter:     now.AddDate(1, 0, 0),
	}
}

// leaf is for every name that a device may have been told, and for every
// address of this machine.
func leaf(now time.Time, names []string) *x509.Certificate {
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	names = append(names, "smtp-legacy.office365.com", "outlook.office365.com", "localhost")
	t := template(now, "offbasic capture")
	t.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else if isHostName(n) && !slices.Contains(t.DNSNames, n) {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	if len(t.DNSNames) > 0 {
		t.Subject.CommonName = t.DNSNames[0]
	}
	for _, a := range Addresses() {
		t.IPAddresses = append(t.IPAddresses, net.IP(a.Addr.AsSlice()))
	}
	return t
}

// isHostName tells what may stand in a certificate as a DNS name.
func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for _, r := range s {
		if r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return true
}
