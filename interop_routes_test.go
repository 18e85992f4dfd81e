//go:build interop

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/assets"
	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/lab"
	"offbasic/probes/submit"
	"offbasic/ui/cli"
	"offbasic/ui/text"
	"offbasic/wizard/folder"
)

// trialTo is a trial to a server on loopback.
func trialTo(port int, roots *x509.CertPool, edit func(*submit.Request)) submit.Request {
	r := submit.Request{
		Route: probes.Relay, Host: "127.0.0.1", Port: port, TLS: probes.StartTLS, Roots: roots, From: account,
		To: []string{labInside}, MessageID: "<1@offbasic.invalid>", Hello: "copier.contoso.example",
	}
	r.Message = submit.TestMessage(r.From, r.To, r.MessageID, "interop", time.Now())
	if edit != nil {
		edit(&r)
	}
	return r
}

func secretOf(s string) submit.Credential {
	return func(context.Context) (string, *probes.Claims, error) { return s, nil, nil }
}

// ends tells how a trial ended, in a line: "sent", or where it stopped.
func ends(tr probes.Trial) string {
	if tr.Outcome == probes.TrialSent {
		return "sent"
	}
	at := tr.Reached()
	if at.Fault != "" {
		return at.Step + " " + string(at.Fault)
	}
	code := strings.Fields(at.Reply)
	return at.Step + " " + strings.Join(code[:min(len(code), 2)], " ")
}

func holds(t *testing.T, name string, r submit.Request, want string) probes.Trial {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tr := submit.Send(ctx, r, nil)
	if got := ends(tr); got != want {
		t.Errorf("%s ended with %q, want %q: %+v", name, got, want, tr.Transcript)
	}
	return tr
}

// Postfix as the connector: it knows the office by its certificate or by its
// address, and relays for nobody else (check_ccert_access, check_client_access).
func TestPostfixAsTheConnector(t *testing.T) {
	dir := open0755(t)
	ca := issue(t, dir, "ca", nil, authority)
	server := issue(t, dir, "mx.contoso.example", &ca, nil)
	ours, theirs := issue(t, dir, "relay.contoso.example", &ca, nil), issue(t, dir, "relay.example.org", &ca, nil)
	common := `smtpd_tls_security_level = may
smtpd_tls_cert_file = ` + server.file + `
smtpd_tls_key_file = ` + server.file + `
smtpd_tls_ask_ccert = yes
smtpd_tls_fingerprint_digest = sha256
`
	byCertificate := postfix(t, common+"smtpd_relay_restrictions = check_ccert_access inline:{ {"+ours.fingerprint()+" = permit} } reject_unauth_destination\n")
	byAddress := postfix(t, common+"smtpd_relay_restrictions = check_client_access inline:{ {127.0.0.1 = permit} } reject_unauth_destination\n")
	pair := func(p paper) *tls.Certificate {
		c, err := tls.X509KeyPair(p.pem, p.pem)
		if err != nil {
			t.Fatal(err)
		}
		return &c
	}
	outside := []string{labOutside}
	tr := holds(t, "our certificate", trialTo(byCertificate, pool(ca), func(r *submit.Request) { r.To, r.ClientCertificate = outside, pair(ours) }), "sent")
	if tr.TLS == nil || !tr.TLS.ClientAsked || tr.TLS.Client != strings.ToLower(strings.ReplaceAll(ours.fingerprint(), ":", "")) {
		t.Errorf("TLS is %+v", tr.TLS)
	}
	holds(t, "somebody else's certificate", trialTo(byCertificate, pool(ca), func(r *submit.Request) { r.To, r.ClientCertificate = outside, pair(theirs) }), "rcpt 554 5.7.1")
	holds(t, "no certificate", trialTo(byCertificate, pool(ca), func(r *submit.Request) { r.To = outside }), "rcpt 554 5.7.1")
	holds(t, "no certificate, inside", trialTo(byCertificate, pool(ca), nil), "sent")
	holds(t, "our address", trialTo(byAddress, pool(ca), func(r *submit.Request) { r.To = outside }), "sent")
	holds(t, "a certificate of nobody", trialTo(byAddress, pool(ours), nil), "starttls tls_untrusted")
	holds(t, "allowed all the same", trialTo(byAddress, pool(ours), func(r *submit.Request) { r.AllowBadCertificate = true }), "sent")
}

// Postfix with Dovecot SASL: passwords by LOGIN and PLAIN.
func TestPostfixWithDovecotSASL(t *testing.T) {
	dir := open0755(t)
	ca := issue(t, dir, "ca", nil, authority)
	server := issue(t, dir, "mx.contoso.example", &ca, nil)
	home := open0755(t)
	write(t, 0o644, account+":{PLAIN}"+password+"\n", home, "users")
	dovecot(t, home, `protocols =
ssl = no
auth_mechanisms = plain login
passdb {
  driver = passwd-file
  args = `+home+`/users
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=`+home+`
}
service auth {
  unix_listener `+home+`/auth {
    mode = 0666
  }
}
`)
	waitFor(t, "Dovecot's socket", func() bool { _, err := os.Stat(home + "/auth"); return err == nil })
	port := postfix(t, `smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = `+server.file+`
smtpd_tls_key_file = `+server.file+`
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = `+home+`/auth
smtpd_relay_restrictions = permit_sasl_authenticated reject
`)
	for _, m := range []submit.Mechanism{submit.LOGIN, submit.PLAIN} {
		signed := func(secret string) submit.Request {
			return trialTo(port, pool(ca), func(r *submit.Request) { r.Mechanism, r.Account, r.Credential = m, account, secretOf(secret) })
		}
		holds(t, string(m), signed(password), "sent")
		holds(t, string(m)+" with another password", signed("no"), "auth 535 5.7.8")
	}
	holds(t, "without a sign-in", trialTo(port, pool(ca), nil), "rcpt 554 5.7.1")
	holds(t, "in clear", trialTo(port, nil, func(r *submit.Request) {
		r.TLS, r.Mechanism, r.Account, r.Credential = probes.NoTLS, submit.LOGIN, account, secretOf(password)
	}), "auth mechanism_missing")
}

// Dovecot's submission with tokens of the lab, which it asks about: 2,900
// bytes, expired, and another's mailbox.
func TestDovecotSubmissionWithTokens(t *testing.T) {
	l := openLab(t)
	dir := open0755(t)
	ca := issue(t, dir, "ca", nil, authority)
	server := issue(t, dir, "submission.contoso.example", &ca, nil)
	home := open0755(t)
	port := freePort(t)
	relayHost, relayPort := l.Endpoint("relay")
	write(t, 0o644, "introspection_url = "+introspection(t, account)+"\nintrospection_mode = post\nactive_attribute = active\nactive_value = true\nusername_attribute = username\n", home, "oauth2.conf")
	dovecot(t, home, fmt.Sprintf(`protocols = submission
listen = 127.0.0.1
ssl = required
ssl_cert = <%[1]s
ssl_key = <%[1]s
auth_mechanisms = xoauth2 oauthbearer
submission_relay_host = %[2]s
submission_relay_port = %[3]d
submission_relay_trusted = no
hostname = submission.contoso.example
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = %[4]s/oauth2.conf
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=%[4]s
}
service submission-login {
  inet_listener submission {
    port = %[5]d
  }
}
`, server.file, relayHost, relayPort, home, port))
	waitFor(t, "Dovecot", func() bool { return listens(port) })
	long := func(claims map[string]any) { claims["padding"] = strings.Repeat("x", 2400) }
	if n := len(l.IssueToken(long)); n < 2900 {
		t.Fatalf("the long token has %d bytes", n)
	}
	for _, m := range []submit.Mechanism{submit.XOAUTH2, submit.OAUTHBEARER} {
		signed := func(user string, edit func(map[string]any)) submit.Request {
			return trialTo(port, pool(ca), func(r *submit.Request) {
				r.Mechanism, r.Account, r.Credential = m, user, secretOf(l.IssueToken(edit))
			})
		}
		holds(t, string(m), signed(account, nil), "sent")
		holds(t, string(m)+" with 2,900 bytes", signed(account, long), "sent")
		expired := signed(account, func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() })
		tr := holds(t, string(m)+" expired", expired, "auth 535 5.7.8")
		if !slices.ContainsFunc(tr.Transcript, func(l probes.Line) bool { return l.From == probes.Note && strings.Contains(l.Text, "challenge") }) {
			t.Errorf("%s: what Dovecot says of a refused token is not in the transcript", m)
		}
		holds(t, string(m)+" for another's mailbox", signed("accounting@contoso.example", nil), "auth 535 5.7.8")
	}
}

// Exim as a relay, with and without a password and TLS.
func TestEximAsARelay(t *testing.T) {
	exim := os.Getenv("EXIM")
	if exim == "" {
		exim = "exim4"
	}
	dir := open0755(t)
	ca := issue(t, dir, "ca", nil, authority)
	server := issue(t, dir, "relay.contoso.example", &ca, nil)
	home := open0755(t)
	if err := os.Mkdir(home+"/spool", 0o755); err != nil {
		t.Fatal(err)
	}
	binary, err := exec.LookPath(exim)
	if err != nil {
		t.Fatal(err)
	}
	must(t, "cp", binary, home+"/exim")
	must(t, "chown", "Debian-exim", home+"/spool")
	port := freePort(t)
	conf := write(t, 0o640, fmt.Sprintf(`exim_path = %[1]s/exim
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = %[1]s/spool
log_file_path = %[1]s/spool/%%slog
primary_hostname = relay.contoso.example
local_interfaces = 127.0.0.1.%[2]d
queue_only = true
keep_environment =
tls_advertise_hosts = *
tls_certificate = %[3]s
tls_privatekey = %[3]s
auth_advertise_hosts = *
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept authenticated = *
  accept domains = contoso.example
  deny message = relay not permitted
begin authenticators
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and{{eq{$auth1}{%[4]s}}{eq{$auth2}{%[5]s}}}}
  server_set_id = $auth1
`, home, port, server.file, account, password), home, "conf")
	must(t, "chgrp", "Debian-exim", conf)
	serves(t, port, home+"/exim", "-C", conf, "-bdf")
	outside := func(r *submit.Request) { r.To = []string{labOutside} }
	holds(t, "inside with TLS", trialTo(port, pool(ca), nil), "sent")
	readsExim(t, home+"/exim", conf)
	holds(t, "inside in clear", trialTo(port, nil, func(r *submit.Request) { r.TLS = probes.NoTLS }), "sent")
	holds(t, "outside", trialTo(port, pool(ca), outside), "rcpt 550 relay")
	holds(t, "outside with a password", trialTo(port, pool(ca), func(r *submit.Request) {
		outside(r)
		r.Mechanisms, r.Account, r.Credential = []submit.Mechanism{submit.PLAIN, submit.LOGIN}, account, secretOf(password)
	}), "sent")
	holds(t, "another password", trialTo(port, pool(ca), func(r *submit.Request) {
		r.Mechanism, r.Account, r.Credential = submit.LOGIN, account, secretOf("no")
	}), "auth 535 Incorrect")
}

// OpenSSL as a server with bad chains, names and versions. It speaks no SMTP:
// what stands is what the handshake ends with.
func TestOpenSSLWithBadCertificates(t *testing.T) {
	dir := open0755(t)
	root := issue(t, dir, "root", nil, authority)
	between := issue(t, dir, "between", &root, authority)
	good := issue(t, dir, "good.contoso.example", &between, nil)
	chain := write(t, 0o644, string(between.pem), dir, "chain.pem")
	gone := issue(t, dir, "gone.contoso.example", &root, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	})
	other := issue(t, dir, "other.example.org", &root, func(c *x509.Certificate) { c.IPAddresses = nil })
	own := issue(t, dir, "own.contoso.example", nil, nil)
	for _, tt := range []struct {
		name    string
		cert    string
		options []string
		want    string
	}{
		{"a whole chain", good.file, []string{"-cert_chain", chain}, "banner"},
		{"without the certificate between", good.file, nil, "tls tls_untrusted"},
		{"expired", gone.file, nil, "tls tls_expired"},
		{"another name", other.file, nil, "tls tls_name"},
		{"self-signed", own.file, nil, "tls tls_untrusted"},
		{"TLS 1.1 only", good.file, []string{"-cert_chain", chain, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"}, "tls tls_failed"},
		{"TLS 1.2 only", good.file, []string{"-cert_chain", chain, "-tls1_2"}, "banner"},
		{"TLS 1.3 only", good.file, []string{"-cert_chain", chain, "-tls1_3"}, "banner"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			port := freePort(t)
			serves(t, port, append([]string{"openssl", "s_server", "-accept", fmt.Sprintf("127.0.0.1:%d", port), "-cert", tt.cert, "-key", tt.cert, "-quiet"}, tt.options...)...)
			r := trialTo(port, pool(root), func(r *submit.Request) { r.TLS, r.Timeouts.Command = probes.Implicit, 5*time.Second })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			tr := submit.Send(ctx, r, nil)
			if got := ends(tr); !strings.HasPrefix(got, tt.want) {
				t.Errorf("ended with %q, want %q; TLS is %+v", got, tt.want, tr.TLS)
			}
			if tt.want == "banner" && (tr.TLS == nil || !tr.TLS.Verified || len(tr.TLS.Chain) != 2) {
				t.Errorf("the chain is %+v", tr.TLS)
			}
			if strings.HasPrefix(tt.want, "tls tls_") && tt.want != "tls tls_failed" && (tr.TLS == nil || len(tr.TLS.Chain) == 0 || tr.TLS.Verified) {
				t.Errorf("the bad chain is not shown: %+v", tr.TLS)
			}
		})
	}
}

// The commands for a colleague do what the trial did: swaks and curl, run by a
// shell that reads the secret as the comment says, at the lab. No process has
// the secret among its arguments.
func TestTheCommandsOfATrialWork(t *testing.T) {
	l := openLab(t)
	dir := t.TempDir()
	ca := write(t, 0o600, string(l.CA()), dir, "ca.pem")
	client, err := l.ClientCertificate()
	if err != nil {
		t.Fatal(err)
	}
	write(t, 0o600, string(client), dir, "client.pem")
	words, err := text.Load(assets.Locales(), "fr")
	if err != nil {
		t.Fatal(err)
	}
	f, err := folder.Open(filepath.Join(dir, "m"), folder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := &cli.Work{Text: words, Folder: f}
	relayUser, relayPassword := l.Login("relay")
	pair, err := tls.X509KeyPair(client, client)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, service string
		secret        string
		edit          func(*submit.Request)
	}{
		{"a password", "submission", l.Password(account), func(r *submit.Request) {
			r.Route, r.Mechanism, r.Account, r.Credential = probes.Basic, submit.LOGIN, account, secretOf(l.Password(account))
		}},
		{"a token", "submission", l.IssueToken(nil), func(r *submit.Request) {
			r.Route, r.Mechanism, r.Account, r.Credential = probes.OAuth, submit.XOAUTH2, account, secretOf(l.IssueToken(nil))
		}},
		{"a client's certificate", "mx", "", func(r *submit.Request) {
			r.Route, r.To, r.ClientCertificate = probes.Connector, []string{labOutside}, &pair
		}},
		{"a relay", "relay", relayPassword, func(r *submit.Request) {
			r.Mechanism, r.Account, r.Credential = submit.PLAIN, relayUser, secretOf(relayPassword)
		}},
		{"a relay in clear", "relay", "", func(r *submit.Request) { r.TLS = probes.NoTLS }},
	} {
		_, port := l.Endpoint(tt.service)
		tr := holds(t, tt.name, trialTo(port, l.Roots(), tt.edit), "sent")
		repeats := w.Repeat(tr)
		for name, line := range map[string]string{"swaks": repeats.Swaks, "curl": repeats.Curl} {
			if line == "" {
				continue
			}
			before := len(l.Delivered()) + len(l.Departed())
			out, err := typedInto(t, dir, ca, asking(w.RepeatText(tr))+line, tt.secret)
			if err != nil || !delivered(l, before) {
				t.Errorf("%s by %s: %v\n%s\n%s", tt.name, name, err, line, out)
			}
		}
	}
	graph := probes.Trial{Route: probes.Graph, Mode: probes.Implicit, Server: strings.TrimPrefix(l.GraphBase(), "https://"), From: account, To: []string{labInside}}
	token := l.IssueToken(func(c map[string]any) { c["aud"], c["roles"] = "https://graph.microsoft.com", []string{"Mail.Send"} })
	before := len(l.Delivered()) + len(l.Departed())
	out, err := typedInto(t, dir, ca, asking(w.RepeatText(graph))+w.Repeat(graph).Curl, token)
	if err != nil || !delivered(l, before) {
		t.Errorf("Graph by curl: %v\n%s", err, out)
	}
}

// asking is the command of the comments that reads a secret; "" without one.
func asking(repeat string) string {
	_, command, found := strings.Cut(repeat, "stty ")
	if !found {
		return ""
	}
	command, _, _ = strings.Cut(command, "\n")
	return "stty " + command + "\n"
}

// typedInto runs commands in a shell into which a secret is typed. Whatever is
// started notes its arguments first, and none of them may hold the secret.
func typedInto(t *testing.T, dir, ca, commands, secret string) (output string, err error) {
	t.Helper()
	shims := t.TempDir()
	for _, name := range []string{"swaks", "curl", "sed", "base64", "tr", "stty"} {
		binary, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, 0o755, "#!/bin/sh\nprintf '%s\\n' \"$@\" >> "+shims+"/arguments\nexec "+binary+" \"$@\"\n", shims, name)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", commands)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(secret+"\n")
	cmd.Env = append(os.Environ(), "PATH="+shims+":"+os.Getenv("PATH"), "SSL_CERT_FILE="+ca, "CURL_CA_BUNDLE="+ca)
	out, err := cmd.CombinedOutput()
	arguments, readErr := os.ReadFile(shims + "/arguments")
	if readErr != nil {
		t.Fatal(readErr)
	}
	if secret != "" && strings.Contains(string(arguments), secret) {
		t.Errorf("a process has the secret among its arguments:\n%s", commands)
	}
	return string(out), err
}

// A password of signs that a shell, sed or curl could take for their own
// arrives as it was typed.
func TestAnyPasswordReachesTheServer(t *testing.T) {
	const odd = ` pa"ss\wo'rd &/$(x)%s ;é`
	got := make(chan string, 2)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go passwordsAt(ln, got)
	words, err := text.Load(assets.Locales(), "en")
	if err != nil {
		t.Fatal(err)
	}
	w := &cli.Work{Text: words}
	tr := probes.Trial{
		Route: probes.Relay, Mode: probes.NoTLS, Server: ln.Addr().String(), Mechanism: "PLAIN",
		Account: `sc"an\o'&@contoso.example`, From: account, To: []string{labInside}, Message: "message.eml",
	}
	dir := t.TempDir()
	write(t, 0o600, "Subject: test\r\n\r\ntest\r\n", dir, "message.eml")
	repeats := w.Repeat(tr)
	for name, line := range map[string]string{"swaks": repeats.Swaks, "curl": repeats.Curl} {
		out, err := typedInto(t, dir, "", asking(w.RepeatText(tr))+line, odd)
		if err != nil {
			t.Errorf("%s: %v\n%s\n%s", name, err, line, out)
			continue
		}
		if want := "\x00" + tr.Account + "\x00" + odd; <-got != want {
			t.Errorf("%s did not send %q\n%s", name, want, line)
		}
	}
}

// passwordsAt takes every message, and hands on what AUTH PLAIN said.
func passwordsAt(ln net.Listener, got chan<- string) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		said, inData := "", false
		fmt.Fprint(conn, "220 relay\r\n")
		for in := bufio.NewScanner(conn); in.Scan(); {
			line := strings.TrimRight(in.Text(), "\r")
			verb, rest, _ := strings.Cut(line, " ")
			switch {
			case inData && line != ".":
				continue
			case inData:
				inData = false
				fmt.Fprint(conn, "250 taken\r\n")
			case verb == "EHLO":
				fmt.Fprint(conn, "250-relay\r\n250 AUTH PLAIN\r\n")
			case verb == "AUTH" && rest == "PLAIN":
				fmt.Fprint(conn, "334 \r\n")
			case verb == "AUTH" || said == "" && verb != "MAIL":
				plain, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, "AUTH PLAIN "))
				said = string(plain)
				fmt.Fprint(conn, "235 yes\r\n")
			case verb == "DATA":
				inData = true
				fmt.Fprint(conn, "354 go\r\n")
			default:
				fmt.Fprint(conn, "250 yes\r\n")
			}
		}
		conn.Close()
		got <- said
	}
}

func delivered(l *lab.Lab, before int) bool { return len(l.Delivered())+len(l.Departed()) > before }

// readsExim reads the header of the message that Exim just took: it writes
// "with esmtps" and the TLS version into its own hop.
func readsExim(t *testing.T, exim, conf string) {
	t.Helper()
	queue, err := exec.CommandContext(t.Context(), exim, "-C", conf, "-bp").CombinedOutput()
	id := regexp.MustCompile(`\b[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}\b`).FindString(string(queue))
	if err != nil || id == "" {
		t.Fatalf("the queue of Exim: %v\n%s", err, queue)
	}
	message, err := exec.CommandContext(t.Context(), exim, "-C", conf, "-Mvc", id).CombinedOutput()
	if err != nil {
		t.Fatalf("the message in the queue: %v\n%s", err, message)
	}
	head := checks.ReadHead(message)
	if len(head.Hops) != 1 || head.MessageID == "" {
		t.Fatalf("%d hops are read of\n%s", len(head.Hops), message)
	}
	if h := head.Hops[0]; h.By != "relay.contoso.example" || h.Address != "127.0.0.1" || !strings.EqualFold(h.With, "esmtps") || h.TLS != "TLS 1.3" || h.At.IsZero() {
		t.Errorf("the hop is %+v of\n%s", h, message)
	}
}
