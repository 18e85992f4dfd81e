package graph

import (
	"testing"
	"time"
)

// ISO 8601 durations as the policies have them (Graph, resource type
// passwordCredentialConfiguration, maxLifetime).
func TestLifetimesOfPolicies(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"P90D": 90 * day, "P4DT12H30M5S": 4*day + 12*time.Hour + 30*time.Minute + 5*time.Second, "P1Y": 365 * day, "P6M": 180 * day,
		"PT5M": 5 * time.Minute, "": 0, "90": 0, "-P1D": 0, "P1W": 0,
	} {
		if got := lifetime(text); got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}

// Only entries that are enabled count, and nothing of a policy that is off.
func TestOnlyEnabledRestrictionsCount(t *testing.T) {
	r := restrictions{
		Passwords: []restriction{{"passwordAddition", "disabled", ""}, {"passwordLifetime", "enabled", "P30D"}, {"somethingNew", "enabled", ""}},
		Keys:      []restriction{{"trustedCertificateAuthority", "disabled", ""}, {"asymmetricKeyLifetime", "enabled", "P60D"}},
	}
	want := credentialPolicy{SecretLife: 30 * 24 * time.Hour, KeyLife: 60 * 24 * time.Hour}
	if got := r.policy(); got != want {
		t.Errorf("policy %+v, want %+v", got, want)
	}
}
