package wizard

import "offbasic/probes"

// ScriptValues is what scripts are written about.
type ScriptValues struct {
	App     Registration
	Mailbox string
}

// ScriptNames lists every script, in the order in which they are needed.
func ScriptNames() []string { return []string{"service-principal"} }

// ScriptNamed makes a script by its name.
func ScriptNamed(name string, v ScriptValues) (probes.Script, bool) {
	switch name {
	case "service-principal":
		return ServicePrincipal(v.App, v.Mailbox), true
	}
	return probes.Script{}, false
}

// ServicePrincipal is the script that lets the app send as a mailbox over
// client submission: the Exchange service principal made with the object id of
// the enterprise application, rights on the mailbox, and SMTP AUTH on for it
// (OAuth needs that switch as well).
//
// Source: Microsoft, "Authenticate an IMAP, POP or SMTP connection using
// OAuth", and the pages of the cmdlets.
func ServicePrincipal(app Registration, mailbox string) probes.Script {
	name := app.Name
	if name == "" {
		name = "offbasic"
	}
	return probes.Script{
		Name:   "service-principal",
		Module: "exchange-online",
		Steps: []probes.ScriptStep{
			{
				ID: "principal", As: "principal",
				Unless: ref(probes.Call("Get-ServicePrincipal", probes.P("Identity", probes.Text(app.ClientID)))),
				Do: probes.Cmdlet{Name: "New-ServicePrincipal", WhatIf: true, Params: []probes.Param{
					probes.P("AppId", probes.Text(app.ClientID)),
					probes.P("ObjectId", probes.Text(app.ObjectID)),
					probes.P("DisplayName", probes.Text(name)),
				}},
			},
			{
				ID: "permission",
				Do: probes.Cmdlet{Name: "Add-MailboxPermission", WhatIf: true, Params: []probes.Param{
					probes.P("Identity", probes.Text(mailbox)),
					probes.P("User", probes.Var("principal.Identity")),
					probes.P("AccessRights", probes.Text("FullAccess")),
					probes.P("AutoMapping", probes.Bool(false)),
				}},
			},
			{
				ID: "smtp-auth",
				Do: probes.Cmdlet{Name: "Set-CASMailbox", WhatIf: true, Params: []probes.Param{
					probes.P("Identity", probes.Text(mailbox)),
					probes.P("SmtpClientAuthenticationDisabled", probes.Bool(false)),
				}},
			},
		},
		Reads: []probes.ReadBack{
			{ID: "service_principal", Cmdlet: probes.Call("Get-ServicePrincipal", probes.P("Identity", probes.Text(app.ClientID))), Select: []string{"AppId", "ObjectId", "DisplayName"}},
			{ID: "mailbox_permission", Many: true, Cmdlet: probes.Call("Get-MailboxPermission", probes.P("Identity", probes.Text(mailbox)), probes.P("User", probes.Var("principal.Identity"))), Select: []string{"Identity", "User", "AccessRights"}},
			{ID: "cas_mailbox", Cmdlet: probes.Call("Get-CASMailbox", probes.P("Identity", probes.Text(mailbox))), Select: []string{"PrimarySmtpAddress", "SmtpClientAuthenticationDisabled"}},
			{ID: "transport_config", Cmdlet: probes.Call("Get-TransportConfig"), Select: []string{"SmtpClientAuthenticationDisabled"}},
		},
		Expects: []probes.Expect{
			{ID: "service-principal", Read: "service_principal", Property: "ObjectId", Want: app.ObjectID},
			{ID: "mailbox-rights", Read: "mailbox_permission", Property: "AccessRights", Want: "FullAccess"},
			{ID: "smtp-auth", Read: "cas_mailbox", Property: "SmtpClientAuthenticationDisabled", Want: "False"},
		},
	}
}

func ref(c probes.Cmdlet) *probes.Cmdlet { return &c }
