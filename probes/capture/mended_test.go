package capture

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"offbasic/probes"
)

func TestAnExchangedAccountAndPasswordAreToldApart(t *testing.T) {
	for _, tt := range []struct {
		first, second string
		account       string
		swapped       bool
	}{
		{"hunter2secret", "scan@contoso.example", "scan@contoso.example", true},
		{"scan", "P@ssw0rd", "scan", false},
		{"scan", "P@ssw0rd.2024", "scan", false},
		{`CONTOSO\scan`, "scan@contoso.example", `CONTOSO\scan`, false},
		{"scan@contoso.example", "x@y.example", "scan@contoso.example", false},
		{"acs|app|tenant", "hunter2secret", "acs|app|tenant", false},
	} {
		var got []string
		r := start(t, &Server{Policy: policy(t, "everything"), Secret: func(_, _, account string, b []byte) {
			got = append(got, account+" "+string(b))
		}})
		c := r.greeted()
		c.ask("EHLO a.example", "250")
		c.ask("AUTH LOGIN", "334")
		c.ask(plain64(tt.first), "334")
		c.ask(plain64(tt.second), "235")
		c.ask("QUIT", "221")
		s := r.session()
		password, lines := tt.second, []string{"<account " + tt.account + ">", hidden("password", len(tt.second))}
		if tt.swapped {
			password, lines = tt.first, []string{hidden("password", len(tt.first)), "<account " + tt.account + ">"}
		}
		if s.Account() != tt.account || slices.Contains(s.Quirks, quirkLoginSwapped) != tt.swapped || !slices.Equal(got, []string{tt.account + " " + password}) {
			t.Errorf("%q, %q: account %q, quirks %q, told %q", tt.first, tt.second, s.Account(), s.Quirks, got)
		}
		var said []string
		for _, l := range s.Transcript {
			if l.From == probes.Client && strings.HasPrefix(l.Text, "<") {
				said = append(said, l.Text)
			}
		}
		if !slices.Equal(said, lines) {
			t.Errorf("%q, %q: transcript %q, want %q", tt.first, tt.second, said, lines)
		}
		assertNoTrace(t, s, password)
	}
}

func TestOddSignInsAreRecordedAsQuirks(t *testing.T) {
	for lines, quirk := range map[string]string{
		"AUTH LOGIN {\x00u@c.example\x00secret}\r\n":  quirkPlainInLogin,
		"AUTH LOGIN {scan} {secret}\r\n":              quirkPasswordInline,
		"AUTH LOGIN\r\n{scan:secret}\r\n{y}\r\n":      quirkAccountAndMore,
		"AUTH PLAIN {\x00scan secret\x00y}\r\n":       quirkAccountAndMore,
		"MAIL FROM:<a:secret@c.example>\r\n":          quirkAccountAndMore,
		"AUTH LOGIN\r\n{secret}\r\n{a@c.example}\r\n": quirkLoginSwapped,
	} {
		r := newRun(&Server{Policy: policy(t, "everything"), AllowPublic: true, Limits: Limits{Peek: -1}, certs: sharedCertificates()})
		got := overBytes(r, []byte("EHLO a.example\r\n"+spelling{lines: lines}.sent("")))
		if !slices.Contains(got.Quirks, quirk) {
			t.Errorf("%q: quirks %q, want %s", lines, got.Quirks, quirk)
		}
	}
}

func TestATrailingNULBelongsToNoAccount(t *testing.T) {
	d := signIn("LOGIN", "", plain64("scan@contoso.example\x00"), plain64("hunter2secret"))
	if d.auth.Account != "scan@contoso.example" || !d.done || slices.Contains(d.quirks, quirkPlainInLogin) {
		t.Errorf("account %q, done %v, quirks %q", d.auth.Account, d.done, d.quirks)
	}
}

// What a device sends in order is shown as it was, but for what may be secret.
func TestEnvelopeLinesAreShown(t *testing.T) {
	for arg, shown := range map[string]string{
		"FROM:<a@c.example> SIZE=40 BODY=8BITMIME": "FROM:<a@c.example> SIZE=40 BODY=8BITMIME",
		"FROM :<a@c.example>":                      "FROM :<a@c.example>",
		"from: a@c.example":                        "FROM: a@c.example",
		"FROM:<> RET=HDRS":                         "FROM:<> RET=HDRS",
		"FROM:\"Scan\" <a@c.example>":              "FROM:<display name, 7 bytes> <a@c.example>",
		"FROM:<a@c.example> AUTH=<> X-FOO=1":       "FROM:<a@c.example> AUTH=<2 bytes> X-FOO=<1 byte>",
		"FROM:<a@c.example> S3cr3t S3cr3t==":       "FROM:<a@c.example> <parameter, 6 bytes> <parameter, 8 bytes>",
		"FROM:<a@[IPv6:2001:db8::1]>":              "FROM:<a@[IPv6:2001:db8::1]>",
	} {
		if p, ok := parsePath([]byte(arg), "FROM"); !ok || p.shown != shown {
			t.Errorf("%q is shown as %q, want %q", arg, p.shown, shown)
		}
	}
}

// shelf is a Store that counts what is open and what was given up. Like a
// folder on disk it makes no message twice.
type shelf struct {
	memory
	open, discarded int
	names           map[string]bool
}

type shelved struct{ s *shelf }

func (s *shelf) Message(id string) (io.WriteCloser, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names[id] {
		return nil, "", errors.New("it is there already")
	}
	if s.names == nil {
		s.names = map[string]bool{}
	}
	s.names[id] = true
	s.open++
	return shelved{s}, "messages/" + id + ".eml", nil
}

func (w shelved) Write(b []byte) (int, error) { return len(b), nil }

func (w shelved) Close() error {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.open--
	return nil
}

func (w shelved) Discard() error {
	w.s.mu.Lock()
	w.s.discarded++
	w.s.mu.Unlock()
	return w.Close()
}

func TestAMessageInChunksThatIsNotFinishedIsGivenUp(t *testing.T) {
	envelope := "MAIL FROM:<a@contoso.example>\r\nRCPT TO:<b@example.org>\r\n"
	begun := "EHLO a.example\r\n" + envelope + "BDAT 12\r\nSubject: x\r\n"
	whole := envelope + "BDAT 12 LAST\r\nSubject: y\r\n"
	for name, rest := range map[string]string{
		"RSET": "RSET\r\n" + whole, "EHLO": "EHLO a.example\r\n" + whole, "DATA": "DATA\r\nRSET\r\n" + whole, "nothing more": "",
	} {
		t.Run(name, func(t *testing.T) {
			store := &shelf{}
			p := policy(t, "relay")
			r := newRun(&Server{Policy: p, AllowPublic: true, Store: store, Limits: Limits{Peek: -1, Disk: 20}, certs: sharedCertificates()})
			s := overBytes(r, []byte(begun+rest))
			left := int64(20)
			if rest != "" {
				left -= 12
			}
			if store.open != 0 || store.discarded != 1 || r.disk.left != left {
				t.Errorf("%d open, %d given up, %d bytes of the budget left, want %d", store.open, store.discarded, r.disk.left, left)
			}
			if s.Taken != (rest != "") || s.Taken && s.Message.Subject != "y" {
				t.Errorf("taken %v, message %+v, %v", s.Taken, s.Message, s.Transcript)
			}
		})
	}
}

// slowStore keeps nothing until it is let go.
type slowStore struct {
	memory
	let   chan struct{}
	asked chan struct{} // told of each record; nil tells nobody
}

func (s *slowStore) Keep(rec probes.Session) error {
	if s.asked != nil {
		s.asked <- struct{}{}
	}
	<-s.let
	return s.memory.Keep(rec)
}

func TestManyQuickConnectionsOfOnePeerAreAllServed(t *testing.T) {
	const n = 400
	store := &slowStore{let: make(chan struct{})}
	r := start(t, &Server{Policy: policy(t, "relay"), Store: store})
	for range n {
		c := r.greeted()
		c.ask("EHLO a.example", "250")
		c.ask("QUIT", "221")
		if _, err := c.in.ReadByte(); !errors.Is(err, io.EOF) {
			t.Fatalf("after QUIT: %v", err)
		}
		c.conn.Close()
	}
	close(store.let)
	for range n {
		if s := r.session(); s.End != probes.EndQuit || s.Protocol != "" {
			t.Fatalf("end %s, protocol %q, quirks %q", s.End, s.Protocol, s.Quirks)
		}
	}
}

func TestSessionsThatWaitToBeKeptAreBounded(t *testing.T) {
	store := &slowStore{let: make(chan struct{}), asked: make(chan struct{}, 10)}
	r := start(t, &Server{Policy: policy(t, "relay"), Store: store, Limits: Limits{Connections: 3, Waiting: 3}})
	served := 0
	for range 10 {
		c := r.dial()
		l, _ := c.in.ReadString('\n')
		if !strings.HasPrefix(l, "220") {
			break
		}
		served++
		c.ask("QUIT", "221")
		io.Copy(io.Discard, c.conn)
	}
	for range served + 1 { // the one that was sent away is recorded too
		<-store.asked
	}
	close(store.let)
	if served != 6 {
		t.Errorf("%d were served, want 3 that wait beside the 3 that may be open", served)
	}
	struck := 0
	for range served + 1 {
		if slices.Contains(r.session().Quirks, quirkLimitWaiting) {
			struck++
		}
	}
	if struck != 3 {
		t.Errorf("%d sessions say that there was no room to wait, want 3", struck)
	}
}

// faulty is a Store that panics, with what a client sent as the value.
type faulty struct {
	memory
	in   string // the method that does
	once sync.Once
}

func (f *faulty) fail(method, value string) {
	if method == f.in {
		f.once.Do(func() { panic("S3cr3t-panic " + value) })
	}
}

func (f *faulty) Message(id string) (io.WriteCloser, string, error) {
	f.fail("Message", id)
	return f.memory.Message(id)
}

func (f *faulty) Keep(s probes.Session) error {
	f.fail("Keep", s.ID)
	return f.memory.Keep(s)
}

func TestAFaultOfOurOwnEndsOneSessionOnly(t *testing.T) {
	for _, method := range []string{"Message", "Keep"} {
		t.Run(method, func(t *testing.T) {
			r := start(t, &Server{Policy: policy(t, "relay"), Store: &faulty{in: method}})
			other := r.greeted()
			c := r.greeted()
			c.ask("EHLO a.example", "250")
			c.ask("MAIL FROM:<scan@contoso.example>", "250")
			c.ask("RCPT TO:<bob@example.org>", "250")
			c.send("DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\n")
			io.Copy(io.Discard, c.conn)
			s := r.session()
			noted := slices.ContainsFunc(s.Transcript, func(l probes.Line) bool { return l.From == probes.Note && l.Text == "internal" })
			if s.End != probes.EndDropped || !noted || !slices.Contains(s.Quirks, quirkInternal) || s.Taken {
				t.Errorf("end %s, quirks %q, taken %v, %v", s.End, s.Quirks, s.Taken, s.Transcript)
			}
			if strings.Contains(fmt.Sprintf("%+v", s), "S3cr3t") {
				t.Errorf("the value of the panic is in %+v", s)
			}
			other.ask("EHLO b.example", "250")
			other.deliver()
			other.ask("QUIT", "221")
			if s := r.session(); !s.Taken || s.End != probes.EndQuit {
				t.Errorf("the other: taken %v, end %s", s.Taken, s.End)
			}
			next, err := net.DialTimeout("tcp", r.addr, 5*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			next.Close()
		})
	}
}
