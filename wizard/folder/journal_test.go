package folder

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// disk is a file on a disk that fails when told to, and that remembers what
// would be left after a power cut.
type disk struct {
	mu             sync.Mutex
	data, synced   []byte
	syncs          int
	room           int // bytes that fit; 0 means any number
	syncFails      bool
	truncateFails  bool
	whileInTheSync func()
}

func (d *disk) WriteAt(b []byte, at int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fits := b
	if d.room > 0 {
		fits = b[:max(0, min(len(b), d.room-int(at)))]
	}
	if grow := int(at) + len(fits) - len(d.data); grow > 0 {
		d.data = append(d.data, make([]byte, grow)...)
	}
	copy(d.data[at:], fits)
	if len(fits) < len(b) {
		return len(fits), &fs.PathError{Op: "write", Path: sessionsFile, Err: syscall.ENOSPC}
	}
	return len(b), nil
}

func (d *disk) ReadAt(b []byte, at int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.NewReader(d.data).ReadAt(b, at)
}

func (d *disk) Sync() error {
	if d.whileInTheSync != nil {
		d.whileInTheSync()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs++
	if d.syncFails {
		return syscall.EIO
	}
	d.synced = bytes.Clone(d.data)
	return nil
}

func (d *disk) Truncate(size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.truncateFails {
		return syscall.EIO
	}
	d.data = d.data[:size]
	return nil
}

func (d *disk) Stat() (fs.FileInfo, error) { return nil, errors.New("not asked of this file") }
func (d *disk) Close() error               { return nil }

func onDisk(d *disk) *journal { return &journal{name: sessionsFile, kind: "session", file: d} }

func TestKeepReturnsAfterTheSync(t *testing.T) {
	d := &disk{}
	j := onDisk(d)
	for i := range 3 {
		if err := j.add(session(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
		if got := bytes.Count(d.synced, []byte("\n")); got != i+1 {
			t.Errorf("after %d sessions a power cut leaves %d", i+1, got)
		}
	}
}

func TestSessionsKeptTogetherShareOneSync(t *testing.T) {
	inSync, goOn := make(chan struct{}), make(chan struct{})
	d := &disk{whileInTheSync: func() {
		inSync <- struct{}{}
		<-goOn
	}}
	j := onDisk(d)
	var keeping sync.WaitGroup
	keep := func(id string) {
		keeping.Go(func() {
			if err := j.add(session(id)); err != nil {
				t.Error(err)
			}
		})
	}
	keep("first")
	<-inSync
	const more = 15
	for i := range more {
		keep(strconv.Itoa(i))
	}
	for waiting(j) < more {
		runtime.Gosched()
	}
	goOn <- struct{}{}
	<-inSync
	goOn <- struct{}{}
	keeping.Wait()
	if d.syncs != 2 {
		t.Errorf("%d syncs for one session and then %d, want 2", d.syncs, more)
	}
	if got := bytes.Count(d.synced, []byte("\n")); got != more+1 {
		t.Errorf("%d lines on the disk, want %d", got, more+1)
	}
}

func waiting(j *journal) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.next == nil {
		return 0
	}
	return bytes.Count(j.next.lines, []byte("\n"))
}

func TestFullDiskLeavesNothingHalfWritten(t *testing.T) {
	d := &disk{}
	j := onDisk(d)
	if err := j.add(session("kept")); err != nil {
		t.Fatal(err)
	}
	whole := len(d.data)
	d.room = whole + 40
	err := j.add(session("too much"))
	wantFault(t, fault("keep", "dir", err), "folder_full", map[string]string{"dir": "dir"})
	if len(d.data) != whole {
		t.Errorf("the file ends in %q", d.data[whole:])
	}
	d.room = 0
	if err := j.add(session("after")); err != nil {
		t.Fatal(err)
	}
	wantLines(t, d, "kept", "after")
}

func TestFailedSyncTakesTheLineBack(t *testing.T) {
	d := &disk{syncFails: true}
	j := onDisk(d)
	if err := j.add(session("lost")); !errors.Is(err, syscall.EIO) {
		t.Fatalf("error %v, want the disk's", err)
	}
	d.syncFails = false
	if err := j.add(session("kept")); err != nil {
		t.Fatal(err)
	}
	wantLines(t, d, "kept")
}

// When not even cutting off works, nothing may be written behind the debris.
func TestNothingIsWrittenBehindAHalfLine(t *testing.T) {
	d := &disk{room: 40, truncateFails: true}
	j := onDisk(d)
	if err := j.add(session("half")); err == nil {
		t.Fatal("a session that does not fit was kept")
	}
	d.room = 0
	if err := j.add(session("behind")); err == nil {
		t.Fatal("a session was kept behind half a line")
	}
	d.truncateFails = false
	if err := j.add(session("kept")); err != nil {
		t.Fatal(err)
	}
	wantLines(t, d, "kept")
}

func wantLines(t *testing.T, d *disk, ids ...string) {
	t.Helper()
	var got []string
	for line := range bytes.Lines(d.synced) {
		id, ok := idOf(line, "session")
		if !ok {
			id = fmt.Sprintf("damaged %q", line)
		}
		got = append(got, id)
	}
	if !slices.Equal(got, ids) {
		t.Errorf("on the disk are %v, want %v", got, ids)
	}
}

func TestSessionTooLongIsRefused(t *testing.T) {
	f := open(t, t.TempDir())
	s := session("long")
	s.Hello = strings.Repeat("x", maxLine)
	if err := f.Keep(s); err == nil {
		t.Error("a session longer than a line may be was kept")
	}
	if err := f.Keep(session("short")); err != nil {
		t.Error(err)
	}
	if got := kept(t, f); !slices.Equal(got, []string{"short"}) {
		t.Errorf("sessions %v", got)
	}
}

const (
	lineA = `{"type":"session","id":"a","started":"2026-11-22T10:42:07Z","peer":"192.0.2.50","listener":"","tls":{"mode":"none"},"end":"quit"}`
	lineB = `{"type":"session","id":"b","started":"2026-11-22T10:42:08Z","peer":"192.0.2.50","listener":"","tls":{"mode":"none"},"end":"quit"}`
)

func TestDamagedEndIsPutAside(t *testing.T) {
	for _, tt := range []struct{ name, end string }{
		{"cut in the middle", lineB[:40]},
		{"cut and ended", lineB[:40] + "\n"},
		{"zeroes where the data should be", strings.Repeat("\x00", 500)},
		{"another record's type", `{"type":"trial","id":"t"}` + "\n"},
		{"longer than a line may be", strings.Repeat("x", maxLine+10)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, sessionsFile, lineA+"\n"+tt.end)
			f := open(t, dir)
			if err := f.Keep(session("c")); err != nil {
				t.Fatal(err)
			}
			if got := kept(t, f); !slices.Equal(got, []string{"a", "c"}) {
				t.Errorf("sessions %v", got)
			}
			w := f.Warnings()
			if len(w) != 1 {
				t.Fatalf("warnings %v, want one", w)
			}
			wantFault(t, w[0], "folder_tail", map[string]string{"file": sessionsFile})
			moved := w[0].Args["moved"]
			if !strings.HasPrefix(moved, sessionsFile+".damaged-") {
				t.Errorf("moved to %q", moved)
			}
			if got := contents(t, dir, moved); got != tt.end {
				t.Errorf("put aside were %d bytes, want the %d of the damaged end", len(got), len(tt.end))
			}
		})
	}
}

func TestDamagedEndsOfOneSecondAreAllKept(t *testing.T) {
	dir := t.TempDir()
	for _, end := range []string{"one", "two"} {
		put(t, dir, sessionsFile, end)
		f := open(t, dir)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	aside, err := filepath.Glob(filepath.Join(dir, sessionsFile+".damaged-*"))
	if err != nil || len(aside) != 2 {
		t.Errorf("put aside are %v, %v", aside, err)
	}
}

func TestWholeEndStays(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"ended", lineA + "\n" + lineB + "\n"},
		{"without its line end", lineA + "\n" + lineB},
		{"with Windows line ends", lineA + "\r\n" + lineB + "\r\n"},
		{"with a byte order mark", "\ufeff" + lineA + "\n" + lineB + "\n"},
		{"with blank lines", "\n" + lineA + "\n\n" + lineB + "\n\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, sessionsFile, tt.text)
			f := open(t, dir)
			if err := f.Keep(session("c")); err != nil {
				t.Fatal(err)
			}
			if got := kept(t, f); !slices.Equal(got, []string{"a", "b", "c"}) {
				t.Errorf("sessions %v", got)
			}
			if w := f.Warnings(); len(w) != 0 {
				t.Errorf("warnings %v", w)
			}
		})
	}
}

func TestDamagedLineInTheMiddleIsNamed(t *testing.T) {
	dir := t.TempDir()
	notASession := `{"type":"session","id":"x","started":5}`
	put(t, dir, sessionsFile, strings.Join([]string{lineA, "garbage", strings.Repeat("y", maxLine+1), notASession, lineB, ""}, "\n"))
	f := open(t, dir)
	for range 2 { // a second reading finds nothing new
		if got := kept(t, f); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("sessions %v", got)
		}
	}
	w := f.Warnings()
	if len(w) != 1 {
		t.Fatalf("warnings %v, want one", w)
	}
	wantFault(t, w[0], "folder_lines", map[string]string{"file": sessionsFile, "count": "3", "lines": "2, 3, 4"})
}

// A reader may come while the holder is in the middle of a write.
func TestReaderLeavesAnUnfinishedLineAlone(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, sessionsFile, lineA+"\n"+lineB[:50])
	r, err := OpenRead(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if got := kept(t, r); !slices.Equal(got, []string{"a"}) {
		t.Errorf("before the write ends: %v", got)
	}
	put(t, dir, sessionsFile, lineA+"\n"+lineB+"\n")
	if got := kept(t, r); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("after it: %v", got)
	}
	put(t, dir, sessionsFile, lineB+"\n")
	if got := kept(t, r); !slices.Equal(got, []string{"b"}) {
		t.Errorf("after the file was replaced by a shorter one: %v", got)
	}
	if w := r.Warnings(); len(w) != 0 {
		t.Errorf("warnings %v", w)
	}
}

func TestManyKeepAndReadAtOnce(t *testing.T) {
	f := open(t, t.TempDir())
	const keepers, each = 16, 20
	var all sync.WaitGroup
	for k := range keepers {
		all.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d-%d", k, i)
				if err := f.Keep(session(id)); err != nil {
					t.Error(err)
				}
				if s, err := f.Session(t.Context(), id); err != nil || s.ID != id {
					t.Errorf("session %s right after Keep: %q, %v", id, s.ID, err)
				}
			}
		})
	}
	all.Wait()
	if got := len(kept(t, f)); got != keepers*each {
		t.Errorf("%d sessions read back, want %d", got, keepers*each)
	}
}

func BenchmarkKeep(b *testing.B) {
	for _, n := range []int{1, 16, 256} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			f, err := Open(b.TempDir(), Options{Owner: "maria"})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = f.Close() })
			s := session("a")
			b.ReportAllocs()
			b.ResetTimer()
			ids := make(chan int)
			var keeping sync.WaitGroup
			for range n {
				keeping.Go(func() {
					for range ids {
						if err := f.Keep(s); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for i := range b.N {
				ids <- i
			}
			close(ids)
			keeping.Wait()
		})
	}
}
