package neighbours

import (
	"encoding/hex"
	"net/netip"
	"strings"
)

// Parse reads the neighbours from /proc/net/arp, or from the output of
// "ip neigh", of "arp -an" and "ndp -an" on macOS, or of "arp -a" on Windows.
// All of them name an address and, further on in the same line, its hardware
// address; headings differ from language to language and are not looked at. An
// entry that is incomplete, or no single device's, is left out.
func Parse(table []byte) map[netip.Addr]string {
	out := map[netip.Addr]string{}
	for line := range strings.Lines(string(table)) {
		addr, rest, ok := address(strings.Fields(line))
		if !ok {
			continue
		}
		for _, f := range rest {
			if mac := hardware(f); mac != "" {
				out[addr] = mac
				break
			}
		}
	}
	return out
}

// address finds the IP address that a line is about. Windows names the
// interface's own address in a line of its own, without a hardware address.
func address(fields []string) (addr netip.Addr, rest []string, ok bool) {
	for i, f := range fields {
		f = strings.Trim(f, "()")
		if a, err := netip.ParseAddr(f); err == nil {
			return a.Unmap().WithZone(""), fields[i+1:], true
		}
	}
	return netip.Addr{}, nil, false
}

// hardware is a hardware address in the one form, "" when f is none, or is
// that of a group, of everybody or of nobody. macOS leaves out leading zeros,
// Windows writes dashes.
func hardware(f string) string {
	parts := strings.FieldsFunc(strings.ToLower(f), func(r rune) bool { return r == ':' || r == '-' })
	if len(parts) != 6 || strings.Count(f, ":")+strings.Count(f, "-") != 5 {
		return ""
	}
	for i, p := range parts {
		if len(p) == 1 {
			parts[i] = "0" + p
		}
	}
	b, err := hex.DecodeString(strings.Join(parts, ""))
	if err != nil || len(b) != 6 {
		return ""
	}
	const group = 1 // the lowest bit of the first octet (IEEE 802-2014, 8.2.2)
	if b[0]&group != 0 || strings.Join(parts, "") == "000000000000" {
		return ""
	}
	return strings.Join(parts, ":")
}
