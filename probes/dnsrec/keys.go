package dnsrec

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"offbasic/probes"
)

// dkim asks for the keys of the selectors.
func (a *asker) dkim(ctx context.Context, domain string, selectors []string) []probes.DKIM {
	if len(selectors) == 0 {
		selectors = Selectors()
	}
	selectors = selectors[:min(len(selectors), maxSelectors)]
	out := make([]probes.DKIM, len(selectors))
	var each []func()
	for i, s := range selectors {
		each = append(each, func() { out[i] = a.key(ctx, domain, s) })
	}
	together(each...)
	return out
}

func (a *asker) key(ctx context.Context, domain, selector string) probes.DKIM {
	out := probes.DKIM{Selector: probes.Clean(selector, 100), Asked: probes.RecordUnknown}
	name, err := Domain(selector + "._domainkey." + domain)
	if err != nil {
		out.Asked = probes.RecordAbsent
		return out
	}
	records, asked := a.txt(ctx, name)
	out.Asked = asked
	for _, r := range records {
		if readKey(r, &out) {
			return out
		}
	}
	if asked == probes.RecordFound {
		out.Asked = probes.RecordAbsent // something else lies there
	}
	return out
}

// readKey reads a key record (RFC 6376 section 3.6.1).
func readKey(record string, out *probes.DKIM) bool {
	tags := tags(record)
	if v, ok := tags["v"]; ok && v != "DKIM1" {
		return false
	}
	p, ok := tags["p"]
	if !ok {
		return false
	}
	p = strings.Join(strings.Fields(p), "")
	out.Revoked, out.Type = p == "", "rsa"
	if k := tags["k"]; k != "" {
		out.Type = probes.Clean(k, 20)
	}
	out.Testing = slices.Contains(strings.Split(strings.ReplaceAll(tags["t"], " ", ""), ":"), "y")
	der, err := base64.StdEncoding.DecodeString(p)
	if err != nil || out.Type != "rsa" {
		return true
	}
	if pub, err := x509.ParsePKIXPublicKey(der); err == nil {
		if key, ok := pub.(*rsa.PublicKey); ok {
			out.Bits = key.N.BitLen()
		}
	} else if key, err := x509.ParsePKCS1PublicKey(der); err == nil { // some publish this form
		out.Bits = key.N.BitLen()
	}
	return true
}

// tags reads a list of "tag=value" with ";" between them (RFC 6376 section
// 3.2). Of a tag that is there twice the first counts.
func tags(record string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(record[:min(len(record), maxRecord)], ";") {
		name, value, ok := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		if _, twice := out[name]; ok && !twice && name != "" {
			out[name] = strings.TrimSpace(value)
		}
	}
	return out
}

// maxParents is how many names above the From's domain are asked for a DMARC
// record.
const maxParents = 5

// dmarc asks for the policy of a From domain: its own, or that of the nearest
// domain above. RFC 7489 section 6.6.3 asks at the organisational domain,
// which only a list of public suffixes tells; the nearest record above is the
// same one wherever the domains between have none.
func (a *asker) dmarc(ctx context.Context, from string) probes.DMARC {
	out := probes.DMARC{Asked: probes.RecordAbsent, From: from}
	domain := from
	for range maxParents {
		records, asked := a.txt(ctx, "_dmarc."+domain)
		found := policies(records)
		switch {
		case asked == probes.RecordUnknown:
			out.Asked = probes.RecordUnknown
			return out
		case len(found) > 1: // section 6.6.3, item 5
			out.Asked, out.Domain, out.Wrong = probes.RecordFound, domain, "several"
			return out
		case len(found) == 1:
			out.Asked, out.Domain = probes.RecordFound, domain
			readDMARC(found[0], &out)
			return out
		}
		_, above, ok := strings.Cut(domain, ".")
		if !ok || !strings.Contains(above, ".") {
			return out
		}
		domain = above
	}
	return out
}

// policies are the records among them that begin as a policy must.
func policies(records []string) []string {
	var out []string
	for _, r := range records {
		version, _, _ := strings.Cut(r, ";")
		name, value, _ := strings.Cut(version, "=")
		if strings.TrimSpace(name) == "v" && strings.TrimSpace(value) == "DMARC1" {
			out = append(out, r)
		}
	}
	return out
}

// readDMARC reads a policy (RFC 7489 section 6.3).
func readDMARC(record string, out *probes.DMARC) {
	t := tags(record)
	out.Record, out.Percent = probes.Clean(record, 1000), 100
	out.Policy = strings.ToLower(t["p"])
	if sp := strings.ToLower(t["sp"]); sp != "" && out.Domain != out.From {
		out.Policy = sp
	}
	if !slices.Contains([]string{"none", "quarantine", "reject"}, out.Policy) {
		out.Wrong = "policy"
		if t["rua"] != "" { // section 6.6.3, item 6: as if p=none
			out.Policy = "none"
		}
	}
	if n, err := strconv.Atoi(t["pct"]); err == nil && n >= 0 && n <= 100 {
		out.Percent = n
	}
	out.StrictSPF, out.StrictKey = strings.EqualFold(t["aspf"], "s"), strings.EqualFold(t["adkim"], "s")
	out.Reports = t["rua"] != ""
	out.Policy = probes.Clean(out.Policy, 40)
}

// maxPolicy is how much of a policy of MTA-STS is read, in bytes: RFC 8461
// section 3.3 suggests 64 kB.
const maxPolicy = 64 << 10

// sts asks for MTA-STS: the record and, where it is, the policy.
func (a *asker) sts(ctx context.Context, domain string, noPolicy bool) probes.STS {
	records, asked := a.txt(ctx, "_mta-sts."+domain)
	out := probes.STS{Asked: asked, Policy: probes.RecordUnknown}
	if asked == probes.RecordFound {
		out.Asked = probes.RecordAbsent
	}
	for _, r := range records { // RFC 8461 section 3.1
		t := tags(r)
		if t["v"] != "STSv1" {
			continue
		}
		if out.Asked == probes.RecordFound {
			out.Wrong = "several"
		}
		out.Asked, out.ID = probes.RecordFound, probes.Clean(t["id"], 40)
	}
	if out.Asked != probes.RecordFound || noPolicy {
		return out
	}
	a.policy(ctx, domain, &out)
	return out
}

// policy fetches the policy. Redirects are not followed (RFC 8461 section 3.3).
func (a *asker) policy(ctx context.Context, domain string, out *probes.STS) {
	ctx, stop := context.WithTimeout(ctx, 2*a.limit)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://mta-sts."+domain+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		out.Wrong = "fetch"
		return
	}
	h := *a.http
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := h.Do(req)
	if err != nil {
		out.Wrong = "fetch"
		return
	}
	defer res.Body.Close() //nolint:errcheck // everything wanted has been read
	body, err := io.ReadAll(io.LimitReader(res.Body, maxPolicy))
	if err != nil || res.StatusCode != http.StatusOK {
		out.Policy, out.Wrong = probes.RecordAbsent, "fetch"
		return
	}
	readPolicy(string(body), out)
}

// readPolicy reads a policy's lines (RFC 8461 section 3.2).
func readPolicy(body string, out *probes.STS) {
	version := ""
	for line := range strings.Lines(body) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "version":
			version = value
		case "mode":
			out.Mode = probes.Clean(value, 20)
		case "mx":
			if len(out.MX) < maxRecords {
				out.MX = append(out.MX, probes.Clean(strings.ToLower(value), 260))
			}
		}
	}
	out.Policy = probes.RecordFound
	known := slices.Contains([]string{"enforce", "testing", "none"}, out.Mode)
	if version != "STSv1" || !known || out.Mode != "none" && len(out.MX) == 0 {
		out.Wrong = "policy"
	}
}
