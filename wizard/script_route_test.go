package wizard_test

import (
	"slices"
	"testing"

	"offbasic/probes"
	"offbasic/wizard"
)

// Every script of a route is one that exists, and what it expects can be read.
func TestRoutesAreSetUpByScriptsThatExist(t *testing.T) {
	want := map[probes.Route][]string{
		probes.OAuth:     {"service-principal"},
		probes.Connector: {"connector-address", "connector-certificate"},
		probes.Direct:    {"direct-send-read"},
		probes.HVE:       {"hve-account"},
		probes.Relay:     {"onprem-relay"},
	}
	for _, r := range append(probes.Routes(), probes.Basic, "") {
		names := wizard.RouteScripts(r)
		if !slices.Equal(names, want[r]) {
			t.Errorf("%s: %v, want %v", r, names, want[r])
		}
		for _, name := range names {
			s := wizard.RouteScript(name, values())
			if s.Name != name || len(s.Expects) == 0 {
				t.Errorf("%s: script %q expects %d values", r, s.Name, len(s.Expects))
			}
			for _, e := range s.Expects {
				if !slices.ContainsFunc(s.Reads, func(read probes.ReadBack) bool { return read.ID == e.Read && slices.Contains(read.Select, e.Property) }) {
					t.Errorf("%s expects %s of %s, which is not read", name, e.Property, e.Read)
				}
			}
		}
	}
}

func TestValuesOfScriptsAreWhatTheMigrationKnows(t *testing.T) {
	app := values().App
	m := wizard.Migration{App: &app}
	got := m.ScriptValues(wizard.Sender{Account: "scan@contoso.example", Peers: []string{"192.168.1.10", "203.0.113.10", "fe80::1%eth0"}})
	if got.App != app || got.Mailbox != "scan@contoso.example" {
		t.Errorf("app %+v, mailbox %q", got.App, got.Mailbox)
	}
	if !slices.Equal(got.Addresses, []string{"203.0.113.10"}) || !slices.Equal(got.Ranges, []string{"192.168.1.10", "203.0.113.10"}) {
		t.Errorf("a connector takes %v, a relay %v", got.Addresses, got.Ranges)
	}
	if got := (wizard.Migration{}).ScriptValues(wizard.Sender{}); got.Mailbox != "" || got.App.ClientID != "" || got.Ranges != nil {
		t.Errorf("of nothing: %+v", got)
	}
}
