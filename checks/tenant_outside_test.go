package checks_test

import (
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

// A message that must be refused proves something only when the rights had
// their time: field reports of 30 to 120 minutes in Exchange. A refusal counts
// earlier where a mailbox inside was taken since.
func TestProofOfTheMailboxOutsideWaitsForYoungRights(t *testing.T) {
	made := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	after := func(m int) time.Time { return made.Add(time.Duration(m) * time.Minute) }
	role := map[string]time.Time{checks.MadeRole: made}
	for _, tt := range []struct {
		name  string
		sent  bool
		at    time.Time
		facts checks.TenantFacts
		want  checks.Status
		next  time.Time // zero: not young
	}{
		{"refused, nothing was made from here", false, after(3), checks.TenantFacts{}, checks.Pass, time.Time{}},
		{"refused, the role is young", false, after(3), checks.TenantFacts{Made: role}, checks.Skip, after(5)},
		{"refused, and inside was taken since", false, after(3), checks.TenantFacts{Made: role, Inside: after(2)}, checks.Pass, time.Time{}},
		{"refused, and inside was taken before", false, after(3), checks.TenantFacts{Made: role, Inside: after(-2)}, checks.Skip, after(5)},
		{"refused, the role had its time", false, after(120), checks.TenantFacts{Made: role}, checks.Pass, time.Time{}},
		{"taken, the role is young", true, after(3), checks.TenantFacts{Made: role, Inside: after(2)}, checks.Skip, after(5)},
		{"taken, the role had its time", true, after(120), checks.TenantFacts{Made: role}, checks.Fail, time.Time{}},
		{"another switch is young", true, after(3), checks.TenantFacts{Made: map[string]time.Time{checks.MadeSwitch: made}}, checks.Fail, time.Time{}},
	} {
		trial := probes.Trial{Route: probes.OAuth, From: "ceo@contoso.example", Started: tt.at, Outcome: probes.TrialRefused, Reply: &probes.Reply{Code: 535, Enhanced: "5.7.3"}}
		if tt.sent {
			trial.Outcome, trial.Reply = probes.TrialSent, nil
		}
		got, young := checks.ProveOutside(trial, tt.facts)
		if got.Status != tt.want || (young != nil) != !tt.next.IsZero() {
			t.Errorf("%s: %s, young %v", tt.name, got.Status, young)
			continue
		}
		if young != nil && (young.Next != tt.next || got.Args["next"] != tt.next.Format(time.RFC3339) || got.Args["object"] != checks.MadeRole || got.Remedy != "") {
			t.Errorf("%s: next %s, finding %+v", tt.name, young.Next, got)
		}
	}
	off := probes.Trial{Route: probes.OAuth, Started: after(3), Outcome: probes.TrialRefused, Reply: &probes.Reply{Code: 535, Enhanced: "5.7.139"}}
	if got, young := checks.ProveOutside(off, checks.TenantFacts{Made: role}); got.Status != checks.Skip || young != nil {
		t.Errorf("SMTP AUTH is off: %+v, young %v", got, young)
	}
}
