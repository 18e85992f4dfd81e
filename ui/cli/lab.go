package cli

import (
	"context"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"offbasic/probes/lab"
	"offbasic/ui/text"
)

func (c *call) labCommand() *cobra.Command {
	var o lab.Options
	cmd := c.command("lab", func(cmd *cobra.Command, _ []string) error { return c.runLab(cmd.Context(), o) })
	cmd.Args = noArgs
	cmd.Flags().StringVar(&o.SubmissionAddr, "submission", "127.0.0.1:0", c.tr.T("cli.flag.lab_submission"))
	cmd.Flags().BoolVar(&o.Retired, "retired", false, c.tr.T("cli.flag.lab_retired"))
	return cmd
}

// labLine is the lab's addresses in the JSON contract. No secret is in it.
type labLine struct {
	Type       string   `json:"type"`
	Submission string   `json:"submission"`
	Authority  string   `json:"authority"`
	Graph      string   `json:"graph"`
	Tenant     string   `json:"tenant"`
	Domain     string   `json:"domain"`
	Mailboxes  []string `json:"mailboxes"`
}

// runLab runs the tenant on this machine until it is stopped.
func (c *call) runLab(ctx context.Context, o lab.Options) error {
	o.Now = c.Now
	l, err := lab.Start(ctx, o)
	if err != nil {
		return err
	}
	t := l.Tenant()
	line := labLine{"lab", net.JoinHostPort(l.SubmissionHost(), strconv.Itoa(l.SubmissionPort())), l.Authority(), l.GraphBase(), t.ID, t.Domain, l.Mailboxes()}
	if c.json {
		if err := c.line(line); err != nil {
			return err
		}
	}
	c.say("%s", c.tr.T("cli.lab.up", text.Args{
		"submission": line.Submission, "authority": line.Authority, "graph": line.Graph, "tenant": line.Tenant, "domain": line.Domain,
	}))
	<-ctx.Done()
	return l.Close()
}
