package checks_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"offbasic/checks"
)

// inALine is one refusal of a log in a line: how often, what, who, from when to
// when.
func inALine(x checks.Explanation) string {
	code := strings.TrimSpace(fmt.Sprintf("%d %s", x.Code, x.Enhanced))
	return fmt.Sprintf("%d × %s by %s from %s to %s", x.Count, code, strings.Join(x.Senders, "+"), x.First, x.Last)
}

func explainLog(t testing.TB, log string) []string {
	t.Helper()
	var got []string
	if err := checks.NewExplainer().Log(strings.NewReader(log), func(x checks.Explanation) { got = append(got, inALine(x)) }); err != nil {
		t.Fatal(err)
	}
	return got
}

type logCase struct {
	name, log string
	want      []string
}

// logCases are lines as these programs write them. The formats are public:
// Postfix in postlogd(8), smtp(8) and the queue ids of postconf(5); Exim in
// its specification, chapter "Log files"; Exchange in Microsoft Learn,
// "Protocol logging" (fields date-time, connector-id, session-id,
// sequence-number, local-endpoint, remote-endpoint, event, data, context); IIS in
// "W3C Extended Log File Format"; syslog in RFC 3164 section 4.1.2 and RFC 5424.
func logCases() []logCase {
	return append(postfixCases(), append(serverCases(), otherCases()...)...)
}

func postfixCases() []logCase {
	return []logCase{
		{
			"Postfix, a failure on two lines",
			`Nov 22 10:00:00 mx postfix/qmgr[99]: A1B2C3D4E5: from=<scan@contoso.example>, size=1824, nrcpt=1 (queue active)
Nov 22 10:00:01 mx postfix/smtp[421]: A1B2C3D4E5: SASL authentication failed; server smtp.office365.com[52.97.1.2] said: 550 5.7.30 Basic authentication is not supported for Client Submission.
Nov 22 10:00:01 mx postfix/smtp[421]: A1B2C3D4E5: to=<a@example.org>, relay=smtp.office365.com[52.97.1.2]:587, delay=450, delays=0.1/0.1/450/0, dsn=5.7.30, status=bounced (SASL authentication failed; server smtp.office365.com[52.97.1.2] said: 550 5.7.30 Basic authentication is not supported for Client Submission.)
`,
			[]string{"1 × 550 5.7.30 by scan@contoso.example from Nov 22 10:00:01 to Nov 22 10:00:01"},
		},
		{
			"Postfix, a warning of the process before the message's line",
			`Nov  2 10:00:01 mx postfix/smtp[421]: warning: SASL authentication failed; server smtp.office365.com[52.97.1.2] said: 535 5.7.3 Authentication unsuccessful
Nov  2 10:00:02 mx postfix/smtp[421]: 4XyZabC1dez9q: to=<a@example.org>, relay=smtp.office365.com[52.97.1.2]:587, dsn=4.7.3, status=deferred (SASL authentication failed; server smtp.office365.com[52.97.1.2] said: 535 5.7.3 Authentication unsuccessful)
`,
			[]string{"1 × 535 5.7.3 by  from Nov  2 10:00:01 to Nov  2 10:00:01"},
		},
		{
			"Postfix, two servers say no, and again at the next attempt",
			strings.Repeat(`2026-11-22T10:00:01.123456+01:00 mx postfix/smtp[1]: 4BCDE: host a.example[192.0.2.1] said: 550 5.7.64 TenantAttribution; Relay Access Denied (in reply to RCPT TO command)
2026-11-22T10:00:02.123456+01:00 mx postfix/smtp[1]: 4BCDE: host b.example[192.0.2.2] said: 550 5.7.64 TenantAttribution; Relay Access Denied (in reply to RCPT TO command)
2026-11-22T10:00:02.123456+01:00 mx postfix/smtp[1]: 4BCDE: to=<a@example.org>, relay=b.example[192.0.2.2]:25, dsn=5.7.64, status=deferred (host b.example[192.0.2.2] said: 550 5.7.64 TenantAttribution; Relay Access Denied (in reply to RCPT TO command))
`, 2),
			[]string{"2 × 550 5.7.64 by  from 2026-11-22T10:00:01.123456+01:00 to 2026-11-22T10:00:01.123456+01:00"},
		},
		{
			"Postfix, two messages of two senders",
			`<22>Nov 22 10:00:00 mx postfix/qmgr[99]: AAAA1: from=<one@contoso.example>, size=1, nrcpt=1 (queue active)
<22>Nov 22 10:00:00 mx postfix/qmgr[99]: BBBB2: from=<>, size=1, nrcpt=1 (queue active)
<22>Nov 22 10:00:01 mx postfix/smtp[1]: AAAA1: to=<a@example.org>, dsn=5.7.64, status=bounced (host x said: 550 5.7.64 TenantAttribution; Relay Access Denied)
<22>Nov 22 10:00:02 mx postfix/smtp[2]: BBBB2: to=<a@example.org>, dsn=5.7.64, status=bounced (host x said: 550 5.7.64 TenantAttribution; Relay Access Denied)
`,
			[]string{"2 × 550 5.7.64 by one@contoso.example+<> from Nov 22 10:00:01 to Nov 22 10:00:02"},
		},
		{
			"Postfix as the server that refuses",
			`Nov 22 10:00:01 mx postfix/smtpd[5]: NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1 <a@example.org>: Relay access denied; from=<copier@contoso.example> to=<a@example.org> proto=ESMTP helo=<COPIER>
`,
			[]string{"1 × 554 5.7.1 by copier@contoso.example from Nov 22 10:00:01 to Nov 22 10:00:01"},
		},
		{
			"Postfix, nothing refused, numbers everywhere",
			`Nov 22 10:00:01 mx postfix/smtp[550]: 45045: to=<a@example.org>, relay=x[52.97.1.2]:25, delay=550, delays=4.5/450/5.1/0.5, dsn=2.6.0, status=sent (250 2.6.0 <550.535@x> [InternalId=550] Queued mail for delivery)
`, nil,
		},
	}
}

func serverCases() []logCase {
	return []logCase{
		{
			"Exim",
			`2026-11-22 10:00:00 1abcde-000001-AB <= scan@contoso.example H=copier (COPIER) [192.0.2.7] P=esmtp S=1824
2026-11-22 10:00:01 1abcde-000001-AB ** a@example.org R=smarthost T=remote_smtp H=smtp.office365.com [52.97.1.2]: SMTP error from remote mail server after MAIL FROM:<scan@contoso.example> SIZE=1824: 530 5.7.57 Client not authenticated to send mail.
`,
			[]string{"1 × 530 5.7.57 by scan@contoso.example from 2026-11-22 10:00:01 to 2026-11-22 10:00:01"},
		},
		{
			"Exim, a failure on two lines, with zone, process and long id",
			`2026-11-22 10:00:00 +0100 [77] 1tEabc-00000001abC-0XyZ <= scan@contoso.example U=root P=local S=400
2026-11-22 10:00:01 +0100 [78] 1tEabc-00000001abC-0XyZ H=smtp.office365.com [52.97.1.2]: SMTP error from remote mail server after pipelined end of data: 550 5.7.60 SMTP; Client does not have permissions to send as this sender
2026-11-22 10:00:01 +0100 [78] 1tEabc-00000001abC-0XyZ ** a@example.org R=smarthost T=remote_smtp H=smtp.office365.com [52.97.1.2]: SMTP error from remote mail server after pipelined end of data: 550 5.7.60 SMTP; Client does not have permissions to send as this sender
`,
			[]string{"1 × 550 5.7.60 by scan@contoso.example from 2026-11-22 10:00:01 +0100 to 2026-11-22 10:00:01 +0100"},
		},
		{
			"Exim as the server that refuses a password",
			`2026-11-22 10:00:01 login authenticator failed for (COPIER) [192.0.2.7]: 535 Incorrect authentication data (set_id=scan@contoso.example)
`,
			[]string{"1 × 535 by scan@contoso.example from 2026-11-22 10:00:01 to 2026-11-22 10:00:01"},
		},
		{
			"Exchange, what it sends, two sessions interwoven",
			`#Software: Microsoft Exchange Server
#Version: 15.0.0.0
#Log-type: SMTP Send Protocol Log
#Date: 2026-11-22T10:00:00.000Z
#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context
2026-11-22T10:00:00.100Z,To Office 365,08DC93087F48F48A,3,192.0.2.10:50001,52.97.1.2:25,>,MAIL FROM:<erp@contoso.example> SIZE=1000,
2026-11-22T10:00:00.200Z,To Office 365,08DC93087F48F48B,3,192.0.2.10:50002,52.97.1.2:25,>,MAIL FROM:<scan@contoso.example> SIZE=1000,
2026-11-22T10:00:01.123Z,To Office 365,08DC93087F48F48A,4,192.0.2.10:50001,52.97.1.2:25,<,550 5.7.64 TenantAttribution; Relay Access Denied [AM0PR10CA0001.EURPRD10.PROD.OUTLOOK.COM 2026-11-22T10:00:01.000Z 08DC93087F48F48A],
`,
			[]string{"1 × 550 5.7.64 by erp@contoso.example from 2026-11-22T10:00:01.123Z to 2026-11-22T10:00:01.123Z"},
		},
		{
			"Exchange, what it receives, before anybody named a sender",
			`2026-11-22T10:00:01.123Z,MAIL01\Relay,08DC93087F48F48A,4,192.0.2.10:25,192.0.2.7:1045,>,535 Authentication unsuccessful,
`,
			[]string{"1 × 535 by 192.0.2.7 from 2026-11-22T10:00:01.123Z to 2026-11-22T10:00:01.123Z"},
		},
		{
			"IIS, what it answers and what it is answered",
			`#Fields: date time c-ip cs-username s-sitename s-computername s-ip s-port cs-method cs-uri-stem cs-uri-query sc-status sc-win32-status sc-bytes cs-bytes time-taken cs-version cs-host cs(User-Agent) cs(Cookie) cs(Referer)
2026-11-22 10:00:00 192.0.2.7 COPIER SMTPSVC1 MAIL01 192.0.2.10 0 MAIL - +FROM:<scan@contoso.example> 250 0 48 37 0 SMTP - - - -
2026-11-22 10:00:01 192.0.2.7 COPIER SMTPSVC1 MAIL01 192.0.2.10 0 RCPT - +TO:<a@example.org> 550 0 0 31 0 SMTP - - - -
2026-11-22 10:00:02 52.97.1.2 OutboundConnectionCommand SMTPSVC1 MAIL01 - 25 MAIL - FROM:<erp@contoso.example> 0 0 4 0 15 SMTP - - - -
2026-11-22 10:00:03 52.97.1.2 OutboundConnectionResponse SMTPSVC1 MAIL01 - 25 - - 550+5.7.64+TenantAttribution;+Relay+Access+Denied 0 0 46 0 78 SMTP - - - -
`,
			[]string{
				"1 × 550 by scan@contoso.example from 2026-11-22 10:00:01 to 2026-11-22 10:00:01",
				"1 × 550 5.7.64 by erp@contoso.example from 2026-11-22 10:00:03 to 2026-11-22 10:00:03",
			},
		},
	}
}

func otherCases() []logCase {
	return []logCase{
		{
			"a printer's export",
			"Date;Time;Job;User;Result\r\n22/11/2026;10:00:01;Scan;anna@contoso.example;SMTP 535 5.7.3 Authentication unsuccessful\r\n" +
				"22/11/2026;10:00:09;Scan;paul@contoso.example;535\r\n22/11/2026;10:00:19;Scan;paul@contoso.example;OK\r\n",
			[]string{
				"1 × 535 by paul@contoso.example from 22/11/2026;10:00:09 to 22/11/2026;10:00:09",
				"1 × 535 5.7.3 by anna@contoso.example from 22/11/2026;10:00:01 to 22/11/2026;10:00:01",
			},
		},
		{
			"our transcript as it is saved",
			"      0 S: 220 smtp.office365.com\n      7 C: EHLO nas\n     20 C: AUTH LOGIN\n     30 C: [password, 8 bytes]\n     35 C: MAIL FROM:<nas@contoso.example>\n" +
				"     40 S: 550-5.7.30 Basic authentication is not supported\n     40 S: 550 5.7.30 for Client Submission.\n",
			[]string{"1 × 550 5.7.30 by nas@contoso.example from  to "},
		},
		{
			"two dialogues: the second has no sender yet",
			"C: EHLO a\nC: MAIL FROM:<a@contoso.example>\nS: 250 2.1.0 OK\nC: EHLO b\nS: 535 5.7.3 Authentication unsuccessful\n",
			[]string{"1 × 535 5.7.3 by  from  to "},
		},
		{
			"our sessions as JSON lines",
			`{"type":"session","id":"1","started":"2026-11-22T10:00:00Z","peer":"192.0.2.7","auth":[{"mechanism":"LOGIN","account":"scan@contoso.example","outcome":"refused"}],"message":{"from":"x"},"transcript":[{"ms":0,"from":"server","text":"220 x"},{"ms":1,"from":"client","text":"550 5.7.60 said by nobody"},{"ms":2,"from":"server","text":"535 5.7.3 Authentication unsuccessful"}]}
{"type":"trial","id":"2","started":"2026-11-22T10:00:05Z","from":"erp@contoso.example","outcome":"refused","reply":{"code":535,"enhanced":"5.7.3","text":"Authentication unsuccessful"}}
`,
			[]string{"2 × 535 5.7.3 by scan@contoso.example+erp@contoso.example from 2026-11-22T10:00:00Z to 2026-11-22T10:00:05Z"},
		},
		{
			"systemd's journal as JSON",
			`{"__REALTIME_TIMESTAMP":"1795341601000000","_HOSTNAME":"mx","SYSLOG_IDENTIFIER":"postfix/smtp","SYSLOG_PID":"1","MESSAGE":"A1B2C: to=<a@example.org>, dsn=5.7.64, status=bounced (host x said: 550 5.7.64 TenantAttribution; Relay Access Denied \"x\")"}
`,
			[]string{"1 × 550 5.7.64 by  from 1795341601000000 to 1795341601000000"},
		},
		{
			"sign-in errors",
			"2026/11/22 10:00:01 token: AADSTS7000222: The provided client secret keys are expired. account=app@contoso.example\n",
			[]string{"1 × 7000222 by app@contoso.example from 2026/11/22 10:00:01 to 2026/11/22 10:00:01"},
		},
	}
}

func TestLogsOfEachKindAreRead(t *testing.T) {
	for _, tt := range logCases() {
		if got := explainLog(t, tt.log); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: log gives\n  %s\nwant\n  %s", tt.name, strings.Join(got, "\n  "), strings.Join(tt.want, "\n  "))
		}
	}
}

// Wherever a log is cut on its way, it says the same.
func TestGroupingDoesNotDependOnChunkBorders(t *testing.T) {
	var all strings.Builder
	for _, c := range logCases() {
		all.WriteString(c.log)
	}
	all.WriteString("said: 550 5.7.30 " + strings.Repeat("y", 3*(64<<10)) + " said: 535 5.7.3 x\n" + mixedLog)
	log := all.String()
	want := explainLog(t, log)
	random := rand.New(rand.NewPCG(1, 2))
	for _, most := range []int{1, 2, 7, 100, 5000, 300_000} {
		e := checks.NewExplainer().Reading()
		for rest := []byte(log); len(rest) > 0; {
			n := min(len(rest), 1+random.IntN(most))
			_, _ = e.Write(rest[:n])
			rest = rest[n:]
		}
		e.End()
		var got []string
		for _, x := range e.Explanations() {
			got = append(got, inALine(x))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("in pieces of at most %d: log gives\n  %s\nwant\n  %s", most, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
}

func TestEachRefusalIsToldAsItComes(t *testing.T) {
	var got []string
	r := checks.NewExplainer().Reading()
	r.Each = func(x checks.Explanation) { got = append(got, inALine(x)) }
	_, _ = r.Write([]byte("Nov 22 10:00:00 mx postfix/smtp[1]: AAAA1: to=<a@b>, status=bounced (said: 535 5.7.3 no"))
	if len(got) != 0 {
		t.Errorf("told before the line was complete: %v", got)
	}
	_, _ = r.Write([]byte(")\n550-5.7.30 first line\n"))
	if len(got) != 1 {
		t.Errorf("told %v, want the first refusal", got)
	}
	r.Pause()
	want := []string{"1 × 535 5.7.3 by  from Nov 22 10:00:00 to ", "1 × 550 5.7.30 by  from  to "}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// Whoever sends is told for as many as fit, and that there were more is said.
func TestSendersAreBoundedAndCleaned(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, "Nov 22 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.7]: 550 5.7.30 no; from=<\x1b[2J%d@contoso.example> to=<a@b>\n", i%250)
	}
	err := checks.NewExplainer().Log(strings.NewReader(b.String()), func(x checks.Explanation) {
		if x.Count != 500 || len(x.Senders) != 20 || !x.MoreSenders || strings.Contains(strings.Join(x.Senders, ""), "\x1b") {
			t.Errorf("%d refusals, senders %q, more %v", x.Count, x.Senders, x.MoreSenders)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

const secretOfALog = "Tr0ub4dor&3 is it"

// What a log holds of passwords and tokens is never said again, though a
// server repeats it in its refusal.
func TestSecretsOfLogsAreNotRepeated(t *testing.T) {
	encoded := "VHIwdWI0ZG9yJjMgaXMgaXQ="                    // of secretOfALog
	plain := "AHNjYW4AVHIwdWI0ZG9yJjMgaXMgaXQ="              // \0scan\0 and it
	token := "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.e30.c2ln" // a JSON Web Token
	lines := []string{
		"S: 500 5.3.3 Unrecognized command '" + encoded + "'",
		"S: 501 5.5.4 Invalid arguments: AUTH PLAIN " + plain,
		"S: 535 5.7.8 AUTH LOGIN c2Nhbg== " + encoded + " refused",
		"S: 535 5.7.3 no auth=Bearer " + token,
		"S: 535 5.7.3 no auth=Bearer\x01" + token,
		"S: 550 5.7.3 user=scan password=" + encoded + " refused",
		"S: 550 5.7.3 Password: " + encoded,
		"C: AUTH PLAIN " + plain,
		"C: 535 5.7.3 " + encoded,
		"<** 535 5.7.3 \"AUTH PLAIN " + plain + "\"",
		`{"type":"session","transcript":[{"from":"server","text":"500 5.3.3 unknown: ` + encoded + `"}]}`,
	}
	e := checks.NewExplainer()
	var out strings.Builder
	collect := func(x checks.Explanation) { fmt.Fprintf(&out, "%+v\n", x.Worded(locale(t, "en"))) }
	for _, l := range lines {
		if err := e.Log(strings.NewReader(l+"\n"), collect); err != nil {
			t.Fatal(err)
		}
		if x, ok := e.Explain(l); ok {
			collect(x)
		}
	}
	for _, secret := range []string{secretOfALog, encoded, plain, token, "Bearer\x01", "e30.c2ln"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is said again in\n%s", secret, out.String())
		}
	}
}

func TestNoKnownTextIsTakenForASecret(t *testing.T) {
	e := checks.NewExplainer()
	for _, f := range checks.Replies() {
		if f.Code == 0 {
			continue
		}
		x, ok := e.Explain(fmt.Sprintf("%d %s", f.Code, f.Text))
		if ok && strings.Contains(x.Text, "[...]") {
			t.Errorf("%s: %q is shown as %q", f.ID, f.Text, x.Text)
		}
	}
}

// Any bytes, cut anywhere, give the same as in one piece, and neither a crash
// nor an unclean word.
func FuzzReading(f *testing.F) {
	for _, c := range logCases() {
		f.Add([]byte(c.log), uint16(7))
	}
	f.Add([]byte(mixedLog), uint16(1))
	f.Add([]byte("\x1f\x8b\x00\xff\xfe550 5.7.30\r\n\r\r\n{\"type\":\"session\",\"transcript\":[{}]}"), uint16(3))
	f.Add([]byte("Date,Error\n\"\",\"535\n,,,535"), uint16(2))
	f.Add([]byte("a SMTPSVC1 b\n x]: 4.0.0\n<5>1 4-5-5 5:5:5\n"), uint16(2))
	e := checks.NewExplainer()
	f.Fuzz(func(t *testing.T, log []byte, size uint16) {
		one, pieces := e.Reading(), e.Reading()
		_ = one.ReadAll(bytes.NewReader(log))
		_ = pieces.ReadAll(io.MultiReader(chunks(log, int(size)+1)...))
		a, b := one.Explanations(), pieces.Explanations()
		if !reflect.DeepEqual(a, b) {
			t.Errorf("in one piece %+v, in pieces of %d %+v", a, size+1, b)
		}
		for _, x := range a {
			if strings.ContainsAny(inALine(x)+x.Text+x.Server, "\x00\x1b\n\r\u202e") {
				t.Errorf("not clean: %q", inALine(x)+x.Text)
			}
		}
	})
}

func chunks(b []byte, size int) []io.Reader {
	var out []io.Reader
	for len(b) > 0 {
		n := min(size, len(b))
		out = append(out, bytes.NewReader(b[:n]))
		b = b[n:]
	}
	return out
}

// A log as a relay of some size writes it: six lines for each message, a
// refusal among forty.
func BenchmarkReadRelayLog(b *testing.B) {
	var s strings.Builder
	for i := range 3000 {
		id := fmt.Sprintf("%010X", i*7919)
		fmt.Fprintf(&s, "Nov 22 10:00:00 mx postfix/smtpd[%d]: connect from copier%d.contoso.example[192.0.2.7]\n", i, i%50)
		fmt.Fprintf(&s, "Nov 22 10:00:00 mx postfix/smtpd[%d]: %s: client=copier%d.contoso.example[192.0.2.7]\n", i, id, i%50)
		fmt.Fprintf(&s, "Nov 22 10:00:00 mx postfix/cleanup[%d]: %s: message-id=<%d.scan@contoso.example>\n", i, id, i)
		fmt.Fprintf(&s, "Nov 22 10:00:00 mx postfix/qmgr[99]: %s: from=<copier%d@contoso.example>, size=45450, nrcpt=1 (queue active)\n", id, i%50)
		if i%40 == 0 {
			fmt.Fprintf(&s, "Nov 22 10:00:01 mx postfix/smtp[9]: %s: to=<a@contoso.example>, relay=contoso.mail.protection.outlook.com[52.101.40.5]:25, delay=0.45, delays=0.01/0/0.4/0.04, dsn=5.7.64, status=bounced (host x[52.101.40.5] said: 550 5.7.64 TenantAttribution; Relay Access Denied SMTP %s (in reply to RCPT TO command))\n", id, bracket)
		} else {
			fmt.Fprintf(&s, "Nov 22 10:00:01 mx postfix/smtp[9]: %s: to=<a@contoso.example>, relay=contoso.mail.protection.outlook.com[52.101.40.5]:25, delay=0.45, delays=0.01/0/0.4/0.04, dsn=2.6.0, status=sent (250 2.6.0 <%d.scan@contoso.example> [InternalId=%d] 45450 bytes in 0.254, 174.1 KB/sec Queued mail for delivery)\n", id, i, i)
		}
		fmt.Fprintf(&s, "Nov 22 10:00:01 mx postfix/qmgr[99]: %s: removed\n", id)
	}
	e := checks.NewExplainer()
	b.ReportAllocs()
	b.SetBytes(int64(s.Len()))
	for b.Loop() {
		_ = e.Log(strings.NewReader(s.String()), func(checks.Explanation) {})
	}
}
