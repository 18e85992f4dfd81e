package lab_test

import (
	"strings"
	"testing"

	"offbasic/probes/lab"
)

// RFC 7208: sections 4.6.4 (at most 10 lookups), 5.1 to 5.6 (mechanisms), 6.1
// (redirect), 4.6.2 (qualifiers), as the tenant's door writes the result.
func TestSPFIsEvaluatedAsTheRFCSays(t *testing.T) {
	l := start(t, lab.Options{})
	l.SetRecord("A office.example.net", "203.0.113.10")
	l.SetRecord("MX mail.example.net", "10 office.example.net.")
	l.SetRecord("TXT none.example.net")
	l.SetRecord("TXT loop.example.net", "v=spf1 include:loop.example.net -all")
	l.SetRecord("TXT pass.example.net", "v=spf1 ip4:203.0.113.0/24 -all")
	l.SetRecord("TXT softfail.example.net", "v=spf1 ~all")
	for record, want := range map[string]string{
		"v=spf1 ip4:203.0.113.10 -all":              "pass",
		"v=spf1 +ip4:203.0.113.0/28 -all":           "pass",
		"v=spf1 ip4:198.51.100.0/24 -all":           "fail",
		"v=spf1 ip6:2001:db8::/32 ~all":             "softfail",
		"v=spf1 ?all":                               "neutral",
		"v=spf1":                                    "neutral",
		"v=spf1 a:office.example.net -all":          "pass",
		"v=spf1 mx:mail.example.net -all":           "pass",
		"v=spf1 mx:none.example.net -all":           "fail",
		"v=spf1 include:pass.example.net -all":      "pass",
		"v=spf1 include:softfail.example.net -all":  "fail",
		"v=spf1 include:none.example.net -all":      "permerror",
		"v=spf1 include:loop.example.net -all":      "permerror",
		"v=spf1 redirect=pass.example.net":          "pass",
		"v=spf1 redirect=none.example.net":          "permerror",
		"v=spf1 ip4:300.0.0.1 -all":                 "permerror",
		"v=spf1 unknown:a -all":                     "permerror",
		"v=spf10 ip4:203.0.113.10 -all":             "none",
		"v=spf1 -ip4:203.0.113.10 ip4:203.0.113.10": "fail",
	} {
		l.SetRecord("TXT example.net", record)
		wantTaken(t, record, secure(t, l, "mx").send("a@example.net", inside))
		if got := inbox(t, l, inside)[0].header("Authentication-Results"); !strings.HasPrefix(got, "spf="+want+" ") {
			t.Errorf("%q: %s, want %s", record, got, want)
		}
	}
}
