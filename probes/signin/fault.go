package signin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/url"
	"regexp"
	"strings"

	msalerrors "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"offbasic/probes"
)

// fault turns MSAL's error into a Fault. MSAL's own error is dropped: it holds
// the request, whose body holds the secret.
func (a App) fault(ctx context.Context, err error) error {
	if said, ok := refusal(err); ok {
		return a.refused(said)
	}
	cause := errors.New(describe(err))
	if ctx.Err() != nil {
		cause = ctx.Err()
	}
	host := a.Authority
	if u, err := url.Parse(a.Authority); err == nil {
		host = u.Host
	}
	return &probes.Fault{
		Op: "sign in at " + probes.Clean(host, 100), Code: Unreachable, Err: cause,
		Args: map[string]string{"host": probes.Clean(host, 100), "cause": a.hide(cause.Error())},
	}
}

// entraError is the body of Entra's refusals.
type entraError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Codes       []int  `json:"error_codes"`
}

// refusal finds what Entra said in MSAL's error.
func refusal(err error) (entraError, bool) {
	var call msalerrors.CallErr
	if !errors.As(err, &call) || call.Resp == nil || call.Resp.Body == nil {
		return entraError{}, false
	}
	body, _ := io.ReadAll(io.LimitReader(call.Resp.Body, bodyLimit))
	var e entraError
	if json.Unmarshal(body, &e) != nil || e.Error == "" {
		return entraError{}, false
	}
	return e, true
}

func (a App) refused(e entraError) error {
	args := map[string]string{"description": a.hide(firstLine(e.Description))}
	if args["description"] == "" {
		args["description"] = a.hide(e.Error)
	}
	if m := aadsts().FindStringSubmatch(e.Description); m != nil {
		args["aadsts"] = m[1]
	} else if len(e.Codes) > 0 {
		args["aadsts"] = jsonNumber(e.Codes[0])
	}
	if args["aadsts"] == "90002" || args["aadsts"] == "900023" {
		args["tenant"] = probes.Clean(a.Tenant, 200)
	}
	return &probes.Fault{
		Op: "sign in as app " + probes.Clean(a.ClientID, 100), Code: Refused, Args: args,
		Err: errors.New(args["description"]),
	}
}

func aadsts() *regexp.Regexp { return regexp.MustCompile(`AADSTS(\d{4,9})`) }

func jsonNumber(n int) string {
	b, _ := json.Marshal(n) // an int always marshals
	return string(b)
}

// firstLine leaves out trace id, correlation id and time, which Entra puts on
// lines of their own or behind the sentence.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	s, _, _ = strings.Cut(s, " Trace ID:")
	return strings.TrimSpace(s)
}

// hide cleans a text from the network and cuts the secret out of it, should
// the other side have repeated it.
func (a App) hide(s string) string {
	if a.Secret != "" {
		s = strings.ReplaceAll(s, a.Secret, "<secret>")
		s = strings.ReplaceAll(s, url.QueryEscape(a.Secret), "<secret>")
	}
	return probes.Clean(s, 500)
}

// describe says why there was no answer, without what was sent or received.
func describe(err error) string {
	var (
		call   msalerrors.CallErr
		broken msalerrors.InvalidJsonErr
		u      *url.Error
		dns    *net.DNSError
	)
	switch {
	case errors.As(err, &dns):
		return "no such host: " + dns.Name
	case errors.As(err, &u):
		return u.Err.Error()
	case errors.As(err, &call) && call.Resp != nil:
		return "answered HTTP " + jsonNumber(call.Resp.StatusCode)
	case errors.As(err, &broken):
		return "the answer is not JSON"
	}
	return "no token in the answer"
}
