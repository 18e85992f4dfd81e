package powershell

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Quote writes s as a PowerShell expression that is exactly the string s,
// whatever s holds. It is the only place where a value becomes script text.
//
// A single-quoted string expands nothing; only the quote ends it and is doubled
// (about_Quoting_Rules). PowerShell takes U+2018 to U+201B as that quote as well
// (the tokenizer's IsSingleQuote): they are written as [char] codes, and so are
// control and format characters, line breaks among them. A value cannot break a
// line, hide a direction override or act on the terminal that it is pasted into.
func Quote(s string) string {
	var parts []string
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			parts = append(parts, "'"+text.String()+"'")
			text.Reset()
		}
	}
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case unhandy(r) || r >= '\u2018' && r <= '\u201B':
			flush()
			for _, unit := range utf16Units(r) {
				parts = append(parts, fmt.Sprintf("[char]%d", unit))
			}
		case r == '\'':
			text.WriteString("''")
		default:
			text.WriteRune(r)
		}
	}
	flush()
	switch {
	case len(parts) == 0:
		return "''"
	case len(parts) == 1 && parts[0][0] == '\'':
		return parts[0]
	case parts[0][0] == '[':
		parts = append([]string{"''"}, parts...) // the first operand makes the sum a string
	}
	return "(" + strings.Join(parts, " + ") + ")"
}

// unhandy tells the characters that must not stand in a script as they are.
func unhandy(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs)
}

func utf16Units(r rune) []int {
	if r < 0x10000 {
		return []int{int(r)}
	}
	r -= 0x10000
	return []int{0xD800 + int(r>>10), 0xDC00 + int(r&0x3FF)}
}

// comment makes s fit to stand behind "# " on one line.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if unhandy(r) {
			return ' '
		}
		return r
	}, s)
}

// wide is how many characters a line of a comment has at most.
const wide = 68

// remarks writes a paragraph as comment lines behind in. A no-break space does
// not break.
func remarks(paragraph, in string) []string {
	var lines []string
	line := ""
	for word := range strings.SplitSeq(comment(paragraph), " ") {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > wide {
			lines, line = append(lines, in+"# "+line), word
			continue
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, in+"# "+line)
}
