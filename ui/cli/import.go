package cli

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offbasic/probes"
	"offbasic/probes/exports"
	"offbasic/ui/text"
)

// importFlags say how files are to be read.
type importFlags struct {
	columns []string
	order   string
	all     bool
	live    liveFlags
}

func (c *call) importCommand() *cobra.Command {
	var f importFlags
	cmd := c.command("import [FILE...]", func(cmd *cobra.Command, args []string) error {
		if f.live.source != "" {
			return c.importLive(cmd.Context(), f)
		}
		return c.importFiles(cmd.Context(), args, f)
	})
	cmd.Args = func(_ *cobra.Command, args []string) error { return f.check(args) }
	cmd.Flags().StringSliceVar(&f.columns, "column", nil, c.tr.T("cli.flag.column", text.Args{"names": fieldNames()}))
	cmd.Flags().StringVar(&f.order, "dates", "", c.tr.T("cli.flag.dates"))
	cmd.Flags().BoolVar(&f.all, "all", false, c.tr.T("cli.flag.import_all"))
	c.liveFlags(cmd, &f.live)
	return cmd
}

func fieldNames() string {
	var names []string
	for _, f := range exports.Fields() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

// options reads the flags.
func (f importFlags) options() (ImportOptions, error) {
	o := ImportOptions{All: f.all, Order: exports.Order(f.order)}
	if !slices.Contains([]exports.Order{"", exports.DayFirst, exports.MonthFirst}, o.Order) {
		return o, badUsage("usage.dates", text.Args{"name": f.order})
	}
	for _, pair := range f.columns {
		field, heading, ok := strings.Cut(pair, "=")
		if !ok || !slices.Contains(exports.Fields(), exports.Field(field)) {
			return o, badUsage("usage.column", text.Args{"name": pair, "names": fieldNames()})
		}
		if o.Columns == nil {
			o.Columns = map[exports.Field]string{}
		}
		o.Columns[exports.Field(field)] = heading
	}
	return o, nil
}

// importFiles takes up one file after the other. One that cannot be read
// stops, and changes nothing; those before it stay taken up.
func (c *call) importFiles(ctx context.Context, files []string, f importFlags) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	o.Stdin = c.In
	for _, file := range files {
		o.Progress = c.importProgress(file)
		results, err := w.Import(ctx, file, o)
		for _, r := range results {
			if err := c.imported(r); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// importProgress tells how far a large file is, now and then.
func (c *call) importProgress(file string) func(read, size int64) {
	if !c.Terminal {
		return nil
	}
	const step = 64 << 20
	next := int64(step)
	return func(read, size int64) {
		if read < next || size <= 0 {
			return
		}
		next = read + step
		c.note("cli.import.progress", text.Args{"file": file, "percent": itoa(int(read * 100 / size))})
	}
}

// imported says what a file was, and what it changed.
func (c *call) imported(r Imported) error {
	if c.json {
		return c.line(r)
	}
	c.livePeriod(r)
	switch {
	case r.Again && !r.Since.IsZero():
		c.say("%s", c.tr.T("import.live.again"))
		return nil
	case r.Again:
		c.say("%s", c.tr.T("import.again", text.Args{"file": r.File}))
		return nil
	}
	c.say("%s", c.tr.T("import.read", text.Args{"file": r.File, "kind": c.tr.T("source." + string(r.Kind)), "rows": itoa(r.Rows), "skipped": itoa(r.Skipped)}))
	if len(r.Known) > 0 {
		c.say("  %s", c.tr.T("import.columns", text.Args{"columns": knownColumns(r.Known)}))
	}
	if r.YearsGuessed {
		c.say("  %s", c.tr.T("import.years"))
	}
	if r.Order != "" {
		c.say("  %s", c.tr.T("import.order."+string(r.Order)))
	}
	c.badRows(r)
	for _, change := range r.Changes {
		by := c.tr.T("join."+string(change.By), text.Args{"with": change.With})
		if change.Shared > 1 {
			by += " " + c.tr.T("join.shared", text.Args{"count": itoa(change.Shared)})
		}
		c.say("  %-3s %-24s  %s", map[bool]string{true: "+", false: "="}[change.New], change.Sender, by)
	}
	if r.Left > 0 {
		c.say("  %s", c.tr.T("import.left", text.Args{"count": itoa(r.Left)}))
	}
	if r.Dropped > 0 {
		c.say("  %s", c.tr.T("import.dropped", text.Args{"count": itoa(r.Dropped)}))
	}
	c.say("  %s", c.tr.T("import.done", text.Args{"new": itoa(r.New), "known": itoa(r.Joined)}))
	return nil
}

// badRows shows the first rows that could not be read, each with its line.
func (c *call) badRows(r Imported) {
	if r.BadRows == 0 {
		return
	}
	c.say("  %s", c.tr.T("import.bad", text.Args{"count": itoa(r.BadRows)}))
	for _, b := range r.Bad {
		c.say("    %s", c.tr.T("import.bad.line", text.Args{"file": r.File, "line": itoa(b.Line), "why": c.tr.T("import.bad." + b.Why)}))
	}
}

func knownColumns(known map[exports.Field]string) string {
	var parts []string
	for _, f := range slices.Sorted(maps.Keys(known)) {
		parts = append(parts, string(f)+" = "+known[f])
	}
	return strings.Join(parts, ", ")
}

// joinCommand and splitCommand mend by hand what an import took for one
// sender, or for two.
func (c *call) joinCommand() *cobra.Command {
	cmd := c.command("join SENDER OTHER", func(cmd *cobra.Command, args []string) error {
		return c.byHand(cmd.Context(), func(ctx context.Context, w *Work) (string, error) { return args[0], w.Join(ctx, args[0], args[1]) })
	})
	cmd.Args = exactly(2)
	return cmd
}

func (c *call) splitCommand() *cobra.Command {
	cmd := c.command("split SENDER SOURCE", func(cmd *cobra.Command, args []string) error {
		return c.byHand(cmd.Context(), func(ctx context.Context, w *Work) (string, error) { return w.Split(ctx, args[0], args[1]) })
	})
	cmd.Args = exactly(2)
	return cmd
}

// byHand does it and shows the sender.
func (c *call) byHand(ctx context.Context, do func(context.Context, *Work) (string, error)) error {
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	id, err := do(ctx, w)
	if err == nil {
		err = c.planOf(ctx, w, id)
	}
	if errors.Is(err, errFindings) {
		err = nil // what speaks against the sender is not what was asked for
	}
	return errors.Join(err, w.Close())
}

// importFault puts a fault of the wizard's into words.
func importFault(op string, code probes.Code, err error, args text.Args) error {
	return &probes.Fault{Op: op, Code: code, Args: args, Err: err}
}
