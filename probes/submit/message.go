package submit

import (
	"mime"
	"net/mail"
	"strings"
	"time"
)

// TestMessage is a short message that can be found again by its Message-ID
// (id, with angle brackets). No argument can add a header of its own: control
// characters become spaces, and a subject that is not ASCII is encoded (RFC
// 2047).
func TestMessage(from string, to []string, id, subject string, at time.Time) []byte {
	list := make([]string, len(to))
	for i, a := range to {
		list[i] = address(a)
	}
	lines := []string{
		"From: " + address(from),
		"To: " + strings.Join(list, ",\r\n "),
		"Subject: " + mime.QEncoding.Encode("utf-8", oneLine(subject)),
		"Date: " + at.Format(time.RFC1123Z),
		"Message-ID: " + oneLine(id),
		"Auto-Submitted: auto-generated", // RFC 3834: no out-of-office replies
		"MIME-Version: 1.0",
		"Content-Type: text/plain; charset=utf-8",
		"Content-Transfer-Encoding: 7bit",
		"",
		"offbasic " + at.UTC().Format(time.RFC3339),
		oneLine(id),
		"",
	}
	return []byte(strings.Join(lines, "\r\n"))
}

// address writes an address as a header does, quoting what needs it.
func address(s string) string {
	return (&mail.Address{Address: oneLine(s)}).String()
}

// oneLine replaces everything that could end a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// crlf gives every line of a message the end that SMTP has (RFC 5321 section
// 2.3.8), whatever it has.
func crlf(message []byte) []byte {
	lone := 0
	for i, c := range message {
		switch {
		case c == '\n' && (i == 0 || message[i-1] != '\r'), c == '\r' && (i+1 == len(message) || message[i+1] != '\n'):
			lone++
		}
	}
	if lone == 0 {
		return message
	}
	out := make([]byte, 0, len(message)+lone)
	for i, c := range message {
		switch {
		case c == '\r':
			out = append(out, '\r', '\n')
		case c != '\n':
			out = append(out, c)
		case i == 0 || message[i-1] != '\r':
			out = append(out, '\r', '\n')
		}
	}
	return out
}
