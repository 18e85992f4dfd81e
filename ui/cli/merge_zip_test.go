package cli

import (
	"archive/zip"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/wizard/folder"
)

// zipOf packs a folder, below another one as most programs do, and what else is
// said.
func zipOf(t *testing.T, dir string, more map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "colleague.zip")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(file)
	add := func(name string, mode fs.FileMode, b []byte) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(mode)
		out, err := z.CreateHeader(h)
		if err == nil {
			_, err = out.Write(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"migration.json", "sessions.jsonl", "trials.jsonl", "changes.jsonl", "messages/session-192.0.2.8.eml"} {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		add("migration/"+name, 0o600, b)
	}
	for name, content := range more {
		mode := fs.FileMode(0o600)
		if strings.HasSuffix(name, "link.ps1") {
			mode |= fs.ModeSymlink
		}
		add(name, mode, []byte(content))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestColleaguesFolderIsTakenUpFromItsZip(t *testing.T) {
	here, there := laptop(t, "192.0.2.7"), laptop(t, "192.0.2.8")
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	file := zipOf(t, there, map[string]string{
		"migration/scripts/01-x.ps1": "# x", "migration/scripts/../../out.ps1": "# out", "../up.eml": "up",
		"migration/scripts/02-link.ps1": "/etc/passwd", "migration/report.html": "not needed",
	})
	code, out, talk := runProgram(t, "--json", "--folder", here, "merge", file)
	var got mergeLine
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("exit %d, %q, %s", code, out, talk)
	}
	if got.From != file || got.Sessions != 1 || got.Trials != 1 || got.Changes != 1 || got.Scripts != 1 || !slices.Equal(got.New, []string{"192.0.2.8"}) {
		t.Errorf("it says %s", out)
	}
	if code != ExitFindings || len(got.Bad) != 1 || got.Bad[0].File != "scripts/02-link.ps1" {
		t.Errorf("exit %d; left out are %+v, want the link alone", code, got.Bad)
	}
	f, err := folder.OpenRead(here, folder.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := f.Session(t.Context(), "session-192.0.2.8")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(here, s.Message.File)); err != nil || !strings.Contains(string(b), "from 192.0.2.8") {
		t.Errorf("the message is %q, %v", b, err)
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("in the temporary folder stays %v", left)
	}
}

func TestWhatIsNoMigrationFolderIsNotMerged(t *testing.T) {
	here := laptop(t, "192.0.2.7")
	file := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(file, []byte("notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{t.TempDir(): "no migration folder", file: "no migration folder", file + ".gone": "no such folder"} {
		code, out, talk := runProgram(t, "--folder", here, "merge", path)
		if code != ExitFault || out != "" || !strings.Contains(talk, want) || strings.Contains(talk, "--folder") {
			t.Errorf("merge %s: exit %d, %q, %q", path, code, out, talk)
		}
	}
}

func TestImportOfAMigrationFolderNamesTheCommandThatTakesItUp(t *testing.T) {
	here, there := laptop(t, "192.0.2.7"), laptop(t, "192.0.2.8")
	for _, path := range []string{there, zipOf(t, there, nil)} {
		code, _, talk := runProgram(t, "--folder", here, "import", path)
		if code != ExitFault || !strings.Contains(talk, "offbasic merge "+path) {
			t.Errorf("import %s: exit %d, %q", path, code, talk)
		}
	}
}

func TestZipThatUnpacksToTooMuchIsRefused(t *testing.T) {
	dir := t.TempDir()
	z, err := zip.OpenReader(zipOf(t, laptop(t, "192.0.2.8"), map[string]string{"migration/messages/big.eml": strings.Repeat("a", 1<<20)}))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	u := unpacking{top: "migration/", left: 100_000}
	if err := u.all(t.Context(), z.File, dir); err == nil || !strings.Contains(err.Error(), errZipTooLarge.Error()) {
		t.Errorf("got %v", err)
	}
}
