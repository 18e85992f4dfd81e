package checks_test

import (
	"slices"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

// report is a row of the SMTP AUTH clients report; its columns are in MC786329.
func report(change func(*checks.Heard)) checks.Heard {
	h := checks.Heard{Kind: probes.FromReport, File: "report.csv", Line: 7, Protocol: "basic", OldTLS: -1}
	change(&h)
	return h
}

func heardOf(domains []string, heard ...checks.Heard) checks.Facts {
	return checks.Facts{Sender: "told", Heard: heard, Domains: domains}
}

// heardVariations are what files and people say of senders that were never
// captured.
func heardVariations() []checks.Facts {
	ours, week := []string{"contoso.example"}, time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)
	said := func(question, answer string) checks.Facts {
		return checks.Facts{Answers: map[string]string{question: answer}, Domains: ours}
	}
	contradicted := heardOf(ours, report(func(h *checks.Heard) { h.To = []string{"example.org"} }))
	contradicted.Answers = map[string]string{"recipients": "inside"}
	return []checks.Facts{
		heardOf(ours, report(func(h *checks.Heard) { h.OldTLS = 0 })),
		heardOf(ours, report(func(h *checks.Heard) { h.OldTLS = 12.5 })),
		heardOf(ours, report(func(h *checks.Heard) { h.OldTLS, h.Refused, h.Why = 100, 3, []string{"5.7.30"} })),
		heardOf(ours, report(func(h *checks.Heard) { h.Protocol = "oauth" })),
		heardOf(ours, report(func(h *checks.Heard) { h.To, h.MaxSize = []string{"contoso.example"}, 12_000_000 })),
		heardOf(ours, report(func(h *checks.Heard) { h.Messages, h.First, h.Last = 200_000, week, week.AddDate(0, 0, 7) })),
		contradicted,
		said("recipients", "inside"), said("recipients", "both"), said("replace", "yes"), said("replace", "no"),
	}
}

func TestWhatTheReportSaysIsEvidenceWithItsLine(t *testing.T) {
	f := heardOf([]string{"contoso.example"}, report(func(h *checks.Heard) { h.OldTLS = 100 }))
	r, _ := routeOf(t, f, probes.OAuth)
	if r.Fit != checks.Unfit || r.Against[0].ID != "heard-tls-old" || r.Against[0].Args["file"] != "report.csv" || r.Against[0].Args["line"] != "7" {
		t.Errorf("oauth with old TLS in the report: %+v", r)
	}
	if r, _ := routeOf(t, f, probes.Relay); r.Fit == checks.Unfit || len(r.For) != 2 {
		t.Errorf("a relay with old TLS in the report: %+v", r)
	}
	// A capture says it better.
	f.Sessions = []probes.Session{{ID: "1", Hello: "x", TLS: probes.TLS{Mode: probes.StartTLS, Version: "TLS 1.2"}}}
	if r, _ := routeOf(t, f, probes.OAuth); r.Fit == checks.Unfit {
		t.Errorf("oauth with TLS 1.2 captured since: %+v", r.Against)
	}
}

// One row of an account that several senders share: what is true of a part of
// it may be another's.
func TestARowOfSeveralSendersIsNotHeldAgainstOne(t *testing.T) {
	f := heardOf([]string{"contoso.example"}, report(func(h *checks.Heard) {
		h.Shared, h.OldTLS, h.To, h.MaxSize = true, 40, []string{"example.org"}, 30_000_000
	}))
	for _, r := range checks.Rank(f) {
		if r.Fit == checks.Unfit {
			t.Errorf("%s is ruled out by %+v", r.Route, r.Against)
		}
	}
	if r, _ := routeOf(t, f, probes.HVE); len(r.For) != 1 || r.For[0].ID != "heard-password" {
		t.Errorf("the one protocol of all is each one's: %+v", r.For)
	}
}

func TestAnswerDecidesWhatNothingElseTells(t *testing.T) {
	f := heardOf([]string{"contoso.example"}, report(func(*checks.Heard) {}))
	r, _ := routeOf(t, f, probes.HVE)
	i := slices.IndexFunc(r.Lacks, func(l checks.Reason) bool { return l.By == "ask:recipients" })
	if i < 0 {
		t.Fatalf("HVE lacks %+v", r.Lacks)
	}
	f.Answers = map[string]string{"recipients": "outside"}
	if r, _ := routeOf(t, f, probes.HVE); r.Fit != checks.Unfit {
		t.Errorf("HVE for one that writes outside: %+v", r)
	}
	f.Answers["recipients"] = "inside"
	if r, _ := routeOf(t, f, probes.HVE); r.Fit == checks.Unfit || slices.ContainsFunc(r.Lacks, func(l checks.Reason) bool { return l.ID == "recipients" }) {
		t.Errorf("HVE for one that writes inside: %+v", r)
	}
	// What was seen needs nobody's word.
	f.Heard[0].To = []string{"example.org"}
	if r, _ := routeOf(t, f, probes.HVE); r.Fit != checks.Unfit || checks.Recipients(f) != "outside" {
		t.Errorf("HVE for one that was seen to write outside: %+v", r)
	}
}

func TestEverythingNotKnownSaysWhatWouldTell(t *testing.T) {
	for _, f := range variations(t) {
		for _, r := range checks.Rank(f) {
			for _, l := range r.Lacks {
				if l.By == "" {
					t.Errorf("%s lacks %s, and nothing would tell it", r.Route, l.ID)
				}
			}
		}
	}
}

// The figures are those of Microsoft's page on SMTP submission improvements.
func TestLimitsAreNamedWithTheirSource(t *testing.T) {
	got := map[string]int64{}
	for _, l := range checks.LimitsOf(probes.OAuth) {
		got[l.ID] = l.Value
		if l.Source == "" {
			t.Errorf("%s has no source", l.ID)
		}
	}
	if got["per-minute"] != 30 || got["recipients-per-day"] != 10_000 || got["connections"] != 3 {
		t.Errorf("client submission allows %v", got)
	}
	for _, l := range checks.LimitsOf(probes.Relay) {
		t.Errorf("a relay of one's own has limit %s", l.ID)
	}
}
