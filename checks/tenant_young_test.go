package checks_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

// Rights count after 30 to 120 minutes (field reports): until then a refusal
// is "not yet", from then on it is wrong.
func TestNothingIsCalledWrongBeforeItsTime(t *testing.T) {
	at := func(minutes int) time.Time { return tenantNow().Add(time.Duration(minutes) * time.Minute) }
	made := map[string]time.Time{checks.MadePrincipal: at(0), checks.MadePermission: at(3), checks.MadeConsent: at(-600)}
	for _, tt := range []struct {
		name    string
		now     time.Time
		objects []string
		object  string // "" is none
		next    time.Time
	}{
		{"four minutes after", at(4), []string{checks.MadePrincipal, checks.MadePermission}, checks.MadePermission, at(5)},
		{"an hour after", at(63), []string{checks.MadePermission}, checks.MadePermission, at(3 + 75)},
		{"a minute before the end", at(122), []string{checks.MadePermission}, checks.MadePermission, at(123)},
		{"at the end", at(123), []string{checks.MadePermission}, "", time.Time{}},
		{"made long ago", at(4), []string{checks.MadeConsent}, "", time.Time{}},
		{"not made from here", at(4), []string{checks.MadeRole}, "", time.Time{}},
		{"made in the future: the clock was set back", at(-1), []string{checks.MadePrincipal}, "", time.Time{}},
	} {
		y, ok := checks.YoungOf(made, tt.now, tt.objects...)
		if ok != (tt.object != "") || y.Object != tt.object {
			t.Errorf("%s: %+v, %t; want %q", tt.name, y, ok, tt.object)
			continue
		}
		if ok && (!y.Next.Equal(tt.next) || !y.Next.After(tt.now) || y.Next.After(y.Ends)) {
			t.Errorf("%s: next try at %s, want %s; ends %s", tt.name, y.Next, tt.next, y.Ends)
		}
	}
}

// Whoever obeys Next tries again a bounded number of times, and once more when
// the time is over.
func TestNextTriesAreFewAndEnd(t *testing.T) {
	made := map[string]time.Time{checks.MadePermission: tenantNow()}
	now, tries := tenantNow(), 0
	for {
		y, ok := checks.YoungOf(made, now, checks.MadePermission)
		if !ok {
			break
		}
		now = y.Next
		if tries++; tries > 20 {
			t.Fatal("it is tried for ever")
		}
	}
	if want := tenantNow().Add(checks.Takes(checks.MadePermission)); !now.Equal(want) {
		t.Errorf("the last try is at %s, want %s", now, want)
	}
}

// refusedBy is a test send with a token that was refused.
func refusedBy(reply string) probes.Trial {
	r, _ := probes.ParseReply(reply)
	return probes.Trial{Route: probes.OAuth, From: scan, Outcome: probes.TrialRefused, Reply: &r, Started: tenantNow(), Claims: token(nil)}
}

func TestCausesAreInTheOrderOfWhatIsKnown(t *testing.T) {
	e := checks.NewExplainer()
	const reply = "535 5.7.3 Authentication unsuccessful"
	for _, tt := range []struct {
		name     string
		trial    probes.Trial
		change   func(*checks.TenantFacts)
		findings []string
		young    string
		causes   []string // how each begins, of those of the catalogue
	}{
		{"nothing known", refusedBy(reply), func(f *checks.TenantFacts) { *f = checks.TenantFacts{Now: tenantNow()} }, nil, "", []string{
			"With OAuth: the application has no rights", "With OAuth: the token", "A change was made",
		}},
		{"all is as it should be, and old", refusedBy(reply), func(f *checks.TenantFacts) { f.Made[checks.MadePermission] = tenantNow().AddDate(0, 0, -1) }, nil, "", []string{
			"With OAuth: the application has no rights", "With OAuth: the token",
		}},
		{"all is as it should be, and new", refusedBy(reply), func(f *checks.TenantFacts) { f.Made[checks.MadePermission] = tenantNow().Add(-4 * time.Minute) }, nil, checks.MadePermission, []string{
			"With OAuth: the application has no rights", "With OAuth: the token",
		}},
		{"the classic mistake", refusedBy(reply), func(f *checks.TenantFacts) {
			reads(f, "service_principal", principalRow(registration))
		}, []string{"tenant-principal-registration"}, "", nil},
		{"no right on this mailbox, and a new one on another", refusedBy(reply), func(f *checks.TenantFacts) {
			reads(f, "mailbox_permission", rows{})
			f.Made[checks.MadePrincipal] = tenantNow().Add(-4 * time.Minute)
		}, []string{"tenant-rights-mailbox"}, checks.MadePrincipal, nil},
		{"a token without the role", func() probes.Trial {
			t := refusedBy(reply)
			t.Claims = token(func(c *probes.Claims) { c.Roles = nil })
			return t
		}(), func(*checks.TenantFacts) {}, []string{"tenant-rights-consent"}, "", nil},
		{"a password", probes.Trial{Route: probes.Basic, From: scan, Outcome: probes.TrialRefused, Reply: refusedBy(reply).Reply}, func(*checks.TenantFacts) {}, nil, "", []string{"With a password"}},
		{"SMTP AUTH off for the mailbox", refusedBy("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."), func(f *checks.TenantFacts) {
			reads(f, "cas_mailbox", rows{{"PrimarySmtpAddress": scan, "SmtpClientAuthenticationDisabled": "True"}})
		}, []string{"tenant-smtp-auth-mailbox"}, "", nil},
		{"SMTP AUTH was turned on a minute ago", refusedBy("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."), func(f *checks.TenantFacts) {
			f.Made[checks.MadeSwitch] = tenantNow().Add(-time.Minute)
		}, nil, checks.MadeSwitch, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := whole()
			tt.change(&f)
			r, ok := e.Trial(tt.trial, f)
			if !ok || !r.Known {
				t.Fatalf("%s is not explained", tt.trial.Reply)
			}
			var found []string
			for _, x := range r.Findings {
				found = append(found, string(x.Check))
			}
			if !slices.Equal(found, tt.findings) {
				t.Errorf("findings %v, want %v", found, tt.findings)
			}
			young := ""
			if r.Young != nil {
				young = r.Young.Object
			}
			if young != tt.young || (young != "") != (r.Handling == checks.RetryLater) {
				t.Errorf("young is %q, want %q; handling %s", young, tt.young, r.Handling)
			}
			causes := r.Worded(locale(t, "en")).Causes
			for i, want := range tt.causes {
				if i >= len(causes) || !strings.HasPrefix(causes[i], want) {
					t.Fatalf("causes %q, want %q", causes, tt.causes)
				}
			}
			if tt.causes != nil && len(causes) != len(tt.causes) {
				t.Errorf("causes %q, want %q", causes, tt.causes)
			}
		})
	}
}

// Every step of a script that makes a right is known as such.
func TestStepsOfScriptsThatMakeRightsAreKnown(t *testing.T) {
	for _, tt := range []struct{ script, step, want string }{
		{"service-principal", "principal", checks.MadePrincipal},
		{"service-principal", "permission", checks.MadePermission},
		{"service-principal", "smtp-auth", checks.MadeSwitch},
		{"app-rbac", "assignment", checks.MadeRole},
		{"app-rbac", "group", ""},
		{"send-as", "permission", checks.MadeSendAs},
		{"onprem-relay", "permission", ""},
		{"direct-send-reject", "reject", checks.MadeDirect},
	} {
		if got := checks.MadeByStep(tt.script, tt.step); got != tt.want {
			t.Errorf("%s, %s makes %q, want %q", tt.script, tt.step, got, tt.want)
		}
	}
}

// The bracket at the end of Microsoft's replies holds the service's time.
func TestClockOfTheServiceIsReadFromItsReply(t *testing.T) {
	r, _ := probes.ParseReply("535 5.7.3 Authentication unsuccessful [PR3P192CA0001.EURP192.PROD.OUTLOOK.COM 2026-11-22T11:00:00.500Z 08DC93087F48F48A]")
	tr := probes.Trial{Started: tenantNow(), Reply: &r, Steps: []probes.Step{{Step: probes.StepConnect, MS: 300}, {Step: probes.StepAUTH, MS: 200}, {Step: probes.StepQUIT, MS: 9000}}}
	if skew, ok := checks.ClockSkew(tr); !ok || skew != time.Hour {
		t.Errorf("the clock is %s ahead, %t; want 1h", skew, ok)
	}
	tr.Reply.Server = ""
	if _, ok := checks.ClockSkew(tr); ok {
		t.Error("a reply without a time tells one")
	}
}

// Speed: the state of a tenant from a read-back of 5,000 mailboxes.
func BenchmarkTenantState(b *testing.B) {
	f := whole()
	boxes := make(rows, 5000)
	for i := range boxes {
		boxes[i] = map[string]string{"PrimarySmtpAddress": fmt.Sprintf("user%d@contoso.example", i), "SmtpClientAuthenticationDisabled": ""}
	}
	reads(&f, "cas_mailboxes", boxes)
	b.ReportAllocs()
	for b.Loop() {
		if len(checks.TenantState(f)) == 0 {
			b.Fatal("nothing was found")
		}
	}
}
