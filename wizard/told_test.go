package wizard_test

import (
	"errors"
	"slices"
	"testing"

	"offbasic/wizard"
)

// What the admin enters for the scripts stands before what was seen, and each
// sender has its own.
func TestEnteredValuesStandBeforeSeenOnes(t *testing.T) {
	m := wizard.Migration{App: &wizard.Registration{ClientID: "app"}, Senders: []wizard.Sender{
		{ID: "a", Peers: []string{"203.0.113.10"}}, {ID: "b", Peers: []string{"203.0.113.11"}},
	}}
	for _, err := range []error{
		m.Tell("a", "address", "198.51.100.7", "198.51.100.8"), m.Tell("a", "connector", "Copiers"), m.Tell("", "group", "Pilot"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	a, b, tenant := m.ScriptValues(m.Senders[0]), m.ScriptValues(m.Senders[1]), m.TenantValues()
	if !slices.Equal(a.Addresses, []string{"198.51.100.7", "198.51.100.8"}) || a.Connector != "Copiers" || a.App.ClientID != "app" {
		t.Errorf("the first has %v and %q", a.Addresses, a.Connector)
	}
	if !slices.Equal(b.Addresses, []string{"203.0.113.11"}) || b.Connector != "" {
		t.Errorf("the second has %v and %q", b.Addresses, b.Connector)
	}
	if tenant.Group != "Pilot" || tenant.App.ClientID != "app" {
		t.Errorf("the tenant has %q and %q", tenant.Group, tenant.App.ClientID)
	}
	if err := m.Tell("a", "address"); err != nil || !slices.Equal(m.ScriptValues(m.Senders[0]).Addresses, []string{"203.0.113.10"}) {
		t.Errorf("forgetting: %v, %v", err, m.ScriptValues(m.Senders[0]).Addresses)
	}
	if err := m.Tell("c", "address", "x"); !errors.Is(err, wizard.ErrNoSender) {
		t.Errorf("said %v of a sender that nobody has", err)
	}
}
