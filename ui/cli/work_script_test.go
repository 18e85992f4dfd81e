package cli

import (
	"errors"
	"strings"
	"testing"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// openLab is a work with the lab, and one sender by a route.
func openLab(t *testing.T, s wizard.Sender) *Work {
	t.Helper()
	w := openWork(t, t.TempDir()+"/m")
	if err := w.begin(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	s.ID = "copier"
	_, err := w.Folder.Change(t.Context(), func(m *wizard.Migration) error {
		m.Senders = []wizard.Sender{s}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A route whose values are known is set up by its script, in the lab as it
// would be by PowerShell.
func TestSenderIsSetUpByTheScriptOfItsRoute(t *testing.T) {
	for _, tt := range []struct {
		sender wizard.Sender
		script string
	}{
		{wizard.Sender{Route: probes.OAuth, Account: "scan@contoso.example"}, "service-principal"},
		{wizard.Sender{Route: probes.Connector, Peers: []string{"203.0.113.10"}}, "connector-address"},
		{wizard.Sender{Route: probes.Direct, Peers: []string{"192.168.1.10"}}, "direct-send-read"},
	} {
		w := openLab(t, tt.sender)
		s, err := w.Script("copier")
		if err != nil || s.Name != tt.script {
			t.Errorf("%s: script %q, %v", tt.sender.Route, s.Name, err)
			continue
		}
		if err := w.RunScript(t.Context(), "copier"); err != nil {
			t.Errorf("%s: %v", tt.sender.Route, err)
		}
		got, err := w.ReadBack(t.Context(), "copier")
		if err != nil || !checks.AllAsExpected(got) {
			t.Errorf("%s: read back %+v, %v", tt.sender.Route, got, err)
		}
		if m := w.Folder.Migration(); m.Senders[0].State() != wizard.IsSetUp {
			t.Errorf("%s: the sender is %s", tt.sender.Route, m.Senders[0].State())
		}
	}
}

// Where Direct Send is refused its script changes nothing, and says so.
func TestDirectSendThatIsRefusedIsNotSetUp(t *testing.T) {
	w := openLab(t, wizard.Sender{Route: probes.Direct})
	reject, _ := wizard.ScriptNamed("direct-send-reject", wizard.ScriptValues{})
	if _, err := w.Lab.Execute(t.Context(), reject); err != nil {
		t.Fatal(err)
	}
	if err := w.RunScript(t.Context(), "copier"); err != nil {
		t.Fatal(err)
	}
	got, err := w.ReadBack(t.Context(), "copier")
	if err != nil || len(got) != 1 || got[0].OK || got[0].Got != "True" {
		t.Errorf("read back %+v, %v", got, err)
	}
	if m := w.Folder.Migration(); m.Senders[0].State() != wizard.RouteChosen {
		t.Errorf("the sender is %s", m.Senders[0].State())
	}
}

// What a script lacks is said by the flags that give it, with the command.
func TestScriptThatLacksValuesSaysWhich(t *testing.T) {
	app := &wizard.Registration{ClientID: "11111111-2222-3333-4444-555555555555", ObjectID: "66666666-7777-8888-9999-000000000000"}
	for _, tt := range []struct {
		name            string
		sender          wizard.Sender
		app             *wizard.Registration
		code            probes.Code
		values, command string
	}{
		{
			"a private address for a connector",
			wizard.Sender{Route: probes.Connector, Peers: []string{"192.168.1.10"}},
			nil, "script_values",
			"connector-address --address; connector-certificate --certificate", "connector-address --sender copier --address",
		},
		{"an account of High Volume Email", wizard.Sender{Route: probes.HVE}, app, "script_values", "hve-account --hve --billing-policy", "hve-account --sender copier --hve --billing-policy"},
		{"and the app", wizard.Sender{Route: probes.HVE}, nil, "script_values", "hve-account --object-id --hve --billing-policy", "hve-account --sender copier --object-id --hve --billing-policy"},
		{"the server of a relay", wizard.Sender{Route: probes.Relay, Peers: []string{"192.168.1.10"}}, nil, "script_values", "onprem-relay --server", "onprem-relay --sender copier --server"},
		{"an app for OAuth", wizard.Sender{Route: probes.OAuth, Account: "scan@contoso.example"}, nil, "no_app", "", ""},
		{"a mailbox for OAuth", wizard.Sender{Route: probes.OAuth}, app, "no_mailbox", "", ""},
		{"a route without a script", wizard.Sender{Route: probes.ACS}, app, "no_script", "", ""},
		{"no route", wizard.Sender{}, app, "no_route", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := openWork(t, t.TempDir()+"/m")
			tt.sender.ID = "copier"
			_, err := w.Folder.Change(t.Context(), func(m *wizard.Migration) error {
				m.App, m.Senders = tt.app, []wizard.Sender{tt.sender}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Script("copier")
			f, ok := errors.AsType[*probes.Fault](err)
			if !ok || f.Code != tt.code || f.Args["values"] != tt.values || f.Args["command"] != tt.command {
				t.Fatalf("%#v", err)
			}
			if said := w.Text.T("fault."+string(f.Code)+".hint", text.Args(f.Args)); !strings.Contains(said, tt.command) {
				t.Errorf("the hint is %q", said)
			}
		})
	}
}
