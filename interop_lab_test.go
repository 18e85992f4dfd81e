//go:build interop

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/lab"
	"offbasic/wizard"
)

const (
	labDevice  = "printer@contoso.example"
	labInside  = "it@contoso.example"
	labOutside = "support@example.org"
	labHVE     = "alerts@contoso.example"
)

// labCall is one client's call at a service of the lab.
type labCall struct {
	name, service string
	command       []string // after the server and the message
	from, to      string
	refused       string // code and enhanced code of the last word; "" means that it was taken
}

// openLab is a lab with everything set up: the service principal, the account
// of High Volume Email with a password, the connector by certificate, legacy
// TLS.
func openLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.Start(t.Context(), lab.Options{NoLimits: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	app := wizard.Registration{Name: "lab", ClientID: l.App().ClientID, ObjectID: l.App().ObjectID}
	scripts := []probes.Script{allowBasic(labHVE)}
	for name, v := range map[string]wizard.ScriptValues{
		"service-principal":     {App: app, Mailbox: account},
		"connector-certificate": {Certificate: "relay.contoso.example"},
		"legacy-tls":            {},
		"hve-account":           {App: app, HVE: labHVE, BillingPolicy: l.BillingPolicy()},
	} {
		s, ok := wizard.ScriptNamed(name, v)
		if !ok {
			t.Fatalf("no script %s", name)
		}
		scripts = append([]probes.Script{s}, scripts...)
	}
	for _, s := range scripts {
		if _, err := l.Execute(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// allowBasic gives an account an authentication policy with -AllowBasicAuthSmtp
// (New-AuthenticationPolicy; Set-User, -AuthenticationPolicy).
func allowBasic(account string) probes.Script {
	const policy = "Passwords for High Volume Email"
	return probes.Script{Name: "allow-basic", Module: probes.ExchangeOnline, Steps: []probes.ScriptStep{
		{ID: "policy", Do: probes.Call("New-AuthenticationPolicy", probes.P("Name", probes.Text(policy)), probes.P("AllowBasicAuthSmtp", probes.Switch()))},
		{ID: "user", Do: probes.Call("Set-User", probes.P("Identity", probes.Text(account)), probes.P("AuthenticationPolicy", probes.Text(policy)))},
	}}
}

// labSwaks are the calls of swaks, from the Debian package of the same name.
func labSwaks(l *lab.Lab, ca, own, theirs string) []labCall {
	login := func(user, password string) []string {
		return []string{"-tls", "--tls-verify", "--tls-ca-path", ca, "--auth", "LOGIN", "--auth-user", user, "--auth-password", password}
	}
	tls := []string{"-tls", "--tls-verify", "--tls-ca-path", ca}
	certificate := func(file string) []string { return append([]string{"--tls-cert", file, "--tls-key", file}, tls...) }
	acsUser, acsPassword := l.Login("acs")
	relayUser, relayPassword := l.Login("relay")
	providerUser, providerKey := l.Login("provider")
	old := append([]string{"--tls-protocol", "tlsv1_1", "--tls-cipher", "DEFAULT@SECLEVEL=0"}, login(account, l.Password(account))...)
	return []labCall{
		{"submission with a password", "submission", login(account, l.Password(account)), account, labInside, ""},
		{"submission to the outside", "submission", login(account, l.Password(account)), account, labOutside, ""},
		{"submission with another password", "submission", login(account, "no"), account, labInside, "535 5.7.3"},
		{"submission without one", "submission", tls, account, labInside, "530 5.7.57"},
		{"submission in clear", "submission", nil, account, labInside, "451 5.7.3"},
		{"submission as somebody else", "submission", login(account, l.Password(account)), "accounting@contoso.example", labInside, "554 5.2.252"},
		{"submission with TLS 1.1", "submission", old, account, labInside, "421 4.7.66"},
		{"legacy with TLS 1.1", "legacy", old, account, labInside, ""},
		{"hve with a password", "hve", login(labHVE, l.Password(labHVE)), labHVE, labInside, ""},
		{"hve to the outside", "hve", login(labHVE, l.Password(labHVE)), labHVE, labOutside, "550 5.5.105"},
		{"hve with a mailbox", "hve", login(account, l.Password(account)), account, labInside, "550 5.2.240"},
		{"direct", "mx", nil, labDevice, labInside, ""},
		{"direct with TLS", "mx", tls, labDevice, labInside, ""},
		{"direct to the outside", "mx", tls, labDevice, labOutside, "550 5.7.64"},
		{"connector by certificate", "mx", certificate(own), labDevice, labOutside, ""},
		{"connector with somebody else's certificate", "mx", certificate(theirs), labDevice, labOutside, "550 5.7.64"},
		{"acs", "acs", login(acsUser, acsPassword), labDevice, labOutside, ""},
		{"acs with another password", "acs", login(acsUser, "no"), labDevice, labOutside, "535 5.7.3"},
		{"relay in clear", "relay", nil, labDevice, labInside, ""},
		{"relay with TLS and a password", "relay", login(relayUser, relayPassword), labDevice, labInside, ""},
		{"provider", "provider", login(providerUser, providerKey), labDevice, labInside, ""},
		{"provider with the key twice", "provider", login(providerKey, providerKey), labDevice, labOutside, ""},
	}
}

// Each service of the lab, as swaks sees it: what is taken has arrived or left,
// what is refused is refused with the code.
func TestSwaksAtEveryServiceOfTheLab(t *testing.T) {
	l := openLab(t)
	dir := t.TempDir()
	ours, err := l.ClientCertificate()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := l.CertificateFor("relay.example.org")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for name, content := range map[string][]byte{"ca": l.CA(), "ours": ours, "theirs": foreign} {
		files[name] = filepath.Join(dir, name+".pem")
		if err := os.WriteFile(files[name], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range labSwaks(l, files["ca"], files["ours"], files["theirs"]) {
		t.Run(c.name, func(t *testing.T) {
			host, port := l.Endpoint(c.service)
			id := fmt.Sprintf("<swaks-%d@printer.contoso.example>", i)
			command := append([]string{
				"swaks", "--server", host, "--port", fmt.Sprint(port), "--ehlo", "printer.contoso.example", "--from", c.from, "--to", c.to, "--data", "-",
			}, c.command...)
			out := runClient(t, command, "From: "+c.from+"\nTo: "+c.to+"\nSubject: swaks\nMessage-ID: "+id+"\n\nhello\n")
			if c.refused != "" {
				if !strings.Contains(out, "<** "+c.refused) && !strings.Contains(out, "<~* "+c.refused) {
					t.Errorf("no %s in\n%s", c.refused, out)
				}
				return
			}
			if !arrivedOrLeft(t, l, c.to, id) {
				t.Errorf("%s did not get %s\n%s", c.to, id, out)
			}
		})
	}
}

// curl sends a token with XOAUTH2, on the AUTH line or after it.
func TestCurlSendsATokenToTheLab(t *testing.T) {
	l := openLab(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, l.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ service, from string }{{"submission", account}, {"hve", labHVE}} {
		host, port := l.Endpoint(c.service)
		id := "<curl-" + c.service + "@printer.contoso.example>"
		config := fmt.Sprintf("url = \"smtp://%s:%d/printer.contoso.example\"\nuser = %q\noauth2-bearer = %q\n", host, port, c.from, l.IssueToken(nil))
		file := filepath.Join(t.TempDir(), "curl.conf")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		out := runClient(t, []string{
			"curl", "--silent", "--show-error", "--verbose", "--ssl-reqd", "--cacert", ca, "--login-options", "AUTH=XOAUTH2",
			"--mail-from", c.from, "--mail-rcpt", labInside, "--upload-file", "-", "--config", file,
		}, "From: "+c.from+"\r\nTo: "+labInside+"\r\nSubject: curl\r\nMessage-ID: "+id+"\r\n\r\nhello\r\n")
		if !arrivedOrLeft(t, l, labInside, id) {
			t.Errorf("%s: did not arrive\n%s", c.service, out)
		}
	}
}

// runClient runs a client with the message on its input and gives what it
// printed.
func runClient(t *testing.T, command []string, input string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatalf("%s: %v", command[0], err)
	}
	return string(out)
}

// arrivedOrLeft tells whether a message is in a mailbox of the lab, in whatever
// folder, or has left for a recipient outside.
func arrivedOrLeft(t *testing.T, l *lab.Lab, to, id string) bool {
	t.Helper()
	for _, d := range l.Departed() {
		if d.To == to && d.MessageID == id {
			return true
		}
	}
	for _, d := range l.Delivered() {
		if d.To == to && d.MessageID == id {
			return true
		}
	}
	return false
}
