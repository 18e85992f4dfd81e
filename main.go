//go:debug tlssha1=1

// Offbasic takes a Microsoft 365 admin from a password over SMTP AUTH to a
// way of sending that still works after Exchange Online stops taking passwords.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/charmbracelet/x/term"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/capture"
	"offbasic/ui"
	"offbasic/ui/cli"
	"offbasic/wizard"
)

// version is set by the release.
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := cli.Program{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Terminal: term.IsTerminal(os.Stdout.Fd()),
		Env:      os.Getenv,
		Now:      time.Now, //nolint:forbidigo // the program's clock
		Version:  version,
		Open:     open,
	}
	code := p.Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// open shows the wizard on a migration.
func open(ctx context.Context, w *cli.Work) error {
	return ui.Run(ctx, options(w))
}

// options hands the work to the screens, function by function.
func options(w *cli.Work) ui.Options {
	o := ui.Options{
		Text: w.Text, Now: w.Now, Location: time.Local, //nolint:gosmopolitan // times are for the person here
		Deadline: func(now time.Time) (time.Time, string) {
			date, _, id := checks.Deadline(now)
			return date, id
		},
		Judge: checks.Judge, Rank: checks.Rank,
		Migration: w.Folder.Migration(),
		Change:    w.Folder.Change,
		Reload:    func(context.Context) (wizard.Migration, error) { return w.Folder.Migration(), nil },
		Sessions:  w.Sessions,
		Session:   w.Folder.Session,
		Capture:   w.CaptureWith,
		Policies:  capture.PolicyNames(),
		Interview: w.InterviewPeer, NewCanary: w.CanaryFor, Canary: w.HearCanaryHere,
		Addresses: addresses(), Knock: cli.Knock,
		SaveTranscript: w.SaveTranscript, SaveMessage: w.SaveMessage,
		Trials: w.Trials, Devices: w.Devices(),
		PortFix: cli.PortFix,
		SaveApp: w.SaveAppOrSay,
		Script: func(sender string) (ui.ScriptText, error) {
			name, text, err := w.ScriptText(sender)
			return ui.ScriptText{Name: name, Text: text}, err
		},
		SaveScript: w.SaveScript,
		ReadBack:   func(ctx context.Context, sender string) ([]ui.ReadBackLine, error) { return readBack(ctx, w, sender) },
		Try: func(ctx context.Context, r ui.TryRequest, emit func(probes.Step)) (probes.Trial, error) {
			return w.Try(ctx, cli.Try{Sender: r.Sender, Route: r.Route, To: r.To}, emit)
		},
		Verify: w.Verify,
		Explain: func(t probes.Trial) ui.Explained {
			e := w.Explain(t)
			return ui.Explained{ID: e.ID, Meaning: e.Meaning, Causes: e.Causes, Remedies: e.Remedies, Known: e.Known}
		},
		Accessible: w.Plain, In: os.Stdin, Out: os.Stdout,
	}
	if w.Lab != nil {
		o.RunScript = w.RunScript
	}
	return o
}

func addresses() []ui.Address {
	var out []ui.Address
	for _, a := range capture.Addresses() {
		out = append(out, ui.Address{Addr: a.Addr.String(), Interface: a.Interface})
	}
	return out
}

func readBack(ctx context.Context, w *cli.Work, sender string) ([]ui.ReadBackLine, error) {
	got, err := w.ReadBackOrNone(ctx, sender)
	lines := make([]ui.ReadBackLine, 0, len(got))
	for _, c := range got {
		lines = append(lines, ui.ReadBackLine{ID: c.ID, OK: c.OK, Got: c.Got, Want: c.Want})
	}
	return lines, err
}
