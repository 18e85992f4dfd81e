package wizard

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

func order(tasks []Task) []string {
	var ids []string
	for _, t := range tasks {
		ids = append(ids, t.Sender)
	}
	return ids
}

func TestThePlanPutsFirstWhatIsLostFirst(t *testing.T) {
	last := onDay(20)
	m := Migration{Senders: []Sender{
		{ID: "quiet", Sources: []Source{{Messages: 3, Last: onDay(20).AddDate(0, -4, 0)}}},
		{ID: "done", Route: probes.Direct, Last: &Attempt{Route: probes.Direct, Received: last}, Answers: map[string]string{AnswerWeight: "high"}},
		{ID: "scanner", Sources: []Source{{Messages: 150, Last: last}}},
		{ID: "invoices", Answers: map[string]string{AnswerWeight: "high"}, Sources: []Source{{Messages: 150, Last: last}}},
	}}
	tasks, _ := m.Plan(PlanInput{Now: onDay(22)})
	if got := order(tasks); !slices.Equal(got, []string{"invoices", "scanner", "quiet", "done"}) {
		t.Errorf("the order is %v", got)
	}
	if w := tasks[0].Why; len(w) != 2 || w[0].ID != "weight-high" || w[1].ID != "volume" || w[1].Args["count"] != "150" {
		t.Errorf("the reasons are %+v", w)
	}
	if len(tasks[3].Left) != 0 || !slices.Equal(tasks[1].Left, []Step{StepCapture, StepChoose, StepTry, StepVerify}) {
		t.Errorf("left are %v and %v", tasks[3].Left, tasks[1].Left)
	}
}

func TestSendersThatOneChangeServesStayTogether(t *testing.T) {
	m := Migration{Senders: []Sender{
		{ID: "a", Account: "scan@contoso.example", Answers: map[string]string{AnswerWeight: "high"}},
		{ID: "b", Account: "erp@contoso.example", Sources: []Source{{Messages: 500}}},
		{ID: "c", Account: "SCAN@contoso.example", Answers: map[string]string{AnswerWeight: "low"}},
		{ID: "d", Account: "d@contoso.example", Route: probes.Connector},
		{ID: "e", Account: "e@contoso.example", Route: probes.Connector},
	}}
	tasks, groups := m.Plan(PlanInput{Now: onDay(22)})
	if got := order(tasks); !slices.Equal(got, []string{"a", "c", "b", "d", "e"}) {
		t.Errorf("the order is %v", got)
	}
	want := []string{"account:scan@contoso.example", "route:connector"}
	var got []string
	for _, g := range groups {
		got = append(got, g.ID)
	}
	if !slices.Equal(got, want) || tasks[2].Group != "" {
		t.Errorf("groups are %v, want %v", got, want)
	}
	if !tasks[1].MayWait || tasks[0].MayWait {
		t.Error("what nobody needs may wait, what everybody needs may not")
	}
}

func TestAVolumeThatSeveralShareIsNotCountedTwice(t *testing.T) {
	s := Sender{Sources: []Source{{Messages: 90, Shared: 3}}, Seen: Seen{Messages: 2}}
	if s.Volume() != 30 {
		t.Errorf("the volume is %d, want 30", s.Volume())
	}
}

// A connection is no message: it may have brought none, or several.
func TestMessagesAreCountedNotConnections(t *testing.T) {
	var m Migration
	for _, c := range []probes.Session{{}, {Taken: true, More: make([]probes.Delivery, 2)}, {Taken: true}} {
		c.Peer, c.Started = "192.0.2.1", onDay(1)
		m.Attach(c)
	}
	if s := m.Senders[0]; s.Volume() != 4 || s.Seen.Sessions != 3 {
		t.Errorf("the volume is %d of %d sessions, want 4 of 3", s.Volume(), s.Seen.Sessions)
	}
}

func TestTheChecklistFollowsTheMigration(t *testing.T) {
	state := func(m Migration, changes ...probes.Change) string {
		var s strings.Builder
		for _, i := range m.Checklist(changes) {
			fmt.Fprintf(&s, "%s:%s ", i.ID, i.State)
		}
		return s.String()
	}
	empty := "inventory:open categorise:open choose:open test:open disable:open watch:open "
	if got := state(Migration{}); got != empty {
		t.Errorf("an empty one is %s", got)
	}
	proved := Sender{
		ID: "a", Kind: "printer", Seen: Seen{Sessions: 1}, Route: probes.OAuth, Last: &Attempt{Route: probes.OAuth, Received: onDay(1)},
	}
	m := Migration{Senders: []Sender{proved}, Imports: []Import{{Kind: probes.FromReport, At: onDay(2)}}}
	if got := state(m); got != "inventory:done categorise:done choose:done test:done disable:open watch:begun " {
		t.Errorf("a proved one is %s", got)
	}
	m.Imports = append(m.Imports, Import{Kind: probes.FromSignIns, At: onDay(9)})
	pilot := probes.Change{Step: "basic-block-pilot", Outcome: "done"}
	all := probes.Change{Step: "basic-block-all", Outcome: "done"}
	undone := probes.Change{Step: "basic-block-remove", Outcome: "done"}
	if got := state(m, pilot); got != "inventory:done categorise:done choose:done test:done disable:begun watch:done " {
		t.Errorf("with a pilot it is %s", got)
	}
	if i := m.Checklist([]probes.Change{pilot, all})[4]; i.State != Done {
		t.Errorf("blocked for all it is %+v", i)
	}
	if i := m.Checklist([]probes.Change{pilot, all, undone})[4]; i.State != Open {
		t.Errorf("with the block removed it is %+v", i)
	}
}

func BenchmarkPlanTenThousandSenders(b *testing.B) {
	var m Migration
	for i := range 10_000 {
		m.Senders = append(m.Senders, Sender{ID: fmt.Sprint(i), Account: fmt.Sprintf("s%d@contoso.example", i/2), Sources: []Source{{Messages: i, Last: onDay(i%20 + 1)}}})
	}
	rank := func(string) []checks.Ranked { return []checks.Ranked{{Route: probes.OAuth, Fit: checks.Fits}} }
	for b.Loop() {
		m.Plan(PlanInput{Now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Rank: rank})
	}
}
