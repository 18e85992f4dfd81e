package checks_test

import (
	"slices"
	"strings"
	"testing"

	"offbasic/checks"
	"offbasic/probes"
)

// policy is "Block legacy authentication" as Microsoft's page has it made: all
// users, all resources, the client apps Exchange ActiveSync and Other, block
// (Microsoft, "Common Conditional Access policy: Block legacy
// authentication").
func policy(name string, change func(*probes.AccessPolicy)) probes.AccessPolicy {
	p := probes.AccessPolicy{
		Name: name, State: probes.AccessOn, ClientApps: []string{"exchangeActiveSync", "other"}, Apps: []string{"All"}, Everyone: true,
		Controls: []string{"block"}, Any: true,
	}
	if change != nil {
		change(&p)
	}
	return p
}

// access gives a tenant that policy alone.
func access(change func(*probes.AccessPolicy)) func(*checks.TenantFacts) {
	return func(f *checks.TenantFacts) { f.Graph.Access = &[]probes.AccessPolicy{policy("Policy", change)} }
}

// codes makes it the policy that blocks the device code flow (Microsoft,
// "Block authentication flows with Conditional Access policy").
func codes(p *probes.AccessPolicy) {
	p.ClientApps, p.Flows = []string{"all"}, []string{"deviceCodeFlow"}
}

// apps makes it one for applications (Microsoft, "Conditional Access for
// workload identities").
func apps(ids ...string) func(*probes.AccessPolicy) {
	return func(p *probes.AccessPolicy) {
		p.ClientApps, p.Everyone, p.Principals, p.Narrowed = []string{"all"}, false, ids, true
	}
}

// What each part of a policy does to the verdict. Sources: Microsoft,
// "Conditional Access: Conditions" (client apps), "Conditional Access: Target
// resources", "Conditional Access: Users, groups, and workload identities",
// "Conditional Access for workload identities"; Microsoft Graph v1.0, resource
// types conditionalAccessPolicy and conditionalAccessGrantControls.
func TestWhatAPolicyOfConditionalAccessRefuses(t *testing.T) {
	controls := func(any bool, list ...string) func(*probes.AccessPolicy) {
		return func(p *probes.AccessPolicy) { p.Any, p.Controls = any, list }
	}
	for _, tt := range []struct {
		name   string
		change func(*probes.AccessPolicy)
		want   string
	}{
		{"as it is made by the page", nil, "tenant-access-legacy warn"},
		{"all client apps", func(p *probes.AccessPolicy) { p.ClientApps = []string{"all"} }, "tenant-access-legacy warn"},
		{"Exchange ActiveSync alone, which is not SMTP", func(p *probes.AccessPolicy) { p.ClientApps = []string{"exchangeActiveSync"} }, "tenant-access pass"},
		{"modern clients", func(p *probes.AccessPolicy) { p.ClientApps = []string{"browser", "mobileAppsAndDesktopClients"} }, "tenant-access pass"},
		{"a second factor, which a legacy client cannot do", controls(true, "mfa"), "tenant-access-legacy warn"},
		{"a managed device, which a legacy client does not show", controls(false, "compliantDevice", "domainJoinedDevice"), "tenant-access-legacy warn"},
		{"a second factor or an approved app", controls(true, "mfa", "approvedApplication"), "tenant-access-unsure skip"},
		{"a second factor and an approved app", controls(false, "mfa", "approvedApplication"), "tenant-access-legacy warn"},
		{"session controls alone", controls(false), "tenant-access pass"},
		{"an authentication strength", func(p *probes.AccessPolicy) { p.Controls, p.Unclear = nil, true }, "tenant-access-unsure skip"},
		{"Exchange Online alone", func(p *probes.AccessPolicy) { p.Apps = []string{"00000002-0000-0FF1-ce00-000000000000"} }, "tenant-access-legacy warn"},
		{"the group Office365", func(p *probes.AccessPolicy) { p.Apps = []string{"Office365"} }, "tenant-access-legacy warn"},
		{"all but Exchange Online", func(p *probes.AccessPolicy) { p.NotApps = []string{"00000002-0000-0ff1-ce00-000000000000"} }, "tenant-access pass"},
		{"all but Office365", func(p *probes.AccessPolicy) { p.NotApps = []string{"Office365"} }, "tenant-access pass"},
		{"SharePoint alone", func(p *probes.AccessPolicy) { p.Apps = []string{"00000003-0000-0ff1-ce00-000000000000"} }, "tenant-access pass"},
		{"nobody", func(p *probes.AccessPolicy) { p.Everyone = false }, "tenant-access pass"},
		{"some places alone", func(p *probes.AccessPolicy) { p.Narrowed = true }, "tenant-access-unsure skip"},
		{"a state that is not known", func(p *probes.AccessPolicy) { p.State = "unknownFutureValue" }, "tenant-access-unsure skip"},
		{"device codes", codes, "tenant-access-code warn"},
		{"device codes with a second factor, which a person can do", func(p *probes.AccessPolicy) { codes(p); p.Controls = []string{"mfa"} }, "tenant-access pass"},
		{"device codes from managed devices", func(p *probes.AccessPolicy) { codes(p); p.Controls = []string{"compliantDevice"} }, "tenant-access-unsure skip"},
		{"device codes from some places", func(p *probes.AccessPolicy) { codes(p); p.Narrowed = true }, "tenant-access-unsure skip"},
		{"authentication transfer", func(p *probes.AccessPolicy) { codes(p); p.Flows = []string{"authenticationTransfer"} }, "tenant-access pass"},
		{"every app of the tenant", apps("ServicePrincipalsInMyTenant"), "tenant-access-workload warn"},
		{"this app, by its object id", apps(strings.ToUpper(object)), "tenant-access-workload warn"},
		{"another app", apps(registration), "tenant-access pass"},
		{"every app but this one", func(p *probes.AccessPolicy) {
			apps("ServicePrincipalsInMyTenant")(p)
			p.NotPrincipals = []string{object}
		}, "tenant-access pass"},
		{"apps that a filter chooses", func(p *probes.AccessPolicy) { apps()(p); p.Unclear = true }, "tenant-access-unsure skip"},
	} {
		f := whole()
		access(tt.change)(&f)
		var got []string
		for _, x := range checks.TenantState(f) {
			if strings.HasPrefix(string(x.Check), "tenant-access") {
				got = append(got, string(x.Check)+" "+string(x.Status))
			}
		}
		if !slices.Equal(got, []string{tt.want}) {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}
