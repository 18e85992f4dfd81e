package cli

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"unicode/utf16"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
)

// logChunk is how much of a log is read at a time, in bytes.
const logChunk = 256 << 10

// readLog reads one log, "-" for stdin, to its end.
func (c *call) readLog(ctx context.Context, reading *checks.Reading, name string) error {
	defer reading.End()
	in, err := c.openLog(ctx, name)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	progress := c.progress(name, in)
	defer progress.end()
	text, err := logText(progress)
	if err != nil {
		return logFault(name, err)
	}
	buf := make([]byte, logChunk)
	for ctx.Err() == nil {
		n, err := text.Read(buf)
		_, _ = reading.Write(buf[:n]) // takes everything
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return logFault(name, err)
		}
	}
	return ctx.Err()
}

func (c *call) openLog(ctx context.Context, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(&interruptible{ctx: ctx, in: c.In}), nil
	}
	f, err := openFile(name)
	if err != nil {
		return nil, logFault(name, err)
	}
	return f, nil
}

var (
	errDirectory = errors.New("is a directory")
	errBinary    = errors.New("is not text")
	errEmpty     = errors.New("is empty")
)

func openFile(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && fi.IsDir() {
		err = errDirectory
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// logFault says why a log cannot be read.
func logFault(name string, err error) error {
	if name == "-" {
		name = "stdin"
	}
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	f := &probes.Fault{Op: "read the log", Code: "log_unreadable", Args: text.Args{"file": probes.Clean(name, 200)}}
	switch {
	case errors.Is(err, os.ErrNotExist):
		f.Code = "log_missing"
	case errors.Is(err, errDirectory):
		f.Code = "log_is_directory"
	case errors.Is(err, errBinary):
		f.Code = "log_binary"
	case errors.Is(err, errEmpty):
		f.Code = "log_empty"
	case corrupt, errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, io.ErrUnexpectedEOF):
		f.Code = "log_damaged"
	default:
		f.Err = err
	}
	return f
}

// logText is the text of a log: gzip is unpacked and UTF-16 made UTF-8,
// whatever the name of the file says. What holds no text is refused.
//
//nolint:gocognit // one branch for each kind of file
func logText(in io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(in, 64<<10)
	head, err := peek(b, 2)
	if err != nil {
		return nil, err
	}
	if len(head) == 0 {
		return nil, errEmpty
	}
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) { // RFC 1952 section 2.3.1
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, err
		}
		b = bufio.NewReaderSize(z, 64<<10)
		if head, err = peek(b, 2); err != nil {
			return nil, err
		}
		if len(head) == 0 {
			return nil, errEmpty
		}
	}
	switch {
	case bytes.Equal(head, []byte{0xff, 0xfe}):
		_, err = b.Discard(2)
		return &wide{in: b, order: binary.LittleEndian}, err
	case bytes.Equal(head, []byte{0xfe, 0xff}):
		_, err = b.Discard(2)
		return &wide{in: b, order: binary.BigEndian}, err
	}
	if mark := []byte("\ufeff"); bytes.HasPrefix(mark, head) {
		if head, err = b.Peek(len(mark)); err == nil && bytes.Equal(head, mark) {
			_, err = b.Discard(len(mark))
			return b, err
		}
	}
	if head, err = peek(b, 512); err != nil {
		return nil, err
	}
	if !isText(head) {
		return nil, errBinary
	}
	return b, nil
}

// peek looks at the next n bytes, or at fewer when there are no more. It asks
// for no more than what has come, so that a slow pipe is not waited for.
func peek(b *bufio.Reader, n int) ([]byte, error) {
	if _, err := b.Peek(1); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if n <= 2 {
		head, err := b.Peek(n)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return head, err
	}
	return b.Peek(min(n, b.Buffered()))
}

// isText tells whether the beginning of a file can be that of a log: of
// control characters a log has few but white space and escapes.
func isText(head []byte) bool {
	odd := 0
	for _, c := range head {
		if c < '\t' || c > '\r' && c < ' ' && c != 0x1b {
			odd++
		}
	}
	return odd*50 <= len(head)
}

// wide reads UTF-16, as Windows PowerShell writes files.
type wide struct {
	in    io.Reader
	order binary.ByteOrder
	units [4096]byte
	left  int // bytes of units that are kept from before
	out   []byte
}

func (w *wide) Read(p []byte) (int, error) {
	for len(w.out) == 0 {
		n, err := w.in.Read(w.units[w.left:])
		n += w.left
		var code []uint16
		for i := 0; i+1 < n; i += 2 {
			code = append(code, w.order.Uint16(w.units[i:]))
		}
		used := len(code)
		if used > 0 && err == nil && utf16.IsSurrogate(rune(code[used-1])) && code[used-1] < 0xdc00 {
			used-- // its other half is still to come
		}
		w.out = []byte(string(utf16.Decode(code[:used])))
		w.left = copy(w.units[:], w.units[2*used:n])
		if err != nil && len(w.out) == 0 {
			return 0, err
		}
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

// interruptible reads what may never come, such as what is typed, until the
// context ends. The read that was under way then ends with the program.
type interruptible struct {
	ctx  context.Context //nolint:containedctx // the context of one command's reads
	in   io.Reader
	came chan read
	last read
}

// read is what one read of the input gave.
type read struct {
	b   []byte
	err error
}

func (r *interruptible) Read(p []byte) (int, error) {
	if r.came == nil {
		r.came = make(chan read)
		go r.pump()
	}
	if len(r.last.b) == 0 && r.last.err == nil {
		select {
		case r.last = <-r.came:
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		}
	}
	n := copy(p, r.last.b)
	r.last.b = r.last.b[n:]
	if len(r.last.b) == 0 && r.last.err != nil {
		return n, r.last.err
	}
	return n, nil
}

func (r *interruptible) pump() {
	buffers := [2][]byte{make([]byte, logChunk), make([]byte, logChunk)}
	for i := 0; ; i = 1 - i {
		n, err := r.in.Read(buffers[i])
		select {
		case r.came <- read{buffers[i][:n], err}:
		case <-r.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}
