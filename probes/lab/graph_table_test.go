package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"offbasic/probes"
)

// asks makes a call as somebody with these permissions and returns the status
// and the answer.
func asks(t *testing.T, l *Lab, method, path, body string, permissions ...string) (int, string) {
	t.Helper()
	return asksWith(t, l, method, path, body, l.AdminToken(permissions...))
}

// asksWith makes a call with a token.
func asksWith(t *testing.T, l *Lab, method, path, body, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, l.GraphBase()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := l.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, b.String()
}

func startFor(t *testing.T, faults ...string) *Lab {
	t.Helper()
	l, err := Start(t.Context(), Options{Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// Every call names the page that describes it and a permission that allows it.
func TestEveryCallIsDescribed(t *testing.T) {
	page := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)
	for _, c := range calls() {
		if !page.MatchString(c.page) || len(c.roles)+len(c.scopes) == 0 || c.answer == nil {
			t.Errorf("%s %s: page %q, permissions %v %v", c.method, c.path, c.page, c.roles, c.scopes)
		}
		if c.method == http.MethodGet && c.body != nil {
			t.Errorf("%s %s takes a body", c.method, c.path)
		}
	}
}

// The lab takes nothing that Graph would refuse (Microsoft Graph v1.0: the
// pages that the table names, and the resource types they speak of).
func TestGraphRefusesWhatIsNotDescribed(t *testing.T) {
	const write = "Application.ReadWrite.All"
	const good = `{"displayName":"x"}`
	l := startFor(t)
	own := l.App()
	app, sp := "/v1.0/applications/"+own.RegistrationObjectID, "/v1.0/servicePrincipals/"+own.ObjectID
	for _, tt := range []struct {
		name, method, path, body, permission string
		status                               int
		says                                 string
	}{
		{"a new application", "POST", "/v1.0/applications", good, write, 201, `"appId"`},
		{"without the permission", "POST", "/v1.0/applications", good, "Application.Read.All", 403, "Authorization_RequestDenied"},
		{"an unknown property", "POST", "/v1.0/applications", `{"displayName":"x","colour":"red"}`, write, 400, "Invalid property 'colour'"},
		{"no name", "POST", "/v1.0/applications", `{}`, write, 400, "displayName"},
		{"a name that is a number", "POST", "/v1.0/applications", `{"displayName":1}`, write, 400, "displayName"},
		{"secrets in a new application", "POST", "/v1.0/applications", `{"displayName":"x","passwordCredentials":[]}`, write, 400, "passwordCredentials"},
		{"one tag that is no list", "PATCH", app, `{"tags":"x"}`, write, 400, "tags"},
		{"a permission of an unknown kind", "PATCH", app, `{"requiredResourceAccess":[{"resourceAppId":"00000002-0000-0ff1-ce00-000000000000","resourceAccess":[{"id":"00000002-0000-0ff1-ce00-000000000000","type":"role"}]}]}`, write, 400, "type"},
		{"a permission without an id", "PATCH", app, `{"requiredResourceAccess":[{"resourceAppId":"00000002-0000-0ff1-ce00-000000000000","resourceAccess":[{"type":"Role"}]}]}`, write, 400, "id"},
		{"a certificate that is none", "PATCH", app, `{"keyCredentials":[{"type":"AsymmetricX509Cert","usage":"Verify","key":"AAAA"}]}`, write, 400, "Key credential"},
		{"a certificate without its kind", "PATCH", app, `{"keyCredentials":[{"usage":"Verify","key":"AAAA"}]}`, write, 400, "type"},
		{"no JSON", "PATCH", app, `displayName=x`, write, 400, "JSON"},
		{"a list of JSON", "PATCH", app, `[]`, write, 400, "JSON"},
		{"a verb that there is not", "PUT", app, good, write, 405, "not allowed"},
		{"a path that there is not", "GET", "/v1.0/apps", "", write, 400, "Resource not found"},
		{"another version", "GET", "/beta/applications", "", write, 400, "Resource not found"},
		{"a property that is selected and is not one", "GET", app + "?$select=id,colour", "", write, 400, "colour"},
		{"an option that there is not", "GET", "/v1.0/applications?$colour=red", "", write, 400, "colour"},
		{"a filter of another form", "GET", "/v1.0/applications?$filter=startswith(displayName,'x')", "", write, 400, "filter"},
		{"a filter with a quote that ends it", "GET", "/v1.0/applications?$filter=displayName%20eq%20'o'brien'", "", write, 400, "filter"},
		{"a filter with its quote doubled", "GET", "/v1.0/applications?$filter=displayName%20eq%20'o''brien'", "", write, 200, `"value":[]`},
		{"an application that there is not", "GET", "/v1.0/applications(appId='11111111-2222-4333-8444-555555555555')", "", write, 404, "Request_ResourceNotFound"},
		{"a service principal of no application", "POST", "/v1.0/servicePrincipals", `{"appId":"11111111-2222-4333-8444-555555555555"}`, write, 400, "does not reference a valid application object"},
		{"a second service principal", "POST", "/v1.0/servicePrincipals", fmt.Sprintf(`{"appId":%q}`, own.ClientID), write, 409, "already in use"},
		{"a role that there is not", "POST", sp + "/appRoleAssignments", fmt.Sprintf(`{"principalId":%q,"resourceId":%q,"appRoleId":%q}`, own.ObjectID, l.resource(exchangeAppID).ID, own.ObjectID), write, 400, "was not found on application"},
		{"a role that is there", "POST", sp + "/appRoleAssignments", fmt.Sprintf(`{"principalId":%q,"resourceId":%q,"appRoleId":%q}`, own.ObjectID, l.resource(exchangeAppID).ID, l.resource(exchangeAppID).Roles[0].ID), write, 400, "already exists"},
		{"a role of Graph with the permission for applications", "POST", sp + "/appRoleAssignments", fmt.Sprintf(`{"principalId":%q,"resourceId":%q,"appRoleId":%q}`, own.ObjectID, l.resource(graphAppID).ID, l.resource(graphAppID).Roles[3].ID), write, 403, "Insufficient"},
		{"a secret that there is not", "POST", app + "/removePassword", `{"keyId":"11111111-2222-4333-8444-555555555555"}`, write, 400, "No password"},
		{"consent for one person without the person", "POST", "/v1.0/oauth2PermissionGrants", fmt.Sprintf(`{"clientId":%q,"consentType":"Principal","resourceId":%q,"scope":"SMTP.Send"}`, own.ObjectID, l.resource(exchangeAppID).ID), "DelegatedPermissionGrant.ReadWrite.All", 400, "principalId"},
		{"the tenant's domains", "GET", "/v1.0/organization?$select=id,verifiedDomains", "", "User.Read", 200, "contoso.example"},
		{"policies with another permission", "GET", "/v1.0/policies/defaultAppManagementPolicy", "", write, 403, "Insufficient"},
		{"mail with a permission for applications", "GET", "/v1.0/users/it@contoso.example/messages", "", write, 403, "ErrorAccessDenied"},
	} {
		status, said := asks(t, l, tt.method, tt.path, tt.body, tt.permission)
		if status != tt.status || !strings.Contains(said, tt.says) {
			t.Errorf("%s: %d %s\nwant %d with %q", tt.name, status, said, tt.status, tt.says)
		}
	}
}

// A delegated permission adds nothing to what the person may do (Microsoft
// Graph, "Overview of permissions"): without a role of the directory a write is
// refused, reading and the person's own mail are not.
func TestAPersonWithoutARoleChangesNothing(t *testing.T) {
	l := startFor(t)
	app := "/v1.0/applications/" + l.App().RegistrationObjectID
	as := func(name string) func(method, path, body, scope string) (int, string) {
		u, ok := l.user(name)
		if !ok {
			t.Fatalf("no user %s", name)
		}
		return func(method, path, body, scope string) (int, string) {
			token := l.signer.sign(l.userClaims("https://graph.microsoft.com", []string{scope}, l.resource(commandLineTools), u))
			return asksWith(t, l, method, path, body, token)
		}
	}
	const write, grants = "Application.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All"
	for _, tt := range []struct{ method, path, body, scope string }{
		{"POST", "/v1.0/applications", `{"displayName":"x"}`, write},
		{"PATCH", app, `{"displayName":"x"}`, write},
		{"POST", "/v1.0/oauth2PermissionGrants", fmt.Sprintf(`{"clientId":%q,"consentType":"AllPrincipals","resourceId":%q,"scope":"User.Read"}`, l.App().ObjectID, l.resource(graphAppID).ID), grants},
	} {
		if status, said := as(l.PlainUser())(tt.method, tt.path, tt.body, tt.scope); status != 403 || !strings.Contains(said, "Authorization_RequestDenied") {
			t.Errorf("%s %s without a role: %d %s", tt.method, tt.path, status, said)
		}
		if status, said := as(l.Admin())(tt.method, tt.path, tt.body, tt.scope); status == 403 {
			t.Errorf("%s %s as the administrator: %s", tt.method, tt.path, said)
		}
	}
	if status, said := as(l.PlainUser())("GET", app, "", write); status != 200 {
		t.Errorf("reading: %d %s", status, said)
	}
}

func (l *Lab) resource(appID string) enterprise {
	e, _ := l.enterprise(appID)
	return e
}

// A secret is told once, and never again (Graph, "application: addPassword").
func TestASecretIsToldOnce(t *testing.T) {
	l := startFor(t)
	app := "/v1.0/applications/" + l.App().RegistrationObjectID
	_, said := asks(t, l, "POST", app+"/addPassword", `{"passwordCredential":{"displayName":"x"}}`, "Application.ReadWrite.All")
	secret := regexp.MustCompile(`"secretText":"([^"]+)"`).FindStringSubmatch(said)
	if secret == nil || l.checkSecret(l.App().ClientID, secret[1]) != proofGood {
		t.Fatalf("answered %s", said)
	}
	_, said = asks(t, l, "GET", app, "", "Application.Read.All")
	kept, err := l.Snapshot()
	if err != nil || strings.Contains(said, secret[1]) || strings.Contains(string(kept), secret[1]) {
		t.Errorf("the secret is told again, %v", err)
	}
}

// The ids of roles differ from tenant to tenant here, as they do between
// clouds: who has one built in gets nowhere.
func TestRolesHaveNoFixedIDs(t *testing.T) {
	a, b := startFor(t).resource(exchangeAppID), startFor(t).resource(exchangeAppID)
	if a.ID == b.ID || a.Roles[0].ID == b.Roles[0].ID || a.Roles[0].Value != b.Roles[0].Value {
		t.Errorf("roles %v and %v", a.Roles[0], b.Roles[0])
	}
}

func TestAFaultThatIsUnknownIsNamedWithTheOthers(t *testing.T) {
	_, err := Start(t.Context(), Options{Faults: []string{"pigeon"}})
	f, ok := errors.AsType[*probes.Fault](err)
	if !ok || f.Code != FaultUnknown || f.Args["name"] != "pigeon" || !strings.Contains(f.Args["names"], "consent-refused") {
		t.Errorf("got %v", err)
	}
	seen := map[string]bool{}
	for _, f := range Faults() {
		if seen[f.Name] || f.Source == "" {
			t.Errorf("%s is there twice or has no source", f.Name)
		}
		seen[f.Name] = true
	}
}
