package checks

import (
	"slices"
	"strconv"
	"strings"

	"offbasic/probes"
)

// exchangeOnline is the client id of Office 365 Exchange Online, in every
// tenant.
const exchangeOnline = "00000002-0000-0ff1-ce00-000000000000"

// refuses is what a Conditional Access policy does to one way of signing in.
type refuses int

const (
	refusesNot refuses = iota
	refusesMaybe
	refusesYes
)

// judgeAccess says when nothing was read, and when nothing that was read
// refuses anything that matters here.
func judgeAccess(t *tenant) []Finding {
	if t.Graph == nil || t.Graph.Access == nil {
		return one(Skip)
	}
	on := 0
	for _, p := range *t.Graph.Access {
		if p.State == probes.AccessOn {
			on++
		}
		if p.State != probes.AccessReportOnly && t.under(p) > refusesNot {
			return nil
		}
	}
	return one(Pass, "count", strconv.Itoa(on))
}

func judgeAccessLegacy(t *tenant) []Finding       { return t.refusing(legacyUnder, everyone) }
func judgeAccessLegacyExcept(t *tenant) []Finding { return t.refusing(legacyUnder, almost) }
func judgeAccessLegacySome(t *tenant) []Finding   { return t.refusing(legacyUnder, chosen) }
func judgeAccessCodes(t *tenant) []Finding        { return t.refusing(codesUnder, everyone) }
func judgeAccessCodesExcept(t *tenant) []Finding  { return t.refusing(codesUnder, almost) }
func judgeAccessCodesSome(t *tenant) []Finding    { return t.refusing(codesUnder, chosen) }

func judgeAccessWorkload(t *tenant) []Finding {
	return t.refusing(t.appUnder, func(probes.AccessPolicy) bool { return true })
}

// judgeAccessSenders names the senders whose product signs in with a device
// code, where a policy may refuse that to them.
func judgeAccessSenders(t *tenant) []Finding {
	if len(t.DeviceCode) == 0 || len(t.refusing(codesUnder, func(probes.AccessPolicy) bool { return true })) == 0 {
		return nil
	}
	return one(Warn, "senders", several(t.DeviceCode))
}

// judgeAccessReport are the policies that would refuse if they were on: in
// report-only mode they are evaluated and not enforced (Microsoft, "Analyze
// Conditional Access Policy Impact").
func judgeAccessReport(t *tenant) []Finding {
	return t.policiesThat(func(p probes.AccessPolicy) bool {
		return p.State == probes.AccessReportOnly && t.under(p) == refusesYes
	}, Warn)
}

// judgeAccessUnsure are the policies that refuse under conditions, or by
// controls, that cannot be judged from here.
func judgeAccessUnsure(t *tenant) []Finding {
	return t.policiesThat(func(p probes.AccessPolicy) bool {
		return p.State != probes.AccessReportOnly && t.under(p) == refusesMaybe
	}, Skip)
}

// Whom a policy covers, as far as object ids can say it.
func everyone(p probes.AccessPolicy) bool { return p.Everyone && p.Excluded == 0 }
func almost(p probes.AccessPolicy) bool   { return p.Everyone && p.Excluded > 0 }
func chosen(p probes.AccessPolicy) bool   { return !p.Everyone }

// refusing are the policies in force that refuse a way of signing in to those
// for whom covers holds.
func (t *tenant) refusing(under func(probes.AccessPolicy) refuses, covers func(probes.AccessPolicy) bool) []Finding {
	return t.policiesThat(func(p probes.AccessPolicy) bool {
		return p.State == probes.AccessOn && under(p) == refusesYes && covers(p)
	}, Warn)
}

// policiesThat are the policies that something holds for, by name.
func (t *tenant) policiesThat(holds func(probes.AccessPolicy) bool, s Status) []Finding {
	if t.Graph == nil || t.Graph.Access == nil {
		return nil
	}
	var out []Finding
	for _, p := range *t.Graph.Access {
		if holds(p) {
			out = append(out, judged(s, "policy", p.Name, "included", strconv.Itoa(p.Included), "excluded", strconv.Itoa(p.Excluded)))
		}
	}
	return out
}

// under is the most that a policy does to anything that matters here. What a
// state does that is not known is not known either.
func (t *tenant) under(p probes.AccessPolicy) refuses {
	r := max(legacyUnder(p), codesUnder(p), t.appUnder(p))
	if p.State != probes.AccessOn && p.State != probes.AccessReportOnly {
		return min(r, refusesMaybe)
	}
	return r
}

// legacyUnder is what a policy does to a password over SMTP AUTH. SMTP belongs
// to the client apps "other"; a policy for all client apps covers it as well.
// Such a client can do no second factor and shows no device, so a policy that
// asks for either refuses it.
//
// Source: Microsoft, "Conditional Access: Conditions", client apps.
func legacyUnder(p probes.AccessPolicy) refuses {
	if !forUsers(p) || len(p.Flows) > 0 || !overExchange(p) ||
		!slices.Contains(p.ClientApps, "other") && !slices.Contains(p.ClientApps, "all") {
		return refusesNot
	}
	return certain(p, stops(p, "block", "mfa", "compliantDevice", "domainJoinedDevice"))
}

// codesUnder is what a policy does to the device code flow. A second factor is
// something that the person who enters the code can do; a device that the
// tenant manages may be or not.
//
// Source: Microsoft Graph v1.0, resource type
// conditionalAccessAuthenticationFlows; Microsoft, "Conditional Access:
// Authentication flows".
func codesUnder(p probes.AccessPolicy) refuses {
	if !forUsers(p) || !slices.Contains(p.Flows, "deviceCodeFlow") || !overExchange(p) {
		return refusesNot
	}
	switch {
	case slices.Contains(p.Controls, "block"):
		return certain(p, refusesYes)
	case slices.Contains(p.Controls, "compliantDevice"), slices.Contains(p.Controls, "domainJoinedDevice"):
		return refusesMaybe
	}
	return refusesNot
}

// appUnder is what a policy does to the app's own token. Under which
// conditions it does so changes nothing: to block is all that a policy for
// applications can do, and it does so outside some places or at some risk.
//
// Source: Microsoft, "Conditional Access for workload identities".
func (t *tenant) appUnder(p probes.AccessPolicy) refuses {
	id := t.object()
	in := func(list []string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return id != "" && strings.EqualFold(s, id) })
	}
	switch {
	case forUsers(p) || !overExchange(p) || in(p.NotPrincipals):
		return refusesNot
	case slices.Contains(p.Principals, "ServicePrincipalsInMyTenant") || in(p.Principals):
		return stops(p, "block")
	case p.Unclear: // a filter chooses the applications
		return min(stops(p, "block"), refusesMaybe)
	}
	return refusesNot
}

func forUsers(p probes.AccessPolicy) bool { return p.Everyone || p.Included > 0 }

// overExchange tells whether a policy covers Exchange Online: by itself, with
// everything, or in the group Office365, and not excluded (Microsoft,
// "Conditional Access: Target resources").
func overExchange(p probes.AccessPolicy) bool {
	has := func(list []string, words ...string) bool {
		return slices.ContainsFunc(list, func(s string) bool {
			return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(s, w) })
		})
	}
	return has(p.Apps, "All", "Office365", exchangeOnline) && !has(p.NotApps, "Office365", exchangeOnline)
}

// stops tells whether the controls of a policy cannot be met by who can meet
// none of those that are named. A control that is not understood here might be
// met.
func stops(p probes.AccessPolicy, cannot ...string) refuses {
	met, unmet := 0, 0
	for _, c := range p.Controls {
		if c == "block" || slices.Contains(cannot, c) {
			unmet++
		} else {
			met++
		}
	}
	switch {
	case unmet == 0 && met == 0 && !p.Unclear:
		return refusesNot
	case unmet > 0 && (!p.Any || met == 0 && !p.Unclear):
		return refusesYes
	}
	return refusesMaybe
}

// certain makes less of a verdict on a policy that holds under conditions
// alone.
func certain(p probes.AccessPolicy, r refuses) refuses {
	if p.Narrowed || p.Unclear && !slices.Contains(p.Controls, "block") {
		return min(r, refusesMaybe)
	}
	return r
}
