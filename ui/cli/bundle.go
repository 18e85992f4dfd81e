package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/report"
	"offbasic/ui/text"
)

func (c *call) bundleCommand() *cobra.Command {
	var senders []string
	var out string
	var yes bool
	cmd := c.command("bundle", func(cmd *cobra.Command, _ []string) error {
		return c.bundle(cmd.Context(), senders, out, yes)
	})
	cmd.Args = noArgs
	cmd.Flags().StringSliceVar(&senders, "sender", nil, c.tr.T("cli.flag.bundle_sender"))
	cmd.Flags().StringVarP(&out, "output", "o", "", c.tr.T("cli.flag.bundle_output"))
	cmd.Flags().BoolVar(&yes, "yes", false, c.tr.T("cli.flag.bundle_yes"))
	return cmd
}

// bundle shows what a redacted archive would hold, and writes it when that is
// wanted.
func (c *call) bundle(ctx context.Context, senders []string, out string, yes bool) error {
	w, err := c.openRead(ctx)
	if err != nil {
		return err
	}
	files, err := w.Bundle(ctx, senders, c.revision())
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	if out == "" {
		return c.showBundle(files)
	}
	for _, f := range files {
		fmt.Fprintln(c.Err, "  "+c.tr.T("cli.bundle.file", text.Args{"name": f.Name, "bytes": itoa(len(f.Data)), "lines": itoa(strings.Count(string(f.Data), "\n"))}))
	}
	if !yes {
		c.note("cli.bundle.ask", text.Args{"path": out})
		answer, err := bufio.NewReader(c.In).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "o" && a != "yes" && a != "oui" {
			c.note("cli.bundle.not_written", nil)
			return nil
		}
	}
	if err := writeFile(out, func(to io.Writer) error { return report.Zip(to, files) }); err != nil {
		return err
	}
	c.note("cli.report.written", text.Args{"path": out})
	return nil
}

// showBundle prints what a bundle holds, file by file.
func (c *call) showBundle(files []report.File) error {
	for _, f := range files {
		if !c.json {
			c.say("== %s", f.Name)
		}
		if c.json && !strings.HasSuffix(f.Name, ".jsonl") {
			continue
		}
		if _, err := c.Out.Write(f.Data); err != nil {
			return err
		}
	}
	return nil
}

// Bundle gathers the sessions of some senders, of all when none is named, with
// what was found of them, under other names.
func (w *Work) Bundle(ctx context.Context, senders []string, version string) ([]report.File, error) {
	m := w.Folder.Migration()
	if len(senders) == 0 {
		for _, s := range m.Senders {
			senders = append(senders, s.ID)
		}
	}
	var sessions []probes.Session
	var findings []checks.Finding
	for _, id := range senders {
		facts, err := w.Facts(ctx, id)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, facts.Sessions...)
		for _, f := range checks.Judge(facts) {
			f.Sender = id
			findings = append(findings, f)
		}
	}
	return report.Bundle(w.Text, version, sessions, findings)
}
