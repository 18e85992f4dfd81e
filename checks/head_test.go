package checks_test

import (
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

// submitted is a message by client submission, after the headers described in
// Microsoft, "Anti-spam message headers in Microsoft 365", and the hops as
// Exchange Online writes them.
const submitted = `Received: from AM0PR10MB0001.EURPRD10.PROD.OUTLOOK.COM (2603:10a6:208:aa::7)
 by AM0PR10MB0002.EURPRD10.PROD.OUTLOOK.COM with HTTPS; Sun, 22 Nov 2026 10:00:05 +0000
Received: from copier.contoso.example (203.0.113.10) by
 AM0PR10MB0001.EURPRD10.PROD.OUTLOOK.COM (2603:10a6:208:aa::7) with Microsoft
 SMTP Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id
 15.20.9000.10 via Frontend Transport; Sun, 22 Nov 2026 10:00:02 +0000
From: "Scan" <scan@contoso.example>
Message-ID: <1@contoso.example>
X-MS-Exchange-Organization-AuthSource: AM0PR10MB0001.EURPRD10.PROD.OUTLOOK.COM
X-MS-Exchange-Organization-AuthAs: Internal
X-MS-Exchange-Organization-AuthMechanism: 06
X-MS-Exchange-CrossTenant-AuthAs: Anonymous

Received: from body by body; Sun, 22 Nov 2026 10:00:02 +0000
`

// direct came by the MX host without a sign-in, through a Postfix relay that
// was reached without TLS, and was taken for spoofing.
const direct = `Received: from AM0EUR.mail.protection.outlook.com (2603:10a6::1) by
 AM0PR10MB0002.EURPRD10.PROD.OUTLOOK.COM with Microsoft SMTP Server (version=TLS1_3,
 cipher=TLS_AES_256_GCM_SHA384) id 15.20.9000.10; Sun, 22 Nov 2026 10:20:05 +0000
Authentication-Results: spf=fail (sender IP is 203.0.113.10)
 smtp.mailfrom=contoso.example; dkim=none (message not signed)
 header.d=none;dmarc=fail action=oreject
 header.from=contoso.example;compauth=fail reason=601
Authentication-Results: forged.example; spf=pass; dkim=pass; dmarc=pass
Received: from relay.contoso.example (203.0.113.10) by AM0EUR.mail.protection.outlook.com
 (10.0.0.1) with Microsoft SMTP Server (version=TLS1_3,
 cipher=TLS_AES_256_GCM_SHA384) id 15.20.9000.10 via Frontend Transport; Sun, 22 Nov 2026 10:20:00 +0000
Received: from copier (copier.contoso.example [192.0.2.7])
	by relay.contoso.example (Postfix) with ESMTP id 4A1B2C3D
	for <it@contoso.example>; Sun, 22 Nov 2026 10:00:00 +0000 (UTC)
X-Forefront-Antispam-Report: CIP:203.0.113.10;CTRY:FR;LANG:en;SCL:5;SRV:;IPV:NLI;SFV:SPM;H:relay;PTR:;CAT:SPOOF;DIR:INB;
X-Microsoft-Antispam: BCL:0;ARA:1
X-MS-Exchange-Organization-AuthAs: Anonymous
Message-ID: <2@contoso.example>
`

// verdicts are findings as "id status".
func verdicts(found []checks.Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, string(f.Check)+" "+string(f.Status))
	}
	return strings.Join(out, ", ")
}

type headCase struct {
	raw   string
	route probes.Route
	junk  *bool
	want  string
}

func headCases() map[string]headCase {
	junk := true
	return map[string]headCase{
		"client submission": {
			submitted, probes.OAuth, nil,
			"head-auth-internal pass, head-way-submission pass, head-results-none skip, head-tls pass, head-delay pass",
		},
		"not by the connector": {
			submitted, probes.Connector, nil,
			"head-auth-internal pass, head-way-submission fail, head-results-none skip, head-tls pass, head-delay pass",
		},
		"by a connector, or by Direct Send": {
			"X-MS-Exchange-Organization-AuthAs: Anonymous\nReceived: from c250i (203.0.113.10) by DB1.mail.protection.outlook.com (10.1.1.1) with Microsoft SMTP Server id 1; Sun, 22 Nov 2026 10:00:00 +0000\n", probes.Connector, nil,
			"head-auth-anonymous pass, head-way-mx pass, head-connector skip, head-results-none skip, head-tls-none warn",
		},
		"Direct Send in junk": {
			direct, probes.Direct, &junk,
			"head-auth-anonymous pass, head-way-mx pass, head-spf fail, head-dkim warn, head-dmarc fail, head-compauth fail, " +
				"head-junk fail, head-scl fail, head-filter fail, head-category fail, head-tls-none warn, head-tls pass, head-delay warn",
		},
		"anonymous, and it was to sign in": {
			"X-MS-Exchange-Organization-AuthAs: Anonymous\n", probes.OAuth, nil,
			"head-auth-anonymous fail, head-way-unknown skip, head-results-none skip",
		},
		"old TLS": {
			"Received: from a.example ([192.0.2.7]) by b.example with Microsoft SMTP Server (version=TLS1_0, cipher=X) id 1; Sun, 22 Nov 2026 10:00:00 +0000\n", "", nil,
			"head-auth-unknown skip, head-way-unknown skip, head-results-none skip, head-tls-old fail",
		},
		"no header at all": {"\n\nhello there\n", "", nil, "head-none fail"},
	}
}

func TestHeadersAreJudged(t *testing.T) {
	for name, tt := range headCases() {
		got := verdicts(checks.JudgeHead(checks.HeadFacts{Head: checks.ReadHead([]byte(tt.raw)), Route: tt.route, Junk: tt.junk}))
		if got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tt.want)
		}
	}
}

// Of several headers the one on top is the last server's own; what stands
// below it anybody can have written (RFC 8601 section 5).
func TestForgedHeadersCountForNothing(t *testing.T) {
	h := checks.ReadHead([]byte(direct))
	if r := h.Result("spf"); r.Result != "fail" || r.Props["smtp.mailfrom"] != "contoso.example" || r.Note != "sender IP is 203.0.113.10" {
		t.Errorf("SPF is %+v", r)
	}
	h = checks.ReadHead([]byte("X-MS-Exchange-Organization-AuthAs: Anonymous\nX-MS-Exchange-Organization-AuthAs: Internal\nX-MS-Exchange-CrossTenant-AuthAs: Internal\n"))
	if h.AuthAs != "Anonymous" || h.CrossTenant {
		t.Errorf("AuthAs is %q", h.AuthAs)
	}
}

// The same header reads the same from a Windows file, an mbox, a paste with a
// byte order mark, and with the zone's name behind the date.
func TestHeadersReadHoweverTheyWereSaved(t *testing.T) {
	for name, raw := range map[string]string{
		"CRLF": strings.ReplaceAll(submitted, "\n", "\r\n"),
		"mbox": "From scan@contoso.example Sun Nov 22 10:00:05 2026\n" + submitted,
		"mark": "\ufeff" + submitted, "blank lines before": "\n\n" + submitted,
		"zone's name": strings.ReplaceAll(submitted, "+0000", "+0000 (UTC)"),
	} {
		h := checks.ReadHead([]byte(raw))
		if len(h.Hops) != 2 || h.Hops[1].After != 3*time.Second || h.MessageID != "<1@contoso.example>" || h.From != "scan@contoso.example" {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

// Received as the servers write it: RFC 5321 section 4.4, RFC 3848, RFC 8314
// section 4.3 for the tls clause; the forms are those of each program's
// documentation.
func TestHopsOfManyServers(t *testing.T) {
	for name, tt := range map[string]struct {
		value                          string
		from, address, by, tls, cipher string
		secured                        bool
	}{
		"Postfix": {
			"from copier (unknown [192.0.2.7]) (using TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits) (No client certificate requested)) by mx.contoso.example (Postfix) with ESMTPS id 4A for <a@b>; Sun, 22 Nov 2026 10:00:00 +0100 (CET)",
			"copier", "192.0.2.7", "mx.contoso.example", "TLS 1.2", "ECDHE-RSA-AES256-GCM-SHA384", true,
		},
		"Exim": {
			"from [192.0.2.7] (helo=copier) by mx.contoso.example with esmtpsa  (TLS1.3) tls TLS_AES_256_GCM_SHA384 (Exim 4.96) (envelope-from <a@b>) id 1abcde-000001-2x for c@d; Sun, 22 Nov 2026 10:00:00 +0000",
			"[192.0.2.7]", "192.0.2.7", "mx.contoso.example", "TLS 1.3", "TLS_AES_256_GCM_SHA384", true,
		},
		"Exim of old": {
			"from copier ([192.0.2.7]) by mx.contoso.example with esmtps (TLS1.2:ECDHE_RSA_AES_256_GCM_SHA384:256) (Exim 4.92) id 1; Sun, 22 Nov 2026 10:00:00 +0000",
			"copier", "192.0.2.7", "mx.contoso.example", "TLS 1.2", "ECDHE_RSA_AES_256_GCM_SHA384", true,
		},
		"Gmail": {
			"from mail.example.org (mail.example.org. [2001:db8::7]) by mx.google.example with ESMTPS id x (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128); Sun, 22 Nov 2026 02:00:00 -0800 (PST)",
			"mail.example.org", "2001:db8::7", "mx.google.example", "TLS 1.3", "TLS_AES_128_GCM_SHA256", true,
		},
		"Exchange inside": {
			"from A.EURPRD10.PROD.OUTLOOK.COM ([fe80::1]) by A.EURPRD10.PROD.OUTLOOK.COM ([fe80::1%4]) with mapi id 15.20.9000.010; Sun, 22 Nov 2026 10:00:00 +0000",
			"A.EURPRD10.PROD.OUTLOOK.COM", "fe80::1", "A.EURPRD10.PROD.OUTLOOK.COM", "", "", false,
		},
		"no TLS":      {"from copier (copier [192.0.2.7]) by mx.contoso.example with ESMTP id 1; Sun, 22 Nov 2026 10:00:00 +0000", "copier", "192.0.2.7", "mx.contoso.example", "", "", false},
		"S alone":     {"from copier ([IPv6:2001:db8::7]) by mx.contoso.example with UTF8SMTPS id 1; Sun, 22 Nov 2026 10:00:00 +0000", "copier", "2001:db8::7", "mx.contoso.example", "", "", true},
		"not a thing": {"by; (((", "", "", "", "", "", false},
	} {
		h := checks.ReadHead([]byte("Received: " + tt.value + "\n"))
		if len(h.Hops) != 1 {
			t.Fatalf("%s: %d hops", name, len(h.Hops))
		}
		got := h.Hops[0]
		if got.From != tt.from || got.Address != tt.address || got.By != tt.by || got.TLS != tt.tls || got.Cipher != tt.cipher || got.Secured != tt.secured {
			t.Errorf("%s: %+v", name, got)
		}
		if tt.by != "" && got.At.IsZero() {
			t.Errorf("%s: no time was read", name)
		}
	}
}

// RFC 8601 section 2.2 and its examples in appendix B, and Exchange Online's
// own form.
func TestAuthenticationResultsAreRead(t *testing.T) {
	for value, want := range map[string]string{
		"example.com 1; none":                             "",
		"example.com; spf=pass smtp.mailfrom=example.net": "spf=pass",
		"example.com; dkim=pass reason=\"good; signature\" header.i=@mail-router.example.net; dkim=fail reason=\"bad\" header.i=@x":                                                                         "dkim=pass dkim=fail",
		"foo.example.net (foobar) 1 (baz); dkim (Because I like it) / 1 (One yay) = (wait for it) fail policy (A dot) . expired=1":                                                                          "",
		"spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a.example; b.example; dkim=none (message not signed) header.d=none;dmarc=bestguesspass action=none header.from=a.example;compauth=pass reason=109": "spf=pass dkim=none dmarc=bestguesspass compauth=pass",
		";;; = ; (((": "",
	} {
		var got []string
		for _, r := range checks.ReadResults(value) {
			got = append(got, r.Method+"="+r.Result)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s\n got %s\nwant %s", value, s, want)
		}
	}
}

// The codes that Microsoft describes, in "Anti-spam message headers".
func TestReasonsOfCompositeAuthentication(t *testing.T) {
	for code, want := range map[string]string{
		"000": "000", "001": "001", "010": "010", "130": "130", "100": "1xx", "201": "2xx", "310": "3xx", "451": "4xx", "601": "6xx", "703": "7xx", "900": "9xx",
		"": "", "5": "", "500": "", "9999": "", "x01": "",
	} {
		if got := checks.CompauthReason(code); got != want {
			t.Errorf("reason %q is %q, want %q", code, got, want)
		}
	}
}

// What stands in a header is a stranger's: it is cut and cleaned.
func TestHostileHeadersAreBounded(t *testing.T) {
	raw := strings.Repeat("Received: from \x1b[2J"+strings.Repeat("x", 5000)+" by y with ESMTP; now\n", 500) +
		"Authentication-Results: " + strings.Repeat("spf=pass (", 5000) + "\n" +
		"X-Forefront-Antispam-Report: " + strings.Repeat("A:b;", 5000) + "\n"
	h := checks.ReadHead([]byte(raw))
	if len(h.Hops) > 100 || len(h.Results) > 50 || len(h.Spam) > 61 {
		t.Errorf("%d hops, %d results, %d fields", len(h.Hops), len(h.Results), len(h.Spam))
	}
	if strings.ContainsRune(h.Hops[0].From, 0x1b) || len(h.Hops[0].From) > 210 {
		t.Errorf("the first hop is from %q", h.Hops[0].From)
	}
}

func FuzzHeader(f *testing.F) {
	for _, s := range []string{submitted, direct, "", ":\n", " x\n", "A:\n B\n\n", "Received: from a (b (c) by d; e;\n", "Authentication-Results: \"a;b\\\" x=\"y\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		h := checks.ReadHead(raw)
		for _, finding := range checks.JudgeHead(checks.HeadFacts{Head: h}) {
			for name, v := range finding.Args {
				if strings.ContainsAny(v, "\x1b\x00\n") {
					t.Errorf("%s: %s is %q", finding.Check, name, v)
				}
			}
		}
	})
}

func BenchmarkReadHead(b *testing.B) {
	raw := []byte(direct + "X-Filler: " + strings.Repeat(strings.Repeat("x", 70)+"\n ", 200) + "\n")
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if h := checks.ReadHead(raw); len(checks.JudgeHead(checks.HeadFacts{Head: h})) == 0 {
			b.Fatal("nothing found")
		}
	}
}
