package folder

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"offbasic/probes"
)

// span is where a record's line lies.
type span struct {
	at   int64
	size int
	line int // from 1
}

// index knows the last record of each id. It grows with the file and is never
// read twice.
type index struct {
	last  map[string]span
	upto  int64 // what of the file is in the index
	lines int
	bad   []int // lines that cannot be read
}

// idOf reads the id of a line of the given type; ok is false when the line is
// not one.
func idOf(line []byte, kind string) (id string, ok bool) {
	line = bytes.TrimPrefix(line, []byte("\ufeff"))
	var head struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return "", false
	}
	return head.ID, head.Type == kind && head.ID != ""
}

// refresh takes into the index what was added to the file since the last
// time. An unfinished last line is somebody's write under way: it waits.
func (j *journal) refresh(ctx context.Context, f file) error {
	size, err := j.length(f)
	if err != nil {
		return err
	}
	x := &j.index
	if x.last == nil || size < x.upto {
		*x = index{last: map[string]span{}}
	}
	r := bufio.NewReaderSize(io.NewSectionReader(f, x.upto, size-x.upto), 64<<10)
	for ctx.Err() == nil {
		line, n, err := readLine(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		x.lines++
		if id, ok := idOf(line, j.kind); ok {
			x.last[id] = span{x.upto, len(line), x.lines}
		} else if line == nil || len(bytes.TrimSpace(line)) > 0 {
			x.bad = append(x.bad, x.lines)
		}
		x.upto += n
	}
	return ctx.Err()
}

// length is how much of the file may be read: of our own, what is synced.
func (j *journal) length(f file) (int64, error) {
	if j.file != nil {
		return j.good.Load(), nil
	}
	return sizeOf(f)
}

// readLine reads one line and its length with the line end. The text of one
// that is longer than a line may be is nil. A line without an end is io.EOF.
func readLine(r *bufio.Reader) (line []byte, n int64, err error) {
	line = []byte{}
	for {
		part, err := r.ReadSlice('\n')
		n += int64(len(part))
		if n > maxLine {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, n, err
		}
	}
}

// open gives the file to read and what to do with it afterwards. There is
// nothing to read where there is no file.
func (j *journal) open() (file, func() error, error) {
	if j.file != nil {
		return j.file, func() error { return nil }, nil
	}
	f, err := j.reopen()
	if err != nil {
		return nil, nil, err
	}
	return f, f.Close, nil
}

// each hands over the line of every record, the last of each id, in the order
// of the file.
func (j *journal) each(ctx context.Context, take func(line []byte, number int) error) error {
	f, done, err := j.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	spans, err := j.spans(ctx, f)
	for _, s := range spans {
		if err = ctx.Err(); err != nil {
			break
		}
		if err = j.hand(f, s, take); err != nil {
			break
		}
	}
	return errors.Join(err, done())
}

func (j *journal) hand(f file, s span, take func([]byte, int) error) error {
	line, err := j.text(f, s)
	if err != nil {
		return err
	}
	return take(line, s.line)
}

// text reads the line of one record.
func (j *journal) text(f file, s span) ([]byte, error) {
	line := make([]byte, s.size)
	if _, err := f.ReadAt(line, s.at); err != nil {
		return nil, fmt.Errorf("read line %d of %s: %w", s.line, j.name, err)
	}
	return bytes.TrimPrefix(line, []byte("\ufeff")), nil
}

func (j *journal) spans(ctx context.Context, f file) ([]span, error) {
	j.reading.Lock()
	defer j.reading.Unlock()
	if err := j.refresh(ctx, f); err != nil {
		return nil, fmt.Errorf("read %s: %w", j.name, err)
	}
	all := make([]span, 0, len(j.index.last))
	for _, s := range j.index.last {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b span) int { return a.line - b.line })
	return all, nil
}

// one reads the line of the record with this id.
func (j *journal) one(ctx context.Context, id string) ([]byte, error) {
	f, done, err := j.open()
	if err != nil {
		return nil, err
	}
	s, err := j.find(ctx, f, id)
	if err != nil {
		return nil, errors.Join(err, done())
	}
	line, err := j.text(f, s)
	return line, errors.Join(err, done())
}

func (j *journal) find(ctx context.Context, f file, id string) (span, error) {
	j.reading.Lock()
	defer j.reading.Unlock()
	if err := j.refresh(ctx, f); err != nil {
		return span{}, fmt.Errorf("read %s: %w", j.name, err)
	}
	s, ok := j.index.last[id]
	if !ok {
		return span{}, fmt.Errorf("%s %q: %w", j.kind, id, fs.ErrNotExist)
	}
	return s, nil
}

func (j *journal) spoilt(line int) {
	j.reading.Lock()
	defer j.reading.Unlock()
	if !slices.Contains(j.index.bad, line) {
		j.index.bad = append(j.index.bad, line)
	}
}

// maxNamed is how many damaged lines a warning names.
const maxNamed = 20

// damage is the warning about lines that cannot be read; nil when there are
// none.
func (j *journal) damage() *probes.Fault {
	j.reading.Lock()
	defer j.reading.Unlock()
	bad := slices.Sorted(slices.Values(j.index.bad))
	if len(bad) == 0 {
		return nil
	}
	var names []string
	for _, n := range bad[:min(len(bad), maxNamed)] {
		names = append(names, strconv.Itoa(n))
	}
	if len(bad) > maxNamed {
		names = append(names, "...")
	}
	return &probes.Fault{Op: "read " + j.name, Code: "folder_lines", Args: map[string]string{
		"file": j.name, "count": strconv.Itoa(len(bad)), "lines": strings.Join(names, ", "),
	}}
}

// records reads the records of a journal one by one. A line that is JSON and
// still not a record counts among the damaged.
func records[T any](ctx context.Context, j *journal, take func(T) error) error {
	return j.each(ctx, func(line []byte, number int) error {
		var v T
		if err := json.Unmarshal(cleaned(line), &v); err != nil {
			j.spoilt(number)
			return nil
		}
		return take(v)
	})
}

// record reads one record; the error of an unknown id is fs.ErrNotExist.
func record[T any](ctx context.Context, j *journal, id string) (v T, err error) {
	line, err := j.one(ctx, id)
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(cleaned(line), &v)
}
