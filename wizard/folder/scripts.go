package folder

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"offbasic/probes"
)

// The largest script and the largest read-back that are read, in bytes.
const (
	maxScript   = 4 << 20
	maxReadBack = 4 << 20
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
	entries, err := fs.ReadDir(f.root.FS(), scriptsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	number := 0
	for _, e := range entries {
		digits, rest, _ := strings.Cut(e.Name(), "-")
		n, err := strconv.Atoi(digits)
		if err != nil || n < 0 || n > 1e6 {
			continue
		}
		highest = max(highest, n)
		if rest == name+".ps1" && n >= number {
			last, number = path.Join(scriptsDir, e.Name()), n
		}
	}
	return last, highest, nil
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

// answerOf is the file in the folder that a script writes back to.
func (f *Folder) answerOf(script string) (string, error) {
	base := filepath.Base(script)
	if err := plainName(base); err != nil {
		return "", err
	}
	if name, isFile := strings.CutSuffix(base, ".ps1"); isFile {
		return path.Join(scriptsDir, name+".json"), nil
	}
	last, _, err := f.findScript(base)
	if err != nil {
		return "", fault("look for the script "+base, f.dir, err)
	}
	if last == "" {
		return "", missing(path.Join(scriptsDir, base+".json"))
	}
	return strings.TrimSuffix(last, ".ps1") + ".json", nil
}

// ParseReadBack reads a read-back as PowerShell writes it: UTF-8 with or
// without a byte order mark, or UTF-16 with one; one object where a list is
// meant, and values that are not text, which become the text that PowerShell
// prints. Its faults are "readback_damaged" (file, line, column) and
// "readback_newer" (file, schema, ours).
func ParseReadBack(name string, b []byte) (probes.ReadBackFile, error) {
	b = toUTF8(b)
	var raw struct {
		probes.ReadBackFile
		Results map[string]rows `json:"results"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return probes.ReadBackFile{}, damaged("readback_damaged", name, b, err)
	}
	r := raw.ReadBackFile
	switch {
	case r.Type != "readback" || r.Schema < 1:
		return probes.ReadBackFile{}, damaged("readback_damaged", name, b, errors.New("it is not what a script of this program writes"))
	case r.Schema > probes.ReadBackSchema:
		return probes.ReadBackFile{}, &probes.Fault{Op: "read " + name, Code: "readback_newer", Args: map[string]string{
			"file": name, "schema": strconv.Itoa(r.Schema), "ours": strconv.Itoa(probes.ReadBackSchema),
		}}
	}
	r.Results = make(map[string][]map[string]string, len(raw.Results))
	for id, list := range raw.Results {
		r.Results[id] = list
	}
	return r, nil
}

// toUTF8 takes off the byte order mark, and the encoding that it tells.
func toUTF8(b []byte) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		order = binary.BigEndian
	case !bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		return bytes.TrimPrefix(b, []byte("\ufeff"))
	}
	units := make([]uint16, 0, len(b)/2)
	for pair := range slices.Chunk(b[2:], 2) {
		if len(pair) == 2 {
			units = append(units, order.Uint16(pair))
		}
	}
	return []byte(string(utf16.Decode(units)))
}

// rows are the objects that one cmdlet returned.
type rows []map[string]string

func (r *rows) UnmarshalJSON(b []byte) error {
	var list []map[string]cell
	if len(b) > 0 && b[0] == '{' {
		list = make([]map[string]cell, 1)
		if err := json.Unmarshal(b, &list[0]); err != nil {
			return err
		}
	} else if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	for _, cells := range list {
		row := make(map[string]string, len(cells))
		for k, v := range cells {
			row[k] = string(v)
		}
		*r = append(*r, row)
	}
	return nil
}

// cell is a property's value as PowerShell prints it.
type cell string

func (c *cell) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*c = cell(printed(v))
	return nil
}

func printed(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = printed(e)
		}
		return strings.Join(parts, ", ")
	}
	return "" // null, or an object that no property of ours holds
}
