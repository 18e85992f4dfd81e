package checks

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// ReachChecks lists the checks of a server's port and of its TLS.
func ReachChecks() []Check {
	list := func(id ID, remedy string, outcomes ...Status) Check {
		return Check{ID: id, Outcomes: outcomes, Remedy: remedy}
	}
	return []Check{
		list("port-open", "", Pass),
		list("port-refused", "port-refused", Fail),
		list("port-timeout", "port-timeout", Fail),
		list("port-closed", "port-refused", Fail),
		list("port-family", "port-family", Warn),
		list("port-no-route", "", Skip),
		list("port-slow", "port-slow", Warn),
		list("port-rewritten", "port-rewritten", Fail),
		list("port-no-starttls", "port-no-starttls", Fail),
		list("tls-verified", "", Pass),
		list("tls-problem", "tls-problem", Fail),
		list("tls-versions", "tls-versions", Pass, Warn, Fail),
		list("tls-ends", "tls-ends", Warn),
		list("public-address", "public-address", Pass, Warn),
	}
}

// slowDoor is from when on a connection is worth a word, in milliseconds.
const slowDoor = 3000

// JudgeDoors judges what was met at the addresses of a port.
func JudgeDoors(host string, port int, doors []probes.Door) []Finding {
	j := verdicts{table: ReachChecks()}
	at := []string{"host", host, "port", strconv.Itoa(port)}
	open := false
	for _, d := range doors {
		open = open || d.Outcome == probes.DialConnected
	}
	for _, d := range doors {
		args := append(at[:len(at):len(at)], "address", d.Address.String(), "cause", d.Cause, "ms", strconv.Itoa(int(d.MS)))
		switch {
		case d.Outcome == probes.DialConnected:
			j.open(d, args)
		case d.Outcome == probes.DialNoRoute && open:
			j.add("port-no-route", Skip, args...)
		case open: // the other addresses carry it
			j.add("port-family", Warn, args...)
		case d.Outcome == probes.DialRefused:
			j.add("port-refused", Fail, args...)
		case d.Outcome == probes.DialTimeout:
			j.add("port-timeout", Fail, args...)
		default:
			j.add("port-closed", Fail, args...)
		}
	}
	return j.found
}

func (j *verdicts) open(d probes.Door, args []string) {
	j.add("port-open", Pass, append(args, "banner", d.Banner)...)
	if d.MS > slowDoor {
		j.add("port-slow", Warn, args...)
	}
	switch {
	case d.Rewritten != "":
		j.add("port-rewritten", Fail, append(args, "what", d.Rewritten, "banner", d.Banner)...)
	case d.Banner != "" && !d.STARTTLS:
		j.add("port-no-starttls", Fail, append(args, "offered", several(d.Capabilities))...)
	}
}

// JudgeTLS judges a server's TLS. Exchange Online takes TLS 1.2 and later only
// (Microsoft, "How to set up a multifunction device or application").
func JudgeTLS(h probes.Handshake, now time.Time) []Finding {
	j := verdicts{table: ReachChecks()}
	names, issuer, until := "", "", ""
	if len(h.Chain) > 0 {
		names, issuer, until = several(h.Chain[0].Names), h.Chain[0].Issuer, h.Chain[0].Until.UTC().Format("2006-01-02")
	}
	args := []string{"name", h.Name, "names", names, "issuer", issuer, "until", until}
	if h.Verified {
		j.add("tls-verified", Pass, args...)
	} else {
		j.add("tls-problem", Fail, append(args, "problem", h.Problem, "cause", h.Cause)...)
	}
	old := []string{}
	for _, v := range h.Versions {
		if v == "TLS 1.0" || v == "TLS 1.1" {
			old = append(old, v)
		}
	}
	versions := []string{"versions", strings.Join(h.Versions, ", "), "agreed", h.Version, "suite", h.Suite}
	switch {
	case len(old) == len(h.Versions):
		j.add("tls-versions", Fail, versions...)
	case len(old) > 0:
		j.add("tls-versions", Warn, versions...)
	default:
		j.add("tls-versions", Pass, versions...)
	}
	if h.Verified && len(h.Chain) > 0 {
		if days := int(h.Chain[0].Until.Sub(now).Hours() / 24); days < 14 {
			j.add("tls-ends", Warn, "until", until, "days", strconv.Itoa(days))
		}
	}
	return j.found
}

// PublicAddress judges the address that this machine has on the Internet: a
// connector knows an office by IPv4 only (New-InboundConnector,
// -SenderIPAddresses).
func PublicAddress(ip netip.Addr) Finding {
	j := verdicts{table: ReachChecks()}
	if ip.Is4() {
		j.add("public-address", Pass, "address", ip.String())
	} else {
		j.add("public-address", Warn, "address", ip.String())
	}
	return j.found[0]
}
