package capture

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
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
		if err := (&policyFile{}).check(policy(t, name)); err != nil {
			t.Errorf("%s: %v", name, err)
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

// What is wrong is named by the line on which it stands, and by its path.
func TestAPolicyFileWithAnErrorNamesLineAndField(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		code       probes.Code
		line, at   string
	}{
		{"not JSON", "{\n \"name\": ,\n}", "policy_syntax", "2", "10"},
		{"a word", "{\n \"base\": \"exchange\",\n \"host\": \"x\",\nFOO\n}", "policy_syntax", "4", "1"},
		{"a word after a value", "{\n \"host\": \"x\"\n\n FOO\n}", "policy_syntax", "4", "2"},
		{"a text over two lines", "{\n \"host\": \"x\ny\"}", "policy_syntax", "2", "12"},
		{"not closed", "{\n \"host\": \"x\"\n", "policy_syntax", "2", "13"},
		{"two policies", "{}\n{}", "policy_syntax", "2", "1"},
		{"nothing", "", "policy_syntax", "1", "1"},
		{"a list", "\n[]", "policy_kind", "2", "{}"},
		{"an unknown field", "{\n\n \"greting\": \"x\"}", "policy_field", "3", "greting"},
		{"a field in capitals", "{\"EHLO\": []}", "policy_field", "1", "EHLO"},
		{"a field twice", "{\n\"host\": \"a\",\n\"host\": \"b\"}", "policy_twice", "3", "host"},
		{"a reply twice", "{\"replies\": {\n\"MAIL\": \"250 a\",\n\"MAIL\": \"250 b\"}}", "policy_twice", "3", "replies.MAIL"},
		{"a wrong type", "{\n \"ehlo\": 5}", "policy_kind", "2", "ehlo"},
		{"a wrong type in a list", "{\"ehlo\": [\n\"SIZE\",\n5]}", "policy_kind", "3", "ehlo[1]"},
		{"half a millisecond", "{\"delays_ms\": {\n\"MAIL\": 0.5}}", "policy_kind", "2", "delays_ms.MAIL"},
		{"null", "{\n\"host\": null}", "policy_kind", "2", "host"},
		{"an unknown base", "{\n \"base\": \"gmail\"}", "policy_base", "2", "base"},
		{"an unknown mechanism", "{\n \"mechanisms\": [\"LOGIN\",\n \"GSSAPI\"]}", "policy_mechanism", "3", "mechanisms[1]"},
		{"a reply without a code", "{\n \"replies\": {\n  \"MAIL\": \"no\"}}", "policy_reply", "3", "replies.MAIL"},
		{"a name that stands above as well", "{\n \"delays_ms\": {\"MAIL\": 10},\n \"replies\": {\n  \"MAIL\": \"999 x\"}}", "policy_reply", "4", "replies.MAIL"},
		{"a reply to nothing", "{\n \"replies\": {\n  \"FOO\": \"250 ok\"}}", "policy_key", "3", "replies.FOO"},
		{"a delay too long", "{\n \"delays_ms\": {\"MAIL\": 600000}}", "policy_delay", "2", "delays_ms.MAIL"},
		{"one prompt", "{\n \"login_prompts\": [\"x\"]}", "policy_prompts", "2", "login_prompts"},
		{"an unknown TLS version", "{\n \"tls_min\": \"3.0\"}", "policy_tls", "2", "tls_min"},
		{"TLS bounds that cross", "{\n \"tls_min\": \"1.3\", \"tls_max\": \"1.2\"}", "policy_tls_order", "2", "tls_min"},
		{"a TLS bound that crosses the base's", "{\n \"base\": \"tls12-only\",\n \"tls_max\": \"1.1\"}", "policy_tls_order", "3", "tls_max"},
		{"a line break in a line", "{\n \"greeting\": \"a\\r\\n250 b\"}", "policy_break", "2", "greeting"},
		{"a line too long", "{\"ehlo\": [\"a\",\n\"" + strings.Repeat("x", policyLine+1) + "\"]}", "policy_long", "2", "ehlo[1]"},
		{"too large", strings.Repeat(" ", policySize+1), "policy_size", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, mark := range []string{"", "\ufeff"} { // Windows Notepad puts a mark in front
				if tt.code == "policy_size" {
					mark = ""
				}
				p, err := ReadPolicy(strings.NewReader(mark + tt.file))
				f, ok := errors.AsType[*probes.Fault](err)
				if !ok {
					t.Fatalf("error %v, want %s; policy %+v", err, tt.code, p)
				}
				if at := cmp.Or(f.Args["field"], f.Args["column"]); f.Code != tt.code || f.Args["line"] != tt.line || at != tt.at {
					t.Errorf("%s in line %s at %q, want %s in line %s at %q", f.Code, f.Args["line"], at, tt.code, tt.line, tt.at)
				}
			}
		})
	}
}

func TestAPolicyFileOfNotepadIsRead(t *testing.T) {
	if p, err := ReadPolicy(strings.NewReader("\ufeff{\"host\": \"mail.contoso.example\"}\r\n")); err != nil || p.Host != "mail.contoso.example" {
		t.Errorf("read %+v, %v", p, err)
	}
}

// The example of docs/capture.md is read, holds every field, and the page says
// what each field and each name of a reply is for, and the limits as they are.
func TestThePageOnTheCaptureIsTrue(t *testing.T) {
	b, err := os.ReadFile("../../docs/capture.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	_, example, _ := strings.Cut(page, "```json\n")
	example, _, _ = strings.Cut(example, "```")
	if p, err := ReadPolicy(strings.NewReader(example)); err != nil || p.Name != "branch-office" || p.TLSMax != "1.3" {
		t.Errorf("the example is read as %+v, %v", p, err)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(example), &fields); err != nil {
		t.Fatal(err)
	}
	for name := range policyFields() {
		if _, ok := fields[name]; !ok || !strings.Contains(page, "`"+name+"`") {
			t.Errorf("the field %s is not in the example, or not described", name)
		}
	}
	for _, name := range append(append([]string{"GREETING"}, replyKeys()...), PolicyNames()...) {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("%s is not described", name)
		}
	}
	d := DefaultLimits()
	for flag, value := range map[string]string{
		"max-connections": strconv.Itoa(d.Connections), "max-per-peer": strconv.Itoa(d.PerPeer), "max-waiting": strconv.Itoa(d.Waiting),
		"max-line": strconv.Itoa(d.LineLength>>10) + "k", "max-message": strconv.FormatInt(d.MessageSize>>20, 10) + "M",
		"max-disk": strconv.FormatInt(d.Disk>>30, 10) + "G", "max-messages": strconv.Itoa(d.Messages),
		"max-recipients": strconv.Itoa(d.Recipients), "max-sign-ins": strconv.Itoa(d.SignIns), "max-unknown": strconv.Itoa(d.Unknown),
		"max-transcript": strconv.Itoa(d.Transcript), "max-silence": strings.TrimSuffix(d.Command.String(), "0s"),
		"max-session": strings.TrimSuffix(d.Session.String(), "0s"), "peek": d.Peek.String(),
	} {
		if row := "| `--" + flag + "` | " + value; !strings.Contains(page, row) {
			t.Errorf("the page has no row that begins with %q", row)
		}
	}
}

// The table of fields is the policy's own.
func TestEveryFieldOfAPolicyMayStandInAFile(t *testing.T) {
	want := []string{"base"}
	for f := range reflect.TypeFor[Policy]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "-" {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(policyFields())); !slices.Equal(got, want) {
		t.Errorf("fields %v, want %v", got, want)
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
