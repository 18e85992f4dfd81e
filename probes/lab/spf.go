package lab

import (
	"net/netip"
	"strings"
)

// maxLookups is RFC 7208 section 4.6.4.
const maxLookups = 10

// spf evaluates what a domain says about an address (RFC 7208), with the lab's
// DNS: the mechanisms ip4, ip6, a, mx, include and all, and redirect. Any other
// is a permerror here.
func (l *Lab) spf(domain, address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || domain == "" {
		return "none"
	}
	lookups := 0
	return l.spfOf(domain, ip, &lookups)
}

func (l *Lab) spfOf(domain string, ip netip.Addr, lookups *int) string {
	record := l.txt(domain, "v=spf1")
	if record == "" {
		return "none"
	}
	redirect := ""
	for term := range strings.FieldsSeq(strings.TrimPrefix(record, "v=spf1")) {
		if to, ok := strings.CutPrefix(term, "redirect="); ok {
			redirect = to
			continue
		}
		result, rest := qualified(term)
		matches, ok := l.spfMatches(rest, domain, ip, lookups)
		if !ok {
			return "permerror"
		}
		if matches {
			return result
		}
	}
	if redirect == "" {
		return "neutral"
	}
	if *lookups++; *lookups > maxLookups {
		return "permerror"
	}
	if result := l.spfOf(redirect, ip, lookups); result != "none" {
		return result
	}
	return "permerror" // RFC 7208 section 6.1
}

// qualified splits "-all" into its result and the mechanism.
func qualified(term string) (result, mechanism string) {
	switch term[0] {
	case '-':
		return "fail", term[1:]
	case '~':
		return "softfail", term[1:]
	case '?':
		return "neutral", term[1:]
	}
	return "pass", strings.TrimPrefix(term, "+")
}

// spfMatches tells whether a mechanism matches; ok is false for an error.
func (l *Lab) spfMatches(mechanism, domain string, ip netip.Addr, lookups *int) (matches, ok bool) {
	name, value, _ := strings.Cut(mechanism, ":")
	switch strings.ToLower(name) {
	case "all":
		return true, true
	case "ip4", "ip6":
		return within(value, ip)
	}
	if *lookups++; *lookups > maxLookups {
		return false, false
	}
	switch strings.ToLower(name) {
	case "include":
		switch l.spfOf(value, ip, lookups) {
		case "pass":
			return true, true
		case "none", "permerror":
			return false, false
		}
		return false, true
	case "a":
		return l.hasAddress(or(value, domain), ip), true
	case "mx":
		for _, mx := range l.Records()["MX "+strings.ToLower(or(value, domain))] {
			_, host, _ := strings.Cut(mx, " ")
			if l.hasAddress(strings.TrimSuffix(host, "."), ip) {
				return true, true
			}
		}
		return false, true
	}
	return false, false
}

// within tells whether an address is in "203.0.113.0/24" or is "203.0.113.1".
func within(network string, ip netip.Addr) (inside, ok bool) {
	if a, err := netip.ParseAddr(network); err == nil {
		return a == ip, true
	}
	p, err := netip.ParsePrefix(network)
	return err == nil && p.Contains(ip), err == nil
}

func (l *Lab) hasAddress(host string, ip netip.Addr) bool {
	for _, a := range l.Records()["A "+strings.ToLower(host)] {
		if found, err := netip.ParseAddr(a); err == nil && found == ip {
			return true
		}
	}
	return false
}
