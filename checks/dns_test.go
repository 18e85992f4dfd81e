package checks_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

// sound is a domain whose records are as they should be.
func sound() probes.MailDNS {
	return probes.MailDNS{
		Domain: "contoso.example",
		MX:     probes.MX{Asked: probes.RecordFound, Hosts: []probes.MXHost{{Name: "contoso-example.mail.protection.outlook.com", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.40")}}}},
		SPF: probes.SPF{
			Asked: probes.RecordFound, Records: []string{"v=spf1 include:spf.protection.outlook.com -all"}, Lookups: 1,
			Parts: []probes.SPFPart{{Domain: "contoso.example", All: "-"}, {Domain: "spf.protection.outlook.com", Depth: 1, All: "-"}},
		},
		DKIM:  []probes.DKIM{{Asked: probes.RecordFound, Selector: "selector1", Type: "rsa", Bits: 2048}},
		DMARC: probes.DMARC{Asked: probes.RecordFound, From: "contoso.example", Domain: "contoso.example", Policy: "reject", Percent: 100},
		STS:   probes.STS{Asked: probes.RecordAbsent},
	}
}

type dnsCase struct {
	edit  func(*probes.MailDNS)
	route probes.Route
	want  string // that must be among the findings
	not   string
}

func dnsCases() map[string]dnsCase {
	return map[string]dnsCase{
		"as it should be":                  {nil, probes.OAuth, allWell, "fail"},
		"MX elsewhere":                     {func(d *probes.MailDNS) { d.MX.Hosts[0].Name = "mx.example.org" }, "", "dns-mx-elsewhere warn", "dns-mx pass"},
		"MX for DNSSEC":                    {func(d *probes.MailDNS) { d.MX.Hosts[0].Name = "contoso-example.a-v1.mx.microsoft" }, "", "dns-mx pass", ""},
		"MX without address":               {func(d *probes.MailDNS) { d.MX.Hosts[0].Addresses = nil }, "", "dns-mx-lost fail", ""},
		"null MX":                          {func(d *probes.MailDNS) { d.MX = probes.MX{Asked: probes.RecordFound, Null: true} }, "", "dns-mx-null fail", ""},
		"MX not answered":                  {func(d *probes.MailDNS) { d.MX = probes.MX{Asked: probes.RecordUnknown} }, "", "dns-mx-unknown skip", "dns-mx-none"},
		"no SPF":                           {func(d *probes.MailDNS) { d.SPF = probes.SPF{Asked: probes.RecordAbsent} }, "", "dns-spf-none fail", "dns-spf-all"},
		"11 lookups":                       {func(d *probes.MailDNS) { d.SPF.Lookups = 11 }, "", "dns-spf-lookups fail", ""},
		"10 lookups":                       {func(d *probes.MailDNS) { d.SPF.Lookups = 10 }, "", "dns-spf-lookups warn", ""},
		"three void":                       {func(d *probes.MailDNS) { d.SPF.Voids = 3 }, "", "dns-spf-voids fail", ""},
		"allows everybody":                 {func(d *probes.MailDNS) { d.SPF.Parts[0].All = "+" }, "", "dns-spf-all fail", ""},
		"no all":                           {func(d *probes.MailDNS) { d.SPF.Parts[0].All = "" }, "", "dns-spf-all warn", ""},
		"without Exchange":                 {func(d *probes.MailDNS) { d.SPF.Parts = d.SPF.Parts[:1] }, probes.OAuth, "dns-spf-exchange fail", ""},
		"Direct Send asks for the address": {nil, probes.Direct, "dns-spf-servers skip", "dns-spf-exchange"},
		"Direct Send from an unknown address": {func(d *probes.MailDNS) {
			d.SPF.Results = []probes.SPFResult{{Address: netip.MustParseAddr("203.0.113.10"), Result: "fail"}}
		}, probes.Direct, "dns-spf-server fail", "dns-spf-servers"},
		"short key":  {func(d *probes.MailDNS) { d.DKIM[0].Bits = 1024 }, "", "dns-dkim-short warn", ""},
		"no key":     {func(d *probes.MailDNS) { d.DKIM[0].Asked = probes.RecordAbsent }, "", "dns-dkim warn", ""},
		"no DMARC":   {func(d *probes.MailDNS) { d.DMARC = probes.DMARC{Asked: probes.RecordAbsent, From: "contoso.example"} }, "", "dns-dmarc-none warn", ""},
		"DMARC none": {func(d *probes.MailDNS) { d.DMARC.Policy = "none" }, "", "dns-dmarc warn", ""},
		// RFC 7489 section 3.1.1 and 3.1.2.
		"From below, relaxed": {func(d *probes.MailDNS) { d.DMARC.From = "print.contoso.example" }, "", "dns-align pass", ""},
		"From below, strict": {func(d *probes.MailDNS) {
			d.DMARC.From, d.DMARC.StrictSPF, d.DMARC.StrictKey = "print.contoso.example", true, true
		}, "", "dns-align fail", ""},
		"From elsewhere": {func(d *probes.MailDNS) { d.DMARC.From, d.DMARC.Domain = "example.org", "example.org" }, "", "dns-align fail", ""},
		"MTA-STS names it": {func(d *probes.MailDNS) {
			d.STS = probes.STS{Asked: probes.RecordFound, Policy: probes.RecordFound, Mode: "enforce", MX: []string{"*.mail.protection.outlook.com"}}
		}, "", "dns-sts pass", ""},
		// RFC 8461 section 4.1: the star is one label.
		"MTA-STS names another": {func(d *probes.MailDNS) {
			d.STS = probes.STS{Asked: probes.RecordFound, Policy: probes.RecordFound, Mode: "enforce", MX: []string{"*.outlook.com"}}
		}, "", "dns-sts-mx fail", ""},
		"MTA-STS in testing": {func(d *probes.MailDNS) {
			d.STS = probes.STS{Asked: probes.RecordFound, Policy: probes.RecordFound, Mode: "testing", MX: []string{"mx.example.org"}}
		}, "", "dns-sts-mx warn", ""},
	}
}

const allWell = "dns-mx pass, dns-spf pass, dns-spf-lookups pass, dns-spf-all pass, dns-spf-exchange pass, dns-dkim pass, dns-dmarc pass, dns-align pass, dns-sts-none pass"

func TestRecordsAreJudged(t *testing.T) {
	for name, tt := range dnsCases() {
		d := sound()
		if tt.edit != nil {
			tt.edit(&d)
		}
		got := verdicts(checks.JudgeDNS(checks.DNSFacts{DNS: d, Route: tt.route}))
		if !strings.Contains(got, tt.want) || tt.not != "" && strings.Contains(got, tt.not) {
			t.Errorf("%s: %s; want %s, not %q", name, got, tt.want, tt.not)
		}
	}
}

// The include of each cloud (Microsoft, "Set up SPF to identify valid email
// sources for your Microsoft 365 domain").
func TestEachCloudHasItsSPF(t *testing.T) {
	for id, want := range map[string]string{
		"worldwide": "spf.protection.outlook.com", "gcc": "spf.protection.outlook.com", "gcc-high": "spf.protection.office365.us",
		"dod": "spf.protection.office365.us", "21vianet": "spf.protection.partner.outlook.cn",
	} {
		c, _ := checks.CloudByID(id)
		if c.SPF != want {
			t.Errorf("%s: %s, want %s", id, c.SPF, want)
		}
	}
}

type tokenCase struct {
	edit func(*checks.TokenFacts)
	want string
}

// soundToken is a token that is as it should be.
func soundToken() checks.TokenFacts {
	return checks.TokenFacts{
		Now: noon(), Tenant: "t-1", App: "a-1", Object: "o-1",
		Claims: probes.Claims{Audience: "https://outlook.office365.com", Tenant: "t-1", App: "a-1", Object: "o-1", Roles: []string{"SMTP.SendAsApp"}, Expires: noon().Add(time.Hour)},
	}
}

func tokenCases() map[string]tokenCase {
	return map[string]tokenCase{
		"as it should be": {func(*checks.TokenFacts) {}, "token-aud pass, token-time pass, token-tenant pass, token-app pass, token-object pass, token-rights pass"},
		"for Graph":       {func(f *checks.TokenFacts) { f.Claims.Audience = "https://graph.microsoft.com" }, "token-graph fail"},
		"for Graph by id": {func(f *checks.TokenFacts) { f.Claims.Audience = "00000003-0000-0000-c000-000000000000" }, "token-graph fail"},
		"for nobody":      {func(f *checks.TokenFacts) { f.Claims.Audience = "" }, "token-aud fail"},
		"over":            {func(f *checks.TokenFacts) { f.Claims.Expires = noon().Add(-time.Minute) }, "token-time fail"},
		"too early":       {func(f *checks.TokenFacts) { f.Claims.NotBefore = noon().Add(time.Hour) }, "token-early fail"},
		"HVE wants 20 minutes": {func(f *checks.TokenFacts) {
			f.Route, f.Claims.Roles, f.Claims.Expires = probes.HVE, []string{"Mail.Send"}, noon().Add(15*time.Minute)
		}, "token-time warn"},
		"HVE wants Mail.Send":          {func(f *checks.TokenFacts) { f.Route = probes.HVE }, "token-hve fail"},
		"another tenant":               {func(f *checks.TokenFacts) { f.Claims.Tenant = "t-2" }, "token-tenant fail"},
		"the registration's object id": {func(f *checks.TokenFacts) { f.Claims.Object = "o-2" }, "token-object fail"},
		// With App RBAC there is no role in the token: no error by itself.
		"App RBAC": {func(f *checks.TokenFacts) { f.Claims.Roles = nil }, "token-rights warn"},
		"delegated": {func(f *checks.TokenFacts) {
			f.Claims.Roles, f.Claims.Scopes, f.Claims.User = nil, []string{"SMTP.Send"}, "a@b"
		}, "token-rights pass"},
		"delegated, Mail": {func(f *checks.TokenFacts) { f.Claims.Roles, f.Claims.Scopes = nil, []string{"Mail.Read"} }, "token-rights fail"},
		"Graph route": {func(f *checks.TokenFacts) {
			f.Route, f.Claims.Audience, f.Claims.Roles = probes.Graph, "https://graph.microsoft.com", []string{"Mail.Send"}
		}, "token-aud pass"},
	}
}

func TestTokensAreJudged(t *testing.T) {
	for name, tt := range tokenCases() {
		f := soundToken()
		tt.edit(&f)
		if got := verdicts(checks.JudgeToken(f)); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s; want %s", name, got, tt.want)
		}
	}
}

// A right in Microsoft Graph is none in client submission.
func TestARightForGraphIsNoRightForSMTP(t *testing.T) {
	f := soundToken()
	f.Claims.Audience, f.Claims.Roles, f.Claims.Scopes = "https://graph.microsoft.com", nil, []string{"SMTP.Send"}
	if got := verdicts(checks.JudgeToken(f)); strings.Contains(got, "token-rights") {
		t.Errorf("the rights were judged: %s", got)
	}
}

type doorCase struct {
	doors []probes.Door
	want  string
}

func doorCases() map[string]doorCase {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	open := probes.Door{Address: v4, Outcome: probes.DialConnected, Banner: "mx ESMTP", Capabilities: []string{"STARTTLS"}, STARTTLS: true}
	return map[string]doorCase{
		"open":               {[]probes.Door{open}, "port-open pass"},
		"blocked":            {[]probes.Door{{Address: v4, Outcome: probes.DialTimeout}}, "port-timeout fail"},
		"refused":            {[]probes.Door{{Address: v4, Outcome: probes.DialRefused}}, "port-refused fail"},
		"IPv6 has no way":    {[]probes.Door{{Address: v6, Outcome: probes.DialNoRoute}, open}, "port-no-route skip, port-open pass"},
		"no network":         {[]probes.Door{{Address: v6, Outcome: probes.DialNoRoute}, {Address: v4, Outcome: probes.DialNoRoute}}, "port-no-route fail, port-no-route fail"},
		"IPv4 decides":       {[]probes.Door{{Address: v6, Outcome: probes.DialNoRoute}, {Address: v4, Outcome: probes.DialTimeout}}, "port-no-route skip, port-timeout fail"},
		"IPv6 is silent":     {[]probes.Door{{Address: v6, Outcome: probes.DialTimeout}, open}, "port-family warn, port-open pass"},
		"rewritten":          {[]probes.Door{{Address: v4, Outcome: probes.DialConnected, Banner: "x", Rewritten: "starttls_masked"}}, "port-open pass, port-rewritten fail"},
		"another service":    {[]probes.Door{{Address: v4, Outcome: probes.DialConnected, Rewritten: "not_smtp"}}, "port-open pass, port-not-smtp fail"},
		"STARTTLS taken out": {[]probes.Door{{Address: v4, Outcome: probes.DialConnected, Banner: "x", Capabilities: []string{"SIZE"}}}, "port-open pass, port-no-starttls fail"},
		"slow":               {[]probes.Door{{Address: v4, Outcome: probes.DialConnected, MS: 4000, Banner: "x", STARTTLS: true}}, "port-open pass, port-slow warn"},
		"IPv6 is slower":     {[]probes.Door{{Address: v6, Outcome: probes.DialConnected, MS: 1200, Banner: "x", STARTTLS: true}, open}, "port-open pass, port-slow warn, port-open pass"},
	}
}

func TestDoorsAreJudged(t *testing.T) {
	for name, tt := range doorCases() {
		if got := verdicts(checks.JudgeDoors("mx.example", 25, tt.doors)); got != tt.want {
			t.Errorf("%s: %s; want %s", name, got, tt.want)
		}
	}
}

type handshakeCase struct {
	h    probes.Handshake
	want string
}

func handshakeCases() map[string]handshakeCase {
	cert := func(days int) []probes.Certificate {
		return []probes.Certificate{{Subject: "CN=mx.example", Names: []string{"mx.example"}, Until: noon().AddDate(0, 0, days)}}
	}
	return map[string]handshakeCase{
		"sound":      {probes.Handshake{Verified: true, Versions: []string{"TLS 1.2", "TLS 1.3"}, Chain: cert(100)}, "tls-verified pass, tls-versions pass"},
		"ends soon":  {probes.Handshake{Verified: true, Versions: []string{"TLS 1.2"}, Chain: cert(3)}, "tls-verified pass, tls-versions pass, tls-ends warn"},
		"wrong name": {probes.Handshake{Problem: "name", Versions: []string{"TLS 1.0", "TLS 1.2"}, Chain: cert(100)}, "tls-problem fail, tls-versions warn"},
		"old":        {probes.Handshake{Problem: "chain", Versions: []string{"TLS 1.0"}}, "tls-problem fail, tls-old fail"},
	}
}

func TestHandshakesAreJudged(t *testing.T) {
	for name, tt := range handshakeCases() {
		if got := verdicts(checks.JudgeTLS(tt.h, noon())); got != tt.want {
			t.Errorf("%s: %s; want %s", name, got, tt.want)
		}
	}
}

// Statuses of the message trace (Microsoft, "Message trace in the modern
// Exchange admin center"; Graph writes them in lower case).
func TestTraceIsJudged(t *testing.T) {
	for status, want := range traceCases() {
		if got := verdicts(checks.JudgeTrace(traced(status), "")); got != want {
			t.Errorf("%s: %s, want %s", status, got, want)
		}
	}
}

// That the detail of the trace names the connector is how the relay through
// one is told from Direct Send.
func TestTheTraceTellsTheConnectorFromDirectSend(t *testing.T) {
	r := traced("delivered")
	if got, want := verdicts(checks.JudgeTrace(r, probes.Connector)), "trace-delivered pass, trace-connector-none skip"; got != want {
		t.Errorf("no connector named: %s, want %s", got, want)
	}
	if got, want := verdicts(checks.JudgeTrace(r, probes.Direct)), "trace-delivered pass"; got != want {
		t.Errorf("Direct Send: %s, want %s", got, want)
	}
	r.Connector = "Office"
	if got, want := verdicts(checks.JudgeTrace(r, probes.Connector)), "trace-delivered pass, trace-connector pass"; got != want {
		t.Errorf("connector named: %s, want %s", got, want)
	}
}

func traceCases() map[string]string {
	return map[string]string{
		"Delivered": "trace-delivered pass", "delivered": "trace-delivered pass", "failed": "trace-failed fail", "pending": "trace-pending warn",
		"quarantined": "trace-failed fail", "filteredAsSpam": "trace-junk fail", "somethingNew": "trace-other skip",
	}
}

func traced(status string) probes.Receipt {
	return probes.Receipt{Found: true, By: probes.ByTrace, Status: status}
}

// noon is when these tests look.
func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }
