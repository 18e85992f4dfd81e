package wizard

import (
	"strings"

	"offbasic/probes"
)

// servicePrincipal is ServicePrincipal with the values of a script.
func servicePrincipal(v ScriptValues) probes.Script { return ServicePrincipal(v.App, v.mailbox()) }

// ServicePrincipal is the script that lets the app send as a mailbox over
// client submission: the Exchange service principal made with the object id of
// the enterprise application, rights on the mailbox, and SMTP AUTH on for it
// (OAuth needs that switch as well).
//
// Source: Microsoft, "Authenticate an IMAP, POP or SMTP connection using
// OAuth", and the pages of the cmdlets.
func ServicePrincipal(app Registration, mailbox string) probes.Script {
	rights := where(probes.Call("Get-MailboxPermission", text("Identity", mailbox), variable("User", "principal.Identity")),
		probes.Match{Property: "AccessRights", Has: "FullAccess"})
	return probes.Script{
		Name: "service-principal", Module: probes.ExchangeOnline, Notes: []string{"time"},
		Steps: []probes.ScriptStep{
			principalStep(app),
			{
				ID: "permission", Unless: new(rights),
				Do: change("Add-MailboxPermission", text("Identity", mailbox), variable("User", "principal.Identity"),
					text("AccessRights", "FullAccess"), off("AutoMapping")),
			},
			smtpAuthStep(mailbox),
		},
		Reads: []probes.ReadBack{
			principalRead(app),
			{ID: "mailbox_permission", Many: true, Select: []string{"Identity", "User", "AccessRights"}, Cmdlet: probes.Call("Get-MailboxPermission", text("Identity", mailbox), variable("User", "principal.Identity"))},
			{ID: "cas_mailbox", Select: casProperties(), Cmdlet: probes.Call("Get-CASMailbox", text("Identity", mailbox))},
			transportRead(),
		},
		Expects: []probes.Expect{
			principalExpect(app),
			{ID: "mailbox-rights", Read: "mailbox_permission", Property: "AccessRights", Want: "FullAccess"},
			{ID: "smtp-auth", Read: "cas_mailbox", Property: "SmtpClientAuthenticationDisabled", Want: "False"},
		},
	}
}

// appPrincipal looks the app up by its client id. The condition is needed:
// for an identity that nobody has the cmdlet may return every service
// principal (Get-ServicePrincipal, -Identity, Caution).
func appPrincipal(app Registration) probes.Cmdlet {
	return where(probes.Call("Get-ServicePrincipal", text("Identity", app.ClientID)), is("AppId", app.ClientID))
}

func principalStep(app Registration) probes.ScriptStep {
	return probes.ScriptStep{
		ID: "principal", As: "principal", Unless: new(appPrincipal(app)),
		Do: change("New-ServicePrincipal", text("AppId", app.ClientID), text("ObjectId", app.ObjectID),
			text("DisplayName", or(app.Name, "offbasic"))),
		Undo: new(probes.Call("Remove-ServicePrincipal", text("Identity", app.ClientID))),
	}
}

func principalRead(app Registration) probes.ReadBack {
	return probes.ReadBack{ID: "service_principal", Cmdlet: appPrincipal(app), Select: []string{"AppId", "ObjectId", "DisplayName"}}
}

func principalExpect(app Registration) probes.Expect {
	return probes.Expect{ID: "service-principal", Read: "service_principal", Property: "ObjectId", Want: app.ObjectID}
}

// smtpAuthStep turns SMTP AUTH on for a mailbox. The mailbox's switch wins over
// the organisation's, which stays as it is.
func smtpAuthStep(mailbox string) probes.ScriptStep {
	return probes.ScriptStep{
		ID:     "smtp-auth",
		Unless: found(probes.Call("Get-CASMailbox", text("Identity", mailbox)), is("SmtpClientAuthenticationDisabled", "False")),
		Do:     change("Set-CASMailbox", text("Identity", mailbox), off("SmtpClientAuthenticationDisabled")),
		Undo:   new(followOrganisation(mailbox)),
	}
}

// followOrganisation leaves SMTP AUTH on a mailbox to the organisation's switch.
func followOrganisation(mailbox string) probes.Cmdlet {
	return probes.Call("Set-CASMailbox", text("Identity", mailbox), probes.P("SmtpClientAuthenticationDisabled", probes.Null()))
}

func casProperties() []string {
	return []string{"PrimarySmtpAddress", "SmtpClientAuthenticationDisabled"}
}

func transportRead() probes.ReadBack {
	return probes.ReadBack{
		ID: "transport_config", Cmdlet: probes.Call("Get-TransportConfig"),
		Select: []string{"SmtpClientAuthenticationDisabled", "AllowLegacyTLSClients"},
	}
}

// servicePrincipalRemove takes back what ServicePrincipal did but for the
// switch of SMTP AUTH. It also mends a service principal that was made with
// the wrong object id: remove it, then make it again.
func servicePrincipalRemove(v ScriptValues) probes.Script {
	principals := &probes.Each{As: "principal", In: new(appPrincipal(v.App))}
	rights := probes.Call("Get-MailboxPermission", text("Identity", v.mailbox()), variable("User", "principal.Identity"))
	return probes.Script{
		Name: "service-principal-remove", Module: probes.ExchangeOnline, Notes: []string{"mend"},
		Steps: []probes.ScriptStep{
			{
				ID: "permission", Each: principals,
				Do: change("Remove-MailboxPermission", text("Identity", v.mailbox()), variable("User", "principal.Identity"),
					text("AccessRights", "FullAccess"), quietly()),
			},
			{ID: "principal", Each: principals, Do: change("Remove-ServicePrincipal", variable("Identity", "principal.ObjectId"), quietly())},
		},
		Reads: []probes.ReadBack{
			principalRead(v.App),
			{ID: "mailbox_permission", Many: true, Each: principals, Select: []string{"Identity", "User", "AccessRights"}, Cmdlet: rights},
		},
		Expects: []probes.Expect{
			{ID: "no-service-principal", Read: "service_principal", Property: "AppId", Want: v.App.ClientID, Absent: true},
		},
	}
}

// appRBAC is the other model of rights: a role for a group of mailboxes,
// without an API permission and without rights on each mailbox.
//
// Source: Microsoft, "SMTP Onboarding to App RBAC Overview", and the pages of
// the cmdlets; -App takes the object id of the service principal
// (New-ManagementRoleAssignment, -App).
func appRBAC(v ScriptValues) probes.Script {
	const role = "Application SMTP.SendAsApp"
	scope := or(v.Scope, "SMTP devices")
	named := found(probes.Call("Get-ManagementScope"), is("Name", scope))
	members := probes.P("RecipientRestrictionFilter", probes.Filter("MemberOfGroup", "group.DistinguishedName"))
	assignment := where(probes.Call("Get-ManagementRoleAssignment", text("Role", role)), is("Name", scope))
	test := func(mailbox string) probes.Cmdlet {
		return probes.Call("Test-ServicePrincipalAuthorization", variable("Identity", "principal.ObjectId"), text("Resource", mailbox))
	}
	tested := []string{"RoleName", "GrantedPermissions", "AllowedResourceScope", "ScopeType", "InScope"}
	return probes.Script{
		Name: "app-rbac", Module: probes.ExchangeOnline, Notes: []string{"either", "time"},
		Steps: []probes.ScriptStep{
			principalStep(v.App),
			{ID: "group", As: "group", Do: probes.Call("Get-DistributionGroup", text("Identity", v.Group))},
			{
				ID: "scope", As: "scope", Unless: named,
				Do:   change("New-ManagementScope", text("Name", scope), members),
				Else: new(change("Set-ManagementScope", text("Identity", scope), members)),
				Undo: new(probes.Call("Remove-ManagementScope", text("Identity", scope))),
			},
			{
				ID: "assignment", Unless: new(assignment),
				Do: change("New-ManagementRoleAssignment", text("Name", scope), text("Role", role),
					variable("App", "principal.ObjectId"), variable("CustomResourceScope", "scope.Name")),
				Undo: new(probes.Call("Remove-ManagementRoleAssignment", text("Identity", scope))),
			},
			smtpAuthStep(v.mailbox()),
		},
		Reads: []probes.ReadBack{
			principalRead(v.App),
			{ID: "scope", Cmdlet: *named, Select: []string{"Name", "RecipientFilter"}},
			{ID: "assignment", Many: true, Cmdlet: assignment, Select: []string{"Name", "Role", "RoleAssigneeName", "CustomResourceScope"}},
			{ID: "inside", Many: true, Cmdlet: test(v.mailbox()), Select: tested},
			{ID: "outside", Many: true, Cmdlet: test(v.Outside), Select: tested},
			{ID: "mailbox_permission", Many: true, Select: []string{"Identity", "User", "AccessRights"}, Cmdlet: probes.Call("Get-MailboxPermission", text("Identity", v.mailbox()), variable("User", "principal.Identity"))},
			{ID: "cas_mailbox", Select: casProperties(), Cmdlet: probes.Call("Get-CASMailbox", text("Identity", v.mailbox()))},
		},
		Expects: []probes.Expect{
			principalExpect(v.App),
			{ID: "rbac-assignment", Read: "assignment", Property: "Role", Want: role},
			{ID: "rbac-inside", Read: "inside", Where: []probes.Match{is("RoleName", role)}, Property: "InScope", Want: "True"},
			{ID: "rbac-outside", Read: "outside", Where: []probes.Match{is("RoleName", role)}, Property: "InScope", Want: "False", Every: true},
			{ID: "one-model", Read: "mailbox_permission", Property: "AccessRights", Want: "FullAccess", Absent: true},
			{ID: "smtp-auth", Read: "cas_mailbox", Property: "SmtpClientAuthenticationDisabled", Want: "False"},
		},
	}
}

// smtpAuth turns SMTP AUTH on, mailbox by mailbox, and reads the
// organisation's switch. Both switches act on OAuth as well.
//
// Source: Set-CASMailbox, -SmtpClientAuthenticationDisabled.
func smtpAuth(v ScriptValues) probes.Script {
	each := &probes.Each{As: "mailbox", Values: v.mailboxes()}
	one := probes.Call("Get-CASMailbox", variable("Identity", "mailbox"))
	return probes.Script{
		Name: "smtp-auth", Module: probes.ExchangeOnline, Notes: []string{"both"},
		Steps: []probes.ScriptStep{{
			ID: "smtp-auth", Each: each, Unless: found(one, is("SmtpClientAuthenticationDisabled", "False")),
			Do:   change("Set-CASMailbox", variable("Identity", "mailbox"), off("SmtpClientAuthenticationDisabled")),
			Undo: new(followOrganisation(v.mailbox())),
		}},
		Reads: []probes.ReadBack{
			{ID: "cas_mailbox", Many: true, Each: each, Cmdlet: one, Select: casProperties()},
			transportRead(),
		},
		Expects: []probes.Expect{{
			ID: "smtp-auth", Read: "cas_mailbox", Property: "SmtpClientAuthenticationDisabled", Want: "False",
			Every: true, Label: "PrimarySmtpAddress",
		}},
	}
}

// sendAs lets the app send as other addresses than that of its mailbox, and
// reads whether aliases are left as they are.
//
// Source: Add-RecipientPermission, whose only right is SendAs;
// Set-OrganizationConfig, -SendFromAliasEnabled.
func sendAs(v ScriptValues) probes.Script {
	each := &probes.Each{As: "address", Values: v.SendAs}
	have := probes.Call("Get-RecipientPermission", variable("Identity", "address"), variable("Trustee", "principal.Identity"))
	return probes.Script{
		Name: "send-as", Module: probes.ExchangeOnline, Notes: []string{"alias"},
		Steps: []probes.ScriptStep{
			principalStep(v.App),
			{
				ID: "permission", Each: each,
				Unless: found(have, probes.Match{Property: "AccessRights", Has: "SendAs"}),
				Do: change("Add-RecipientPermission", variable("Identity", "address"), variable("Trustee", "principal.Identity"),
					text("AccessRights", "SendAs"), quietly()),
			},
		},
		Reads: []probes.ReadBack{
			principalRead(v.App),
			{ID: "recipient_permission", Many: true, Each: each, Cmdlet: have, Select: []string{"Identity", "Trustee", "AccessRights"}},
			{ID: "organization_config", Cmdlet: probes.Call("Get-OrganizationConfig"), Select: []string{"SendFromAliasEnabled"}},
		},
		Expects: []probes.Expect{
			principalExpect(v.App),
			{ID: "send-as", Read: "recipient_permission", Property: "AccessRights", Want: "SendAs", Every: true, Label: "Identity"},
		},
	}
}

// sharedMailbox makes a mailbox for a device: no licence, nobody signs in.
func sharedMailbox(v ScriptValues) probes.Script {
	mailbox := v.mailbox()
	there := probes.Call("Get-Mailbox", text("Identity", mailbox))
	return probes.Script{
		Name: "shared-mailbox", Module: probes.ExchangeOnline, Notes: []string{"next"},
		Steps: []probes.ScriptStep{{
			ID: "mailbox", As: "mailbox", Unless: new(there),
			Do:   change("New-Mailbox", probes.P("Shared", probes.Switch()), text("Name", or(v.DisplayName, localPart(mailbox))), text("PrimarySmtpAddress", mailbox)),
			Undo: new(probes.Call("Remove-Mailbox", text("Identity", mailbox))),
		}},
		Reads: []probes.ReadBack{
			{ID: "mailbox", Cmdlet: there, Select: []string{"DisplayName", "PrimarySmtpAddress", "RecipientTypeDetails"}},
		},
		Expects: []probes.Expect{
			{ID: "mailbox-exists", Read: "mailbox", Property: "PrimarySmtpAddress", Want: mailbox},
			{ID: "mailbox-shared", Read: "mailbox", Property: "RecipientTypeDetails", Want: "SharedMailbox"},
		},
	}
}

// localPart is what stands before the @ of an address.
func localPart(address string) string {
	local, _, _ := strings.Cut(address, "@")
	return local
}
