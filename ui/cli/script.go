package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/powershell"
	"offbasic/ui/text"
	"offbasic/wizard"
	"offbasic/wizard/folder"
)

// scriptFlags tell what a script is about.
type scriptFlags struct {
	values     wizard.ScriptValues
	sender, to string
	all        bool
}

func (c *call) scriptCommand() *cobra.Command {
	var f scriptFlags
	cmd := c.command("script", func(cmd *cobra.Command, _ []string) error { return cmd.Help() })
	list := c.scriptSub("list", func(*cobra.Command, []string) error { return c.scriptList() })
	show := c.scriptSub("show NAME", func(cmd *cobra.Command, args []string) error { return c.scriptShow(cmd.Context(), f, args) })
	save := c.scriptSub("save [NAME...]", func(cmd *cobra.Command, args []string) error { return c.scriptSave(cmd.Context(), f, args) })
	check := c.scriptSub("check FILE", func(cmd *cobra.Command, args []string) error { return c.scriptCheck(cmd.Context(), f, args) })
	var how runFlags
	run := c.scriptSub("run NAME", func(cmd *cobra.Command, args []string) error { return c.scriptRun(cmd.Context(), f, how, args) })
	take := c.scriptSub("import FILE", func(cmd *cobra.Command, args []string) error { return c.scriptImport(cmd.Context(), f, args) })
	for _, sub := range []*cobra.Command{show, save, check, run, take} {
		sub.Flags().StringVar(&f.sender, "sender", "", c.tr.T("cli.flag.sender"))
		for _, in := range wizard.ScriptInputs() {
			usage := c.tr.T("script.value." + in.Name)
			if in.List != nil {
				sub.Flags().StringArrayVar(in.List(&f.values), in.Name, nil, usage)
			} else {
				sub.Flags().StringVar(in.Text(&f.values), in.Name, "", usage)
			}
		}
	}
	save.Flags().StringVar(&f.to, "to", ".", c.tr.T("cli.flag.to_dir"))
	save.Flags().BoolVar(&f.all, "all", false, c.tr.T("cli.flag.all_scripts"))
	run.Flags().BoolVar(&how.whatIf, "what-if", false, c.tr.T("cli.flag.what_if"))
	run.Flags().BoolVar(&how.yes, "yes", false, c.tr.T("cli.flag.yes"))
	cmd.AddCommand(list, show, save, run, check, take)
	return cmd
}

// scriptSub is a command below script: its words are "cli.script.<name>".
func (c *call) scriptSub(use string, run func(*cobra.Command, []string) error) *cobra.Command {
	name, _, _ := strings.Cut(use, " ")
	return &cobra.Command{Use: use, Short: c.tr.T("cli.script." + name), RunE: run}
}

// scriptList lists the scripts that change something, then those that only
// read.
func (c *call) scriptList() error {
	for _, changes := range []bool{true, false} {
		heading := "script.list.reads"
		if changes {
			heading = "script.list.changes"
		}
		c.say("%s", c.tr.T(heading))
		for _, name := range wizard.ScriptNames() {
			s, _ := wizard.ScriptNamed(name, wizard.ScriptValues{})
			if s.Changes() != changes {
				continue
			}
			needs, takes := wizard.ScriptInputsOf(name)
			if c.json {
				if err := c.line(scriptLine{Type: "script", Script: name, Changes: &changes, Needs: needs, Takes: takes}); err != nil {
					return err
				}
				continue
			}
			c.say("  %-24s  %s", name, c.tr.T("script."+name))
		}
	}
	return nil
}

// built is a script, and the values of it that are placeholders.
type built struct {
	probes.Script
	placeholders []string
}

// build makes a script by name, with the values of the command line, else of
// the sender and the migration. What is not known is a placeholder that cannot
// be mistaken for a real value, and is said on stderr.
func (c *call) build(v wizard.ScriptValues, name string) (built, error) {
	v, missing := v.Filled(name)
	if err := given(v.Validate(name), missing); err != nil {
		return built{}, usageError{err: err}
	}
	s, ok := wizard.ScriptNamed(name, v)
	if !ok {
		return built{}, badUsage("usage.script", text.Args{"name": name, "names": strings.Join(wizard.ScriptNames(), ", ")})
	}
	if len(missing) > 0 {
		c.note("script.placeholders", text.Args{"script": name, "values": "--" + strings.Join(missing, ", --")})
	}
	return built{s, missing}, nil
}

// given leaves out what is wrong with placeholders.
func given(err error, placeholders []string) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	return errors.Join(slices.DeleteFunc(joined.Unwrap(), func(err error) bool {
		wrong, ok := errors.AsType[*wizard.ValueError](err)
		return ok && slices.Contains(placeholders, wrong.Name)
	})...)
}

// known are the values of the command line, and for what it leaves out those
// of the sender and of the migration. A script, of those that are to be
// written, of the model of rights that was not chosen is said on stderr.
func (c *call) known(ctx context.Context, f scriptFlags, names ...string) (wizard.ScriptValues, error) {
	w, err := c.openRead(ctx)
	if isMissing(err) && f.sender == "" {
		return f.values, nil
	}
	if err != nil {
		return wizard.ScriptValues{}, err
	}
	defer w.Close() //nolint:errcheck // nothing was written
	m := w.Folder.Migration()
	c.cloud = w.cloud().ID
	for _, name := range names {
		if m.OtherModel(name) {
			c.note("script.other_model", otherModel(m, c.tr, name))
		}
	}
	return knownTo(w, f)
}

func (c *call) writer() powershell.Writer { return (&Work{Text: c.tr, inCloud: c.cloud}).scripts() }

func (c *call) scriptShow(ctx context.Context, f scriptFlags, args []string) error {
	if len(args) != 1 {
		return badUsage("usage.script_show", text.Args{"names": strings.Join(wizard.ScriptNames(), ", ")})
	}
	v, err := c.known(ctx, f, args...)
	if err != nil {
		return err
	}
	s, err := c.build(v, args[0])
	if err != nil {
		return err
	}
	t, err := c.writer().Text(s.Script)
	if err != nil {
		return err
	}
	if c.json {
		return c.line(scriptLine{Type: "script", Script: s.Name, Text: t, Placeholders: s.placeholders})
	}
	_, err = fmt.Fprint(c.Out, t)
	return err
}

func (c *call) scriptSave(ctx context.Context, f scriptFlags, names []string) error {
	if f.all {
		names = wizard.ScriptNames()
	}
	if len(names) == 0 {
		return badUsage("usage.script_save", text.Args{"names": strings.Join(wizard.ScriptNames(), ", ")})
	}
	v, err := c.known(ctx, f, names...)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.to, 0o700); err != nil {
		return &probes.Fault{Op: "make folder " + f.to, Code: "save_failed", Err: err}
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		s, err := c.build(v, name)
		if err != nil {
			return err
		}
		if err := c.saveTo(filepath.Join(f.to, name+".ps1"), s); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) saveTo(path string, s built) error {
	var b strings.Builder
	if err := c.writer().Write(&b, s.Script); err != nil {
		return err
	}
	saved, err := saveBeside(path, b.String())
	if err != nil {
		return &probes.Fault{Op: "save " + path, Code: "save_failed", Err: err}
	}
	if saved != path {
		c.note("script.save.kept", text.Args{"path": path, "saved": saved})
	}
	if c.json {
		return c.line(scriptLine{Type: "script", Script: s.Name, Path: saved, Placeholders: s.placeholders})
	}
	c.say("%s", saved)
	return nil
}

// scriptCheck compares a read-back with what its script was to set.
func (c *call) scriptCheck(ctx context.Context, f scriptFlags, args []string) error {
	if len(args) != 1 {
		return badUsage("usage.script_check", nil)
	}
	tried := "read the answer " + args[0]
	b, err := os.ReadFile(args[0])
	if err != nil {
		return &probes.Fault{Op: tried, Code: "readback_unreadable", Err: err}
	}
	answer, err := folder.ParseReadBack(args[0], b)
	if err != nil {
		return err
	}
	v, err := c.known(ctx, f)
	if err != nil {
		return err
	}
	s, err := c.build(v, answer.Script)
	if err != nil {
		return err
	}
	if answer.Error != "" {
		return &probes.Fault{Op: tried, Code: "script_stopped", Args: text.Args{"error": probes.Clean(answer.Step+": "+answer.Error, 400)}}
	}
	if !s.Changes() {
		return c.wasRead(s.Script, answer)
	}
	got := checks.CompareReadBack(s.Script, answer)
	if err := c.compared(got); err != nil {
		return err
	}
	if !checks.AllAsExpected(got) {
		return errFindings
	}
	return nil
}

// wasRead says how much a script that changes nothing has read.
func (c *call) wasRead(s probes.Script, f probes.ReadBackFile) error {
	rows := map[string]int{}
	for _, r := range s.Reads {
		rows[r.ID] = len(f.Results[r.ID])
		said := c.tr.T("script.rows", text.Args{"count": itoa(rows[r.ID])})
		if why := f.Unread[r.ID]; why != "" {
			said = c.tr.T("script.unread", text.Args{"why": probes.Clean(why, 200)})
		}
		name := r.ID
		if key := "script.read." + r.ID; c.tr.Has(key) {
			name = c.tr.T(key)
		}
		c.say("  %-34s  %s", name, said)
	}
	if c.json {
		return c.line(scriptLine{Type: "script", Script: s.Name, Rows: rows, Unread: f.Unread})
	}
	return nil
}

func (c *call) compared(got []checks.Compared) error {
	for _, g := range got {
		if c.json {
			if err := c.line(readBackLine{"readback", g}); err != nil {
				return err
			}
			continue
		}
		key := "readback.not_yet"
		if g.OK {
			key = "readback.ok"
		}
		c.say("  %-34s  %s", c.tr.T("expect."+g.ID), c.tr.T(key, text.Args{"got": orDash(g.Got), "want": g.Want}))
	}
	return nil
}

// scriptLine is a script in the JSON contract.
type scriptLine struct {
	Type   string `json:"type"`
	Script string `json:"script"`
	Text   string `json:"text,omitempty"`
	Path   string `json:"path,omitempty"`
	// Placeholders are the inputs that are not known: the script cannot be run
	// yet.
	Placeholders []string `json:"placeholders,omitempty"`
	// Of the list: whether the script changes something, what it must be told,
	// and what else it can be told.
	Changes *bool    `json:"changes,omitempty"`
	Needs   []string `json:"needs,omitempty"`
	Takes   []string `json:"takes,omitempty"`
	// Of the answer of a script that only reads: the rows of each read, and why
	// one was left out.
	Rows   map[string]int    `json:"rows,omitempty"`
	Unread map[string]string `json:"unread,omitempty"`
}

// readBackLine is one compared value in the JSON contract.
type readBackLine struct {
	Type string `json:"type"`
	checks.Compared
}
