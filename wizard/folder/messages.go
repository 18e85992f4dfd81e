package folder

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Message makes the file of a captured message and says what it is called in
// the folder, "messages/<id>.eml". It is there, whole and synced, when Close
// returns nil; until then, after a crash or after a write that failed, it is
// not. A message that is already there is not replaced: the error is
// fs.ErrExist.
func (f *Folder) Message(id string) (io.WriteCloser, string, error) {
	if f.lock == nil {
		return nil, "", ErrReadOnly
	}
	if err := plainName(id); err != nil {
		return nil, "", err
	}
	m := &message{folder: f, partial: partialDir + "/" + id + ".eml", name: messagesDir + "/" + id + ".eml"}
	if _, err := f.root.Lstat(m.name); err == nil {
		return nil, "", fmt.Errorf("%s: %w", m.name, fs.ErrExist)
	}
	file, err := f.root.OpenFile(m.partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, "", fault("make "+m.name, f.dir, err)
	}
	m.file, m.out = file, bufio.NewWriterSize(file, 32<<10)
	return m, m.name, nil
}

// message is a message that is being written.
type message struct {
	folder        *Folder
	file          *os.File
	out           *bufio.Writer // a capture writes line by line
	partial, name string
	failed        error // of the first write that failed
	closed        bool
}

func (m *message) Write(b []byte) (int, error) {
	if m.failed != nil {
		return 0, m.failed
	}
	n, err := m.out.Write(b)
	m.failed = fault("write "+m.name, m.folder.dir, err)
	return n, m.failed
}

// Close makes the message durable and gives it its name.
func (m *message) Close() error {
	if m.closed {
		return fs.ErrClosed
	}
	m.closed = true
	err := m.failed
	if err == nil {
		err = errors.Join(m.out.Flush(), m.file.Sync())
	}
	err = errors.Join(err, m.file.Close())
	if err == nil {
		err = m.publish()
	}
	if err != nil {
		return fault("keep "+m.name, m.folder.dir, errors.Join(err, m.discard()))
	}
	return nil
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
	return errors.Join(m.file.Close(), m.discard())
}
