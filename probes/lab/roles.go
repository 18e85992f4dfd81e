package lab

import (
	"regexp"
	"slices"
	"strings"
)

// sendAsAppRole is the one role for SMTP (Microsoft, "SMTP Onboarding to App
// RBAC Overview").
const sendAsAppRole = "Application SMTP.SendAsApp"

func scopesOf(d *directory) *store      { return &d.scopes }
func assignmentsOf(d *directory) *store { return &d.assignments }

// roleCmdlets are those of roles for applications.
func roleCmdlets() []cmdlet {
	confirm, anyIdentity := optional("Confirm", switchKind), optional("Identity", textKind)
	filter := parameter{name: "RecipientRestrictionFilter", kind: textKind, valid: isGroupFilter}
	neededFilter := filter
	neededFilter.mandatory = true
	return []cmdlet{
		{"New-ManagementScope", []parameter{needed("Name"), neededFilter, confirm}, newManagementScope},
		{"Get-ManagementScope", []parameter{anyIdentity}, reads(scopesOf)},
		{"Set-ManagementScope", []parameter{needed("Identity"), filter, confirm}, setManagementScope},
		{"Remove-ManagementScope", []parameter{needed("Identity"), confirm}, removes(scopesOf)},
		{"New-ManagementRoleAssignment", []parameter{
			optional("Name", textKind), needed("Role"), needed("App"), optional("CustomResourceScope", textKind), confirm,
		}, newRoleAssignment},
		{"Get-ManagementRoleAssignment", []parameter{anyIdentity, optional("Role", textKind)}, getRoleAssignment},
		{"Remove-ManagementRoleAssignment", []parameter{needed("Identity"), confirm}, removes(assignmentsOf)},
		{"Test-ServicePrincipalAuthorization", []parameter{needed("Identity"), optional("Resource", textKind)}, testAuthorization},
	}
}

// groupFilter is the one filter of recipients in use: the distinguished name
// of a group, its quotes doubled.
func groupFilter(filter string) (dn string, ok bool) {
	parts := regexp.MustCompile(`(?i)^\s*MemberOfGroup\s+-eq\s+'((?:[^']|'')*)'\s*$`).FindStringSubmatch(filter)
	if parts == nil {
		return "", false
	}
	return strings.ReplaceAll(parts[1], "''", "'"), true
}

func isGroupFilter(filter string) bool { _, ok := groupFilter(filter); return ok }

func newManagementScope(d *directory, a arguments) ([]object, error) {
	name := a.text("Name")
	return d.scopes.add(object{
		"Name": name, "Identity": name, "DistinguishedName": d.dn(name), "Guid": newID(),
		"RecipientFilter": a.text("RecipientRestrictionFilter"), "ScopeRestrictionType": "RecipientScope",
	})
}

func setManagementScope(d *directory, a arguments) ([]object, error) {
	o := d.scopes.find(a.text("Identity"))
	if o == nil {
		return nil, notFoundError{a.text("Identity")}
	}
	if a.has("RecipientRestrictionFilter") {
		o["RecipientFilter"] = a.text("RecipientRestrictionFilter")
	}
	return nil, nil
}

// newRoleAssignment gives the role to an application (New-ManagementRoleAssignment,
// -App: the service principal by its object id, among other names).
func newRoleAssignment(d *directory, a arguments) ([]object, error) {
	p, ok := d.principal(a.text("App"))
	if !ok {
		return nil, notFoundError{a.text("App")}
	}
	if !strings.EqualFold(a.text("Role"), sendAsAppRole) {
		return nil, notFoundError{a.text("Role")}
	}
	name, kind := or(a.text("Name"), sendAsAppRole+"-"+p.objectID), "Organization"
	if a.has("CustomResourceScope") {
		if d.scopes.find(a.text("CustomResourceScope")) == nil {
			return nil, notFoundError{a.text("CustomResourceScope")}
		}
		kind = "CustomRecipientScope"
	}
	return d.assignments.add(object{
		"Name": name, "Identity": name, "DistinguishedName": d.dn(name), "Guid": newID(), "Role": sendAsAppRole,
		"RoleAssigneeName": p.objectID, "CustomResourceScope": a.text("CustomResourceScope"), "RecipientWriteScope": kind,
	})
}

func getRoleAssignment(d *directory, a arguments) ([]object, error) {
	all, err := reads(assignmentsOf)(d, a)
	if err != nil || !a.has("Role") {
		return all, err
	}
	var of []object
	for _, o := range all {
		if strings.EqualFold(o["Role"], a.text("Role")) {
			of = append(of, o)
		}
	}
	return of, nil
}

// assigned tells whether the role covers a mailbox for a service principal.
func (d *directory) assigned(p principal, m *mailbox) bool {
	return slices.ContainsFunc(d.assignments, func(o object) bool {
		return strings.EqualFold(o["RoleAssigneeName"], p.objectID) && d.inScope(o["CustomResourceScope"], m)
	})
}

// inScope tells whether a mailbox is in a scope; an assignment without one is
// for all. A scope that was removed holds nobody.
func (d *directory) inScope(scope string, m *mailbox) bool {
	if scope == "" {
		return true
	}
	dn, ok := groupFilter(d.scopes.find(scope)["RecipientFilter"])
	return ok && slices.ContainsFunc(d.groups, func(g group) bool {
		return strings.EqualFold(d.dn(g.name), dn) && slices.ContainsFunc(g.members, func(s string) bool { return strings.EqualFold(s, m.address) })
	})
}

// testAuthorization has a row for each assignment, and says of each whether
// the resource is in its scope (Test-ServicePrincipalAuthorization).
func testAuthorization(d *directory, a arguments) ([]object, error) {
	p, ok := d.principal(a.text("Identity"))
	if !ok {
		return nil, notFoundError{a.text("Identity")}
	}
	var m *mailbox
	if a.has("Resource") {
		if m = d.mailbox(a.text("Resource")); m == nil {
			return nil, notFoundError{a.text("Resource")}
		}
	}
	var rows []object
	for _, o := range d.assignments {
		if !strings.EqualFold(o["RoleAssigneeName"], p.objectID) {
			continue
		}
		in := "Not Run"
		if m != nil {
			in = printed(d.inScope(o["CustomResourceScope"], m))
		}
		rows = append(rows, object{
			"RoleName": o["Role"], "GrantedPermissions": strings.TrimPrefix(o["Role"], "Application "),
			"AllowedResourceScope": o["CustomResourceScope"], "ScopeType": o["RecipientWriteScope"], "InScope": in,
		})
	}
	return rows, nil
}
