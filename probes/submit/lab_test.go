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

// Each refusal with the text that the dossier of replies has for it.
func TestTokensThatTheLabRefuses(t *testing.T) {
	l := startLab(t, lab.Options{})
	setUp(t, l, l.App().ObjectID, "scan@contoso.example")
	setUp(t, l, l.App().ObjectID, "accounting@contoso.example")
	const no = "535 5.7.3 Authentication unsuccessful" // OAUTHDOC, FIX2021
	for _, tt := range []struct {
		name    string
		account string
		edit    func(map[string]any)
		reply   string
	}{
		{"for Graph", "scan@contoso.example", func(c map[string]any) { c["aud"] = "https://graph.microsoft.com" }, no},
		{"of another tenant", "scan@contoso.example", func(c map[string]any) {
			c["tid"] = "11111111-2222-4333-8444-555555555555"
			c["iss"] = "https://sts.windows.net/11111111-2222-4333-8444-555555555555/"
		}, no},
		{"of another app", "scan@contoso.example", func(c map[string]any) { c["appid"] = "11111111-2222-4333-8444-555555555555" }, no},
		{"of another enterprise application", "scan@contoso.example", func(c map[string]any) { c["oid"] = l.App().RegistrationObjectID }, no},
		{"expired", "scan@contoso.example", func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() }, no},
		{"without the role", "scan@contoso.example", func(c map[string]any) { delete(c, "roles") }, no},
		{"with Mail.Send only", "scan@contoso.example", func(c map[string]any) { c["roles"] = []string{"Mail.Send"} }, no},
		{"for a mailbox without rights", "it@contoso.example", nil, no},
		{"for a mailbox that is none", "nobody@contoso.example", nil, no},
	} {
		r := request(l)
		r.Account, r.From = tt.account, tt.account
		r.Credential = func(context.Context) (string, *probes.Claims, error) {
			s := l.IssueToken(tt.edit)
			c, err := signin.Claims(s)
			return s, &c, err
		}
		t.Log(tt.name)
		assertRefused(t, submit.Send(t.Context(), r, nil), probes.StepAUTH, tt.reply)
	}
}

func TestTokenWithABrokenSignatureIsRefused(t *testing.T) {
	l := startLab(t, lab.Options{})
	setUp(t, l, l.App().ObjectID, "scan@contoso.example")
	r := request(l)
	s := l.IssueToken(nil)
	i := strings.IndexByte(s, '.') + 20
	other := byte('A')
	if s[i] == 'A' {
		other = 'B'
	}
	r.Credential = secret(s[:i] + string(other) + s[i+1:])
	assertRefused(t, submit.Send(t.Context(), r, nil), probes.StepAUTH, "535 5.7.3 Authentication unsuccessful")
}

// OAUTHDOC: the object id of the registration is the classic mistake. The
// cmdlets take it; the token is refused.
func TestRegistrationsObjectIDIsTakenByTheCmdletsAndRefusedAtTheSend(t *testing.T) {
	l := startLab(t, lab.Options{})
	setUp(t, l, l.App().RegistrationObjectID, "scan@contoso.example")
	assertRefused(t, submit.Send(t.Context(), request(l), nil), probes.StepAUTH, "535 5.7.3 Authentication unsuccessful")
}

// The switch covers OAuth too (field report, measured 2026-09).
func TestSMTPAuthOffRefusesATokenToo(t *testing.T) {
	l := startLab(t, lab.Options{})
	setUp(t, l, l.App().ObjectID, "scan@contoso.example")
	_, err := l.Execute(t.Context(), probes.Script{Steps: []probes.ScriptStep{{Do: probes.Call("Set-CASMailbox",
		probes.P("Identity", probes.Text("scan@contoso.example")),
		probes.P("SmtpClientAuthenticationDisabled", probes.Bool(true)))}}})
	if err != nil {
		t.Fatal(err)
	}
	assertRefused(t, submit.Send(t.Context(), request(l), nil), probes.StepAUTH,
		"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information.")
}

func TestPasswordsTodayAndAfterTheRetirement(t *testing.T) {
	l := startLab(t, lab.Options{})
	for _, tt := range []struct {
		name, account, password, reply string
		retired                        bool
	}{
		{"right", "scan@contoso.example", l.Password("scan@contoso.example"), "", false},
		{"wrong", "scan@contoso.example", "letmein1", "535 5.7.3 Authentication unsuccessful", false},
		{
			"organisation's switch off", "accounting@contoso.example", l.Password("accounting@contoso.example"),
			"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.", false,
		},
		// MC786329
		{"retired", "scan@contoso.example", l.Password("scan@contoso.example"), "550 5.7.30 Basic authentication is not supported for Client Submission.", true},
	} {
		l.SetRetired(tt.retired)
		r := request(l)
		r.Route, r.Mechanism, r.Account, r.From = probes.Basic, submit.LOGIN, tt.account, tt.account
		r.Message = submit.TestMessage(tt.account, r.To, r.MessageID, "x", time.Now())
		r.Credential = secret(tt.password)
		tr := submit.Send(t.Context(), r, nil)
		t.Log(tt.name)
		if tt.reply != "" {
			assertRefused(t, tr, probes.StepAUTH, tt.reply)
		} else if tr.Outcome != probes.TrialSent {
			show(t, tr)
			t.Error("the right password was refused")
		}
		if b, _ := json.Marshal(tr); strings.Contains(string(b), tt.password) {
			t.Errorf("the trial holds the password: %s", b)
		}
	}
}

// The current wording of a Send As refusal, at the end of DATA (field reports
// of 2026).
func TestSendingAsAnotherMailboxIsDenied(t *testing.T) {
	l := startLab(t, lab.Options{})
	setUp(t, l, l.App().ObjectID, "scan@contoso.example")
	const other = "accounting@contoso.example"
	envelope, header := request(l), request(l)
	envelope.From = other
	header.Message = submit.TestMessage(other, header.To, header.MessageID, "x", time.Now())
	for _, r := range []submit.Request{envelope, header} {
		tr := submit.Send(t.Context(), r, nil)
		if tr.Outcome != probes.TrialRefused || tr.Reached().Step != probes.StepDATA ||
			!strings.HasPrefix(tr.Reply.String(), "554 5.2.252 SendAsDenied; scan@contoso.example not allowed to send as accounting@contoso.example; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied;") {
			show(t, tr)
			t.Errorf("reply %v, want SendAsDenied", tr.Reply)
		}
	}
}

func TestSendingWithoutSigningInIsRefused(t *testing.T) {
	l := startLab(t, lab.Options{})
	r := request(l)
	r.Mechanism, r.Credential = submit.None, nil
	// ALERTMGR (log of 2023), FIX2021
	assertRefused(t, submit.Send(t.Context(), r, nil), probes.StepMAIL, "530 5.7.57 Client not authenticated to send mail.")
	r.TLS = probes.NoTLS
	assertRefused(t, withServer(submit.Send(t.Context(), r, nil)), probes.StepMAIL, "451 5.7.3 STARTTLS is required to send mail")
}

func TestRefusedSignInIsAFailedTokenStep(t *testing.T) {
	l := startLab(t, lab.Options{})
	r := request(l)
	r.Credential = func(ctx context.Context) (string, *probes.Claims, error) {
		a := app(l)
		a.Secret = "not-the-secret-value"
		_, err := a.Token(ctx, outlook)
		return "", nil, err
	}
	tr := submit.Send(t.Context(), r, nil)
	at := tr.Reached()
	if tr.Outcome != probes.TrialFailed || at.Step != probes.StepToken || at.Fault != signin.Refused || tr.AADSTS != "7000215" {
		t.Errorf("%+v, AADSTS %q; want signin_refused 7000215", at, tr.AADSTS)
	}
	if b, _ := json.Marshal(tr); strings.Contains(string(b), "not-the-secret-value") {
		t.Errorf("the trial holds the secret: %s", b)
	}
}
