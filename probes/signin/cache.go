package signin

import (
	"context"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
)

// Cache keeps what MSAL remembers of a sign-in between two runs: tokens, so it
// must be kept from everybody else. A cache that cannot be read or written is
// no reason not to sign in: it says so by itself, and what it held is asked of
// the admin again.
type Cache interface {
	// Read returns what was written last, or nil.
	Read() []byte
	// Write keeps it instead of what was there.
	Write(text []byte)
	// Forget removes it. What is not there is no error.
	Forget() error
}

// InMemory is a Cache that forgets everything when the program ends.
func InMemory() Cache { return &memoryCache{} }

// memoryCache holds the text in a function: fmt prints the unexported fields
// of a struct without asking any method.
type memoryCache struct{ text func() []byte }

func (m *memoryCache) Read() []byte {
	if m.text == nil {
		return nil
	}
	return m.text()
}

func (m *memoryCache) Write(text []byte) { m.text = func() []byte { return text } }

func (m *memoryCache) Forget() error {
	m.text = nil
	return nil
}

// accessor hands a Cache to MSAL.
type accessor struct{ cache Cache }

func (a accessor) Replace(ctx context.Context, into cache.Unmarshaler, _ cache.ReplaceHints) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	text := a.cache.Read()
	if text == nil {
		return nil
	}
	_ = into.Unmarshal(text) // another version's cache is as good as none
	return nil
}

func (a accessor) Export(ctx context.Context, from cache.Marshaler, _ cache.ExportHints) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := from.Marshal()
	if err != nil {
		return nil //nolint:nilerr // the token is in hand; the next run asks again
	}
	a.cache.Write(text)
	return nil
}
