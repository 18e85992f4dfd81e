package folder

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"

	"offbasic/probes"
)

// owner is what the lock file says of who holds the folder.
type owner struct {
	Owner string    `json:"owner"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// The owner stands behind the first byte of the lock file: that byte is what
// flock locks on Windows, where nobody else can then read it.
const (
	ownerAt   = 1
	ownerSize = 511
)

// take locks the folder and writes who holds it.
func (f *Folder) take(name string) error {
	if info, err := f.root.Lstat(lockFile); err == nil && !info.Mode().IsRegular() {
		return f.odd(lockFile, nil)
	}
	l := flock.New(filepath.Join(f.dir, lockFile), flock.SetFlag(os.O_CREATE|os.O_RDWR))
	held, err := l.TryLock()
	if err != nil {
		return err
	}
	if !held {
		return f.held()
	}
	f.lock = l
	b, err := json.Marshal(owner{atHost(name), os.Getpid(), f.now().UTC().Truncate(time.Second)})
	if err == nil {
		err = f.writeOwner(b)
	}
	if err != nil {
		return errors.Join(err, l.Unlock())
	}
	return nil
}

// release blanks the owner and unlocks.
func (f *Folder) release() error {
	return errors.Join(f.writeOwner(nil), f.lock.Unlock())
}

func (f *Folder) writeOwner(b []byte) error {
	file, err := f.openRegular(lockFile, os.O_WRONLY)
	if err != nil {
		return err
	}
	pad := bytes.Repeat([]byte(" "), max(0, ownerSize-1-len(b)))
	_, err = file.WriteAt(append(append(b, pad...), '\n'), ownerAt)
	return errors.Join(err, file.Close())
}

// held is the fault that names who holds the folder. Who is not known, in the
// instant before the other has written its name, is named by a dash.
func (f *Folder) held() error {
	who := owner{Owner: "-"}
	if file, err := f.openRegular(lockFile, os.O_RDONLY); err == nil {
		var b [ownerSize]byte
		n, _ := file.ReadAt(b[:], ownerAt)
		if json.Unmarshal(b[:n], &who) != nil {
			who = owner{Owner: "-"}
		}
		_ = file.Close() // it was only read
	}
	return &probes.Fault{Op: "lock the migration folder " + f.dir, Code: "folder_held", Args: map[string]string{
		"dir": f.dir, "owner": probes.Clean(who.Owner, 120), "pid": strconv.Itoa(who.PID), "since": who.Since.UTC().Format(time.RFC3339),
	}}
}

// atHost names the person and the machine. A dash stands for what the system
// does not tell.
func atHost(name string) string {
	if u, err := user.Current(); err == nil && name == "" {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "-"
	}
	return cmp.Or(name, "-") + "@" + host
}
