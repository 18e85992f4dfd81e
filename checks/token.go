package checks

import (
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// TokenFacts is what a token is judged with. What is empty is not compared.
type TokenFacts struct {
	Claims probes.Claims
	Now    time.Time
	Route  probes.Route // OAuth when empty
	Tenant string       // id
	App    string       // client id
	Object string       // id of the enterprise application
}

// TokenChecks lists the checks of an access token.
func TokenChecks() []Check {
	list := func(id ID, outcomes ...Status) Check { return Check{ID: id, Outcomes: outcomes, Remedy: string(id)} }
	return []Check{
		list("token-aud", Pass, Fail),
		list("token-graph", Fail),
		list("token-time", Pass, Warn, Fail),
		list("token-early", Fail),
		list("token-tenant", Pass, Fail),
		list("token-app", Pass, Fail),
		list("token-object", Pass, Fail),
		list("token-rights", Pass, Warn, Fail),
		list("token-hve", Fail),
	}
}

// hveMargin: a token closer to its end is refused by High Volume Email with
// 535 5.7.142; a margin of 20 minutes is what works in production.
const hveMargin = 20 * time.Minute

// JudgeToken judges the claims of an access token. The token itself is not
// needed, and its signature is not verified: only the service that it is for
// can.
func JudgeToken(f TokenFacts) []Finding {
	j := tokenJudge{TokenFacts: f, verdicts: verdicts{table: TokenChecks()}}
	if j.Route == "" {
		j.Route = probes.OAuth
	}
	j.audience()
	j.time()
	j.same("token-tenant", f.Claims.Tenant, f.Tenant)
	j.same("token-app", f.Claims.App, f.App)
	if f.Claims.User == "" { // of a token for a user it is the user's
		j.same("token-object", f.Claims.Object, f.Object)
	}
	j.rights()
	return j.found
}

type tokenJudge struct {
	TokenFacts
	verdicts
}

func (j *tokenJudge) audience() {
	aud := strings.TrimSuffix(j.Claims.Audience, "/")
	switch {
	case j.Route == probes.Graph:
		status := Fail
		if isGraph(aud) {
			status = Pass
		}
		j.add("token-aud", status, "audience", j.Claims.Audience)
	case isGraph(aud):
		j.add("token-graph", Fail, "audience", j.Claims.Audience)
	case outlook(aud):
		j.add("token-aud", Pass, "audience", j.Claims.Audience)
	default:
		j.add("token-aud", Fail, "audience", first(j.Claims.Audience, "-"))
	}
}

// isGraph tells an audience of Microsoft Graph, by its host in any cloud or by
// its app id.
func isGraph(aud string) bool {
	if aud == "00000003-0000-0000-c000-000000000000" {
		return true
	}
	return slices.ContainsFunc(Clouds(), func(c Cloud) bool { return aud == c.Graph })
}

func (j *tokenJudge) time() {
	left := j.Claims.Expires.Sub(j.Now)
	args := []string{"expires", j.Claims.Expires.UTC().Format(time.RFC3339), "left", left.Round(time.Second).String()}
	switch {
	case j.Claims.NotBefore.After(j.Now.Add(5 * time.Minute)):
		j.add("token-early", Fail, "from", j.Claims.NotBefore.UTC().Format(time.RFC3339))
	case j.Claims.Expires.IsZero():
	case left <= 0:
		j.add("token-time", Fail, "expires", args[1], "left", (-left).Round(time.Second).String())
	case j.Route == probes.HVE && left < hveMargin, left < 5*time.Minute:
		j.add("token-time", Warn, args...)
	default:
		j.add("token-time", Pass, args...)
	}
}

func (j *tokenJudge) same(id ID, have, want string) {
	switch {
	case have == "" || want == "" || strings.Contains(want, "."): // a domain's name is not compared with an id
	case strings.EqualFold(have, want):
		j.add(id, Pass, "have", have)
	default:
		j.add(id, Fail, "have", have, "want", want)
	}
}

// rights judges roles and scopes: SMTP.SendAsApp or SMTP.Send for client
// submission, Mail.Send for High Volume Email and for Graph. With App RBAC a
// token has no role for SMTP at all, which is as it should be (Microsoft, "SMTP
// App RBAC onboarding").
func (j *tokenJudge) rights() {
	if j.Route != probes.Graph && isGraph(strings.TrimSuffix(j.Claims.Audience, "/")) {
		return // rights in another service are none here
	}
	has := func(right string) bool {
		return slices.ContainsFunc(append(slices.Clone(j.Claims.Roles), j.Claims.Scopes...), func(s string) bool {
			return strings.EqualFold(s[strings.LastIndexByte(s, '/')+1:], right)
		})
	}
	rights := several(append(slices.Clone(j.Claims.Roles), j.Claims.Scopes...))
	wanted := []string{"SMTP.SendAsApp", "SMTP.Send"}
	if j.Route == probes.HVE || j.Route == probes.Graph {
		wanted = []string{"Mail.Send"}
	}
	switch {
	case slices.ContainsFunc(wanted, has):
		j.add("token-rights", Pass, "rights", rights)
	case j.Route == probes.HVE && has("SMTP.SendAsApp"):
		j.add("token-hve", Fail, "rights", rights)
	case len(j.Claims.Scopes) == 0 && j.Route == probes.OAuth:
		j.add("token-rights", Warn, "rights", first(rights, "-"))
	default:
		j.add("token-rights", Fail, "rights", first(rights, "-"), "wanted", several(wanted))
	}
}
