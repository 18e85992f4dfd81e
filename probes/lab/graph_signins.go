package lab

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The faults of the sign-in log.
const (
	signInsUnlicensed = "sign-ins-unlicensed"
	signInsNoRole     = "sign-ins-no-role"
)

// signInCalls are those of Entra's sign-in log, version 1.0.
func signInCalls() []call {
	return []call{{
		method: http.MethodGet, path: "/v1.0/auditLogs/signIns", page: "signin-list", scopes: []string{"AuditLog.Read.All"},
		options: map[string][]string{"$filter": nil, "$top": nil, "$skiptoken": nil}, answer: (*Lab).listSignIns,
	}}
}

// loggedSignIn is a row of the sign-in log.
type loggedSignIn struct {
	id, user, peer, clientApp string
	at                        time.Time
	errorCode                 int // of Entra; 0 is a success
}

// keptSignIns bounds the log; the oldest go first.
const keptSignIns = 1000

// logSignIn writes a sign-in with a password over SMTP into Entra's log. That
// the real one has a row of this kind for it is how the field reads the log; no
// page of Microsoft says so.
func (d *directory) logSignIn(user, peer string, at time.Time, errorCode int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.signedIn = append(d.signedIn, loggedSignIn{newID(), user, peer, "Authenticated SMTP", at, errorCode})
	if n := len(d.signedIn); n > keptSignIns {
		d.signedIn = slices.Clone(d.signedIn[n-keptSignIns:])
	}
}

// formerSignIns are those of the days before: a device that still signs in with
// a password, one with a wrong password, and a person with a browser.
func formerSignIns(now time.Time) []loggedSignIn {
	day := now.UTC().Truncate(24 * time.Hour)
	var rows []loggedSignIn
	for n := 6; n >= 1; n-- {
		rows = append(rows, loggedSignIn{newID(), "scan@contoso.example", officeAddress, "Authenticated SMTP", day.AddDate(0, 0, -n).Add(7 * time.Hour), 0})
	}
	return append(rows,
		loggedSignIn{newID(), "accounting@contoso.example", "198.51.100.20", "Authenticated SMTP", day.AddDate(0, 0, -1).Add(9 * time.Hour), 50126},
		loggedSignIn{newID(), adminAccount, officeAddress, "Browser", day.AddDate(0, 0, -1).Add(10 * time.Hour), 0})
}

// signInsPage is how many rows the lab gives at once: few, so that there are
// pages. Graph gives up to 1,000.
const signInsPage = 3

// listSignIns is "List signIns", the newest first.
func (l *Lab) listSignIns(w http.ResponseWriter, r *http.Request) {
	switch {
	case l.fault(signInsUnlicensed):
		l.graphRefuse(w, r, http.StatusForbidden, "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
			"Neither tenant is B2C or tenant doesn't have premium license")
		return
	case l.fault(signInsNoRole):
		l.graphRefuse(w, r, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
		return
	}
	query := r.URL.Query()
	top := signInsPage
	if t := query.Get("$top"); t != "" {
		n, err := strconv.Atoi(t)
		if err != nil || n < 1 || n > 1000 {
			l.badRequest(w, r, "Invalid value for $top.")
			return
		}
		top = n
	}
	wanted, ok := signInFilter(query.Get("$filter"))
	if !ok {
		l.graphRefuse(w, r, http.StatusBadRequest, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified.")
		return
	}
	rows := []map[string]any{}
	l.dir.mu.Lock()
	list := slices.Clone(l.dir.signedIn)
	l.dir.mu.Unlock()
	for _, s := range slices.Backward(list) {
		if wanted(s) {
			rows = append(rows, s.row())
		}
	}
	skip, _ := strconv.Atoi(query.Get("$skiptoken")) // none, or one of the lab's own
	rows = rows[min(max(skip, 0), len(rows)):]
	answer := map[string]any{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#auditLogs/signIns", "value": rows[:min(top, len(rows))]}
	if len(rows) > top {
		query.Set("$skiptoken", strconv.Itoa(skip+top))
		answer["@odata.nextLink"] = l.GraphBase() + r.URL.Path + "?" + query.Encode()
	}
	writeJSON(w, http.StatusOK, answer)
}

// row is a row with Graph's names (resource type signIn).
func (s loggedSignIn) row() map[string]any {
	reason := "Other."
	if s.errorCode == 50126 {
		reason = "Error validating credentials due to invalid username or password."
	}
	return map[string]any{
		"id": s.id, "createdDateTime": s.at.UTC().Format(time.RFC3339), "userDisplayName": localPart(s.user), "userPrincipalName": s.user,
		"appDisplayName": "Office 365 Exchange Online", "appId": exchangeAppID, "ipAddress": s.peer, "clientAppUsed": s.clientApp,
		"conditionalAccessStatus": "notApplied", "status": map[string]any{"errorCode": s.errorCode, "failureReason": reason},
	}
}

// signInFilter reads terms joined by "and": createdDateTime with ge and le,
// status/errorCode with eq, and clientAppUsed with eq, alone or several in
// brackets with "or" between.
func signInFilter(filter string) (func(loggedSignIn) bool, bool) {
	date := regexp.MustCompile(`^createdDateTime (ge|le) (\S+)$`)
	code := regexp.MustCompile(`^status/errorCode eq (\d{1,9})$`)
	app := regexp.MustCompile(`^clientAppUsed eq '([^']*)'$`)
	var terms []func(loggedSignIn) bool
	for _, part := range conjuncts(filter) {
		if m := date.FindStringSubmatch(part); m != nil {
			at, err := time.Parse(time.RFC3339, m[2])
			if err != nil {
				return nil, false
			}
			terms = append(terms, func(s loggedSignIn) bool { return s.at.Equal(at) || s.at.After(at) == (m[1] == "ge") })
			continue
		}
		if m := code.FindStringSubmatch(part); m != nil {
			terms = append(terms, func(s loggedSignIn) bool { return strconv.Itoa(s.errorCode) == m[1] })
			continue
		}
		var apps []string
		for either := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(part, "("), ")"), " or ") {
			m := app.FindStringSubmatch(either)
			if m == nil {
				return nil, false
			}
			apps = append(apps, m[1])
		}
		terms = append(terms, func(s loggedSignIn) bool { return slices.Contains(apps, s.clientApp) })
	}
	return func(s loggedSignIn) bool {
		return !slices.ContainsFunc(terms, func(term func(loggedSignIn) bool) bool { return !term(s) })
	}, true
}
