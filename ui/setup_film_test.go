package ui

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

// tenantLog is what was done to a tenant.
func tenantLog(at time.Time) []probes.Change {
	return []probes.Change{
		{
			ID: "c1", At: at, By: probes.ByGraph, Actor: "anna@contoso.example", Step: "application", Method: "POST",
			URL: "https://graph.microsoft.com/v1.0/applications", Body: `{"displayName":"SMTP devices","signInAudience":"AzureADMyOrg"}`,
			Shell:  "New-MgApplication -DisplayName 'SMTP devices' -SignInAudience AzureADMyOrg",
			Object: "/applications/77777777-7777-7777-7777-777777777777", Outcome: "done", RequestID: "0d7f7d0a-1111-2222-3333-444444444444",
		},
		{
			ID: "c2", At: at.Add(2 * time.Second), By: probes.ByGraph, Actor: "anna@contoso.example", Step: "service_principal", Method: "POST",
			URL: "https://graph.microsoft.com/v1.0/servicePrincipals", Body: `{"appId":"11111111-2222-3333-4444-555555555555"}`,
			Object: "/servicePrincipals/66666666-7777-8888-9999-000000000000", Outcome: "done",
		},
		{
			ID: "c3", At: at.Add(3 * time.Second), By: probes.ByGraph, Actor: "anna@contoso.example", Step: "consent", Method: "POST",
			URL: "https://graph.microsoft.com/v1.0/servicePrincipals/66666666-7777-8888-9999-000000000000/appRoleAssignments", Outcome: "403 Authorization_RequestDenied",
		},
	}
}

// tenantFound is a tenant with something of everything.
func tenantFound(at time.Time) TenantState {
	return TenantState{Read: at.Add(-3 * time.Hour), Findings: []checks.Finding{
		{Check: "tenant-principal-registration", Status: checks.Fail, Remedy: "tenant-principal-again", Script: "service-principal-remove", Args: map[string]string{
			"have": "77777777-7777-7777-7777-777777777777", "want": "66666666-7777-8888-9999-000000000000", "script": "service-principal-remove", "next": "service-principal",
		}},
		{Check: "tenant-clock", Status: checks.Skip},
	}}
}

// plannedSteps is a dry run, doneSteps the run in earnest.
func plannedSteps() []SetupEvent {
	step := func(id string, would probes.SetupOutcome, name string) SetupEvent {
		return SetupEvent{Step: &probes.SetupStep{Step: id, Outcome: probes.SetupSkipped, Would: would, Name: name, MS: 120}}
	}
	return []SetupEvent{
		{SignIn: &SignIn{Way: "browser", URL: "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize?client_id=14d82eec-204b-4c2f-b7e8-296a70dab67e", Expires: time.Now().Add(5 * time.Minute)}},
		step("application", probes.SetupCreated, "SMTP devices"),
		step("service_principal", probes.SetupCreated, "SMTP devices"),
		step("role", probes.SetupFound, "SMTP.SendAsApp"),
		step("consent", probes.SetupGranted, ""),
	}
}

func doneSteps() []SetupEvent {
	step := func(id string, o probes.SetupOutcome, name string, waited int64) SetupEvent {
		return SetupEvent{Step: &probes.SetupStep{Step: id, Outcome: o, Name: name, MS: 220 + float64(waited), Waited: waited}}
	}
	return []SetupEvent{
		step("application", probes.SetupFound, "SMTP devices", 0),
		step("service_principal", probes.SetupCreated, "SMTP devices", 4200),
		step("role", probes.SetupFound, "SMTP.SendAsApp", 0),
		step("consent", probes.SetupGranted, "", 0),
	}
}

// setupFilm is a registration by Graph: the choices, the dry run, a blocked
// browser, a failure, the safe retry, what was made, the log, the undo.
func setupFilm(t *testing.T, lang string, width, height int) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, lang)
		fleet(w)
		w.mig.App = nil
		blocked := &probes.Fault{Op: "sign in", Code: "signin_refused", Args: map[string]string{"description": "AADSTS50105: the account is not assigned to a role for the application."}}
		device := SetupEvent{SignIn: &SignIn{
			Way: "device_code", URL: "https://microsoft.com/devicelogin", Code: "C7GDKBV9X", Expires: time.Now().Add(15 * time.Minute), Before: blocked,
		}}
		w.setups = [][]SetupEvent{plannedSteps(), append([]SetupEvent{device}, doneSteps()[:1]...), doneSteps()}
		w.failures = []error{nil, &probes.Fault{Op: "make the service principal", Code: "no_secret", Args: map[string]string{"client": "x"}}, nil}
		s := newStage(t, w.options(), width, height)
		s.press("r", "enter")
		s.shoot("which rights")
		s.press("enter")
		s.shoot("which credential")
		s.press("enter")
		s.shoot("tenant and name")
		s.press("enter", "enter")
		s.shoot("which cloud")
		s.press("down", "enter")
		s.pass(300 * time.Millisecond)
		s.shoot("dry run, signing in by the browser")
		s.pass(7 * time.Second)
		s.shoot("what would be done")
		s.press("enter")
		s.pass(300 * time.Millisecond)
		s.shoot("signing in with a code")
		s.press("c")
		s.shoot("the code is copied")
		s.pass(7 * time.Second)
		s.shoot("it failed halfway")
		s.press("enter")
		s.pass(500 * time.Millisecond)
		s.shoot("tried again, in progress")
		s.pass(2 * time.Second)
		s.shoot("done")
		s.press("l")
		s.shoot("the log")
		s.press("up", "up", "enter")
		s.shoot("one entry")
		s.press("s")
		s.shoot("saved")
		s.press("esc", "u")
		s.shoot("what can be removed")
		s.press("down", "x", "enter")
		s.shoot("really")
		s.press("y")
		s.pass(2 * time.Second)
		s.shoot("removed")
		if len(w.requests) != 3 || !w.requests[0].DryRun || w.requests[1].DryRun || w.requests[1].Credential != wizard.Certificate || w.requests[1].Cloud != "gcc-high" {
			t.Errorf("asked for %+v", w.requests)
		}
		if len(w.undone) != 1 || w.undone[0] != "c1" {
			t.Errorf("removed %v, and the second was to stay", w.undone)
		}
		s.end()
		s.golden()
	})
}

func TestSetupFilm(t *testing.T)       { setupFilm(t, "en", 80, 24) }
func TestSetupFilmFrench(t *testing.T) { setupFilm(t, "fr", 80, 24) }
func TestSetupFilmWide(t *testing.T)   { setupFilm(t, "en", 120, 40) }

// scriptFilm is a connector's way: the tenant's state, the list of scripts, the
// values, the file, the run in a shell, an answer from another machine.
func scriptFilm(t *testing.T, lang string, width, height int) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, lang)
		fleet(w)
		w.mig.Senders = w.mig.Senders[2:3]
		w.mig.Senders[0].SetUp = time.Time{}
		w.missing = []string{"address"}
		o := w.options()
		o.Shell = "pwsh"
		o.RunScript = func(_ context.Context, r ScriptRef, _ Terminal) error { w.ran = append(w.ran, r); return nil }
		o.exec = func(c tea.ExecCommand, done tea.ExecCallback) tea.Cmd {
			return func() tea.Msg { return done(c.Run()) }
		}
		s := newStage(t, o, width, height)
		s.shoot("home")
		s.press("m")
		s.shoot("the tenant")
		s.press("e")
		s.shoot("everything of the tenant")
		s.press("esc", "enter")
		s.shoot("the script that mends it")
		s.press("esc", "s")
		s.shoot("all scripts")
		s.press("/")
		s.write("connector")
		s.shoot("filtered")
		s.press("enter", "esc", "esc", "esc")
		s.press("enter")
		s.shoot("a value is missing")
		s.press("enter")
		s.write("192.168.1.10")
		s.press("enter")
		s.shoot("a private address is none")
		for range len("192.168.1.10") {
			s.press("backspace")
		}
		s.write("203.0.113.10")
		w.missing = nil
		s.press("enter", "enter", "enter")
		s.shoot("the values are known")
		s.press("p")
		s.shoot("asked before it runs")
		w.answers = [][]ReadBackLine{answer(false)}
		s.press("y")
		s.shoot("run, and not all as it should be")
		s.press("e")
		s.shoot("the answer in full")
		s.press("esc", "i")
		s.shoot("an answer from another machine")
		s.press("esc")
		s.send(tea.PasteMsg{Content: "'/home/anna/C C258/10-connector-address.json' "})
		s.shoot("dropped on the window")
		if len(w.ran) != 1 || len(w.taken) != 1 || w.taken[0] != "/home/anna/C C258/10-connector-address.json" {
			t.Errorf("ran %v, took %q", w.ran, w.taken)
		}
		if got := w.mig.Senders[0].Told["address"]; len(got) != 1 || got[0] != "203.0.113.10" {
			t.Errorf("the address is remembered as %v", got)
		}
		s.end()
		s.golden()
	})
}

func TestScriptFilm(t *testing.T)       { scriptFilm(t, "en", 80, 24) }
func TestScriptFilmFrench(t *testing.T) { scriptFilm(t, "fr", 80, 24) }
func TestScriptFilmWide(t *testing.T)   { scriptFilm(t, "en", 120, 40) }

// Every screen of a set-up fits every window that is large enough, in both
// languages.
func TestSetupScreensFitEveryWindow(t *testing.T) {
	ways := [][]string{
		{"m"},
		{"m", "e"},
		{"m", "l"},
		{"m", "l", "enter"},
		{"m", "l", "u"},
		{"m", "l", "u", "enter"},
		{"m", "s"},
		{"m", "s", "enter"},
		{"m", "s", "enter", "v"},
		{"m", "s", "enter", "i"},
		{"r"},
		{"r", "enter"},
		{"r", "enter", "enter"},
		{"r", "enter", "enter", "enter"},
		{"r", "enter", "enter", "enter", "enter", "enter"},
		{"r", "enter", "enter", "enter", "enter", "enter", "enter"},
		{"t"},
		{"t", "v"},
		{"t", "enter"},
		{"t", "enter", "d"},
		{"t", "enter", "r"},
		{"o", "v"},
		{"o", "v", "enter"},
	}
	for _, window := range []struct {
		lang          string
		width, height int
	}{{"en", 60, 16}, {"fr", 80, 24}, {"en", 200, 60}} {
		synctest.Test(t, func(t *testing.T) {
			for _, way := range ways {
				w := newWorld(t, window.lang)
				ofOneSender(w, probes.OAuth)
				w.log, w.made, w.tenant = tenantLog(time.Now()), tenantLog(time.Now())[:2], tenantFound(time.Now())
				w.setups = [][]SetupEvent{plannedSteps(), doneSteps()}
				w.trials = []probes.Trial{refusedTrial()}
				trial := refusedTrial()
				w.compared = []CompareEvent{{Route: probes.OAuth, Trial: &trial}}
				s := newStage(t, w.options(), window.width, window.height)
				s.press(way...)
				s.pass(time.Second)
				s.frame()
				s.press("?")
				s.frame()
				s.end()
			}
		})
	}
}
