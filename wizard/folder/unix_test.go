//go:build unix

package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"offbasic/probes"
	"offbasic/wizard"
)

// The system itself refuses to let a file grow here, in the middle of a line.
func TestDiskThatIsReallyFull(t *testing.T) {
	dir := t.TempDir()
	c := other(t, "fill", dir, "sh", "-c", `ulimit -f 16 && exec "$0" "$@"`)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var code string
	var n int
	if _, err := fmt.Sscan(string(out), &code, &n); err != nil {
		t.Fatalf("said %q: %v", out, err)
	}
	if code != "folder_full" || n == 0 {
		t.Errorf("refused with %s after %d sessions", code, n)
	}
	if text := contents(t, dir, sessionsFile); strings.Count(text, "\n") != n || !strings.HasSuffix(text, "\n") {
		t.Errorf("%d sessions were kept; the file has %d lines and ends in %q", n, strings.Count(text, "\n"), text[len(text)-20:])
	}
	f := open(t, dir)
	if got := len(kept(t, f)); got != n || len(f.Warnings()) != 0 {
		t.Errorf("%d sessions read back of %d, warnings %v", got, n, f.Warnings())
	}
}

func TestOnlyTheOwnerMayRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "migration")
	f := open(t, dir)
	if _, err := f.Change(t.Context(), func(*wizard.Migration) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := f.Keep(session("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SaveScript("s", []byte("x")); err != nil {
		t.Fatal(err)
	}
	w, _, err := f.Message("m")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := os.Stat(path)
		if err != nil {
			return err
		}
		seen++
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if got := fi.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
		return nil
	})
	if err != nil || seen < 9 {
		t.Errorf("looked at %d files and folders, %v", seen, err)
	}
}

// A folder may come from somebody else, in a zip that keeps links.
func TestLinkOutOfTheFolderIsNotFollowed(t *testing.T) {
	parent := t.TempDir()
	dir, outside := filepath.Join(parent, "migration"), filepath.Join(parent, "outside")
	for _, d := range []string{dir, outside} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, messagesDir)); err != nil {
		t.Fatal(err)
	}
	if f, err := Open(dir, Options{}); err == nil {
		w, _, merr := f.Message("m")
		if merr == nil {
			merr = w.Close()
		}
		if merr == nil {
			t.Error("a message was written")
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("outside the folder lie %v, %v", entries, err)
	}
}

// Whoever opens a pipe waits for its other side: it must not be opened at all.
func TestWhatIsNoOrdinaryFileIsRefusedByItsName(t *testing.T) {
	odd := map[string]func(name string) error{
		"a pipe":                 func(name string) error { return syscall.Mkfifo(name, 0o600) },
		"a folder":               func(name string) error { return os.Mkdir(name, 0o700) },
		"a device behind a link": func(name string) error { return os.Symlink("/dev/zero", name) },
	}
	for what, put := range odd {
		for _, name := range []string{stateFile, sessionsFile, trialsFile, changesFile, lockFile, messagesDir, scriptsDir} {
			if what == "a folder" && (name == messagesDir || name == scriptsDir) {
				continue
			}
			dir := t.TempDir()
			if err := put(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir, Options{})
			if fault, is := errors.AsType[*probes.Fault](err); !is || fault.Code != "folder_odd_file" || fault.Args["file"] != name {
				t.Errorf("%s as %s: got %v", what, name, err)
			}
			f, err := OpenRead(dir, Options{})
			if name == lockFile || name == messagesDir {
				continue // they are not read
			}
			if err == nil {
				_, err = f.ReadBack("some")
				if name != scriptsDir {
					err = errors.Join(f.Trials(t.Context(), func(probes.Trial) error { return nil }), f.Changes(t.Context(), func(probes.Change) error { return nil }))
				}
			}
			if fault, is := errors.AsType[*probes.Fault](err); !is || fault.Code != "folder_odd_file" {
				t.Errorf("%s as %s, only read: got %v", what, name, err)
			}
		}
	}
}
