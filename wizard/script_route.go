package wizard

import "offbasic/probes"

// RouteScripts names the scripts that set a route up, the one to be preferred
// first: any of them will do. A route that Exchange has no part in has none.
func RouteScripts(r probes.Route) []string {
	switch r {
	case probes.OAuth:
		return []string{"service-principal"}
	case probes.Connector:
		return []string{"connector-address", "connector-certificate"}
	case probes.Direct:
		return []string{"direct-send-read"}
	case probes.HVE:
		return []string{"hve-account"}
	case probes.Relay:
		return []string{"onprem-relay"}
	}
	return nil
}

// ScriptValues is what the migration knows of what a sender's scripts are told:
// the app, the mailbox, and the addresses that the sender was seen from, as far
// as a connector or a relay takes them; what the admin entered stands first.
func (m Migration) ScriptValues(s Sender) ScriptValues {
	v := ScriptValues{Mailbox: s.Mailbox()}
	if m.App != nil {
		v.App = *m.App
		v.Group, v.Outside = m.App.Group, m.App.Outside
	}
	for _, peer := range s.Peers {
		if publicIPv4(peer) == nil {
			v.Addresses = append(v.Addresses, peer)
		}
		if relayRange(peer) == nil {
			v.Ranges = append(v.Ranges, peer)
		}
	}
	return s.Told.over(v)
}

// RouteScript is a script as a route is set up by it. Direct Send needs
// nothing set: its script reads, and expects that it is not refused.
func RouteScript(name string, v ScriptValues) probes.Script {
	s, _ := ScriptNamed(name, v)
	if name == "direct-send-read" {
		s.Expects = []probes.Expect{{ID: "direct-send-allowed", Read: "organization_config", Property: "RejectDirectSend", Want: "False"}}
	}
	return s
}
