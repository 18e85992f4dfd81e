package lab

import (
	"slices"
	"strings"

	"offbasic/probes"
)

// FaultUnknown is the code of a fault's name that the lab does not know; args
// name and names.
const FaultUnknown probes.Code = "lab_fault_unknown"

// LabFault is something that goes wrong in a tenant and can be made to happen
// in the lab. Its words are under "lab.fault.<name>".
type LabFault struct {
	Name   string
	Source string // where it is described: a page of Microsoft's, or how it was seen
}

// Faults is the table of what can be made to go wrong.
func Faults() []LabFault {
	return append([]LabFault{
		{deliverySlow, "RFC 5321 section 6.1: a server that takes a message has not delivered it yet"},
		{everythingJunk, "Microsoft, Anti-spam message headers in Microsoft 365: SFV:SPM, SCL 5"},
		{"replication", "Microsoft Graph: 404 Request_ResourceNotFound and 400 NoBackingApplicationObject right after a create"},
		{"throttled", "Microsoft Graph, throttling guidance: 429 TooManyRequests with Retry-After"},
		{"unavailable", "Microsoft Graph, error responses: 503 with Retry-After"},
		{"network-lost", "the connection ends after a change was made and before its answer arrives"},
		{signInsUnlicensed, "Microsoft Graph: 403 Authentication_RequestFromNonPremiumTenantOrB2CTenant for auditLogs/signIns"},
		{signInsNoRole, "Microsoft Graph: 403 Authorization_RequestDenied; List signIns: the reader needs a role"},
		{"secrets-forbidden", "Microsoft Graph, application management policy: passwordAddition"},
		{"short-lifetimes", "Microsoft Graph, application management policy: passwordLifetime, asymmetricKeyLifetime"},
		{"certificates-restricted", "Microsoft Graph, application management policy: trustedCertificateAuthority"},
		{"role-missing", "Microsoft Graph: 403 Authorization_RequestDenied"},
		{"assignment-restricted", "Microsoft Graph permissions reference: AppRoleAssignment.ReadWrite.All"},
		{"consent-refused", "Microsoft Graph: 403 Authorization_RequestDenied for an app role assignment"},
		{"exchange-absent", "a tenant without Exchange Online has no such service principal"},
		{"half-registered", "an app registration without service principal, consent and credential"},
		{rightsCached, "field reports of 30 to 120 minutes until Exchange Online goes by new rights"},
		{traceAbsent, "Microsoft Graph, resource type exchangeMessageTrace, Prerequisites: 401 Service principal-less Authentication failed"},
		{"same-name", "Microsoft Graph, resource type application: displayName is not unique"},
		{"signin-no-browser", "a machine without a browser"},
		{"signin-blocked", "Microsoft Entra authentication error codes: AADSTS53003"},
		{"signin-code-blocked", "Microsoft Entra authentication error codes: AADSTS53003, by a policy that blocks device code flow"},
		{"signin-security-defaults", "Microsoft Learn, security defaults, block device code flow: AADSTS530035 (reported)"},
		{"signin-consent-needed", "Microsoft Entra authentication error codes: AADSTS90094"},
		{"signin-declined", "Microsoft Entra authentication error codes: AADSTS65004; RFC 8628 section 3.5: authorization_declined"},
		{"signin-second-factor", "Microsoft Entra authentication error codes: AADSTS50076"},
		{"signin-session-revoked", "Microsoft Entra authentication error codes: AADSTS50173"},
		{"signin-not-assigned", "Microsoft Entra authentication error codes: AADSTS50105"},
		{"signin-wrong-account", "Microsoft Entra authentication error codes: AADSTS50020"},
		{"signin-code-expired", "RFC 8628 section 3.5: expired_token; AADSTS70020"},
		{"signin-client-unknown", "Microsoft Entra authentication error codes: AADSTS700016"},
		{"signin-tenant-missing", "Microsoft Entra authentication error codes: AADSTS90002"},
		{"signin-other-cloud", "Microsoft Entra authentication error codes: AADSTS90038"},
		{"signin-secret-expired", "Microsoft Entra authentication error codes: AADSTS7000222"},
		{"signin-clock", "Microsoft Entra authentication error codes: AADSTS700024; RFC 9110 section 6.6.1: Date"},
	}, accessFaults()...)
}

// FaultNames are the names that Options.Faults takes.
func FaultNames() []string {
	return append(ownFaultNames(), RefusalNames()...)
}

// ownFaultNames are those of the table, without the refusals of SMTP.
func ownFaultNames() []string {
	var names []string
	for _, f := range Faults() {
		names = append(names, f.Name)
	}
	return names
}

// fault tells whether a fault was asked for.
func (l *Lab) fault(name string) bool { return l.faults[name] }

// takeFaults checks the names that were asked for.
func (l *Lab) takeFaults(names []string) error {
	l.faults = map[string]bool{}
	known := FaultNames()
	for _, name := range names {
		if !slices.Contains(known, name) {
			return unknownFault(name)
		}
		if strings.HasPrefix(name, refusalPrefix) {
			if err := l.Refuse(name, -1); err != nil {
				return err
			}
			continue
		}
		l.faults[name] = true
	}
	return nil
}

// seedFaults prepares the tenant for the faults that are there from the start.
// What one adds is added once, however often the tenant is taken up again.
func (l *Lab) seedFaults() {
	g := l.entraID
	seed := func(name string, n int) {
		if !l.fault(name) || slices.Contains(g.seeded, name) {
			return
		}
		g.seeded = append(g.seeded, name)
		for range n {
			g.apps = append(g.apps, registration{
				ID: newID(), AppID: newID(), DisplayName: "offbasic", Audience: "AzureADMyOrg", Created: l.now().UTC().AddDate(0, 0, -3),
				Tags: []string{"offbasic"}, Required: []requiredAccess{}, Keys: []keyCredential{}, Passwords: []password{},
			})
		}
	}
	seed("half-registered", 1)
	seed("same-name", 2)
	if l.fault("exchange-absent") {
		g.withhold(exchangeAppID)
	}
	if l.fault(traceAbsent) {
		g.withhold(traceAppID)
	}
}
