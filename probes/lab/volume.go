package lab

import (
	"slices"
	"strings"
)

// hveAccount is a High Volume Email account: a mail user with a password, a
// billing policy and the apps that may send as it.
type hveAccount struct {
	account
	billing string   // id of the billing policy; "" is none
	apps    []string // object ids of enterprise applications
}

// hveAccount finds one by its address, name or id. mu is held.
func (d *directory) hveAccount(id string) *hveAccount {
	for _, h := range d.hve {
		if strings.EqualFold(h.address, id) || strings.EqualFold(h.name, id) || strings.EqualFold(h.id, id) {
			return h
		}
	}
	return nil
}

// VolumeAccounts are the addresses of the accounts of High Volume Email.
func (l *Lab) VolumeAccounts() []string {
	l.dir.mu.Lock()
	defer l.dir.mu.Unlock()
	var all []string
	for _, h := range l.dir.hve {
		all = append(all, h.address)
	}
	return all
}

// onHVE is a cmdlet that acts on one High Volume Email account.
func onHVE(run func(*directory, *hveAccount, arguments) ([]object, error)) func(*directory, arguments) ([]object, error) {
	return func(d *directory, a arguments) ([]object, error) {
		h := d.hveAccount(a.text("Identity"))
		if h == nil {
			return nil, notFoundError{a.text("Identity")}
		}
		return run(d, h, a)
	}
}

// volumeCmdlets are those of High Volume Email.
func volumeCmdlets() []cmdlet {
	confirm, identity := optional("Confirm", switchKind), needed("Identity")
	hve := optional("HVEAccount", switchKind)
	made := hve
	made.mandatory = true
	apps := parameter{name: "AppIds", kind: listKind, mandatory: true, valid: isGUID}
	resource := oneOf("ResourceType", "HVE")
	resource.mandatory = true
	return []cmdlet{
		{"New-MailUser", []parameter{
			made, needed("Name"),
			{name: "Password", kind: secretKind, mandatory: true},
			optional("PrimarySmtpAddress", textKind), optional("DisplayName", textKind), confirm,
		}, newHVEAccount},
		{"Get-MailUser", []parameter{optional("Identity", textKind), hve, resultSize()}, getMailUser},
		{"Remove-MailUser", []parameter{identity, confirm}, onHVE(removeHVEAccount)},
		{"Get-HVEAccountBillingPolicy", []parameter{identity}, onHVE(getHVEBilling)},
		{"Set-HVEAccountBillingPolicy", []parameter{
			identity, {name: "BillingPolicyId", kind: textKind, mandatory: true, valid: isGUID}, confirm,
		}, onHVE(setHVEBilling)},
		{"Get-BillingPolicy", []parameter{resource}, getBillingPolicy},
		{"Get-HVEAccountSettings", []parameter{identity}, onHVE(getHVESettings)},
		{"Add-HVEAppAccess", []parameter{identity, apps, confirm}, onHVE(addHVEApp)},
		{"Remove-HVEAppAccess", []parameter{identity, apps, confirm}, onHVE(removeHVEApp)},
	}
}

func (h *hveAccount) object() object {
	return object{
		"Name": h.name, "DisplayName": h.name, "Identity": h.name, "PrimarySmtpAddress": h.address, "Guid": h.id,
		"RecipientType": "MailUser", "RecipientTypeDetails": "MailUser",
	}
}

func newHVEAccount(d *directory, a arguments) ([]object, error) {
	address := or(a.text("PrimarySmtpAddress"), a.text("Name")+"@"+d.domains[0])
	if err := d.free(a.text("Name"), address); err != nil {
		return nil, err
	}
	h := &hveAccount{account: account{id: newID(), name: a.text("Name"), address: address, password: a.text("Password")}}
	d.hve = append(d.hve, h)
	return []object{h.object()}, nil
}

// getMailUser knows no mail users but those of High Volume Email.
func getMailUser(d *directory, a arguments) ([]object, error) {
	if a.has("Identity") {
		return onHVE(func(_ *directory, h *hveAccount, _ arguments) ([]object, error) { return []object{h.object()}, nil })(d, a)
	}
	var all []object
	for _, h := range d.hve {
		all = append(all, h.object())
	}
	return all, nil
}

func removeHVEAccount(d *directory, h *hveAccount, _ arguments) ([]object, error) {
	d.hve = slices.DeleteFunc(d.hve, func(o *hveAccount) bool { return o == h })
	return nil, nil
}

// getHVEBilling has two of the states of Get-HVEAccountBillingPolicy.
func getHVEBilling(_ *directory, h *hveAccount, _ arguments) ([]object, error) {
	status := "BillingPolicyValid"
	if h.billing == "" {
		status = "NoProperBillingPolicyStored"
	}
	return []object{{"Identity": h.address, "BillingPolicyId": h.billing, "BillingPolicyStatus": status}}, nil
}

func setHVEBilling(d *directory, h *hveAccount, a arguments) ([]object, error) {
	if !strings.EqualFold(a.text("BillingPolicyId"), d.billingPolicy) {
		return nil, notFoundError{a.text("BillingPolicyId")}
	}
	h.billing = d.billingPolicy
	return nil, nil
}

func getBillingPolicy(d *directory, _ arguments) ([]object, error) {
	return []object{{"Id": d.billingPolicy, "Name": "High Volume Email"}}, nil
}

func getHVESettings(_ *directory, h *hveAccount, _ arguments) ([]object, error) {
	return []object{{"Identity": h.address, "AllowedApps": strings.Join(h.apps, ", "), "ReplyTo": ""}}, nil
}

func addHVEApp(_ *directory, h *hveAccount, a arguments) ([]object, error) {
	for _, id := range a["AppIds"] {
		if !slices.ContainsFunc(h.apps, func(s string) bool { return strings.EqualFold(s, id) }) {
			h.apps = append(h.apps, id)
		}
	}
	return nil, nil
}

func removeHVEApp(_ *directory, h *hveAccount, a arguments) ([]object, error) {
	h.apps = slices.DeleteFunc(h.apps, func(s string) bool {
		return slices.ContainsFunc(a["AppIds"], func(id string) bool { return strings.EqualFold(s, id) })
	})
	return nil, nil
}
