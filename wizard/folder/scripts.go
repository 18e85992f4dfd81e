package folder

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"offbasic/probes"
)

// The largest script and the largest read-back that are read, in bytes.
const (
	maxScript   = 4 << 20
	maxReadBack = 32 << 20 // Windows PowerShell 5.1 indents: 300 bytes a mailbox
)

// SaveScript writes a script as scripts/NN-<name>.ps1 and returns its path.
// The number says in which order the scripts were written. The same text under
// the same name is the same file; another text gets the next number, so that
// no script is replaced that somebody may have read, changed or run.
func (f *Folder) SaveScript(name string, text []byte) (string, error) {
	if f.lock == nil {
		return "", ErrReadOnly
	}
	if err := plainName(name); err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	file, err := f.saveScript(name, text)
	if err != nil {
		return "", fault("save the script "+name, f.dir, err)
	}
	return filepath.Join(f.dir, filepath.FromSlash(file)), nil
}

func (f *Folder) saveScript(name string, text []byte) (string, error) {
	last, highest, err := f.findScript(name)
	if err != nil {
		return "", err
	}
	if last != "" {
		if old, err := f.readAll(last, maxScript); err == nil && bytes.Equal(old, text) {
			return last, nil
		}
	}
	file := fmt.Sprintf("%s/%02d-%s.ps1", scriptsDir, highest+1, name)
	return file, f.publish(file, text)
}

// findScript looks for the last script of this name, "" when there is none,
// and for the highest number in use.
func (f *Folder) findScript(name string) (last string, highest int, err error) {
	return f.findNumbered(name + ".ps1")
}

// findNumbered looks for the file "NN-<rest>" with the highest number, and for
// the highest number in use.
func (f *Folder) findNumbered(rest string) (last string, highest int, err error) {
	all, err := f.numbered()
	number := 0
	for _, e := range all {
		highest = max(highest, e.number)
		if e.rest == rest && e.number >= number {
			last, number = path.Join(scriptsDir, e.name), e.number
		}
	}
	return last, highest, err
}

// numbered is a file "NN-<rest>" of the scripts.
type numbered struct {
	name, rest string
	number     int
}

// numbered lists the scripts and answers by name.
func (f *Folder) numbered() ([]numbered, error) {
	err := f.folderOf(scriptsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(f.root.FS(), scriptsDir)
	var all []numbered
	for _, e := range entries {
		digits, rest, _ := strings.Cut(e.Name(), "-")
		n, err := strconv.Atoi(digits)
		if err == nil && n >= 0 && n <= 1e6 {
			all = append(all, numbered{e.Name(), rest, n})
		}
	}
	return all, err
}

// publish writes a file whole or not at all, and makes it durable.
func (f *Folder) publish(name string, b []byte) error {
	partial := partialDir + "/" + path.Base(name)
	if err := f.writeNew(partial, b); err != nil {
		return err
	}
	if err := f.root.Rename(partial, name); err != nil {
		return errors.Join(err, f.root.Remove(partial))
	}
	return f.syncDir(path.Dir(name))
}

// SaveReadBack writes what a script found beside the script, as the script
// itself does in PowerShell.
func (f *Folder) SaveReadBack(script string, b []byte) error {
	if f.lock == nil {
		return ErrReadOnly
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	file, err := f.answerOf(script)
	if err != nil {
		return err
	}
	return fault("write "+file, f.dir, f.publish(file, b))
}

// ReadBack reads what a script wrote beside itself. The script is named as it
// was saved, then the last of that name is meant, or by the path that
// SaveScript returned. The faults are "readback_missing" (file) when there is
// no answer yet, which is also fs.ErrNotExist, and those of ParseReadBack.
func (f *Folder) ReadBack(script string) (probes.ReadBackFile, error) {
	file, err := f.answerOf(script)
	if err != nil {
		return probes.ReadBackFile{}, err
	}
	b, err := f.readAll(file, maxReadBack)
	if errors.Is(err, fs.ErrNotExist) {
		return probes.ReadBackFile{}, missing(file)
	}
	if err != nil {
		return probes.ReadBackFile{}, fault("read "+file, f.dir, err)
	}
	return ParseReadBack(file, b)
}

func missing(file string) error {
	return &probes.Fault{Op: "read " + file, Code: "readback_missing", Args: map[string]string{"file": file}, Err: fs.ErrNotExist}
}

// answerOf is the file in the folder that a script writes back to: beside the
// last script of the name, or where an answer was imported without one.
func (f *Folder) answerOf(script string) (string, error) {
	base := filepath.Base(script)
	if err := plainName(base); err != nil {
		return "", err
	}
	if name, isFile := strings.CutSuffix(base, ".ps1"); isFile {
		return path.Join(scriptsDir, name+".json"), nil
	}
	last, _, err := f.findScript(base)
	if err == nil && last == "" {
		last, _, err = f.findNumbered(base + ".json")
	}
	if err != nil {
		return "", fault("look for the script "+base, f.dir, err)
	}
	if last == "" {
		return "", missing(path.Join(scriptsDir, base+".json"))
	}
	return strings.TrimSuffix(strings.TrimSuffix(last, ".ps1"), ".json") + ".json", nil
}
