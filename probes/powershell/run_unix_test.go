//go:build !windows

package powershell_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"offbasic/probes"
	"offbasic/probes/powershell"
)

// standIn is a shell that prints its arguments, one a line, and then does what
// it is told.
func standIn(t *testing.T, then string) powershell.Shell {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pwsh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nfor a in \"$@\"; do echo \"$a\"; done\n"+then), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	return powershell.Shell{Path: path, Name: "pwsh"}
}

// Paths are arguments of their own, whatever they hold.
func TestPathsAreNoCommands(t *testing.T) {
	for _, whatIf := range []bool{false, true} {
		r := &powershell.Run{Shell: standIn(t, ""), Script: "a b'; Remove-Mailbox x; '.ps1", ReadBack: "$(whoami) c.json", WhatIf: whatIf}
		var out bytes.Buffer
		r.SetStdout(&out)
		if err := r.Until(t.Context()).Run(); err != nil {
			t.Fatal(err)
		}
		want := append([]string{"-NoLogo", "-NoProfile", "-ExecutionPolicy", "RemoteSigned", "-File", r.Script, "-ReadBack", r.ReadBack}, map[bool][]string{true: {"-WhatIf"}}[whatIf]...)
		if got := strings.Split(strings.TrimSpace(out.String()), "\n"); !slices.Equal(got, want) {
			t.Errorf("the shell got %q, want %q", got, want)
		}
	}
}

func TestShellThatFailsSaysItsStatus(t *testing.T) {
	err := (&powershell.Run{Shell: standIn(t, "exit 3\n")}).Until(t.Context()).Run()
	f, ok := errors.AsType[*probes.Fault](err)
	if !ok || f.Code != "shell_failed" || f.Args["status"] != "exit status 3" || f.Args["shell"] != "pwsh" {
		t.Errorf("%#v", err)
	}
}

func TestShellTalksToTheTerminalAndEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r := &powershell.Run{Shell: standIn(t, "read line\necho heard $line\nexec sleep 600\n")}
	r.SetStdin(strings.NewReader("hello\n"))
	out := &until{want: "heard hello", then: stop}
	r.SetStdout(out)
	if err := r.Until(ctx).Run(); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v; said %q", err, out.said.String())
	}
}

// until calls then when it was written what it wants.
type until struct {
	said strings.Builder
	want string
	then func()
}

func (u *until) Write(b []byte) (int, error) {
	n, err := u.said.Write(b)
	if strings.Contains(u.said.String(), u.want) {
		u.then()
	}
	return n, err
}
