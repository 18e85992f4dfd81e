package folder

import (
	"errors"
	"io/fs"
)

// labFile is the built-in tenant as it was at its last end in this folder: what
// was set up in it. No secret is in it.
const labFile = "lab.json"

// maxLab is the largest lab.json that is read, in bytes.
const maxLab = 32 << 20

// Lab is what SaveLab wrote; nil when there is nothing.
func (f *Folder) Lab() ([]byte, error) {
	b, err := f.readAll(labFile, maxLab)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault("read "+labFile, f.dir, err)
	}
	return b, nil
}

// SaveLab keeps the built-in tenant: whole, atomically, and durable when it
// returns.
func (f *Folder) SaveLab(b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock == nil {
		return ErrReadOnly
	}
	if err := f.replace(labFile, b); err != nil {
		return fault("write "+labFile, f.dir, err)
	}
	return nil
}
