package probes_test

import (
	"encoding/json"
	"strings"
	"testing"

	"offbasic/probes"
)

// The texts are those that Exchange Online is seen to send; a reply's form is
// RFC 5321 section 4.2, an enhanced code's RFC 3463 section 2.
func TestParseReply(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     probes.Reply
		ok       bool
	}{
		{
			"a reply with everything", "535 5.7.3 Authentication unsuccessful [PR3P192CA0001.EURP192.PROD.OUTLOOK.COM 2024-06-24T08:58:06.389Z 08DC93087F48F48A]",
			probes.Reply{Code: 535, Enhanced: "5.7.3", Text: "Authentication unsuccessful", Server: "PR3P192CA0001.EURP192.PROD.OUTLOOK.COM 2024-06-24T08:58:06.389Z 08DC93087F48F48A"},
			true,
		},
		{"no enhanced code", "354 Start mail input", probes.Reply{Code: 354, Text: "Start mail input"}, true},
		{"a code alone", "334", probes.Reply{Code: 334}, true},
		{"several lines are one text", "550-5.7.30 Basic authentication\r\n550 5.7.30 is not supported\r\n", probes.Reply{Code: 550, Enhanced: "5.7.30", Text: "Basic authentication is not supported"}, true},
		{"a bracket that belongs to the sentence stays", "550 5.7.1 Service unavailable, Client host [192.0.2.7]", probes.Reply{Code: 550, Enhanced: "5.7.1", Text: "Service unavailable, Client host [192.0.2.7]"}, true},
		{"so does a host name given as a value", "432 4.3.2 Concurrent connections limit exceeded. [Hostname=a.b.c]", probes.Reply{Code: 432, Enhanced: "4.3.2", Text: "Concurrent connections limit exceeded. [Hostname=a.b.c]"}, true},
		{"something like an enhanced code, and none", "250 5.7 apples", probes.Reply{Code: 250, Text: "5.7 apples"}, true},
		{"no reply", "hello", probes.Reply{}, false},
		{"nothing", "", probes.Reply{}, false},
		{"a number that is longer", "5500 x", probes.Reply{}, false},
		{"a code that there is not", "150 x", probes.Reply{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := probes.ParseReply(tt.in)
			if got != tt.want || ok != tt.ok {
				t.Errorf("ParseReply(%q) = %+v, %t; want %+v, %t", tt.in, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestReplyIsWrittenAsItCame(t *testing.T) {
	const said = "550 5.7.30 Basic authentication is not supported for Client Submission."
	r, _ := probes.ParseReply(said)
	if got := r.String(); got != said {
		t.Errorf("wrote %q, read %q", got, said)
	}
}

// The step that a trial reached is the one that failed, else the last.
func TestReached(t *testing.T) {
	failed := probes.Trial{Steps: []probes.Step{{Step: "connect", Outcome: probes.StepOK}, {Step: "auth", Outcome: probes.StepFailed}, {Step: "quit", Outcome: probes.StepOK}}}
	if got := failed.Reached().Step; got != "auth" {
		t.Errorf("reached %s, want auth", got)
	}
	if got := (probes.Trial{}).Reached().Step; got != "" {
		t.Errorf("a trial without steps reached %q", got)
	}
}

// Every line of the JSON contract begins with its type.
func TestLinesBeginWithTheirType(t *testing.T) {
	for kind, v := range map[string]any{
		"session": probes.Session{ID: "1"},
		"trial":   probes.Trial{ID: "1"},
		"receipt": probes.Receipt{MessageID: "<1@x>"},
	} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(b), `{"type":"`+kind+`",`) {
			t.Errorf("a %s begins %s", kind, b)
		}
	}
}
