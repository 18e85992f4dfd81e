package checks

import (
	"slices"
	"time"
)

// What a right to send consists of, as TenantFacts.Made names it. Words are
// under "object.<id>".
const (
	MadeApp        = "application"        // app registration
	MadeEnterprise = "service_principal"  // enterprise application
	MadeConsent    = "consent"            // API permission
	MadeCredential = "credential"         // secret or certificate
	MadePrincipal  = "exchange_principal" // New-ServicePrincipal
	MadePermission = "mailbox_permission" // Add-MailboxPermission
	MadeRole       = "role_assignment"    // New-ManagementRoleAssignment, and its scope
	MadeSwitch     = "smtp_auth"          // Set-CASMailbox
	MadeSendAs     = "send_as"            // Add-RecipientPermission
	MadeDirect     = "direct_send"        // Set-OrganizationConfig -RejectDirectSend
)

// MadeObjects lists what is kept in TenantFacts.Made.
func MadeObjects() []string {
	return []string{
		MadeApp, MadeEnterprise, MadeConsent, MadeCredential, MadePrincipal, MadePermission, MadeRole, MadeSwitch, MadeSendAs, MadeDirect,
	}
}

// Takes is how long a change may take until the service goes by it: up to two
// hours for rights in Exchange (field reports of 30 to 120 minutes), 30
// minutes for RejectDirectSend (Microsoft Tech Community, "Introducing more
// control over Direct Send in Exchange Online"). For the objects of Entra no
// source names a time; new ones are found within minutes.
func Takes(object string) time.Duration {
	switch object {
	case MadePrincipal, MadePermission, MadeRole, MadeSwitch, MadeSendAs:
		return 2 * time.Hour
	case MadeDirect:
		return 30 * time.Minute
	}
	return 15 * time.Minute
}

// Young is an object that may be too new to count: a refusal that it could
// cause is not called wrong yet.
type Young struct {
	Object string
	Made   time.Time
	Ends   time.Time // from then on the refusal has another cause
	Next   time.Time // when it is worth trying again
}

// YoungOf is the youngest of the objects that a refusal depends on, if one of
// them may be too new at a time. ok false means that they all had their time,
// or that nothing was made: what is refused is wrong.
func YoungOf(made map[string]time.Time, at time.Time, objects ...string) (y Young, ok bool) {
	for _, o := range objects {
		when, there := made[o]
		if !there || when.After(at) || !at.Before(when.Add(Takes(o))) {
			continue
		}
		if !ok || when.Add(Takes(o)).After(y.Ends) {
			y, ok = Young{Object: o, Made: when, Ends: when.Add(Takes(o))}, true
		}
	}
	if ok {
		y.Next = nextTry(y, at)
	}
	return y, ok
}

// nextTry is the next of a rising row of pauses, counted from when the object
// was made; the last is when its time is over.
func nextTry(y Young, at time.Time) time.Time {
	for _, minutes := range []int{1, 2, 5, 10, 15, 20, 30, 45, 60, 75, 90, 105} {
		if next := y.Made.Add(time.Duration(minutes) * time.Minute); next.After(at) && next.Before(y.Ends) {
			return next
		}
	}
	return y.Ends
}

// rightsObjects are what 535 5.7.3 to a token can come from.
func rightsObjects() []string {
	return []string{MadePermission, MadePrincipal, MadeRole, MadeSwitch, MadeConsent, MadeEnterprise}
}

// madeBy says which objects a step of a script makes, by the id of the step.
func madeBy() map[string]string {
	return map[string]string{
		"principal": MadePrincipal, "permission": MadePermission, "assignment": MadeRole, "scope": MadeRole,
		"smtp-auth": MadeSwitch, "reject": MadeDirect,
	}
}

// MadeByStep is the object that a step of a script makes or changes, "" when
// no refusal waits for it.
func MadeByStep(script, step string) string {
	if script == "send-as" && step == "permission" {
		return MadeSendAs
	}
	if slices.Contains([]string{"shared-mailbox", "onprem-relay"}, script) {
		return ""
	}
	return madeBy()[step]
}

// MadeByRequest is the object that a step of a set-up through Graph makes, ""
// when no refusal waits for it.
func MadeByRequest(step string) string {
	switch step {
	case MadeApp, MadeEnterprise:
		return step
	case MadeConsent, "permissions":
		return MadeConsent
	case MadeCredential, "secret", "certificate":
		return MadeCredential
	}
	return ""
}
