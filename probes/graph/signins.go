package graph

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// The delegated permissions that the logs are read with (Microsoft Graph,
// "List signIns", "List messageTraces").
const (
	ReadSignIns = "AuditLog.Read.All"
	ReadTraces  = "ExchangeMessageTrace.Read.All"
)

// The codes of what a log is refused for, or breaks off for. Args status, code,
// message and request_id where Graph said something; host and cause where the
// network failed; pages and rows of what had been read.
const (
	SignInsUnlicensed probes.Code = "sign_ins_unlicensed" // the tenant has no Entra ID P1
	SignInsForbidden  probes.Code = "sign_ins_forbidden"  // the permission or the reader's role is missing
	TracesForbidden   probes.Code = "traces_forbidden"
	LogRefused        probes.Code = "log_refused"
	LogThrottled      probes.Code = "log_throttled" // after it was waited for more than once
	LogLost           probes.Code = "log_lost"      // the network
	LogStopped        probes.Code = "log_stopped"   // by the person
	LogLeads          probes.Code = "log_leads_elsewhere"
	LogEndless        probes.Code = "log_endless" // more pages than are read
)

// LogRead is how far a log was read.
type LogRead struct {
	Pages   int
	Rows    int           // that say something about a sender
	Skipped int           // that do not
	Bad     int           // that could not be read
	Waiting time.Duration // that Graph asks for before the next page; 0 is not
}

// Bounds of a log. A page of Graph has at most 1,000 sign-ins, or 5,000 traces.
const (
	logPageLimit = 32 << 20 // bytes
	maxLogPages  = 5000
)

// SignIns reads Entra's log of the sign-ins over SMTP since a time, the refused
// ones too, and emits a sighting for each row, as it comes. told, which may be
// nil, hears how far it is after every page and before every wait. What was
// emitted counts only when the error is nil.
//
// Source: Microsoft Graph, "List signIns"; resource type signIn
// (clientAppUsed). A row does not prove whether the sign-in was by password: no
// page of Microsoft says so, and it stays open here.
func (c Client) SignIns(ctx context.Context, since time.Time, told func(LogRead), emit func(probes.Sighting) error) (LogRead, error) {
	l := logReader{c: c, told: told, forbidden: SignInsForbidden}
	err := l.pages(ctx, "/auditLogs/signIns", url.Values{
		"$filter": {"createdDateTime ge " + since.UTC().Format(time.RFC3339) +
			" and (clientAppUsed eq 'Authenticated SMTP' or clientAppUsed eq 'SMTP')"},
	}, func(raw json.RawMessage) error {
		var row signInRow
		if json.Unmarshal(raw, &row) != nil {
			l.read.Bad++
			return nil
		}
		s, ok := row.sighting()
		if !ok {
			l.read.Bad++
			return nil
		}
		return l.emit(s, emit)
	})
	return l.read, err
}

// signInRow is what is read of a row of the log (resource type signIn).
type signInRow struct {
	Created   time.Time `json:"createdDateTime"`
	User      string    `json:"userPrincipalName"`
	IP        string    `json:"ipAddress"`
	ClientApp string    `json:"clientAppUsed"`
	Status    struct {
		ErrorCode int `json:"errorCode"`
	} `json:"status"`
}

func (r signInRow) sighting() (probes.Sighting, bool) {
	s := probes.Sighting{Kind: probes.FromSignIns, OldTLS: -1, Messages: 1, Account: mailAddress(r.User), Peer: networkAddress(r.IP), At: r.Created.UTC()}
	if r.Status.ErrorCode != 0 {
		s.Refused, s.Why, s.Messages = true, "AADSTS"+strconv.Itoa(r.Status.ErrorCode), 0
	}
	smtp := strings.EqualFold(r.ClientApp, "Authenticated SMTP") || strings.EqualFold(r.ClientApp, "SMTP")
	return s, smtp && s.Account != "" && !r.Created.IsZero()
}

// logReader reads a log page by page.
type logReader struct {
	c         Client
	told      func(LogRead)
	forbidden probes.Code // of a 401 or a 403 that has no other name
	read      LogRead
}

func (l *logReader) emit(s probes.Sighting, emit func(probes.Sighting) error) error {
	l.read.Rows++
	s.Line = l.read.Rows + l.read.Skipped + l.read.Bad
	return emit(s)
}

// pages hands every row on. The link to the next page is followed to the same
// Graph alone: the token goes with it.
func (l *logReader) pages(ctx context.Context, path string, query url.Values, row func(json.RawMessage) error) error {
	last := ""
	for range maxLogPages {
		var page struct {
			Value []json.RawMessage `json:"value"`
			Next  string            `json:"@odata.nextLink"`
		}
		if err := l.page(ctx, path, query, &page); err != nil {
			return l.fault(ctx, err)
		}
		for _, raw := range page.Value {
			if err := row(raw); err != nil {
				return err
			}
		}
		l.read.Pages++
		l.tell(0)
		if page.Next == "" {
			return nil
		}
		var ok bool
		if path, query, ok = l.c.next(page.Next); !ok || page.Next == last {
			return l.named(LogLeads, map[string]string{"link": probes.Clean(page.Next, 200)}, nil)
		}
		last = page.Next
	}
	return l.named(LogEndless, nil, nil)
}

// page asks for one page, and waits where Graph is busy.
func (l *logReader) page(ctx context.Context, path string, query url.Values, v any) error {
	for try := 1; ; try++ {
		err := l.c.getUpTo(ctx, logPageLimit, path, query, v)
		f, _ := errors.AsType[*probes.Fault](err)
		if err == nil || !throttled(err) || try == busyTries {
			return err
		}
		wait := Directory{}.backOff(f, try)
		l.tell(wait)
		if !l.c.sleep(ctx, wait) {
			return ctx.Err()
		}
	}
}

func (l *logReader) tell(wait time.Duration) {
	if l.told != nil {
		at := l.read
		at.Waiting = wait
		l.told(at)
	}
}

// fault names what a log broke off for. A fault of the sign-in stays what it
// is.
func (l *logReader) fault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return l.named(LogStopped, nil, ctx.Err())
	}
	f, ok := errors.AsType[*probes.Fault](err)
	if !ok {
		return err
	}
	code := LogRefused
	switch {
	case f.Code == Throttled:
		code = LogThrottled
	case f.Code == Unreachable:
		code = LogLost
	case f.Code != Refused:
		return err
	case f.Args["code"] == "Authentication_RequestFromNonPremiumTenantOrB2CTenant":
		code = SignInsUnlicensed
	case f.Args["status"] == strconv.Itoa(http.StatusUnauthorized) && strings.Contains(f.Args["message"], "Service principal-less"):
		code = TraceUnprovisioned
	case f.Args["status"] == strconv.Itoa(http.StatusUnauthorized), f.Args["status"] == strconv.Itoa(http.StatusForbidden):
		code = l.forbidden
	}
	return l.named(code, f.Args, f.Err)
}

func (l *logReader) named(code probes.Code, args map[string]string, err error) error {
	f := &probes.Fault{Op: "read a log through Graph", Code: code, Err: err, Args: map[string]string{
		"pages": strconv.Itoa(l.read.Pages), "rows": strconv.Itoa(l.read.Rows),
	}}
	maps.Copy(f.Args, args)
	return f
}

// mailAddress is an address in lower case, or "".
func mailAddress(s string) string {
	s = strings.ToLower(strings.Trim(probes.Clean(s, 320), " <>\""))
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at == len(s)-1 || strings.ContainsAny(s, " \t,;\\") { // a backslash is of Clean
		return ""
	}
	return s
}

// networkAddress is an address of the network, or "".
func networkAddress(s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return ""
	}
	return a.Unmap().WithZone("").String()
}
