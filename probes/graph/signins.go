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

// Logged is told what is read of a log. What was emitted counts up to the time
// that Whole was told last, whatever comes then.
type Logged struct {
	Told  func(LogRead)               // after every page and before every wait; nil means nobody asks
	Emit  func(probes.Sighting) error // every row, as it comes
	Whole func(until time.Time) error // every row before a time was emitted; its error ends the reading; nil means nobody asks
}

// SignIns reads Entra's log of the sign-ins over SMTP since a time, the refused
// ones too, and emits a sighting for each row.
//
// Source: Microsoft Graph, "List signIns"; resource type signIn
// (clientAppUsed; createdDateTime supports eq, le and ge). A row does not prove
// whether the sign-in was by password: no page of Microsoft says so, and it
// stays open here.
func (c Client) SignIns(ctx context.Context, since time.Time, to Logged) (LogRead, error) {
	l := logReader{c: c, to: to, forbidden: SignInsForbidden, most: signInStretch}
	err := l.stretches(since, func(p stretch) error {
		filter := "createdDateTime ge " + p.from.Format(time.RFC3339)
		if !p.last {
			filter += " and createdDateTime le " + p.to.Format(time.RFC3339)
		}
		filter += " and (clientAppUsed eq 'Authenticated SMTP' or clientAppUsed eq 'SMTP')"
		return l.pages(ctx, p, "/auditLogs/signIns", url.Values{"$filter": {filter}}, func(raw json.RawMessage) error { return l.signedIn(raw, p) })
	})
	return l.read, err
}

func (l *logReader) signedIn(raw json.RawMessage, p stretch) error {
	var row signInRow
	if json.Unmarshal(raw, &row) != nil {
		l.read.Bad++
		return nil
	}
	s, ok := row.sighting()
	switch {
	case !ok:
		l.read.Bad++
		return nil
	case p.next(s.At):
		return nil
	}
	return l.emit(s)
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
	to        Logged
	forbidden probes.Code   // of a 401 or a 403 that has no other name
	most      time.Duration // that one question is about
	read      LogRead
}

func (l *logReader) emit(s probes.Sighting) error {
	l.read.Rows++
	return l.to.Emit(s)
}

// signInStretch is the longest time that one question about the sign-ins is
// about.
const signInStretch = 30 * oneDay

const oneDay = 24 * time.Hour

// stretch is a time that a question is about: from its beginning to before its
// end, at a day's beginning; the last one has no end.
type stretch struct {
	from, to time.Time
	last     bool
}

// next tells whether a row is of the stretch that follows.
func (p stretch) next(at time.Time) bool { return !p.last && !at.Before(p.to) }

// errLong says that a stretch of several days has more than one page.
var errLong = errors.New("more than one page")

// stretches asks for one stretch of time after the other, so that what was
// read to its end stays read when a later one breaks off. One that has more
// than a page is halved, down to a day; one that has a page alone is followed
// by a longer one.
func (l *logReader) stretches(since time.Time, read func(stretch) error) error {
	until := l.c.now().UTC().Truncate(time.Second)
	length := l.most
	for from := since.UTC().Truncate(time.Second); from.Before(until); {
		p := stretch{from: from, to: from.Add(length).Truncate(oneDay)}
		if p.last = !p.to.Before(until); p.last {
			p.to = until
		}
		pages := l.read.Pages
		err := read(p)
		if errors.Is(err, errLong) {
			length = max(oneDay, min(length, p.to.Sub(from))/2)
			continue
		}
		if err != nil {
			return err
		}
		if l.to.Whole != nil {
			if err := l.to.Whole(p.to); err != nil {
				return err
			}
		}
		if l.read.Pages == pages+1 {
			length = min(2*length, l.most)
		}
		from = p.to
	}
	return nil
}

// pages hands every row of a stretch on. The link to the next page is followed
// to the same Graph alone: the token goes with it.
func (l *logReader) pages(ctx context.Context, p stretch, path string, query url.Values, row func(json.RawMessage) error) error {
	last := ""
	for first := true; l.read.Pages < maxLogPages; first = false {
		var page struct {
			Value []json.RawMessage `json:"value"`
			Next  string            `json:"@odata.nextLink"`
		}
		if err := l.page(ctx, path, query, &page); err != nil {
			return l.fault(ctx, err)
		}
		if first && page.Next != "" && p.to.Sub(p.from) > oneDay {
			return errLong
		}
		if err := l.rows(page.Value, row); err != nil || page.Next == "" {
			return err
		}
		var ok bool
		if path, query, ok = l.c.next(page.Next); !ok || page.Next == last {
			return l.named(LogLeads, map[string]string{"link": probes.Clean(page.Next, 200)}, nil)
		}
		last = page.Next
	}
	return l.named(LogEndless, nil, nil)
}

// rows hands the rows of a page on.
func (l *logReader) rows(page []json.RawMessage, row func(json.RawMessage) error) error {
	for _, raw := range page {
		if err := row(raw); err != nil {
			return err
		}
	}
	l.read.Pages++
	l.tell(0)
	return nil
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
	if l.to.Told != nil {
		at := l.read
		at.Waiting = wait
		l.to.Told(at)
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
