package lab

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

func connectorsOf(d *directory) *store { return &d.connectors }

// mailFlowCmdlets are those of connectors, domains and what was sent.
func mailFlowCmdlets() []cmdlet {
	confirm, anyIdentity := optional("Confirm", switchKind), optional("Identity", textKind)
	set := []parameter{
		oneOf("ConnectorType", "Partner", "OnPremises"),
		{name: "SenderIPAddresses", kind: listKind, valid: isConnectorAddress},
		optional("TlsSenderCertificateName", textKind), optional("RequireTls", boolKind), optional("Enabled", boolKind), confirm,
	}
	domains := optional("SenderDomains", listKind)
	from := domains
	from.mandatory = true
	date := func(name string) parameter { return optional(name, dateKind) }
	return []cmdlet{
		{"New-InboundConnector", slices.Concat([]parameter{needed("Name"), from}, set), newInboundConnector},
		{"Get-InboundConnector", []parameter{anyIdentity}, reads(connectorsOf)},
		{"Set-InboundConnector", slices.Concat([]parameter{needed("Identity"), domains}, set), sets(connectorsOf, connectorSettings()...)},
		{"Remove-InboundConnector", []parameter{needed("Identity"), confirm}, removes(connectorsOf)},
		{"Get-AcceptedDomain", []parameter{anyIdentity}, getAcceptedDomain},
		{"Resolve-DnsName", []parameter{needed("Name"), oneOf("Type", "MX")}, resolveDNSName},
		{"Get-MessageTraceV2", []parameter{
			date("StartDate"), date("EndDate"), optional("SenderAddress", listKind),
			{name: "ResultSize", kind: intKind, most: 5000},
		}, getMessageTrace},
	}
}

// isConnectorAddress is IPv4, with a range from /24 to /32; no IPv6
// (New-InboundConnector, -SenderIPAddresses).
func isConnectorAddress(s string) bool {
	if !strings.Contains(s, "/") {
		s += "/32"
	}
	p, err := netip.ParsePrefix(s)
	return err == nil && p.Addr().Is4() && p.Bits() >= 24
}

func connectorSettings() []string {
	return []string{"ConnectorType", "SenderDomains", "SenderIPAddresses", "TlsSenderCertificateName", "RequireTls", "Enabled"}
}

// newInboundConnector is of type Partner and enabled unless the call says
// otherwise (New-InboundConnector).
func newInboundConnector(d *directory, a arguments) ([]object, error) {
	name := a.text("Name")
	o := object{
		"Name": name, "Identity": name, "Guid": newID(), "ConnectorType": "Partner", "Enabled": "True",
		"RequireTls": "False", "SenderIPAddresses": "", "TlsSenderCertificateName": "",
	}
	a.onto(o, connectorSettings()...)
	return d.connectors.add(o)
}

func getAcceptedDomain(d *directory, a arguments) ([]object, error) {
	var all []object
	for i, domain := range d.domains {
		if !a.has("Identity") || strings.EqualFold(a.text("Identity"), domain) {
			all = append(all, object{
				"Name": domain, "Identity": domain, "DomainName": domain, "DomainType": "Authoritative",
				"Default": printed(i == 0), "InitialDomain": "False",
			})
		}
	}
	if len(all) == 0 {
		return nil, notFoundError{a.text("Identity")}
	}
	return all, nil
}

// resolveDNSName knows the MX of the tenant's domains: the domain with its
// dots as hyphens, at Microsoft's host.
func resolveDNSName(d *directory, a arguments) ([]object, error) {
	domain := a.text("Name")
	if !slices.ContainsFunc(d.domains, func(s string) bool { return strings.EqualFold(s, domain) }) {
		return nil, errorf("%s : DNS name does not exist", domain)
	}
	return []object{{
		"Name": domain, "QueryType": "MX", "Preference": "0",
		"NameExchange": strings.ReplaceAll(domain, ".", "-") + ".mail.protection.outlook.com",
	}}, nil
}

// getMessageTrace lists what went through, the newest first.
func getMessageTrace(d *directory, a arguments) ([]object, error) {
	from, to := a.date("StartDate"), a.date("EndDate")
	rows := []object{}
	for _, t := range slices.Backward(d.traces) {
		early, late := !from.IsZero() && t.taken.Before(from), !to.IsZero() && t.taken.After(to)
		sender := !a.has("SenderAddress") || slices.ContainsFunc(a["SenderAddress"], func(s string) bool { return strings.EqualFold(s, t.from) })
		if !sender || early || late {
			continue
		}
		rows = append(rows, object{
			"Received": t.taken.UTC().Format(time.RFC3339), "SenderAddress": t.from, "RecipientAddress": t.to,
			"FromIP": t.peer, "ToIP": t.next, "Status": strings.ToUpper(t.status[:1]) + t.status[1:],
			"MessageId": t.messageID, "MessageTraceId": t.id, "Subject": t.subject,
		})
	}
	return rows, nil
}

// date is a parameter that bind made a time of; zero when it was not given.
func (a arguments) date(name string) time.Time {
	at, _ := time.Parse(time.RFC3339Nano, a.text(name))
	return at
}
