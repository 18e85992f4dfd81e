// Package dnsrec asks DNS what it says about the mail of a domain: MX, SPF,
// DKIM, DMARC and MTA-STS. Each question has its own time limit, and no answer,
// however large or wrong, costs more than a bounded amount. It judges nothing,
// keeps nothing, and asks nobody but the resolver that it is given and, for the
// policy of MTA-STS, the domain's own web host.
package dnsrec

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"offbasic/probes"
)

// The codes of the faults of this package.
const (
	DomainInvalid probes.Code = "domain_invalid" // arg domain
	NoDNS         probes.Code = "dns_silent"     // args domain, cause: no question was answered
)

// Resolver is the part of net.Resolver that is asked.
type Resolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// The limits of one look, unless Probe says otherwise.
const (
	questionTime = 5 * time.Second // for one question
	maxRecords   = 50              // of one name that are looked at
	maxRecord    = 4 << 10         // of one record, in bytes
	maxHosts     = 20              // mail exchangers whose addresses are asked for
	maxSelectors = 20
	maxParts     = 60 // records of an SPF policy: six times what is allowed
)

// Probe asks about one domain. Domain must be set.
type Probe struct {
	Domain string
	// From is the domain of the From header, for DMARC; "" means Domain.
	From      string
	Selectors []string     // of DKIM; none means Selectors()
	Addresses []netip.Addr // that SPF is evaluated for
	Sender    string       // MAIL FROM for macros; "" means postmaster@Domain
	DNS       Resolver     // nil means the system's
	// HTTP fetches the policy of MTA-STS; nil means one with a limit of ten
	// seconds that follows no redirect. NoPolicy leaves it out.
	HTTP     *http.Client
	NoPolicy bool
	Limit    time.Duration // for one question; 0 means five seconds
}

// Selectors are those of the keys that Exchange Online makes for a domain
// (Microsoft, "How to use DKIM to validate outbound email").
func Selectors() []string { return []string{"selector1", "selector2"} }

// At is a resolver that asks the server at addr, "192.0.2.53" or with a port,
// and nobody else.
func At(addr string) (Resolver, error) {
	if ip, err := netip.ParseAddr(addr); err == nil {
		addr = net.JoinHostPort(ip.String(), "53")
	}
	if _, err := netip.ParseAddrPort(addr); err != nil {
		return nil, &probes.Fault{Op: "ask the resolver " + probes.Clean(addr, 100), Code: "resolver_invalid", Args: map[string]string{"resolver": probes.Clean(addr, 100)}, Err: err}
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}}, nil
}

// Run asks every question. A question without an answer is said in its place;
// the error is a *probes.Fault, when the domain is none, when no question at
// all was answered, or when ctx ended.
func (p Probe) Run(ctx context.Context) (probes.MailDNS, error) {
	domain, err := Domain(p.Domain)
	if err != nil {
		return probes.MailDNS{}, err
	}
	from := domain
	if p.From != "" {
		if from, err = Domain(p.From); err != nil {
			return probes.MailDNS{}, err
		}
	}
	a := p.asker()
	out := probes.MailDNS{Domain: domain}
	together(
		func() { out.MX = a.mx(ctx, domain) },
		func() { out.SPF = a.spf(ctx, domain, p.sender(domain), p.Addresses) },
		func() { out.DKIM = a.dkim(ctx, domain, p.Selectors) },
		func() { out.DMARC = a.dmarc(ctx, from) },
		func() { out.STS = a.sts(ctx, domain, p.NoPolicy) },
	)
	if err := ctx.Err(); err != nil {
		return out, &probes.Fault{Op: "ask DNS about " + domain, Code: "cancelled", Err: context.Cause(ctx)}
	}
	if cause := a.silent(); cause != nil {
		return out, &probes.Fault{Op: "ask DNS about " + domain, Code: NoDNS, Args: map[string]string{"domain": domain, "cause": probes.Clean(cause.Error(), 200)}, Err: cause}
	}
	return out, nil
}

func (p Probe) sender(domain string) string {
	if strings.Contains(p.Sender, "@") {
		return p.Sender
	}
	return "postmaster@" + domain
}

// Domain is a domain's name as DNS is asked for it: lower case, without the
// last dot, ASCII. The error is a *probes.Fault.
func Domain(name string) (string, error) {
	d := strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
	if !isDomain(d) {
		shown := probes.Clean(name, 100)
		return "", &probes.Fault{Op: "ask DNS about " + shown, Code: DomainInvalid, Args: map[string]string{"domain": shown}, Err: errors.New("is not a domain name")}
	}
	return d, nil
}

// isDomain tells a name of at least two labels of letters, digits, hyphens and
// underscores (RFC 1035 section 2.3.4 for the lengths).
func isDomain(s string) bool {
	if len(s) > 253 || !strings.Contains(s, ".") {
		return false
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}
