package capture

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// told is one call of Server.Secret: what it was given, copied, and the slice
// itself, to be looked at afterwards.
type told struct {
	peer, mechanism, account, password string
	slice                              []byte
}

// Whoever compares a password sees it once, in memory; what it was shown is
// wiped before the client has its answer, and no record holds it.
func TestAPasswordIsToldOnceAndWiped(t *testing.T) {
	const account, password = "canary-7@contoso.example", "Canary~.-_4711"
	for _, tt := range []struct {
		mechanism string
		lines     []string // of the client after AUTH
		want      string
	}{
		{"LOGIN", []string{plain64(account), plain64(password)}, password},
		{"LOGIN", []string{account, password}, password},
		{"PLAIN", []string{plain64("\x00" + account + "\x00" + password)}, password},
		{"XOAUTH2", []string{plain64("user=" + account + "\x01auth=Bearer " + password + "\x01\x01")}, password},
		{"CRAM-MD5", nil, "digest"},
	} {
		t.Run(tt.mechanism, func(t *testing.T) {
			var got []told
			r := start(t, &Server{Policy: policy(t, "everything"), Secret: func(peer, mechanism, account string, b []byte) {
				got = append(got, told{peer, mechanism, account, string(b), b})
			}})
			c := r.greeted()
			challenge := c.ask("AUTH "+tt.mechanism, "334")
			if tt.mechanism == "CRAM-MD5" {
				tt.lines, tt.want = cramAnswer(t, challenge, account, password)
			}
			for i, l := range tt.lines {
				code := "334"
				if i == len(tt.lines)-1 {
					code = "235"
				}
				c.ask(l, code)
			}
			c.ask("QUIT", "221")
			s := r.session()
			if len(got) != 1 || got[0].password != tt.want || got[0].peer != "127.0.0.1" || got[0].mechanism != tt.mechanism || !strings.HasSuffix(got[0].account, account) {
				t.Fatalf("told %+v, want %q once", got, tt.want)
			}
			if !bytes.Equal(got[0].slice, make([]byte, len(got[0].slice))) {
				t.Errorf("the slice still holds %q", got[0].slice)
			}
			assertNoSecret(t, s, password, plain64(password))
		})
	}
}

// cramAnswer is the client's line to a challenge (RFC 2195), and what the
// capture tells of it.
func cramAnswer(t *testing.T, reply, account, password string) (lines []string, want string) {
	t.Helper()
	challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.TrimPrefix(reply, "334 ")))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(md5.New, []byte(password))
	mac.Write(challenge)
	digest := hex.EncodeToString(mac.Sum(nil))
	return []string{plain64(account + " " + digest)}, string(challenge) + " " + digest
}
