package lab

import (
	"net/netip"
	"slices"
	"strings"
)

// premisesServer is the Exchange server on the premises.
const premisesServer = "EX01"

// anonymousSID is ANONYMOUS LOGON (Windows, well-known SIDs); anonymousLogon
// is its name on an English server.
const (
	anonymousSID   = "S-1-5-7"
	anonymousLogon = `NT AUTHORITY\ANONYMOUS LOGON`
)

// premises is what the server on the premises knows: its receive connectors,
// and the rights on them.
type premises struct{ connectors, rights store }

func receiveConnectorsOf(d *directory) *store { return &d.premises.connectors }

// newPremises has the connector that setup makes for port 25.
func newPremises() premises {
	o := receiveConnector("Default Frontend " + premisesServer)
	o["RemoteIPRanges"] = "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, 0.0.0.0-255.255.255.255"
	o["PermissionGroups"] = "AnonymousUsers, ExchangeServers, ExchangeLegacyServers"
	return premises{connectors: store{o}}
}

func receiveConnector(name string) object {
	return object{
		"Name": name, "Server": premisesServer, "Identity": premisesServer + `\` + name, "Guid": newID(),
		"DistinguishedName": "CN=" + name + ",CN=SMTP Receive Connectors,CN=Protocols,CN=" + premisesServer +
			",CN=Servers,CN=Exchange Administrative Group (FYDIBOHF23SPDLT),CN=Administrative Groups,CN=Contoso,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=contoso,DC=example",
		"TransportRole": "FrontendTransport", "Enabled": "True", "Bindings": "0.0.0.0:25", "AuthMechanism": "Tls",
	}
}

// premisesCmdlets are those of the Exchange Management Shell.
func premisesCmdlets() []cmdlet {
	confirm := optional("Confirm", switchKind)
	groups := oneOf("PermissionGroups", "None", "AnonymousUsers", "ExchangeUsers", "ExchangeServers", "ExchangeLegacyServers", "Partners", "Custom")
	ranges := parameter{name: "RemoteIPRanges", kind: listKind, valid: isRange}
	bindings, neededRanges := parameter{name: "Bindings", kind: listKind, mandatory: true}, ranges
	neededRanges.mandatory = true
	rights := parameter{name: "ExtendedRights", kind: listKind, valid: isSMTPRight}
	return []cmdlet{
		{"New-ReceiveConnector", []parameter{
			needed("Name"), bindings, neededRanges, groups, optional("Server", textKind),
			oneOf("TransportRole", "FrontendTransport", "HubTransport"), oneOf("Usage", "Client", "Custom", "Internal", "Internet", "Partner"), confirm,
		}, newReceiveConnector},
		{"Get-ReceiveConnector", []parameter{optional("Identity", textKind), optional("Server", textKind)}, getReceiveConnector},
		{"Set-ReceiveConnector", []parameter{
			needed("Identity"), ranges, groups, optional("Enabled", boolKind), confirm,
		}, sets(receiveConnectorsOf, "RemoteIPRanges", "PermissionGroups", "Enabled")},
		{"Remove-ReceiveConnector", []parameter{needed("Identity"), confirm}, removes(receiveConnectorsOf)},
		{"Add-ADPermission", []parameter{needed("Identity"), needed("User"), rights, confirm}, addADPermission},
		{"Get-ADPermission", []parameter{needed("Identity"), optional("User", textKind)}, getADPermission},
	}
}

// isRange takes an address, a prefix, or two addresses with a hyphen
// (New-ReceiveConnector, -RemoteIPRanges).
func isRange(s string) bool {
	if from, to, ok := strings.Cut(s, "-"); ok {
		a, err := netip.ParseAddr(from)
		b, err2 := netip.ParseAddr(to)
		return err == nil && err2 == nil && a.BitLen() == b.BitLen() && !b.Less(a)
	}
	if strings.Contains(s, "/") {
		_, err := netip.ParsePrefix(s)
		return err == nil
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

// isSMTPRight tells the extended rights of receive connectors that the
// permission groups are made of, and the one to relay (Microsoft, "Receive
// connectors", and "Allow anonymous relay on Exchange servers").
func isSMTPRight(s string) bool {
	return slices.ContainsFunc([]string{
		"ms-Exch-SMTP-Accept-Any-Recipient", "ms-Exch-SMTP-Accept-Any-Sender", "ms-Exch-SMTP-Accept-Authoritative-Domain-Sender",
		"ms-Exch-SMTP-Submit", "ms-Exch-Accept-Headers-Routing", "ms-Exch-Bypass-Anti-Spam",
	}, func(r string) bool { return strings.EqualFold(r, s) })
}

func newReceiveConnector(d *directory, a arguments) ([]object, error) {
	if server := or(a.text("Server"), premisesServer); !strings.EqualFold(server, premisesServer) {
		return nil, notFoundError{server}
	}
	o := receiveConnector(a.text("Name"))
	a.onto(o, "Bindings", "RemoteIPRanges", "PermissionGroups", "TransportRole")
	return d.premises.connectors.add(o)
}

func getReceiveConnector(d *directory, a arguments) ([]object, error) {
	if server := or(a.text("Server"), premisesServer); !strings.EqualFold(server, premisesServer) {
		return nil, notFoundError{server}
	}
	return reads(receiveConnectorsOf)(d, a)
}

// addADPermission gives rights on a receive connector; what is there stays.
func addADPermission(d *directory, a arguments) ([]object, error) {
	c := d.premises.connectors.find(a.text("Identity"))
	switch {
	case c == nil:
		return nil, notFoundError{a.text("Identity")}
	case !strings.EqualFold(a.text("User"), anonymousLogon):
		return nil, notFoundError{a.text("User")}
	}
	var given []object
	for _, right := range a["ExtendedRights"] {
		o := object{"Identity": c["Identity"], "User": anonymousLogon, "ExtendedRights": right, "Deny": "False", "IsInherited": "False"}
		same := []string{"Identity", "User", "ExtendedRights"}
		if !slices.ContainsFunc(d.premises.rights, func(r object) bool {
			return !slices.ContainsFunc(same, func(p string) bool { return !strings.EqualFold(r[p], o[p]) })
		}) {
			d.premises.rights = append(d.premises.rights, o)
		}
		given = append(given, o)
	}
	return given, nil
}

func getADPermission(d *directory, a arguments) ([]object, error) {
	c := d.premises.connectors.find(a.text("Identity"))
	if c == nil {
		return nil, notFoundError{a.text("Identity")}
	}
	var rows []object
	for _, r := range d.premises.rights {
		if r["Identity"] == c["Identity"] && (!a.has("User") || strings.EqualFold(r["User"], a.text("User"))) {
			rows = append(rows, r)
		}
	}
	return rows, nil
}
