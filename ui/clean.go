package ui

import (
	"errors"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"offbasic/probes"
)

// shownLimit bounds one string of a device on the screen, in bytes.
const shownLimit = 4096

// clean makes a string that came from outside fit for the terminal. What was
// cleaned when it was captured is cleaned again here: a migration may have
// been made by another program.
func clean(s string) string { return probes.Clean(s, shownLimit) }

// cut shortens s, which may hold styles, to width cells.
func cut(s string, width int) string {
	if width <= 0 {
		return ""
	}
	return ansi.Truncate(s, width, "…")
}

// pad cuts s and fills it up to exactly width cells.
func pad(s string, width int) string {
	s = cut(s, width)
	return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
}

// wrap breaks prose at spaces into lines of at most width cells; lines after
// the first are indented. A word that is longer than a line is broken.
func wrap(s string, width, indent int) []string {
	width = max(width, 2)
	indent = min(indent, width/2)
	lead := len(s) - len(strings.TrimLeft(s, " "))
	var lines []string
	line := s[:lead]
	empty := true
	for word := range strings.SplitSeq(s[lead:], " ") {
		switch {
		case empty:
			line += word
		case ansi.StringWidth(line)+1+ansi.StringWidth(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = strings.Repeat(" ", indent) + word
		}
		empty = false
		for ansi.StringWidth(line) > width {
			lines = append(lines, ansi.Truncate(line, width, ""))
			line = strings.Repeat(" ", indent) + ansi.TruncateLeft(line, width, "")
		}
	}
	return append(lines, line)
}

// hard breaks code or a transcript at the width, wherever that is: no space is
// lost and no hyphen looks like one of the text.
func hard(s string, width, indent int) []string {
	var lines []string
	for ansi.StringWidth(s) > width {
		lines = append(lines, ansi.Truncate(s, width, ""))
		s = strings.Repeat(" ", indent) + ansi.TruncateLeft(s, width, "")
	}
	return append(lines, s)
}

// paint draws each line by itself: a style never runs on into a second pane.
func paint(style lipgloss.Style, lines []string) []string {
	for i, l := range lines {
		lines[i] = style.Render(l)
	}
	return lines
}

func asFault(err error) (*probes.Fault, bool) { return errors.AsType[*probes.Fault](err) }
