package lab

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
)

// standIn is what an app may sign in with in place of a credential of the
// directory: the other half of that one is gone with the program that had it.
type standIn struct {
	sum  [sha256.Size]byte
	cert *x509.Certificate // nil of a secret
}

// Has tells whether there is an app registration with that client id.
func (l *Lab) Has(clientID string) bool {
	_, ok := l.registration(clientID)
	return ok
}

// StandIn lets an app sign in with a certificate in place of one that it has,
// named by its SHA-1 thumbprint in hex, until the lab ends: the keyring of the
// lab forgets keys at each end. What is in the directory stays as it is, and is
// returned; ok is false when the app has no such certificate.
func (l *Lab) StandIn(clientID, thumbprint string, der []byte) (registered []byte, ok bool) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, false
	}
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	a, _ := g.registrationBy(clientID)
	i := slices.IndexFunc(a.Keys, func(k keyCredential) bool {
		registered, err := x509.ParseCertificate(k.Key)
		return err == nil && strings.EqualFold(hex.EncodeToString(sha1Of(registered)), thumbprint)
	})
	if i < 0 {
		return nil, false
	}
	g.standIns[a.Keys[i].KeyID] = standIn{cert: c}
	return a.Keys[i].Key, true
}

// StandInSecret is the same for a secret, named by its keyId, or "" for the
// first that the app has. The secret is the lab's, and begins as the one did.
func (l *Lab) StandInSecret(clientID, keyID string) (secret string, ok bool) {
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	a, _ := g.registrationBy(clientID)
	i := slices.IndexFunc(a.Passwords, func(p password) bool { return keyID == "" || strings.EqualFold(p.KeyID, keyID) })
	if i < 0 {
		return "", false
	}
	secret = a.Passwords[i].Hint + randomText(28)
	g.standIns[a.Passwords[i].KeyID] = standIn{sum: sha256.Sum256([]byte(secret))}
	return secret, true
}

// standInOwn lets the lab's own app sign in with what it has at this start.
func (l *Lab) standInOwn() {
	l.entraID.standIns[l.own.SecretID] = standIn{sum: sha256.Sum256([]byte(l.app.Secret))}
	l.entraID.standIns[l.own.CertificateID] = standIn{cert: l.appCert}
}
