package replay

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
)

// server answers each line with the next of replies, and returns what it was
// told when the client is gone.
func server(t *testing.T, replies ...string) (addr string, told func() []string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan []string, 1)
	go func() {
		defer ln.Close()
		var lines []string
		defer func() { heard <- lines }()
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		in := bufio.NewReader(c)
		data := false
		for _, r := range replies {
			if _, err := io.WriteString(c, r+"\r\n"); err != nil {
				return
			}
			data = strings.HasPrefix(r, "354")
			for {
				l, err := in.ReadString('\n')
				if err != nil {
					return
				}
				lines = append(lines, strings.TrimRight(l, "\r\n"))
				if !data || l == ".\r\n" {
					break
				}
			}
		}
	}()
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String(), func() []string { return <-heard }
}

func said(lines ...string) probes.Session {
	s := probes.Session{ID: "s1", TLS: probes.TLS{Mode: probes.NoTLS}}
	for _, l := range lines {
		s.Transcript = append(s.Transcript, probes.Line{From: probes.Client, Text: l}, probes.Line{From: probes.Server, Text: "250 whatever"})
	}
	return s
}

func play(t *testing.T, s probes.Session, addr string) ([]string, error) {
	t.Helper()
	var out []string
	err := Replay{Session: s, Addr: addr, Patience: 20 * time.Second}.Run(t.Context(), func(l probes.Line) {
		out = append(out, string(l.From)+" "+l.Text)
	})
	return out, err
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestASessionIsSaidAgainWithDummies(t *testing.T) {
	addr, told := server(t, "220 hello", "250 ok", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok", "250 ok", "250 ok", "354 go", "250 queued", "221 bye")
	out, err := play(t, said(
		"EHLO KM_C258", "AUTH LOGIN", "<account scan@contoso.example>", "<password, 14 bytes>",
		"MAIL FROM :<scan@contoso.example>", "RCPT TO:<it@contoso.example>", "DATA", "<message, 4213377 bytes>", "QUIT",
	), addr)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"EHLO KM_C258", "AUTH LOGIN", b64("scan@contoso.example"), b64(strings.Repeat("x", 14)),
		"MAIL FROM :<scan@contoso.example>", "RCPT TO:<it@contoso.example>", "DATA",
		"From: test@example.org", "Subject: Replayed session", "", "A test text in the place of the recorded message.", ".", "QUIT",
	}
	if got := told(); !slices.Equal(got, want) {
		t.Errorf("said\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !slices.Contains(out, "client <password, 14 bytes>") || !slices.Contains(out, "client <test message>") || !slices.Contains(out, "server 334 UGFzc3dvcmQ6") {
		t.Errorf("shown\n%s", strings.Join(out, "\n"))
	}
}

// What only fits one reply is left out after another, and a challenge that
// nobody answers is cancelled (RFC 4954, section 4).
func TestTheDialogueFollowsTheReplies(t *testing.T) {
	for _, tt := range []struct {
		name    string
		lines   []string
		replies []string
		want    []string
	}{
		{
			"a refused AUTH is not followed by the account",
			[]string{"AUTH LOGIN", "<account a@b>", "<password, 3 bytes>", "QUIT"},
			[]string{"220 hi", "504 no", "221 bye"},
			[]string{"AUTH LOGIN", "QUIT"},
		},
		{
			"a challenge that was none then",
			[]string{"AUTH LOGIN", "QUIT"},
			[]string{"220 hi", "334 VXNlcm5hbWU6", "501 cancelled", "221 bye"},
			[]string{"AUTH LOGIN", "*", "QUIT"},
		},
		{
			"a refused DATA has no message",
			[]string{"DATA", "<message, 9 bytes>", "QUIT"},
			[]string{"220 hi", "503 no", "221 bye"},
			[]string{"DATA", "QUIT"},
		},
		{
			"an account on its line",
			[]string{"AUTH LOGIN <account a@b>", "<password, 3 bytes>"},
			[]string{"220 hi", "334 UGFzc3dvcmQ6", "235 ok"},
			[]string{"AUTH LOGIN " + b64("a@b"), b64("xxx")},
		},
		{
			"PLAIN, XOAUTH2 and a digest",
			[]string{"AUTH PLAIN <account a@b, password, 3 bytes>", "AUTH XOAUTH2", "<account a@b, token, 4 bytes>", "AUTH CRAM-MD5", "<account a@b, digest>"},
			[]string{"220 hi", "535 no", "334 ", "535 no", "334 PGE+", "535 no"},
			[]string{
				"AUTH PLAIN " + b64("\x00a@b\x00xxx"), "AUTH XOAUTH2", b64("user=a@b\x01auth=Bearer xxxx\x01\x01"),
				"AUTH CRAM-MD5", b64("a@b " + strings.Repeat("0", 32)),
			},
		},
		{
			"what nobody could read",
			[]string{"<unknown command, 5 bytes>", "<empty line>"},
			[]string{"220 hi", "500 what", "500 what"},
			[]string{"xxxxx", ""},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr, told := server(t, append(tt.replies, "250 more")...)
			if _, err := play(t, said(tt.lines...), addr); err != nil {
				t.Fatal(err)
			}
			if got := told(); !slices.Equal(got, tt.want) {
				t.Errorf("said %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAReplayThatCannotBeMadeSaysWhy(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := ln.Addr().String()
	ln.Close()
	long, _ := server(t, "220 "+strings.Repeat("x", 5000))
	for _, tt := range []struct {
		name, addr string
		s          probes.Session
		want       probes.Code
	}{
		{"no address", "mail.contoso.example", said("QUIT"), AddrInvalid},
		{"no host", ":25", said("QUIT"), AddrInvalid},
		{"nothing was said", closed, said(), NothingSaid},
		{"nobody there", closed, said("QUIT"), ConnectFailed},
		{"a reply without end", long, said("QUIT"), Lost},
	} {
		_, err := play(t, tt.s, tt.addr)
		if f, ok := errors.AsType[*probes.Fault](err); !ok || f.Code != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestAServerThatHangsUpEndsTheReplay(t *testing.T) {
	addr, _ := server(t, "220 hi", "421 go away")
	out, err := play(t, said("EHLO x", "MAIL FROM:<a@b>", "QUIT"), addr)
	if err != nil || out[len(out)-1] != "note server_ended" {
		t.Errorf("%v: %v", err, out)
	}
}

func TestAReplyIsCleanedBeforeItIsShown(t *testing.T) {
	addr, _ := server(t, "220 \x1b[2Jhello\x07", "221 bye")
	out, err := play(t, said("QUIT"), addr)
	if err != nil || out[0] != `server 220 \x1b[2Jhello\x07` {
		t.Errorf("%v %q", err, out)
	}
}

// A server that keeps silent does not outlive the replay.
func TestAReplayEndsWithItsContext(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		if c, err := ln.Accept(); err == nil {
			defer c.Close()
			stop()
			_, _ = io.Copy(io.Discard, c)
		}
	}()
	if err := (Replay{Session: said("QUIT"), Addr: ln.Addr().String()}).Run(ctx, func(probes.Line) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

// An AUTHENTICATE message names the account and holds no response ([MS-NLMP],
// section 2.2.1.3).
func TestANTLMDummyHoldsTheAccountOnly(t *testing.T) {
	b := ntlm(3, "scan", 0)
	if got := fmt.Sprintf("%s %d %s", b[:7], b[8], b[64:]); got != "NTLMSSP 3 scan" {
		t.Error(got)
	}
	if n := len(ntlm(1, "", 100)); n != 100 {
		t.Errorf("a negotiate of %d bytes", n)
	}
}
