package wizard

import (
	"slices"
	"testing"
)

func TestSenderOfAnotherFolderHasAnIDThatIsFitForACommandLine(t *testing.T) {
	there := Migration{Senders: []Sender{
		{ID: "../../x", Name: "Copier\\x0arow"},
		{ID: "", Account: "fax@contoso.example"},
		{ID: "a b", Peers: []string{"192.0.2.9"}},
		{ID: ".hidden"},
		{ID: "fe80--1-Ethernet", Name: "kept"},
		{ID: "192.0.2.9-others", Others: true},
	}}
	var m Migration
	got, err := m.Merge(there)
	want := []string{"copier-x0arow", "fax", "192.0.2.9", "hidden", "fe80--1-Ethernet", "192.0.2.9-others"}
	if err != nil || got.NewIDs != 4 || !slices.Equal(got.New, want) {
		t.Errorf("got %q, %d with new ids, %v; want %q", got.New, got.NewIDs, err, want)
	}
	if got.IDs["../../x"] != want[0] || got.IDs[""] != want[1] {
		t.Errorf("what is of them goes to %q", got.IDs)
	}
	if again, err := m.Merge(there); err != nil || len(again.New) != 0 || again.NewIDs != 0 {
		t.Errorf("the second merge says %+v, %v", again, err)
	}
}
