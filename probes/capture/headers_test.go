package capture

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"offbasic/probes"
)

// scan is a message as a copier makes it.
const scan = "Date: Sun, 22 Nov 2026 10:43:31 +0100\r\n" +
	"From: =?UTF-8?B?Q29waWV1ciAybmQgw6l0YWdl?= <scan@contoso.example>\r\n" +
	"To: bob@example.org,\r\n \"Doe, Jane\" <jane@example.org>\r\n" +
	"Subject: Message from\r\n\tKM_C258\r\n" +
	"Message-ID: <20261122104331.0001.CanonTxNo.0001@copier>\r\n" +
	"X-Mailer: Canon MFP\r\n" +
	"MIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed;\r\n boundary=\"----_CANON_1\"\r\n\r\n" +
	"This is a MIME message.\r\n\r\n" +
	"------_CANON_1\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n" +
	"--inner\r\nContent-Type: text/plain\r\n\r\n--inner is not a boundary here\r\n--inner--\r\n" +
	"------_CANON_1\r\nContent-Type: application/pdf; name=SKM_C258.pdf\r\n" +
	"Content-Disposition: attachment;\r\n filename*=UTF-8''num%C3%A9ris%C3%A9.pdf\r\n\r\nJVBERi0=\r\n" +
	"------_CANON_1\r\nContent-Type: image/tiff; name=\"=?ISO-8859-1?Q?page_d=E9but.tif?=\"\r\n\r\nSUkq\r\n" +
	"------_CANON_1--\r\n"

func scanned() probes.Message {
	return probes.Message{
		From: "Copieur 2nd étage <scan@contoso.example>",
		To:   []string{"bob@example.org", `"Doe, Jane" <jane@example.org>`}, Subject: "Message from KM_C258",
		MessageID: "<20261122104331.0001.CanonTxNo.0001@copier>", Mailer: "Canon MFP",
		Date: "Sun, 22 Nov 2026 10:43:31 +0100", Boundary: "----_CANON_1",
		Attachments: []string{"numérisé.pdf", "page début.tif"},
	}
}

func TestAMessageIsSummarisedInPiecesOfAnySize(t *testing.T) {
	for _, size := range []int{1, 2, 3, 7, 64, 1000, 1 << 20} {
		var h headerReader
		for rest := scan; rest != ""; {
			n := min(size, len(rest))
			h.feed([]byte(rest[:n]))
			rest = rest[n:]
		}
		if got := h.summary(); !reflect.DeepEqual(got, scanned()) {
			t.Errorf("in pieces of %d:\n got %+v\nwant %+v", size, got, scanned())
		}
	}
}

func TestHostileHeadersAreCleanedAndBounded(t *testing.T) {
	var h headerReader
	h.feed([]byte("From: \x1b[2J\x1b]0;owned\x07 <a@b>\r\n" +
		"Subject: =?UTF-8?B?" + plain64("invoice\u202efdp.exe\x00\x1b[31m") + "?=\r\n" +
		"X-Mailer: \xff\xfe " + strings.Repeat("m", 5000) + "\r\n" +
		"To: " + strings.Repeat("a@b, ", 500) + "\r\n" +
		"Content-Type: multipart/mixed; boundary=x\r\n\r\n"))
	for range 100 {
		h.feed([]byte("--x\r\nContent-Type: a/b; name=" + strings.Repeat("n", 500) + "\r\n\r\n\r\n"))
	}
	m := h.summary()
	if want := `\x1b[2J\x1b]0;owned\x07 <a@b>`; m.From != want {
		t.Errorf("from %q, want %q", m.From, want)
	}
	if want := `invoice\u{202e}fdp.exe\x00\x1b[31m`; m.Subject != want {
		t.Errorf("subject %q, want %q", m.Subject, want)
	}
	if !strings.HasPrefix(m.Mailer, `\xff\xfe mmm`) || len(m.Mailer) > 2*keptSubject {
		t.Errorf("mailer of %d bytes: %.20q", len(m.Mailer), m.Mailer)
	}
	if len(m.To) != keptParts || len(m.Attachments) != keptParts || len(fmt.Sprint(m)) > 64<<10 {
		t.Errorf("%d recipients, %d attachments", len(m.To), len(m.Attachments))
	}
}

func TestAHeaderWithoutEndIsBounded(t *testing.T) {
	var h headerReader
	for range 1000 {
		h.feed([]byte("X-Long: " + strings.Repeat("x", 1000)))
	}
	if n := cap(h.line) + cap(h.block); n > 4*headerBytes {
		t.Errorf("%d bytes are held", n)
	}
	h.summary()
}

func TestDotsAreUnstuffedAndTheMessageIsKeptAsReceived(t *testing.T) {
	for _, tt := range []struct{ name, sent, kept string }{
		{"stuffed dots", "a\r\n..b\r\n...\r\n.\r\n", "a\r\n.b\r\n..\r\n"},
		{"a dot alone, stuffed", "a\r\n..\r\n.\r\n", "a\r\n.\r\n"},
		{"empty", ".\r\n", ""},
		{"a line longer than the buffer", strings.Repeat("x", 3*bufferData) + "\r\n.\r\n", strings.Repeat("x", 3*bufferData) + "\r\n"},
		{"a long line with a dot where it is cut", strings.Repeat("x", bufferData) + ".y\r\n.\r\n", strings.Repeat("x", bufferData) + ".y\r\n"},
		{"mixed line ends", "a\nb\r\nc\n\r\n.\r\n", "a\nb\r\nc\n\r\n"},
		{"a bare dot line inside, as text", "a\n.\nnot a command\r\n.\r\n", "a\n.\nnot a command\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := &memory{}
			r := start(t, &Server{Policy: policy(t, "relay"), Store: store})
			c := r.greeted()
			c.ask("EHLO a.example", "250")
			c.ask("MAIL FROM:<scan@contoso.example>", "250")
			c.ask("RCPT TO:<bob@example.org>", "250")
			c.ask("DATA", "354")
			c.send(tt.sent)
			c.expect("250")
			c.ask("QUIT", "221")
			s := r.session()
			if got := store.text(s.Message.File); got != tt.kept || s.Size != int64(len(tt.kept)) {
				t.Errorf("kept %.60q (%d bytes, size %d), want %.60q (%d)", got, len(got), s.Size, tt.kept, len(tt.kept))
			}
		})
	}
}

func TestAConnectionDroppedInDataKeepsWhatCame(t *testing.T) {
	store := &memory{}
	r := start(t, &Server{Policy: policy(t, "relay"), Store: store})
	c := r.greeted()
	c.ask("EHLO a.example", "250")
	c.ask("MAIL FROM:<scan@contoso.example>", "250")
	c.ask("RCPT TO:<bob@example.org>", "250")
	c.ask("DATA", "354")
	c.send("Subject: half\r\n\r\nof a mess")
	c.conn.Close()
	s := r.session()
	want(t, s, probes.EndClosed, quirkDroppedMidway)
	if s.Taken || s.Message == nil || s.Message.Subject != "half" || store.text(s.Message.File) != "Subject: half\r\n\r\nof a mess" {
		t.Errorf("taken %v, message %+v", s.Taken, s.Message)
	}
}

func TestChunksAreKeptAsTheyAre(t *testing.T) {
	store := &memory{}
	r := start(t, &Server{Policy: policy(t, "relay"), Store: store})
	c := r.greeted()
	c.ask("EHLO a.example", "250")
	c.send("BDAT 5\r\nabcde")
	c.expect("503")
	c.ask("MAIL FROM:<scan@contoso.example> BODY=BINARYMIME", "250")
	c.ask("RCPT TO:<bob@example.org>", "250")
	c.ask("BDAT x", "501")
	c.send("BDAT 14\r\nSubject: x\r\n\r\nBDAT 7\r\n.\r\n\x00\xff\n.")
	c.expect("250")
	c.expect("250")
	c.ask("BDAT 0 LAST", "250")
	c.ask("QUIT", "221")
	s := r.session()
	if got := store.text(s.Message.File); got != "Subject: x\r\n\r\n.\r\n\x00\xff\n." || !s.Taken {
		t.Errorf("kept %q, taken %v", got, s.Taken)
	}
}

func TestEveryFieldOfARecordIsCleaned(t *testing.T) {
	const evil = "\x1b]0;owned\x07\u202e"
	r := start(t, &Server{Policy: policy(t, "everything")})
	c := r.greeted()
	c.ask("EHLO "+evil+".example", "250")
	c.ask("AUTH LOGIN", "334")
	c.ask(plain64(evil+"account"), "334")
	c.ask(plain64("hunter2secret"), "235")
	c.ask("MAIL FROM:<"+evil+"@contoso.example>", "250")
	c.ask("RCPT TO:<"+evil+"@example.org>", "250")
	c.ask("DATA", "354")
	c.ask("Subject: "+evil+"\r\nMessage-ID: <"+evil+">\r\n\r\n.", "250")
	c.ask("QUIT", "221")
	s := r.session()
	text := fmt.Sprintf("%+v %+v", s, s.Message)
	if strings.ContainsAny(text, "\x1b\x07\u202e") {
		t.Errorf("the record holds what moves a terminal: %q", text)
	}
	if !strings.Contains(s.Account(), `\x1b]0;owned\x07\u{202e}account`) {
		t.Errorf("account %q", s.Account())
	}
}
