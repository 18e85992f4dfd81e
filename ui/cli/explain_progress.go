package cli

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"offbasic/probes"
	"offbasic/ui/text"
)

// The showing of progress.
const (
	progressAfter = time.Second // before that a log is simply read
	progressEvery = 500 * time.Millisecond
)

// logProgress counts what is read of a log, and on a terminal shows how far it
// is. It is shown in one line that is written over and taken away at the end.
type logProgress struct {
	c       *call
	in      io.Reader
	name    string
	size    int64 // in bytes; 0 is not known
	read    int64
	next    time.Time // when it is shown again
	shown   bool
	enabled bool
}

func (c *call) progress(name string, in io.Reader) *logProgress {
	p := &logProgress{c: c, in: in, name: probes.Clean(filepath.Base(name), 60), enabled: c.Terminal && !c.json}
	if f, ok := in.(*os.File); ok {
		if fi, err := f.Stat(); err == nil && fi.Mode().IsRegular() {
			p.size = fi.Size()
		}
	}
	if p.enabled {
		p.next = c.Now().Add(progressAfter)
	}
	return p
}

// Read reads on, and shows how far it is when it is time for that.
func (p *logProgress) Read(b []byte) (int, error) {
	n, err := p.in.Read(b)
	p.read += int64(n)
	if p.enabled && p.read>>20 != (p.read-int64(n))>>20 { // one look at the clock for each MB
		p.show()
	}
	return n, err
}

func (p *logProgress) show() {
	now := p.c.Now()
	if now.Before(p.next) {
		return
	}
	p.next = now.Add(progressEvery)
	key, args := "explain.progress_bytes", text.Args{"file": p.name, "mb": strconv.FormatInt(p.read>>20, 10)}
	if p.size > 0 {
		key = "explain.progress"
		args["percent"] = strconv.FormatInt(min(100, p.read*100/p.size), 10)
	}
	p.c.talk("\r" + p.c.tr.T(key, args) + "\x1b[K")
	p.shown = true
}

// end takes the line away.
func (p *logProgress) end() {
	if p.shown {
		p.c.talk("\r\x1b[K")
	}
}
