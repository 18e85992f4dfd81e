package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
)

// The following of a log.
const (
	followEvery = 500 * time.Millisecond // between two looks
	followBack  = 1 << 20                // of what is there already, read for the senders; bytes
)

// followLogs prints every refusal that is added to the logs, until it is
// stopped. What comes on stdin is followed to its end.
func (c *call) followLogs(ctx context.Context, x *checks.Explainer, files []string) error {
	t := time.NewTicker(followEvery)
	defer t.Stop()
	return c.follow(ctx, x, files, t.C)
}

// follow looks at the logs at every tick.
//
//nolint:gocognit // files, ticks and the end are one loop; apart they would share its state
func (c *call) follow(ctx context.Context, x *checks.Explainer, files []string, ticks <-chan time.Time) error {
	seen := map[string]bool{}
	var failed error
	tell := func(e checks.Explanation) {
		if failed == nil {
			failed = c.news(e, seen)
		}
	}
	var logs []*growing
	for _, name := range files {
		if name == "-" && len(files) == 1 {
			reading := x.Reading()
			reading.Each = tell
			return stopped(ctx, errors.Join(c.readLog(ctx, reading, name), failed))
		}
		g, err := openGrowing(name, x.Reading())
		if err != nil {
			return err
		}
		defer g.close()
		g.reading.Each = tell
		logs = append(logs, g)
	}
	c.note("explain.following", text.Args{"files": probes.Clean(strings.Join(files, ", "), 200)})
	for {
		for _, g := range logs {
			if err := g.look(ctx); err != nil {
				return stopped(ctx, err)
			}
		}
		select {
		case <-ctx.Done():
			return failed
		case <-ticks:
		}
		if failed != nil {
			return failed
		}
	}
}

// stopped makes the end that was asked for no error.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// news prints a refusal: at its first time with what it means, later in one
// line.
func (c *call) news(e checks.Explanation, seen map[string]bool) error {
	if c.json {
		return c.explanation(e)
	}
	key := cmp.Or(e.ID, e.Class+itoa(e.Code)+e.Enhanced)
	parts := append([]string{e.First}, e.Senders...)
	head := strings.TrimSpace(strings.Join(parts, "  ") + "  " + title(e))
	c.say("%s", head)
	if seen[key] {
		return nil
	}
	if len(seen) < 1000 {
		seen[key] = true
	}
	c.explained(c.Out, e.Worded(c.words))
	c.say("")
	return nil
}

// growing is a log that others write.
type growing struct {
	name    string
	file    *os.File // nil while there is none
	at      int64
	reading *checks.Reading
	idle    bool
}

// openGrowing opens a log at its end, after a look at what is there: it tells
// who sent the messages that are refused later.
func openGrowing(name string, reading *checks.Reading) (*growing, error) {
	f, err := openFile(name)
	if err != nil {
		return nil, logFault(name, err)
	}
	g := &growing{name: name, file: f, reading: reading}
	if err := g.catchUp(); err != nil {
		g.close()
		return nil, logFault(name, err)
	}
	return g, nil
}

func (g *growing) catchUp() error {
	head := make([]byte, 512)
	n, err := g.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !isText(head[:n]) { // gzip among others: it does not grow by lines
		return errBinary
	}
	size, err := g.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	g.at, err = g.file.Seek(max(0, size-followBack), io.SeekStart)
	if err != nil {
		return err
	}
	n64, err := io.CopyN(g.reading, g.file, size-g.at)
	g.at += n64
	if errors.Is(err, io.EOF) { // it was cut in between
		return nil
	}
	return err
}

// look reads what was added. A log that was cut is read from its beginning; of
// one that was moved away the rest is read, then the new one.
func (g *growing) look(ctx context.Context) error {
	fi, err := os.Stat(g.name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return logFault(g.name, err)
	}
	moved := err == nil && !g.same(fi)
	if err := g.read(ctx, !moved); err != nil || !moved {
		return err
	}
	if g.file != nil {
		g.reading.End()
		g.close()
	}
	f, err := openFile(g.name)
	if errors.Is(err, os.ErrNotExist) {
		return nil // moved again: at the next tick
	}
	if err != nil {
		return logFault(g.name, err)
	}
	g.file, g.at = f, 0
	return g.read(ctx, true)
}

func (g *growing) same(fi os.FileInfo) bool {
	if g.file == nil {
		return false
	}
	open, err := g.file.Stat()
	return err == nil && os.SameFile(open, fi)
}

// read reads on to the end of the open file.
func (g *growing) read(ctx context.Context, mayBeCut bool) error {
	if g.file == nil {
		return nil
	}
	if fi, err := g.file.Stat(); mayBeCut && err == nil && fi.Size() < g.at {
		g.reading.End()
		g.at = 0
		if _, err := g.file.Seek(0, io.SeekStart); err != nil {
			return logFault(g.name, err)
		}
	}
	buf := make([]byte, logChunk)
	got := false
	for ctx.Err() == nil {
		n, err := g.file.Read(buf)
		_, _ = g.reading.Write(buf[:n]) // takes everything
		g.at += int64(n)
		got = got || n > 0
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return logFault(g.name, err)
		}
	}
	if !got && g.idle {
		g.reading.Pause()
	}
	g.idle = !got
	return nil
}

func (g *growing) close() {
	if g.file != nil {
		_ = g.file.Close() // it was only read
		g.file = nil
	}
}
