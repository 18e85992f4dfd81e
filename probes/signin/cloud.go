package signin

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"offbasic/probes"
)

// place is what the tenant's OpenID configuration says of its cloud.
//
// Source: no page of Microsoft's; the values are those that public tools read
// from tenants of each cloud: cloud_instance_name microsoftonline.com,
// microsoftonline.us or partner.microsoftonline.cn, and
// tenant_region_sub_scope GCC, DODCON (GCC High) or DOD.
type place struct {
	mu       sync.Mutex
	Instance string `json:"cloud_instance_name"`
	Sub      string `json:"tenant_region_sub_scope"`
}

// read takes up the document; what is not one says nothing.
func (p *place) read(document []byte) {
	var said place
	if json.Unmarshal(document, &said) != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Instance, p.Sub = said.Instance, said.Sub
}

// other names the clouds that the tenant may be in when its document is not of
// the authority's.
func (p *place) other(authority string) (clouds, instance string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u, err := url.Parse(authority)
	if err != nil || p.Instance == "" || country(p.Instance) == country(u.Hostname()) {
		return "", "", false
	}
	return cloudsOf(p.Instance, p.Sub), probes.Clean(p.Instance, 100), true
}

func country(host string) string { return strings.ToLower(host[strings.LastIndex(host, ".")+1:]) }

// cloudsOf are the ids of the clouds, in the cloud table, that sign in at an
// instance. One that is not known may be any.
func cloudsOf(instance, sub string) string {
	known := strings.Contains(strings.ToLower(instance), "microsoftonline.")
	switch {
	case known && country(instance) == "us" && sub == "DODCON":
		return "gcc-high"
	case known && country(instance) == "us" && sub == "DOD":
		return "dod"
	case known && country(instance) == "us":
		return "gcc-high, dod"
	case known && country(instance) == "cn":
		return "21vianet"
	case known && country(instance) == "com":
		return "worldwide"
	}
	return "worldwide, gcc-high, dod, 21vianet"
}

// redirectedTo finds the national cloud in what Entra says: "request is being
// redirected to the National Cloud 'MicrosoftOnline.us'".
//
// Source: Microsoft Entra authentication error codes, AADSTS90038.
func redirectedTo(description string) string {
	m := regexp.MustCompile(`National Cloud '([A-Za-z0-9.-]{1,100})'`).FindStringSubmatch(description)
	if m == nil {
		return ""
	}
	return m[1]
}

// elsewhere says that the tenant is in another cloud, where that may be why an
// attempt ended with f.
func (p *place) elsewhere(f *probes.Fault, authority, tenant string) *probes.Fault {
	if !slices.Contains([]probes.Code{Refused, Unreachable, BadAuthority, NoTenant, NoClient, NoTools, NotAllowed, Consent}, f.Code) {
		return f
	}
	clouds, instance, ok := p.other(authority)
	if !ok {
		return f
	}
	return &probes.Fault{Op: f.Op, Code: OtherCloud, Err: f.Err, Args: map[string]string{
		"tenant": probes.Clean(tenant, 200), "clouds": clouds, "description": instance,
	}}
}
