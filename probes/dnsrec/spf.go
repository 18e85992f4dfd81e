package dnsrec

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"blitiri.com.ar/go/spf"

	"offbasic/probes"
)

// The bounds of the reading of one SPF policy. A receiver stops at ten lookups
// and two questions without an answer (RFC 7208 section 4.6.4).
const (
	spfTime    = 20 * time.Second // for everything; section 4.6.4 gives at least that
	maxLookups = 50
	maxDepth   = 20
	maxTerms   = 200 // of one record
)

// spf reads a domain's policy with all that it includes, and evaluates it for
// the addresses.
func (a *asker) spf(ctx context.Context, domain, sender string, addresses []netip.Addr) probes.SPF {
	ctx, stop := context.WithTimeout(ctx, spfTime)
	defer stop()
	m := &memory{asker: a}
	w := &walk{ctx: ctx, dns: m}
	w.out.Records, w.out.Asked = w.records(domain)
	switch {
	case len(w.out.Records) > 1:
		w.wrong(probes.SPFSeveral, domain)
	case len(w.out.Records) == 1:
		w.part(probes.SPFPart{Domain: domain, Record: w.out.Records[0]}, nil)
	}
	if w.out.Asked == probes.RecordFound && len(w.out.Records) == 0 {
		w.out.Asked = probes.RecordAbsent // other TXT records only
	}
	for _, ip := range addresses {
		w.out.Results = append(w.out.Results, probes.SPFResult{Address: ip, Sender: sender, Result: evaluate(ctx, m, ip, domain, sender)})
	}
	return w.out
}

// evaluate is check_host of RFC 7208 section 4.
func evaluate(ctx context.Context, m *memory, ip netip.Addr, hello, sender string) string {
	result, _ := spf.CheckHostWithSender(net.IP(ip.AsSlice()), hello, sender, spf.WithContext(ctx), spf.WithResolver(m))
	return string(result)
}

// walk follows a policy as a receiver would for an address that nothing in it
// matches, which asks the most of DNS.
type walk struct {
	ctx context.Context //nolint:containedctx // of one call, with its time limit
	dns *memory
	out probes.SPF
}

func (w *walk) wrong(why, at string) {
	if w.out.Wrong == "" {
		w.out.Wrong, w.out.At = why, probes.Clean(at, 200)
	}
}

// records are the SPF records among a domain's TXT records (section 4.5).
func (w *walk) records(domain string) ([]string, probes.Asked) {
	txt, err := w.dns.LookupTXT(w.ctx, domain)
	asked := w.dns.asker.took(len(txt), err)
	var out []string
	for _, r := range txt {
		if version, _, _ := strings.Cut(r, " "); strings.EqualFold(version, "v=spf1") {
			out = append(out, r)
		}
	}
	return out, asked
}

// part reads one record, of which above are the domains that lead to it.
func (w *walk) part(p probes.SPFPart, above []string) {
	terms, wrong := parseSPF(p.Record)
	p.Record, p.Depth = probes.Clean(p.Record, maxRecord), len(above)
	for _, t := range terms {
		if t.name == "all" {
			p.All = t.qualifier
		}
	}
	w.out.Parts = append(w.out.Parts, p)
	if wrong != "" {
		w.wrong(probes.SPFSyntax, wrong)
		return
	}
	above = append(slices.Clone(above), p.Domain)
	for _, t := range terms {
		if t.name == "all" {
			return // nothing behind it counts (section 5.1)
		}
		if t.asks() && !w.follow(p, t, above) {
			return
		}
	}
}

// follow puts the question of one term; false ends the policy.
func (w *walk) follow(p probes.SPFPart, t spfTerm, above []string) bool {
	if w.out.Lookups >= maxLookups || len(w.out.Parts) >= maxParts || w.ctx.Err() != nil {
		w.out.Partial = true
		return false
	}
	w.out.Lookups++
	target := strings.ToLower(strings.TrimSuffix(t.domain, "."))
	if target == "" {
		target = p.Domain
	}
	if strings.Contains(target, "%") { // a macro: what is asked depends on the message
		w.out.Partial = w.out.Partial || t.name == "include" || t.name == "redirect"
		return true
	}
	switch t.name {
	case "include", "redirect":
		return w.include(p, t, target, above)
	case "a":
		_, err := w.dns.LookupIPAddr(w.ctx, target)
		w.void(err)
	case "mx":
		_, err := w.dns.LookupMX(w.ctx, target)
		w.void(err)
	case "exists":
		_, err := w.dns.LookupIPAddr(w.ctx, target)
		w.void(err)
	}
	return true // ptr asks about the sender's address
}

// include goes on with another domain's policy.
func (w *walk) include(from probes.SPFPart, t spfTerm, target string, above []string) bool {
	if slices.Contains(above, target) || len(above) >= maxDepth {
		w.wrong(probes.SPFLoop, target)
		return false
	}
	records, asked := w.records(target)
	switch {
	case asked == probes.RecordUnknown:
		w.out.Partial = true
	case len(records) == 0:
		if asked == probes.RecordAbsent {
			w.out.Voids++
		}
		w.wrong(probes.SPFMissing, target)
	case len(records) > 1:
		w.wrong(probes.SPFSeveral, target)
	default:
		own := len(above) == 1 || from.Redirected
		w.part(probes.SPFPart{Domain: target, Record: records[0], Redirected: t.name == "redirect" && own}, above)
	}
	return t.name == "include" // a redirect is the end of it
}

// void counts a question that nothing was answered to.
func (w *walk) void(err error) {
	if dns, ok := err.(*net.DNSError); ok && dns.IsNotFound { //nolint:errorlint // as memory gives it
		w.out.Voids++
	}
}

// memory is a Resolver that puts each question once, each in its own time. The
// errors are those that package spf tells apart.
type memory struct {
	asker *asker
	mu    sync.Mutex
	known map[string]remembered
}

type remembered struct {
	value any
	err   error
}

// recall puts a question unless it was put before.
func recall[T any](ctx context.Context, m *memory, key string, question func(context.Context) ([]T, error)) ([]T, error) {
	m.mu.Lock()
	old, ok := m.known[key]
	m.mu.Unlock()
	if ok {
		value, _ := old.value.([]T)
		return value, old.err
	}
	value, err := ask(ctx, m.asker, question)
	if len(value) > 0 {
		err = nil // of an answer that is wrong in part the rest is good
	} else if err == nil {
		err = &net.DNSError{Err: "no such record", IsNotFound: true}
	}
	if dns := dnsError(err); dns != nil {
		err = dns
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[string]remembered{}
	}
	m.known[key] = remembered{value, err}
	return value, err
}

// dnsError is err as a *net.DNSError, which any other failure to get an answer
// is made into as well; nil without an error.
func dnsError(err error) *net.DNSError {
	if err == nil {
		return nil
	}
	if dns, ok := err.(*net.DNSError); ok { //nolint:errorlint // what is wrapped is made anew below
		return dns
	}
	return &net.DNSError{Err: err.Error(), IsTemporary: true}
}

func (m *memory) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return recall(ctx, m, "txt "+name, func(ctx context.Context) ([]string, error) {
		records, err := m.asker.dns.LookupTXT(ctx, absolute(name))
		var out []string
		for _, r := range records {
			out = append(out, r[:min(len(r), maxRecord)])
		}
		return out, err
	})
}

func (m *memory) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return recall(ctx, m, "mx "+name, func(ctx context.Context) ([]*net.MX, error) { return m.asker.dns.LookupMX(ctx, absolute(name)) })
}

func (m *memory) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	return recall(ctx, m, "ip "+host, func(ctx context.Context) ([]net.IPAddr, error) {
		return m.asker.dns.LookupIPAddr(ctx, absolute(host))
	})
}

func (m *memory) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	return recall(ctx, m, "ptr "+addr, func(ctx context.Context) ([]string, error) { return m.asker.dns.LookupAddr(ctx, addr) })
}
