package checks_test

import (
	"strings"
	"testing"

	"offbasic/checks"
	"offbasic/probes"
)

// trialCase is what a trial met, and the findings that come of it, each with
// its step.
type trialCase struct {
	edit func(*probes.Trial)
	want string
}

// metTrial is a trial that met nothing odd and was refused at RCPT.
func metTrial() probes.Trial {
	return probes.Trial{
		Route: probes.OAuth, Server: "mx.example:587", Started: noon(), Mode: probes.StartTLS, Outcome: probes.TrialRefused, Sender: "copier",
		Dials: []probes.Dial{{Addr: "192.0.2.1:587", MS: 12, Outcome: probes.DialConnected, Used: true}},
		TLS: &probes.TrialTLS{
			Version: "TLS 1.3", ServerName: "mx.example", Verified: true,
			Chain: []probes.Certificate{{Names: []string{"mx.example"}, Issuer: "CN=Test CA", From: noon().AddDate(0, -1, 0), Until: noon().AddDate(0, 3, 0)}},
		},
		Steps: []probes.Step{{Step: probes.StepConnect, Outcome: probes.StepOK}, {Step: probes.StepRCPT, Outcome: probes.StepFailed, Reply: "550 5.7.64 no"}},
	}
}

// ends makes a trial end at a step with a fault.
func ends(t *probes.Trial, step, fault string, args ...string) {
	t.Outcome = probes.TrialFailed
	s := probes.Step{Step: step, Outcome: probes.StepFailed, Fault: probes.Code(fault), Args: map[string]string{}}
	for i := 0; i+1 < len(args); i += 2 {
		s.Args[args[i]] = args[i+1]
	}
	t.Steps = []probes.Step{s}
}

// bad is a certificate that does not stand, of a trial that ended there.
func bad(code string) func(*probes.Trial) {
	return func(t *probes.Trial) {
		t.TLS.Verified, t.TLS.Problem = false, probes.Code(code)
		ends(t, probes.StepSTARTTLS, code)
	}
}

// dialled is a trial for which nothing was open.
func dialled(fault string, dials ...probes.Dial) func(*probes.Trial) {
	return func(t *probes.Trial) {
		t.Dials, t.TLS = dials, nil
		ends(t, probes.StepConnect, fault)
	}
}

func trialCases() map[string]trialCase {
	v4 := func(o probes.DialOutcome) probes.Dial {
		return probes.Dial{Addr: "192.0.2.1:25", Outcome: o, Cause: "x"}
	}
	v6 := probes.Dial{Addr: "[2001:db8::1]:587"}
	with := func(d probes.Dial, o probes.DialOutcome, ms float64) func(*probes.Trial) {
		d.Outcome, d.MS = o, ms
		return func(t *probes.Trial) { t.Dials = append(t.Dials, d) }
	}
	claims := func(edit func(*checks.TokenFacts)) func(*probes.Trial) {
		return func(t *probes.Trial) {
			f := soundToken()
			edit(&f)
			t.Claims = &f.Claims
		}
	}
	old := func(cause string) func(*probes.Trial) {
		return func(t *probes.Trial) {
			t.TLS = &probes.TrialTLS{ServerName: "mx.example"}
			ends(t, probes.StepSTARTTLS, "tls_failed", "cause", cause)
		}
	}
	return map[string]trialCase{
		"nothing":                {func(*probes.Trial) {}, ""},
		"refused":                {dialled("connect_refused", v4(probes.DialRefused)), "connect port-refused fail"},
		"dropped at two":         {dialled("connect_timeout", v4(probes.DialTimeout), probes.Dial{Addr: "192.0.2.2:25", Outcome: probes.DialTimeout}), "connect port-timeout fail"},
		"no network":             {dialled("connect_failed", v4(probes.DialNoRoute)), "connect port-no-route fail"},
		"IPv6 is dead":           {with(v6, probes.DialTimeout, 20_000), "connect port-family warn"},
		"IPv6 was still waiting": {with(v6, probes.DialUnfinished, 4_000), "connect port-family warn"},
		"IPv6 had no time":       {with(v6, probes.DialUnfinished, 200), ""},
		"IPv6 is slow":           {with(v6, probes.DialConnected, 1_500), "connect port-slow warn"},
		"no way to IPv6":         {with(v6, probes.DialNoRoute, 0), ""},
		"silent":                 {func(t *probes.Trial) { ends(t, probes.StepBanner, "server_silent"); t.TLS = nil }, "banner port-closed fail"},
		"no SMTP":                {func(t *probes.Trial) { ends(t, probes.StepBanner, "reply_malformed"); t.TLS = nil }, "banner port-not-smtp fail"},
		"stars":                  {func(t *probes.Trial) { t.Quirks = []string{"banner_masked"} }, "banner port-rewritten fail"},
		"stars, and taken": {func(t *probes.Trial) {
			t.Quirks, t.Outcome = []string{"banner_masked"}, probes.TrialSent
		}, "banner port-rewritten warn"},
		"X": {func(t *probes.Trial) {
			t.Quirks, t.TLS = []string{"starttls_masked"}, nil
			ends(t, probes.StepSTARTTLS, "smtp_rewritten")
		}, "starttls port-rewritten fail"},
		"no STARTTLS": {func(t *probes.Trial) {
			t.TLS = nil
			ends(t, probes.StepSTARTTLS, "starttls_missing", "offered", "SIZE, AUTH LOGIN")
		}, "starttls port-no-starttls fail"},
		"another name": {bad("tls_name"), "starttls tls-problem fail"},
		"in between":   {bad("tls_intercepted"), "starttls tls-problem fail"},
		"ended":        {bad("tls_expired"), "starttls tls-problem fail"},
		"allowed": {func(t *probes.Trial) {
			t.TLS.Verified, t.TLS.Problem, t.Quirks = false, "tls_name", []string{"certificate_allowed"}
		}, ""},
		"implicit":        {func(t *probes.Trial) { bad("tls_name")(t); t.Mode, t.Steps[0].Step = probes.Implicit, probes.StepTLS }, "tls tls-problem fail"},
		"ends soon":       {func(t *probes.Trial) { t.TLS.Chain[0].Until = noon().AddDate(0, 0, 3) }, "starttls tls-ends warn"},
		"TLS 1.0":         {old("tls: server selected unsupported protocol version 301"), "starttls tls-old fail"},
		"old, not told":   {old("remote error: tls: protocol version not supported"), "starttls tls-old fail"},
		"other handshake": {old("remote error: tls: handshake failure"), ""},
		"for Graph":       {claims(func(f *checks.TokenFacts) { f.Claims.Audience = "https://graph.microsoft.com" }), "token token-graph fail"},
		"another tenant":  {claims(func(f *checks.TokenFacts) { f.Claims.Tenant = "t-2" }), "token token-tenant fail"},
		"another app":     {claims(func(f *checks.TokenFacts) { f.Claims.App = "a-2" }), "token token-app fail"},
		"no role":         {claims(func(f *checks.TokenFacts) { f.Claims.Roles = nil }), "token token-rights warn"},
		"no role, and signed in": {func(t *probes.Trial) {
			claims(func(f *checks.TokenFacts) { f.Claims.Roles = nil })(t)
			t.Steps = append([]probes.Step{{Step: probes.StepAUTH, Outcome: probes.StepOK}}, t.Steps...)
		}, ""},
		"ending, and signed in": {func(t *probes.Trial) {
			claims(func(f *checks.TokenFacts) { f.Claims.Expires = noon().Add(2 * 60e9) })(t)
			t.Steps = append([]probes.Step{{Step: probes.StepAUTH, Outcome: probes.StepOK}}, t.Steps...)
		}, "token token-time warn"},
	}
}

func judgedTrial(edit func(*probes.Trial)) (probes.Trial, []checks.Finding) {
	t := metTrial()
	edit(&t)
	f := soundToken()
	return t, checks.JudgeTrial(checks.TrialFacts{Trial: t, Tenant: f.Tenant, App: f.App, Object: f.Object})
}

// What a trial itself saw is judged as the looks judge it.
func TestTrialsAreJudged(t *testing.T) {
	for name, tt := range trialCases() {
		tr, found := judgedTrial(tt.edit)
		var got []string
		for _, f := range found {
			got = append(got, f.Step+" "+string(f.Check)+" "+string(f.Status))
			filled(t, "check."+string(f.Check)+"."+string(f.Status), f.Args)
			if f.Remedy == "" || f.Sender != "copier" {
				t.Errorf("%s: %s has the remedy %q and the sender %q", name, f.Check, f.Remedy, f.Sender)
			}
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%s: %q, want %q", name, s, tt.want)
		}
		if explained := checks.Explains(found, tr); explained != (strings.HasSuffix(tt.want, "fail") && tr.Reached().Fault != "") {
			t.Errorf("%s: that its end is explained is %t", name, explained)
		}
	}
}

// One finding names every address that is judged alike.
func TestAddressesAreNamedTogether(t *testing.T) {
	_, found := judgedTrial(trialCases()["dropped at two"].edit)
	if len(found) != 1 || found[0].Args["address"] != "192.0.2.1, 192.0.2.2" || found[0].Args["port"] != "587" {
		t.Errorf("found %+v", found)
	}
}

// A quirk is not told a second time.
func TestQuirksThatAFindingTells(t *testing.T) {
	_, slow := judgedTrial(trialCases()["IPv6 is slow"].edit)
	_, none := judgedTrial(trialCases()["nothing"].edit)
	if !checks.Tells(slow, "ipv6_slow") || checks.Tells(slow, "banner_masked") || checks.Tells(none, "ipv6_slow") || checks.Tells(slow, "in_clear") {
		t.Error("what a finding tells is not known")
	}
}

// What the tenant's findings say of a token is not said twice.
func TestATokenIsJudgedOnce(t *testing.T) {
	_, met := judgedTrial(trialCases()["for Graph"].edit)
	if got := checks.Beside(met, []checks.Finding{{Check: "tenant-token-audience"}}); len(got) != 0 {
		t.Errorf("%+v is said twice", got)
	}
	if got := checks.Beside(met, []checks.Finding{{Check: "tenant-token-app"}}); len(got) != len(met) {
		t.Errorf("%+v is left of %+v", got, met)
	}
}
