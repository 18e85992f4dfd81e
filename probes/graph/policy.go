package graph

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"
)

// credentialPolicy is what the tenant allows an app to sign in with (Graph,
// resource types tenantAppManagementPolicy and appManagementPolicy).
type credentialPolicy struct {
	NoSecrets    bool
	NoSelfSigned bool          // certificates of a certification authority only
	SecretLife   time.Duration // 0 means no limit
	KeyLife      time.Duration
}

// restriction is one entry of a policy. Only enabled ones count.
type restriction struct {
	Type  string `json:"restrictionType"`
	State string `json:"state"`
	Max   string `json:"maxLifetime"` // ISO 8601
}

type restrictions struct {
	Passwords []restriction `json:"passwordCredentials"`
	Keys      []restriction `json:"keyCredentials"`
}

// defaultPolicy is the tenant's own ("Get tenantAppManagementPolicy").
func (d Directory) defaultPolicy(ctx context.Context) (credentialPolicy, error) {
	var p struct {
		Enabled bool         `json:"isEnabled"`
		Apps    restrictions `json:"applicationRestrictions"`
	}
	err := d.do(ctx, ask{method: http.MethodGet, path: "/policies/defaultAppManagementPolicy", needs: []string{ReadPolicies}}, &p)
	if err != nil || !p.Enabled {
		return credentialPolicy{}, err
	}
	return p.Apps.policy(), nil
}

// policyOf is the one that an app has in place of the tenant's ("List
// appManagementPolicies").
func (d Directory) policyOf(ctx context.Context, applicationID, read string) (credentialPolicy, bool, error) {
	var list listed[struct {
		Enabled      bool         `json:"isEnabled"`
		Restrictions restrictions `json:"restrictions"`
	}]
	err := d.do(ctx, ask{
		method: http.MethodGet, path: "/applications/" + url.PathEscape(applicationID) + "/appManagementPolicies",
		needs: []string{read, ReadPolicies},
	}, &list)
	for _, p := range list.Value {
		if p.Enabled {
			return p.Restrictions.policy(), true, err
		}
	}
	return credentialPolicy{}, false, err
}

func (r restrictions) policy() credentialPolicy {
	var p credentialPolicy
	for _, e := range r.Passwords {
		switch {
		case e.State != "enabled":
		case e.Type == "passwordAddition":
			p.NoSecrets = true
		case e.Type == "passwordLifetime":
			p.SecretLife = lifetime(e.Max)
		}
	}
	for _, e := range r.Keys {
		switch {
		case e.State != "enabled":
		case e.Type == "trustedCertificateAuthority":
			p.NoSelfSigned = true
		case e.Type == "asymmetricKeyLifetime":
			p.KeyLife = lifetime(e.Max)
		}
	}
	return p
}

// lifetime reads an ISO 8601 duration of days and hours, as these policies
// have it: "P90D", "P4DT12H30M5S". A form that it does not know limits nothing
// here, and Graph says no where it does.
func lifetime(s string) time.Duration {
	m := regexp.MustCompile(`^P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,5})(?:\.\d+)?S)?)?$`).FindStringSubmatch(s)
	if m == nil {
		return 0
	}
	const day = 24 * time.Hour
	var d time.Duration
	for i, unit := range []time.Duration{365 * day, 30 * day, day, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(m[i+1]) // digits or nothing
		d += time.Duration(n) * unit
	}
	return d
}
