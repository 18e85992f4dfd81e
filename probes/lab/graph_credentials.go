package lab

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"net/http"
	"slices"
	"time"
)

// The words by which Entra refuses what a policy forbids, as they are seen in
// the field; the sentence about lifetimes is the lab's own.
const (
	typeForbidden = "Credential type not allowed as per assigned policy 'Default app management tenant policy'."
	lifeForbidden = "Credential lifetime exceeds the max value allowed as per assigned policy 'Default app management tenant policy'."
)

// shortLife is how long credentials may live under the policy of the fault.
const shortLife = 90 * 24 * time.Hour

// takeKeys completes the certificates of a request, in place, or says what
// Entra would not take: one without its own key must be there already.
func (l *Lab) takeKeys(before, keys []keyCredential) string {
	for i, k := range keys {
		old := slices.IndexFunc(before, func(o keyCredential) bool {
			return k.KeyID != "" && o.KeyID == k.KeyID || len(k.Key) > 0 && bytes.Equal(o.Key, k.Key)
		})
		if old >= 0 {
			keys[i] = before[old]
			continue
		}
		c, why := l.newKey(k.Key)
		if why != "" {
			return why
		}
		kept := newKeyCredential(c)
		if k.DisplayName != nil {
			kept.DisplayName = k.DisplayName
		}
		keys[i] = kept
	}
	return ""
}

// newKey reads a new certificate, or says what Entra has against it.
func (l *Lab) newKey(der []byte) (c *x509.Certificate, why string) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, "Key credential value is invalid."
	}
	_, isRSA := c.PublicKey.(*rsa.PublicKey)
	switch {
	case !isRSA: // Entra takes RSA alone
		return nil, "Key credential value is invalid."
	case l.fault("certificates-restricted") && bytes.Equal(c.RawIssuer, c.RawSubject):
		return nil, typeForbidden
	case l.fault("short-lifetimes") && c.NotAfter.After(l.now().Add(shortLife+time.Hour)):
		return nil, lifeForbidden
	}
	return c, ""
}

func (l *Lab) addPassword(w http.ResponseWriter, r *http.Request) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	i, ok := l.appOf(w, r)
	if !ok {
		return
	}
	var given struct {
		Password password `json:"passwordCredential"`
	}
	decode(r, &given)
	now := l.now().UTC()
	p := given.Password
	if p.Start.IsZero() {
		p.Start = now
	}
	if p.End.IsZero() {
		p.End = now.AddDate(2, 0, 0) // the default life of a secret
	}
	switch {
	case l.fault("secrets-forbidden"):
		l.badRequest(w, r, typeForbidden)
		return
	case l.fault("short-lifetimes") && p.End.After(now.Add(shortLife+time.Hour)):
		l.badRequest(w, r, lifeForbidden)
		return
	}
	text := randomText(30)
	p.KeyID, p.Hint = newID(), text[:3]
	l.entraID.secrets[p.KeyID] = sha256.Sum256([]byte(text))
	l.entraID.apps[i].Passwords = append(slices.Clone(l.entraID.apps[i].Passwords), p)
	answer := selected(p, "")
	answer["secretText"], answer["customKeyIdentifier"] = text, nil
	l.graphOK(w, r, http.StatusOK, answer)
}

func (l *Lab) removePassword(w http.ResponseWriter, r *http.Request) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	i, ok := l.appOf(w, r)
	if !ok {
		return
	}
	var given struct {
		KeyID string `json:"keyId"`
	}
	decode(r, &given)
	before := l.entraID.apps[i].Passwords
	left := slices.DeleteFunc(slices.Clone(before), func(p password) bool { return p.KeyID == given.KeyID })
	if len(left) == len(before) {
		l.badRequest(w, r, "No password credential found with keyId '"+given.KeyID+"'.")
		return
	}
	l.entraID.apps[i].Passwords = left
	delete(l.entraID.secrets, given.KeyID)
	l.graphOK(w, r, http.StatusNoContent, nil)
}

// getDefaultAppPolicy is the tenant's app management policy, which is off
// unless a fault turns it on.
func (l *Lab) getDefaultAppPolicy(w http.ResponseWriter, r *http.Request) {
	passwords, keys := []map[string]any{}, []map[string]any{}
	entry := func(kind, life string) map[string]any {
		e := map[string]any{"restrictionType": kind, "state": "enabled", "maxLifetime": nil, "restrictForAppsCreatedAfterDateTime": "2020-01-01T00:00:00Z"}
		if life != "" {
			e["maxLifetime"] = life
		}
		return e
	}
	if l.fault("secrets-forbidden") {
		passwords = append(passwords, entry("passwordAddition", ""))
	}
	if l.fault("short-lifetimes") {
		passwords, keys = append(passwords, entry("passwordLifetime", "P90D")), append(keys, entry("asymmetricKeyLifetime", "P90D"))
	}
	if l.fault("certificates-restricted") {
		keys = append(keys, entry("trustedCertificateAuthority", ""))
	}
	l.graphOK(w, r, http.StatusOK, map[string]any{
		"id": "00000000-0000-0000-0000-000000000000", "displayName": "Default app management tenant policy",
		"isEnabled":               len(passwords)+len(keys) > 0,
		"applicationRestrictions": map[string]any{"passwordCredentials": passwords, "keyCredentials": keys},
	})
}

func (l *Lab) listAppPolicies(w http.ResponseWriter, r *http.Request) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	if _, ok := l.appOf(w, r); ok {
		l.graphList(w, r, nil)
	}
}

func (l *Lab) getSecurityDefaults(w http.ResponseWriter, r *http.Request) {
	l.graphOK(w, r, http.StatusOK, map[string]any{
		"id": "00000000-0000-0000-0000-000000000005", "displayName": "Security Defaults", "isEnabled": false,
	})
}

func (l *Lab) listOrganization(w http.ResponseWriter, r *http.Request) {
	var domains []map[string]any
	for i, d := range l.dir.domains {
		domains = append(domains, map[string]any{"name": d, "isDefault": i == 0, "isInitial": i == 0, "type": "Managed", "capabilities": "Email"})
	}
	l.graphList(w, r, []map[string]any{selected(map[string]any{
		"id": l.dir.tenantID, "displayName": "Contoso", "verifiedDomains": domains,
	}, r.URL.Query().Get("$select"))})
}
