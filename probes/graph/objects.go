package graph

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// The application ids of the services that an app is given permissions of. They
// are the same in every tenant; the ids of their roles are not, and are looked
// up by value.
const (
	ExchangeOnline = "00000002-0000-0ff1-ce00-000000000000"
	MicrosoftGraph = "00000003-0000-0000-c000-000000000000"
)

// Tag marks what the wizard registered.
const Tag = "offbasic"

// Application is an app registration (Graph, resource type application).
type Application struct {
	ID        string    `json:"id"`    // object id of the registration
	AppID     string    `json:"appId"` // client id
	Name      string    `json:"displayName"`
	Created   time.Time `json:"createdDateTime"`
	Tags      []string  `json:"tags"`
	Audience  string    `json:"signInAudience"`
	Public    public    `json:"publicClient"`
	Fallback  *bool     `json:"isFallbackPublicClient"`
	Required  []access  `json:"requiredResourceAccess"`
	Keys      []key     `json:"keyCredentials"`
	Passwords []secret  `json:"passwordCredentials"`
}

type public struct {
	Redirects []string `json:"redirectUris"`
}

// access is what an app asks of one resource.
type access struct {
	Resource string       `json:"resourceAppId"`
	Access   []permission `json:"resourceAccess"`
}

// permission is a role or a scope of a resource.
type permission struct {
	ID   string `json:"id"`
	Type string `json:"type"` // "Role" or "Scope"
}

// key is a certificate (Graph, resource type keyCredential).
type key struct {
	KeyID string    `json:"keyId,omitempty"`
	Name  string    `json:"displayName,omitempty"`
	Type  string    `json:"type"`
	Usage string    `json:"usage"`
	Start time.Time `json:"startDateTime,omitzero"`
	End   time.Time `json:"endDateTime,omitzero"`
	Print string    `json:"customKeyIdentifier,omitempty"`
	Key   []byte    `json:"key"` // DER
}

// secret is a client secret (Graph, resource type passwordCredential).
type secret struct {
	KeyID string    `json:"keyId,omitempty"`
	Name  string    `json:"displayName,omitempty"`
	Hint  string    `json:"hint,omitempty"` // its first three characters
	End   time.Time `json:"endDateTime,omitzero"`
	Text  string    `json:"secretText,omitempty"` // only in the answer that made it
}

// principal is an enterprise application (Graph, resource type
// servicePrincipal).
type principal struct {
	ID      string    `json:"id"`
	AppID   string    `json:"appId"`
	Name    string    `json:"displayName"`
	Tags    []string  `json:"tags"`
	Enabled *bool     `json:"accountEnabled"`
	Roles   []appRole `json:"appRoles"`
	Scopes  []appRole `json:"oauth2PermissionScopes"`
}

// appRole is a role of a resource, or a scope.
type appRole struct {
	ID      string `json:"id"`
	Value   string `json:"value"`
	Enabled bool   `json:"isEnabled"`
}

// find is the id of a role by its value.
func find(roles []appRole, value string) (string, bool) {
	i := slices.IndexFunc(roles, func(r appRole) bool { return r.Enabled && r.Value == value })
	if i < 0 {
		return "", false
	}
	return roles[i].ID, true
}

// assignment is consent to a role (Graph, resource type appRoleAssignment).
type assignment struct {
	ID        string    `json:"id"`
	Created   time.Time `json:"createdDateTime"`
	Role      string    `json:"appRoleId"`
	Principal string    `json:"principalId"`
	Resource  string    `json:"resourceId"`
}

// grant is consent to scopes (Graph, resource type oAuth2PermissionGrant).
type grant struct {
	ID       string `json:"id"`
	Client   string `json:"clientId"`
	Consent  string `json:"consentType"`
	Resource string `json:"resourceId"`
	Scope    string `json:"scope"`
}

// applicationFields are what is read of a registration. The key of a
// certificate comes only when one registration is asked for (Graph, resource
// type keyCredential).
const applicationFields = "id,appId,displayName,createdDateTime,tags,signInAudience,publicClient," +
	"isFallbackPublicClient,requiredResourceAccess,keyCredentials,passwordCredentials"

// listed is a page of Graph's lists.
type listed[T any] struct {
	Value []T `json:"value"`
}

// applications are the registrations that a filter finds ("List applications").
func (d Directory) applications(ctx context.Context, filter string, needs string) ([]Application, error) {
	var list listed[Application]
	err := d.do(ctx, ask{
		method: http.MethodGet, path: "/applications", needs: []string{needs},
		query: url.Values{"$filter": {filter}, "$select": {"id,appId,displayName,createdDateTime,tags,signInAudience,requiredResourceAccess"}},
	}, &list)
	return list.Value, err
}

// application is the registration with a client id ("Get application").
func (d Directory) application(ctx context.Context, clientID string, needs string) (Application, error) {
	var a Application
	err := d.do(ctx, ask{
		method: http.MethodGet, path: "/applications(appId=" + quoted(clientID) + ")", needs: []string{needs},
		query: url.Values{"$select": {applicationFields}},
	}, &a)
	return a, err
}

// principal is the enterprise application of a client id ("Get
// servicePrincipal").
func (d Directory) principal(ctx context.Context, clientID string, needs string) (principal, error) {
	var p principal
	err := d.do(ctx, ask{
		method: http.MethodGet, path: "/servicePrincipals(appId=" + quoted(clientID) + ")", needs: []string{needs},
		query: url.Values{"$select": {"id,appId,displayName,tags,accountEnabled,appRoles,oauth2PermissionScopes"}},
	}, &p)
	return p, err
}

// newPrincipal reads an enterprise application that may not be seen yet.
func (d Directory) newPrincipal(ctx context.Context, clientID string, waiting func(time.Duration)) (principal, error) {
	var p principal
	err := d.do(ctx, ask{
		method: http.MethodGet, path: "/servicePrincipals(appId=" + quoted(clientID) + ")", needs: []string{WriteApplications},
		query: url.Values{"$select": {"id,appId,displayName,tags,accountEnabled"}}, fresh: true, waiting: waiting,
	}, &p)
	return p, err
}

// assignments are the roles that an enterprise application was given ("List
// appRoleAssignments granted to a service principal").
func (d Directory) assignments(ctx context.Context, principalID string, needs string) ([]assignment, error) {
	var list listed[assignment]
	err := d.do(ctx, ask{method: http.MethodGet, path: "/servicePrincipals/" + url.PathEscape(principalID) + "/appRoleAssignments", needs: []string{needs}}, &list)
	return list.Value, err
}

// grants are the scopes that an enterprise application was given for everybody
// ("List oauth2PermissionGrants").
func (d Directory) grants(ctx context.Context, principalID string) ([]grant, error) {
	var list listed[grant]
	err := d.do(ctx, ask{
		method: http.MethodGet, path: "/oauth2PermissionGrants", needs: []string{WriteGrants},
		query: url.Values{"$filter": {"clientId eq " + quoted(principalID)}},
	}, &list)
	return list.Value, err
}

// Tenant is what the directory says of itself.
type Tenant struct {
	ID      string
	Name    string
	Domain  string   // the default one
	Domains []string // verified
}

// organization reads the tenant and its verified domains ("Get organization").
func (d Directory) organization(ctx context.Context) (Tenant, error) {
	var list listed[struct {
		ID      string `json:"id"`
		Name    string `json:"displayName"`
		Domains []struct {
			Name    string `json:"name"`
			Default bool   `json:"isDefault"`
		} `json:"verifiedDomains"`
	}]
	err := d.do(ctx, ask{
		method: http.MethodGet, path: "/organization", needs: []string{ReadOrganization},
		query: url.Values{"$select": {"id,displayName,verifiedDomains"}},
	}, &list)
	if err != nil || len(list.Value) == 0 {
		return Tenant{}, err
	}
	o := list.Value[0]
	t := Tenant{ID: probes.Clean(o.ID, 100), Name: probes.Clean(o.Name, 200)}
	for _, v := range o.Domains {
		name := strings.ToLower(probes.Clean(v.Name, 253))
		t.Domains = append(t.Domains, name)
		if v.Default || t.Domain == "" {
			t.Domain = name
		}
	}
	return t, nil
}

// securityDefaults tells whether they are on ("Get
// identitySecurityDefaultsEnforcementPolicy").
func (d Directory) securityDefaults(ctx context.Context) (bool, error) {
	var p struct {
		Enabled bool `json:"isEnabled"`
	}
	err := d.do(ctx, ask{method: http.MethodGet, path: "/policies/identitySecurityDefaultsEnforcementPolicy", needs: []string{ReadPolicies}}, &p)
	return p.Enabled, err
}
