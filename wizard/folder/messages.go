package folder

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"offbasic/probes"
)

// smallMessage is how long a message may be to be written with the batch of
// its session, in bytes; a longer one is spooled to its file and synced there.
const smallMessage = 64 << 10

// smallRoom is what the messages that are being received may take in memory,
// all together, in bytes.
const smallRoom = 16 << 20

// Message opens a captured message for writing and says what it is called in
// the folder, "messages/<id>.eml". It is there, whole and on the disk when Keep
// has returned for a session that names it; one that no session names is there
// once the folder is closed. Until then, after a crash or after a write that
// failed, it is not. A message that is already there is not replaced: the error
// is fs.ErrExist.
func (f *Folder) Message(id string) (io.WriteCloser, string, error) {
	if f.lock == nil {
		return nil, "", ErrReadOnly
	}
	if err := plainName(id); err != nil {
		return nil, "", err
	}
	base := id + ".eml"
	m := &message{folder: f, partial: partialDir + "/" + base, name: messagesDir + "/" + base}
	if _, err := f.messages.Lstat(base); err == nil || f.small.has(m.name) {
		return nil, "", fmt.Errorf("%s: %w", m.name, fs.ErrExist)
	}
	return m, m.name, nil
}

// message is a message that is being written: in memory while it is small.
type message struct {
	folder        *Folder
	small         []byte
	file          *os.File      // nil while it is small
	out           *bufio.Writer // a capture writes line by line
	partial, name string
	failed        error // of the first write that failed
	closed        bool
}

func (m *message) Write(b []byte) (int, error) {
	if m.failed != nil {
		return 0, m.failed
	}
	if m.file == nil && m.fits(len(b)) {
		m.small = append(m.small, b...)
		return len(b), nil
	}
	n, err := m.spool(b)
	m.failed = fault("write "+m.name, m.folder.dir, err)
	return n, m.failed
}

// fits tells whether n bytes more may stay in memory, and makes the room.
func (m *message) fits(n int) bool {
	need := len(m.small) + n
	if need <= cap(m.small) {
		return true
	}
	grown := min(max(need, 2*cap(m.small), 8<<10), smallMessage)
	if need > grown || !m.folder.small.reserve(grown-cap(m.small)) {
		return false
	}
	m.small = append(make([]byte, 0, grown), m.small...)
	return true
}

// spool writes to the file, what was in memory first.
func (m *message) spool(b []byte) (int, error) {
	if m.file == nil {
		file, err := m.folder.root.OpenFile(m.partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return 0, err
		}
		m.file, m.out = file, bufio.NewWriterSize(file, 32<<10)
		_, err = m.out.Write(m.small)
		m.forget()
		if err != nil {
			return 0, err
		}
	}
	return m.out.Write(b)
}

// forget gives back what the message took in memory.
func (m *message) forget() {
	m.folder.small.reserve(-cap(m.small))
	m.small = nil
}

// Close ends the message. One that was spooled gets its name and is durable;
// one in memory waits for Keep.
func (m *message) Close() error {
	if m.closed {
		return fs.ErrClosed
	}
	m.closed = true
	if m.failed == nil && m.file == nil {
		m.folder.small.put(entry{name: m.name, data: m.small})
		return nil
	}
	err := m.failed
	if err == nil {
		err = errors.Join(m.out.Flush(), m.file.Sync())
	}
	if m.file != nil {
		err = errors.Join(err, m.file.Close())
	}
	if err == nil {
		err = m.publish()
	}
	if err != nil {
		return fault("keep "+m.name, m.folder.dir, errors.Join(err, m.discard()))
	}
	return nil
}

// place makes the files of small messages, anew where an attempt failed. They
// are not synced; until they are, the redo file has them.
func (f *Folder) place(messages []entry) error {
	for _, m := range messages {
		base := strings.TrimPrefix(m.name, messagesDir+"/")
		file, err := f.messages.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = file.Write(m.data)
		if err = errors.Join(err, file.Close()); err != nil {
			return errors.Join(err, f.messages.Remove(base))
		}
	}
	return nil
}

// placeRest makes the files of messages that no session named.
func (f *Folder) placeRest() error {
	rest := f.small.rest()
	err := f.place(rest)
	if len(rest) > 0 {
		err = errors.Join(err, f.syncDir(messagesDir))
	}
	return err
}

func (m *message) publish() error {
	if err := m.folder.root.Rename(m.partial, m.name); err != nil {
		return err
	}
	return m.folder.syncDir(messagesDir)
}

// discard removes what was written so far.
func (m *message) discard() error {
	if err := m.folder.root.Remove(m.partial); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Discard gives the message up: nothing of it stays.
func (m *message) Discard() error {
	if m.closed {
		return fs.ErrClosed
	}
	m.closed = true
	m.forget()
	if m.file == nil {
		return nil
	}
	return errors.Join(m.file.Close(), m.discard())
}

// smallMessages are those that were closed and that no session was kept for
// yet, with what they and those being received take in memory.
type smallMessages struct {
	mu     sync.Mutex
	closed map[string]entry
	used   int
}

// reserve takes room in memory; false means that there is none. Fewer than no
// bytes are given back.
func (s *smallMessages) reserve(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > 0 && s.used+n > smallRoom {
		return false
	}
	s.used += n
	return true
}

// put remembers messages until their session is kept.
func (s *smallMessages) put(messages ...entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed == nil {
		s.closed = map[string]entry{}
	}
	for _, m := range messages {
		s.closed[m.name] = m
	}
}

// putBack remembers messages whose session was refused, for one more attempt;
// after that they are forgotten.
func (s *smallMessages) putBack(messages []entry) {
	for _, m := range messages {
		if m.refused {
			s.release([]entry{m})
			continue
		}
		m.refused = true
		s.put(m)
	}
}

// has tells whether a message of that name waits.
func (s *smallMessages) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.closed[name]
	return ok
}

// rest takes out all that wait.
func (s *smallMessages) rest() (out []entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.closed {
		out = append(out, m)
	}
	clear(s.closed)
	return out
}

// claim takes the messages out that a session names.
func (s *smallMessages) claim(named probes.Session) []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.closed) == 0 {
		return nil
	}
	var out []entry
	take := func(m *probes.Message) {
		if m == nil {
			return
		}
		if waiting, ok := s.closed[m.File]; ok {
			out = append(out, waiting)
			delete(s.closed, m.File)
		}
	}
	take(named.Message)
	for _, more := range named.More {
		take(more.Message)
	}
	return out
}

// release gives back what kept messages took.
func (s *smallMessages) release(messages []entry) {
	n := 0
	for _, m := range messages {
		n += cap(m.data)
	}
	s.reserve(-n)
}
