package probes

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text from the network fit for a screen, a log or a file: control
// characters and invalid UTF-8 become \xNN, bidirectional and other format
// controls become \u{NNNN}. A text longer than limit bytes is cut and ends in
// "..."; a limit of 0 cuts nothing.
func Clean(s string, limit int) string {
	cut := limit > 0 && len(s) > limit
	if cut {
		s = s[:limit]
	}
	if plain(s) && !cut {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r < 0x100 && unicode.IsControl(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case unprintable(r):
			fmt.Fprintf(&b, `\u{%04x}`, r)
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	if cut {
		b.WriteString("...")
	}
	return b.String()
}

// plain tells whether s is printable ASCII, which needs no cleaning.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// unprintable tells format characters, among them the bidirectional controls,
// line and paragraph separators, and code points for private use.
func unprintable(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs)
}
