package checks

import (
	"strings"

	"offbasic/probes"
)

// AuthResult is one result of an Authentication-Results header (RFC 8601).
type AuthResult struct {
	Method string            // "spf", "dkim", "dmarc", "compauth", ...
	Result string            // "pass", "fail", ...
	Note   string            // the comment behind it: "sender IP is 192.0.2.1"
	Props  map[string]string // "smtp.mailfrom", "header.d", "reason", "action", ...
}

// maxResults is how many results of one header are read.
const maxResults = 50

// ReadResults reads a header's value. Exchange Online writes no name of a
// server at its beginning, or writes it between results; both are read (RFC
// 8601 section 2.2 wants it first).
func ReadResults(v string) []AuthResult {
	out := []AuthResult{}
	for _, part := range resultParts(v[:min(len(v), maxValue)]) {
		if r, ok := readResult(part); ok && len(out) < maxResults {
			out = append(out, r)
		}
	}
	return out
}

// resultParts splits at the semicolons outside of comments and quotes.
func resultParts(v string) []string {
	var parts []string
	from, depth, quoted := 0, 0, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\':
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == ';' && depth == 0:
			parts = append(parts, v[from:i])
			from = i + 1
		}
	}
	return append(parts, v[from:])
}

// readResult reads "spf=pass (sender IP is ...) smtp.mailfrom=contoso.com".
func readResult(part string) (r AuthResult, ok bool) {
	for rest := strings.TrimSpace(part); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		if rest[0] == '(' {
			n := bracket(rest)
			if ok && r.Note == "" {
				r.Note = probes.Clean(strings.Trim(rest[:n], "() "), 300)
			}
			rest = rest[n:]
			continue
		}
		word := resultWord(rest)
		rest = rest[len(word):]
		switch name, value := nameValue(word); {
		case name == "" && !ok:
			return r, false // the name of the server, or "none"
		case name == "":
		case !ok:
			method, _, _ := strings.Cut(name, "/") // a version
			r.Method, r.Result, ok = probes.Clean(method, 40), probes.Clean(strings.ToLower(value), 40), value != ""
		case len(r.Props) < 20:
			r.prop(name, value)
		}
	}
	return r, ok
}

// nameValue splits "name=value"; the name is "" where there is none.
func nameValue(word string) (name, value string) {
	name, value, ok := strings.Cut(word, "=")
	if !ok {
		return "", ""
	}
	return strings.ToLower(strings.TrimSpace(name)), strings.Trim(strings.TrimSpace(value), `"`)
}

func (r *AuthResult) prop(name, value string) {
	if r.Props == nil {
		r.Props = map[string]string{}
	}
	r.Props[probes.Clean(name, 60)] = probes.Clean(value, 300)
}

// resultWord is the next word, a quoted string in it and all.
func resultWord(s string) string {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case !quoted && (s[i] == ' ' || s[i] == '\t' || s[i] == '('):
			return s[:max(i, 1)]
		}
	}
	return s
}

// Result is the result of a method, the first of several, or one that is "".
// Of DKIM a signature that passed comes before one that did not.
func (h Head) Result(method string) AuthResult {
	var first AuthResult
	for _, r := range h.Results {
		if r.Method != method {
			continue
		}
		if r.Result == "pass" {
			return r
		}
		if first.Method == "" {
			first = r
		}
	}
	return first
}
