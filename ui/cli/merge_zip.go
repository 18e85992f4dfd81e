package cli

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard/folder"
)

// The most that is unpacked of a zip.
const (
	maxZipped      = 4 << 30 // bytes
	maxZippedFiles = 200_000
)

var errZipTooLarge = errors.New("it holds more than is unpacked")

// mergeZip takes up a migration folder that came as a zip: it is unpacked to a
// temporary folder, which is gone afterwards.
func (w *Work) mergeZip(ctx context.Context, file string) (l mergeLine, err error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return l, importFault("merge "+file, "merge_no_migration", err, text.Args{"dir": file})
	}
	defer z.Close() //nolint:errcheck // it is only read
	top, ok := migrationTop(z.File)
	if !ok {
		return l, importFault("merge "+file, "merge_no_migration", nil, text.Args{"dir": file})
	}
	dir, err := os.MkdirTemp("", "offbasic-merge-*")
	if err != nil {
		return l, zipFault(file, err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	u := unpacking{top: top, left: maxZipped}
	if err := u.all(ctx, z.File, dir); err != nil {
		return l, zipFault(file, err)
	}
	l, err = w.mergeFolder(ctx, dir, file)
	if fault, is := errors.AsType[*probes.Fault](err); is && fault.Args["dir"] == dir {
		fault.Args["dir"] = file // the folder is gone when it is read
	}
	for _, x := range u.bad {
		l.leave(x)
	}
	return l, err
}

func zipFault(file string, err error) error {
	code := "merge_zip_broken"
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, errZipTooLarge):
		code = "merge_zip_large"
	}
	return importFault("unpack "+file, probes.Code(code), err, text.Args{"dir": file, "cause": err.Error()})
}

// migrationTop is the folder of a zip that holds the migration, "" for its
// top: the one that is the least deep.
func migrationTop(files []*zip.File) (top string, ok bool) {
	for _, f := range files {
		dir, base := path.Split(zipped(f))
		if base == "migration.json" && (!ok || strings.Count(dir, "/") < strings.Count(top, "/")) {
			top, ok = dir, true
		}
	}
	return top, ok
}

// zipped is the name of a file in a zip; old programs of Windows write it with
// backslashes.
func zipped(f *zip.File) string { return strings.ReplaceAll(f.Name, `\`, "/") }

// unpacking is the state of one zip.
type unpacking struct {
	top  string
	left int64 // bytes that may still be written
	bad  []leftOut
}

// all unpacks the files of the migration, and no other. One that cannot be
// unpacked costs only itself, but for the migration's own.
func (u *unpacking) all(ctx context.Context, files []*zip.File, dir string) error {
	if len(files) > maxZippedFiles {
		return fmt.Errorf("%d files: %w", len(files), errZipTooLarge)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // what was written was closed
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		name, below := strings.CutPrefix(zipped(f), u.top)
		if !below || !folder.Carried(name) {
			continue
		}
		if err := u.one(root, f, name); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacking) one(root *os.Root, f *zip.File, name string) error {
	if !f.Mode().IsRegular() || !filepath.IsLocal(filepath.FromSlash(name)) {
		u.bad = append(u.bad, leftOut{File: name, Why: "unreadable"})
		return nil
	}
	from, err := f.Open()
	if err == nil {
		err = u.write(root, from, name)
		err = errors.Join(err, from.Close())
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errZipTooLarge), !strings.Contains(name, "/"):
		return fmt.Errorf("%s: %w", name, err)
	}
	u.bad = append(u.bad, leftOut{File: name, Why: "unreadable"})
	if rerr := root.Remove(filepath.FromSlash(name)); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
		return rerr
	}
	return nil
}

// write writes one file that is not there yet. What it says of its own size is
// not believed.
func (u *unpacking) write(root *os.Root, from io.Reader, name string) error {
	name = filepath.FromSlash(name)
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	to, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(to, io.LimitReader(from, u.left+1))
	if u.left -= n; u.left < 0 {
		err = errZipTooLarge
	}
	return errors.Join(err, to.Close())
}
