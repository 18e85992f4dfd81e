package checks_test

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"offbasic/assets"
	"offbasic/checks"
	"offbasic/probes"
)

var locales = sync.OnceValue(func() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, lang := range []string{"en", "fr"} {
		b, err := fs.ReadFile(assets.Locales(), lang+".json")
		if err != nil {
			panic(err)
		}
		m := map[string]string{}
		if err := json.Unmarshal(b, &m); err != nil {
			panic(err)
		}
		all[lang] = m
	}
	return all
})

// locale has the words of one language.
func locale(t testing.TB, lang string) func(string) (string, bool) {
	t.Helper()
	m := locales()[lang]
	return func(key string) (string, bool) { s, ok := m[key]; return s, ok }
}

const bracket = "[PR3P192CA0001.EURP192.PROD.OUTLOOK.COM 2024-06-24T08:58:06.389Z 08DC93087F48F48A]"

func TestReplyIsExplainedHoweverItWasCopied(t *testing.T) {
	e := checks.NewExplainer()
	for _, tt := range []struct{ name, text, id string }{
		{"a reply", "535 5.7.3 Authentication unsuccessful", "smtp-535-5.7.3"},
		{"with the bracket", "535 5.7.3 Authentication unsuccessful " + bracket, "smtp-535-5.7.3"},
		{"code and enhanced code", "550 5.7.30", "smtp-550-5.7.30"},
		{"enhanced code alone", "5.7.64", "smtp-550-5.7.64"},
		{"first line of several", "550-5.7.30 Basic authentication is not supported for Client Submission.", "smtp-550-5.7.30"},
		{
			"two lines", "550-5.7.30 Basic authentication is not supported\r\n550 5.7.30 for Client Submission.\r\n",
			"smtp-550-5.7.30",
		},
		{
			"wrapped by a terminal", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthenti\n  cation is disabled for the Mailbox.",
			"smtp-535-5.7.139-mailbox-disabled",
		},
		{"swaks, refusal", "<** 535 5.7.3 Authentication unsuccessful", "smtp-535-5.7.3"},
		{"swaks, answer", "<-  235 2.7.0 Authentication successful", "smtp-235"},
		{"swaks over TLS", "<~* 550 5.7.60 SMTP; Client does not have permissions to send as this sender", "smtp-550-5.7.60"},
		{"our transcript", "S: 504 5.7.4 Unrecognized authentication type", "smtp-504-5.7.4"},
		{"a challenge", "S: 334 VXNlcm5hbWU6", "smtp-334"},
		{
			"Postfix", "Nov 22 10:00:00 mx postfix/smtp[421]: A1B2C3: to=<a@contoso.example>, relay=smtp.office365.com[52.97.1.2]:587, " +
				"delay=1.2, delays=0.01/0.01/1.1/0.1, dsn=5.7.64, status=bounced (host smtp.office365.com[52.97.1.2] said: " +
				"550 5.7.64 TenantAttribution; Relay Access Denied SMTP " + bracket + " (in reply to RCPT TO command))",
			"smtp-550-5.7.64",
		},
		{
			"Postfix, SASL", "warning: SASL authentication failed; server smtp.office365.com[52.97.1.2] said: " +
				"535 5.7.139 Authentication unsuccessful, basic authentication is disabled. " + bracket,
			"smtp-535-5.7.139-basic-disabled",
		},
		{
			"Exim", "2026-11-22 10:00:00 1abcde-000001-AB ** a@contoso.example R=smarthost T=remote_smtp H=smtp.office365.com [52.97.1.2]: " +
				"SMTP error from remote mail server after MAIL FROM:<scan@contoso.example> SIZE=1824: 530 5.7.57 Client not authenticated to send mail.",
			"smtp-530-5.7.57",
		},
		{
			"Python", "smtplib.SMTPAuthenticationError: (535, b'5.7.139 Authentication unsuccessful, the user credentials were incorrect. " + bracket + "')",
			"smtp-535-5.7.139-credentials",
		},
		{"quoted", `"535 5.7.3 Authentication unsuccessful"`, "smtp-535-5.7.3"},
		{"a bounce", "Remote Server returned '550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources'", "smtp-550-5.7.68"},
		{"a delivery status", "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "smtp-550-5.1.10"},
		{"Exchange's bounce line", "#550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains ##", "smtp-550-5.7.750"},
		{"other case, other spaces", "535  5.7.139  AUTHENTICATION UNSUCCESSFUL,  SMTPCLIENTAUTHENTICATION   IS DISABLED FOR THE TENANT", "smtp-535-5.7.139-tenant-disabled"},
		{"the text without its code", "SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled", "smtp-535-5.7.139-tenant-disabled"},
		{"an apostrophe that was made pretty", "535 5.7.139 Authentication unsuccessful, user is locked by your organization’s security defaults policy", "smtp-535-5.7.139-security-defaults"},
		{"a transcript with answers before it", "220 ready\n250 STARTTLS\n530 5.7.57 Client not authenticated to send mail", "smtp-530-5.7.57"},
		{"AADSTS and its text", "AADSTS7000215: Invalid client secret provided.", "aadsts-7000215"},
		{"AADSTS in the answer of the token endpoint", `{"error":"invalid_client","error_description":"...","error_codes":[7000222]}`, "aadsts-7000222"},
		{"the number alone", "7000215", "aadsts-7000215"},
		{"in the range of a row", "550 5.7.623 Access denied, banned sending IP [203.0.113.9]", "smtp-550-5.7.606"},
		{"throttled, below", "451 4.7.550 Access denied, please try again later (AS761)", "smtp-451-4.7.500"},
		{"throttled, above", "451 4.7.850 Access denied, please try again later", "smtp-451-4.7.850"},
	} {
		got, ok := e.Explain(tt.text)
		if !ok || !got.Known || got.ID != tt.id {
			t.Errorf("%s: %q is explained as %q (known %v, found %v), want %q", tt.name, tt.text, got.ID, got.Known, ok, tt.id)
		}
	}
}

// Every row must be found again from the text that it was seen with, and by
// the code alone where the row says that this is enough.
func TestEveryRowIsToldApartByItsOwnText(t *testing.T) {
	e := checks.NewExplainer()
	for _, f := range checks.Replies() {
		enhanced := ""
		if len(f.Enhanced) > 0 {
			enhanced, _, _ = strings.Cut(f.Enhanced[0], "-")
		}
		r := probes.Reply{Code: f.Code, Enhanced: enhanced, Text: f.Text}
		if got := e.Reply(r); got.ID != f.ID {
			t.Errorf("%s: %q is explained as %q", f.ID, r, got.ID)
		}
		for _, piece := range f.Match {
			r.Text = "x " + strings.ToUpper(piece) + " y " + bracket
			if got := e.Reply(r); got.ID != f.ID {
				t.Errorf("%s: %q is explained as %q", f.ID, r, got.ID)
			}
		}
		if r.Text = ""; f.Alone {
			if got := e.Reply(r); got.ID != f.ID {
				t.Errorf("%s: %q alone is explained as %q", f.ID, r, got.ID)
			}
		}
	}
	for _, f := range checks.SignInErrors() {
		if got, _ := e.Explain(fmt.Sprintf("AADSTS%d: something", f.Code)); got.ID != fmt.Sprintf("aadsts-%d", f.Code) {
			t.Errorf("AADSTS%d is explained as %q", f.Code, got.ID)
		}
	}
}

func TestWhatNobodyKnowsIsSaidWithItsClass(t *testing.T) {
	e, words := checks.NewExplainer(), locale(t, "en")
	for _, tt := range []struct{ text, class, says string }{
		{"550 5.7.999 something of tomorrow", "5.7", "security or policy"},
		{"451 4.3.5 System incorrectly configured", "4.3", "the mail system"},
		{"554 Transaction failed", "5", "refused for good"},
		{"450 mailbox busy", "4", "refused for now"},
		{"554 5.7.1 <a@example.org>: Relay access denied", "5.7", "security or policy"}, // Postfix's own
		{"530 5.7.0 Authentication Required", "5.7", "security or policy"},              // not the STARTTLS of the same code
		{"AADSTS9999999: something of tomorrow", "aadsts", "Entra"},
	} {
		got, ok := e.Explain(tt.text)
		if !ok || got.Known || got.ID != "" || got.Class != tt.class {
			t.Errorf("%q: got %+v (found %v), want unknown of class %q", tt.text, got, ok, tt.class)
			continue
		}
		if m := got.Worded(words).Meaning; !strings.Contains(m, "not in the catalogue") || !strings.Contains(m, tt.says) {
			t.Errorf("%q: %q does not say that it is not known and %q", tt.text, m, tt.says)
		}
	}
	for _, text := range []string{"", "hello", "1234", "999 5.7.1 no class of replies", "Version 4.96.1"} {
		if got, ok := e.Explain(text); ok {
			t.Errorf("%q is no reply, and is explained as %+v", text, got)
		}
	}
}

// 535 5.7.139 has seven texts with different remedies: the code alone must not
// be taken for one of them.
func TestSharedCodeNeedsItsText(t *testing.T) {
	e := checks.NewExplainer()
	for _, text := range []string{"535 5.7.139", "535 5.7.139 Authentication unsuccessful, a text of tomorrow."} {
		got, _ := e.Explain(text)
		if got.Known || len(got.Variants) != 7 || !slices.Contains(got.Variants, "smtp-535-5.7.139-mailbox-disabled") {
			t.Errorf("%q: got %+v, want the seven variants", text, got)
		}
		if w := got.Worded(locale(t, "fr")); len(w.Causes) != 7 || !strings.Contains(w.Meaning, "plusieurs sens") {
			t.Errorf("%q: said as %+v", text, w)
		}
	}
}

func TestServersBracketIsCutAndKept(t *testing.T) {
	e := checks.NewExplainer()
	got, _ := e.Explain("550 5.7.606 Access denied, banned sending IP [203.0.113.9] " + bracket)
	if got.Text != "Access denied, banned sending IP [203.0.113.9]" || got.Server != strings.Trim(bracket, "[]") {
		t.Errorf("text %q, server %q", got.Text, got.Server)
	}
	got, _ = e.Explain("432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=AM0PR01MB1234.eurprd01.prod.exchangelabs.com]")
	if got.ID != "smtp-432-4.3.2-connections" || got.Server != "" {
		t.Errorf("id %q, server %q: [Hostname=...] is part of the sentence", got.ID, got.Server)
	}
}

func TestTextOfASignInErrorIsKeptWithoutItsCode(t *testing.T) {
	e := checks.NewExplainer()
	for text, want := range map[string]string{
		"AADSTS7000215": "", "7000215": "",
		"AADSTS7000215: Invalid client secret provided.": "Invalid client secret provided.",
	} {
		if got, _ := e.Explain(text); got.Text != want {
			t.Errorf("%q: text %q, want %q", text, got.Text, want)
		}
	}
}

func TestSubCodeIsKept(t *testing.T) {
	e := checks.NewExplainer()
	for text, want := range map[string]string{
		"550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients. (AS:46601)": "AS46601",
		"451 4.7.550 Access denied, please try again later (AS77714)":                                                      "AS77714",
		"554 5.4.14 Hop count exceeded - possible mail loop ATTR34":                                                        "ATTR34",
		"451 4.7.0 Temporary server error. Please try again later. PRX5":                                                   "PRX5",
	} {
		if got, _ := e.Explain(text); got.Sub != want {
			t.Errorf("%q: sub-code %q, want %q", text, got.Sub, want)
		}
	}
}

func TestTextFromTheNetworkCannotSteerATerminal(t *testing.T) {
	e := checks.NewExplainer()
	got, _ := e.Explain("550 5.7.30 Basic\x1b[2J \u202egnp \x00 " + strings.Repeat("x", 10_000))
	if strings.ContainsAny(got.Text, "\x1b\x00\u202e") || len(got.Text) > 5000 {
		t.Errorf("text %q", got.Text)
	}
}

func TestExplanationKeepsItsContract(t *testing.T) {
	e := checks.NewExplainer()
	got, _ := e.Explain("550 5.7.30 Basic authentication is not supported for Client Submission.")
	b, err := json.Marshal(got.Worded(locale(t, "en")))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(b), `{"type":"explanation","code":550,"enhanced":"5.7.30","id":"smtp-550-5.7.30","known":true,`) {
		t.Errorf("JSON %s", b)
	}
	for _, absent := range []string{"count", "server", "variants", "class"} {
		if strings.Contains(string(b), `"`+absent+`"`) {
			t.Errorf("%s is not known and must be absent: %s", absent, b)
		}
	}
}

const mixedLog = `2026-11-22T10:00:01 mx postfix/smtp[421]: connect to smtp.office365.com[52.97.1.2]:587: Connection timed out
2026-11-22T10:00:02 mx postfix/smtp[422]: A1: to=<a@contoso.example>, relay=smtp.office365.com[52.97.1.2]:587, delay=550, delays=0.1/0/450/0.5, dsn=5.7.3, status=deferred (SASL authentication failed; server smtp.office365.com[52.97.1.2] said: 535 5.7.3 Authentication unsuccessful [A.B.PROD.OUTLOOK.COM 2026-11-22T10:00:02Z 08DC])
2026-11-22T10:00:03 mx postfix/smtp[423]: A2: to=<a@contoso.example>, dsn=5.7.3, status=deferred (SASL authentication failed; server smtp.office365.com[52.97.1.2] said: 535 5.7.3 Authentication unsuccessful [A.B.PROD.OUTLOOK.COM 2026-11-22T10:00:03Z 08DD])
<~  250 2.1.0 Sender OK
<~* 550-5.7.30 Basic authentication is not supported
<~* 550 5.7.30 for Client Submission.
2026-11-22 10:00:00 1abc-1 == b@example.org H=mx.example.org [203.0.113.5]: SMTP error from remote mail server after RCPT TO:<b@example.org>: 450 greylisted, try later
S: 550-5.7.60 SMTP; Client does not have permissions to send as this sender
took 512 ms, wrote 550 messages, version 4.7.1, size: 452 bytes
ERROR: AADSTS7000222: The provided client secret keys are expired.
`

func TestLogIsGroupedAndTheRetirementComesFirst(t *testing.T) {
	var got []string
	err := checks.NewExplainer().Log(strings.NewReader(mixedLog), func(x checks.Explanation) {
		got = append(got, fmt.Sprintf("%d %d %s %s", x.Count, x.Code, x.Enhanced, x.ID))
	})
	want := []string{
		"1 550 5.7.30 smtp-550-5.7.30",
		"2 535 5.7.3 smtp-535-5.7.3",
		"1 450  ",
		"1 7000222  aadsts-7000222",
		"1 550 5.7.60 smtp-550-5.7.60",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("log gives\n%s\nwant\n%s\nerror %v", strings.Join(got, "\n"), strings.Join(want, "\n"), err)
	}
}

// A log of as many different codes as there can be, and a line without an end,
// must not fill the memory.
func TestLogIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 999 {
		for j := range 8 {
			fmt.Fprintf(&b, "said: 550 5.%d.%d unheard of\n", j, i)
		}
	}
	b.WriteString("550 5.7.30 " + strings.Repeat("x", 1<<20) + "\n550 5.7.30 again")
	groups, lines, retired := 0, 0, 0
	err := checks.NewExplainer().Log(strings.NewReader(b.String()), func(x checks.Explanation) {
		groups++
		lines += x.Count
		if x.ID == checks.RetiredReply {
			retired = x.Count
		}
	})
	if err != nil || groups > 1100 || lines != 999*8+2 || retired == 0 {
		t.Errorf("%d groups, %d lines, %d of the retirement, error %v", groups, lines, retired, err)
	}
}

func TestLogSaysWhyReadingStopped(t *testing.T) {
	r := io.MultiReader(strings.NewReader("550 5.7.30 x\n"), broken{})
	n := 0
	err := checks.NewExplainer().Log(r, func(checks.Explanation) { n++ })
	if err == nil || n != 1 {
		t.Errorf("error %v after %d explanations, want the reader's error and what was read before it", err, n)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func FuzzExplain(f *testing.F) {
	for _, r := range checks.Replies() {
		f.Add(fmt.Sprintf("%d %s", r.Code, r.Text))
	}
	for line := range strings.SplitSeq(mixedLog, "\n") {
		f.Add(line)
	}
	e, words := checks.NewExplainer(), locale(f, "en")
	f.Fuzz(func(t *testing.T, text string) {
		if x, ok := e.Explain(text); ok && x.Worded(words).Meaning == "" {
			t.Errorf("%q is explained without a meaning: %+v", text, x)
		}
		_ = e.Log(strings.NewReader(text), func(checks.Explanation) {})
	})
}

func BenchmarkExplainOneReply(b *testing.B) {
	e := checks.NewExplainer()
	text := "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. " + bracket
	b.ReportAllocs()
	for b.Loop() {
		if x, _ := e.Explain(text); !x.Known {
			b.Fatal(x)
		}
	}
}

func BenchmarkExplainTranscript(b *testing.B) {
	lines := strings.Repeat(`C: EHLO RNP0026737F7DCC
S: 250-smtp.office365.com Hello [203.0.113.9]
S: 250-SIZE 157286400
S: 250-STARTTLS
S: 250 SMTPUTF8
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: [account]
S: 535 5.7.139 Authentication unsuccessful, basic authentication is disabled. `+bracket+"\n", 200)[:64<<10]
	e := checks.NewExplainer()
	b.ReportAllocs()
	b.SetBytes(int64(len(lines)))
	for b.Loop() {
		_ = e.Log(strings.NewReader(lines), func(checks.Explanation) {})
	}
}

func BenchmarkExplainPostfixLog(b *testing.B) {
	ok := "Nov 22 10:00:00 mx postfix/smtp[%d]: A1B2C3: to=<a@contoso.example>, relay=contoso.mail.protection.outlook.com[52.101.40.5]:25, delay=1.2, delays=0.01/0.01/1.1/0.1, dsn=2.6.0, status=sent (250 2.6.0 <1@contoso.example> [InternalId=1] Queued mail for delivery)\n"
	var s strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&s, ok, 1000+i)
		if i%20 == 0 {
			s.WriteString("Nov 22 10:00:00 mx postfix/smtp[9]: A1: to=<a@contoso.example>, dsn=5.7.64, status=bounced (host x said: 550 5.7.64 TenantAttribution; Relay Access Denied SMTP (in reply to RCPT TO command))\n")
		}
	}
	e := checks.NewExplainer()
	b.ReportAllocs()
	b.SetBytes(int64(s.Len()))
	for b.Loop() {
		_ = e.Log(strings.NewReader(s.String()), func(checks.Explanation) {})
	}
}

func BenchmarkNewExplainer(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		checks.NewExplainer()
	}
}
