package signin

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"offbasic/probes"
)

// CheckCertificate says whether a PEM text holds what App.Certificate needs: a
// certificate and its RSA key. The error is a *probes.Fault.
func CheckCertificate(text []byte) error {
	_, err := certificate(text)
	return err
}

// certificate reads a PEM file with a certificate and its RSA key. The errors
// of the parsers are not passed on: they may quote what they read.
func certificate(text []byte) (confidential.Credential, error) {
	certs, keys, err := blocks(text)
	switch {
	case err != nil:
		return confidential.Credential{}, badCertificate(err)
	case len(certs) == 0:
		return confidential.Credential{}, badCertificate(errors.New("no certificate in PEM form"))
	case len(keys) > 1:
		return confidential.Credential{}, badCertificate(errors.New("more than one private key"))
	case len(keys) == 0 || !matches(keys[0], certs):
		return confidential.Credential{}, &probes.Fault{Op: "read the certificate", Code: NoKey}
	}
	cred, err := confidential.NewCredFromCert(certs, keys[0])
	if err != nil {
		return confidential.Credential{}, badCertificate(errors.New("certificate and key cannot be used to sign in"))
	}
	return cred, nil
}

func badCertificate(err error) error {
	return &probes.Fault{
		Op: "read the certificate", Code: BadCertificate, Err: err,
		Args: map[string]string{"cause": err.Error()},
	}
}

// blocks reads every certificate and RSA key of a PEM text.
func blocks(text []byte) (certs []*x509.Certificate, keys []*rsa.PrivateKey, err error) {
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return certs, keys, nil
		}
		switch b.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(b.Bytes)
			if err != nil {
				return nil, nil, errors.New("the certificate cannot be read")
			}
			certs = append(certs, c)
		case "PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY":
			k, err := privateKey(b)
			if err != nil {
				return nil, nil, err
			}
			keys = append(keys, k)
		}
	}
}

func privateKey(b *pem.Block) (*rsa.PrivateKey, error) {
	_, encrypted := b.Headers["DEK-Info"]
	if encrypted || b.Type == "ENCRYPTED PRIVATE KEY" {
		return nil, errors.New("the private key is encrypted with a passphrase")
	}
	if k, err := x509.ParsePKCS1PrivateKey(b.Bytes); err == nil {
		return k, nil
	}
	k, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil && b.Type != "EC PRIVATE KEY" {
		return nil, errors.New("the private key cannot be read")
	}
	if rsaKey, ok := k.(*rsa.PrivateKey); ok {
		return rsaKey, nil
	}
	return nil, errors.New("the private key is not an RSA key")
}

func matches(key *rsa.PrivateKey, certs []*x509.Certificate) bool {
	for _, c := range certs {
		if key.PublicKey.Equal(c.PublicKey) {
			return true
		}
	}
	return false
}
