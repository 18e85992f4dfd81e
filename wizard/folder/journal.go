package folder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"offbasic/probes"
)

// lazyRoom is how many bytes of lines may wait for the next batch to take them
// into the redo file.
const lazyRoom = 1 << 20

// maxLine is the longest line that is written or read, in bytes.
const maxLine = 8 << 20

// file is the part of os.File that a journal uses.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Stat() (fs.FileInfo, error)
	Sync() error
	Truncate(size int64) error
}

// journal is a file of JSON lines that only grows. Lines that are added at the
// same time are written and synced together: the first to come writes for all
// who came while the disk was busy with the batch before.
type journal struct {
	name, kind string
	file       file                 // nil when only for reading
	reopen     func() (file, error) // for reading only
	redo       *redo                // in place of a sync; nil means that the file is synced
	place      func([]entry) error  // makes the files of small messages

	mu     sync.Mutex // guards next and closed
	next   *batch
	closed bool

	writing sync.Mutex   // held by who writes; guards lazy and torn
	lazy    []byte       // lines that are written and not in the redo file yet
	good    atomic.Int64 // length of what is synced
	torn    bool         // what lies behind good could not be cut off

	reading sync.Mutex // guards index
	index   index
}

// batch is the lines that wait for one write.
type batch struct {
	lines   []byte
	small   []entry         // messages that become durable with them
	durable bool            // one of the lines is waited for until it is on the disk
	keepers int             // of lines that come with messages
	placing *sync.WaitGroup // of those, once the batch is in the redo file
	led     bool
	done    chan struct{} // closed when err is known
	err     error
}

// add appends v as one line and returns when it is on the disk, and the small
// messages with it.
func (j *journal) add(v json.Marshaler, small ...entry) error { return j.addLine(v, small, true) }

// addSoon appends v as one line and returns when it is written: a killed
// process does not lose it, a power cut may, until the next add.
func (j *journal) addSoon(v json.Marshaler) error { return j.addLine(v, nil, false) }

func (j *journal) addLine(v json.Marshaler, small []entry, durable bool) error {
	if j.file == nil {
		return ErrReadOnly
	}
	line, err := v.MarshalJSON() // json.Marshal would go over the line once more
	if err != nil {
		return err
	}
	if len(line) >= maxLine {
		return fmt.Errorf("a line of %d bytes is longer than %s may have", len(line), j.name)
	}
	b, first, err := j.join(append(line, '\n'), small, durable)
	if err != nil {
		return err
	}
	if first {
		j.lead(b)
	}
	<-b.done
	if len(small) == 0 || b.placing == nil {
		return b.err
	}
	// They are in the redo file: if the process is killed here, the next start
	// makes their files.
	defer b.placing.Done()
	return j.place(small)
}

// join adds a line to the batch that waits. The first to join leads it.
func (j *journal) join(line []byte, small []entry, durable bool) (b *batch, first bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, false, fs.ErrClosed
	}
	if j.next == nil {
		j.next = &batch{done: make(chan struct{})}
	}
	b = j.next
	b.lines = append(b.lines, line...)
	b.small = append(b.small, small...)
	b.durable = b.durable || durable
	if len(small) > 0 {
		b.keepers++
	}
	first = !b.led
	b.led = true
	return b, first, nil
}

// lead waits for the disk to be free, closes the batch to newcomers and
// writes it.
func (j *journal) lead(b *batch) {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	j.next = nil
	j.mu.Unlock()
	b.err = j.write(b)
	close(b.done)
}

// write puts a batch behind what is synced. When that fails the file is cut
// back, now or before the next write: a half-written line never gets a
// successor, and a line that was refused never comes back.
func (j *journal) write(b *batch) error {
	at := j.good.Load()
	if j.torn {
		if err := j.file.Truncate(at); err != nil {
			return err
		}
		j.torn = false
	}
	_, err := j.file.WriteAt(b.lines, at)
	if err == nil {
		err = j.sync(b)
	}
	if err != nil {
		j.torn = j.file.Truncate(at) != nil
		return err
	}
	j.good.Store(at + int64(len(b.lines)))
	return nil
}

// sync makes a batch durable: by the redo file, else, on a disk that has no
// room for it, file by file.
func (j *journal) sync(b *batch) error {
	if j.redo == nil {
		return j.file.Sync()
	}
	before := len(j.lazy)
	j.lazy = append(j.lazy, b.lines...)
	if !b.durable && len(j.lazy) < lazyRoom {
		return nil // the next batch takes them along
	}
	placing, err := j.redo.write(append(b.small, entry{name: j.name, data: j.lazy}), b.durable)
	if err == nil {
		j.lazy = j.lazy[:0]
		placing.Add(b.keepers)
		b.placing = placing
		return nil
	}
	if serr := j.settle(b.small); serr != nil {
		j.lazy = j.lazy[:before]
		return errors.Join(err, serr)
	}
	j.lazy = j.lazy[:0]
	return nil
}

// settle makes small messages and syncs them and the lines, without the redo
// file.
func (j *journal) settle(small []entry) error {
	if err := j.place(small); err != nil {
		return err
	}
	var names []string
	for _, e := range small {
		names = append(names, e.name)
	}
	return j.redo.settle(names)
}

// close waits for the batch that is being written, and for the one that
// waits behind it.
func (j *journal) close() error {
	j.mu.Lock()
	last := j.next
	already := j.closed
	j.closed = true
	j.mu.Unlock()
	if j.file == nil || already {
		return nil
	}
	if last != nil {
		<-last.done
	}
	j.writing.Lock()
	defer j.writing.Unlock()
	var err error
	if len(j.lazy) > 0 {
		err = j.file.Sync()
	}
	if j.redo != nil {
		err = errors.Join(err, j.redo.close())
	}
	return errors.Join(err, j.file.Close())
}

// mend looks at the last line alone. One that lacks only its line end gets
// it; one that cannot be read is moved to a file of its own, made by aside,
// and said. Nothing is cut off before its copy is on the disk.
func (j *journal) mend(aside func(string) (*os.File, string, error)) (*probes.Fault, error) {
	size, err := sizeOf(j.file)
	if err != nil {
		return nil, err
	}
	start, line, err := lastLine(j.file, size)
	if err != nil {
		return nil, err
	}
	if j.readable(line) {
		j.good.Store(size)
		if size > 0 && !bytes.HasSuffix(line, []byte("\n")) {
			return nil, j.write(&batch{lines: []byte("\n"), durable: true})
		}
		return nil, nil
	}
	moved, err := j.putAside(start, size, aside)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(j.file.Truncate(start), j.file.Sync()); err != nil {
		return nil, err
	}
	j.good.Store(start)
	return &probes.Fault{Op: "read the end of " + j.name, Code: "folder_tail", Args: map[string]string{
		"file": j.name, "moved": moved,
	}}, nil
}

// readable tells a record of this journal, or a blank line.
func (j *journal) readable(line []byte) bool {
	if line != nil && len(bytes.TrimSpace(line)) == 0 {
		return true
	}
	_, ok := idOf(line, j.kind)
	return ok
}

// putAside copies what lies from start to size into a file of its own.
func (j *journal) putAside(start, size int64, aside func(string) (*os.File, string, error)) (string, error) {
	to, name, err := aside(j.name)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, io.NewSectionReader(j.file, start, size-start))
	if err == nil {
		err = to.Sync()
	}
	return name, errors.Join(err, to.Close())
}

// lastLine reads the last line with its line end, and where it starts. The
// text of one that is longer than a line may be is nil.
func lastLine(r io.ReaderAt, size int64) (start int64, line []byte, err error) {
	block := make([]byte, 64<<10)
	for start = size - 1; start > 0; {
		n := min(start, int64(len(block)))
		if _, err := r.ReadAt(block[:n], start-n); err != nil {
			return 0, nil, err
		}
		if i := bytes.LastIndexByte(block[:n], '\n'); i >= 0 {
			start += int64(i) + 1 - n
			break
		}
		start -= n
	}
	start = max(start, 0)
	if size-start > maxLine {
		return start, nil, nil
	}
	line = make([]byte, size-start)
	if _, err := r.ReadAt(line, start); err != nil && !errors.Is(err, io.EOF) {
		return 0, nil, err
	}
	return start, line, nil
}

func sizeOf(f file) (int64, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}
