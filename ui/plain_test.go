package ui

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/x/exp/golden"

	"offbasic/probes"
	"offbasic/wizard"
)

// paper collects what is written, from any goroutine.
type paper struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *paper) String() string { p.mu.Lock(); defer p.mu.Unlock(); return p.b.String() }

// plainly runs the plain mode, with what is typed given line by line.
func plainly(t *testing.T, lang string, prepare func(*world), act func(w *world, type_ func(...string))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, lang)
		if prepare != nil {
			prepare(w)
		}
		in, keys := io.Pipe()
		out := &paper{}
		opts := w.options()
		opts.Accessible, opts.In, opts.Out = true, in, out
		done := make(chan error, 1)
		go func() { done <- Run(t.Context(), opts) }()
		act(w, func(lines ...string) {
			for _, l := range lines {
				io.WriteString(keys, l+"\n")
				time.Sleep(20 * time.Second)
			}
		})
		keys.Close()
		if err := <-done; err != nil {
			t.Errorf("the plain mode ended with %v", err)
		}
		if strings.Contains(out.String(), "\x1b") {
			t.Errorf("the plain mode draws: %q", out.String())
		}
		if strings.Contains(out.String(), "⟦") {
			t.Errorf("words are missing:\n%s", out.String())
		}
		golden.RequireEqual(t, out.String())
	})
}

func plainJourney(t *testing.T, lang string) {
	plainly(t, lang, func(w *world) {
		w.trials = []probes.Trial{refusedTrial(), sentTrial()}
		w.answers = [][]ReadBackLine{answer(true)}
		w.mig.App = &wizard.Registration{ClientID: "11111111-2222-3333-4444-555555555555"}
		w.pop3 = true
	}, func(w *world, typed func(...string)) {
		typed("9", "1")
		w.knock(at(copier, "s1"))
		typed("", "1", "1", "1", "2", "konica", "1", "4", "5", "3", "", "3", "", "6", "5")
	})
}

func TestPlainJourney(t *testing.T)       { plainJourney(t, "en") }
func TestPlainJourneyFrench(t *testing.T) { plainJourney(t, "fr") }

func TestPlainModeAsksForTheRegistration(t *testing.T) {
	plainly(t, "en", nil, func(w *world, typed func(...string)) {
		typed("3", "2", "nonsense", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "contoso.example",
			"11111111-2222-3333-4444-555555555555", "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000",
			"1", "/home/admin/app.pem", "3", "4", "5")
		if w.app.CertFile != "/home/admin/app.pem" || w.app.Credential != wizard.Certificate {
			t.Errorf("saved %+v", w.app)
		}
	})
}

// plainSetup is the way of the tenant without a screen: the registration by
// Graph, a script with its values and an answer from elsewhere, the comparison,
// the log, the undo.
func plainSetup(t *testing.T, lang string) {
	plainly(t, lang, func(w *world) {
		ofOneSender(w, probes.OAuth)
		w.mig.App = nil
		w.log, w.made = tenantLog(time.Now()), tenantLog(time.Now())[:2]
		w.tenant = tenantFound(time.Now())
		w.setups = [][]SetupEvent{plannedSteps(), doneSteps()}
		sent := sentTrial()
		w.compared = []CompareEvent{{Route: probes.OAuth, Trial: &sent}, {Route: probes.HVE, Err: &probes.Fault{Op: "send", Code: "no_app"}}}
	}, func(w *world, typed func(...string)) {
		typed("4", "1", "", "", "1", "1", "1") // the registration, dry, then in earnest
		typed("4")                             // back home
		typed("1", "4", "4", "/home/anna/answer.json", "5")
		typed("5", "1", "7")           // the comparison
		typed("5", "2", "1", "3")      // the tenant, its log, saved
		typed("4", "3", "1", "4", "6") // removed
		if len(w.requests) != 2 || !w.requests[0].DryRun || w.requests[1].DryRun || len(w.taken) != 1 || len(w.undone) != 2 {
			t.Errorf("asked for %+v, took %v, removed %v", w.requests, w.taken, w.undone)
		}
	})
}

func TestPlainSetup(t *testing.T)       { plainSetup(t, "en") }
func TestPlainSetupFrench(t *testing.T) { plainSetup(t, "fr") }

func TestPlainModeEndsWithItsContext(t *testing.T) {
	w := newWorld(t, "en")
	in, keys := io.Pipe()
	defer keys.Close()
	opts := w.options()
	opts.Accessible, opts.In, opts.Out = true, in, io.Discard
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, opts); err != nil {
		t.Errorf("Run returned %v", err)
	}
}

// plainProof is the negative half of the proof without a screen: a refusal to
// ask for a sender's own mailbox, then a mailbox outside that is refused, which
// is known the next time.
func plainProof(t *testing.T, lang string) {
	plainly(t, lang, func(w *world) {
		ofOneSender(w, probes.OAuth)
		w.tenant = tenantFound(time.Now())
		w.proves = func(ctx context.Context, mailbox string) ([]string, error) {
			if mailbox == "scan@contoso.example" {
				return nil, &probes.Fault{Op: "send as a mailbox outside", Code: "outside_is_inside", Args: map[string]string{"mailbox": mailbox, "sender": "MFP"}}
			}
			_, err := w.change(ctx, func(m *wizard.Migration) error {
				m.App.Outside = mailbox
				return nil
			})
			return []string{w.tr.T("rights.prove.refused", map[string]string{"mailbox": mailbox})}, err
		}
	}, func(_ *world, typed func(...string)) {
		typed("5", "3", "nobody", "scan@contoso.example", "3", "ceo@contoso.example", "3", "", "4", "6")
	})
}

func TestPlainProof(t *testing.T)       { plainProof(t, "en") }
func TestPlainProofFrench(t *testing.T) { plainProof(t, "fr") }
