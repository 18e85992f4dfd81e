package ui

import (
	"testing"

	"offbasic/probes"
)

func TestWhatAStepBecameStandsInThePlaceOfItsWaiting(t *testing.T) {
	var n setupNews
	for _, s := range []probes.SetupStep{
		{Step: "application", Outcome: probes.SetupCreated},
		{Step: "service_principal", Outcome: probes.SetupWaiting, Waited: 1000},
		{Step: "service_principal", Outcome: probes.SetupWaiting, Waited: 2000},
		{Step: "policy", Outcome: probes.SetupFound},
		{Step: "service_principal", Outcome: probes.SetupCreated},
	} {
		n, _ = n.hear([]setupMsg{{event: SetupEvent{Step: &s}}})
	}
	want := []string{"application created", "service_principal created", "policy found"}
	for i, s := range n.steps {
		if i >= len(want) || s.Step+" "+string(s.Outcome) != want[i] {
			t.Errorf("step %d is %s %s, want %v", i, s.Step, s.Outcome, want)
		}
	}
	if len(n.steps) != len(want) {
		t.Errorf("%d steps, want %d", len(n.steps), len(want))
	}
}
