package lab

import (
	"fmt"
	"strings"

	"offbasic/probes"
)

// arrival is a message at the tenant's door, as the Internet's mail comes.
type arrival struct {
	peer, hello string
	from        string // envelope
	author      string // address of the From header
	signed      string // domain of a DKIM signature that verifies; "" is none
	connector   bool   // it came through a connector of the tenant
}

// verdict is what the filter makes of an arrival.
type verdict struct {
	spf, dkim, dmarc, action, compauth string

	reject string // the refusal; "" takes it
	junk   bool
}

// judge evaluates SPF, DMARC and the composite authentication of Microsoft 365.
// A domain of the tenant's own that authenticates nobody is a spoof, which goes
// to Junk Email; DMARC's policy is obeyed. What comes through a connector is
// the organisation's own, and is not judged so.
//
// Source: Microsoft, "Anti-spam message headers in Microsoft 365"
// (Authentication-results, compauth and its reasons 000, 001, 1xx, 4xx and
// 6xx); "Use DMARC to validate email"; RFC 7489 section 3.1.
func (l *Lab) judge(a arrival) verdict {
	_, envelope, _ := strings.Cut(a.from, "@")
	_, author, _ := strings.Cut(a.author, "@")
	v := verdict{spf: l.spf(or(envelope, a.hello), a.peer), dkim: "none", dmarc: "none", action: "none"}
	if a.signed != "" {
		v.dkim = "pass"
	}
	aligned := v.spf == "pass" && sameOrganisation(envelope, author) || a.signed != "" && sameOrganisation(a.signed, author)
	policy := l.txt("_dmarc."+author, "v=DMARC1")
	switch {
	case policy != "" && aligned:
		v.dmarc = "pass"
	case policy != "":
		v.dmarc = "fail"
	case aligned:
		v.dmarc = "bestguesspass"
	}
	switch {
	case a.connector:
		v.compauth = "none reason=405"
	case aligned:
		v.compauth = "pass reason=100"
	case v.dmarc == "fail" && strings.Contains(policy, "p=reject"):
		v.action, v.compauth = "oreject", "fail reason=000"
		v.reject = "550 5.7.509 Access denied, sending domain [" + probes.Clean(author, 100) + "] does not pass DMARC verification"
	case v.dmarc == "fail" && strings.Contains(policy, "p=quarantine"):
		v.action, v.compauth, v.junk = "quarantine", "fail reason=000", true
	case l.dir.accepted(a.author):
		v.compauth, v.junk = "fail reason=601", true
	default:
		v.compauth, v.junk = "fail reason=001", v.spf == "fail"
	}
	return v
}

// sameOrganisation is relaxed alignment, by the name of one domain within the
// other.
func sameOrganisation(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a != "" && b != "" && (a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a))
}

// fields are what the filter writes above a message.
func (v verdict) fields(a arrival) []header {
	_, envelope, _ := strings.Cut(a.from, "@")
	_, author, _ := strings.Cut(a.author, "@")
	signed := "dkim=none (message not signed) header.d=none"
	if a.signed != "" {
		signed = "dkim=pass (signature was verified) header.d=" + a.signed
	}
	scl, sfv, cat := "1", "NSPM", "NONE"
	if v.junk {
		scl, sfv, cat = "5", "SPM", "SPOOF"
	}
	directionality := "Incoming"
	if a.connector {
		directionality = "Originating"
	}
	envelope, author, hello := probes.Clean(envelope, 200), probes.Clean(author, 200), probes.Clean(a.hello, 100)
	return []header{
		{"Authentication-Results", fmt.Sprintf("spf=%s (sender IP is %s) smtp.mailfrom=%s; %s;dmarc=%s action=%s header.from=%s;compauth=%s",
			v.spf, a.peer, envelope, signed, v.dmarc, v.action, author, v.compauth)},
		{"Received-SPF", receivedSPF(v.spf, envelope, a.peer, hello)},
		{"Return-Path", probes.Clean(a.from, 320)},
		{"X-MS-Exchange-Organization-AuthSource", mxFrontend},
		{"X-MS-Exchange-Organization-AuthAs", "Anonymous"},
		{"X-MS-Exchange-Organization-MessageDirectionality", directionality},
		{"X-MS-Exchange-Organization-SCL", scl},
		{"X-Forefront-Antispam-Report", fmt.Sprintf("CIP:%s;CTRY:;LANG:en;SCL:%s;SRV:;IPV:NLI;SFV:%s;H:%s;PTR:;CAT:%s;SFS:;DIR:INB;", a.peer, scl, sfv, hello, cat)},
		{"X-Microsoft-Antispam", "BCL:0;"},
		{"X-MS-Exchange-CrossTenant-AuthAs", "Anonymous"},
	}
}

// receivedSPF is the Received-SPF field (RFC 7208 section 9.1).
func receivedSPF(result, domain, peer, hello string) string {
	name := strings.ToUpper(result[:1]) + result[1:]
	says := "does not designate " + peer + " as permitted sender"
	if result == "pass" {
		says = "designates " + peer + " as permitted sender"
	}
	return fmt.Sprintf("%s (protection.outlook.com: domain of %s %s) receiver=protection.outlook.com; client-ip=%s; helo=%s;", name, domain, says, peer, hello)
}
