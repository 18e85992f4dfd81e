package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"offbasic/assets"
	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// world is everything outside the interface, played by the test.
type world struct {
	t    *testing.T
	tr   text.Printer
	mu   sync.Mutex
	mig  wizard.Migration
	seen []probes.Session
	told chan probes.CaptureEvent // what the capture emits

	captures int // running now
	policies []string
	trials   []probes.Trial // of the next test sends, in turn
	answers  [][]ReadBackLine
	app      wizard.Registration
	secret   string
	tries    []TryRequest
	tried    []probes.Trial // that are on disk
	closed   error          // what a test connection meets
	knocked  []string
	saved    []string
	failApp  error
	pop3     bool // is spoken on a port as well
	young    map[string]time.Time
	causes   []checks.Finding

	setups   [][]SetupEvent // of the next registrations, in turn
	failures []error        // that those end with
	requests []RegisterRequest
	made     []probes.Change
	undone   []string
	log      []probes.Change
	refs     []ScriptRef // of the scripts that were saved
	taken    []string    // answers that were made elsewhere
	opened   []string
	ran      []ScriptRef
	missing  []string // values of the script
	tenant   TenantState
	proves   func(ctx context.Context, mailbox string) ([]string, error)
	forecast []checks.Finding
	compared []CompareEvent
}

func newWorld(t *testing.T, lang string) *world {
	t.Helper()
	tr, err := text.Load(assets.Locales(), lang)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, tr: tr, told: make(chan probes.CaptureEvent)}
}

func (w *world) copy() wizard.Migration {
	b, err := json.Marshal(w.mig)
	if err != nil {
		panic(err)
	}
	var m wizard.Migration
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&m); err != nil {
		panic(err)
	}
	return m
}

func (w *world) options() Options {
	return w.withSetup(Options{
		Text: w.tr, Now: time.Now, Location: time.UTC,
		Deadline: func(time.Time) (time.Time, string) {
			return time.Date(2000, 2, 9, 0, 0, 0, 0, time.UTC), "basic-off"
		},
		Judge: checks.Judge, Rank: checks.Rank,
		Migration: w.copy(), Change: w.change,
		Reload: func(context.Context) (wizard.Migration, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.copy(), nil
		},
		Sessions: w.sessions, Session: w.session, Capture: w.capture,
		Policies: []string{"exchange", "retired", "relay"}, Addresses: []Address{{"192.0.2.23", "eth0"}, {"198.51.100.7", "wlan0"}, {"127.0.0.1", "lo"}},
		Knock: w.knockSelf, SaveTranscript: w.saveAs(".txt"), SaveMessage: w.saveAs(".eml"),
		Trials: func(context.Context) ([]probes.Trial, error) { return slices.Clone(w.tried), nil }, Devices: checks.NewDevices(),
		PortFix: func(probes.Listening) string { return "sudo setcap cap_net_bind_service=+ep /usr/local/bin/offbasic" },
		SaveApp: w.saveApp,
		Script:  w.script,
		SaveScript: func(_ context.Context, r ScriptRef) (string, error) {
			w.refs = append(w.refs, r)
			return "scripts/192.0.2.61-service-principal.ps1", nil
		},
		ReadBack: func(context.Context, ScriptRef) ([]ReadBackLine, error) {
			if len(w.answers) == 0 {
				return nil, nil
			}
			a := w.answers[0]
			if len(w.answers) > 1 {
				w.answers = w.answers[1:]
			}
			return a, nil
		},
		Try: w.try, Verify: w.verify, Explain: w.explain,
	})
}

const scriptText = `# Principal and rights for scan@contoso.example. Safe to run twice.
Connect-ExchangeOnline -ShowBanner:$false
$principal = Get-ServicePrincipal -Identity '11111111-2222-3333-4444-555555555555' -ErrorAction SilentlyContinue
if (-not $principal) {
    $principal = New-ServicePrincipal -AppId '11111111-2222-3333-4444-555555555555' -ObjectId '66666666-7777-8888-9999-000000000000' -DisplayName 'offbasic'
}
Add-MailboxPermission -Identity 'scan@contoso.example' -User '66666666-7777-8888-9999-000000000000' -AccessRights 'FullAccess' -AutoMapping $false
Set-CASMailbox -Identity 'scan@contoso.example' -SmtpClientAuthenticationDisabled $false
$answer = @{
    type   = 'readback'
    schema = 1
    script = 'service-principal'
    made   = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
}
$answer | ConvertTo-Json -Depth 5 | Set-Content -Encoding UTF8 -Path $ReadBack
`

func (w *world) change(_ context.Context, f func(*wizard.Migration) error) (wizard.Migration, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := f(&w.mig); err != nil {
		return wizard.Migration{}, err
	}
	return w.copy(), nil
}

func (w *world) sessions(_ context.Context, sender string) ([]probes.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []probes.Session
	for _, c := range w.seen {
		if w.mig.OwnerOf(c) == sender {
			out = append(out, c)
		}
	}
	return out, nil
}

func (w *world) session(_ context.Context, id string) (probes.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.seen, func(c probes.Session) bool { return c.ID == id })
	if i < 0 {
		return probes.Session{}, errors.New("no such session")
	}
	return w.seen[i], nil
}

// capture opens two ports, is refused one, and passes on what is told to it.
func (w *world) capture(ctx context.Context, policy string, emit func(probes.CaptureEvent)) error {
	w.mu.Lock()
	w.captures++
	w.policies = append(w.policies, policy)
	w.mu.Unlock()
	defer func() { w.mu.Lock(); w.captures--; w.mu.Unlock() }()
	for _, l := range []probes.Listening{
		{Wanted: "0.0.0.0:25", Addr: "0.0.0.0:2525", Fault: &probes.Fault{Op: "listen on 0.0.0.0:25", Code: "port_denied", Args: map[string]string{
			"address": "0.0.0.0:25", "port": "25", "fix": "sudo setcap cap_net_bind_service=+ep /usr/local/bin/offbasic",
		}}},
		{Wanted: "0.0.0.0:587", Addr: "0.0.0.0:587"},
		{Wanted: "0.0.0.0:465", Addr: "0.0.0.0:465"},
	} {
		emit(probes.CaptureEvent{Listening: &l})
	}
	if w.pop3 {
		emit(probes.CaptureEvent{Listening: &probes.Listening{Wanted: "0.0.0.0:110", Addr: "0.0.0.0:110", Protocol: "pop3"}})
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case ev := <-w.told:
			emit(ev)
		}
	}
}

// knockSelf is a test connection of this computer to itself, which the capture
// sees as well.
func (w *world) knockSelf(_ context.Context, addr string) error {
	w.mu.Lock()
	w.knocked = append(w.knocked, addr)
	w.mu.Unlock()
	if w.closed == nil {
		w.knock(at(probes.Session{Peer: "192.0.2.23", Protocol: "bare", End: probes.EndClosed}, "own "+addr))
	}
	return w.closed
}

// saveAs remembers what was saved.
func (w *world) saveAs(ext string) func(context.Context, string) (string, error) {
	return func(_ context.Context, id string) (string, error) {
		w.saved = append(w.saved, id+ext)
		return "/home/anna/migration/saved/20000101-000100_192.0.2.61_KM-C258" + ext, nil
	}
}

// knock is a device that connects: its session is kept, attached and emitted.
func (w *world) knock(c probes.Session) {
	w.mu.Lock()
	w.seen = append(w.seen, c)
	w.mig.Attach(c)
	w.mu.Unlock()
	w.told <- probes.CaptureEvent{Session: &c}
}

func (w *world) saveApp(_ context.Context, t wizard.Tenant, app wizard.Registration, secret string) error {
	if w.failApp != nil {
		return w.failApp
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mig.Tenant, w.mig.App, w.app, w.secret = t, &app, app, secret
	return nil
}

// try takes 30 ms a step.
func (w *world) try(ctx context.Context, r TryRequest, emit func(probes.Step)) (probes.Trial, error) {
	w.mu.Lock()
	w.tries = append(w.tries, r)
	t := w.trials[0]
	w.trials = w.trials[1:]
	w.mu.Unlock()
	t.Sender, t.Route, t.To, t.Started = r.Sender, r.Route, []string{r.To}, time.Now()
	for _, st := range t.Steps {
		select {
		case <-ctx.Done():
			return probes.Trial{}, ctx.Err()
		case <-time.After(30 * time.Millisecond):
		}
		emit(st)
	}
	return t, nil
}

// verify finds the message after five seconds.
func (w *world) verify(ctx context.Context, t probes.Trial, tick func(time.Duration)) (probes.Receipt, error) {
	for i := range 5 {
		select {
		case <-ctx.Done():
			return probes.Receipt{}, ctx.Err()
		case <-time.After(time.Second):
			tick(time.Duration(i+1) * time.Second)
		}
	}
	return probes.Receipt{
		MessageID: t.MessageID, Mailbox: t.To[0], Found: true, Received: time.Now(), AfterMS: 4210, Folder: "Inbox", AuthAs: "Internal",
		Results: "spf=pass (sender IP is 192.0.2.10) smtp.mailfrom=contoso.example; dkim=pass header.d=contoso.example; dmarc=pass",
	}, nil
}

func (w *world) explain(_ context.Context, t probes.Trial) (Explained, error) {
	if w.tr.Lang() == "fr" {
		return Explained{
			ID: "smtp-535-5.7.3", Known: true, Young: w.youngest(), Findings: w.causes,
			Meaning:  "Exchange ne connaît pas l’application pour cette boîte aux lettres.",
			Causes:   []string{"Le principal de service a été créé avec l’ID d’objet de l’inscription d’application.", "SMTP AUTH est désactivé pour la boîte aux lettres."},
			Remedies: []string{"Relire le script et sa réponse.", "Attendre une heure après un changement, puis renvoyer."},
		}, nil
	}
	return Explained{
		ID: "smtp-535-5.7.3", Known: true, Young: w.youngest(), Findings: w.causes,
		Meaning:  "Exchange does not know the app for this mailbox.",
		Causes:   []string{"The service principal was made with the object ID of the app registration.", "SMTP AUTH is off for the mailbox."},
		Remedies: []string{"Read the script and its answer again.", "Wait an hour after a change, then send again."},
	}, nil
}

// youngest is what may be too young now.
func (w *world) youngest() *checks.Young {
	y, ok := checks.YoungOf(w.young, time.Now(), checks.MadePermission)
	if !ok {
		return nil
	}
	return &y
}

var copier = probes.Session{
	ID: "s1", Peer: "192.0.2.61", Listener: "0.0.0.0:587", Policy: "exchange", Hello: "KM_C258",
	TLS: probes.TLS{
		Mode: probes.StartTLS, Version: "TLS 1.2", Cipher: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
		ClientVersions: []string{"TLS 1.2", "TLS 1.1", "TLS 1.0"},
	},
	Auth:     []probes.Auth{{Mechanism: "LOGIN", Account: "scan@contoso.example", Outcome: probes.AuthAccepted, Reply: "235 2.7.0 Authentication successful"}},
	MailFrom: "scan@contoso.example", RcptTo: []string{"anna@contoso.example", "info@example.org"}, Size: 4_213_377,
	Message: &probes.Message{From: "scan@contoso.example", Subject: "Message from KM_C258", Mailer: "KONICA MINOLTA bizhub C258", MessageID: "<20000101@192.0.2.61>"},
	End:     probes.EndQuit, Taken: true,
	Transcript: []probes.Line{
		{MS: 0, From: probes.Server, Text: "220 offbasic ESMTP"},
		{MS: 12, From: probes.Client, Text: "EHLO KM_C258"},
		{MS: 12, From: probes.Server, Text: "250-offbasic"},
		{MS: 30, From: probes.Client, Text: "STARTTLS"},
		{MS: 31, From: probes.Server, Text: "220 2.0.0 SMTP server ready"},
		{MS: 88, From: probes.Client, Text: "EHLO KM_C258"},
		{MS: 89, From: probes.Server, Text: "250-AUTH LOGIN XOAUTH2"},
		{MS: 110, From: probes.Client, Text: "AUTH LOGIN"},
		{MS: 111, From: probes.Server, Text: "334 VXNlcm5hbWU6"},
		{MS: 130, From: probes.Client, Text: "scan@contoso.example"},
		{MS: 131, From: probes.Server, Text: "334 UGFzc3dvcmQ6"},
		{MS: 150, From: probes.Client, Text: "[password, 14 characters]"},
		{MS: 151, From: probes.Server, Text: "235 2.7.0 Authentication successful"},
	},
}

// at gives a session its time.
func at(c probes.Session, id string) probes.Session {
	c.ID, c.Started, c.Ended = id, time.Now(), time.Now().Add(time.Second)
	return c
}

func refusedTrial() probes.Trial {
	r, _ := probes.ParseReply("535 5.7.3 Authentication unsuccessful [PR3P192CA0001.EURP192.PROD.OUTLOOK.COM 2000-01-01T00:00:00.000Z 08DC93087F48F48A]")
	return probes.Trial{
		ID: "t1", Server: "smtp.office365.com:587", From: "scan@contoso.example", Outcome: probes.TrialRefused, MessageID: "<t1@contoso.example>",
		Steps: []probes.Step{
			{Step: probes.StepToken, Outcome: probes.StepOK, MS: 212, Detail: "https://outlook.office365.com, SMTP.SendAsApp"},
			{Step: probes.StepConnect, Outcome: probes.StepOK, MS: 31.4, Detail: "198.51.100.20:587"},
			{Step: probes.StepBanner, Outcome: probes.StepOK, MS: 12, Reply: "220 PR3P192CA0001.outlook.office365.com Microsoft ESMTP MAIL Service ready at Sat, 1 Jan 2000 00:00:00 +0000"},
			{Step: probes.StepSTARTTLS, Outcome: probes.StepOK, MS: 48, Detail: "TLS 1.3 TLS_AES_256_GCM_SHA384"},
			{Step: probes.StepAUTH, Outcome: probes.StepFailed, MS: 301, Reply: "535 5.7.3 Authentication unsuccessful"},
		},
		Reply: &r,
		Transcript: []probes.Line{
			{MS: 300, From: probes.Client, Text: "AUTH XOAUTH2"},
			{MS: 320, From: probes.Client, Text: "[token, 1834 characters]"},
			{MS: 600, From: probes.Server, Text: "535 5.7.3 Authentication unsuccessful"},
		},
	}
}

func sentTrial() probes.Trial {
	t := refusedTrial()
	t.ID, t.Outcome, t.Reply = "t2", probes.TrialSent, nil
	t.Steps = append(slices.Clone(t.Steps[:4]),
		probes.Step{Step: probes.StepAUTH, Outcome: probes.StepOK, MS: 190, Reply: "235 2.7.0 Authentication successful"},
		probes.Step{Step: probes.StepMAIL, Outcome: probes.StepOK, MS: 22, Reply: "250 2.1.0 Sender OK"},
		probes.Step{Step: probes.StepRCPT, Outcome: probes.StepOK, MS: 25, Reply: "250 2.1.5 Recipient OK"},
		probes.Step{Step: probes.StepDATA, Outcome: probes.StepOK, MS: 410, Reply: "250 2.0.0 OK <t1@contoso.example> [Hostname=PR3P192MB0001.EURP192.PROD.OUTLOOK.COM]"},
		probes.Step{Step: probes.StepQUIT, Outcome: probes.StepOK, MS: 9, Reply: "221 2.0.0 Service closing transmission channel"},
	)
	return t
}

func answer(rights bool) []ReadBackLine {
	got := ""
	if rights {
		got = "FullAccess"
	}
	return []ReadBackLine{
		{ID: "service-principal", OK: true, Got: "66666666-7777-8888-9999-000000000000", Want: "66666666-7777-8888-9999-000000000000"},
		{ID: "mailbox-rights", OK: rights, Got: got, Want: "FullAccess"},
		{ID: "smtp-auth", OK: rights, Got: map[bool]string{true: "False", false: "True"}[rights], Want: "False"},
	}
}

// hostile is text as only an attacker sends it.
var hostile = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe\x9b31m" + strings.Repeat("A", 300)
