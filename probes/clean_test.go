package probes

import (
	"strings"
	"testing"
)

// What a stranger wrote must not move a terminal, hide text or cover the lines
// above it.
func TestCleanEscapesWhatHasNoShapeOfItsOwn(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"plain ASCII", "plain ASCII"},
		{"d\u00e9j\u00e0 vu", "d\u00e9j\u00e0 vu"},
		{"a\x1b[2J\x00", `a\x1b[2J\x00`},
		{"\xff\xc3", `\xff\xc3`},
		{"a\u202eb\u200bc", `a\u{202e}b\u{200b}c`},
		{"Vie\u0302\u0323t", "Vie\u0302\u0323t"},
		{"z" + strings.Repeat("\u0336", 4) + "a\u0301", "z\u0336\u0336" + `\u{0336}\u{0336}` + "a\u0301"},
		{"a\u20dd\u0301\u20dd", "a\u20dd\u0301" + `\u{20dd}`},
		{"\u2764\ufe0f", "\u2764" + `\u{fe0f}`},
		{"a\U000e0100\u180b", `a\u{e0100}\u{180b}`},
		{"\u115f\u1160\u3164\uffa0\u034f", `\u{115f}\u{1160}\u{3164}\u{ffa0}\u{034f}`},
		{"\ufffe\ufdd0\U0001ffff", `\u{fffe}\u{fdd0}\u{1ffff}`},
		{"\ue000", `\u{e000}`},
	} {
		if got := Clean(tt.in, 0); got != tt.want {
			t.Errorf("Clean(%+q) = %+q, want %+q", tt.in, got, tt.want)
		}
	}
}

func TestCleanCutsBetweenCharacters(t *testing.T) {
	for _, tt := range []struct {
		in    string
		limit int
		want  string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdef", 5, "abcde..."},
		{"ab\u00e9d", 3, "ab..."},
		{"ab\u00e9d", 4, "ab\u00e9..."},
		{"a\u20acb", 2, "a..."},
		{"a\u20acb", 3, "a..."},
		{"a\u20acb", 4, "a\u20ac..."},
		{"\U0001f4e0\U0001f4e0", 7, "\U0001f4e0..."},
		{"\U0001f4e0", 1, "..."},
		{"ab\xa9\xa9\xa9", 4, `ab\xa9\xa9...`},
		{"ab\xe2\x82", 3, `ab\xe2...`},
	} {
		if got := Clean(tt.in, tt.limit); got != tt.want {
			t.Errorf("Clean(%+q, %d) = %+q, want %+q", tt.in, tt.limit, got, tt.want)
		}
	}
}
