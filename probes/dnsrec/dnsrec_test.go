package dnsrec

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"offbasic/probes"
)

// contoso is a domain as Microsoft's pages describe it.
func contoso() Zone {
	return Zone{
		"MX contoso.example":                                               {"0 contoso-example.mail.protection.outlook.com."},
		"A contoso-example.mail.protection.outlook.com":                    {"192.0.2.40"},
		"TXT contoso.example":                                              {"google-site-verification=x", "v=spf1 ip4:203.0.113.10 include:spf.protection.outlook.com -all"},
		"TXT spf.protection.outlook.com":                                   {"v=spf1 ip4:192.0.2.0/24 -all"},
		"CNAME selector1._domainkey.contoso.example":                       {"selector1-contoso-example._domainkey.contoso.onmicrosoft.com."},
		"TXT selector1-contoso-example._domainkey.contoso.onmicrosoft.com": {"v=DKIM1; k=rsa; p=;"},
		"TXT _dmarc.contoso.example":                                       {"v=DMARC1; p=reject; sp=quarantine; aspf=s; pct=50; rua=mailto:d@contoso.example"},
	}
}

func TestDomainIsRead(t *testing.T) {
	got, err := Probe{Domain: "Contoso.Example.", From: "print.contoso.example", DNS: contoso(), Addresses: []netip.Addr{
		netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("198.51.100.1"),
	}}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.MX.Hosts) != 1 || got.MX.Hosts[0].Addresses[0].String() != "192.0.2.40" {
		t.Errorf("MX %+v", got.MX)
	}
	if got.SPF.Lookups != 1 || got.SPF.All() != "-" || len(got.SPF.Parts) != 2 || got.SPF.Wrong != "" {
		t.Errorf("SPF %+v", got.SPF)
	}
	if r := got.SPF.Results; r[0].Result != "pass" || r[1].Result != "fail" {
		t.Errorf("SPF says %+v", r)
	}
	if k := got.DKIM; len(k) != 2 || !k[0].Revoked || k[1].Asked != probes.RecordAbsent {
		t.Errorf("DKIM %+v", k)
	}
	// RFC 7489 section 6.3: sp is the policy for domains below.
	if d := got.DMARC; d.Policy != "quarantine" || d.Domain != "contoso.example" || !d.StrictSPF || d.Percent != 50 || !d.Reports {
		t.Errorf("DMARC %+v", d)
	}
	if got.STS.Asked != probes.RecordAbsent {
		t.Errorf("MTA-STS %+v", got.STS)
	}
}

// RFC 7208 section 4.6.4: include, a, mx, ptr, exists and redirect count, ip4,
// ip6 and all do not; what stands behind all is not reached.
func TestLookupsAreCounted(t *testing.T) {
	for name, tt := range map[string]struct {
		zone    Zone
		lookups int
		voids   int
		wrong   string
	}{
		"nothing to look up": {Zone{"TXT a.example": {"v=spf1 ip4:192.0.2.1 ip6:2001:db8::/32 all"}}, 0, 0, ""},
		"each kind once": {Zone{
			"TXT a.example": {"v=spf1 a mx ptr exists:x.example include:b.example redirect=c.example"},
			"TXT b.example": {"v=spf1 -all"}, "TXT c.example": {"v=spf1 -all"},
			"A a.example": {"192.0.2.1"}, "MX a.example": {"1 a.example."}, "A x.example": {"127.0.0.2"},
		}, 6, 0, ""},
		"behind all":             {Zone{"TXT a.example": {"v=spf1 -all include:b.example redirect=c.example"}}, 0, 0, ""},
		"nothing answers a name": {Zone{"TXT a.example": {"v=spf1 a:x.example a:y.example a:z.example -all"}}, 3, 3, ""},
		"a loop":                 {Zone{"TXT a.example": {"v=spf1 include:b.example -all"}, "TXT b.example": {"v=spf1 include:a.example -all"}}, 2, 0, probes.SPFLoop},
		"includes itself":        {Zone{"TXT a.example": {"v=spf1 redirect=a.example"}}, 1, 0, probes.SPFLoop},
		"includes nothing":       {Zone{"TXT a.example": {"v=spf1 include:b.example -all"}}, 1, 1, probes.SPFMissing},
		"two policies":           {Zone{"TXT a.example": {"v=spf1 -all", "V=SPF1 +all"}}, 0, 0, probes.SPFSeveral},
		"a word of its own":      {Zone{"TXT a.example": {"v=spf1 ipv4:192.0.2.1 -all"}}, 0, 0, probes.SPFSyntax},
		"a macro":                {Zone{"TXT a.example": {"v=spf1 exists:%{i}._spf.%{d} -all"}}, 1, 0, ""},
		"a wrong macro":          {Zone{"TXT a.example": {"v=spf1 exists:%{q} -all"}}, 0, 0, probes.SPFSyntax},
		"no policy":              {Zone{"TXT a.example": {"v=spf10 -all"}}, 0, 0, ""},
	} {
		a := Probe{DNS: tt.zone}.asker()
		got := a.spf(t.Context(), "a.example", "x@a.example", nil)
		if got.Lookups != tt.lookups || got.Voids != tt.voids || got.Wrong != tt.wrong {
			t.Errorf("%s: %d lookups, %d void, wrong %q at %q; want %d, %d, %q", name, got.Lookups, got.Voids, got.Wrong, got.At, tt.lookups, tt.voids, tt.wrong)
		}
	}
}

// What the count says and what a receiver does agree: an eleventh lookup is a
// permerror (RFC 7208 section 4.6.4).
func TestCountAgreesWithTheReceiver(t *testing.T) {
	for n := 8; n <= 12; n++ {
		zone, record := Zone{}, "v=spf1"
		for i := range n {
			host := fmt.Sprintf("h%d.example", i)
			record += " a:" + host
			zone["A "+host] = []string{"192.0.2.1"}
		}
		zone["TXT a.example"] = []string{record + " -all"}
		got := Probe{DNS: zone}.asker().spf(t.Context(), "a.example", "x@a.example", []netip.Addr{netip.MustParseAddr("198.51.100.9")})
		want := "fail"
		if n > 10 {
			want = "permerror"
		}
		if got.Lookups != n || got.Results[0].Result != want {
			t.Errorf("%d terms: %d lookups, result %s, want %s", n, got.Lookups, got.Results[0].Result, want)
		}
	}
}

// A policy of a hostile domain that branches without end costs a bounded
// number of questions.
func TestEndlessPolicyIsBounded(t *testing.T) {
	asked := 0
	dns := endless{asked: &asked}
	got := Probe{DNS: dns}.asker().spf(t.Context(), "a.example", "x@a.example", []netip.Addr{netip.MustParseAddr("192.0.2.1")})
	if !got.Partial || got.Lookups > maxLookups || asked > 2*maxLookups {
		t.Errorf("%d lookups counted, %d questions asked, partial %v", got.Lookups, asked, got.Partial)
	}
}

type endless struct {
	Zone
	asked *int
}

func (e endless) LookupTXT(_ context.Context, name string) ([]string, error) {
	*e.asked++
	name = strings.TrimSuffix(name, ".")
	return []string{"v=spf1 include:a." + name + " include:b." + name + " -all"}, nil
}

// silentDNS never answers and does not heed its context.
type silentDNS struct{ Zone }

func (silentDNS) LookupTXT(context.Context, string) ([]string, error)        { select {} }
func (silentDNS) LookupMX(context.Context, string) ([]*net.MX, error)        { select {} }
func (silentDNS) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) { select {} }

func TestSilentResolverEndsInTime(t *testing.T) {
	began := time.Now()
	_, err := Probe{Domain: "contoso.example", DNS: silentDNS{}, Limit: 10 * time.Millisecond}.Run(t.Context())
	if f, ok := errors.AsType[*probes.Fault](err); !ok || f.Code != NoDNS {
		t.Errorf("ended with %v", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestCancelledLookEnds(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err := Probe{Domain: "contoso.example", DNS: contoso()}.Run(ctx)
	if f, ok := errors.AsType[*probes.Fault](err); !ok || f.Code != "cancelled" {
		t.Errorf("ended with %v", err)
	}
}

// A question whose answer never comes is unknown, not absent; the others are
// told.
func TestOneSilentQuestionIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := broken{Zone: contoso(), silent: map[string]bool{"_dmarc.contoso.example": true}}
		delete(dns.Zone, "TXT _dmarc.contoso.example")
		got, err := Probe{Domain: "contoso.example", DNS: dns}.Run(t.Context())
		if err != nil || got.DMARC.Asked != probes.RecordUnknown || got.SPF.Asked != probes.RecordFound {
			t.Errorf("DMARC %+v, SPF %+v (%v)", got.DMARC, got.SPF.Asked, err)
		}
	})
}

func TestWhatIsNoDomainIsRefused(t *testing.T) {
	for _, name := range []string{"", "localhost", "192.0.2.1", "a b.example", "a..example", "-a.example", "a.example/x", "müller.example", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 130) + "example", "a\x00.example"} {
		if d, err := Domain(name); err == nil {
			t.Errorf("%q is taken for the domain %s", name, d)
		}
	}
}

// RFC 6376 section 3.6.1.
func TestKeysAreRead(t *testing.T) {
	const rsa2048 = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"
	for record, want := range map[string]probes.DKIM{
		"v=DKIM1; k=ed25519; t=y:s; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=": {Type: "ed25519", Testing: true},
		"p=":                    {Type: "rsa", Revoked: true},
		"v=DKIM1; p=xx":         {Type: "rsa"},
		"v=DKIM1; p=" + rsa2048: {Type: "rsa"}, // cut short
	} {
		var got probes.DKIM
		if !readKey(record, &got) || got != want {
			t.Errorf("%s: %+v, want %+v", record, got, want)
		}
	}
	for _, record := range []string{"", "v=DKIM2; p=x", "v=spf1 -all"} {
		if readKey(record, new(probes.DKIM)) {
			t.Errorf("%q is taken for a key", record)
		}
	}
}

// RFC 7489 section 6.6.3.
func TestDMARCIsFoundAbove(t *testing.T) {
	for name, tt := range map[string]struct {
		zone   Zone
		from   string
		asked  probes.Asked
		policy string
		wrong  string
	}{
		"of its own":        {Zone{"TXT _dmarc.a.contoso.example": {"v=DMARC1; p=none"}, "TXT _dmarc.contoso.example": {"v=DMARC1; p=reject"}}, "a.contoso.example", probes.RecordFound, "none", ""},
		"from above":        {Zone{"TXT _dmarc.contoso.example": {"v=DMARC1; p=reject"}}, "a.b.contoso.example", probes.RecordFound, "reject", ""},
		"none":              {Zone{}, "contoso.example", probes.RecordAbsent, "", ""},
		"several":           {Zone{"TXT _dmarc.contoso.example": {"v=DMARC1; p=none", "v=DMARC1; p=reject"}}, "contoso.example", probes.RecordFound, "", "several"},
		"something else":    {Zone{"TXT _dmarc.contoso.example": {"v=spf1 -all", "v=DMARC1;p=quarantine"}}, "contoso.example", probes.RecordFound, "quarantine", ""},
		"no policy in it":   {Zone{"TXT _dmarc.contoso.example": {"v=DMARC1; p=maybe; rua=mailto:a@b.example"}}, "contoso.example", probes.RecordFound, "none", "policy"},
		"not at the suffix": {Zone{"TXT _dmarc.example": {"v=DMARC1; p=reject"}}, "contoso.example", probes.RecordAbsent, "", ""},
	} {
		got := Probe{DNS: tt.zone}.asker().dmarc(t.Context(), tt.from)
		if got.Asked != tt.asked || got.Policy != tt.policy || got.Wrong != tt.wrong {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// RFC 8461 sections 3.1 to 3.3: the record, the policy, and no redirect.
func TestPolicyOfMTASTSIsFetched(t *testing.T) {
	body, status := "version: STSv1\nmode: enforce\nmx: *.mail.protection.outlook.com\r\nmax_age: 604800\n", http.StatusOK
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "mta-sts.contoso.example" || r.URL.Path != "/.well-known/mta-sts.txt" {
			t.Errorf("asked for %s %s", r.Host, r.URL)
		}
		w.Header().Set("Location", "https://elsewhere.example/")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer server.Close()
	client := server.Client()
	transport := client.Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.ServerName = "example.com" // of httptest's certificate
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	client.Transport = transport
	zone := contoso()
	zone["TXT _mta-sts.contoso.example"] = []string{"v=STSv1; id=20260101;"}
	look := func() probes.STS {
		got, err := Probe{Domain: "contoso.example", DNS: zone, HTTP: client}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return got.STS
	}
	if s := look(); s.Mode != "enforce" || !slices.Equal(s.MX, []string{"*.mail.protection.outlook.com"}) || s.ID != "20260101" || s.Wrong != "" {
		t.Errorf("the policy is %+v", s)
	}
	body = "version: STSv1\nmode: sometimes\nmx: a.example\n"
	if s := look(); s.Wrong != "policy" {
		t.Errorf("a wrong policy is %+v", s)
	}
	status = http.StatusFound
	if s := look(); s.Wrong != "fetch" {
		t.Errorf("a redirect is %+v", s)
	}
}

// A server that answers garbage: the resolver's own error is no answer, and
// nothing of it is taken for a record.
func TestGarbageIsNoAnswer(t *testing.T) {
	garbage, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer garbage.Close()
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := garbage.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = garbage.WriteTo(append(b[:min(n, 12)], 0xff, 0xff, 0xff), from)
		}
	}()
	dns, err := At(garbage.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, err = Probe{Domain: "contoso.example", DNS: dns, Limit: 50 * time.Millisecond, NoPolicy: true}.Run(t.Context())
	if f, ok := errors.AsType[*probes.Fault](err); !ok || f.Code != NoDNS {
		t.Errorf("ended with %v", err)
	}
}

func TestResolverIsAnAddress(t *testing.T) {
	for _, s := range []string{"192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:53"} {
		if _, err := At(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{"", "dns.example", "192.0.2.53:x"} {
		if _, err := At(s); err == nil {
			t.Errorf("%q is taken for an address", s)
		}
	}
}

// What a domain publishes is hostile: it never reaches a screen as it is.
func TestRecordsAreCleaned(t *testing.T) {
	zone := Zone{
		"TXT a.example":        {"v=spf1 include:b\x1b[2J.example -all"},
		"TXT _dmarc.a.example": {"v=DMARC1; p=\x1b[2J; rua=x"},
		"MX a.example":         {"1 x\x1b[2J.example."},
	}
	got, err := Probe{Domain: "a.example", DNS: zone}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if all := fmt.Sprintf("%+v", got); strings.ContainsRune(strings.ReplaceAll(all, zone["TXT a.example"][0], ""), 0x1b) {
		t.Errorf("an escape got through: %q", all)
	}
}

func FuzzSPFRecord(f *testing.F) {
	for _, s := range []string{
		"v=spf1 -all", "v=spf1 ip4:192.0.2.0/24 include:spf.protection.outlook.com ~all", "v=spf1 a:%{d}/24//64 mx/32 exists:%{ir}.%{v}._spf.%{d2} redirect=_spf.example.com",
		"v=spf1 +A MX:a//128 ?ptr:x.example -ip6:2001:db8::/32 exp=explain._spf.%{d} unknown=%{x} -all", "v=spf1 a:%{d1r/}/33", "v=spf1 include:", "v=spf1 redirect=a redirect=b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, record string) {
		zone := Zone{"TXT a.example": {record}}
		got := Probe{DNS: zone}.asker().spf(t.Context(), "a.example", "x@a.example", []netip.Addr{netip.MustParseAddr("192.0.2.1")})
		if got.Lookups > maxLookups || len(got.Parts) > maxParts {
			t.Errorf("%d lookups, %d parts", got.Lookups, len(got.Parts))
		}
		for _, p := range got.Parts {
			if strings.ContainsAny(p.Record, "\x1b\x00\n") {
				t.Errorf("not cleaned: %q", p.Record)
			}
		}
		// What has no macro and no error for us has none for a receiver.
		terms, wrong := parseSPF(record)
		if wrong != "" || len(got.Records) != 1 || got.Wrong != "" || got.Lookups > 10 || got.Voids > 2 || strings.Contains(record, "%") || len(terms) == 0 ||
			strings.Contains(strings.ToLower(record), "ptr") { // which asks about the sender
			return
		}
		if r := got.Results[0].Result; r == "permerror" {
			t.Errorf("%q: permerror, and nothing is said to be wrong", record)
		}
	})
}

func FuzzDMARCRecord(f *testing.F) {
	for _, s := range []string{"v=DMARC1; p=none", "v=DMARC1;p=reject;sp=none;pct=101;aspf=S;adkim=s;rua=mailto:a@b", "v=DMARC1; p=", "v = DMARC1 ; p = quarantine ;;;", "v=DMARC1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, record string) {
		got := Probe{DNS: Zone{"TXT _dmarc.a.example": {record}}}.asker().dmarc(t.Context(), "a.example")
		if strings.ContainsAny(got.Record+got.Policy, "\x1b\x00\n") || got.Percent < 0 || got.Percent > 100 {
			t.Errorf("%+v", got)
		}
		if got.Asked == probes.RecordFound && got.Wrong == "" && !slices.Contains([]string{"none", "quarantine", "reject"}, got.Policy) {
			t.Errorf("policy %q is said to be right", got.Policy)
		}
	})
}

// BenchmarkSPF is the whole policy of a domain with ten lookups, counted and
// evaluated for one address, without the network.
func BenchmarkSPF(b *testing.B) {
	zone, record := Zone{}, "v=spf1 ip4:203.0.113.10"
	for i := range 5 {
		inner := fmt.Sprintf("s%d.example", i)
		record += " include:" + inner
		zone["TXT "+inner] = []string{"v=spf1 ip4:198.51.100.0/25 ip6:2001:db8::/32 a:h." + inner + " -all"}
		zone["A h."+inner] = []string{"198.51.100.130"}
	}
	zone["TXT a.example"] = []string{record + " -all"}
	ip := []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	b.ReportAllocs()
	for b.Loop() {
		got := Probe{DNS: zone}.asker().spf(b.Context(), "a.example", "x@a.example", ip)
		if got.Lookups != 10 || got.Results[0].Result != "fail" {
			b.Fatalf("%+v", got)
		}
	}
}
