package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
