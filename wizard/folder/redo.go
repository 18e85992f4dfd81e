package folder

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"sync"
)

// redoFiles hold, one after the other, what was acknowledged and is not synced
// yet where it belongs: the lines of sessions.jsonl and the small messages.
// Both are written to their own files as well, the messages right after; what
// a killed process or a power cut kept from being there the next start writes
// from here. So one sync of one file that does not grow makes a whole batch
// durable, where each message would need one of its own and one of its folder.
// They are removed when the folder is closed.
func redoFiles() [2]string { return [2]string{".redo-1", ".redo-2"} }

// Sizes of the redo files, in bytes.
const (
	redoFull = 16 << 20 // the other is taken from here on
	redoStep = 1 << 20  // one grows by this much at first, then doubles: a sync is cheaper when the size stays
)

// entry is a piece of a file: the whole of a message, or lines of a journal.
type entry struct {
	seq  uint64
	name string
	data []byte

	refused bool // once already, with its session
}

// redo writes the redo files. It belongs to who holds the journal's writing
// lock.
type redo struct {
	open    func(name string) (file, error)
	settle  func(names []string) error // syncs these files and their names
	remove  func(name string) error
	logs    [2]redoLog
	current int
	seq     uint64
	buf     []byte
	settled sync.WaitGroup // that was begun
}

// redoLog is one of the two files.
type redoLog struct {
	file    file
	at, end int64          // where the next entry goes; how far the file is written
	names   []string       // of the messages in it
	placing sync.WaitGroup // of messages in it whose files are being made
	free    chan struct{}
	err     error // of settling it, once free is closed
}

// write makes entries durable, or leaves that to the next write. Whoever makes
// the files of messages among them says so to what it returns, which is waited
// for before those are settled.
func (r *redo) write(entries []entry, durable bool) (placing *sync.WaitGroup, err error) {
	l, err := r.log()
	if err != nil {
		return nil, err
	}
	r.buf = r.buf[:0]
	for i, e := range entries {
		e.seq = r.seq + 1 + uint64(i)
		r.buf = appendEntry(r.buf, e)
	}
	written := l.at + int64(len(r.buf))
	end := l.end
	if written > end {
		end = max(written, min(2*end, redoFull)) + redoStep
		r.buf = append(r.buf, make([]byte, end-written)...)
	}
	r.seq += uint64(len(entries)) // also when it fails: what is written over it has higher numbers
	if _, err := l.file.WriteAt(r.buf, l.at); err != nil {
		// On a disk that is full, what was written of it is given back.
		return nil, errors.Join(err, l.file.Truncate(l.end))
	}
	if durable {
		if err := syncData(l.file); err != nil {
			return nil, err
		}
	}
	l.at, l.end = written, end
	for _, e := range entries {
		if e.name != sessionsFile {
			l.names = append(l.names, e.name)
		}
	}
	return &l.placing, nil
}

// log is the file to write to. A full one is settled while the other is
// written.
func (r *redo) log() (*redoLog, error) {
	l := &r.logs[r.current]
	if l.at >= redoFull {
		next := &r.logs[1-r.current]
		if err := r.release(next); err != nil {
			return nil, err
		}
		full := l
		full.free = make(chan struct{})
		r.settled.Go(func() {
			full.placing.Wait()
			full.err = r.settle(full.names)
			close(full.free)
		})
		r.current = 1 - r.current
		l = next
	}
	if l.file != nil {
		return l, nil
	}
	f, err := r.open(redoFiles()[r.current])
	if err != nil {
		return nil, err
	}
	l.file = f
	return l, nil
}

// release waits until what a file holds is where it belongs, and empties it.
func (r *redo) release(l *redoLog) error {
	if l.free != nil {
		<-l.free
		if l.err != nil {
			l.err = r.settle(l.names)
		}
		if l.err != nil {
			return l.err
		}
	}
	l.free, l.at, l.names = nil, 0, l.names[:0]
	return nil
}

// close settles both files and removes them. They stay when that fails: the
// next start has another try.
func (r *redo) close() error {
	r.settled.Wait()
	var errs []error
	used := false
	for i := range r.logs {
		l := &r.logs[i]
		if l.file == nil {
			continue
		}
		used = true
		l.placing.Wait()
		errs = append(errs, l.file.Close(), r.settle(l.names))
		l.file = nil
	}
	if err := errors.Join(errs...); err != nil || !used {
		return err
	}
	for _, name := range redoFiles() {
		if err := r.remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// The head of an entry: mark, number, length of the name, length of the data,
// and a checksum of these, the name and the data.
const (
	entryMark = "ofr1"
	entryHead = 4 + 8 + 2 + 4 + 4
)

func appendEntry(b []byte, e entry) []byte {
	start := len(b)
	b = append(b, entryMark...)
	b = binary.BigEndian.AppendUint64(b, e.seq)
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.name))) //nolint:gosec // a name of ours has at most 128 bytes
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.data))) //nolint:gosec // a batch is far smaller
	sum := crc32.ChecksumIEEE(b[start:])
	sum = crc32.Update(sum, crc32.IEEETable, []byte(e.name))
	sum = crc32.Update(sum, crc32.IEEETable, e.data)
	b = binary.BigEndian.AppendUint32(b, sum)
	b = append(b, e.name...)
	return append(b, e.data...)
}

// readEntry reads the first entry of b and how long it is; false means that
// there is none, or not the whole of one.
func readEntry(b []byte) (e entry, n int, ok bool) {
	if len(b) < entryHead || string(b[:4]) != entryMark {
		return entry{}, 0, false
	}
	name := int(binary.BigEndian.Uint16(b[12:]))
	data := int64(binary.BigEndian.Uint32(b[14:]))
	if int64(len(b)-entryHead-name) < data {
		return entry{}, 0, false
	}
	n = entryHead + name + int(data)
	sum := crc32.ChecksumIEEE(b[:18])
	sum = crc32.Update(sum, crc32.IEEETable, b[entryHead:n])
	if sum != binary.BigEndian.Uint32(b[18:]) {
		return entry{}, 0, false
	}
	e = entry{seq: binary.BigEndian.Uint64(b[4:]), name: string(b[entryHead : entryHead+name]), data: b[entryHead+name : n]}
	return e, n, true
}

// readEntries reads what was written to a redo file last: what lies behind is
// older or was refused, and has lower numbers.
func readEntries(b []byte) []entry {
	var all []entry
	for {
		e, n, ok := readEntry(b)
		if !ok || len(all) > 0 && e.seq <= all[len(all)-1].seq {
			return all
		}
		all = append(all, e)
		b = b[n:]
	}
}

// openRedo makes a redo file, for the owner's eyes only.
func (f *Folder) openRedo(name string) (file, error) {
	opened, err := f.openRegular(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return nil, err
	}
	return opened, nil
}
