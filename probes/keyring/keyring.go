// Package keyring keeps secrets in the system's keyring: Keychain, Credential
// Manager, or the Secret Service over D-Bus. It never writes a secret to a
// file, never shows one in an error, and never waits for longer than a limit
// for a keyring that does not answer.
package keyring

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"github.com/zalando/go-keyring"

	"offbasic/probes"
)

// The codes of the faults that this package reports.
const (
	// Unavailable says that the system has no keyring or that it is locked;
	// arg cause.
	Unavailable probes.Code = "keyring_unavailable"
	// TooLong says that the system's keyring does not take a secret of this
	// length; Credential Manager takes 2560 bytes.
	TooLong probes.Code = "keyring_too_long"
)

// ErrNotFound is the answer to a name that no secret is kept under.
var ErrNotFound = errors.New("no such secret in the keyring")

// Ring keeps secrets by name.
type Ring interface {
	// Put keeps a secret, in place of the one that was there.
	Put(name, secret string) error
	// Get returns a secret, or ErrNotFound.
	Get(name string) (string, error)
	// Drop forgets a secret. One that is not there is no error.
	Drop(name string) error
}

// keyLen is the length of a Key, in bytes: AES-256's.
const keyLen = 32

// Key returns the random key of 32 bytes that is kept under name. When there is
// none one is made and kept, if mk is set; otherwise the answer is nil. What is
// kept there and is no key is taken for none.
func Key(r Ring, name string, mk bool) ([]byte, error) {
	text, err := r.Get(name)
	if err == nil {
		if key, bad := base64.StdEncoding.DecodeString(text); bad == nil && len(key) == keyLen {
			return key, nil
		}
		err = ErrNotFound
	}
	switch {
	case !errors.Is(err, ErrNotFound):
		return nil, err
	case !mk:
		return nil, nil
	}
	key := make([]byte, keyLen)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	if err := r.Put(name, base64.StdEncoding.EncodeToString(key)); err != nil {
		return nil, err
	}
	return key, nil
}

// service is what the secrets of this program are filed under.
const service = "offbasic"

// wait is how long the system's keyring may take. It is long enough for the
// owner to type the keyring's password when the system asks for it.
const wait = 60 * time.Second

// System is the keyring of the system that this runs on.
func System() Ring {
	return &system{
		set: keyring.Set, get: keyring.Get, del: keyring.Delete,
		after: time.After, free: make(chan struct{}, 1),
	}
}

// system asks the keyring through functions, so that a test can give its own.
type system struct {
	set   func(service, name, secret string) error
	get   func(service, name string) (string, error)
	del   func(service, name string) error
	after func(time.Duration) <-chan time.Time
	// free has room for one: D-Bus calls cannot be cancelled, so a call that
	// hangs keeps its place and those after it end at the limit too, instead
	// of piling up.
	free chan struct{}
}

func (s *system) Put(name, secret string) error {
	_, err := s.do(func() (string, error) { return "", s.set(service, name, secret) })
	return err
}

func (s *system) Get(name string) (string, error) {
	return s.do(func() (string, error) { return s.get(service, name) })
}

func (s *system) Drop(name string) error {
	_, err := s.do(func() (string, error) { return "", s.del(service, name) })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// result is what a call of the keyring came back with.
type result struct {
	secret string
	err    error
}

// do runs one call and leaves it behind at the limit.
func (s *system) do(call func() (string, error)) (string, error) {
	limit := s.after(wait)
	select {
	case s.free <- struct{}{}:
	case <-limit:
		return "", unavailable(errors.New("the keyring does not answer"))
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-s.free }()
		secret, err := call()
		done <- result{secret, err}
	}()
	select {
	case r := <-done:
		return r.secret, translate(r.err)
	case <-limit:
		return "", unavailable(errors.New("the keyring does not answer"))
	}
}

// translate turns the library's errors into ours. The texts come from the
// keyring's own side and never hold the secret.
func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keyring.ErrNotFound):
		return ErrNotFound
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return &probes.Fault{Op: "keep a secret in the keyring", Code: TooLong, Err: err}
	}
	return unavailable(err)
}

func unavailable(err error) error {
	return &probes.Fault{
		Op: "ask the keyring", Code: Unavailable, Err: err,
		Args: map[string]string{"cause": probes.Clean(err.Error(), 300)},
	}
}

// Memory is a ring that forgets everything when the program ends, for systems
// without a keyring.
func Memory() Ring { return &memory{secrets: map[string]string{}} }

type memory struct {
	mu      sync.Mutex
	secrets map[string]string
}

func (m *memory) Put(name, secret string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secrets[name] = secret
	return nil
}

func (m *memory) Get(name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	secret, ok := m.secrets[name]
	if !ok {
		return "", ErrNotFound
	}
	return secret, nil
}

func (m *memory) Drop(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.secrets, name)
	return nil
}

// String writes nothing of what is kept.
func (m *memory) String() string { return "keyring in memory" }

// GoString writes nothing of what is kept.
func (m *memory) GoString() string { return m.String() }
