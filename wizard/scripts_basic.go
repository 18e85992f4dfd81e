package wizard

import "offbasic/probes"

// blockPolicy is the authentication policy that blocks Basic; allowPolicy the
// one for accounts that must keep it a while.
const (
	blockPolicy = "Block Basic SMTP"
	allowPolicy = "Allow Basic SMTP"
)

// policyStep makes an authentication policy without AllowBasicAuthSmtp, or
// takes it off one of the name. A policy covers Basic alone: OAuth passes.
//
// Source: New-AuthenticationPolicy (Basic is blocked unless a switch allows
// it); Set-AuthenticationPolicy, -AllowBasicAuthSmtp ("use this exact syntax").
func policyStep(name string) probes.ScriptStep {
	return probes.ScriptStep{
		ID: "policy", As: "policy", Unless: new(policyNamed(name)),
		Do:   change("New-AuthenticationPolicy", text("Name", name)),
		Else: new(change("Set-AuthenticationPolicy", text("Identity", name), probes.P("AllowBasicAuthSmtp", probes.Off()))),
	}
}

func policyNamed(name string) probes.Cmdlet {
	return where(probes.Call("Get-AuthenticationPolicy"), is("Name", name))
}

func policyRead(name string) probes.ReadBack {
	return probes.ReadBack{ID: "authentication_policy", Cmdlet: policyNamed(name), Select: []string{"Name", "AllowBasicAuthSmtp"}}
}

// usersRead lists the users who have a policy of their own, by name.
func usersRead() probes.ReadBack {
	return probes.ReadBack{
		ID: "users_with_policy", Many: true,
		Cmdlet: where(probes.Call("Get-User", everything(), text("Filter", "AuthenticationPolicy -ne $null")),
			probes.Match{Property: "AuthenticationPolicy", Not: []string{""}}),
		Select: []string{"UserPrincipalName", "AuthenticationPolicy"},
	}
}

func organizationRead() probes.ReadBack {
	return probes.ReadBack{
		ID: "organization_config", Cmdlet: probes.Call("Get-OrganizationConfig"),
		Select: []string{"Name", "DefaultAuthenticationPolicy", "RejectDirectSend", "SendFromAliasEnabled"},
	}
}

// basicBlockPilot blocks Basic for the members of a group, and for nobody
// else. It covers users and shared mailboxes; what else is in the group is
// left out.
func basicBlockPilot(v ScriptValues) probes.Script {
	name := or(v.Policy, blockPolicy)
	members := &probes.Each{As: "member", In: found(
		probes.Call("Get-DistributionGroupMember", text("Identity", v.Group), everything()),
		is("RecipientType", "UserMailbox", "MailUser"))}
	return probes.Script{
		Name: "basic-block-pilot", Module: probes.ExchangeOnline, Notes: []string{"covers", "time"},
		Steps: []probes.ScriptStep{
			policyStep(name),
			// Set-User's -WhatIf is "reserved": the text asks ShouldProcess.
			{ID: "assign", Each: members, Do: probes.Call("Set-User", variable("Identity", "member.Guid"), variable("AuthenticationPolicy", "policy.Name"))},
		},
		Reads: []probes.ReadBack{
			policyRead(name),
			{ID: "pilot", Many: true, Each: members, Cmdlet: probes.Call("Get-User", variable("Identity", "member.Guid")), Select: []string{"UserPrincipalName", "AuthenticationPolicy"}},
			organizationRead(),
		},
		Expects: []probes.Expect{
			{ID: "policy-blocks", Read: "authentication_policy", Property: "AllowBasicAuthSmtp", Want: "False"},
			{ID: "policy-assigned", Read: "pilot", Property: "AuthenticationPolicy", Want: name, Named: true, Every: true, Label: "UserPrincipalName"},
		},
	}
}

// basicBlockAll makes the policy the organisation's default. Whoever has a
// policy of his own keeps it.
//
// Source: Set-OrganizationConfig, -DefaultAuthenticationPolicy.
func basicBlockAll(v ScriptValues) probes.Script {
	name := or(v.Policy, blockPolicy)
	return probes.Script{
		Name: "basic-block-all", Module: probes.ExchangeOnline, Notes: []string{"covers", "exceptions", "time"},
		Steps: []probes.ScriptStep{
			policyStep(name),
			{
				ID:     "default",
				Unless: found(probes.Call("Get-OrganizationConfig"), probes.Match{Property: "DefaultAuthenticationPolicy", Named: name}),
				Do:     change("Set-OrganizationConfig", variable("DefaultAuthenticationPolicy", "policy.Name")),
				Undo:   new(probes.Call("Set-OrganizationConfig", probes.P("DefaultAuthenticationPolicy", probes.Null()))),
			},
		},
		Reads: []probes.ReadBack{policyRead(name), organizationRead(), usersRead()},
		Expects: []probes.Expect{
			{ID: "policy-blocks", Read: "authentication_policy", Property: "AllowBasicAuthSmtp", Want: "False"},
			{ID: "policy-default", Read: "organization_config", Property: "DefaultAuthenticationPolicy", Want: name, Named: true},
		},
	}
}

// basicBlockRemove takes the policy back: from the organisation, from every
// user who has it, then the policy itself. That does not turn Basic on where
// something else has turned it off.
//
// Source: Set-User, -AuthenticationPolicy, and Set-OrganizationConfig,
// -DefaultAuthenticationPolicy ("use the value $null"); filterable properties,
// AuthenticationPolicy, which is filtered by the policy's distinguished name.
func basicBlockRemove(v ScriptValues) probes.Script {
	name := or(v.Policy, blockPolicy)
	holders := probes.Call("Get-User", everything(), probes.P("Filter", probes.Filter("AuthenticationPolicy", "policy.DistinguishedName")))
	return probes.Script{
		Name: "basic-block-remove", Module: probes.ExchangeOnline, Notes: []string{"limits"},
		Steps: []probes.ScriptStep{
			{
				ID:   "default",
				Each: &probes.Each{As: "organization", In: found(probes.Call("Get-OrganizationConfig"), probes.Match{Property: "DefaultAuthenticationPolicy", Named: name})},
				Do:   change("Set-OrganizationConfig", probes.P("DefaultAuthenticationPolicy", probes.Null())),
			},
			{ID: "policy", As: "policy", Do: policyNamed(name)},
			{ID: "users", Each: &probes.Each{As: "holder", In: &holders}, Do: probes.Call("Set-User", variable("Identity", "holder.Guid"), probes.P("AuthenticationPolicy", probes.Null()))},
			{ID: "remove", Do: change("Remove-AuthenticationPolicy", variable("Identity", "policy.DistinguishedName"), quietly())},
		},
		Reads: []probes.ReadBack{policiesRead(), organizationRead(), usersRead()},
		Expects: []probes.Expect{
			{ID: "policy-removed", Read: "authentication_policies", Property: "Name", Want: name, Absent: true},
			{ID: "no-default-policy", Read: "organization_config", Property: "DefaultAuthenticationPolicy", Want: name, Named: true, Absent: true},
			{ID: "no-user-policy", Read: "users_with_policy", Property: "AuthenticationPolicy", Want: name, Named: true, Absent: true, Label: "UserPrincipalName"},
		},
	}
}

func policiesRead() probes.ReadBack {
	return probes.ReadBack{ID: "authentication_policies", Many: true, Cmdlet: probes.Call("Get-AuthenticationPolicy"), Select: []string{"Name", "AllowBasicAuthSmtp"}}
}

// allowStep makes an authentication policy that allows Basic for SMTP, or
// allows it in one of the name.
//
// Source: New-AuthenticationPolicy and Set-AuthenticationPolicy,
// -AllowBasicAuthSmtp.
func allowStep(name string) probes.ScriptStep {
	allow := probes.P("AllowBasicAuthSmtp", probes.Switch())
	return probes.ScriptStep{
		ID: "policy", As: "policy", Unless: new(policyNamed(name)),
		Do:   change("New-AuthenticationPolicy", text("Name", name), allow),
		Else: new(change("Set-AuthenticationPolicy", text("Identity", name), allow)),
	}
}

// hvePassword lets a High Volume Email account sign in with its password: the
// authentication policy that is in effect for it must allow Basic for SMTP. The
// organisation's switch of SMTP AUTH does not matter there and is left alone.
//
// Source: Set-User, -AuthenticationPolicy; Microsoft, "Troubleshoot High Volume
// Email for Microsoft 365" (a copy of it), for 535 5.7.139 on that endpoint.
func hvePassword(v ScriptValues) probes.Script {
	name := or(v.Policy, allowPolicy)
	account := &probes.Each{As: "account", In: new(where(hveAccounts(), is("PrimarySmtpAddress", v.HVE)))}
	user := probes.Call("Get-User", variable("Identity", "account.Guid"))
	return probes.Script{
		Name: "hve-password", Module: probes.ExchangeOnline, Notes: []string{"while", "limits"},
		Steps: []probes.ScriptStep{
			allowStep(name),
			{
				ID: "assign", Each: account,
				Unless: found(user, probes.Match{Property: "AuthenticationPolicy", Named: name}),
				Do:     probes.Call("Set-User", variable("Identity", "account.Guid"), variable("AuthenticationPolicy", "policy.Name")),
				Undo:   new(probes.Call("Set-User", text("Identity", v.HVE), probes.P("AuthenticationPolicy", probes.Null()))),
			},
		},
		Reads: []probes.ReadBack{
			policyRead(name),
			{ID: "user", Each: account, Cmdlet: user, Select: []string{"UserPrincipalName", "AuthenticationPolicy"}},
			usersRead(),
		},
		Expects: []probes.Expect{
			{ID: "policy-allows", Read: "authentication_policy", Property: "AllowBasicAuthSmtp", Want: "True"},
			{ID: "policy-assigned", Read: "user", Property: "AuthenticationPolicy", Want: name, Named: true},
		},
	}
}

// basicException lets one account keep Basic where the organisation's policy
// blocks it: a policy of its own, and SMTP AUTH on.
func basicException(v ScriptValues) probes.Script {
	name, mailbox := or(v.Policy, allowPolicy), v.mailbox()
	user := probes.Call("Get-User", text("Identity", mailbox))
	return probes.Script{
		Name: "basic-exception", Module: probes.ExchangeOnline, Notes: []string{"while", "limits"},
		Steps: []probes.ScriptStep{
			allowStep(name),
			{ID: "user", As: "user", Do: user},
			{
				ID:     "assign",
				Unless: found(user, probes.Match{Property: "AuthenticationPolicy", Named: name}),
				Do:     probes.Call("Set-User", variable("Identity", "user.Guid"), variable("AuthenticationPolicy", "policy.Name")),
				Undo:   new(probes.Call("Set-User", text("Identity", mailbox), probes.P("AuthenticationPolicy", probes.Null()))),
			},
			smtpAuthStep(mailbox),
		},
		Reads: []probes.ReadBack{
			policyRead(name),
			{ID: "user", Cmdlet: user, Select: []string{"UserPrincipalName", "AuthenticationPolicy"}},
			{ID: "cas_mailbox", Select: casProperties(), Cmdlet: probes.Call("Get-CASMailbox", text("Identity", mailbox))},
			usersRead(),
		},
		Expects: []probes.Expect{
			{ID: "policy-allows", Read: "authentication_policy", Property: "AllowBasicAuthSmtp", Want: "True"},
			{ID: "policy-assigned", Read: "user", Property: "AuthenticationPolicy", Want: name, Named: true},
			{ID: "smtp-auth", Read: "cas_mailbox", Property: "SmtpClientAuthenticationDisabled", Want: "False"},
		},
	}
}

// legacyTLS opens the legacy endpoint, which takes TLS 1.0 and 1.1.
//
// Source: Microsoft, "Opt in to the Exchange Online endpoint for legacy TLS
// clients using SMTP AUTH".
func legacyTLS(ScriptValues) probes.Script {
	return probes.Script{
		Name: "legacy-tls", Module: probes.ExchangeOnline, Notes: []string{"dead-end", "clouds"},
		Steps: []probes.ScriptStep{{
			ID: "allow", Unless: found(probes.Call("Get-TransportConfig"), is("AllowLegacyTLSClients", "True")),
			Do:   change("Set-TransportConfig", on("AllowLegacyTLSClients")),
			Undo: new(probes.Call("Set-TransportConfig", off("AllowLegacyTLSClients"))),
		}},
		Reads:   []probes.ReadBack{transportRead()},
		Expects: []probes.Expect{{ID: "legacy-tls", Read: "transport_config", Property: "AllowLegacyTLSClients", Want: "True"}},
	}
}

// basicUsage lists who may sign in to SMTP AUTH, and from which addresses mail
// came lately. No cmdlet tells which of them used a password.
//
// Source: Get-MessageTraceV2: 10 days and 5,000 rows a query at most.
func basicUsage(v ScriptValues) probes.Script {
	trace := probes.Call("Get-MessageTraceV2", probes.P("StartDate", probes.DaysAgo(10)), probes.P("EndDate", probes.DaysAgo(0)), text("ResultSize", "5000"))
	if m := v.mailboxes(); len(m) > 0 {
		trace.Params = append(trace.Params, list("SenderAddress", m))
	}
	return probes.Script{
		Name: "basic-usage", Module: probes.ExchangeOnline, Notes: []string{"limits", "trace"},
		Reads: []probes.ReadBack{
			transportRead(),
			casMailboxesRead(),
			policiesRead(), organizationRead(), usersRead(),
			{ID: "message_trace", Many: true, Optional: true, Cmdlet: trace, Select: []string{"Received", "SenderAddress", "RecipientAddress", "FromIP", "Status"}},
		},
	}
}

// casMailboxesRead lists the mailboxes whose own switch does not turn SMTP
// AUTH off.
func casMailboxesRead() probes.ReadBack {
	return probes.ReadBack{
		ID: "cas_mailboxes", Many: true, Select: casProperties(),
		Cmdlet: where(probes.Call("Get-CASMailbox", everything()), probes.Match{Property: "SmtpClientAuthenticationDisabled", Not: []string{"True"}}),
	}
}

// tenantState reads everything that decides on sending, in one go. What the
// admin's role or the cloud does not show is noted, and the rest is read.
func tenantState(ScriptValues) probes.Script {
	reads := []probes.ReadBack{
		organizationRead(), transportRead(), acceptedDomainsRead(), mxRead(),
		{ID: "inbound_connectors", Many: true, Cmdlet: probes.Call("Get-InboundConnector"), Select: connectorProperties()},
		policiesRead(), usersRead(), casMailboxesRead(),
		{ID: "service_principals", Many: true, Cmdlet: probes.Call("Get-ServicePrincipal"), Select: []string{"AppId", "ObjectId", "DisplayName"}},
		{ID: "assignments", Many: true, Cmdlet: probes.Call("Get-ManagementRoleAssignment", text("Role", "Application SMTP.SendAsApp")), Select: []string{"Name", "Role", "RoleAssigneeName", "CustomResourceScope"}},
		{ID: "scopes", Many: true, Cmdlet: probes.Call("Get-ManagementScope"), Select: []string{"Name", "RecipientFilter"}},
		{ID: "hve_accounts", Many: true, Cmdlet: hveAccounts(), Select: []string{"DisplayName", "PrimarySmtpAddress"}},
		{ID: "billing_policies", Many: true, Cmdlet: probes.Call("Get-BillingPolicy", text("ResourceType", "HVE")), Select: []string{"Id", "Name"}},
	}
	for i := range reads {
		reads[i].Optional = true
	}
	return probes.Script{Name: "tenant-state", Module: probes.ExchangeOnline, Notes: []string{"graph"}, Reads: reads}
}
