package graph

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// The delegated permissions that the calls of a Directory need, each the least
// that Graph's documentation names for the call.
const (
	ReadApplications  = "Application.Read.All"
	WriteApplications = "Application.ReadWrite.All"
	ReadPolicies      = "Policy.Read.All"
	ReadOrganization  = "User.Read" // id, name and verified domains, and no more
	WriteGrants       = "DelegatedPermissionGrant.ReadWrite.All"
	// WriteAssignments is asked for only when a consent was refused without it:
	// it is the permission that tenants fear most.
	WriteAssignments = "AppRoleAssignment.ReadWrite.All"
)

// Directory is the tenant's directory, in the hands of the person who signed
// in. Every call names the least permission that it needs, obeys Retry-After,
// and waits for an object only when that object is new.
type Directory struct {
	Base string       // "https://graph.microsoft.com"
	HTTP *http.Client // nil means one with a limit of 30 seconds
	// Token returns an access token for the permissions, such as
	// "Application.ReadWrite.All". Required; its error is returned as it is.
	Token func(ctx context.Context, permissions ...string) (string, error)
	Now   func() time.Time                     // nil means time.Now
	After func(time.Duration) <-chan time.Time // nil means time.After
	// Log is told of every change that was made or refused. Required. An error
	// ends the call: what is not in the log cannot be undone.
	Log func(probes.Change) error
}

// ask is one call.
type ask struct {
	method, path string // "/applications"
	query        url.Values
	body         any      // nil means none
	needs        []string // permissions
	more         string   // a permission that is added after a 403; "" means none
	limit        int64    // of the answer, in bytes; 0 means bodyLimit
	fresh        bool     // it is about a new object: that it is not found yet is waited out
	step         string   // of the SetupStep, for the log
	undoes       string   // the id of the change that it takes back
	// intent names what is to be made; it is in the log before the request is
	// sent, so that what was made is known when the answer is lost. "" means that
	// the same call can be made again without a trace.
	intent   string
	intended bool // that is in the log
	// object is the path of what the answer says was made; nil means nothing. Of
	// no answer it is the path if that is known before, else "".
	object  func([]byte) string
	waiting func(time.Duration) // told before each wait; may be nil
}

// freshWaits is how long a new object is waited for, in all about two minutes.
//
// Source: field reports; CIPP tries six times with three seconds between.
func freshWaits() []time.Duration {
	const s = time.Second
	return []time.Duration{s, 2 * s, 3 * s, 5 * s, 10 * s, 20 * s, 30 * s, 45 * s}
}

// busyTries is how often a call is made that is answered 429 or 503.
const busyTries = 6

// do makes a call and decodes its answer into v, which may be nil.
func (d Directory) do(ctx context.Context, a ask, v any) error {
	needs, fresh, busy := a.needs, freshWaits(), 0
	for {
		err := d.once(ctx, a, needs, v)
		f, refused := errors.AsType[*probes.Fault](err)
		var wait time.Duration
		switch {
		case err == nil || !refused:
			return err
		case f.Code == Throttled && busy < busyTries-1:
			busy++
			wait = d.backOff(f, busy)
		case a.fresh && isFresh(f) && len(fresh) > 0:
			wait, fresh = fresh[0], fresh[1:]
		case f.Args["status"] == "403" && a.more != "" && len(needs) == len(a.needs):
			needs = append([]string{a.more}, needs...)
			a.intended = false
			continue
		default:
			return err
		}
		a.intended = true
		if a.waiting != nil {
			a.waiting(wait)
		}
		if !d.client().sleep(ctx, wait) {
			return d.client().unreachable(ctx.Err())
		}
	}
}

// backOff is what Retry-After says, else twice as long each time, with a
// little chance so that not all come back at once.
func (d Directory) backOff(f *probes.Fault, try int) time.Duration {
	if f.Args["retry_after"] != "" {
		return asked(f)
	}
	wait := time.Second << (try - 1)
	return wait + rand.N(wait/4) //nolint:gosec // no secret is made of it
}

// isFresh tells a refusal that a new object gets until it is everywhere: Graph
// 404 Request_ResourceNotFound, and 400 for a service principal whose
// application is not seen yet.
func isFresh(f *probes.Fault) bool {
	return f.Args["status"] == "404" ||
		f.Args["status"] == "400" && (f.Args["code"] == "NoBackingApplicationObject" ||
			strings.Contains(f.Args["message"], "does not reference a valid application object"))
}

// client is what mail and directory have in common.
func (d Directory) client() Client {
	return Client{Base: d.Base, HTTP: d.HTTP, Now: d.Now, After: d.After}
}

// once makes the call one time.
func (d Directory) once(ctx context.Context, a ask, needs []string, v any) error {
	token, err := d.Token(ctx, needs...)
	if err != nil {
		return err
	}
	req, text, err := d.request(ctx, a, token)
	if err != nil {
		return err
	}
	if err := d.intend(a, text); err != nil {
		return err
	}
	res, body, err := d.exchange(req, max(a.limit, bodyLimit))
	if err != nil {
		return d.client().unreachable(plain(ctx, err))
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		err = d.client().refused(res, body)
	}
	if logged := d.log(a, text, res, body, err); logged != nil {
		return logged
	}
	if err == nil && v != nil && json.Unmarshal(body, v) != nil {
		err = d.client().unreachable(errors.New("the answer is not what Graph sends"))
	}
	return err
}

// request makes the request and the text of its body.
func (d Directory) request(ctx context.Context, a ask, token string) (*http.Request, []byte, error) {
	var text []byte
	var body io.Reader
	if a.body != nil {
		var err error
		if text, err = json.Marshal(a.body); err != nil {
			return nil, nil, err
		}
		body = bytes.NewReader(text)
	}
	u := strings.TrimRight(d.Base, "/") + "/v1.0" + a.path
	if len(a.query) > 0 {
		u += "?" + strings.ReplaceAll(a.query.Encode(), "+", "%20")
	}
	req, err := http.NewRequestWithContext(ctx, a.method, u, body)
	if err != nil {
		return nil, nil, d.client().unreachable(errors.New("the address of Graph is not one"))
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, text, nil
}

// exchange sends a request and reads the answer, up to so many bytes.
func (d Directory) exchange(req *http.Request, limit int64) (*http.Response, []byte, error) {
	res, err := d.client().http().Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close() //nolint:errcheck // everything wanted has been read
	body, err := io.ReadAll(io.LimitReader(res.Body, limit))
	return res, body, err
}

// log tells of a change. What only reads is not in the log, and neither is an
// answer after which the same call is made again.
func (d Directory) log(a ask, text []byte, res *http.Response, body []byte, err error) error {
	if a.method == http.MethodGet {
		return nil
	}
	c := probes.Change{
		By: probes.ByGraph, Step: a.step, Undoes: a.undoes, Method: a.method, URL: "/v1.0" + a.path, Body: withoutSecrets(text), Outcome: probes.ChangeDone,
		Intent:    a.intent,
		RequestID: probes.Clean(res.Header.Get("Request-Id"), 100), At: d.client().now().UTC(),
	}
	if f, refused := errors.AsType[*probes.Fault](err); refused {
		if f.Code == Throttled || a.fresh && isFresh(f) {
			return nil
		}
		c.Outcome = strings.TrimSpace(strconv.Itoa(res.StatusCode) + " " + f.Args["code"])
		if taken(err) || alreadyThere(err) {
			c.Intent = "" // an earlier request may have made it, which had no answer
		}
	} else if a.object != nil {
		c.Object = a.object(body)
	}
	return d.Log(c)
}

// withoutSecrets is the body of a request as it may be shown: of keys nothing
// but certificates, which are public.
func withoutSecrets(text []byte) string {
	var v map[string]any
	if json.Unmarshal(text, &v) != nil {
		return ""
	}
	if keys, ok := v["keyCredentials"].([]any); ok {
		for _, k := range keys {
			if m, ok := k.(map[string]any); ok && m["key"] != nil && !isCertificate(m["key"]) {
				m["key"] = "<key>"
			}
		}
	}
	short, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return unescaped(short)
}

// isCertificate tells a certificate in base64, which holds no private key.
func isCertificate(v any) bool {
	s, _ := v.(string)
	der, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return false
	}
	_, err = x509.ParseCertificate(der)
	return err == nil
}

// unescaped undoes what encoding/json does for HTML.
func unescaped(b []byte) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
}

// quoted is a text in a $filter or a key of a path: its quotes are doubled.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// status is that of a refusal, or "".
func status(err error) string {
	f, ok := errors.AsType[*probes.Fault](err)
	if !ok {
		return ""
	}
	return f.Args["status"]
}
