package wizard_test

import (
	"errors"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/wizard"
)

func at(minute int) time.Time { return time.Date(2026, 11, 22, 10, minute, 0, 0, time.UTC) }

func signedIn(peer, account string, minute int) probes.Session {
	return probes.Session{
		ID: peer + account, Peer: peer, Started: at(minute), Hello: "copier",
		TLS:  probes.TLS{Mode: probes.StartTLS, Version: "TLS 1.2"},
		Auth: []probes.Auth{{Mechanism: "LOGIN", Account: account, Outcome: probes.AuthAccepted}}, MailFrom: account,
		RcptTo: []string{"it@Example.org"}, Size: 1000, Taken: true,
	}
}

func TestSendersAreToldApartByPeerAndAccount(t *testing.T) {
	anonymous := probes.Session{Peer: "192.0.2.1", Started: at(5)}
	scan := probes.Session{Peer: "192.0.2.1", Protocol: "scan"}
	for _, tt := range []struct {
		name     string
		sessions []probes.Session
		want     []string // the sender of each
	}{
		{"the same device twice", []probes.Session{signedIn("192.0.2.1", "a@x.example", 1), signedIn("192.0.2.1", "A@X.example", 2)}, []string{"192.0.2.1", "192.0.2.1"}},
		{"two accounts behind one address", []probes.Session{signedIn("192.0.2.1", "a@x.example", 1), signedIn("192.0.2.1", "b@x.example", 2)}, []string{"192.0.2.1", "192.0.2.1b"}},
		{"one account on two devices", []probes.Session{signedIn("192.0.2.1", "a@x.example", 1), signedIn("192.0.2.2", "a@x.example", 2)}, []string{"192.0.2.1", "192.0.2.2"}},
		{"without sign-in it is the address's only sender", []probes.Session{signedIn("192.0.2.1", "a@x.example", 1), anonymous}, []string{"192.0.2.1", "192.0.2.1"}},
		{"a sender seen without sign-in gets its account later", []probes.Session{anonymous, signedIn("192.0.2.1", "a@x.example", 1)}, []string{"192.0.2.1", "192.0.2.1"}},
		{"a port scan is nobody", []probes.Session{scan}, []string{""}},
		{"an IPv6 address makes an id fit for a command line", []probes.Session{signedIn("fe80::1%eth0", "", 1)}, []string{"fe80--1-eth0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m wizard.Migration
			for i, s := range tt.sessions {
				if got := m.Attach(s); got != tt.want[i] {
					t.Errorf("session %d went to %q, want %q; senders %+v", i, got, tt.want[i], m.Senders)
				}
			}
		})
	}
}

func TestASenderKeepsWhatItsSessionsShowed(t *testing.T) {
	var m wizard.Migration
	m.Attach(signedIn("192.0.2.1", "a@x.example", 3))
	second := signedIn("192.0.2.1", "a@x.example", 1)
	second.Size, second.RcptTo = 5000, []string{"b@x.example"}
	m.Attach(second)
	got := m.Senders[0].Seen
	if got.Sessions != 2 || !got.First.Equal(at(1)) || !got.Last.Equal(at(3)) || got.MaxSize != 5000 {
		t.Errorf("seen %+v", got)
	}
	if len(got.To) != 2 || got.To[0] != "example.org" || got.To[1] != "x.example" {
		t.Errorf("recipient domains %v, want example.org and x.example", got.To)
	}
}

// After a capture that was cut off the sessions are counted anew; what the
// admin decided stays.
// A sender that never came to TLS is told from one that did not try; the first
// handshake that succeeds is what counts from then on.
func TestAFailedHandshakeIsSeen(t *testing.T) {
	failed := probes.Session{ID: "1", Peer: "192.0.2.9", End: probes.EndTLS, TLS: probes.TLS{Mode: probes.StartTLS, Error: "certificate_refused"}}
	good := failed
	good.ID, good.TLS = "2", probes.TLS{Mode: probes.StartTLS, Version: "TLS 1.2"}
	var m wizard.Migration
	m.Attach(failed)
	if s := m.Senders[0].Seen; s.TLS != "" || s.TLSError != "certificate_refused" {
		t.Errorf("seen %+v", s)
	}
	m.Attach(good)
	m.Attach(failed)
	if s := m.Senders[0].Seen; s.TLS != "TLS 1.2" || s.TLSError != "" {
		t.Errorf("seen %+v", s)
	}
}

func TestReseeCountsAnewAndKeepsDecisions(t *testing.T) {
	var m wizard.Migration
	s := signedIn("192.0.2.1", "a@x.example", 1)
	id := m.Attach(s)
	if err := m.Choose(id, probes.OAuth, at(2)); err != nil {
		t.Fatal(err)
	}
	m.Resee([]probes.Session{s, s, s})
	if got := m.Senders[0]; got.Seen.Sessions != 3 || got.Route != probes.OAuth || len(m.Senders) != 1 {
		t.Errorf("after it: %+v", m.Senders)
	}
}

// A sender goes from unknown to proved, and every change of route starts anew.
func TestStateAndNextStep(t *testing.T) {
	var m wizard.Migration
	if got := m.Next(); got.Step != wizard.StepFind {
		t.Errorf("an empty migration wants %s, want %s", got.Step, wizard.StepFind)
	}
	id := m.Attach(signedIn("192.0.2.1", "a@x.example", 1))
	refused := probes.Trial{ID: "t1", Sender: id, Route: probes.OAuth, Started: at(4), Outcome: probes.TrialRefused, Reply: &probes.Reply{Code: 535, Enhanced: "5.7.3", Text: "no"}}
	sent := probes.Trial{ID: "t2", Sender: id, Route: probes.OAuth, Started: at(5), Outcome: probes.TrialSent}
	arrived := sent
	arrived.Receipt = &probes.Receipt{Found: true, Received: at(6)}
	for _, step := range []struct {
		name  string
		do    func() error
		state wizard.State
		next  wizard.Step
	}{
		{"captured", func() error { return nil }, wizard.Unknown, wizard.StepChoose},
		{"route chosen", func() error { return m.Choose(id, probes.OAuth, at(2)) }, wizard.RouteChosen, wizard.StepApp},
		{"app entered", func() error { m.App = &wizard.Registration{ClientID: "c"}; return nil }, wizard.RouteChosen, wizard.StepScript},
		{"read back", func() error { return m.ReadBack(id, at(3)) }, wizard.IsSetUp, wizard.StepTry},
		{"refused", func() error { return m.Tried(refused) }, wizard.Refused, wizard.StepRepair},
		{"sent", func() error { return m.Tried(sent) }, wizard.IsSetUp, wizard.StepVerify},
		{"arrived", func() error { return m.Tried(arrived) }, wizard.Proved, wizard.StepWatch},
		{"another route", func() error { return m.Choose(id, probes.Connector, at(7)) }, wizard.RouteChosen, wizard.StepScript},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		s, _ := m.Sender(id)
		if got := s.State(); got != step.state {
			t.Errorf("%s: state %s, want %s", step.name, got, step.state)
		}
		if got := m.Next(); got.Step != step.next {
			t.Errorf("%s: next %s, want %s", step.name, got.Step, step.next)
		}
	}
	if got := m.Senders[0].Last.Reply; got != "" {
		t.Errorf("a sent trial kept the reply %q", got)
	}
}

// Every route is led through its app, its script, the try and the receipt; one
// that this program cannot try is never suggested as a try that can only fail,
// and comes after all that it can do.
func TestEveryRouteIsLedToItsProof(t *testing.T) {
	const app, script, try = wizard.StepApp, wizard.StepScript, wizard.StepTry
	want := map[probes.Route][]wizard.Step{
		probes.OAuth: {app, script, try}, probes.HVE: {app, script, try}, probes.Graph: {app, try},
		probes.Connector: {script, try}, probes.Direct: {script, try},
		probes.ACS: {try}, probes.Relay: {try}, probes.Provider: {try}, probes.Replace: {wizard.StepByHand},
	}
	for _, r := range probes.Routes() {
		m := wizard.Migration{Senders: []wizard.Sender{{ID: "a", Seen: wizard.Seen{Sessions: 1}}}}
		if err := m.Choose("a", r, at(1)); err != nil {
			t.Fatal(err)
		}
		for _, step := range want[r] {
			if got := m.NextFor(m.Senders[0]); got != step {
				t.Fatalf("%s: next is %s, want %s", r, got, step)
			}
			switch step {
			case app:
				m.App = &wizard.Registration{}
			case script:
				if err := m.ReadBack("a", at(2)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !wizard.Automatic(r) {
			continue
		}
		for _, tt := range []struct {
			trial probes.Trial
			want  wizard.Step
		}{
			{probes.Trial{Outcome: probes.TrialRefused}, wizard.StepRepair},
			{probes.Trial{Outcome: probes.TrialSent}, wizard.StepVerify},
			{probes.Trial{Outcome: probes.TrialSent, Receipt: &probes.Receipt{Found: true, Received: at(4)}}, wizard.StepWatch},
		} {
			tt.trial.Sender, tt.trial.Route, tt.trial.Started = "a", r, at(3)
			if err := m.Tried(tt.trial); err != nil {
				t.Fatal(err)
			}
			if got := m.NextFor(m.Senders[0]); got != tt.want {
				t.Errorf("%s after %s: next is %s, want %s", r, tt.trial.Outcome, got, tt.want)
			}
		}
	}
	m := wizard.Migration{Senders: []wizard.Sender{{ID: "by hand", Route: probes.Replace}, {ID: "listed"}}}
	if got := m.Next(); got.Sender != "listed" {
		t.Errorf("next is %+v, want what the program can do", got)
	}
}

func TestAdminSaysWhatASenderIs(t *testing.T) {
	m := wizard.Migration{Senders: []wizard.Sender{{ID: "a"}}}
	for _, tt := range []struct{ device, product string }{{"canon", ""}, {"", "Sage 100"}, {"", ""}} {
		if err := m.Identify("a", tt.device, tt.product); err != nil {
			t.Fatal(err)
		}
		if s := m.Senders[0]; s.Device != tt.device || s.Product != tt.product {
			t.Errorf("kept %q and %q, want %q and %q", s.Device, s.Product, tt.device, tt.product)
		}
	}
	if err := m.Identify("b", "canon", ""); !errors.Is(err, wizard.ErrNoSender) {
		t.Errorf("said %v of a sender that nobody has", err)
	}
}

// What is nearly done comes before what is not begun.
func TestNextFinishesBeforeItBegins(t *testing.T) {
	m := wizard.Migration{App: &wizard.Registration{}, Senders: []wizard.Sender{
		{ID: "new", Seen: wizard.Seen{Sessions: 1}},
		{ID: "ready", Route: probes.OAuth, SetUp: at(1)},
		{ID: "listed"},
	}}
	if got := m.Next(); got != (wizard.Suggestion{Step: wizard.StepTry, Sender: "ready"}) {
		t.Errorf("next is %+v", got)
	}
}

func TestARegistrationIsCheckedWhole(t *testing.T) {
	const guid = "11111111-2222-3333-4444-555555555555"
	for _, tt := range []struct {
		name string
		r    wizard.Registration
		want []error
	}{
		{"as it should be", wizard.Registration{ClientID: guid, ObjectID: "66666666-7777-8888-9999-000000000000"}, nil},
		{"nothing entered", wizard.Registration{}, []error{wizard.ErrGUID}},
		{"the same id twice", wizard.Registration{ClientID: guid, ObjectID: guid}, []error{wizard.ErrSameID}},
		{"a secret where an id belongs", wizard.Registration{ClientID: "abc~def", ObjectID: guid}, []error{wizard.ErrGUID}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.r.Validate()
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("said %v, want %v", err, tt.want)
			}
			for _, want := range tt.want {
				if !errors.Is(err, want) {
					t.Errorf("said %v, want %v", err, want)
				}
			}
		})
	}
}

// The ids and cmdlets of the set-up follow Microsoft's page "Authenticate an
// IMAP, POP or SMTP connection using OAuth": the object id is that of the
// enterprise application, the right is FullAccess, SMTP AUTH stays on.
func TestServicePrincipalScript(t *testing.T) {
	s := wizard.ServicePrincipal(wizard.Registration{ClientID: "client", ObjectID: "enterprise"}, "scan@contoso.example")
	want := map[string]map[string]probes.Value{
		"New-ServicePrincipal":  {"AppId": probes.Text("client"), "ObjectId": probes.Text("enterprise")},
		"Add-MailboxPermission": {"Identity": probes.Text("scan@contoso.example"), "AccessRights": probes.Text("FullAccess")},
		"Set-CASMailbox":        {"Identity": probes.Text("scan@contoso.example"), "SmtpClientAuthenticationDisabled": probes.Bool(false)},
	}
	for _, step := range s.Steps {
		for name, value := range want[step.Do.Name] {
			if got, _ := step.Do.Param(name); got.Text != value.Text || got.Bool != value.Bool || got.Kind != value.Kind {
				t.Errorf("%s -%s is %+v, want %+v", step.Do.Name, name, got, value)
			}
		}
		delete(want, step.Do.Name)
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}

// A comparison tries other routes than the chosen one: what was proved stays
// proved.
func TestAnotherRoutesTrialLeavesTheProof(t *testing.T) {
	m := wizard.Migration{Senders: []wizard.Sender{{ID: "a", Route: probes.OAuth}}}
	proof := probes.Trial{ID: "1", Sender: "a", Route: probes.OAuth, Outcome: probes.TrialSent, Receipt: &probes.Receipt{Found: true, Received: at(2)}}
	for _, trial := range []probes.Trial{proof, {ID: "2", Sender: "a", Route: probes.HVE, Outcome: probes.TrialRefused}} {
		if err := m.Tried(trial); err != nil {
			t.Fatal(err)
		}
	}
	if s := m.Senders[0]; s.State() != wizard.Proved || s.Last.Trial != "1" {
		t.Errorf("the sender is %s by trial %s", s.State(), s.Last.Trial)
	}
}
