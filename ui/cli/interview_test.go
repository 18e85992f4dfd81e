package cli

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes/capture"
	"offbasic/wizard"
)

// copier is a device with habits of its own. The zero value sends to anybody,
// in clear and without signing in.
type copier struct {
	account, password string
	mechanisms        []string // that it knows, the one that it likes best first
	tls               bool     // begins TLS where it is offered
	onlyTLS           bool     // and stops where it is not
	verifies          bool     // refuses our certificate
	tryAll            bool     // goes on to the next mechanism after a refusal
	anyway            bool     // sends although it was refused
	open              bool     // sends where no sign-in is offered
	prompts           bool     // looks at the text of the prompts
	helo              bool     // falls back to HELO
}

const copierPassword = "Winter-of-2019"

// press makes the copier send one message. What it cannot do ends the attempt,
// as a device does; only what the network does is an error.
func (c copier) press(addr, messageID string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	d := &copying{copier: c, conn: conn, in: textproto.NewReader(bufio.NewReader(conn))}
	err = d.send(messageID)
	var refused *textproto.Error
	if errors.As(err, &refused) || errors.Is(err, errStops) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// errStops is a device that goes no further.
var errStops = errors.New("the device stops")

type copying struct {
	copier
	conn net.Conn
	in   *textproto.Reader
	ehlo string
}

func (d *copying) say(code int, format string, a ...any) (string, error) {
	if _, err := fmt.Fprintf(d.conn, format+"\r\n", a...); err != nil {
		return "", err
	}
	_, text, err := d.in.ReadResponse(code)
	return text, err
}

func (d *copying) hello() (err error) {
	d.ehlo, err = d.say(250, "EHLO KM_C258")
	if err != nil && d.helo {
		d.ehlo, err = d.say(250, "HELO KM_C258")
		d.ehlo = "AUTH " + strings.Join(d.mechanisms, " ")
	}
	return err
}

func (d *copying) offers(word string) bool {
	for l := range strings.Lines(d.ehlo) {
		if words := strings.Fields(l); len(words) > 0 && slices.Contains(words, word) {
			return true
		}
	}
	return false
}

func (d *copying) send(messageID string) error {
	if _, _, err := d.in.ReadResponse(220); err != nil {
		return err
	}
	if err := d.hello(); err != nil {
		return err
	}
	if err := d.startTLS(); err != nil {
		return err
	}
	if err := d.signIn(); err != nil {
		return err
	}
	for _, step := range []struct {
		code int
		line string
	}{
		{250, "MAIL FROM:<scan@contoso.example>"}, {250, "RCPT TO:<it@contoso.example>"}, {354, "DATA"},
		{250, "From: scan@contoso.example\r\nMessage-ID: <" + messageID + "@km>\r\nSubject: Scan\r\n\r\nhello\r\n."},
	} {
		if _, err := d.say(step.code, "%s", step.line); err != nil {
			return err
		}
	}
	_, err := d.say(221, "QUIT")
	return err
}

func (d *copying) startTLS() error {
	if !d.tls || !d.offers("STARTTLS") {
		if d.onlyTLS {
			return errStops
		}
		return nil
	}
	if _, err := d.say(220, "STARTTLS"); err != nil {
		return err
	}
	c := tls.Client(d.conn, &tls.Config{InsecureSkipVerify: !d.verifies, ServerName: "smtp.office365.com"})
	if err := c.Handshake(); err != nil {
		return errStops
	}
	d.conn, d.in = c, textproto.NewReader(bufio.NewReader(c))
	return d.hello()
}

// signIn tries the mechanisms that it knows and that are offered.
func (d *copying) signIn() error {
	if len(d.mechanisms) == 0 {
		return nil
	}
	tried := false
	for _, m := range d.mechanisms {
		if !d.offers(m) {
			continue
		}
		tried = true
		err := d.auth(m)
		var refused *textproto.Error
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &refused) && !errors.Is(err, errStops):
			return err
		case d.tryAll:
			continue
		}
		break
	}
	if tried && d.anyway || !tried && d.open {
		return nil
	}
	return errStops
}

func (d *copying) auth(mechanism string) error {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	switch mechanism {
	case "LOGIN":
		for i, s := range []string{d.account, d.password} {
			line := []string{"AUTH LOGIN", b64(d.account)}[i]
			prompt, err := d.say(334, "%s", line)
			if err != nil {
				return err
			}
			if d.prompts && prompt != []string{"VXNlcm5hbWU6", "UGFzc3dvcmQ6"}[i] {
				_, err := d.say(501, "*")
				return errors.Join(err, errStops)
			}
			_ = s
		}
		_, err := d.say(235, "%s", b64(d.password))
		return err
	case "PLAIN":
		_, err := d.say(235, "AUTH PLAIN %s", b64("\x00"+d.account+"\x00"+d.password))
		return err
	case "XOAUTH2":
		if _, err := d.say(334, "AUTH XOAUTH2"); err != nil {
			return err
		}
		_, err := d.say(235, "%s", b64("user="+d.account+"\x01auth=Bearer "+strings.Repeat("t", 300)+"\x01\x01"))
		return err
	}
	return errStops
}

// clock is a clock that a test moves on.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// held is what came of an interview.
type held struct {
	asked   []string // "question policy"
	answers []string // "question answer"
	outcome wizard.Outcome
	presses int
}

// holdInterview interviews a device that sends whenever it is asked something,
// until the table is full. before is done before each press.
func holdInterview(t *testing.T, w *Work, o Interviewing, c copier, before func(press int, a wizard.Asking) (messageID string)) held {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	o.Peer = "127.0.0.1"
	o.Server = capture.Server{Listen: []string{"127.0.0.1:0"}, Limits: capture.Limits{Peek: -1}}
	var h held
	var addr string
	asked := make(chan wizard.Asking, 100)
	var presses sync.WaitGroup
	listening := make(chan string, 1)
	presses.Go(func() {
		addr = <-listening
		for a := range asked {
			h.presses++
			id := fmt.Sprint("m", h.presses)
			if before != nil {
				id = before(h.presses, a)
			}
			if id == "" {
				continue
			}
			if err := c.press(addr, id); err != nil {
				t.Error(err)
			}
		}
	})
	err := w.Interview(ctx, o, func(ev wizard.InterviewEvent) {
		switch {
		case ev.Listening != nil:
			listening <- ev.Listening.Addr
		case ev.Asking != nil:
			h.asked = append(h.asked, ev.Asking.Question.ID+" "+ev.Asking.Question.Policy)
			if len(h.asked) > 40 {
				t.Errorf("it is asked without end: %q", h.asked)
				stop()
				return
			}
			asked <- *ev.Asking
		case ev.Answer != nil:
			h.answers = append(h.answers, ev.Answer.Question.ID+" "+ev.Answer.Question.Answer)
		case ev.Outcome != nil:
			h.outcome = *ev.Outcome
		}
	})
	select {
	case listening <- "":
	default:
	}
	close(asked)
	presses.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if open := h.outcome.Open(); len(open) > 0 {
		t.Errorf("still open: %q; asked %q", open, h.asked)
	}
	return h
}

func (h held) table() []string {
	var out []string
	for _, q := range h.outcome.Table {
		out = append(out, q.ID+" "+q.Answer)
	}
	return out
}

func sameLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// A device of each habit is asked until its table is full, and the table says
// what its habits are.
func TestAnInterviewFindsOutTheHabitsOfADevice(t *testing.T) {
	for _, tt := range []struct {
		name  string
		c     copier
		asked []string
		table []string
	}{
		{
			"a password and nothing else",
			copier{tls: true, mechanisms: []string{"LOGIN"}},
			[]string{"signs-in exchange", "retired retired", "oauth oauth-only", "unauthenticated relay", "no-tls no-tls", "retries deferred", "retries everything"},
			[]string{
				"signs-in yes", "oauth no", "unauthenticated no", "retired no", "after-refusal gives-up", "no-tls yes", "certificate yes", "retries no",
			},
		},
		{
			"OAuth where it can",
			copier{tls: true, mechanisms: []string{"XOAUTH2"}},
			[]string{"signs-in exchange", "unauthenticated relay", "no-tls no-tls", "retries deferred", "retries everything"},
			[]string{
				"signs-in yes", "oauth yes", "unauthenticated no", "retired moot", "after-refusal moot", "no-tls no", "certificate yes", "retries no",
			},
		},
		{
			"sends unauthenticated after a refusal, as Exim does",
			copier{tls: true, mechanisms: []string{"LOGIN", "PLAIN"}, tryAll: true, anyway: true, open: true},
			[]string{"signs-in exchange", "retired retired", "oauth oauth-only", "no-tls no-tls", "retries deferred", "retries everything"},
			[]string{
				"signs-in yes", "oauth no", "unauthenticated yes", "retired yes", "after-refusal sends-anyway", "no-tls yes", "certificate yes", "retries no",
			},
		},
		{
			"refuses the certificate, and goes without TLS",
			copier{tls: true, verifies: true, mechanisms: []string{"LOGIN"}},
			[]string{"signs-in exchange", "no-tls no-tls", "retired retired+no-tls", "oauth oauth-only+no-tls", "unauthenticated relay+no-tls", "retries deferred+no-tls", "retries everything+no-tls"},
			[]string{
				"signs-in yes", "oauth no", "unauthenticated no", "retired no", "after-refusal gives-up", "no-tls yes", "certificate no", "retries no",
			},
		},
		{
			"refuses the certificate, and stops without TLS",
			copier{tls: true, onlyTLS: true, verifies: true, mechanisms: []string{"LOGIN"}},
			[]string{"signs-in exchange", "no-tls no-tls"},
			[]string{
				"signs-in blocked", "oauth blocked", "unauthenticated blocked", "retired blocked", "after-refusal blocked", "no-tls no", "certificate no", "retries blocked",
			},
		},
		{
			"never signs in and has no TLS",
			copier{},
			[]string{"signs-in exchange", "retired retired+no-tls", "retries deferred", "retries everything"},
			[]string{
				"signs-in no", "oauth moot", "unauthenticated yes", "retired moot", "after-refusal moot", "no-tls yes", "certificate moot", "retries no",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.c.account, tt.c.password = "scan@contoso.example", copierPassword
			now := &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
			dir := filepath.Join(t.TempDir(), "migration")
			w := openWorkAt(t, dir, now.Now)
			h := holdInterview(t, w, Interviewing{}, tt.c, func(press int, a wizard.Asking) string {
				now.pass(time.Duration(press) * time.Minute) // at nobody's pace
				if a.Waiting {
					now.pass(time.Hour)
					return ""
				}
				return fmt.Sprint("m", press)
			})
			sameLines(t, "asked", h.asked, tt.asked)
			sameLines(t, "table", h.table(), tt.table)
			noPasswordIn(t, dir, copierPassword)
		})
	}
}

// openWorkAt is openWork by another clock.
func openWorkAt(t *testing.T, dir string, now func() time.Time) *Work {
	t.Helper()
	w := openWork(t, dir)
	w.Now = now
	return w
}

// noPasswordIn fails when a file of the folder holds the password.
func noPasswordIn(t *testing.T, dir, password string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte(password))} {
			if strings.Contains(string(b), secret) {
				t.Errorf("%s holds the password", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A device that retries by itself answers without anybody pressing, and its
// wait is told.
func TestADeviceThatRetriesByItselfAnswersUnasked(t *testing.T) {
	now := &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	w := openWorkAt(t, filepath.Join(t.TempDir(), "migration"), now.Now)
	c := copier{account: "scan@contoso.example", password: copierPassword, tls: true, mechanisms: []string{"LOGIN"}}
	deferred := ""
	h := holdInterview(t, w, Interviewing{}, c, func(press int, a wizard.Asking) string {
		now.pass(time.Duration(press) * time.Minute)
		if a.Waiting {
			now.pass(62*time.Second - time.Duration(press)*time.Minute)
			return deferred
		}
		if deferred = fmt.Sprint("m", press); a.Question.Policy != "deferred" {
			return deferred
		}
		return deferred
	})
	i := slices.IndexFunc(h.outcome.Table, func(q checks.Question) bool { return q.ID == "retries" })
	if q := h.outcome.Table[i]; q.Answer != checks.Yes || q.Args["after"] != "62" {
		t.Errorf("retries: %s %v, want yes after 62", q.Answer, q.Args)
	}
}

// How a device signs in is asked after what decides between routes, and one
// attempt answers several questions.
func TestTheDialogueIsAskedAfterTheRest(t *testing.T) {
	now := &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	w := openWorkAt(t, filepath.Join(t.TempDir(), "migration"), now.Now)
	c := copier{account: "scan@contoso.example", password: copierPassword, tls: true, prompts: true, helo: true, tryAll: true, mechanisms: []string{"LOGIN", "PLAIN"}}
	h := holdInterview(t, w, Interviewing{Dialogue: true}, c, func(press int, a wizard.Asking) string {
		now.pass(time.Duration(press) * time.Minute)
		if a.Waiting {
			now.pass(time.Hour)
			return ""
		}
		return fmt.Sprint("m", press)
	})
	sameLines(t, "table", h.table(), []string{
		"signs-in yes", "oauth no", "unauthenticated no", "retired no", "after-refusal tries-others", "no-tls yes", "certificate yes", "retries no",
		"mech-login yes", "mech-plain yes", "mech-cram-md5 no", "mech-ntlm no", "mech-oauthbearer moot",
		"prompts-exchange yes", "prompts-plain no", "prompts-draft no", "prompts-words no",
		"account-inline no", "auth-after-helo yes", "fallback-504 tries-others", "fallback-535 tries-others",
	})
	if h.presses > 16 {
		t.Errorf("%d presses: %q", h.presses, h.asked)
	}
}

// What was left out is not asked on another day, and what was asked again is
// answered anew.
func TestAQuestionCanBeLeftOutOrAskedAgain(t *testing.T) {
	now := &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	w := openWorkAt(t, filepath.Join(t.TempDir(), "migration"), now.Now)
	c := copier{account: "scan@contoso.example", password: copierPassword, tls: true, mechanisms: []string{"LOGIN"}}
	orders := make(chan wizard.Order, 1)
	again := false
	h := holdInterview(t, w, Interviewing{Orders: orders}, c, func(press int, a wizard.Asking) string {
		now.pass(time.Duration(press) * time.Minute)
		switch {
		case a.Question.ID == "oauth" && !again:
			again = true
			orders <- wizard.Order{Again: true, Question: "retired"}
			return ""
		case a.Question.ID == "no-tls" || a.Question.ID == "retries":
			orders <- wizard.Order{}
			return ""
		}
		return fmt.Sprint("m", press)
	})
	sameLines(t, "left out", h.outcome.Skipped, []string{"no-tls", "retries"})
	asked := strings.Join(h.asked, ", ")
	if !strings.Contains(asked, "oauth oauth-only, retired retired, oauth oauth-only") {
		t.Errorf("asked %s", asked)
	}
	n := 0
	for _, a := range h.answers {
		if a == "retired no" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("retired was answered %d times: %q", n, h.answers)
	}
	again = true
	h = holdInterview(t, w, Interviewing{}, c, func(int, wizard.Asking) string { t.Error("asked once more"); return "" })
	if h.presses != 0 || len(h.outcome.Table) == 0 {
		t.Errorf("on another day: %d presses, %v", h.presses, h.table())
	}
}

// What a device makes of a canary is told, and neither what was shown nor what
// came is written anywhere.
func TestACanaryIsJudgedAndNeverWritten(t *testing.T) {
	for _, tt := range []struct {
		name              string
		route             string
		became            func(account, password string) (string, string)
		account, password string
		code              int
	}{
		{"whole", "acs", func(a, p string) (string, string) { return a, p }, "account arrived whole: 80 characters", "password arrived whole: 40 characters", ExitOK},
		{"cut at 31", "acs", func(a, p string) (string, string) { return a[:31], p[:31] }, "account cut at 31 of 80", "password cut at 31 of 40", ExitFindings},
		{"lower case", "hve", func(a, p string) (string, string) { return a, strings.ToLower(p) }, "account arrived whole", "password arrived in lower case", ExitFindings},
		{"a realm", "oauth", func(a, p string) (string, string) { return a + "@COPIER", p }, "account arrived with a domain added: COPIER", "password arrived whole", ExitFindings},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "migration")
			var out safe
			talk := &typist{addr: make(chan string, 1), canary: make(chan [2]string, 1)}
			p := Program{In: strings.NewReader(""), Out: &out, Err: talk, Now: time.Now, Env: func(n string) string { return map[string]string{"OFFBASIC_KEYRING": "none"}[n] }}
			var device sync.WaitGroup
			var shown [2]string
			device.Go(func() {
				shown = <-talk.canary
				account, password := tt.became(shown[0], shown[1])
				c := copier{account: account, password: password, tls: true, mechanisms: []string{"LOGIN"}}
				if err := c.press(<-talk.addr, "m1"); err != nil {
					t.Error(err)
				}
			})
			code := p.Run(t.Context(), []string{"interview", "--canary", "--route", tt.route, "--listen", "127.0.0.1:0", "--peek", "-1ms", "--folder", dir, "--for", "1m"})
			device.Wait()
			for _, want := range []string{tt.account, tt.password} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("said %q, want %q", out.String(), want)
				}
			}
			if code != tt.code || strings.Contains(out.String(), shown[1][:31]) {
				t.Errorf("ended with %d, want %d: %s", code, tt.code, out.String())
			}
			noPasswordIn(t, dir, shown[1][:16])
		})
	}
}

// typist reads what the program says to the admin: where it listens, and the
// canary.
type typist struct {
	text   string
	addr   chan string
	canary chan [2]string
}

func (y *typist) Write(b []byte) (int, error) {
	y.text += string(b)
	fields := strings.Fields(y.text)
	for i, f := range fields {
		if f == "password" && i > 2 && fields[i-2] == "account" && i+1 < len(fields) && strings.HasPrefix(fields[i+1], "Canary") {
			send(y.canary, [2]string{fields[i-1], fields[i+1]})
		}
		if strings.HasPrefix(f, "127.0.0.1:") {
			send(y.addr, strings.TrimRight(f, ".,"))
		}
	}
	return len(b), nil
}

func send[T any](c chan T, v T) {
	select {
	case c <- v:
	default:
	}
}

// safe is a buffer that several goroutines write.
type safe struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *safe) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
