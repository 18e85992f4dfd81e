package lab

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"time"
)

// The application ids of Microsoft's own services, which are the same in every
// tenant. The ids of their roles and scopes are made anew at each start of the
// lab, as they differ between clouds: who does not look them up by value gets
// nowhere.
const (
	exchangeAppID = "00000002-0000-0ff1-ce00-000000000000" // Office 365 Exchange Online
	graphAppID    = "00000003-0000-0000-c000-000000000000" // Microsoft Graph
)

// registry is Entra's side of the tenant: app registrations, enterprise
// applications, and what was consented to. The objects are written as Graph
// writes them; one that was handed out is never changed, only replaced.
type registry struct {
	mu         sync.Mutex
	tenantID   string
	domain     string
	apps       []registration
	principals []enterprise
	roles      []roleGrant
	scopes     []scopeGrant
	secrets    map[string][sha256.Size]byte // by keyId; the tenant keeps no secret as it was given
	standIns   map[string]standIn           // by keyId
	withheld   []withheld
	seeded     []string        // faults that have left their objects
	born       map[string]int  // object id to the requests that do not see it yet
	seen       map[string]bool // what happens only once
	requests   int
}

// registration is an app registration (Graph, resource type application).
type registration struct {
	ID             string           `json:"id"`
	AppID          string           `json:"appId"`
	DisplayName    string           `json:"displayName"`
	Audience       string           `json:"signInAudience"`
	Created        time.Time        `json:"createdDateTime"`
	Tags           []string         `json:"tags"`
	Notes          *string          `json:"notes"`
	FallbackPublic *bool            `json:"isFallbackPublicClient"`
	Public         publicClient     `json:"publicClient"`
	Required       []requiredAccess `json:"requiredResourceAccess"`
	Keys           []keyCredential  `json:"keyCredentials"`
	Passwords      []password       `json:"passwordCredentials"`
}

// publicClient holds the addresses that a public client is redirected to.
type publicClient struct {
	RedirectURIs []string `json:"redirectUris"`
}

// requiredAccess is what an app asks of one resource.
type requiredAccess struct {
	Resource string           `json:"resourceAppId"`
	Access   []resourceAccess `json:"resourceAccess"`
}

// resourceAccess is one role or scope, by its id.
type resourceAccess struct {
	ID   string `json:"id"`
	Type string `json:"type"` // "Role" or "Scope"
}

// keyCredential is a certificate; Graph shows its key only when it is selected.
type keyCredential struct {
	KeyID       string    `json:"keyId"`
	DisplayName *string   `json:"displayName"`
	Type        string    `json:"type"`
	Usage       string    `json:"usage"`
	Start       time.Time `json:"startDateTime"`
	End         time.Time `json:"endDateTime"`
	Thumbprint  string    `json:"customKeyIdentifier"` // SHA-1, in base64
	Key         []byte    `json:"key"`                 // DER
}

// password is a client secret without its text.
type password struct {
	KeyID       string    `json:"keyId"`
	DisplayName *string   `json:"displayName"`
	Hint        string    `json:"hint"`
	Start       time.Time `json:"startDateTime"`
	End         time.Time `json:"endDateTime"`
}

// enterprise is an enterprise application (Graph, resource type
// servicePrincipal). Names, Roles and Scopes are those of a resource.
type enterprise struct {
	ID          string            `json:"id"`
	AppID       string            `json:"appId"`
	DisplayName string            `json:"displayName"`
	Enabled     bool              `json:"accountEnabled"`
	Created     time.Time         `json:"createdDateTime"`
	Tags        []string          `json:"tags"`
	Names       []string          `json:"servicePrincipalNames"`
	Roles       []appRole         `json:"appRoles"`
	Scopes      []permissionScope `json:"oauth2PermissionScopes"`
}

// appRole is an application permission of a resource.
type appRole struct {
	ID      string   `json:"id"`
	Value   string   `json:"value"`
	Members []string `json:"allowedMemberTypes"`
	Enabled bool     `json:"isEnabled"`
}

// permissionScope is a delegated permission of a resource.
type permissionScope struct {
	ID      string `json:"id"`
	Value   string `json:"value"`
	Type    string `json:"type"` // "User" or "Admin"
	Enabled bool   `json:"isEnabled"`
}

// roleGrant is admin consent to an application permission (Graph, resource type
// appRoleAssignment).
type roleGrant struct {
	ID            string    `json:"id"`
	Created       time.Time `json:"createdDateTime"`
	Role          string    `json:"appRoleId"`
	Principal     string    `json:"principalId"`
	PrincipalName string    `json:"principalDisplayName"`
	PrincipalType string    `json:"principalType"`
	Resource      string    `json:"resourceId"`
	ResourceName  string    `json:"resourceDisplayName"`
}

// scopeGrant is consent to delegated permissions (Graph, resource type
// oAuth2PermissionGrant).
type scopeGrant struct {
	ID        string  `json:"id"`
	Client    string  `json:"clientId"`    // object id of the enterprise application
	Consent   string  `json:"consentType"` // "AllPrincipals" or "Principal"
	Principal *string `json:"principalId"`
	Resource  string  `json:"resourceId"`
	Scope     string  `json:"scope"` // values with spaces between
}

// newRegistry is Entra with Microsoft's own services.
func newRegistry(tenantID, domain string, now time.Time) *registry {
	g := &registry{tenantID: tenantID, domain: domain, secrets: map[string][sha256.Size]byte{}, standIns: map[string]standIn{}, born: map[string]int{}, seen: map[string]bool{}}
	g.addResource("Office 365 Exchange Online", exchangeAppID, now,
		[]string{"https://outlook.office365.com", "https://outlook.office.com"},
		[]string{"SMTP.SendAsApp", "Mail.Send", "full_access_as_app"},
		[]string{"SMTP.Send", "Mail.Send", "IMAP.AccessAsUser.All"})
	g.addResource("Microsoft Graph", graphAppID, now,
		[]string{"https://graph.microsoft.com"},
		[]string{"Mail.Read", "Mail.ReadBasic.All", "Mail.ReadWrite", "Mail.Send", "ExchangeMessageTrace.Read.All"},
		[]string{
			"User.Read", "SMTP.Send", "Mail.Send", "Mail.ReadBasic", "Mail.Read", "Application.Read.All", "Application.ReadWrite.All",
			"AppRoleAssignment.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All", "Domain.Read.All", "Organization.Read.All",
			"Policy.Read.All", "AuditLog.Read.All", "ExchangeMessageTrace.Read.All", "openid", "profile", "email", "offline_access",
		})
	return g
}

func (g *registry) addResource(name, appID string, now time.Time, names, roles, scopes []string) {
	e := enterprise{ID: newID(), AppID: appID, DisplayName: name, Enabled: true, Created: now.UTC(), Names: append([]string{appID}, names...)}
	for _, value := range roles {
		e.Roles = append(e.Roles, appRole{newID(), value, []string{"Application"}, true})
	}
	for _, value := range scopes {
		e.Scopes = append(e.Scopes, permissionScope{newID(), value, "Admin", true})
	}
	g.principals = append(g.principals, e)
}

// addOwnApp puts the app that is there from the start into the registry: it
// sends as itself, and for a user who signs in to it.
func (g *registry) addOwnApp(a App, own ownApp, cert *x509.Certificate, now time.Time) {
	key := newKeyCredential(cert)
	key.KeyID = own.CertificateID
	secret := password{KeyID: own.SecretID, Hint: a.Secret[:3], Start: now.UTC(), End: now.UTC().AddDate(2, 0, 0)}
	g.secrets[secret.KeyID] = sha256.Sum256([]byte(a.Secret))
	g.apps = append(g.apps, registration{
		ID: a.RegistrationObjectID, AppID: a.ClientID, DisplayName: a.Name, Audience: "AzureADMyOrg", Created: now.UTC(),
		FallbackPublic: new(true), Public: publicClient{RedirectURIs: []string{"http://localhost"}},
		Keys: []keyCredential{key}, Passwords: []password{secret},
	})
	for resource, scope := range map[string]string{exchangeAppID: "SMTP.Send", graphAppID: "Mail.Send"} {
		r, _ := g.principalBy(resource)
		g.scopes = append(g.scopes, scopeGrant{randomText(20), a.ObjectID, "AllPrincipals", nil, r.ID, scope})
	}
	g.principals = append(g.principals, enterprise{
		ID: a.ObjectID, AppID: a.ClientID, DisplayName: a.Name, Enabled: true, Created: now.UTC(), Names: []string{a.ClientID},
	})
	g.grantRole(a.ClientID, exchangeAppID, "SMTP.SendAsApp", now)
	g.grantRole(a.ClientID, exchangeAppID, "Mail.Send", now)
	for _, role := range []string{"Mail.Read", "Mail.Send", "ExchangeMessageTrace.Read.All"} {
		g.grantRole(a.ClientID, graphAppID, role, now)
	}
}

// newKeyCredential is what Entra keeps of a certificate.
func newKeyCredential(c *x509.Certificate) keyCredential {
	name := c.Subject.String()
	return keyCredential{
		KeyID: newID(), DisplayName: &name, Type: "AsymmetricX509Cert", Usage: "Verify",
		Start: c.NotBefore.UTC(), End: c.NotAfter.UTC(), Thumbprint: sha1Text(c), Key: c.Raw,
	}
}

// grantRole consents to an application permission, once.
func (g *registry) grantRole(client, resource, value string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, _ := g.principalBy(client)
	r, _ := g.principalBy(resource)
	for _, role := range r.Roles {
		if role.Value == value {
			g.roles = append(g.roles, roleGrant{
				randomText(20), now.UTC(), role.ID, p.ID, p.DisplayName, "ServicePrincipal", r.ID, r.DisplayName,
			})
		}
	}
}

// registrationBy finds an app registration by application id or object id. mu
// is held.
func (g *registry) registrationBy(id string) (registration, bool) {
	i := slices.IndexFunc(g.apps, func(a registration) bool { return strings.EqualFold(a.AppID, id) || strings.EqualFold(a.ID, id) })
	if i < 0 {
		return registration{}, false
	}
	return g.apps[i], true
}

// principalBy finds an enterprise application by application id or object id.
// mu is held.
func (g *registry) principalBy(id string) (enterprise, bool) {
	i := slices.IndexFunc(g.principals, func(e enterprise) bool { return strings.EqualFold(e.AppID, id) || strings.EqualFold(e.ID, id) })
	if i < 0 {
		return enterprise{}, false
	}
	return g.principals[i], true
}

// registration finds an app registration by application id or object id.
func (l *Lab) registration(id string) (registration, bool) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	return l.entraID.registrationBy(id)
}

// enterprise finds an enterprise application by application id or object id.
func (l *Lab) enterprise(id string) (enterprise, bool) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	return l.entraID.principalBy(id)
}

// resourceFor is the enterprise application that a token's audience, such as
// "https://outlook.office365.com", belongs to.
func (l *Lab) resourceFor(audience string) (enterprise, bool) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	for _, e := range l.entraID.principals {
		if slices.Contains(e.Names, strings.TrimSuffix(audience, "/")) {
			return e, true
		}
	}
	return enterprise{}, false
}

// grantedRoles are the values of the application permissions of a resource
// that an app was given: the roles claim of its tokens. Both are application
// ids.
func (l *Lab) grantedRoles(client, resource string) []string {
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	p, ok := g.principalBy(client)
	r, there := g.principalBy(resource)
	var values []string
	for _, role := range r.Roles {
		if ok && there && slices.ContainsFunc(g.roles, func(a roleGrant) bool {
			return a.Principal == p.ID && a.Resource == r.ID && a.Role == role.ID
		}) {
			values = append(values, role.Value)
		}
	}
	return values
}

// grantedScopes are the delegated permissions of a resource that an app was
// given: what the scp claim of its tokens may hold. Both are application ids.
func (l *Lab) grantedScopes(client, resource string) []string {
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	p, ok := g.principalBy(client)
	r, there := g.principalBy(resource)
	var values []string
	for _, s := range g.scopes {
		if ok && there && s.Client == p.ID && s.Resource == r.ID {
			values = append(values, strings.Fields(s.Scope)...)
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// grantScopes consents to delegated permissions as the sign-in page does when
// an admin agrees there: the enterprise application of a client that is new to
// the tenant, such as Microsoft's command line tools, is made by that.
func (l *Lab) grantScopes(client, name, resource string, scopes ...string) {
	have := l.grantedScopes(client, resource)
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	p, ok := g.principalBy(client)
	if !ok {
		p = enterprise{ID: newID(), AppID: client, DisplayName: name, Enabled: true, Created: l.now().UTC(), Names: []string{client}}
		g.principals = append(g.principals, p)
	}
	r, there := g.principalBy(resource)
	if !there {
		return
	}
	scopes = append(have, scopes...)
	slices.Sort(scopes)
	g.scopes = slices.DeleteFunc(slices.Clone(g.scopes), func(s scopeGrant) bool { return s.Client == p.ID && s.Resource == r.ID })
	g.scopes = append(g.scopes, scopeGrant{randomText(20), p.ID, "AllPrincipals", nil, r.ID, strings.Join(slices.Compact(scopes), " ")})
}

// proof is what a credential turned out to be.
type proof int

// The outcomes of a credential's check.
const (
	proofUnknown proof = iota // of nobody, or of another app
	proofExpired
	proofGood
)

// checkSecret compares a secret with those of an app.
func (l *Lab) checkSecret(appID, secret string) proof {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	a, _ := l.entraID.registrationBy(appID)
	sum := sha256.Sum256([]byte(secret))
	found := proofUnknown
	for _, p := range a.Passwords {
		if !l.entraID.isSecret(p.KeyID, sum) {
			continue
		}
		if l.now().Before(p.End) {
			return proofGood
		}
		found = proofExpired
	}
	return found
}

// isSecret compares the sum of a secret with what is kept of one, and with the
// one that stands in for it. mu is held.
func (g *registry) isSecret(keyID string, sum [sha256.Size]byte) bool {
	is := func(kept [sha256.Size]byte) bool { return subtle.ConstantTimeCompare(kept[:], sum[:]) == 1 }
	kept, known := g.secrets[keyID]
	other, stands := g.standIns[keyID]
	return known && is(kept) || stands && other.cert == nil && is(other.sum)
}

// certificateBy finds an app's certificate by its x5t#S256 (RFC 7515 section
// 4.1.8), in base64 or base64url.
func (l *Lab) certificateBy(appID, thumbprint string) (*x509.Certificate, proof) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	a, _ := l.entraID.registrationBy(appID)
	for _, k := range a.Keys {
		c, err := x509.ParseCertificate(k.Key)
		if other := l.entraID.standIns[k.KeyID].cert; other != nil && isThumbprint(thumbprint, other) {
			c, err = other, nil
		}
		if err != nil || !isThumbprint(thumbprint, c) {
			continue
		}
		if l.now().Before(k.End) {
			return c, proofGood
		}
		return c, proofExpired
	}
	return nil, proofUnknown
}

// AdminToken is a token for Graph as the tenant's administrator gets it after
// signing in with these scopes, for a test that does not sign in.
func (l *Lab) AdminToken(scopes ...string) string {
	now := l.now()
	return l.signer.sign(map[string]any{
		"aud": "https://graph.microsoft.com", "iss": "https://sts.windows.net/" + l.dir.tenantID + "/", "ver": "1.0",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLife).Unix(), "idtyp": "user",
		"appid": commandLineTools, "oid": newID(), "upn": adminAccount, "tid": l.dir.tenantID,
		"scp": strings.Join(scopes, " "), "wids": []string{globalAdministrator, defaultUserRole}, "uti": base64.RawURLEncoding.EncodeToString(randomBytes(12)),
	})
}

// commandLineTools is Microsoft Graph Command Line Tools.
const commandLineTools = "14d82eec-204b-4c2f-b7e8-296a70dab67e"

// Counts are how many objects there are beside those of Microsoft and of the
// lab's own app.
type Counts struct{ Applications, Enterprise, Roles, Grants, Certificates, Secrets int }

// Registered counts what was registered since the start.
func (l *Lab) Registered() Counts {
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	var n Counts
	ours := map[string]bool{}
	for _, a := range g.apps {
		if a.AppID == l.app.ClientID {
			continue
		}
		n.Applications++
		n.Certificates += len(a.Keys)
		n.Secrets += len(a.Passwords)
		if p, ok := g.principalBy(a.AppID); ok {
			n.Enterprise++
			ours[p.ID] = true
		}
	}
	for _, a := range g.roles {
		if ours[a.Principal] {
			n.Roles++
		}
	}
	for _, s := range g.scopes {
		if ours[s.Client] {
			n.Grants++
		}
	}
	return n
}

// Granted are the permissions that an app was given, as "exchange
// SMTP.SendAsApp" and "graph Mail.Read".
func (l *Lab) Granted(clientID string) (roles, scopes []string) {
	for name, id := range map[string]string{"exchange": exchangeAppID, "graph": graphAppID} {
		for _, r := range l.grantedRoles(clientID, id) {
			roles = append(roles, name+" "+r)
		}
		for _, s := range l.grantedScopes(clientID, id) {
			scopes = append(scopes, name+" "+s)
		}
	}
	slices.Sort(roles)
	slices.Sort(scopes)
	return roles, scopes
}

// Credentials counts what an app can sign in with.
func (l *Lab) Credentials(clientID string) (secrets, certificates int) {
	a, _ := l.registration(clientID)
	return len(a.Passwords), len(a.Keys)
}
