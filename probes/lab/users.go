package lab

import (
	"slices"
	"strings"
)

// Roles of Entra's directory, by their template ids, which the wids claim
// holds.
//
// Source: Microsoft, "Microsoft Entra built-in roles".
const (
	globalAdministrator  = "62e90394-69f5-4237-9190-012177145e10"
	appAdministrator     = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
	cloudAppAdmin        = "158c047a-c907-4556-b7ef-446551a6b5f7"
	defaultUserRole      = "b79fbf4d-3ef9-4689-8143-76b194e85509" // in every user's token
	adminAccount         = "admin@contoso.example"
	plainAccount         = "helpdesk@contoso.example"
	commandLineToolsName = "Microsoft Graph Command Line Tools"
)

// user is somebody who can sign in to the lab with a browser.
type user struct {
	id, name, upn string
	roles         []string
}

// isAdmin tells whether the user may consent for the organisation.
func (u user) isAdmin() bool { return slices.Contains(u.roles, globalAdministrator) }

// appAdministrators are the roles that change applications and consents.
func appAdministrators() []string {
	return []string{globalAdministrator, appAdministrator, cloudAppAdmin}
}

// newUsers are an administrator, who is signed in unless another one is asked
// for, and one who has no role.
func newUsers() []user {
	return []user{
		{newID(), "Admin", adminAccount, []string{globalAdministrator, defaultUserRole}},
		{newID(), "Help Desk", plainAccount, []string{defaultUserRole}},
	}
}

// user finds one by address; "" is the administrator. Who has a mailbox can
// sign in as well, without any role.
func (l *Lab) user(name string) (user, bool) {
	i := slices.IndexFunc(l.signIns.users, func(u user) bool { return name == "" || strings.EqualFold(u.upn, name) })
	if i >= 0 {
		return l.signIns.users[i], true
	}
	m := l.dir.mailbox(name)
	if m == nil || m.shared {
		return user{}, false
	}
	return user{m.id, m.name, m.address, []string{defaultUserRole}}, true
}

// Admin is the account that signs in to the lab as its administrator.
func (l *Lab) Admin() string { return adminAccount }

// PlainUser is an account without any role.
func (l *Lab) PlainUser() string { return plainAccount }
