package signin

import "offbasic/probes"

// The codes of the faults of an app's sign-in, and of both. All refusals have
// the arguments aadsts, if Entra gave a number, and description.
const (
	Refused        probes.Code = "signin_refused"          // Entra said no
	Unreachable    probes.Code = "signin_unreachable"      // no answer to judge; args host, cause
	BadAuthority   probes.Code = "authority_invalid"       // the address or the tenant is not one; args authority, tenant
	BadCertificate probes.Code = "certificate_invalid"     // arg cause
	NoKey          probes.Code = "certificate_without_key" // or with the key of another one
	NoCredential   probes.Code = "credential_missing"      // neither secret nor certificate
	NotAToken      probes.Code = "not_a_token"

	NoTenant      probes.Code = "signin_tenant_missing" // arg tenant
	OtherCloud    probes.Code = "signin_other_cloud"    // the tenant lives in another cloud; args tenant, clouds: ids of the cloud table
	NoClient      probes.Code = "signin_client_unknown" // args client, tenant
	SecretExpired probes.Code = "signin_secret_expired" // arg client
	ClockAhead    probes.Code = "signin_clock_ahead"    // arg by, a duration
	ClockBehind   probes.Code = "signin_clock_behind"   // arg by, a duration
)

// The codes of the faults of an admin's sign-in.
const (
	Stopped      probes.Code = "signin_stopped"           // the context ended
	ByHand       probes.Code = "signin_by_hand"           // no way is left; arg cause. Err holds the fault of each
	NoBrowser    probes.Code = "signin_no_browser"        // arg cause
	NoPort       probes.Code = "signin_no_port"           // no loopback port for the answer; arg cause
	Closed       probes.Code = "signin_closed"            // nobody finished in the browser
	CodeExpired  probes.Code = "signin_code_expired"      // nobody entered the device code
	Declined     probes.Code = "signin_declined"          // the admin, or an approver, said no
	Consent      probes.Code = "signin_consent_needed"    // an admin must consent first
	CodeBlocked  probes.Code = "signin_code_blocked"      // a policy blocks device codes
	Blocked      probes.Code = "signin_blocked"           // a policy blocks the sign-in
	SecondFactor probes.Code = "signin_second_factor"     // a second factor is asked for that this way cannot give
	NotAssigned  probes.Code = "signin_not_assigned"      // the client is for assigned accounts only; arg client
	WrongAccount probes.Code = "signin_wrong_account"     // not of this tenant; arg tenant
	NoRedirect   probes.Code = "signin_redirect_missing"  // the client does not take http://localhost; arg client
	NotPublic    probes.Code = "signin_not_public"        // the client takes no public client flows; arg client
	NoTools      probes.Code = "signin_tools_unknown"     // the tenant does not know GraphTools; args client, tenant
	NoRole       probes.Code = "signin_role_missing"      // a note: the account has none of the roles; arg account
	NotAllowed   probes.Code = "signin_not_preauthorised" // the client may not ask for this API; arg client
)
