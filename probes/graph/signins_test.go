package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
)

// signInRows are rows as Microsoft Graph's page "List signIns" shows them.
func signInRows(next string) string {
	return `{"value":[
	{"id":"1","createdDateTime":"2026-11-21T07:00:00Z","userPrincipalName":"Scan@contoso.example","ipAddress":"203.0.113.10","clientAppUsed":"Authenticated SMTP","status":{"errorCode":0}},
	{"id":"2","createdDateTime":"2026-11-20T07:00:00Z","userPrincipalName":"scan@contoso.example","ipAddress":"::ffff:203.0.113.10","clientAppUsed":"SMTP","status":{"errorCode":50126,"failureReason":"x"}},
	{"id":"3","createdDateTime":"2026-11-20T07:00:00Z","userPrincipalName":"a\u001b[2J","ipAddress":"x","clientAppUsed":"SMTP","status":{"errorCode":0}},
	{"id":"4","createdDateTime":7}]` + next + `}`
}

func collect(list *[]probes.Sighting) Logged {
	return Logged{Emit: func(s probes.Sighting) error {
		*list = append(*list, s)
		return nil
	}}
}

// Microsoft Graph, "List signIns": the filter that is in use, and the rows.
// What a row does not say, whether it was by password, stays open.
func TestSignInsAreRead(t *testing.T) {
	c := tracing(t, func(r *http.Request) (int, string) {
		const want = "createdDateTime ge 2026-11-15T00:00:00Z and (clientAppUsed eq 'Authenticated SMTP' or clientAppUsed eq 'SMTP')"
		if got := r.URL.Query().Get("$filter"); got != want || r.URL.Path != "/v1.0/auditLogs/signIns" || strings.Contains(r.URL.RawQuery, "+") {
			t.Errorf("asked for %s with %s", r.URL.Path, r.URL.RawQuery)
		}
		return 200, signInRows("")
	})
	var got []probes.Sighting
	read, err := c.SignIns(t.Context(), time.Date(2026, 11, 15, 0, 0, 0, 0, time.UTC), collect(&got))
	if err != nil || read.Rows != 2 || read.Bad != 2 || read.Pages != 1 || len(got) != 2 {
		t.Fatalf("%+v %+v (%v)", read, got, err)
	}
	if s := got[0]; s.Account != "scan@contoso.example" || s.Peer != "203.0.113.10" || s.Refused || s.Messages != 1 || s.Protocol != "" || s.Kind != probes.FromSignIns {
		t.Errorf("the first is %+v", s)
	}
	if s := got[1]; !s.Refused || s.Why != "AADSTS50126" || s.Messages != 0 || s.Peer != "203.0.113.10" {
		t.Errorf("the second is %+v", s)
	}
}

// Every page is read, from the same Graph alone, and a wait is told.
func TestLogIsReadPageByPage(t *testing.T) {
	asked, next := 0, ""
	c := tracing(t, func(r *http.Request) (int, string) {
		asked++
		switch {
		case asked == 2:
			return 429, `{}`
		case r.URL.Query().Get("$skiptoken") == "2":
			return 200, signInRows("")
		}
		return 200, signInRows(`,"@odata.nextLink":"` + next + `"`)
	})
	next = c.Base + "/v1.0/auditLogs/signIns?$skiptoken=2"
	var got []probes.Sighting
	waits := 0
	to := collect(&got)
	to.Told = func(l LogRead) {
		if l.Waiting > 0 {
			waits++
		}
	}
	read, err := c.SignIns(t.Context(), sent(), to)
	if err != nil || read.Pages != 2 || len(got) != 4 || waits != 1 {
		t.Errorf("%+v, %d rows, %d waits (%v)", read, len(got), waits, err)
	}
	for _, link := range []string{"https://elsewhere.example/v1.0/x", c.Base + ".elsewhere.example/v1.0/x", c.Base + "/v1.0//elsewhere.example/x", "x"} {
		asked, next = 2, link
		_, err := c.SignIns(t.Context(), sent(), collect(&got))
		if f, ok := errors.AsType[*probes.Fault](err); !ok || f.Code != LogLeads || asked != 3 {
			t.Errorf("%s: %v after %d questions", link, err, asked-2)
		}
	}
	// A link that leads to itself.
	asked, next = 2, c.Base+"/v1.0/auditLogs/signIns?x=1"
	if _, err := c.SignIns(t.Context(), sent(), collect(&got)); endedWith(err) != LogLeads {
		t.Errorf("a circle ends with %v", err)
	}
}

func endedWith(err error) probes.Code {
	f, _ := errors.AsType[*probes.Fault](err)
	if f == nil {
		return ""
	}
	return f.Code
}

// The refusals have names of their own (Microsoft Graph error codes).
func TestLogRefusedIsNamed(t *testing.T) {
	for body, tt := range map[string]struct {
		status         int
		signIn, traces probes.Code
	}{
		`{"error":{"code":"Authentication_RequestFromNonPremiumTenantOrB2CTenant","message":"Neither tenant is B2C or tenant doesn't have premium license"}}`: {403, SignInsUnlicensed, SignInsUnlicensed},
		`{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}`:                                     {403, SignInsForbidden, TracesForbidden},
		`{"error":{"code":"UnknownError","message":"Service principal-less Authentication failed"}}`:                                                          {401, TraceUnprovisioned, TraceUnprovisioned},
		`{"error":{"code":"BadRequest","message":"x"}}`:                                                                                                       {400, LogRefused, LogRefused},
		`{"error":{"code":"TooManyRequests","message":"x"}}`:                                                                                                  {429, LogThrottled, LogThrottled},
		`<html>`: {200, LogLost, LogLost},
	} {
		c := tracing(t, func(*http.Request) (int, string) { return tt.status, body })
		_, err := c.SignIns(t.Context(), sent(), Logged{})
		if endedWith(err) != tt.signIn {
			t.Errorf("sign-ins, %d: %v, want %s", tt.status, err, tt.signIn)
		}
		if _, err = c.Traces(t.Context(), sent(), Logged{}); endedWith(err) != tt.traces {
			t.Errorf("traces, %d: %v, want %s", tt.status, err, tt.traces)
		}
	}
}

// A network that is lost between two pages, and a person who has enough.
func TestLogBreaksOff(t *testing.T) {
	var c Client
	lost := false
	c = tracing(t, func(*http.Request) (int, string) {
		if lost {
			panic(http.ErrAbortHandler)
		}
		lost = true
		return 200, signInRows(`,"@odata.nextLink":"` + c.Base + `/v1.0/auditLogs/signIns?$skiptoken=2"`)
	})
	var got []probes.Sighting
	_, err := c.SignIns(t.Context(), sent(), collect(&got))
	f, ok := errors.AsType[*probes.Fault](err)
	if !ok || f.Code != LogLost || f.Args["pages"] != "1" || f.Args["rows"] != "2" {
		t.Errorf("%v %+v", err, f)
	}
	lost = false
	ctx, stop := context.WithCancel(t.Context())
	to := collect(&got)
	to.Told = func(LogRead) { stop() }
	_, err = c.SignIns(ctx, sent(), to)
	if endedWith(err) != LogStopped || !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

// One question is about ten days at most (Get-MessageTraceV2), and a row on the
// edge of two counts once.
func TestTracesAreReadInWindows(t *testing.T) {
	var filters []string
	c := tracing(t, func(r *http.Request) (int, string) {
		filters = append(filters, r.URL.Query().Get("$filter"))
		row := func(sender, at, status string) string {
			return `{"senderAddress":` + strconv.Quote(sender) + `,"recipientAddress":"IT@example.org","receivedDateTime":"` + at + `","status":"` + status + `","size":7,"fromIP":"203.0.113.10"}`
		}
		if len(filters) == 1 {
			return 200, `{"value":[` + row("nas@contoso.example", "2026-11-17T00:00:00Z", "delivered") + `,` + row("", "2026-11-16T00:00:00Z", "delivered") + `]}`
		}
		return 200, `{"value":[` + row("nas@contoso.example", "2026-11-17T00:00:00Z", "delivered") + `,` + row("nas@contoso.example", "2026-11-18T00:00:00Z", "failed") + `]}`
	})
	var got []probes.Sighting
	read, err := c.Traces(t.Context(), time.Date(2026, 11, 7, 10, 5, 0, 0, time.UTC), collect(&got))
	if err != nil || len(filters) != 2 || read.Rows != 2 || read.Skipped != 1 || len(got) != 2 {
		t.Fatalf("%+v %v %+v (%v)", read, filters, got, err)
	}
	if filters[0] != "receivedDateTime ge 2026-11-07T10:05:00Z and receivedDateTime le 2026-11-17T00:00:00Z" || !strings.HasSuffix(filters[1], "le 2026-11-22T10:05:00Z") {
		t.Errorf("asked %q", filters)
	}
	want := probes.Sighting{Kind: probes.FromTrace, OldTLS: -1, Messages: 1, From: "nas@contoso.example", To: "example.org", Peer: "203.0.113.10", Size: 7, Refused: true, At: time.Date(2026, 11, 18, 0, 0, 0, 0, time.UTC)}
	if a, _ := json.Marshal(got[1]); got[1] != want {
		t.Errorf("the last is %s", a)
	}
}

// A log breaks off where it does: the stretches before were read to their end,
// and one of several days with more than a page is asked for in parts.
func TestWhatWasReadToItsEndIsTold(t *testing.T) {
	var c Client
	c = tracing(t, func(r *http.Request) (int, string) {
		q := r.URL.Query()
		if q.Get("$skiptoken") != "" {
			panic(http.ErrAbortHandler)
		}
		terms := strings.Fields(q.Get("$filter"))
		from, to := terms[2], "3"
		if terms[5] == "le" {
			to = terms[6]
		}
		row := `{"value":[{"createdDateTime":"` + from + `","userPrincipalName":"scan@contoso.example","clientAppUsed":"SMTP"}]`
		if busy := "2026-11-18T08:00:00Z"; from < busy && busy < to {
			return 200, row + `,"@odata.nextLink":"` + c.Base + `/v1.0/auditLogs/signIns?$skiptoken=2"}`
		}
		return 200, row + `}`
	})
	var got []probes.Sighting
	var whole []string
	to := collect(&got)
	to.Whole = func(until time.Time) error {
		whole = append(whole, until.Format(time.DateOnly))
		if len(got) != len(whole) {
			t.Errorf("up to %s there are %d rows", until, len(got))
		}
		return nil
	}
	_, err := c.SignIns(t.Context(), time.Date(2026, 11, 13, 0, 0, 0, 0, time.UTC), to)
	if endedWith(err) != LogLost || !slices.Equal(whole, []string{"2026-11-17", "2026-11-18"}) || len(got) != 3 {
		t.Errorf("read to the end are %v, with %d rows; then %v", whole, len(got), err)
	}
}
