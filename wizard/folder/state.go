package folder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/natefinch/atomic"

	"offbasic/probes"
	"offbasic/wizard"
)

// maxState is the largest migration.json that is read, in bytes.
const maxState = 64 << 20

// load reads migration.json; a folder without one holds an empty migration.
func (f *Folder) load() error {
	b, err := f.readAll(stateFile, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		f.state = wizard.Migration{Version: wizard.Version}
		return nil
	}
	if err != nil {
		return err
	}
	b = cleanedState(bytes.TrimPrefix(b, []byte("\ufeff")))
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return damaged("folder_damaged", stateFile, b, err)
	}
	if head.Version > wizard.Version {
		return &probes.Fault{Op: "read " + stateFile, Code: "folder_newer", Args: map[string]string{
			"dir": f.dir, "version": strconv.Itoa(head.Version), "ours": strconv.Itoa(wizard.Version),
		}}
	}
	if head.Version < 1 {
		return damaged("folder_damaged", stateFile, b, errors.New("it has no version"))
	}
	if err := json.Unmarshal(b, &f.state); err != nil {
		return damaged("folder_damaged", stateFile, b, err)
	}
	return nil
}

// readAll reads a file of the folder that is at most limit bytes long.
func (f *Folder) readAll(name string, limit int64) ([]byte, error) {
	file, err := f.openRegular(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return b, errors.Join(err, file.Close())
}

// damaged is the fault that says where a JSON file cannot be read.
func damaged(code probes.Code, name string, b []byte, err error) error {
	at := int64(1)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	}
	before := b[:min(max(at-1, 0), int64(len(b)))]
	return &probes.Fault{Op: "read " + name, Code: code, Err: err, Args: map[string]string{
		"file":   name,
		"line":   strconv.Itoa(bytes.Count(before, []byte("\n")) + 1),
		"column": strconv.Itoa(len(before) - bytes.LastIndexByte(before, '\n')),
	}}
}

// Migration is a copy of the state as it is on disk.
func (f *Folder) Migration() wizard.Migration {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, err := clone(f.state)
	if err != nil {
		panic(err) // what was read from JSON, or written as it, can be again
	}
	return m
}

// Change applies a change to the migration and writes it: whole, atomically,
// and durable when Change returns. The answer is the migration as it is now.
// When the change or the writing fails, the old state stays, in memory and on
// disk. Changes come one after the other; change must not call the folder.
func (f *Folder) Change(ctx context.Context, change func(*wizard.Migration) error) (wizard.Migration, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, err := clone(f.state)
	if err != nil {
		return wizard.Migration{}, err
	}
	if f.lock == nil {
		return m, ErrReadOnly
	}
	next, err := f.changed(ctx, m, change)
	if err != nil {
		return f.unchanged(err)
	}
	b, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return f.unchanged(err)
	}
	if err := f.replace(stateFile, append(b, '\n')); err != nil {
		return f.unchanged(fault("write "+stateFile, f.dir, err))
	}
	f.state = next
	return clone(next)
}

func (f *Folder) changed(ctx context.Context, m wizard.Migration, change func(*wizard.Migration) error) (wizard.Migration, error) {
	if err := change(&m); err != nil {
		return m, err
	}
	if err := ctx.Err(); err != nil {
		return m, err
	}
	m.Version, m.Updated = wizard.Version, f.now().UTC()
	return clone(m) // what change kept a pointer to is no longer ours
}

func (f *Folder) unchanged(err error) (wizard.Migration, error) {
	m, cerr := clone(f.state)
	return m, errors.Join(err, cerr)
}

// clone copies a migration the way that it is kept: by its JSON.
func clone(m wizard.Migration) (c wizard.Migration, err error) {
	b, err := json.Marshal(m)
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(b, &c)
}

// replace puts b in the place of a file. atomic.ReplaceFile rather than a plain
// rename: on Windows it asks for write-through.
func (f *Folder) replace(name string, b []byte) error {
	temp := partialDir + "/" + name
	if err := f.writeNew(temp, b); err != nil {
		return err
	}
	if err := atomic.ReplaceFile(filepath.Join(f.dir, temp), filepath.Join(f.dir, name)); err != nil {
		return err
	}
	return f.syncDir(".")
}

// writeNew writes a file and syncs it. Nothing half-written stays.
func (f *Folder) writeNew(name string, b []byte) error {
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(b)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, f.root.Remove(name))
	}
	return nil
}
