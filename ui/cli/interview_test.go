package cli

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes/capture"
	"offbasic/wizard"
)

// clock is a clock that a test moves on.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// held is what came of an interview.
type held struct {
	asked   []string // "question policy"
	answers []string // "question answer"
	outcome wizard.Outcome
	presses int
}

// holdInterview interviews a device that sends whenever it is asked something,
// until the table is full. before is done before each press.
func holdInterview(t *testing.T, w *Work, o Interviewing, c copier, before func(press int, a wizard.Asking) (messageID string)) held {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	o.Peer = "127.0.0.1"
	o.Server = capture.Server{Listen: []string{"127.0.0.1:0"}, Limits: capture.Limits{Peek: -1}}
	var h held
	var addr string
	asked := make(chan wizard.Asking, 100)
	var presses sync.WaitGroup
	listening := make(chan string, 1)
	presses.Go(func() {
		addr = <-listening
		for a := range asked {
			h.presses++
			id := fmt.Sprint("m", h.presses)
			if before != nil {
				id = before(h.presses, a)
			}
			if id == "" {
				continue
			}
			if err := c.press(addr, id); err != nil {
				t.Error(err)
			}
		}
	})
	err := w.Interview(ctx, o, func(ev wizard.InterviewEvent) {
		switch {
		case ev.Listening != nil:
			listening <- ev.Listening.Addr
		case ev.Asking != nil:
			h.asked = append(h.asked, ev.Asking.Question.ID+" "+ev.Asking.Question.Policy)
			if len(h.asked) > 40 {
				t.Errorf("it is asked without end: %q", h.asked)
				stop()
				return
			}
			asked <- *ev.Asking
		case ev.Answer != nil:
			h.answers = append(h.answers, ev.Answer.Question.ID+" "+ev.Answer.Question.Answer)
		case ev.Outcome != nil:
			h.outcome = *ev.Outcome
		}
	})
	select {
	case listening <- "":
	default:
	}
	close(asked)
	presses.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if open := h.outcome.Open(); len(open) > 0 {
		t.Errorf("still open: %q; asked %q", open, h.asked)
	}
	return h
}

func (h held) table() []string {
	var out []string
	for _, q := range h.outcome.Table {
		out = append(out, q.ID+" "+q.Answer)
	}
	return out
}

func sameLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// A device of each habit is asked until its table is full, and the table says
// what its habits are.
func TestAnInterviewFindsOutTheHabitsOfADevice(t *testing.T) {
	for _, tt := range []struct {
		name  string
		c     copier
		asked []string
		table []string
	}{
		{
			"a password and nothing else",
			copier{tls: true, mechanisms: []string{"LOGIN"}},
			[]string{"signs-in exchange", "retired retired", "oauth oauth-only", "unauthenticated relay", "no-tls no-tls", "retries deferred", "retries everything"},
			[]string{
				"signs-in yes", "oauth no", "unauthenticated no", "retired no", "after-refusal gives-up", "no-tls yes", "certificate yes", "retries no",
			},
		},
		{
			"OAuth where it can",
			copier{tls: true, mechanisms: []string{"XOAUTH2"}},
			[]string{"signs-in exchange", "unauthenticated relay", "no-tls no-tls", "retries deferred", "retries everything"},
			[]string{
				"signs-in yes", "oauth yes", "unauthenticated no", "retired moot", "after-refusal moot", "no-tls no", "certificate yes", "retries no",
			},
		},
		{
			"sends unauthenticated after a refusal, as Exim does",
			copier{tls: true, mechanisms: []string{"LOGIN", "PLAIN"}, tryAll: true, anyway: true, open: true},
			[]string{"signs-in exchange", "retired retired", "oauth oauth-only", "no-tls no-tls", "retries deferred", "retries everything"},
			[]string{
				"signs-in yes", "oauth no", "unauthenticated yes", "retired yes", "after-refusal sends-anyway", "no-tls yes", "certificate yes", "retries no",
			},
		},
		{
			"refuses the certificate, and goes without TLS",
			copier{tls: true, verifies: true, mechanisms: []string{"LOGIN"}},
			[]string{"signs-in exchange", "no-tls no-tls", "retired retired+no-tls", "oauth oauth-only+no-tls", "unauthenticated relay+no-tls", "retries deferred+no-tls", "retries everything+no-tls"},
			[]string{
				"signs-in yes", "oauth no", "unauthenticated no", "retired no", "after-refusal gives-up", "no-tls yes", "certificate no", "retries no",
			},
		},
		{
			"refuses the certificate, and stops without TLS",
			copier{tls: true, onlyTLS: true, verifies: true, mechanisms: []string{"LOGIN"}},
			[]string{"signs-in exchange", "no-tls no-tls"},
			[]string{
				"signs-in blocked", "oauth blocked", "unauthenticated blocked", "retired blocked", "after-refusal blocked", "no-tls no", "certificate no", "retries blocked",
			},
		},
		{
			"never signs in and has no TLS",
			copier{},
			[]string{"signs-in exchange", "retired retired+no-tls", "retries deferred", "retries everything"},
			[]string{
				"signs-in no", "oauth moot", "unauthenticated yes", "retired moot", "after-refusal moot", "no-tls yes", "certificate moot", "retries no",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.c.account, tt.c.password = "scan@contoso.example", copierPassword
			now := &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
			dir := filepath.Join(t.TempDir(), "migration")
			w := openWorkAt(t, dir, now.Now)
			h := holdInterview(t, w, Interviewing{}, tt.c, func(press int, a wizard.Asking) string {
				now.pass(time.Duration(press) * time.Minute) // at nobody's pace
				if a.Waiting {
					now.pass(time.Hour)
					return ""
				}
				return fmt.Sprint("m", press)
			})
			sameLines(t, "asked", h.asked, tt.asked)
			sameLines(t, "table", h.table(), tt.table)
			noPasswordIn(t, dir, copierPassword)
		})
	}
}

// openWorkAt is openWork by another clock.
func openWorkAt(t *testing.T, dir string, now func() time.Time) *Work {
	t.Helper()
	w := openWork(t, dir)
	w.Now = now
	return w
}

// noPasswordIn fails when a file of the folder holds the password.
func noPasswordIn(t *testing.T, dir, password string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte(password))} {
			if strings.Contains(string(b), secret) {
				t.Errorf("%s holds the password", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A device that retries by itself answers without anybody pressing, and its
// wait is told.
func TestADeviceThatRetriesByItselfAnswersUnasked(t *testing.T) {
	now := &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	w := openWorkAt(t, filepath.Join(t.TempDir(), "migration"), now.Now)
	c := copier{account: "scan@contoso.example", password: copierPassword, tls: true, mechanisms: []string{"LOGIN"}}
	deferred := "" // the message that was put off
	h := holdInterview(t, w, Interviewing{}, c, func(press int, a wizard.Asking) string {
		now.pass(time.Duration(press) * time.Minute)
		if a.Waiting {
			now.pass(62*time.Second - time.Duration(press)*time.Minute)
			return deferred
		}
		deferred = fmt.Sprint("m", press)
		return deferred
	})
	i := slices.IndexFunc(h.outcome.Table, func(q checks.Question) bool { return q.ID == "retries" })
	if q := h.outcome.Table[i]; q.Answer != checks.Yes || q.Args["after"] != "62" {
		t.Errorf("retries: %s %v, want yes after 62", q.Answer, q.Args)
	}
}

// How a device signs in is asked after what decides between routes, and one
// attempt answers several questions.
func TestTheDialogueIsAskedAfterTheRest(t *testing.T) {
	now := &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	w := openWorkAt(t, filepath.Join(t.TempDir(), "migration"), now.Now)
	c := copier{account: "scan@contoso.example", password: copierPassword, tls: true, prompts: true, helo: true, tryAll: true, mechanisms: []string{"LOGIN", "PLAIN"}}
	h := holdInterview(t, w, Interviewing{Dialogue: true}, c, func(press int, a wizard.Asking) string {
		now.pass(time.Duration(press) * time.Minute)
		if a.Waiting {
			now.pass(time.Hour)
			return ""
		}
		return fmt.Sprint("m", press)
	})
	sameLines(t, "table", h.table(), []string{
		"signs-in yes", "oauth no", "unauthenticated no", "retired no", "after-refusal tries-others", "no-tls yes", "certificate yes", "retries no",
		"mech-login yes", "mech-plain yes", "mech-cram-md5 no", "mech-ntlm no", "mech-oauthbearer moot",
		"prompts-exchange yes", "prompts-plain no", "prompts-draft no", "prompts-words no",
		"account-inline no", "auth-after-helo yes", "fallback-504 tries-others", "fallback-535 tries-others",
	})
	if h.presses > 16 {
		t.Errorf("%d presses: %q", h.presses, h.asked)
	}
}

// What was left out is not asked on another day, and what was asked again is
// answered anew.
func TestAQuestionCanBeLeftOutOrAskedAgain(t *testing.T) {
	now := &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	w := openWorkAt(t, filepath.Join(t.TempDir(), "migration"), now.Now)
	c := copier{account: "scan@contoso.example", password: copierPassword, tls: true, mechanisms: []string{"LOGIN"}}
	orders := make(chan wizard.Order, 1)
	again := false
	h := holdInterview(t, w, Interviewing{Orders: orders}, c, func(press int, a wizard.Asking) string {
		now.pass(time.Duration(press) * time.Minute)
		switch {
		case a.Question.ID == "oauth" && !again:
			again = true
			orders <- wizard.Order{Again: true, Question: "retired"}
			return ""
		case a.Question.ID == "no-tls" || a.Question.ID == "retries":
			orders <- wizard.Order{}
			return ""
		}
		return fmt.Sprint("m", press)
	})
	sameLines(t, "left out", h.outcome.Skipped, []string{"no-tls", "retries"})
	asked := strings.Join(h.asked, ", ")
	if !strings.Contains(asked, "oauth oauth-only, retired retired, oauth oauth-only") {
		t.Errorf("asked %s", asked)
	}
	n := 0
	for _, a := range h.answers {
		if a == "retired no" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("retired was answered %d times: %q", n, h.answers)
	}
	again = true
	h = holdInterview(t, w, Interviewing{}, c, func(int, wizard.Asking) string { t.Error("asked once more"); return "" })
	if h.presses != 0 || len(h.outcome.Table) == 0 {
		t.Errorf("on another day: %d presses, %v", h.presses, h.table())
	}
}
