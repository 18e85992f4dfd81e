package cli

import (
	"cmp"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	mango "github.com/muesli/mango-cobra"
	"github.com/muesli/roff"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"offbasic/ui/text"
)

// help prints the help of a command. Nothing of it is cut: explanations are
// wrapped, a usage or an example stays on its line to be copied.
func (c *call) help(cmd *cobra.Command, _ []string) {
	w, width := cmd.OutOrStdout(), c.helpWidth()
	fmt.Fprintln(w)
	for line := range strings.Lines(first(cmd.Long, cmd.Short)) {
		fmt.Fprintln(w, indented(strings.TrimRight(line, "\n"), 2, width))
	}
	c.heading(w, "usage")
	fmt.Fprintln(w, "    "+c.useLine(cmd))
	if cmd.Example != "" {
		c.heading(w, "examples")
		for line := range strings.Lines(cmd.Example) {
			fmt.Fprintln(w, "    "+strings.TrimRight(line, "\n"))
		}
	}
	c.helpCommands(w, cmd, width)
	c.helpFlags(w, cmd, width)
	fmt.Fprintln(w)
}

// helpWidth is how many characters a line of help has.
func (c *call) helpWidth() int {
	const usual, narrowest, widest = 100, 40, 120
	if c.Width == nil {
		return usual
	}
	if width := c.Width(); width > 0 {
		return min(max(width, narrowest), widest)
	}
	return usual
}

func (c *call) heading(w io.Writer, name string) {
	fmt.Fprintf(w, "\n  %s\n\n", c.tr.T("cli.help."+name))
}

// useLine is how a command is typed.
func (c *call) useLine(cmd *cobra.Command) string {
	use := cmd.CommandPath()
	if _, arguments, ok := strings.Cut(cmd.Use, " "); ok {
		use += " " + arguments
	}
	if cmd.HasAvailableSubCommands() {
		use += " [" + c.tr.T("cli.help.command") + "]"
	}
	return use + " [--" + c.tr.T("cli.help.options") + "]"
}

func (c *call) helpCommands(w io.Writer, cmd *cobra.Command, width int) {
	var rows [][2]string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			rows = append(rows, [2]string{sub.Use, sub.Short})
		}
	}
	c.helpRows(w, "commands", rows, width)
}

func (c *call) helpFlags(w io.Writer, cmd *cobra.Command, width int) {
	var rows [][2]string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + " " + name
		}
		if value := c.valueName(cmd, f); value != "" {
			name += " " + value
		}
		words := f.Usage
		switch f.DefValue {
		case "", "false", "0", "0s", "[]":
		default:
			words += " (" + f.DefValue + ")"
		}
		rows = append(rows, [2]string{name, words})
	})
	c.helpRows(w, "flags", rows, width)
}

// helpRows prints names and what they mean, side by side. A name that is too
// long has its line for itself.
func (c *call) helpRows(w io.Writer, heading string, rows [][2]string, width int) {
	if len(rows) == 0 {
		return
	}
	const before, between, longest = 4, 2, 30
	space := 0
	for _, r := range rows {
		if n := utf8.RuneCountInString(r[0]); n <= longest {
			space = max(space, n)
		}
	}
	c.heading(w, heading)
	for _, r := range rows {
		words := indented(r[1], before+space+between, width)
		if n := utf8.RuneCountInString(r[0]); n <= space {
			words = strings.Repeat(" ", before) + r[0] + words[before+n:]
		} else {
			words = strings.Repeat(" ", before) + r[0] + "\n" + words
		}
		fmt.Fprintln(w, words)
	}
}

// indented wraps a line at width behind a margin of blanks.
func indented(line string, margin, width int) string {
	blanks := strings.Repeat(" ", margin)
	if strings.HasPrefix(line, " ") || line == "" {
		return strings.TrimRight(blanks+line, " ") // it is laid out already
	}
	var out strings.Builder
	used := 0
	for word := range strings.SplitSeq(line, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case used == 0:
			out.WriteString(blanks)
			used = margin
		case used+1+n > width:
			out.WriteString("\n" + blanks)
			used = margin
		default:
			out.WriteString(" ")
			used++
		}
		out.WriteString(word)
		used += n
	}
	return out.String()
}

// valueName stands for the value of a flag; "" for a flag that has none.
func (c *call) valueName(cmd *cobra.Command, f *pflag.Flag) string {
	kind := f.Value.Type()
	if kind == "bool" {
		return ""
	}
	return c.tr.T(cmp.Or(c.has("cli.value."+cmd.Name()+"."+f.Name), c.has("cli.value."+f.Name), "cli.value.of."+kind))
}

// translateHelp puts cobra's own commands and flags into the reader's
// language.
func (c *call) translateHelp(cmd *cobra.Command) {
	if !cmd.HasParent() {
		cmd.Version = c.built()
		cmd.InitDefaultVersionFlag()
		cmd.Flags().Lookup("version").Usage = c.tr.T("cli.flag.version")
		cmd.InitDefaultHelpCmd()
		cmd.InitDefaultCompletionCmd()
	}
	own := "cli." + cmd.Name()
	if cmd.Short == "" || c.tr.Has(own) && cmd.Parent() == cmd.Root() {
		cmd.Short = c.tr.T(own)
	}
	switch {
	case cmd.Name() == "help":
		cmd.Long, cmd.Run, cmd.RunE = "", nil, helpOf
	case cmd.Name() == "completion":
		cmd.Long, cmd.RunE = "", func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	case cmd.HasParent() && cmd.Parent().Name() == "completion":
		c.translateCompletion(cmd)
	}
	if cmd.HasSubCommands() && cmd.Args == nil {
		cmd.Args = noArgs
	}
	cmd.InitDefaultHelpFlag()
	cmd.Flags().Lookup("help").Usage = c.tr.T("cli.flag.help")
	for _, sub := range cmd.Commands() {
		c.translateHelp(sub)
	}
}

// helpOf shows the help of the command that is named.
func helpOf(cmd *cobra.Command, args []string) error {
	named, rest, err := cmd.Root().Find(args)
	if err != nil {
		return err
	}
	if err := noArgs(named, rest); err != nil {
		return err
	}
	return named.Help()
}

// translateCompletion words one shell's command; how a shell takes its script
// up is shown as an example.
func (c *call) translateCompletion(cmd *cobra.Command) {
	cmd.Short, cmd.Long = c.tr.T("cli.completion.of", text.Args{"shell": cmd.Name()}), ""
	cmd.Example = map[string]string{
		"bash":       "source <(offbasic completion bash)",
		"zsh":        "source <(offbasic completion zsh)",
		"fish":       "offbasic completion fish | source",
		"powershell": "offbasic completion powershell | Out-String | Invoke-Expression",
	}[cmd.Name()]
	if f := cmd.Flags().Lookup("no-descriptions"); f != nil {
		f.Usage = c.tr.T("cli.flag.no_descriptions")
	}
}

// built is the version of the release, else what the build knows of itself.
func (c *call) built() string {
	if c.Version != "" {
		return c.Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Sum == "" {
		return c.tr.T("cli.version.source")
	}
	return info.Main.Version
}

// revision is the version for a machine to read: that of the release, else the
// commit that the program was built from.
func (c *call) revision() string {
	if c.Version != "" {
		return c.Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	said := map[string]string{}
	for _, s := range info.Settings {
		said[s.Key] = s.Value
	}
	version := cmp.Or(strings.Trim(info.Main.Version, "()"), "devel")
	if commit := said["vcs.revision"]; commit != "" && !strings.Contains(version, commit[:min(len(commit), 12)]) {
		version += " " + commit
	}
	return version
}

// manCommand writes the man page, for whoever packs the program.
func (c *call) manCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "man", Hidden: true, Short: c.tr.T("cli.man"), RunE: func(cmd *cobra.Command, _ []string) error {
		page, err := mango.NewManPage(1, cmd.Root())
		if err != nil {
			return fmt.Errorf("make the man page: %w", err)
		}
		_, err = io.WriteString(c.Out, page.Build(roff.NewDocument()))
		return err
	}}
	cmd.Args = noArgs
	return cmd
}
