package folder

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"offbasic/probes"
	"offbasic/wizard"
)

// snapshot is every file of a folder with its text.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name := range files(t, dir) {
		out[name] = contents(t, dir, name)
	}
	return out
}

// Whoever only reads after a crash sees what the next writer would find, and
// changes nothing.
func TestReadingAfterACrashSeesWhatAWriterWould(t *testing.T) {
	from := t.TempDir()
	f := open(t, from)
	if _, err := f.Change(t.Context(), func(m *wizard.Migration) error { m.Capturing = true; return nil }); err != nil {
		t.Fatal(err)
	}
	ids := []string{"a", "b", "c"}
	for _, id := range ids {
		keepWithMessage(t, f, id, "Subject: "+id+"\r\n")
	}
	for _, tt := range []struct {
		name   string
		change func(dir string)
	}{
		{"killed before the senders were written", func(string) {}},
		{"every line is lost", func(dir string) { put(t, dir, sessionsFile, "") }},
		{"the file is lost", func(dir string) {
			if err := os.Remove(filepath.Join(dir, sessionsFile)); err != nil {
				t.Fatal(err)
			}
		}},
		{"the end is in the middle of a line", func(dir string) {
			text := contents(t, dir, sessionsFile)
			put(t, dir, sessionsFile, text[:len(text)/2])
		}},
		{"the last line end is lost", func(dir string) {
			put(t, dir, sessionsFile, strings.TrimSuffix(contents(t, dir, sessionsFile), "\n"))
		}},
		{"the last line is lost", func(dir string) {
			text := contents(t, dir, sessionsFile)
			put(t, dir, sessionsFile, text[:strings.LastIndexByte(text[:len(text)-1], '\n')+1])
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := powerCut(t, from, tt.change)
			before := snapshot(t, dir)
			r, err := OpenRead(dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got := kept(t, r); !slices.Equal(got, ids) {
				t.Errorf("sessions %v, want %v", got, ids)
			}
			m := r.Migration()
			if len(m.Senders) != 1 || m.Senders[0].Seen.Sessions != len(ids) || m.Capturing {
				t.Errorf("senders %+v, capturing %t; want one that was seen three times", m.Senders, m.Capturing)
			}
			if w := r.Warnings(); len(w) != 0 {
				t.Errorf("warned of %v", w)
			}
			if after := snapshot(t, dir); len(after) != len(before) {
				t.Errorf("the folder holds %v, before %v", after, before)
			} else {
				for name, text := range before {
					if after[name] != text {
						t.Errorf("reading changed %s", name)
					}
				}
			}
		})
	}
}

// A reader beside a capture counts what is on the disk once.
func TestReadingBesideACaptureCountsOnce(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	s := session("a")
	if _, err := f.Change(t.Context(), func(m *wizard.Migration) error {
		m.Capturing = true
		m.Attach(s)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.End = probes.EndQuit
	for range 2 {
		if err := f.Keep(s); err != nil {
			t.Fatal(err)
		}
	}
	r, err := OpenRead(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if m := r.Migration(); len(m.Senders) != 1 || m.Senders[0].Seen.Sessions != 1 {
		t.Errorf("senders %+v", m.Senders)
	}
}

func TestWhatIsAssumedIsWrittenWithTheNextChange(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	m, err := f.Assume(func(m *wizard.Migration) { m.Attach(session("a")) })
	if err != nil || len(m.Senders) != 1 || len(f.Migration().Senders) != 1 {
		t.Fatalf("assumed %+v, %v", m.Senders, err)
	}
	if _, err := os.Stat(filepath.Join(dir, stateFile)); err == nil {
		t.Error("it was written at once")
	}
	if _, err := f.Change(t.Context(), func(*wizard.Migration) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if text := contents(t, dir, stateFile); !strings.Contains(text, "192.0.2.50") {
		t.Errorf("migration.json is %s", text)
	}
}
