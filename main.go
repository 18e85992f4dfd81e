//go:debug tlssha1=1

// Offbasic takes a Microsoft 365 admin from a password over SMTP AUTH to a
// way of sending that still works after Exchange Online stops taking passwords.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/charmbracelet/x/term"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/capture"
	"offbasic/probes/exports"
	"offbasic/probes/signin"
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
		Width:    width,
		Env:      os.Getenv,
		Now:      time.Now, //nolint:forbidigo // the program's clock
		Version:  version,
		Open:     open,
	}
	if term.IsTerminal(os.Stdin.Fd()) {
		p.ReadPassword = readPassword
	}
	code := p.Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// width is that of the terminal; 0 where there is none.
func width() int {
	columns, _, err := term.GetSize(os.Stdout.Fd())
	if err != nil {
		return 0
	}
	return columns
}

// readPassword asks on the terminal without echo. The end of ctx ends it, and
// leaves the terminal as it was.
func readPassword(ctx context.Context, prompt string) (string, error) {
	fd := os.Stdin.Fd()
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	type typed struct {
		secret []byte
		err    error
	}
	done := make(chan typed, 1)
	_, _ = os.Stderr.WriteString(prompt + " ")
	go func() {
		secret, err := term.ReadPassword(fd)
		done <- typed{secret, err}
	}()
	defer func() { _, _ = os.Stderr.WriteString("\n") }()
	select {
	case t := <-done:
		return string(t.secret), t.err
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(fd, before))
	}
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
		PortFix:    cli.PortFix,
		Accessible: w.Plain, In: os.Stdin, Out: os.Stdout,
	}
	withSetup(&o, w)
	withScripts(&o, w)
	withTrials(&o, w)
	withFinding(&o, w)
	return o
}

// withSetup hands over what is done to the tenant through Graph.
func withSetup(o *ui.Options, w *cli.Work) {
	o.SaveApp = w.SaveAppOrSay
	o.Register = func(ctx context.Context, r ui.RegisterRequest, emit func(ui.SetupEvent)) (wizard.Migration, error) {
		return w.Register(ctx, cli.RegisterRequest{
			Tenant: r.Tenant, Cloud: r.Cloud, Name: r.Name, Route: routeOfApp(w.Folder.Migration()), Rights: r.Rights, Credential: r.Credential,
			DryRun: r.DryRun, Show: signIn(emit),
		}, step(emit))
	}
	o.Made = w.Made
	o.Undo = func(ctx context.Context, ids []string, emit func(ui.SetupEvent)) (wizard.Migration, error) {
		return w.Undo(ctx, ids, signIn(emit), step(emit))
	}
	o.Tenant = func(ctx context.Context) (ui.TenantState, error) {
		found, at, err := w.Tenant(ctx)
		return ui.TenantState{Findings: found, Read: at}, err
	}
	o.ProveOutside = func(ctx context.Context, mailbox string) ([]string, error) {
		proof, err := w.ProveOutside(ctx, mailbox, func(probes.Step) {})
		if err != nil {
			return nil, err
		}
		return w.OutsideWords(proof), nil
	}
	o.Changes, o.SaveChanges = w.Changes, w.SaveChanges
}

// routeOfApp is the route that waits for an app.
func routeOfApp(m wizard.Migration) probes.Route {
	for _, s := range m.Senders {
		if m.NextFor(s) == wizard.StepApp {
			return s.Route
		}
	}
	return probes.OAuth
}

// withScripts hands over the scripts, and the PowerShell that is here.
func withScripts(o *ui.Options, w *cli.Work) {
	o.Script = func(r ui.ScriptRef) (ui.ScriptText, error) {
		script, text, missing, err := w.TextFor(cli.ScriptRef(r))
		return ui.ScriptText{
			Name: script.Name, Text: text, Missing: missing,
			Onprem: script.Module == probes.ExchangeOnPremises, Changes: script.Changes(),
		}, err
	}
	o.SaveScript = func(ctx context.Context, r ui.ScriptRef) (string, error) { return w.SaveFor(ctx, cli.ScriptRef(r)) }
	o.ReadBack = func(ctx context.Context, r ui.ScriptRef) ([]ui.ReadBackLine, error) {
		return readBack(w.AnswerFor(ctx, cli.ScriptRef(r)))
	}
	o.TakeReadBack = func(ctx context.Context, r ui.ScriptRef, given string) ([]ui.ReadBackLine, error) {
		return readBack(w.TakeAnswerFor(ctx, cli.ScriptRef(r), given))
	}
	o.OpenFolder = cli.OpenFolder(os.Getenv)
	shell, found := w.FindShell()
	if w.Lab != nil || found {
		o.RunScript = func(ctx context.Context, r ui.ScriptRef, t ui.Terminal) error {
			_, err := w.RunIn(ctx, cli.ScriptRef(r), false, cli.Terminal(t))
			return err
		}
	}
	if w.Lab == nil {
		o.Shell = filepath.Base(shell)
	}
}

// withTrials hands over the test sends.
func withTrials(o *ui.Options, w *cli.Work) {
	o.Forecast = func(ctx context.Context, r ui.TryRequest) ([]checks.Finding, error) { return w.Ahead(ctx, asked(r)) }
	o.Try = func(ctx context.Context, r ui.TryRequest, emit func(probes.Step)) (probes.Trial, error) {
		return w.Try(ctx, asked(r), emit)
	}
	o.Trial = func(ctx context.Context, id string) (probes.Trial, error) {
		all, err := w.Trials(ctx)
		for _, t := range slices.Backward(all) {
			if t.ID == id {
				return t, err
			}
		}
		return probes.Trial{}, errors.Join(err, &probes.Fault{Op: "look for the test send " + id, Code: "nothing_sent"})
	}
	o.Verify = w.Verify
	o.Explain = func(ctx context.Context, t probes.Trial) (ui.Explained, error) {
		r, err := w.Refused(ctx, t)
		return ui.Explained{
			ID: r.ID, Meaning: r.Meaning, Causes: r.Causes, Remedies: r.Remedies, Known: r.Known, Findings: r.Findings, Young: r.Young,
		}, err
	}
	o.Arrival = w.Arrival
	o.Repeat = w.RepeatText
	o.Compare = func(ctx context.Context, sender string, emit func(ui.CompareEvent)) error {
		_, err := w.Compare(ctx, sender, func(ev cli.CompareEvent) { emit(ui.CompareEvent(ev)) })
		return err
	}
}

// step tells the screens a step of a set-up, signIn what the admin must do.
func step(emit func(ui.SetupEvent)) func(probes.SetupStep) {
	return func(s probes.SetupStep) { emit(ui.SetupEvent{Step: &s}) }
}

func signIn(emit func(ui.SetupEvent)) func(signin.Prompt) {
	return func(p signin.Prompt) {
		s := ui.SignIn{Way: string(p.Kind), URL: p.URL, Code: p.Code, Expires: p.Expires}
		if p.Why != nil {
			s.Before = p.Why
		}
		emit(ui.SetupEvent{SignIn: &s})
	}
}

// asked is a test send as the screens ask for it.
func asked(r ui.TryRequest) cli.Try {
	t := cli.Try{Sender: r.Sender, Route: r.Route, To: r.To, Session: r.Session}.With(r.Values)
	if r.Secret != "" {
		t.Secret = func(context.Context) (string, error) { return r.Secret, nil }
	}
	return t
}

func addresses() []ui.Address {
	var out []ui.Address
	for _, a := range capture.Addresses() {
		out = append(out, ui.Address{Addr: a.Addr.String(), Interface: a.Interface})
	}
	return out
}

// readBack is the answer of a script, line by line.
func readBack(a *cli.ReadBackAnswer, err error) ([]ui.ReadBackLine, error) {
	if a == nil || err != nil {
		return nil, err
	}
	var lines []ui.ReadBackLine
	for _, c := range a.Compared {
		lines = append(lines, ui.ReadBackLine{ID: c.ID, OK: c.OK, Got: c.Got, Want: c.Want})
	}
	if a.Rows == nil {
		return lines, nil
	}
	for _, read := range a.Script.Reads {
		lines = append(lines, ui.ReadBackLine{ID: read.ID, OK: true, Read: true, Rows: a.Rows[read.ID], Why: a.Unread[read.ID]})
	}
	return lines, nil
}

// withFinding hands over the imports, the order of work and the report.
func withFinding(o *ui.Options, w *cli.Work) {
	o.Import = func(ctx context.Context, path string, r ui.ImportRequest, progress func(read, size int64)) ([]ui.ImportResult, error) {
		return importFile(ctx, w, path, r, progress)
	}
	for _, f := range exports.Fields() {
		o.ImportFields = append(o.ImportFields, string(f))
	}
	o.Plan = func(ctx context.Context) (ui.Plan, error) {
		order, err := w.Order(ctx)
		return ui.Plan{Tasks: order.Tasks, Groups: order.Groups, Asks: order.Asks}, err
	}
	o.ReportFormats, o.ReportLanguages = cli.ReportFormats(), []string{"en", "fr"}
	o.ReportPath = func(_ context.Context, r ui.ReportRequest) string { return w.NewReportPath(r.Format) }
	o.Report = func(ctx context.Context, r ui.ReportRequest) (string, error) {
		return w.SaveReport(ctx, r.Format, r.Lang, r.Path)
	}
	o.Join, o.Split = w.Join, w.Split
}

// importFile takes up a file for the screens.
func importFile(ctx context.Context, w *cli.Work, path string, r ui.ImportRequest, progress func(read, size int64)) ([]ui.ImportResult, error) {
	var asked ui.ImportResult
	opts := cli.ImportOptions{
		Order: exports.Order(r.Order), All: r.All, Progress: progress,
		Headings: func(file string, headings []string) { asked = ui.ImportResult{File: file, Columns: headings} },
	}
	for field, heading := range r.Columns {
		if opts.Columns == nil {
			opts.Columns = map[exports.Field]string{}
		}
		opts.Columns[exports.Field(field)] = heading
	}
	if path == "-" {
		path = "./-" // the terminal is not a file
	}
	got, err := w.Import(ctx, cli.HomePath(path), opts)
	var out []ui.ImportResult
	for _, i := range got {
		out = append(out, imported(i))
	}
	if err != nil && asked.File != "" {
		out = append(out, asked)
	}
	return out, err
}

// imported is what a file was, as the screens have it.
func imported(i cli.Imported) ui.ImportResult {
	r := ui.ImportResult{
		File: i.File, Kind: i.Kind, Rows: i.Rows, Skipped: i.Skipped, BadRows: i.BadRows, Columns: i.Columns,
		YearsGuessed: i.YearsGuessed, Order: string(i.Order), Again: i.Again, New: i.New, Joined: i.Joined, Left: i.Left, Dropped: i.Dropped,
		Known: map[string]string{},
	}
	for field, heading := range i.Known {
		r.Known[string(field)] = heading
	}
	for _, b := range i.Bad {
		r.Bad = append(r.Bad, ui.BadRow(b))
	}
	for _, c := range i.Changes {
		r.Changes = append(r.Changes, ui.ImportChange(c))
	}
	return r
}
