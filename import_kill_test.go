//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the real program, as a story has it.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "offbasic") // what it is called tells what it does: TestMain
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func importing(ctx context.Context, program, dir, file string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, "--folder", dir, "import", file)
	cmd.Env = append(os.Environ(), "OFFBASIC_KEYRING=none", "LC_ALL=C", "LANG=C", "OFFBASIC_LANG=")
	return cmd
}

// signInsFile is a log of sign-ins that fills a pipe many times over.
func signInsFile() []byte {
	var b bytes.Buffer
	b.WriteString("Date (UTC),Username,IP address,Client app,Status,Sign-in error code\n")
	for n := range 40_000 {
		fmt.Fprintf(&b, "2026-11-%02dT08:00:%02dZ,s%d@contoso.example,203.0.113.10,Authenticated SMTP,Success,0\n", 1+n%20, n%60, n%300)
	}
	return b.Bytes()
}

// known is what a folder holds, without the time at which it was imported.
func known(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "migration.json"))
	if os.IsNotExist(err) {
		return ""
	}
	var m struct {
		Senders json.RawMessage
		Imports []struct {
			ID   string
			Rows int
		}
	}
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %+v", m.Senders, m.Imports)
}

func mustImport(t *testing.T, program, dir, file string) {
	t.Helper()
	if out, err := importing(t.Context(), program, dir, file).CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
}

// A file is being read, and the program is killed, or stopped by ctrl+c. Nothing
// of the file is known then, and the next import makes of it what one makes that
// nothing interrupted.
func TestImportThatBreaksOffLeavesNothingHalfDone(t *testing.T) {
	offbasic, log := program(t), signInsFile()
	home := t.TempDir()
	file := filepath.Join(home, "signins.csv")
	if err := os.WriteFile(file, log, 0o600); err != nil {
		t.Fatal(err)
	}
	mustImport(t, offbasic, filepath.Join(home, "whole"), file)
	whole := known(t, filepath.Join(home, "whole"))

	for _, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		dir, pipe := filepath.Join(home, how.String()), filepath.Join(t.TempDir(), "signins.csv")
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := os.OpenFile(pipe, os.O_RDWR, 0) // it stays open whoever reads
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		cmd := importing(t.Context(), offbasic, dir, pipe)
		var talk strings.Builder
		cmd.Stderr = &talk
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// All but what the pipe holds is read when this returns.
		if _, err := out.Write(log[:len(log)/2]); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(how); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = out.Write(bytes.Repeat(log[len(log)/2:], 10)) }() // until it is closed
		err = cmd.Wait()
		if how == syscall.SIGINT && (cmd.ProcessState.ExitCode() != 3 || !strings.Contains(talk.String(), "Nothing of this file was taken up")) {
			t.Errorf("after %s it ends with %v: %s", how, err, talk.String())
		}
		if got := known(t, dir); strings.Contains(got, "contoso") {
			t.Errorf("after %s the folder knows %.300s", how, got)
		}
		mustImport(t, offbasic, dir, file)
		if got := known(t, dir); got != whole {
			t.Errorf("after %s and another import the folder knows\n%.300s\nand not\n%.300s", how, got, whole)
		}
	}
}

// A disk that is full when the senders are written keeps what was known.
func TestImportOnAFullDiskLeavesWhatWasKnown(t *testing.T) {
	offbasic, home := program(t), t.TempDir()
	dir, small, file := filepath.Join(home, "m"), filepath.Join(home, "small.csv"), filepath.Join(home, "signins.csv")
	log := signInsFile()
	if err := os.WriteFile(small, log[:bytes.LastIndexByte(log[:400], '\n')+1], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, log, 0o600); err != nil {
		t.Fatal(err)
	}
	mustImport(t, offbasic, dir, small)
	before := known(t, dir)
	cmd := importing(t.Context(), offbasic, dir, file)
	limited := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `ulimit -f 40; exec "$0" "$@"`}, cmd.Args...)...)
	limited.Env, limited.WaitDelay = cmd.Env, time.Minute
	out, err := limited.CombinedOutput()
	if limited.ProcessState.ExitCode() != 3 {
		t.Errorf("it ends with %v: %s", err, out)
	}
	if got := known(t, dir); got != before {
		t.Errorf("the folder knows\n%.300s\nand not\n%.300s", got, before)
	}
	mustImport(t, offbasic, dir, file)
	mustImport(t, offbasic, filepath.Join(home, "whole"), small)
	mustImport(t, offbasic, filepath.Join(home, "whole"), file)
	if got, want := known(t, dir), known(t, filepath.Join(home, "whole")); got != want {
		t.Errorf("after another import it knows\n%.300s\nand not\n%.300s", got, want)
	}
}
