package powershell

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"time"

	"offbasic/probes"
)

// Shell is a PowerShell on this machine.
type Shell struct {
	Path string
	// Name is what it is called: "pwsh" or "powershell".
	Name string
}

// FindShell looks for a PowerShell: PowerShell 7 (pwsh), else Windows
// PowerShell 5.1. look is exec.LookPath; nil means that.
func FindShell(look func(string) (string, error)) (Shell, bool) {
	if look == nil {
		look = exec.LookPath
	}
	for _, name := range []string{"pwsh", "powershell"} {
		if path, err := look(name); err == nil {
			return Shell{path, name}, true
		}
	}
	return Shell{}, false
}

// Run is one run of a script file. Its methods are those of a program that a
// terminal is handed to.
type Run struct {
	Shell    Shell
	Script   string // path of the .ps1
	ReadBack string // path that the script writes its answer to
	WhatIf   bool   // changes nothing

	in       io.Reader
	out, err io.Writer
	ctx      context.Context //nolint:containedctx // the screen that hands over the terminal has no context to give
}

// SetStdin, SetStdout and SetStderr give it the terminal.
func (r *Run) SetStdin(in io.Reader)   { r.in = in }
func (r *Run) SetStdout(out io.Writer) { r.out = out }
func (r *Run) SetStderr(err io.Writer) { r.err = err }

// Until ends the run when ctx ends.
func (r *Run) Until(ctx context.Context) *Run {
	r.ctx = ctx
	return r
}

// Arguments are those of the shell. Every one is passed by itself: none is
// read as a command. RemoteSigned runs a file that was written here where the
// machine's default, Restricted, would not (about_Execution_Policies); it is
// for this process only, and a policy of the organisation stands above it.
func (r *Run) Arguments() []string {
	args := []string{"-NoLogo", "-NoProfile", "-ExecutionPolicy", "RemoteSigned", "-File", r.Script, "-ReadBack", r.ReadBack}
	if r.WhatIf {
		args = append(args, "-WhatIf")
	}
	return args
}

// patience is how long a shell that was asked to end may take.
const patience = 10 * time.Second

// Run runs the script until it ends. The fault "shell_failed" (shell, status)
// is an end with another status than 0: the answer, if there is one, says why.
func (r *Run) Run() error {
	ctx := r.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	c := exec.CommandContext(ctx, r.Shell.Path, r.Arguments()...)
	c.Stdin, c.Stdout, c.Stderr = r.in, r.out, r.err
	c.WaitDelay = patience
	err := c.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	status := err.Error()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status = exit.String()
	}
	return &probes.Fault{Op: "run the script", Code: "shell_failed", Err: err, Args: map[string]string{"shell": r.Shell.Name, "status": probes.Clean(status, 200)}}
}
