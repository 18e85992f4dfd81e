package wizard

import (
	"errors"
	"testing"

	"offbasic/probes"
)

// A trace that was taken up without addresses that are nobody's can be taken up
// with them, once, and counts nothing twice.
func TestTraceIsTakenUpWithTheRestLater(t *testing.T) {
	rows := func() *Leads {
		var l Leads
		for _, from := range []string{"scan@contoso.example", "nobody@contoso.example"} {
			l.Add(probes.Sighting{Kind: probes.FromTrace, From: from, Messages: 1})
		}
		return &l
	}
	m := Migration{Senders: []Sender{{ID: "scan", Account: "scan@contoso.example"}}}
	from := Import{ID: "1", Kind: probes.FromTrace}
	if got, err := m.TakeUp(rows(), from, false); err != nil || got.Left != 1 || len(got.Joined) != 1 {
		t.Fatalf("first %+v (%v)", got, err)
	}
	if _, err := m.TakeUp(rows(), from, false); !errors.Is(err, ErrImported) {
		t.Errorf("the same again: %v", err)
	}
	if got, err := m.TakeUp(rows(), from, true); err != nil || len(got.New) != 1 || len(got.Joined) != 0 || got.Left != 0 {
		t.Errorf("with the rest: %+v (%v)", got, err)
	}
	if _, err := m.TakeUp(rows(), from, true); !errors.Is(err, ErrImported) {
		t.Errorf("with the rest again: %v", err)
	}
	if len(m.Senders) != 2 || len(m.Senders[0].Sources) != 1 || len(m.Imports) != 1 {
		t.Errorf("the migration is %+v", m)
	}
}
