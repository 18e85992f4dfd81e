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

// baseClaims are those of every access token of version 1.0.
func (l *Lab) baseClaims(audience string) map[string]any {
	now := l.serviceTime()
	return map[string]any{
		"aud": audience, "iss": "https://sts.windows.net/" + l.dir.tenantID + "/", "ver": "1.0",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLife).Unix(),
		"tid": l.dir.tenantID, "uti": randomText(16),
	}
}

// appClaims are those of an app-only token as Entra writes them.
func (l *Lab) appClaims(audience string, res, client enterprise) map[string]any {
	c := l.baseClaims(audience)
	c["appid"], c["appidacr"], c["idtyp"] = client.AppID, "1", "app"
	c["oid"], c["sub"] = client.ID, client.ID
	if roles := l.grantedRoles(client.AppID, res.AppID); len(roles) > 0 {
		c["roles"] = roles
	}
	return c
}

// userClaims are those of a user's token: scp holds every permission of the
// resource that was consented to, wids the roles of the directory.
func (l *Lab) userClaims(audience string, scopes []string, client enterprise, u user) map[string]any {
	c := l.baseClaims(audience)
	c["appid"], c["appidacr"], c["idtyp"] = client.AppID, "0", "user"
	c["oid"], c["sub"] = u.id, u.id
	c["upn"], c["unique_name"], c["name"] = u.upn, u.upn, u.name
	c["scp"], c["wids"] = strings.Join(scopes, " "), u.roles
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
	Scopes   string   `json:"scp"`  // of a user's token, with spaces between
	User     string   `json:"upn"`  // of a user's token
	Wids     []string `json:"wids"` // the user's roles in the directory
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
	case b.Expires <= l.serviceTime().Unix():
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
