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

var ten = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// attempt is a session under a policy, over TLS and without sign-in, n minutes
// after ten.
func attempt(n int, policy string, change ...func(*probes.Session)) probes.Session {
	c := probes.Session{
		ID: fmt.Sprint(policy, n), Peer: "192.0.2.61", Hello: "KM_C258", Policy: policy,
		Started: ten.Add(time.Duration(n) * time.Minute), Ended: ten.Add(time.Duration(n)*time.Minute + time.Second),
		TLS: probes.TLS{Mode: probes.StartTLS, Version: "TLS 1.2"}, End: probes.EndQuit,
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func login(outcome probes.AuthOutcome) func(*probes.Session) {
	return func(c *probes.Session) {
		c.Auth = append(c.Auth, probes.Auth{Mechanism: "LOGIN", Account: "scan@contoso.example", Outcome: outcome})
	}
}

func sent(c *probes.Session) {
	c.MailFrom, c.RcptTo, c.Taken = "scan@contoso.example", []string{"it@contoso.example"}, true
	c.Message = &probes.Message{MessageID: "<" + c.ID + "@km>"}
}

// alone: the admin had been told to leave the device alone.
func alone(c *probes.Session) { c.Alone = true }

func inClear(c *probes.Session) { c.TLS = probes.TLS{Mode: probes.NoTLS} }

func certificateRefused(c *probes.Session) {
	*c = probes.Session{
		ID: c.ID, Peer: c.Peer, Hello: c.Hello, Policy: c.Policy, Started: c.Started, Ended: c.Ended,
		TLS: probes.TLS{Mode: probes.StartTLS, Error: "certificate_refused"}, End: probes.EndTLS,
	}
}

// What is asked next follows from what the device showed, and from nothing
// else.
func TestTheNextQuestionIsTheOneThatTellsMost(t *testing.T) {
	signedIn := attempt(0, "exchange", login(probes.AuthAccepted), sent)
	refused := attempt(1, "retired", login(probes.AuthRefused))
	noOAuth := attempt(3, "oauth-only")
	stops := attempt(6, "relay")
	noTLS := attempt(10, "no-tls", inClear)
	for _, tt := range []struct {
		name     string
		sessions []probes.Session
		o        checks.Asking
		want     string // question, policy
	}{
		{"nothing is known", nil, checks.Asking{}, "signs-in exchange"},
		{"it signs in", []probes.Session{signedIn}, checks.Asking{}, "retired retired"},
		{"it gives up when refused", []probes.Session{signedIn, refused}, checks.Asking{}, "oauth oauth-only"},
		{"OAuth is left out", []probes.Session{signedIn, refused}, checks.Asking{Skip: []string{"oauth"}}, "unauthenticated relay"},
		{"it knows no OAuth", []probes.Session{signedIn, refused, noOAuth}, checks.Asking{}, "unauthenticated relay"},
		{"it stops without sign-in", []probes.Session{signedIn, refused, noOAuth, stops}, checks.Asking{}, "no-tls no-tls"},
		{"it stops without TLS", []probes.Session{signedIn, refused, noOAuth, stops, noTLS}, checks.Asking{}, "retries deferred"},
		{"what decides is known", []probes.Session{signedIn, refused, noOAuth, stops, noTLS}, checks.Asking{Skip: []string{"retries"}}, "nothing"},
		{"and the dialogue is asked too", []probes.Session{signedIn, refused, noOAuth, stops, noTLS}, checks.Asking{Skip: []string{"retries"}, Dialogue: true}, "mech-plain plain-only"},
		{"one is asked again", []probes.Session{signedIn, refused, noOAuth}, checks.Asking{Again: "signs-in"}, "signs-in exchange"},
		{"it refuses the certificate", []probes.Session{attempt(0, "exchange", certificateRefused)}, checks.Asking{}, "no-tls no-tls"},
		{"and goes without TLS", []probes.Session{attempt(0, "exchange", certificateRefused), attempt(2, "no-tls", inClear, login(probes.AuthAccepted), sent)}, checks.Asking{}, "retired retired+no-tls"},
		{"and does not", []probes.Session{attempt(0, "exchange", certificateRefused), attempt(2, "no-tls", inClear)}, checks.Asking{}, "nothing"},
		{"it never begins TLS", []probes.Session{attempt(0, "exchange", inClear, login(probes.AuthAccepted), sent)}, checks.Asking{}, "retired retired+no-tls"},
		{"it begins with TLS at once", []probes.Session{signedIn, refused, noOAuth, stops, attempt(7, "exchange", func(c *probes.Session) { c.TLS.Mode = probes.Implicit })}, checks.Asking{Skip: []string{"retries"}}, "no-tls no-tls"},
		{"it signs in with OAuth", []probes.Session{attempt(0, "exchange", func(c *probes.Session) {
			c.Auth = []probes.Auth{{Mechanism: "XOAUTH2", Account: "scan@contoso.example", Outcome: probes.AuthAccepted}}
		}, sent)}, checks.Asking{}, "unauthenticated relay"},
		{"a silent answer is asked for less", []probes.Session{signedIn, attempt(2, "retired", func(c *probes.Session) { c.Hello = "" })}, checks.Asking{}, "oauth oauth-only"},
		{"a port scan is no attempt", []probes.Session{attempt(0, "exchange", func(c *probes.Session) { c.Protocol = "scan" })}, checks.Asking{}, "signs-in exchange"},
	} {
		got := "nothing"
		if q, ok := checks.Ask(checks.Facts{Sessions: tt.sessions}, tt.o); ok {
			got = q.ID + " " + q.Policy
		}
		if got != tt.want {
			t.Errorf("%s: asked %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestOneAttemptAnswersSeveralQuestions(t *testing.T) {
	q, _ := checks.Ask(checks.Facts{Sessions: []probes.Session{attempt(0, "exchange", login(probes.AuthAccepted), sent)}}, checks.Asking{})
	if !slices.Equal(q.Also, []string{"after-refusal"}) {
		t.Errorf("%s also answers %v", q.ID, q.Also)
	}
}

func TestAQuestionWithoutAnswerIsGivenUpAfterThreeAttempts(t *testing.T) {
	mute := func(c *probes.Session) { c.Hello = "" }
	f := checks.Facts{Sessions: []probes.Session{attempt(0, "relay", mute), attempt(3, "relay", mute), attempt(7, "relay", mute)}}
	if got := answerTo(t, f, "unauthenticated"); got.Answer != checks.Unclear {
		t.Errorf("answer %q", got.Answer)
	}
}

func answerTo(t *testing.T, f checks.Facts, id string) checks.Question {
	t.Helper()
	all := checks.Table(f)
	i := slices.IndexFunc(all, func(q checks.Question) bool { return q.ID == id })
	if i < 0 {
		t.Fatalf("no question %s", id)
	}
	return all[i]
}

// A device's own second attempt is told from a person's.
func TestARetryIsToldFromAPress(t *testing.T) {
	unsent := func(id string) func(*probes.Session) {
		return func(c *probes.Session) {
			if id != "" {
				c.Message = &probes.Message{MessageID: id}
			}
			login(probes.AuthAccepted)(c)
		}
	}
	later := func(d time.Duration) func(*probes.Session) {
		return func(c *probes.Session) {
			c.Started, c.Ended = ten.Add(time.Second).Add(d), ten.Add(2*time.Second).Add(d)
		}
	}
	dated := func(date string) func(*probes.Session) {
		return func(c *probes.Session) { c.Message = &probes.Message{Date: date, Subject: "Scan"} }
	}
	for _, tt := range []struct {
		name     string
		sessions []probes.Session
		want     string
	}{
		{"the same message after a minute", []probes.Session{
			attempt(0, "deferred", unsent("<1@km>")), attempt(1, "everything", unsent("<1@km>"), later(61*time.Second)),
		}, "yes 61"},
		{"the same message, with another between", []probes.Session{
			attempt(0, "deferred", unsent("<1@km>")), attempt(1, "login-only", unsent("<2@km>"), sent, later(20*time.Second)),
			attempt(2, "everything", unsent("<1@km>"), later(300*time.Second)),
		}, "yes 300"},
		{"the same date and subject", []probes.Session{
			attempt(0, "deferred", dated("Sun, 22 Nov 2026 10:00:00 +0000")), attempt(1, "everything", dated("Sun, 22 Nov 2026 10:00:00 +0000"), later(90*time.Second)),
		}, "yes 90"},
		{"at once after a refusal, by whoever was asked to press", []probes.Session{
			attempt(0, "retired", login(probes.AuthRefused)), attempt(1, "exchange", login(probes.AuthAccepted), later(2*time.Second)),
		}, ""},
		{"pressed every four seconds, as the screen asks", []probes.Session{
			attempt(0, "exchange", later(0)), attempt(1, "retired", later(5*time.Second)),
			attempt(2, "oauth-only", later(10*time.Second)), attempt(3, "relay", later(15*time.Second)),
		}, ""},
		{"while nothing was to be pressed", []probes.Session{
			attempt(0, "deferred", login(probes.AuthAccepted)),
			attempt(1, "everything", login(probes.AuthAccepted), alone, later(45*time.Second)),
		}, "yes 45"},
		{"another message while nothing was to be pressed", []probes.Session{
			attempt(0, "deferred", unsent("<1@km>")), attempt(1, "everything", unsent("<2@km>"), alone, later(45*time.Second)),
		}, ""},
		{"at once, but another account", []probes.Session{
			attempt(0, "retired", login(probes.AuthRefused)),
			attempt(1, "exchange", func(c *probes.Session) {
				c.Auth = []probes.Auth{{Mechanism: "LOGIN", Account: "nas@contoso.example", Outcome: probes.AuthAccepted}}
			}, later(2*time.Second)),
		}, ""},
		{"pressed after half a minute", []probes.Session{
			attempt(0, "retired", login(probes.AuthRefused)), attempt(1, "exchange", login(probes.AuthAccepted), later(33*time.Second)),
		}, ""},
		{"three equal waits", []probes.Session{
			attempt(0, "retired", login(probes.AuthRefused)), attempt(5, "retired", login(probes.AuthRefused)),
			attempt(10, "retired", login(probes.AuthRefused)), attempt(15, "retired", login(probes.AuthRefused)),
		}, "yes 299"},
		{"two equal waits", []probes.Session{
			attempt(0, "retired", login(probes.AuthRefused)), attempt(5, "retired", login(probes.AuthRefused)), attempt(10, "retired", login(probes.AuthRefused)),
		}, ""},
		{"a new message after five minutes", []probes.Session{
			attempt(0, "deferred", unsent("<1@km>")), attempt(1, "everything", unsent("<2@km>"), later(5*time.Minute)),
		}, "no "},
		{"a new message at once", []probes.Session{
			attempt(0, "deferred", unsent("<1@km>")), attempt(1, "everything", unsent("<2@km>"), later(10*time.Second)),
		}, ""},
		{"what was taken is not retried", []probes.Session{
			attempt(0, "exchange", sent), attempt(1, "exchange", sent, later(time.Second)),
		}, ""},
	} {
		q := answerTo(t, checks.Facts{Sessions: tt.sessions}, "retries")
		got := q.Answer
		if got != "" {
			got += " " + q.Args["after"]
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A mechanism that is answered with 504 had no password sent for it: it says
// nothing of passwords.
func TestAMechanismThatIsNotTakenIsNoSignIn(t *testing.T) {
	f := checks.Facts{Sessions: []probes.Session{attempt(0, "fallback-504", func(c *probes.Session) {
		c.Auth = []probes.Auth{
			{Mechanism: "LOGIN", Outcome: probes.AuthRefused, Reply: "504 5.7.4 Unrecognized authentication type"},
			{Mechanism: "PLAIN", Outcome: probes.AuthRefused, Reply: "504 5.7.4 Unrecognized authentication type"},
		}
	})}}
	for _, found := range checks.Judge(f) {
		if strings.HasPrefix(string(found.Check), "password") {
			t.Errorf("found %s", found.Check)
		}
	}
	if q := answerTo(t, f, "fallback-504"); q.Answer != checks.TriesOthers || q.Args["mechanisms"] != "LOGIN, PLAIN" {
		t.Errorf("fallback-504: %q %v", q.Answer, q.Args)
	}
}
