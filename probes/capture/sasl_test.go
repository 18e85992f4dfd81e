package capture

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"offbasic/probes"
)

// signIn drives a dialogue with the client's lines; an empty first line stands
// for AUTH without an initial response.
func signIn(mech string, lines ...string) *dialogue {
	d := newDialogue(mech, "seed@host")
	for i, l := range lines {
		if i == 0 && l == "" {
			d.begin()
			continue
		}
		d.next([]byte(l))
	}
	return d
}

// jwt writes a token of this payload; nothing signs it.
func jwt(payload string) string {
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(`{"typ":"JWT","alg":"RS256"}`)) + "." + e([]byte(payload)) + "." + e([]byte(strings.Repeat("signature", 10)))
}

const appToken = `{"aud":"https://outlook.office365.com","iss":"https://sts.windows.net/t/","tid":"11111111-0000-4000-8000-000000000000",` +
	`"appid":"22222222-0000-4000-8000-000000000000","oid":"33333333-0000-4000-8000-000000000000","roles":["SMTP.SendAsApp"],"exp":1795363200}`

func TestATokenIsReducedToItsClaims(t *testing.T) {
	app := probes.Claims{
		Audience: "https://outlook.office365.com", Tenant: "11111111-0000-4000-8000-000000000000",
		App: "22222222-0000-4000-8000-000000000000", Object: "33333333-0000-4000-8000-000000000000",
		Roles: []string{"SMTP.SendAsApp"}, Expires: time.Unix(1795363200, 0).UTC(),
	}
	user := probes.Claims{Audience: "https://outlook.office.com", User: "scan@contoso.example", Scopes: []string{"SMTP.Send", "offline_access"}}
	userToken := `{"aud":"https://outlook.office.com","unique_name":"scan@contoso.example","scp":"SMTP.Send offline_access"}`
	for _, tt := range []struct {
		name, mech, line string
		want             probes.Claims
	}{
		// Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth".
		{"XOAUTH2", "XOAUTH2", "user=scan@contoso.example\x01auth=Bearer " + jwt(appToken) + "\x01\x01", app},
		// RFC 7628, section 3.1.
		{"OAUTHBEARER", "OAUTHBEARER", "n,a=scan@contoso.example,\x01host=smtp.office365.com\x01port=587\x01auth=Bearer " + jwt(userToken) + "\x01\x01", user},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := signIn(tt.mech, "", plain64(tt.line))
			if d.auth.Account != "scan@contoso.example" || d.auth.Claims == nil || d.auth.Outcome != "" {
				t.Fatalf("auth %+v", d.auth)
			}
			got, _ := json.Marshal(d.auth.Claims)
			want, _ := json.Marshal(tt.want)
			if string(got) != string(want) {
				t.Errorf("claims %s, want %s", got, want)
			}
			all := fmt.Sprintf("%+v %s %s", d.auth, got, d.shown)
			if strings.Contains(all, "eyJ") || strings.Contains(all, "c2lnbmF0dXJl") {
				t.Errorf("the token is in %s", all)
			}
		})
	}
}

func TestAPasswordInPlaceOfATokenIsRecognised(t *testing.T) {
	d := signIn("XOAUTH2", plain64("user=scan@contoso.example\x01auth=Bearer hunter2secret\x01\x01"))
	if !slices.Contains(d.quirks, quirkPasswordAsToken) || d.shown != "<account scan@contoso.example, password, 13 bytes>" {
		t.Errorf("quirks %q, shown %q", d.quirks, d.shown)
	}
	opaque := signIn("XOAUTH2", plain64("user=scan@contoso.example\x01auth=Bearer "+strings.Repeat("x", 900)+"\x01\x01"))
	if slices.Contains(opaque.quirks, quirkPasswordAsToken) || opaque.auth.Claims != nil {
		t.Errorf("a long token that is no JWT: quirks %q", opaque.quirks)
	}
}

// authenticate writes an NTLM AUTHENTICATE message ([MS-NLMP], 2.2.1.3).
func authenticate(domain, user, host string, wide bool) []byte {
	b := make([]byte, 88)
	copy(b, ntlmHead)
	binary.LittleEndian.PutUint32(b[8:], 3)
	flags := uint32(0x8200)
	if wide {
		flags |= ntlmUnicode
	}
	binary.LittleEndian.PutUint32(b[60:], flags)
	put := func(at int, data []byte) {
		binary.LittleEndian.PutUint16(b[at:], uint16(len(data)))
		binary.LittleEndian.PutUint16(b[at+2:], uint16(len(data)))
		binary.LittleEndian.PutUint32(b[at+4:], uint32(len(b)))
		b = append(b, data...)
	}
	for i, name := range []string{domain, user, host} {
		data := []byte(name)
		if wide {
			data = nil
			for _, u := range utf16.Encode([]rune(name)) {
				data = binary.LittleEndian.AppendUint16(data, u)
			}
		}
		put(28+8*i, data)
	}
	put(12, []byte(strings.Repeat("L", 24)))
	put(20, []byte(strings.Repeat("N", 24)))
	return b
}

func TestNTLMTellsAccountDomainAndWorkstation(t *testing.T) {
	negotiate := make([]byte, 32)
	copy(negotiate, ntlmHead)
	negotiate[8] = 1
	for _, wide := range []bool{true, false} {
		d := newDialogue("NTLM", "seed@host")
		challenge, err := base64.StdEncoding.DecodeString(d.next([]byte(base64.StdEncoding.EncodeToString(negotiate))))
		if err != nil || ntlmKind(challenge) != 2 {
			t.Fatalf("challenge %x, %v", challenge, err)
		}
		d.next([]byte(base64.StdEncoding.EncodeToString(authenticate("CONTOSO", "scan", "KM-C258", wide))))
		if !d.done || d.auth.Account != "scan" || d.auth.Domain != "CONTOSO" || d.auth.Host != "KM-C258" {
			t.Errorf("wide %v: done %v, %+v", wide, d.done, d.auth)
		}
		if d.password {
			t.Error("a response that hides the password passes for a password in clear")
		}
		if strings.Contains(fmt.Sprintf("%+v %s", d.auth, d.shown), "NNNN") {
			t.Errorf("the response is shown: %s", d.shown)
		}
	}
}

func TestMalformedSignInsShowNothing(t *testing.T) {
	for _, tt := range []struct{ mech, line string }{
		{"PLAIN", plain64("hunter2secret")},
		{"PLAIN", "hunter2secret"},
		{"CRAM-MD5", plain64("hunter2secret")},
		{"XOAUTH2", plain64("user=a\x01hunter2secret\x01")},
		{"XOAUTH2", "hunter2secret"},
		{"OAUTHBEARER", "%%%hunter2secret"},
		{"NTLM", plain64("NTLMSSP hunter2secret")},
		{"SCRAM-SHA-1", plain64("n,,n=hunter2secret")},
	} {
		d := signIn(tt.mech, tt.line)
		if strings.Contains(d.shown, "hunter2") || !d.done || !strings.HasPrefix(d.shown, "<unreadable, ") {
			t.Errorf("%s %q: shown %q, done %v", tt.mech, tt.line, d.shown, d.done)
		}
	}
}

// Prompts as devices meet them: Exchange's, "User Name" with a NUL as older
// servers send it, and plain text.
func TestPromptsAreThePolicys(t *testing.T) {
	for _, prompts := range [][]string{
		nil, {"VXNlciBOYW1lAA==", "UGFzc3dvcmQA"}, {"Username:", "Password:"}, {"", ""},
	} {
		p := policy(t, "everything")
		p.LoginPrompts = prompts
		if prompts == nil {
			prompts = []string{promptUsername, promptPassword}
		}
		r := start(t, &Server{Policy: p})
		c := r.greeted()
		c.ask("HELO a.example", "250")
		if got := c.ask("AUTH LOGIN", "334"); got != "334 "+prompts[0]+"\r\n" {
			t.Errorf("first prompt %q, want %q", got, prompts[0])
		}
		if got := c.ask(user64, "334"); got != "334 "+prompts[1]+"\r\n" {
			t.Errorf("second prompt %q, want %q", got, prompts[1])
		}
		c.ask(pass64, "235")
		c.ask("QUIT", "221")
		if s := r.session(); s.Account() != "scan@contoso.example" {
			t.Errorf("account %q", s.Account())
		}
	}
}

func TestAfterTheRetirementAPasswordGets550AndTheNextMechanismIsSeen(t *testing.T) {
	r := start(t, &Server{Policy: policy(t, "retired")})
	c := r.greeted()
	c.ask("EHLO a.example", "250")
	c.ask("STARTTLS", "220")
	c.startTLS(nil)
	c.ask("EHLO a.example", "250")
	c.ask("AUTH LOGIN", "334")
	c.ask(user64, "334")
	c.ask(pass64, "550 5.7.30 Basic authentication is not supported for Client Submission.")
	c.ask("AUTH PLAIN "+plain64("\x00scan@contoso.example\x00hunter2secret"), "550 5.7.30")
	c.ask("MAIL FROM:<scan@contoso.example>", "530 5.7.57")
	c.ask("QUIT", "221")
	s := r.session()
	if len(s.Auth) != 2 || s.Auth[0].Outcome != probes.AuthRefused || s.Auth[0].Reply != replyRetired {
		t.Errorf("auth %+v", s.Auth)
	}
	for _, q := range []string{quirkTriesOthers, quirkSendsAfterRefusal, quirkUnofferedMechanism} {
		if !slices.Contains(s.Quirks, q) {
			t.Errorf("quirks %q, want %s", s.Quirks, q)
		}
	}
	assertNoSecret(t, s, "hunter2secret", "aHVudGVyMnNlY3JldA", plain64("\x00scan@contoso.example\x00hunter2secret")[30:])
}

func TestAMechanismThatThePolicyDoesNotTakeGets504(t *testing.T) {
	r := start(t, &Server{Policy: policy(t, "oauth-only")})
	c := r.greeted()
	c.ask("EHLO a.example", "250")
	c.ask("STARTTLS", "220")
	c.startTLS(nil)
	if ehlo := c.ask("EHLO a.example", "250"); !strings.Contains(ehlo, "AUTH XOAUTH2\r\n") {
		t.Errorf("EHLO %q", ehlo)
	}
	c.ask("AUTH LOGIN", "504 5.7.4")
	c.ask("AUTH PLAIN "+plain64("\x00scan@contoso.example\x00hunter2secret"), "504 5.7.4")
	c.ask("AUTH XOAUTH2", "334")
	c.ask(plain64("user=scan@contoso.example\x01auth=Bearer "+jwt(appToken)+"\x01\x01"), "235")
	c.ask("QUIT", "221")
	s := r.session()
	if len(s.Auth) != 3 || s.Auth[1].Account != "scan@contoso.example" || s.Auth[2].Outcome != probes.AuthAccepted || s.Auth[2].Claims == nil {
		t.Errorf("auth %+v", s.Auth)
	}
}
