package capture

import (
	"strings"
	"testing"
	"time"

	"offbasic/probes"
)

func TestBuiltInPoliciesAreWhatAFileMayHold(t *testing.T) {
	want := "exchange retired oauth-only relay no-tls tls12-only hve everything"
	if got := strings.Join(PolicyNames(), " "); got != want {
		t.Errorf("policies %s, want %s", got, want)
	}
	for _, name := range PolicyNames() {
		if field, err := policy(t, name).check(); err != nil {
			t.Errorf("%s: %s: %v", name, field, err)
		}
	}
}

func TestAPolicyFileChangesItsBase(t *testing.T) {
	p, err := ReadPolicy(strings.NewReader(`{
  "base": "everything", "name": "strict", "greeting": "{host} ESMTP Postfix",
  "mechanisms": ["LOGIN"], "login_prompts": ["VXNlciBOYW1lAA==", "UGFzc3dvcmQA"],
  "replies": {"AUTH": "535 5.7.3 Authentication unsuccessful", "EHLO": "250-one\n250 two"},
  "delays_ms": {"GREETING": 5, "AUTH LOGIN": 10}
}`))
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "strict" || p.Greeting != "{host} ESMTP Postfix" || !p.takes("LOGIN") || p.takes("PLAIN") || p.Replies["AUTH"] == "" {
		t.Errorf("policy %+v", p)
	}
	if !p.announces(false, "STARTTLS") {
		t.Error("the base's EHLO lines are gone")
	}
	if base := policy(t, "everything"); len(base.Replies) != 1 {
		t.Errorf("the built-in policy has changed: %v", base.Replies)
	}
}

func TestAPolicyFileWithAnErrorNamesLineAndField(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{"not JSON", "{\n \"name\": ,\n}", "line 2"},
		{"an unknown field", "{\n\n \"greting\": \"x\"}", `line 3, field "greting": no such field`},
		{"a wrong type", "{\n \"ehlo\": 5}", `line 2, field "ehlo": a number`},
		{"an unknown base", "{\n \"base\": \"gmail\"}", `line 2, field "base": no policy is named "gmail"`},
		{"an unknown mechanism", "{\n \"mechanisms\": [\"LOGIN\", \"GSSAPI\"]}", `line 2, field "mechanisms": "GSSAPI"`},
		{"a reply without a code", "{\n \"replies\": {\n  \"MAIL\": \"no\"}}", `line 3, field "MAIL"`},
		{"a reply to nothing", "{\n \"replies\": {\n  \"FOO\": \"250 ok\"}}", `line 3, field "FOO": nothing is answered`},
		{"a delay too long", "{\n \"delays_ms\": {\"MAIL\": 600000}}", `line 2, field "MAIL"`},
		{"one prompt", "{\n \"login_prompts\": [\"x\"]}", `line 2, field "login_prompts"`},
		{"an unknown TLS version", "{\n \"tls_min\": \"3.0\"}", `line 2, field "tls_min"`},
		{"TLS bounds that cross", "{\n \"tls_min\": \"1.3\", \"tls_max\": \"1.2\"}", `line 2, field "tls_min"`},
		{"a line break in a line", "{\n \"greeting\": \"a\\r\\n250 b\"}", `line 2, field "greeting": it holds a line break`},
		{"too large", strings.Repeat(" ", policySize+1), "more than"},
		{"two policies", "{}\n{}", "line 2"},
		{"nothing", "", "line 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := ReadPolicy(strings.NewReader(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q; policy %+v", err, tt.want, p)
			}
		})
	}
}

func TestAReplyOfSeveralLinesIsWrittenAsTheStandardWants(t *testing.T) {
	if got, want := wireLines("250 a\n250 b\n250 c"), "250-a\r\n250-b\r\n250 c\r\n"; got != want { // RFC 5321, 4.2.1
		t.Errorf("%q, want %q", got, want)
	}
	if got := wireLines("250"); got != "250\r\n" {
		t.Errorf("%q", got)
	}
}

func TestEachPeerMayMeetItsOwnPolicy(t *testing.T) {
	own := policy(t, "relay")
	own.Name, own.Replies["MAIL"] = "asked", "421 4.3.2 come back"
	r := start(t, &Server{PolicyFor: func(peer string) (Policy, bool) { return own, peer == "127.0.0.1" }})
	c := r.greeted()
	c.ask("EHLO a.example", "250")
	c.ask("MAIL FROM:<scan@contoso.example>", "421 4.3.2 come back")
	if s := r.session(); s.Policy != "asked" || s.End != "dropped" {
		t.Errorf("policy %q, end %s", s.Policy, s.End)
	}
}

func TestADelayHoldsTheAnswerAndStoppingEndsIt(t *testing.T) {
	p := policy(t, "relay")
	p.Delays = map[string]int{"GREETING": 30, "EHLO": policyDelay}
	r := start(t, &Server{Policy: p})
	began := time.Now()
	c := r.greeted()
	if waited := time.Since(began); waited < 30*time.Millisecond {
		t.Errorf("greeted after %s", waited)
	}
	c.send("EHLO a.example\r\n")
	r.stop()
	if s := r.session(); s.End != probes.EndShutdown {
		t.Errorf("end %s", s.End)
	}
}
