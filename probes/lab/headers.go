package lab

import (
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"offbasic/probes"
)

// hop writes the Received field of Exchange Online: no "with ESMTPS", the TLS
// version and suite in brackets instead (as seen in mail of 2025 and 2026).
func hop(from, by, version, via string, at time.Time) header {
	if version != "" {
		version += " "
	}
	return header{"Received", fmt.Sprintf("from %s by %s with Microsoft SMTP Server %sid 15.20.9000.10%s; %s",
		from, by, version, via, at.UTC().Format(time.RFC1123Z))}
}

// cipher is what Exchange Online writes of a connection's TLS.
func cipher(state *tls.ConnectionState) string {
	if state == nil {
		return ""
	}
	version := strings.NewReplacer("TLS 1.", "TLS1_").Replace(tls.VersionName(state.Version))
	return fmt.Sprintf("(version=%s, cipher=%s)", version, tls.CipherSuiteName(state.CipherSuite))
}

// between is the TLS of a hop between Microsoft's own servers.
const between = "(version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384)"

// client names a session's client in a Received field.
func (s *session) client() string {
	return fmt.Sprintf("%s (%s)", probes.Clean(s.hello, 100), s.peer())
}

// submitted are the headers above a message whose sender signed in: a hop "by
// X.PROD.OUTLOOK.COM", AuthAs Internal. mechanism is shown and means nothing:
// there is no official table of the numbers.
func (s *session) submitted(mechanism string) []header {
	at := s.l.now()
	return append([]header{
		hop(s.svc.host, hub, between, "", at),
		hop(s.client(), s.svc.host, cipher(s.tls), " via Frontend Transport", at),
	}, internal(s.from, mechanism)...)
}

// internal are the fields of mail from somebody in the organisation. It is not
// filtered as mail from the Internet is (Microsoft, "Anti-spam message headers
// in Microsoft 365": SFV:SKI, an intra-organizational email within a tenant).
func internal(from, mechanism string) []header {
	_, domain, _ := strings.Cut(from, "@")
	return []header{
		{"Authentication-Results", "dkim=none (message not signed) header.d=none;dmarc=none action=none header.from=" + domain + ";"},
		{"Return-Path", from},
		{"X-MS-Exchange-Organization-AuthSource", hub},
		{"X-MS-Exchange-Organization-AuthAs", "Internal"},
		{"X-MS-Exchange-Organization-AuthMechanism", mechanism},
		{"X-MS-Exchange-Organization-MessageDirectionality", "Originating"},
		{"X-MS-Exchange-Organization-SCL", "-1"},
		{"X-Forefront-Antispam-Report", "CIP:255.255.255.255;CTRY:;LANG:en;SCL:-1;SRV:;IPV:NLI;SFV:SKI;H:" + hub + ";PTR:;CAT:NONE;SFS:;DIR:INT;"},
		{"X-MS-Exchange-CrossTenant-AuthAs", "Internal"},
	}
}
