package dnsrec

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Zone is a Resolver that asks nobody: records by "TYPE name", in lower case
// and without a dot at the end, such as "MX contoso.example" with "10
// mail.contoso.example.", "TXT contoso.example", "A mail.contoso.example". The
// types are MX, TXT, A, AAAA, PTR and CNAME; of PTR the name is that under
// in-addr.arpa or ip6.arpa.
type Zone map[string][]string

// maxAliases is how many CNAME records in a row are followed.
const maxAliases = 8

func (z Zone) find(ctx context.Context, name string, types ...string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for range maxAliases {
		var out []string
		for _, t := range types {
			out = append(out, z[t+" "+name]...)
		}
		if len(out) > 0 {
			return out, nil
		}
		alias := z["CNAME "+name]
		if len(alias) == 0 {
			break
		}
		name = strings.ToLower(strings.TrimSuffix(alias[0], "."))
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// LookupMX is as net.Resolver's.
func (z Zone) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	records, err := z.find(ctx, name, "MX")
	var out []*net.MX
	for _, r := range records {
		pref, host, ok := strings.Cut(r, " ")
		if n, err := strconv.ParseUint(pref, 10, 16); ok && err == nil {
			out = append(out, &net.MX{Host: host, Pref: uint16(n)})
		}
	}
	slices.SortStableFunc(out, func(a, b *net.MX) int { return int(a.Pref) - int(b.Pref) })
	return out, err
}

// LookupTXT is as net.Resolver's.
func (z Zone) LookupTXT(ctx context.Context, name string) ([]string, error) {
	records, err := z.find(ctx, name, "TXT")
	return slices.Clone(records), err
}

// LookupIPAddr is as net.Resolver's.
func (z Zone) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	if ip := net.ParseIP(host); ip != nil {
		return []net.IPAddr{{IP: ip}}, nil
	}
	records, err := z.find(ctx, host, "A", "AAAA")
	var out []net.IPAddr
	for _, r := range records {
		if ip := net.ParseIP(r); ip != nil {
			out = append(out, net.IPAddr{IP: ip})
		}
	}
	return out, err
}

// LookupAddr is as net.Resolver's.
func (z Zone) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, &net.DNSError{Err: "unrecognized address", Name: addr}
	}
	return z.find(ctx, reverse(ip), "PTR")
}

// reverse is the name under which an address's names are (RFC 1035 section
// 3.5, RFC 3596 section 2.5).
func reverse(ip netip.Addr) string {
	var labels []string
	if ip.Is4() {
		for _, b := range ip.As4() {
			labels = append(labels, strconv.Itoa(int(b)))
		}
		slices.Reverse(labels)
		return strings.Join(labels, ".") + ".in-addr.arpa"
	}
	const hex = "0123456789abcdef"
	for _, b := range ip.As16() {
		labels = append(labels, hex[b>>4:b>>4+1], hex[b&15:b&15+1])
	}
	slices.Reverse(labels)
	return strings.Join(labels, ".") + ".ip6.arpa"
}
