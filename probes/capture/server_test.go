package capture

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"offbasic/probes"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// running is a server under test.
type running struct {
	t        *testing.T
	addr     string
	sessions chan probes.Session
	stop     context.CancelFunc
	done     chan error
}

// start runs s on a free port of loopback until the test is over.
func start(t *testing.T, s *Server) *running {
	t.Helper()
	if len(s.Listen) == 0 {
		s.Listen = []string{"127.0.0.1:0"}
	}
	if s.certs == nil && s.Host == "" {
		s.certs = sharedCertificates()
	}
	if s.Limits.Peek == 0 {
		s.Limits.Peek = -1
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &running{t: t, sessions: make(chan probes.Session, 1000), stop: stop, done: make(chan error, 1)}
	open := make(chan string, len(s.Listen))
	go func() {
		r.done <- s.Run(ctx, func(e probes.CaptureEvent) {
			if e.Listening != nil {
				open <- e.Listening.Addr
				return
			}
			r.sessions <- *e.Session
		})
	}()
	for range s.Listen {
		r.addr = <-open
	}
	t.Cleanup(func() {
		stop()
		select {
		case <-r.done:
		case <-time.After(patience):
			t.Error("Run did not return after its context was done")
		}
	})
	return r
}

// sharedCertificates are made once for all tests: RSA keys take their time.
var sharedCertificates = sync.OnceValue(func() *certificates {
	c := newCertificates(time.Now())
	c.make([]string{"smtp.office365.com"})
	return c
})

// session is the next one that ended.
func (r *running) session() probes.Session {
	r.t.Helper()
	select {
	case s := <-r.sessions:
		return s
	case <-time.After(patience):
		r.t.Fatal("no session was emitted")
		panic("unreachable")
	}
}

// client is a device under our control.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (r *running) dial() *client {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &client{t: r.t, conn: conn, in: bufio.NewReader(conn)}
}

// greeted is a client that has read the greeting.
func (r *running) greeted() *client {
	r.t.Helper()
	c := r.dial()
	c.expect("220")
	return c
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, s); err != nil {
		c.t.Fatalf("send %q: %v", s, err)
	}
}

// reply reads one whole reply.
func (c *client) reply() string {
	c.t.Helper()
	var all strings.Builder
	for {
		l, err := c.in.ReadString('\n')
		all.WriteString(l)
		if err != nil {
			c.t.Fatalf("after %q: %v", all.String(), err)
		}
		if len(l) < 4 || l[3] != '-' {
			return all.String()
		}
	}
}

func (c *client) expect(code string) string {
	c.t.Helper()
	got := c.reply()
	if !strings.HasPrefix(got, code) {
		c.t.Fatalf("reply %q, want %s", got, code)
	}
	return got
}

// ask sends a line and expects a reply.
func (c *client) ask(line, code string) string {
	c.t.Helper()
	c.send(line + "\r\n")
	return c.expect(code)
}

// startTLS goes on in TLS, trusting any certificate.
func (c *client) startTLS(conf *tls.Config) *tls.Conn {
	c.t.Helper()
	if conf == nil {
		conf = &tls.Config{InsecureSkipVerify: true}
	}
	s := tls.Client(c.conn, conf)
	if err := s.Handshake(); err != nil {
		c.t.Fatalf("handshake: %v", err)
	}
	c.conn, c.in = s, bufio.NewReader(s)
	return s
}

// deliver sends one short message.
func (c *client) deliver() {
	c.t.Helper()
	c.ask("MAIL FROM:<scan@contoso.example>", "250")
	c.ask("RCPT TO:<bob@example.org>", "250")
	c.ask("DATA", "354")
	c.send("From: scan@contoso.example\r\nSubject: Scan\r\n\r\nbody\r\n.\r\n")
	c.expect("250")
}

func policy(t testing.TB, name string) Policy {
	t.Helper()
	p, ok := PolicyNamed(name)
	if !ok {
		t.Fatalf("no policy %q", name)
	}
	return p
}

// memory is a Store in memory.
type memory struct {
	mu       sync.Mutex
	kept     []probes.Session
	messages map[string]*bytes.Buffer
	keepErr  error
	writeErr error
}

type place struct {
	m    *memory
	file string
}

func (p place) Write(b []byte) (int, error) {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	if p.m.writeErr != nil {
		return 0, p.m.writeErr
	}
	return p.m.messages[p.file].Write(b)
}

func (place) Close() error { return nil }

func (m *memory) Message(id string) (io.WriteCloser, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.messages == nil {
		m.messages = map[string]*bytes.Buffer{}
	}
	file := "messages/" + id + ".eml"
	m.messages[file] = &bytes.Buffer{}
	return place{m, file}, file, nil
}

func (m *memory) Keep(s probes.Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keepErr != nil {
		return m.keepErr
	}
	m.kept = append(m.kept, s)
	return nil
}

func (m *memory) sessions() []probes.Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.kept)
}

func (m *memory) text(file string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b, ok := m.messages[file]; ok {
		return b.String()
	}
	return "no such message; there are " + strings.Join(slices.Sorted(maps.Keys(m.messages)), " ")
}

func TestASessionOverSTARTTLSTellsEverythingButThePassword(t *testing.T) {
	store := &memory{}
	r := start(t, &Server{Store: store})
	c := r.greeted()
	c.ask("EHLO copier.contoso.example", "250")
	c.ask("STARTTLS", "220")
	c.startTLS(&tls.Config{InsecureSkipVerify: true, ServerName: "smtp.office365.com"})
	if ehlo := c.ask("EHLO copier.contoso.example", "250"); !strings.Contains(ehlo, "AUTH LOGIN XOAUTH2") {
		t.Errorf("EHLO inside TLS: %q", ehlo)
	}
	c.ask("AUTH LOGIN", "334 VXNlcm5hbWU6")
	c.ask("c2NhbkBjb250b3NvLmV4YW1wbGU=", "334 UGFzc3dvcmQ6")
	c.ask("aHVudGVyMnNlY3JldA==", "235 2.7.0 Authentication successful")
	c.deliver()
	c.ask("QUIT", "221")
	s := r.session()

	if s.TLS.Mode != probes.StartTLS || s.TLS.Version != "TLS 1.3" || s.TLS.SNI != "smtp.office365.com" || s.TLS.JA3 == "" {
		t.Errorf("TLS %+v", s.TLS)
	}
	want := probes.Auth{Mechanism: "LOGIN", Account: "scan@contoso.example", Outcome: probes.AuthAccepted, Reply: replyAuthOK}
	if len(s.Auth) != 1 || s.Auth[0] != want {
		t.Errorf("auth %+v, want %+v", s.Auth, want)
	}
	if s.Hello != "copier.contoso.example" || s.MailFrom != "scan@contoso.example" || !slices.Equal(s.RcptTo, []string{"bob@example.org"}) {
		t.Errorf("envelope: %q %q %q", s.Hello, s.MailFrom, s.RcptTo)
	}
	if s.End != probes.EndQuit || !s.Taken || len(s.Quirks) != 0 {
		t.Errorf("end %s, taken %v, quirks %v", s.End, s.Taken, s.Quirks)
	}
	if got := store.text(s.Message.File); !strings.HasSuffix(got, "\r\n\r\nbody\r\n") || int64(len(got)) != s.Size {
		t.Errorf("message %q, size %d", got, s.Size)
	}
	assertNoSecret(t, s, "hunter2secret", "aHVudGVyMnNlY3JldA")
}

// assertNoSecret looks for the secrets everywhere in the record.
func assertNoSecret(t *testing.T, s probes.Session, secrets ...string) {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("the record holds %q: %s", secret, b)
		}
	}
}

func TestTheSessionIsKeptBeforeTheLast250(t *testing.T) {
	store := &memory{}
	r := start(t, &Server{Store: store, Policy: policy(t, "relay")})
	c := r.greeted()
	c.ask("EHLO a.example", "250")
	c.deliver()
	kept := store.sessions()
	if len(kept) != 1 || !kept[0].Taken || kept[0].Message == nil || kept[0].Message.Subject != "Scan" {
		t.Fatalf("kept when the device has its 250: %+v", kept)
	}
	c.ask("QUIT", "221")
	s := r.session()
	kept = store.sessions()
	if len(kept) != 2 || kept[1].ID != kept[0].ID || kept[1].End != probes.EndQuit || s.ID != kept[0].ID {
		t.Errorf("kept at the end: %+v", kept)
	}
}

func TestAMessageThatCannotBeKeptIsNotAcknowledged(t *testing.T) {
	full := errors.New("disk full")
	for name, store := range map[string]*memory{"session": {keepErr: full}, "message": {writeErr: full}} {
		t.Run(name, func(t *testing.T) {
			r := start(t, &Server{Store: store, Policy: policy(t, "relay")})
			c := r.greeted()
			c.ask("EHLO a.example", "250")
			c.ask("MAIL FROM:<scan@contoso.example>", "250")
			c.ask("RCPT TO:<bob@example.org>", "250")
			c.ask("DATA", "354")
			c.ask("Subject: x\r\n\r\nbody\r\n.", "451")
			c.ask("QUIT", "221")
			if s := r.session(); s.Taken || !slices.Contains(s.Quirks, quirkKeepFailed) {
				t.Errorf("taken %v, quirks %v", s.Taken, s.Quirks)
			}
		})
	}
}

func TestSeveralMessagesOfOneConnectionAreAllKept(t *testing.T) {
	store := &memory{}
	r := start(t, &Server{Store: store, Policy: policy(t, "relay")})
	c := r.greeted()
	c.ask("EHLO a.example", "250")
	c.deliver()
	c.ask("MAIL FROM:<other@contoso.example>", "250")
	c.ask("RCPT TO:<eve@example.org>", "250")
	c.ask("DATA", "354")
	c.ask("Subject: second\r\n\r\nx\r\n.", "250")
	c.ask("QUIT", "221")
	s := r.session()
	if s.Message.Subject != "Scan" || s.MailFrom != "scan@contoso.example" {
		t.Errorf("first message: %q %+v", s.MailFrom, s.Message)
	}
	if len(s.More) != 1 || s.More[0].Message.Subject != "second" || s.More[0].MailFrom != "other@contoso.example" {
		t.Fatalf("further messages: %+v", s.More)
	}
	if got := store.text(s.More[0].Message.File); got != "Subject: second\r\n\r\nx\r\n" {
		t.Errorf("second message: %q", got)
	}
	if !slices.Equal(s.RcptTo, []string{"bob@example.org", "eve@example.org"}) {
		t.Errorf("recipients %q", s.RcptTo)
	}
}

func TestStoppingEndsEveryConnectionAndRun(t *testing.T) {
	store := &memory{}
	r := start(t, &Server{Store: store})
	idle := r.greeted()
	inData := r.greeted()
	inData.ask("EHLO a.example", "250")
	r.stop()
	idle.expect("421 4.3.2")
	select {
	case err := <-r.done:
		r.done <- err
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Run goes on")
	}
	for range 2 {
		if s := r.session(); s.End != probes.EndShutdown {
			t.Errorf("end %s, want shutdown", s.End)
		}
	}
	if n := len(store.sessions()); n != 2 {
		t.Errorf("%d sessions kept, want 2", n)
	}
	if _, err := net.Dial("tcp", r.addr); err == nil {
		t.Error("something still listens")
	}
}
