package graph

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"
)

// keyBits is the length of the RSA key; Entra takes RSA alone, and PS256 with
// it.
const keyBits = 3072

// Credential is what an app signs in with. Formatting or marshalling it shows
// no secret.
type Credential struct {
	Kind    string // Certificate or Secret
	KeyID   string // Entra's id of it
	Name    string // as the portal shows it
	Expires time.Time
	DER     []byte          // of the certificate
	Key     *rsa.PrivateKey // of the certificate
	Secret  string
}

// The kinds of a Credential.
const (
	Certificate = "certificate"
	Secret      = "secret"
)

// Format writes the credential without its secret, whatever the verb.
func (c Credential) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, c.Kind+" "+c.Name)
}

// MarshalJSON writes the credential without its secret.
func (c Credential) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"kind": c.Kind, "name": c.Name})
}

// MakeCertificate makes a self-signed certificate with a key of its own, good
// until the end. Entra looks at nothing in it but the key and the dates.
func MakeCertificate(name string, now, end time.Time) (Credential, error) {
	k, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return Credential{}, fmt.Errorf("make a key: %w", err)
	}
	return certificateFor(k, name, now, end)
}

// certificateFor signs a certificate for a key with that key.
func certificateFor(k *rsa.PrivateKey, name string, now, end time.Time) (Credential, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return Credential{}, fmt.Errorf("make a serial number: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: pkix.Name{CommonName: name},
		// A clock that is a little behind must not find it not valid yet.
		NotBefore: now.UTC().Add(-5 * time.Minute).Truncate(time.Second), NotAfter: end.UTC().Truncate(time.Second),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		SignatureAlgorithm: x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, k.Public(), k)
	if err != nil {
		return Credential{}, fmt.Errorf("make a certificate: %w", err)
	}
	return Credential{Kind: Certificate, Name: "CN=" + name, Expires: t.NotAfter, DER: der, Key: k}, nil
}

// Fingerprint is the certificate's SHA-1 in hex, as the portal shows it.
func (c Credential) Fingerprint() string { return fingerprint(c.DER) }

// PEM is certificate and key as a sign-in takes them.
func (c Credential) PEM() []byte {
	if c.Key == nil {
		return nil
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.DER}),
		pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(c.Key)})...)
}

// Pack writes the certificate and its key as two short texts: the keyring of
// Windows takes 2560 bytes at a time, and both together are longer.
func (c Credential) Pack() (certificate, key string) {
	return base64.RawStdEncoding.EncodeToString(c.DER), base64.RawStdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(c.Key))
}

// Unpack reads what Pack wrote. The error quotes nothing of it.
func Unpack(certificate, key string) (Credential, error) {
	der, err1 := base64.RawStdEncoding.DecodeString(certificate)
	raw, err2 := base64.RawStdEncoding.DecodeString(key)
	k, err3 := x509.ParsePKCS1PrivateKey(raw)
	cert, err4 := x509.ParseCertificate(der)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || !k.PublicKey.Equal(cert.PublicKey) {
		return Credential{}, errors.New("what the keyring holds is not a certificate with its key")
	}
	return Credential{Kind: Certificate, Name: cert.Subject.String(), Expires: cert.NotAfter, DER: der, Key: k}, nil
}
