package cli

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"

	"offbasic/probes"
	"offbasic/probes/graph"
	"offbasic/probes/keyring"
	"offbasic/wizard"
)

// layered is a keyring with one in memory before it, for what the system's did
// not take.
type layered struct{ memory, system keyring.Ring }

func (l layered) Put(name, secret string) error {
	if err := l.system.Put(name, secret); err != nil {
		return l.memory.Put(name, secret)
	}
	return l.memory.Drop(name)
}

func (l layered) Get(name string) (string, error) {
	if s, err := l.memory.Get(name); err == nil {
		return s, nil
	}
	return l.system.Get(name)
}

func (l layered) Drop(name string) error {
	return errors.Join(l.memory.Drop(name), l.system.Drop(name))
}

// keep puts a secret into the keyring; where that is not possible, into memory
// until the program ends. kept tells which.
func (w *Work) keep(name, secret string) (kept bool) {
	if err := w.ring.Put(name, secret); err == nil {
		_, inMemory := w.ring.(layered)
		return !inMemory
	}
	w.ring = layered{memoryWith(name, secret), w.ring}
	return false
}

// The names that a certificate and its key are kept under. They are kept apart:
// the keyring of Windows takes 2560 bytes at a time.
func certificateName(clientID string) string { return ringName(clientID) + "-certificate" }
func certificateKey(clientID string) string  { return ringName(clientID) + "-key" }

// keepCredential keeps what an app signs in with.
func (w *Work) keepCredential(clientID string, c graph.Credential) (kept bool) {
	if c.Kind == graph.Secret {
		return w.keep(ringName(clientID), c.Secret)
	}
	certificate, key := c.Pack()
	first := w.keep(certificateName(clientID), certificate)
	return w.keep(certificateKey(clientID), key) && first
}

// heldCredential is what is kept for an app, as far as it is known: of the
// admin's own certificate only what is public.
func (w *Work) heldCredential(r *wizard.Registration, clientID string) (graph.Credential, bool) {
	if r != nil && r.CertFile != "" {
		return publicPart(r.CertFile)
	}
	if c, err := w.keptCertificate(clientID); err == nil {
		return w.standsFor(c), true
	}
	s, err := w.ring.Get(ringName(clientID))
	if err != nil || r == nil {
		return graph.Credential{}, false
	}
	return graph.Credential{Kind: graph.Secret, KeyID: r.KeyID, Secret: s}, true
}

// keptCertificate is the certificate that was made here for an app.
func (w *Work) keptCertificate(clientID string) (graph.Credential, error) {
	certificate, err := w.ring.Get(certificateName(clientID))
	if err != nil {
		return graph.Credential{}, err
	}
	key, err := w.ring.Get(certificateKey(clientID))
	if err != nil {
		return graph.Credential{}, err
	}
	return graph.Unpack(certificate, key)
}

// publicPart is the certificate of a PEM file.
func publicPart(file string) (graph.Credential, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return graph.Credential{}, false
	}
	for b, rest := pem.Decode(text); b != nil; b, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(b.Bytes); b.Type == "CERTIFICATE" && err == nil {
			return graph.Credential{Kind: graph.Certificate, Name: probes.Clean(c.Subject.String(), 200), DER: b.Bytes, Expires: c.NotAfter}, true
		}
	}
	return graph.Credential{}, false
}

// forget drops what was kept for an app. A keyring that does not answer keeps
// it: it is of no use any more.
func (w *Work) forget(clientID string) {
	for _, name := range []string{ringName(clientID), certificateName(clientID), certificateKey(clientID)} {
		_ = w.ring.Drop(name)
	}
}
