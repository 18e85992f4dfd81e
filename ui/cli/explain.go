package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
)

func (c *call) explainCommand() *cobra.Command {
	follow := false
	cmd := c.command("explain [reply|FILE...]", func(cmd *cobra.Command, args []string) error {
		return c.explain(cmd.Context(), args, follow)
	})
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, c.tr.T("cli.flag.follow"))
	return cmd
}

// explain explains a reply given as argument, or every refusal of the logs
// that are named, or of the one on stdin.
func (c *call) explain(ctx context.Context, args []string, follow bool) error {
	x := checks.NewExplainer()
	files, said, err := named(args)
	if err != nil {
		return err
	}
	switch {
	case follow && said != "":
		return missing(said, os.ErrNotExist)
	case follow:
		return c.followLogs(ctx, x, files)
	case said == "":
		return c.explainLogs(ctx, x, files)
	}
	e, ok := x.Explain(said)
	if !ok {
		return badUsage("cli.explain.no_code", nil)
	}
	if err := c.explanation(e); err != nil || len(files) == 0 {
		return err
	}
	return c.explainLogs(ctx, x, files)
}

// named tells the arguments that are files, "-" for stdin among them, from
// those that are the words of a reply. None at all is stdin.
func named(args []string) (files []string, said string, err error) {
	if len(args) == 0 {
		return []string{"-"}, "", nil
	}
	var words []string
	for _, a := range args {
		_, err := os.Stat(a)
		switch {
		case a == "-" || err == nil || errors.Is(err, os.ErrPermission):
			files = append(files, a)
		case looksLikeFile(a):
			return nil, "", missing(a, err)
		default:
			words = append(words, a)
		}
	}
	return files, strings.Join(words, " "), nil
}

// looksLikeFile tells the name of a file that is not there from a reply.
func looksLikeFile(s string) bool {
	if strings.ContainsAny(s, " \t\r\n") {
		return false
	}
	switch strings.ToLower(filepath.Ext(s)) {
	case ".log", ".gz", ".txt", ".csv", ".json", ".jsonl", ".tsv":
		return true
	}
	return strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") || strings.HasPrefix(s, `\\`)
}

func missing(name string, err error) error {
	return &probes.Fault{Op: "open the log", Code: "log_missing", Args: text.Args{"file": probes.Clean(name, 200)}, Err: err}
}

// explainLogs reads the logs one after the other and prints what they hold. A
// log that cannot be read is told, and does not keep the others from it.
func (c *call) explainLogs(ctx context.Context, x *checks.Explainer, files []string) error {
	reading := x.Reading()
	var wrong []error
	for _, name := range files {
		if err := c.readLog(ctx, reading, name); err != nil {
			wrong = append(wrong, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	found := reading.Explanations()
	for _, e := range found {
		if err := c.explanation(e); err != nil {
			return err
		}
	}
	if len(found) == 0 && len(wrong) == 0 {
		c.note("cli.explain.none", nil)
	}
	return c.tellAllButLast(wrong)
}

// tellAllButLast prints errors and returns the last, which ends the command.
func (c *call) tellAllButLast(wrong []error) error {
	if len(wrong) == 0 {
		return nil
	}
	for _, err := range wrong[:len(wrong)-1] {
		c.complain(c.Err, err)
	}
	return wrong[len(wrong)-1]
}

func (c *call) words(key string) (string, bool) { return c.tr.T(key), c.tr.Has(key) }

func (c *call) explanation(e checks.Explanation) error {
	e = e.Worded(c.words)
	if c.json {
		return c.line(e)
	}
	c.say("%s", title(e))
	if e.First != "" {
		c.say("%s", c.tr.T("explain.times", text.Args{"first": e.First, "last": e.Last}))
	}
	if len(e.Senders) > 0 {
		key := "explain.senders"
		if e.MoreSenders {
			key = "explain.senders_more"
		}
		c.say("%s", c.tr.T(key, text.Args{"senders": strings.Join(e.Senders, ", ")}))
	}
	c.explained(c.Out, e)
	c.say("")
	return nil
}

// title is the code of what is explained, how often it was found, and the
// text it came with.
func title(e checks.Explanation) string {
	parts := []string{}
	switch {
	case strings.HasPrefix(e.ID, "aadsts") || e.Class == "aadsts":
		parts = append(parts, fmt.Sprintf("AADSTS%d", e.Code))
	case e.Code != 0:
		parts = append(parts, itoa(e.Code))
	}
	if e.Enhanced != "" {
		parts = append(parts, e.Enhanced)
	}
	if e.Text != "" {
		parts = append(parts, e.Text)
	}
	if e.Count > 1 {
		parts = append(parts, fmt.Sprintf("(%d)", e.Count))
	}
	return strings.Join(parts, " ")
}
