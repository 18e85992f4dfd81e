package checks_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

// heard is the result of a canary of 40 characters for ACS that the device
// made something of.
func heard(t *testing.T, minute int, account, password func(string) string) checks.CanaryResult {
	t.Helper()
	c := canary(t, probes.ACS, 0)
	h := c.Judge("192.0.2.50", "LOGIN", account(c.Account), []byte(password(c.Password)))
	return h.Result(time.Date(2026, 11, 22, 10, minute, 0, 0, time.UTC))
}

func asTyped(s string) string { return s }
func first31(s string) string { return s[:min(len(s), 31)] }

func reasonIDs(rs []checks.Reason) string {
	var ids []string
	for _, r := range rs {
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " ")
}

func TestWhatADeviceKeepsOfAPasswordRanksItsRoutes(t *testing.T) {
	for _, tt := range []struct {
		name     string
		results  []checks.CanaryResult
		route    probes.Route
		fit      checks.Fit
		reason   string // "" means that none of its reasons are of a canary
		has      func(checks.Ranked) []checks.Reason
		argument map[string]string
	}{
		{
			"cut at 31: no client secret fits",
			[]checks.CanaryResult{heard(t, 1, asTyped, first31)},
			probes.ACS, checks.Unfit,
			"cuts-secret", func(r checks.Ranked) []checks.Reason { return r.Against },
			map[string]string{"length": "31", "of": "40"},
		},
		{
			"cut at 31: a shorter password for HVE",
			[]checks.CanaryResult{heard(t, 1, asTyped, first31)},
			probes.HVE, "",
			"short-password", func(r checks.Ranked) []checks.Reason { return r.Needs },
			map[string]string{"length": "31"},
		},
		{
			"cut at 31: OAuth without a typed secret",
			[]checks.CanaryResult{heard(t, 1, asTyped, first31)},
			probes.OAuth, "",
			"untyped-secret", func(r checks.Ranked) []checks.Reason { return r.Needs }, nil,
		},
		{
			"whole",
			[]checks.CanaryResult{heard(t, 1, asTyped, asTyped)},
			probes.ACS, "",
			"keeps-secret", func(r checks.Ranked) []checks.Reason { return r.For },
			map[string]string{"of": "40"},
		},
		{
			"cut first, whole after a change on the device",
			[]checks.CanaryResult{heard(t, 2, asTyped, asTyped), heard(t, 1, asTyped, first31)},
			probes.ACS, "",
			"keeps-secret", func(r checks.Ranked) []checks.Reason { return append(r.For, r.Against...) }, nil,
		},
		{
			"in lower case",
			[]checks.CanaryResult{heard(t, 1, asTyped, strings.ToLower)},
			probes.ACS, checks.Unfit,
			"alters-secret", func(r checks.Ranked) []checks.Reason { return r.Against }, nil,
		},
		{
			"the account cut",
			[]checks.CanaryResult{heard(t, 1, first31, asTyped)},
			probes.ACS, "",
			"short-username", func(r checks.Ranked) []checks.Reason { return r.Needs },
			map[string]string{"length": "31"},
		},
		{
			"with a realm",
			[]checks.CanaryResult{heard(t, 1, func(s string) string { return s + "@COPIER" }, asTyped)},
			probes.HVE, "",
			"no-realm", func(r checks.Ranked) []checks.Reason { return r.Needs }, nil,
		},
		{
			"what the device had before",
			[]checks.CanaryResult{heard(t, 1, asTyped, func(string) string { return "something else" })},
			probes.ACS, "",
			"", func(r checks.Ranked) []checks.Reason { return append(r.For, r.Against...) }, nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := checks.Facts{Sessions: recorded(t, "copier-inside"), Canary: tt.results}
			r, _ := routeOf(t, f, tt.route)
			got := tt.has(r)
			i := slices.IndexFunc(got, func(why checks.Reason) bool { return why.ID == tt.reason })
			if tt.reason == "" {
				if ids := reasonIDs(got); strings.Contains(ids, "secret") {
					t.Errorf("reasons %s", ids)
				}
				return
			}
			if i < 0 || tt.fit != "" && r.Fit != tt.fit {
				t.Fatalf("%s is %s, for %s, against %s, needs %s; want %s", tt.route, r.Fit, reasonIDs(r.For), reasonIDs(r.Against), reasonIDs(r.Needs), tt.reason)
			}
			for k, want := range tt.argument {
				if got[i].Args[k] != want {
					t.Errorf("%s: %s is %q, want %q", tt.reason, k, got[i].Args[k], want)
				}
			}
			if at := got[i].Args["at"]; !strings.HasPrefix(at, "2026-11-22T10:0") {
				t.Errorf("%s is not dated: %q", tt.reason, at)
			}
		})
	}
}

func TestAResultHoldsNothingThatWasTyped(t *testing.T) {
	c := canary(t, probes.HVE, 0)
	for _, became := range []func(string) string{
		asTyped, first31, strings.ToUpper,
		func(s string) string { return strings.ReplaceAll(s, "~", "") },
		func(s string) string { return s[:10] + "xy" + s[12:] },
		func(string) string { return "Zq9 of before" },
	} {
		typed := became(c.Password)
		h := c.Judge("192.0.2.50", "PLAIN", became(c.Account)+`\COPIER`, []byte(typed))
		b, err := json.Marshal(h.Result(time.Unix(0, 0)))
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(typed) - 4 {
			if piece, _ := json.Marshal(typed[i : i+4]); strings.Contains(string(b), strings.Trim(string(piece), `"`)) {
				t.Fatalf("%s holds %q of what was typed", b, typed[i:i+4])
			}
		}
		if strings.Contains(string(b), "COPIER") {
			t.Errorf("%s holds the realm", b)
		}
	}
}
