package checks_test

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"offbasic/checks"
	"offbasic/probes"
)

func canary(t *testing.T, route probes.Route, length int) checks.Canary {
	t.Helper()
	c, ok := checks.NewCanary(route, "contoso.example", length, rand.New(rand.NewPCG(1, 2)).IntN)
	if !ok {
		t.Fatalf("no canary for %s", route)
	}
	return c
}

func TestACanaryIsWhatItsRouteWillAskFor(t *testing.T) {
	for _, tt := range []struct {
		route    probes.Route
		length   int
		account  int // characters
		password int
		signs    string
	}{
		{probes.ACS, 0, 80, 40, "~.-_"}, // "canary", two GUIDs, two bars
		{probes.OAuth, 0, 31, 40, "~.-_"},
		{probes.HVE, 16, 31, 16, ""},
		{probes.HVE, 128, 31, 128, "!#$%&*+-=?@_~"},
		{probes.HVE, 1000, 31, 128, "!#$%&*+-=?@_~"},
		{probes.Provider, 0, 15, 69, ".-_"},
	} {
		c := canary(t, tt.route, tt.length)
		if len(c.Account) != tt.account || len(c.Password) != tt.password {
			t.Errorf("%s: %d and %d characters, want %d and %d", tt.route, len(c.Account), len(c.Password), tt.account, tt.password)
		}
		for _, s := range tt.signs {
			if !strings.ContainsRune(c.Password, s) {
				t.Errorf("%s: no %q in %s", tt.route, s, c.Password)
			}
		}
		if !strings.HasPrefix(c.Account, "canary") || !strings.HasPrefix(c.Password, "Canary") {
			t.Errorf("%s is not marked: %+v", tt.route, c)
		}
	}
	if _, ok := checks.NewCanary(probes.Direct, "", 0, rand.IntN); ok {
		t.Error("Direct Send asks for no password")
	}
	if canary(t, probes.HVE, 0) == func() checks.Canary { c, _ := checks.NewCanary(probes.HVE, "", 0, rand.IntN); return c }() {
		t.Error("two canaries are the same")
	}
}

func TestWhatBecameOfAPasswordIsTold(t *testing.T) {
	c := canary(t, probes.OAuth, 40)
	shown := c.Password
	changed := []byte(shown)
	changed[19] = '!'
	for _, tt := range []struct{ name, got, want string }{
		{"whole", shown, "[whole] 40 of 40"},
		{"an old copier keeps 31", shown[:31], "[cut] 31 of 40"},
		{"in lower case", strings.ToLower(shown), "[lower-case] 40 of 40"},
		{"in upper case and cut", strings.ToUpper(shown)[:20], "[cut upper-case] 20 of 40"},
		{"the front is gone", shown[8:], "[cut-front] 32 of 40"},
		{"padded with spaces", shown + "  ", "[padded] 42 of 40"},
		{"twice", shown + shown, "[repeated] 80 of 40"},
		{"without the tilde", strings.ReplaceAll(shown, "~", ""), "[dropped] 39 of 40 ~"},
		{"the tilde twice", strings.ReplaceAll(shown, "~", "~~"), "[doubled] 41 of 40 ~"},
		{"as in a form", url.PathEscape(strings.ReplaceAll(shown, "~", "~")) + "", "[whole] 40 of 40"},
		{"one other character", string(changed), fmt.Sprintf("[changed] 40 of 40 %c [20]", shown[19])},
		{"empty", "", "[empty] 0 of 40"},
		{"the old password of the device", "Winter2019", "[other] 10 of 40"},
	} {
		got := c.Judge("192.0.2.1", "LOGIN", c.Account, []byte(tt.got))
		if said := told(got.Password, tt.name == "one other character"); said != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, said, tt.want)
		}
		if b, _ := json.Marshal(got); tt.got != "" && strings.Contains(string(b), tt.got) {
			t.Errorf("%s: the judgement holds what came: %s", tt.name, b)
		}
	}
	if got := canary(t, probes.HVE, 32); !strings.Contains(got.Password, "%") {
		t.Fatal("no percent sign to escape")
	} else if said := told(got.Judge("", "PLAIN", got.Account, []byte(url.PathEscape(got.Password))).Password, false); !strings.HasPrefix(said, "[escaped]") {
		t.Errorf("escaped: %s", said)
	}
}

func told(a checks.Arrived, places bool) string {
	s := fmt.Sprintf("%v %d of %d", a.As, a.Length, a.Of)
	if a.Characters != "" {
		s += " " + a.Characters
	}
	if places {
		s += fmt.Sprint(" ", a.At)
	}
	return s
}

func TestWhatBecameOfAnAccountIsTold(t *testing.T) {
	acs, oauth := canary(t, probes.ACS, 0), canary(t, probes.OAuth, 0)
	for _, tt := range []struct {
		name, got, want, realm string
		of                     checks.Canary
	}{
		{"cut at 31", acs.Account[:31], "[cut] 31 of 80", "", acs},
		{"a realm behind a name", acs.Account + "@printer.local", "[realm] 94 of 80", "printer.local", acs},
		{"a realm behind an address", oauth.Account + "@COPIER", "[realm] 38 of 31", "COPIER", oauth},
		{"a domain before", `CONTOSO\` + oauth.Account, "[realm] 39 of 31", "CONTOSO", oauth},
		{"cut, and a realm", acs.Account[:31] + "@printer.local", "[cut realm] 45 of 80", "printer.local", acs},
		{"bars left out", strings.ReplaceAll(acs.Account, "|", ""), "[dropped] 78 of 80 |", "", acs},
		{"the old account", "scan@contoso.example", "[other] 20 of 31", "", oauth},
	} {
		got := tt.of.Judge("192.0.2.1", "LOGIN", tt.got, []byte("x")).Account
		if said := told(got, false); said != tt.want || got.Realm != tt.realm {
			t.Errorf("%s: %s with realm %q, want %s with %q", tt.name, said, got.Realm, tt.want, tt.realm)
		}
	}
}

// A digest shows only whether the password is whole (RFC 2195).
func TestADigestTellsWholeOrNot(t *testing.T) {
	c := canary(t, probes.OAuth, 40)
	for password, want := range map[string]string{c.Password: "whole", c.Password[:31]: "differs"} {
		mac := hmac.New(md5.New, []byte(password))
		mac.Write([]byte("<1896.697170952@postoffice.example.org>"))
		heard := c.Judge("192.0.2.1", "CRAM-MD5", c.Account, []byte("<1896.697170952@postoffice.example.org> "+hex.EncodeToString(mac.Sum(nil))))
		if got := heard.Password.As; len(got) != 1 || got[0] != want {
			t.Errorf("%d characters: %v, want %s", len(password), got, want)
		}
	}
	if got := c.Judge("192.0.2.1", "NTLM", c.Account, nil); got.Password.As[0] != "unseen" || !got.Known() || got.Whole() {
		t.Errorf("NTLM: %+v", got)
	}
}
