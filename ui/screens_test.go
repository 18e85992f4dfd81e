package ui

import (
	"context"
	"errors"
	"image/color"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"offbasic/probes"
	"offbasic/wizard"
)

// on runs a test on a stage with some senders.
func on(t *testing.T, width, height int, prepare func(*world), act func(*world, *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "en")
		if prepare != nil {
			prepare(w)
		}
		s := newStage(t, w.options(), width, height)
		act(w, s)
		s.end()
	})
}

// fleet is senders in every state.
func fleet(w *world) {
	now := time.Now()
	seen := wizard.Seen{Sessions: 3, First: now, Last: now, Mechanism: "LOGIN", TLS: "TLS 1.2"}
	sent := func(route probes.Route, o probes.TrialOutcome, reply string, at time.Time) *wizard.Attempt {
		return &wizard.Attempt{Trial: "t", Route: route, At: now, Outcome: o, Reply: reply, Received: at}
	}
	w.mig.Tenant = wizard.Tenant{Domain: "contoso.example", Domains: []string{"contoso.example"}}
	w.log, w.made, w.tenant = tenantLog(now), tenantLog(now)[:2], tenantFound(now)
	w.mig.Senders = []wizard.Sender{
		{ID: "a", Name: "Konica C258, 2nd floor", Peers: []string{"192.0.2.61"}},
		{ID: "b", Name: "Ricoh IM C3000, accounts", Account: "scan@contoso.example", Seen: seen, Route: probes.OAuth, SetUp: now, Last: sent(probes.OAuth, probes.TrialSent, "", now.Add(-48*time.Hour))},
		{ID: "c", Name: "Sage ERP", Account: "erp@contoso.example", Seen: seen, Route: probes.Connector, SetUp: now},
		{ID: "d", Name: "NAS backup", Account: "nas@contoso.example", Seen: wizard.Seen{Sessions: 1, TLS: "TLS 1.3"}, Route: probes.Direct, Last: sent(probes.Direct, probes.TrialRefused, "550 5.7.68", time.Time{})},
		{ID: "e", Name: "Imprimante de l’accueil, bâtiment B, au fond du couloir à gauche", Seen: seen, Route: probes.OAuth},
		{ID: "f", Name: "Camera", Seen: seen, Route: probes.OAuth, Last: sent(probes.OAuth, probes.TrialSent, "", time.Time{})},
	}
}

// What a report says of a sender is not "nothing", though it was never captured.
func TestHomeSaysWhatAReportSaidOfASender(t *testing.T) {
	on(t, 80, 24, func(w *world) {
		w.mig.Senders = []wizard.Sender{
			{ID: "a", Name: "Copier", Sources: []wizard.Source{{Kind: probes.FromReport, Protocol: "basic"}}},
			{ID: "b", Name: "Old list", Sources: []wizard.Source{{Kind: probes.FromReport, Protocol: "basic", Shared: 2}}},
		}
	}, func(_ *world, s *stage) {
		s.sees("report: Basic", "“Copier” signs in with a password, as a report says", "never captured")
		s.press("down")
		s.sees("nothing is known yet of how “Old list” signs in")
	})
}

// A filter that lets no sender through leaves the next step of all of them.
func TestHomeNamesTheNextSenderWhateverTheFilterShows(t *testing.T) {
	on(t, 80, 24, fleet, func(_ *world, s *stage) {
		s.press("/")
		s.write("zzz")
		s.sees("the test message of “Camera” was sent")
	})
}

func TestHomeShowsEveryState(t *testing.T) {
	for _, size := range []struct {
		name          string
		width, height int
	}{{"80x24", 80, 24}, {"120x40", 120, 40}, {"60x16", 60, 16}} {
		t.Run(size.name, func(t *testing.T) {
			on(t, size.width, size.height, fleet, func(_ *world, s *stage) {
				s.shoot("the next step")
				s.press("home")
				s.shoot("the first sender")
				s.press("/")
				s.write("oauth ric")
				s.shoot("filtered")
				s.press("enter")
				s.shoot("the filter is kept")
				s.golden()
			})
		})
	}
}

// Whatever the state of a screen, the keys at its foot do something, and the
// other letters do nothing.
func TestKeysShownAreKeysThatWork(t *testing.T) {
	ways := map[string][]string{
		"home": nil, "capture": {"c"}, "sender": {"o"}, "trial": {"t"}, "help": {"?"}, "filter": {"/"},
		"tenant": {"m"}, "findings": {"m", "e"}, "scripts": {"m", "s"}, "script": {"m", "s", "enter"}, "log": {"m", "l"},
		"change": {"m", "l", "enter"}, "undo": {"m", "l", "u"}, "compare": {"o", "v"},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			on(t, 80, 24, fleet, func(_ *world, s *stage) {
				s.press(way...)
				s.pass(100 * time.Millisecond)
				s.frame()
				for _, act := range s.app().actions() {
					if act.do == nil {
						t.Errorf("%q is listed and does nothing", act.Help().Key)
					}
					if act.Help().Desc == "" || act.Help().Key == "" {
						t.Errorf("an action has no words: %v", act.Keys())
					}
				}
				if s.app().typing() {
					return
				}
				before := s.frame()
				for k := range strings.SplitSeq("abcdefghijklmnoprstuvwxyzABCDEFHIJKLMNOPQRSTUVWXYZ0123456789", "") {
					if !bound(s.app(), keyPress(k)) {
						s.press(k)
					}
				}
				if after := s.frame(); after != before {
					t.Errorf("a key that is not shown changed the screen:\n%s\nit was:\n%s", after, before)
				}
			})
		})
	}
}

func bound(a App, msg tea.KeyPressMsg) bool {
	for _, act := range a.actions() {
		if key.Matches(msg, act.Binding) {
			return true
		}
	}
	return false
}

// No two actions of one screen want the same key.
func TestNoKeyHasTwoMeanings(t *testing.T) {
	for _, way := range [][]string{nil, {"c"}, {"o"}, {"t"}, {"?"}, {"/"}, {"m"}, {"m", "e"}, {"m", "s"}, {"m", "s", "enter"}, {"m", "l"}, {"m", "l", "u"}, {"o", "v"}} {
		on(t, 80, 24, fleet, func(_ *world, s *stage) {
			s.press(way...)
			s.pass(100 * time.Millisecond)
			seen := map[string]string{}
			for _, act := range s.app().actions() {
				for _, k := range act.Keys() {
					if other, taken := seen[k]; taken {
						t.Errorf("after %v: %q is both %q and %q", way, k, other, act.Help().Desc)
					}
					seen[k] = act.Help().Desc
				}
			}
		})
	}
}

func TestResizingLosesNothing(t *testing.T) {
	on(t, 80, 24, fleet, func(_ *world, s *stage) {
		s.press("home", "down", "down", "o")
		before := s.frame()
		for _, size := range [][2]int{{30, 8}, {200, 60}, {60, 16}, {1, 1}, {119, 17}, {80, 24}} {
			s.w, s.h = size[0], size[1]
			s.send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			s.frame()
		}
		if after := s.frame(); after != before {
			t.Errorf("the screen changed:\n%s\nit was:\n%s", after, before)
		}
	})
}

func TestSmallWindowSaysWhatItNeeds(t *testing.T) {
	on(t, 59, 16, fleet, func(_ *world, s *stage) {
		s.sees("59 columns and 16 lines", "needs 60", "by 16")
		s.press("c")
		s.w = 60
		s.send(tea.WindowSizeMsg{Width: 60, Height: 16})
		s.sees("6 senders") // the key did nothing that could not be seen
	})
}

// What a device sends never reaches the terminal as it is.
func TestHostileTextIsHarmless(t *testing.T) {
	c := copier
	c.Hello, c.MailFrom, c.RcptTo, c.Quirks = hostile, hostile, []string{hostile}, []string{hostile}
	c.Auth = []probes.Auth{{Mechanism: hostile, Account: hostile, Outcome: probes.AuthAccepted, Reply: hostile}}
	c.TLS = probes.TLS{Mode: probes.StartTLS, Version: hostile, SNI: hostile, Error: hostile, ClientVersions: []string{hostile}}
	c.Message = &probes.Message{Subject: hostile, Mailer: hostile, MessageID: hostile, File: hostile}
	c.Protocol, c.Policy, c.Listener, c.End = "", hostile, hostile, probes.End(hostile)
	c.Transcript = []probes.Line{{From: probes.Client, Text: hostile}}
	for _, width := range []int{80, 140} {
		on(t, width, 24, func(w *world) { w.mig.Tenant.Domain = hostile }, func(w *world, s *stage) {
			s.press("c")
			s.pass(100 * time.Millisecond)
			w.knock(at(c, "s1"))
			s.pass(2 * time.Second)
			for _, k := range []string{"", "enter", "pgdown", "enter", "e", "pgdown", "esc", "enter", "t", "esc", "esc", "esc", "esc"} {
				if k != "" {
					s.press(k)
				}
				s.pass(100 * time.Millisecond)
				s.frame()
				if bad := unsafe(s.m.View().Content); bad != "" {
					t.Fatalf("after %q the screen holds %q", k, bad)
				}
			}
		})
	}
}

// unsafe is the first thing in a frame that only an attacker writes: any
// escape but colours, any other control character, bidirectional overrides.
func unsafe(frame string) string {
	for _, bad := range []string{"\x1b]", "\x1b[2J", "\x9b", "\x07", "\u202e", "\r"} {
		if strings.Contains(frame, bad) {
			return bad
		}
	}
	if rest := strings.ReplaceAll(ansi.Strip(frame), "\n", ""); strings.ContainsFunc(rest, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return rest
	}
	return ""
}

func TestLeavingTheCaptureFreesThePorts(t *testing.T) {
	on(t, 80, 24, nil, func(w *world, s *stage) {
		s.press("c")
		s.pass(100 * time.Millisecond)
		if w.captures != 1 {
			t.Fatalf("%d captures run, want 1", w.captures)
		}
		s.press("esc")
		s.pass(100 * time.Millisecond)
		if w.captures != 0 {
			t.Errorf("%d captures run after leaving, want none", w.captures)
		}
		if name := s.app().top().name(); name != "home" {
			t.Errorf("the screen is %s, want home", name)
		}
	})
}

func TestPolicyIsChangedWithOneCaptureAtATime(t *testing.T) {
	on(t, 80, 24, nil, func(w *world, s *stage) {
		s.press("c")
		s.pass(100 * time.Millisecond)
		s.press("p")
		s.pass(100 * time.Millisecond)
		s.press("p")
		s.pass(100 * time.Millisecond)
		if got := strings.Join(w.policies, " "); got != "exchange retired relay" {
			t.Errorf("policies %q, want exchange retired relay", got)
		}
		if w.captures != 1 {
			t.Errorf("%d captures run, want 1", w.captures)
		}
	})
}

func TestFixIsCopied(t *testing.T) {
	on(t, 80, 24, nil, func(_ *world, s *stage) {
		s.press("c")
		s.pass(100 * time.Millisecond)
		s.press("f", "f")
		if len(s.clips) != 1 || !strings.Contains(s.clips[0], "setcap") {
			t.Errorf("clipboard %q, want the command", s.clips)
		}
		s.sees("Sent to the clipboard")
	})
}

func TestQuitAsksOnlyWhileSomethingRuns(t *testing.T) {
	on(t, 80, 24, nil, func(_ *world, s *stage) {
		s.press("c")
		s.pass(100 * time.Millisecond)
		s.press("q")
		if s.quit {
			t.Fatal("q left while the capture was running")
		}
		s.sees("Something is still running")
		s.press("n", "esc")
		s.pass(100 * time.Millisecond)
		s.press("q")
		if !s.quit {
			t.Error("q did not leave although nothing runs")
		}
	})
}

func TestCtrlCAlwaysLeaves(t *testing.T) {
	for _, way := range [][]string{nil, {"c"}, {"a"}, {"r"}, {"/"}, {"?"}, {"t"}} {
		on(t, 80, 24, fleet, func(_ *world, s *stage) {
			s.press(way...)
			s.press("ctrl+c")
			if !s.quit {
				t.Errorf("ctrl+c after %v did not leave", way)
			}
		})
	}
}

func TestFormIsLeftAndTakenUpAgain(t *testing.T) {
	on(t, 80, 24, fleet, func(w *world, s *stage) {
		s.press("r", "down", "enter")
		s.write("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
		s.press("esc")
		s.sees("6 senders")
		s.press("r", "enter")
		s.sees("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
		w.failApp = &probes.Fault{Op: "keep the secret", Code: "keyring_memory"}
		s.press("enter", "enter", "enter") // the domains and the cloud are known already
		s.write("11111111-2222-3333-4444-555555555555")
		s.press("enter")
		s.write("66666666-7777-8888-9999-000000000000")
		s.press("enter", "enter")
		s.write("top~secret")
		s.missing("top~secret")
		s.press("enter")
		s.sees("App registration", "no keyring")
		w.failApp = nil
		s.press("enter", "enter", "enter", "enter", "enter", "enter", "enter")
		s.sees("The registration is saved")
		if w.secret != "top~secret" {
			t.Errorf("the secret arrived as %q", w.secret)
		}
		if s.app().draft.secret != "" {
			t.Error("the secret stays in memory after it was saved")
		}
		if w.app.ObjectID != "66666666-7777-8888-9999-000000000000" || w.mig.Tenant.Domain != "contoso.example" {
			t.Errorf("saved %+v for %+v", w.app, w.mig.Tenant)
		}
	})
}

func TestSendersAreAddedByHand(t *testing.T) {
	on(t, 80, 24, nil, func(w *world, s *stage) {
		s.press("a")
		s.write("Sage ERP")
		s.press("enter", "enter")
		s.write("not an address")
		s.press("enter")
		s.sees("This is not an IP address.")
		for range 14 {
			s.press("backspace")
		}
		s.write("192.0.2.9")
		s.press("enter")
		s.sees("1 sender added.", "Sage ERP")
		s.press("i")
		s.send(tea.PasteMsg{Content: "Camera\t192.0.2.10\n\"NAS\", nas@contoso.example\n\n"})
		s.shoot("a list is pasted")
		s.press("enter")
		s.sees("2 senders added.", "Camera", "NAS")
		if got := w.mig.Senders[0]; got.ID != "192.0.2.9" || got.Peers[0] != "192.0.2.9" {
			t.Errorf("added %+v", got)
		}
		if got := w.mig.Senders[2].Account; got != "nas@contoso.example" {
			t.Errorf("account %q", got)
		}
	})
}

func TestChangeThatFailsIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "en")
		fleet(w)
		opts := w.options()
		opts.Change = func(context.Context, func(*wizard.Migration) error) (wizard.Migration, error) {
			return wizard.Migration{}, &probes.Fault{Op: "write the state", Code: "folder_full", Args: map[string]string{"dir": "/m"}}
		}
		s := newStage(t, opts, 80, 24)
		s.press("home", "o")
		s.press("enter")
		s.sees("The disk that holds the folder /m is full", "Free some")
		if r := s.app().mig.Senders[0].Route; r != "" {
			t.Errorf("the screen shows the route %q, which is not on disk", r)
		}
		s.end()
	})
}

func TestTrialIsCancelled(t *testing.T) {
	on(t, 80, 24, func(w *world) { fleet(w); w.trials = []probes.Trial{refusedTrial(), sentTrial()} }, func(w *world, s *stage) {
		s.press("home", "down", "t", "enter")
		s.pass(100 * time.Millisecond)
		s.press("esc")
		s.pass(100 * time.Millisecond)
		s.sees("A short test message will go")
		s.press("w")
		for range 30 {
			s.press("backspace")
		}
		s.write("anna@contoso.example")
		s.press("enter")
		s.sees("anna@contoso.example")
		s.press("enter")
		s.pass(2 * time.Second)
		s.press("s")
		s.sees("It was not looked for until the end.")
		if to := w.tries[1].To; to != "anna@contoso.example" {
			t.Errorf("sent to %q", to)
		}
		if st := w.mig.Senders[1].Last; st == nil || st.Outcome != probes.TrialSent {
			t.Errorf("the trial is not in the migration: %+v", st)
		}
	})
}

func TestCaptureThatCannotRunSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "en")
		opts := w.options()
		opts.Capture = func(context.Context, string, func(probes.CaptureEvent)) error {
			return errors.New("every port is in use")
		}
		s := newStage(t, opts, 80, 24)
		s.press("c")
		s.sees("every port is in use", "not listening", "r try again")
		s.end()
	})
}

// Colours only repeat what a word or a sign says: without them, and on either
// background, the words are the same.
func TestColoursSayNothingAlone(t *testing.T) {
	on(t, 80, 24, fleet, func(_ *world, s *stage) {
		dark := s.m.View().Content
		s.send(tea.BackgroundColorMsg{Color: color.White})
		light := s.m.View().Content
		if dark == light {
			t.Error("a light background is drawn as a dark one")
		}
		if ansi.Strip(dark) != ansi.Strip(light) {
			t.Errorf("the words differ:\n%s\non dark:\n%s", ansi.Strip(light), ansi.Strip(dark))
		}
		if !strings.Contains(ansi.Strip(light), "> Camera") {
			t.Error("the selected row has no sign")
		}
	})
}

// What is not a sender is shown for what it is, and leads to no sender.
func TestWhatIsNoSenderIsShownAsWhatItIs(t *testing.T) {
	on(t, 80, 24, nil, func(w *world, s *stage) {
		s.press("c")
		s.pass(100 * time.Millisecond)
		w.knock(at(probes.Session{Peer: "192.0.2.99", Protocol: "http", End: probes.EndClosed}, "h1"))
		s.pass(2 * time.Second)
		s.sees("192.0.2.99", "HTTP")
		s.missing("its sender")
		if n := len(s.app().mig.Senders); n != 0 {
			t.Errorf("%d senders, want none", n)
		}
	})
}

// A reading of the migration that was overtaken by a change is dropped: what
// was chosen does not flicker back.
func TestOldReadingDoesNotUndoAChange(t *testing.T) {
	on(t, 80, 24, fleet, func(w *world, s *stage) {
		old := w.copy()
		a := s.app()
		a.reloading = a.runs.next()
		s.m = a
		run := a.reloading
		s.press("home", "o", "enter")
		if r := s.app().mig.Senders[0].Route; r == "" {
			t.Fatal("no route was chosen")
		}
		s.send(answerMsg[wizard.Migration]{run: run, value: old})
		if r := s.app().mig.Senders[0].Route; r == "" {
			t.Error("the older reading undid the choice")
		}
	})
}

// A form that was opened and a list that was filtered leave no dead end: esc
// leads back to the home screen from everywhere.
func TestEscLeadsHome(t *testing.T) {
	for _, way := range [][]string{{"c"}, {"o"}, {"o", "w"}, {"o", "n"}, {"o", "e"}, {"t"}, {"t", "w"}, {"t", "v"}, {"o", "v"}, {"r"}, {"m"}, {"m", "s"}, {"m", "s", "enter"}, {"m", "l"}, {"m", "l", "enter"}, {"a"}, {"i"}, {"/"}, {"?"}} {
		on(t, 80, 24, fleet, func(_ *world, s *stage) {
			s.press(way...)
			s.pass(100 * time.Millisecond)
			for range 4 {
				s.press("esc")
				s.pass(100 * time.Millisecond)
			}
			if name := s.app().top().name(); name != "home" || len(s.app().stack) != 1 {
				t.Errorf("after %v and esc the screen is %s", way, name)
			}
		})
	}
}

// A port on which POP3 is spoken says so and is not what to type for sending,
// and a session there shows the account.
func TestPOP3IsSaid(t *testing.T) {
	c := probes.Session{
		Peer: "192.0.2.61", Protocol: "pop3", Listener: "0.0.0.0:110", End: probes.EndQuit,
		Auth: []probes.Auth{{Mechanism: "USER", Account: "scan@contoso.example", Outcome: probes.AuthAccepted}},
	}
	on(t, 80, 24, func(w *world) { w.pop3 = true }, func(w *world, s *stage) {
		s.press("c")
		s.pass(200 * time.Millisecond)
		s.sees("110 POP3", "port 587")
		w.knock(at(c, "s1"))
		s.pass(time.Second)
		s.sees("POP3 scan@contoso.example")
		s.press("enter")
		s.sees("speaks POP3", "USER scan@contoso.example")
	})
}
