package lab

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
)

// keepsake is Entra's side of the tenant between two starts, without the lab's
// own app, which is new at each. Secrets are in it as sums only.
type keepsake struct {
	Tenant     string                       `json:"tenant"`
	Apps       []registration               `json:"applications"`
	Principals []enterprise                 `json:"enterprise_applications"`
	Roles      []roleGrant                  `json:"roles"`
	Scopes     []scopeGrant                 `json:"scopes"`
	Secrets    map[string][sha256.Size]byte `json:"secrets"`
}

// Snapshot is what a later start takes as Options.Restore, to be the same
// tenant with the same apps.
func (l *Lab) Snapshot() ([]byte, error) {
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	k := keepsake{Tenant: g.tenantID, Secrets: map[string][sha256.Size]byte{}}
	for _, a := range g.apps {
		if a.AppID != l.app.ClientID {
			k.Apps = append(k.Apps, a)
			for _, p := range a.Passwords {
				k.Secrets[p.KeyID] = g.secrets[p.KeyID]
			}
		}
	}
	own := func(id string) bool { return id == l.app.ObjectID }
	k.Principals = slices.DeleteFunc(slices.Clone(g.principals), func(e enterprise) bool { return own(e.ID) })
	k.Roles = slices.DeleteFunc(slices.Clone(g.roles), func(a roleGrant) bool { return own(a.Principal) })
	k.Scopes = slices.DeleteFunc(slices.Clone(g.scopes), func(s scopeGrant) bool { return own(s.Client) })
	b, err := json.MarshalIndent(k, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write the lab's apps: %w", err)
	}
	return b, nil
}

// restore makes the tenant what it was. What cannot be read is a new tenant.
func (l *Lab) restore(b []byte) {
	var k keepsake
	if json.Unmarshal(b, &k) != nil || !isGUID(k.Tenant) || k.Secrets == nil {
		return
	}
	g := l.entraID
	l.dir.tenantID, g.tenantID = k.Tenant, k.Tenant
	g.apps, g.principals, g.roles, g.scopes, g.secrets = k.Apps, k.Principals, k.Roles, k.Scopes, k.Secrets
}

// SetCertificate gives an app one certificate in place of those that it has:
// the keyring of the lab forgets their keys at each end. It tells whether there
// is such an app.
func (l *Lab) SetCertificate(clientID string, der []byte) bool {
	c, err := x509.ParseCertificate(der)
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.IndexFunc(g.apps, func(a registration) bool { return a.AppID == clientID })
	if i < 0 || err != nil {
		return false
	}
	g.apps[i].Keys = []keyCredential{newKeyCredential(c)}
	return true
}
