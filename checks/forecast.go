package checks

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"offbasic/probes"
)

// Envelope is a message as it is to be handed over.
type Envelope struct {
	Message MessageFacts
	// MailFrom and RcptTo are the envelope, Account is who signs in; "" when
	// nobody does.
	MailFrom string
	RcptTo   []string
	Account  string
}

// ForecastCheck is one question about a message before it is sent. The words
// of its outcomes are under "check.<id>.<status>", its remedy's under
// "remedy.<remedy>".
type ForecastCheck struct {
	ID       ID
	Outcomes []Status
	Remedy   string // of Warn and Fail
	judge    func(Envelope, Way, TenantFacts) (Status, map[string]string)
}

// ForecastChecks lists them in the order in which a server would object.
func ForecastChecks() []ForecastCheck {
	return []ForecastCheck{
		{"forecast-from", can(Pass, Warn, Skip), "forecast-from", forecastFrom},
		{"forecast-account", can(Pass, Fail), "forecast-account", forecastAccount},
		{"forecast-domain", can(Pass, Fail, Skip), "forecast-domain", forecastDomain},
		{"forecast-reach", can(Pass, Fail, Skip), "forecast-reach", forecastReach},
		{"forecast-count", can(Pass, Fail), "forecast-count", forecastCount},
		{"forecast-size", can(Pass, Warn, Fail, Skip), "forecast-size", forecastSize},
		{"forecast-from-header", can(Fail), "forecast-from-header", forecastFromHeader},
		{"forecast-name", can(Warn), "forecast-name", forecastName},
		{"forecast-headers", can(Warn), "forecast-headers", forecastHeaders},
		{"forecast-lines", can(Warn), "forecast-lines", forecastLines},
	}
}

// Forecast says what a message will meet on a route, before anything is sent:
// only what a confirmed rule or limit says. What is not known of the tenant is
// a Skip.
func Forecast(e Envelope, w Way, tenant TenantFacts) []Finding {
	var out []Finding
	for _, c := range ForecastChecks() {
		status, args := c.judge(e, w, tenant)
		if status == "" {
			continue
		}
		found := Finding{Check: c.ID, Status: status, Args: args}
		if status == Warn || status == Fail {
			found.Remedy = c.Remedy
		}
		out = append(out, found)
	}
	return out
}

// forecastFrom: client submission and Graph take another From than the
// account's with Send As only (5.7.60, 5.2.252); a service takes addresses of
// the domains that it verified.
func forecastFrom(e Envelope, w Way, _ TenantFacts) (Status, map[string]string) {
	switch w.From {
	case FromSendAs:
		if e.Account == "" {
			return "", nil
		}
		if other := otherThan(e.Account, e); other != "" {
			return Warn, map[string]string{"from": other, "account": e.Account}
		}
		return Pass, map[string]string{"account": e.Account}
	case FromVerified:
		return Skip, map[string]string{"from": cmp.Or(e.Message.From, e.MailFrom), "account": e.Account}
	}
	return "", nil
}

// forecastAccount: High Volume Email takes its own address alone, in the
// envelope (5.7.62) and in the header (5.6.241).
func forecastAccount(e Envelope, w Way, _ TenantFacts) (Status, map[string]string) {
	if w.From != FromAccount || e.Account == "" {
		return "", nil
	}
	if other := otherThan(e.Account, e); other != "" {
		return Fail, map[string]string{"from": other, "account": e.Account}
	}
	return Pass, map[string]string{"account": e.Account}
}

// otherThan is the address that the message comes from, when it is not the
// account's.
func otherThan(account string, e Envelope) string {
	for _, a := range []string{e.MailFrom, e.Message.From} {
		if a != "" && !strings.EqualFold(a, account) {
			return a
		}
	}
	return ""
}

// forecastDomain: a relay by connector and Direct Send take an envelope sender
// in an accepted domain.
func forecastDomain(e Envelope, w Way, t TenantFacts) (Status, map[string]string) {
	if w.From != FromAccepted {
		return "", nil
	}
	args := map[string]string{"from": orNull(e.MailFrom), "domains": several(t.Domains)}
	switch {
	case len(t.Domains) == 0:
		return Skip, args
	case ofTenant(e.MailFrom, t):
		return Pass, args
	}
	return Fail, args
}

func orNull(address string) string {
	if address == "" {
		return "<>"
	}
	return address
}

func ofTenant(address string, t TenantFacts) bool {
	d := domain(address)
	return d != "" && slices.ContainsFunc(t.Domains, func(own string) bool { return strings.EqualFold(own, d) })
}

// forecastReach: High Volume Email and Direct Send reach recipients of the
// tenant only.
func forecastReach(e Envelope, w Way, t TenantFacts) (Status, map[string]string) {
	if len(e.RcptTo) == 0 || w.Reach == AsAllowed {
		return "", nil
	}
	var outside []string
	for _, to := range e.RcptTo {
		if !ofTenant(to, t) {
			outside = append(outside, to)
		}
	}
	args := map[string]string{
		"inside": strconv.Itoa(len(e.RcptTo) - len(outside)), "outside": strconv.Itoa(len(outside)), "names": several(outside),
	}
	switch {
	case w.Reach == Anybody || len(outside) == 0:
		return Pass, args
	case len(t.Domains) == 0:
		return Skip, map[string]string{"names": several(e.RcptTo)}
	}
	return Fail, args
}

func forecastCount(e Envelope, w Way, _ TenantFacts) (Status, map[string]string) {
	if w.Count.N == 0 || len(e.RcptTo) == 0 {
		return "", nil
	}
	args := map[string]string{"count": strconv.Itoa(len(e.RcptTo)), "limit": strconv.FormatInt(w.Count.N, 10)}
	if int64(len(e.RcptTo)) > w.Count.N {
		return Fail, args
	}
	return Pass, args
}

// forecastSize holds the size on the way against the limit: Graph takes the
// message in base64, SMTP as it is.
func forecastSize(e Envelope, w Way, _ TenantFacts) (Status, map[string]string) {
	if e.Message.Size == 0 {
		return "", nil
	}
	size := e.Message.Size
	if w.Encoded {
		size = int64(base64.StdEncoding.EncodedLen(int(size)))
	}
	args := map[string]string{"size": decimal(size), "made": decimal(e.Message.Size), "limit": decimal(w.Size.N)}
	const unsure = 1.048576 // of a megabyte
	switch {
	case w.Size.N == 0:
		return Skip, args
	case size <= w.Size.N:
		return Pass, args
	case w.Size.Millions && float64(size) <= float64(w.Size.N)*unsure:
		return Warn, args
	}
	return Fail, args
}

// decimal is a size in megabytes (1,000,000 bytes) with two places: "9.81". A
// size is never 0.
func decimal(size int64) string {
	if size > 0 {
		size = max(size, 10_000)
	}
	return strconv.FormatFloat(float64(size)/1e6, 'f', 2, 64)
}

// forecastFromHeader: Exchange Online refuses a message without a valid From
// (5.7.512; RFC 5322 section 3.6.2).
func forecastFromHeader(e Envelope, w Way, _ TenantFacts) (Status, map[string]string) {
	if e.Message.Size == 0 || e.Message.FromFields == 1 && e.Message.From != "" || w.From == FromAny {
		return "", nil
	}
	return Fail, map[string]string{"count": strconv.Itoa(e.Message.FromFields), "from": cmp.Or(e.Message.FromText, "-")}
}

// forecastName: a display name with special characters is to be quoted (RFC
// 5322 section 3.2.4), one that is not ASCII encoded (RFC 2047).
func forecastName(e Envelope, _ Way, _ TenantFacts) (Status, map[string]string) {
	if !e.Message.OddName {
		return "", nil
	}
	return Warn, map[string]string{"from": cmp.Or(e.Message.FromText, "-")}
}

// forecastHeaders: bytes above 127 in a header are for servers and recipients
// with SMTPUTF8 (RFC 6532).
func forecastHeaders(e Envelope, _ Way, _ TenantFacts) (Status, map[string]string) {
	if len(e.Message.EightBit) == 0 {
		return "", nil
	}
	return Warn, map[string]string{"fields": several(e.Message.EightBit)}
}

// forecastLines: a line has at most 998 bytes (RFC 5321 section 4.5.3.1.6).
func forecastLines(e Envelope, _ Way, _ TenantFacts) (Status, map[string]string) {
	if e.Message.Longest <= longestLine {
		return "", nil
	}
	return Warn, map[string]string{"bytes": strconv.Itoa(e.Message.Longest)}
}

const longestLine = 998

// RetryWait says how long to wait before a test send is tried again, after so
// many attempts: only where the catalogue says that the reply allows it.
func (e *Explainer) RetryWait(r probes.Reply, attempts int) (seconds int, again bool) {
	waits := []int{5, 15, 30}
	x := e.Reply(r)
	if attempts < 1 || attempts > len(waits) || !x.Known || x.Handling != Retry {
		return 0, false
	}
	return waits[attempts-1], true
}
