package wizard

import "offbasic/probes"

// mailboxRightsRemove takes the app's right on a mailbox away and leaves the
// app known to Exchange: what is left over of the model with rights on each
// mailbox goes, and App RBAC alone decides.
func mailboxRightsRemove(v ScriptValues) probes.Script {
	principals := &probes.Each{As: "principal", In: new(appPrincipal(v.App))}
	rights := probes.Call("Get-MailboxPermission", text("Identity", v.mailbox()), variable("User", "principal.Identity"))
	return probes.Script{
		Name: "mailbox-rights-remove", Module: probes.ExchangeOnline, Notes: []string{"time"},
		Steps: []probes.ScriptStep{{
			ID: "permission", Each: principals,
			Do: change("Remove-MailboxPermission", text("Identity", v.mailbox()), variable("User", "principal.Identity"),
				text("AccessRights", "FullAccess"), quietly()),
		}},
		Reads: []probes.ReadBack{
			principalRead(v.App),
			{ID: "mailbox_permission", Many: true, Each: principals, Select: []string{"Identity", "User", "AccessRights"}, Cmdlet: rights},
			{ID: "cas_mailbox", Select: casProperties(), Cmdlet: probes.Call("Get-CASMailbox", text("Identity", v.mailbox()))},
		},
		Expects: []probes.Expect{
			{ID: "no-mailbox-rights", Read: "mailbox_permission", Property: "AccessRights", Want: "FullAccess", Absent: true, Label: "Identity"},
		},
	}
}

// appRBACRemove takes the role and its scope away and leaves the app known to
// Exchange: the rights on each mailbox alone decide.
//
// Source: Remove-ManagementRoleAssignment; Remove-ManagementScope, which
// refuses a scope that an assignment still uses.
func appRBACRemove(v ScriptValues) probes.Script {
	scope := or(v.Scope, "SMTP devices")
	assignment := where(probes.Call("Get-ManagementRoleAssignment", text("Role", probes.SendAsAppRole)), is("Name", scope))
	named := where(probes.Call("Get-ManagementScope"), is("Name", scope))
	return probes.Script{
		Name: "app-rbac-remove", Module: probes.ExchangeOnline, Notes: []string{"time"},
		Steps: []probes.ScriptStep{
			{
				ID: "assignment", Each: &probes.Each{As: "assignment", In: &assignment},
				Do: change("Remove-ManagementRoleAssignment", variable("Identity", "assignment.Name"), quietly()),
			},
			{
				ID: "scope", Each: &probes.Each{As: "scope", In: &named},
				Do: change("Remove-ManagementScope", variable("Identity", "scope.Name"), quietly()),
			},
		},
		Reads: []probes.ReadBack{
			principalRead(v.App),
			{ID: "assignment", Many: true, Cmdlet: assignment, Select: []string{"Name", "Role", "RoleAssigneeName", "CustomResourceScope"}},
			{ID: "scope", Many: true, Cmdlet: named, Select: []string{"Name", "RecipientFilter"}},
		},
		Expects: []probes.Expect{
			{ID: "no-assignment", Read: "assignment", Property: "Name", Want: scope, Absent: true},
			{ID: "no-scope", Read: "scope", Property: "Name", Want: scope, Absent: true},
		},
	}
}
