package capture

import (
	"bytes"
	"errors"
	"io"
	"os"
	"time"
)

// Sizes of a connection's buffer: small while it is idle, larger for data.
const (
	bufferStart = 2 << 10
	bufferData  = 32 << 10
)

// lineEndWait is how long a carriage return may stand alone at the end of what
// came before it is taken for a line end.
const lineEndWait = 400 * time.Millisecond

var errFull = errors.New("the buffer is full")

// lineEnd is how a line ended.
type lineEnd int

const (
	endCRLF lineEnd = iota
	endLF
	endCR
)

// reader gives out what a client sent, by lines of any ending or by pieces.
type reader struct {
	src  io.Reader
	wait func(time.Duration) // sets the deadline of the next read
	idle time.Duration       // for wait: how long a client may be silent
	buf  []byte
	r, w int
	any  bool // something came
	half bool // the last line ended with a CR whose LF may still come
}

func newReader(src io.Reader, idle time.Duration, wait func(time.Duration)) *reader {
	return &reader{src: src, idle: idle, wait: wait}
}

// buffered is what came and was not taken yet.
func (b *reader) buffered() []byte { return b.buf[b.r:b.w] }

// take drops n bytes, overwriting them: they may have held a password.
func (b *reader) take(n int) {
	clear(b.buf[b.r : b.r+n])
	b.skip(n)
}

// wipe drops all that came.
func (b *reader) wipe() {
	clear(b.buf)
	b.r, b.w = 0, 0
}

// skip drops n bytes.
func (b *reader) skip(n int) {
	if b.r += n; b.r == b.w {
		b.r, b.w = 0, 0
	}
}

// more reads until there is more than before, or fails: errFull when limit
// bytes are buffered, os.ErrDeadlineExceeded after d.
func (b *reader) more(limit int, d time.Duration) error {
	have := b.w - b.r
	if have >= limit {
		return errFull
	}
	if b.w == len(b.buf) {
		b.makeRoom(have, limit)
	}
	b.wait(d)
	for range 100 { // a reader may return nothing now and then
		n, err := b.src.Read(b.buf[b.w:])
		b.w += n
		if n > 0 {
			b.any = true
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

func (b *reader) makeRoom(have, limit int) {
	if b.r > 0 && have <= len(b.buf)/2 {
		copy(b.buf, b.buf[b.r:b.w])
		clear(b.buf[have:b.w])
		b.r, b.w = 0, have
		return
	}
	grown := make([]byte, min(max(bufferStart, 2*len(b.buf)), max(limit, bufferStart, have+1)))
	copy(grown, b.buf[b.r:b.w])
	clear(b.buf)
	b.buf, b.r, b.w = grown, 0, have
}

// shrink gives the large buffer of a message back.
func (b *reader) shrink() {
	if len(b.buf) > bufferStart && b.w == b.r {
		b.buf, b.r, b.w = nil, 0, 0
	}
}

// swap makes buf the buffer and returns the one before, wiped. A buffer that
// what came does not fit into is not taken.
func (b *reader) swap(buf []byte) (before []byte, ok bool) {
	have := b.w - b.r
	if len(buf) < have {
		return nil, false
	}
	before = b.buf
	copy(buf, b.buffered())
	clear(before)
	b.buf, b.r, b.w = buf, 0, have
	return before, true
}

// first waits for the first byte, at most d, without taking it.
func (b *reader) first(d time.Duration) error {
	if b.r < b.w {
		return nil
	}
	return b.more(bufferStart, d)
}

// line is one command line without its end, at most limit bytes of it; it
// belongs to the caller until the next call of the reader, who wipes it by
// taking size bytes.
type line struct {
	text []byte
	size int // with the line end
	end  lineEnd
	cut  bool // it was longer than the limit
}

// line reads up to a line end: CR LF, a bare LF, or a lone CR.
func (b *reader) line(limit int) (line, error) {
	for {
		if b.half && len(b.buffered()) > 0 {
			if b.half = false; b.buf[b.r] == '\n' {
				b.skip(1)
			}
		}
		if l, ok := splitLine(b.buffered()); ok {
			return l.upTo(limit), nil
		}
		d := b.idle
		waiting := bytes.HasSuffix(b.buffered(), []byte("\r"))
		if waiting {
			d = min(d, lineEndWait)
		}
		err := b.more(limit, d)
		switch {
		case err == nil:
		case errors.Is(err, errFull):
			return b.cutLine(limit)
		case waiting:
			b.half = true
			text := bytes.TrimRight(b.buffered(), "\r")
			return line{text: text, size: len(b.buffered()), end: endCR}, nil
		default:
			return line{}, err
		}
	}
}

// upTo cuts a line that came in one piece and is longer than the limit.
func (l line) upTo(limit int) line {
	if len(l.text) > limit {
		l.text, l.cut = l.text[:limit/2], true
	}
	return l
}

// splitLine finds the first complete line of b.
func splitLine(b []byte) (line, bool) {
	i := bytes.IndexAny(b, "\r\n")
	if i < 0 {
		return line{}, false
	}
	if b[i] == '\n' {
		return line{text: b[:i], size: i + 1, end: endLF}, true
	}
	rest := bytes.TrimLeft(b[i:], "\r") // some devices send CR CR LF
	if len(rest) == 0 {
		return line{}, false
	}
	if rest[0] == '\n' {
		return line{text: b[:i], size: len(b) - len(rest) + 1, end: endCRLF}, true
	}
	return line{text: b[:i], size: i + 1, end: endCR}, true
}

// cutLine keeps the first half of the limit and drops what follows up to the
// line end.
func (b *reader) cutLine(limit int) (line, error) {
	kept := bytes.Clone(b.buffered()[:limit/2])
	for {
		if i := bytes.IndexByte(b.buffered(), '\n'); i >= 0 {
			return line{text: kept, size: i + 1, cut: true}, nil
		}
		b.take(len(b.buffered()))
		if err := b.more(limit, b.idle); err != nil {
			return line{text: kept, cut: true}, err
		}
	}
}

// isTimeout tells a read that took too long.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
