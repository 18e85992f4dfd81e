package cli

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"offbasic/probes"
	"offbasic/probes/keyring"
	"offbasic/probes/lab"
	"offbasic/probes/signin"
	"offbasic/wizard"
)

const readApps = "https://graph.microsoft.com/Application.Read.All"

// labWork is a work on the lab in which something goes wrong.
func labWork(t *testing.T, faults ...string) *Work {
	t.Helper()
	w := openWork(t, t.TempDir())
	l, err := lab.Start(t.Context(), lab.Options{Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w.Lab = l
	if _, err := w.Folder.Change(t.Context(), func(m *wizard.Migration) error {
		m.Lab, m.Tenant = true, wizard.Tenant{ID: l.Tenant().ID, Domain: l.Tenant().Domain}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return w
}

// In the lab nobody is needed, and a run signs in once.
func TestLabSignsInByItself(t *testing.T) {
	for _, tt := range []struct {
		faults []string
		want   []signin.PromptKind
	}{
		{nil, []signin.PromptKind{signin.PromptBrowser}},
		{[]string{"signin-no-browser"}, []signin.PromptKind{signin.PromptBrowser, signin.PromptDeviceCode}},
	} {
		w := labWork(t, tt.faults...)
		var got []signin.PromptKind
		for range 2 {
			tok, err := w.user(func(p signin.Prompt) { got = append(got, p.Kind) }).Token(t.Context(), readApps)
			if err != nil || tok.Claims.User != w.Lab.Admin() {
				t.Fatalf("%v: %v %v", tt.faults, tok.Claims, err)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v: prompts %v, want %v", tt.faults, got, tt.want)
		}
	}
}

func TestLabRefusesAsTheTenantWould(t *testing.T) {
	w := labWork(t, "signin-no-browser", "signin-code-blocked")
	_, err := w.user(func(signin.Prompt) {}).Token(t.Context(), readApps)
	f, ok := errors.AsType[*probes.Fault](err)
	if !ok || f.Code != signin.ByHand || !strings.Contains(f.Args["cause"], "AADSTS53003") {
		t.Errorf("%v, want signin_by_hand for AADSTS53003", err)
	}
}

// What is known of a cloud by report only is said before anything is asked.
func TestUnconfirmedCloudIsNoted(t *testing.T) {
	w := openWork(t, t.TempDir())
	for cloud, want := range map[string]int{"": 0, "gcc-high": 1, "dod": 1, "21vianet": 1} {
		if _, err := w.Folder.Change(t.Context(), func(m *wizard.Migration) error { m.Tenant.Cloud = cloud; return nil }); err != nil {
			t.Fatal(err)
		}
		u := w.user(func(signin.Prompt) {})
		if len(u.Notes) != want || u.Authority != w.cloud().Login {
			t.Errorf("%s: notes %v, authority %s", cloud, u.Notes, u.Authority)
		}
	}
}

// The file is among the owner's settings, one for each tenant and client, and
// never in the migration's folder.
func TestCacheLiesOutsideTheMigration(t *testing.T) {
	dir, settings, ring := t.TempDir(), t.TempDir(), keyring.Memory()
	w := openWork(t, dir)
	w.signIn.keys, w.signIn.dir = ring, func() (string, error) { return settings, nil }
	if _, err := w.Folder.Change(t.Context(), func(m *wizard.Migration) error { m.Tenant.Domain = "Contoso.example"; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, client := range []string{"", "11111111-2222-4333-8444-555555555555"} {
		w.userOf("", client, func(signin.Prompt) {}).Cache.Write([]byte("T-O-K-E-N"))
	}
	var names []string
	for _, root := range []string{settings, dir} {
		_ = filepath.WalkDir(root, func(path string, d os.DirEntry, _ error) error {
			if d.IsDir() {
				return nil
			}
			if b, _ := os.ReadFile(path); strings.Contains(string(b), "T-O-K-E-N") {
				t.Errorf("%s holds the text in clear", path)
			}
			if root == settings {
				names = append(names, d.Name())
			}
			return nil
		})
	}
	want := []string{"signin-contoso.example-11111111-2222-4333-8444-555555555555.bin", "signin-contoso.example-" + signin.GraphTools + ".bin"}
	if !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
}

// Without a keyring the admin is told once, and nothing is written.
func TestWithoutAKeyringTheSignInIsNotKept(t *testing.T) {
	w := openWork(t, t.TempDir()) // OFFBASIC_KEYRING=none
	settings := filepath.Join(t.TempDir(), "offbasic")
	w.signIn.dir = func() (string, error) { return settings, nil }
	var told []probes.Code
	show := func(p signin.Prompt) { told = append(told, p.Why.Code) }
	for range 2 {
		w.user(show).Cache.Write([]byte("T-O-K-E-N"))
	}
	if !slices.Equal(told, []probes.Code{signin.NotKept}) || string(w.user(show).Cache.Read()) != "T-O-K-E-N" {
		t.Errorf("told %v", told)
	}
	if _, err := os.Stat(settings); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
}

// Signing out forgets the admin and who signed in to the app, under the
// tenant's id and under its domain; what is of another tenant stays.
func TestSigningOutForgetsWhoSignedIn(t *testing.T) {
	const id, other, app = "99999999-0000-1111-2222-333333333333", "fabrikam.example", "11111111-2222-4333-8444-555555555555"
	settings := t.TempDir()
	w := openWork(t, t.TempDir())
	w.signIn.keys, w.signIn.dir = keyring.Memory(), func() (string, error) { return settings, nil }
	if _, err := w.Folder.Change(t.Context(), func(m *wizard.Migration) error {
		m.Tenant, m.App = wizard.Tenant{ID: id, Domain: "contoso.example"}, &wizard.Registration{ClientID: app}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	show := func(signin.Prompt) {}
	for _, tenant := range []string{id, "contoso.example", other} {
		for _, client := range []string{"", app} {
			w.userOf(tenant, client, show).Cache.Write([]byte("T-O-K-E-N"))
		}
	}
	for range 2 {
		if _, err := w.SignOut(t.Context(), "", show); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(settings, "*"))
	if err != nil || len(files) != 2 || w.user(show).Cache.Read() != nil || string(w.userOf(other, app, show).Cache.Read()) != "T-O-K-E-N" {
		t.Errorf("left are %v (%v), want those of %s", files, err, other)
	}
}

// Who is forgotten is named, once, and nobody where nobody was signed in.
func TestSigningOutSaysWhoIsForgotten(t *testing.T) {
	w := openLabFolder(t)
	show := func(signin.Prompt) {}
	if _, err := w.user(show).Token(t.Context(), "https://graph.microsoft.com/User.Read"); err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]string{{w.Lab.Admin()}, nil} {
		if got, err := w.SignOut(t.Context(), "", show); err != nil || !slices.Equal(got, want) {
			t.Errorf("forgotten are %v (%v), want %v", got, err, want)
		}
	}
}

// A browser is for somebody who sits at a terminal.
func TestBrowserOnlyAtATerminal(t *testing.T) {
	for _, tt := range []struct {
		terminal bool
		env      string
		want     bool
	}{{true, "", true}, {false, "", false}, {true, "none", false}} {
		c := &call{Program: Program{Terminal: tt.terminal, Env: func(name string) string {
			return map[string]string{"OFFBASIC_BROWSER": tt.env, "OFFBASIC_KEYRING": "none"}[name]
		}}}
		if got := c.signInHere().open != nil; got != tt.want {
			t.Errorf("terminal %v, OFFBASIC_BROWSER=%s: browser %v, want %v", tt.terminal, tt.env, got, tt.want)
		}
	}
}

// The address is an argument of its own: no shell reads its ampersands.
func TestBrowserCommands(t *testing.T) {
	for system, want := range map[string]string{
		"windows": "rundll32 url.dll,FileProtocolHandler", "darwin": "open", "linux": "xdg-open", "freebsd": "xdg-open",
	} {
		name, args := browserCommand(system)
		if got := strings.Join(append([]string{name}, args...), " "); got != want {
			t.Errorf("%s: %s, want %s", system, got, want)
		}
	}
}
