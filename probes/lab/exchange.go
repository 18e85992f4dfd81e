package lab

import (
	"fmt"
	"slices"
	"strings"

	"offbasic/probes"
)

// kind is the type of a parameter, by the name that PowerShell gives it.
type kind string

// The types of parameters.
const (
	textKind   kind = "System.String"
	boolKind   kind = "System.Boolean"
	listKind   kind = "System.String[]"
	intKind    kind = "System.Int32"
	dateKind   kind = "System.DateTime"
	secretKind kind = "System.Security.SecureString"
	switchKind kind = "System.Management.Automation.SwitchParameter"
)

// parameter is one parameter of a cmdlet. An alias is an older name.
type parameter struct {
	name      string
	kind      kind
	mandatory bool
	nullable  bool // $null takes the setting away
	alias     string
	most      int               // of an Int32
	valid     func(string) bool // nil takes any value of the kind
}

// cmdlet is one cmdlet of Exchange Online PowerShell, or of the Exchange
// Management Shell. The table of cmdlets is the lab's only source: what is not
// in it is refused. run is called with the directory locked.
type cmdlet struct {
	name   string
	params []parameter
	run    func(*directory, arguments) ([]object, error)
}

// in tells whether the cmdlet is there in a module. Resolve-DnsName is
// Windows's own; a cmdlet of receive connectors is not in Exchange Online.
func (k cmdlet) in(module string) bool {
	_, noun, _ := strings.Cut(k.name, "-")
	onPremises := noun == "ReceiveConnector" || noun == "ADPermission"
	return noun == "DnsName" || onPremises == (module == probes.ExchangeOnPremises)
}

// cmdlets lists those that the scripts use, with the parameters of Microsoft's
// reference (ExchangePowerShell, one page per cmdlet).
func cmdlets() []cmdlet {
	return slices.Concat(mailboxCmdlets(), roleCmdlets(), policyCmdlets(), recipientCmdlets(),
		volumeCmdlets(), mailFlowCmdlets(), premisesCmdlets())
}

// The parameters that many cmdlets have.
func needed(name string) parameter           { return parameter{name: name, kind: textKind, mandatory: true} }
func optional(name string, k kind) parameter { return parameter{name: name, kind: k} }
func oneOf(name string, values ...string) parameter {
	return parameter{name: name, kind: textKind, valid: func(s string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, s) })
	}}
}

// resultSize takes a number, or Unlimited.
func resultSize() parameter {
	return parameter{name: "ResultSize", kind: textKind, valid: func(s string) bool {
		return strings.EqualFold(s, "Unlimited") || s != "" && strings.Trim(s, "0123456789") == ""
	}}
}

// mailboxCmdlets are those of service principals, of mailboxes' rights and of
// the switches of SMTP AUTH.
func mailboxCmdlets() []cmdlet {
	identity, anyIdentity := needed("Identity"), optional("Identity", textKind)
	off := parameter{name: "SmtpClientAuthenticationDisabled", kind: boolKind}
	offOrNull := parameter{name: off.name, kind: boolKind, nullable: true}
	confirm := parameter{name: "Confirm", kind: switchKind}
	return []cmdlet{
		{"New-ServicePrincipal", []parameter{
			{name: "AppId", kind: textKind, mandatory: true},
			{name: "ObjectId", kind: textKind, mandatory: true, alias: "ServiceId"},
			{name: "DisplayName", kind: textKind},
			confirm,
		}, newServicePrincipal},
		{"Get-ServicePrincipal", []parameter{anyIdentity}, getServicePrincipal},
		{"Remove-ServicePrincipal", []parameter{identity, confirm}, removeServicePrincipal},
		{"Add-MailboxPermission", []parameter{
			identity,
			{name: "User", kind: textKind, mandatory: true},
			{name: "AccessRights", kind: listKind, mandatory: true},
			{name: "AutoMapping", kind: boolKind},
			{name: "InheritanceType", kind: textKind},
			confirm,
		}, addMailboxPermission},
		{"Get-MailboxPermission", []parameter{identity, {name: "User", kind: textKind}}, getMailboxPermission},
		{"Remove-MailboxPermission", []parameter{
			identity,
			{name: "User", kind: textKind, mandatory: true},
			{name: "AccessRights", kind: listKind, mandatory: true},
			confirm,
		}, removeMailboxPermission},
		{"Set-CASMailbox", []parameter{identity, offOrNull, confirm}, setCASMailbox},
		{"Get-CASMailbox", []parameter{anyIdentity, resultSize()}, getCASMailbox},
		{"Set-TransportConfig", []parameter{off, optional("AllowLegacyTLSClients", boolKind), confirm}, setTransportConfig},
		{"Get-TransportConfig", nil, getTransportConfig},
	}
}

// newServicePrincipal takes any object id, as Exchange does: that it is the
// wrong one shows only when a token is used.
func newServicePrincipal(d *directory, a arguments) ([]object, error) {
	p := principal{appID: a.text("AppId"), objectID: a.text("ObjectId"), name: a.text("DisplayName")}
	for name, id := range map[string]string{"AppId": p.appID, "ObjectId": p.objectID} {
		if !isGUID(id) {
			return nil, fmt.Errorf("Cannot process argument transformation on parameter '%s'. Cannot convert value \"%s\" to type \"System.Guid\".", //nolint:revive,staticcheck // PowerShell's own words
				name, probes.Clean(id, 100))
		}
	}
	// Microsoft does not document the words of this refusal.
	if _, there := d.principal(p.appID); there {
		return nil, fmt.Errorf("a service principal with AppId '%s' already exists", p.appID)
	}
	d.principals = append(d.principals, p)
	return []object{p.object()}, nil
}

func (p principal) object() object {
	return object{"AppId": p.appID, "ObjectId": p.objectID, "DisplayName": p.name, "Identity": p.objectID}
}

// getServicePrincipal returns every one for an identity that nobody has
// (Get-ServicePrincipal, -Identity, Caution).
func getServicePrincipal(d *directory, a arguments) ([]object, error) {
	if p, ok := d.principal(a.text("Identity")); ok {
		return []object{p.object()}, nil
	}
	var all []object
	for _, p := range d.principals {
		all = append(all, p.object())
	}
	return all, nil
}

// removeServicePrincipal leaves the rights of the principal behind, which then
// belong to nobody.
func removeServicePrincipal(d *directory, a arguments) ([]object, error) {
	p, ok := d.principal(a.text("Identity"))
	if !ok {
		return nil, notFoundError{a.text("Identity")}
	}
	d.principals = slices.DeleteFunc(d.principals, func(o principal) bool { return o == p })
	return nil, nil
}

// accessRights are the values of -AccessRights. SendAs is not one of them: it
// belongs to Add-RecipientPermission.
func accessRights() []string {
	return []string{"ChangeOwner", "ChangePermission", "DeleteItem", "ExternalAccount", "FullAccess", "ReadPermission"}
}

func addMailboxPermission(d *directory, a arguments) ([]object, error) {
	m, err := d.identified(a)
	if err != nil {
		return nil, err
	}
	user, err := d.granted(a, "User")
	if err != nil {
		return nil, err
	}
	var granted []object
	for _, given := range a["AccessRights"] {
		i := slices.IndexFunc(accessRights(), func(s string) bool { return strings.EqualFold(s, given) })
		if i < 0 {
			return nil, fmt.Errorf("Cannot process argument transformation on parameter 'AccessRights'. Cannot convert value \"%s\" to type \"Microsoft.Exchange.Management.RecipientTasks.MailboxRights[]\".", //nolint:revive,staticcheck // PowerShell's own words
				probes.Clean(given, 100))
		}
		r := right{user, accessRights()[i]}
		if !slices.Contains(m.rights, r) { // Exchange warns, and carries on
			m.rights = append(m.rights, r)
		}
		granted = append(granted, r.object(m))
	}
	return granted, nil
}

func removeMailboxPermission(d *directory, a arguments) ([]object, error) {
	m, err := d.identified(a)
	if err != nil {
		return nil, err
	}
	user, err := d.granted(a, "User")
	if err != nil {
		return nil, err
	}
	m.rights = slices.DeleteFunc(m.rights, func(r right) bool {
		return r.user == user && slices.ContainsFunc(a["AccessRights"], func(s string) bool { return strings.EqualFold(s, r.access) })
	})
	return nil, nil
}

func (r right) object(m *mailbox) object {
	return object{"Identity": m.address, "User": r.user, "AccessRights": r.access, "Deny": "False", "IsInherited": "False"}
}

// grantee is who a permission is given to: a service principal by any of its
// names, or a mailbox.
func (d *directory) grantee(name string) (string, bool) {
	if p, ok := d.principal(name); ok {
		return p.objectID, true
	}
	if m := d.mailbox(name); m != nil {
		return m.address, true
	}
	return "", false
}

// identified is the mailbox that -Identity names.
func (d *directory) identified(a arguments) (*mailbox, error) {
	if m := d.mailbox(a.text("Identity")); m != nil {
		return m, nil
	}
	return nil, notFoundError{a.text("Identity")}
}

// granted is the grantee that a parameter names.
func (d *directory) granted(a arguments, parameter string) (string, error) {
	if who, ok := d.grantee(a.text(parameter)); ok {
		return who, nil
	}
	return "", notFoundError{a.text(parameter)}
}

func getMailboxPermission(d *directory, a arguments) ([]object, error) {
	m, err := d.identified(a)
	if err != nil {
		return nil, err
	}
	user := ""
	if a.has("User") {
		var err error
		if user, err = d.granted(a, "User"); err != nil {
			return nil, err
		}
	}
	var list []object
	for _, r := range m.rights {
		if user == "" || r.user == user {
			list = append(list, r.object(m))
		}
	}
	return list, nil
}

func setCASMailbox(d *directory, a arguments) ([]object, error) {
	m, err := d.identified(a)
	if err != nil {
		return nil, err
	}
	switch a.text("SmtpClientAuthenticationDisabled") {
	case "True", "False":
		off := a.text("SmtpClientAuthenticationDisabled") == "True"
		m.smtpAuthOff = &off
	default:
		if a.has("SmtpClientAuthenticationDisabled") {
			m.smtpAuthOff = nil
		}
	}
	return nil, nil
}

// getCASMailbox prints nothing for a switch that follows the organisation.
func getCASMailbox(d *directory, a arguments) ([]object, error) {
	list := d.boxes()
	if a.has("Identity") {
		m, err := d.identified(a)
		if err != nil {
			return nil, err
		}
		list = []*mailbox{m}
	}
	var all []object
	for _, m := range list {
		o := object{"Identity": m.address, "PrimarySmtpAddress": m.address, "SmtpClientAuthenticationDisabled": ""}
		if m.smtpAuthOff != nil {
			o["SmtpClientAuthenticationDisabled"] = printed(*m.smtpAuthOff)
		}
		all = append(all, o)
	}
	return all, nil
}

func setTransportConfig(d *directory, a arguments) ([]object, error) {
	a.bool("SmtpClientAuthenticationDisabled", &d.smtpAuthOff)
	a.bool("AllowLegacyTLSClients", &d.legacyTLS)
	return nil, nil
}

func getTransportConfig(d *directory, _ arguments) ([]object, error) {
	return []object{{"SmtpClientAuthenticationDisabled": printed(d.smtpAuthOff), "AllowLegacyTLSClients": printed(d.legacyTLS)}}, nil
}

// printed is a boolean as PowerShell prints it.
func printed(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// isGUID tells "12345678-1234-1234-1234-123456789012".
func isGUID(s string) bool {
	parts := strings.Split(s, "-")
	lengths := []int{8, 4, 4, 4, 12}
	if len(parts) != len(lengths) {
		return false
	}
	for i, p := range parts {
		if len(p) != lengths[i] || strings.Trim(strings.ToLower(p), "0123456789abcdef") != "" {
			return false
		}
	}
	return true
}
