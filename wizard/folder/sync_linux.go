package folder

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
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

// syncAll makes all of the file system that dir lies on durable, by syncfs(2):
// for a thousand small files a tenth of the time that a sync of each takes.
// false means that it was not done: it is known to wait for the disk only on
// the file systems that a Linux machine's own disk has.
func syncAll(dir *os.File) (done bool, err error) {
	fd := int(dir.Fd()) //nolint:gosec // a file descriptor is a small number
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return false, nil //nolint:nilerr // then each file is synced, which says what is wrong
	}
	switch fs.Type {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return true, os.NewSyscallError("syncfs", unix.Syncfs(fd))
	}
	return false, nil
}
