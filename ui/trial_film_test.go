package ui

import (
	"testing"
	"testing/synctest"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

// ofOneSender leaves one sender, with a captured message.
func ofOneSender(w *world, route probes.Route) {
	fleet(w)
	w.mig.Senders = w.mig.Senders[2:3]
	c := &w.mig.Senders[0]
	c.Route, c.SetUp, c.Last, c.Peers = route, time.Now(), nil, []string{"192.0.2.61"}
	seen := at(copier, "s1")
	seen.Auth, seen.Message = nil, &probes.Message{Subject: "Invoice 17", File: "messages/s1.eml"}
	w.seen = []probes.Session{seen}
	w.forecast = []checks.Finding{{Check: "mechanism", Status: checks.Fail, Args: map[string]string{"mechanisms": "CRAM-MD5"}}}
	w.mig.App = &wizard.Registration{ClientID: "11111111-2222-3333-4444-555555555555"}
}

// trialFilm is a provider's way: its values, a password, the captured message,
// the details, the command.
func trialFilm(t *testing.T, lang string, width, height int) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, lang)
		ofOneSender(w, probes.Provider)
		sent := sentTrial()
		sent.Server, sent.Mechanism, sent.Account, sent.Size = "smtp.mailjet.example:587", "LOGIN", "key", 4213377
		sent.Dials = []probes.Dial{{Addr: "[2001:db8::1]:587", MS: 251, Outcome: probes.DialTimeout}, {Addr: "198.51.100.20:587", MS: 31, Outcome: probes.DialConnected, Used: true}}
		sent.TLS = &probes.TrialTLS{
			Version: "TLS 1.3", Suite: "TLS_AES_128_GCM_SHA256", ServerName: "smtp.mailjet.example", Problem: "tls_name",
			Args:  map[string]string{"name": "smtp.mailjet.example", "names": "in-v3.mailjet.example"},
			Chain: []probes.Certificate{{Subject: "CN=in-v3.mailjet.example", Issuer: "CN=Example CA", Names: []string{"in-v3.mailjet.example"}, From: time.Now(), Until: time.Now().AddDate(0, 3, 0), SHA256: "ab12"}},
		}
		sent.Message, sent.Changes = "session s1", []probes.MessageChange{{What: "header_from", From: "erp@old.example", To: "erp@contoso.example", Why: "route"}}
		w.trials = []probes.Trial{sent}
		s := newStage(t, w.options(), width, height)
		s.press("t")
		s.shoot("values are missing")
		s.press("enter")
		s.shoot("asked for: service")
		s.press("down", "enter")
		s.shoot("asked for: from, server, port")
		s.press("enter", "enter", "enter")
		s.shoot("asked for: account")
		s.write("key")
		s.press("enter")
		s.write("top~secret")
		s.shoot("asked for: password")
		s.press("enter")
		s.pass(100 * time.Millisecond)
		s.shoot("everything is known")
		s.press("m")
		s.pass(100 * time.Millisecond)
		s.shoot("with its own message")
		s.press("enter")
		s.pass(time.Second)
		s.press("s") // stops looking
		s.pass(100 * time.Millisecond)
		s.shoot("taken, not looked for to the end")
		s.press("d")
		s.shoot("the details")
		s.press("pgdown")
		s.shoot("further down")
		s.press("esc", "r")
		s.shoot("as a command")
		if len(w.tries) == 0 {
			t.Log(s.film.String())
			t.Fatal("nothing was sent")
		}
		r := w.tries[0]
		if r.Secret != "top~secret" || r.Session != "s1" || r.Values["account"] != "key" || r.Values["provider"] == "" {
			t.Errorf("asked for %+v", r)
		}
		for name := range w.mig.Senders[0].Told {
			if name == "provider.secret" {
				t.Error("the password is in the migration")
			}
		}
		s.end()
		s.golden()
	})
}

func TestTrialFilm(t *testing.T)       { trialFilm(t, "en", 80, 24) }
func TestTrialFilmFrench(t *testing.T) { trialFilm(t, "fr", 80, 24) }
func TestTrialFilmWide(t *testing.T)   { trialFilm(t, "en", 120, 40) }

// A refusal by rights that are too young is tried again by itself, until it
// works or the admin has enough.
func TestYoungRightsAreTriedAgain(t *testing.T) {
	on(t, 80, 24, func(w *world) {
		ofOneSender(w, probes.OAuth)
		w.young = map[string]time.Time{checks.MadePermission: time.Now()}
		w.causes = tenantFound(time.Now()).Findings[:1]
		w.trials = []probes.Trial{refusedTrial(), refusedTrial(), sentTrial(), refusedTrial()}
	}, func(w *world, s *stage) {
		s.press("t", "enter")
		s.pass(time.Second)
		s.sees("Not yet. The right on the mailbox was made just now", "Next try at 00:01", "stop waiting")
		s.shoot("not yet")
		s.press("1")
		s.sees("Remove the service principal")
		s.press("esc", "q")
		s.sees("Something is still running")
		s.press("esc")
		wait := func(d time.Duration) {
			for range d / time.Second {
				time.Sleep(time.Second)
				s.settle()
			}
		}
		wait(time.Minute)
		s.pass(time.Second)
		s.sees("Next try at 00:02")
		if len(w.tries) != 2 {
			t.Errorf("tried %d times after a minute", len(w.tries))
		}
		s.press("enter") // now
		s.pass(8 * time.Second)
		s.sees("It arrived.")
		s.press("a")
		s.pass(time.Second)
		s.press("n")
		s.missing("Next try")
		before := len(w.tries)
		wait(15 * time.Minute)
		if len(w.tries) != before {
			t.Error("it tried again although it was not to wait")
		}
		s.golden()
	})
}

// compareFilm is every route side by side.
func compareFilm(t *testing.T, lang string, width, height int) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, lang)
		ofOneSender(w, probes.OAuth)
		sent, refused := sentTrial(), refusedTrial()
		w.compared = []CompareEvent{
			{Route: probes.OAuth, Step: &probes.Step{Step: probes.StepAUTH}},
			{Route: probes.OAuth, Trial: &sent},
			{Route: probes.OAuth, Receipt: &probes.Receipt{Found: true, Mailbox: "anna@contoso.example", Folder: "Inbox", AfterMS: 4210, Received: time.Now(), AuthAs: "Internal"}},
			{Route: probes.HVE, Err: &probes.Fault{Op: "send", Code: "no_app"}},
			{Route: probes.Connector, Trial: &refused},
			{Route: probes.Direct, Step: &probes.Step{Step: probes.StepConnect}},
			{Route: probes.Direct, Trial: &sent},
			{Route: probes.Direct, Receipt: &probes.Receipt{Mailbox: "anna@contoso.example", Waited: 60000}},
		}
		s := newStage(t, w.options(), width, height)
		s.press("o", "v")
		s.shoot("before")
		s.press("enter")
		s.pass(650 * time.Millisecond)
		s.shoot("under way")
		s.pass(time.Second)
		s.shoot("side by side")
		s.press("down", "down")
		s.shoot("the refused one")
		s.press("enter")
		s.shoot("in full")
		s.press("esc", "c")
		if len(s.clips) != 1 {
			t.Errorf("copied %q", s.clips)
		}
		s.press("a")
		s.pass(250 * time.Millisecond)
		s.press("esc")
		s.pass(250 * time.Millisecond)
		s.shoot("stopped")
		s.end()
		s.golden()
	})
}

func TestCompareFilm(t *testing.T)       { compareFilm(t, "en", 80, 24) }
func TestCompareFilmFrench(t *testing.T) { compareFilm(t, "fr", 80, 24) }
func TestCompareFilmWide(t *testing.T)   { compareFilm(t, "en", 120, 40) }

// What Graph, a server or a read-back says never reaches the terminal as it is.
func TestHostileAnswersAreHarmless(t *testing.T) {
	for _, width := range []int{80, 140} {
		on(t, width, 24, func(w *world) {
			ofOneSender(w, probes.OAuth)
			change := probes.Change{ID: hostile, At: time.Now(), By: hostile, Actor: hostile, Step: hostile, Method: hostile, URL: hostile, Body: hostile, Shell: hostile, Object: hostile, Outcome: hostile, RequestID: hostile}
			w.log, w.made = []probes.Change{change}, []probes.Change{change}
			w.tenant = TenantState{Read: time.Now(), Findings: []checks.Finding{{Check: "mechanism", Status: checks.Fail, Args: map[string]string{"mechanisms": hostile}}}}
			step := probes.SetupStep{Step: hostile, Outcome: probes.SetupFailed, Name: hostile, ID: hostile, Fault: "signin_refused", Args: map[string]string{"description": hostile}}
			w.setups = [][]SetupEvent{{{SignIn: &SignIn{Way: "device_code", URL: hostile, Code: hostile}}, {Step: &step}}}
			w.answers = [][]ReadBackLine{{{ID: hostile, Got: hostile, Want: hostile}, {ID: hostile, Read: true, Why: hostile}}}
			w.missing = []string{hostile}
			trial := refusedTrial()
			trial.Server, trial.Mechanism, trial.Account, trial.Quirks = hostile, hostile, hostile, []string{hostile}
			trial.TLS = &probes.TrialTLS{Version: hostile, Suite: hostile, Client: hostile, Chain: []probes.Certificate{{Subject: hostile, Issuer: hostile, Names: []string{hostile}, SHA256: hostile}}}
			trial.Message, trial.Changes = "x", []probes.MessageChange{{What: hostile, From: hostile, To: hostile, Why: hostile}}
			trial.Dials = []probes.Dial{{Addr: hostile, Outcome: probes.DialRefused}}
			w.trials = []probes.Trial{trial}
			w.compared = []CompareEvent{{Route: probes.Route("oauth"), Trial: &trial}}
		}, func(_ *world, s *stage) {
			for _, way := range [][]string{
				{"m"},
				{"m", "e"},
				{"m", "l"},
				{"m", "l", "enter"},
				{"m", "l", "u"},
				{"m", "s", "enter"},
				{"m", "s", "enter", "e"},
				{"r", "enter", "enter", "enter", "enter", "enter"},
			} {
				s.press(way...)
				for range 8 {
					s.pass(time.Second)
					checkSafe(t, s, way)
				}
				s.press("esc", "esc", "esc", "esc", "esc")
			}
			s.press("o", "v", "enter")
			s.pass(time.Second)
			checkSafe(t, s, []string{"compare"})
			s.press("esc", "t", "enter")
			for _, k := range []string{"d", "esc", "r", "esc", "x"} {
				s.pass(time.Second)
				checkSafe(t, s, []string{"trial", k})
				s.press(k)
			}
			if name := s.app().top().name(); name != "trial" {
				t.Errorf("the test ended on %s", name)
			}
		})
	}
}

func checkSafe(t *testing.T, s *stage, way []string) {
	t.Helper()
	if bad := unsafe(s.m.View().Content); bad != "" {
		t.Fatalf("after %v the screen holds %q", way, bad)
	}
}

// A message over the connector that arrived inside may have come by Direct
// Send: only a connector that the trace names proves that it reaches outside.
func TestAComparisonDoesNotTakeDirectSendForTheConnector(t *testing.T) {
	for named, outside := range map[string]string{"": "not known", "Office": "yes"} {
		on(t, 80, 24, func(w *world) {
			ofOneSender(w, probes.Connector)
			trial := probes.Trial{ID: "t", Route: probes.Connector, Outcome: probes.TrialSent}
			receipt := probes.Receipt{Found: true, AfterMS: 900, Folder: "Inbox", Connector: named}
			w.compared = []CompareEvent{{Route: probes.Connector, Trial: &trial}, {Route: probes.Connector, Receipt: &receipt}}
		}, func(_ *world, s *stage) {
			s.press("o", "v", "enter")
			s.pass(time.Second)
			s.sees("connector", "works", outside)
		})
	}
}
