package checks

import (
	"time"

	"offbasic/probes"
)

// TenantFacts is what is known of a tenant when it is judged, and when a
// refusal of it is explained. What is not known is empty, and is said to be
// not known.
type TenantFacts struct {
	Now     time.Time
	Tenant  string   // id
	Domains []string // accepted domains
	App     AppFacts
	// Mailboxes are to be sent as with OAuth; Passwords are the accounts that
	// were seen to sign in with a password.
	Mailboxes, Passwords []string
	// DeviceCode are the senders whose product signs in with a device code.
	DeviceCode []string
	// Direct says that some sender is to use Direct Send.
	Direct bool
	// Answers are read-backs of scripts, of this tenant, in any order.
	Answers []probes.ReadBackFile
	Graph   *GraphFacts
	// Token is what the last token of the app carried, and when it was asked.
	Token   *probes.Claims
	TokenAt time.Time
	// Skew is how far the clock here is ahead of the service's.
	Skew *time.Duration
	// Made says when an object was made, or last changed, by the ids of
	// Objects. What is missing was not made from here, or is not known.
	Made map[string]time.Time
	// Outside is the last test send as a mailbox that the app must not reach.
	Outside *probes.Trial
	// Inside is when the app's message as a sender's mailbox was last taken.
	Inside time.Time
}

// AppFacts is the app as the migration knows it.
type AppFacts struct {
	ClientID string
	ObjectID string // of the enterprise application
	Rights   probes.RightsModel
	// Group and Outside are those of App RBAC: whose members the app may send
	// as, and a mailbox that is none of them.
	Group, Outside string
}

// GraphFacts is what Microsoft Graph said of the tenant. A nil pointer or list
// was not read.
type GraphFacts struct {
	Read     time.Time `json:"read"`
	TenantID string    `json:"tenant,omitempty"` // organization, id
	Domains  []string  `json:"domains,omitempty"`
	// SecurityDefaults is isEnabled of identitySecurityDefaultsEnforcementPolicy.
	SecurityDefaults *bool `json:"security_defaults,omitempty"`
	// Registration is the object id of the app registration, Principal that of
	// the enterprise application.
	Registration string `json:"registration,omitempty"`
	Principal    string `json:"principal,omitempty"`
	Enabled      *bool  `json:"enabled,omitempty"` // accountEnabled of the enterprise application
	// Roles are the values of the application permissions that were consented
	// to; empty and not nil means none.
	Roles *[]string `json:"roles,omitempty"`
	// Access are the Conditional Access policies that are on or report.
	Access *[]probes.AccessPolicy `json:"access,omitempty"`
}

// TenantCheck is one question that is put to what is known of a tenant. The
// words of its outcomes are under "check.<id>.<status>", of Skip under
// "tenant.unknown.<id>", its remedy's under "remedy.<remedy>".
type TenantCheck struct {
	ID       ID
	Outcomes []Status
	Remedy   string // of Warn and Fail; the script that does it is in the finding
	judge    func(*tenant) []Finding
}

// TenantChecks lists the checks of a tenant in the order in which an admin
// should read them: what no sending gets past, the app, its rights, the
// switches, then what concerns passwords.
func TenantChecks() []TenantCheck {
	return []TenantCheck{
		{"tenant-age", can(Warn, Skip), "tenant-read", judgeAge},
		{"tenant-clock", can(Pass, Warn, Fail, Skip), "tenant-clock", judgeClock},
		{"tenant-app-id", can(Pass, Fail), "tenant-app-id", judgeAppID},
		{"tenant-app-disabled", can(Fail), "tenant-app-disabled", judgeAppEnabled},
		{"tenant-token-audience", can(Fail), "token-audience", judgeAudience},
		{"tenant-token-tenant", can(Fail), "tenant-token-tenant", judgeTokenTenant},
		{"tenant-token-app", can(Fail), "tenant-token-app", judgeTokenApp},
		{"tenant-token", can(Pass, Skip), "", judgeToken},
		{"tenant-principal", can(Pass, Fail, Skip), "tenant-script", judgePrincipal},
		{"tenant-principal-registration", can(Fail), "tenant-principal-again", judgeRegistrationID},
		{"tenant-principal-client", can(Fail), "tenant-principal-again", judgeClientID},
		{"tenant-principal-other", can(Fail), "tenant-principal-again", judgeOtherID},
		{"tenant-rights", can(Pass, Skip), "", judgeRights},
		{"tenant-rights-none", can(Fail), "tenant-script", judgeNoRights},
		{"tenant-rights-consent", can(Fail), "tenant-consent", judgeNoConsent},
		{"tenant-rights-mailbox", can(Fail), "tenant-script", judgeNoPermission},
		{"tenant-rights-claim", can(Fail), "tenant-consent-remove", judgeClaimBeside},
		{"tenant-rights-permission", can(Fail), "tenant-script", judgePermissionBeside},
		{"tenant-rights-model", can(Warn), "tenant-rights-model", judgeModel},
		{"tenant-rights-everywhere", can(Fail), "tenant-script", judgeEverywhere},
		{"tenant-rights-inside", can(Pass, Fail), "tenant-rights-group", judgeInside},
		{"tenant-rights-outside", can(Pass, Fail, Skip), "tenant-rights-group", judgeOutside},
		{"tenant-smtp-auth-mailbox", can(Pass, Fail, Skip), "tenant-script", judgeMailboxSwitch},
		{"tenant-smtp-auth-follows", can(Fail), "tenant-script", judgeFollows},
		{"tenant-domain", can(Pass, Fail, Skip), "tenant-domain", judgeDomains},
		{"tenant-security-defaults", can(Pass, Warn, Skip), "tenant-security-defaults", judgeSecurityDefaults},
		{"tenant-access", can(Pass, Skip), "", judgeAccess},
		{"tenant-access-unsure", can(Skip), "", judgeAccessUnsure},
		{"tenant-access-legacy", can(Warn), "tenant-access-legacy", judgeAccessLegacy},
		{"tenant-access-legacy-except", can(Warn), "tenant-access-legacy", judgeAccessLegacyExcept},
		{"tenant-access-legacy-some", can(Warn), "tenant-access-legacy", judgeAccessLegacySome},
		{"tenant-access-code", can(Warn), "tenant-access-code", judgeAccessCodes},
		{"tenant-access-code-except", can(Warn), "tenant-access-code", judgeAccessCodesExcept},
		{"tenant-access-code-some", can(Warn), "tenant-access-code", judgeAccessCodesSome},
		{"tenant-access-code-senders", can(Warn), "tenant-access-code-senders", judgeAccessSenders},
		{"tenant-access-workload", can(Warn), "tenant-access-workload", judgeAccessWorkload},
		{"tenant-access-report", can(Warn), "tenant-access-report", judgeAccessReport},
		{"tenant-direct-send", can(Pass, Fail, Skip), "tenant-direct-send", judgeDirectSend},
		{"tenant-smtp-auth-organization", can(Pass, Warn, Skip), "tenant-smtp-auth-organization", judgeOrganization},
		{"tenant-policy", can(Pass, Fail, Skip), "tenant-script", judgePolicies},
		{"tenant-basic-open", can(Pass, Warn, Skip), "tenant-script", judgeOpen},
	}
}

// TenantState puts every check to what is known of a tenant. What is not known
// is a finding with the status Skip, and its words say what would tell. A
// check that does not apply says nothing.
func TenantState(f TenantFacts) []Finding {
	t := lookAtTenant(f)
	var out []Finding
	for _, c := range TenantChecks() {
		for _, found := range c.judge(t) {
			found.Check = c.ID
			if found.Remedy == "" && (found.Status == Warn || found.Status == Fail) {
				found.Remedy = c.Remedy
			}
			out = append(out, found)
		}
	}
	return out
}

// one is one finding, its arguments as name and value in turn.
func one(s Status, args ...string) []Finding { return []Finding{judged(s, args...)} }

func judged(s Status, args ...string) Finding {
	f := Finding{Status: s}
	for i := 0; i+1 < len(args); i += 2 {
		if f.Args == nil {
			f.Args = map[string]string{}
		}
		f.Args[args[i]] = probes.Clean(args[i+1], 200)
	}
	return f
}

// by is a finding that a script mends.
func by(script string, f ...Finding) []Finding {
	for i := range f {
		f[i].Script = script
		if f[i].Args == nil {
			f[i].Args = map[string]string{}
		}
		f[i].Args["script"] = script
	}
	return f
}
