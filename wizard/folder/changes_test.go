package folder

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
)

func change(id string) probes.Change {
	return probes.Change{
		ID: id, At: time.Date(2026, 11, 22, 10, 42, 7, 0, time.UTC), By: probes.ByPowerShell,
		Step: "service-principal", Shell: "New-ServicePrincipal -AppId 'x'", Outcome: "done",
	}
}

func changes(t *testing.T, f *Folder) []string {
	t.Helper()
	var ids []string
	err := f.Changes(t.Context(), func(c probes.Change) error {
		ids = append(ids, c.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestChangesComeBackInTheirOrder(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	for _, id := range []string{"c", "a", "b"} {
		if err := f.KeepChange(change(id)); err != nil {
			t.Fatal(err)
		}
	}
	for name, from := range map[string]func() *Folder{
		"the folder that wrote them": func() *Folder { return f },
		"a reader beside it": func() *Folder {
			r, err := OpenRead(dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = r.Close() })
			return r
		},
	} {
		if got, want := changes(t, from()), []string{"c", "a", "b"}; !slices.Equal(got, want) {
			t.Errorf("%s reads %v, want %v", name, got, want)
		}
	}
}

// A line that was cut off by a crash is put aside and said; the changes before
// it stay.
func TestTornChangeIsPutAside(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	if err := f.KeepChange(change("a")); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, changesFile))
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, changesFile, string(b)+`{"type":"change","id":"b"`)
	f = open(t, dir)
	if got := changes(t, f); !slices.Equal(got, []string{"a"}) {
		t.Errorf("after a crash the changes are %v, want a", got)
	}
	w := f.Warnings()
	if len(w) != 1 || w[0].Code != "folder_tail" || !strings.HasPrefix(w[0].Args["moved"], changesFile+".damaged-") {
		t.Errorf("warnings %v, want one about the end of %s", w, changesFile)
	}
}

func TestReaderKeepsNoChange(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	r, err := OpenRead(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.KeepChange(change("a")); err == nil {
		t.Error("a folder open for reading kept a change")
	}
}
