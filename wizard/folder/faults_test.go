package folder

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

// A folder that may not be made, read or written is told apart: the advice is
// another for each.
func TestWhatTheSystemDoesNotAllowIsTold(t *testing.T) {
	refused := &fs.PathError{Op: "open", Path: "/srv/migration/.lock", Err: os.ErrPermission}
	wantFault(t, fault("open", "/srv/migration", refused), "folder_readonly", map[string]string{"dir": "/srv/migration"})
	wantFault(t, fault("open", "/srv/migration", syscall.EROFS), "folder_readonly", nil)
	wantFault(t, denied("read", "/srv/migration", "folder_unreadable", refused), "folder_unreadable", map[string]string{"dir": "/srv/migration"})
	wantFault(t, denied("read", "/srv/migration", "folder_unreadable", fs.ErrNotExist), "folder_missing", nil)
	if err := denied("read", "x", "folder_unreadable", errors.New("odd")); err == nil || err.Error() != "read x: odd" && err.Error() != "read: odd" {
		t.Errorf("said %v", err)
	}
}
