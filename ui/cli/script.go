package cli

import (
	"context"
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

// scriptFlags tell for whom a script is written.
type scriptFlags struct {
	sender, mailbox, to string
	all                 bool
}

func (c *call) scriptCommand() *cobra.Command {
	var f scriptFlags
	cmd := c.command("script", func(cmd *cobra.Command, _ []string) error { return cmd.Help() })
	list := c.sub("script", "list", func(*cobra.Command, []string) error { return c.scriptList() })
	show := c.sub("script", "show NAME", func(cmd *cobra.Command, args []string) error { return c.scriptShow(cmd.Context(), f, args) })
	save := c.sub("script", "save [NAME...]", func(cmd *cobra.Command, args []string) error { return c.scriptSave(cmd.Context(), f, args) })
	check := c.sub("script", "check FILE", func(cmd *cobra.Command, args []string) error { return c.scriptCheck(cmd.Context(), f, args) })
	for _, sub := range []*cobra.Command{show, save, check} {
		sub.Flags().StringVar(&f.sender, "sender", "", c.tr.T("cli.flag.sender"))
		sub.Flags().StringVar(&f.mailbox, "mailbox", "", c.tr.T("cli.flag.mailbox"))
	}
	save.Flags().StringVar(&f.to, "to", ".", c.tr.T("cli.flag.to_dir"))
	save.Flags().BoolVar(&f.all, "all", false, c.tr.T("cli.flag.all_scripts"))
	cmd.AddCommand(list, show, save, check)
	return cmd
}

// sub is a command below another: its words are "cli.<parent>.<name>".
func (c *call) sub(parent, use string, run func(*cobra.Command, []string) error) *cobra.Command {
	name, _, _ := strings.Cut(use, " ")
	return &cobra.Command{Use: use, Short: c.tr.T("cli." + parent + "." + name), RunE: run}
}

func (c *call) scriptList() error {
	for _, name := range wizard.ScriptNames() {
		if c.json {
			if err := c.line(scriptLine{Type: "script", Script: name}); err != nil {
				return err
			}
			continue
		}
		c.say("%-20s  %s", name, c.tr.T("script."+name))
	}
	return nil
}

// build makes a script by name for a sender or mailbox. Ids that are not known
// yet are placeholders that cannot be mistaken for real ones.
func (c *call) build(ctx context.Context, f scriptFlags, name string) (probes.Script, error) {
	w, err := c.open(ctx)
	if err != nil {
		return probes.Script{}, err
	}
	defer w.Close() //nolint:errcheck // nothing was written
	m := w.Folder.Migration()
	v := wizard.ScriptValues{Mailbox: f.mailbox, App: wizard.Registration{ClientID: "<client-id>", ObjectID: "<enterprise-application-object-id>"}}
	if m.App != nil {
		v.App = *m.App
	}
	if f.sender != "" {
		s, ok := m.Sender(f.sender)
		if !ok {
			return probes.Script{}, noSender(f.sender)
		}
		v.Mailbox = first(v.Mailbox, s.Mailbox())
	}
	v.Mailbox = first(v.Mailbox, "<mailbox>")
	s, ok := wizard.ScriptNamed(name, v)
	if !ok {
		return probes.Script{}, badUsage("no script is named %q: use one of %s", name, strings.Join(wizard.ScriptNames(), ", "))
	}
	return s, nil
}

func (c *call) writer() powershell.Writer { return (&Work{Text: c.tr}).scripts() }

func (c *call) scriptShow(ctx context.Context, f scriptFlags, args []string) error {
	if len(args) != 1 {
		return badUsage("script show needs the name of one script: %s", strings.Join(wizard.ScriptNames(), ", "))
	}
	s, err := c.build(ctx, f, args[0])
	if err != nil {
		return err
	}
	t, err := c.writer().Text(s)
	if err != nil {
		return err
	}
	if c.json {
		return c.line(scriptLine{Type: "script", Script: s.Name, Text: t})
	}
	_, err = fmt.Fprint(c.Out, t)
	return err
}

func (c *call) scriptSave(ctx context.Context, f scriptFlags, names []string) error {
	if f.all {
		names = wizard.ScriptNames()
	}
	if len(names) == 0 {
		return badUsage("script save needs the names of scripts, or --all: %s", strings.Join(wizard.ScriptNames(), ", "))
	}
	if err := os.MkdirAll(f.to, 0o700); err != nil {
		return &probes.Fault{Op: "make folder " + f.to, Code: "save_failed", Err: err}
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		s, err := c.build(ctx, f, name)
		if err != nil {
			return err
		}
		if err := c.saveTo(filepath.Join(f.to, name+".ps1"), s); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) saveTo(path string, s probes.Script) error {
	var b strings.Builder
	if err := c.writer().Write(&b, s); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return &probes.Fault{Op: "save " + path, Code: "save_failed", Err: err}
	}
	if c.json {
		return c.line(scriptLine{Type: "script", Script: s.Name, Path: path})
	}
	c.say("%s", path)
	return nil
}

// scriptCheck compares a read-back with what its script was to set.
func (c *call) scriptCheck(ctx context.Context, f scriptFlags, args []string) error {
	if len(args) != 1 {
		return badUsage("script check needs the JSON file that a script wrote")
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
	s, err := c.build(ctx, f, answer.Script)
	if err != nil {
		return err
	}
	got := checks.CompareReadBack(s, answer)
	if err := c.compared(got); err != nil {
		return err
	}
	if !checks.AllAsExpected(got) {
		return errFindings
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
}

// readBackLine is one compared value in the JSON contract.
type readBackLine struct {
	Type string `json:"type"`
	checks.Compared
}
