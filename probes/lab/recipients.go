package lab

import (
	"slices"
	"strings"

	"offbasic/probes"
)

// recipientCmdlets are those of mailboxes, groups and the right to send as
// another address.
func recipientCmdlets() []cmdlet {
	confirm, anyIdentity := optional("Confirm", switchKind), optional("Identity", textKind)
	sendAs := parameter{name: "AccessRights", kind: listKind, mandatory: true, valid: func(s string) bool { return strings.EqualFold(s, "SendAs") }}
	shared := parameter{name: "Shared", kind: switchKind, mandatory: true}
	return []cmdlet{
		{"New-Mailbox", []parameter{
			shared, needed("Name"), optional("PrimarySmtpAddress", textKind), optional("DisplayName", textKind), confirm,
		}, newSharedMailbox},
		{"Get-Mailbox", []parameter{anyIdentity, resultSize()}, getMailbox},
		{"Remove-Mailbox", []parameter{needed("Identity"), confirm}, removeMailbox},
		{"Get-DistributionGroup", []parameter{anyIdentity, resultSize()}, getGroup},
		{"Get-DistributionGroupMember", []parameter{needed("Identity"), resultSize()}, getGroupMember},
		{"Add-RecipientPermission", []parameter{needed("Identity"), needed("Trustee"), sendAs, confirm}, addRecipientPermission},
		{"Get-RecipientPermission", []parameter{anyIdentity, optional("Trustee", textKind), resultSize()}, getRecipientPermission},
	}
}

func (m *mailbox) details() string {
	if m.shared {
		return "SharedMailbox"
	}
	return "UserMailbox"
}

func (m *mailbox) object(d *directory) object {
	return object{
		"Name": m.name, "DisplayName": m.name, "Identity": m.name, "PrimarySmtpAddress": m.address, "Guid": m.id,
		"DistinguishedName": d.dn(m.name), "RecipientType": "UserMailbox", "RecipientTypeDetails": m.details(),
	}
}

// free tells whether a name and an address can be given to a new recipient.
func (d *directory) free(name, address string) error {
	if !d.accepted(address) {
		return errorf("You can't use the domain because it's not an accepted domain for your organization.")
	}
	_, all := d.users()
	taken := slices.ContainsFunc(all, func(o object) bool {
		return strings.EqualFold(o["PrimarySmtpAddress"], address) || strings.EqualFold(o["Name"], name)
	})
	if taken {
		return errorf("The proxy address \"SMTP:%s\" is already being used by the proxy addresses or LegacyExchangeDN. Please choose another proxy address.",
			probes.Clean(address, 200))
	}
	return nil
}

func newSharedMailbox(d *directory, a arguments) ([]object, error) {
	address := or(a.text("PrimarySmtpAddress"), a.text("Name")+"@"+d.domains[0])
	if err := d.free(a.text("Name"), address); err != nil {
		return nil, err
	}
	m := newMailbox(address, a.text("Name"))
	m.shared = true
	d.addMailbox(m)
	return []object{m.object(d)}, nil
}

func getMailbox(d *directory, a arguments) ([]object, error) {
	if a.has("Identity") {
		m, err := d.identified(a)
		if err != nil {
			return nil, err
		}
		return []object{m.object(d)}, nil
	}
	var all []object
	for _, m := range d.boxes() {
		all = append(all, m.object(d))
	}
	return all, nil
}

func removeMailbox(d *directory, a arguments) ([]object, error) {
	m, err := d.identified(a)
	if err != nil {
		return nil, err
	}
	d.removeMailbox(m)
	return nil, nil
}

// group finds one by name, address or distinguished name.
func (d *directory) group(id string) (group, bool) {
	i := slices.IndexFunc(d.groups, func(g group) bool {
		return strings.EqualFold(g.name, id) || strings.EqualFold(g.address, id) || strings.EqualFold(d.dn(g.name), id)
	})
	if i < 0 {
		return group{}, false
	}
	return d.groups[i], true
}

func (g group) object(d *directory) object {
	return object{
		"Name": g.name, "DisplayName": g.name, "Identity": g.name, "PrimarySmtpAddress": g.address,
		"DistinguishedName": d.dn(g.name), "RecipientType": "MailUniversalDistributionGroup",
	}
}

func getGroup(d *directory, a arguments) ([]object, error) {
	if a.has("Identity") {
		g, ok := d.group(a.text("Identity"))
		if !ok {
			return nil, notFoundError{a.text("Identity")}
		}
		return []object{g.object(d)}, nil
	}
	var all []object
	for _, g := range d.groups {
		all = append(all, g.object(d))
	}
	return all, nil
}

// getGroupMember shows a member without a mailbox as the contact that it is.
func getGroupMember(d *directory, a arguments) ([]object, error) {
	g, ok := d.group(a.text("Identity"))
	if !ok {
		return nil, notFoundError{a.text("Identity")}
	}
	var all []object
	for _, address := range g.members {
		o := object{"Name": address, "PrimarySmtpAddress": address, "RecipientType": "MailContact"}
		if m := d.mailbox(address); m != nil {
			o = m.object(d)
		}
		all = append(all, o)
	}
	return all, nil
}

// addRecipientPermission knows one right: SendAs.
func addRecipientPermission(d *directory, a arguments) ([]object, error) {
	m, err := d.identified(a)
	if err != nil {
		return nil, err
	}
	who, err := d.granted(a, "Trustee")
	if err != nil {
		return nil, err
	}
	if !slices.Contains(m.sendAs, who) {
		m.sendAs = append(m.sendAs, who)
	}
	return []object{m.sendAsObject(who)}, nil
}

func (m *mailbox) sendAsObject(who string) object {
	return object{"Identity": m.address, "Trustee": who, "AccessControlType": "Allow", "AccessRights": "SendAs", "IsInherited": "False"}
}

func getRecipientPermission(d *directory, a arguments) ([]object, error) {
	list := d.boxes()
	if a.has("Identity") {
		m, err := d.identified(a)
		if err != nil {
			return nil, err
		}
		list = []*mailbox{m}
	}
	trustee := ""
	if a.has("Trustee") {
		var err error
		if trustee, err = d.granted(a, "Trustee"); err != nil {
			return nil, err
		}
	}
	var all []object
	for _, m := range list {
		for _, who := range m.sendAs {
			if trustee == "" || who == trustee {
				all = append(all, m.sendAsObject(who))
			}
		}
	}
	return all, nil
}
