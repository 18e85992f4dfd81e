package graph_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/graph"
)

const token = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2dyYXBoLm1pY3Jvc29mdC5jb20ifQ.c2lnbmF0dXJl"

// clock counts what is waited for instead of waiting.
type clock struct {
	at     time.Time
	waited []time.Duration
}

func (c *clock) now() time.Time { return c.at }

func (c *clock) after(d time.Duration) <-chan time.Time {
	c.at, c.waited = c.at.Add(d), append(c.waited, d)
	ch := make(chan time.Time, 1)
	ch <- c.at
	return ch
}

func client(t *testing.T, h http.HandlerFunc) (graph.Client, *clock) {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c := &clock{at: time.Date(2026, 11, 22, 15, 57, 0, 0, time.UTC)}
	return graph.Client{
		Base: srv.URL, HTTP: srv.Client(), Now: c.now, After: c.after,
		Token: func(context.Context) (string, error) { return token, nil },
	}, c
}

func fault(t *testing.T, err error) *probes.Fault {
	t.Helper()
	var f *probes.Fault
	if !errors.As(err, &f) {
		t.Fatalf("error %v, want a fault", err)
	}
	if strings.Contains(fmt.Sprintf("%v %v %v", err, f.Args, f.Err), token[:30]) {
		t.Errorf("the error holds the token: %v %v", err, f.Args)
	}
	return f
}

const found = `{"value":[{"id":"AAMk","subject":"offbasic\u0007 test","receivedDateTime":"2026-11-22T15:57:09Z","parentFolderId":"AQ/1=",
	"internetMessageHeaders":[{"name":"Received","value":"from x"},{"name":"x-ms-exchange-organization-authas","value":"Internal"},
	{"name":"Authentication-Results","value":"spf=pass"}]}]}`

// Graph, "List messages": brackets are URL-encoded, a quote is doubled.
func TestMessageIsAskedForAsTheDocumentationSays(t *testing.T) {
	var asked []string
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.RequestURI)
		if r.Header.Get("Authorization") != "Bearer "+token {
			t.Errorf("authorization %q", r.Header.Get("Authorization"))
		}
		if strings.Contains(r.URL.Path, "mailFolders") {
			io.WriteString(w, `{"id":"AQ/1=","displayName":"Junk Email"}`)
			return
		}
		io.WriteString(w, found)
	})
	r, err := c.Message(t.Context(), "o'brien+x@contoso.example", "<a'b+c@contoso.example>")
	if err != nil {
		t.Fatal(err)
	}
	want := probes.Receipt{
		MessageID: "<a'b+c@contoso.example>", Mailbox: "o'brien+x@contoso.example", Found: true, Subject: `offbasic\x07 test`,
		Received: time.Date(2026, 11, 22, 15, 57, 9, 0, time.UTC), Folder: "Junk Email", AuthAs: "Internal", Results: "spf=pass",
		By: probes.ByMailbox, Junk: new(true),
	}
	if head := string(r.Head); !strings.Contains(head, "Authentication-Results: spf=pass\r\n") {
		t.Errorf("head %q", head)
	}
	r.Head = nil
	if !reflect.DeepEqual(r, want) {
		t.Errorf("receipt %+v\nwant    %+v", r, want)
	}
	wantAsked := []string{
		"GET /v1.0/users/o%27brien+x@contoso.example/messages?%24filter=internetMessageId%20eq%20%27%3Ca%27%27b%2Bc%40contoso.example%3E%27" +
			"&%24select=subject%2CreceivedDateTime%2CinternetMessageHeaders%2CparentFolderId",
		"GET /v1.0/users/o%27brien+x@contoso.example/mailFolders/AQ%2F1=?%24select=displayName",
		"GET /v1.0/users/o%27brien+x@contoso.example/mailFolders/junkemail?%24select=id",
	}
	if strings.Join(asked, "\n") != strings.Join(wantAsked, "\n") {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(asked, "\n"), strings.Join(wantAsked, "\n"))
	}
}

func TestRefusalsCarryGraphsOwnWords(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		want   probes.Code
		args   map[string]string
	}{
		{
			403, `{"error":{"code":"ErrorAccessDenied","message":"Access is denied.\u001b[31m","innerError":{"request-id":"r-1"}}}`,
			graph.Refused,
			map[string]string{"status": "403", "code": "ErrorAccessDenied", "message": `Access is denied.\x1b[31m`, "request_id": "r-1"},
		},
		{
			401, `{"error":{"code":"InvalidAuthenticationToken","message":"Access token has expired."}}`,
			graph.Refused,
			map[string]string{"code": "InvalidAuthenticationToken", "request_id": "from-the-header"},
		},
		{502, `<html>Bad gateway</html>`, graph.Refused, map[string]string{"status": "502", "code": ""}},
		{429, `{"error":{"code":"TooManyRequests","message":"slow"}}`, graph.Throttled, map[string]string{"retry_after": "2.128"}},
		{302, ``, graph.Refused, map[string]string{"status": "302"}},
		{200, `<html>`, graph.Unreachable, map[string]string{"cause": "the answer is not what Graph sends"}},
		{200, strings.Repeat(" ", 5<<20) + "{}", graph.Unreachable, nil},
	} {
		c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Request-Id", "from-the-header")
			w.Header().Set("Retry-After", "2.128")
			w.Header().Set("Location", "https://evil.example/")
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		})
		_, err := c.Message(t.Context(), "it@contoso.example", "<1@contoso.example>")
		f := fault(t, err)
		if f.Code != tt.want {
			t.Errorf("HTTP %d: %s %v, want %s", tt.status, f.Code, f.Args, tt.want)
		}
		for key, value := range tt.args {
			if f.Args[key] != value {
				t.Errorf("HTTP %d: %s is %q, want %q", tt.status, key, f.Args[key], value)
			}
		}
	}
}

func TestWaitPollsWithBackOffAndObeysRetryAfter(t *testing.T) {
	n := 0
	c, clk := client(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "mailFolders") {
			io.WriteString(w, `{"displayName":"Inbox"}`)
			return
		}
		switch n++; n {
		case 1:
			io.WriteString(w, `{"value":[]}`)
		case 2:
			w.Header().Set("Retry-After", "7.5")
			w.WriteHeader(429)
		case 3:
			w.Header().Set("Retry-After", clkDate(20*time.Second))
			w.WriteHeader(503)
		default:
			io.WriteString(w, found)
		}
	})
	sent := clk.at
	var ticks []string
	waits := []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}
	r, err := c.Wait(t.Context(), "it@contoso.example", "<1@contoso.example>", sent, waits, func(n int, d time.Duration) {
		ticks = append(ticks, fmt.Sprint(n, " ", d))
	})
	if err != nil || !r.Found || r.Folder != "Inbox" {
		t.Fatalf("receipt %+v, error %v", r, err)
	}
	if fmt.Sprint(clk.waited) != "[1s 7.5s 11.5s]" { // the date is 20 s after the start, 8.5 s had gone
		t.Errorf("waited %v", clk.waited)
	}
	if fmt.Sprint(ticks) != "[1 0s 2 1s 3 8.5s 4 20s]" {
		t.Errorf("ticks %v", ticks)
	}
	if r.AfterMS != 9000 || r.Waited != 20000 {
		t.Errorf("after %d ms, waited %d ms; want 9000 and 20000", r.AfterMS, r.Waited)
	}
}

// clkDate is a date d after the clock's start.
func clkDate(d time.Duration) string {
	return time.Date(2026, 11, 22, 15, 57, 0, 0, time.UTC).Add(d).Format(http.TimeFormat)
}

func TestWaitGivesUpWithoutAnError(t *testing.T) {
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"value":[]}`) })
	r, err := c.Wait(t.Context(), "it@contoso.example", "<1@contoso.example>", time.Time{}, graph.Waits(), nil)
	if err != nil || r.Found || r.Waited != 122_000 {
		t.Errorf("receipt %+v, error %v; want not found after 122 s", r, err)
	}
}

func TestWaitStopsAtARefusal(t *testing.T) {
	n := 0
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request) { n++; w.WriteHeader(403) })
	_, err := c.Wait(t.Context(), "it@contoso.example", "<1@contoso.example>", time.Time{}, graph.Waits(), nil)
	if fault(t, err).Code != graph.Refused || n != 1 {
		t.Errorf("error %v after %d calls", err, n)
	}
}

func TestCancelEndsWaitAndCallAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"value":[]}`) })
	c.After = func(time.Duration) <-chan time.Time { cancel(); return nil }
	if _, err := c.Wait(ctx, "a", "<1>", time.Time{}, graph.Waits(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	c, _ = client(t, func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
	if _, err := c.Message(ctx, "a", "<1>"); !errors.Is(err, context.Canceled) {
		t.Errorf("asking: %v", err)
	}
}

func TestTheTokensErrorComesBackAsItIs(t *testing.T) {
	c, _ := client(t, func(http.ResponseWriter, *http.Request) { t.Error("Graph was asked without a token") })
	want := &probes.Fault{Op: "sign in", Code: "signin_refused"}
	c.Token = func(context.Context) (string, error) { return "", want }
	if _, err := c.Message(t.Context(), "a", "<1>"); err != error(want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestNoNetworkIsUnreachable(t *testing.T) {
	c, _ := client(t, nil)
	c.Base = "http://127.0.0.1:1"
	_, err := c.Message(t.Context(), "it@contoso.example", "<1@contoso.example>")
	if f := fault(t, err); f.Code != graph.Unreachable || f.Args["host"] != "127.0.0.1:1" || strings.Contains(f.Error(), "it@contoso") {
		t.Errorf("%s %v", f.Code, f.Args)
	}
}

// A mailbox that writes to itself has two: what it sent, and what arrived
// (Graph, "Get mailFolder": the well-known name sentitems).
func TestTheCopyInSentItemsIsNoArrival(t *testing.T) {
	sent := `{"subject":"sent","receivedDateTime":"2026-11-22T10:00:00Z","parentFolderId":"S"}`
	arrived := `{"subject":"arrived","receivedDateTime":"2026-11-22T10:00:03Z","parentFolderId":"I","internetMessageHeaders":[{"name":"Received","value":"from a by b"}]}`
	for name, c := range map[string]struct {
		list    string
		found   bool
		subject string
	}{
		"not there yet": {sent, false, ""},
		"both":          {sent + "," + arrived, true, "arrived"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/mailFolders/sentitems"):
					_, _ = w.Write([]byte(`{"id":"S"}`))
				case strings.Contains(r.URL.Path, "mailFolders"):
					_, _ = w.Write([]byte(`{"id":"J","displayName":"Inbox"}`))
				default:
					_, _ = w.Write([]byte(`{"value":[` + c.list + `]}`))
				}
			}))
			defer s.Close()
			client := graph.Client{Base: s.URL, HTTP: s.Client(), Token: func(context.Context) (string, error) { return "t", nil }}
			r, err := client.Message(t.Context(), "scan@contoso.example", "<1@x>")
			if err != nil || r.Found != c.found || r.Subject != c.subject {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}
