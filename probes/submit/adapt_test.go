package submit_test

import (
	"bytes"
	"strings"
	"testing"

	"offbasic/probes"
	"offbasic/probes/submit"
)

func whats(changes []probes.MessageChange) string {
	var out []string
	for _, c := range changes {
		out = append(out, c.What)
	}
	return strings.Join(out, " ")
}

// A captured message goes out byte by byte as it was made, but for its id.
func TestACapturedMessageStaysAsItWasMade(t *testing.T) {
	body := "\r\n\x00\xff8-bit " + strings.Repeat("x", 5000) + "\r\n.\r\n.dot\r\n"
	raw := "From: \"Scan, er\" <scan@contoso.example>\r\nSUBJECT : a\r\n\tb\r\nMessage-Id: <old@scanner>\r\nX-Caf\xe9: 1\r\n" + body
	got, changes := submit.Adapt([]byte(raw), "<new@offbasic.invalid>", "", submit.ByRoute)
	want := strings.Replace(raw, "Message-Id: <old@scanner>", "Message-ID: <new@offbasic.invalid>", 1)
	if string(got) != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	if whats(changes) != "message_id" || changes[0].From != "<old@scanner>" || changes[0].Why != submit.FoundAgain {
		t.Errorf("changes %+v", changes)
	}
}

func TestEveryChangeIsShown(t *testing.T) {
	for _, tt := range []struct{ name, raw, from, want, changes string }{
		{
			"From of another", "From: \"Scan, er\" <scan@old.example>\r\n\r\nx", "hve@contoso.example",
			"From: \"Scan, er\" <hve@contoso.example>\r\nMessage-ID: <1@x>\r\n\r\nx", "message_id header_from",
		},
		{"same From", "From: scan@CONTOSO.example\r\n\r\nx", "Scan@contoso.example", "From: scan@CONTOSO.example\r\nMessage-ID: <1@x>\r\n\r\nx", "message_id"},
		{"From that cannot be read", "From: scanner\r\n\r\nx", "a@contoso.example", "From: <a@contoso.example>\r\nMessage-ID: <1@x>\r\n\r\nx", "message_id header_from"},
		{"no From", "Subject: x\r\n\r\nx", "a@contoso.example", "Subject: x\r\nMessage-ID: <1@x>\r\nFrom: <a@contoso.example>\r\n\r\nx", "message_id header_from"},
		{"two From", "From: a@b.example\r\nfrom: c@d.example\r\n\r\nx", "e@contoso.example", "From: <e@contoso.example>\r\nMessage-ID: <1@x>\r\n\r\nx", "message_id header_from"},
		{"lone line ends", "From: a@b.example\nSubject: x\n\none\rtwo\n", "", "From: a@b.example\r\nSubject: x\r\nMessage-ID: <1@x>\r\n\r\none\r\ntwo\r\n", "line_ends message_id"},
		{"no header", "one page", "", "Message-ID: <1@x>\r\n\r\none page", "message_id"},
		{"no body", "From: a@b.example", "", "From: a@b.example\r\nMessage-ID: <1@x>\r\n", "message_id"},
	} {
		got, changes := submit.Adapt([]byte(tt.raw), "<1@x>", tt.from, submit.ByRoute)
		if string(got) != tt.want || whats(changes) != tt.changes {
			t.Errorf("%s: sent %q, want %q; changes %s, want %s", tt.name, got, tt.want, whats(changes), tt.changes)
		}
	}
}

// No value can add a header or end one (header injection).
func TestAdaptCannotBeMadeToAddAHeader(t *testing.T) {
	for _, evil := range []string{"a@b.example\r\nBcc: x@example.org", "a\nBcc: x", "a\rBcc: x", "a\x00b", "\"a\\\"\r\n b\"@c.example"} {
		got, _ := submit.Adapt([]byte("From: a@b.example\r\n\r\nx"), "<1@x>\r\nBcc: x@example.org", evil, submit.Asked)
		head, _, _ := bytes.Cut(got, []byte("\r\n\r\n"))
		if lines := strings.Split(string(head), "\r\n"); len(lines) != 2 || strings.ContainsAny(lines[0]+lines[1], "\r\n\x00") {
			t.Errorf("%q made %q", evil, head)
		}
	}
}

func FuzzAdapt(f *testing.F) {
	f.Add([]byte("From: a@b.example\nSubject: x\n\none\rtwo\n"), "a@contoso.example")
	f.Add([]byte("\r\n\r\n"), "")
	f.Add([]byte(":\r\n a\r\n\r\n."), "x")
	f.Fuzz(func(t *testing.T, raw []byte, from string) {
		got, _ := submit.Adapt(raw, "<1@offbasic.invalid>", from, submit.ByRoute)
		if !bytes.Contains(got, []byte("Message-ID: <1@offbasic.invalid>\r\n")) {
			t.Errorf("%q has no id", got)
		}
		if n := bytes.Count(got, []byte("\n")); n != bytes.Count(got, []byte("\r\n")) || n != bytes.Count(got, []byte("\r")) {
			t.Errorf("%q has lone line ends", got)
		}
	})
}
