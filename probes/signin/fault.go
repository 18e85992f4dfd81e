package signin

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	msalerrors "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"offbasic/probes"
)

// fault turns MSAL's error into a Fault. MSAL's own error is dropped: it holds
// the request, whose body holds the secret.
func (a App) fault(ctx context.Context, c *clock, err error) error {
	return c.place.elsewhere(a.failed(ctx, c, err), a.Authority, a.Tenant)
}

func (a App) failed(ctx context.Context, c *clock, err error) *probes.Fault {
	said, ok := refusal(err)
	if !ok {
		return unreachable(ctx, a.Authority, err, a.hide)
	}
	f := refused(said, a.hide)
	f.Op = "sign in as app " + probes.Clean(a.ClientID, 100)
	switch f.Args["aadsts"] {
	case "7000222":
		f.Code = SecretExpired
	case "700024":
		f.Code, f.Args["by"] = wrongClock(c, f.Code)
	}
	return placed(f, a.Tenant, a.ClientID)
}

// unreachable says that there was no answer to judge.
func unreachable(ctx context.Context, authority string, err error, hide func(string) string) *probes.Fault {
	cause := errors.New(describe(err))
	if ctx.Err() != nil {
		cause = ctx.Err()
	}
	host := authority
	if u, err := url.Parse(authority); err == nil {
		host = u.Host
	}
	return &probes.Fault{
		Op: "sign in at " + probes.Clean(host, 100), Code: Unreachable, Err: cause,
		Args: map[string]string{"host": probes.Clean(host, 100), "cause": hide(cause.Error())},
	}
}

// entraError is the body of Entra's refusals.
type entraError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Codes       []int  `json:"error_codes"`
}

// refusal finds what Entra said in MSAL's error. It is read from the error's
// text: MSAL v1.10.1 has emptied the body when it polled for a device code.
func refusal(err error) (entraError, bool) {
	var call msalerrors.CallErr
	if !errors.As(err, &call) || call.Err == nil {
		return entraError{}, false
	}
	_, body, _ := strings.Cut(call.Err.Error(), "\n")
	var e entraError
	if json.Unmarshal([]byte(body), &e) != nil || e.Error == "" {
		return entraError{}, false
	}
	return e, true
}

// refused is a refusal that nothing more is known about.
func refused(e entraError, hide func(string) string) *probes.Fault {
	args := map[string]string{"description": hide(firstLine(e.Description))}
	if args["description"] == "" {
		args["description"] = hide(e.Error)
	}
	if m := aadsts().FindStringSubmatch(e.Description); m != nil {
		args["aadsts"] = m[1]
	} else if len(e.Codes) > 0 {
		args["aadsts"] = jsonNumber(e.Codes[0])
	}
	return &probes.Fault{Op: "sign in", Code: Refused, Args: args, Err: errors.New(args["description"])}
}

// placed names what is the same for an app and an admin: a tenant or a client
// that is not there.
//
// Source of the numbers, here and below: MicrosoftDocs/entra-docs,
// reference-error-codes.md.
func placed(f *probes.Fault, tenant, client string) *probes.Fault {
	switch f.Args["aadsts"] {
	case "90002", "900023", "5000224", "50059":
		f.Code = NoTenant
	case "90038", "900432":
		f.Code, f.Args["clouds"] = OtherCloud, cloudsOf(redirectedTo(f.Args["description"]), "")
	case "700016":
		f.Code = NoClient
	}
	f.Args["tenant"], f.Args["client"] = probes.Clean(tenant, 200), probes.Clean(client, 100)
	return f
}

// tolerated is how far a clock may be off. Entra takes an assertion from five
// minutes before its time.
const tolerated = 5 * time.Minute

// wrongClock says how a clock is wrong, or leaves the code as it is.
func wrongClock(c *clock, otherwise probes.Code) (code probes.Code, by string) {
	ahead, known := c.skew()
	switch {
	case !known:
		return otherwise, ""
	case ahead > tolerated:
		return ClockAhead, ahead.String()
	case ahead < -tolerated:
		return ClockBehind, (-ahead).String()
	}
	return otherwise, ""
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
	return hostile(s)
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
