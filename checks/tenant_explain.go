package checks

import (
	"slices"
	"strings"

	"offbasic/probes"
)

// Refusal is an explanation with what is known of the tenant: what was read
// and would cause it stands first, then what may be too new to count, then the
// causes that are left.
type Refusal struct {
	Explanation
	// Findings are what was read of the tenant and causes it.
	Findings []Finding
	// Young is what may be too new to count; nil means that nothing is, and
	// that what was refused is wrong.
	Young *Young
}

// Trial explains why a test send was refused, or why no token was given for
// it. ok false means that there is nothing to explain.
func (e *Explainer) Trial(t probes.Trial, f TenantFacts) (r Refusal, ok bool) {
	switch {
	case t.AADSTS != "":
		r.Explanation, ok = e.SignIn(t.AADSTS)
	case t.Reply != nil && t.Outcome != probes.TrialSent:
		r.Explanation, ok = e.Reply(*t.Reply), true
	}
	if !ok || !r.Known {
		return r, ok
	}
	objects := dependsOn(r.ID)
	if len(objects) > 0 {
		if y, young := YoungOf(f.Made, f.Now, objects...); young {
			r.Young = &y
			r.Handling = RetryLater
		}
	}
	f.Mailboxes = []string{t.From}
	if t.Claims != nil {
		f.Token, f.TokenAt = t.Claims, t.Started
	}
	r.Findings = causesOf(r.ID, t, f)
	r.likely, r.helpful = left(r.ID, byToken(t), r.Young != nil, len(f.Made) > 0)
	return r, true
}

// byToken tells whether a trial signed in with a token.
func byToken(t probes.Trial) bool {
	return t.Claims != nil || t.Route == probes.OAuth || strings.Contains(t.Mechanism, "OAUTH")
}

// dependsOn lists what a refusal can come from when it is new.
func dependsOn(id string) []string {
	switch id {
	case "smtp-535-5.7.3":
		return rightsObjects()
	case "smtp-535-5.7.139-mailbox-disabled", "smtp-535-5.7.139-tenant-disabled":
		return []string{MadeSwitch}
	case "aadsts-700016":
		return []string{MadeApp, MadeEnterprise}
	case "aadsts-7000215", "aadsts-700027":
		return []string{MadeCredential}
	}
	if strings.HasPrefix(id, "smtp-554-5.2.252") {
		return []string{MadeSendAs}
	}
	if strings.HasPrefix(id, "smtp-550-5.7.68") {
		return []string{MadeDirect}
	}
	return nil
}

// causesOf are the findings about the tenant that cause a refusal.
func causesOf(id string, t probes.Trial, f TenantFacts) []Finding {
	var family []string
	switch {
	case id == "smtp-535-5.7.3" && byToken(t):
		family = []string{"tenant-app", "tenant-token", "tenant-principal", "tenant-rights-", "tenant-smtp-auth-mailbox", "tenant-smtp-auth-follows"}
	case strings.HasPrefix(id, "smtp-535-5.7.139") && byToken(t):
		family = []string{"tenant-smtp-auth-mailbox", "tenant-smtp-auth-follows", "tenant-access-workload"}
	case strings.HasPrefix(id, "smtp-535-5.7.139"):
		family = []string{"tenant-policy", "tenant-security-defaults", "tenant-access-legacy", "tenant-smtp-auth-"}
	case strings.HasPrefix(id, "smtp-550-5.7.68"):
		family = []string{"tenant-direct-send"}
	case strings.HasPrefix(id, "aadsts-"):
		family = []string{"tenant-app", "tenant-token", "tenant-clock"}
	}
	return slices.DeleteFunc(TenantState(f), func(x Finding) bool {
		harmless := []ID{"tenant-rights-model", "tenant-rights-outside", "tenant-rights-claim", "tenant-rights-permission", "tenant-rights-everywhere"}
		bad := x.Status == Fail || x.Status == Warn
		return !bad || slices.Contains(harmless, x.Check) ||
			!slices.ContainsFunc(family, func(p string) bool { return strings.HasPrefix(string(x.Check), p) })
	})
}

// left are the causes and remedies of a row that are left, the likeliest
// first, when it is known how the sign-in was made. That a change is new is no
// cause where it is known that none is.
func left(id string, token, young, timesKnown bool) (causes, remedies []int) {
	if id != "smtp-535-5.7.3" {
		return nil, nil
	}
	if !token {
		return []int{1}, []int{1}
	}
	causes, remedies = []int{3, 2}, []int{3, 4, 2}
	if !young && !timesKnown {
		causes = append(causes, 4) // Young says it with the time
	}
	return causes, remedies
}
