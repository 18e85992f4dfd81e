package capture

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes text of a client fit to be shown: control characters and bytes
// that are not UTF-8 become \xNN; bidirectional controls, other format
// characters, line and paragraph separators, private use and noncharacters
// become \u{NNNN}. What is longer than limit bytes is cut and ends in "…".
func clean[T string | []byte](s T, limit int) string {
	text, cut := string(s), false
	if len(text) > limit {
		text, cut = text[:limit], true
		for i := 1; i < utf8.UTFMax && i < len(text); i++ { // not in the middle of a character
			if b := text[len(text)-i]; utf8.RuneStart(b) {
				if b >= utf8.RuneSelf && !utf8.FullRuneInString(text[len(text)-i:]) {
					text = text[:len(text)-i]
				}
				break
			}
		}
	}
	if !cut && isPlain(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && n == 1, r < utf8.RuneSelf && unicode.IsControl(r):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case isUnsafe(r):
			fmt.Fprintf(&b, `\u{%04x}`, r)
		default:
			b.WriteString(text[i : i+n])
		}
		i += n
	}
	if cut {
		b.WriteString("…")
	}
	return b.String()
}

// isPlain tells printable ASCII, the usual case.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isUnsafe tells characters that are not seen, or that change how others are.
func isUnsafe(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp) ||
		r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef
}
