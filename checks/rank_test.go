package checks_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

func routeOf(t *testing.T, f checks.Facts, route probes.Route) (r checks.Ranked, place int) {
	t.Helper()
	all := checks.Rank(f)
	place = slices.IndexFunc(all, func(r checks.Ranked) bool { return r.Route == route })
	return all[place], place
}

func TestEveryRouteIsRankedOnce(t *testing.T) {
	for _, f := range variations(t) {
		var got []probes.Route
		for _, r := range checks.Rank(f) {
			got = append(got, r.Route)
			if r.Fit == checks.Fits && len(r.For) == 0 {
				t.Errorf("%s: %s fits without a reason", f.Sender, r.Route)
			}
			if r.Fit == checks.Unfit != (len(r.Against) > 0) {
				t.Errorf("%s: %s is %s with %v against", f.Sender, r.Route, r.Fit, r.Against)
			}
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(probes.Routes()))
		if !slices.Equal(got, want) {
			t.Errorf("%s: ranked %v, want %v", f.Sender, got, want)
		}
	}
}

// A test send is sent from here: it proves the route and the tenant's side, and
// what is open of the device stays open.
func TestATestSendProvesTheRouteAndNothingOfTheDevice(t *testing.T) {
	reasons := func(list []checks.Reason) string {
		var ids []string
		for _, r := range list {
			ids = append(ids, r.ID)
		}
		return strings.Join(ids, " ")
	}
	for _, tt := range []struct {
		route        probes.Route
		session      string
		fit          checks.Fit
		needs, lacks string
	}{
		{probes.Graph, "copier-inside", checks.Asks, "", "software"},
		{probes.OAuth, "copier-inside", checks.Asks, "", "oauth"},
		{probes.OAuth, "interview", checks.Unfit, "", ""},
		{probes.OAuth, "speaks-oauth", checks.Fits, "", ""},
		{probes.Direct, "copier-inside", checks.Asks, "", "unauthenticated"},
		{probes.Connector, "interview", checks.Fits, "", ""},
		{probes.Relay, "copier-inside", checks.Fits, "", ""},
		{probes.Provider, "copier-inside", checks.Fits, "", ""},
	} {
		f := checks.Facts{Sessions: recorded(t, tt.session), Domains: []string{"contoso.example", "example.org"}}
		before, _ := routeOf(t, f, tt.route)
		f.Trials = []probes.Trial{{ID: "1", Route: tt.route, Outcome: probes.TrialSent, Started: time.Unix(1, 0), Receipt: &probes.Receipt{Found: true}}}
		r, _ := routeOf(t, f, tt.route)
		if r.Fit != tt.fit || reasons(r.Needs) != tt.needs || reasons(r.Lacks) != tt.lacks || r.For[len(r.For)-1].ID != "arrived" {
			t.Errorf("%s for %s: %s, needs %q, lacks %q, want %s, %q, %q; before it was %s, %+v", tt.route, tt.session, r.Fit, reasons(r.Needs), reasons(r.Lacks), tt.fit, tt.needs, tt.lacks, before.Fit, r)
		}
	}
}

func TestTheLastTestSendCounts(t *testing.T) {
	f := checks.Facts{Sessions: recorded(t, "copier-inside"), Trials: []probes.Trial{
		{ID: "1", Route: probes.Direct, Outcome: probes.TrialSent, Started: time.Unix(1, 0)},
	}}
	if r, place := routeOf(t, f, probes.Direct); place != 0 {
		t.Errorf("sent over direct, which is %s at place %d", r.Fit, place)
	}
	f.Trials = append(f.Trials, probes.Trial{
		ID: "2", Route: probes.Direct, Outcome: probes.TrialRefused, Started: time.Unix(2, 0),
		Reply: &probes.Reply{Code: 550, Enhanced: "5.7.68", Text: "TenantInboundAttribution; Direct Send not allowed"},
	})
	r, _ := routeOf(t, f, probes.Direct)
	if r.Fit == checks.Fits || len(r.Needs) != 1 || r.Needs[0].Args["reply"] != "550 5.7.68" {
		t.Errorf("refused since: %+v", r)
	}
}

// Most devices whose maker has OAuth are set up for a password today: that
// they stop at OAuth alone says nothing of what they can do.
func TestMakersWordOutweighsAnUnconfiguredDevice(t *testing.T) {
	epson, _ := checks.NewDevices().Find("epson")
	f := checks.Facts{Sessions: recorded(t, "interview")}
	if r, _ := routeOf(t, f, probes.OAuth); r.Fit != checks.Unfit {
		t.Errorf("unknown device that stops at OAuth: %s", r.Fit)
	}
	f.Device = &epson
	if r, _ := routeOf(t, f, probes.OAuth); r.Fit != checks.Needs || r.Needs[0].ID != "oauth-setting" {
		t.Errorf("device whose maker has OAuth: %+v", r)
	}
}

// Uptime Kuma's no rests on a thread of its users: it must not rule a route out.
func TestDoubtfulNoIsNone(t *testing.T) {
	kuma, _ := checks.NewDevices().Find("uptime-kuma")
	f := checks.Facts{Sessions: recorded(t, "copier-inside"), Device: &kuma}
	if r, _ := routeOf(t, f, probes.OAuth); r.Fit != checks.Asks {
		t.Errorf("oauth is %s %v", r.Fit, r.Against)
	}
}

func TestReplacingComesLastOfWhatIsOpen(t *testing.T) {
	for _, name := range []string{"copier-inside", "copier-tls10", "plain-only"} {
		all := checks.Rank(checks.Facts{Sessions: recorded(t, name), Domains: []string{"contoso.example"}})
		after := all[slices.IndexFunc(all, func(r checks.Ranked) bool { return r.Route == probes.Replace })+1:]
		for _, r := range after {
			if r.Fit != checks.Unfit {
				t.Errorf("%s: %s (%s) comes after replace", name, r.Route, r.Fit)
			}
		}
	}
}

func TestJudgingIsPure(t *testing.T) {
	f := checks.Facts{Sessions: recorded(t, "interview"), Domains: []string{"contoso.example"}}
	slices.Reverse(f.Sessions) // the order on disk is not the order of time
	before, _ := json.Marshal(f.Sessions)
	a, _ := json.Marshal([]any{checks.Judge(f), checks.Rank(f), checks.Interview(f)})
	slices.Reverse(f.Sessions)
	b, _ := json.Marshal([]any{checks.Judge(f), checks.Rank(f), checks.Interview(f)})
	slices.Reverse(f.Sessions)
	after, _ := json.Marshal(f.Sessions)
	if string(a) != string(b) || string(before) != string(after) {
		t.Error("the judgement depends on the order of the sessions, or changes them")
	}
	if !strings.Contains(string(a), `{"type":"finding","check":"password","status":"fail"`) {
		t.Errorf("JSON %.200s", a)
	}
}

func TestInterviewTellsWhatWasAnswered(t *testing.T) {
	var got []string
	for _, q := range checks.Interview(checks.Facts{Sessions: recorded(t, "interview")}) {
		got = append(got, q.ID+" "+q.Policy+" "+q.Answer)
		if q.Answer != "" && (q.Args["session"] == "" || q.Args["at"] == "") {
			t.Errorf("%s is answered without evidence: %v", q.ID, q.Args)
		}
	}
	same(t, "interview", got, []string{
		"signs-in exchange yes", "oauth oauth-only no", "unauthenticated relay yes", "retired retired no",
		"no-tls no-tls yes", "certificate exchange yes", "retries deferred ",
	})
}

func TestPasswordSentAsATokenIsAPassword(t *testing.T) {
	f := checks.Facts{Sessions: []probes.Session{{
		ID: "1", Hello: "x", Policy: "exchange", TLS: probes.TLS{Mode: probes.StartTLS, Version: "TLS 1.2"},
		Auth:   []probes.Auth{{Mechanism: "XOAUTH2", Account: "scan@contoso.example", Outcome: probes.AuthRefused}},
		Quirks: []string{"password_as_token"},
	}}}
	if r, _ := routeOf(t, f, probes.OAuth); len(r.For) != 1 {
		t.Errorf("reasons for oauth: %v", r.For)
	}
	if got := checks.Judge(f)[0]; got.Check != "password" || got.Status != checks.Fail {
		t.Errorf("first finding %+v", got)
	}
}

func BenchmarkRank(b *testing.B) {
	const senders = 10_000
	sessions := recorded(b, "interview")
	f := checks.Facts{Sender: "x", Sessions: sessions, Domains: []string{"contoso.example"}}
	b.Run(fmt.Sprintf("%d senders", senders), func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for range senders {
				checks.Rank(f)
			}
		}
	})
	b.Run("judge one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			checks.Judge(f)
		}
	})
}
