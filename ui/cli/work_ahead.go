package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/dnsrec"
)

// aheadLimit is how long the wizard looks at DNS before a test send. Somebody
// waits, and what was not learnt in time is left out.
const aheadLimit = 4 * time.Second

// Ahead is Forecast with what DNS says against the route: whoever sends past
// the sign-in is judged by the records of the domain in From. Only what warns
// is told, and a network that does not answer tells nothing.
func (w *Work) Ahead(ctx context.Context, t Try) ([]checks.Finding, error) {
	found, err := w.Forecast(ctx, t)
	if err != nil {
		return nil, err
	}
	a, err := w.asked(t)
	if err != nil {
		return nil, err
	}
	_, domain, ok := strings.Cut(a.From, "@")
	if !ok || !judgedByDNS(a.Route) {
		return found, nil
	}
	ctx, stop := context.WithTimeout(ctx, aheadLimit)
	defer stop()
	p := dnsrec.Probe{Domain: domain, From: domain, NoPolicy: true, Limit: aheadLimit}
	if w.Lab != nil {
		p.DNS = dnsrec.Zone(w.Lab.Records())
	}
	records, err := p.Run(ctx)
	if err != nil {
		return found, nil //nolint:nilerr // what is not known is no warning
	}
	for _, f := range checks.JudgeDNS(checks.DNSFacts{DNS: records, Route: a.Route, Cloud: w.cloud()}) {
		if f.Status == checks.Warn || f.Status == checks.Fail {
			f.Sender = a.Sender
			found = append(found, f)
		}
	}
	return found, nil
}

// judgedByDNS are the routes on which nobody signs in to the tenant that the
// domain belongs to, so that SPF, DKIM and DMARC decide.
func judgedByDNS(r probes.Route) bool {
	return slices.Contains([]probes.Route{probes.Connector, probes.Direct, probes.ACS, probes.Provider}, r)
}
