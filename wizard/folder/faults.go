package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"syscall"

	"offbasic/probes"
)

// fault gives an error of the system the code that a reader can act on. One
// that has a code keeps it; one that has none stays a plain error.
func fault(op, dir string, err error) error {
	var known *probes.Fault
	if err == nil || errors.As(err, &known) {
		return err
	}
	code := codeOf(err)
	if code == "" {
		return fmt.Errorf("%s: %w", op, err)
	}
	return &probes.Fault{Op: op, Code: code, Args: map[string]string{"dir": dir}, Err: err}
}

func codeOf(err error) probes.Code {
	switch {
	case isFull(err):
		return "folder_full"
	case isDenied(err):
		return "folder_readonly"
	case errors.Is(err, syscall.ENOTDIR):
		return "folder_not_dir"
	case errors.Is(err, fs.ErrNotExist):
		return "folder_missing"
	}
	return ""
}

func isDenied(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// denied is fault with a code of its own where the system does not allow it.
func denied(op, dir string, code probes.Code, err error) error {
	if !isDenied(err) {
		return fault(op, dir, err)
	}
	return &probes.Fault{Op: op, Code: code, Args: map[string]string{"dir": dir}, Err: err}
}

// isFull tells a full disk, a used-up quota and a file that may not grow.
func isFull(err error) bool {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) {
			return true
		}
	}
	// ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL of winerror.h.
	return runtime.GOOS == "windows" && (errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112)))
}

// cannotSyncDir tells the answer of a system that has no sync for folders:
// fsync(2) says EINVAL; FlushFileBuffers on Windows denies access.
func cannotSyncDir(err error) bool {
	return runtime.GOOS == "windows" || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP)
}
