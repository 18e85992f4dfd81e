package cli

import (
	"path/filepath"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

// A sender that was joined with another keeps what was proved of it, wherever
// facts are gathered.
func TestTrialsOfAJoinedSenderCount(t *testing.T) {
	w := openWork(t, filepath.Join(t.TempDir(), "migration"))
	_, err := w.Folder.Change(t.Context(), func(m *wizard.Migration) error {
		m.Senders = []wizard.Sender{{ID: "a", Account: "a@contoso.example"}, {ID: "b", Account: "b@contoso.example"}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	trial := probes.Trial{ID: "t", Sender: "b", Route: probes.Direct, Outcome: probes.TrialSent, Started: time.Unix(1, 0)}
	if err := w.Folder.KeepTrial(trial); err != nil {
		t.Fatal(err)
	}
	if err := w.Join(t.Context(), "a", "b"); err != nil {
		t.Fatal(err)
	}
	one, err := w.Facts(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	all, err := w.allFacts(t.Context(), []probes.Trial{trial})
	if err != nil {
		t.Fatal(err)
	}
	for how, f := range map[string]checks.Facts{"one": one, "all": all["a"]} {
		if len(f.Trials) != 1 || f.Trials[0].ID != "t" {
			t.Errorf("facts of %s hold the trials %+v", how, f.Trials)
		}
	}
}

func TestHostileValuesDoNotReachTheRelaysFiles(t *testing.T) {
	good := PostfixRelay{Name: "relay.example.org", Account: "scan@contoso.example", Client: "c-1", Networks: []string{"192.0.2.0/24"}}
	if err := good.validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*PostfixRelay){
		"a line more":       func(r *PostfixRelay) { r.Name = "a\nmynetworks = 0.0.0.0/0" },
		"a path":            func(r *PostfixRelay) { r.Account = "../../etc/x@contoso.example" },
		"another setting":   func(r *PostfixRelay) { r.Admin = "a@b.example, c" },
		"a quote":           func(r *PostfixRelay) { r.Client = `c", "x": "` },
		"everybody by name": func(r *PostfixRelay) { r.Networks = []string{"static:all"} },
		"a span":            func(r *PostfixRelay) { r.Networks = []string{"192.0.2.1-192.0.2.9"} },
	} {
		r := good
		change(&r)
		if err := r.validate(); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// The token address goes into the files as well: it is made of the tenant's id.
func TestATenantThatIsNoneReachesNoFile(t *testing.T) {
	c := &call{}
	m := wizard.Migration{Tenant: wizard.Tenant{ID: `x", "client_secret": "`}}
	if _, err := c.postfixRelay(m, relayFlags{account: "scan@contoso.example", name: "relay.example.org"}, []string{"192.0.2.1"}); err == nil {
		t.Error("a tenant's id with a quote is taken")
	}
}
