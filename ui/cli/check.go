package cli

import (
	"context"
	"maps"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/dnsrec"
	"offbasic/ui/text"
)

// checkCommand holds the looks that need no trial: DNS, ports, TLS, a token, a
// header, the public address. Each ends with 1 when a finding failed.
func (c *call) checkCommand() *cobra.Command {
	cmd := c.command("check", func(cmd *cobra.Command, _ []string) error { return cmd.Help() })
	cmd.AddCommand(
		c.checkDNSCommand(), c.checkTLSCommand(), c.checkPortCommand(),
		c.checkTokenCommand(), c.checkHeadersCommand(), c.checkAddressCommand(),
	)
	return cmd
}

// checkSub is a command below check: its words are "cli.check.<name>".
func (c *call) checkSub(use string, args cobra.PositionalArgs, run func(*cobra.Command, []string) error) *cobra.Command {
	name, _, _ := strings.Cut(use, " ")
	key := "cli.check." + name
	return &cobra.Command{Use: use, Args: args, Short: c.tr.T(key), Long: c.tr.T(key + ".long"), Example: c.tr.T(key + ".example"), RunE: run}
}

// surroundings are the migration and the lab that a check looks at, where
// there are any. Close it.
type surroundings struct{ *Work }

// Close lets go of them.
func (s surroundings) Close() {
	if s.Work != nil {
		_ = s.Work.Close() // it was only read
	}
}

// around opens the migration for reading if there is one. A check works
// without it.
func (c *call) around(ctx context.Context) (surroundings, error) {
	w, err := c.openRead(ctx)
	if isMissing(err) {
		return surroundings{}, nil
	}
	return surroundings{w}, err
}

// inLab is the lab, or nil.
func (s surroundings) inLab() bool { return s.Work != nil && s.Lab != nil }

// dns is what is asked: the lab's DNS, the server of --resolver, or the
// system's resolver as nil.
func (s surroundings) dns(server string) (dnsrec.Resolver, error) {
	switch {
	case server != "":
		return dnsrec.At(server)
	case s.inLab():
		return dnsrec.Zone(s.Lab.Records()), nil
	}
	return nil, nil //nolint:nilnil // the system's
}

// findings prints findings as text or as JSON; failed ones end the command
// with 1.
func (c *call) findings(heading string, found []checks.Finding) error {
	if c.json {
		for _, f := range found {
			if err := c.line(f); err != nil {
				return err
			}
		}
	} else {
		c.say("%s", heading)
		last := ""
		for _, f := range found {
			f = c.wordedArgs(f)
			if f.Remedy == last {
				f.Remedy = "" // it stands above
			} else {
				last = f.Remedy
			}
			c.say("%s", c.finding(f))
		}
	}
	if checks.Worst(found) == checks.Fail {
		return errFindings
	}
	return nil
}

// wordedArgs puts the words of ids into a finding's evidence, for text.
func (c *call) wordedArgs(f checks.Finding) checks.Finding {
	args := maps.Clone(f.Args)
	for name, value := range f.Args {
		if id := checks.ArgWords(name) + "." + value; c.tr.Has(id) {
			args[name] = c.tr.T(id, f.Args)
		}
	}
	f.Args = args
	return f
}

// dnsFlags are those of check dns.
type dnsFlags struct {
	from, route, resolver string
	selectors, addresses  []string
}

func (c *call) checkDNSCommand() *cobra.Command {
	var f dnsFlags
	cmd := c.checkSub("dns [DOMAIN]", atMostOne, func(cmd *cobra.Command, args []string) error {
		return c.checkDNS(cmd.Context(), strings.Join(args, ""), f)
	})
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", c.tr.T("cli.flag.check_from"))
	flags.StringArrayVar(&f.selectors, "selector", nil, c.tr.T("cli.flag.selector"))
	flags.StringVar(&f.route, "route", "", c.tr.T("cli.flag.check_route"))
	flags.StringArrayVar(&f.addresses, "address", nil, c.tr.T("cli.flag.check_address"))
	flags.StringVar(&f.resolver, "resolver", "", c.tr.T("cli.flag.resolver"))
	return cmd
}

func (c *call) checkDNS(ctx context.Context, domain string, f dnsFlags) error {
	route, err := routeNamed(f.route)
	if err != nil {
		return err
	}
	s, err := c.around(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	p := dnsrec.Probe{Domain: domain, Selectors: f.selectors, NoPolicy: s.inLab()}
	if p.DNS, err = s.dns(f.resolver); err != nil {
		return err
	}
	if p.Addresses, err = addressList(f.addresses); err != nil {
		return err
	}
	_, p.From, _ = strings.Cut(f.from, "@")
	if f.from != "" && p.From == "" {
		p.From = f.from
	}
	facts := checks.DNSFacts{Route: route, Servers: p.Addresses}
	if s.Work != nil {
		facts.Cloud = s.cloud()
		p.Domain = first(p.Domain, s.Folder.Migration().Tenant.Domain)
	}
	if p.Domain == "" {
		return badUsage("usage.domain", nil)
	}
	if facts.DNS, err = p.Run(ctx); err != nil {
		return err
	}
	if !c.json {
		c.dnsRecords(facts.DNS)
	}
	return c.findings(facts.DNS.Domain, checks.JudgeDNS(facts))
}

// dnsRecords prints what DNS holds: the policy of SPF as the tree that it is.
func (c *call) dnsRecords(d probes.MailDNS) {
	for _, h := range d.MX.Hosts {
		var addresses []string
		for _, a := range h.Addresses {
			addresses = append(addresses, a.String())
		}
		c.say("  %-9s  %d %s  %s", "MX", h.Preference, h.Name, strings.Join(addresses, " "))
	}
	for _, p := range d.SPF.Parts {
		c.say("  %-9s  %s%s: %s", "SPF", strings.Repeat("  ", p.Depth), p.Domain, p.Record)
	}
	if d.DMARC.Record != "" {
		c.say("  %-9s  %s: %s", "DMARC", d.DMARC.Domain, d.DMARC.Record)
	}
	c.say("")
}

// routeNamed is the route of that name; "" is none.
func routeNamed(name string) (probes.Route, error) {
	if name == "" {
		return "", nil
	}
	for _, r := range append(probes.Routes(), probes.Basic) {
		if string(r) == name {
			return r, nil
		}
	}
	return "", badUsage("usage.route", text.Args{"name": name, "names": routeNames()})
}

func addressList(list []string) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, s := range list {
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return nil, badUsage("usage.address", text.Args{"address": probes.Clean(s, 100)})
		}
		out = append(out, ip.Unmap())
	}
	return out, nil
}
