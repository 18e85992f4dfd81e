package submit_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/submit"
)

// echo is a server that repeats the password in pieces of its own choosing.
type echo struct {
	text   string // what it repeats
	cuts   []byte // the lengths of the pieces; the last one has what is left
	coded  bool   // an enhanced code before each piece (RFC 2034 section 4)
	spaced bool   // white space around each piece
	later  bool   // the second half comes with the next reply
	taken  bool   // the sign-in succeeds
}

// pieces is text as the lines of one reply (RFC 5321 section 4.2.1).
func (e echo) pieces(code, text string) string {
	var said []string
	for _, c := range e.cuts {
		if n := int(c)%24 + 1; len(said) < 200 && n < len(text) {
			said, text = append(said, text[:n]), text[n:]
		}
	}
	said = append(said, text)
	var b strings.Builder
	for i, s := range said {
		sign := "-"
		if i == len(said)-1 {
			sign = " "
		}
		if e.coded {
			s = "5.7.8 " + s
		}
		if e.spaced {
			s = " " + s + "\t "
		}
		b.WriteString(code + sign + s + "\r\n")
	}
	return b.String()
}

// serve answers one connection.
func (e echo) serve(conn net.Conn) {
	defer conn.Close()
	first, second := e.text, ""
	if e.later {
		first, second = e.text[:len(e.text)/2], e.text[len(e.text)/2:]
	}
	code := "535"
	if e.taken {
		code = "235"
	}
	in := bufio.NewReader(conn)
	for _, reply := range []string{
		"220 relay.contoso.example ESMTP\r\n", "250-relay.contoso.example\r\n250 AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n",
		e.pieces(code, first), e.pieces("550", second),
	} {
		if _, err := io.WriteString(conn, reply); err != nil {
			return
		}
		if _, err := in.ReadString('\n'); err != nil {
			return
		}
	}
	_, _ = io.WriteString(conn, "221 Bye\r\n")
}

// heard is everything that a trial and its steps hold, text by text, and the
// server's lines of the transcript as one text without codes and white space.
func (e echo) heard(t *testing.T, password string) (tr probes.Trial, texts []string, joined string) {
	t.Helper()
	r := inClear(func(context.Context, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go e.serve(theirs)
		return ours, nil
	}, "192.0.2.1")
	r.Mechanism, r.Account, r.Credential = submit.LOGIN, "scan@contoso.example", secret(password)
	var emitted []probes.Step
	tr = submit.Send(t.Context(), r, func(s probes.Step) { emitted = append(emitted, s) })
	b, err := json.Marshal([]any{tr, emitted})
	if err != nil {
		t.Fatal(err)
	}
	var all any
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	for _, l := range tr.Transcript {
		if l.From == probes.Server && len(l.Text) > 4 {
			joined += strings.Join(strings.Fields(strings.TrimPrefix(strings.TrimSpace(strings.ReplaceAll(l.Text[4:], `\x09`, "")), "5.7.8 ")), "")
		}
	}
	return tr, stringsOf(all), joined
}

func stringsOf(v any) (out []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			out = append(out, stringsOf(e)...)
		}
	case map[string]any:
		for _, e := range v {
			out = append(out, stringsOf(e)...)
		}
	}
	return out
}

// known tells a piece that stands in what everybody knows of the trial, or in
// what stands in the place of the password.
func known(piece, label string) bool {
	for _, s := range []string{"scan@contoso.example", "it@contoso.example", "relay.contoso.example", "offbasic.invalid", label, strings.ReplaceAll(label, " ", ""), "Username:", "Password:", "username", "password", "authentication", "Authentication"} {
		for before := range 3 {
			if strings.Contains(s, piece) || strings.Contains(base64.StdEncoding.EncodeToString([]byte("  "[:before]+s)), piece) {
				return true
			}
		}
	}
	return false
}

// leaks finds a piece of n bytes of text in what was kept; size is that of the
// password.
func leaks(size int, text string, n int, kept []string) string {
	label := fmt.Sprintf("<password, %d bytes>", size)
	for i := range max(0, len(text)-n+1) {
		p := text[i : i+n]
		if !known(p, label) && slices.ContainsFunc(kept, func(s string) bool { return strings.Contains(s, p) }) {
			return p
		}
	}
	return ""
}

// However a server splits what it was sent, six characters of the password in
// a row stay nowhere, nor the eight of base64 that hold them.
func FuzzNoPieceOfAnEchoedPasswordStays(f *testing.F) {
	for i, password := range []string{
		"correct horse battery", "hunter2hunter2", "Contoso2024!", "scan@contoso.example1", "250 2.0.0 OK now", "535-5.7.8 abcde", "Passw0rd", "pässwörd €", "a b c d e f g h",
		strings.Repeat("xyz", 40), fakeToken, "password", "123456", "5.7.8 5.7.8", "Password1!", "password, 16 by", "\x02\x7f\tabcdef",
	} {
		for how := range 4 {
			f.Add(password, []byte{3, 2, 4, 3, 2}, uint8(how|i<<2))
			f.Add(password, []byte{4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4}, uint8(how|i<<3))
			f.Add(password, []byte{}, uint8(how|i<<4))
		}
	}
	f.Add("000900000", []byte("0"), uint8(4|8|16)) // white space before the enhanced codes
	f.Fuzz(func(t *testing.T, password string, cuts []byte, how uint8) {
		if len(password) < 4 || len(password) > 600 || strings.ContainsAny(password, "\x00\x01\r\n") {
			return
		}
		sent := []string{
			password, base64.StdEncoding.EncodeToString([]byte(password)),
			base64.StdEncoding.EncodeToString([]byte("\x00scan@contoso.example\x00" + password)), base64.URLEncoding.EncodeToString([]byte("x" + password + "yz")),
		}
		e := echo{text: sent[how&3], cuts: cuts, coded: how&4 > 0, spaced: how&8 > 0, later: how&16 > 0, taken: how&32 > 0}
		tr, texts, joined := e.heard(t, password)
		if p := leaks(len(password), password, 6, texts); p != "" {
			t.Errorf("%q of the password %q is kept: %q", p, password, texts)
		}
		if p := leaks(len(password), strings.Join(strings.Fields(password), ""), 6, []string{joined}); p != "" && how&3 == 0 && !strings.ContainsAny(password, "\x02\x7f") {
			t.Errorf("%q of the password %q can be put together: %q", p, password, joined)
		}
		for before := range 3 {
			whole := base64.StdEncoding.EncodeToString([]byte("  "[:before] + password))
			inside := whole[min(len(whole), (before*8+5)/6):max(min(len(whole), (before*8+5)/6), (before+len(password))*8/6)]
			if p := leaks(len(password), inside, 8, append(texts, joined)); p != "" {
				t.Errorf("%q of the password's base64 %q is kept: %q", p, inside, texts)
			}
		}
		if code := tr.Steps[len(tr.Steps)-1]; tr.Outcome != probes.TrialRefused && tr.Outcome != probes.TrialFailed {
			t.Errorf("the trial is %s at %+v", tr.Outcome, code)
		}
	})
}

// What a server says anyway stays, also where a password looks like it.
func TestOrdinaryRepliesLoseNothing(t *testing.T) {
	for _, password := range []string{"Contoso2024!", "scan@contoso.example!", "Password1!", "authentication7", "Authent1cation", fakeToken} {
		for _, said := range []string{
			"5.7.8 Error: authentication failed: UGFzc3dvcmQ6", "5.7.3 Authentication unsuccessful [PR3P192CA0001.EURP192.PROD.OUTLOOK.COM 2024-06-24T08:58:06.389Z 08DC93087F48F48A]",
			"5.7.139 Authentication unsuccessful, the user credentials were incorrect. https://aka.ms/smtp_auth_disabled", "5.7.8 Incorrect password for scan@contoso.example",
		} {
			tr, _, _ := echo{text: said}.heard(t, password)
			if !transcribed(tr, probes.Server, "535 "+said) {
				show(t, tr)
				t.Errorf("with the password %q the reply %q is not kept", password, said)
			}
			if !transcribed(tr, probes.Server, "334 UGFzc3dvcmQ6") || !transcribed(tr, probes.Client, base64.StdEncoding.EncodeToString([]byte("scan@contoso.example"))) {
				show(t, tr)
				t.Errorf("with the password %q the dialogue loses what is no secret", password)
			}
		}
	}
}

// A server that makes the client try again knows the secret from the start.
func TestASecretIsNotKeptFromTheNextAttempt(t *testing.T) {
	const password = "correct-horse-battery"
	conns := 0
	r := inClear(func(context.Context, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		conns++
		go func(first bool) {
			if first {
				echo{text: "4.3.2 later: " + password[:5]}.serve(theirs)
				return
			}
			defer theirs.Close()
			in := bufio.NewReader(theirs)
			for _, reply := range []string{"220 " + password[5:10] + "\r\n", fmt.Sprintf("250-%s\r\n250-%s\r\n250 AUTH LOGIN\r\n", password[10:15], password[15:])} {
				_, _ = io.WriteString(theirs, reply)
				_, _ = in.ReadString('\n')
			}
		}(conns == 1)
		return ours, nil
	}, "192.0.2.1")
	r.Mechanism, r.Account, r.Credential = submit.LOGIN, "scan@contoso.example", secret(password)
	r.Retry = func(_ probes.Reply, attempts int) (wait time.Duration, again bool) { return 0, attempts == 1 }
	tr := submit.Send(t.Context(), r, nil)
	var joined strings.Builder
	for _, l := range tr.Transcript {
		if l.From == probes.Server && len(l.Text) > 4 {
			joined.WriteString(l.Text[4:])
		}
	}
	if conns != 2 {
		t.Fatalf("%d attempts were made, want 2", conns)
	}
	for _, step := range tr.Steps {
		joined.WriteString(" " + step.Reply + " " + step.Detail)
	}
	if p := leaks(len(password), password, 6, []string{joined.String()}); p != "" {
		show(t, tr)
		t.Errorf("%q of the password is kept", p)
	}
}
