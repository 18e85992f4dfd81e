package signin_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"offbasic/probes"
	"offbasic/probes/keyring"
	"offbasic/probes/signin"
)

// cache is a FileCache in a folder, with its key in ring.
func cache(dir string, ring keyring.Ring, told *[]probes.Code) *signin.FileCache {
	return &signin.FileCache{
		Path: filepath.Join(dir, "offbasic", "signin.bin"), Name: "contoso.example",
		Key:     func(mk bool) ([]byte, error) { return keyring.Key(ring, "signin", mk) },
		DropKey: func() error { return ring.Drop("signin") },
		Tell:    func(f *probes.Fault) { *told = append(*told, f.Code) },
	}
}

// A sign-in lasts from one run to the next, and neither token nor account is
// found in the file or in the folder.
func TestSignInLastsWithoutATokenInClear(t *testing.T) {
	l, ring, dir := startLab(t), keyring.Memory(), t.TempDir()
	var told []probes.Code
	a := newAdmin(t, l)
	a.Cache = cache(dir, ring, &told)
	tok, err := a.Token(t.Context(), readApps)
	if err != nil {
		t.Fatal(err)
	}
	next := newAdmin(t, l)
	next.Cache = cache(dir, ring, &told)
	if name, ok := next.Account(t.Context()); name != l.Admin() || !ok {
		t.Errorf("account %q %v in the next run", name, ok)
	}
	again, err := next.Token(t.Context(), readApps)
	if err != nil || next.opened != 0 || again.Access() != tok.Access() {
		t.Errorf("next run: %v, browser opened %d times", err, next.opened)
	}
	if len(told) > 0 {
		t.Errorf("told %v", told)
	}
	files := 0
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, _ error) error {
		if d.IsDir() {
			return nil
		}
		files++
		b, _ := os.ReadFile(path)
		for _, plain := range []string{tok.Access()[:30], tok.Access()[100:130], l.Admin(), "RefreshToken", "secret", `"1.`} {
			if bytes.Contains(b, []byte(plain)) {
				t.Errorf("%s holds %q in clear", path, plain)
			}
		}
		if info, _ := d.Info(); runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the rights %o", path, info.Mode().Perm())
		}
		return nil
	})
	if files != 1 {
		t.Errorf("%d files, want 1", files)
	}
	if info, err := os.Stat(filepath.Join(dir, "offbasic")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("folder %v %v", info, err)
	}
}

// Whatever happened to the file: the admin signs in again, is told, and the
// file is kept aside.
func TestDamagedOrForeignCacheIsSetAside(t *testing.T) {
	for name, spoil := range map[string]func(*testing.T, *signin.FileCache, keyring.Ring){
		"a bit flipped": func(t *testing.T, c *signin.FileCache, _ keyring.Ring) {
			b, err := os.ReadFile(c.Path)
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)/2] ^= 1
			os.WriteFile(c.Path, b, 0o600)
		},
		"cut short":       func(_ *testing.T, c *signin.FileCache, _ keyring.Ring) { os.Truncate(c.Path, 25) },
		"empty":           func(_ *testing.T, c *signin.FileCache, _ keyring.Ring) { os.Truncate(c.Path, 0) },
		"text":            func(_ *testing.T, c *signin.FileCache, _ keyring.Ring) { os.WriteFile(c.Path, []byte("{}"), 0o600) },
		"the key is gone": func(_ *testing.T, _ *signin.FileCache, r keyring.Ring) { r.Drop("signin") },
		"another key": func(_ *testing.T, _ *signin.FileCache, r keyring.Ring) {
			r.Drop("signin")
			keyring.Key(r, "signin", true)
		},
		"of another tenant": func(_ *testing.T, c *signin.FileCache, _ keyring.Ring) { c.Name = "fabrikam.example" },
	} {
		dir, ring := t.TempDir(), keyring.Memory()
		var told []probes.Code
		first := cache(dir, ring, &told)
		first.Write([]byte("remembered"))
		c := cache(dir, ring, &told)
		spoil(t, c, ring)
		if got := c.Read(); got != nil {
			t.Errorf("%s: read %q", name, got)
		}
		c.Read()
		if want := []probes.Code{signin.CacheDamaged}; !slices.Equal(told, want) {
			t.Errorf("%s: told %v, want %v", name, told, want)
		}
		if _, err := os.Stat(c.Path + ".damaged"); err != nil {
			t.Errorf("%s: not set aside: %v", name, err)
		}
		c.Write([]byte("new"))
		if got := cacheNamed(dir, ring, &told, c.Name).Read(); string(got) != "new" {
			t.Errorf("%s: then read %q, want what was written anew", name, got)
		}
	}
}

func cacheNamed(dir string, ring keyring.Ring, told *[]probes.Code, name string) *signin.FileCache {
	c := cache(dir, ring, told)
	c.Name = name
	return c
}

// noRing is a keyring that is locked.
type noRing struct{}

func (noRing) Get(string) (string, error) { return "", noRing{}.Put("", "") }
func (noRing) Drop(string) error          { return noRing{}.Put("", "") }
func (noRing) Put(string, string) error {
	return &probes.Fault{Op: "ask the keyring", Code: keyring.Unavailable, Err: errors.New("the keyring is locked")}
}

// Without a keyring a sign-in lasts as long as the program, which says so once.
func TestWithoutAKeyringTheSignInIsInMemory(t *testing.T) {
	l, dir := startLab(t), t.TempDir()
	var told []probes.Code
	a := newAdmin(t, l)
	a.Cache = cache(dir, noRing{}, &told)
	for range 3 {
		if _, err := a.Token(t.Context(), readApps); err != nil {
			t.Fatal(err)
		}
	}
	if want := []probes.Code{signin.NotKept}; a.opened != 1 || !slices.Equal(told, want) {
		t.Errorf("browser opened %d times, told %v", a.opened, told)
	}
	if _, err := os.Stat(filepath.Join(dir, "offbasic")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
	other := newAdmin(t, l) // the same run, another command of it
	other.Cache = a.Cache
	if _, err := other.Token(t.Context(), readApps); err != nil || other.opened != 0 {
		t.Errorf("%v, browser opened %d times", err, other.opened)
	}
	if err := other.SignOut(t.Context()); err != nil {
		t.Errorf("sign out: %v", err)
	}
}

// A folder that cannot be written stops nobody.
func TestUnwritableCacheIsSaid(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "offbasic"), nil, 0o600) // a file where the folder should be
	var told []probes.Code
	c := cache(dir, keyring.Memory(), &told)
	c.Write([]byte("remembered"))
	if !slices.Contains(told, signin.CacheUnwritten) {
		t.Errorf("told %v, want signin_cache_unwritten", told)
	}
}

func TestSignOutRemovesFileAndKey(t *testing.T) {
	dir, ring := t.TempDir(), keyring.Memory()
	var told []probes.Code
	c := cache(dir, ring, &told)
	c.Write([]byte("remembered"))
	for range 2 {
		if err := c.Forget(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(c.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	if _, err := ring.Get("signin"); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("the key is still there: %v", err)
	}
	if got := c.Read(); got != nil {
		t.Errorf("read %q", got)
	}
}

func TestFormattingACacheShowsNoKey(t *testing.T) {
	var told []probes.Code
	c := cache(t.TempDir(), keyring.Memory(), &told)
	c.Key = func(bool) ([]byte, error) { return bytes.Repeat([]byte("K"), 32), nil }
	c.Write([]byte("T-O-K-E-N"))
	type holds struct{ c *signin.FileCache }
	shown := fmt.Sprintf("%v %+v %#v %s %x %v %+v", c, c, c, c, c, holds{c}, holds{c})
	for _, secret := range []string{"KKKK", "4b4b4b", "75 75 75", "T-O-K", "84 45"} {
		if strings.Contains(shown, secret) {
			t.Errorf("formatting shows %q: %s", secret, shown)
		}
	}
}
