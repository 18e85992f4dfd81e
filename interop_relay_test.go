//go:build interop

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"offbasic/ui/cli"
)

// xoauth2 is the folder of the plugin sasl-xoauth2: that of SASL_XOAUTH2, or
// the system's when its package is installed. Debian 12 has none.
func xoauth2() string {
	places := []string{os.Getenv("SASL_XOAUTH2")}
	system, _ := filepath.Glob("/usr/lib*/*/sasl2")
	for _, dir := range append(places, system...) {
		if _, err := os.Stat(filepath.Join(dir, "libsasl-xoauth2.so")); dir != "" && err == nil {
			return dir
		}
	}
	return ""
}

// written is a relay for the lab in a folder of its own, as it is written for
// Exchange Online, beside what makes a Postfix run there.
func written(t *testing.T, change func(*cli.PostfixRelay), plugin string) (home string, port int) {
	t.Helper()
	home = open0755(t)
	etc := filepath.Join(home, "relay")
	for _, dir := range []string{"conf", "spool", "state", "relay", "relay/tokens"} {
		if err := os.Mkdir(filepath.Join(home, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	must(t, "chown", "postfix", home+"/state", etc+"/tokens")
	r := cli.PostfixRelay{
		Name: "relay.contoso.example", SMTP: "smtp.office365.com", Port: 587, Account: account, Admin: labInside,
		Client: "c", TokenURL: "https://login.microsoftonline.com/t/oauth2/v2.0/token", Scope: "https://outlook.office365.com/.default",
		Networks: []string{"192.0.2.0/24", "[2001:db8::]/64"}, Etc: etc,
	}
	if change != nil {
		change(&r)
	}
	files, err := r.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		write(t, 0o755, content, etc, name)
	}
	main := strings.Replace(files["main.cf"], "inet_interfaces = all", "inet_interfaces = 127.0.0.1\ninet_protocols = ipv4", 1)
	main = strings.Replace(main, "/etc/ssl/certs/ca-certificates.crt", etc+"/ca.pem", 1)
	write(t, 0o644, main+fmt.Sprintf(`queue_directory = %[1]s/spool
data_directory = %[1]s/state
mail_owner = postfix
setgid_group = postdrop
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
import_environment = MAIL_CONFIG SASL_PATH=%[2]s
smtp_host_lookup = native
`, home, plugin), home, "conf", "main.cf")
	port = freePort(t)
	write(t, 0o644, postfixServices(port, "bounce"), home, "conf", "master.cf")
	return home, port
}

// postfix(1), check: warns about bad ownership and permissions and of bad
// settings; postconf -n names settings that Postfix does not know.
func TestPostfixAcceptsTheWrittenRelay(t *testing.T) {
	home, _ := written(t, nil, "")
	write(t, 0o644, "", home, "relay", "ca.pem")
	for _, command := range [][]string{{"postfix", "-c", home + "/conf", "check"}, {"postconf", "-c", home + "/conf", "-n"}} {
		out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
		if err != nil || strings.Contains(string(out), "warning:") {
			t.Errorf("%s: %v\n%s", strings.Join(command, " "), err, out)
		}
	}
	if log, err := os.ReadFile(home + "/log"); err == nil && strings.Contains(string(log), "warning:") {
		t.Errorf("postfix check says:\n%s", log)
	}
	out, err := exec.Command("postmap", "-c", home+"/conf", "-q", "[smtp.office365.com]:587", "texthash:"+home+"/relay/sasl_passwd").Output()
	if err != nil || strings.TrimSpace(string(out)) != account+":"+home+"/relay/tokens/"+account {
		t.Errorf("the token of the account is %q (%v)", out, err)
	}
	open, err := exec.Command("postconf", "-c", home+"/conf", "-h", "smtpd_relay_restrictions", "mynetworks").Output()
	if err != nil || !strings.HasPrefix(string(open), "permit_mynetworks, reject\n") || strings.Contains(string(open), "0.0.0.0/0") {
		t.Errorf("who may use it: %s (%v)", open, err)
	}
}

// The written relay signs in to the lab with a token that renew-token got with
// the application's secret, and checks the lab's certificate.
func TestWrittenRelaySignsInWithXOAUTH2(t *testing.T) {
	plugin := xoauth2()
	if plugin == "" {
		t.Log("no sasl-xoauth2 on this machine (Debian 12 has no package of it): the sign-in of the written relay was not tried")
		return
	}
	l := openLab(t)
	_, submission := l.Endpoint("submission")
	home, port := written(t, func(r *cli.PostfixRelay) {
		r.SMTP, r.Port, r.Client = "localhost", submission, l.App().ClientID
		r.TokenURL = l.Authority() + "/" + l.Tenant().ID + "/oauth2/v2.0/token"
		r.Networks = nil
	}, plugin)
	ca := write(t, 0o644, string(l.CA()), home, "relay", "ca.pem")
	write(t, 0o600, l.App().Secret, home, "relay", "client_secret")
	renew := exec.Command(home + "/relay/renew-token")
	renew.Env = append(os.Environ(), "SSL_CERT_FILE="+ca)
	if out, err := renew.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("renew-token: %v\n%s", err, out)
	}
	if err := exec.Command("postfix", "-c", home+"/conf", "start").Run(); err != nil { // its output is not kept: the servers would hold the pipe
		t.Fatalf("start Postfix: %v", err)
	}
	t.Cleanup(func() { _ = exec.Command("postfix", "-c", home+"/conf", "abort").Run() })
	waitFor(t, "Postfix", func() bool { return listens(port) })
	message := write(t, 0o644, "From: "+account+"\nTo: "+labOutside+"\nSubject: relayed\nMessage-ID: <x1@relay>\n\nhello\n", home, "message")
	must(t, "swaks", "--server", fmt.Sprintf("127.0.0.1:%d", port), "--from", account, "--to", labOutside, "--data", "@"+message)
	said := func() string {
		b, _ := os.ReadFile(home + "/log")
		return string(b)
	}
	waitFor(t, "the relay's verdict", func() bool { return strings.Contains(said(), " status=") })
	if !strings.Contains(said(), "status=sent") || !arrivedOrLeft(t, l, labOutside, "<x1@relay>") {
		t.Errorf("the relay says:\n%s", said())
	}
	if token, err := os.ReadFile(home + "/relay/tokens/" + account); err != nil || strings.Contains(said(), l.App().Secret) || len(token) == 0 {
		t.Errorf("the token file has %d bytes (%v), or the log holds the secret", len(token), err)
	}
}
