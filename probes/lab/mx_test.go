package lab_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes/lab"
	"offbasic/wizard"
)

const (
	device  = "printer@contoso.example" // no mailbox: any address of the domain will do
	inside  = "it@contoso.example"
	outside = "support@example.org"
)

func address(l *lab.Lab) wizard.ScriptValues {
	return wizard.ScriptValues{Addresses: []string{l.PublicAddress()}}
}

// Microsoft, "How to set up a multifunction device or application to send
// email": Direct Send reaches recipients inside, without signing in.
func TestMXTakesDirectSendForRecipientsInside(t *testing.T) {
	l := start(t, lab.Options{})
	for _, tt := range []struct{ what, from, to, want string }{
		{"inside", device, inside, "250 2.6.0 Queued mail for delivery"},
		{"somebody outside writes in", "a@example.org", inside, "250 2.6.0 Queued mail for delivery"},
		{"a group", device, l.Group(), "250 2.6.0 Queued mail for delivery"},
		{"nobody", device, "nobody@contoso.example", "550 5.4.1 Recipient address rejected: Access denied"},
		{"outside", device, outside, "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"},
		{"from outside to outside", "a@example.org", outside, "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"},
	} {
		wantReply(t, tt.what, secure(t, l, "mx").send(tt.from, tt.to), tt.want)
	}
	if got := open(t, l, "mx").say("EHLO printer"); strings.Contains(got, "AUTH") || !strings.Contains(got, "STARTTLS") || !strings.Contains(got, "SIZE 157286400") {
		t.Errorf("EHLO lists %q", got)
	}
}

// Microsoft, "Introducing more control over Direct Send in Exchange Online": what
// comes from the tenant's own domain without a connector is refused.
func TestRejectDirectSendRefusesOnlyTheTenantsOwnSenders(t *testing.T) {
	l := start(t, lab.Options{})
	execute(t, l, named(t, "direct-send-reject", wizard.ScriptValues{}))
	const refused = "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources"
	wantReply(t, "from the domain", secure(t, l, "mx").send(device, inside), refused)
	wantTaken(t, "from elsewhere", secure(t, l, "mx").send("a@example.org", inside))
	execute(t, l, named(t, "connector-address", address(l)))
	wantTaken(t, "through a connector", secure(t, l, "mx").send(device, inside))
}

// New-InboundConnector, -SenderIPAddresses; Microsoft, "How to set up a
// multifunction device": a connector relays to the outside, for senders of an
// accepted domain.
func TestConnectorByAddressRelays(t *testing.T) {
	l := start(t, lab.Options{})
	execute(t, l, named(t, "connector-address", address(l)))
	wantTaken(t, "to the outside", open(t, l, "mx").greeted().send(device, outside))
	wantReply(t, "a sender of another domain", secure(t, l, "mx").send("a@example.org", outside), "550 5.7.64 TenantAttribution; Relay Access Denied SMTP")
	if left := l.Departed(); len(left) != 1 || left[0].To != outside || left[0].From != device || left[0].Service != "mx" || left[0].MessageID == "" {
		t.Errorf("left: %+v", left)
	}
	l.SetPublicAddress("198.51.100.7") // the provider gave the office another one
	wantReply(t, "from a new public address", secure(t, l, "mx").send(device, outside), "550 5.7.64 TenantAttribution; Relay Access Denied SMTP")
}

// greeted says EHLO in clear.
func (c *client) greeted() *client {
	c.say("EHLO printer.contoso.example")
	return c
}

// New-InboundConnector, -TlsSenderCertificateName.
func TestConnectorByCertificateRelays(t *testing.T) {
	l := start(t, lab.Options{})
	execute(t, l, named(t, "connector-certificate", wizard.ScriptValues{Certificate: "relay.contoso.example"}))
	l.SetPublicAddress("198.51.100.7") // the address is of no matter
	ours, err := l.ClientCertificate()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := l.CertificateFor("relay.example.org")
	if err != nil {
		t.Fatal(err)
	}
	other := start(t, lab.Options{})
	untrusted, err := other.ClientCertificate()
	if err != nil {
		t.Fatal(err)
	}
	const denied = "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"
	wantTaken(t, "with the certificate", secure(t, l, "mx", ours).send(device, outside))
	execute(t, l, named(t, "connector-certificate", wizard.ScriptValues{Certificate: "*.contoso.example"}))
	wantTaken(t, "with a name of the domain", secure(t, l, "mx", ours).send(device, outside))
	// The domain of the certificate is the tenant's: any sender will do.
	wantTaken(t, "with the certificate and another domain", secure(t, l, "mx", ours).send("a@example.org", outside))
	wantReply(t, "with somebody else's", secure(t, l, "mx", theirs).send(device, outside), denied)
	wantReply(t, "of another authority", secure(t, l, "mx", untrusted).send(device, outside), denied)
	wantReply(t, "without one", secure(t, l, "mx").send(device, outside), denied)
	wantReply(t, "in clear", open(t, l, "mx").greeted().send(device, outside), denied)
}

// A connector that wants TLS does not take its own devices in clear.
func TestConnectorWithRequireTLSRefusesClearText(t *testing.T) {
	l := start(t, lab.Options{})
	s := named(t, "connector-address", address(l))
	execute(t, l, s)
	execute(t, l, requireTLS(s))
	wantReply(t, "in clear", open(t, l, "mx").greeted().send(device, inside), "451 5.7.3 STARTTLS is required to send mail")
	wantTaken(t, "with TLS", secure(t, l, "mx").send(device, outside))
}

// Microsoft, "Anti-spam message headers in Microsoft 365": an own domain that
// does not authenticate is a spoof; SPF with the office's address mends it.
func TestDirectSendIsJunkUntilSPFKnowsTheOffice(t *testing.T) {
	l := start(t, lab.Options{})
	wantTaken(t, "first", secure(t, l, "mx").send(device, inside))
	m := arrived(t, l, inside)
	results := m.header("Authentication-Results")
	if m.Folder != "Junk Email" || !strings.Contains(results, "spf=fail (sender IP is 203.0.113.10) smtp.mailfrom=contoso.example") ||
		!strings.Contains(results, "dmarc=fail action=none header.from=contoso.example") || !strings.Contains(results, "compauth=fail reason=601") ||
		m.header("X-MS-Exchange-Organization-SCL") != "5" || !strings.Contains(m.header("X-Forefront-Antispam-Report"), "SFV:SPM;") {
		t.Errorf("in %s with %s", m.Folder, results)
	}
	l.SetRecord("TXT contoso.example", "v=spf1 ip4:203.0.113.10 include:spf.protection.outlook.com -all")
	wantTaken(t, "second", secure(t, l, "mx").send(device, inside))
	m = inbox(t, l, inside)[0]
	results = m.header("Authentication-Results")
	if m.Folder != "Inbox" || !strings.Contains(results, "spf=pass") || !strings.Contains(results, "dmarc=pass") || !strings.Contains(results, "compauth=pass") {
		t.Errorf("in %s with %s", m.Folder, results)
	}
}

// RFC 7489 section 6.3; Microsoft, "Use DMARC to validate email".
func TestDMARCPolicyDecidesAboutDirectSend(t *testing.T) {
	l := start(t, lab.Options{})
	l.SetRecord("TXT _dmarc.contoso.example", "v=DMARC1; p=reject")
	wantReply(t, "p=reject", secure(t, l, "mx").send(device, inside),
		"550 5.7.509 Access denied, sending domain [contoso.example] does not pass DMARC verification")
	l.SetRecord("TXT _dmarc.contoso.example", "v=DMARC1; p=quarantine")
	wantTaken(t, "p=quarantine", secure(t, l, "mx").send(device, inside))
	if m := arrived(t, l, inside); m.Folder != "Junk Email" || !strings.Contains(m.header("Authentication-Results"), "action=quarantine") {
		t.Errorf("in %s with %s", m.Folder, m.header("Authentication-Results"))
	}
	execute(t, l, named(t, "connector-address", address(l)))
	l.SetRecord("TXT _dmarc.contoso.example", "v=DMARC1; p=reject")
	wantTaken(t, "through a connector", secure(t, l, "mx").send(device, inside))
	if m := inbox(t, l, inside)[0]; m.Folder != "Inbox" {
		t.Errorf("through a connector it is in %s", m.Folder)
	}
}

// RFC 5322 section 3.6.2: a message has an author.
func TestMXRefusesAMessageWithoutFrom(t *testing.T) {
	l := start(t, lab.Options{})
	c := secure(t, l, "mx")
	got := c.say("MAIL FROM:<"+device+">", "RCPT TO:<"+inside+">", "DATA", "Subject: scan\r\n\r\nhello\r\n.")
	wantReply(t, "no From", got, "550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant")
}

func TestAMessageIsSeenOnlyWhenItHasArrived(t *testing.T) {
	c := newClock()
	l := start(t, lab.Options{Now: c.now, Delay: time.Minute})
	wantTaken(t, "sent", secure(t, l, "mx").send(device, inside))
	if list := inbox(t, l, inside); len(list) != 0 {
		t.Errorf("there already: %+v", list)
	}
	c.pass(time.Minute)
	arrived(t, l, inside)
}

// What can be made to go wrong with delivery, by name.
func TestDeliveryCanBeSlowAndGoToJunk(t *testing.T) {
	c := newClock()
	l := start(t, lab.Options{Now: c.now, Faults: []string{"delivery-slow", "junk"}})
	wantTaken(t, "sent", secureScan(t, l).send("scan@contoso.example", inside))
	if list := inbox(t, l, inside); len(list) != 0 {
		t.Errorf("there already: %+v", list)
	}
	c.pass(20 * time.Second)
	m := arrived(t, l, inside)
	if m.Folder != "Junk Email" || len(m.all("X-MS-Exchange-Organization-SCL")) != 1 || !strings.Contains(m.header("X-Forefront-Antispam-Report"), "SFV:SPM;") {
		t.Errorf("in %s: %+v", m.Folder, m.Headers)
	}
}

// A group's members get the message, once each, and those outside as well.
func TestGroupGoesToItsMembers(t *testing.T) {
	l := start(t, lab.Options{})
	l.SetRecord("TXT contoso.example", "v=spf1 ip4:203.0.113.10 -all")
	wantTaken(t, "to a group and a member", secure(t, l, "mx").send(device, l.Group(), "scan@contoso.example"))
	for _, member := range []string{"scan@contoso.example", "accounting@contoso.example"} {
		arrived(t, l, member)
	}
	if left := l.Departed(); !slices.ContainsFunc(left, func(d lab.Departure) bool { return d.To == outside }) {
		t.Errorf("the member outside got nothing: %+v", left)
	}
}
