package folder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/wizard"
)

func open(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := Open(dir, Options{Owner: "maria"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil && !errors.Is(err, fs.ErrClosed) && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
	return f
}

func session(id string) probes.Session {
	return probes.Session{
		ID: id, Started: time.Date(2026, 11, 22, 10, 42, 7, 0, time.UTC), Peer: "192.0.2.50", Listener: "192.0.2.1:587",
		TLS:  probes.TLS{Mode: probes.StartTLS, Version: "TLS 1.2"},
		Auth: []probes.Auth{{Mechanism: "LOGIN", Account: "scan@contoso.example", Outcome: probes.AuthAccepted}},
		End:  probes.EndQuit,
	}
}

// kept are the ids that the folder reads back, in its order.
func kept(t *testing.T, f *Folder) []string {
	t.Helper()
	var ids []string
	err := f.Sessions(t.Context(), func(s probes.Session) error {
		ids = append(ids, s.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func wantFault(t *testing.T, err error, code probes.Code, args map[string]string) {
	t.Helper()
	var f *probes.Fault
	if !errors.As(err, &f) {
		t.Fatalf("error %v, want the fault %s", err, code)
	}
	if f.Code != code {
		t.Fatalf("fault %s (%v), want %s", f.Code, err, code)
	}
	for k, v := range args {
		if f.Args[k] != v {
			t.Errorf("%s: argument %s is %q, want %q", code, k, f.Args[k], v)
		}
	}
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWhatWasKeptIsThereTheNextDay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "migration")
	f := open(t, dir)
	m, err := f.Change(t.Context(), func(m *wizard.Migration) error {
		m.Tenant.Domain = "contoso.example"
		return nil
	})
	if err != nil || m.Tenant.Domain != "contoso.example" {
		t.Fatalf("changed to %+v, %v", m, err)
	}
	for _, keep := range []error{
		f.Keep(session("s1")), f.Keep(session("s2")),
		f.KeepTrial(probes.Trial{ID: "t1", Route: probes.OAuth, Outcome: probes.TrialSent}),
	} {
		if keep != nil {
			t.Fatal(keep)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	f = open(t, dir)
	if got := f.Migration().Tenant.Domain; got != "contoso.example" {
		t.Errorf("domain %q", got)
	}
	if got := kept(t, f); !slices.Equal(got, []string{"s1", "s2"}) {
		t.Errorf("sessions %v", got)
	}
	s, err := f.Session(t.Context(), "s2")
	if err != nil || s.Account() != "scan@contoso.example" {
		t.Errorf("session s2 is %+v, %v", s, err)
	}
	if _, err := f.Session(t.Context(), "s3"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a session that nobody kept: %v", err)
	}
	trial, err := f.Trial(t.Context(), "t1")
	if err != nil || trial.Route != probes.OAuth {
		t.Errorf("trial t1 is %+v, %v", trial, err)
	}
	if w := f.Warnings(); len(w) != 0 {
		t.Errorf("warnings %v", w)
	}
}

func TestLaterRecordReplacesTheEarlier(t *testing.T) {
	f := open(t, t.TempDir())
	first, second := session("a"), session("a")
	second.Taken = true
	for _, s := range []probes.Session{first, session("b"), second} {
		if err := f.Keep(s); err != nil {
			t.Fatal(err)
		}
	}
	if got := kept(t, f); !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("sessions %v, want each once, by its last record", got)
	}
	if s, err := f.Session(t.Context(), "a"); err != nil || !s.Taken {
		t.Errorf("session a: taken %v, %v; want the later record", s.Taken, err)
	}
}

func TestReadingStopsWhenAsked(t *testing.T) {
	f := open(t, t.TempDir())
	for _, id := range []string{"a", "b", "c"} {
		if err := f.Keep(session(id)); err != nil {
			t.Fatal(err)
		}
	}
	enough, n := errors.New("enough"), 0
	err := f.Sessions(t.Context(), func(probes.Session) error {
		n++
		return enough
	})
	if !errors.Is(err, enough) || n != 1 {
		t.Errorf("read %d sessions, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Sessions(ctx, func(probes.Session) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
}

func TestChangeThatFailsChangesNothing(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	no := errors.New("no")
	for name, change := range map[string]func() (wizard.Migration, error){
		"the change refuses": func() (wizard.Migration, error) {
			return f.Change(t.Context(), func(m *wizard.Migration) error {
				m.Tenant.Domain = "contoso.example"
				return no
			})
		},
		"the context is over": func() (wizard.Migration, error) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return f.Change(ctx, func(m *wizard.Migration) error {
				m.Tenant.Domain = "contoso.example"
				return nil
			})
		},
		"the disk refuses": func() (wizard.Migration, error) {
			if err := os.Remove(filepath.Join(dir, partialDir)); err != nil {
				t.Fatal(err)
			}
			return f.Change(t.Context(), func(m *wizard.Migration) error {
				m.Tenant.Domain = "contoso.example"
				return nil
			})
		},
	} {
		if m, err := change(); err == nil || m.Tenant.Domain != "" {
			t.Errorf("%s: %+v, %v; want an error and the old state", name, m.Tenant, err)
		}
		if got := f.Migration().Tenant.Domain; got != "" {
			t.Errorf("%s: in memory the domain is %q", name, got)
		}
		if _, err := os.Stat(filepath.Join(dir, stateFile)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: on disk: %v", name, err)
		}
	}
}

func TestMigrationIsACopy(t *testing.T) {
	f := open(t, t.TempDir())
	var leaked *wizard.Migration
	_, err := f.Change(t.Context(), func(m *wizard.Migration) error {
		m.Senders = []wizard.Sender{{ID: "a"}}
		leaked = m
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	leaked.Senders[0].ID = "leaked"
	m := f.Migration()
	m.Senders[0].ID = "changed"
	if got := f.Migration().Senders[0].ID; got != "a" {
		t.Errorf("the folder's sender became %q", got)
	}
}

func TestNewerFolderIsRefusedAndUntouched(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, stateFile, `{"version": 99, "senders": {"a newer": "form"}}`)
	put(t, dir, sessionsFile, `{"type":"session","id":"a"}`+"\n"+`{"type":"ses`)
	before := files(t, dir)
	_, err := Open(dir, Options{})
	wantFault(t, err, "folder_newer", map[string]string{"version": "99", "ours": "1"})
	_, err = OpenRead(dir, Options{})
	wantFault(t, err, "folder_newer", nil)
	after := files(t, dir)
	delete(after, lockFile)
	if !maps.Equal(before, after) {
		t.Errorf("the folder became\n%v\nfrom\n%v", after, before)
	}
	// And it is free for the newer version.
	put(t, dir, stateFile, `{"version": 1}`)
	open(t, dir)
}

func TestDamagedStateSaysWhere(t *testing.T) {
	for _, tt := range []struct{ name, text, line, column string }{
		{"cut off", "{\n  \"version\": 1,\n  \"tenant\": {", "3", "13"},
		{"a comma too many", "{\n  \"version\": 1,,\n}", "2", "16"},
		{"a number where a list is meant", "{\n  \"version\": 1,\n  \"senders\": 5\n}", "3", "14"},
		{"empty", "", "1", "1"},
		{"without a version", "{}", "1", "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, stateFile, tt.text)
			_, err := Open(dir, Options{})
			wantFault(t, err, "folder_damaged", map[string]string{"file": stateFile, "line": tt.line, "column": tt.column})
			if got := contents(t, dir, stateFile); got != tt.text {
				t.Errorf("the file became %q", got)
			}
		})
	}
}

func TestWhatIsNoFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "file", "")
	_, err := Open(filepath.Join(dir, "file"), Options{})
	wantFault(t, err, "folder_not_dir", nil)
	_, err = Open(filepath.Join(dir, "file", "below"), Options{})
	wantFault(t, err, "folder_not_dir", nil)
	_, err = OpenRead(filepath.Join(dir, "file"), Options{})
	wantFault(t, err, "folder_not_dir", nil)
	_, err = OpenRead(filepath.Join(dir, "missing"), Options{})
	wantFault(t, err, "folder_missing", nil)
}

func TestReaderSeesWhatTheHolderKeeps(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	r, err := OpenRead(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	for _, id := range []string{"a", "b"} {
		if err := f.Keep(session(id)); err != nil {
			t.Fatal(err)
		}
		if s, err := r.Session(t.Context(), id); err != nil || s.ID != id {
			t.Errorf("the reader's session %s: %+v, %v", id, s.ID, err)
		}
	}
	if got := kept(t, r); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the reader sees %v", got)
	}
	if err := r.Keep(session("c")); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Keep for reading only: %v", err)
	}
	if _, err := r.Change(t.Context(), func(*wizard.Migration) error { return nil }); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Change for reading only: %v", err)
	}
	if _, _, err := r.Message("m"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Message for reading only: %v", err)
	}
	if _, err := r.SaveScript("s", nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("SaveScript for reading only: %v", err)
	}
}

func TestReaderOfAnEmptyFolder(t *testing.T) {
	dir := t.TempDir()
	r, err := OpenRead(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := kept(t, r); len(got) != 0 {
		t.Errorf("sessions %v", got)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("reading made %v", got)
	}
}

func TestMessageIsWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	w, name, err := f.Message("20261122T104207-1")
	if err != nil {
		t.Fatal(err)
	}
	if name != "messages/20261122T104207-1.eml" {
		t.Errorf("named %q", name)
	}
	if _, err := io.WriteString(w, "Subject: scan\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before Close the file is there: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Message("20261122T104207-1"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the same message again, before its session is kept: %v", err)
	}
	s := session("20261122T104207-1")
	s.Message = &probes.Message{File: name}
	if err := f.Keep(s); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, dir, name); got != "Subject: scan\r\n\r\n" {
		t.Errorf("the message is %q", got)
	}
	if err := w.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a second Close: %v", err)
	}
	if _, _, err := f.Message("20261122T104207-1"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the same message again: %v", err)
	}
}

func TestMessageThatNoSessionNamesIsThereOnceTheFolderIsClosed(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	w, name, err := f.Message("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "Subject: scan\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, dir, name); got != "Subject: scan\r\n\r\n" {
		t.Errorf("the message is %q", got)
	}
}

// The folder of the messages is lost while a session is being kept: the client
// is refused, and can try again once it is back.
func TestMessageThatCannotBeMadeIsRefusedAndTriedAgain(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	w, name, err := f.Message("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "Subject: scan\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := session("a")
	s.Message = &probes.Message{File: name}
	inTheWay := filepath.Join(dir, name)
	if err := os.Mkdir(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.Keep(s); err == nil {
		t.Error("a session was kept whose message was not")
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	if err := f.Keep(s); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, dir, name); got != "Subject: scan\r\n\r\n" {
		t.Errorf("the message is %q", got)
	}
}

// A disk that stays full must not fill the memory as well.
func TestMessageThatWasRefusedTwiceIsForgotten(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	w, name, err := f.Message("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "Subject: scan\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := session("a")
	s.Message = &probes.Message{File: name}
	inTheWay := filepath.Join(dir, name)
	if err := os.Mkdir(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Keep(s); err == nil {
			t.Error("a session was kept whose message was not")
		}
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	if f.small.used != 0 || len(f.small.closed) != 0 {
		t.Errorf("%d bytes are still taken, %d messages wait", f.small.used, len(f.small.closed))
	}
}

func TestHalfAMessageIsGoneAtTheNextStart(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	w, _, err := f.Message("half")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "Subject: sc"+strings.Repeat("a", smallMessage)); err != nil {
		t.Fatal(err)
	}
	if err := w.(*message).file.Close(); err != nil { // as a crash would
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	for name := range files(t, dir) {
		if strings.Contains(name, "half") {
			t.Errorf("%s is still there", name)
		}
	}
}

func TestNamesNeverLeaveTheFolder(t *testing.T) {
	parent := t.TempDir()
	f := open(t, filepath.Join(parent, "migration"))
	for _, name := range []string{
		"", ".", "..", "../out", "a/b", `a\b`, "/etc/passwd", `C:\out`, "C:out", ".hidden", "name.", "a\x00b", "a\nb", "é",
		strings.Repeat("a", 200),
	} {
		if w, file, err := f.Message(name); err == nil {
			t.Errorf("Message(%q) made %s", name, file)
			_ = w.Close()
		}
		if path, err := f.SaveScript(name, []byte("x")); err == nil {
			t.Errorf("SaveScript(%q) made %s", name, path)
		}
		if err := f.SaveReadBack(name, []byte("{}")); err == nil {
			t.Errorf("SaveReadBack(%q) wrote", name)
		}
	}
	entries, err := os.ReadDir(parent)
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the folder lie %v, %v", entries, err)
	}
}

func TestClosedFolderTakesNothing(t *testing.T) {
	f := open(t, t.TempDir())
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Keep(session("a")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Keep after Close: %v", err)
	}
}

// files is every file below dir with its contents.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, rerr := filepath.Rel(dir, path)
		all[filepath.ToSlash(rel)] = string(b)
		return errors.Join(err, rerr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func BenchmarkOpenWithTenThousandSessions(b *testing.B) {
	dir := b.TempDir()
	line, err := json.Marshal(session("%05d"))
	if err != nil {
		b.Fatal(err)
	}
	var all strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&all, string(line)+"\n", i)
	}
	if err := os.WriteFile(filepath.Join(dir, sessionsFile), []byte(all.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f, err := Open(dir, Options{Owner: "maria"})
			if err != nil {
				b.Fatal(err)
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read all", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f, err := OpenRead(dir, Options{})
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			if err := f.Sessions(b.Context(), func(probes.Session) error { n++; return nil }); err != nil || n != 10_000 {
				b.Fatal(n, err)
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
