package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"offbasic/probes"
	"offbasic/ui/text"
)

// savedDir is where copies for the admin go, in the migration folder.
const savedDir = "saved"

// SaveTranscript writes a session's transcript to a file of its own and
// returns its path. What is there already is never overwritten.
func (w *Work) SaveTranscript(ctx context.Context, id string) (string, error) {
	s, err := w.Folder.Session(ctx, id)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	for _, l := range s.Transcript {
		mark := map[probes.Speaker]string{probes.Client: "C:", probes.Server: "S:"}[l.From]
		fmt.Fprintf(&b, "%7d %s %s\n", l.MS, first(mark, "--"), probes.Clean(l.Text, 0))
	}
	return w.save(s, ".txt", &b)
}

// SaveMessage copies the first message of a session, as it was received, to a
// file of its own and returns its path.
func (w *Work) SaveMessage(ctx context.Context, id string) (string, error) {
	s, err := w.Folder.Session(ctx, id)
	if err != nil {
		return "", err
	}
	if s.Message == nil || s.Message.File == "" {
		return "", &probes.Fault{Op: "save the message", Code: "no_message"}
	}
	in, err := w.Folder.OpenFile(s.Message.File)
	if err != nil {
		return "", notSaved(s.Message.File, err)
	}
	defer in.Close() //nolint:errcheck // it was only read
	return w.save(s, ".eml", in)
}

// save writes a copy under a name that nobody has. The lab's own folder goes
// with it: its copies lie in the folder that the program was started in.
func (w *Work) save(s probes.Session, ext string, from io.Reader) (string, error) {
	dir := filepath.Join(w.Folder.Dir(), savedDir)
	if w.temporary != "" {
		dir = "."
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", notSaved(dir, err)
	}
	path, err := filepath.Abs(filepath.Join(dir, saveName(s)))
	if err != nil {
		return "", notSaved(dir, err)
	}
	file, err := create(path, ext)
	if err != nil {
		return "", notSaved(path+ext, err)
	}
	_, err = io.Copy(file, from)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", notSaved(file.Name(), errors.Join(err, os.Remove(file.Name())))
	}
	return file.Name(), nil
}

// create makes a new file: path, or path with a number when that is taken.
func create(path, ext string) (*os.File, error) {
	const tries = 1000
	name := path + ext
	for n := 2; ; n++ {
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil || !errors.Is(err, fs.ErrExist) || n > tries {
			return file, err
		}
		name = path + "-" + itoa(n) + ext
	}
}

// saveName is when, from where and who, in letters that every system takes.
func saveName(s probes.Session) string {
	parts := []string{s.Started.UTC().Format("20060102-150405"), plainName(s.Peer)}
	if name := plainName(s.Hello); name != "" {
		parts = append(parts, name)
	}
	return strings.Join(parts, "_")
}

// plainName keeps letters, digits, dots and dashes of a name from outside.
func plainName(s string) string {
	const longest = 40
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-':
			return r
		}
		return '-'
	}, s[:min(len(s), longest)])
	return strings.Trim(s, ".-")
}

func notSaved(path string, err error) error {
	return &probes.Fault{Op: "save to " + path, Code: "not_saved", Args: text.Args{"path": path}, Err: err}
}

// saveBeside writes a file under a name that nobody has, unless one of its
// numbers has the same content already. What an admin has edited stays.
func saveBeside(path, content string) (saved string, err error) {
	ext := filepath.Ext(path)
	base := strings.TrimSuffix(path, ext)
	for n, name := 2, path; ; n++ {
		b, err := os.ReadFile(name)
		if err != nil {
			break // it is free, or create says why it cannot be had
		}
		if string(b) == content {
			return name, nil
		}
		name = base + "-" + itoa(n) + ext
	}
	file, err := create(base, ext)
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}
