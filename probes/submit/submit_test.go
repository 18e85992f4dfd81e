package submit_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/submit"
)

func steps(tr probes.Trial) string {
	var list []string
	for _, s := range tr.Steps {
		list = append(list, s.Step+" "+string(s.Outcome))
	}
	return strings.Join(list, ", ")
}

// The token waits for the empty 334 (OAUTHDOC; Dovecot and Postfix refuse it
// on the AUTH line).
func TestTokenWaitsForTheServersChallenge(t *testing.T) {
	for _, m := range []submit.Mechanism{submit.XOAUTH2, submit.OAUTHBEARER} {
		r, p, ended := talk(t, func(p *peer) { p.script("") })
		r.Mechanism = m
		tr := submit.Send(t.Context(), r, nil)
		<-ended
		if tr.Outcome != probes.TrialSent {
			show(t, tr)
			t.Fatalf("%s: outcome %s, want sent", m, tr.Outcome)
		}
		i := slices.Index(p.said, "AUTH "+string(m))
		if i < 0 {
			t.Fatalf("%s: the client said %q, want AUTH alone on its line", m, p.said)
		}
		line, err := base64.StdEncoding.DecodeString(p.said[i+1])
		if err != nil || !strings.HasSuffix(string(line), "\x01auth=Bearer "+fakeToken+"\x01\x01") {
			t.Errorf("%s: the line after the challenge is %q", m, line)
		}
	}
}

func TestXOAUTH2LineIsMicrosofts(t *testing.T) {
	r, p, ended := talk(t, func(p *peer) { p.script("") })
	submit.Send(t.Context(), r, nil)
	<-ended
	line, _ := base64.StdEncoding.DecodeString(p.said[slices.Index(p.said, "AUTH XOAUTH2")+1])
	want := "user=scan@contoso.example\x01auth=Bearer " + fakeToken + "\x01\x01"
	if string(line) != want {
		t.Errorf("said %q, want %q", line, want)
	}
}

func TestPasswordMechanisms(t *testing.T) {
	const password = "hunter2 hunter2"
	b64 := base64.StdEncoding.EncodeToString
	for _, tt := range []struct {
		mechanism submit.Mechanism
		answers   []string
		want      []string
	}{
		{
			submit.LOGIN,
			[]string{"334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 2.7.0 OK"},
			[]string{"AUTH LOGIN", b64([]byte("scan@contoso.example")), b64([]byte(password))},
		},
		{
			submit.PLAIN,
			[]string{"235 2.7.0 OK"},
			[]string{"AUTH PLAIN " + b64([]byte("\x00scan@contoso.example\x00"+password))},
		},
	} {
		var heard []string
		r, _, ended := talk(t, func(p *peer) {
			p.script("AUTH")
			heard = append(heard, p.said[len(p.said)-1])
			for i, a := range tt.answers {
				p.say(a)
				if i < len(tt.answers)-1 {
					heard = append(heard, p.hear())
				}
			}
		})
		r.Mechanism, r.Credential = tt.mechanism, secret(password)
		tr := submit.Send(t.Context(), r, nil)
		<-ended
		if !slices.Equal(heard, tt.want) {
			t.Errorf("%s said %q, want %q", tt.mechanism, heard, tt.want)
		}
		b, _ := json.Marshal(tr)
		if strings.Contains(string(b), "hunter2") || strings.Contains(string(b), b64([]byte(password))[:16]) {
			t.Errorf("%s: the trial holds the password: %s", tt.mechanism, b)
		}
		if !strings.Contains(string(b), `\u003cpassword, 15 bytes\u003e`) {
			t.Errorf("%s: the transcript does not say where the password was: %s", tt.mechanism, b)
		}
	}
}

// Too short to be looked for everywhere, and still not written down.
func TestShortPasswordIsNotInTheTranscript(t *testing.T) {
	r, _, ended := talk(t, func(p *peer) {
		p.script("AUTH")
		p.say("334 VXNlcm5hbWU6")
		p.hear()
		p.say("334 UGFzc3dvcmQ6")
		p.hear()
		p.say("535 5.7.8 No")
		p.hear()
	})
	r.Mechanism, r.Credential = submit.LOGIN, secret("zq")
	tr := submit.Send(t.Context(), r, nil)
	<-ended
	if transcribed(tr, probes.Client, base64.StdEncoding.EncodeToString([]byte("zq"))) || !transcribed(tr, probes.Client, "<password, 2 bytes>") {
		show(t, tr)
		t.Error("the transcript holds the password")
	}
}

// Google's and Dovecot's way: 334 with JSON, an empty line back, then the no.
func TestErrorInTheChallengeIsAnsweredAndKept(t *testing.T) {
	const said = `{"status":"401","schemes":"bearer","scope":"mail"}`
	answer := "not read"
	r, _, ended := talk(t, func(p *peer) {
		p.script("token")
		p.say("334 " + base64.StdEncoding.EncodeToString([]byte(said)))
		answer = p.hear()
		p.say("535 5.7.8 Error: authentication failed")
		p.hear()
		p.say("221 Bye")
	})
	tr := submit.Send(t.Context(), r, nil)
	<-ended
	assertRefused(t, withServer(tr), probes.StepAUTH, "535 5.7.8 Error: authentication failed")
	if answer != "" {
		t.Errorf("the challenge was answered with %q, want an empty line", answer)
	}
	if !transcribed(tr, probes.Note, said) {
		show(t, tr)
		t.Error("the transcript does not hold what the challenge said")
	}
	if transcribed(tr, probes.Client, "*") {
		t.Error("an exchange that was over was cancelled")
	}
}

// withServer stands in for the bracket that only Microsoft writes.
func withServer(tr probes.Trial) probes.Trial {
	if tr.Reply != nil {
		tr.Reply.Server = "-"
	}
	return tr
}

func transcribed(tr probes.Trial, from probes.Speaker, part string) bool {
	return slices.ContainsFunc(tr.Transcript, func(l probes.Line) bool {
		return l.From == from && strings.Contains(l.Text, part)
	})
}

// A server that repeats what it was sent must not get it written down.
func TestEchoedSecretIsCutOut(t *testing.T) {
	r, _, ended := talk(t, func(p *peer) {
		p.script("token")
		line := p.said[len(p.said)-1]
		p.say("535-5.7.3 you sent "+line[:60], "535-5.7.3 "+line[60:], "535 5.7.3 token "+fakeToken+" is bad")
		p.hear()
	})
	var emitted []probes.Step
	tr := submit.Send(t.Context(), r, func(s probes.Step) { emitted = append(emitted, s) })
	<-ended
	b, _ := json.Marshal(struct {
		T probes.Trial
		S []probes.Step
	}{tr, emitted})
	line := base64.StdEncoding.EncodeToString([]byte("user=scan@contoso.example\x01auth=Bearer " + fakeToken + "\x01\x01"))
	for _, secret := range []string{fakeToken, line} {
		for i := 0; i+16 <= len(secret); i++ {
			if strings.Contains(string(b), secret[i:i+16]) {
				t.Fatalf("the trial holds %q of what was sent:\n%s", secret[i:i+16], b)
			}
		}
	}
	if tr.Reply == nil || tr.Reply.Code != 535 || tr.Reply.Enhanced != "5.7.3" {
		t.Errorf("reply %+v, want 535 5.7.3", tr.Reply)
	}
}

// The end of the context ends a trial at once, wherever it is, and closes the
// connection.
func TestCancelEndsEveryStepAtOnce(t *testing.T) {
	for _, stop := range []string{
		"banner", "EHLO", "STARTTLS", "EHLO again", "AUTH", "token", "MAIL", "RCPT", "DATA", "message", "QUIT",
	} {
		t.Run(stop, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r, _, ended := talk(t, func(p *peer) {
				if !p.script(stop) {
					t.Errorf("the client did not come to %s", stop)
				}
				cancel()
				for !p.gone() { // until the client closes
					p.hear()
				}
			})
			before := runtime.NumGoroutine()
			tr := submit.Send(ctx, r, nil)
			<-ended
			last := tr.Steps[len(tr.Steps)-1]
			if stop == "QUIT" {
				if tr.Outcome != probes.TrialSent || last.Outcome != probes.StepSkipped {
					t.Errorf("outcome %s, last step %+v; want sent, and quit skipped", tr.Outcome, last)
				}
				return
			}
			if tr.Outcome != probes.TrialFailed || last.Outcome != probes.StepFailed || last.Fault != submit.Cancelled {
				show(t, tr)
				t.Errorf("outcome %s, last step %+v; want failed, cancelled", tr.Outcome, last)
			}
			if now := runtime.NumGoroutine(); now > before {
				t.Errorf("%d goroutines after the trial, %d before", now, before)
			}
		})
	}
}

func TestCancelEndsTokenLookupAndConnect(t *testing.T) {
	for _, step := range []string{probes.StepToken, probes.StepDNS, probes.StepConnect} {
		ctx, cancel := context.WithCancel(t.Context())
		hang := func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() }
		r := submit.Request{
			Host: "smtp.contoso.example", Port: 587, TLS: probes.StartTLS, Mechanism: submit.XOAUTH2,
			Account: "a@contoso.example", From: "a@contoso.example", To: []string{"b@contoso.example"}, Message: []byte("\r\n"),
			Credential: secret(fakeToken),
			Lookup:     func(context.Context, string) ([]string, error) { return []string{"192.0.2.1", "192.0.2.2"}, nil },
			Dial:       func(ctx context.Context, _, _ string) (net.Conn, error) { return nil, hang(ctx) },
		}
		switch step {
		case probes.StepToken:
			r.Credential = func(ctx context.Context) (string, *probes.Claims, error) { return "", nil, hang(ctx) }
		case probes.StepDNS:
			r.Lookup = func(ctx context.Context, _ string) ([]string, error) { return nil, hang(ctx) }
		}
		tr := submit.Send(ctx, r, nil)
		if at := tr.Reached(); at.Step != step || at.Fault != submit.Cancelled {
			t.Errorf("reached %+v, want %s cancelled", at, step)
		}
	}
}

// What a server may send and how long it may take is bounded.
func TestGarbageServersAreBounded(t *testing.T) {
	wait := func(p *peer) { p.hear(); p.hear(); p.hear() }
	for _, tt := range []struct {
		name string
		do   func(*peer)
		step string
		want probes.Code
	}{
		{"says nothing", wait, probes.StepBanner, submit.TimedOut},
		{"closes at once", func(*peer) {}, probes.StepBanner, submit.Lost},
		{"half a reply", func(p *peer) { p.conn.Write([]byte("220-mail")); wait(p) }, probes.StepBanner, submit.TimedOut},
		{"half a reply, then gone", func(p *peer) { p.script("EHLO"); p.say("250-mail") }, probes.StepEHLO, submit.Lost},
		{"another protocol", func(p *peer) { p.say("HTTP/1.1 400 Bad Request", ""); wait(p) }, probes.StepBanner, submit.Malformed},
		{"a reply that is none", func(p *peer) { p.script("EHLO"); p.say("hello there"); wait(p) }, probes.StepEHLO, submit.Malformed},
		{"a yes that is none", func(p *peer) { p.script("MAIL"); p.say("354 What"); wait(p) }, probes.StepMAIL, submit.Malformed},
		{"a challenge that is not base64", func(p *peer) { p.script("AUTH"); p.say("334 !!"); wait(p) }, probes.StepAUTH, submit.Malformed},
		{"10 MB of EHLO", func(p *peer) {
			p.script("EHLO")
			p.conn.Write([]byte(strings.Repeat("250-X-NONSENSE 0123456789\r\n", 400_000)))
		}, probes.StepEHLO, submit.TooLong},
		{"10 MB of EHLO after TLS", func(p *peer) {
			p.script("EHLO again")
			p.conn.Write([]byte(strings.Repeat("250-X-NONSENSE 0123456789\r\n", 400_000)))
		}, probes.StepEHLO, submit.TooLong},
		{"10 MB of one line", func(p *peer) {
			p.script("MAIL")
			p.conn.Write([]byte("250 " + strings.Repeat("x", 10_000_000) + "\r\n"))
		}, probes.StepMAIL, submit.TooLong},
		{"silent at the end of the message", func(p *peer) { p.script("message"); wait(p) }, probes.StepDATA, submit.TimedOut},
		{"no STARTTLS", func(p *peer) { p.script("EHLO"); p.say("250-mail", "250 8BITMIME"); wait(p) }, probes.StepSTARTTLS, submit.NoSTARTTLS},
		{"STARTTLS overwritten", func(p *peer) { p.script("EHLO"); p.say("250-mail", "250 XXXXXXXA"); wait(p) }, probes.StepSTARTTLS, submit.Rewritten},
		{"more in clear behind STARTTLS", func(p *peer) {
			p.script("STARTTLS")
			p.conn.Write([]byte("220 Ready\r\n250 injected\r\n"))
			wait(p)
		}, probes.StepSTARTTLS, submit.Injected},
		{"no TLS behind STARTTLS", func(p *peer) {
			p.script("STARTTLS")
			p.say("220 Ready")
			p.hear()
			p.say("500 What")
			wait(p)
		}, probes.StepSTARTTLS, submit.TLSFailed},
		{"no mechanism of ours", func(p *peer) {
			p.script("EHLO again")
			p.say("250-mail", "250 AUTH LOGIN")
			wait(p)
		}, probes.StepAUTH, submit.NoMechanism},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, _, ended := talk(t, tt.do)
			r.Timeouts = submit.Timeouts{Command: 5 * time.Second, Final: 5 * time.Second, Quit: 100 * time.Millisecond}
			if tt.want == submit.TimedOut { // only then is the limit waited for
				r.Timeouts.Command, r.Timeouts.Final = time.Second, time.Second
			}
			tr := submit.Send(t.Context(), r, nil)
			<-ended
			at := tr.Reached()
			if tr.Outcome != probes.TrialFailed || at.Step != tt.step || at.Fault != tt.want {
				show(t, tr)
				t.Errorf("%s at %s: %s; want %s: %s", tr.Outcome, at.Step, at.Fault, tt.step, tt.want)
			}
			size := 0
			for _, l := range tr.Transcript {
				size += len(l.Text)
			}
			if size > 300_000 {
				t.Errorf("the transcript holds %d bytes", size)
			}
		})
	}
}

func TestRefusalsEndWhereTheyCome(t *testing.T) {
	for _, tt := range []struct{ stop, reply, step string }{
		{"banner", "554 5.7.1 No SMTP service here", probes.StepBanner},
		{"EHLO", "550 5.7.506 Access Denied, Bad HELO", probes.StepEHLO},
		{"STARTTLS", "454 4.7.0 TLS not available", probes.StepSTARTTLS},
		{"AUTH", "504 5.7.4 Unrecognized authentication type", probes.StepAUTH},
		{"token", "535 5.7.3 Authentication unsuccessful", probes.StepAUTH},
		{"MAIL", "530 5.7.57 Client not authenticated to send mail.", probes.StepMAIL},
		{"RCPT", "550 5.4.1 Recipient address rejected: Access denied", probes.StepRCPT},
		{"DATA", "451 4.7.0 Temporary server error. Please try again later. PRX2", probes.StepDATA},
		{"message", "432 4.3.2 Concurrent connections limit exceeded.", probes.StepDATA},
	} {
		t.Run(tt.stop, func(t *testing.T) {
			r, p, ended := talk(t, func(p *peer) {
				p.script(tt.stop)
				p.say(tt.reply + " [PR3P192CA0001.EURP192.PROD.OUTLOOK.COM 2024-06-24T08:58:06.389Z 08DC93087F48F48A]")
				p.hear()
				p.say("221 Bye")
			})
			tr := submit.Send(t.Context(), r, nil)
			<-ended
			assertRefused(t, tr, tt.step, tt.reply)
			if p.said[len(p.said)-1] != "QUIT" {
				t.Errorf("the client said %q last, want QUIT", p.said[len(p.said)-1])
			}
		})
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	now := time.Now()
	day := 24 * time.Hour
	other, otherPool := leaf(t, now.Add(-day), now.Add(day), "smtp.example.org")
	old, oldPool := leaf(t, now.Add(-3*day), now.Add(-2*day))
	for _, tt := range []struct {
		name   string
		client func(*submit.Request)
		server func(*tls.Config)
		want   probes.Code
		arg    string
	}{
		{"an unknown issuer", func(r *submit.Request) { _, r.Roots = today(t) }, func(*tls.Config) {}, submit.Untrusted, "name"},
		{"another name", func(r *submit.Request) { r.Roots = otherPool }, func(c *tls.Config) { c.Certificates = []tls.Certificate{other} }, submit.WrongName, "names"},
		{"a past date", func(r *submit.Request) { r.Roots = oldPool }, func(c *tls.Config) { c.Certificates = []tls.Certificate{old} }, submit.Expired, "until"},
		{"TLS 1.1", func(*submit.Request) {}, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }, submit.TLSFailed, "cause"},
	} {
		for _, mode := range []probes.TLSMode{probes.StartTLS, probes.Implicit} {
			r, p, ended := talk(t, func(p *peer) {
				tt.server(p.conf)
				if mode == probes.Implicit {
					p.startTLS()
				}
				p.script("")
			})
			r.TLS = mode
			tt.client(&r)
			tr := submit.Send(t.Context(), r, nil)
			<-ended
			if at := tr.Reached(); at.Fault != tt.want || at.Args[tt.arg] == "" {
				t.Errorf("%s, %s: %+v, want %s with %s", tt.name, mode, at, tt.want, tt.arg)
			}
			if slices.ContainsFunc(p.said, func(s string) bool { return strings.HasPrefix(s, "AUTH") }) {
				t.Errorf("%s, %s: the client signed in all the same", tt.name, mode)
			}
		}
	}
}

// Nothing that could be a second command or header is sent: no connection is
// even made.
func TestValuesThatCarryCommandsAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*submit.Request)
		step string
	}{
		{"line end in From", func(r *submit.Request) { r.From = "a@b.example>\r\nRCPT TO:<x@example.org" }, probes.StepMAIL},
		{"line feed in From", func(r *submit.Request) { r.From = "a\n@contoso.example" }, probes.StepMAIL},
		{"bracket in From", func(r *submit.Request) { r.From = "a@b.example> SIZE=1" }, probes.StepMAIL},
		{"no at sign", func(r *submit.Request) { r.From = "scanner" }, probes.StepMAIL},
		{"line end in To", func(r *submit.Request) { r.To = []string{"a@contoso.example", "b@contoso.example\r\nDATA"} }, probes.StepRCPT},
		{"comma in To", func(r *submit.Request) { r.To = []string{"a@b.example,c@d.example"} }, probes.StepRCPT},
		{"nobody", func(r *submit.Request) { r.To = nil }, probes.StepRCPT},
		{"^A in the account", func(r *submit.Request) { r.Account = "a@b.example\x01auth=Bearer x" }, probes.StepAUTH},
		{"line end in the host", func(r *submit.Request) { r.Host = "mail.example.org\r\n" }, probes.StepConnect},
		{"no port", func(r *submit.Request) { r.Port = 0 }, probes.StepConnect},
		{"line end in the greeting", func(r *submit.Request) { r.Hello = "a\r\nQUIT" }, probes.StepEHLO},
		{"no message", func(r *submit.Request) { r.Message = nil }, probes.StepDATA},
		{"token in clear", func(r *submit.Request) { r.TLS = probes.NoTLS }, probes.StepToken},
		{"line end in the domain of the MX", func(r *submit.Request) { r.MX = "contoso.example\r\n" }, probes.StepDNS},
	} {
		r := submit.Request{
			Host: "192.0.2.1", Port: 587, TLS: probes.StartTLS, Mechanism: submit.XOAUTH2, Account: "a@contoso.example",
			Credential: secret(fakeToken), From: "a@contoso.example", To: []string{"b@contoso.example"}, Message: []byte("\r\n"),
			Dial: func(context.Context, string, string) (net.Conn, error) {
				t.Errorf("%s: a connection was made", tt.name)
				return nil, errors.New("no")
			},
		}
		tt.edit(&r)
		tr := submit.Send(t.Context(), r, nil)
		if at := tr.Reached(); at.Step != tt.step || at.Outcome != probes.StepFailed || at.Fault == "" {
			t.Errorf("%s: %s, want %s to fail with a fault; %+v", tt.name, steps(tr), tt.step, at)
		}
	}
}

// A lone CR or LF before a dot must not end the message (SMTP smuggling).
func TestMessageCannotEndEarly(t *testing.T) {
	var lines []string
	r, p, ended := talk(t, func(p *peer) { p.script("") })
	r.Message = []byte("Subject: x\r\n\r\none\r.\r\ntwo\n.\nMAIL FROM:<evil@example.org>\r\n.\r\nend\r\n")
	tr := submit.Send(t.Context(), r, nil)
	<-ended
	if tr.Outcome != probes.TrialSent {
		t.Fatal(steps(tr))
	}
	lines = p.said[slices.Index(p.said, "DATA")+1:]
	want := []string{"Subject: x", "", "one", "..", "two", "..", "MAIL FROM:<evil@example.org>", "..", "end", ".", "QUIT"}
	if !slices.Equal(lines, want) {
		t.Errorf("the server saw %q, want %q", lines, want)
	}
}
