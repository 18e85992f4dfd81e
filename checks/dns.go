package checks

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"offbasic/probes"
)

// DNSFacts is what a domain's records are judged with.
type DNSFacts struct {
	DNS probes.MailDNS
	// Route is the one that the mail is to take; "" is not chosen.
	Route probes.Route
	// Cloud is the tenant's; the zero value is the worldwide one.
	Cloud Cloud
	// Servers are the addresses that the route's mail comes from, where it is
	// not Exchange Online that sends it: the office's public address, a relay.
	// SPF must have been evaluated for them.
	Servers []netip.Addr
}

// DNSChecks lists the checks of a domain's records.
func DNSChecks() []Check {
	return []Check{
		listed("dns-mx", "", Pass),
		listed("dns-mx-elsewhere", "dns-mx-elsewhere", Warn),
		listed("dns-mx-none", "dns-mx-none", Fail),
		listed("dns-mx-null", "dns-mx-none", Fail),
		listed("dns-mx-lost", "dns-mx-lost", Fail),
		listed("dns-mx-unknown", "", Skip),
		listed("dns-spf", "", Pass),
		listed("dns-spf-none", "dns-spf-none", Fail),
		listed("dns-spf-several", "dns-spf-several", Fail),
		listed("dns-spf-syntax", "dns-spf-syntax", Fail),
		listed("dns-spf-loop", "dns-spf-loop", Fail),
		listed("dns-spf-missing", "dns-spf-missing", Fail),
		listed("dns-spf-unknown", "", Skip),
		listed("dns-spf-lookups", "dns-spf-lookups", Pass, Warn, Fail),
		listed("dns-spf-voids", "dns-spf-voids", Fail),
		listed("dns-spf-all", "dns-spf-all", Pass, Warn, Fail),
		listed("dns-spf-exchange", "dns-spf-exchange", Pass, Fail),
		listed("dns-spf-server", "dns-spf-server", Pass, Warn, Fail),
		listed("dns-spf-servers", "", Skip),
		listed("dns-dkim", "dns-dkim", Pass, Warn),
		listed("dns-dkim-revoked", "dns-dkim", Warn),
		listed("dns-dkim-short", "dns-dkim-short", Warn),
		listed("dns-dkim-testing", "dns-dkim-testing", Warn),
		listed("dns-dkim-unknown", "", Skip),
		listed("dns-dmarc", "dns-dmarc-policy", Pass, Warn),
		listed("dns-dmarc-none", "dns-dmarc-none", Warn),
		listed("dns-dmarc-wrong", "dns-dmarc-wrong", Fail),
		listed("dns-dmarc-unknown", "", Skip),
		listed("dns-align", "dns-align", Pass, Warn, Fail),
		listed("dns-sts", "", Pass),
		listed("dns-sts-none", "", Pass),
		listed("dns-sts-unknown", "", Skip),
		listed("dns-sts-policy", "dns-sts-policy", Warn, Fail),
		listed("dns-sts-mx", "dns-sts-mx", Warn, Fail),
	}
}

// JudgeDNS judges a domain's records, in the order of DNSChecks.
func JudgeDNS(f DNSFacts) []Finding {
	j := dnsJudge{DNSFacts: f, verdicts: verdicts{table: DNSChecks()}}
	if j.Cloud.ID == "" {
		j.Cloud, _ = CloudByID("")
	}
	j.mx()
	j.spf()
	j.dkim()
	j.dmarc()
	j.align()
	j.sts()
	return j.found
}

type dnsJudge struct {
	DNSFacts
	verdicts
}

// exchangeHosts are the ends of the names of Exchange Online's MX hosts
// (Microsoft, "How to set up a multifunction device or application"). The
// names for DNSSEC end otherwise: that is not confirmed, and a host under
// them is no evidence against.
func exchangeHosts() []string {
	return []string{".mail.protection.outlook.com", ".mail.protection.office365.us", ".mail.protection.partner.outlook.cn", ".mx.microsoft"}
}

func (j *dnsJudge) mx() {
	mx := j.DNS.MX
	switch {
	case mx.Asked == probes.RecordUnknown:
		j.add("dns-mx-unknown", Skip, "domain", j.DNS.Domain)
	case mx.Null:
		j.add("dns-mx-null", Fail, "domain", j.DNS.Domain)
	case len(mx.Hosts) == 0:
		j.add("dns-mx-none", Fail, "domain", j.DNS.Domain)
	default:
		j.mxHosts(mx.Hosts)
	}
}

func (j *dnsJudge) mxHosts(hosts []probes.MXHost) {
	var ours, others []string
	for _, h := range hosts {
		if IsExchangeHost(h.Name) {
			ours = append(ours, h.Name)
		} else {
			others = append(others, h.Name)
		}
	}
	if len(others) == 0 {
		j.add("dns-mx", Pass, "domain", j.DNS.Domain, "hosts", several(ours))
	} else {
		j.add("dns-mx-elsewhere", Warn, "domain", j.DNS.Domain, "hosts", several(others))
	}
	lost := []string{}
	for _, h := range hosts {
		if len(h.Addresses) == 0 {
			lost = append(lost, h.Name)
		}
	}
	if len(lost) > 0 {
		j.add("dns-mx-lost", Fail, "hosts", several(lost))
	}
}

// IsExchangeHost tells an MX host of Exchange Online.
func IsExchangeHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return slices.ContainsFunc(exchangeHosts(), func(end string) bool { return strings.HasSuffix(host, end) })
}

// The limits of RFC 7208 section 4.6.4.
const (
	spfLookups = 10
	spfVoids   = 2
)

func (j *dnsJudge) spf() {
	s := j.DNS.SPF
	switch {
	case s.Asked == probes.RecordUnknown:
		j.add("dns-spf-unknown", Skip, "domain", j.DNS.Domain)
		return
	case len(s.Records) == 0:
		j.add("dns-spf-none", Fail, "domain", j.DNS.Domain, "include", j.include())
		return
	case s.Wrong != "":
		j.add(ID("dns-spf-"+s.Wrong), Fail, "domain", j.DNS.Domain, "at", s.At)
	default:
		j.add("dns-spf", Pass, "domain", j.DNS.Domain, "record", s.Records[0])
	}
	count := strconv.Itoa(s.Lookups)
	switch {
	case s.Lookups > spfLookups:
		j.add("dns-spf-lookups", Fail, "count", count)
	case s.Lookups > spfLookups-2:
		j.add("dns-spf-lookups", Warn, "count", count)
	case s.Wrong == "":
		j.add("dns-spf-lookups", Pass, "count", count)
	}
	if s.Voids > spfVoids {
		j.add("dns-spf-voids", Fail, "count", strconv.Itoa(s.Voids))
	}
	j.spfAll()
	j.spfRoute()
}

// spfAll judges what the policy says of everybody else (Microsoft, "Set up SPF
// to identify valid email sources for your Microsoft 365 domain": -all or
// ~all).
func (j *dnsJudge) spfAll() {
	all := j.DNS.SPF.All()
	switch {
	case j.DNS.SPF.Wrong != "":
	case all == "-" || all == "~":
		j.add("dns-spf-all", Pass, "all", all+"all")
	case all == "+":
		j.add("dns-spf-all", Fail, "all", "+all")
	default:
		j.add("dns-spf-all", Warn, "all", "?all")
	}
}

// include is what the policy of a domain includes for mail that Exchange
// Online sends.
func (j *dnsJudge) include() string { return j.Cloud.SPF }

// sentByExchange tells the routes whose mail Exchange Online takes over and
// sends itself.
func sentByExchange(r probes.Route) bool {
	return r == "" || r == probes.OAuth || r == probes.HVE || r == probes.Graph || r == probes.Basic || r == probes.Connector
}

// spfRoute judges whether the policy has the servers that the route's mail
// comes from. Relay through a connector is sent on by Exchange Online, and
// comes to it from the office (Microsoft, "How to set up a multifunction
// device": add the address to SPF); Direct Send is judged by the office's
// address alone.
func (j *dnsJudge) spfRoute() {
	s := j.DNS.SPF
	if sentByExchange(j.Route) && s.Wrong == "" && j.include() != "" {
		status := Fail
		if slices.ContainsFunc(s.Parts, func(p probes.SPFPart) bool { return strings.EqualFold(p.Domain, j.include()) }) {
			status = Pass
		}
		j.add("dns-spf-exchange", status, "include", j.include())
	}
	switch j.Route {
	case probes.Connector, probes.Direct, probes.Relay, probes.Provider, probes.ACS:
		if len(s.Results) == 0 {
			j.add("dns-spf-servers", Skip, "route", string(j.Route))
		}
	}
	for _, r := range s.Results {
		j.add("dns-spf-server", spfStatus(r.Result), "address", r.Address.String(), "result", r.Result)
	}
}

func spfStatus(result string) Status {
	switch result {
	case "pass":
		return Pass
	case "neutral", "none", "temperror":
		return Warn
	}
	return Fail
}

// minRSA: RFC 8301 section 3.2 asks for keys of 1024 bits, and says 2048.
const minRSA = 2048

func (j *dnsJudge) dkim() {
	var good, none, unknown []string
	for _, k := range j.DNS.DKIM {
		switch {
		case k.Asked == probes.RecordUnknown:
			unknown = append(unknown, k.Selector)
		case k.Asked == probes.RecordAbsent:
			none = append(none, k.Selector)
		case k.Revoked:
			j.add("dns-dkim-revoked", Warn, "selector", k.Selector)
		case k.Type == "rsa" && k.Bits > 0 && k.Bits < minRSA:
			j.add("dns-dkim-short", Warn, "selector", k.Selector, "bits", strconv.Itoa(k.Bits))
		default:
			good = append(good, k.Selector)
		}
		if k.Testing {
			j.add("dns-dkim-testing", Warn, "selector", k.Selector)
		}
	}
	switch {
	case len(good) > 0:
		j.add("dns-dkim", Pass, "selectors", several(good))
	case len(none) > 0:
		j.add("dns-dkim", Warn, "selectors", several(none))
	case len(unknown) > 0:
		j.add("dns-dkim-unknown", Skip, "selectors", several(unknown))
	}
}

func (j *dnsJudge) dmarc() {
	d := j.DNS.DMARC
	args := []string{"domain", d.From, "at", d.Domain, "policy", d.Policy, "percent", strconv.Itoa(d.Percent)}
	switch {
	case d.Asked == probes.RecordUnknown:
		j.add("dns-dmarc-unknown", Skip, "domain", d.From)
	case d.Asked == probes.RecordAbsent:
		j.add("dns-dmarc-none", Warn, "domain", d.From)
	case d.Wrong != "":
		j.add("dns-dmarc-wrong", Fail, "domain", d.From, "at", d.Domain)
	case d.Policy == "none":
		j.add("dns-dmarc", Warn, args...)
	default:
		j.add("dns-dmarc", Pass, args...)
	}
}

// align judges whether the chosen From can pass DMARC: the domain of MAIL FROM
// or of a signature must be that of the From header, or, where the policy is
// not strict, share the organisation's domain with it (RFC 7489 section 3.1).
func (j *dnsJudge) align() {
	d := j.DNS.DMARC
	if d.From == "" {
		return
	}
	same := d.From == j.DNS.Domain
	bySPF := same || !d.StrictSPF && j.related(d)
	byKey := same || !d.StrictKey && j.related(d)
	args := []string{"from", d.From, "domain", j.DNS.Domain}
	switch {
	case bySPF || byKey:
		j.add("dns-align", Pass, args...)
	case d.Asked == probes.RecordFound && d.Policy != "none":
		j.add("dns-align", Fail, args...)
	default:
		j.add("dns-align", Warn, args...)
	}
}

// related tells domains of one organisation: one is above the other, or both
// are below the domain that has the policy.
func (j *dnsJudge) related(d probes.DMARC) bool {
	below := func(a, b string) bool { return b != "" && (a == b || strings.HasSuffix(a, "."+b)) }
	return below(d.From, j.DNS.Domain) || below(j.DNS.Domain, d.From) || below(d.From, d.Domain) && below(j.DNS.Domain, d.Domain)
}

func (j *dnsJudge) sts() {
	s := j.DNS.STS
	switch {
	case s.Asked == probes.RecordUnknown:
		j.add("dns-sts-unknown", Skip, "domain", j.DNS.Domain)
	case s.Asked != probes.RecordFound:
		j.add("dns-sts-none", Pass, "domain", j.DNS.Domain)
	case s.Wrong == "" && s.Policy != probes.RecordFound: // the policy was not asked for
		j.add("dns-sts", Pass, "domain", j.DNS.Domain)
	case s.Wrong != "":
		j.add("dns-sts-policy", enforced(s.Mode != "testing"), "domain", j.DNS.Domain)
	case s.Mode == "none" || len(j.uncovered()) == 0:
		j.add("dns-sts", Pass, "domain", j.DNS.Domain, "mode", s.Mode)
	default:
		j.add("dns-sts-mx", enforced(s.Mode == "enforce"), "hosts", several(j.uncovered()), "mode", s.Mode)
	}
}

func enforced(is bool) Status {
	if is {
		return Fail
	}
	return Warn
}

// uncovered are the MX hosts that the policy of MTA-STS does not name (RFC
// 8461 section 4.1: a star stands for one label).
func (j *dnsJudge) uncovered() []string {
	var out []string
	for _, h := range j.DNS.MX.Hosts {
		_, above, _ := strings.Cut(h.Name, ".")
		if !slices.ContainsFunc(j.DNS.STS.MX, func(p string) bool { return p == h.Name || p == "*."+above }) {
			out = append(out, h.Name)
		}
	}
	return out
}
