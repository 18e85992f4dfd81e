package lab_test

import (
	"strings"
	"testing"

	"offbasic/probes/lab"
)

// What is written above a message tells the way that it came. Seen in mail of
// 2025 and 2026: a hop "by X.mail.protection.outlook.com" is the MX door, one
// "by X.PROD.OUTLOOK.COM" client submission, "with mapi" Graph; no "with
// ESMTPS", the TLS version in brackets. Microsoft, "Anti-spam message headers
// in Microsoft 365": the rest.
func TestHeadersTellTheRoute(t *testing.T) {
	l := withHVE(t, lab.Options{})
	l.SetRecord("TXT contoso.example", "v=spf1 ip4:203.0.113.10 -all")
	newest := func(how, got string) mail {
		wantTaken(t, how, got)
		return inbox(t, l, inside)[0]
	}
	submitted := newest("submission", secureScan(t, l).send("scan@contoso.example", inside))
	c, _ := hveToken(t, l, alerts, withMailSend)
	volume := newest("hve", c.send(alerts, inside))
	direct := newest("direct", secure(t, l, "mx").send(device, inside))
	clear := newest("direct in clear", open(t, l, "mx").greeted().send(device, inside))
	execute(t, l, named(t, "connector-address", address(l)))
	connector := newest("connector", secure(t, l, "mx").send(device, inside))
	relayed := newest("relay", secure(t, l, "relay").send(device, inside))

	for _, tt := range []struct {
		how                   string
		m                     mail
		authAs, direction, by string // of the hop where it came in
		tls                   bool
	}{
		{"submission", submitted, "Internal", "Originating", "by AM0PR10CA0001.EURPRD10.PROD.OUTLOOK.COM with Microsoft SMTP Server", true},
		{"hve", volume, "Internal", "Originating", "by AM0PR10CA0002.EURPRD10.PROD.OUTLOOK.COM with Microsoft SMTP Server", true},
		{"direct", direct, "Anonymous", "Incoming", "by AM0EUR02FT001.mail.protection.outlook.com with Microsoft SMTP Server", true},
		{"direct in clear", clear, "Anonymous", "Incoming", "by AM0EUR02FT001.mail.protection.outlook.com with Microsoft SMTP Server id ", false},
		{"connector", connector, "Anonymous", "Originating", "by AM0EUR02FT001.mail.protection.outlook.com with Microsoft SMTP Server", true},
		{"relay", relayed, "Anonymous", "Originating", "by AM0EUR02FT001.mail.protection.outlook.com with Microsoft SMTP Server", false},
	} {
		hops := tt.m.all("Received")
		if len(hops) < 2 {
			t.Errorf("%s: %d hops", tt.how, len(hops))
			continue
		}
		if !strings.Contains(hops[1], tt.by) || strings.Contains(hops[1], "(version=TLS1_3, cipher=TLS_") != tt.tls || !strings.Contains(hops[1], "via Frontend Transport") {
			t.Errorf("%s: came in %q", tt.how, hops[1])
		}
		if strings.Contains(hops[0], "ESMTP") || !strings.Contains(hops[0], "version=TLS1_3") {
			t.Errorf("%s: the last hop is %q", tt.how, hops[0])
		}
		if tt.how == "relay" != (len(hops) == 3) {
			t.Errorf("%s: %d hops", tt.how, len(hops))
		}
		if got := tt.m.header("X-MS-Exchange-Organization-AuthAs"); got != tt.authAs || tt.m.header("X-MS-Exchange-CrossTenant-AuthAs") != got {
			t.Errorf("%s: AuthAs %s, want %s", tt.how, got, tt.authAs)
		}
		if got := tt.m.header("X-MS-Exchange-Organization-MessageDirectionality"); got != tt.direction {
			t.Errorf("%s: %s, want %s", tt.how, got, tt.direction)
		}
		for _, name := range []string{"X-MS-Exchange-Organization-AuthSource", "X-MS-Exchange-Organization-SCL", "X-Forefront-Antispam-Report", "Authentication-Results", "Return-Path"} {
			if tt.m.header(name) == "" {
				t.Errorf("%s: no %s", tt.how, name)
			}
		}
	}
}

// Microsoft, "Header firewall in Exchange Server": nobody makes himself
// internal by writing so.
func TestForgedHeadersAreRemoved(t *testing.T) {
	l := start(t, lab.Options{})
	got := secure(t, l, "mx").say("MAIL FROM:<a@example.org>", "RCPT TO:<"+inside+">", "DATA",
		"From: a@example.org\r\nX-MS-Exchange-Organization-AuthAs: Internal\r\nX-MS-Exchange-Organization-SCL: -1\r\nSubject: a\r\n\r\n.")
	wantTaken(t, "sent", got)
	m := arrived(t, l, inside)
	if as := m.all("X-MS-Exchange-Organization-AuthAs"); len(as) != 1 || as[0] != "Anonymous" {
		t.Errorf("AuthAs %v", as)
	}
	if scl := m.all("X-MS-Exchange-Organization-SCL"); len(scl) != 1 || scl[0] == "-1" {
		t.Errorf("SCL %v", scl)
	}
}

// A name in EHLO or an address never opens a new header field.
func TestHeadersHoldNoLineOfTheClients(t *testing.T) {
	l := start(t, lab.Options{})
	c := open(t, l, "mx")
	c.say("EHLO a\x0bb\x1b[31m" + strings.Repeat("c", 500))
	wantTaken(t, "sent", c.send(device, inside))
	for _, h := range arrived(t, l, inside).Headers {
		if strings.ContainsAny(h.Value, "\r\n\x1b\x0b") || len(h.Value) > 700 {
			t.Errorf("%s: %q", h.Name, h.Value)
		}
	}
}
