package ui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
)

// ink is what a piece of PowerShell is drawn as.
type ink int

// The kinds of pieces.
const (
	inkPlain ink = iota
	inkComment
	inkString
	inkVariable
	inkCmdlet
	inkParameter
	inkWord // of the language: if, foreach, function
)

// piece is a part of a script that is drawn in one style. It never holds a
// line end.
type piece struct {
	ink  ink
	text string
}

// powershell splits a script into lines of pieces. It knows as much of the
// language as colours need, and loses no character whatever it is given.
func powershell(script string) [][]piece {
	lines := [][]piece{nil}
	for script != "" {
		kind, n := token(script)
		for i, part := range strings.Split(script[:n], "\n") {
			if i > 0 {
				lines = append(lines, nil)
			}
			if part != "" {
				last := len(lines) - 1
				lines[last] = append(lines[last], piece{kind, part})
			}
		}
		script = script[n:]
	}
	if last := len(lines) - 1; last > 0 && lines[last] == nil {
		lines = lines[:last] // the text ended with a line end
	}
	return lines
}

// token is the kind and the length of the first token of s, which is not
// empty.
func token(s string) (ink, int) {
	switch {
	case strings.HasPrefix(s, "<#"):
		return inkComment, until(s, "#>")
	case s[0] == '#':
		return inkComment, lineEnd(s)
	case strings.HasPrefix(s, "@'"):
		return inkString, until(s, "\n'@")
	case strings.HasPrefix(s, `@"`):
		return inkString, until(s, "\n\"@")
	case s[0] == '\'':
		return inkString, quoted(s, '\'', 0)
	case s[0] == '"':
		return inkString, quoted(s, '"', '`')
	case s[0] == '$' || s[0] == '@':
		return variable(s)
	case s[0] == '`' && len(s) > 1:
		_, n := utf8.DecodeRuneInString(s[1:])
		return inkPlain, 1 + n
	case s[0] == '-':
		return parameter(s)
	case isWord(first(s)):
		return word(s)
	}
	_, n := utf8.DecodeRuneInString(s)
	return inkPlain, n
}

func first(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// until is the length of s up to and with end, which is looked for behind the
// two characters that s begins with.
func until(s, end string) int {
	const begin = 2
	if i := strings.Index(s[begin:], end); i >= 0 {
		return begin + i + len(end)
	}
	return len(s)
}

func lineEnd(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

// quoted is the length of a string: a doubled quote is one of the text, and so
// is what follows the escape.
func quoted(s string, quote, escape byte) int {
	for i := 1; i < len(s); i++ {
		switch {
		case escape != 0 && s[i] == escape:
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

// run is the length of the letters, digits and the extra characters at the
// start of s.
func run(s, extra string) int {
	n := strings.IndexFunc(s, func(r rune) bool { return !isWord(r) && !strings.ContainsRune(extra, r) })
	if n < 0 {
		return len(s)
	}
	return n
}

func variable(s string) (ink, int) {
	if strings.HasPrefix(s, "${") {
		return inkVariable, until(s, "}")
	}
	n := 1 + run(s[1:], ":?")
	if n == 1 {
		return inkPlain, 1 // a subexpression, an array
	}
	return inkVariable, n
}

// parameter is "-Name" where a word cannot go on, and nothing else with a dash.
func parameter(s string) (ink, int) {
	if len(s) > 1 && unicode.IsLetter(first(s[1:])) {
		return inkParameter, 1 + run(s[1:], "")
	}
	return inkPlain, 1
}

// word is a name: a cmdlet when it is a verb and a noun.
func word(s string) (ink, int) {
	n := run(s, "-")
	name := strings.TrimRight(s[:n], "-")
	if name == "" {
		name = s[:1]
	}
	verb, noun, both := strings.Cut(name, "-")
	switch {
	case both && verb != "" && noun != "" && unicode.IsUpper(first(verb)):
		return inkCmdlet, len(name)
	case both:
		name = verb
	}
	if keyword(name) {
		return inkWord, len(name)
	}
	return inkPlain, len(name)
}

// keyword tells the words of the language that scripts of ours use.
func keyword(s string) bool {
	switch strings.ToLower(s) {
	case "if", "else", "elseif", "foreach", "for", "while", "do", "function", "param", "return", "try", "catch", "finally",
		"throw", "switch", "in", "begin", "process", "end", "exit", "break", "continue", "trap":
		return true
	}
	return false
}

// styled draws the pieces of a line.
func (t theme) styled(line []piece) string {
	var b strings.Builder
	for _, p := range line {
		b.WriteString(t.ink(p.ink).Render(p.text))
	}
	return b.String()
}

func (t theme) ink(k ink) lipgloss.Style {
	switch k {
	case inkComment:
		return t.faint
	case inkString:
		return t.good
	case inkVariable:
		return t.warn
	case inkCmdlet:
		return t.key
	case inkParameter:
		return t.plan
	case inkWord:
		return t.strong
	case inkPlain:
	}
	return lipgloss.NewStyle()
}
