//go:build interop

package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offbasic/probes/graph"
)

// openssl runs OpenSSL and returns what it said.
func openssl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// The certificate that an app is given is what it says, by another reader than
// our own: its key, its dates, its signature, and that a client assertion is
// signed with it as Entra wants it (PS256: RFC 7518 section 3.5).
func TestOpenSSLReadsTheAppsCertificate(t *testing.T) {
	now := time.Now()
	c, err := graph.MakeCertificate("SMTP devices, O'Brien", now, now.AddDate(0, 0, 90))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	both := file("app.pem", c.PEM())
	text := openssl(t, "x509", "-in", both, "-noout", "-text")
	for _, want := range []string{"Public-Key: (3072 bit)", "sha256WithRSAEncryption", "SMTP devices, O'Brien", "Digital Signature"} {
		if !strings.Contains(text, want) {
			t.Errorf("OpenSSL reads no %q in\n%s", want, text)
		}
	}
	openssl(t, "verify", "-CAfile", both, "-check_ss_sig", both)
	openssl(t, "x509", "-in", both, "-noout", "-checkend", "0")
	openssl(t, "x509", "-in", both, "-noout", "-checkend", "7689600") // 89 days
	if said := openssl(t, "rsa", "-in", both, "-noout", "-check"); !strings.Contains(said, "RSA key ok") {
		t.Errorf("OpenSSL says of the key: %s", said)
	}
	if a, b := openssl(t, "x509", "-in", both, "-noout", "-modulus"), openssl(t, "rsa", "-in", both, "-noout", "-modulus"); a != b {
		t.Error("certificate and key do not belong together")
	}
	print := strings.ReplaceAll(openssl(t, "x509", "-in", both, "-noout", "-fingerprint", "-sha1"), ":", "")
	if !strings.Contains(print, c.Fingerprint()) {
		t.Errorf("OpenSSL says %s, the wizard %s", print, c.Fingerprint())
	}
	assertion := []byte("header.claims")
	sum := sha256.Sum256(assertion)
	sig, err := rsa.SignPSS(rand.Reader, c.Key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		t.Fatal(err)
	}
	public := file("public.pem", []byte(openssl(t, "x509", "-in", both, "-noout", "-pubkey")))
	openssl(t, "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest",
		"-verify", public, "-signature", file("sig", sig), file("assertion", assertion))
}
