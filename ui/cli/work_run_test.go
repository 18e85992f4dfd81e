package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/lab"
	"offbasic/wizard"
)

func scanner() wizard.Sender {
	return wizard.Sender{Route: probes.OAuth, Account: "scan@contoso.example"}
}

// found are the checks of the tenant with a status.
func found(t *testing.T, w *Work, s checks.Status) []string {
	t.Helper()
	all, _, err := w.Tenant(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, f := range all {
		if f.Status == s {
			ids = append(ids, string(f.Check))
		}
	}
	return ids
}

func run(t *testing.T, w *Work, r ScriptRef) *ReadBackAnswer {
	t.Helper()
	a, err := w.RunIn(t.Context(), r, false, Terminal{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// The lab's tenant is set up by a script, read as a whole, and tried: from
// "nothing gives the app the right" to "one model of rights", all from the
// folder.
func TestTenantsStateAfterItsScriptsRan(t *testing.T) {
	w := openLab(t, scanner())
	run(t, w, ScriptRef{Name: "tenant-state"})
	if got := found(t, w, checks.Fail); !slices.Contains(got, "tenant-principal") {
		t.Errorf("before the set-up %v fails; want that Exchange does not know the app", got)
	}
	if a := run(t, w, ScriptRef{Sender: "copier"}); !checks.AllAsExpected(a.Compared) {
		t.Errorf("read back %+v", a.Compared)
	}
	trial, err := w.Try(t.Context(), Try{Sender: "copier"}, func(probes.Step) {})
	if err != nil || trial.Outcome != probes.TrialSent {
		t.Fatalf("the trial was %s, %v", trial.Outcome, err)
	}
	if got := found(t, w, checks.Fail); len(got) > 0 {
		t.Errorf("after the set-up %v fails", got)
	}
	if got := found(t, w, checks.Pass); !slices.Contains(got, "tenant-rights") || !slices.Contains(got, "tenant-token") {
		t.Errorf("after the set-up and a test send %v is well; want the rights and the token among it", got)
	}
	if m := w.Folder.Migration(); m.App.Rights != wizard.MailboxRights || !slices.Equal(m.Tenant.Domains, []string{"contoso.example"}) {
		t.Errorf("the migration remembers the model %q and the domains %v", m.App.Rights, m.Tenant.Domains)
	}
}

// Every run is in the command log: what it did, as commands that stand alone.
func TestRunsAreInTheCommandLog(t *testing.T) {
	w := openLab(t, scanner())
	run(t, w, ScriptRef{Sender: "copier"})
	if _, err := w.RunIn(t.Context(), ScriptRef{Name: "direct-send-reject"}, true, Terminal{}); err != nil {
		t.Fatal(err)
	}
	all, err := w.Changes(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("the log holds %d entries, %v; want the run alone, and not what was only tried out", len(all), err)
	}
	c, app := all[0], w.Lab.App()
	want := strings.Join([]string{
		"$principal = New-ServicePrincipal -AppId '" + app.ClientID + "' -ObjectId '" + app.ObjectID + "' -DisplayName '" + app.Name + "'",
		"Add-MailboxPermission -Identity 'scan@contoso.example' -User $principal.Identity -AccessRights 'FullAccess' -AutoMapping $false",
	}, "\n")
	if c.Outcome != probes.ChangeDone || c.By != probes.ByPowerShell || c.Tenant != w.Lab.Tenant().ID || c.Shell != want {
		t.Errorf("the log has %+v\nwant the commands\n%s", c, want)
	}
	// An answer that is read again is no second entry.
	if _, err := w.AnswerFor(t.Context(), ScriptRef{Sender: "copier"}); err != nil {
		t.Fatal(err)
	}
	if again, _ := w.Changes(t.Context()); len(again) != 1 {
		t.Errorf("after reading the answer again the log holds %d entries", len(again))
	}
}

// A right that was just made may be too new: the refusal is not called wrong,
// and the next try has a time. When the time is over, it works.
func TestARefusalOfNewRightsIsNotCalledWrong(t *testing.T) {
	w := openWork(t, t.TempDir()+"/m")
	begin, ahead := time.Now(), atomic.Int64{}
	w.Now = func() time.Time { return begin.Add(time.Duration(ahead.Load())) }
	w.faults = []string{"rights-cached"}
	if err := w.begin(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	_, err := w.Folder.Change(t.Context(), func(m *wizard.Migration) error {
		s := scanner()
		s.ID = "copier"
		m.Senders = []wizard.Sender{s}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, w, ScriptRef{Sender: "copier"})
	ahead.Store(int64(time.Minute))
	trial, err := w.Try(t.Context(), Try{Sender: "copier"}, func(probes.Step) {})
	if err != nil || trial.Outcome != probes.TrialRefused {
		t.Fatalf("the trial was %s, %v", trial.Outcome, err)
	}
	e := w.Explain(trial)
	if len(e.Causes) == 0 || !strings.HasPrefix(e.Causes[0], "Not yet: ") || !strings.Contains(e.Causes[0], "1 min ago") {
		t.Errorf("the first cause is %q", e.Causes)
	}
	for _, c := range e.Causes {
		if strings.Contains(c, "password") {
			t.Errorf("a token was refused, and %q is a cause", c)
		}
	}
	ahead.Store(int64(time.Minute + lab.CachedFor))
	if trial, err = w.Try(t.Context(), Try{Sender: "copier"}, func(probes.Step) {}); err != nil || trial.Outcome != probes.TrialSent {
		t.Errorf("when their time was over the trial was %s, %v", trial.Outcome, err)
	}
}

// An app has one model of rights: the script of the other is refused, a mix is
// named, and what takes it apart leaves one.
func TestAnAppHasOneModelOfRights(t *testing.T) {
	w := openLab(t, scanner())
	run(t, w, ScriptRef{Sender: "copier"})
	change := func(do func(*wizard.Migration) error) {
		t.Helper()
		if _, err := w.Folder.Change(t.Context(), do); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.RunIn(t.Context(), ScriptRef{Name: "app-rbac", Sender: "copier"}, false, Terminal{}); !isFault(err, "script_values") {
		t.Errorf("App RBAC without a group: %v", err)
	}
	change(func(m *wizard.Migration) error {
		m.App.Group, m.App.Outside = w.Lab.Group(), "it@contoso.example"
		return nil
	})
	if _, err := w.RunIn(t.Context(), ScriptRef{Name: "app-rbac", Sender: "copier"}, false, Terminal{}); !isFault(err, "rights_other_model") {
		t.Errorf("App RBAC beside rights on the mailbox: %v", err)
	}
	change(func(m *wizard.Migration) error { return m.ChooseRights(wizard.RoleRights) })
	if m := w.Folder.Migration(); m.Senders[0].State() != wizard.RouteChosen {
		t.Errorf("with another model chosen the sender is %s", m.Senders[0].State())
	}
	a := run(t, w, ScriptRef{Sender: "copier"})
	if checks.AllAsExpected(a.Compared) {
		t.Error("App RBAC is as it should be beside a right on the mailbox")
	}
	run(t, w, ScriptRef{Name: "mailbox-rights-remove", Sender: "copier"})
	if a := run(t, w, ScriptRef{Sender: "copier"}); !checks.AllAsExpected(a.Compared) {
		t.Errorf("after the right was removed: %+v", a.Compared)
	}
	if _, err := w.Try(t.Context(), Try{Sender: "copier"}, func(probes.Step) {}); err != nil {
		t.Fatal(err)
	}
	run(t, w, ScriptRef{Name: "tenant-state"})
	if got := found(t, w, checks.Fail); !slices.Equal(got, []string{"tenant-rights-claim"}) {
		t.Errorf("%v fails; want the API permission, which the lab's app has, alone", got)
	}
}

func isFault(err error, code probes.Code) bool {
	f, ok := errors.AsType[*probes.Fault](err)
	return ok && f.Code == code
}

// A sender's answer from another machine is that of its mailbox, and no other
// sender's.
func TestAnswerOfAnotherSendersMailboxIsRefused(t *testing.T) {
	w := openLab(t, scanner())
	run(t, w, ScriptRef{Sender: "copier"})
	b, err := os.ReadFile(filepath.Join(w.Folder.Dir(), "scripts", "01-service-principal-copier.json"))
	if err != nil {
		t.Fatal(err)
	}
	other := wizard.Sender{ID: "nas", Route: probes.OAuth, Account: "accounting@contoso.example"}
	_, err = w.Folder.Change(t.Context(), func(m *wizard.Migration) error {
		m.Senders = append(m.Senders, other)
		m.Senders[0].SetUp = time.Time{}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ImportAnswer(t.Context(), "a.json", b, "nas", nil); !isFault(err, "readback_other_mailbox") {
		t.Errorf("the copier's answer for the NAS: %v", err)
	}
	a, err := w.ImportAnswer(t.Context(), "a.json", b, "", nil)
	if err != nil || !checks.AllAsExpected(a.Compared) {
		t.Fatalf("the copier's answer: %+v, %v", a, err)
	}
	m := w.Folder.Migration()
	if m.Senders[0].SetUp.IsZero() || !m.Senders[1].SetUp.IsZero() {
		t.Errorf("the copier is set up at %s, the NAS at %s", m.Senders[0].SetUp, m.Senders[1].SetUp)
	}
}

// The command log is saved beside the migration, and nothing is overwritten.
func TestCommandLogIsSaved(t *testing.T) {
	w := openLab(t, scanner())
	run(t, w, ScriptRef{Sender: "copier"})
	first, err := w.SaveChanges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.SaveChanges(t.Context())
	if err != nil || first == second {
		t.Errorf("saved to %s and %s, %v", first, second, err)
	}
	b, err := os.ReadFile(first)
	if err != nil || !strings.Contains(string(b), "Add-MailboxPermission -Identity 'scan@contoso.example'") {
		t.Errorf("it holds %s, %v", b, err)
	}
	if info, err := os.Stat(first); err != nil || info.Mode().Perm()&fs.ModePerm&0o077 != 0 {
		t.Errorf("others may read it: %v", info.Mode())
	}
}
