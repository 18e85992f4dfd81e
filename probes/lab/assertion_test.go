package lab_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"testing"
	"time"

	"offbasic/probes/lab"
)

// assertion signs claims with key under the thumbprint of the lab's app.
func assertion(t *testing.T, l *lab.Lab, alg string, key *rsa.PrivateKey, edit func(map[string]any)) string {
	t.Helper()
	b, _ := pem.Decode(l.App().Certificate)
	thumb := sha256.Sum256(b.Bytes)
	now := time.Now().Unix()
	claims := map[string]any{
		"aud": l.Authority() + "/" + l.Tenant().ID + "/oauth2/v2.0/token", "iss": l.App().ClientID, "sub": l.App().ClientID,
		"nbf": now, "exp": now + 600,
	}
	if edit != nil {
		edit(claims)
	}
	enc := base64.RawURLEncoding.EncodeToString
	head, _ := json.Marshal(map[string]string{"alg": alg, "typ": "JWT", "x5t#S256": enc(thumb[:])})
	body, _ := json.Marshal(claims)
	text := enc(head) + "." + enc(body)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + enc(sig)
}

// Microsoft, "application authentication certificate credentials": PS256, the
// app as issuer and subject, the token endpoint as audience, within its time.
func TestAssertionsAreVerified(t *testing.T) {
	l := start(t, lab.Options{})
	_, rest := pem.Decode(l.App().Certificate)
	b, _ := pem.Decode(rest)
	parsed, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key := parsed.(*rsa.PrivateKey)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		text string
		code int // 0 means a token
	}{
		{"as it should be", assertion(t, l, "PS256", key, nil), 0},
		{"signed by another key", assertion(t, l, "PS256", other, nil), 700027},
		{"another algorithm", assertion(t, l, "none", key, nil), 700027},
		{"for another endpoint", assertion(t, l, "PS256", key, func(c map[string]any) { c["aud"] = "https://login.example" }), 700027},
		{"of another app", assertion(t, l, "PS256", key, func(c map[string]any) { c["iss"] = "x" }), 700027},
		{"past", assertion(t, l, "PS256", key, func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() }), 700024},
		{"of a clock that is ahead", assertion(t, l, "PS256", key, func(c map[string]any) { c["nbf"] = time.Now().Add(time.Hour).Unix() }), 700024},
		{"not one", "abc", 700027},
	} {
		res, err := l.HTTPClient().PostForm(l.Authority()+"/"+l.Tenant().ID+"/oauth2/v2.0/token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {l.App().ClientID}, "scope": {"https://outlook.office365.com/.default"},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {tt.text},
		})
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			Token string `json:"access_token"`
			Codes []int  `json:"error_codes"`
		}
		err = json.NewDecoder(res.Body).Decode(&v)
		res.Body.Close()
		code := 0
		if len(v.Codes) > 0 {
			code = v.Codes[0]
		}
		if err != nil || code != tt.code || (v.Token != "") != (tt.code == 0) {
			t.Errorf("%s: AADSTS%d, token %t, error %v; want AADSTS%d", tt.name, code, v.Token != "", err, tt.code)
		}
	}
}
