package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offbasic/assets"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// labAt opens the lab of a folder, as the next command does.
func labAt(t *testing.T, dir string) *Work {
	t.Helper()
	tr, err := text.Load(assets.Locales(), "en")
	if err != nil {
		t.Fatal(err)
	}
	c := &call{Program: Program{Now: time.Now, Env: func(string) string { return "" }}, tr: tr, folder: dir, lab: true}
	w, err := c.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// ended closes a work, as the end of a command does, and returns its app.
func ended(t *testing.T, w *Work) string {
	t.Helper()
	b, err := json.Marshal(w.Folder.Migration().App)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A registration in the lab is the same in the next command, with the same
// certificate or secret and the same end, and can sign in: one of its own, and
// the lab's own app that was taken up. A registration finds it complete.
func TestWhatIsRegisteredInTheLabIsThereInTheNextCommand(t *testing.T) {
	for name, r := range map[string]RegisterRequest{
		"certificate":   {},
		"secret":        {Credential: wizard.Secret},
		"the lab's own": {Name: "offbasic lab"},
	} {
		dir := t.TempDir() + "/m"
		w := labAt(t, dir)
		mustRegister(t, w, r)
		v := w.labValues(w.Folder.Migration().TenantValues())
		v.Mailbox = "scan@contoso.example"
		s, _ := wizard.ScriptNamed("service-principal", v)
		if _, err := w.run(t.Context(), job{ref: ScriptRef{Name: s.Name}, script: s, values: v}); err != nil {
			t.Fatal(name, err)
		}
		before := ended(t, w)
		for range 2 {
			w = labAt(t, dir)
			trial, err := w.Try(t.Context(), Try{Route: probes.OAuth}, func(probes.Step) {})
			if err != nil || trial.Outcome != probes.TrialSent {
				t.Errorf("%s: %v %+v", name, err, trial.Reply)
			}
			if w.Folder.Migration().Directory == nil {
				t.Errorf("%s: what Graph said is forgotten", name)
			}
			if after := ended(t, w); after != before {
				t.Errorf("%s: the app is %s, was %s", name, after, before)
			}
		}
		w = labAt(t, dir)
		if said := mustRegister(t, w, r); !strings.Contains(said, "credential found") {
			t.Errorf("%s: registered again\n%s", name, said)
		}
	}
}

// Without its file the lab is another tenant: what was said of the old one
// does not count for it.
func TestALabWithoutItsFileIsANewTenant(t *testing.T) {
	dir := t.TempDir() + "/m"
	w := labAt(t, dir)
	mustRegister(t, w, RegisterRequest{})
	was := w.Folder.Migration()
	ended(t, w)
	if err := os.Remove(filepath.Join(dir, labFile)); err != nil {
		t.Fatal(err)
	}
	now := labAt(t, dir).Folder.Migration()
	if now.Tenant.ID == was.Tenant.ID || now.App.ClientID == was.App.ClientID || now.Directory != nil || was.Directory == nil {
		t.Errorf("now %+v %+v, was %+v %+v", now.App, now.Directory, was.App, was.Directory)
	}
}
