package folder

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"

	"offbasic/probes"
	"offbasic/wizard"
)

// regain makes a folder that is only read what the next Open would make of it,
// in memory.
func (f *Folder) regain() error {
	// The redo files first: whoever writes beside this has put the same lines
	// into sessions.jsonl before.
	all, _, err := f.redone()
	if err != nil {
		return err
	}
	if err := f.sessions.regain(all); err != nil || !f.state.Capturing {
		return err
	}
	var seen []probes.Session
	err = f.Sessions(context.Background(), func(s probes.Session) error {
		s.Transcript = nil
		seen = append(seen, s)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = f.Assume(func(m *wizard.Migration) {
		m.Resee(seen)
		m.Capturing = false
	})
	return err
}

// Assume applies a change in memory alone: of what the folder's other files
// hold, and what the next start would count from them. The next Change writes
// it too. The answer is the migration as it is now.
func (f *Folder) Assume(change func(*wizard.Migration)) (wizard.Migration, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, err := clone(f.state)
	if err != nil {
		return wizard.Migration{}, err
	}
	change(&m)
	if m, err = clone(m); err != nil { // what change kept a pointer to is no longer ours
		return f.unchanged(err)
	}
	f.state = m
	return clone(m)
}

// regain has a journal that is only read end with the lines that its file
// lacks.
func (j *journal) regain(all []entry) error {
	f, done, err := j.open()
	if errors.Is(err, fs.ErrNotExist) {
		f, done, err = nothing{}, func() error { return nil }, nil
	}
	if err != nil {
		return err
	}
	good, size, err := j.mended(f)
	var lines []byte
	if err == nil {
		lines, _, err = lost(f, size, j.name, all)
	}
	if err = errors.Join(err, done()); err != nil || len(lines) == 0 {
		return err
	}
	if good > 0 && good == size { // the last line may lack its end alone
		lines = append([]byte("\n"), lines...)
	}
	reopen := j.reopen
	j.reopen = func() (file, error) {
		f, err := reopen()
		if errors.Is(err, fs.ErrNotExist) {
			f, err = nothing{}, nil
		}
		if err != nil {
			return nil, err
		}
		return regained{f, good, lines}, nil
	}
	return nil
}

// mended is how much of a journal's file stays when its end is mended.
func (j *journal) mended(f file) (good, size int64, err error) {
	size, err = sizeOf(f)
	if err != nil {
		return 0, 0, err
	}
	start, line, err := lastLine(f, size)
	if err == nil && !j.readable(line) {
		return start, size, nil
	}
	return size, size, err
}

// regained is a file that goes on with lines in memory after its first good
// bytes.
type regained struct {
	file
	good  int64
	lines []byte
}

func (r regained) Stat() (fs.FileInfo, error) {
	info, err := r.file.Stat()
	return longer{info, r.good + int64(len(r.lines))}, err
}

func (r regained) ReadAt(b []byte, at int64) (int, error) {
	n := 0
	if at < r.good {
		var err error
		n, err = r.file.ReadAt(b[:min(int64(len(b)), r.good-at)], at)
		if err != nil || n == len(b) {
			return n, err
		}
	}
	more, err := bytes.NewReader(r.lines).ReadAt(b[n:], at+int64(n)-r.good)
	return n + more, err
}

// longer is a file with another size.
type longer struct {
	fs.FileInfo
	size int64
}

func (l longer) Size() int64 { return l.size }

// nothing is a file that is not there.
type nothing struct{ file }

func (nothing) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }
func (nothing) Stat() (fs.FileInfo, error)        { return longer{}, nil }
func (nothing) Close() error                      { return nil }
