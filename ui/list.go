package ui

import (
	"slices"
	"strings"
)

// picker is a cursor in a list. It remembers what is selected by id, so that
// rows may come, go and move without the cursor landing on another.
type picker struct{ id string }

// index is the row of the selected id; when it is gone, or nothing was
// selected, the row of or, and else the first.
func (p picker) index(ids []string, or string) int {
	for _, id := range []string{p.id, or} {
		if i := slices.Index(ids, id); id != "" && i >= 0 {
			return i
		}
	}
	return 0
}

// move is the picker n rows further from row at, as far as there are rows.
func (p picker) move(ids []string, at, n int) picker {
	if len(ids) == 0 {
		return p
	}
	return picker{ids[max(0, min(at+n, len(ids)-1))]}
}

// window is the part of n rows that is shown in height lines around row at.
func window(n, at, height int) (from, to int) {
	height = max(0, height)
	from = max(0, min(at-height/2, n-height))
	return from, min(n, from+height)
}

// page cuts lines to what fits from line top on. When there is more below, the
// last line says how much, and that the page key shows it.
func (e env) page(lines []string, top, height int) []string {
	return e.part(lines, top, height, "pgdown")
}

// part is a page whose rest is shown by another key.
func (e env) part(lines []string, top, height int, key string) []string {
	if len(lines) <= height || height < 2 {
		return lines[:min(len(lines), max(0, height))]
	}
	top = max(0, min(top, len(lines)-height))
	out := slices.Clone(lines[top : top+height])
	if rest := len(lines) - top - height; rest > 0 {
		out[height-1] = e.th.faint.Render(" " + e.counted("app.more."+key, rest+1))
	}
	return out
}

// lastTop is the first line of the last page.
func lastTop(lines []string, height int) int { return max(0, len(lines)-height) }

// marked is a row with the cursor's sign in front where it is selected.
func (e env) marked(row string, selected bool, width int) string {
	if !selected {
		return cut("  "+row, width)
	}
	return e.th.key.Render(">") + " " + e.th.strong.Render(cut(row, width-2))
}

// column is one column of a table: its width in cells, 0 for what remains.
type column struct {
	head  string
	width int
}

// row sets cells in columns, two spaces apart.
func row(cols []column, cells ...string) string {
	var b strings.Builder
	for i, c := range cols {
		if i > 0 {
			b.WriteString("  ")
		}
		if i == len(cols)-1 {
			b.WriteString(cut(cells[i], c.width))
			break
		}
		b.WriteString(pad(cells[i], c.width))
	}
	return b.String()
}

// panes sets two columns of lines side by side.
func panes(left, right []string, leftWidth, rightWidth int) []string {
	out := make([]string, max(len(left), len(right)))
	for i := range out {
		var l, r string
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		out[i] = strings.TrimRight(pad(l, leftWidth)+"   "+cut(r, rightWidth), " ")
	}
	return out
}

// wide is from where on a window has a second pane.
const wide = 110

// prose is the longest line of running text.
const prose = 78
