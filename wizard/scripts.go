package wizard

import (
	"offbasic/probes"
)

// scriptEntry is one script: what it is told, and how it is made.
type scriptEntry struct {
	name  string
	needs []string // names of ScriptInputs that have no default
	takes []string // names of the others
	make  func(ScriptValues) probes.Script
}

// scripts lists every script, in the order in which they are needed.
func scripts() []scriptEntry {
	type names = []string
	return []scriptEntry{
		{"tenant-state", nil, nil, tenantState},
		{"basic-usage", nil, names{"mailbox"}, basicUsage},
		{"service-principal", names{"client-id", "object-id", "mailbox"}, names{"app-name"}, servicePrincipal},
		{"service-principal-remove", names{"client-id", "mailbox"}, nil, servicePrincipalRemove},
		{"mailbox-rights-remove", names{"client-id", "mailbox"}, nil, mailboxRightsRemove},
		{"app-rbac", names{"client-id", "object-id", "group", "mailbox", "outside"}, names{"app-name", "scope"}, appRBAC},
		{"app-rbac-remove", names{"client-id"}, names{"scope"}, appRBACRemove},
		{"smtp-auth", names{"mailbox"}, nil, smtpAuth},
		{"send-as", names{"client-id", "object-id", "send-as"}, names{"app-name"}, sendAs},
		{"shared-mailbox", names{"mailbox"}, names{"display-name"}, sharedMailbox},
		{"accepted-domains", nil, nil, acceptedDomains},
		{"connector-address", names{"address"}, names{"connector"}, connectorAddress},
		{"connector-certificate", names{"certificate"}, names{"connector"}, connectorCertificate},
		{"direct-send-read", nil, nil, directSendRead},
		{"direct-send-reject", nil, nil, directSendReject},
		{"hve-account", names{"object-id", "hve", "billing-policy"}, names{"display-name"}, hveAccount},
		{"hve-password", names{"hve"}, names{"policy"}, hvePassword},
		{"legacy-tls", nil, nil, legacyTLS},
		{"basic-block-pilot", names{"group"}, names{"policy"}, basicBlockPilot},
		{"basic-block-all", nil, names{"policy"}, basicBlockAll},
		{"basic-block-remove", nil, names{"policy"}, basicBlockRemove},
		{"basic-exception", names{"mailbox"}, names{"policy"}, basicException},
		{"onprem-relay", names{"server", "range"}, names{"connector"}, onPremisesRelay},
	}
}

// ScriptInputsOf names what a script must be told, and what else it can be
// told.
func ScriptInputsOf(script string) (needed, optional []string) {
	s, _ := scriptEntryNamed(script)
	return s.needs, s.takes
}

// ScriptNames lists every script, in the order in which they are needed. Those
// that run in the Exchange Management Shell have "onprem" in their name.
func ScriptNames() []string {
	all := scripts()
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.name
	}
	return names
}

// ScriptNamed makes a script by its name. The values are taken as they are:
// Validate judges them, and whatever they hold is data in the text.
func ScriptNamed(name string, v ScriptValues) (probes.Script, bool) {
	s, ok := scriptEntryNamed(name)
	if !ok {
		return probes.Script{}, false
	}
	return s.make(v), true
}

func scriptEntryNamed(name string) (scriptEntry, bool) {
	for _, s := range scripts() {
		if s.name == name {
			return s, true
		}
	}
	return scriptEntry{}, false
}

// change is a call that changes something and supports -WhatIf.
func change(name string, params ...probes.Param) probes.Cmdlet {
	return probes.Cmdlet{Name: name, Params: params, WhatIf: true}
}

// where is c with a condition on the objects that it returns.
func where(c probes.Cmdlet, m ...probes.Match) probes.Cmdlet {
	c.Where = m
	return c
}

// found is a call that looks whether there is something already.
func found(c probes.Cmdlet, m ...probes.Match) *probes.Cmdlet { return new(where(c, m...)) }

// is matches a property that has one of the values.
func is(property string, values ...string) probes.Match {
	return probes.Match{Property: property, Is: values}
}

// text, on, off and list are parameters of the common kinds.
func text(name, value string) probes.Param { return probes.P(name, probes.Text(value)) }
func on(name string) probes.Param          { return probes.P(name, probes.Bool(true)) }
func off(name string) probes.Param         { return probes.P(name, probes.Bool(false)) }
func list(name string, values []string) probes.Param {
	return probes.P(name, probes.List(values...))
}
func variable(name, path string) probes.Param { return probes.P(name, probes.Var(path)) }

// quietly leaves out the question that destructive cmdlets and
// Add-RecipientPermission ask: the script as a whole was read and started.
func quietly() probes.Param { return probes.P("Confirm", probes.Off()) }

// everything asks for all objects, not for the first thousand.
func everything() probes.Param { return text("ResultSize", "Unlimited") }
