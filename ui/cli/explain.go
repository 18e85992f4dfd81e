package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"offbasic/checks"
)

func (c *call) explainCommand() *cobra.Command {
	return c.command("explain [reply]", func(_ *cobra.Command, args []string) error { return c.explain(args) })
}

// explain explains a reply given as argument, or every refusal of a log on
// stdin.
func (c *call) explain(args []string) error {
	x := checks.NewExplainer()
	if len(args) == 0 || len(args) == 1 && args[0] == "-" {
		return c.explainLog(x, c.In)
	}
	said := strings.Join(args, " ")
	e, ok := x.Explain(said)
	if !ok {
		return badUsage("%s", c.tr.T("cli.explain.no_code"))
	}
	return c.explanation(e)
}

func (c *call) explainLog(x *checks.Explainer, r io.Reader) error {
	found, failed := 0, error(nil)
	err := x.Log(r, func(e checks.Explanation) {
		found++
		if err := c.explanation(e); err != nil && failed == nil {
			failed = err
		}
	})
	if err == nil && found == 0 {
		c.note("cli.explain.none", nil)
	}
	return errors.Join(err, failed)
}

func (c *call) words(key string) (string, bool) { return c.tr.T(key), c.tr.Has(key) }

func (c *call) explanation(e checks.Explanation) error {
	e = e.Worded(c.words)
	if c.json {
		return c.line(e)
	}
	c.say("%s", title(e))
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
