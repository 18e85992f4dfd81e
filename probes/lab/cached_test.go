package lab_test

import (
	"sync/atomic"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/lab"
	"offbasic/wizard"
)

// Rights that a script made count when their time has come, in both models,
// and not a moment before: Exchange's cache is reported to take 30 to 120
// minutes.
func TestNewRightsCountAfterAWhile(t *testing.T) {
	for _, name := range []string{"service-principal", "app-rbac"} {
		t.Run(name, func(t *testing.T) {
			var ahead atomic.Int64
			begin := time.Now()
			l := start(t, lab.Options{Faults: []string{"rights-cached"}, Now: func() time.Time { return begin.Add(time.Duration(ahead.Load())) }})
			execute(t, l, named(t, name, ordinary(l)))
			for _, step := range []struct {
				after time.Duration
				taken bool
			}{{0, false}, {lab.CachedFor - time.Second, false}, {lab.CachedFor, true}} {
				ahead.Store(int64(step.after))
				edit := func(map[string]any) {}
				if name == "app-rbac" {
					edit = func(c map[string]any) { delete(c, "roles") }
				}
				want := "535 5.7.3 Authentication unsuccessful"
				if step.taken {
					want = "235 2.7.0 Authentication successful"
				}
				reply := secure(t, l, "submission").say("AUTH XOAUTH2", xoauth2("accounting@contoso.example", l.IssueToken(edit)))
				wantReply(t, step.after.String()+" after it was made", reply, want)
			}
		})
	}
}

// -WhatIf changes nothing, and says what is there.
func TestTryingOutChangesNothing(t *testing.T) {
	l := start(t, lab.Options{})
	for _, name := range wizard.ScriptNames() {
		s := named(t, name, ordinary(l))
		f, err := l.TryOut(t.Context(), s)
		if err != nil || len(f.Done) > 0 {
			t.Errorf("%s: done %v, %v", name, f.Done, err)
		}
	}
	s := named(t, "tenant-state", ordinary(l))
	f, err := l.Execute(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"service_principals", "assignments", "scopes", "inbound_connectors", "authentication_policies", "hve_accounts"} {
		if rows := f.Results[id]; len(rows) > 0 {
			t.Errorf("%s has %v after nothing but tries", id, rows)
		}
	}
}

// What a script did is said once for each step, and nothing the second time
// where all was there.
func TestAScriptSaysWhatItDid(t *testing.T) {
	l := start(t, lab.Options{})
	s := named(t, "service-principal", ordinary(l))
	first, _ := execute(t, l, s)
	if got := steps(first.Done); got != "principal permission smtp-auth" {
		t.Errorf("the first run did %q", got)
	}
	second, _ := execute(t, l, s)
	if len(second.Done) > 0 {
		t.Errorf("the second run did %v", second.Done)
	}
}

func steps(done []probes.DoneStep) string {
	s := ""
	for _, d := range done {
		if s != "" {
			s += " "
		}
		s += d.Step
	}
	return s
}
