package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"offbasic/probes"
	"offbasic/wizard"
	"offbasic/wizard/folder"
)

// laptop makes a folder with one captured session, its message, and a trial.
func laptop(t *testing.T, peer string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "migration")
	f, err := folder.Open(dir, folder.Options{Owner: "test", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	id := "session-" + peer
	out, name, err := f.Message(id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(out, "Subject: from "+peer+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	s := probes.Session{
		ID: id, Peer: peer, Started: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), End: probes.EndQuit, Taken: true,
		Auth: []probes.Auth{{Mechanism: "LOGIN", Account: "scan@contoso.example", Outcome: probes.AuthAccepted}}, Message: &probes.Message{File: name},
	}
	if err := f.Keep(s); err != nil {
		t.Fatal(err)
	}
	if err := f.KeepTrial(probes.Trial{ID: "trial-" + peer, Sender: peer, Route: probes.Direct, Outcome: probes.TrialSent}); err != nil {
		t.Fatal(err)
	}
	if err := f.KeepChange(probes.Change{ID: "change-" + peer, At: s.Started, Outcome: "done"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Change(t.Context(), func(m *wizard.Migration) error { m.Attach(s); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func runProgram(t *testing.T, args ...string) (code int, out, talk string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := Program{In: strings.NewReader(""), Out: &stdout, Err: &stderr, Now: time.Now, Env: func(n string) string { return map[string]string{"OFFBASIC_KEYRING": "none"}[n] }}
	code = p.Run(t.Context(), args)
	return code, stdout.String(), stderr.String()
}

func TestMergedFoldersHaveEverySessionMessageTrialAndChangeOnce(t *testing.T) {
	here, there := laptop(t, "192.0.2.7"), laptop(t, "192.0.2.8")
	for round := range 2 {
		code, out, talk := runProgram(t, "--json", "--folder", here, "merge", there)
		if code != ExitOK {
			t.Fatalf("merge exits with %d: %s", code, talk)
		}
		var got struct{ Sessions, Trials, Changes int }
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		if want := 1 - round; got.Sessions != want || got.Trials != want || got.Changes != want {
			t.Errorf("round %d brings %+v, want %d of each", round, got, want)
		}
	}
	f, err := folder.OpenRead(here, folder.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var sessions, trials []string
	_ = f.Sessions(t.Context(), func(s probes.Session) error {
		sessions = append(sessions, s.ID)
		if _, err := os.Stat(filepath.Join(here, filepath.FromSlash(s.Message.File))); err != nil {
			t.Errorf("the message of %s is not there: %v", s.ID, err)
		}
		return nil
	})
	_ = f.Trials(t.Context(), func(tr probes.Trial) error { trials = append(trials, tr.Sender); return nil })
	if len(sessions) != 2 || strings.Join(trials, " ") != "192.0.2.7 192.0.2.8" {
		t.Errorf("sessions are %v, trials are of %v", sessions, trials)
	}
	for _, s := range f.Migration().Senders {
		if s.Seen.Sessions != 1 {
			t.Errorf("%s was seen %d times, want once", s.ID, s.Seen.Sessions)
		}
	}
}

func TestAFolderIsNotMergedWithItself(t *testing.T) {
	here := laptop(t, "192.0.2.7")
	code, _, talk := runProgram(t, "--folder", here, "merge", here)
	if code != ExitFault || !strings.Contains(talk, "the folder that is open") {
		t.Errorf("it exits with %d: %s", code, talk)
	}
}

// Who stops an import is told that nothing of the file counts.
func TestAStoppedImportSaysThatNothingWasTakenUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.csv")
	if err := os.WriteFile(file, []byte("Sender address,Messages sent,Authentication Protocol\na@contoso.example,1,Basic\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := openWork(t, filepath.Join(t.TempDir(), "m"))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err := w.Import(ctx, file, ImportOptions{})
	f, ok := errors.AsType[*probes.Fault](err)
	if !ok || f.Code != "import_stopped" || len(w.Folder.Migration().Imports) > 0 {
		t.Errorf("got %v, and %+v", err, w.Folder.Migration().Imports)
	}
}

// An import of what comes on stdin ends when it is stopped, whether anything
// comes or not.
func TestStoppedReadingOfStdinEnds(t *testing.T) {
	in, typed := io.Pipe()
	defer typed.Close()
	w := openWork(t, filepath.Join(t.TempDir(), "m"))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := w.Import(ctx, "-", ImportOptions{Stdin: in}); !isCode(err, "import_stopped") || len(w.Folder.Migration().Imports) > 0 {
		t.Errorf("got %v, and %+v", err, w.Folder.Migration().Imports)
	}
}

// What is damaged in the other folder, or leads out of it, costs only itself.
func TestDamagedFolderIsMergedButForTheDamage(t *testing.T) {
	here, there := laptop(t, "192.0.2.7"), laptop(t, "192.0.2.8")
	secret := filepath.Join(filepath.Dir(there), "secret.eml")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(there, "messages", "link.eml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(there, "messages", "folder.eml"), 0o700); err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for id, file := range map[string]string{"a": "../secret.eml", "b": "messages/link.eml", "c": "messages/folder.eml", "d": "messages/gone.eml"} {
		lines.WriteString(`{"type":"session","id":"` + id + `","peer":"192.0.2.9","started":"2026-11-20T09:00:00Z","end":"quit","taken":true,"message":{"file":"` + file + `"}}` + "\n")
	}
	lines.WriteString("no record\n" + `{"type":"session","id":"e","peer":"192.0.2.9","started":"2026-11-20T09:00:00Z","end":"quit","taken":true}` + "\n")
	f, err := os.OpenFile(filepath.Join(there, "sessions.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(lines.String()); err != nil {
		t.Fatal(err)
	}
	f.Close()

	code, out, talk := runProgram(t, "--json", "--folder", here, "merge", there)
	if code != ExitFindings {
		t.Errorf("merge exits with %d: %s", code, talk)
	}
	var got mergeLine
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Sessions != 6 || got.Trials != 1 || got.Changes != 1 || got.LeftOut != 4 {
		t.Errorf("it brings %+v", got)
	}
	why := map[string]int{}
	for _, b := range got.Bad {
		why[b.Why]++
		if b.File != "sessions.jsonl" || b.Line < 2 || b.Line > 6 {
			t.Errorf("it names %+v", b)
		}
	}
	if why["outside"] != 2 || why["message"] != 1 || why["record"] != 1 {
		t.Errorf("left out are %v", why)
	}
	files, _ := os.ReadDir(filepath.Join(here, "messages"))
	if len(files) != 2 {
		t.Errorf("messages are %v", files)
	}
	_, out, _ = runProgram(t, "--folder", laptop(t, "192.0.2.7"), "merge", there)
	if !strings.Contains(out, "sessions.jsonl, line 6: the record is damaged") || !strings.Contains(out, "../secret.eml is outside the folder") {
		t.Errorf("people are told\n%s", out)
	}
}

// Two laptops read the same log live, at different times, and one of them a file
// with the same rows. Merged either way, each row counts once.
func TestLogThatTwoLaptopsReadCountsOnce(t *testing.T) {
	tenant := newLabWork(t)
	read := func(days int) *Work {
		w := openWork(t, filepath.Join(t.TempDir(), "m"))
		w.Lab, w.signIn, w.Now = tenant.Lab, tenant.signIn, tenant.Now
		defer func() { w.Lab = nil }()
		if _, err := w.ImportLive(t.Context(), LiveOptions{Source: "sign-ins", Since: w.Now().AddDate(0, 0, -days)}); err != nil {
			t.Fatal(err)
		}
		return w
	}
	a := read(4)
	passwordSignIn(t, tenant)
	b := read(30)
	for _, order := range [][2]*Work{{a, b}, {b, a}, {a, b}} {
		if _, err := order[0].Merge(t.Context(), order[1].Folder.Dir()); err != nil {
			t.Fatal(err)
		}
		m := order[0].Folder.Migration()
		scan := ofAccount(t, m, "scan@contoso.example")
		if len(scan.Sources) != 1 || scan.Volume() != 7 || len(m.Imports) != 1 {
			t.Errorf("it sent %d, and is known as %+v of %+v", scan.Volume(), scan.Sources, m.Imports)
		}
	}
}

// A report that was saved again, in another encoding, with another separator,
// or packed, is the same report.
func TestReportInAnotherEncodingIsTheSame(t *testing.T) {
	w := openWork(t, filepath.Join(t.TempDir(), "m"))
	report := "Sender address,Messages sent,Authentication Protocol\nbéa@contoso.example,1,Basic\n"
	wide := []byte{0xff, 0xfe}
	for _, c := range utf16.Encode([]rune(report)) {
		wide = append(wide, byte(c), byte(c>>8))
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(report))
	z.Close()
	for n, b := range [][]byte{
		[]byte(report), wide, []byte("\ufeff" + report), []byte(strings.ReplaceAll(report, ",", ";")), []byte(strings.ReplaceAll(report, "\n", "\r\n")), packed.Bytes(),
		[]byte(strings.ReplaceAll(report, "é", "\xe9")),
	} {
		file := filepath.Join(t.TempDir(), "report.csv")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := w.Import(t.Context(), file, ImportOptions{})
		if err != nil || len(got) != 1 || got[0].Again != (n > 0) {
			t.Errorf("form %d: %+v (%v)", n, got, err)
		}
	}
	if s := w.Folder.Migration().Senders; len(s) != 1 || len(s[0].Sources) != 1 {
		t.Errorf("the senders are %+v", s)
	}
}
