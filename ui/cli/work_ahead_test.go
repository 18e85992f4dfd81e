package cli

import (
	"slices"
	"testing"

	"offbasic/checks"
	"offbasic/probes"
)

// RFC 7208 section 4.5: a domain without a policy gives "none", and a receiver
// has nothing to go by.
func TestTheWizardSaysBeforeATestSendWhatDNSHasAgainstTheRoute(t *testing.T) {
	w := newLabWork(t)
	ahead := func(r probes.Route) []checks.ID {
		t.Helper()
		found, err := w.Ahead(t.Context(), Try{Route: r, From: "scan@contoso.example", To: "it@contoso.example"})
		if err != nil {
			t.Fatal(err)
		}
		var ids []checks.ID
		for _, f := range found {
			ids = append(ids, f.Check)
		}
		return ids
	}
	if ids := ahead(probes.Direct); slices.Contains(ids, "dns-spf-none") {
		t.Errorf("with a policy it says %v", ids)
	}
	w.Lab.SetRecord("TXT contoso.example")
	if ids := ahead(probes.Direct); !slices.Contains(ids, "dns-spf-none") {
		t.Errorf("without a policy it says %v", ids)
	}
	if ids := ahead(probes.OAuth); slices.Contains(ids, "dns-spf-none") {
		t.Errorf("of a route with a sign-in it says %v", ids)
	}
}
