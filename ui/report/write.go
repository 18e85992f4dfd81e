package report

import (
	"bufio"
	_ "embed"
	"encoding/csv"
	"html/template"
	"io"
	"strings"
)

// page is the HTML around the document: everything in one file, no script, and
// nothing from anywhere else.
//
//go:embed page.html
var page string

// HTML writes the report as one page that prints on A4 and reads on a phone.
func (r Report) HTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{"t": func(key string) string { return r.t(key) }}).Parse(page)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	if err := t.Execute(out, r.document()); err != nil {
		return err
	}
	return out.Flush()
}

// Markdown writes the report as Markdown (CommonMark, with the tables of
// GitHub).
func (r Report) Markdown(w io.Writer) error {
	d := r.document()
	out := bufio.NewWriterSize(w, 64<<10)
	say := func(parts ...string) {
		for _, p := range parts {
			_, _ = out.WriteString(p) // a failed write comes back from Flush
		}
		_ = out.WriteByte('\n')
	}
	say("# ", plain(d.Title))
	for _, s := range d.Sections {
		say()
		if s.Sub {
			say("### ", plain(s.Title))
		} else {
			say("## ", plain(s.Title))
		}
		for _, b := range s.Blocks {
			markdownBlock(say, b)
		}
	}
	return out.Flush()
}

func markdownBlock(say func(...string), b block) {
	say()
	switch {
	case len(b.Head) > 0:
		markdownRow(say, b.Head)
		say("|", strings.Repeat(" --- |", len(b.Head)))
		for _, row := range b.Rows {
			markdownRow(say, row)
		}
	case len(b.List) > 0:
		for _, item := range b.List {
			say("- ", plain(item))
		}
	default:
		say(plain(b.Para))
	}
}

func markdownRow(say func(...string), cells []string) {
	parts := []string{"|"}
	for _, c := range cells {
		parts = append(parts, " ", plain(c), " |")
	}
	say(parts...)
}

// plain is text in which no character means anything to Markdown or HTML.
func plain(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '\n' || c == '\r':
			c = ' '
		case strings.ContainsRune("\\`*_{}[]<>#|~&!", c):
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// CSV writes the list of senders (RFC 4180), with a byte order mark, without
// which Excel takes UTF-8 for something else.
func (r Report) CSV(w io.Writer) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := [][]string{r.columns()}
	for _, s := range r.Senders {
		rows = append(rows, r.row(s))
	}
	return writeRows(out, rows)
}

// ChecklistCSV writes the checklist.
func (r Report) ChecklistCSV(w io.Writer) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	table := r.checklist().Blocks[0]
	return writeRows(out, append([][]string{table.Head}, table.Rows...))
}

func writeRows(out *csv.Writer, rows [][]string) error {
	for _, row := range rows {
		for i := range row {
			row[i] = noFormula(row[i])
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// noFormula keeps a spreadsheet from running a cell (OWASP, CSV Injection): a
// text that begins like a formula gets an apostrophe before it.
func noFormula(s string) string {
	if s != "" && s != "-" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
