// Package exports reads what can be exported about senders: the SMTP AUTH
// clients report, Entra's sign-in log, message traces, mailbox settings, logs
// of Postfix and of IIS, and lists that somebody kept. It streams, keeps no row,
// guesses no column that it does not know, and changes nothing.
package exports

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// The codes of the faults that this package reports.
const (
	NotText    probes.Code = "import_not_text"    // args file, what: "pdf", "xlsx", "binary"
	Empty      probes.Code = "import_empty"       // arg file
	Unknown    probes.Code = "import_unknown"     // no kind fits; args file, line, columns
	AskColumns probes.Code = "import_ask_columns" // a table whose columns are to be named; args file, columns
	AskOrder   probes.Code = "import_ask_order"   // dates that can be read two ways; args file, line, example
	BadColumn  probes.Code = "import_bad_column"  // the mapping names a column that is not there; args file, column, columns
	Broken     probes.Code = "import_broken"      // the file ends or breaks in the middle; args file, line, cause
	AllBad     probes.Code = "import_all_bad"     // no row could be read; args file, rows, line, why
)

// Order is how a date with slashes is written.
type Order string

// The orders of a date.
const (
	DayFirst   Order = "dmy"
	MonthFirst Order = "mdy"
)

// Options say how a file is to be read. The zero value guesses everything.
type Options struct {
	Name string // of the file, for errors
	// Columns names columns of a table by what they hold, where the guess is not
	// to be trusted: "account": "Boîte".
	Columns map[Field]string
	// Remembered gives the names for a table with these headings, where they
	// were named before; nil means that nothing is remembered.
	Remembered func(headings []string) map[Field]string
	Order      Order            // of dates; "" means that the file has to tell
	Now        func() time.Time // nil means time.Now; a log without years is read as the last twelve months
	// Progress is told how many bytes of the file were read, now and then; nil
	// means nobody asks.
	Progress func(read int64)
}

// Bad is a row that could not be read.
type Bad struct {
	Line int    `json:"line"`
	Why  string `json:"why"` // id of its words: "import.bad.<why>"
}

// Summary is what was in a file.
type Summary struct {
	Kind    probes.SourceKind `json:"kind"`
	Rows    int               `json:"rows"`    // that say something about a sender
	Skipped int               `json:"skipped"` // of other clients or protocols
	BadRows int               `json:"bad_rows"`
	Bad     []Bad             `json:"bad,omitempty"` // the first of them
	// Columns are the headings of a table, and Known what they were taken for.
	Columns []string         `json:"columns,omitempty"`
	Known   map[Field]string `json:"known,omitempty"`
	// YearsGuessed says that the log has no years.
	YearsGuessed bool  `json:"years_guessed,omitempty"`
	Order        Order `json:"date_order,omitempty"` // that the file's dates turned out to have
}

// keptBad is how many bad rows are shown.
const keptBad = 20

// Read reads what open gives, and emits what each row says. It may open the
// file twice, when the order of its dates is told by a late row; restart is
// called before everything is emitted again. What was emitted counts only when
// the error is nil.
func Read(ctx context.Context, open func() (io.ReadCloser, error), o Options, restart func(), emit func(probes.Sighting) error) (Summary, error) {
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the default clock
	}
	sum, err := readOnce(ctx, open, o, emit)
	var late orderError
	if errors.As(err, &late) {
		o.Order = late.order
		restart()
		return readOnce(ctx, open, o, emit)
	}
	return sum, err
}

// orderError says that a row told the order of the dates after others, that
// could be read two ways, had been passed.
type orderError struct{ order Order }

func (orderError) Error() string { return "the order of the dates is told late" }

func readOnce(ctx context.Context, open func() (io.ReadCloser, error), o Options, emit func(probes.Sighting) error) (Summary, error) {
	file, err := open()
	if err != nil {
		return Summary{}, err
	}
	defer file.Close() //nolint:errcheck // it is only read
	counted := &counter{ctx: ctx, r: file, tell: o.Progress}
	text, err := decoded(counted, o.Name)
	if err != nil {
		return Summary{}, err
	}
	r := &reader{o: o, emit: emit, in: bufio.NewReaderSize(text, 256<<10)}
	err = r.read()
	if ctx.Err() != nil {
		return r.sum, ctx.Err()
	}
	return r.sum, err
}

// counter counts what is read of the file, and ends with its context.
type counter struct {
	ctx  context.Context //nolint:containedctx // a Reader has no other way to be told
	r    io.Reader
	n    int64
	tell func(int64)
}

func (c *counter) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(b)
	c.n += int64(n)
	if c.tell != nil {
		c.tell(c.n)
	}
	return n, err
}

// reader reads one file.
type reader struct {
	o     Options
	in    *bufio.Reader
	emit  func(probes.Sighting) error
	sum   Summary
	dates dates
	line  int // that was read last
}

// read looks at the beginning and chooses how to go on.
func (r *reader) read() error {
	r.dates = dates{order: r.o.Order, now: r.o.Now()}
	head, err := r.in.Peek(64 << 10)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return r.broken(err)
	}
	text := strings.TrimSpace(string(head))
	switch {
	case text == "":
		return r.fault(Empty, nil)
	case text[0] == '[' || text[0] == '{':
		err = r.objects()
	case isPostfix(text):
		err = r.lines(probes.FromPostfix, newPostfix(r).line)
	case isW3C(text):
		err = r.lines(probes.FromIIS, (&w3c{r: r}).line)
	default:
		err = r.table()
	}
	if err != nil {
		return err
	}
	return r.finish()
}

// finish judges what was read as a whole.
func (r *reader) finish() error {
	r.sum.Order, r.sum.YearsGuessed = r.dates.order, r.dates.guessed
	switch {
	case r.dates.unclear != "":
		return r.fault(AskOrder, map[string]string{"line": strconv.Itoa(r.dates.unclearAt), "example": probes.Clean(r.dates.unclear, 40)})
	case r.sum.Rows == 0 && r.sum.BadRows > 0:
		first := r.sum.Bad[0]
		return r.fault(AllBad, map[string]string{"rows": strconv.Itoa(r.sum.BadRows), "line": strconv.Itoa(first.Line), "why": first.Why})
	}
	return nil
}

// bad counts a row that could not be read.
func (r *reader) bad(why string) {
	r.sum.BadRows++
	if len(r.sum.Bad) < keptBad {
		r.sum.Bad = append(r.sum.Bad, Bad{r.line, why})
	}
}

// saw hands a row on.
func (r *reader) saw(s probes.Sighting) error {
	s.Line = r.line
	r.sum.Rows++
	return r.emit(s)
}

func (r *reader) fault(code probes.Code, args map[string]string) error {
	f := &probes.Fault{Op: "read " + r.o.Name, Code: code, Args: map[string]string{"file": r.o.Name}}
	maps.Copy(f.Args, args)
	return f
}

func (r *reader) broken(err error) error {
	f := r.fault(Broken, map[string]string{"line": strconv.Itoa(r.line + 1), "cause": probes.Clean(err.Error(), 200)}).(*probes.Fault) //nolint:errorlint // it is made so
	f.Err = err
	return f
}

// lines reads a log line by line. A line that is too long is no row.
func (r *reader) lines(kind probes.SourceKind, take func(string) error) error {
	r.sum.Kind = kind
	for {
		line, err := r.nextLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if line == nil {
			r.bad("long")
			continue
		}
		if err := take(string(line)); err != nil {
			return err
		}
	}
}

// maxLine is the longest line that is looked at, in bytes.
const maxLine = 256 << 10

// nextLine is the next line without its end; nil when it is too long. It is
// overwritten by the next one. The error at the end is io.EOF.
func (r *reader) nextLine() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if len(line) == 0 && err != nil {
		return nil, r.ended(err)
	}
	r.line++
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.in.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, r.broken(err)
		}
		return nil, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, r.broken(err)
	}
	return trimEnd(line), nil
}

func (r *reader) ended(err error) error {
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return r.broken(err)
}

func trimEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}
