package submit_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/graph"
	"offbasic/probes/lab"
	"offbasic/probes/signin"
	"offbasic/probes/submit"
	"offbasic/wizard"
)

const outlook = "https://outlook.office365.com/.default"

func startLab(t *testing.T, o lab.Options) *lab.Lab {
	t.Helper()
	l, err := lab.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func app(l *lab.Lab) signin.App {
	return signin.App{
		Authority: l.Authority(), Tenant: l.Tenant().ID, ClientID: l.App().ClientID,
		Secret: l.App().Secret, HTTP: l.HTTPClient(),
	}
}

// request is a test send over OAuth from scan@ to it@.
func request(l *lab.Lab) submit.Request {
	const from, to, id = "scan@contoso.example", "it@contoso.example", "<test-1@offbasic.invalid>"
	return submit.Request{
		Route: probes.OAuth, Sender: "192.0.2.7",
		Host: l.SubmissionHost(), Port: l.SubmissionPort(), TLS: probes.StartTLS, Roots: l.Roots(),
		Mechanism: submit.XOAUTH2, Account: from,
		Credential: func(ctx context.Context) (string, *probes.Claims, error) {
			tok, err := app(l).Token(ctx, outlook)
			return tok.Access(), &tok.Claims, err
		},
		From: from, To: []string{to}, MessageID: id,
		Message: submit.TestMessage(from, []string{to}, id, "offbasic test", time.Now()),
	}
}

func setUp(t *testing.T, l *lab.Lab, objectID, mailbox string) {
	t.Helper()
	reg := wizard.Registration{Name: "SMTP devices", ClientID: l.App().ClientID, ObjectID: objectID}
	script := wizard.ServicePrincipal(reg, mailbox)
	file, err := l.Execute(t.Context(), script)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range script.Expects {
		rows := file.Results[e.Read]
		if len(rows) != 1 || !strings.EqualFold(rows[0][e.Property], e.Want) {
			t.Fatalf("read-back of %s: %v, want %s", e.ID, rows, e.Want)
		}
	}
}

func show(t *testing.T, tr probes.Trial) {
	t.Helper()
	for _, s := range tr.Steps {
		t.Logf("%-9s %-7s %6.1f %s | %s | %s %v", s.Step, s.Outcome, s.MS, s.Reply, s.Detail, s.Fault, s.Args)
	}
	for _, l := range tr.Transcript {
		t.Logf("  %4d %s: %s", l.MS, l.From, l.Text)
	}
}

// The whole of the proof: refused before the script, accepted after it, found
// in the recipient's mailbox.
func TestScriptDecidesWhetherATokenMaySend(t *testing.T) {
	l := startLab(t, lab.Options{})
	before := submit.Send(t.Context(), request(l), nil)
	// OAUTHDOC: Exchange service principal missing.
	assertRefused(t, before, probes.StepAUTH, "535 5.7.3 Authentication unsuccessful")

	setUp(t, l, l.App().ObjectID, "scan@contoso.example")
	sent := time.Now()
	after := submit.Send(t.Context(), request(l), nil)
	if after.Outcome != probes.TrialSent {
		show(t, after)
		t.Fatalf("outcome %s after the script, want sent", after.Outcome)
	}

	client := graph.Client{Base: l.GraphBase(), HTTP: l.HTTPClient(), Token: func(ctx context.Context) (string, error) {
		tok, err := app(l).Token(ctx, "https://graph.microsoft.com/.default")
		return tok.Access(), err
	}}
	r, err := client.Wait(t.Context(), "it@contoso.example", after.MessageID, sent, graph.Waits(), nil)
	if err != nil || !r.Found || r.Folder != "Inbox" || r.AuthAs != "Internal" || r.Subject != "offbasic test" {
		t.Errorf("receipt %+v, error %v; want it in the Inbox as Internal", r, err)
	}
}

func assertRefused(t *testing.T, tr probes.Trial, step, reply string) {
	t.Helper()
	at := tr.Reached()
	if tr.Outcome != probes.TrialRefused || at.Step != step || tr.Reply == nil || tr.Reply.String() != reply {
		show(t, tr)
		t.Fatalf("outcome %s at %s with %v, want refused at %s with %s", tr.Outcome, at.Step, tr.Reply, step, reply)
	}
	if step == probes.StepAUTH && tr.Reply.Server == "" {
		t.Errorf("the bracket with server, time and id was not kept: %+v", tr.Reply)
	}
}

func TestTrialHoldsNoToken(t *testing.T) {
	l := startLab(t, lab.Options{})
	setUp(t, l, l.App().ObjectID, "scan@contoso.example")
	r := request(l)
	var token string
	ask := r.Credential
	r.Credential = func(ctx context.Context) (string, *probes.Claims, error) {
		s, c, err := ask(ctx)
		token = s
		return s, c, err
	}
	tr := submit.Send(t.Context(), r, nil)
	show(t, tr)
	b, err := json.Marshal(tr)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+16 <= len(token); i += 16 {
		if strings.Contains(string(b), token[i:i+16]) {
			t.Fatalf("the trial holds a part of the token: %s", token[i:i+16])
		}
	}
}
