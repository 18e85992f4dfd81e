package lab

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
)

// signInPage asks for one page of the log.
func signInPage(t *testing.T, l *Lab, path string) (users []string, next string) {
	t.Helper()
	status, body := asks(t, l, "GET", path, "", "AuditLog.Read.All")
	var page struct {
		Value []struct {
			User   string    `json:"userPrincipalName"`
			IP     string    `json:"ipAddress"`
			At     time.Time `json:"createdDateTime"`
			Status struct {
				ErrorCode int `json:"errorCode"`
			} `json:"status"`
		} `json:"value"`
		Next string `json:"@odata.nextLink"`
	}
	if err := json.Unmarshal([]byte(body), &page); status != 200 || err != nil {
		t.Fatalf("%d %s (%v)", status, body, err)
	}
	for _, row := range page.Value {
		user := row.User
		if row.Status.ErrorCode != 0 {
			user += " refused"
		}
		users = append(users, user)
	}
	return users, strings.TrimPrefix(page.Next, l.GraphBase())
}

func signInsPath(filter string) string {
	return "/v1.0/auditLogs/signIns?" + url.Values{"$filter": {filter}}.Encode()
}

// A password over SMTP AUTH is in the log, right or wrong, from the office's
// public address; the filter is the one that is in use (Microsoft Graph, "List
// signIns"; clientAppUsed of resource type signIn).
func TestSignInsOverSMTPAreLogged(t *testing.T) {
	l := startFor(t)
	l.dir.logSignIn("scan@contoso.example", l.PublicAddress(), l.now(), 0)
	l.dir.logSignIn("scan@contoso.example", l.PublicAddress(), l.now(), 50126)
	since := l.now().Add(-time.Hour).UTC().Format(time.RFC3339)
	const smtp = " and (clientAppUsed eq 'Authenticated SMTP' or clientAppUsed eq 'SMTP')"
	got, _ := signInPage(t, l, signInsPath("createdDateTime ge "+since+smtp))
	if strings.Join(got, ", ") != "scan@contoso.example refused, scan@contoso.example" {
		t.Errorf("the log holds %q", got)
	}
	got, _ = signInPage(t, l, signInsPath("createdDateTime ge "+since+smtp+" and status/errorCode eq 0"))
	if strings.Join(got, ", ") != "scan@contoso.example" {
		t.Errorf("without the refused ones the log holds %q", got)
	}
	all, pages := 0, 0
	for path := signInsPath("clientAppUsed eq 'Authenticated SMTP'"); path != ""; pages++ {
		users, next := signInPage(t, l, path)
		all, path = all+len(users), next
	}
	if all != 9 || pages != 3 {
		t.Errorf("%d rows on %d pages, want 9 on 3", all, pages)
	}
}

func TestSignInLogRefuses(t *testing.T) {
	for _, tt := range []struct {
		fault, filter, permission, says string
		status                          int
	}{
		{"", "createdDateTime ge yesterday", "AuditLog.Read.All", "Request_UnsupportedQuery", 400},
		{"", "appDisplayName eq 'x'", "AuditLog.Read.All", "Request_UnsupportedQuery", 400},
		{"", "", "User.Read", "Authorization_RequestDenied", 403},
		{"sign-ins-unlicensed", "", "AuditLog.Read.All", "Authentication_RequestFromNonPremiumTenantOrB2CTenant", 403},
		{"sign-ins-no-role", "", "AuditLog.Read.All", "Authorization_RequestDenied", 403},
	} {
		var faults []string
		if tt.fault != "" {
			faults = []string{tt.fault}
		}
		l := startFor(t, faults...)
		if status, body := asks(t, l, "GET", signInsPath(tt.filter), "", tt.permission); status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%+v: %d %s", tt, status, body)
		}
	}
}
