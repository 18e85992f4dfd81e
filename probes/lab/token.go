package lab

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// resource is a service that tokens are for.
type resource struct {
	audience string
	roles    []string // consented to the lab's app
}

// resources are those that the lab's Entra knows, client submission first.
//
// Source: Microsoft, "Authenticate an IMAP, POP or SMTP connection using
// OAuth"; Microsoft Graph permissions reference.
func resources() []resource {
	return []resource{
		{"https://outlook.office365.com", []string{"SMTP.SendAsApp"}},
		{"https://outlook.office.com", []string{"SMTP.SendAsApp"}},
		{"https://graph.microsoft.com", []string{"Mail.Read"}},
	}
}

// signer signs the lab's tokens.
type signer struct {
	key *rsa.PrivateKey
	kid string
}

func newSigner() (*signer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return &signer{key, randomText(20)}, nil
}

// claims are those of an app-only token as Entra writes them, version 1.0.
func (l *Lab) claims(r resource, app App) map[string]any {
	now := l.now()
	c := map[string]any{
		"aud": r.audience, "iss": "https://sts.windows.net/" + l.dir.tenantID + "/", "ver": "1.0",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLife).Unix(),
		"appid": app.ClientID, "appidacr": "1", "idtyp": "app", "oid": app.ObjectID, "sub": app.ObjectID,
		"tid": l.dir.tenantID, "uti": randomText(16),
	}
	if len(r.roles) > 0 {
		c["roles"] = r.roles
	}
	return c
}

// sign writes the claims as a JWT with RS256.
func (s *signer) sign(claims map[string]any) string {
	head := part(map[string]any{"typ": "JWT", "alg": "RS256", "kid": s.kid, "x5t": s.kid})
	text := head + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return "" // a key of 2048 bits signs every SHA-256 sum
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func part(v map[string]any) string {
	b, _ := json.Marshal(v) // the claims are strings, numbers and lists
	return base64.RawURLEncoding.EncodeToString(b)
}

// bearer are the claims that decide what a token may do.
type bearer struct {
	Audience string   `json:"aud"`
	Issuer   string   `json:"iss"`
	Tenant   string   `json:"tid"`
	App      string   `json:"appid"`
	Object   string   `json:"oid"`
	Roles    []string `json:"roles"`
	Expires  int64    `json:"exp"`
}

// bearer verifies a token as the service behind audiences would: signed here,
// for this service and tenant, not expired.
func (l *Lab) bearer(token string, audiences ...string) (bearer, error) {
	var b bearer
	text, sig, ok := cutLast(token)
	if !ok {
		return b, errors.New("not a token")
	}
	raw, err := base64.RawURLEncoding.DecodeString(sig)
	sum := sha256.Sum256([]byte(text))
	if err != nil || rsa.VerifyPKCS1v15(&l.signer.key.PublicKey, crypto.SHA256, sum[:], raw) != nil {
		return b, errors.New("the signature does not verify")
	}
	_, body, _ := strings.Cut(text, ".")
	if err := decodePart(body, &b); err != nil {
		return b, err
	}
	switch {
	case !slices.Contains(audiences, strings.TrimSuffix(b.Audience, "/")):
		return b, errors.New("for another audience")
	case b.Tenant != l.dir.tenantID || b.Issuer != "https://sts.windows.net/"+l.dir.tenantID+"/":
		return b, errors.New("of another tenant")
	case b.Expires <= l.now().Unix():
		return b, errors.New("expired")
	}
	return b, nil
}

// cutLast splits a JWT into what is signed and the signature.
func cutLast(token string) (text, sig string, ok bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 || strings.Count(token, ".") != 2 {
		return "", "", false
	}
	return token[:i], token[i+1:], true
}

func decodePart(s string, v any) error {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return errors.New("a part is not base64url")
	}
	if json.Unmarshal(b, v) != nil {
		return errors.New("a part is not JSON")
	}
	return nil
}
