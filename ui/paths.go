package ui

import (
	"net/url"
	"strings"
)

// paths are the files that were typed, pasted or dragged into the terminal:
// terminals put quotes around a path, or a backslash before what a shell would
// take for its own, or write it as a URL, and set several side by side.
func paths(s string, windows bool) []string {
	var out []string
	for line := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
		for _, p := range pathsOf(strings.TrimSpace(line), windows) {
			if p = fromURL(p); p != "" {
				out = append(out, p)
			}
		}
	}
	return out
}

// pathsOf splits a line. Without a sign of quoting, spaces are part of the
// name, unless what follows one begins a path again.
func pathsOf(line string, windows bool) []string {
	quoted := strings.ContainsAny(line, `'"`) || !windows && strings.Contains(line, `\`)
	switch {
	case quoted:
		if words, ok := unquoted(line, windows); ok {
			return words
		}
		return []string{line} // an apostrophe of the name
	case strings.HasPrefix(line, "/"):
		return again(line, " /")
	case strings.HasPrefix(line, "file://"):
		return strings.Fields(line)
	}
	return []string{line}
}

// again splits where a path begins again.
func again(line, mark string) []string {
	parts := strings.Split(line, mark)
	for i := range parts[1:] {
		parts[i+1] = mark[1:] + parts[i+1]
	}
	return parts
}

// unquoted reads words as a shell does. ok is false when a quote is not
// closed.
func unquoted(line string, windows bool) (words []string, ok bool) {
	var b strings.Builder
	var quote rune
	open, escaped := false, false
	for _, r := range line {
		switch {
		case escaped:
			b.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'' && !windows:
			open, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\'' && !windows):
			open, quote = true, r
		case quote == 0 && r == ' ':
			if open {
				words = append(words, b.String())
			}
			b.Reset()
			open = false
		default:
			b.WriteRune(r)
			open = true
		}
	}
	if open {
		words = append(words, b.String())
	}
	return words, quote == 0 && !escaped
}

func fromURL(p string) string {
	rest, ok := strings.CutPrefix(p, "file://")
	if !ok {
		return p
	}
	if plain, err := url.PathUnescape(rest); err == nil {
		rest = plain
	}
	if at := strings.Index(rest, "/"); at > 0 {
		rest = rest[at:] // the name of this machine
	}
	return rest
}

// pathLike tells a dragged file from other text.
func pathLike(s string) bool {
	s = strings.TrimLeft(strings.TrimSpace(s), `'"`)
	drive := len(s) > 3 && s[1] == ':' && (s[2] == '\\' || s[2] == '/')
	return strings.HasPrefix(s, "/") || strings.HasPrefix(s, "~/") || strings.HasPrefix(s, "file://") || drive
}
