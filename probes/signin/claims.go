package signin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// tokenLimit is the longest text taken for a token, in bytes. Entra's are
// below 5 kB.
const tokenLimit = 64 << 10

// rawClaims are the claims as Entra writes them. App-only tokens of version 2
// name the app azp.
type rawClaims struct {
	Audience any         `json:"aud"`
	Tenant   string      `json:"tid"`
	App      string      `json:"appid"`
	Azp      string      `json:"azp"`
	Object   string      `json:"oid"`
	UPN      string      `json:"upn"`
	Name     string      `json:"preferred_username"`
	Unique   string      `json:"unique_name"`
	Scopes   string      `json:"scp"`
	Roles    []string    `json:"roles"`
	Wids     []string    `json:"wids"`
	Expires  json.Number `json:"exp"`
	Begins   json.Number `json:"nbf"`
}

// Claims decodes the claims of an access token. It never verifies the
// signature: only the service that the token is for can. The text of the
// token is in no error.
func Claims(token string) (probes.Claims, error) {
	raw, err := readClaims(token)
	if err != nil {
		return probes.Claims{}, err
	}
	return raw.clean(), nil
}

func readClaims(token string) (rawClaims, error) {
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 || len(token) > tokenLimit {
		return rawClaims{}, notAToken("not three parts with dots between them")
	}
	for _, p := range parts[:2] {
		if _, err := decodePart(p); err != nil {
			return rawClaims{}, notAToken("a part is not base64url")
		}
	}
	var head struct {
		Alg string `json:"alg"`
	}
	if h, _ := decodePart(parts[0]); json.Unmarshal(h, &head) != nil || head.Alg == "" {
		return rawClaims{}, notAToken("the first part is not the head of a token")
	}
	body, _ := decodePart(parts[1])
	var raw rawClaims
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&raw) != nil {
		return rawClaims{}, notAToken("the claims are not JSON")
	}
	return raw, nil
}

func notAToken(why string) error {
	return &probes.Fault{
		Op: "read the token", Code: NotAToken, Err: errors.New(why),
		Args: map[string]string{"cause": why},
	}
}

func decodePart(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}

// clean takes over the claims, fit for showing.
func (r rawClaims) clean() probes.Claims {
	c := probes.Claims{
		Audience: audience(r.Audience),
		Tenant:   short(r.Tenant),
		App:      short(first(r.App, r.Azp)),
		Object:   short(r.Object),
		User:     short(first(r.UPN, r.Name, r.Unique)),
	}
	for s := range strings.FieldsSeq(r.Scopes) {
		c.Scopes = append(c.Scopes, short(s))
	}
	for _, s := range r.Roles {
		c.Roles = append(c.Roles, short(s))
	}
	c.Expires, c.NotBefore = instant(r.Expires), instant(r.Begins)
	return c
}

// instant reads seconds since 1970 (RFC 7519 section 2, NumericDate); the zero
// time for what is none.
func instant(n json.Number) time.Time {
	if sec, err := n.Int64(); err == nil && sec > 0 && sec < 1<<36 {
		return time.Unix(sec, 0).UTC()
	}
	return time.Time{}
}

// audience is a string, or the first of several (RFC 7519 section 4.1.3).
func audience(v any) string {
	switch v := v.(type) {
	case string:
		return short(v)
	case []any:
		if len(v) > 0 {
			return audience(v[0])
		}
	}
	return ""
}

func first(list ...string) string {
	i := slices.IndexFunc(list, func(s string) bool { return s != "" })
	if i < 0 {
		return ""
	}
	return list[i]
}

func short(s string) string { return probes.Clean(s, 300) }
