package lab

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// The addresses of the lab's Internet, all of RFC 5737: Microsoft's, a
// provider's, and a host outside.
const (
	microsoftNet    = "192.0.2.0/24"
	microsoftHost   = "192.0.2.40"
	providerNet     = "198.51.100.0/25"
	providerAddress = "198.51.100.25"
	outsideHost     = "198.51.100.200"
)

// zone is what the lab's DNS knows: values by "TYPE name".
type zone struct {
	mu      sync.Mutex
	records map[string][]string
}

// newZone is the DNS of a tenant whose mail goes through Exchange Online
// alone: what the office sends itself fails SPF.
func (l *Lab) newZone() map[string][]string {
	records := map[string][]string{
		"MX example.org":                 {"10 mail.example.org."},
		"TXT example.org":                {"v=spf1 ip4:" + outsideHost + " -all"},
		"A mail.example.org":             {outsideHost},
		"TXT spf.protection.outlook.com": {"v=spf1 ip4:" + microsoftNet + " -all"},
		"TXT spf." + providerHost:        {"v=spf1 ip4:" + providerNet + " -all"},
	}
	key := ""
	if der, err := x509.MarshalPKIXPublicKey(&l.signer.key.PublicKey); err == nil {
		key = base64.StdEncoding.EncodeToString(der)
	}
	for _, domain := range l.dir.domains {
		records["MX "+domain] = []string{"0 " + mxHost(domain) + "."}
		records["TXT "+domain] = []string{"v=spf1 include:spf.protection.outlook.com -all"}
		records["TXT _dmarc."+domain] = []string{"v=DMARC1; p=none"}
		for _, selector := range []string{"selector1", "selector2"} {
			target := selector + "-" + strings.ReplaceAll(domain, ".", "-") + "._domainkey." + initialDomain(domain)
			records["CNAME "+selector+"._domainkey."+domain] = []string{target + "."}
			records["TXT "+target] = []string{"v=DKIM1; k=rsa; p=" + key + ";"}
		}
	}
	for _, name := range serviceNames() {
		records["A "+name] = []string{"127.0.0.1"}
	}
	return records
}

// mxHost is the MX host of a domain at Exchange Online.
func mxHost(domain string) string {
	return strings.ReplaceAll(domain, ".", "-") + ".mail.protection.outlook.com"
}

// initialDomain is what a tenant is called before it has a domain of its own.
func initialDomain(domain string) string {
	name, _, _ := strings.Cut(domain, ".")
	return name + ".onmicrosoft.com"
}

// Records are the lab's DNS, by "TYPE name" in lower-case names without a dot
// at the end: "MX contoso.example", "TXT _dmarc.contoso.example", "A
// smtp.office365.com", "CNAME selector1._domainkey.contoso.example".
func (l *Lab) Records() map[string][]string {
	l.zone.mu.Lock()
	defer l.zone.mu.Unlock()
	all := map[string][]string{}
	for name, values := range l.zone.records {
		all[name] = slices.Clone(values)
	}
	return all
}

// SetRecord replaces what the lab's DNS knows of "TYPE name", or removes it:
// "TXT contoso.example", "v=spf1 ip4:203.0.113.10 -all".
func (l *Lab) SetRecord(name string, values ...string) {
	l.zone.mu.Lock()
	defer l.zone.mu.Unlock()
	records := maps.Clone(l.zone.records)
	records[name] = values
	if len(values) == 0 {
		delete(records, name)
	}
	l.zone.records = records
}

// Lookup is the addresses of a host in the lab's DNS. The names of the
// services, smtp.office365.com and the like, are on loopback. The error is a
// *net.DNSError.
func (l *Lab) Lookup(ctx context.Context, host string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return []string{host}, nil
	}
	if addresses := l.Records()["A "+strings.ToLower(strings.TrimSuffix(host, "."))]; len(addresses) > 0 {
		return addresses, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, Server: "lab", IsNotFound: true}
}

// txt is the first text of a name that begins with a version.
func (l *Lab) txt(name, version string) string {
	for _, v := range l.Records()["TXT "+strings.ToLower(name)] {
		if v == version || strings.HasPrefix(v, version+" ") || strings.HasPrefix(v, version+";") {
			return v
		}
	}
	return ""
}
