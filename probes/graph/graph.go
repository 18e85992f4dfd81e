// Package graph asks Microsoft Graph over plain HTTP. It asks only for what a
// receipt needs, never shows the token it is given, and takes nothing that it
// is answered for safe to print.
package graph

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// The codes of the faults that this package reports.
const (
	Refused     probes.Code = "graph_refused"     // args status, code, message, request_id
	Throttled   probes.Code = "graph_throttled"   // args retry_after, in seconds
	Unreachable probes.Code = "graph_unreachable" // args host, cause
)

// bodyLimit is how much of an answer is read, in bytes: the headers of one
// message are below 64 kB.
const bodyLimit = 1 << 20

// Client asks Graph. Formatting it shows no token, because it holds none.
type Client struct {
	Base  string                                // "https://graph.microsoft.com"
	HTTP  *http.Client                          // nil means one with a limit of 30 seconds
	Token func(context.Context) (string, error) // required; its error is returned as it is
	Now   func() time.Time                      // nil means time.Now
	// After is the clock that Wait waits by; nil means time.After.
	After func(time.Duration) <-chan time.Time
}

// get asks for base+path with the query and decodes the answer into v. found
// is false when Graph says that there is no such thing.
func (c Client) get(ctx context.Context, path string, query url.Values, v any) error {
	return c.getUpTo(ctx, bodyLimit, path, query, v)
}

// getUpTo is get for an answer of at most so many bytes.
func (c Client) getUpTo(ctx context.Context, limit int64, path string, query url.Values, v any) error {
	token, err := c.Token(ctx)
	if err != nil {
		return err
	}
	u := strings.TrimRight(c.Base, "/") + "/v1.0" + path
	if len(query) > 0 {
		// Graph wants %20: it takes the + of a form for a plus sign.
		u += "?" + strings.ReplaceAll(query.Encode(), "+", "%20")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return c.unreachable(errors.New("the address of Graph is not one"))
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	res, err := c.http().Do(req)
	if err != nil {
		return c.unreachable(plain(ctx, err))
	}
	defer res.Body.Close() //nolint:errcheck // everything wanted has been read
	body, err := io.ReadAll(io.LimitReader(res.Body, limit))
	if err != nil {
		return c.unreachable(plain(ctx, err))
	}
	if res.StatusCode != http.StatusOK {
		return c.refused(res, body)
	}
	if json.Unmarshal(body, v) != nil {
		return c.unreachable(errors.New("the answer is not what Graph sends"))
	}
	return nil
}

// http is the client to use. Redirects are not followed: Graph has none for
// these calls, and the token is for Graph alone.
func (c Client) http() *http.Client {
	h := http.Client{Timeout: 30 * time.Second}
	if c.HTTP != nil {
		h = *c.HTTP
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}

// plain is the cause of a failed request, without its address: that holds the
// mailbox and the message id.
func plain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (c Client) unreachable(err error) error {
	host := c.Base
	if u, err := url.Parse(c.Base); err == nil && u.Host != "" {
		host = u.Host
	}
	return &probes.Fault{
		Op: "ask Graph", Code: Unreachable, Err: err,
		Args: map[string]string{"host": probes.Clean(host, 100), "cause": probes.Clean(err.Error(), 300)},
	}
}

// graphError is the shape of Graph's refusals.
type graphError struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Inner   struct {
			RequestID string `json:"request-id"`
		} `json:"innerError"`
	} `json:"error"`
}

// refused reads what Graph says against a request.
func (c Client) refused(res *http.Response, body []byte) error {
	var e graphError
	_ = json.Unmarshal(body, &e) // a proxy answers with something else: the status remains
	args := map[string]string{"status": strconv.Itoa(res.StatusCode)}
	for key, value := range map[string]string{
		"code": e.Error.Code, "message": e.Error.Message, "request_id": e.Error.Inner.RequestID,
	} {
		args[key] = probes.Clean(value, 300)
	}
	if args["request_id"] == "" {
		args["request_id"] = probes.Clean(res.Header.Get("Request-Id"), 100)
	}
	f := &probes.Fault{Op: "ask Graph", Code: Refused, Args: args}
	text := "HTTP " + args["status"]
	if args["code"] != "" {
		text += " " + args["code"] + ": " + args["message"]
	}
	f.Err = errors.New(text)
	if res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusServiceUnavailable {
		f.Code = Throttled
		args["retry_after"] = retryAfter(res.Header.Get("Retry-After"), c.now())
	}
	return f
}

// retryAfter reads the header in seconds, which Graph may give with a
// fraction ("2.128"), or as a date (RFC 9110 section 10.2.3). "" means that it
// does not say.
func retryAfter(header string, now time.Time) string {
	if s, err := strconv.ParseFloat(header, 64); err == nil && s >= 0 && s < 86400 {
		return strconv.FormatFloat(s, 'f', -1, 64)
	}
	if at, err := http.ParseTime(header); err == nil {
		return strconv.FormatFloat(max(0, at.Sub(now)).Seconds(), 'f', -1, 64)
	}
	return ""
}

func (c Client) now() time.Time {
	if c.Now == nil {
		return time.Now() //nolint:forbidigo // the default clock
	}
	return c.Now()
}
