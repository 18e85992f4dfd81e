package graph_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"offbasic/probes"
	"offbasic/probes/graph"
)

// The lab gives two policies at once: what is asked for is on the second page.
// One that is off is not kept (Microsoft Graph v1.0, "List policies" of
// conditionalAccessRoot; "Paging Microsoft Graph data in your app").
func TestThePoliciesOfConditionalAccessAreRead(t *testing.T) {
	n := newTenant(t, "access-legacy", "access-code", "access-apps", "access-report")
	n.mustRegister(graph.Request{})
	n.wantSaid(created()...)
	if n.saved.Access == nil {
		t.Fatal("nothing was remembered")
	}
	var got []string
	for _, p := range *n.saved.Access {
		got = append(got, p.Name+" "+p.State)
	}
	want := []string{
		"Require multifactor authentication for all users enabled", "Block legacy authentication enabled", "Block device code flow enabled",
		"Applications from the office alone enabled", "Legacy authentication, report only enabledForReportingButNotEnforced",
	}
	if !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	if asked := n.asked; !slices.Contains(asked, graph.ReadPolicies) || slices.Contains(asked, "Policy.ReadWrite.ConditionalAccess") {
		t.Errorf("asked for %v", asked)
	}
}

// Without the role the registration goes on, and says what to grant.
func TestPoliciesThatMayNotBeReadStopNothing(t *testing.T) {
	n := newTenant(t, "access-no-role")
	n.mustRegister(graph.Request{})
	n.wantObjects(complete)
	i := slices.IndexFunc(n.steps, func(s probes.SetupStep) bool { return s.Step == graph.StepAccess })
	if s := n.steps[i]; s.Outcome != probes.SetupSkipped || s.Fault != graph.AccessUnread || s.Args["message"] == "" {
		t.Errorf("said %+v", s)
	}
	if n.saved.Access != nil {
		t.Errorf("remembered %v", *n.saved.Access)
	}
}

// The forms of Microsoft Graph v1.0: resource types conditionalAccessPolicy,
// conditionalAccessConditionSet, conditionalAccessApplications,
// conditionalAccessUsers, conditionalAccessClientApplications,
// conditionalAccessAuthenticationFlows, conditionalAccessGrantControls.
func TestAPolicyIsReducedToWhatDecidesOnSending(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       probes.AccessPolicy
	}{
		{
			"the example of the page, switched on", `{"displayName":"SimplePolicy1","createdDateTime":null,"state":"enabled","sessionControls":null,
			"conditions":{"signInRiskLevels":[],"clientAppTypes":["all"],"platforms":null,"locations":null,
			"applications":{"includeApplications":["None"],"excludeApplications":[],"includeUserActions":[]},
			"users":{"includeUsers":["None"],"excludeUsers":[],"includeGroups":[],"excludeGroups":[],"includeRoles":[],"excludeRoles":[]}},
			"grantControls":{"operator":"OR","builtInControls":["block"],"customAuthenticationFactors":[],"termsOfUse":[]}}`,
			probes.AccessPolicy{Name: "SimplePolicy1", State: "enabled", ClientApps: []string{"all"}, Apps: []string{"None"}, Controls: []string{"block"}, Any: true},
		},
		{
			"for all but some", `{"displayName":"a\u001b[2Jb","state":"enabled","conditions":{"clientAppTypes":["exchangeActiveSync","other"],
			"applications":{"includeApplications":["Office365"],"excludeApplications":["00000003-0000-0ff1-ce00-000000000000"]},
			"users":{"includeUsers":["All"],"excludeUsers":["u1"],"excludeGroups":["g1","g2"],"excludeRoles":["r"],"excludeGuestsOrExternalUsers":{"guestOrExternalUserTypes":"internalGuest"}}},
			"grantControls":{"operator":"AND","builtInControls":["mfa","compliantDevice"]}}`,
			probes.AccessPolicy{
				Name: `a\x1b[2Jb`, State: "enabled", ClientApps: []string{"exchangeActiveSync", "other"}, Apps: []string{"Office365"},
				NotApps: []string{"00000003-0000-0ff1-ce00-000000000000"}, Everyone: true, Excluded: 5, Controls: []string{"mfa", "compliantDevice"},
			},
		},
		{
			"for some, from some places", `{"state":"enabled","conditions":{"locations":{"includeLocations":["All"]},"users":{"includeUsers":["u"],"includeGroups":["g"],
			"includeRoles":["r"],"includeGuestsOrExternalUsers":{"guestOrExternalUserTypes":"internalGuest"}}}}`,
			probes.AccessPolicy{State: "enabled", Included: 4, Narrowed: true},
		},
		{
			"at some risk", `{"state":"enabled","conditions":{"userRiskLevels":["high"]}}`,
			probes.AccessPolicy{State: "enabled", Narrowed: true},
		},
		{
			"two transfer methods", `{"state":"enabled","conditions":{"authenticationFlows":{"transferMethods":"deviceCodeFlow,authenticationTransfer"}}}`,
			probes.AccessPolicy{State: "enabled", Flows: []string{"deviceCodeFlow", "authenticationTransfer"}},
		},
		{
			"no transfer method", `{"state":"enabled","conditions":{"authenticationFlows":{"transferMethods":"none"}}}`,
			probes.AccessPolicy{State: "enabled"},
		},
		{
			"for applications", `{"state":"enabled","conditions":{"clientApplications":{"includeServicePrincipals":["ServicePrincipalsInMyTenant"],"excludeServicePrincipals":["o"]}}}`,
			probes.AccessPolicy{State: "enabled", Principals: []string{"ServicePrincipalsInMyTenant"}, NotPrincipals: []string{"o"}},
		},
		{
			"for applications that a filter chooses", `{"state":"enabled","conditions":{"clientApplications":{"includeServicePrincipals":[],"servicePrincipalFilter":{"mode":"include","rule":"x"}}}}`,
			probes.AccessPolicy{State: "enabled", Unclear: true},
		},
		{
			"an authentication strength", `{"state":"enabled","conditions":{},"grantControls":{"operator":"OR","builtInControls":[],"authenticationStrength":{"id":"00000000-0000-0000-0000-000000000004"}}}`,
			probes.AccessPolicy{State: "enabled", Any: true, Unclear: true},
		},
		{"a state of another day", `{"state":"unknownFutureValue"}`, probes.AccessPolicy{State: "unknownFutureValue"}},
	} {
		n := newTenant(t)
		n.way = withPolicies{n.way, fmt.Sprintf(`{"value":[%s]}`, tt.body)}
		n.mustRegister(graph.Request{})
		got, want := fmt.Sprintf("%+v", *n.saved.Access), fmt.Sprintf("%+v", []probes.AccessPolicy{tt.want})
		if got != want {
			t.Errorf("%s:\n%s, want\n%s", tt.name, got, want)
		}
	}
}

// What leads away from Graph, or has no end, is not followed, and stops
// nothing.
func TestPagesOfPoliciesThatLeadAwayAreLeft(t *testing.T) {
	for name, next := range map[string]string{
		"another host":  "https://graph.example.org/v1.0/identity/conditionalAccess/policies?$skiptoken=x",
		"the same page": "/v1.0/identity/conditionalAccess/policies?$skiptoken=x",
	} {
		n := newTenant(t)
		if strings.HasPrefix(next, "/") {
			next = n.lab.GraphBase() + next
		}
		link, _ := json.Marshal(next)
		n.way = withPolicies{n.way, fmt.Sprintf(`{"value":[],"@odata.nextLink":%s}`, link)}
		n.mustRegister(graph.Request{})
		if n.saved.Access != nil || !strings.Contains(n.said(), "conditional_access skipped") {
			t.Errorf("%s: remembered %v, said\n%s", name, n.saved.Access, n.said())
		}
	}
}

// withPolicies answers for Conditional Access, and leaves the rest to the lab.
type withPolicies struct {
	http.RoundTripper
	body string
}

func (p withPolicies) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/conditionalAccess/policies") {
		return p.RoundTripper.RoundTrip(r)
	}
	w := httptest.NewRecorder()
	_, err := w.WriteString(p.body)
	return w.Result(), err
}
