package ui

import (
	"errors"
	"strings"

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

// wrap breaks prose into lines of at most width cells; lines after the first
// are indented. A word that is longer than a line is broken.
func wrap(s string, width, indent int) []string {
	if width <= indent+1 {
		return []string{cut(s, width)}
	}
	lines := strings.Split(ansi.Wrap(s, width, ""), "\n")
	if indent == 0 || len(lines) < 2 {
		return lines
	}
	rest := strings.Join(lines[1:], " ")
	out := lines[:1:1]
	for _, l := range strings.Split(ansi.Wrap(rest, width-indent, ""), "\n") {
		out = append(out, strings.Repeat(" ", indent)+l)
	}
	return out
}

func asFault(err error) (*probes.Fault, bool) { return errors.AsType[*probes.Fault](err) }
