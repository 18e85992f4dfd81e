package checks

import (
	"slices"
	"strconv"
	"strings"

	"offbasic/probes"
)

// FailedTLS says in which of HandshakeEnds a captured handshake came to
// nothing, with what the client had offered: "newest" the newest version,
// "suites" the cipher suites, the first by name. "" means that TLS was agreed on
// or not begun.
func FailedTLS(t probes.TLS) (id string, args map[string]string) {
	if t.Error == "" {
		return "", nil
	}
	if len(t.ClientVersions) == 0 {
		return "unread", nil
	}
	args = map[string]string{"newest": t.ClientVersions[0], "suites": someSuites(t.ClientSuites)}
	switch t.Error {
	case "certificate_refused", "timeout":
		return t.Error, args
	case "no_common_version":
		if rank(t.ClientVersions[0]) < rank("TLS 1.2") {
			return "too_old", args
		}
	case "no_common_suite":
		if len(t.ClientSuites) > 0 {
			return t.Error, args
		}
	}
	return "broken_off", args
}

// HandshakeEnds are the ways in which a captured handshake comes to nothing.
func HandshakeEnds() []string {
	return []string{"broken_off", "certificate_refused", "no_common_suite", "timeout", "too_old", "unread"}
}

// someSuites names the first suites of a list and counts the others. Signals
// that are no suites are left out (RFC 5746, section 3.3; RFC 7507).
func someSuites(all []string) string {
	const named = 2
	all = slices.DeleteFunc(slices.Clone(all), func(s string) bool { return strings.HasSuffix(s, "_SCSV") })
	if len(all) <= named {
		return strings.Join(all, ", ")
	}
	return strings.Join(all[:named], ", ") + " +" + strconv.Itoa(len(all)-named)
}
