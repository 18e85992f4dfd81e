package lab

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

// assertion is what an app signs with its certificate (RFC 7523 section 3;
// Microsoft, "Microsoft identity platform application authentication
// certificate credentials").
type assertion struct {
	Audience string `json:"aud"`
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Before   int64  `json:"nbf"`
	Expires  int64  `json:"exp"`
}

// checkAssertion verifies an assertion: PS256 with the thumbprint x5t#S256 of
// one of the app's certificates.
func (l *Lab) checkAssertion(tenant, client, text string) *refusal {
	var head struct {
		Alg   string `json:"alg"`
		Thumb string `json:"x5t#S256"`
	}
	var a assertion
	signed, sig, ok := cutLast(text)
	first, body, _ := strings.Cut(signed, ".")
	if !ok || decodePart(first, &head) != nil || decodePart(body, &a) != nil {
		return badAssertion("The assertion is not a valid JWT.")
	}
	cert, found := l.certificateBy(client, head.Thumb)
	switch {
	case head.Alg != "PS256" || found == proofUnknown:
		return badAssertion("The key was not found.")
	case found == proofExpired:
		return badAssertion("The key used is expired.")
	}
	raw, err := base64.RawURLEncoding.DecodeString(sig)
	sum := sha256.Sum256([]byte(signed))
	key, isRSA := cert.PublicKey.(*rsa.PublicKey)
	if err != nil || !isRSA || rsa.VerifyPSS(key, crypto.SHA256, sum[:], raw, nil) != nil {
		return badAssertion("The signature does not match the key.")
	}
	return l.checkAssertionClaims(tenant, client, a)
}

// isThumbprint compares an x5t#S256 (RFC 7515 section 4.1.8) with a
// certificate. MSAL for Go v1.10.1 writes it in plain base64, which Entra
// takes as well as base64url.
func isThumbprint(s string, c *x509.Certificate) bool {
	sum := sha256.Sum256(c.Raw)
	return s == base64.StdEncoding.EncodeToString(sum[:]) || s == base64.RawURLEncoding.EncodeToString(sum[:])
}

func (l *Lab) checkAssertionClaims(tenant, client string, a assertion) *refusal {
	now := l.serviceTime().Unix()
	base := l.Authority() + "/" + url.PathEscape(tenant)
	const skew = 5 * 60 // seconds
	switch {
	case a.Before > now+skew || a.Expires < now-skew || a.Expires > now+24*3600:
		return &refusal{
			http.StatusUnauthorized, "invalid_client", 700024,
			"Client assertion is not within its valid time range.",
		}
	case !strings.EqualFold(a.Issuer, client) || !strings.EqualFold(a.Subject, client):
		return badAssertion("The issuer or subject is not the application.")
	case a.Audience != base+"/oauth2/v2.0/token" && a.Audience != base+"/v2.0":
		return badAssertion("The audience is not this endpoint.")
	}
	return nil
}

func badAssertion(reason string) *refusal {
	return &refusal{
		http.StatusUnauthorized, "invalid_client", 700027,
		"The certificate with identifier used to sign the client assertion is not registered on application. [Reason - " + reason + "]",
	}
}
