package lab

import (
	"crypto/tls"
	"fmt"
	"mime"
	"strings"
	"time"

	"offbasic/probes"
)

// maxHead is how much of a message the lab keeps, in bytes.
const maxHead = 64 << 10

// header is one header field, unfolded.
type header struct{ name, value string }

// parseHead reads the header fields of a message, in their order. What is no
// header field ends them.
func parseHead(raw []byte) []header {
	var list []header
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if n := len(list); n > 0 {
				list[n-1].value += " " + strings.TrimSpace(line)
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			break
		}
		list = append(list, header{name, strings.TrimSpace(value)})
	}
	return list
}

func find(list []header, name string) string {
	for _, h := range list {
		if strings.EqualFold(h.name, name) {
			return h.value
		}
	}
	return ""
}

// deliver puts the message into the mailboxes of its recipients here, with the
// headers of authenticated submission, and returns its Message-ID. Mail for
// others leaves: nothing is sent.
func (s *session) deliver(headers []header) string {
	now := s.l.now()
	id := find(headers, "Message-ID")
	if id == "" {
		id = "<" + strings.ToUpper(strings.ReplaceAll(newID(), "-", "")) + "@AM0PR10MB0001.EURPRD10.PROD.OUTLOOK.COM>"
		headers = append(headers, header{"Message-ID", id})
	}
	subject := find(headers, "Subject")
	if d, err := new(mime.WordDecoder).DecodeHeader(subject); err == nil {
		subject = d
	}
	headers = append(s.trace(now), headers...)
	for _, to := range s.to {
		m := s.l.dir.mailbox(to)
		if m == nil {
			s.l.log("delivery: " + probes.Clean(to, 200) + " has no mailbox here")
			continue
		}
		s.l.dir.deliver(m, message{
			id: "AAMkAD" + randomText(48), messageID: id, subject: subject, received: now, headers: headers,
			from: s.from, to: m.address, peer: s.peer(),
		})
		s.l.log("delivery: " + m.address + " " + probes.Clean(id, 200))
	}
	return probes.Clean(id, 300)
}

// trace are the headers that Exchange Online writes above a message that came
// in by client submission: no "with ESMTPSA", the TLS version in brackets, a
// hop "by X.PROD.OUTLOOK.COM", AuthAs Internal.
func (s *session) trace(now time.Time) []header {
	const hub = "AM0PR10MB0001.EURPRD10.PROD.OUTLOOK.COM"
	version := strings.NewReplacer("TLS 1.", "TLS1_").Replace(tls.VersionName(s.tls.Version))
	suite := fmt.Sprintf("(version=%s, cipher=%s)", version, tls.CipherSuiteName(s.tls.CipherSuite))
	at := now.UTC().Format(time.RFC1123Z)
	return []header{
		{"Received", "from " + s.side.host + " by " + hub + " with Microsoft SMTP Server " + suite + " id 15.20.9000.10; " + at},
		{"Received", fmt.Sprintf("from %s (%s) by %s with Microsoft SMTP Server %s id 15.20.9000.10 via Frontend Transport; %s",
			probes.Clean(s.hello, 100), s.peer(), s.side.host, suite, at)},
		{"Return-Path", s.from},
		{"X-MS-Exchange-Organization-AuthSource", hub},
		{"X-MS-Exchange-Organization-AuthAs", "Internal"},
		{"X-MS-Exchange-Organization-AuthMechanism", "06"},
		{"X-MS-Exchange-Organization-MessageDirectionality", "Originating"},
		{"X-MS-Exchange-CrossTenant-AuthAs", "Internal"},
	}
}
