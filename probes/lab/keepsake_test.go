package lab_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"offbasic/probes"
	"offbasic/probes/lab"
	"offbasic/wizard"
)

// snapshot is the tenant as it is kept.
func snapshot(t *testing.T, l *lab.Lab) string {
	t.Helper()
	b, err := l.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// everything is what the scripts are told that set the whole tenant up.
func everything(l *lab.Lab) wizard.ScriptValues {
	return wizard.ScriptValues{
		App: wizard.Registration{Name: "lab", ClientID: l.App().ClientID, ObjectID: l.App().ObjectID}, Mailbox: "scan@contoso.example",
		Outside: "it@contoso.example", SendAs: []string{"accounting@contoso.example"}, Group: l.Group(), Addresses: []string{l.PublicAddress()},
		Certificate: lab.ClientCertificateName, HVE: "hve@contoso.example", BillingPolicy: l.BillingPolicy(), Server: l.Server(), Ranges: []string{"192.0.2.0/24"},
	}
}

// Every script that sets something, then the tenant is taken up again: it is
// the same to the last byte, its mail is there, and its app may send.
func TestATenantIsTakenUpAgainWithAllThatWasSetUp(t *testing.T) {
	l := start(t, lab.Options{})
	v := everything(l)
	shared := v
	shared.Mailbox = "reception@contoso.example"
	for _, name := range wizard.ScriptNames() {
		if name == "app-rbac" || name == "direct-send-reject" || strings.HasSuffix(name, "-remove") || strings.HasSuffix(name, "-block-all") {
			continue
		}
		values := v
		if name == "shared-mailbox" {
			values = shared
		}
		execute(t, l, named(t, name, values))
	}
	wantTaken(t, "sent", secure(t, l, "mx").send(device, inside, outside))
	kept := snapshot(t, l)

	again := start(t, lab.Options{Restore: []byte(kept)})
	if got := snapshot(t, again); got != kept {
		t.Errorf("taken up again\n%s\nwas\n%s", got, kept)
	}
	if again.Tenant().ID != l.Tenant().ID || again.App().ClientID != l.App().ClientID || again.BillingPolicy() != l.BillingPolicy() {
		t.Errorf("tenant %v app %v, was %v %v", again.Tenant(), again.App(), l.Tenant(), l.App())
	}
	if got := secure(t, again, "submission").say("AUTH XOAUTH2", xoauth2("scan@contoso.example", again.IssueToken(nil))); !strings.HasPrefix(got, "235") {
		t.Errorf("a token of the app: %q", got)
	}
	if len(inbox(t, again, inside)) != len(inbox(t, l, inside)) || len(trace(t, again, "")) != len(trace(t, l, "")) {
		t.Errorf("mail: %v, was %v", inbox(t, again, inside), inbox(t, l, inside))
	}
	if file, wrong := execute(t, again, named(t, "hve-account", v)); len(wrong)+len(file.Done) > 0 {
		t.Errorf("something of the account was made anew: %+v, %+v", file.Done, wrong)
	}
}

// What is kept has no secret: a certificate's public half, sums of what the
// lab made by chance, and of passwords nothing.
func TestWhatIsKeptHasNoSecret(t *testing.T) {
	l := start(t, lab.Options{})
	execute(t, l, named(t, "hve-account", everything(l)))
	kept := snapshot(t, l)
	_, provider := l.Login("provider")
	_, relay := l.Login("relay")
	for name, secret := range map[string]string{
		"the app's secret": l.App().Secret, "a mailbox's password": l.Password("scan@contoso.example"), "an account's password": l.Password("hve@contoso.example"),
		"the provider's key": provider, "the relay's password": relay, "a key": "PRIVATE",
	} {
		if secret == "" || strings.Contains(kept, secret) {
			t.Errorf("%s %q is kept", name, secret)
		}
	}
}

func TestADamagedOrNewerTenantIsRefused(t *testing.T) {
	whole := snapshot(t, start(t, lab.Options{}))
	for _, tt := range []struct {
		name, kept string
		code       probes.Code
		args       map[string]string
	}{
		{"cut off", whole[:len(whole)/2], lab.Damaged, nil},
		{"no JSON", "{\n x", lab.Damaged, map[string]string{"line": "2", "column": "2"}},
		{"without a version", strings.Replace(whole, `"version": 1,`, "", 1), lab.Damaged, nil},
		{"without its tenant", `{"version": 1}`, lab.Damaged, nil},
		{"newer", `{"version": 2, "tenant": 7}`, lab.Newer, map[string]string{"version": "2", "ours": "1"}},
	} {
		_, err := lab.Start(t.Context(), lab.Options{Restore: []byte(tt.kept)})
		f, ok := errors.AsType[*probes.Fault](err)
		if !ok || f.Code != tt.code {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for name, want := range tt.args {
			if f.Args[name] != want {
				t.Errorf("%s: %s is %q, want %q", tt.name, name, f.Args[name], want)
			}
		}
	}
}

// What a fault takes away is there again without it; what one leaves behind is
// left once.
func TestAFaultLastsAsLongAsItIsAskedFor(t *testing.T) {
	o := lab.Options{Faults: []string{"half-registered", "trace-unprovisioned"}}
	l := start(t, o)
	messageTraces := func(l *lab.Lab) int { return fetch(t, l, "/v1.0/admin/exchange/tracing/messageTraces", new(any)) }
	if got := messageTraces(l); got != http.StatusUnauthorized {
		t.Errorf("with the fault: %d", got)
	}
	o.Restore = []byte(snapshot(t, l))
	if n := start(t, o).Registered().Applications; n != 1 {
		t.Errorf("%d half-finished registrations", n)
	}
	o.Faults = nil
	if got := messageTraces(start(t, o)); got != http.StatusOK {
		t.Errorf("without it: %d", got)
	}
	absent := start(t, lab.Options{Faults: []string{"exchange-absent"}})
	if got := snapshot(t, start(t, lab.Options{Restore: []byte(snapshot(t, absent))})); !strings.Contains(got, "SMTP.SendAsApp") {
		t.Errorf("without Exchange Online's service principal: %s", got)
	}
}
