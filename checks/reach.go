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
	return []Check{
		listed("port-open", "", Pass),
		listed("port-refused", "port-refused", Fail),
		listed("port-timeout", "port-timeout", Fail),
		listed("port-closed", "port-refused", Fail),
		listed("port-family", "port-family", Warn),
		listed("port-no-route", "port-no-route", Skip, Fail),
		listed("port-slow", "port-slow", Warn),
		listed("port-not-smtp", "port-not-smtp", Fail),
		listed("port-rewritten", "port-rewritten", Warn, Fail),
		listed("port-no-starttls", "port-no-starttls", Fail),
		listed("tls-verified", "", Pass),
		listed("tls-problem", "tls-problem", Fail),
		listed("tls-versions", "tls-versions", Pass, Warn),
		listed("tls-old", "tls-old", Fail),
		listed("tls-ends", "tls-ends", Warn),
		listed("public-address", "public-address", Pass, Warn),
	}
}

// From when on a connection is worth a word, in milliseconds: by itself, and
// against the fastest address of the same name.
const (
	slowDoor   = 3000
	slowerDoor = 1000
)

// JudgeDoors judges what was met at the addresses of a port.
func JudgeDoors(host string, port int, doors []probes.Door) []Finding {
	j := verdicts{table: ReachChecks()}
	at := []string{"host", host, "port", strconv.Itoa(port)}
	open, way, limit := false, false, float64(slowDoor)
	for _, d := range doors {
		way = way || d.Outcome != probes.DialNoRoute
		if d.Outcome == probes.DialConnected {
			open, limit = true, min(limit, d.MS+slowerDoor)
		}
	}
	for _, d := range doors {
		args := append(at[:len(at):len(at)], "address", d.Address.String(), "cause", d.Cause, "ms", strconv.Itoa(int(d.MS)))
		switch {
		case d.Outcome == probes.DialConnected:
			j.open(d, args, limit)
		case d.Outcome == probes.DialNoRoute && way:
			j.add("port-no-route", Skip, args...)
		case d.Outcome == probes.DialNoRoute:
			j.add("port-no-route", Fail, args...)
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

func (j *verdicts) open(d probes.Door, args []string, limit float64) {
	j.add("port-open", Pass, append(args, "banner", d.Banner)...)
	if d.MS > limit {
		j.add("port-slow", Warn, args...)
	}
	switch {
	case d.Rewritten == "not_smtp":
		j.add("port-not-smtp", Fail, append(args, "banner", d.Banner)...)
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
	j.certificate(h)
	j.versions(h)
	if h.Verified && len(h.Chain) > 0 {
		if days := int(h.Chain[0].Until.Sub(now).Hours() / 24); days < 14 {
			j.add("tls-ends", Warn, "until", h.Chain[0].Until.UTC().Format(time.DateOnly), "days", strconv.Itoa(days))
		}
	}
	return j.found
}

// certificate judges the certificate; one that nobody saw is not judged.
func (j *verdicts) certificate(h probes.Handshake) {
	args := []string{"name", h.Name}
	if len(h.Chain) > 0 {
		own := h.Chain[0]
		args = append(args, "names", first(several(own.Names), "-"), "issuer", first(own.Issuer, "-"), "until", own.Until.UTC().Format(time.DateOnly))
	}
	switch {
	case h.Verified:
		j.add("tls-verified", Pass, args...)
	case h.Problem != "":
		j.add("tls-problem", Fail, append(args, "problem", h.Problem, "cause", h.Cause)...)
	}
}

// versions judges the versions that are known.
func (j *verdicts) versions(h probes.Handshake) {
	old := []string{}
	for _, v := range h.Versions {
		if strings.HasSuffix(v, "TLS 1.0") || strings.HasSuffix(v, "TLS 1.1") {
			old = append(old, v)
		}
	}
	args := []string{"versions", strings.Join(h.Versions, ", "), "agreed", h.Version, "suite", h.Suite}
	switch {
	case len(h.Versions) == 0:
	case len(old) == len(h.Versions):
		j.add("tls-old", Fail, args...)
	case len(old) > 0:
		j.add("tls-versions", Warn, args...)
	default:
		j.add("tls-versions", Pass, args...)
	}
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
