package folder

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"offbasic/probes"
)

// Answer is a read-back that lies in the folder.
type Answer struct {
	File string // "scripts/03-tenant-state.json"
	probes.ReadBackFile
}

// Answers reads every read-back in the folder, in the order of their numbers.
// One that cannot be read is left out, and is among the faults.
func (f *Folder) Answers(ctx context.Context) (answers []Answer, damaged []error, err error) {
	all, err := f.numbered()
	if err != nil {
		return nil, nil, fault("look for the answers of the scripts", f.dir, err)
	}
	slices.SortStableFunc(all, func(a, b numbered) int { return a.number - b.number })
	for _, e := range all {
		if !strings.HasSuffix(e.name, ".json") {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		file := path.Join(scriptsDir, e.name)
		b, err := f.readAll(file, maxReadBack)
		if err == nil {
			var r probes.ReadBackFile
			if r, err = ParseReadBack(file, b); err == nil {
				answers = append(answers, Answer{file, r})
				continue
			}
		}
		damaged = append(damaged, fault("read "+file, f.dir, err))
	}
	return answers, damaged, nil
}

// Import keeps a read-back that was made elsewhere, as UTF-8: beside the last
// script of the name, else as an answer of its own. name is that under which
// the script was or would be saved. It returns the path. What there is already
// is replaced, unless it is newer: "readback_old" (file, made).
func (f *Folder) Import(name string, b []byte) (string, error) {
	if f.lock == nil {
		return "", ErrReadOnly
	}
	if err := plainName(name); err != nil {
		return "", err
	}
	r, err := ParseReadBack(name, b)
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	file, err := f.answerOf(name)
	if errors.Is(err, fs.ErrNotExist) {
		var highest int
		if _, highest, err = f.findScript(name); err == nil {
			file = fmt.Sprintf("%s/%02d-%s.json", scriptsDir, highest+1, name)
		}
	}
	if err != nil {
		return "", err
	}
	if old, err := f.readAll(file, maxReadBack); err == nil {
		if have, err := ParseReadBack(file, old); err == nil && have.Made > r.Made {
			return "", &probes.Fault{Op: "keep the answer of " + name, Code: "readback_old", Args: map[string]string{"file": file, "made": probes.Clean(have.Made, 40)}}
		}
	}
	if err := f.publish(file, toUTF8(b)); err != nil {
		return "", fault("write "+file, f.dir, err)
	}
	return filepath.Join(f.dir, filepath.FromSlash(file)), nil
}

// PartialAnswer is a path in the folder where a script that runs now can write
// its answer, before it is looked at and kept. What lies there is removed at
// the next start.
func (f *Folder) PartialAnswer(script string) (string, error) {
	base := strings.TrimSuffix(filepath.Base(script), ".ps1") + ".json"
	if f.lock == nil {
		return "", ErrReadOnly
	}
	if err := plainName(base); err != nil {
		return "", err
	}
	err := f.root.Remove(partialDir + "/" + base)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return filepath.Join(f.dir, partialDir, base), err
}

// ReadPartialAnswer reads what a script wrote at the path of PartialAnswer.
func (f *Folder) ReadPartialAnswer(script string) ([]byte, error) {
	base := strings.TrimSuffix(filepath.Base(script), ".ps1") + ".json"
	if err := plainName(base); err != nil {
		return nil, err
	}
	b, err := f.readAll(partialDir+"/"+base, maxReadBack)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(base)
	}
	return b, fault("read "+base, f.dir, err)
}

// ParseReadBack reads a read-back as PowerShell writes it: UTF-8 with or
// without a byte order mark, or UTF-16; one object where a list is meant, and
// values that are not text, which become the text that PowerShell prints. Its
// faults are "readback_cut" (file, bytes) for one that ends in the middle,
// "readback_damaged" (file, line, column), "readback_not_ours" (file) for JSON
// that no script of this program wrote, "readback_edited" (file, what) for a
// field that is there twice or that none writes, and "readback_newer" (file,
// schema, ours).
func ParseReadBack(name string, b []byte) (probes.ReadBackFile, error) {
	b = bytes.TrimRight(toUTF8(b), " \t\r\n\x00")
	var head struct {
		Type   string `json:"type"`
		Schema int    `json:"schema"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return probes.ReadBackFile{}, unreadable(name, b, err)
	}
	args := map[string]string{"file": name}
	switch {
	case head.Type != "readback" || head.Schema < 1:
		return probes.ReadBackFile{}, &probes.Fault{Op: "read " + name, Code: "readback_not_ours", Args: args}
	case head.Schema > probes.ReadBackSchema:
		args["schema"], args["ours"] = strconv.Itoa(head.Schema), strconv.Itoa(probes.ReadBackSchema)
		return probes.ReadBackFile{}, &probes.Fault{Op: "read " + name, Code: "readback_newer", Args: args}
	}
	if twice := duplicate(b); twice != "" {
		return probes.ReadBackFile{}, edited(name, twice)
	}
	r, err := decode(b)
	if field, unknown := unknownField(err); unknown {
		return probes.ReadBackFile{}, edited(name, field)
	}
	if err != nil {
		return probes.ReadBackFile{}, unreadable(name, b, err)
	}
	return r, nil
}

// decode reads what is nothing but text, as the scripts write it, in one go;
// and what is not, value by value.
func decode(b []byte) (probes.ReadBackFile, error) {
	strict := func(v any) error {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		return d.Decode(v)
	}
	var plain probes.ReadBackFile
	var kind *json.UnmarshalTypeError
	if err := strict(&plain); !errors.As(err, &kind) {
		if plain.Results == nil {
			plain.Results = map[string][]map[string]string{}
		}
		return plain, err
	}
	var raw struct {
		probes.ReadBackFile
		Results map[string]rows `json:"results"`
		Done    steps           `json:"done"`
	}
	err := strict(&raw)
	r := raw.ReadBackFile
	r.Done, r.Results = raw.Done, make(map[string][]map[string]string, len(raw.Results))
	for id, list := range raw.Results {
		r.Results[id] = list
	}
	return r, err
}

func unknownField(err error) (name string, ok bool) {
	if err == nil {
		return "", false
	}
	name, ok = strings.CutPrefix(err.Error(), "json: unknown field ")
	return strings.Trim(name, `"`), ok
}

func edited(name, what string) error {
	return &probes.Fault{Op: "read " + name, Code: "readback_edited", Args: map[string]string{"file": name, "what": probes.Clean(what, 100)}}
}

// unreadable tells a file that ends in the middle from one that is damaged.
func unreadable(name string, b []byte, err error) error {
	var syntax *json.SyntaxError
	whole := int64(len(b))
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &syntax) && syntax.Offset >= whole && strings.Contains(err.Error(), "unexpected end") {
		return &probes.Fault{Op: "read " + name, Code: "readback_cut", Err: err, Args: map[string]string{"file": name, "bytes": strconv.FormatInt(whole, 10)}}
	}
	return damaged("readback_damaged", name, b, err)
}

// maxFields is more fields than any object of a read-back has.
const maxFields = 100

// duplicate is the first field that an object has twice, which PowerShell
// never writes; "" when there is none. b is valid JSON, so that a string is a
// field where a colon follows it.
func duplicate(b []byte) string {
	var open [][][]byte // the fields of each object that is open; of a list none
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			open = append(open, nil)
		case '}', ']':
			open = open[:len(open)-1]
		case '"':
			end := endOfString(b, i)
			name := b[i+1 : end]
			i = end
			if !colonFollows(b, end+1) {
				continue
			}
			fields := &open[len(open)-1]
			if len(*fields) == maxFields || slices.ContainsFunc(*fields, func(f []byte) bool { return bytes.Equal(f, name) }) {
				return string(name)
			}
			*fields = append(*fields, name)
		}
	}
	return ""
}

// endOfString is where the string that begins at i has its last quote.
func endOfString(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}

func colonFollows(b []byte, i int) bool {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i < len(b) && b[i] == ':'
}

// steps are the steps that were done; PowerShell may write one alone.
type steps []probes.DoneStep

func (s *steps) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		*s = make(steps, 1)
		return json.Unmarshal(b, &(*s)[0])
	}
	return json.Unmarshal(b, (*[]probes.DoneStep)(s))
}

// toUTF8 takes off the byte order mark, and the encoding that it tells: that of
// ">" in Windows PowerShell 5.1 is UTF-16. One whose mark was lost is told by
// the zero beside its first brace.
func toUTF8(b []byte) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(b, []byte{'{', 0}):
		b = append([]byte{0xFF, 0xFE}, b...)
	case bytes.HasPrefix(b, []byte{0, '{'}):
		b = append([]byte{0xFE, 0xFF}, b...)
	}
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
