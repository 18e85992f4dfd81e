package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"offbasic/probes"
)

// claims reads the payload of a JSON Web Token (RFC 7519, section 3) and keeps
// what says what the token is for; nil when it is none. No signature is
// checked, and none is kept.
func claims(token []byte) *probes.Claims {
	parts := bytes.Split(bytes.TrimSpace(token), []byte("."))
	if len(parts) != 3 {
		return nil
	}
	payload := make([]byte, base64.RawURLEncoding.DecodedLen(len(parts[1])))
	defer clear(payload)
	n, err := base64.RawURLEncoding.Decode(payload, bytes.TrimRight(parts[1], "="))
	if err != nil {
		return nil
	}
	var p struct {
		Aud, Tid, Appid, Azp, Oid, Upn, Scp any
		Unique                              any `json:"unique_name"`
		Preferred                           any `json:"preferred_username"`
		Roles                               any
		Exp                                 float64
	}
	if json.Unmarshal(payload[:n], &p) != nil {
		return nil
	}
	c := &probes.Claims{
		Audience: word(p.Aud), Tenant: word(p.Tid), App: word(p.Appid, p.Azp), Object: word(p.Oid),
		User: word(p.Upn, p.Unique, p.Preferred), Roles: words(p.Roles),
	}
	if scopes, ok := p.Scp.(string); ok {
		for s := range strings.FieldsSeq(clean(scopes, 4*keptName)) {
			c.Scopes = append(c.Scopes, s)
		}
	}
	if p.Exp > 0 && p.Exp < 1<<40 {
		c.Expires = time.Unix(int64(p.Exp), 0).UTC()
	}
	return c
}

// word is the first of the values that is a string, or a list that begins
// with one.
func word(values ...any) string {
	for _, v := range values {
		if w := words(v); len(w) > 0 && w[0] != "" {
			return w[0]
		}
	}
	return ""
}

// words is a string, or a list of at most twenty.
func words(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{clean(v, keptName)}
	case []any:
		var list []string
		for _, e := range v[:min(len(v), 20)] {
			if s, ok := e.(string); ok {
				list = append(list, clean(s, keptName))
			}
		}
		return list
	}
	return nil
}
