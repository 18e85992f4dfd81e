package cli

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

const outsider = "it@contoso.example"

func outside(t *testing.T, w *Work, mailbox string) Outside {
	t.Helper()
	o, err := w.ProveOutside(t.Context(), mailbox, func(probes.Step) {})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func sendAsCopier(t *testing.T, w *Work) {
	t.Helper()
	trial, err := w.Try(t.Context(), Try{Sender: "copier"}, func(probes.Step) {})
	if err != nil || trial.Outcome != probes.TrialSent {
		t.Fatalf("as the copier: %s, %v", trial.Outcome, err)
	}
}

// roleOnLab sets the lab's app up by App RBAC.
func roleOnLab(t *testing.T, w *Work) {
	t.Helper()
	_, err := w.Folder.Change(t.Context(), func(m *wizard.Migration) error {
		m.App.Group, m.App.Outside = w.Lab.Group(), outsider
		return m.ChooseRights(wizard.RoleRights)
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, w, ScriptRef{Sender: "copier"})
}

// With App RBAC the mailbox outside the scope is refused. Sent as one inside
// and refused as one outside is the whole proof, and the tenant's state shows it.
func TestAppRBACIsRefusedAsTheMailboxOutside(t *testing.T) {
	w := openLab(t, scanner())
	roleOnLab(t, w)
	early := outside(t, w, "")
	if early.Young == nil || early.Finding.Status != checks.Skip || w.Folder.Migration().App.Negative != nil {
		t.Errorf("before anything was taken: %+v, young %v", early.Finding, early.Young)
	}
	if said := strings.Join(w.OutsideWords(early), "\n"); !strings.Contains(said, "try again at "+early.Young.Next.Local().Format("15:04")) {
		t.Errorf("it says %q", said)
	}
	sendAsCopier(t, w)
	o := outside(t, w, "")
	if o.Finding.Status != checks.Pass || o.Alone || o.Trial.From != outsider || !slices.Equal(o.Trial.To, []string{outsider}) {
		t.Errorf("%+v, sent as %s to %v", o.Finding, o.Trial.From, o.Trial.To)
	}
	if m := w.Folder.Migration(); !m.App.NegativeProved() || m.App.Negative.Trial != o.Trial.ID {
		t.Errorf("remembered is %+v", m.App.Negative)
	}
	if got := found(t, w, checks.Pass); !slices.Contains(got, "tenant-rights-outside") {
		t.Errorf("the tenant's state has %v", got)
	}
}

// With rights on each mailbox one without FullAccess is refused as well.
func TestMailboxRightsAreRefusedAsAnotherMailbox(t *testing.T) {
	w := openLab(t, scanner())
	run(t, w, ScriptRef{Sender: "copier"})
	sendAsCopier(t, w)
	if o := outside(t, w, outsider); o.Finding.Status != checks.Pass {
		t.Errorf("%+v", o.Finding)
	}
	if got := found(t, w, checks.Pass); !slices.Contains(got, "tenant-rights-outside") {
		t.Errorf("the tenant's state has %v", got)
	}
}

// A mailbox that should be outside and is not: the message is taken and stays
// in that very mailbox. It is wrong only when the rights had their time.
func TestMessageAsTheMailboxOutsideIsTaken(t *testing.T) {
	w := openWork(t, t.TempDir()+"/m")
	begin, ahead := time.Now(), atomic.Int64{}
	w.Now = func() time.Time { return begin.Add(time.Duration(ahead.Load())) }
	if err := w.begin(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	wide := scanner()
	wide.ID, wide.Account = "copier", outsider
	_, err := w.Folder.Change(t.Context(), func(m *wizard.Migration) error {
		m.Senders = []wizard.Sender{wide}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ProveOutside(t.Context(), "IT@contoso.example", func(probes.Step) {}); !isFault(err, "outside_is_inside") {
		t.Errorf("as a sender's own mailbox: %v", err)
	}
	run(t, w, ScriptRef{Sender: "copier"})
	_, err = w.Folder.Change(t.Context(), func(m *wizard.Migration) error {
		m.Senders = nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ahead.Store(int64(time.Minute))
	o := outside(t, w, outsider)
	if o.Trial.Outcome != probes.TrialSent || o.Young == nil || w.Folder.Migration().App.Negative != nil {
		t.Errorf("too early: %s, %+v, young %v", o.Trial.Outcome, o.Finding, o.Young)
	}
	ahead.Store(int64(3 * time.Hour))
	o = outside(t, w, outsider)
	if o.Finding.Status != checks.Fail || !slices.Equal(o.Trial.To, []string{outsider}) {
		t.Errorf("%+v, sent to %v", o.Finding, o.Trial.To)
	}
	if said := strings.Join(w.OutsideWords(o), "\n"); !strings.Contains(said, "perhaps as everybody") || !strings.Contains(said, "mailbox-rights-remove --mailbox "+outsider) {
		t.Errorf("it says %q", said)
	}
	if got := found(t, w, checks.Fail); !slices.Contains(got, "tenant-rights-outside") {
		t.Errorf("the tenant's state fails in %v", got)
	}
}

// What does not get as far as the app's rights proves nothing.
func TestNothingIsProvedWithoutAnAnswerAboutRights(t *testing.T) {
	w := openLab(t, scanner())
	if _, err := w.ProveOutside(t.Context(), "", func(probes.Step) {}); !isFault(err, "no_outside") {
		t.Errorf("without a mailbox: %v", err)
	}
	o := Outside{Trial: probes.Trial{From: outsider, Route: probes.OAuth, Outcome: probes.TrialFailed}}
	o.Finding, o.Young = checks.ProveOutside(o.Trial, checks.TenantFacts{})
	if said := w.OutsideWords(o); len(said) != 1 || !strings.Contains(said[0], "Nothing is proved") {
		t.Errorf("it says %q", said)
	}
}

// A token for Graph says nothing of the rights in Exchange.
func TestTokenForGraphIsNotTheTenantsToken(t *testing.T) {
	at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	claims := &probes.Claims{Audience: "https://graph.microsoft.com", Roles: []string{"Mail.Send"}}
	for route, want := range map[probes.Route]bool{probes.Graph: false, probes.OAuth: true} {
		var f checks.TenantFacts
		learnFromTrial(&f, probes.Trial{Route: route, Started: at, Claims: claims}, nil)
		if got := f.Token != nil; got != want {
			t.Errorf("from a test send over %s the token is taken: %t", route, got)
		}
	}
}
