package lab

import (
	"regexp"
	"strings"
)

func policiesOf(d *directory) *store { return &d.policies }

// policyCmdlets are those of authentication policies, of users and of the
// organisation.
func policyCmdlets() []cmdlet {
	confirm, anyIdentity := optional("Confirm", switchKind), optional("Identity", textKind)
	allow := optional("AllowBasicAuthSmtp", switchKind)
	filter := parameter{name: "Filter", kind: textKind, valid: func(s string) bool { _, ok := policyFilter(s); return ok }}
	return []cmdlet{
		{"New-AuthenticationPolicy", []parameter{needed("Name"), allow, confirm}, newAuthenticationPolicy},
		{"Get-AuthenticationPolicy", []parameter{anyIdentity}, reads(policiesOf)},
		{"Set-AuthenticationPolicy", []parameter{needed("Identity"), allow, confirm}, sets(policiesOf, "AllowBasicAuthSmtp")},
		{"Remove-AuthenticationPolicy", []parameter{needed("Identity"), confirm}, removes(policiesOf)},
		{"Get-User", []parameter{anyIdentity, filter, resultSize()}, getUser},
		{"Set-User", []parameter{
			needed("Identity"), {name: "AuthenticationPolicy", kind: textKind, nullable: true}, confirm,
		}, setUser},
		{"Get-OrganizationConfig", nil, getOrganizationConfig},
		{"Set-OrganizationConfig", []parameter{
			{name: "DefaultAuthenticationPolicy", kind: textKind, nullable: true},
			optional("RejectDirectSend", boolKind), optional("SendFromAliasEnabled", boolKind), confirm,
		}, setOrganizationConfig},
	}
}

// newAuthenticationPolicy blocks Basic unless a switch allows it
// (New-AuthenticationPolicy).
func newAuthenticationPolicy(d *directory, a arguments) ([]object, error) {
	name := a.text("Name")
	o := object{"Name": name, "Identity": name, "DistinguishedName": d.dn(name), "Guid": newID(), "AllowBasicAuthSmtp": "False"}
	a.onto(o, "AllowBasicAuthSmtp")
	return d.policies.add(o)
}

// policyFilter reads the two filters of users in use: who has an
// authentication policy, and who has the one with a distinguished name
// (Filterable properties, AuthenticationPolicy).
func policyFilter(filter string) (has func(policy string) bool, ok bool) {
	parts := regexp.MustCompile(`(?i)^\s*AuthenticationPolicy\s+-(eq|ne)\s+('(?:[^']|'')*'|\$null)\s*$`).FindStringSubmatch(filter)
	if parts == nil {
		return nil, false
	}
	want := ""
	if parts[2] != "$null" {
		want = strings.ReplaceAll(parts[2][1:len(parts[2])-1], "''", "'")
	}
	equal := strings.EqualFold(parts[1], "eq")
	return func(policy string) bool { return strings.EqualFold(policy, want) == equal }, true
}

// users are all who can have an authentication policy, as Get-User shows them.
func (d *directory) users() (accounts []*account, objects []object) {
	show := func(a *account, recipient, details string) {
		accounts = append(accounts, a)
		objects = append(objects, object{
			"Name": a.name, "UserPrincipalName": a.address, "PrimarySmtpAddress": a.address, "Guid": a.id,
			"DistinguishedName": d.dn(a.name), "RecipientType": recipient, "RecipientTypeDetails": details,
			"AuthenticationPolicy": a.policy,
		})
	}
	for _, m := range d.boxes() {
		show(&m.account, "UserMailbox", m.details())
	}
	for _, h := range d.hve {
		show(&h.account, "MailUser", "MailUser")
	}
	return accounts, objects
}

// user finds one by the forms that Set-User takes: a name, a UPN, a
// distinguished name or a GUID.
func (d *directory) user(id string) (*account, object) {
	accounts, objects := d.users()
	for i, o := range objects {
		for _, form := range []string{"Name", "UserPrincipalName", "DistinguishedName", "Guid"} {
			if strings.EqualFold(o[form], id) {
				return accounts[i], o
			}
		}
	}
	return nil, nil
}

func getUser(d *directory, a arguments) ([]object, error) {
	if a.has("Identity") {
		_, o := d.user(a.text("Identity"))
		if o == nil {
			return nil, notFoundError{a.text("Identity")}
		}
		return []object{o}, nil
	}
	_, all := d.users()
	has, ok := policyFilter(a.text("Filter"))
	if !ok { // none was given: bind looks at one that was
		return all, nil
	}
	var kept []object
	for _, o := range all {
		if has(o["AuthenticationPolicy"]) {
			kept = append(kept, o)
		}
	}
	return kept, nil
}

func setUser(d *directory, a arguments) ([]object, error) {
	u, _ := d.user(a.text("Identity"))
	if u == nil {
		return nil, notFoundError{a.text("Identity")}
	}
	if !a.has("AuthenticationPolicy") {
		return nil, nil
	}
	name := a.text("AuthenticationPolicy")
	if name == "" {
		u.policy = ""
		return nil, nil
	}
	p := d.policies.find(name)
	if p == nil {
		return nil, notFoundError{name}
	}
	u.policy = p["DistinguishedName"]
	return nil, nil
}

func getOrganizationConfig(d *directory, _ arguments) ([]object, error) {
	return []object{{
		"Name": d.domains[0], "Identity": d.domains[0], "DefaultAuthenticationPolicy": d.defaultPolicy,
		"RejectDirectSend": printed(d.rejectDirectSend), "SendFromAliasEnabled": printed(d.sendFromAlias),
	}}, nil
}

func setOrganizationConfig(d *directory, a arguments) ([]object, error) {
	if a.has("DefaultAuthenticationPolicy") {
		name := a.text("DefaultAuthenticationPolicy")
		p := d.policies.find(name)
		if p == nil && name != "" {
			return nil, notFoundError{name}
		}
		d.defaultPolicy = p["Name"]
	}
	a.bool("RejectDirectSend", &d.rejectDirectSend)
	a.bool("SendFromAliasEnabled", &d.sendFromAlias)
	return nil, nil
}
