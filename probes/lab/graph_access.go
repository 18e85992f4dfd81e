package lab

import (
	"net/http"
	"slices"
	"strconv"
)

// The faults of Conditional Access.
const (
	accessLegacy = "access-legacy"
	accessCode   = "access-code"
	accessApps   = "access-apps"
	accessReport = "access-report"
	accessNoRole = "access-no-role"
)

// accessFaults are the policies that can be made to be there.
func accessFaults() []LabFault {
	return []LabFault{
		{accessLegacy, "Microsoft, Conditional Access: block legacy authentication: Exchange ActiveSync clients, Other clients, Block"},
		{accessCode, "Microsoft Graph v1.0, resource type conditionalAccessAuthenticationFlows: deviceCodeFlow"},
		{accessApps, "Microsoft, Conditional Access for workload identities: ServicePrincipalsInMyTenant, any place but the trusted ones"},
		{accessReport, "Microsoft Graph v1.0, resource type conditionalAccessPolicy: enabledForReportingButNotEnforced"},
		{accessNoRole, "Microsoft Graph: 403 Authorization_RequestDenied; Microsoft Entra built-in roles: conditionalAccessPolicies/standard/read"},
	}
}

// accessCalls are those on Conditional Access.
func accessCalls() []call {
	return []call{{
		method: http.MethodGet, path: "/v1.0/identity/conditionalAccess/policies", page: "conditionalaccessroot-list-policies",
		scopes: []string{"Policy.Read.All"}, options: map[string][]string{"$top": nil, "$skiptoken": nil}, answer: (*Lab).listAccessPolicies,
	}}
}

// accessPage is how many policies the lab gives at once: few, so that there
// are pages.
const accessPage = 2

// listAccessPolicies is "List policies" of Conditional Access.
func (l *Lab) listAccessPolicies(w http.ResponseWriter, r *http.Request) {
	if l.fault(accessNoRole) {
		l.graphRefuse(w, r, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
		return
	}
	all, query := l.accessPolicies(), r.URL.Query()
	skip, _ := strconv.Atoi(query.Get("$skiptoken")) // none, or one of the lab's own
	all = all[min(max(skip, 0), len(all)):]
	answer := map[string]any{"value": all[:min(accessPage, len(all))]}
	if len(all) > accessPage {
		query.Set("$skiptoken", strconv.Itoa(skip+accessPage))
		answer["@odata.nextLink"] = l.GraphBase() + r.URL.Path + "?" + query.Encode()
	}
	l.graphOK(w, r, http.StatusOK, answer)
}

// accessPolicies are the tenant's: a second factor for everybody with modern
// clients and one that is off, then what was asked for.
func (l *Lab) accessPolicies() []map[string]any {
	everything, modern := []string{"All"}, []string{"browser", "mobileAppsAndDesktopClients"}
	legacy := []string{"exchangeActiveSync", "other"}
	list := []map[string]any{
		accessPolicy("Require multifactor authentication for all users", "enabled", "mfa", modern, everything),
		accessPolicy("Block access from other countries", "disabled", "block", []string{"all"}, everything),
	}
	if l.fault(accessLegacy) {
		p := accessPolicy("Block legacy authentication", "enabled", "block", legacy, everything)
		users(p)["excludeGroups"] = []string{newID()}
		list = append(list, p)
	}
	if l.fault(accessCode) {
		p := accessPolicy("Block device code flow", "enabled", "block", []string{"all"}, everything)
		conditions(p)["authenticationFlows"] = map[string]any{"transferMethods": "deviceCodeFlow,authenticationTransfer"}
		list = append(list, p)
	}
	if l.fault(accessApps) {
		p := accessPolicy("Applications from the office alone", "enabled", "block", []string{"all"}, []string{"None"})
		conditions(p)["clientApplications"] = map[string]any{
			"includeServicePrincipals": []string{"ServicePrincipalsInMyTenant"}, "excludeServicePrincipals": []string{},
		}
		conditions(p)["locations"] = map[string]any{"includeLocations": []string{"All"}, "excludeLocations": []string{"AllTrusted"}}
		list = append(list, p)
	}
	if l.fault(accessReport) {
		list = append(list, accessPolicy("Legacy authentication, report only", "enabledForReportingButNotEnforced", "block", legacy, everything))
	}
	return list
}

// accessPolicy is one in Graph's shape (resource type conditionalAccessPolicy),
// for users, over all resources.
func accessPolicy(name, state, control string, clients, included []string) map[string]any {
	none := []string{}
	return map[string]any{
		"id": newID(), "displayName": name, "createdDateTime": nil, "modifiedDateTime": nil, "state": state, "sessionControls": nil,
		"conditions": map[string]any{
			"userRiskLevels": none, "signInRiskLevels": none, "servicePrincipalRiskLevels": none, "clientAppTypes": slices.Clone(clients),
			"platforms": nil, "locations": nil, "devices": nil, "clientApplications": nil, "authenticationFlows": nil,
			"applications": map[string]any{"includeApplications": []string{"All"}, "excludeApplications": none, "includeUserActions": none},
			"users": map[string]any{
				"includeUsers": slices.Clone(included), "excludeUsers": none, "includeGroups": none, "excludeGroups": none, "includeRoles": none,
				"excludeRoles": none, "includeGuestsOrExternalUsers": nil, "excludeGuestsOrExternalUsers": nil,
			},
		},
		"grantControls": map[string]any{
			"operator": "OR", "builtInControls": []string{control}, "customAuthenticationFactors": none, "termsOfUse": none, "authenticationStrength": nil,
		},
	}
}

func conditions(policy map[string]any) map[string]any {
	c, _ := policy["conditions"].(map[string]any) // written by accessPolicy
	return c
}

func users(policy map[string]any) map[string]any {
	u, _ := conditions(policy)["users"].(map[string]any)
	return u
}
