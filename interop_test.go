//go:build interop

package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/capture"
	"offbasic/wizard/folder"
)

// What every client signs in with and sends.
const (
	account   = "scan@contoso.example"
	password  = "Pa55-w0rd.never.kept"
	recipient = "invoices@example.org"
	message   = "From: Scanner <scan@contoso.example>\r\nTo: invoices@example.org\r\n" +
		"Subject: Scan of 22 November\r\nMessage-ID: <1@scanner.contoso.example>\r\n\r\nOne page.\r\n"
)

// at is where a client is to send to.
type at struct{ host, port string }

func (a at) addr() string { return net.JoinHostPort(a.host, a.port) }

// interop is one client with its options, and what is to be recorded of it.
// No mode of TLS is told to the capture: it finds out.
type interop struct {
	name, policy string
	command      func(at) []string
	config       string // of msmtp
	tls          probes.TLSMode
	version      string
	auth         []string // mechanisms in turn; the last decides
	taken        bool
	hello        string
	end          probes.End // "" means that the client says QUIT
}

func cases() []interop {
	all := append(swaksCases(), curlCases()...)
	return append(append(all, pythonCases()...), msmtpCases()...)
}

// swaks, from the Debian package of the same name.
func swaksCases() []interop {
	swaks := func(options ...string) func(at) []string {
		return func(a at) []string {
			return append([]string{
				"swaks", "--server", a.host, "--port", a.port, "--from", account, "--to", recipient, "--ehlo", "copier-2",
				"--auth-user", account, "--auth-password", password, "--data", "-",
			}, options...)
		}
	}
	return []interop{
		{name: "swaks in clear", policy: "everything", command: swaks("--auth", "LOGIN"), tls: probes.NoTLS, auth: []string{"LOGIN"}, taken: true, hello: "copier-2"},
		{name: "swaks in clear with PLAIN", policy: "no-tls", command: swaks("--auth", "PLAIN"), tls: probes.NoTLS, auth: []string{"PLAIN"}, taken: true, hello: "copier-2"},
		{name: "swaks with STARTTLS", policy: "exchange", command: swaks("--auth", "-tls"), tls: probes.StartTLS, version: "TLS 1.3", auth: []string{"LOGIN"}, taken: true, hello: "copier-2"},
		{name: "swaks with STARTTLS and TLS 1.2", policy: "exchange", command: swaks("--auth", "-tls", "--tls-protocol", "tlsv1_2"), tls: probes.StartTLS, version: "TLS 1.2", auth: []string{"LOGIN"}, taken: true, hello: "copier-2"},
		{name: "swaks with implicit TLS", policy: "exchange", command: swaks("--auth", "-tlsc"), tls: probes.Implicit, version: "TLS 1.3", auth: []string{"LOGIN"}, taken: true, hello: "copier-2"},
		{name: "swaks with CRAM-MD5", policy: "everything", command: swaks("--auth", "CRAM-MD5", "-tls"), tls: probes.StartTLS, version: "TLS 1.3", auth: []string{"CRAM-MD5"}, taken: true, hello: "copier-2"},
		{name: "swaks after the retirement", policy: "retired", command: swaks("--auth", "LOGIN", "-tls"), tls: probes.StartTLS, version: "TLS 1.3", auth: []string{"LOGIN"}, hello: "copier-2"},
		{name: "swaks without sign-in", policy: "relay", command: func(a at) []string {
			return []string{"swaks", "--server", a.host, "--port", a.port, "--from", account, "--to", recipient, "--ehlo", "copier-2", "--data", "-"}
		}, tls: probes.NoTLS, taken: true, hello: "copier-2"},
	}
}

// curl, from the Debian package of the same name.
func curlCases() []interop {
	curl := func(scheme string, options ...string) func(at) []string {
		return func(a at) []string {
			return append([]string{
				"curl", "--silent", "--show-error", "--insecure", "--mail-from", account, "--mail-rcpt", recipient,
				"--user", account + ":" + password, "--upload-file", "-", scheme + "://" + a.addr() + "/copier-3",
			}, options...)
		}
	}
	return []interop{
		{name: "curl in clear", policy: "no-tls", command: curl("smtp"), tls: probes.NoTLS, auth: []string{"PLAIN"}, taken: true, hello: "copier-3"},
		{name: "curl with STARTTLS", policy: "exchange", command: curl("smtp", "--ssl-reqd"), tls: probes.StartTLS, version: "TLS 1.3", auth: []string{"LOGIN"}, taken: true, hello: "copier-3"},
		{name: "curl with STARTTLS and TLS 1.2", policy: "exchange", command: curl("smtp", "--ssl-reqd", "--tls-max", "1.2"), tls: probes.StartTLS, version: "TLS 1.2", auth: []string{"LOGIN"}, taken: true, hello: "copier-3"},
		{name: "curl with implicit TLS", policy: "exchange", command: curl("smtps"), tls: probes.Implicit, version: "TLS 1.3", auth: []string{"LOGIN"}, taken: true, hello: "copier-3"},
		{name: "curl after the retirement", policy: "retired", command: curl("smtps"), tls: probes.Implicit, version: "TLS 1.3", auth: []string{"LOGIN"}, hello: "copier-3", end: probes.EndClosed},
	}
}

// Python's smtplib, as scripts use it.
func pythonCases() []interop {
	python := func(connect string) func(at) []string {
		script := `
import smtplib, sys
host, port, account, password, recipient = sys.argv[1:]
` + connect + `
s.login(account, password)
s.sendmail(account, [recipient], sys.stdin.read())
s.quit()
`
		return func(a at) []string {
			return []string{"python3", "-c", script, a.host, a.port, account, password, recipient}
		}
	}
	const plain = `s = smtplib.SMTP(host, int(port), local_hostname="copier-4")`
	return []interop{
		{name: "smtplib in clear", policy: "no-tls", command: python(plain), tls: probes.NoTLS, auth: []string{"PLAIN"}, taken: true, hello: "copier-4"},
		{name: "smtplib with STARTTLS", policy: "exchange", command: python(plain + "; s.starttls()"), tls: probes.StartTLS, version: "TLS 1.3", auth: []string{"LOGIN"}, taken: true, hello: "copier-4"},
		{name: "smtplib with implicit TLS", policy: "exchange", command: python(`s = smtplib.SMTP_SSL(host, int(port), local_hostname="copier-4")`), tls: probes.Implicit, version: "TLS 1.3", auth: []string{"LOGIN"}, taken: true, hello: "copier-4"},
		{name: "smtplib with all mechanisms", policy: "everything", command: python(plain + "; s.starttls()"), tls: probes.StartTLS, version: "TLS 1.3", auth: []string{"CRAM-MD5"}, taken: true, hello: "copier-4"},
	}
}

// msmtp, from the Debian package of the same name.
func msmtpCases() []interop {
	const common = "account default\nfrom " + account + "\nuser " + account + "\npassword " + password + "\ndomain copier-5\n"
	msmtp := func(at) []string { return []string{"msmtp", "--file=msmtprc", "--", recipient} }
	return []interop{
		{name: "msmtp in clear", policy: "no-tls", command: msmtp, config: common + "auth login\ntls off\n", tls: probes.NoTLS, auth: []string{"LOGIN"}, taken: true, hello: "copier-5"},
		{name: "msmtp with STARTTLS", policy: "exchange", command: msmtp, config: common + "auth on\ntls on\ntls_certcheck off\n", tls: probes.StartTLS, version: "TLS 1.3", auth: []string{"LOGIN"}, taken: true, hello: "copier-5"},
		{name: "msmtp with implicit TLS", policy: "exchange", command: msmtp, config: common + "auth on\ntls on\ntls_starttls off\ntls_certcheck off\n", tls: probes.Implicit, version: "TLS 1.3", auth: []string{"LOGIN"}, taken: true, hello: "copier-5"},
	}
}

func TestRealClientsAreRecordedAsTheyAre(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := c.captured(t, dir)
			c.compare(t, s)
			noPassword(t, dir, s)
		})
	}
}

// A client that checks certificates must be seen to refuse ours.
func TestClientThatRefusesTheCertificateIsSeen(t *testing.T) {
	for name, command := range map[string]func(at) []string{
		"curl": func(a at) []string {
			return []string{"curl", "--silent", "--mail-from", account, "--mail-rcpt", recipient, "--upload-file", "-", "smtps://" + a.addr()}
		},
		"smtplib": func(a at) []string {
			return []string{"python3", "-c", "import smtplib, ssl, sys; smtplib.SMTP_SSL(sys.argv[1], int(sys.argv[2]), context=ssl.create_default_context())", a.host, a.port}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := interop{policy: "exchange", command: command}.captured(t, t.TempDir())
			if s.TLS.Error != "certificate_refused" {
				t.Errorf("recorded %+v, want a refused certificate", s.TLS)
			}
		})
	}
}

// captured runs the client against a capture and returns what was recorded.
func (c interop) captured(t *testing.T, dir string) probes.Session {
	t.Helper()
	f, err := folder.Open(dir, folder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	policy, ok := capture.PolicyNamed(c.policy)
	if !ok {
		t.Fatalf("no policy is named %q", c.policy)
	}
	ctx, stop := context.WithCancel(t.Context())
	events, ended := make(chan probes.CaptureEvent, 64), make(chan error, 1)
	server := capture.Server{Listen: []string{"127.0.0.1:0"}, Policy: policy, Store: f}
	go func() { ended <- server.Run(ctx, func(ev probes.CaptureEvent) { events <- ev }) }()
	listening := (<-events).Listening
	if listening == nil || listening.Fault != nil {
		t.Fatalf("the capture did not open: %+v", listening)
	}
	said := c.run(t, listening.Addr)
	var s *probes.Session
	select {
	case ev := <-events:
		s = ev.Session
	case <-time.After(patience):
		t.Errorf("nothing was recorded; the client said:\n%s", said)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s == nil {
		t.FailNow()
	}
	onDisk, err := f.Session(t.Context(), s.ID)
	if err != nil || onDisk.Account() != s.Account() {
		t.Errorf("on disk is %+v, %v; want the session %s", onDisk, err, s.ID)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	return *s
}

// patience is how long a client, and then its record, may take before the test
// gives up.
const patience = 30 * time.Second

// run lets the client send and returns what it said. It must succeed just
// where the capture takes the message; a client that is not installed fails
// the test.
func (c interop) run(t *testing.T, addr string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	args := c.command(at{host, port})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stdin = t.TempDir(), strings.NewReader(message)
	if c.config != "" {
		config := c.config + "host " + host + "\nport " + port + "\n"
		if err := os.WriteFile(filepath.Join(cmd.Dir, "msmtprc"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := cmd.CombinedOutput()
	if _, refused := err.(*exec.ExitError); err != nil && !refused {
		t.Fatalf("%s cannot be run: %v", args[0], err)
	}
	if (err == nil) != c.taken {
		t.Errorf("%s ended with %v, want success: %v; it said:\n%s", args[0], err, c.taken, out)
	}
	if c.policy == "retired" && !strings.Contains(string(out), "5.7.30") && args[0] == "swaks" {
		t.Errorf("the client was not told 5.7.30; it said:\n%s", out)
	}
	return string(out)
}

func (c interop) compare(t *testing.T, s probes.Session) {
	t.Helper()
	want := func(what string, got, want any) {
		if got != want {
			t.Errorf("%s: recorded %v, want %v", what, got, want)
		}
	}
	var mechanisms []string
	for _, a := range s.Auth {
		mechanisms = append(mechanisms, a.Mechanism)
		want("account of "+a.Mechanism, a.Account, account)
		want("in clear", a.Cleartext, c.tls == probes.NoTLS)
	}
	if !slices.Equal(mechanisms, c.auth) {
		t.Errorf("mechanisms: recorded %v, want %v", mechanisms, c.auth)
	}
	want("TLS mode", s.TLS.Mode, c.tls)
	want("TLS version", s.TLS.Version, c.version)
	want("peer", s.Peer, "127.0.0.1")
	want("hello", s.Hello, c.hello)
	want("end", s.End, cmp.Or(c.end, probes.EndQuit))
	want("taken", s.Taken, c.taken)
	if !c.taken {
		want("outcome", s.Auth[0].Outcome, probes.AuthRefused)
		return
	}
	want("MAIL FROM", s.MailFrom, account)
	want("RCPT TO", strings.Join(s.RcptTo, " "), recipient)
	if s.Message == nil {
		t.Fatal("no message was recorded")
	}
	want("subject", s.Message.Subject, "Scan of 22 November")
	want("Message-ID", s.Message.MessageID, "<1@scanner.contoso.example>")
}

// noPassword looks for the password, as it is and as it went over the wire,
// in the record and in every file of the folder.
func noPassword(t *testing.T, dir string, s probes.Session) {
	t.Helper()
	record, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{"the record": string(record)}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		places[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(places) < 2 || !strings.Contains(string(record), s.ID) {
		t.Fatalf("looked into %d places only", len(places))
	}
	b64 := base64.StdEncoding.EncodeToString
	for place, text := range places {
		for _, secret := range []string{password, b64([]byte(password)), b64([]byte("\x00" + account + "\x00" + password))} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds the password as %q", place, secret)
			}
		}
	}
}
