package lab_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/assets"
	"offbasic/probes"
	"offbasic/probes/lab"
	"offbasic/wizard"
)

// row is one reply of the catalogue.
type row struct {
	ID       string   `json:"id"`
	Code     int      `json:"code"`
	Enhanced []string `json:"enhanced"`
	Match    []string `json:"match"`
	Paths    []string `json:"paths"`
}

func catalogueRows(t *testing.T) []row {
	t.Helper()
	raw, err := fs.ReadFile(assets.Catalogues(), "replies.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []row
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// is tells whether a reply is the row: its code, its first enhanced code, and
// the piece of its text that it is recognised by.
func (r row) is(reply string) bool {
	got, ok := probes.ParseReply(reply)
	first := ""
	if len(r.Enhanced) > 0 {
		first, _, _ = strings.Cut(r.Enhanced[0], "-")
	}
	return ok && got.Code == r.Code && got.Enhanced == first && (len(r.Match) == 0 || strings.Contains(got.Text, r.Match[0]))
}

// walk goes through a whole dialogue with a service and returns every reply.
func walk(t *testing.T, l *lab.Lab, service string) []string {
	t.Helper()
	host, port := l.Endpoint(service)
	c := connect(t, l, host, port)
	replies := []string{c.reply()}
	say := func(lines ...string) bool {
		got := c.say(lines...)
		replies = append(replies, got)
		return got != "" && got[0] < '4'
	}
	if replies[0][0] != '2' || !say("EHLO printer.contoso.example") || !say("STARTTLS") {
		return replies
	}
	c.encrypt()
	from := alerts
	switch service {
	case "submission", "legacy":
		from = "scan@contoso.example"
	case "mx":
		from = device
	}
	if !say("EHLO printer.contoso.example") {
		return replies
	}
	if service != "mx" && !say("AUTH XOAUTH2", xoauth2(from, l.IssueToken(func(c map[string]any) { c["roles"] = []string{"Mail.Send", "SMTP.SendAsApp"} }))) {
		return replies
	}
	_ = say("MAIL FROM:<"+from+">") && say("RCPT TO:<"+inside+">") && say("DATA") &&
		say("From: "+from+"\r\nSubject: scan\r\nMessage-ID: <"+c.id()+"@printer>\r\n\r\n.")
	return replies
}

// everyRoute is a lab where each walk succeeds.
func everyRoute(t *testing.T) *lab.Lab {
	t.Helper()
	l := withHVE(t, lab.Options{NoLimits: true})
	app := wizard.Registration{Name: "lab", ClientID: l.App().ClientID, ObjectID: l.App().ObjectID}
	execute(t, l, named(t, "service-principal", wizard.ScriptValues{App: app, Mailbox: "scan@contoso.example"}))
	execute(t, l, named(t, "legacy-tls", wizard.ScriptValues{}))
	return l
}

// Every refusal of the catalogue of replies, provoked by its name, is what a
// client gets, and what the row is recognised by. One of a bounce lets the
// message in and says it in the message trace.
func TestEveryRefusalOfTheCatalogueCanBeProvokedByName(t *testing.T) {
	l := everyRoute(t)
	services := map[string]string{"submission": "submission", "submission(legacy)": "legacy", "hve": "hve", "relay": "mx", "direct": "mx", "third-party": "mx", "any": "submission"}
	for _, service := range services {
		if got := walk(t, l, service); got[len(got)-1][0] != '2' {
			t.Fatalf("%s without a fault: %q", service, got)
		}
	}
	provoked := 0
	for _, r := range catalogueRows(t) {
		if r.Code > 0 && r.Code < 400 {
			continue
		}
		provoked++
		name := "reply:" + strings.TrimPrefix(r.ID, "smtp-")
		if !slices.Contains(lab.RefusalNames(), name) || !slices.Contains(lab.FaultNames(), name) {
			t.Errorf("%s has no name", r.ID)
			continue
		}
		if err := l.Refuse(name, 1); err != nil {
			t.Fatal(err)
		}
		replies := walk(t, l, services[r.Paths[0]])
		last := replies[len(replies)-1]
		if given := r.is(last) || last[0] == '2' && bounced(t, l, r); !given {
			t.Errorf("%s: the dialogue with %s ended with %q", name, services[r.Paths[0]], last)
		}
		if err := l.Refuse(name, 0); err != nil {
			t.Fatal(err)
		}
	}
	if provoked != len(lab.RefusalNames()) || provoked < 60 {
		t.Errorf("%d provoked, of %d names", provoked, len(lab.RefusalNames()))
	}
}

// bounced tells whether the last message came back with a row's code.
func bounced(t *testing.T, l *lab.Lab, r row) bool {
	t.Helper()
	reply := lastBounce(t, l)
	if r.Code != 0 {
		return r.is(reply)
	}
	return strings.HasPrefix(reply, r.Enhanced[0]+" ") && strings.Contains(reply, r.Match[0])
}

func TestARefusalIsGivenAsOftenAsAskedAndThenNoMore(t *testing.T) {
	l := start(t, lab.Options{Faults: []string{"reply:550-5.7.64"}})
	for range 3 {
		wantReply(t, "always", secure(t, l, "mx").send(device, inside), "550 5.7.64 TenantAttribution; Relay Access Denied SMTP")
	}
	if err := l.Refuse("reply:550-5.7.64", 0); err != nil {
		t.Fatal(err)
	}
	if err := l.Refuse("reply:451-4.7.500", 2); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		wantReply(t, "twice", secure(t, l, "mx").send(device, inside), "451 4.7.500 Access denied, please try again later (ASxxx)")
	}
	wantTaken(t, "the third time", secure(t, l, "mx").send(device, inside))
	var f *probes.Fault
	if err := l.Refuse("reply:299", 1); !errors.As(err, &f) || f.Code != lab.FaultUnknown {
		t.Errorf("an unknown name: %v", err)
	}
	if _, err := lab.Start(t.Context(), lab.Options{Faults: []string{"reply:299"}}); !errors.As(err, &f) || f.Code != lab.FaultUnknown {
		t.Errorf("an unknown name at the start: %v", err)
	}
}

// Microsoft, "SMTP submission improvements": 30 messages a minute, 3 sessions
// at once, 10,000 recipients a day.
func TestSubmissionHasTheLimitsOfAMailbox(t *testing.T) {
	clock := newClock()
	l := start(t, lab.Options{Now: clock.now})
	const scan = "scan@contoso.example"
	c := secureScan(t, l)
	for i := range 30 {
		wantTaken(t, "message "+string(rune('a'+i%26)), c.send(scan, inside))
	}
	wantReply(t, "the 31st in a minute", c.send(scan, inside), "421 4.4.2 Message submission rate for this client has exceeded the configured limit")
	if _, err := c.r.ReadByte(); err == nil {
		t.Error("a reply of 421 did not end the session")
	}
	clock.pass(time.Minute)
	sessions := []*client{secureScan(t, l), secureScan(t, l), secureScan(t, l)}
	wantTaken(t, "with three", sessions[0].send(scan, inside))
	sessions = append(sessions, secureScan(t, l))
	wantReply(t, "with four", sessions[0].send(scan, inside),
		"432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=AM0PR10MB0001.EURPRD10.PROD.OUTLOOK.COM]")
	for _, s := range sessions[1:] {
		s.say("QUIT")
	}
	c = sessions[0]
	for range 10 {
		clock.pass(time.Minute)
		to := make([]string, 0, 1000)
		for i := range 1000 {
			to = append(to, "a"+strings.Repeat("b", i%40)+string(rune('a'+i/40))+"@example.org")
		}
		got := c.send(scan, to...)
		if strings.HasPrefix(got, "554") {
			wantReply(t, "the day's recipients", got, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException")
			return
		}
		wantTaken(t, "a thousand", got)
	}
	t.Error("more than 10,000 recipients in a day were taken")
}

func secureScan(t *testing.T, l *lab.Lab) *client {
	t.Helper()
	c := secure(t, l, "submission")
	wantReply(t, "sign-in", c.say("AUTH LOGIN", b64("scan@contoso.example"), b64(l.Password("scan@contoso.example"))), "235 2.7.0 Authentication successful")
	return c
}

// RFC 1870: what is declared, and what comes, over the limit of the service.
func TestAMessageOverTheLimitIsRefused(t *testing.T) {
	l := withHVE(t, lab.Options{})
	c, _ := hveToken(t, l, alerts, withMailSend)
	const refused = "552 5.3.4 Message size exceeds fixed maximum message size"
	wantReply(t, "declared", c.say("MAIL FROM:<"+alerts+"> SIZE=99999999999999999999"), refused)
	c.say("MAIL FROM:<"+alerts+">", "RCPT TO:<"+inside+">", "DATA")
	line := strings.Repeat("x", 998) + "\r\n"
	got := c.say("From: " + alerts + "\r\n\r\n" + strings.Repeat(line, 10600) + ".")
	wantReply(t, "sent", got, refused)
	if list := inbox(t, l, inside); len(list) != 0 {
		t.Errorf("delivered all the same: %+v", list)
	}
}

// RESOLVER.ADR.RecipientNotFound: an unknown recipient inside comes back as a
// bounce, since submission takes every address.
func TestUnknownRecipientInsideComesBack(t *testing.T) {
	l := start(t, lab.Options{})
	wantTaken(t, "sent", secureScan(t, l).send("scan@contoso.example", "nobody@contoso.example"))
	if got := lastBounce(t, l); !strings.HasPrefix(got, "550 5.1.10 RESOLVER.ADR.RecipientNotFound") {
		t.Errorf("the trace says %q", got)
	}
	if m := inbox(t, l, "scan@contoso.example")[0]; m.Folder != "Inbox" && m.Folder != "Sent Items" {
		t.Errorf("%+v", m)
	}
	if !slices.ContainsFunc(inbox(t, l, "scan@contoso.example"), func(m mail) bool { return m.Subject == "Undeliverable: scan" && m.Folder == "Inbox" }) {
		t.Error("no bounce in the sender's Inbox")
	}
}
