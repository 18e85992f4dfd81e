package signin

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"offbasic/probes"
)

// The codes of what a FileCache says. None of them stops a sign-in.
const (
	NotKept        probes.Code = "signin_cache_memory"    // no key can be kept; arg cause
	CacheDamaged   probes.Code = "signin_cache_damaged"   // it was set aside; arg file
	CacheUnwritten probes.Code = "signin_cache_unwritten" // args file, cause
)

// FileCache is a Cache in a file, encrypted by AES-256-GCM with a key that is
// kept elsewhere: the file alone is worth nothing. Without a key nothing is
// written and the sign-in is remembered until the program ends. Each fact of
// that kind is told once.
type FileCache struct {
	Path string // its folder is made when it is not there
	Name string // what the cache is of; a file of another name is foreign
	// Key returns the 32 bytes of the key. With make set a key is made when
	// there is none; otherwise nil says that there is none.
	Key func(make bool) ([]byte, error)
	// DropKey forgets the key.
	DropKey func() error
	// Tell is told why the cache is not what it could be; nil means nobody.
	Tell func(*probes.Fault)

	mu   sync.Mutex
	key  []byte
	told map[probes.Code]bool
	off  bool        // no key is to be had
	here memoryCache // instead of the file
}

// Format writes the cache without its key, whatever the verb.
func (c *FileCache) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "cache "+c.Path) }

// MarshalJSON writes the cache without its key.
func (c *FileCache) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"file":%q}`, c.Path), nil
}

// cacheHead begins the file: what it is, and the version of its form.
const cacheHead = "offbasic sign-in 1\n"

// cacheLimit is the longest file that is read, in bytes. One account is 5.5 kB.
const cacheLimit = 4 << 20

// Read decrypts the file. A file that cannot be is set aside.
func (c *FileCache) Read() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		return c.here.Read()
	}
	sealed, err := readUpTo(c.Path, cacheLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return c.here.Read() // it could not be written
	}
	if err != nil {
		c.setAside(err)
		return nil
	}
	box, err := c.box(false)
	if err != nil {
		return c.here.Read()
	}
	text, ok := c.unseal(box, sealed)
	if !ok {
		c.setAside(errors.New("it cannot be decrypted"))
		return nil
	}
	return text
}

// Write encrypts text into the file, whole or not at all.
func (c *FileCache) Write(text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.here.Write(text)
	if c.off {
		return
	}
	box, err := c.box(true)
	if err != nil {
		return
	}
	sealed := box.Seal([]byte(cacheHead), nil, text, []byte(cacheHead+c.Name))
	if err := replace(c.Path, sealed); err != nil {
		c.tell(CacheUnwritten, err)
	}
}

// Forget removes the file and its key.
func (c *FileCache) Forget() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key, c.here = nil, memoryCache{}
	err := os.Remove(c.Path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		err = c.fault(CacheUnwritten, err)
	}
	if c.DropKey != nil && !c.off {
		err = errors.Join(err, c.DropKey())
	}
	return err
}

// box is the cipher; nil without an error says that there is no key yet. A
// random nonce of 96 bits is good for 2^32 writes with one key (NIST SP
// 800-38D section 8.3).
func (c *FileCache) box(mk bool) (cipher.AEAD, error) {
	if c.key == nil {
		key, err := c.Key(mk)
		if err != nil {
			c.off = true
			c.tell(NotKept, err)
			return nil, err
		}
		c.key = key
	}
	if c.key == nil {
		return nil, nil
	}
	block, err := aes.NewCipher(c.key)
	if err == nil {
		var box cipher.AEAD
		if box, err = cipher.NewGCMWithRandomNonce(block); err == nil {
			return box, nil
		}
	}
	c.off = true
	c.tell(NotKept, errors.New("the key in the keyring is not one of this program"))
	return nil, err
}

func (c *FileCache) unseal(box cipher.AEAD, sealed []byte) ([]byte, bool) {
	body, ok := bytes.CutPrefix(sealed, []byte(cacheHead))
	if !ok || box == nil || len(body) < box.Overhead() {
		return nil, false
	}
	text, err := box.Open(nil, nil, body, []byte(cacheHead+c.Name))
	return text, err == nil
}

// setAside renames a file that is of no use, in case somebody wants to look.
func (c *FileCache) setAside(err error) {
	_ = os.Rename(c.Path, c.Path+".damaged") // else the next write goes over it
	c.tell(CacheDamaged, err)
}

// tell says a fact once.
func (c *FileCache) tell(code probes.Code, err error) {
	if c.Tell == nil || c.told[code] {
		return
	}
	if c.told == nil {
		c.told = map[probes.Code]bool{}
	}
	c.told[code] = true
	c.Tell(c.fault(code, err))
}

func (c *FileCache) fault(code probes.Code, err error) *probes.Fault {
	return &probes.Fault{
		Op: "keep the sign-in in " + probes.Clean(c.Path, 300), Code: code, Err: err,
		Args: map[string]string{"file": probes.Clean(c.Path, 300), "cause": hostile(err.Error())},
	}
}

func readUpTo(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = errors.New("it is too long")
	}
	return text, err
}

// replace writes a file of the owner's alone beside the old one, and renames
// it: a crash leaves the old or the new one.
func replace(path string, text []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".signin-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
