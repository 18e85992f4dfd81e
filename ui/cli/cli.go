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

	"charm.land/fang/v2"
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

// Program is the program's surroundings. Every field but Open and
// ReadPassword must be set.
type Program struct {
	In       io.Reader
	Out, Err io.Writer
	// Terminal tells whether Out is a terminal.
	Terminal bool
	Env      func(string) string
	Now      func() time.Time
	Version  string
	// ReadPassword asks for a password on the terminal without showing it; nil
	// when there is nobody to ask.
	ReadPassword func(ctx context.Context, prompt string) (string, error)
	// Open shows the wizard.
	Open func(context.Context, *Work) error
}

// errFindings ends a command that did its work and found what must be mended.
var errFindings = errors.New("findings failed")

// usageError is a command line that cannot be run as it is: words by key, or
// what cobra or a check of values said.
type usageError struct {
	key  string
	args text.Args
	err  error
}

func (e usageError) Error() string {
	if e.err != nil {
		return e.err.Error()
	}
	return e.key
}
func (e usageError) Unwrap() error { return e.err }

func badUsage(key string, args text.Args) error { return usageError{key: key, args: args} }

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
	json   bool
	plain  bool
	ran    bool   // the command line was understood
	told   string // the Op of the last fault that was told as it happened
}

// Run runs the command that args name and returns the exit code.
func (p Program) Run(ctx context.Context, args []string) int {
	tr, err := text.Load(assets.Locales(), p.language(args))
	if err != nil {
		fmt.Fprintln(p.Err, "offbasic: --lang is en or fr:", err)
		return ExitUsage
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
	err = fang.Execute(inner, root,
		fang.WithVersion(p.Version),
		fang.WithErrorHandler(func(w io.Writer, _ fang.Styles, err error) { c.complain(w, err) }),
	)
	return c.exit(err)
}

// language is that of --lang, else of the environment, else English. A wrong
// --lang is an error when the file is looked for, not silently English.
func (p Program) language(args []string) string {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--lang="); ok {
			return v
		}
		if a == "--lang" && i+1 < len(args) {
			return args[i+1]
		}
	}
	for _, name := range []string{"OFFBASIC_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
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
	case errors.As(err, &usage), !c.ran:
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
	if f, ok := errors.AsType[*probes.Fault](err); ok && c.tr.Has("fault."+string(f.Code)) {
		for _, line := range c.faultLines(f) {
			fmt.Fprintln(w, line)
		}
		return
	}
	var usage usageError
	if errors.As(err, &usage) && usage.key != "" {
		err = errors.New(c.tr.T(usage.key, usage.args))
	}
	fmt.Fprintln(w, "offbasic:", err)
	if usage.key != "" || usage.err != nil || !c.ran {
		fmt.Fprintln(w, c.tr.T("cli.see_help"))
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
	root.PersistentPreRun = func(*cobra.Command, []string) { c.ran = true }
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err: err} })
	root.Args = noArgs
	flags := root.PersistentFlags()
	flags.StringVar(&c.folder, "folder", "", c.tr.T("cli.flag.folder"))
	flags.BoolVar(&c.lab, "lab", false, c.tr.T("cli.flag.lab"))
	flags.StringArrayVar(&c.faults, "lab-fault", nil, c.tr.T("cli.flag.lab_fault"))
	flags.BoolVar(&c.json, "json", false, c.tr.T("cli.flag.json"))
	flags.String("lang", "en", c.tr.T("cli.flag.lang"))
	root.Flags().BoolVar(&c.plain, "plain", false, c.tr.T("cli.flag.plain"))
	root.AddCommand(
		c.tourCommand(), c.captureCommand(), c.interviewCommand(), c.importCommand(), c.joinCommand(), c.splitCommand(), c.askCommand(), c.planCommand(), c.relayCommand(), c.reportCommand(), c.mergeCommand(), c.bundleCommand(), c.listCommand(), c.registerCommand(), c.scriptCommand(), c.rightsCommand(), c.stateCommand(), c.logCommand(),
		c.sendCommand(), c.verifyCommand(), c.checkCommand(), c.explainCommand(), c.devicesCommand(), c.labCommand(),
	)
	c.translateHelp(root)
	return root
}

// translateHelp puts cobra's own flag into the reader's language.
func (c *call) translateHelp(cmd *cobra.Command) {
	if !cmd.HasParent() {
		cmd.Version = "-" // fang puts the real one in
		cmd.InitDefaultVersionFlag()
		cmd.Flags().Lookup("version").Usage = c.tr.T("cli.flag.version")
		cmd.InitDefaultHelpCmd()
		cmd.InitDefaultCompletionCmd()
	}
	if own := "cli." + cmd.Name(); cmd.Short == "" || c.tr.Has(own) && cmd.Parent() == cmd.Root() {
		cmd.Short = c.tr.T(own)
	}
	cmd.InitDefaultHelpFlag()
	cmd.Flags().Lookup("help").Usage = c.tr.T("cli.flag.help")
	for _, sub := range cmd.Commands() {
		c.translateHelp(sub)
	}
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

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return badUsage("usage.argument", text.Args{"name": args[0]})
	}
	return nil
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
