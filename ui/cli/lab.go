package cli

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"offbasic/probes"
	"offbasic/probes/lab"
	"offbasic/ui/text"
)

func (c *call) labCommand() *cobra.Command {
	var o lab.Options
	var list bool
	var at []string
	cmd := c.command("lab", func(cmd *cobra.Command, _ []string) error {
		if list {
			return c.labFaults()
		}
		var err error
		if o.Addresses, err = labAddresses(at); err != nil {
			return err
		}
		return c.runLab(cmd.Context(), o)
	})
	cmd.Args = noArgs
	cmd.Flags().StringVar(&o.SubmissionAddr, "submission", "127.0.0.1:0", c.tr.T("cli.flag.lab_submission"))
	cmd.Flags().StringArrayVar(&at, "at", nil, c.tr.T("cli.flag.lab_at"))
	cmd.Flags().BoolVar(&o.Retired, "retired", false, c.tr.T("cli.flag.lab_retired"))
	cmd.Flags().BoolVar(&list, "faults", false, c.tr.T("cli.flag.lab_faults"))
	return cmd
}

// labAddresses reads NAME=ADDRESS of the lab's services.
func labAddresses(given []string) (map[string]string, error) {
	addresses := map[string]string{}
	for _, g := range given {
		name, address, ok := strings.Cut(g, "=")
		if !ok || !slices.Contains(lab.Services(), name) {
			return nil, badUsage("usage.lab_at", text.Args{"at": probes.Clean(g, 100), "names": strings.Join(lab.Services(), ", ")})
		}
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			return nil, badUsage("usage.local_address", text.Args{"flag": "--at " + name, "value": probes.Clean(address, 100)})
		}
		addresses[name] = address
	}
	return addresses, nil
}

// labFaultLine is a fault of the lab in the JSON contract.
type labFaultLine struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Source string `json:"source"`
}

// labFaults lists what can be made to go wrong in the lab.
func (c *call) labFaults() error {
	for _, f := range lab.Faults() {
		if c.json {
			if err := c.line(labFaultLine{"lab_fault", f.Name, f.Source}); err != nil {
				return err
			}
			continue
		}
		c.say("%s", c.tr.T("cli.lab.fault", text.Args{"name": f.Name, "what": c.tr.T("lab.fault." + f.Name), "source": f.Source}))
	}
	return c.labRefusals()
}

// labRefusals lists the replies that can be made to come. They are the servers'
// own words, in every language the same.
func (c *call) labRefusals() error {
	for _, r := range lab.Refusals() {
		if c.json {
			if err := c.line(labFaultLine{"lab_fault", r.Name, r.Source}); err != nil {
				return err
			}
			continue
		}
		c.say("%s", c.tr.T("cli.lab.fault", text.Args{"name": r.Name, "what": r.Reply + " (" + strings.Join(r.Services, ", ") + ")", "source": r.Source}))
	}
	return nil
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
	// Services are the addresses of every SMTP service, by name.
	Services map[string]string `json:"services"`
}

// runLab runs the tenant on this machine until it is stopped.
func (c *call) runLab(ctx context.Context, o lab.Options) error {
	o.Now, o.Faults = c.Now, c.faults
	l, err := lab.Start(ctx, o)
	if err != nil {
		return err
	}
	t := l.Tenant()
	line := labLine{"lab", net.JoinHostPort(l.SubmissionHost(), strconv.Itoa(l.SubmissionPort())), l.Authority(), l.GraphBase(), t.ID, t.Domain, l.Mailboxes(), map[string]string{}}
	var services strings.Builder
	for _, name := range lab.Services() {
		host, port := l.Endpoint(name)
		line.Services[name] = net.JoinHostPort(host, strconv.Itoa(port))
		if name == "submission" {
			continue // shown by its full name
		}
		fmt.Fprintf(&services, "  %-17s  %s\n", name, line.Services[name])
	}
	if c.json {
		if err := c.line(line); err != nil {
			return err
		}
	}
	c.say("%s", c.tr.T("cli.lab.up", text.Args{
		"submission": line.Submission, "authority": line.Authority, "graph": line.Graph, "tenant": line.Tenant, "domain": line.Domain,
		"services": services.String(),
	}))
	<-ctx.Done()
	return l.Close()
}
