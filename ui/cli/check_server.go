package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/reach"
	"offbasic/probes/signin"
	"offbasic/ui/text"
)

func (c *call) checkTLSCommand() *cobra.Command {
	var name, mode, resolver string
	cmd := c.checkSub("tls [HOST[:PORT]]", atMostOne, func(cmd *cobra.Command, args []string) error {
		return c.checkTLS(cmd.Context(), strings.Join(args, ""), name, mode, resolver)
	})
	cmd.Flags().StringVar(&name, "name", "", c.tr.T("cli.flag.tls_name"))
	cmd.Flags().StringVar(&mode, "mode", "", c.tr.T("cli.flag.tls_mode"))
	cmd.Flags().StringVar(&resolver, "resolver", "", c.tr.T("cli.flag.resolver"))
	return cmd
}

func (c *call) checkTLS(ctx context.Context, target, name, mode, resolver string) error {
	if mode != "" && mode != string(probes.StartTLS) && mode != string(probes.Implicit) {
		return badUsage("usage.tls_mode", text.Args{"mode": probes.Clean(mode, 40)})
	}
	s, err := c.around(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	p, err := c.target(s, target, resolver, 0)
	if err != nil {
		return err
	}
	p.ServerName, p.Mode = name, first(probes.TLSMode(mode), p.Mode)
	h, err := p.TLS(ctx)
	if err != nil {
		return err
	}
	if !c.json {
		c.chain(h)
	}
	return c.findings(hostPort(h.Host, h.Port), checks.JudgeTLS(h, c.Now()))
}

// chain prints the certificates as the server sent them.
func (c *call) chain(h probes.Handshake) {
	for i, k := range h.Chain {
		c.say("  %d  %s  (%s .. %s)", i, k.Subject, k.From.UTC().Format("2006-01-02"), k.Until.UTC().Format("2006-01-02"))
		if i == 0 {
			c.say("     %s", strings.Join(k.Names, ", "))
		}
		c.say("     SHA-256 %s", k.SHA256)
	}
	c.say("")
}

// target is the server that a check looks at: as given, else client
// submission.
func (c *call) target(s surroundings, target, resolver string, port int) (reach.Probe, error) {
	p := reach.Probe{Now: c.Now}
	host, service, err := net.SplitHostPort(target)
	switch {
	case target == "":
		p.Host, p.Port = checks.Clouds()[0].SMTP, checks.Clouds()[0].Ports[0]
		if s.Work != nil {
			p.Host, p.Port, p.Roots = s.submission()
		}
	case err == nil:
		n, err := strconv.ParseUint(service, 10, 16)
		if err != nil || n == 0 {
			return p, badUsage("usage.port_number", text.Args{"port": probes.Clean(service, 40)})
		}
		p.Host, p.Port = host, int(n)
	default:
		p.Host, p.Port = strings.Trim(target, "[]"), first(port, 587)
	}
	if s.inLab() && p.Roots == nil {
		p.Roots = s.Lab.Roots()
	}
	dns, err := s.dns(resolver)
	if err == nil && dns != nil {
		p.DNS = dns
	}
	return p, err
}

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func (c *call) checkPortCommand() *cobra.Command {
	var resolver string
	cmd := c.checkSub("port [HOST[:PORT]...]", nil, func(cmd *cobra.Command, args []string) error {
		return c.checkPort(cmd.Context(), args, resolver)
	})
	cmd.Flags().StringVar(&resolver, "resolver", "", c.tr.T("cli.flag.resolver"))
	return cmd
}

// checkPort knocks at the ports that are named; at 25 and 587 of a host
// without a port, and without a host at client submission and at the tenant's
// MX host.
func (c *call) checkPort(ctx context.Context, targets []string, resolver string) error {
	s, err := c.around(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	looks, err := c.doors(ctx, s, targets, resolver)
	if err != nil {
		return err
	}
	failed := false
	for _, p := range looks {
		doors, err := p.Doors(ctx)
		if err != nil {
			return err
		}
		err = c.findings(hostPort(p.Host, p.Port), checks.JudgeDoors(p.Host, p.Port, doors))
		failed = failed || err == errFindings //nolint:errorlint // as findings returns it
		if err != nil && !failed {
			return err
		}
	}
	if failed {
		return errFindings
	}
	return nil
}

func (c *call) doors(ctx context.Context, s surroundings, targets []string, resolver string) ([]reach.Probe, error) {
	if len(targets) == 0 {
		return c.ownDoors(ctx, s, resolver)
	}
	var out []reach.Probe
	for _, t := range targets {
		ports := []int{25, 587}
		if _, _, err := net.SplitHostPort(t); err == nil {
			ports = ports[:1] // its own
		}
		for _, port := range ports {
			p, err := c.target(s, t, resolver, port)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
	}
	return out, nil
}

// ownDoors are client submission and, where the tenant's domain is known, its
// MX host.
func (c *call) ownDoors(ctx context.Context, s surroundings, resolver string) ([]reach.Probe, error) {
	p, err := c.target(s, "", resolver, 0)
	if err != nil {
		return nil, err
	}
	out := []reach.Probe{p}
	if s.inLab() {
		mx := p
		mx.Host, mx.Port = s.Lab.Endpoint("mx")
		return append(out, mx), nil
	}
	if s.Work == nil || s.Folder.Migration().Tenant.Domain == "" {
		return out, nil
	}
	var asks interface {
		LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	} = net.DefaultResolver
	if r, err := s.dns(resolver); err == nil && r != nil {
		asks = r
	}
	hosts, err := asks.LookupMX(ctx, s.Folder.Migration().Tenant.Domain+".")
	if err == nil && len(hosts) > 0 {
		mx := p
		mx.Host, mx.Port, mx.Roots = strings.TrimSuffix(hosts[0].Host, "."), 25, nil
		out = append(out, mx)
	}
	return out, nil
}

func (c *call) checkTokenCommand() *cobra.Command {
	var route string
	cmd := c.checkSub("token", noToken, func(cmd *cobra.Command, _ []string) error { return c.checkToken(cmd.Context(), route) })
	cmd.Flags().StringVar(&route, "route", "", c.tr.T("cli.flag.check_route"))
	return cmd
}

// noToken refuses arguments without repeating them: one may be the token.
func noToken(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return badUsage("usage.token_argument", nil)
	}
	return nil
}

// maxToken is how much of stdin is read for a token, in bytes.
const maxToken = 64 << 10

// checkToken reads a token from stdin and judges its claims. The token is
// forgotten at once, and is in no output and in no error.
func (c *call) checkToken(ctx context.Context, route string) error {
	r, err := routeNamed(route)
	if err != nil {
		return err
	}
	s, err := c.around(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	raw, err := io.ReadAll(io.LimitReader(&interruptible{ctx: ctx, in: c.In}, maxToken))
	if err != nil {
		return &probes.Fault{Op: "read the token from stdin", Code: "token_unreadable", Args: text.Args{"cause": err.Error()}, Err: err}
	}
	token := strings.TrimPrefix(string(bytes.TrimSpace(raw)), "Bearer ")
	clear(raw)
	if token == "" {
		return badUsage("usage.no_token", nil)
	}
	claims, err := signin.Claims(token)
	if err != nil {
		return err
	}
	facts := checks.TokenFacts{Claims: claims, Now: c.Now(), Route: r}
	if s.Work != nil {
		facts.Tenant, facts.App, facts.Object = s.tokenOf()
	}
	return c.findings(c.tr.T("checked.token"), checks.JudgeToken(facts))
}

func (c *call) checkHeadersCommand() *cobra.Command {
	var route string
	cmd := c.checkSub("headers [FILE|-]", atMostOne, func(cmd *cobra.Command, args []string) error {
		return c.checkHeaders(cmd.Context(), strings.Join(args, ""), route)
	})
	cmd.Flags().StringVar(&route, "route", "", c.tr.T("cli.flag.check_route"))
	return cmd
}

func (c *call) checkHeaders(ctx context.Context, file, route string) error {
	r, err := routeNamed(route)
	if err != nil {
		return err
	}
	raw, err := c.header(ctx, first(file, "-"))
	if err != nil {
		return err
	}
	return c.judgedHead(checks.HeadFacts{Head: checks.ReadHead(raw), Route: r})
}

// judgedHead prints the journey of a message and what its header tells.
func (c *call) judgedHead(f checks.HeadFacts) error {
	if !c.json {
		c.journey(f.Head)
	}
	return c.findings(first(f.Head.MessageID, c.tr.T("checked.headers")), checks.JudgeHead(f))
}

// journey prints the hops: when, who took it from whom, how long it took, how
// it was encrypted.
func (c *call) journey(h checks.Head) {
	for _, hop := range h.Hops {
		at := "-"
		if !hop.At.IsZero() {
			at = hop.At.UTC().Format("15:04:05")
		}
		secured := first(hop.TLS, "-")
		if hop.TLS == "" && hop.Secured {
			secured = "TLS"
		}
		c.say("  %8s  %+8.0fs  %-7s  %s", at, hop.After.Seconds(), secured, cut(first(hop.By, "-")+" <- "+first(first(hop.From, hop.Address), "-"), 100))
	}
	if len(h.Hops) > 0 {
		c.say("")
	}
}

// maxHeader is how much of a message is read for its header, in bytes.
const maxHeader = 1 << 20

// header reads the beginning of a message, of a file or of stdin.
func (c *call) header(ctx context.Context, file string) ([]byte, error) {
	in := io.Reader(&interruptible{ctx: ctx, in: c.In})
	if file != "-" {
		f, err := openFile(file)
		if err != nil {
			return nil, messageFault(file, err)
		}
		defer f.Close() //nolint:errcheck // it was only read
		in = f
	}
	raw, err := io.ReadAll(bufio.NewReader(io.LimitReader(in, maxHeader)))
	if err != nil {
		return nil, messageFault(file, err)
	}
	return raw, nil
}

func messageFault(file string, err error) error {
	f := &probes.Fault{Op: "read the message " + probes.Clean(file, 200), Code: "header_unreadable", Args: text.Args{"file": probes.Clean(file, 200), "cause": err.Error()}, Err: err}
	if pathError, ok := err.(*os.PathError); ok { //nolint:errorlint // as os returns it
		f.Args["cause"] = pathError.Err.Error()
	}
	return f
}

func (c *call) checkAddressCommand() *cobra.Command {
	var service string
	var yes bool
	cmd := c.checkSub("public-address", noArgs, func(cmd *cobra.Command, _ []string) error {
		return c.checkAddress(cmd.Context(), service, yes)
	})
	cmd.Flags().StringVar(&service, "service", "", c.tr.T("cli.flag.service"))
	cmd.Flags().BoolVar(&yes, "yes", false, c.tr.T("cli.flag.service_yes"))
	return cmd
}

// checkAddress asks the service that the admin names, and nobody without one.
func (c *call) checkAddress(ctx context.Context, service string, yes bool) error {
	if service == "" {
		return badUsage("usage.service", nil)
	}
	if !yes {
		return badUsage("usage.service_yes", text.Args{"service": reach.Shown(service)})
	}
	ip, err := reach.PublicAddress(ctx, nil, service)
	if err != nil {
		return err
	}
	return c.findings(reach.Shown(service), []checks.Finding{checks.PublicAddress(ip)})
}
