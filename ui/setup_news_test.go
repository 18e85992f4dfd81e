package ui

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/x/ansi"

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

// In a wide window no step's words are cut, in either language; in a narrow one
// its object keeps a place.
func TestTheStepsOfASetUpAreWholeWhereThereIsRoom(t *testing.T) {
	for _, tt := range []struct {
		lang  string
		width int
		whole bool
	}{{"en", 120, true}, {"fr", 120, true}, {"fr", 140, true}, {"fr", 100, true}, {"en", 80, true}, {"fr", 80, false}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, tt.lang)
			s := newStage(t, w.options(), tt.width, 40)
			e := s.app().env()
			cut := false
			for _, step := range []string{
				"tenant", "security_defaults", "conditional_access", "app_policy", "resource", "application", "service_principal", "consent",
				"consent_dropped", "delegated_consent", "permissions", "credential",
			} {
				line := e.setupSteps([]probes.SetupStep{{Step: step, Outcome: probes.SetupFound, Name: "Office 365 Exchange Online", MS: 123}})[0]
				cut = cut || !strings.Contains(ansi.Strip(line), w.tr.T("setup."+step)+"  ")
				if got := ansi.StringWidth(line); got > tt.width {
					t.Errorf("%s at %d: %s takes %d columns", tt.lang, tt.width, step, got)
				}
				if tt.whole && tt.width >= 100 && !strings.Contains(line, "Office 365 Exchange Online") {
					t.Errorf("%s at %d: the service's name is cut in %q", tt.lang, tt.width, ansi.Strip(line))
				}
			}
			if cut == tt.whole {
				t.Errorf("%s at %d: a step is cut %t", tt.lang, tt.width, cut)
			}
			s.end()
		})
	}
}

// A wait is told when it begins: the clock runs down to the next try, then says
// how long Microsoft is waited for. What the step took is said once it is over.
func TestTheClockOfAWaitRunsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "en")
		s := newStage(t, w.options(), 80, 24)
		e := s.app().env()
		step := probes.SetupStep{Step: "consent", Outcome: probes.SetupWaiting, Waited: 5000}
		screen := setupScreen{state: running, since: e.now, setupNews: setupNews{steps: []probes.SetupStep{step}}}
		for passed, want := range map[time.Duration]string{
			0: "Next try in 0:05", 2 * time.Second: "Next try in 0:03", 4900 * time.Millisecond: "Next try in 0:00", 7 * time.Second: "Waiting for Microsoft: 0:07",
		} {
			later := e
			later.now = e.now.Add(passed)
			if said := ansi.Strip(strings.Join(screen.lines(later), "\n")); !strings.Contains(said, want) || strings.Contains(said, " ms") {
				t.Errorf("after %v the screen says\n%s\nwant %q", passed, said, want)
			}
		}
		step.Outcome, step.MS = probes.SetupGranted, 5300
		if said := ansi.Strip(strings.Join(e.setupSteps([]probes.SetupStep{step}), "\n")); !strings.Contains(said, "5300 ms") || !strings.Contains(said, "waited 0:05") {
			t.Errorf("at the end it says\n%s", said)
		}
		s.end()
	})
}
