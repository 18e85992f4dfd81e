package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/graph"
	"offbasic/wizard"
)

// monthAgo is when a live import begins in these tests.
func monthAgo(w *Work) time.Time { return w.Now().AddDate(0, 0, -30) }

// passwordSignIn signs in to the lab's client submission as scan@ does today.
func passwordSignIn(t *testing.T, w *Work) {
	t.Helper()
	trial, err := w.Try(t.Context(), Try{Route: probes.Basic}, nil)
	if err != nil || trial.Outcome != probes.TrialSent {
		t.Fatalf("%+v (%v)", trial, err)
	}
}

// The log of the sign-ins makes senders, with the public address as evidence
// and not as the device's own, and whether it was Basic stays open. The same
// again changes nothing; what came since counts once.
func TestSignInsAreImportedLive(t *testing.T) {
	w := newLabWork(t)
	o := LiveOptions{Source: "sign-ins", Since: monthAgo(w)}
	r, err := w.ImportLive(t.Context(), o)
	if err != nil || r.Kind != probes.FromSignIns || r.Rows != 7 || r.New+r.Joined != 2 || r.Again {
		t.Fatalf("%+v (%v)", r, err)
	}
	m := w.Folder.Migration()
	scan := ofAccount(t, m, "scan@contoso.example")
	src := scan.Sources[len(scan.Sources)-1]
	if src.Messages != 6 || src.Refused != 0 || src.Protocol != "" || !slices.Equal(src.Peers, []string{"203.0.113.10"}) || slices.Contains(scan.Peers, "203.0.113.10") {
		t.Errorf("scan@ is known as %+v, with %v", src, scan.Peers)
	}
	accounting := ofAccount(t, m, "accounting@contoso.example")
	if src := accounting.Sources[0]; src.Refused != 1 || !slices.Equal(src.Why, []string{"AADSTS50126"}) {
		t.Errorf("accounting@ is known as %+v", src)
	}

	before, _ := json.Marshal(m.Senders)
	if r, err = w.ImportLive(t.Context(), o); err != nil || !r.Again || r.New+r.Joined != 0 {
		t.Errorf("again: %+v (%v)", r, err)
	}
	if after, _ := json.Marshal(w.Folder.Migration().Senders); string(after) != string(before) {
		t.Errorf("the second time changed\n%s\nto\n%s", before, after)
	}

	passwordSignIn(t, w)
	r, err = w.ImportLive(t.Context(), o)
	if err != nil || r.Again || r.New != 0 || r.Joined != 1 {
		t.Errorf("after one more sign-in: %+v (%v)", r, err)
	}
	if r, err = w.ImportLive(t.Context(), LiveOptions{Source: "sign-ins", Since: w.Now().AddDate(0, 0, -60)}); err != nil || !r.Again || r.Rows != 8 {
		t.Errorf("from earlier on: %+v (%v)", r, err)
	}
	if src := ofAccount(t, w.Folder.Migration(), "scan@contoso.example").Sources; len(src) == 0 || src[len(src)-1].Messages != 7 {
		t.Errorf("scan@ is known as %+v", src)
	}
}

// A log that is refused changes nothing, and the refusal has a name.
func TestRefusedLogChangesNothing(t *testing.T) {
	for _, tt := range []struct {
		source, fault string
		code          probes.Code
	}{
		{"sign-ins", "sign-ins-unlicensed", graph.SignInsUnlicensed},
		{"sign-ins", "sign-ins-no-role", graph.SignInsForbidden},
		{"sign-ins", "signin-blocked", "live_no_sign_in"},
		{"traces", "trace-unprovisioned", graph.TraceUnprovisioned},
	} {
		w := newLabWork(t, tt.fault)
		before, _ := json.Marshal(w.Folder.Migration())
		_, err := w.ImportLive(t.Context(), LiveOptions{Source: tt.source, Since: w.Now().AddDate(0, 0, -7)})
		if !isCode(err, tt.code) {
			t.Errorf("%s with %s: %v, want %s", tt.source, tt.fault, err, tt.code)
		}
		if after, _ := json.Marshal(w.Folder.Migration()); string(after) != string(before) {
			t.Errorf("%s changed\n%s\nto\n%s", tt.fault, before, after)
		}
	}
}

// Who stops a reading keeps the days that were read to their end.
func TestStoppedReadingIsGoneOnWith(t *testing.T) {
	w := newLabWork(t)
	ctx, stop := context.WithCancel(t.Context())
	o := LiveOptions{Source: "sign-ins", Since: monthAgo(w), Told: func(graph.LogRead) { stop() }}
	r, err := w.ImportLive(ctx, o)
	imports := w.Folder.Migration().Imports
	if !isCode(err, graph.LogStopped) || !errors.Is(err, context.Canceled) || !r.Cut || len(imports) != 1 || !imports[0].Read[0].Until.Equal(r.Until) {
		t.Fatalf("stopped after a page: %v, %+v, %+v", err, r, imports)
	}
	o.Told = nil
	if r, err = w.ImportLive(t.Context(), o); err != nil || r.Cut {
		t.Fatalf("%+v (%v)", r, err)
	}
	scan := ofAccount(t, w.Folder.Migration(), "scan@contoso.example")
	if n := len(scan.Sources); n == 0 || scan.Sources[n-1].Messages != 6 || len(w.Folder.Migration().Imports[0].Read) != 1 {
		t.Errorf("it is known as %+v, of %+v", scan.Sources, w.Folder.Migration().Imports)
	}
}

// cutLine is a network that is lost at one request, and there again after it.
type cutLine struct {
	next http.RoundTripper
	at   int
	n    int
}

func (c *cutLine) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/auditLogs/") || strings.Contains(r.URL.Path, "/messageTraces") {
		if c.n++; c.n == c.at {
			return nil, errors.New("the line is cut")
		}
	}
	return c.next.RoundTrip(r)
}

// The line is cut at each page in turn. What is known in the end is what a
// reading that nothing interrupted knows.
func TestReadingThatWasCutAtAnyPageCountsTheSame(t *testing.T) {
	tenant := newLabWork(t)
	o := LiveOptions{Source: "sign-ins", Since: monthAgo(tenant)}
	known := func(at int) (state string, cuts int) {
		w := openWork(t, filepath.Join(t.TempDir(), "m"))
		client := tenant.Lab.HTTPClient()
		direct := client.Transport
		client.Transport = &cutLine{next: direct, at: at}
		w.Lab, w.signIn, w.Now = tenant.Lab, tenant.signIn, tenant.Now
		defer func() { client.Transport, w.Lab = direct, nil }()
		for range 3 {
			r, err := w.ImportLive(t.Context(), o)
			if err == nil {
				break
			}
			cuts++
			if !isCode(err, graph.LogLost) || r.Cut != (len(w.Folder.Migration().Imports) > 0) {
				t.Fatalf("cut at %d: %v, %+v", at, err, r)
			}
		}
		m := w.Folder.Migration()
		for i := range m.Senders { // in the order in which they were found
			m.Senders[i].Sources[0].Line = 0
		}
		b, _ := json.Marshal(m.Senders)
		return string(b), cuts
	}
	whole, _ := known(0)
	for at := 1; ; at++ {
		state, cuts := known(at)
		if state != whole {
			t.Errorf("cut at request %d it is\n%s\nand not\n%s", at, state, whole)
		}
		if cuts == 0 {
			if at < 5 {
				t.Errorf("the log has %d requests", at-1)
			}
			break
		}
	}
}

// A busy Graph is waited for: every third request is refused here.
func TestBusyLogIsWaitedFor(t *testing.T) {
	w := newLabWork(t, "throttled")
	waits := 0
	r, err := w.ImportLive(t.Context(), LiveOptions{Source: "sign-ins", Since: monthAgo(w), Told: func(l graph.LogRead) {
		if l.Waiting > 0 {
			waits++
		}
	}})
	if err != nil || r.Rows != 7 || waits == 0 {
		t.Errorf("%+v after %d waits (%v)", r, waits, err)
	}
}

// The message trace knows a sender by its address; one that is nobody's is left
// out unless it is asked for.
func TestTracesAreImportedLive(t *testing.T) {
	w := newLabWork(t)
	passwordSignIn(t, w)
	at := w.Now
	w.Now = func() time.Time { return at().Add(2 * time.Second) } // a trace has whole seconds
	o := LiveOptions{Source: "traces", Since: w.Now().AddDate(0, 0, -7)}
	r, err := w.ImportLive(t.Context(), o)
	if err != nil || r.Rows != 1 || r.Left+r.New+r.Joined != 1 {
		t.Fatalf("%+v (%v)", r, err)
	}
	if r, err = w.ImportLive(t.Context(), o); err != nil || !r.Again {
		t.Errorf("again: %+v (%v)", r, err)
	}
	// What was left out the first time is read when it is asked for, once.
	o.All = true
	if r, err = w.ImportLive(t.Context(), o); err != nil || r.New != 1 || r.Left != 0 || !r.Since.Equal(o.Since.UTC().Truncate(24*time.Hour)) {
		t.Errorf("with all: %+v (%v)", r, err)
	}
	if r, err = w.ImportLive(t.Context(), o); err != nil || !r.Again {
		t.Errorf("with all again: %+v (%v)", r, err)
	}
}

func TestSinceIsRead(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for given, want := range map[string]string{
		"": "2026-10-23T12:00:00Z", "7d": "2026-11-15T12:00:00Z", "2026-11-15": "2026-11-15T00:00:00Z", "2026-11-15T08:00:00+01:00": "2026-11-15T07:00:00Z",
		"0d": "", "-1d": "", "d": "", "15/11/2026": "", "9999999999999999999d": "", "7": "",
	} {
		at, ok := sinceOf(given, 30, now)
		if ok != (want != "") || ok && at.Format(time.RFC3339) != want {
			t.Errorf("--since %q is %s (%v), want %q", given, at, ok, want)
		}
	}
}

// ofAccount is the sender with an account.
func ofAccount(t *testing.T, m wizard.Migration, account string) wizard.Sender {
	t.Helper()
	i := slices.IndexFunc(m.Senders, func(s wizard.Sender) bool { return s.Account == account })
	if i < 0 {
		t.Fatalf("nobody has the account %s: %+v", account, m.Senders)
	}
	return m.Senders[i]
}
