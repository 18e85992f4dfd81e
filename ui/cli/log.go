package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offbasic/probes"
	"offbasic/probes/powershell"
	"offbasic/ui/text"
)

func (c *call) logCommand() *cobra.Command {
	format := ""
	cmd := c.command("log", func(cmd *cobra.Command, _ []string) error { return c.log(cmd.Context(), format) })
	cmd.Args = noArgs
	cmd.Flags().StringVar(&format, "format", "text", c.tr.T("cli.flag.log_format"))
	return cmd
}

// log prints everything that was done to the tenant, in order.
func (c *call) log(ctx context.Context, format string) error {
	if c.json {
		format = "json"
	}
	if !slices.Contains(logFormats(), format) {
		return badUsage("usage.log_format", text.Args{"name": format, "names": strings.Join(logFormats(), ", ")})
	}
	w, err := c.openRead(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // nothing was written
	all, err := w.Changes(ctx)
	if err != nil {
		return err
	}
	s, err := w.ChangesAs(all, format)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(c.Out, s)
	return err
}

func logFormats() []string { return []string{"text", "ps1", "json"} }

// ChangesAs writes the command log: "text" for people, "ps1" for a shell,
// "json" as JSON lines.
func (w *Work) ChangesAs(all []probes.Change, format string) (string, error) {
	var b strings.Builder
	if len(all) == 0 && format == "text" {
		b.WriteString(w.Text.T("changes.none") + "\n")
	}
	if format == "ps1" {
		b.WriteString(w.logHead(all))
	}
	for _, c := range all {
		switch format {
		case "json":
			line, err := json.Marshal(c)
			if err != nil {
				return "", fmt.Errorf("write a line of JSON: %w", err)
			}
			b.Write(append(line, '\n'))
		case "ps1":
			b.WriteString(w.changeAsShell(c))
		default:
			b.WriteString(w.changeAsText(c))
		}
	}
	return b.String(), nil
}

// title is when, what and how it ended, fit for one line.
func (w *Work) title(c probes.Change) string {
	outcome := c.Outcome
	if slices.Contains([]string{probes.ChangeDone, probes.ChangeUnchanged, probes.ChangeRead, probes.ChangeIntended}, outcome) {
		outcome = w.Text.T("changes." + outcome)
	}
	what := c.Step
	for _, key := range []string{"script." + c.Step, "setup." + c.Step} {
		if c.Step != "" && w.Text.Has(key) {
			what = c.Step + " (" + w.Text.T(key) + ")"
			break
		}
	}
	words := []string{c.At.UTC().Format("2006-01-02 15:04:05Z"), w.Text.T("changes.by." + c.By), orDash(what), outcome}
	if c.Undoes != "" {
		words = append(words, w.Text.T("changes.undoes", text.Args{"id": c.Undoes}))
	}
	return probes.Clean(strings.Join(words, "  "), 500)
}

// changeAsText is one entry: its title, who did it, and the request or the
// commands.
func (w *Work) changeAsText(c probes.Change) string {
	lines := []string{w.title(c)}
	for _, row := range [][2]string{{"changes.actor", c.Actor}, {"changes.request_id", c.RequestID}} {
		if row[1] != "" {
			lines = append(lines, "    "+w.Text.T(row[0])+" "+probes.Clean(row[1], 200))
		}
	}
	for _, d := range c.Steps {
		lines = append(lines, "    "+probes.Clean(d.At+"  "+d.Step, 200))
	}
	if c.Method != "" {
		lines = append(lines, "    "+probes.Clean(c.Method+" "+c.URL, 2000))
	}
	for _, s := range []string{c.Body, c.Shell} {
		lines = append(lines, indentedLines(s, "    ")...)
	}
	return strings.Join(lines, "\n") + "\n"
}

// indentedLines are the lines of a text, cleaned, behind in.
func indentedLines(s, in string) []string {
	if s == "" {
		return nil
	}
	var out []string
	for l := range strings.SplitSeq(s, "\n") {
		out = append(out, in+probes.Clean(l, 0))
	}
	return out
}

// logHead says what the log is, and connects to what its commands need.
func (w *Work) logHead(all []probes.Change) string {
	lines := []string{"# " + w.Text.T("changes.title"), "# " + w.Text.T("changes.ps1")}
	uses := func(by string) bool {
		return slices.ContainsFunc(all, func(c probes.Change) bool { return c.By == by })
	}
	if uses(probes.ByPowerShell) {
		lines = append(lines, "Connect-ExchangeOnline -ShowBanner:$false")
	}
	if uses(probes.ByGraph) {
		lines = append(lines, "Connect-MgGraph")
	}
	return strings.Join(lines, "\n") + "\n"
}

// changeAsShell is one entry as commands. What changed nothing stands in
// comments; what was refused is still to be done, and does not.
func (w *Work) changeAsShell(c probes.Change) string {
	shell := c.Shell
	if shell == "" && c.Method != "" {
		shell = graphCommand(c)
	}
	in := ""
	// A colleague's entry is text that this program did not write.
	if c.Outcome == probes.ChangeUnchanged || c.Outcome == probes.ChangeRead || c.Merged {
		in = "# "
	}
	lines := append([]string{"", "# " + w.title(c)}, indentedLines(shell, in)...)
	return strings.Join(lines, "\n") + "\n"
}

// graphCommand is a request to Graph as the cmdlet that makes it.
func graphCommand(c probes.Change) string {
	s := "Invoke-MgGraphRequest -Method " + powershell.Quote(c.Method) + " -Uri " + powershell.Quote(c.URL)
	if c.Body != "" {
		s += " -ContentType 'application/json' -Body " + powershell.Quote(c.Body)
	}
	return s
}

// SaveChanges writes the command log beside the migration, as text for the
// change ticket, and returns its path. What is there already stays.
func (w *Work) SaveChanges(ctx context.Context) (string, error) {
	all, err := w.Changes(ctx)
	if err != nil {
		return "", err
	}
	s, err := w.ChangesAs(all, "text")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(w.Folder.Dir(), savedDir)
	if w.temporary != "" {
		dir = "."
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", notSaved(dir, err)
	}
	path, err := filepath.Abs(filepath.Join(dir, "changes-"+w.Now().UTC().Format("20060102T150405Z")))
	if err != nil {
		return "", notSaved(dir, err)
	}
	file, err := create(path, ".txt")
	if err != nil {
		return "", notSaved(path, err)
	}
	_, err = file.WriteString(s)
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return "", notSaved(file.Name(), err)
	}
	return file.Name(), nil
}
