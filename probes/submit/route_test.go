package submit_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"offbasic/probes"
	"offbasic/probes/submit"
)

// relay is a server in clear that answers from a table: the reply to a command
// is that of the longest key that it begins with. "." is the end of a message.
func relay(conn net.Conn, replies map[string]string) (said []string) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	say := func(s string) bool { _, err := conn.Write([]byte(s + "\r\n")); return err == nil }
	if !say(replies["banner"]) {
		return nil
	}
	for inData := false; ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return said
		}
		line = strings.TrimRight(line, "\r\n")
		said = append(said, line)
		if inData && line != "." {
			continue
		}
		key := ""
		for k := range replies {
			if strings.HasPrefix(line, k) && len(k) > len(key) {
				key = k
			}
		}
		answer := replies[key]
		if inData = strings.HasPrefix(answer, "354"); !say(answer) || strings.HasPrefix(answer, "221") {
			return said
		}
	}
}

func answers(edit map[string]string) map[string]string {
	all := map[string]string{
		"banner": "220 relay.contoso.example ESMTP", "EHLO": "250-relay\r\n250-PIPELINING\r\n250 8BITMIME",
		"MAIL": "250 2.1.0 OK", "RCPT": "250 2.1.5 OK", "DATA": "354 Go ahead", ".": "250 2.0.0 Queued", "QUIT": "221 2.0.0 Bye",
	}
	maps.Copy(all, edit)
	return all
}

// inClear is a request for a relay without TLS and sign-in, over pipes: dial
// says what becomes of each connection.
func inClear(dial func(ctx context.Context, addr string) (net.Conn, error), addrs ...string) submit.Request {
	return submit.Request{
		Route: probes.Relay, Host: "relay.contoso.example", Port: 25, TLS: probes.NoTLS,
		From: "scan@contoso.example", To: []string{"it@contoso.example"}, Message: []byte("Subject: test\r\n\r\nbody\r\n"),
		Lookup: func(context.Context, string) ([]string, error) { return addrs, nil },
		Dial:   func(ctx context.Context, _, addr string) (net.Conn, error) { return dial(ctx, addr) },
	}
}

func piped(replies map[string]string) net.Conn {
	ours, theirs := net.Pipe()
	go relay(theirs, replies)
	return ours
}

// RFC 8305: a dead IPv6 must not keep a trial from IPv4, and is said.
func TestSlowIPv6IsPassedAndSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inClear(func(ctx context.Context, addr string) (net.Conn, error) {
			if strings.HasPrefix(addr, "[") {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return piped(answers(map[string]string{})), nil
		}, "192.0.2.1", "2001:db8::1")
		began := time.Now()
		tr := submit.Send(t.Context(), r, nil)
		if tr.Outcome != probes.TrialSent {
			show(t, tr)
			t.Fatal("not sent")
		}
		if took := time.Since(began); took != 250*time.Millisecond {
			t.Errorf("took %s, want the delay of RFC 8305 section 5 alone", took)
		}
		want := []probes.Dial{
			{Addr: "[2001:db8::1]:25", MS: 250, Outcome: probes.DialUnfinished},
			{Addr: "192.0.2.1:25", Outcome: probes.DialConnected, Used: true},
		}
		if !slices.Equal(tr.Dials, want) {
			t.Errorf("dials %+v, want %+v", tr.Dials, want)
		}
	})
}

func TestTheOtherFamilyIsTimedToo(t *testing.T) {
	for _, tt := range []struct {
		name  string
		other func(context.Context) (net.Conn, error)
		want  probes.DialOutcome
		quirk []string
	}{
		{"refused", func(context.Context) (net.Conn, error) { return nil, syscall.ECONNREFUSED }, probes.DialRefused, []string{"ipv4_dead"}},
		{"no route", func(context.Context) (net.Conn, error) { return nil, syscall.ENETUNREACH }, probes.DialNoRoute, nil},
		{"slow", func(context.Context) (net.Conn, error) {
			time.Sleep(3 * time.Second)
			a, _ := net.Pipe()
			return a, nil
		}, probes.DialConnected, []string{"ipv4_slow"}},
		{"quick", func(context.Context) (net.Conn, error) { a, _ := net.Pipe(); return a, nil }, probes.DialConnected, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := inClear(func(ctx context.Context, addr string) (net.Conn, error) {
					if !strings.HasPrefix(addr, "[") {
						return tt.other(ctx)
					}
					return piped(answers(nil)), nil
				}, "192.0.2.1", "2001:db8::1")
				tr := submit.Send(t.Context(), r, nil)
				if tr.Outcome != probes.TrialSent || len(tr.Dials) != 2 || !tr.Dials[0].Used || tr.Dials[1].Outcome != tt.want {
					show(t, tr)
					t.Fatalf("dials %+v, want the second to be %s", tr.Dials, tt.want)
				}
				if !slices.Equal(tr.Quirks, tt.quirk) {
					t.Errorf("quirks %q, want %q", tr.Quirks, tt.quirk)
				}
			})
		})
	}
}

// Of two addresses that both fail the trial says the last one's fault.
func TestNoAddressAnswers(t *testing.T) {
	r := inClear(func(context.Context, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }, "192.0.2.1", "2001:db8::1", "192.0.2.2")
	tr := submit.Send(t.Context(), r, nil)
	if at := tr.Reached(); at.Step != probes.StepConnect || at.Fault != submit.ConnectRefused || len(tr.Dials) != 3 {
		t.Errorf("reached %+v with %d dials, want connect refused after three", at, len(tr.Dials))
	}
}

// The token and the way to the server begin together.
func TestTokenAndConnectionBeginTogether(t *testing.T) {
	r, _, ended := talk(t, func(p *peer) { p.script("") })
	dialled := make(chan struct{})
	r.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		close(dialled)
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	r.Credential = func(ctx context.Context) (string, *probes.Claims, error) {
		select {
		case <-dialled:
			return fakeToken, nil, nil
		case <-ctx.Done():
			return "", nil, ctx.Err()
		}
	}
	tr := submit.Send(t.Context(), r, nil)
	<-ended
	if tr.Outcome != probes.TrialSent {
		show(t, tr)
		t.Fatal("not sent")
	}
}

// A server would close while a person signs in.
func TestConnectionWaitsForAPerson(t *testing.T) {
	r, _, ended := talk(t, func(p *peer) { p.script("") })
	asked := false
	r.AskFirst = true
	r.Credential = func(context.Context) (string, *probes.Claims, error) { asked = true; return fakeToken, nil, nil }
	r.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if !asked {
			t.Error("connected before the person signed in")
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	if tr := submit.Send(t.Context(), r, nil); tr.Outcome != probes.TrialSent {
		show(t, tr)
	}
	<-ended
}

func TestABadTokenSaysNothingToTheServer(t *testing.T) {
	for _, token := range []string{"", "a.b.c\r\nQUIT", "a\x01b"} {
		ours, theirs := net.Pipe()
		r := inClear(func(context.Context, string) (net.Conn, error) { return ours, nil }, "192.0.2.1")
		r.TLS, r.Mechanism, r.Account, r.Credential = probes.StartTLS, submit.XOAUTH2, "a@contoso.example", secret(token)
		at := submit.Send(t.Context(), r, nil).Reached()
		ours.Close()
		if said, _ := io.ReadAll(theirs); at.Step != probes.StepToken || at.Fault != submit.CredentialInvalid || len(said) > 0 {
			t.Errorf("%q: reached %+v, the server heard %q", token, at, said)
		}
	}
}

// 432 4.3.2 asks for another attempt (Microsoft Learn, SMTP submission
// improvements); the message was not taken.
func TestARetryIsMadeWhereTheReplySaysSo(t *testing.T) {
	n := 0
	const busy = "432 4.3.2 Concurrent connections limit exceeded."
	r := inClear(func(context.Context, string) (net.Conn, error) {
		n++
		if n < 3 {
			return piped(answers(map[string]string{".": busy})), nil
		}
		return piped(answers(nil)), nil
	}, "192.0.2.1")
	var asked []int
	r.Retry = func(last probes.Reply, attempts int) (time.Duration, bool) {
		asked = append(asked, attempts)
		return 5 * time.Second, last.Code == 432
	}
	r.After = func(time.Duration) <-chan time.Time { c := make(chan time.Time, 1); c <- time.Time{}; return c }
	var seen []string
	tr := submit.Send(t.Context(), r, func(s probes.Step) { seen = append(seen, s.Step+" "+string(s.Outcome)) })
	if tr.Outcome != probes.TrialSent || tr.Reached().Step != probes.StepQUIT || !slices.Equal(asked, []int{1, 2}) {
		show(t, tr)
		t.Fatalf("%s at %s after %v", tr.Outcome, tr.Reached().Step, asked)
	}
	if i := slices.Index(seen, "data failed"); i < 0 || seen[i+1] != "wait ok" || seen[i+2] != "dns ok" {
		t.Errorf("shown as they happened: %q", seen)
	}
}

func TestAMessageThatWasTakenIsNotSentAgain(t *testing.T) {
	n := 0
	r := inClear(func(context.Context, string) (net.Conn, error) {
		n++
		return piped(answers(map[string]string{"QUIT": "421 4.4.2 Bye"})), nil
	}, "192.0.2.1")
	r.Retry = func(probes.Reply, int) (time.Duration, bool) { return 0, true }
	if tr := submit.Send(t.Context(), r, nil); tr.Outcome != probes.TrialSent || n != 1 {
		t.Errorf("%s after %d connections, want one", tr.Outcome, n)
	}
}

func TestTheWaitEndsWithTheContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r := inClear(func(context.Context, string) (net.Conn, error) {
		return piped(map[string]string{"banner": "421 4.3.2 Service not active"}), nil
	}, "192.0.2.1")
	r.Retry = func(probes.Reply, int) (time.Duration, bool) { return time.Hour, true }
	r.After = func(time.Duration) <-chan time.Time { stop(); return nil }
	tr := submit.Send(ctx, r, nil)
	if at := tr.Reached(); tr.Outcome != probes.TrialFailed || at.Step != probes.StepWait || at.Fault != submit.Cancelled {
		t.Errorf("%s at %+v, want a cancelled wait", tr.Outcome, at)
	}
}

// RFC 4954 section 4 leaves it to the server to ask for an initial response;
// bad syntax is 501.
func TestTokenGoesOnTheAuthLineOnlyForAServerThatRefusesTheOtherForm(t *testing.T) {
	r, p, ended := talk(t, func(p *peer) {
		p.script("AUTH")
		p.say("501 5.5.4 Missing initial response")
		if strings.HasPrefix(p.hear(), "AUTH XOAUTH2 ") {
			p.say("235 2.7.0 OK")
		}
		p.hear() // MAIL
		p.say("550 5.1.0 enough")
		p.hear()
	})
	tr := submit.Send(t.Context(), r, nil)
	<-ended
	if !slices.Contains(tr.Quirks, "initial_response") || tr.Reached().Step != probes.StepMAIL {
		show(t, tr)
		t.Fatalf("quirks %q", tr.Quirks)
	}
	_, sent, _ := strings.Cut(p.said[slices.Index(p.said, "AUTH XOAUTH2")+1], "XOAUTH2 ")
	if b, err := base64.StdEncoding.DecodeString(sent); err != nil || !strings.Contains(string(b), "auth=Bearer "+fakeToken) {
		t.Errorf("the AUTH line held %q", sent)
	}
	for _, l := range tr.Transcript {
		if strings.Contains(l.Text, sent[:40]) {
			t.Errorf("the transcript holds the token: %s", l.Text)
		}
	}
}

func TestARefusedTokenIsNotSentTwice(t *testing.T) {
	for _, no := range []string{"535 5.7.3 Authentication unsuccessful", "501 5.5.2 Cannot decode"} {
		r, p, ended := talk(t, func(p *peer) {
			p.script("token")
			p.say(no)
			p.hear()
			p.say("221 Bye")
		})
		tr := submit.Send(t.Context(), r, nil)
		<-ended
		auths := 0
		for _, l := range p.said {
			if strings.HasPrefix(l, "AUTH") {
				auths++
			}
		}
		if auths != 1 || tr.Outcome != probes.TrialRefused {
			t.Errorf("%s: %d AUTH commands, %s", no, auths, tr.Outcome)
		}
	}
}

// Of several mechanisms the first that is offered is taken.
func TestTheMechanismIsTheFirstThatIsOffered(t *testing.T) {
	r, p, ended := talk(t, func(p *peer) {
		p.script("EHLO again")
		p.say("250-mail", "250 AUTH PLAIN CRAM-MD5")
		p.hear()
		p.say("535 5.7.8 No")
		p.hear()
	})
	r.Mechanism, r.Mechanisms, r.Credential = "", []submit.Mechanism{submit.LOGIN, submit.PLAIN}, secret("hunter2 hunter2")
	tr := submit.Send(t.Context(), r, nil)
	<-ended
	if tr.Mechanism != "PLAIN" || !slices.ContainsFunc(p.said, func(s string) bool { return strings.HasPrefix(s, "AUTH PLAIN ") }) {
		t.Errorf("took %q, said %q", tr.Mechanism, p.said)
	}
	if transcribed(tr, probes.Client, base64.StdEncoding.EncodeToString([]byte("hunter2 hunter2"))[:12]) {
		t.Error("the transcript holds the password")
	}
}

// Cisco's inspection of SMTP masks the banner with stars.
func TestAMaskedBannerIsNamed(t *testing.T) {
	r := inClear(func(context.Context, string) (net.Conn, error) {
		return piped(answers(map[string]string{"banner": "220 ********************0*2******"})), nil
	}, "192.0.2.1")
	if tr := submit.Send(t.Context(), r, nil); tr.Outcome != probes.TrialSent || !slices.Equal(tr.Quirks, []string{"banner_masked"}) {
		t.Errorf("%s, quirks %q", tr.Outcome, tr.Quirks)
	}
}

// A foreign certificate in the place of a public service's is somebody in
// between; it is taken only where the request says so, and then said.
func TestABadCertificateIsTakenOnlyWhenAllowed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		public bool
		allow  bool
		want   probes.Code
	}{
		{"of a server", false, false, submit.Untrusted},
		{"of a service", true, false, submit.Intercepted},
		{"allowed", false, true, submit.Untrusted},
		{"of a service, allowed", true, true, submit.Intercepted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			other, _ := today(t)
			r, p, ended := talk(t, func(p *peer) { p.script("") })
			p.conf.Certificates = []tls.Certificate{other}
			r.Public, r.AllowBadCertificate = tt.public, tt.allow
			tr := submit.Send(t.Context(), r, nil)
			<-ended
			if (tr.Outcome == probes.TrialSent) != tt.allow {
				show(t, tr)
				t.Fatal(tr.Outcome)
			}
			if tr.TLS == nil || tr.TLS.Verified || tr.TLS.Problem != tt.want || len(tr.TLS.Chain) != 1 || len(tr.TLS.Chain[0].SHA256) != 64 {
				t.Errorf("TLS is %+v, want %s", tr.TLS, tt.want)
			}
			if said := slices.Contains(tr.Quirks, "certificate_allowed"); said != tt.allow {
				t.Errorf("quirks %q", tr.Quirks)
			}
			if !tt.allow && tr.Reached().Fault != tt.want {
				t.Errorf("failed with %s", tr.Reached().Fault)
			}
		})
	}
}

func TestAVerifiedChainIsShown(t *testing.T) {
	r, _, ended := talk(t, func(p *peer) { p.script("") })
	tr := submit.Send(t.Context(), r, nil)
	<-ended
	if tr.TLS == nil || !tr.TLS.Verified || tr.TLS.Version != "TLS 1.3" || tr.TLS.Suite == "" || tr.TLS.Problem != "" {
		t.Errorf("TLS is %+v", tr.TLS)
	}
}

func TestTheClientsCertificateIsShownToAServerThatAsks(t *testing.T) {
	mine, _ := today(t)
	var got [][]byte
	r, p, ended := talk(t, func(p *peer) { p.script("") })
	p.conf.ClientAuth = tls.RequestClientCert
	p.conf.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error { got = raw; return nil }
	r.ClientCertificate = &mine
	tr := submit.Send(t.Context(), r, nil)
	<-ended
	if len(got) != 1 || string(got[0]) != string(mine.Certificate[0]) || !tr.TLS.ClientAsked || len(tr.TLS.Client) != 64 {
		t.Errorf("the server saw %d certificates; TLS is %+v", len(got), tr.TLS)
	}
}

// STARTTLS that is not offered ends a trial, unless it may go in clear; a token
// never does.
func TestInClearOnlyWhenAllowed(t *testing.T) {
	r := inClear(func(context.Context, string) (net.Conn, error) { return piped(answers(nil)), nil }, "192.0.2.1")
	r.TLS, r.AllowPlain = probes.StartTLS, true
	tr := submit.Send(t.Context(), r, nil)
	if tr.Outcome != probes.TrialSent || !slices.Contains(tr.Quirks, "in_clear") || !strings.Contains(steps(tr), "starttls skipped") {
		t.Errorf("%s: %s, %q", tr.Outcome, steps(tr), tr.Quirks)
	}
	r = inClear(func(context.Context, string) (net.Conn, error) {
		return piped(answers(map[string]string{"EHLO": "250-relay\r\n250 AUTH XOAUTH2"})), nil
	}, "192.0.2.1")
	r.TLS, r.AllowPlain, r.Mechanism, r.Account, r.Credential = probes.StartTLS, true, submit.XOAUTH2, "a@contoso.example", secret(fakeToken)
	if at := submit.Send(t.Context(), r, nil).Reached(); at.Fault != submit.TokenInClear {
		t.Errorf("a token in clear ended with %+v", at)
	}
}

// The MX host of the lowest preference is the server (RFC 5321 section 5.1).
func TestTheServerIsTheMXHost(t *testing.T) {
	r := inClear(func(context.Context, string) (net.Conn, error) { return piped(answers(nil)), nil }, "192.0.2.1")
	r.Host, r.MX = "", "contoso.example"
	r.LookupMX = func(_ context.Context, domain string) ([]*net.MX, error) {
		if domain != "contoso.example" {
			t.Errorf("asked for %q", domain)
		}
		return []*net.MX{{Host: "backup.example.org.", Pref: 20}, {Host: "contoso-example.mail.protection.outlook.com.", Pref: 0}}, nil
	}
	tr := submit.Send(t.Context(), r, nil)
	if tr.Outcome != probes.TrialSent || tr.Server != "contoso-example.mail.protection.outlook.com:25" || !strings.Contains(tr.Steps[0].Detail, "MX contoso-example") {
		t.Errorf("%s at %s, %+v", tr.Outcome, tr.Server, tr.Steps[0])
	}
}

func TestNoMX(t *testing.T) {
	for name, tt := range map[string]struct {
		found []*net.MX
		err   error
		want  probes.Code
	}{
		"none":                  {nil, &net.DNSError{Err: "no such host", IsNotFound: true}, submit.NoMX},
		"null MX (RFC 7505)":    {[]*net.MX{{Host: "."}}, nil, submit.NoMX},
		"a name that is a lie":  {[]*net.MX{{Host: "a\r\nb."}}, errors.New("x"), submit.DNSFailed},
		"no answer in the time": {nil, &net.DNSError{Err: "i/o timeout", IsTimeout: true}, submit.DNSFailed},
	} {
		r := inClear(func(context.Context, string) (net.Conn, error) { return nil, errors.New("no") }, "192.0.2.1")
		r.Host, r.MX = "", "contoso.example"
		r.LookupMX = func(context.Context, string) ([]*net.MX, error) { return tt.found, tt.err }
		if at := submit.Send(t.Context(), r, nil).Reached(); at.Step != probes.StepDNS || at.Fault != tt.want {
			t.Errorf("%s: reached %+v, want %s", name, at, tt.want)
		}
	}
}
