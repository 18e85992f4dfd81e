package folder

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
)

// maxRedo is how much of a redo file is read: more than one ever holds.
const maxRedo = 256 << 20

// recover writes again what the redo files hold and their owners lost, in a
// power cut. It comes after the end of sessions.jsonl was mended.
func (f *Folder) recover() error {
	all, found, err := f.redone()
	if err != nil || !found {
		return err
	}
	if err := errors.Join(f.recoverMessages(all), f.sessions.recover(all)); err != nil {
		return err
	}
	for _, name := range redoFiles() {
		if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// redone are the entries of the redo files in their order; found tells whether
// there is such a file.
func (f *Folder) redone() (all []entry, found bool, err error) {
	for _, name := range redoFiles() {
		b, err := f.readRedo(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		found = true
		all = append(all, readEntries(b)...)
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.seq, b.seq) })
	return all, found, nil
}

func (f *Folder) readRedo(name string) ([]byte, error) {
	file, err := f.openRegular(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	return io.ReadAll(io.LimitReader(file, maxRedo))
}

// recoverMessages writes the messages that are missing or not whole, and syncs
// all: what is there may not be on the disk yet.
func (f *Folder) recoverMessages(all []entry) error {
	var names []string
	for _, e := range all {
		id, isMessage := strings.CutPrefix(e.name, messagesDir+"/")
		id, isEML := strings.CutSuffix(id, ".eml")
		if !isMessage || !isEML || plainName(id) != nil {
			continue // lines, or a name that is none of ours
		}
		names = append(names, e.name)
		if b, err := f.readAll(e.name, int64(len(e.data))); err == nil && bytes.Equal(b, e.data) {
			continue
		}
		if err := f.writeWhole(e.name, e.data); err != nil {
			return err
		}
	}
	return f.settleMessages(names)
}

// writeWhole makes a file of small content, whole or not at all, but for a
// power cut: it is not synced.
func (f *Folder) writeWhole(name string, data []byte) error {
	partial := partialDir + name[strings.LastIndexByte(name, '/'):]
	file, err := f.root.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err == nil {
		err = f.root.Rename(partial, name)
	}
	if err != nil {
		if rerr := f.root.Remove(partial); !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return err
}

// settle syncs sessions.jsonl, and messages by name, with their folder.
func (f *Folder) settle(names []string) error {
	return errors.Join(f.settleMessages(names), f.sessions.file.Sync())
}

// manyFiles is how many files are rather synced with all else that is on their
// file system.
const manyFiles = 100

// settlers is how many files are synced at the same time: file systems write
// their journal once for all that wait.
const settlers = 4

func (f *Folder) settleMessages(names []string) error {
	if len(names) == 0 {
		return nil
	}
	if len(names) >= manyFiles {
		if done, err := f.syncMessages(); done {
			return err
		}
	}
	errs := make([]error, settlers)
	var all sync.WaitGroup
	for n := range settlers {
		all.Go(func() {
			for i := n; i < len(names) && errs[n] == nil; i += settlers {
				errs[n] = f.syncFile(names[i])
			}
		})
	}
	all.Wait()
	return errors.Join(errors.Join(errs...), f.syncDir(messagesDir))
}

// syncMessages syncs all messages at once, where the system can.
func (f *Folder) syncMessages() (done bool, err error) {
	dir, err := f.messages.Open(".")
	if err != nil {
		return false, err
	}
	done, err = syncAll(dir)
	return done, errors.Join(err, dir.Close())
}

// syncFile syncs a file that was closed already. One that somebody has removed
// need not be kept.
func (f *Folder) syncFile(name string) error {
	file, err := f.openRegular(name, os.O_WRONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// recover adds the lines that are missing.
func (j *journal) recover(all []entry) error {
	lines, held, err := lost(j.file, j.good.Load(), j.name, all)
	switch {
	case err != nil:
		return err
	case len(lines) > 0:
		return j.write(&batch{lines: lines, durable: true})
	case held:
		return j.file.Sync()
	}
	return nil
}

// lost are the lines of entries that the first size bytes of a journal do
// not hold. From the first of those on all are there, in their order: the last
// record of an id counts. held tells whether entries hold lines of it at all.
func lost(f io.ReaderAt, size int64, name string, all []entry) (rest []byte, held bool, err error) {
	var lines [][]byte
	lacking := map[string]bool{}
	for _, e := range all {
		if e.name != name {
			continue
		}
		for line := range bytes.Lines(e.data) {
			lines = append(lines, line)
			lacking[string(line)] = true
		}
	}
	if len(lines) == 0 {
		return nil, false, nil
	}
	r := bufio.NewReaderSize(io.NewSectionReader(f, 0, size), 64<<10)
	for {
		line, _, err := readLine(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, true, err
		}
		delete(lacking, string(line))
	}
	first := slices.IndexFunc(lines, func(line []byte) bool { return lacking[string(line)] })
	if first < 0 {
		return nil, true, nil
	}
	return bytes.Join(lines[first:], nil), true, nil
}
