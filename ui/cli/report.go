package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/report"
	"offbasic/ui/text"
	"offbasic/wizard"
)

func (c *call) reportCommand() *cobra.Command {
	var format, out string
	var checklist bool
	cmd := c.command("report", func(cmd *cobra.Command, _ []string) error {
		return c.report(cmd.Context(), format, out, checklist)
	})
	cmd.Args = noArgs
	cmd.Flags().StringVar(&format, "format", "", c.tr.T("cli.flag.report_format", text.Args{"names": strings.Join(report.Formats(), ", ")}))
	cmd.Flags().StringVarP(&out, "output", "o", "", c.tr.T("cli.flag.report_output"))
	cmd.Flags().BoolVar(&checklist, "checklist", false, c.tr.T("cli.flag.checklist"))
	return cmd
}

// report writes the migration as a document, to a file or to stdout.
func (c *call) report(ctx context.Context, format, out string, checklist bool) error {
	if format == "" {
		format = strings.TrimPrefix(strings.ToLower(filepath.Ext(out)), ".")
	}
	if format == "" {
		format = "md"
	}
	if c.json {
		format = "json"
	}
	if !slices.Contains(report.Formats(), format) {
		return badUsage("usage.report_format", text.Args{"name": format, "names": strings.Join(report.Formats(), ", ")})
	}
	if checklist && format != "csv" && format != "json" {
		return badUsage("usage.checklist_format", text.Args{"name": format})
	}
	w, err := c.openRead(ctx)
	if err != nil {
		return err
	}
	r, err := w.Report(ctx, c.tr)
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	write := func(to io.Writer) error { return r.Write(to, format) }
	if checklist {
		write = func(to io.Writer) error { return c.checklist(to, r, format) }
	}
	if out == "" || out == "-" {
		return write(c.Out)
	}
	if err := writeFile(out, write); err != nil {
		return err
	}
	c.note("cli.report.written", text.Args{"path": out})
	return nil
}

// checklist writes the checklist alone.
func (c *call) checklist(to io.Writer, r report.Report, format string) error {
	if format == "csv" {
		return r.ChecklistCSV(to)
	}
	at := *c
	at.Out = to
	for _, i := range r.Checklist {
		if err := at.line(checklistLine{"checklist", i}); err != nil {
			return err
		}
	}
	return nil
}

// checklistLine is an item of the checklist in the JSON contract.
type checklistLine struct {
	Type string `json:"type"`
	wizard.Item
}

// Report gathers what a report tells, in the words of tr.
func (w *Work) Report(ctx context.Context, tr text.Printer) (report.Report, error) {
	m := w.Folder.Migration()
	trials, err := w.Trials(ctx)
	if err != nil {
		return report.Report{}, err
	}
	var changes []probes.Change
	err = w.Folder.Changes(ctx, func(c probes.Change) error {
		changes = append(changes, c)
		return nil
	})
	if err != nil {
		return report.Report{}, err
	}
	facts, err := w.allFacts(ctx, trials)
	if err != nil {
		return report.Report{}, err
	}
	return report.Build(report.Input{
		Text: tr, Now: w.Now(), Location: time.Local, Migration: m, //nolint:gosmopolitan // times are for the person here
		Facts:   func(id string) checks.Facts { return facts[id] },
		Product: func(id string) string { return w.productOf(m, id, facts[id]) },
		Trials:  trials, Changes: changes,
	}), nil
}

// allFacts is what is known of every sender, read in one go.
func (w *Work) allFacts(ctx context.Context, trials []probes.Trial) (map[string]checks.Facts, error) {
	m := w.Folder.Migration()
	facts, owner := make(map[string]checks.Facts, len(m.Senders)), map[string]string{} // of senders that were joined
	for _, s := range m.Senders {
		f := checks.Facts{Sender: s.ID, Domains: m.Tenant.Domains}
		s.Inform(&f)
		facts[s.ID] = f
		for _, was := range s.Was {
			owner[was] = s.ID
		}
	}
	err := w.Folder.Sessions(ctx, func(s probes.Session) error {
		if id := m.OwnerOf(s); id != "" {
			s.Transcript = nil
			f := facts[id]
			f.Sessions = append(f.Sessions, s)
			facts[id] = f
		}
		return nil
	})
	for _, t := range trials {
		id := first(owner[t.Sender], t.Sender)
		if f, ok := facts[id]; ok {
			f.Trials = append(f.Trials, t)
			facts[id] = f
		}
	}
	for _, s := range m.Senders {
		if s.Product == "" {
			f := facts[s.ID]
			f.Device = w.devices.Known(s.Device, f)
			facts[s.ID] = f
		}
	}
	return facts, err
}

// productOf names what a sender is, "" when that is not known.
func (w *Work) productOf(m wizard.Migration, id string, f checks.Facts) string {
	if s, ok := m.Sender(id); ok && s.Product != "" {
		return s.Product
	}
	if f.Device == nil {
		return ""
	}
	return f.Device.Name
}

// writeFile writes a file for the user alone, whole or not at all.
func writeFile(path string, write func(io.Writer) error) error {
	failed := func(err error) error {
		return &probes.Fault{Op: "write " + path, Code: "not_written", Args: text.Args{"path": path}, Err: err}
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".offbasic-*") // 0600
	if err != nil {
		return failed(err)
	}
	if err := errors.Join(write(tmp), tmp.Sync(), tmp.Close()); err != nil {
		return failed(errors.Join(err, os.Remove(tmp.Name())))
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return failed(errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}
