package checks_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"offbasic/checks"
	"offbasic/probes"
)

// looks are the checks of what is looked at without a trial.
func looks() []checks.Check {
	return slices.Concat(checks.DNSChecks(), checks.HeadChecks(), checks.TokenChecks(), checks.ReachChecks(), checks.TraceChecks())
}

// isLook tells the outcome of such a check: "dns-mx.pass".
func isLook(outcome string) bool {
	return slices.ContainsFunc(looks(), func(c checks.Check) bool {
		return slices.ContainsFunc(c.Outcomes, func(s checks.Status) bool { return outcome == fmt.Sprintf("%s.%s", c.ID, s) })
	})
}

// furtherDNS are domains beside those of dnsCases.
func furtherDNS() []func(*probes.MailDNS) {
	unknown := func(d *probes.MailDNS) {
		d.SPF.Asked, d.STS.Asked, d.DMARC.Asked, d.DKIM[0].Asked = probes.RecordUnknown, probes.RecordUnknown, probes.RecordUnknown, probes.RecordUnknown
	}
	wrong := func(why string) func(*probes.MailDNS) {
		return func(d *probes.MailDNS) { d.SPF.Wrong, d.SPF.At = why, "include:x.example" }
	}
	result := func(r string) func(*probes.MailDNS) {
		return func(d *probes.MailDNS) {
			d.SPF.Results = []probes.SPFResult{{Address: netip.MustParseAddr("203.0.113.10"), Result: r}}
		}
	}
	return []func(*probes.MailDNS){
		unknown, wrong(probes.SPFSyntax), wrong(probes.SPFLoop), wrong(probes.SPFMissing), wrong(probes.SPFSeveral), result("pass"), result("neutral"),
		func(d *probes.MailDNS) { d.MX = probes.MX{Asked: probes.RecordAbsent} },
		func(d *probes.MailDNS) { d.DKIM[0].Revoked, d.DKIM[0].Testing = true, true },
		func(d *probes.MailDNS) { d.DMARC.Wrong = "several" },
		func(d *probes.MailDNS) {
			d.DMARC.From, d.DMARC.Domain, d.DMARC.Policy = "example.org", "example.org", "none"
		},
		func(d *probes.MailDNS) {
			d.STS = probes.STS{Asked: probes.RecordFound, Wrong: "policy", Mode: "testing"}
		},
		func(d *probes.MailDNS) { d.STS = probes.STS{Asked: probes.RecordFound, Wrong: "fetch"} },
	}
}

// furtherHeads are headers beside those of headCases.
func furtherHeads() []checks.HeadFacts {
	results := func(s string) checks.HeadFacts {
		return checks.HeadFacts{Head: checks.ReadHead([]byte("Authentication-Results: " + s + "\n"))}
	}
	no := false
	at := func(s string) checks.HeadFacts {
		return checks.HeadFacts{Head: checks.ReadHead([]byte(s)), Route: probes.OAuth, Junk: &no}
	}
	hop := "Received: from a.example ([192.0.2.7]) by %s with SMTP id 1; %s\n"
	return []checks.HeadFacts{
		results("spf=pass smtp.mailfrom=a.example; dkim=pass header.d=a.example; dmarc=pass header.from=a.example; compauth=pass reason=100"),
		results("spf=softfail smtp.mailfrom=a.example; dkim=fail (body hash did not verify) header.d=a.example; dmarc=none header.from=a.example; compauth=softpass reason=201"),
		results("spf=pass smtp.mailfrom=a.example; dmarc=fail header.from=b.example; compauth=none reason=451"),
		{Head: checks.ReadHead([]byte("X-MS-Exchange-Organization-AuthAs: Anonymous\n"))},
		at(fmt.Sprintf(hop, "x.mail.protection.outlook.com", "Sun, 22 Nov 2026 10:00:00 +0000")),
		at("X-Forefront-Antispam-Report: SCL:1;SFV:NSPM;CAT:NONE\n"),
		at(fmt.Sprintf(hop, "late.example", "Sun, 22 Nov 2026 09:00:00 +0000") + fmt.Sprintf(hop, "early.example", "Sun, 22 Nov 2026 10:00:00 +0000")),
	}
}

// looked are the findings of all cases of the looks' tests and some more.
func looked() []checks.Finding {
	var out []checks.Finding
	for _, c := range dnsCases() {
		d := sound()
		if c.edit != nil {
			c.edit(&d)
		}
		out = append(out, checks.JudgeDNS(checks.DNSFacts{DNS: d, Route: c.route})...)
	}
	for _, edit := range furtherDNS() {
		d := sound()
		edit(&d)
		out = append(out, checks.JudgeDNS(checks.DNSFacts{DNS: d})...)
	}
	for _, c := range headCases() {
		out = append(out, checks.JudgeHead(checks.HeadFacts{Head: checks.ReadHead([]byte(c.raw)), Route: c.route, Junk: c.junk})...)
	}
	for _, f := range furtherHeads() {
		out = append(out, checks.JudgeHead(f)...)
	}
	for _, c := range tokenCases() {
		f := soundToken()
		c.edit(&f)
		out = append(out, checks.JudgeToken(f)...)
	}
	other := soundToken()
	other.Claims.App = "a-2"
	out = append(out, checks.JudgeToken(other)...)
	for _, c := range doorCases() {
		out = append(out, checks.JudgeDoors("mx.example", 25, c.doors)...)
	}
	out = append(out, checks.JudgeDoors("mx.example", 25, []probes.Door{{Outcome: probes.DialFailed, Cause: "x"}})...)
	for _, c := range handshakeCases() {
		c.h.Name = "mx.example"
		out = append(out, checks.JudgeTLS(c.h, noon())...)
	}
	for _, c := range trialCases() {
		_, found := judgedTrial(c.edit)
		out = append(out, found...)
	}
	for status := range traceCases() {
		out = append(out, checks.JudgeTrace(traced(status), probes.Connector)...)
	}
	through := traced("delivered")
	through.Connector = "Office"
	out = append(out, checks.JudgeTrace(through, probes.Connector)...)
	return append(out, checks.PublicAddress(netip.MustParseAddr("203.0.113.9")), checks.PublicAddress(netip.MustParseAddr("2001:db8::9")))
}

// Every outcome of every look is reached by these cases, is listed in its
// table, and gives the arguments that its words and its remedy want.
func TestEveryLookIsReachedAndGivesItsArguments(t *testing.T) {
	reached := map[string]bool{}
	for _, f := range looked() {
		outcome := fmt.Sprintf("%s.%s", f.Check, f.Status)
		if !isLook(outcome) {
			t.Errorf("%s is in no table", outcome)
		}
		reached[outcome] = true
		filled(t, "check."+outcome, f.Args)
		if f.Remedy != "" {
			filled(t, "remedy."+f.Remedy, f.Args)
		}
	}
	for _, c := range looks() {
		for _, s := range c.Outcomes {
			if outcome := fmt.Sprintf("%s.%s", c.ID, s); !reached[outcome] {
				t.Errorf("no case reaches %s", outcome)
			}
		}
	}
}
