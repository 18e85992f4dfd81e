package signin

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// bodyLimit is how much of an answer is read, in bytes; Entra's are below
// 10 kB.
const bodyLimit = 1 << 20

// bound is the client for MSAL: answers are bounded, a redirect is not
// followed, because a 307 would carry the secret to another host, and what the
// service's clock shows is seen by c.
func bound(base *http.Client, c *clock) *http.Client {
	client := http.Client{Timeout: 30 * time.Second}
	if base != nil {
		client = *base
	}
	if client.Transport == nil {
		client.Transport = http.DefaultTransport
	}
	client.Transport = bounded{client.Transport, c}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// bounded cuts every answer at bodyLimit.
type bounded struct {
	base  http.RoundTripper
	clock *clock
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	b.clock.see(res.Header.Get("Date"))
	body := io.LimitReader(res.Body, bodyLimit)
	if strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration") {
		document, err := io.ReadAll(body)
		if err != nil {
			return nil, errors.Join(err, res.Body.Close())
		}
		b.clock.place.read(document)
		body = bytes.NewReader(document)
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{body, res.Body}
	return res, nil
}

// clock compares this machine's clock with the service's, and keeps where the
// service says that the tenant is.
type clock struct {
	now   func() time.Time
	place place

	mu    sync.Mutex
	ahead time.Duration
	known bool
}

// see takes the Date of an answer (RFC 9110 section 6.6.1), which has whole
// seconds.
func (c *clock) see(date string) {
	at, err := http.ParseTime(date)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead, c.known = c.now().Sub(at).Truncate(time.Second), true
}

// skew is how far this machine's clock is ahead.
func (c *clock) skew() (ahead time.Duration, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead, c.known
}
