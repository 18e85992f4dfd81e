// Package cli is the program as commands: text for people, JSON lines for
// scripts. stdout is data, stderr is talk. It draws no screen; the wizard is
// opened by a function that main gives it.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offbasic/assets"
	"offbasic/probes"
	"offbasic/ui/text"
)

// Exit codes are part of the contract.
const (
	ExitOK       = 0 // done, or only warnings
	ExitFindings = 1 // findings failed
	ExitUsage    = 2 // the command line is wrong
	ExitFault    = 3 // could not run
)

// Program is the program's surroundings. Every field but Open,
// ReadPassword and Width must be set.
type Program struct {
	In       io.Reader
	Out, Err io.Writer
	// Terminal tells whether Out is a terminal.
	Terminal bool
	// Width is how many characters a line of the terminal has; 0, or nil, is
	// not known.
	Width   func() int
	Env     func(string) string
	Now     func() time.Time
	Version string
	// ReadPassword asks for a password on the terminal without showing it; nil
	// when there is nobody to ask.
	ReadPassword func(ctx context.Context, prompt string) (string, error)
	// Open shows the wizard.
	Open func(context.Context, *Work) error
}

// errFindings ends a command that did its work and found what must be mended.
var errFindings = errors.New("findings failed")

// saidError is an error whose words were printed already.
type saidError struct{ error }

func (e saidError) Unwrap() error { return e.error }

// call is one run of the program: its surroundings and the flags that every
// command has.
type call struct {
	Program
	tr     text.Printer
	folder string
	lab    bool
	faults []string // that happen in the lab
	cloud  string   // of the tenant; "" is what the migration knows
	json   bool
	plain  bool
	path   string // of the command: "offbasic script show"
	ran    bool   // the command line was understood
	told   string // the Op of the last fault that was told as it happened
	alone  bool   // it was said that no device can reach this computer
}

// Run runs the command that args name and returns the exit code.
func (p Program) Run(ctx context.Context, args []string) int {
	lang := p.language(args)
	tr, err := text.Load(assets.Locales(), lang)
	if err != nil {
		return p.noLanguage(lang)
	}
	// To be stopped is no error here: the cause is context.Canceled, not the
	// name of the signal.
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	c := &call{Program: p, tr: tr}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	cmd, err := root.ExecuteContextC(inner)
	if err != nil {
		c.path = cmd.CommandPath()
		c.complain(c.Err, err)
	}
	return c.exit(err)
}

// noLanguage says that there are no words in the language that was asked for.
func (p Program) noLanguage(name string) int {
	tr, err := text.Load(assets.Locales(), p.systemLanguage())
	if err != nil {
		fmt.Fprintln(p.Err, "offbasic:", err)
		return ExitFault
	}
	c := &call{Program: p, tr: tr, path: "offbasic"}
	c.complain(c.Err, badUsage("usage.lang", text.Args{"name": probes.Clean(name, 40)}))
	return ExitUsage
}

// language is the one that was asked for, by --lang or OFFBASIC_LANG, else
// that of the system. One that there are no words for is an error when they
// are looked for, not silently English.
func (p Program) language(args []string) string {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--lang="); ok {
			return v
		}
		if a == "--lang" && i+1 < len(args) {
			return args[i+1]
		}
	}
	if v := p.Env("OFFBASIC_LANG"); v != "" {
		lang, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(v), "-", "_"), "_")
		return lang
	}
	return p.systemLanguage()
}

// systemLanguage is that of the system where there are words for it, else
// English.
func (p Program) systemLanguage() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := p.Env(name); v != "" {
			return text.Pick(v)
		}
	}
	return "en"
}

func (c *call) exit(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, errFindings):
		return ExitFindings
	case errors.As(err, &usage), !c.ran, isWrongValue(err):
		return ExitUsage
	}
	return ExitFault
}

// complain prints an error in its three parts: what was tried, why it failed,
// what to do now.
func (c *call) complain(w io.Writer, err error) {
	var said saidError
	if errors.Is(err, errFindings) || errors.As(err, &said) {
		return
	}
	fmt.Fprintln(w, strings.Join(c.complaint(err), "\n"))
}

func (c *call) complaint(err error) []string {
	if f, ok := errors.AsType[*probes.Fault](err); ok && c.tr.Has("fault."+string(f.Code)) {
		return c.faultLines(f)
	}
	usage, ok := errors.AsType[usageError](err)
	if !ok && !c.ran {
		usage, ok = usageError{err: err}, true
	}
	path := text.Args{"command": c.path}
	if ok {
		return c.usageLines(usage, path)
	}
	return []string{
		c.tr.T("cli.broken", path),
		"  " + c.tr.T("cli.why") + " " + probes.Clean(err.Error(), 500),
		"  " + c.tr.T("cli.now") + " " + c.tr.T("cli.broken.hint"),
	}
}

func (c *call) faultLines(f *probes.Fault) []string {
	key := "fault." + string(f.Code)
	tried := f.Op
	if c.tr.Has(key + ".tried") {
		tried = c.tr.T(key+".tried", f.Args)
	}
	lines := []string{"offbasic: " + tried, "  " + c.tr.T("cli.why") + " " + c.tr.T(key, f.Args)}
	if f.Err != nil && !strings.Contains(c.tr.T(key), "{") {
		lines[1] += " (" + probes.Clean(f.Err.Error(), 300) + ")" // words with arguments hold the cause already
	}
	lines = append(lines, "  "+c.tr.T("cli.now")+" "+c.tr.T(key+".hint", f.Args))
	if command := f.Args["command"]; command != "" {
		lines = append(lines, "  "+c.tr.T("cli.command")+" "+command)
	}
	return lines
}

// root builds the command tree. Its words come from the locale, so that help,
// completion and man pages are of one language.
func (c *call) root() *cobra.Command {
	root := c.command("offbasic", func(cmd *cobra.Command, _ []string) error { return c.wizard(cmd.Context()) })
	root.SilenceUsage, root.SilenceErrors = true, true
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := errors.Join(excluding(cmd), filled(cmd), c.checkCloud()); err != nil {
			return err
		}
		c.ran, c.path = true, cmd.CommandPath()
		return nil
	}
	root.SetFlagErrorFunc(c.flagError)
	root.SetHelpFunc(c.help)
	root.Args = noArgs
	flags := root.PersistentFlags()
	flags.StringVar(&c.folder, "folder", "", c.tr.T("cli.flag.folder"))
	flags.BoolVar(&c.lab, "lab", false, c.tr.T("cli.flag.lab"))
	flags.StringArrayVar(&c.faults, "lab-fault", nil, c.tr.T("cli.flag.lab_fault"))
	flags.StringVar(&c.cloud, "cloud", "", c.tr.T("cli.flag.cloud"))
	flags.BoolVar(&c.json, "json", false, c.tr.T("cli.flag.json"))
	flags.String("lang", "en", c.tr.T("cli.flag.lang"))
	root.Flags().BoolVar(&c.plain, "plain", false, c.tr.T("cli.flag.plain"))
	root.AddCommand(
		c.tourCommand(), c.captureCommand(), c.interviewCommand(), c.importCommand(), c.joinCommand(), c.splitCommand(), c.askCommand(), c.planCommand(), c.relayCommand(), c.reportCommand(), c.mergeCommand(), c.bundleCommand(), c.listCommand(), c.registerCommand(), c.scriptCommand(), c.rightsCommand(), c.stateCommand(), c.logCommand(),
		c.sendCommand(), c.verifyCommand(), c.checkCommand(), c.explainCommand(), c.devicesCommand(), c.labCommand(), c.manCommand(),
	)
	c.translateHelp(root)
	return root
}

// command is one command with its words: "cli.<name>" is the short one.
func (c *call) command(use string, run func(*cobra.Command, []string) error) *cobra.Command {
	name, _, _ := strings.Cut(use, " ")
	cmd := &cobra.Command{Use: use, Short: c.tr.T("cli." + name), RunE: run}
	if long := "cli." + name + ".long"; c.tr.Has(long) {
		cmd.Long = c.tr.T(long)
	}
	if example := "cli." + name + ".example"; c.tr.Has(example) {
		cmd.Example = c.tr.T(example)
	}
	return cmd
}

// wizard opens the screens; into a pipe nothing is drawn.
func (c *call) wizard(ctx context.Context) error {
	if c.json {
		return badUsage("usage.json", nil)
	}
	if !c.Terminal {
		return &probes.Fault{Op: "open the wizard", Code: "no_terminal"}
	}
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	w.prompt = nil
	return errors.Join(c.Open(ctx, w), w.Close())
}

// owner names who holds the folder.
func owner() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}
