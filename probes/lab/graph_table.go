package lab

import (
	"net/http"
	"slices"
)

// call is one call of Graph. The table of calls is the lab's only source: what
// is not in it is refused.
type call struct {
	method, path string
	page         string              // of Graph's documentation
	roles        []string            // application permissions, any of which allows it
	scopes       []string            // delegated permissions, any of which allows it
	options      map[string][]string // query options; for $select the properties allowed
	body         shape               // of the request; nil means that it has none
	raw          bool                // the answer reads the body itself, whatever its type
	answer       func(*Lab, http.ResponseWriter, *http.Request)
}

// calls lists every call that the program makes.
func calls() []call {
	return slices.Concat(mailCalls(), applicationCalls(), principalCalls(), grantCalls(), policyCalls(), sendMailCalls(), traceCalls(), signInCalls(), accessCalls())
}

func mailCalls() []call {
	read, own := []string{"Mail.ReadBasic.All", "Mail.Read", "Mail.ReadWrite"}, []string{"Mail.ReadBasic", "Mail.Read"}
	return []call{
		{
			method: http.MethodGet, path: "/v1.0/users/{user}/messages", page: "user-list-messages", roles: read, scopes: own,
			options: map[string][]string{"$filter": nil, "$select": messageProperties()}, answer: (*Lab).listMessages,
		},
		{
			method: http.MethodGet, path: "/v1.0/users/{user}/mailFolders/{folder}", page: "mailfolder-get", roles: read, scopes: own,
			options: map[string][]string{"$select": {"id", "displayName"}}, answer: (*Lab).getFolder,
		},
	}
}

// The delegated permissions of the calls on applications (Microsoft Graph
// permissions reference).
func readApps() []string  { return []string{"Application.Read.All", "Application.ReadWrite.All"} }
func writeApps() []string { return []string{"Application.ReadWrite.All"} }

func applicationCalls() []call {
	sel := map[string][]string{"$select": applicationProperties()}
	list := map[string][]string{"$select": applicationProperties(), "$filter": nil, "$top": nil}
	return []call{
		{method: http.MethodGet, path: "/v1.0/applications", page: "application-list", scopes: readApps(), options: list, answer: (*Lab).listApplications},
		{method: http.MethodGet, path: "/v1.0/applications(appId='{id}')", page: "application-get", scopes: readApps(), options: sel, answer: (*Lab).getApplication},
		{method: http.MethodGet, path: "/v1.0/applications/{id}", page: "application-get", scopes: readApps(), options: sel, answer: (*Lab).getApplication},
		{method: http.MethodPost, path: "/v1.0/applications", page: "application-post-applications", scopes: writeApps(), body: newApplication(), answer: (*Lab).postApplication},
		{method: http.MethodPatch, path: "/v1.0/applications/{id}", page: "application-update", scopes: writeApps(), body: applicationShape(), answer: (*Lab).patchApplication},
		{method: http.MethodDelete, path: "/v1.0/applications/{id}", page: "application-delete", scopes: writeApps(), answer: (*Lab).deleteApplication},
		{
			method: http.MethodPost, path: "/v1.0/applications/{id}/addPassword", page: "application-addpassword", scopes: writeApps(),
			body: shape{"passwordCredential": {kind: complexKind, of: shape{
				"displayName": {kind: stringKind}, "startDateTime": {kind: timeKind}, "endDateTime": {kind: timeKind},
			}}},
			answer: (*Lab).addPassword,
		},
		{
			method: http.MethodPost, path: "/v1.0/applications/{id}/removePassword", page: "application-removepassword", scopes: writeApps(),
			body: shape{"keyId": {kind: guidKind, required: true}}, answer: (*Lab).removePassword,
		},
		{
			method: http.MethodGet, path: "/v1.0/applications/{id}/appManagementPolicies", page: "appmanagementpolicy-list-appliesto",
			scopes: []string{"Policy.Read.All"}, answer: (*Lab).listAppPolicies,
		},
	}
}

// applicationProperties are those that the lab knows (Graph, resource type
// application).
func applicationProperties() []string {
	return []string{
		"id", "appId", "displayName", "signInAudience", "createdDateTime", "tags", "notes", "isFallbackPublicClient", "publicClient",
		"requiredResourceAccess", "keyCredentials", "passwordCredentials",
	}
}

// applicationShape is what an application can be changed by. Secrets cannot:
// they are made by addPassword.
func applicationShape() shape {
	return shape{
		"displayName":            {kind: stringKind},
		"signInAudience":         {kind: stringKind, values: []string{"AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"}},
		"tags":                   {kind: stringKind, many: true},
		"notes":                  {kind: stringKind},
		"isFallbackPublicClient": {kind: boolKindJSON},
		"publicClient":           {kind: complexKind, of: shape{"redirectUris": {kind: stringKind, many: true}}},
		"requiredResourceAccess": {kind: complexKind, many: true, of: shape{
			"resourceAppId": {kind: guidKind, required: true},
			"resourceAccess": {kind: complexKind, many: true, required: true, of: shape{
				"id": {kind: guidKind, required: true}, "type": {kind: stringKind, required: true, values: []string{"Role", "Scope"}},
			}},
		}},
		"keyCredentials": {kind: complexKind, many: true, of: shape{
			"keyId": {kind: guidKind}, "displayName": {kind: stringKind}, "customKeyIdentifier": {kind: binaryKind},
			"type":          {kind: stringKind, required: true, values: []string{"AsymmetricX509Cert", "X509CertAndPassword", "Symmetric"}},
			"usage":         {kind: stringKind, required: true, values: []string{"Verify", "Sign"}},
			"startDateTime": {kind: timeKind}, "endDateTime": {kind: timeKind}, "key": {kind: binaryKind},
		}},
	}
}

// newApplication wants a name.
func newApplication() shape {
	s := applicationShape()
	s["displayName"] = field{kind: stringKind, required: true}
	return s
}

func principalCalls() []call {
	properties := []string{
		"id", "appId", "displayName", "accountEnabled", "createdDateTime", "tags", "servicePrincipalNames", "appRoles", "oauth2PermissionScopes",
	}
	sel := map[string][]string{"$select": properties}
	assign := []string{"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"}
	return []call{
		{method: http.MethodGet, path: "/v1.0/servicePrincipals(appId='{id}')", page: "serviceprincipal-get", scopes: readApps(), options: sel, answer: (*Lab).getPrincipal},
		{method: http.MethodGet, path: "/v1.0/servicePrincipals/{id}", page: "serviceprincipal-get", scopes: readApps(), options: sel, answer: (*Lab).getPrincipal},
		{
			method: http.MethodPost, path: "/v1.0/servicePrincipals", page: "serviceprincipal-post-serviceprincipals", scopes: writeApps(),
			body:   shape{"appId": {kind: guidKind, required: true}, "tags": {kind: stringKind, many: true}, "accountEnabled": {kind: boolKindJSON}},
			answer: (*Lab).postPrincipal,
		},
		{method: http.MethodDelete, path: "/v1.0/servicePrincipals/{id}", page: "serviceprincipal-delete", scopes: writeApps(), answer: (*Lab).deletePrincipal},
		{method: http.MethodGet, path: "/v1.0/servicePrincipals/{id}/appRoleAssignments", page: "serviceprincipal-list-approleassignments", scopes: readApps(), answer: (*Lab).listAssignments},
		{
			method: http.MethodPost, path: "/v1.0/servicePrincipals/{id}/appRoleAssignments", page: "serviceprincipal-post-approleassignments", scopes: assign,
			body: shape{
				"principalId": {kind: guidKind, required: true}, "resourceId": {kind: guidKind, required: true}, "appRoleId": {kind: guidKind, required: true},
			},
			answer: (*Lab).postAssignment,
		},
		{
			method: http.MethodDelete, path: "/v1.0/servicePrincipals/{id}/appRoleAssignments/{assignment}", page: "serviceprincipal-delete-approleassignments",
			scopes: assign, answer: (*Lab).deleteAssignment,
		},
	}
}

func grantCalls() []call {
	scopes := []string{"DelegatedPermissionGrant.ReadWrite.All"}
	return []call{
		{
			method: http.MethodGet, path: "/v1.0/oauth2PermissionGrants", page: "oauth2permissiongrant-list", scopes: scopes,
			options: map[string][]string{"$filter": nil}, answer: (*Lab).listGrants,
		},
		{method: http.MethodGet, path: "/v1.0/oauth2PermissionGrants/{id}", page: "oauth2permissiongrant-get", scopes: scopes, answer: (*Lab).getGrant},
		{
			method: http.MethodPost, path: "/v1.0/oauth2PermissionGrants", page: "oauth2permissiongrant-post", scopes: scopes,
			body: shape{
				"clientId": {kind: guidKind, required: true}, "resourceId": {kind: guidKind, required: true}, "principalId": {kind: guidKind},
				"consentType": {kind: stringKind, required: true, values: []string{"AllPrincipals", "Principal"}},
				"scope":       {kind: stringKind},
			},
			answer: (*Lab).postGrant,
		},
		{
			method: http.MethodPatch, path: "/v1.0/oauth2PermissionGrants/{id}", page: "oauth2permissiongrant-update", scopes: scopes,
			body: shape{"scope": {kind: stringKind, required: true}}, answer: (*Lab).patchGrant,
		},
		{method: http.MethodDelete, path: "/v1.0/oauth2PermissionGrants/{id}", page: "oauth2permissiongrant-delete", scopes: scopes, answer: (*Lab).deleteGrant},
	}
}

func policyCalls() []call {
	read := []string{"Policy.Read.All"}
	return []call{
		{
			method: http.MethodGet, path: "/v1.0/organization", page: "organization-list", scopes: []string{"User.Read", "Organization.Read.All"},
			options: map[string][]string{"$select": {"id", "displayName", "verifiedDomains"}}, answer: (*Lab).listOrganization,
		},
		{method: http.MethodGet, path: "/v1.0/policies/defaultAppManagementPolicy", page: "tenantappmanagementpolicy-get", scopes: read, answer: (*Lab).getDefaultAppPolicy},
		{
			method: http.MethodGet, path: "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy", page: "identitysecuritydefaultsenforcementpolicy-get",
			scopes: read, answer: (*Lab).getSecurityDefaults,
		},
	}
}
