package submit_test

import (
	"bytes"
	"mime"
	"net/mail"
	"strings"
	"testing"
	"time"

	"offbasic/probes/submit"
)

func TestTestMessageIsReadable(t *testing.T) {
	at := time.Date(2026, 11, 22, 15, 57, 0, 0, time.UTC)
	raw := submit.TestMessage("scan@contoso.example", []string{"it@contoso.example", "o'brien@contoso.example"},
		"<1.2@offbasic.invalid>", "Essai d'envoi n° 1", at)
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	to, err := m.Header.AddressList("To")
	if err != nil || len(to) != 2 || to[1].Address != "o'brien@contoso.example" {
		t.Errorf("To is %v, error %v", to, err)
	}
	subject, _ := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if subject != "Essai d'envoi n° 1" || m.Header.Get("Message-ID") != "<1.2@offbasic.invalid>" {
		t.Errorf("subject %q, id %q", subject, m.Header.Get("Message-ID"))
	}
	if d, err := m.Header.Date(); err != nil || !d.Equal(at) {
		t.Errorf("date %v, error %v", d, err)
	}
	for line := range strings.Lines(string(raw)) {
		if !strings.HasSuffix(line, "\r\n") || len(line) > 1000 || strings.IndexFunc(line, func(r rune) bool { return r > 126 }) >= 0 {
			t.Errorf("line %q is not a plain line", line)
		}
	}
}

func TestNoArgumentAddsAHeader(t *testing.T) {
	const evil = "x\r\nBcc: evil@example.org\r\n\r\nbody"
	raw := submit.TestMessage("a@b.example"+evil, []string{"c@d.example" + evil}, "<1@b.example>"+evil, evil, time.Now())
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Bcc") != "" {
		t.Errorf("a header was added:\n%s", raw)
	}
	if got := len(m.Header); got != 9 {
		t.Errorf("%d headers, want 9:\n%s", got, raw)
	}
}
