package wizard

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

func asked(asks []Ask) []string {
	var ids []string
	for _, a := range asks {
		ids = append(ids, a.ID)
	}
	return ids
}

func TestOnlyWhatNothingElseTellsIsAsked(t *testing.T) {
	all := []string{AnswerRecipients, AnswerWeight, AnswerReplace, AnswerOwner, AnswerUser}
	var s Sender
	if got := asked(s.Asked(checks.Facts{})); !slices.Equal(got, all) {
		t.Errorf("of one that nothing is known of: %v", got)
	}
	s = Sender{Contact: "Reception", Answers: map[string]string{AnswerWeight: "high"}, Sources: []Source{{To: []string{"example.org"}}}}
	f := checks.Facts{Domains: []string{"contoso.example"}}
	s.Inform(&f)
	if got := asked(s.Asked(f)); !slices.Equal(got, []string{AnswerReplace, AnswerUser}) {
		t.Errorf("with recipients, weight and owner known: %v", got)
	}
	s.Route, s.Last = probes.Direct, &Attempt{Route: probes.Direct, Received: onDay(1)}
	if got := asked(s.Asked(f)); !slices.Equal(got, []string{AnswerUser}) {
		t.Errorf("proved: %v", got)
	}
}

func TestAnAnswerIsKeptChangedAndTakenBack(t *testing.T) {
	m := Migration{Senders: []Sender{{ID: "a"}}}
	for _, answer := range []string{"low", " high "} {
		if err := m.Answer("a", AnswerWeight, answer); err != nil {
			t.Fatal(err)
		}
	}
	if m.Senders[0].Answers[AnswerWeight] != "high" {
		t.Errorf("kept %v", m.Senders[0].Answers)
	}
	for _, tt := range []struct {
		id, question, answer string
		want                 error
	}{
		{"a", AnswerWeight, "heavy", ErrChoice},
		{"a", AnswerOwner, strings.Repeat("x", 201), ErrChoice},
		{"a", "colour", "blue", ErrNoAsk},
		{"b", AnswerWeight, "low", ErrNoSender},
		{"a", AnswerWeight, "", nil},
	} {
		if err := m.Answer(tt.id, tt.question, tt.answer); !errors.Is(err, tt.want) {
			t.Errorf("%s of %s is %q: %v, want %v", tt.question, tt.id, tt.answer, err, tt.want)
		}
	}
	if _, ok := m.Senders[0].Answers[AnswerWeight]; ok {
		t.Error("an empty answer takes it back")
	}
}

func TestWhatWasSeenOutweighsAnAnswerInTheOrderOfWork(t *testing.T) {
	m := Migration{Senders: []Sender{{ID: "a", Answers: map[string]string{AnswerRecipients: "inside"}}}}
	tasks, _ := m.Plan(PlanInput{Now: onDay(22), Recipients: func(string) string { return "outside" }})
	if w := tasks[0].Why; len(w) != 1 || w[0].ID != "outside" {
		t.Errorf("one that said inside and was seen to write outside: %+v", w)
	}
}

// Ranking and ordering 10,000 senders with what a report says of each.
func BenchmarkRankAndPlanTenThousandSenders(b *testing.B) {
	m := Migration{Tenant: Tenant{Domains: []string{"contoso.example"}}}
	at := map[string]int{}
	for i := range 10_000 {
		id := fmt.Sprint(i)
		at[id] = i
		m.Senders = append(m.Senders, Sender{
			ID: id, Account: fmt.Sprintf("s%d@contoso.example", i/2), Answers: map[string]string{AnswerRecipients: "inside"},
			Sources: []Source{{Kind: probes.FromReport, File: "report.csv", Line: i, Messages: i, Protocol: "basic", OldTLS: float64(i % 101), Last: onDay(i%20 + 1)}},
		})
	}
	facts := func(id string) checks.Facts {
		f := checks.Facts{Sender: id, Domains: m.Tenant.Domains}
		m.Senders[at[id]].Inform(&f)
		return f
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Plan(PlanInput{
			Now:        time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
			Rank:       func(id string) []checks.Ranked { return checks.Rank(facts(id)) },
			Recipients: func(id string) string { return checks.Recipients(facts(id)) },
		})
	}
}
