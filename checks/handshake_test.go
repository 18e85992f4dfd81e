package checks_test

import (
	"slices"
	"strings"
	"testing"

	"offbasic/assets"
	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
)

// What a device offered in a handshake that came to nothing tells why it did.
func TestAFailedHandshakeTellsWhatWasOffered(t *testing.T) {
	suites := []string{"TLS_DHE_RSA_WITH_AES_128_CBC_SHA", "TLS_EMPTY_RENEGOTIATION_INFO_SCSV", "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"}
	for _, tt := range []struct {
		name string
		tls  probes.TLS
		want string
	}{
		{"agreed", probes.TLS{Version: "TLS 1.2", ClientVersions: []string{"TLS 1.2"}}, ""},
		{"SSL 3.0", probes.TLS{Error: "no_common_version", ClientVersions: []string{"SSL 3.0"}}, "too_old SSL 3.0"},
		{"SSL 2.0's form of a hello", probes.TLS{Error: "no_common_version", ClientVersions: []string{"TLS 1.2"}}, "broken_off TLS 1.2"},
		{"DHE alone", probes.TLS{Error: "no_common_suite", ClientVersions: []string{"TLS 1.2"}, ClientSuites: suites}, "no_common_suite TLS 1.2 TLS_DHE_RSA_WITH_AES_128_CBC_SHA, TLS_DHE_RSA_WITH_AES_256_CBC_SHA +1"},
		{"our certificate", probes.TLS{Error: "certificate_refused", ClientVersions: []string{"TLS 1.3"}}, "certificate_refused TLS 1.3"},
		{"silence", probes.TLS{Error: "timeout", ClientVersions: []string{"TLS 1.0"}}, "timeout TLS 1.0"},
		{"an end", probes.TLS{Error: "closed", ClientVersions: []string{"TLS 1.0"}}, "broken_off TLS 1.0"},
		{"no hello", probes.TLS{Error: "malformed"}, "unread"},
	} {
		id, args := checks.FailedTLS(tt.tls)
		if got := strings.Join(strings.Fields(id+" "+args["newest"]+" "+args["suites"]), " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if id != "" && !slices.Contains(checks.HandshakeEnds(), id) {
			t.Errorf("%s: %s is no end of a handshake", tt.name, id)
		}
	}
}

func TestEveryEndOfAHandshakeHasWords(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		tr, err := text.Load(assets.Locales(), lang)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range checks.HandshakeEnds() {
			for _, key := range []string{"tls.why." + id, "tls.short." + id} {
				if !tr.Has(key) {
					t.Errorf("%s: no words for %s", lang, key)
				}
			}
		}
	}
}

// The answer 421 4.7.66 is known for TLS 1.0 and 1.1 alone (Microsoft, "Opt in
// to the Exchange Online endpoint for legacy TLS clients using SMTP AUTH").
func TestOnlyOldTLSIsPromisedAnAnswer(t *testing.T) {
	for top, want := range map[string]checks.ID{"SSL 2.0": "ssl-version", "SSL 3.0": "ssl-version", "TLS 1.0": "tls-version", "TLS 1.1": "tls-version"} {
		c := probes.Session{ID: "s", Peer: "192.0.2.61", End: probes.EndTLS, TLS: probes.TLS{Mode: probes.StartTLS, Error: "no_common_version", ClientVersions: []string{top}}}
		var got []checks.ID
		for _, f := range checks.Judge(checks.Facts{Sender: "192.0.2.61", Sessions: []probes.Session{c}}) {
			if f.Check == "ssl-version" || f.Check == "tls-version" {
				got = append(got, f.Check)
				if f.Status != checks.Fail || f.Args["tls"] != top {
					t.Errorf("%s: %s %v", top, f.Status, f.Args)
				}
			}
		}
		if !slices.Equal(got, []checks.ID{want}) {
			t.Errorf("%s: found %v, want %s", top, got, want)
		}
	}
}
