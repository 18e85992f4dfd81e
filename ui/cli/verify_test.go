package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

// sentOnLab is a test message that the lab took over a route.
func sentOnLab(t *testing.T, w *Work, route probes.Route) probes.Trial {
	t.Helper()
	trial, err := w.Try(t.Context(), Try{Route: route}, nil)
	if err != nil || trial.Outcome != probes.TrialSent {
		t.Fatalf("%+v (%v)", trial, err)
	}
	return trial
}

func quiet(time.Duration) {}

// lastReceipt is the receipt that is on disk.
func lastReceipt(t *testing.T, w *Work) *probes.Receipt {
	t.Helper()
	trials, err := w.Trials(t.Context())
	if err != nil || len(trials) == 0 {
		t.Fatalf("%d trials (%v)", len(trials), err)
	}
	return trials[len(trials)-1].Receipt
}

func failed(found []checks.Finding) []checks.ID {
	var out []checks.ID
	for _, f := range found {
		if f.Status == checks.Fail {
			out = append(out, f.Check)
		}
	}
	return out
}

// The message is found with its folder and its header, and judged: Direct Send
// from an address that SPF does not have lies in junk, mail through Graph in
// the inbox.
func TestArrivalIsJudgedByTheHeader(t *testing.T) {
	w := openLabFolder(t)
	r, err := w.Verify(t.Context(), sentOnLab(t, w, probes.Direct), quiet)
	if err != nil || !r.Found || r.Way != checks.WayMX || r.AuthAs != "Anonymous" || r.Junk == nil || !*r.Junk || r.By != probes.ByMailbox {
		t.Errorf("%+v (%v)", r, err)
	}
	if bad := failed(w.Arrival(probes.Trial{Route: probes.Direct}, r)); !slices.Contains(bad, "head-junk") || !slices.Contains(bad, "head-spf") {
		t.Errorf("failed are %v", bad)
	}
	r, err = w.Verify(t.Context(), sentOnLab(t, w, probes.Graph), quiet)
	if err != nil || r.AuthAs != "Internal" || r.Junk == nil || *r.Junk {
		t.Errorf("%+v (%v)", r, err)
	}
	if bad := failed(w.Arrival(probes.Trial{Route: probes.Graph}, r)); len(bad) > 0 {
		t.Errorf("failed are %v", bad)
	}
	if kept := lastReceipt(t, w); kept == nil || len(kept.Head) > 0 || kept.AuthAs != "Internal" {
		t.Errorf("kept is %+v", kept)
	}
}

// The header that an admin pasted is the receipt of the trial that has its
// Message-ID, whatever else was sent since.
func TestSavedMessageIsTheReceiptOfItsTrial(t *testing.T) {
	w := openLabFolder(t)
	first := sentOnLab(t, w, probes.Direct)
	r, err := w.Verify(t.Context(), first, quiet)
	if err != nil {
		t.Fatal(err)
	}
	sentOnLab(t, w, probes.Graph)
	trial, got, err := w.VerifyHead(t.Context(), r.Head)
	if err != nil || trial.ID != first.ID || got.By != probes.ByHeader || !got.Found || got.Way != checks.WayMX || got.MessageID != first.MessageID {
		t.Errorf("%+v of %s (%v)", got, trial.ID, err)
	}
	trials, err := w.Trials(t.Context())
	i := slices.IndexFunc(trials, func(t probes.Trial) bool {
		return t.ID == first.ID && t.Receipt != nil && t.Receipt.By == probes.ByHeader
	})
	if err != nil || i < 0 {
		t.Errorf("it is not on disk (%v)", err)
	}
	_, _, err = w.VerifyHead(t.Context(), []byte("Message-ID: <somebody@else.example>\n"))
	if !isCode(err, "receipt_of_nobody") {
		t.Errorf("somebody else's message: %v", err)
	}
}

// The message trace of the lab wants its service principal first, as the real
// one does (Microsoft Graph, exchangeMessageTrace, Prerequisites).
func TestTraceNamesWhatIsMissing(t *testing.T) {
	w := openLabFolder(t)
	trial := sentOnLab(t, w, probes.Direct)
	r, err := w.VerifyTrace(t.Context(), trial, quiet)
	if f, ok := errors.AsType[*probes.Fault](err); ok {
		if f.Code != "trace_unprovisioned" {
			t.Errorf("refused with %v", err)
		}
		return
	}
	if err != nil || !r.Found || r.By != probes.ByTrace {
		t.Errorf("%+v (%v)", r, err)
	}
}

// A file that is no trial's is judged all the same, and said not to be kept.
func TestVerifyOfAForeignFileIsJudged(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.eml")
	if err := os.WriteFile(name, []byte("Message-ID: <a@b.example>\nX-MS-Exchange-Organization-AuthAs: Internal\n\nhello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, talk bytes.Buffer
	p := Program{In: strings.NewReader(""), Out: &out, Err: &talk, Now: time.Now, Env: func(name string) string {
		return map[string]string{"OFFBASIC_KEYRING": "none"}[name]
	}}
	code := p.Run(t.Context(), []string{"verify", name, "--folder", dir + "/m"})
	if code != ExitFault || !strings.Contains(out.String(), "AuthAs Internal") || !strings.Contains(talk.String(), "<a@b.example>") {
		t.Errorf("ended with %d: %s%s", code, out.String(), talk.String())
	}
}

// On a terminal the clock is one line that is written over.
func TestClockIsOneLineOnATerminal(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		c, _, talk := explaining(t, nil)
		c.Terminal = terminal
		k := c.clock()
		for s := range 3 {
			k.tick(time.Duration(s) * time.Second)
		}
		k.end()
		said := talk.String()
		if terminal && (strings.Contains(said, "\n") || !strings.HasSuffix(said, "\r\x1b[K")) || !terminal && strings.Count(said, "\n") != 3 {
			t.Errorf("terminal %v: %q", terminal, said)
		}
	}
}

// ctrl+c while a message is looked for is not a fault of the network.
func TestASearchThatWasStoppedSaysSo(t *testing.T) {
	w := openLabFolder(t)
	c := &call{Program: Program{Out: io.Discard, Err: io.Discard}, tr: w.Text}
	ctx, stop := context.WithCancel(t.Context())
	err := c.verifyBy(ctx, w, probes.Trial{To: []string{"it@contoso.example"}, MessageID: "<nobody@contoso.example>"},
		func(ctx context.Context, trial probes.Trial, tick func(time.Duration)) (probes.Receipt, error) {
			stop()
			return w.Verify(ctx, trial, tick)
		})
	if !isFault(err, "verify_stopped") {
		t.Errorf("%v", err)
	}
}
