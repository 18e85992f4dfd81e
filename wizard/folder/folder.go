// Package folder keeps a migration on disk: the state, the captured sessions
// and their messages, the test sends, what was done to the tenant, the scripts
// and what they wrote back.
//
// What it has acknowledged survives a crash and a full disk. It never keeps a
// secret, never reaches outside its folder whatever a name says, never
// rewrites a file of a newer version, and never drops what it cannot read:
// that is put aside and said.
package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"offbasic/probes"
	"offbasic/wizard"
)

// The files of a migration folder.
const (
	stateFile    = "migration.json"
	sessionsFile = "sessions.jsonl"
	trialsFile   = "trials.jsonl"
	changesFile  = "changes.jsonl"
	messagesDir  = "messages"
	scriptsDir   = "scripts"
	partialDir   = ".partial" // what is being written; emptied at the start
	lockFile     = ".lock"
)

// Options of a folder. The zero value is what the program uses.
type Options struct {
	// Owner is the person who is named, with the machine, to whoever finds the
	// folder held; "" means the system's name of the user.
	Owner string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Folder is an open migration folder. Its methods may be called from many
// goroutines at once.
type Folder struct {
	dir      string
	root     *os.Root
	messages *os.Root // the folder of messages; nil when only for reading
	now      func() time.Time
	lock     *flock.Flock // nil when only for reading

	mu    sync.Mutex // guards state and the choice of a script's number
	state wizard.Migration

	small smallMessages

	sessions, trials, changes *journal
	warnings                  []*probes.Fault // of the start; never written again
}

// ErrReadOnly is the answer to a change of a folder that was opened by
// OpenRead.
var ErrReadOnly = errors.New("the migration folder is open for reading only")

// Open opens the folder for writing and holds it until Close. A folder that
// does not exist is made, for its owner's eyes only (0700).
//
// It fails with a *probes.Fault: "folder_held" when another copy of the
// program has it (arguments dir, owner, pid, since), "folder_newer" when a
// newer version wrote it (dir, version, ours), "folder_damaged" when
// migration.json cannot be read (file, line, column), "folder_odd_file" when a
// file of it is none, but a pipe or a link that leads out (dir, file),
// "folder_not_dir" and
// "folder_full" (dir) when the system says so, and where it does not allow it
// "folder_forbidden" (to make the folder), "folder_unreadable" (to read it) and
// "folder_readonly" (to write in it), all with dir. Nothing in the folder is
// changed in these cases, but for the lock file.
func Open(dir string, o Options) (*Folder, error) {
	op := "open the migration folder " + dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, denied(op, dir, "folder_forbidden", err)
	}
	f, err := at(dir, o)
	if err != nil {
		return nil, denied(op, dir, "folder_unreadable", err)
	}
	if err := f.take(o.Owner); err != nil {
		return nil, errors.Join(fault(op, dir, err), f.root.Close())
	}
	if err := f.prepare(); err != nil {
		return nil, errors.Join(fault(op, dir, err), f.Close())
	}
	return f, nil
}

// OpenRead opens an existing folder to read it, whoever holds it. What a crash
// or a full disk kept from being written is put right in memory, as Open does
// on the disk, and the senders of a capture that was cut off are counted anew.
// Its faults are those of Open but "folder_held", and "folder_missing" (dir).
func OpenRead(dir string, o Options) (*Folder, error) {
	op := "read the migration folder " + dir
	f, err := at(dir, o)
	if err != nil {
		return nil, denied(op, dir, "folder_unreadable", err)
	}
	if err := f.load(); err != nil {
		return nil, errors.Join(denied(op, dir, "folder_unreadable", err), f.root.Close())
	}
	f.sessions = &journal{name: sessionsFile, kind: "session", reopen: f.reader(sessionsFile)}
	f.trials = &journal{name: trialsFile, kind: "trial", reopen: f.reader(trialsFile)}
	f.changes = &journal{name: changesFile, kind: "change", reopen: f.reader(changesFile)}
	if err := f.regain(); err != nil {
		return nil, errors.Join(denied(op, dir, "folder_unreadable", err), f.root.Close())
	}
	return f, nil
}

func at(dir string, o Options) (*Folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if fi, err := os.Stat(abs); err == nil && !fi.IsDir() { // a pipe would hold its opening
		return nil, &probes.Fault{Op: "open " + dir, Code: "folder_not_dir", Args: map[string]string{"dir": dir}}
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, err
	}
	f := &Folder{dir: abs, root: root, now: o.Now}
	if f.now == nil {
		f.now = time.Now //nolint:forbidigo // the default clock
	}
	return f, nil
}

// prepare reads the state, then makes the folder ready to be written.
func (f *Folder) prepare() error {
	if err := f.load(); err != nil {
		return err
	}
	if err := f.root.RemoveAll(partialDir); err != nil {
		return err
	}
	for _, d := range []string{partialDir, messagesDir, scriptsDir} {
		if err := f.root.Mkdir(d, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	err := errors.Join(f.folderOf(messagesDir), f.folderOf(scriptsDir))
	if err != nil {
		return err
	}
	if f.messages, err = f.root.OpenRoot(messagesDir); err != nil {
		return err
	}
	if f.sessions, err = f.journal(sessionsFile, "session"); err != nil {
		return err
	}
	if err := f.recover(); err != nil {
		return err
	}
	f.sessions.place = f.place
	f.sessions.redo = &redo{open: f.openRedo, settle: f.settle, remove: f.root.Remove}
	if f.trials, err = f.journal(trialsFile, "trial"); err != nil {
		return err
	}
	if f.changes, err = f.journal(changesFile, "change"); err != nil {
		return err
	}
	return f.syncDir(".")
}

// journal opens one of the JSON lines files for writing. A damaged last line
// is put aside and said in Warnings.
func (f *Folder) journal(name, kind string) (*journal, error) {
	file, err := f.openRegular(name, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	j := &journal{name: name, kind: kind, file: file}
	warning, err := j.mend(f.aside)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mend %s: %w", name, err), file.Close())
	}
	if warning != nil {
		f.warnings = append(f.warnings, warning)
	}
	return j, nil
}

// aside makes the file that a damaged end of name is moved to.
func (f *Folder) aside(name string) (*os.File, string, error) {
	base := name + ".damaged-" + f.now().UTC().Format("20060102T150405Z")
	for n := 1; ; n++ {
		to := base
		if n > 1 {
			to = fmt.Sprintf("%s-%d", base, n)
		}
		file, err := f.root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return file, to, err
		}
	}
}

// reader opens a file anew, for a folder that somebody else may be writing.
func (f *Folder) reader(name string) func() (file, error) {
	return func() (file, error) {
		// The nil *os.File of a failed Open would be a file that is not nil.
		opened, err := f.openRegular(name, os.O_RDONLY)
		if err != nil {
			return nil, err
		}
		return opened, nil
	}
}

// Dir is the folder's absolute path.
func (f *Folder) Dir() string { return f.dir }

// Warnings says what was found damaged and how it was dealt with:
// "folder_tail" (file, moved) for a damaged last line that was put aside at
// the start, "folder_lines" (file, count, lines) for lines that are left out
// when the file is read. The second is complete once the file was read.
func (f *Folder) Warnings() []*probes.Fault {
	all := append([]*probes.Fault(nil), f.warnings...)
	for _, j := range []*journal{f.sessions, f.trials, f.changes} {
		if w := j.damage(); w != nil {
			all = append(all, w)
		}
	}
	return all
}

// Close gives the folder back. A Keep that is under way ends first.
func (f *Folder) Close() error {
	var errs []error
	for _, j := range []*journal{f.sessions, f.trials, f.changes} {
		if j != nil {
			errs = append(errs, j.close())
		}
	}
	if f.messages != nil {
		errs = append(errs, f.placeRest(), f.messages.Close())
	}
	if f.lock != nil {
		errs = append(errs, f.release())
	}
	return errors.Join(append(errs, f.root.Close())...)
}

// syncDir makes the names in a folder of ours durable. A file system that
// cannot do it for a folder says "invalid" or "not supported", and Windows
// has no such call.
func (f *Folder) syncDir(name string) error {
	d, err := f.root.Open(name)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cannotSyncDir(err) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

// plainName tells whether a name from outside may be a file's name here: no
// separator, no dot in front, nothing that Windows reads as a device.
func plainName(s string) error {
	ok := s != "" && len(s) <= 128 && s[0] != '.' && s[len(s)-1] != '.' && filepath.IsLocal(s) &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
	if !ok {
		return fmt.Errorf("%q cannot be the name of a file in the migration folder", s)
	}
	return nil
}
