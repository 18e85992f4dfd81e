package capture

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"offbasic/probes"
)

// startPOP runs s with POP3 on a free port.
func startPOP(t *testing.T, s *Server) *running {
	t.Helper()
	s.Listen = []string{"pop3://127.0.0.1:0"}
	return start(t, s)
}

// popTalk is what a device sends over POP3, turn by turn, and how the reply to
// each begins.
type popTalk struct {
	name   string
	policy string
	turns  []string // "what is sent|how the reply begins"
	auth   string
	quirks []string
	end    probes.End
	proto  string
}

const (
	popDigest = "c4c9334bac560ecc979e58001b3e22fb" // of RFC 1939, section 7
	popSigned = "USER scan@contoso.example accepted"
)

func popTalks() []popTalk {
	userPass := []string{"USER " + sender + "|+OK", "PASS hunter2secret|+OK User successfully logged on."}
	after := func(turns ...string) []string { return append(slices.Clone(userPass), turns...) }
	clear := []string{quirkCleartextPassword}
	initial := plain64("\x00" + sender + "\x00hunter2secret")
	token := plain64("user=" + sender + "\x01auth=Bearer " + strings.Repeat("t", 200) + "\x01\x01")
	talk := func(name string, turns []string, auth string, quirks []string) popTalk {
		return popTalk{name: name, policy: "everything", turns: append(turns, "QUIT|+OK"), auth: auth, quirks: quirks, end: probes.EndQuit, proto: "pop3"}
	}
	under := func(p popTalk, policy string) popTalk { p.policy = policy; return p }
	ended := func(p popTalk, end probes.End, proto string) popTalk {
		p.turns, p.end, p.proto = p.turns[:len(p.turns)-1], end, proto
		return p
	}
	return []popTalk{
		talk("user and pass", after("STAT|+OK 0 0"), popSigned, clear),
		talk("lower case is no oddity", []string{"user " + sender + "|+OK", "pass hunter2secret|+OK"}, popSigned, clear),
		talk("a password with spaces", []string{"USER " + sender + "|+OK", "PASS  hunter2secret and more |+OK"}, popSigned, clear),
		talk("no password", []string{"USER " + sender + "|+OK", "PASS|+OK"}, popSigned, append([]string{quirkEmptyPassword}, clear...)),
		talk("pass without user", []string{"PASS hunter2secret|-ERR"}, "USER  malformed", clear),
		talk("user without pass", []string{"USER " + sender + "|+OK"}, "USER scan@contoso.example cancelled", nil),
		talk("user twice", append([]string{"USER other|+OK"}, userPass...), popSigned, clear),
		talk("apop", []string{"APOP " + sender + " " + popDigest + "|+OK"}, "APOP scan@contoso.example accepted", nil),
		talk("apop without its digest", []string{"APOP hunter2secret|-ERR"}, "APOP  malformed", nil),
		talk("plain with an initial response", []string{"AUTH PLAIN " + initial + "|+OK"}, "PLAIN scan@contoso.example accepted", clear),
		talk("plain without one", []string{"AUTH PLAIN|+ \r\n", initial + "|+OK"}, "PLAIN scan@contoso.example accepted", clear),
		talk("login", []string{"AUTH LOGIN|+ VXNlcm5hbWU6", user64 + "|+ UGFzc3dvcmQ6", pass64 + "|+OK"}, signed, clear),
		talk("a token", []string{"AUTH XOAUTH2|+ \r\n", token + "|+OK"}, "XOAUTH2 scan@contoso.example accepted", nil),
		talk("auth cancelled", []string{"AUTH PLAIN|+ ", "*|-ERR Authentication cancelled"}, "PLAIN  cancelled", nil),
		talk("auth without a mechanism", []string{"AUTH|-ERR"}, "", nil),
		talk("a mechanism that nobody can take", []string{"AUTH DIGEST-MD5|-ERR"}, "DIGEST-MD5  refused", []string{quirkUnofferedMechanism}),
		talk("an empty mailbox", after("LIST|+OK 0 messages\r\n.\r\n", "UIDL|+OK 0 messages\r\n.\r\n", "LIST 1|-ERR", "UIDL 1|-ERR", "RETR 1|-ERR", "TOP 1 0|-ERR", "DELE 1|-ERR", "NOOP|+OK", "RSET|+OK"), popSigned, clear),
		talk("nothing before sign-in", []string{"STAT|-ERR", "LIST|-ERR", "NOOP|-ERR"}, "", nil),
		talk("signed in already", after("USER x|-ERR", "STLS|-ERR"), popSigned+"; USER  refused", clear),
		talk("bare line feeds", []string{"USER " + sender + "\nPASS hunter2secret\n|+OK", "|+OK"}, popSigned, append([]string{quirkBareLF}, clear...)),
		talk("a password that came too late", []string{"hunter2secret|-ERR", pass64 + "|-ERR", "USER a|+OK"}, "USER  cancelled", nil),
		under(talk("after the retirement", []string{"USER " + sender + "|+OK", "PASS hunter2secret|-ERR Logon failure", "AUTH PLAIN " + initial + "|-ERR Logon failure", "APOP a " + popDigest + "|-ERR", "AUTH XOAUTH2 " + token + "|+OK"},
			"USER scan@contoso.example refused; PLAIN scan@contoso.example refused; APOP a refused; XOAUTH2 scan@contoso.example accepted",
			[]string{quirkCleartextPassword, quirkTriesOthers, quirkTokenInline}), "retired"),
		under(talk("only OAuth", []string{"USER " + sender + "|+OK", "PASS hunter2secret|-ERR Logon failure"}, "USER scan@contoso.example refused", clear), "oauth-only"),
		under(talk("only inside TLS", []string{"USER " + sender + "|-ERR Must issue a STLS command first", "AUTH PLAIN|-ERR Must issue a STLS"},
			"USER scan@contoso.example refused; PLAIN  refused", []string{quirkTriesOthers}), "hve"),
		under(talk("TLS that is not offered", []string{"STLS|-ERR"}, "", []string{quirkUnofferedSTARTTLS}), "no-tls"),
		ended(talk("a browser", []string{"GET / HTTP/1.1|-ERR"}, "", nil), probes.EndDropped, "http"),
		ended(talk("a bare connection", nil, "", nil), probes.EndClosed, "bare"),
		ended(talk("gone after user", []string{"USER " + sender + "|+OK"}, "USER scan@contoso.example cancelled", nil), probes.EndClosed, "pop3"),
		ended(talk("gone in the middle of a sign-in", []string{"AUTH LOGIN|+ ", user64 + "|+ "}, "LOGIN scan@contoso.example cancelled", nil), probes.EndClosed, "pop3"),
	}
}

// popSay sends a turn and checks how the answer begins; a list is read to its
// end.
func (c *client) popSay(turn string) {
	c.t.Helper()
	send, want, _ := strings.Cut(turn, "|")
	if send != "" {
		c.send(strings.TrimSuffix(send, "\n") + map[bool]string{true: "\n", false: "\r\n"}[strings.HasSuffix(send, "\n")])
	}
	c.expectPOP(want)
}

func (c *client) expectPOP(want string) string {
	c.t.Helper()
	got, err := c.in.ReadString('\n')
	for err == nil && strings.HasSuffix(want, "\r\n.\r\n") && !strings.HasSuffix(got, "\r\n.\r\n") {
		var l string
		l, err = c.in.ReadString('\n')
		got += l
	}
	if err != nil || !strings.HasPrefix(got, want) {
		c.t.Fatalf("reply %q, %v; want %q", got, err, want)
	}
	return got
}

// poppedOpen is a client that has read the greeting.
func (r *running) poppedOpen() *client {
	r.t.Helper()
	c := r.dial()
	c.expectPOP("+OK The Microsoft Exchange POP3 service is ready. <")
	return c
}

// The commands and their replies are those of RFC 1939, sections 4 to 7, and
// RFC 5034, section 4.
func TestPOP3Dialogues(t *testing.T) {
	for _, d := range popTalks() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			r := startPOP(t, &Server{Policy: policy(t, d.policy), Store: &memory{}})
			c := r.poppedOpen()
			for _, turn := range d.turns {
				c.popSay(turn)
			}
			c.conn.Close()
			s := r.session()
			checkPOP(t, d, s)
			assertNoSecret(t, s, "hunter2secret", pass64, plain64("hunter2secret")[:12], popDigest, strings.Repeat("t", 200))
		})
	}
}

func checkPOP(t *testing.T, d popTalk, s probes.Session) {
	t.Helper()
	var auths []string
	for _, a := range s.Auth {
		auths = append(auths, fmt.Sprintf("%s %s %s", a.Mechanism, a.Account, a.Outcome))
		if !a.Cleartext || a.Outcome != probes.AuthCancelled && a.Reply == "" || strings.HasPrefix(a.Reply, "5") {
			t.Errorf("auth %+v", a)
		}
	}
	if got := strings.Join(auths, "; "); got != d.auth {
		t.Errorf("auth %q, want %q", got, d.auth)
	}
	slices.Sort(s.Quirks)
	if want := slices.Sorted(slices.Values(d.quirks)); !slices.Equal(s.Quirks, want) {
		t.Errorf("quirks %q, want %q", s.Quirks, want)
	}
	if s.Protocol != d.proto || s.End != d.end || s.IsSender() || s.Policy != d.policy {
		t.Errorf("protocol %q, end %s, policy %s; want %q, %s\n%v", s.Protocol, s.End, s.Policy, d.proto, d.end, s.Transcript)
	}
}

// RFC 2595, section 4: STLS is offered until TLS is active, and what was said
// before it counts no more.
func TestPOP3GoesOnInTLS(t *testing.T) {
	r := startPOP(t, &Server{})
	c := r.poppedOpen()
	if caps := c.capa(); !slices.Equal(caps, []string{"TOP", "UIDL", "USER", "SASL LOGIN PLAIN XOAUTH2", "STLS"}) {
		t.Errorf("capabilities %q", caps)
	}
	c.popSay("USER early|+OK")
	c.popSay("STLS|+OK")
	c.startTLS(&tls.Config{InsecureSkipVerify: true, ServerName: "outlook.office365.com"})
	if caps := c.capa(); slices.Contains(caps, "STLS") {
		t.Errorf("capabilities inside TLS %q", caps)
	}
	c.popSay("PASS hunter2secret|-ERR")
	c.popSay("USER " + sender + "|+OK")
	c.popSay("PASS hunter2secret|+OK")
	c.popSay("QUIT|+OK")
	s := r.session()
	if s.TLS.Mode != probes.StartTLS || s.TLS.Version == "" || s.TLS.SNI != "outlook.office365.com" || len(s.Auth) != 2 || s.Auth[1].Cleartext {
		t.Errorf("TLS %+v, auth %+v", s.TLS, s.Auth)
	}
	if s.Protocol != "pop3" || len(s.Quirks) != 0 {
		t.Errorf("protocol %q, quirks %q", s.Protocol, s.Quirks)
	}
	assertNoSecret(t, s, "hunter2secret")
}

// capa is the list that answers CAPA (RFC 2449, section 5).
func (c *client) capa() []string {
	c.t.Helper()
	c.popSay("CAPA|+OK\r\n")
	var caps []string
	for {
		l := strings.TrimSpace(c.expectPOP(""))
		if l == "." {
			return caps
		}
		caps = append(caps, l)
	}
}

func TestPOP3TakesAClientThatBeginsWithTLS(t *testing.T) {
	r := startPOP(t, &Server{Limits: Limits{Peek: patience}})
	c := r.dial()
	c.startTLS(nil)
	c.expectPOP("+OK")
	c.popSay("QUIT|+OK")
	if s := r.session(); s.TLS.Mode != probes.Implicit || s.Protocol != "pop3" || len(s.Quirks) != 0 {
		t.Errorf("TLS %+v, protocol %q, quirks %q", s.TLS, s.Protocol, s.Quirks)
	}
}

func TestAPOP3CertificateThatIsRefusedIsNoSender(t *testing.T) {
	r := startPOP(t, &Server{})
	c := r.poppedOpen()
	c.popSay("STLS|+OK")
	if err := tls.Client(c.conn, &tls.Config{ServerName: "pop.contoso.example"}).Handshake(); err == nil {
		t.Fatal("the certificate was accepted")
	}
	c.conn.Close()
	if s := r.session(); s.End != probes.EndTLS || s.TLS.Error != tlsCertificateRefused || s.Protocol != "pop3" {
		t.Errorf("end %s, TLS %+v, protocol %q", s.End, s.TLS, s.Protocol)
	}
}

func TestPOP3IsBounded(t *testing.T) {
	tries := func(line, reply string, n int) []string { return slices.Repeat([]string{line + "|" + reply}, n) }
	for _, tt := range []struct {
		name   string
		limits Limits
		turns  []string
		last   string
		quirk  string
		end    probes.End
	}{
		{"sign-ins", Limits{SignIns: 3}, append(tries("AUTH PLAIN x", "-ERR", 3), "AUTH PLAIN x|-ERR Too many"), "", quirkLimitAuth, probes.EndDropped},
		{"unknown commands", Limits{Unknown: 5}, append(tries("XYZZY", "-ERR Unrecognized", 4), "XYZZY|-ERR Too many"), "", quirkLimitUnknown, probes.EndLimit},
		{"a long line", Limits{LineLength: 100}, []string{"USER " + strings.Repeat("a", 5000) + "|-ERR Line too long", "QUIT|+OK"}, "", quirkLimitLine, probes.EndQuit},
		{"a long password", Limits{LineLength: 100}, []string{"USER a|+OK", "PASS " + strings.Repeat("hunter2secret", 400) + "|-ERR Line too long", "QUIT|+OK"}, "", quirkLimitLine, probes.EndQuit},
		{"silence", Limits{Command: 50 * time.Millisecond}, nil, "-ERR Connection timed out", quirkLimitSilence, probes.EndTimeout},
		{"the whole session", Limits{Session: 50 * time.Millisecond}, nil, "-ERR Connection timed out", quirkLimitTime, probes.EndLimit},
		{"transcript", Limits{Transcript: 2}, []string{"CAPA|+OK\r\n.\r\n", "QUIT|+OK"}, "", quirkLimitTranscript, probes.EndQuit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := startPOP(t, &Server{Limits: tt.limits})
			c := r.poppedOpen()
			for _, turn := range tt.turns {
				if tt.quirk == quirkLimitTranscript && strings.HasPrefix(turn, "CAPA") {
					c.capa()
					continue
				}
				c.popSay(turn)
			}
			if tt.last != "" {
				c.expectPOP(tt.last)
			}
			s := r.session()
			if s.End != tt.end || tt.quirk != "" && !slices.Contains(s.Quirks, tt.quirk) {
				t.Errorf("end %s, quirks %q", s.End, s.Quirks)
			}
			assertNoSecret(t, s, "hunter2secret")
		})
	}
}

func TestAPasswordOverPOP3IsToldOnceAndWiped(t *testing.T) {
	const account, password = "canary-7@contoso.example", "Canary~.-_ 4711 "
	for _, tt := range []struct {
		mechanism, want string
		turns           []string
	}{
		{"USER", password, []string{"USER " + account + "|+OK", "PASS " + password + "|+OK"}},
		{"PLAIN", password, []string{"AUTH PLAIN " + plain64("\x00"+account+"\x00"+password) + "|+OK"}},
		{"APOP", "", []string{"APOP " + account + " " + popDigest + "|+OK"}},
	} {
		var mu sync.Mutex
		var got []told
		r := startPOP(t, &Server{Secret: func(peer, mechanism, account string, b []byte) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, told{peer, mechanism, account, string(b), b})
		}})
		c := r.poppedOpen()
		for _, turn := range tt.turns {
			c.popSay(turn)
		}
		c.popSay("QUIT|+OK")
		s := r.session()
		mu.Lock()
		if len(got) != 1 || got[0].password != tt.want || got[0].mechanism != tt.mechanism || got[0].account != account {
			t.Fatalf("%s: told %+v, want %q once", tt.mechanism, got, tt.want)
		}
		if !bytes.Equal(got[0].slice, make([]byte, len(got[0].slice))) {
			t.Errorf("%s: the slice still holds %q", tt.mechanism, got[0].slice)
		}
		mu.Unlock()
		assertNoSecret(t, s, password, strings.TrimSpace(password), plain64(password))
	}
}

// both is a server with SMTP and POP3, and a clock that the test moves.
func both(t *testing.T, name string) (smtp, pop *running, forward func(time.Duration)) {
	t.Helper()
	var mu sync.Mutex
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	open := map[string]string{}
	opened := make(chan struct{}, 2)
	s := &Server{
		Listen: []string{"127.0.0.1:0", "pop3://127.0.0.1:0"}, Policy: policy(t, name), certs: sharedCertificates(), Limits: Limits{Peek: -1},
		Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now },
	}
	smtp = &running{t: t, sessions: make(chan probes.Session, 10), done: make(chan error, 1)}
	go func() {
		smtp.done <- s.Run(t.Context(), func(e probes.CaptureEvent) {
			if e.Listening != nil {
				open[e.Listening.Protocol] = e.Listening.Addr
				opened <- struct{}{}
				return
			}
			smtp.sessions <- *e.Session
		})
	}()
	<-opened
	<-opened
	smtp.addr = open[""]
	pop = &running{t: t, addr: open["pop3"], sessions: smtp.sessions}
	t.Cleanup(func() { <-smtp.done })
	return smtp, pop, func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
}

func TestAMessageWithoutSignInAfterPOP3IsPOPBeforeSMTP(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy string
		pop    []string
		later  time.Duration
		auth   bool
		want   bool
	}{
		{"at once", "everything", []string{"USER a|+OK", "PASS x|+OK"}, 0, false, true},
		{"minutes later", "everything", []string{"USER a|+OK", "PASS x|+OK"}, 9 * time.Minute, false, true},
		{"much later", "everything", []string{"USER a|+OK", "PASS x|+OK"}, 11 * time.Minute, false, false},
		{"with a sign-in of its own", "everything", []string{"USER a|+OK", "PASS x|+OK"}, 0, true, false},
		{"refused, and refused again", "retired", []string{"USER a|+OK", "PASS x|-ERR"}, 0, false, true},
		{"only asked what there is", "everything", []string{"STAT|-ERR"}, 0, false, false},
		{"no POP3 at all", "everything", nil, 0, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			smtp, pop, forward := both(t, tt.policy)
			if tt.pop != nil {
				c := pop.poppedOpen()
				for _, turn := range append(tt.pop, "QUIT|+OK") {
					c.popSay(turn)
				}
				if s := pop.session(); s.Protocol != "pop3" || slices.Contains(s.Quirks, quirkPOPBeforeSMTP) {
					t.Errorf("the POP3 session: protocol %q, quirks %q", s.Protocol, s.Quirks)
				}
			}
			forward(tt.later)
			c := smtp.greeted()
			c.ask("EHLO a.example", "250")
			if tt.auth {
				c.ask("AUTH PLAIN "+plain64("\x00a\x00b"), "235")
			}
			c.send("MAIL FROM:<" + sender + ">\r\n")
			c.reply()
			c.ask("QUIT", "221")
			if s := smtp.session(); slices.Contains(s.Quirks, quirkPOPBeforeSMTP) != tt.want || !s.IsSender() {
				t.Errorf("quirks %q, protocol %q; want pop_before_smtp %v", s.Quirks, s.Protocol, tt.want)
			}
		})
	}
}

func addrOf(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }

func TestVisitorsAreBounded(t *testing.T) {
	var v visitors
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for i := range habitsKept + 100 {
		v.add(addrOf(i), at)
	}
	if len(v.at) != habitsKept || !v.has(addrOf(habitsKept+99), at) {
		t.Errorf("%d are remembered, the last one %v", len(v.at), v.has(addrOf(habitsKept+99), at))
	}
	if v.add(addrOf(0), at.Add(time.Hour)); len(v.at) != 1 {
		t.Errorf("%d are remembered when all but one are gone", len(v.at))
	}
}

func TestPortsThatSpeakPOP3(t *testing.T) {
	for wanted, want := range map[string]string{
		":110": ":110 true", ":1110": ":1110 true", "0.0.0.0:995": "0.0.0.0:995 true", "[::1]:1995": "[::1]:1995 true",
		"pop3://127.0.0.1:2110": "127.0.0.1:2110 true", ":25": ":25 false", "127.0.0.1:11110": "127.0.0.1:11110 false", "": " false",
	} {
		addr, pop3 := spoken(wanted)
		if got := fmt.Sprint(addr, " ", pop3); got != want {
			t.Errorf("%q: %q, want %q", wanted, got, want)
		}
	}
}

func TestPOP3AloneIsNoCaptureOfMail(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	told, err := opened(t, &Server{Listen: []string{taken.Addr().String(), "pop3://127.0.0.1:0"}})
	if err == nil || len(told) != 2 || told[1].Protocol != "pop3" {
		t.Fatalf("error %v, told %+v", err, told)
	}
	if conn, err := net.Dial("tcp", told[1].Addr); err == nil {
		conn.Close()
		t.Error("POP3 still listens")
	}
}

func TestAPolicyFileAnswersPOP3(t *testing.T) {
	p, err := ReadPolicy(strings.NewReader(`{"replies":{"POP3":"-ERR [AUTH] no passwords for {peer}"},"delays_ms":{"POP3":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	r := startPOP(t, &Server{Policy: p})
	c := r.poppedOpen()
	c.popSay("USER a|+OK")
	c.popSay("PASS x|-ERR [AUTH] no passwords for 127.0.0.1")
	if _, err := ReadPolicy(strings.NewReader("{\n\"replies\":{\n\"POP3\":\"550 no\"}}")); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("error %v", err)
	}
}
