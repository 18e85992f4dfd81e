package ui

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

// outsideFilm is the negative half of the proof: from the tenant's state as a
// mailbox is asked for, the test send runs, and its result stands above the
// findings, which are read anew.
func outsideFilm(t *testing.T, lang string, width, height int) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, lang)
		ofOneSender(w, probes.OAuth)
		w.tenant = TenantState{Read: time.Now(), Findings: []checks.Finding{
			{Check: "tenant-rights-outside", Status: checks.Skip, Args: map[string]string{"mailbox": "-"}},
		}}
		o := w.options()
		var asked []string
		failure := error(&probes.Fault{Op: "send as a mailbox outside", Code: "outside_is_inside", Args: map[string]string{"mailbox": "scan@contoso.example", "sender": "MFP"}})
		o.ProveOutside = func(ctx context.Context, mailbox string) ([]string, error) {
			asked = append(asked, mailbox)
			time.Sleep(time.Second)
			if failure != nil {
				return nil, failure
			}
			w.tenant.Findings = []checks.Finding{{Check: "tenant-rights-outside", Status: checks.Pass, Args: map[string]string{"mailbox": mailbox}}}
			_, err := w.change(ctx, func(m *wizard.Migration) error {
				m.App.Outside = mailbox
				return nil
			})
			return []string{w.tr.T("rights.prove.refused", map[string]string{"mailbox": mailbox})}, err
		}
		s := newStage(t, o, width, height)
		s.press("m")
		s.shoot("the tenant")
		s.press("o", "enter")
		s.shoot("a mailbox is asked for")
		s.write("scan@contoso.example")
		s.press("enter")
		s.pass(100 * time.Millisecond)
		s.shoot("it is being sent")
		s.pass(time.Second)
		s.shoot("the copier's own mailbox is refused")
		failure = nil
		for range len("scan@contoso.example") {
			s.press("backspace")
		}
		s.write("ceo@contoso.example")
		s.press("enter")
		s.pass(2 * time.Second)
		s.shoot("refused as it must be")
		s.press("o")
		s.shoot("it is known the next time")
		if len(asked) != 2 || asked[1] != "ceo@contoso.example" {
			t.Errorf("tried %q", asked)
		}
		s.end()
		s.golden()
	})
}

func TestOutsideFilm(t *testing.T)       { outsideFilm(t, "en", 80, 24) }
func TestOutsideFilmFrench(t *testing.T) { outsideFilm(t, "fr", 80, 24) }

// Without a registration there is nothing to prove, and no key for it.
func TestNothingIsProvedWithoutAnApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "en")
		ofOneSender(w, probes.OAuth)
		w.mig.App = nil
		o := w.options()
		o.ProveOutside = func(context.Context, string) ([]string, error) { return nil, nil }
		s := newStage(t, o, 80, 24)
		s.press("m")
		s.missing(w.tr.T("key.prove_outside"))
		s.end()
	})
}

// The question and its answer fit every window that is large enough.
func TestOutsideFitsEveryWindow(t *testing.T) {
	for _, window := range []struct {
		lang          string
		width, height int
	}{{"en", 60, 16}, {"fr", 60, 16}, {"fr", 80, 24}, {"en", 200, 60}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, window.lang)
			ofOneSender(w, probes.OAuth)
			w.tenant = tenantFound(time.Now())
			o := w.options()
			args := map[string]string{"mailbox": "ceo@contoso.example", "next": "10:05", "ends": "12:00"}
			o.ProveOutside = func(context.Context, string) ([]string, error) {
				return []string{w.tr.T("rights.prove.young.taken", args), w.tr.T("rights.prove.wait", args)}, nil
			}
			s := newStage(t, o, window.width, window.height)
			s.press("m", "o")
			s.write("ceo@contoso.example")
			s.frame()
			s.press("enter")
			s.sees("ceo@contoso.example")
			s.press("?")
			s.frame()
			s.end()
		})
	}
}

// What runs can be stopped: the test send ends with it, nothing is shown as
// proved, and the question stands again with its answer.
func TestTheProofCanBeStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "en")
		ofOneSender(w, probes.OAuth)
		w.mig.App.Outside = "ceo@contoso.example"
		o := w.options()
		stops, slow := 0, true
		o.ProveOutside = func(ctx context.Context, mailbox string) ([]string, error) {
			if !slow {
				return []string{w.tr.T("rights.prove.refused", map[string]string{"mailbox": mailbox})}, nil
			}
			<-ctx.Done()
			stops++
			time.Sleep(time.Second) // the conversation with the server is ended properly
			return nil, ctx.Err()
		}
		s := newStage(t, o, 80, 24)
		s.press("m", "o", "enter")
		s.pass(time.Minute)
		s.sees(w.tr.T("tenant.outside.sending"), w.tr.T("key.cancel"))
		s.press("esc")
		s.sees(w.tr.T("setup.ui.stopping"))
		s.missing(w.tr.T("key.cancel"))
		s.pass(2 * time.Second)
		s.sees("Stopped.", w.tr.T("tenant.outside"), "ceo@contoso.example")
		slow = false
		s.press("enter")
		s.pass(time.Second)
		s.sees("> ")
		if stops != 1 || s.app().busy() {
			t.Errorf("stopped %d times, busy %t", stops, s.app().busy())
		}
		s.end()
	})
}
