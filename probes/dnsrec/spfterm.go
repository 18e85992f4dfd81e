package dnsrec

import (
	"net/netip"
	"strconv"
	"strings"
)

// spfTerm is one mechanism, or the modifier redirect (RFC 7208 sections 5 and
// 6.1).
type spfTerm struct {
	qualifier string // "+", "-", "~" or "?"
	name      string
	domain    string // as written, macros and all; "" is the policy's own
}

// asks tells whether the term makes a receiver ask DNS (section 4.6.4).
func (t spfTerm) asks() bool {
	switch t.name {
	case "include", "a", "mx", "ptr", "exists", "redirect":
		return true
	}
	return false
}

// parseSPF reads a record's terms: the mechanisms in their order and the
// redirect, where it counts, at the end. wrong is the first term that cannot
// be read.
func parseSPF(record string) (terms []spfTerm, wrong string) {
	fields := strings.Split(record, " ")
	if len(fields) > maxTerms {
		return nil, "..."
	}
	var redirect *spfTerm
	all := false
	for _, f := range fields[1:] {
		if f == "" {
			continue
		}
		t, ok := parseTerm(f)
		switch {
		case !ok, t.name == "redirect" && redirect != nil:
			return terms, f
		case t.name == "redirect":
			redirect = &t
		case t.name != "":
			terms = append(terms, t)
			all = all || t.name == "all"
		}
	}
	if redirect != nil && !all { // section 6.1
		terms = append(terms, *redirect)
	}
	return terms, ""
}

// parseTerm reads one term; one without a name is a modifier that means
// nothing here.
func parseTerm(f string) (t spfTerm, ok bool) {
	if name, value, is := modifier(f); is {
		if strings.EqualFold(name, "redirect") {
			return spfTerm{name: "redirect", domain: value}, isSpec(value)
		}
		return spfTerm{}, true
	}
	t.qualifier = "+"
	if strings.IndexByte("+-~?", f[0]) >= 0 {
		t.qualifier, f = f[:1], f[1:]
	}
	end := strings.IndexAny(f, ":/")
	if end < 0 {
		end = len(f)
	}
	t.name = strings.ToLower(f[:end])
	rest := f[end:]
	switch t.name {
	case "all":
		return t, rest == ""
	case "ip4", "ip6":
		return t, isNetwork(t.name, strings.TrimPrefix(rest, ":"))
	case "include", "exists":
		t.domain = strings.TrimPrefix(rest, ":")
		return t, isSpec(t.domain) && strings.HasPrefix(rest, ":")
	case "ptr":
		t.domain = strings.TrimPrefix(rest, ":")
		return t, rest == "" || isSpec(t.domain)
	case "a", "mx":
		return domainAndLength(t, rest)
	}
	return t, false
}

// modifier splits "name=value"; the name is letters, digits, "-", "_" and "."
// (section 4.6.1).
func modifier(f string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(f, "=")
	if !ok || name == "" || !isAlpha(name[0]) {
		return "", "", false
	}
	for i := range len(name) {
		if c := name[i]; !isAlpha(c) && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return "", "", false
		}
	}
	return name, value, true
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// domainAndLength reads what follows "a" or "mx": ":domain", "/24", "//64"
// (section 5.6's lengths).
func domainAndLength(t spfTerm, rest string) (spfTerm, bool) {
	if after, ok := strings.CutPrefix(rest, ":"); ok {
		t.domain, rest = after, ""
		if i := lengthAt(after); i >= 0 {
			t.domain, rest = after[:i], after[i:]
		}
		if !isSpec(t.domain) {
			return t, false
		}
	}
	four, six, dual := strings.Cut(rest, "//")
	if dual && !isLength(six, 128) {
		return t, false
	}
	return t, four == "" || strings.HasPrefix(four, "/") && isLength(four[1:], 32)
}

// lengthAt is where the lengths begin: at the first slash that is no delimiter
// of a macro; -1 without.
func lengthAt(s string) int {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '/':
			return i
		case strings.HasPrefix(s[i:], "%{"):
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return -1
			}
			i += end
		}
	}
	return -1
}

func isLength(s string, most int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= most && strconv.Itoa(n) == s
}

func isNetwork(name, s string) bool {
	addr, length, ranged := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(addr)
	if err != nil || ip.Zone() != "" || ip.Is4() != (name == "ip4") {
		return false
	}
	return !ranged || isLength(length, ip.BitLen())
}

// isSpec tells a domain-spec: it is not empty and its macros are whole
// (section 7.1).
func isSpec(s string) bool {
	if s == "" || len(s) > 1000 {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] <= ' ' || s[i] > '~':
			return false
		case s[i] != '%':
		case i+1 == len(s):
			return false
		case strings.IndexByte("%_-", s[i+1]) >= 0:
			i++
		case s[i+1] == '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 3 || !isMacro(s[i+2:i+end]) {
				return false
			}
			i += end
		default:
			return false
		}
	}
	return true
}

// isMacro reads "ir", "d2", "l1r-" between the braces (section 7.1).
func isMacro(s string) bool {
	if strings.IndexByte("slodiphcrtv", s[0]|0x20) < 0 {
		return false
	}
	rest := strings.TrimLeft(s[1:], "0123456789")
	if digits := s[1 : len(s)-len(rest)]; digits != "" && strings.Trim(digits, "0") == "" {
		return false
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "r"), "R")
	return strings.Trim(rest, ".-+,/_=") == ""
}
