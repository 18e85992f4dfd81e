//go:build interop

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// paper is a certificate with its key, as files and as PEM.
type paper struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
	file string
}

// fingerprint is what Postfix writes with smtpd_tls_fingerprint_digest = sha256.
func (p paper) fingerprint() string {
	sum := sha256.Sum256(p.cert.Raw)
	text := strings.ToUpper(hex.EncodeToString(sum[:]))
	var parts []string
	for i := 0; i < len(text); i += 2 {
		parts = append(parts, text[i:i+2])
	}
	return strings.Join(parts, ":")
}

// issue makes a certificate, signed by issuer or by itself, and writes it into
// dir together with its key.
func issue(t *testing.T, dir, name string, issuer *paper, change func(*x509.Certificate)) paper {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(c)
	}
	parent, signer := c, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	p := paper{key: key, file: filepath.Join(dir, name+".pem")}
	if p.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p.pem = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...)
	if err := os.WriteFile(p.file, p.pem, 0o644); err != nil { // read by servers that run as others
		t.Fatal(err)
	}
	return p
}

// authority is a certificate that signs others.
func authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	c.DNSNames, c.IPAddresses = nil, nil
}

func pool(p paper) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.cert)
	return pool
}

// open0755 makes a folder that other users may enter.
func open0755(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "offbasic-interop-") //nolint:usetesting // nobody else may enter the test's own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

func write(t *testing.T, mode os.FileMode, content string, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.WriteFile(name, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return name
}

// serves runs a server until the test ends, and waits until it listens.
func serves(t *testing.T, port int, command ...string) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &said, &said, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", command[0], err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", command[0], said.String())
		}
	})
	for limit := time.Now().Add(30 * time.Second); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) {
		if listens(port) {
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s ended:\n%s", command[0], said.String())
		default:
		}
	}
	t.Fatalf("%s does not listen:\n%s", command[0], said.String())
}

// must runs a program that has to end well.
func must(t *testing.T, command ...string) {
	t.Helper()
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
}

// postfix runs an smtpd with these settings, which throws away what it takes.
func postfix(t *testing.T, settings string) (port int) {
	t.Helper()
	home := open0755(t)
	port = freePort(t)
	for _, dir := range []string{"conf", "spool", "state"} {
		if err := os.Mkdir(filepath.Join(home, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	must(t, "chown", "postfix", home+"/state")
	write(t, 0o644, `compatibility_level = 3.6
queue_directory = `+home+`/spool
data_directory = `+home+`/state
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.contoso.example
mydestination =
alias_maps =
local_recipient_maps =
default_transport = discard
relay_domains = contoso.example
relay_transport = discard
maillog_file = `+home+`/log
maillog_file_prefixes = `+home+`
import_environment = MAIL_CONFIG
mynetworks =
`+strings.ReplaceAll(settings, "$HOME", home), home, "conf", "main.cf")
	write(t, 0o644, postfixServices(port, "discard"), home, "conf", "master.cf")
	start := exec.Command("postfix", "-c", home+"/conf", "start") // its output is not kept: the servers would hold the pipe
	if err := start.Run(); err != nil {
		t.Fatalf("start Postfix: %v", err)
	}
	t.Cleanup(func() {
		_ = exec.Command("postfix", "-c", home+"/conf", "abort").Run()
		if t.Failed() {
			b, _ := os.ReadFile(home + "/log")
			t.Logf("Postfix said:\n%s", b)
		}
	})
	waitFor(t, "Postfix", func() bool { return listens(port) })
	return port
}

// postfixServices is the master.cf of a Postfix that listens on a port of
// loopback; undelivered is the daemon for what cannot be delivered.
func postfixServices(port int, undelivered string) string {
	return fmt.Sprintf(`127.0.0.1:%[1]d inet n - n - - smtpd
postlog   unix-dgram n -  n  -  1  postlogd
cleanup   unix  n  -  n  -  0  cleanup
qmgr      unix  n  -  n  300 1 qmgr
rewrite   unix  -  -  n  -  -  trivial-rewrite
bounce    unix  -  -  n  -  0  %[2]s
defer     unix  -  -  n  -  0  %[2]s
trace     unix  -  -  n  -  0  %[2]s
tlsmgr    unix  -  -  n  1000? 1 tlsmgr
proxymap  unix  -  -  n  -  -  proxymap
smtp      unix  -  -  n  -  -  smtp
discard   unix  -  -  n  -  -  discard
error     unix  -  -  n  -  -  error
retry     unix  -  -  n  -  -  error
anvil     unix  -  -  n  -  1  anvil
`, port, undelivered)
}

func listens(port int) bool {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// dovecot runs a Dovecot with a submission service, and what else is in config.
func dovecot(t *testing.T, home, config string) {
	t.Helper()
	conf := write(t, 0o644, `base_dir = `+home+`/run
state_dir = `+home+`/state
log_path = `+home+`/log
auth_verbose = yes
auth_debug = yes
default_internal_user = dovecot
default_login_user = dovenull
first_valid_uid = 1
mail_location = maildir:`+home+`/mail/%u
`+config, home, "dovecot.conf")
	cmd := exec.Command("dovecot", "-F", "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			b, _ := os.ReadFile(home + "/log")
			t.Logf("Dovecot said:\n%s", b)
		}
	})
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(30 * time.Second); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("%s did not come", what)
}

// introspection answers Dovecot's questions about tokens (RFC 7662): a token
// of the lab is active until its exp, and belongs to the mailbox that owner
// says.
func introspection(t *testing.T, owner string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.FormValue("token")
		if token == "" {
			_, token, _ = strings.Cut(r.Header.Get("Authorization"), "Bearer ")
		}
		var claims struct {
			Exp int64  `json:"exp"`
			Aud string `json:"aud"`
		}
		parts := strings.Split(token, ".")
		active := false
		if len(parts) == 3 {
			b, err := base64.RawURLEncoding.DecodeString(parts[1])
			active = err == nil && json.Unmarshal(b, &claims) == nil && time.Unix(claims.Exp, 0).After(time.Now())
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"active": active, "username": owner, "scope": "mail"})
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}
