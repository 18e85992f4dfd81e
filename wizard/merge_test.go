package wizard

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"offbasic/probes"
)

func laptopA() Migration {
	return Migration{
		Tenant: Tenant{ID: "t1", Domain: "contoso.example"},
		Senders: []Sender{
			{ID: "192.0.2.7", Name: "Second floor", Account: "scan@contoso.example", Peers: []string{"192.0.2.7"}, Route: probes.OAuth},
			{ID: "192.0.2.8", Account: "fax@contoso.example", Peers: []string{"192.0.2.8"}},
		},
	}
}

func laptopB() Migration {
	return Migration{
		Tenant: Tenant{ID: "T1", Domains: []string{"contoso.example"}},
		App:    &Registration{ClientID: "app"},
		Senders: []Sender{
			{
				ID: "192.0.2.7", Name: "Copier", Account: "SCAN@contoso.example", Peers: []string{"192.0.2.7"}, Route: probes.Relay, Contact: "Reception",
				Sources: []Source{{Kind: probes.FromReport, Key: "smtp_auth_report:scan@contoso.example", Import: "1", Messages: 4}},
			},
			{ID: "192.0.2.8", Account: "erp@contoso.example", Peers: []string{"192.0.2.8"}},
		},
		Imports: []Import{{ID: "1"}},
	}
}

func TestFoldersOfTwoLaptopsBecomeOneWithoutLossOrDoubles(t *testing.T) {
	m := laptopA()
	got, err := m.Merge(laptopB())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Senders) != 3 || !slices.Equal(got.New, []string{"192.0.2.8-2"}) || !slices.Equal(got.Joined, []string{"192.0.2.7"}) {
		t.Errorf("got %+v with %d senders", got, len(m.Senders))
	}
	want := []Conflict{
		{Sender: "192.0.2.7", What: "name", Here: "Second floor", There: "Copier"},
		{Sender: "192.0.2.7", What: "route", Here: "oauth", There: "relay"},
	}
	if !slices.Equal(got.Conflicts, want) {
		t.Errorf("conflicts are %+v, want %+v", got.Conflicts, want)
	}
	s, _ := m.Sender("192.0.2.7")
	if s.Name != "Second floor" || s.Route != probes.OAuth || s.Contact != "Reception" || len(s.Sources) != 1 || m.App == nil {
		t.Errorf("the sender is %+v", s)
	}
	if tr := got.Renamed(probes.Trial{Sender: "192.0.2.8"}); tr.Sender != "192.0.2.8-2" {
		t.Errorf("a trial of the other's 192.0.2.8 is of %s", tr.Sender)
	}
}

func TestMergingTwiceChangesNothing(t *testing.T) {
	m := laptopA()
	if _, err := m.Merge(laptopB()); err != nil {
		t.Fatal(err)
	}
	before, _ := json.Marshal(m)
	again, err := m.Merge(laptopB())
	if err != nil {
		t.Fatal(err)
	}
	after, _ := json.Marshal(m)
	if string(before) != string(after) || len(again.New) != 0 || len(again.Joined) != 0 {
		t.Errorf("the second merge says %+v and changes\n%s\nto\n%s", again, before, after)
	}
}

func TestTwoTenantsAreNotMerged(t *testing.T) {
	m, o := laptopA(), laptopB()
	o.Tenant.ID = "t2"
	if _, err := m.Merge(o); !errors.Is(err, ErrOtherTenant) {
		t.Errorf("got %v", err)
	}
	o = laptopB()
	o.Lab = true
	if _, err := m.Merge(o); !errors.Is(err, ErrLabAndReal) {
		t.Errorf("got %v", err)
	}
	if len(m.Senders) != 2 {
		t.Error("a refused merge changed something")
	}
}
