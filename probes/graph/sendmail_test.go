package graph_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/graph"
)

// asked is what Graph was asked.
type asked struct {
	path, kind, token string
	body              []byte
}

// graphThat answers each request from the list, the last one for good.
func graphThat(t *testing.T, got *[]asked, answers ...func(http.ResponseWriter)) graph.Client {
	t.Helper()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*got = append(*got, asked{r.Method + " " + r.URL.EscapedPath(), r.Header.Get("Content-Type"), r.Header.Get("Authorization"), body})
		answers[min(len(*got), len(answers))-1](w)
	}))
	t.Cleanup(srv.Close)
	return graph.Client{
		Base: srv.URL, HTTP: srv.Client(), Token: func(context.Context) (string, error) { return "t0ken.never.kept", nil },
		After: func(time.Duration) <-chan time.Time { c := make(chan time.Time, 1); c <- time.Time{}; return c },
	}
}

func taken(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }

func says(status int, code string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": code, "message": "said so", "innerError": map[string]string{"request-id": "r-1"}}})
	}
}

func test() graph.Mail {
	return graph.Mail{
		From: "scan#1@contoso.example", To: []string{"it@contoso.example"}, Subject: "a \"test\"\r\nBcc: x", Text: "body",
		MessageID: "<1@offbasic.invalid>", Message: []byte("From: scan@contoso.example\r\n\r\nx\r\n"),
	}
}

// Graph, "user: sendMail": JSON, or MIME in base64 as text/plain; 202.
func TestSendMailAsJSONAndAsMIME(t *testing.T) {
	var got []asked
	c := graphThat(t, &got, taken)
	for _, mime := range []bool{false, true} {
		m := test()
		m.MIME = mime
		if tr := c.Send(t.Context(), m, nil); tr.Outcome != probes.TrialSent || tr.MessageID != m.MessageID || tr.Route != probes.Graph {
			t.Fatalf("%+v", tr)
		}
	}
	if got[0].path != "POST /v1.0/users/scan%231@contoso.example/sendMail" || got[0].token != "Bearer t0ken.never.kept" {
		t.Errorf("asked %s", got[0].path)
	}
	var v struct {
		Message struct {
			Subject           string
			InternetMessageID string `json:"internetMessageId"`
			Body              struct{ ContentType, Content string }
			ToRecipients      []struct{ EmailAddress struct{ Address string } }
		}
	}
	if err := json.Unmarshal(got[0].body, &v); err != nil || got[0].kind != "application/json" || v.Message.Subject != test().Subject ||
		v.Message.InternetMessageID != "<1@offbasic.invalid>" || v.Message.ToRecipients[0].EmailAddress.Address != "it@contoso.example" {
		t.Errorf("asked %s as %s: %v", got[0].body, got[0].kind, err)
	}
	if b, err := base64.StdEncoding.DecodeString(string(got[1].body)); err != nil || string(b) != string(test().Message) || got[1].kind != "text/plain" {
		t.Errorf("asked %q as %s", got[1].body, got[1].kind)
	}
}

// The refusals that users of sendMail report.
func TestSendMailRefusalsAreNamed(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   string
		want   probes.Code
	}{
		{403, "ErrorAccessDenied", graph.SendDenied},
		{403, "ErrorSendAsDenied", graph.SendAsDenied},
		{404, "ErrorInvalidUser", graph.MailboxMissing},
		{404, "MailboxNotEnabledForRESTAPI", graph.MailboxMissing},
		{404, "ResourceNotFound", graph.MailboxMissing},
		{413, "RequestEntityTooLarge", graph.TooLarge},
		{400, "ErrorInvalidRecipients", graph.Refused},
	} {
		var got []asked
		tr := graphThat(t, &got, says(tt.status, tt.code)).Send(t.Context(), test(), nil)
		at := tr.Reached()
		if tr.Outcome != probes.TrialRefused || at.Step != probes.StepSendMail || at.Fault != tt.want || at.Args["request_id"] != "r-1" || len(got) != 1 {
			t.Errorf("%d %s: %s at %+v after %d requests, want %s", tt.status, tt.code, tr.Outcome, at, len(got), tt.want)
		}
	}
}

// Graph, "Microsoft Graph throttling guidance": 429 with Retry-After.
func TestSendMailWaitsAsGraphAsks(t *testing.T) {
	var got []asked
	busy := func(w http.ResponseWriter) { w.Header().Set("Retry-After", "2.128"); says(429, "TooManyRequests")(w) }
	var seen []string
	tr := graphThat(t, &got, busy, taken).Send(t.Context(), test(), func(s probes.Step) { seen = append(seen, s.Step+" "+s.Detail) })
	if tr.Outcome != probes.TrialSent || len(got) != 2 || len(seen) != 4 || seen[2] != "wait 2.128s" {
		t.Errorf("%s after %d requests: %q", tr.Outcome, len(got), seen)
	}
	got = nil
	long := func(w http.ResponseWriter) { w.Header().Set("Retry-After", "3600"); says(429, "TooManyRequests")(w) }
	if tr := graphThat(t, &got, long).Send(t.Context(), test(), nil); tr.Outcome != probes.TrialRefused || tr.Reached().Fault != graph.Throttled || len(got) != 1 {
		t.Errorf("an hour was waited: %+v", tr.Reached())
	}
}

func TestSendMailWithoutTokenOrAnswer(t *testing.T) {
	var got []asked
	c := graphThat(t, &got, taken)
	c.Token = func(context.Context) (string, error) {
		return "", &probes.Fault{Op: "sign in", Code: "signin_refused", Args: map[string]string{"aadsts": "7000215"}, Err: errors.New("no")}
	}
	if tr := c.Send(t.Context(), test(), nil); tr.Outcome != probes.TrialFailed || tr.AADSTS != "7000215" || tr.Reached().Step != probes.StepToken || len(got) != 0 {
		t.Errorf("without a token: %+v", tr)
	}
	c = graphThat(t, &got, taken)
	c.Base = "https://127.0.0.1:1"
	if tr := c.Send(t.Context(), test(), nil); tr.Outcome != probes.TrialFailed || tr.Reached().Fault != graph.Unreachable {
		t.Errorf("without an answer: %+v", tr)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if tr := graphThat(t, &got, taken).Send(ctx, test(), nil); tr.Outcome != probes.TrialFailed || tr.Reached().Fault != graph.Cancelled {
		t.Errorf("stopped: %+v", tr)
	}
}

func TestATrialThroughGraphHoldsNoToken(t *testing.T) {
	var got []asked
	echo := func(w http.ResponseWriter) {
		w.WriteHeader(403)
		_, _ = io.WriteString(w, `{"error":{"code":"ErrorAccessDenied","message":"no"}}`)
	}
	tr := graphThat(t, &got, echo).Send(t.Context(), test(), nil)
	if b, _ := json.Marshal(tr); strings.Contains(string(b), "t0ken") {
		t.Errorf("the trial holds the token: %s", b)
	}
}
