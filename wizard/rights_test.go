package wizard_test

import (
	"errors"
	"slices"
	"testing"

	"offbasic/probes"
	"offbasic/wizard"
)

func rightsOf(r wizard.RightsModel) wizard.Migration {
	return wizard.Migration{
		App: &wizard.Registration{ClientID: "11111111-2222-3333-4444-555555555555", Rights: r},
		Senders: []wizard.Sender{
			{ID: "copier", Route: probes.OAuth, Account: "Scan@contoso.example", SetUp: at(1)},
			{ID: "nas", Route: probes.Connector, SetUp: at(1)},
			{ID: "erp", Account: "erp@contoso.example", Seen: wizard.Seen{Mechanism: "LOGIN"}},
		},
	}
}

// What was set up by one model of rights does not count for the other.
func TestAnotherModelOfRightsIsSetUpAnew(t *testing.T) {
	for _, tt := range []struct {
		name      string
		have, new wizard.RightsModel
		setUp     bool
	}{
		{"the same again", wizard.MailboxRights, wizard.MailboxRights, true},
		{"the one that is meant when none was chosen", "", wizard.MailboxRights, true},
		{"the other", wizard.MailboxRights, wizard.RoleRights, false},
		{"the other when none was chosen", "", wizard.RoleRights, false},
	} {
		m := rightsOf(tt.have)
		if err := m.ChooseRights(tt.new); err != nil {
			t.Fatal(err)
		}
		if got := !m.Senders[0].SetUp.IsZero(); got != tt.setUp || m.App.Rights != tt.new {
			t.Errorf("%s: the copier is set up: %t, want %t; the model is %q", tt.name, got, tt.setUp, m.App.Rights)
		}
		if m.Senders[1].SetUp.IsZero() {
			t.Errorf("%s: a connector is to be set up anew", tt.name)
		}
	}
	m := rightsOf("")
	if err := m.ChooseRights("both"); !errors.Is(err, wizard.ErrNoModel) {
		t.Errorf("both: %v", err)
	}
	if err := (&wizard.Migration{}).ChooseRights(wizard.RoleRights); !errors.Is(err, wizard.ErrNoApp) {
		t.Errorf("without an app: %v", err)
	}
}

func TestScriptOfASenderIsThatOfTheAppsModel(t *testing.T) {
	for model, want := range map[wizard.RightsModel]string{"": "service-principal", wizard.MailboxRights: "service-principal", wizard.RoleRights: "app-rbac"} {
		m := rightsOf(model)
		if got := m.SenderScripts(m.Senders[0]); !slices.Equal(got, []string{want}) {
			t.Errorf("with %q the script is %v, want %s", model, got, want)
		}
		for script, other := range map[string]wizard.RightsModel{"service-principal": wizard.RoleRights, "app-rbac": wizard.MailboxRights, "smtp-auth": ""} {
			if got := m.OtherModel(script); got != (model != "" && model == other) {
				t.Errorf("with %q, %s is of the other model: %t", model, script, got)
			}
		}
	}
}

// The negative half of the proof: refused as a mailbox outside. What proves
// nothing changes nothing.
func TestNegativeProofIsRemembered(t *testing.T) {
	m := rightsOf(wizard.RoleRights)
	try := func(o probes.TrialOutcome, reply string) {
		r, _ := probes.ParseReply(reply)
		if err := m.TriedOutside(probes.Trial{ID: "t", Route: probes.OAuth, From: "ceo@contoso.example", Started: at(2), Outcome: o, Reply: &r}); err != nil {
			t.Fatal(err)
		}
	}
	try(probes.TrialRefused, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.")
	if m.App.Negative != nil {
		t.Errorf("a switch that is off proved %+v", m.App.Negative)
	}
	try(probes.TrialSent, "250 2.0.0 OK")
	if m.App.Negative == nil || m.App.NegativeProved() {
		t.Errorf("taken, and the negative half is %+v", m.App.Negative)
	}
	try(probes.TrialRefused, "535 5.7.3 Authentication unsuccessful")
	if !m.App.NegativeProved() || m.App.Outside != "ceo@contoso.example" || m.App.Negative.Reply != "535 5.7.3" {
		t.Errorf("refused, and the negative half is %+v", m.App.Negative)
	}
	if err := m.ChooseRights(wizard.MailboxRights); err != nil || m.App.NegativeProved() {
		t.Errorf("with the other model it is still proved (%v)", err)
	}
}

func TestWhatTheMigrationKnowsOfTheTenant(t *testing.T) {
	m := rightsOf(wizard.RoleRights)
	m.App.PrincipalMade = at(3)
	f := m.RightsFacts()
	if !slices.Equal(f.Mailboxes, []string{"scan@contoso.example"}) || !slices.Equal(f.Passwords, []string{"erp@contoso.example"}) {
		t.Errorf("mailboxes %v, passwords %v", f.Mailboxes, f.Passwords)
	}
	if f.Made["service_principal"] != at(3) || f.App.Rights != wizard.RoleRights || f.Direct {
		t.Errorf("facts %+v", f)
	}
	v := wizard.ScriptValues{App: *m.App, Group: "devices@contoso.example", Outside: "ceo@contoso.example"}
	m.SetUpRights("app-rbac", v)
	if m.App.Group != v.Group || m.ScriptValues(m.Senders[0]).Outside != v.Outside {
		t.Errorf("the migration remembers %+v", m.App)
	}
	v.App.ClientID = "other"
	m.SetUpRights("service-principal", v)
	if m.App.Rights != wizard.RoleRights {
		t.Error("another app's set-up changed the model of this one")
	}
}
