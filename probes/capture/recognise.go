package capture

import (
	"bytes"
	"slices"
	"strings"
)

// recognise tells, from a line that is no SMTP command, what else the client
// speaks. It looks at the first words only.
func (c *conn) recognise(text []byte) {
	if c.rec.Protocol != "" || c.greeted {
		return
	}
	words := strings.Fields(strings.ToUpper(string(text[:min(len(text), 64)])))
	switch {
	case len(words) == 0:
	case isHTTP(words):
		c.rec.Protocol = "http"
	case slices.Contains([]string{"USER", "PASS", "CAPA", "STLS", "APOP"}, words[0]):
		c.rec.Protocol = "pop3"
	case len(words) > 1 && slices.Contains([]string{"CAPABILITY", "LOGIN", "AUTHENTICATE", "LOGOUT"}, words[1]):
		c.rec.Protocol = "imap"
	case isBinary(text) || strings.HasPrefix(words[0], "SSH-"):
		c.rec.Protocol = "scan"
	}
}

func isHTTP(words []string) bool {
	methods := []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "PROPFIND", "PRI"}
	return slices.Contains(methods, words[0]) && len(words) > 1
}

// isBinary tells bytes that no text protocol begins with.
func isBinary(b []byte) bool {
	return bytes.ContainsFunc(b[:min(len(b), 64)], func(r rune) bool { return r < ' ' && r != '\t' || r == 0xfffd })
}
