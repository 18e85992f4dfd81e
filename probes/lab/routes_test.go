package lab_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"offbasic/probes/lab"
	"offbasic/wizard"
)

// plain signs in with SASL PLAIN.
func (c *client) plain(user, password string) string {
	return c.say("AUTH PLAIN " + b64("\x00"+user+"\x00"+password))
}

// Microsoft, "Create credentials for Simple Mail Transfer Protocol (SMTP)
// authentication": the user is resource|app|tenant, the password a secret.
func TestACSSendsToTheOutside(t *testing.T) {
	l := start(t, lab.Options{})
	user, password := l.Login("acs")
	if strings.Count(user, "|") != 2 || !strings.Contains(user, l.App().ClientID) || !strings.Contains(user, l.Tenant().ID) {
		t.Errorf("the user is %q", user)
	}
	signIn := func() *client {
		c := secure(t, l, "acs")
		wantReply(t, "sign-in", c.say("AUTH LOGIN", b64(user), b64(password)), "235 2.7.0 Authentication successful")
		return c
	}
	wantTaken(t, "outside", signIn().send(device, outside))
	wantTaken(t, "inside", signIn().send(device, inside))
	m := arrived(t, l, inside)
	results := m.header("Authentication-Results")
	if m.Folder != "Inbox" || !strings.Contains(results, "spf=pass") || !strings.Contains(results, "dkim=pass") || m.header("X-MS-Exchange-Organization-AuthAs") != "Anonymous" {
		t.Errorf("in %s with %s", m.Folder, results)
	}
	if left := l.Departed(); len(left) != 1 || left[0].Service != "acs" || left[0].To != outside {
		t.Errorf("left: %+v", left)
	}
	for what, pair := range map[string][2]string{
		"another password": {user, "no"}, "another app": {strings.Replace(user, l.App().ClientID, l.App().ObjectID, 1), password}, "no password": {user, ""},
	} {
		if got := secure(t, l, "acs").say("AUTH LOGIN", b64(pair[0]), b64(pair[1])+"="); strings.HasPrefix(got, "2") {
			t.Errorf("%s: %s", what, got)
		}
	}
	if got := signIn().send("a@example.org", inside); !strings.HasPrefix(got, "550") {
		t.Errorf("a domain that is not linked: %s", got)
	}
}

// A relay in the office: with and without TLS and password, onward through the
// MX host from the office's address.
func TestRelayTakesWhateverADeviceCanDo(t *testing.T) {
	l := start(t, lab.Options{})
	user, password := l.Login("relay")
	wantTaken(t, "in clear", open(t, l, "relay").greeted().send(device, inside))
	c := open(t, l, "relay").greeted()
	wantReply(t, "a password in clear", c.plain(user, password), "235 2.7.0 Authentication successful")
	wantTaken(t, "with a password", c.send(device, inside))
	wantTaken(t, "with TLS", secure(t, l, "relay").send(device, inside))
	wantReply(t, "another password", secure(t, l, "relay").plain(user, "no"), "535 5.7.8 Error: authentication failed")
	if list := inbox(t, l, inside); len(list) != 3 || list[0].Folder != "Junk Email" {
		t.Fatalf("without a connector: %+v", list)
	}
	// Without a connector mail to the outside comes back; with one it goes.
	wantTaken(t, "to the outside", secure(t, l, "relay").send(device, outside))
	if left := l.Departed(); len(left) != 0 {
		t.Errorf("left without a connector: %+v", left)
	}
	execute(t, l, named(t, "connector-address", address(l)))
	wantTaken(t, "to the outside", secure(t, l, "relay").send(device, outside, inside))
	if left := l.Departed(); len(left) != 1 || left[0].To != outside {
		t.Errorf("left with a connector: %+v", left)
	}
	m := inbox(t, l, inside)[0]
	if hops := m.all("Received"); m.Folder != "Inbox" || len(hops) != 3 || !strings.Contains(hops[2], "by relay.contoso.example with ESMTPS;") {
		t.Errorf("in %s by %v", m.Folder, hops)
	}
}

// The logins of the catalogue: an account with a key, "apikey" with a key, a
// token twice.
func TestProviderTakesItsKeyInEveryForm(t *testing.T) {
	l := start(t, lab.Options{})
	user, key := l.Login("provider")
	for _, u := range []string{user, "apikey", key} {
		wantReply(t, "sign-in", secure(t, l, "provider").plain(u, key), "235 2.7.0 Authentication successful")
	}
	wantReply(t, "another key", secure(t, l, "provider").plain(user, "no"), "535 5.7.8 Authentication credentials invalid")
	if got := secure(t, l, "provider").send(device, inside); !strings.HasPrefix(got, "530") {
		t.Errorf("without signing in: %s", got)
	}
	c := secure(t, l, "provider")
	c.plain(user, key)
	wantTaken(t, "inside", c.send(device, inside))
	if m := arrived(t, l, inside); m.Folder != "Junk Email" || !strings.Contains(m.header("Authentication-Results"), "spf=fail (sender IP is 198.51.100.25)") {
		t.Errorf("not in SPF, and in %s: %s", m.Folder, m.header("Authentication-Results"))
	}
	l.SetRecord("TXT contoso.example", "v=spf1 include:spf.protection.outlook.com include:spf.provider.example -all")
	c = secure(t, l, "provider")
	c.plain(user, key)
	wantTaken(t, "inside", c.send(device, inside, outside))
	if m := inbox(t, l, inside)[0]; m.Folder != "Inbox" {
		t.Errorf("in SPF, and in %s", m.Folder)
	}
	// A provider in SPF, and Direct Send refused: it comes from the tenant's domain without a connector.
	execute(t, l, named(t, "direct-send-reject", wizard.ScriptValues{}))
	c = secure(t, l, "provider")
	c.plain(user, key)
	wantTaken(t, "the provider takes it", c.send(device, inside))
	if list := inbox(t, l, inside); len(list) != 2 {
		t.Errorf("RejectDirectSend let it in: %+v", list)
	}
}

// Microsoft, "Opt in to the Exchange Online endpoint for legacy TLS clients":
// TLS 1.0 and 1.1 on smtp-legacy only, and only after opting in.
func TestLegacyEndpointTakesOldTLSAfterOptingIn(t *testing.T) {
	l := start(t, lab.Options{})
	first := func(service string) (string, *client) {
		c := open(t, l, service).greeted()
		c.say("STARTTLS")
		conn := tls.Client(c.conn, &tls.Config{RootCAs: l.Roots(), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}) //nolint:gosec // an old device
		c.conn, c.r = conn, bufio.NewReader(conn)
		return c.say("EHLO printer"), c
	}
	got, _ := first("legacy")
	wantReply(t, "not opted in", got, "550 5.7.67 TLS 1.0 and 1.1 are not allowed by your organization")
	execute(t, l, named(t, "legacy-tls", wizard.ScriptValues{}))
	got, c := first("legacy")
	if !strings.Contains(got, "AUTH LOGIN XOAUTH2") {
		t.Fatalf("opted in: %q", got)
	}
	wantReply(t, "password", c.say("AUTH LOGIN", b64("scan@contoso.example"), b64(l.Password("scan@contoso.example"))), "235 2.7.0 Authentication successful")
	wantTaken(t, "sent", c.send("scan@contoso.example", inside))
	if m := arrived(t, l, inside); !strings.Contains(m.all("Received")[1], "version=TLS1_1") {
		t.Errorf("the hop is %s", m.all("Received")[1])
	}
	got, _ = first("submission")
	wantReply(t, "the normal endpoint", got, "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls")
	l.SetRetired(true)
	c = secure(t, l, "legacy")
	wantReply(t, "Basic ends there as well", c.say("AUTH LOGIN", b64("scan@contoso.example"), b64("x")), "550 5.7.30 Basic authentication is not supported for Client Submission.")
}

func TestEveryServiceHasItsOwnPlace(t *testing.T) {
	l := start(t, lab.Options{})
	seen := map[string]string{}
	for _, name := range lab.Services() {
		host, port := l.Endpoint(name)
		at := net.JoinHostPort(host, fmt.Sprint(port))
		if other := seen[at]; other != "" || !net.ParseIP(host).IsLoopback() || port == 0 {
			t.Errorf("%s listens on %s, as %s", name, at, other)
		}
		seen[at] = name
	}
	if host, port := l.Endpoint("nothing"); host != "" || port != 0 {
		t.Errorf("an unknown service is at %s:%d", host, port)
	}
	taken, _ := l.Endpoint("mx")
	_, port := l.Endpoint("mx")
	_, err := lab.Start(t.Context(), lab.Options{Addresses: map[string]string{"acs": net.JoinHostPort(taken, fmt.Sprint(port))}})
	if err == nil {
		t.Error("two services on one address")
	}
}

// The lab's names resolve to loopback, and its certificate is for them.
func TestServicesAreFoundByTheirNames(t *testing.T) {
	l := start(t, lab.Options{})
	records := l.Records()
	mx := strings.TrimSuffix(strings.Fields(records["MX contoso.example"][0])[1], ".")
	for service, name := range map[string]string{
		"submission": "smtp.office365.com", "legacy": "smtp-legacy.office365.com", "hve": "smtp.hve.mx.microsoft", "mx": mx,
		"acs": "smtp.azurecomm.net", "relay": "relay.contoso.example", "provider": "smtp.sendgrid.net",
	} {
		addresses, err := l.Lookup(t.Context(), name)
		if err != nil || len(addresses) != 1 || addresses[0] != "127.0.0.1" {
			t.Errorf("%s: %v %v", name, addresses, err)
			continue
		}
		c := open(t, l, service).greeted()
		c.say("STARTTLS")
		if err := tls.Client(c.conn, &tls.Config{RootCAs: l.Roots(), ServerName: name, MinVersion: tls.VersionTLS12}).HandshakeContext(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var notFound *net.DNSError
	if _, err := l.Lookup(t.Context(), "smtp.contoso.example"); !errors.As(err, &notFound) || !notFound.IsNotFound {
		t.Errorf("a name that is not there: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Lookup(ended, mx); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	for _, name := range []string{"TXT contoso.example", "TXT _dmarc.contoso.example", "CNAME selector1._domainkey.contoso.example", "MX example.org"} {
		if len(records[name]) == 0 {
			t.Errorf("no record %s", name)
		}
	}
}
