package powershell_test

import (
	"testing"

	"offbasic/probes"
	"offbasic/probes/powershell"
)

// The cmdlets are those of the Microsoft Graph PowerShell SDK; a value cannot
// leave its quotes.
func TestGraphRequestsAsCommands(t *testing.T) {
	for _, tt := range []struct{ method, url, body, want string }{
		{
			"POST", "/v1.0/applications", `{"displayName":"O'Brien's \u2019 $(x)","tags":["a"],"isFallbackPublicClient":true}`,
			"New-MgApplication -BodyParameter @{ 'displayName' = " + powershell.Quote("O'Brien's \u2019 $(x)") + "; 'isFallbackPublicClient' = $true; 'tags' = @('a') }",
		},
		{"PATCH", "/v1.0/applications/1", `{"keyCredentials":[{"type":"AsymmetricX509Cert","key":"MIIC"}]}`, "Update-MgApplication -ApplicationId '1' -BodyParameter @{ 'keyCredentials' = @(@{ 'key' = [System.Convert]::FromBase64String('MIIC'); 'type' = 'AsymmetricX509Cert' }) }"},
		{"PATCH", "/v1.0/applications/1", `{"keyCredentials":[]}`, "Update-MgApplication -ApplicationId '1' -BodyParameter @{ 'keyCredentials' = @() }"},
		{"DELETE", "/v1.0/servicePrincipals/a%27b", "", "Remove-MgServicePrincipal -ServicePrincipalId 'a''b'"},
		{"DELETE", "/v1.0/servicePrincipals/1/appRoleAssignments/2", "", "Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId '1' -AppRoleAssignmentId '2'"},
		{"PATCH", "/v1.0/oauth2PermissionGrants/1", `{"scope":null}`, "Update-MgOauth2PermissionGrant -OAuth2PermissionGrantId '1' -BodyParameter @{ 'scope' = $null }"},
		{"GET", "/v1.0/applications", "", ""},
		{"POST", "/v1.0/teams", "{}", ""},
	} {
		if got := powershell.Graph(probes.Change{Method: tt.method, URL: tt.url, Body: tt.body}); got != tt.want {
			t.Errorf("%s %s:\n%s\nwant\n%s", tt.method, tt.url, got, tt.want)
		}
	}
}
