package checks

import (
	"net/mail"
	"net/netip"
	"strings"
	"time"

	"offbasic/probes"
)

// readHop reads one Received header: "from A (B [C]) by D with E (F) id G for
// H; date" (RFC 5321 section 4.4), as Exchange Online, Exchange, Postfix, Exim,
// Sendmail and Gmail write it.
func readHop(v string) Hop {
	h := Hop{}
	text, date := v, ""
	if i := strings.LastIndexByte(v, ';'); i >= 0 {
		text, date = v[:i], v[i+1:]
	}
	h.At = hopTime(date)
	words := hopWords(text)
	h.From = probes.Clean(words["from"], 200)
	h.By = probes.Clean(words["by"], 200)
	h.With = probes.Clean(words["with"], 100)
	h.Address = hopAddress(words["from()"], words["from"])
	h.TLS, h.Cipher = hopTLS(text)
	h.Secured = h.TLS != "" || securedWith(words["with"])
	h.Internal = strings.EqualFold(words["with"], "mapi") || sameService(h.From, h.By)
	return h
}

// hopTime reads the date behind the last semicolon. RFC 5322 has the zone as a
// number; a name in brackets behind it is a comment.
func hopTime(s string) time.Time {
	s = strings.TrimSpace(s)
	if t, err := mail.ParseDate(s); err == nil {
		return t
	}
	if i := strings.IndexByte(s, '('); i > 0 {
		s = strings.TrimSpace(s[:i])
	}
	if i := strings.IndexByte(s, '.'); i > 0 { // fractions, as some servers write them
		end := i + 1
		for end < len(s) && isDigit(s[end]) {
			end++
		}
		s = s[:i] + s[end:]
	}
	t, _ := mail.ParseDate(s)
	return t
}

// hopWords are the words behind "from", "by", "with", "id" and "for" outside of
// brackets, and under "from()" the brackets behind that of from.
func hopWords(text string) map[string]string {
	out := map[string]string{}
	key := ""
	for rest := text; rest != ""; {
		if rest[0] == ' ' || rest[0] == '\t' {
			rest = strings.TrimLeft(rest, " \t")
			continue
		}
		if rest[0] == '(' {
			n := bracket(rest)
			if key == "from" {
				out["from()"] += rest[:n]
			}
			rest = rest[n:]
			continue
		}
		word, after, _ := strings.Cut(rest, " ")
		if i := strings.IndexByte(word, '('); i > 0 {
			after = rest[i:]
			word = word[:i]
		}
		rest = after
		w := strings.ToLower(word)
		if _, twice := out[w]; isClause(w) && !twice {
			key, out[w] = w, ""
		} else if key != "" {
			out[key] = strings.TrimSpace(out[key] + " " + word)
		}
	}
	return out
}

// isClause tells the words that begin a clause.
func isClause(word string) bool {
	switch word {
	case "from", "by", "with", "id", "for", "via", "tls":
		return true
	}
	return false
}

// bracket is the length of the comment at the beginning of s; comments nest
// (RFC 5322 section 3.2.2). One without an end goes to the end.
func bracket(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// hopAddress finds the address of who handed the message over: in brackets of
// its own, or as all there is.
func hopAddress(comment, name string) string {
	for _, s := range []string{comment, name} {
		for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(" ()[],;=", r) }) {
			word = strings.TrimPrefix(strings.TrimPrefix(word, "IPv6:"), "ipv6:")
			if ip, err := netip.ParseAddr(word); err == nil {
				return ip.Unmap().WithZone("").String()
			}
		}
	}
	return ""
}

// hopTLS finds the version and the suite: "(version=TLS1_2, cipher=...)" of
// Exchange and Gmail, "using TLSv1.3 with cipher ..." of Postfix, "(TLS1.3) tls
// TLS_AES_256_GCM_SHA384" of Exim, "with esmtps (TLS1.2:ECDHE_...:256)" of older ones.
func hopTLS(text string) (version, cipher string) {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" (),;", r) }) {
		low := strings.ToLower(word)
		value, named := strings.CutPrefix(low, "version=")
		switch {
		case strings.HasPrefix(low, "cipher="):
			cipher = word[len("cipher="):]
		case named && version == "":
			version = tlsVersionOf(value)
		case version == "" && tlsVersionOf(low) != "":
			version = tlsVersionOf(low)
			if _, suite, ok := strings.Cut(word, ":"); ok { // Exim 4.9x
				cipher, _, _ = strings.Cut(suite, ":")
			}
		case cipher == "" && isSuite(word):
			cipher = word
		}
	}
	return version, probes.Clean(cipher, 80)
}

// tlsVersionOf reads "tls1_2", "tlsv1.3", "tls1.2:...", "tlsv1"; "" for anything else.
func tlsVersionOf(s string) string {
	rest, ok := strings.CutPrefix(s, "tls")
	if !ok {
		return ""
	}
	rest, _, _ = strings.Cut(strings.TrimPrefix(rest, "v"), ":")
	switch strings.ReplaceAll(rest, "_", ".") {
	case "1", "1.0":
		return "TLS 1.0"
	case "1.1":
		return "TLS 1.1"
	case "1.2":
		return "TLS 1.2"
	case "1.3":
		return "TLS 1.3"
	}
	return ""
}

// isSuite tells the name of a cipher suite, IANA's or OpenSSL's.
func isSuite(s string) bool {
	return strings.HasPrefix(s, "TLS_") || strings.Count(s, "-") >= 2 && (strings.HasPrefix(s, "ECDHE-") || strings.HasPrefix(s, "DHE-") || strings.HasPrefix(s, "AES"))
}

// securedWith tells a protocol that includes TLS (RFC 3848: the S of ESMTPS,
// ESMTPSA, LMTPS; RFC 6531 for the UTF8 ones).
func securedWith(with string) bool {
	word, _, _ := strings.Cut(strings.ToUpper(with), " ")
	switch strings.TrimPrefix(word, "UTF8") {
	case "ESMTPS", "ESMTPSA", "LMTPS", "LMTPSA", "SMTPS", "SMTPSA", "HTTPS":
		return true
	}
	return false
}

// sameService tells a hop between two servers of Exchange Online.
func sameService(from, by string) bool {
	return isOutlook(from) && isOutlook(by)
}

// isOutlook tells a server of Exchange Online by its name.
func isOutlook(host string) bool {
	host, _, _ = strings.Cut(strings.ToLower(host), " ")
	return strings.HasSuffix(host, ".outlook.com") || strings.HasSuffix(host, ".office365.us") || strings.HasSuffix(host, ".outlook.cn")
}
