package exports

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"offbasic/probes"
)

// table reads a file of columns: comma, semicolon or tab between them.
func (r *reader) table() error {
	head, err := r.heading()
	if err != nil {
		return err
	}
	t := &table{r: r, comma: commaOf(head)}
	t.split(head)
	headings := t.texts()
	r.sum.Columns = cleaned(headings)
	named := r.o.Columns
	if len(named) == 0 && r.o.Remembered != nil {
		named = r.o.Remembered(r.sum.Columns)
	}
	cols, missing := columnsOf(headings, named)
	if missing != "" {
		return r.fault(BadColumn, map[string]string{"column": probes.Clean(named[missing], 60), "columns": r.columns()})
	}
	kind, sure := kindOf(cols, len(named) > 0)
	switch {
	case !sure && (len(headings) < 2 || !textual(head)):
		return r.fault(Unknown, map[string]string{"line": strconv.Itoa(r.line), "columns": r.columns()})
	case !sure:
		return r.fault(AskColumns, map[string]string{"columns": r.columns()})
	}
	r.sum.Kind, r.sum.Known = kind, map[Field]string{}
	for field, i := range cols {
		r.sum.Known[field] = r.sum.Columns[i]
	}
	t.cols = cols
	return t.rows(kind)
}

// heading is the first line that is not empty and not PowerShell's "#TYPE".
func (r *reader) heading() ([]byte, error) {
	for {
		line, err := r.nextLine()
		if errors.Is(err, io.EOF) {
			return nil, r.fault(Empty, nil)
		}
		if err != nil {
			return nil, err
		}
		if line == nil || !utf8.Valid(line) && bytes.IndexByte(line, 0) >= 0 {
			return nil, r.fault(Unknown, map[string]string{"line": strconv.Itoa(r.line), "columns": "-"})
		}
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
		if sep, ok := bytes.CutPrefix(line, []byte("sep=")); ok && len(sep) == 1 {
			continue // Excel's own line
		}
		if s := bytes.TrimSpace(line); len(s) > 0 && !bytes.HasPrefix(s, []byte("#TYPE ")) {
			return slices.Clone(line), nil
		}
	}
}

func (r *reader) columns() string {
	return probes.Clean(strings.Join(r.sum.Columns, ", "), 400)
}

func cleaned(headings []string) []string {
	out := make([]string, 0, min(len(headings), 200))
	for _, h := range headings[:min(len(headings), 200)] {
		out = append(out, probes.Clean(strings.TrimSpace(h), 60))
	}
	return out
}

// textual tells a line of words from one of other bytes.
func textual(line []byte) bool {
	bad := 0
	for _, c := range line {
		if c < ' ' && c != '\t' {
			bad++
		}
	}
	return bad == 0
}

// commaOf is the separator that is seen most often outside quotes.
func commaOf(head []byte) byte {
	best, most := byte(','), 0
	for _, c := range []byte(",;\t") {
		n, quoted := 0, false
		for _, b := range head {
			switch {
			case b == '"':
				quoted = !quoted
			case b == c && !quoted:
				n++
			}
		}
		if n > most {
			best, most = c, n
		}
	}
	return best
}

// table is a table that is being read. A record is split here and not by
// encoding/csv, which takes everything behind a quote that is never closed for
// one field: a bad row is to cost only itself.
type table struct {
	r      *reader
	comma  byte
	cols   columns
	cells  [][]byte
	buffer []byte // of unquoted cells
	record []byte // of several lines
	ahead  []byte // a line that was read and not used
	isNext bool
	readTo int // line that the file was read to when lines were given back; 0 when it counts on
}

// rows reads every record.
func (t *table) rows(kind probes.SourceKind) error {
	take := takers()[kind]
	for {
		line, err := t.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case line == nil:
			continue // counted as bad
		case len(bytes.TrimSpace(line)) == 0:
			continue
		}
		t.split(line)
		if len(t.cells) < 2 && len(t.cols) > 1 {
			t.r.bad("columns")
			continue
		}
		if err := take(t); err != nil {
			return err
		}
	}
}

// maxRecordLines is how many lines one record may have.
const maxRecordLines = 50

// next is the next record: a line, or several when a quote goes over their
// ends. nil is one that was counted as bad.
func (t *table) next() ([]byte, error) {
	line, err := t.line()
	if err != nil {
		return nil, err
	}
	if line == nil {
		t.r.bad("long")
		return nil, nil
	}
	if bytes.IndexByte(line, '"') < 0 || balanced(line) {
		return line, nil
	}
	return t.more(line)
}

// more puts the lines of one record together. When the quote is never closed
// the first line alone is bad, and what followed it is read again.
func (t *table) more(first []byte) ([]byte, error) {
	t.record = append(t.record[:0], first...)
	begun, firstLen := t.r.line, len(first)
	long := 0 // the line that was too long to be kept
	for range maxRecordLines {
		line, err := t.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if line == nil {
			if err == nil {
				long = t.r.line
			}
			break
		}
		t.record = append(append(t.record, '\n'), line...)
		if balanced(t.record) {
			return t.record, nil
		}
	}
	at := t.r.line
	t.r.line = begun
	t.r.bad("quote")
	if long > 0 {
		t.r.line = long
		t.r.bad("long")
		t.r.line = begun
	}
	t.putBack(slices.Clone(t.record[min(firstLen+1, len(t.record)):]), at)
	return nil, nil
}

// putBack gives lines back, to be read again one by one; at is the line that
// the file was read to.
func (t *table) putBack(rest []byte, at int) {
	switch {
	case t.isNext && len(rest) > 0:
		t.ahead = slices.Concat(rest, []byte("\n"), t.ahead)
	case len(rest) > 0:
		t.ahead, t.isNext, t.readTo = rest, true, at
	case !t.isNext:
		t.r.line = at
	}
}

// line is the next line, of those given back first.
func (t *table) line() ([]byte, error) {
	if !t.isNext {
		if t.readTo > 0 {
			t.r.line, t.readTo = t.readTo, 0
		}
		return t.r.nextLine()
	}
	line, after, found := bytes.Cut(t.ahead, []byte("\n"))
	t.ahead, t.isNext = after, found && len(after) > 0
	t.r.line++
	return line, nil
}

// balanced tells whether every quote of a record is closed.
func balanced(line []byte) bool { return bytes.Count(line, []byte(`"`))%2 == 0 }

// split cuts a record into its cells (RFC 4180 section 2).
func (t *table) split(line []byte) {
	t.cells, t.buffer = t.cells[:0], t.buffer[:0]
	for {
		if len(line) > 0 && line[0] == '"' {
			line = t.quoted(line[1:])
		} else {
			end := bytes.IndexByte(line, t.comma)
			if end < 0 {
				t.cells = append(t.cells, line)
				return
			}
			t.cells = append(t.cells, line[:end])
			line = line[end+1:]
			continue
		}
		if line == nil {
			return
		}
	}
}

// quoted takes a cell whose first quote was passed, and returns what follows
// its comma; nil at the end.
func (t *table) quoted(line []byte) []byte {
	from := len(t.buffer)
	for {
		end := bytes.IndexByte(line, '"')
		if end < 0 {
			t.buffer = append(t.buffer, line...)
			line = nil
			break
		}
		t.buffer = append(t.buffer, line[:end]...)
		line = line[end+1:]
		if len(line) == 0 || line[0] != '"' {
			break
		}
		t.buffer = append(t.buffer, '"')
		line = line[1:]
	}
	end := bytes.IndexByte(line, t.comma)
	if end < 0 {
		t.buffer = append(t.buffer, line...)
		t.cells = append(t.cells, t.buffer[from:len(t.buffer):len(t.buffer)])
		return nil
	}
	t.buffer = append(t.buffer, line[:end]...)
	t.cells = append(t.cells, t.buffer[from:len(t.buffer):len(t.buffer)])
	return line[end+1:]
}

// texts are the cells as text.
func (t *table) texts() []string {
	out := make([]string, len(t.cells))
	for i, c := range t.cells {
		out[i] = utf8OrWindows(c)
	}
	return out
}

// cell is the raw cell of a field; nil when the row has none.
func (t *table) cell(f Field) []byte {
	i, ok := t.cols[f]
	if !ok || i >= len(t.cells) {
		return nil
	}
	return bytes.TrimSpace(t.cells[i])
}

// text is the cell of a field, clean and no longer than limit.
func (t *table) text(f Field, limit int) string {
	c := t.cell(f)
	if len(c) == 0 {
		return ""
	}
	return probes.Clean(utf8OrWindows(c), limit)
}

// utf8OrWindows is text in UTF-8, or in the code page of Western Windows, in
// which older exports are written.
func utf8OrWindows(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return string(b)
	}
	return string(out)
}
