package lab

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Entra's customKeyIdentifier is a SHA-1 thumbprint
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// authority is the lab's private CA with the one certificate that it gave.
type authority struct {
	ca   *x509.Certificate
	key  crypto.Signer
	leaf tls.Certificate
}

// makeKeys makes everything secret, anew for each start.
func (l *Lab) makeKeys() error {
	var (
		wg   sync.WaitGroup
		errs [3]error
	)
	l.app = App{
		Name: "offbasic lab", ClientID: newID(), ObjectID: newID(), RegistrationObjectID: newID(),
		Secret: randomText(30),
	}
	l.own = ownApp{Client: l.app.ClientID, Registration: l.app.RegistrationObjectID, Enterprise: l.app.ObjectID, SecretID: newID(), CertificateID: newID()}
	wg.Go(func() { l.trust, errs[0] = newAuthority(l.now()) })
	wg.Go(func() { l.signer, errs[1] = newSigner() })
	wg.Go(func() { l.appCert, l.app.Certificate, errs[2] = appCertificate(l.now()) })
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("make the lab's keys: %w", err)
		}
	}
	return nil
}

// newAuthority makes the CA and a certificate for loopback. Certificates are
// checked by the machine's clock, whatever the lab's says.
func newAuthority(now time.Time) (*authority, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := template("offbasic lab CA", now)
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	if ca, err = x509.ParseCertificate(caDER); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf := template("localhost", now)
	leaf.DNSNames = append([]string{"localhost"}, serviceNames()...)
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return nil, err
	}
	return &authority{ca, caKey, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}, nil
}

// sign makes a certificate of a template.
func (a *authority) sign(t *x509.Certificate, key crypto.PublicKey) ([]byte, error) {
	return x509.CreateCertificate(rand.Reader, t, a.ca, key, a.key)
}

func template(name string, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(0).SetBytes(randomBytes(16)),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.AddDate(0, 0, -1),
		NotAfter:     now.AddDate(2, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.ca)
	return p
}

func (a *authority) clientConfig() *tls.Config {
	return &tls.Config{RootCAs: a.pool(), MinVersion: tls.VersionTLS12}
}

func (a *authority) serverConfig() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.leaf}, MinVersion: tls.VersionTLS12}
}

// appCertificate is what the lab's app signs in with: RSA, because Entra and
// MSAL take no other key for a client assertion.
func appCertificate(now time.Time) (*x509.Certificate, []byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	t := template("offbasic lab app", now)
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...)
	return cert, text, nil
}

// sha1Text is a certificate's SHA-1 thumbprint as Graph writes it.
func sha1Text(c *x509.Certificate) string {
	return base64.StdEncoding.EncodeToString(sha1Of(c))
}

func sha1Of(c *x509.Certificate) []byte {
	sum := sha1.Sum(c.Raw) //nolint:gosec // a name, not a proof
	return sum[:]
}

// newID is a random GUID (RFC 9562 section 5.4).
func newID() string {
	b := randomBytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// randomText is a random text of letters, digits, - and _, from n bytes.
//
// It begins with a letter: a client takes a word with a dash in front for an
// option.
func randomText(n int) string { return "L" + base64.RawURLEncoding.EncodeToString(randomBytes(n)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}
