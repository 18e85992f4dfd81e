package dnsrec

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"offbasic/probes"
)

// asker asks questions, each in its own time, and remembers whether anybody
// answers.
type asker struct {
	dns   Resolver
	http  *http.Client
	limit time.Duration

	mu       sync.Mutex
	answered bool
	first    error // of the questions without an answer
}

func (p Probe) asker() *asker {
	a := &asker{dns: p.DNS, http: p.HTTP, limit: p.Limit}
	if a.dns == nil {
		a.dns = net.DefaultResolver
	}
	if a.limit <= 0 {
		a.limit = questionTime
	}
	if a.http == nil {
		a.http = &http.Client{Timeout: 10 * time.Second}
	}
	return a
}

// together runs all of f at once and returns when they are done.
func together(f ...func()) {
	var wg sync.WaitGroup
	for _, one := range f {
		wg.Go(one)
	}
	wg.Wait()
}

// took notes the outcome of a question and names it.
func (a *asker) took(n int, err error) probes.Asked {
	a.mu.Lock()
	defer a.mu.Unlock()
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case n > 0:
		a.answered = true
		return probes.RecordFound
	case err == nil, isDNS && dns.IsNotFound:
		a.answered = true
		return probes.RecordAbsent
	}
	if a.first == nil {
		a.first = err
	}
	return probes.RecordUnknown
}

// silent is why no question was answered, nil if one was.
func (a *asker) silent() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answered {
		return nil
	}
	return a.first
}

// ask puts one question within the time limit. A resolver that does not heed
// its context is left behind.
func ask[T any](ctx context.Context, a *asker, question func(context.Context) ([]T, error)) ([]T, error) {
	ctx, stop := context.WithTimeout(ctx, a.limit)
	defer stop()
	type answer struct {
		records []T
		err     error
	}
	got := make(chan answer, 1)
	go func() {
		records, err := question(ctx)
		got <- answer{records, err}
	}()
	select {
	case x := <-got:
		return x.records[:min(len(x.records), maxRecords)], x.err
	case <-ctx.Done():
		return nil, &net.DNSError{Err: "no answer in time", IsTimeout: true, IsTemporary: true}
	}
}

// txt are the records of that name, each cut to a bound.
func (a *asker) txt(ctx context.Context, name string) ([]string, probes.Asked) {
	records, err := ask(ctx, a, func(ctx context.Context) ([]string, error) { return a.dns.LookupTXT(ctx, absolute(name)) })
	for i, r := range records {
		records[i] = r[:min(len(r), maxRecord)]
	}
	return records, a.took(len(records), err)
}

// absolute keeps a resolver from trying the machine's own search domains.
func absolute(name string) string {
	if strings.HasSuffix(name, ".") {
		return name
	}
	return name + "."
}

func (a *asker) addresses(ctx context.Context, host string) ([]netip.Addr, probes.Asked) {
	found, err := ask(ctx, a, func(ctx context.Context) ([]net.IPAddr, error) { return a.dns.LookupIPAddr(ctx, absolute(host)) })
	var out []netip.Addr
	for _, f := range found {
		if addr, ok := netip.AddrFromSlice(f.IP); ok {
			out = append(out, addr.Unmap())
		}
	}
	return out, a.took(len(out), err)
}

// exchangers are the MX records. Of an answer with names that are none Go
// gives the others together with an error.
func (a *asker) exchangers(ctx context.Context, domain string) ([]*net.MX, probes.Asked) {
	records, err := ask(ctx, a, func(ctx context.Context) ([]*net.MX, error) { return a.dns.LookupMX(ctx, absolute(domain)) })
	return records, a.took(len(records), err)
}

func (a *asker) mx(ctx context.Context, domain string) probes.MX {
	records, asked := a.exchangers(ctx, domain)
	out := probes.MX{Asked: asked}
	for _, r := range records {
		name := strings.ToLower(strings.TrimSuffix(r.Host, "."))
		if name == "" {
			out.Null = true
			continue
		}
		out.Hosts = append(out.Hosts, probes.MXHost{Name: probes.Clean(name, 260), Preference: int(r.Pref)})
	}
	var each []func()
	for i := range out.Hosts[:min(len(out.Hosts), maxHosts)] {
		h := &out.Hosts[i]
		each = append(each, func() { h.Addresses, _ = a.addresses(ctx, h.Name) })
	}
	together(each...)
	return out
}
