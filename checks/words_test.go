package checks_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

// wanted lists every key that this package can ask for, from its own tables.
func wanted() []string {
	var keys []string
	add := func(format string, args ...any) { keys = append(keys, fmt.Sprintf(format, args...)) }
	numbered := func(key string, causes, remedies int) {
		add("%s.meaning", key)
		for i := range causes {
			add("%s.cause.%d", key, i+1)
		}
		for i := range remedies {
			add("%s.remedy.%d", key, i+1)
		}
	}
	for _, r := range checks.Replies() {
		numbered("reply."+r.ID, r.Causes, r.Remedies)
	}
	for _, r := range checks.SignInErrors() {
		numbered("aadsts."+strconv.Itoa(r.Code), r.Causes, r.Remedies)
	}
	for _, c := range checks.All() {
		for _, s := range c.Outcomes {
			add("check.%s.%s", c.ID, s)
		}
		if c.Remedy != "" {
			add("remedy.%s", c.Remedy)
		}
	}
	for _, c := range checks.TenantChecks() {
		for _, s := range c.Outcomes {
			if s == checks.Skip {
				add("tenant.unknown.%s", c.ID)
			} else {
				add("check.%s.%s", c.ID, s)
			}
		}
		if c.Remedy != "" {
			add("remedy.%s", c.Remedy)
		}
	}
	for _, id := range checks.RightsReasonIDs() {
		add("reason.%s", id)
	}
	for _, o := range checks.MadeObjects() {
		add("object.%s", o)
	}
	for _, m := range []probes.RightsModel{probes.MailboxRights, probes.RoleRights} {
		add("rights.%s", m)
	}
	for _, c := range looks() {
		for _, s := range c.Outcomes {
			add("check.%s.%s", c.ID, s)
			if c.Remedy != "" && (s == checks.Warn || s == checks.Fail) {
				add("remedy.%s", c.Remedy)
			}
		}
	}
	for _, r := range checks.CompauthReasons() {
		add("compauth.%s", r)
	}
	for _, v := range checks.SpamFilters() {
		add("sfv.%s", v)
	}
	for _, v := range checks.SpamCategories() {
		add("cat.%s", v)
	}
	for _, c := range checks.ForecastChecks() {
		for _, s := range c.Outcomes {
			add("check.%s.%s", c.ID, s)
		}
		if c.Remedy != "" {
			add("remedy.%s", c.Remedy)
		}
	}
	for _, w := range checks.Ways() {
		add("reach.%s", w.Reach)
		for _, e := range w.Effort {
			add("effort.%s", e)
		}
	}
	for _, id := range checks.ReasonIDs() {
		add("reason.%s", id)
	}
	for _, id := range checks.LackIDs() {
		add("lack.%s", id)
	}
	for _, r := range append(probes.Routes(), probes.Basic) {
		add("route.%s", r)
		add("route.%s.what", r)
	}
	for _, f := range []checks.Fit{checks.Fits, checks.Needs, checks.Asks, checks.Unfit, checks.NoFact} {
		add("fit.%s", f)
	}
	for _, h := range checks.Handlings() {
		add("handling.%s", h)
	}
	for _, q := range checks.Table(checks.Facts{}) {
		add("question.%s", q.ID)
		for _, a := range q.Answers {
			add("question.%s.%s", q.ID, a)
		}
	}
	for _, id := range checks.NotAsked() {
		add("question.not.%s", id)
	}
	for _, c := range []string{"2", "3", "4", "5", "aadsts"} {
		add("class.%s", c)
	}
	for i := range 8 {
		add("subject.%d", i)
	}
	add("explain.unknown")
	add("explain.variants")
	for _, c := range checks.Clouds() {
		add("cloud.%s", c.ID)
	}
	for _, e := range checks.Calendar() {
		add("date.%s", e.ID)
	}
	for _, s := range checks.OAuthSupports() {
		add("support.%s", s)
	}
	for _, d := range checks.NewDevices().All() {
		add("kind.%s", d.Kind)
		if d.OAuth != checks.OAuthNotKnown {
			add("device.%s.oauth", d.ID)
		}
		for _, h := range d.Hints {
			add("hint.%s", h.Field)
		}
		for _, l := range d.Limits {
			add("device.limit.%s", l)
		}
	}
	for _, p := range checks.SignInPatterns() {
		add("pattern.%s", p)
		add("pattern.%s.breaks", p)
	}
	add("pattern.delegated")
	add("hint.mac")
	for _, l := range checks.Limits() {
		add("limit.%s", l.ID)
	}
	return keys
}

func TestEveryIdHasWordsInBothLanguages(t *testing.T) {
	for lang, words := range locales() {
		for _, key := range wanted() {
			if words[key] == "" {
				t.Errorf("%s: %s has no words", lang, key)
			}
		}
	}
}

// Words that nothing can ask for are left over from a row that is gone.
func TestNoWordsAreLeftOver(t *testing.T) {
	keys := wanted()
	for _, d := range checks.NewDevices().All() {
		if d.Scope != "" { // has words where it is more than names of models
			keys = append(keys, "device."+d.ID+".scope")
		}
	}
	for key := range locales()["en"] {
		family, _, _ := strings.Cut(key, ".")
		ours := []string{
			"reply", "aadsts", "check", "reason", "lack", "fit", "handling", "class", "subject",
			"cloud", "date", "support", "effort", "reach", "device", "question", "hint", "limit", "pattern",
		}
		// "<key>.one" are the words for a count of 1.
		if slices.Contains(ours, family) && !slices.Contains(keys, strings.TrimSuffix(key, ".one")) {
			t.Errorf("nothing asks for %s", key)
		}
	}
}

var argument = regexp.MustCompile(`\{(\w+)\}`)

// filled fails for an argument that the words want and the judgement does not
// give, or gives empty.
func filled(t *testing.T, key string, args map[string]string) {
	t.Helper()
	s, _ := locale(t, "en")(key)
	for _, m := range argument.FindAllStringSubmatch(s, -1) {
		if args[m[1]] == "" {
			t.Errorf("%s wants {%s}, and has only %v", key, m[1], slices.Sorted(maps.Keys(args)))
		}
	}
}

// Every outcome of every check, every reason and everything that can be not
// known is reached by the recorded sessions and these variations, and each
// gives the arguments that its words want.
func TestEveryJudgementIsReachedAndGivesItsArguments(t *testing.T) {
	reached := map[string]bool{}
	for _, f := range variations(t) {
		for _, x := range checks.Judge(f) {
			key := fmt.Sprintf("check.%s.%s", x.Check, x.Status)
			reached[key] = true
			filled(t, key, x.Args)
			if !slices.Contains(checkOf(x.Check).Outcomes, x.Status) {
				t.Errorf("check %s says %s, which its table does not list", x.Check, x.Status)
			}
		}
		for _, r := range checks.Rank(f) {
			for _, why := range slices.Concat(r.For, r.Against, r.Needs) {
				reached["reason."+why.ID] = true
				filled(t, "reason."+why.ID, why.Args)
			}
			for _, why := range r.Lacks {
				reached["lack."+why.ID] = true
				filled(t, "lack."+why.ID, why.Args)
			}
			reached["fit."+string(r.Fit)] = true
		}
		for _, q := range checks.Interview(f) {
			reached["question."+q.ID+"."+q.Answer] = true
		}
	}
	for _, key := range wanted() {
		family, _, _ := strings.Cut(key, ".")
		_, rest, _ := strings.Cut(key, ".")
		if strings.HasPrefix(rest, "tenant-") || strings.HasPrefix(rest, "rights-") || strings.HasPrefix(rest, "forecast-") {
			continue // reached in the tests of the tenant and of the forecast
		}
		if isLook(rest) {
			continue // reached in the test of the looks
		}
		if slices.Contains([]string{"check", "reason", "lack", "fit"}, family) && !reached[key] {
			t.Errorf("no variation reaches %s", key)
		}
	}
}

func checkOf(id checks.ID) checks.Check {
	all := checks.All()
	return all[slices.IndexFunc(all, func(c checks.Check) bool { return c.ID == id })]
}

// variations are the recorded senders, with and without known domains, and
// what recordings do not hold.
func variations(t *testing.T) []checks.Facts {
	var out []checks.Facts
	for _, name := range []string{
		"canon-from", "certificate-then-clear", "copier-inside", "copier-tls10", "exim-anyway", "helo-only",
		"implicit-tls", "interview", "newsletter", "not-a-sender", "plain-only", "speaks-oauth", "token-for-graph",
	} {
		s := recorded(t, name)
		out = append(out,
			checks.Facts{Sender: name, Sessions: s, Domains: []string{"contoso.example"}},
			checks.Facts{Sender: name, Sessions: s})
	}
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	base := probes.Session{ID: "1", Started: at, Hello: "x", TLS: probes.TLS{Mode: probes.StartTLS, Version: "TLS 1.2"}}
	one := func(change func(*probes.Session)) checks.Facts {
		s := base
		change(&s)
		return checks.Facts{Sessions: []probes.Session{s}, Domains: []string{"contoso.example"}}
	}
	signs := func(mechanism string, o probes.AuthOutcome) []probes.Auth {
		return []probes.Auth{{Mechanism: mechanism, Outcome: o, Account: "scan@contoso.example"}}
	}
	out = append(out,
		one(func(s *probes.Session) {
			s.Policy, s.Auth = "exchange", []probes.Auth{{Mechanism: "LOGIN", Outcome: "accepted"}}
		}),
		one(func(s *probes.Session) {
			s.TLS = probes.TLS{Mode: probes.NoTLS}
			s.Auth = []probes.Auth{{Mechanism: "LOGIN", Account: "a", Outcome: "accepted", Cleartext: true}}
		}),
		one(func(s *probes.Session) { s.Policy, s.Auth = "everything", signs("PLAIN", probes.AuthAccepted) }),
		one(func(s *probes.Session) { s.Policy, s.MailFrom = "exchange", "scan@contoso.example" }),
		one(func(s *probes.Session) { s.Policy = "relay" }),
		one(func(s *probes.Session) { s.Policy, s.TLS.Version = "relay", "TLS 1.0" }),
		one(func(s *probes.Session) {
			s.TLS = probes.TLS{Mode: probes.StartTLS, Error: "no_common_version", ClientVersions: []string{"SSL 3.0"}}
		}),
	)
	old := one(func(s *probes.Session) { s.TLS.Version, s.Auth = "TLS 1.0", signs("LOGIN", probes.AuthAccepted) })
	stops, sends := base, base
	stops.Policy, stops.TLS = "no-tls", probes.TLS{Mode: probes.NoTLS}
	sends.Policy, sends.TLS, sends.MailFrom = "no-tls", stops.TLS, "scan@contoso.example"
	oldStops, oldSends := old, old
	oldStops.Sessions = append(slices.Clone(old.Sessions), stops)
	oldSends.Sessions = append(slices.Clone(old.Sessions), sends)
	out = append(out, oldStops, oldSends)
	upper := func(s string) string { return strings.ToUpper(s) + "@COPIER" }
	for _, r := range []checks.CanaryResult{
		heard(t, 1, asTyped, asTyped), heard(t, 1, first31, first31), heard(t, 1, upper, strings.ToUpper),
	} {
		f := one(func(s *probes.Session) { s.Auth = signs("LOGIN", probes.AuthAccepted) })
		f.Canary = []checks.CanaryResult{r}
		out = append(out, f)
	}

	devices := checks.NewDevices()
	for _, id := range []string{"epson", "xerox", "grafana", "gitlab"} {
		d, ok := devices.Find(id)
		if !ok {
			t.Fatalf("no device %s in the catalogue", id)
		}
		f := one(func(s *probes.Session) { s.Policy = "oauth-only" })
		f.Device = &d
		out = append(out, f)
	}
	for _, tr := range []probes.Trial{
		{ID: "t1", Route: probes.Connector, Outcome: probes.TrialSent},
		{ID: "t2", Route: probes.Connector, Outcome: probes.TrialSent, Receipt: &probes.Receipt{Found: true}},
		{ID: "t3", Route: probes.Connector, Outcome: probes.TrialRefused, Reply: &probes.Reply{Code: 550, Enhanced: "5.7.64"}},
	} {
		f := one(func(*probes.Session) {})
		f.Trials = []probes.Trial{tr}
		out = append(out, f)
	}
	return append(out, heardVariations()...)
}
