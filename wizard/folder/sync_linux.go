package folder

import (
	"errors"
	"os"
	"syscall"
)

// syncData makes what was written to f durable. fdatasync(2) leaves out the
// time of the change, which fsync(2) would wait for the file system's journal
// for.
func syncData(f file) error {
	opened, ok := f.(*os.File)
	if !ok {
		return f.Sync()
	}
	for {
		err := syscall.Fdatasync(int(opened.Fd())) //nolint:gosec // a file descriptor is a small number
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
