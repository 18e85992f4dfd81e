package folder

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"offbasic/probes"
)

// keepWithMessage keeps a session with a message of its own.
func keepWithMessage(t *testing.T, f *Folder, id, text string) {
	t.Helper()
	w, name, err := f.Message(id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := session(id)
	s.Message = &probes.Message{File: name}
	if err := f.Keep(s); err != nil {
		t.Fatal(err)
	}
}

// powerCut leaves of a folder what was synced: the redo files, and of the
// others what change makes of them.
func powerCut(t *testing.T, from string, change func(dir string)) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "after")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	change(dir)
	return dir
}

func TestWhatThePowerCutTookIsWrittenAgain(t *testing.T) {
	from := t.TempDir()
	f := open(t, from)
	ids := []string{"a", "b", "c"}
	for _, id := range ids {
		keepWithMessage(t, f, id, "Subject: "+id+"\r\n")
	}
	for _, tt := range []struct {
		name   string
		change func(dir string)
	}{
		{"nothing", func(string) {}},
		{"every line", func(dir string) { put(t, dir, sessionsFile, "") }},
		{"the end in the middle of a line", func(dir string) {
			text := contents(t, dir, sessionsFile)
			put(t, dir, sessionsFile, text[:len(text)/2])
		}},
		{"a page of the lines", func(dir string) {
			text := contents(t, dir, sessionsFile)
			put(t, dir, sessionsFile, strings.Repeat("\x00", len(text)-10)+text[len(text)-10:])
		}},
		{"the text of the messages", func(dir string) {
			for _, id := range ids {
				put(t, dir, "messages/"+id+".eml", "")
			}
		}},
		{"the messages", func(dir string) {
			if err := os.RemoveAll(filepath.Join(dir, messagesDir)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := powerCut(t, from, tt.change)
			f := open(t, dir)
			if got := kept(t, f); !slices.Equal(got, ids) {
				t.Errorf("sessions %v, want %v", got, ids)
			}
			for _, id := range ids {
				if got := contents(t, dir, "messages/"+id+".eml"); got != "Subject: "+id+"\r\n" {
					t.Errorf("message %s is %q", id, got)
				}
			}
			for name := range files(t, dir) {
				if strings.HasPrefix(name, ".redo") {
					t.Errorf("%s is still there", name)
				}
			}
		})
	}
}

func TestTheLastRecordStaysTheLastAfterAPowerCut(t *testing.T) {
	from := t.TempDir()
	f := open(t, from)
	s := session("a")
	for _, end := range []probes.End{probes.EndClosed, probes.EndQuit} {
		s.End = end
		if err := f.Keep(s); err != nil {
			t.Fatal(err)
		}
	}
	dir := powerCut(t, from, func(dir string) {
		_, last, _ := strings.Cut(contents(t, dir, sessionsFile), "\n")
		put(t, dir, sessionsFile, last) // the first alone was lost
	})
	got, err := open(t, dir).Session(t.Context(), "a")
	if err != nil || got.End != probes.EndQuit {
		t.Errorf("ended with %s, %v; want the last record", got.End, err)
	}
}

// What the admin changed between a crash and the next start stays.
func TestRecoveryLeavesWhatIsNotItsOwn(t *testing.T) {
	from := t.TempDir()
	f := open(t, from)
	keepWithMessage(t, f, "b", "Subject: b\r\n")
	dir := powerCut(t, from, func(dir string) { put(t, dir, sessionsFile, lineA+"\n"+contents(t, dir, sessionsFile)) })
	if got := kept(t, open(t, dir)); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("sessions %v", got)
	}
}

func TestClosedFolderHasNoRedoFile(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	keepWithMessage(t, f, "a", "Subject: a\r\n")
	if _, err := os.Stat(filepath.Join(dir, redoFiles()[0])); err != nil {
		t.Errorf("while it is open: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for name := range files(t, dir) {
		if strings.HasPrefix(name, ".redo") {
			t.Errorf("%s is still there", name)
		}
	}
}

// A redo file that came with a folder from elsewhere writes messages and
// sessions, and nothing else.
func TestRedoFileReachesNothingElse(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "migration")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var b []byte
	for i, name := range []string{"../out", "migration.json", "messages/../x.eml", "messages/.eml", "messages/a/b.eml", "/out"} {
		b = appendEntry(b, entry{seq: uint64(i + 1), name: name, data: []byte("{")})
	}
	put(t, dir, redoFiles()[1], string(b))
	open(t, dir)
	if left, err := os.ReadDir(parent); err != nil || len(left) != 1 {
		t.Errorf("beside the folder lie %v, %v", left, err)
	}
	for name := range files(t, dir) {
		if strings.HasSuffix(name, ".eml") || name == stateFile {
			t.Errorf("%s was written", name)
		}
	}
}

// twoRedoFiles is a redo over files in memory.
func twoRedoFiles() (*redo, [2]*disk, *[]string) {
	disks := [2]*disk{{}, {}}
	var settled []string
	r := &redo{
		open: func(name string) (file, error) {
			if name == redoFiles()[0] {
				return disks[0], nil
			}
			return disks[1], nil
		},
		settle: func(names []string) error {
			settled = append(settled, names...)
			return nil
		},
		remove: func(string) error { return nil },
	}
	return r, disks, &settled
}

func TestAFullRedoFileIsSettledBeforeItIsUsedAgain(t *testing.T) {
	r, disks, settled := twoRedoFiles()
	text := []byte(strings.Repeat("x", 3<<20))
	var names []string
	for i := range 14 { // six fill a file
		names = append(names, fmt.Sprintf("messages/%d.eml", i))
		if _, err := r.write([]entry{{name: names[i], data: text}}, true); err != nil {
			t.Fatal(err)
		}
	}
	first, second := readEntries(disks[0].synced), readEntries(disks[1].synced)
	if len(first) != 2 || first[0].seq != 13 || len(second) != 6 || second[0].seq != 7 {
		t.Fatalf("the files hold %d and %d entries", len(first), len(second))
	}
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !slices.Contains(*settled, name) {
			t.Errorf("%s was never synced", name)
		}
	}
}

// Else a power cut could take a message whose file was not there to be synced.
func TestAFullRedoFileIsNotSettledBeforeItsMessagesAreMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, settled := twoRedoFiles()
		fill := func(name string) *sync.WaitGroup {
			placing, err := r.write([]entry{{name: name, data: make([]byte, redoFull)}}, true)
			if err != nil {
				t.Fatal(err)
			}
			return placing
		}
		placing := fill("messages/a.eml")
		placing.Add(1)
		fill("messages/b.eml") // in the other file: the first is being settled
		synctest.Wait()
		if len(*settled) != 0 {
			t.Errorf("settled before the message was made: %v", *settled)
		}
		placing.Done()
		synctest.Wait()
		if !slices.Equal(*settled, []string{"messages/a.eml"}) {
			t.Errorf("settled %v", *settled)
		}
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestARefusedBatchIsNotReadAgain(t *testing.T) {
	r, disks, _ := twoRedoFiles()
	write := func(names ...string) error {
		var all []entry
		for _, n := range names {
			all = append(all, entry{name: n, data: []byte("same length")})
		}
		_, err := r.write(all, true)
		return err
	}
	if err := write("a"); err != nil {
		t.Fatal(err)
	}
	disks[0].syncFails = true
	if err := write("b", "c"); err == nil {
		t.Fatal("a failed sync was no error")
	}
	disks[0].syncFails = false
	if err := write("d"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range readEntries(disks[0].synced) {
		got = append(got, e.name)
	}
	if !slices.Equal(got, []string{"a", "d"}) {
		t.Errorf("read back %v", got)
	}
}

func TestSessionsAreKeptWithoutRoomForARedoFile(t *testing.T) {
	d := &disk{}
	var placed []entry
	r, _, settled := twoRedoFiles()
	r.open = func(string) (file, error) { return nil, syscall.ENOSPC }
	j := onDisk(d)
	j.redo = r
	j.place = func(messages []entry) error {
		if len(*settled) > 0 {
			t.Error("a message was synced before it was made")
		}
		placed = append(placed, messages...)
		return nil
	}
	if err := j.add(session("a"), entry{name: "messages/a.eml"}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(*settled, []string{"messages/a.eml"}) || len(placed) != 1 {
		t.Errorf("made %v; synced by themselves: %v", placed, *settled)
	}
}

func TestMessagesInMemoryAreBounded(t *testing.T) {
	f := open(t, t.TempDir())
	part := make([]byte, smallMessage)
	for i := range 2 * smallRoom / smallMessage {
		w, _, err := f.Message(fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.(*message).Discard() })
	}
	if f.small.used > smallRoom {
		t.Errorf("%d bytes in memory, more than %d", f.small.used, smallRoom)
	}
}

func FuzzRedoFile(f *testing.F) {
	b := appendEntry(nil, entry{seq: 1, name: "messages/a.eml", data: []byte("Subject: a\r\n")})
	f.Add(b)
	f.Add(appendEntry(b, entry{seq: 2, name: sessionsFile, data: []byte(lineA + "\n")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		for _, e := range readEntries(b) {
			n += entryHead + len(e.name) + len(e.data)
		}
		if n > len(b) {
			t.Errorf("read %d bytes of %d", n, len(b))
		}
	})
}
