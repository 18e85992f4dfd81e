package keyring

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"offbasic/probes"
)

// fake is a keyring of the system's kind with functions of the test's own.
func fake(m map[string]string) *system {
	return &system{
		set: func(_, name, secret string) error { m[name] = secret; return nil },
		get: func(_, name string) (string, error) {
			if s, ok := m[name]; ok {
				return s, nil
			}
			return "", keyring.ErrNotFound
		},
		del: func(_, name string) error {
			if _, ok := m[name]; !ok {
				return keyring.ErrNotFound
			}
			delete(m, name)
			return nil
		},
		after: time.After, free: make(chan struct{}, 1),
	}
}

func TestRingsKeepReplaceAndForget(t *testing.T) {
	for name, r := range map[string]Ring{"memory": Memory(), "system": fake(map[string]string{})} {
		if _, err := r.Get("app"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: an empty ring says %v", name, err)
		}
		for _, secret := range []string{"one", "two"} {
			if err := r.Put("app", secret); err != nil {
				t.Fatal(err)
			}
			if got, err := r.Get("app"); got != secret || err != nil {
				t.Errorf("%s: got %q, %v; want %q", name, got, err, secret)
			}
		}
		for range 2 {
			if err := r.Drop("app"); err != nil {
				t.Errorf("%s: drop: %v", name, err)
			}
		}
		if _, err := r.Get("app"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: a forgotten secret is still there: %v", name, err)
		}
	}
}

func TestMemoryShowsNothing(t *testing.T) {
	r := Memory()
	_ = r.Put("app", "s3cret")
	if s := fmt.Sprintf("%v %+v %#v %s", r, r, r, r); strings.Contains(s, "s3cret") {
		t.Errorf("formatting shows the secret: %s", s)
	}
}

func TestLockedOrMissingKeyringIsAFault(t *testing.T) {
	s := fake(nil)
	s.get = func(string, string) (string, error) {
		return "", errors.New("The name org.freedesktop.secrets\x1b was not provided")
	}
	s.set = func(string, string, string) error { return keyring.ErrSetDataTooBig }
	_, err := s.Get("app")
	var f *probes.Fault
	if !errors.As(err, &f) || f.Code != Unavailable || !strings.Contains(f.Args["cause"], `secrets\x1b was`) {
		t.Errorf("get: %v", err)
	}
	if err := s.Put("app", strings.Repeat("s3cret", 1000)); !errors.As(err, &f) || f.Code != TooLong || strings.Contains(fmt.Sprint(err, f.Args), "s3cret") {
		t.Errorf("put: %v", err)
	}
}

// D-Bus can hang for ever: the caller goes on, and one call at most stays
// behind.
func TestHangingKeyringIsLeftBehind(t *testing.T) {
	hang, calls := make(chan struct{}), make(chan struct{}, 3)
	limit := make(chan time.Time)
	s := fake(nil)
	s.after = func(time.Duration) <-chan time.Time { return limit }
	s.get = func(string, string) (string, error) { calls <- struct{}{}; <-hang; return "", nil }
	for range 3 {
		done := make(chan error)
		go func() { _, err := s.Get("app"); done <- err }()
		limit <- time.Time{}
		var f *probes.Fault
		if err := <-done; !errors.As(err, &f) || f.Code != Unavailable {
			t.Fatalf("error %v, want keyring_unavailable", err)
		}
	}
	if n := len(calls); n > 1 {
		t.Errorf("%d calls hang at the same time, want 1", n)
	}
	close(hang)
	s.free <- struct{}{} // the one that hung has ended
}

// The key that encrypts a file is made once and found again.
func TestKeyIsMadeOnce(t *testing.T) {
	r := Memory()
	if key, err := Key(r, "signin", false); key != nil || err != nil {
		t.Errorf("no key was to be made: %d bytes, %v", len(key), err)
	}
	made, err := Key(r, "signin", true)
	if err != nil || len(made) != 32 {
		t.Fatalf("%d bytes, %v; want 32", len(made), err)
	}
	for _, mk := range []bool{false, true} {
		if again, err := Key(r, "signin", mk); err != nil || string(again) != string(made) {
			t.Errorf("another key came back: %v", err)
		}
	}
	_ = r.Put("signin", "not a key")
	if key, err := Key(r, "signin", false); key != nil || err != nil {
		t.Errorf("what is no key was taken for one: %d bytes, %v", len(key), err)
	}
	s := fake(nil)
	s.get = func(string, string) (string, error) { return "", errors.New("locked") }
	if _, err := Key(s, "signin", true); err == nil {
		t.Error("a locked keyring gave a key")
	}
}
