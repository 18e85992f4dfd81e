package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
)

// traceRows are rows as Microsoft Graph's page "List messageTraces" shows them.
func traceRows(status string) string {
	return `{"value":[
	{"id":"other","senderAddress":"a@contoso.example","recipientAddress":"it@contoso.example","messageId":"<0@contoso.example>","receivedDateTime":"2026-11-22T09:59:00Z","subject":"x","size":1,"fromIP":"192.0.2.1","toIP":"","status":"delivered"},
	{"id":"4451a062","senderAddress":"scan@contoso.example","recipientAddress":"it@contoso.example","messageId":"<1@contoso.example>","receivedDateTime":"2026-11-22T10:00:03Z","subject":"Scan\u001b[2J","size":45678,"fromIP":"203.0.113.10","toIP":"","status":"` + status + `"}]}`
}

const traceDetails = `{"value":[
	{"id":"4451a062","messageId":"<1@contoso.example>","dateTime":"2026-11-22T10:00:05Z","event":"Receive","action":"","description":"Message received by: AM0","data":"<root/>"},
	{"id":"4451a062","messageId":"<1@contoso.example>","dateTime":"2026-11-22T10:00:10Z","event":"Deliver","action":"","description":"The message was successfully delivered.","data":"<root/>"}]}`

// tracing is a Graph that answers each path from a table, and a clock that
// does not wait.
func tracing(t *testing.T, answer func(r *http.Request) (int, string)) Client {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t" {
			t.Errorf("no token on %s", r.URL)
		}
		status, body := answer(r)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return Client{
		Base: s.URL, HTTP: s.Client(), Token: func(context.Context) (string, error) { return "t", nil },
		Now:   func() time.Time { return time.Date(2026, 11, 22, 10, 5, 0, 0, time.UTC) },
		After: func(time.Duration) <-chan time.Time { c := make(chan time.Time, 1); c <- time.Time{}; return c },
	}
}

func sent() time.Time { return time.Date(2026, 11, 22, 10, 0, 1, 0, time.UTC) }

// Microsoft Graph, "List messageTraces": both bounds of the time are given;
// "exchangeMessageTrace: getDetailsByRecipient".
func TestMessageIsTraced(t *testing.T) {
	c := tracing(t, func(r *http.Request) (int, string) {
		if strings.Contains(r.URL.Path, "getDetailsByRecipient") {
			if !strings.HasSuffix(r.URL.Path, "/4451a062/getDetailsByRecipient(recipientAddress='o''neil@contoso.example')") {
				t.Errorf("asked for %s", r.URL.Path)
			}
			return 200, traceDetails
		}
		want := "receivedDateTime ge 2026-11-21T10:00:01Z and receivedDateTime le 2026-11-22T10:05:00Z and recipientAddress eq 'o''neil@contoso.example'"
		if got := r.URL.Query().Get("$filter"); got != want {
			t.Errorf("the filter is %s", got)
		}
		return 200, traceRows("delivered")
	})
	r, err := c.TraceReceipt(t.Context(), "o'neil@contoso.example", "<1@contoso.example>", sent())
	if err != nil || !r.Found || r.Status != "delivered" || r.FromIP != "203.0.113.10" || r.AfterMS != 2000 || len(r.Events) != 2 || r.By != probes.ByTrace {
		t.Errorf("%+v (%v)", r, err)
	}
	if strings.ContainsRune(r.Subject, 0x1b) {
		t.Errorf("the subject is %q", r.Subject)
	}
	b, err := json.Marshal(r)
	if err != nil || strings.Contains(string(b), "root") {
		t.Errorf("%s (%v)", b, err)
	}
}

// The next page is asked only from the same Graph: a link to elsewhere would
// take the token along.
func TestPagesAreReadFromGraphAlone(t *testing.T) {
	pages := 0
	var c Client
	next := ""
	c = tracing(t, func(r *http.Request) (int, string) {
		if strings.Contains(r.URL.Path, "getDetails") {
			return 200, traceDetails
		}
		pages++
		if r.URL.Query().Get("$skiptoken") == "2" {
			return 200, traceRows("delivered")
		}
		return 200, `{"value":[],"@odata.nextLink":"` + next + `"}`
	})
	next = c.Base + "/v1.0/admin/exchange/tracing/messageTraces?$skiptoken=2"
	if r, err := c.TraceReceipt(t.Context(), "it@contoso.example", "<1@contoso.example>", sent()); err != nil || !r.Found || pages != 2 {
		t.Errorf("%+v after %d pages (%v)", r, pages, err)
	}
	for _, link := range []string{"https://elsewhere.example/v1.0/x", c.Base + ".elsewhere.example/v1.0/x", c.Base + "/v1.0//elsewhere.example/x", "x"} {
		pages, next = 0, link
		if r, err := c.TraceReceipt(t.Context(), "it@contoso.example", "<1@contoso.example>", sent()); err != nil || r.Found || pages > 1 {
			t.Errorf("%s: %+v after %d pages (%v)", link, r, pages, err)
		}
	}
}

// The refusals that are to be mended in the tenant have codes of their own
// (resource type exchangeMessageTrace, Prerequisites).
func TestTraceRefusedIsNamed(t *testing.T) {
	for body, tt := range map[string]struct {
		status int
		code   probes.Code
	}{
		`{"error":{"code":"UnknownError","message":"Service principal-less Authentication failed"}}`: {401, TraceUnprovisioned},
		`{"error":{"code":"Forbidden","message":"Insufficient permission"}}`:                         {403, TraceForbidden},
		`{"error":{"code":"BadRequest","message":"x"}}`:                                              {400, Refused},
		`{"error":{"code":"TooManyRequests","message":"x"}}`:                                         {429, Throttled},
	} {
		c := tracing(t, func(*http.Request) (int, string) { return tt.status, body })
		_, err := c.TraceReceipt(t.Context(), "it@contoso.example", "<1@contoso.example>", sent())
		if f, ok := errors.AsType[*probes.Fault](err); !ok || f.Code != tt.code {
			t.Errorf("%d: %v, want %s", tt.status, err, tt.code)
		}
	}
}

// A trace that is still pending is asked again; every look is told.
func TestTraceIsWaitedFor(t *testing.T) {
	looks := 0
	c := tracing(t, func(r *http.Request) (int, string) {
		if strings.Contains(r.URL.Path, "getDetails") {
			return 200, traceDetails
		}
		looks++
		switch looks {
		case 1:
			return 200, `{"value":[]}`
		case 2:
			return 429, `{}`
		case 3:
			return 200, traceRows("pending")
		}
		return 200, traceRows("delivered")
	})
	ticks := 0
	r, err := c.WaitTrace(t.Context(), "it@contoso.example", "<1@contoso.example>", sent(), TraceWaits(), func(int, time.Duration) { ticks++ })
	if err != nil || r.Status != "delivered" || looks != 4 || ticks != 4 {
		t.Errorf("%+v after %d looks, %d ticks (%v)", r, looks, ticks, err)
	}
}
