package checks_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"offbasic/checks"
	"offbasic/probes"
)

// recorded reads the sessions of one sender, as the capture writes them.
func recorded(t testing.TB, name string) []probes.Session {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []probes.Session
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s probes.Session
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, s)
	}
	return out
}

// What a recorded sender showed, in the words of the catalogue, how the routes
// rank for it (reasons for +, against -, needed !, not known ?), and what a
// capture could still ask.
func TestRecordedSessionsAreJudged(t *testing.T) {
	for _, tt := range []struct {
		name     string
		findings []string
		routes   []string
		open     string
	}{
		{"canon-from", []string{
			"fail signs in with a password (AUTH LOGIN) as scan@contoso.example",
			"pass speaks TLS 1.2",
			"warn sends as copier@contoso.example while it signs in as scan@contoso.example: without Send As Exchange Online answers 554 5.2.252",
			"warn writes to example.org, outside your domains",
			"warn sends up to 12 MB: HVE and ACS take 10 MB",
			"pass takes a certificate that it cannot know",
		}, []string{
			"oauth asks +tls-12 +may-write-outside !send-as ?oauth",
			"connector asks +may-write-outside !fixed-address ?unauthenticated",
			"relay needs +relay-takes-password +relay-as-today !machine",
			"graph asks ?software",
			"provider needs +keeps-password +may-write-outside !provider-account",
			"replace needs !replacement",
			"hve unfit +tls-12 +keeps-password -over-size -writes-outside !hve-billing ?hve-password",
			"direct unfit -writes-outside ?unauthenticated ?reject-direct-send",
			"acs unfit +tls-12 +keeps-password +may-write-outside -over-size !azure",
		}, "oauth unauthenticated retired no-tls retries"},
		{"certificate-then-clear", []string{
			"fail signs in with a password (AUTH LOGIN) as fax@contoso.example",
			"warn sends its password without TLS when none is offered",
			"pass speaks TLS 1.2",
			"warn sends as fax@fabrikam.example while it signs in as fax@contoso.example: without Send As Exchange Online answers 554 5.2.252",
			"warn its sender address is in fabrikam.example, which is not one of your domains",
			"pass writes inside your domains only (contoso.example)",
			"pass has sent at most 1 MB at a time so far",
			"warn refuses a certificate that it does not know: what it would have sent then is not known",
		}, []string{
			"oauth asks +tls-12 !send-as ?oauth",
			"hve asks +tls-12 +keeps-password +inside-only !hve-billing ?hve-password",
			"connector asks !from-accepted !fixed-address ?unauthenticated",
			"relay needs +relay-takes-password +relay-as-today !machine",
			"acs needs +tls-12 +keeps-password !azure",
			"graph asks ?software",
			"direct asks +inside-only !from-accepted ?unauthenticated ?reject-direct-send",
			"provider needs +keeps-password !provider-account",
			"replace needs !replacement",
		}, "oauth unauthenticated retired retries"},
		{"copier-inside", []string{
			"fail signs in with a password (AUTH LOGIN) as scan@contoso.example",
			"pass speaks TLS 1.2",
			"pass sends as the account it signs in with, scan@contoso.example",
			"pass writes inside your domains only (contoso.example)",
			"pass has sent at most 4 MB at a time so far",
			"pass takes a certificate that it cannot know",
		}, []string{
			"oauth asks +tls-12 ?oauth",
			"connector asks !fixed-address ?unauthenticated",
			"hve asks +tls-12 +keeps-password +inside-only !hve-billing ?hve-password",
			"relay needs +relay-takes-password +relay-as-today !machine",
			"direct asks +inside-only ?unauthenticated ?reject-direct-send",
			"acs needs +tls-12 +keeps-password !azure",
			"graph asks ?software",
			"provider needs +keeps-password !provider-account",
			"replace needs !replacement",
		}, "oauth unauthenticated retired no-tls retries"},
		{"copier-tls10", []string{
			"fail signs in with a password (AUTH LOGIN) as scan@contoso.example",
			"fail speaks at most TLS 1.0: Exchange Online answers 421 4.7.66",
			"pass sends as the account it signs in with, scan@contoso.example",
			"warn writes to example.org, outside your domains",
			"pass has sent at most 9 MB at a time so far",
			"pass takes a certificate that it cannot know",
		}, []string{
			"connector asks +may-write-outside !fixed-address ?unauthenticated ?without-tls",
			"relay needs +relay-takes-password +relay-takes-old-tls +relay-as-today !machine",
			"graph asks ?software",
			"provider asks +keeps-password +may-write-outside !provider-account ?provider-tls",
			"replace needs !replacement",
			"oauth unfit +may-write-outside -tls-old ?oauth",
			"hve unfit +keeps-password -tls-old -writes-outside !hve-billing ?hve-password",
			"direct unfit -writes-outside ?unauthenticated ?without-tls ?reject-direct-send",
			"acs unfit +keeps-password +may-write-outside -tls-old !azure",
		}, "oauth unauthenticated retired no-tls retries"},
		{"exim-anyway", []string{
			"fail signs in with a password (AUTH PLAIN) as scan@contoso.example",
			"pass speaks TLS 1.3",
			"warn sends as erp@contoso.example while it signs in as scan@contoso.example: without Send As Exchange Online answers 554 5.2.252",
			"warn writes to example.org, outside your domains",
			"warn sends without signing in after its password was refused: Exchange Online answers 530 5.7.57",
			"warn tries CRAM-MD5, LOGIN, PLAIN in turn after a refusal: repeated failures can lock the account",
			"pass takes a certificate that it cannot know",
		}, []string{
			"oauth asks +tls-12 +may-write-outside !send-as ?oauth",
			"connector needs +may-write-outside +sends-unauthenticated !fixed-address",
			"relay needs +relay-takes-password !machine",
			"acs needs +tls-12 +keeps-password +may-write-outside !azure",
			"graph asks ?software",
			"provider needs +keeps-password +may-write-outside !provider-account",
			"replace needs !replacement",
			"hve unfit +tls-12 +keeps-password -writes-outside !hve-billing ?hve-password",
			"direct unfit +sends-unauthenticated -writes-outside ?reject-direct-send",
		}, "oauth no-tls retries"},
		{"helo-only", []string{
			"fail greets with HELO only: without EHLO there is no STARTTLS and no sign-in",
			"pass sends without signing in when no sign-in is offered",
			"pass writes inside your domains only (contoso.example)",
			"pass has sent at most 1 MB at a time so far",
		}, []string{
			"connector needs +sends-unauthenticated !fixed-address",
			"direct asks +inside-only +sends-unauthenticated ?reject-direct-send",
			"relay needs !machine",
			"graph asks ?software",
			"replace needs !replacement",
			"oauth unfit -helo-only ?oauth ?tls",
			"hve unfit +inside-only -helo-only !hve-billing ?tls ?sign-in",
			"acs unfit -helo-only !azure ?tls ?sign-in",
			"provider unfit -helo-only !provider-account ?sign-in",
		}, "signs-in oauth retired certificate retries"},
		{"implicit-tls", []string{
			"fail signs in with a password (AUTH LOGIN) as camera@contoso.example",
			"pass speaks TLS 1.2",
			"warn begins with TLS at once, as on port 465: Exchange Online offers STARTTLS on 587 only",
			"pass sends as the account it signs in with, camera@contoso.example",
			"pass writes inside your domains only (contoso.example)",
			"pass has sent at most 1 MB at a time so far",
			"pass takes a certificate that it cannot know",
		}, []string{
			"oauth asks +tls-12 !port-587 ?oauth",
			"connector asks !fixed-address ?unauthenticated",
			"hve asks +tls-12 +keeps-password +inside-only !hve-billing ?hve-password",
			"relay needs +relay-takes-password +relay-as-today !machine",
			"direct asks +inside-only ?unauthenticated ?reject-direct-send",
			"acs needs +tls-12 +keeps-password !azure",
			"graph asks ?software",
			"provider needs +keeps-password !provider-account",
			"replace needs !replacement",
		}, "oauth unauthenticated retired no-tls retries"},
		{"interview", []string{
			"fail signs in with a password (AUTH LOGIN) as scan@contoso.example",
			"warn sends its password without TLS when none is offered",
			"pass speaks TLS 1.2",
			"warn did not sign in when OAuth alone was offered",
			"pass sends without signing in when no sign-in is offered",
			"pass sends as the account it signs in with, scan@contoso.example",
			"pass writes inside your domains only (contoso.example)",
			"pass has sent at most 1 MB at a time so far",
			"pass gives up when its password is refused",
			"pass takes a certificate that it cannot know",
		}, []string{
			"connector needs +sends-unauthenticated !fixed-address",
			"hve asks +tls-12 +keeps-password +inside-only !hve-billing ?hve-password",
			"direct asks +inside-only +sends-unauthenticated ?reject-direct-send",
			"relay needs +relay-takes-password +relay-as-today !machine",
			"acs needs +tls-12 +keeps-password !azure",
			"graph asks ?software",
			"provider needs +keeps-password !provider-account",
			"replace needs !replacement",
			"oauth unfit +tls-12 -stops-at-oauth",
		}, "retries"},
		{"newsletter", []string{
			"warn sends without TLS where TLS was to be had: client submission wants STARTTLS",
			"pass sends without signing in when no sign-in is offered",
			"pass writes inside your domains only (contoso.example)",
			"pass has sent at most 1 MB at a time so far",
			"warn writes to 62 recipients at once: HVE and ACS take 50",
			"warn greets with a name of Exchange Online's own, smtp.office365.com: it answers 550 5.7.506",
		}, []string{
			"oauth asks ?oauth ?tls",
			"connector needs +sends-unauthenticated !fixed-address",
			"direct asks +inside-only +sends-unauthenticated ?reject-direct-send",
			"relay needs +relay-as-today !machine",
			"graph asks ?software",
			"provider asks !provider-account ?sign-in",
			"replace needs !replacement",
			"hve unfit +inside-only -over-recipients !hve-billing ?tls ?sign-in",
			"acs unfit -over-recipients !azure ?tls ?sign-in",
		}, "signs-in oauth retired certificate retries"},
		{"not-a-sender", []string{}, []string{
			"oauth nofact ?capture",
			"connector nofact ?capture",
			"hve nofact ?capture",
			"direct nofact ?capture",
			"relay nofact ?capture",
			"acs nofact ?capture",
			"graph nofact ?capture",
			"provider nofact ?capture",
			"replace nofact ?capture",
		}, "signs-in oauth unauthenticated retired no-tls certificate retries"},
		{"plain-only", []string{
			"fail signs in with a password (AUTH PLAIN) as nas",
			"pass speaks TLS 1.3",
			"fail signs in by PLAIN only: Exchange Online answers 504 5.7.4",
			"warn signs in as nas, which is no mail address",
			"pass writes inside your domains only (contoso.example)",
			"pass has sent at most 1 MB at a time so far",
			"pass takes a certificate that it cannot know",
		}, []string{
			"oauth asks +tls-12 ?oauth",
			"connector asks !fixed-address ?unauthenticated",
			"hve asks +tls-12 +keeps-password +inside-only !hve-billing ?hve-password",
			"relay needs +relay-takes-password +relay-as-today !machine",
			"direct asks +inside-only ?unauthenticated ?reject-direct-send",
			"acs needs +tls-12 +keeps-password !azure",
			"graph asks ?software",
			"provider needs +keeps-password !provider-account",
			"replace needs !replacement",
		}, "oauth unauthenticated retired no-tls retries"},
		{"speaks-oauth", []string{
			"pass speaks TLS 1.3",
			"pass signs in with OAuth (AUTH XOAUTH2)",
			"pass its token is for https://outlook.office365.com",
			"pass sends as the account it signs in with, glpi@contoso.example",
			"warn writes to example.org, outside your domains",
			"pass has sent at most 1 MB at a time so far",
			"pass takes a certificate that it cannot know",
		}, []string{
			"oauth fits +speaks-oauth +tls-12 +may-write-outside",
			"connector asks +may-write-outside !fixed-address ?unauthenticated",
			"relay needs +relay-as-today !machine",
			"acs needs +tls-12 +may-write-outside !azure",
			"graph asks ?software",
			"provider needs +may-write-outside !provider-account",
			"replace needs !replacement",
			"hve unfit +tls-12 -writes-outside !hve-billing",
			"direct unfit -writes-outside ?unauthenticated ?reject-direct-send",
		}, "unauthenticated no-tls retries"},
		{"token-for-graph", []string{
			"pass speaks TLS 1.3",
			"pass signs in with OAuth (AUTH XOAUTH2)",
			"warn its token is for https://graph.microsoft.com: no host of Exchange Online is known by that name",
			"pass sends as the account it signs in with, ticket@contoso.example",
			"pass writes inside your domains only (contoso.example)",
			"pass has sent at most 1 MB at a time so far",
			"pass takes a certificate that it cannot know",
		}, []string{
			"oauth needs +speaks-oauth +tls-12 !token-audience",
			"hve needs +tls-12 +inside-only !hve-billing",
			"connector asks !fixed-address ?unauthenticated",
			"relay needs +relay-as-today !machine",
			"direct asks +inside-only ?unauthenticated ?reject-direct-send",
			"acs needs +tls-12 !azure",
			"graph asks ?software",
			"provider needs !provider-account",
			"replace needs !replacement",
		}, "unauthenticated no-tls retries"},
	} {
		facts := checks.Facts{Sender: tt.name, Sessions: recorded(t, tt.name), Domains: []string{"contoso.example"}}
		var findings, routes, open []string
		for _, f := range checks.Judge(facts) {
			findings = append(findings, fmt.Sprint(f.Status, " ", inWords(t, f)))
		}
		for _, r := range checks.Rank(facts) {
			routes = append(routes, ranked(r))
		}
		for _, q := range checks.Questions(facts) {
			open = append(open, q.ID)
		}
		same(t, tt.name+": findings", findings, tt.findings)
		same(t, tt.name+": routes", routes, tt.routes)
		same(t, tt.name+": questions", open, strings.Fields(tt.open))
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func inWords(t testing.TB, f checks.Finding) string {
	s, _ := locale(t, "en")("check." + string(f.Check) + "." + string(f.Status))
	for k, v := range f.Args {
		s = strings.ReplaceAll(s, "{"+k+"}", v)
	}
	return s
}

// ranked is a route with the ids of its reasons: "oauth asks +tls-12 ?oauth".
func ranked(r checks.Ranked) string {
	var s strings.Builder
	s.WriteString(string(r.Route) + " " + string(r.Fit))
	for _, side := range []struct {
		sign    string
		reasons []checks.Reason
	}{{"+", r.For}, {"-", r.Against}, {"!", r.Needs}, {"?", r.Lacks}} {
		for _, why := range side.reasons {
			s.WriteString(" " + side.sign + why.ID)
		}
	}
	return s.String()
}
