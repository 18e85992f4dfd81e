package wizard

import "offbasic/probes"

// connectorAddress lets what comes from fixed public addresses relay through
// the tenant's MX host.
//
// Source: New-InboundConnector, -SenderIPAddresses: IPv4, /24 to /32, no IPv6.
// RestrictDomainsToIPAddresses belongs to connectors of type Partner.
func connectorAddress(v ScriptValues) probes.Script {
	name := or(v.Connector, "Devices by address")
	s := connector("connector-address", name, list("SenderIPAddresses", v.Addresses))
	s.Notes = []string{"address", "domain"}
	for _, a := range v.Addresses {
		s.Expects = append(s.Expects, probes.Expect{ID: "connector-address", Read: "connector", Property: "SenderIPAddresses", Want: a})
	}
	return s
}

// connectorCertificate lets what shows a certificate of the tenant's domain
// relay through the tenant's MX host.
//
// Source: New-InboundConnector, -TlsSenderCertificateName, used when
// -RequireTls is $true. RestrictDomainsToCertificate belongs to connectors of
// type Partner.
func connectorCertificate(v ScriptValues) probes.Script {
	name := or(v.Connector, "Devices by certificate")
	s := connector("connector-certificate", name, text("TlsSenderCertificateName", v.Certificate), on("RequireTls"))
	s.Notes = []string{"certificate", "domain"}
	s.Expects = append(s.Expects, probes.Expect{ID: "connector-certificate", Read: "connector", Property: "TlsSenderCertificateName", Want: v.Certificate})
	return s
}

// connector is an inbound connector of type OnPremises, which may relay to the
// outside. A connector of the same name and another type stops the script:
// it is somebody else's.
func connector(script, name string, by ...probes.Param) probes.Script {
	set := append([]probes.Param{
		text("ConnectorType", "OnPremises"), list("SenderDomains", []string{"*"}),
	}, by...)
	set = append(set, on("Enabled"))
	there := where(probes.Call("Get-InboundConnector"), is("Name", name), is("ConnectorType", "OnPremises"))
	return probes.Script{
		Name: script, Module: probes.ExchangeOnline,
		Steps: []probes.ScriptStep{{
			ID: "connector", Unless: new(there),
			Do:   change("New-InboundConnector", append([]probes.Param{text("Name", name)}, set...)...),
			Else: new(change("Set-InboundConnector", append([]probes.Param{text("Identity", name)}, set...)...)),
			Undo: new(probes.Call("Remove-InboundConnector", text("Identity", name))),
		}},
		Reads: []probes.ReadBack{
			{ID: "connector", Cmdlet: there, Select: connectorProperties()},
			{ID: "inbound_connectors", Many: true, Cmdlet: probes.Call("Get-InboundConnector"), Select: connectorProperties()},
			acceptedDomainsRead(),
		},
		Expects: []probes.Expect{{ID: "connector-enabled", Read: "connector", Property: "Enabled", Want: "True"}},
	}
}

func connectorProperties() []string {
	return []string{"Name", "ConnectorType", "Enabled", "SenderIPAddresses", "TlsSenderCertificateName", "RequireTls", "SenderDomains"}
}

func acceptedDomainsRead() probes.ReadBack {
	return probes.ReadBack{
		ID: "accepted_domains", Many: true, Cmdlet: probes.Call("Get-AcceptedDomain"),
		Select: []string{"DomainName", "DomainType", "Default", "InitialDomain"},
	}
}

// mxRead asks DNS for the MX of every accepted domain. Resolve-DnsName is part
// of Windows; where there is none, the read-back says so and the rest of it
// is the same.
func mxRead() probes.ReadBack {
	return probes.ReadBack{
		ID: "mx", Many: true, Optional: true,
		Each:   &probes.Each{As: "domain", In: new(probes.Call("Get-AcceptedDomain"))},
		Cmdlet: where(probes.Call("Resolve-DnsName", variable("Name", "domain.DomainName"), text("Type", "MX")), is("QueryType", "MX")),
		Select: []string{"Name", "NameExchange", "Preference"},
	}
}

func acceptedDomains(ScriptValues) probes.Script {
	return probes.Script{
		Name: "accepted-domains", Module: probes.ExchangeOnline, Notes: []string{"mx"},
		Reads: []probes.ReadBack{acceptedDomainsRead(), mxRead()},
	}
}

// directSendRead reads what decides on Direct Send: the switch, and the
// connectors that come before it.
func directSendRead(ScriptValues) probes.Script {
	return probes.Script{
		Name: "direct-send-read", Module: probes.ExchangeOnline, Notes: []string{"rule"},
		Reads: []probes.ReadBack{
			directSendSwitch(),
			{ID: "inbound_connectors", Many: true, Cmdlet: probes.Call("Get-InboundConnector"), Select: connectorProperties()},
			acceptedDomainsRead(),
		},
	}
}

// directSendReject refuses Direct Send.
//
// Source: Set-OrganizationConfig, -RejectDirectSend.
func directSendReject(v ScriptValues) probes.Script {
	s := directSendRead(v)
	s.Name, s.Notes = "direct-send-reject", []string{"rule", "time"}
	s.Steps = []probes.ScriptStep{{
		ID: "reject", Unless: found(probes.Call("Get-OrganizationConfig"), is("RejectDirectSend", "True")),
		Do:   change("Set-OrganizationConfig", on("RejectDirectSend")),
		Undo: new(probes.Call("Set-OrganizationConfig", off("RejectDirectSend"))),
	}}
	s.Expects = []probes.Expect{{ID: "direct-send-rejected", Read: "organization_config", Property: "RejectDirectSend", Want: "True"}}
	return s
}

func directSendSwitch() probes.ReadBack {
	return probes.ReadBack{ID: "organization_config", Cmdlet: probes.Call("Get-OrganizationConfig"), Select: []string{"RejectDirectSend"}}
}

// hveAccount makes a High Volume Email account, gives it a billing policy and
// lets the app send as it. Its password is asked for when the script runs.
//
// Source: New-MailUser, -HVEAccount; Set-HVEAccountBillingPolicy;
// Get-HVEAccountBillingPolicy, BillingPolicyStatus; Add-HVEAppAccess, which
// takes object ids of enterprise applications; Remove-HVEAppAccess, example 3,
// for AllowedApps. The last two support no -WhatIf ("reserved").
func hveAccount(v ScriptValues) probes.Script {
	there := where(hveAccounts(), is("PrimarySmtpAddress", v.HVE))
	billing := probes.Call("Get-HVEAccountBillingPolicy", text("Identity", v.HVE))
	settings := probes.Call("Get-HVEAccountSettings", text("Identity", v.HVE))
	apps := list("AppIds", []string{v.App.ObjectID})
	return probes.Script{
		Name: "hve-account", Module: probes.ExchangeOnline, Notes: []string{"internal", "permission"},
		Steps: []probes.ScriptStep{
			{
				ID: "account", Unless: new(there),
				Do: change("New-MailUser", probes.P("HVEAccount", probes.Switch()), text("Name", or(v.DisplayName, localPart(v.HVE))),
					text("PrimarySmtpAddress", v.HVE), probes.P("Password", probes.Secret())),
				Undo: new(probes.Call("Remove-MailUser", text("Identity", v.HVE))),
			},
			{
				ID: "billing", Unless: found(billing, is("BillingPolicyStatus", "BillingPolicyValid")),
				Do: probes.Call("Set-HVEAccountBillingPolicy", text("Identity", v.HVE), text("BillingPolicyId", v.BillingPolicy)),
			},
			{
				ID: "app", Unless: found(settings, probes.Match{Property: "AllowedApps", Has: v.App.ObjectID}),
				Do:   probes.Call("Add-HVEAppAccess", text("Identity", v.HVE), apps),
				Undo: new(probes.Call("Remove-HVEAppAccess", text("Identity", v.HVE), apps)),
			},
		},
		Reads: []probes.ReadBack{
			{ID: "hve_account", Cmdlet: there, Select: []string{"DisplayName", "PrimarySmtpAddress", "RecipientTypeDetails"}},
			{ID: "hve_billing", Cmdlet: billing, Select: []string{"BillingPolicyStatus"}},
			{ID: "hve_settings", Cmdlet: settings, Select: []string{"AllowedApps", "ReplyTo"}},
		},
		Expects: []probes.Expect{
			{ID: "hve-account", Read: "hve_account", Property: "PrimarySmtpAddress", Want: v.HVE},
			{ID: "hve-billing", Read: "hve_billing", Property: "BillingPolicyStatus", Want: "BillingPolicyValid"},
			{ID: "hve-app", Read: "hve_settings", Property: "AllowedApps", Want: v.App.ObjectID},
		},
	}
}

// hveAccounts lists the High Volume Email accounts (Get-MailUser, -HVEAccount).
func hveAccounts() probes.Cmdlet {
	return probes.Call("Get-MailUser", probes.P("HVEAccount", probes.Switch()), everything())
}

// anonymous is the SID of ANONYMOUS LOGON, whose name is translated with
// Windows.
const anonymous = "S-1-5-7"

// onPremisesRelay lets devices on the premises relay through an Exchange
// server without signing in, by their addresses.
//
// Source: New-ReceiveConnector; Add-ADPermission, example 2; Microsoft,
// "Allow anonymous relay on Exchange servers".
func onPremisesRelay(v ScriptValues) probes.Script {
	name := or(v.Connector, "Devices without sign-in")
	right := probes.P("ExtendedRights", probes.Text("ms-Exch-SMTP-Accept-Any-Recipient"))
	there := where(probes.Call("Get-ReceiveConnector", text("Server", v.Server)), is("Name", name))
	granted := where(probes.Call("Get-ADPermission", variable("Identity", "connector.DistinguishedName"), probes.P("User", probes.Account(anonymous))),
		probes.Match{Property: "ExtendedRights", Has: "ms-Exch-SMTP-Accept-Any-Recipient"}, is("Deny", "False"))
	s := probes.Script{
		Name: "onprem-relay", Module: probes.ExchangeOnPremises, Notes: []string{"open", "outside"},
		Steps: []probes.ScriptStep{
			{
				ID: "connector", As: "connector", Unless: new(there),
				Do: change("New-ReceiveConnector", text("Name", name), text("Server", v.Server), text("TransportRole", "FrontendTransport"),
					text("Usage", "Custom"), list("Bindings", []string{"0.0.0.0:25"}), list("RemoteIPRanges", v.Ranges), text("PermissionGroups", "AnonymousUsers")),
				Else: new(change("Set-ReceiveConnector", variable("Identity", "connector.DistinguishedName"),
					list("RemoteIPRanges", v.Ranges), text("PermissionGroups", "AnonymousUsers"))),
				Undo: new(probes.Call("Remove-ReceiveConnector", text("Identity", v.Server+`\`+name))),
			},
			{
				ID: "relay", Unless: new(granted),
				Do: change("Add-ADPermission", variable("Identity", "connector.DistinguishedName"), probes.P("User", probes.Account(anonymous)), right),
			},
		},
		Reads: []probes.ReadBack{
			{ID: "receive_connector", Cmdlet: there, Select: []string{"Name", "Server", "TransportRole", "Enabled", "Bindings", "RemoteIPRanges", "PermissionGroups", "AuthMechanism"}},
			{ID: "relay_permission", Many: true, Cmdlet: granted, Select: []string{"User", "ExtendedRights", "Deny"}},
		},
		Expects: []probes.Expect{
			{ID: "relay-connector", Read: "receive_connector", Property: "Enabled", Want: "True"},
			{ID: "relay-permission", Read: "relay_permission", Property: "ExtendedRights", Want: "ms-Exch-SMTP-Accept-Any-Recipient"},
		},
	}
	for _, r := range v.Ranges {
		s.Expects = append(s.Expects, probes.Expect{ID: "relay-range", Read: "receive_connector", Property: "RemoteIPRanges", Want: r})
	}
	return s
}
