package probes

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text from the network fit for a screen, a log or a file: control
// characters and invalid UTF-8 become \xNN; bidirectional and other format
// controls, what has no shape of its own, and the third and every further
// combining mark in a row become \u{NNNN}. A text longer than limit bytes is
// cut before the character that goes beyond it, and ends in "..."; a limit of
// 0 cuts nothing.
func Clean(s string, limit int) string {
	cut := limit > 0 && len(s) > limit
	if cut {
		s = s[:wholeRunes(s, limit)]
	}
	if plain(s) && !cut {
		return s
	}
	var b strings.Builder
	marks := 0 // in a row
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if unicode.In(r, unicode.Mn, unicode.Me) {
			marks++
		} else {
			marks = 0
		}
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r < 0x100 && unicode.IsControl(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case marks > maxMarks || unprintable(r):
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

// maxMarks is how many combining marks in a row are text: Vietnamese and the
// languages of Africa put two on a letter. A tower of them covers other lines.
const maxMarks = 2

// wholeRunes is limit, or less where that would cut a character in the middle.
func wholeRunes(s string, limit int) int {
	for at := limit; at >= 0 && at > limit-utf8.UTFMax; at-- {
		if !utf8.RuneStart(s[at]) {
			continue
		}
		if _, n := utf8.DecodeRuneInString(s[at:]); n > 1 && at+n > limit {
			return at
		}
		break
	}
	return limit
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
// line and paragraph separators, code points for private use, those that are
// no characters, variation selectors, and the fillers that a screen leaves out
// (Unicode Standard Annex 44, Default_Ignorable_Code_Point).
func unprintable(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs,
		unicode.Noncharacter_Code_Point, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
