package probes

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"time"
)

// maxNames is how many names of a certificate are shown.
const maxNames = 20

// CertificateOf is what is shown of a certificate, cleaned.
func CertificateOf(c *x509.Certificate) Certificate {
	sum := sha256.Sum256(c.Raw)
	out := Certificate{
		Subject: Clean(c.Subject.String(), 300), Issuer: Clean(c.Issuer.String(), 300),
		From: c.NotBefore.UTC(), Until: c.NotAfter.UTC(), SHA256: hex.EncodeToString(sum[:]),
	}
	names := CertificateNames(c)
	for _, n := range names[:min(len(names), maxNames)] {
		out.Names = append(out.Names, Clean(n, 255))
	}
	return out
}

// CertificateNames are the names and addresses that a certificate is for.
func CertificateNames(c *x509.Certificate) []string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// VerifyChain verifies a chain, a server's own certificate first, as crypto/tls
// does. The chain must not be empty; nil roots are the system's, the zero time
// is now.
func VerifyChain(chain []*x509.Certificate, name string, roots *x509.CertPool, now time.Time) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between, CurrentTime: now})
	return err
}
