package lab

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"offbasic/probes"
)

// keepsakeVersion is the form in which a tenant is kept.
const keepsakeVersion = 1

// The codes of a tenant that is not taken up again: it cannot be read (args
// line, column), or a newer version wrote it (version, ours).
const (
	Damaged probes.Code = "lab_damaged"
	Newer   probes.Code = "lab_newer"
)

// keepsake is the tenant between two starts. Of a certificate the public half
// is in it, of a secret its sum, and of a password nothing: what lost its
// secret has another one at the next start.
type keepsake struct {
	Version    int                          `json:"version"`
	Tenant     string                       `json:"tenant"`
	Own        ownApp                       `json:"own_application"`
	Apps       []registration               `json:"applications"`
	Principals []enterprise                 `json:"enterprise_applications"`
	Roles      []roleGrant                  `json:"roles"`
	Scopes     []scopeGrant                 `json:"scopes"`
	Secrets    map[string][sha256.Size]byte `json:"secrets"`
	Seeded     []string                     `json:"seeded,omitempty"` // faults that have left their objects
	Exchange   exchangeKeepsake             `json:"exchange"`
	Mail       mailKeepsake                 `json:"mail"`
}

// ownApp are the ids of the app that is there from the start, and of what it
// signs in with.
type ownApp struct {
	Client        string `json:"client"`
	Registration  string `json:"registration"`
	Enterprise    string `json:"enterprise"`
	SecretID      string `json:"secret_id"`
	CertificateID string `json:"certificate_id"`
}

// Snapshot is what a later start takes as Options.Restore, to be the same
// tenant with all that was set up in it.
func (l *Lab) Snapshot() ([]byte, error) {
	k := l.entraID.keepsake()
	k.Version, k.Own = keepsakeVersion, l.own
	k.Exchange, k.Mail = l.dir.keepsake(), l.dir.keptMail()
	b, err := json.MarshalIndent(k, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write the lab's tenant: %w", err)
	}
	return append(b, '\n'), nil
}

// keepsake is Entra's side of it, with what a fault has taken away.
func (g *registry) keepsake() keepsake {
	g.mu.Lock()
	defer g.mu.Unlock()
	k := keepsake{Tenant: g.tenantID, Secrets: map[string][sha256.Size]byte{}, Seeded: slices.Clone(g.seeded)}
	k.Apps, k.Principals = slices.Clone(g.apps), slices.Clone(g.principals)
	k.Roles, k.Scopes = slices.Clone(g.roles), slices.Clone(g.scopes)
	for _, a := range g.apps {
		for _, p := range a.Passwords {
			k.Secrets[p.KeyID] = g.secrets[p.KeyID]
		}
	}
	for _, gone := range g.withheld {
		if _, again := g.principalBy(gone.principal.AppID); again {
			continue
		}
		k.Principals = append(k.Principals, gone.principal)
		k.Roles, k.Scopes = append(k.Roles, gone.roles...), append(k.Scopes, gone.scopes...)
	}
	return k
}

// restore makes the tenant what it was; nothing is a new tenant.
func (l *Lab) restore(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	k, err := readKeepsake(b)
	if err != nil {
		return err
	}
	g := l.entraID
	l.dir.tenantID, g.tenantID = k.Tenant, k.Tenant
	g.apps, g.principals, g.roles, g.scopes, g.secrets, g.seeded = k.Apps, k.Principals, k.Roles, k.Scopes, k.Secrets, k.Seeded
	l.dir.restore(k.Exchange)
	l.dir.restoreMail(k.Mail)
	if _, there := g.registrationBy(k.Own.Client); there { // else it was deleted, and there is another one
		l.own = k.Own
		l.app.ClientID, l.app.ObjectID, l.app.RegistrationObjectID = k.Own.Client, k.Own.Enterprise, k.Own.Registration
	}
	return nil
}

func readKeepsake(b []byte) (keepsake, error) {
	var head struct {
		Version int `json:"version"`
	}
	var k keepsake
	if err := json.Unmarshal(b, &head); err != nil {
		return k, damaged(b, err)
	}
	if head.Version > keepsakeVersion {
		return k, &probes.Fault{Op: "take up the lab's tenant", Code: Newer, Args: map[string]string{
			"version": strconv.Itoa(head.Version), "ours": strconv.Itoa(keepsakeVersion),
		}}
	}
	if err := json.Unmarshal(b, &k); err != nil {
		return k, damaged(b, err)
	}
	switch {
	case head.Version < 1:
		return k, damaged(b, errors.New("it has no version"))
	case !isGUID(k.Tenant) || !isGUID(k.Own.Client) || k.Secrets == nil || len(k.Principals) == 0:
		return k, damaged(b, errors.New("a part of the tenant is not there"))
	}
	return k, nil
}

// damaged says where the tenant cannot be read.
func damaged(b []byte, err error) error {
	at := int64(1)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	}
	before := b[:min(max(at-1, 0), int64(len(b)))]
	return &probes.Fault{Op: "take up the lab's tenant", Code: Damaged, Err: err, Args: map[string]string{
		"line":   strconv.Itoa(bytes.Count(before, []byte("\n")) + 1),
		"column": strconv.Itoa(len(before) - bytes.LastIndexByte(before, '\n')),
	}}
}

// withheld is what a fault took away for as long as the lab runs.
type withheld struct {
	principal enterprise
	roles     []roleGrant
	scopes    []scopeGrant
}

// withhold takes an enterprise application away, with what was consented to.
func (g *registry) withhold(appID string) {
	e, ok := g.principalBy(appID)
	if !ok {
		return
	}
	gone := withheld{principal: e}
	for _, a := range g.roles {
		if a.Principal == e.ID || a.Resource == e.ID {
			gone.roles = append(gone.roles, a)
		}
	}
	for _, s := range g.scopes {
		if s.Client == e.ID || s.Resource == e.ID {
			gone.scopes = append(gone.scopes, s)
		}
	}
	g.withheld = append(g.withheld, gone)
	g.dropPrincipal(e.ID)
}
