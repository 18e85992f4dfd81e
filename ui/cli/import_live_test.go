package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
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

	before, _ := json.Marshal(m)
	if r, err = w.ImportLive(t.Context(), o); err != nil || !r.Again || r.New+r.Joined+r.Rows != 0 {
		t.Errorf("again: %+v (%v)", r, err)
	}
	if after, _ := json.Marshal(w.Folder.Migration()); string(after) != string(before) {
		t.Errorf("the second time changed\n%s\nto\n%s", before, after)
	}

	passwordSignIn(t, w)
	r, err = w.ImportLive(t.Context(), o)
	if err != nil || r.Rows != 1 || r.Again || r.New != 0 || r.Joined != 1 {
		t.Errorf("after one more sign-in: %+v (%v)", r, err)
	}
	if r, err = w.ImportLive(t.Context(), LiveOptions{Source: "sign-ins", Since: w.Now().AddDate(0, 0, -60)}); err != nil || !r.Again || r.Before != 8 {
		t.Errorf("from earlier on: %+v (%v)", r, err)
	}
}

// What cannot be read to its end changes nothing, and has a name.
func TestLiveImportIsWholeOrNothing(t *testing.T) {
	for _, tt := range []struct {
		source, fault string
		code          probes.Code
	}{
		{"sign-ins", "sign-ins-unlicensed", graph.SignInsUnlicensed},
		{"sign-ins", "sign-ins-no-role", graph.SignInsForbidden},
		{"sign-ins", "signin-blocked", "live_no_sign_in"},
		{"traces", "replication", graph.TraceUnprovisioned},
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
	w := newLabWork(t)
	ctx, stop := context.WithCancel(t.Context())
	_, err := w.ImportLive(ctx, LiveOptions{Source: "sign-ins", Since: monthAgo(w), Told: func(graph.LogRead) { stop() }})
	if !isCode(err, graph.LogStopped) || !errors.Is(err, context.Canceled) || len(w.Folder.Migration().Imports) != 0 {
		t.Errorf("stopped after a page: %v, %+v", err, w.Folder.Migration().Imports)
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
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Lab.GraphBase()+"/v1.0/servicePrincipals",
		strings.NewReader(`{"appId":"8bd644d1-64a1-4d4b-ae52-2e0cbf64e373"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Lab.AdminToken(graph.WriteApplications))
	req.Header.Set("Content-Type", "application/json")
	res, err := w.Lab.HTTPClient().Do(req)
	if err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("%+v (%v)", res, err)
	}
	res.Body.Close()
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
