package probes

// RightsModel is how an app is allowed to send as a mailbox. Its words are
// under "rights.<model>".
type RightsModel string

// The models of rights. An app has one of them: with the role claim of the
// first in its token, Exchange looks at the mailbox's rights as well, and the
// scope of the second limits nothing (Microsoft, "SMTP Onboarding to App RBAC
// Overview").
const (
	// MailboxRights is SMTP.SendAsApp as API permission, and FullAccess on
	// each mailbox.
	MailboxRights RightsModel = "mailbox"
	// RoleRights is App RBAC: the role "Application SMTP.SendAsApp" with a
	// scope, and no API permission.
	RoleRights RightsModel = "rbac"
)

// SendAsApp is the API permission of the first model, as it stands in a
// token's roles; SendAsAppRole is Exchange's role of the second.
const (
	SendAsApp     = "SMTP.SendAsApp"
	SendAsAppRole = "Application SMTP.SendAsApp"
)
