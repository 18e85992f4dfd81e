package folder

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"offbasic/probes"
)

// openRegular opens a file of the folder. A pipe would wait for its other side
// for ever, and a device may have no end: what is no regular file, or a link
// that leads out of the folder, is refused by its name ("folder_odd_file").
func (f *Folder) openRegular(name string, flag int) (*os.File, error) {
	if err := f.regular(name); err != nil && (flag&os.O_CREATE == 0 || !errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	return f.root.OpenFile(name, flag, 0o600)
}

func (f *Folder) regular(name string) error {
	info, err := f.root.Stat(name)
	if err == nil && info.Mode().IsRegular() {
		return nil
	}
	if err != nil && (errors.Is(err, fs.ErrNotExist) || isDenied(err)) {
		return err
	}
	return f.odd(name, err)
}

// folderOf tells whether a name of ours is a folder, as it is to be.
func (f *Folder) folderOf(name string) error {
	info, err := f.root.Stat(name)
	if err == nil && info.IsDir() || err != nil && (errors.Is(err, fs.ErrNotExist) || isDenied(err)) {
		return err
	}
	return f.odd(name, err)
}

func (f *Folder) odd(name string, err error) error {
	return &probes.Fault{Op: "read " + name, Code: "folder_odd_file", Err: err, Args: map[string]string{
		"dir": f.dir, "file": filepath.ToSlash(name),
	}}
}

// OpenFile opens a file that a record names, to read it: a message, say. The
// record may name anything; nothing outside the folder is opened.
func (f *Folder) OpenFile(name string) (*os.File, error) {
	return f.openRegular(filepath.FromSlash(name), os.O_RDONLY)
}

// Holds tells whether there is anything of a migration in the folder.
func (f *Folder) Holds() bool {
	for _, name := range topFiles() {
		if _, err := f.root.Lstat(name); err == nil {
			return true
		}
	}
	return false
}

// Carried tells whether a file of that name, from the top of a migration folder
// and with slashes, is one that a colleague needs of it.
func Carried(name string) bool {
	dir, base := path.Split(name)
	switch ext := path.Ext(base); dir {
	case "":
		return slices.Contains(topFiles(), base)
	case messagesDir + "/":
		return ext == ".eml"
	case scriptsDir + "/":
		return ext == ".ps1" || ext == ".json"
	}
	return false
}

// topFiles are the files of a migration at the top of its folder.
func topFiles() []string {
	redo := redoFiles()
	return append(redo[:], stateFile, sessionsFile, trialsFile, changesFile)
}
