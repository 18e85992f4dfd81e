package checks

import (
	"bytes"
	"net/mail"
	"strings"

	"offbasic/probes"
)

// MessageFacts is what a message shows that decides how a route takes it.
type MessageFacts struct {
	Size       int64  // in bytes, with the line ends of SMTP
	From       string // the address of its From; "" when there is none to read
	FromText   string // the field as it is written, cleaned
	FromFields int
	OddName    bool     // the display name is not written as RFC 5322 has it
	EightBit   []string // names of fields with bytes above 127
	EightBody  bool     // bytes above 127 behind the header
	NUL        bool
	Longest    int // bytes of the longest line, without its end
	LoneEnds   int // line ends that are not CR LF
}

// maxHeader is how much of a header is read, in bytes.
const maxHeader = 1 << 20

// ReadMessage reads a message as it was captured.
func ReadMessage(raw []byte) MessageFacts {
	m := MessageFacts{Size: int64(len(raw)), NUL: bytes.IndexByte(raw, 0) >= 0}
	head, inHeader := []byte(nil), true
	for line := range bytes.Lines(raw) {
		text := bytes.TrimRight(line, "\r\n")
		if len(line)-len(text) == 1 {
			m.LoneEnds++
		}
		if n := bytes.Count(text, []byte("\r")); n > 0 {
			m.LoneEnds += n
		}
		m.Longest = max(m.Longest, len(text))
		switch {
		case inHeader && len(text) == 0:
			inHeader = false
		case inHeader && len(head)+len(text) < maxHeader:
			head = append(append(head, text...), '\n')
		case !inHeader && !m.EightBody:
			m.EightBody = above127(text)
		}
	}
	m.Size += int64(m.LoneEnds)
	m.header(string(head))
	return m
}

func above127[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] > 127 {
			return true
		}
	}
	return false
}

// header reads the fields, each with its folded lines.
func (m *MessageFacts) header(head string) {
	unfolded := strings.NewReplacer("\n ", " ", "\n\t", " ").Replace(head)
	for line := range strings.Lines(unfolded) {
		name, value, ok := strings.Cut(strings.TrimRight(line, "\n"), ":")
		if !ok {
			continue
		}
		name = strings.TrimSpace(name)
		if above127(line) && len(m.EightBit) < 20 {
			m.EightBit = include(m.EightBit, probes.Clean(name, 80))
		}
		if strings.EqualFold(name, "From") {
			m.from(strings.TrimSpace(value))
		}
	}
}

func (m *MessageFacts) from(value string) {
	if m.FromFields++; m.FromFields > 1 {
		return
	}
	m.FromText = probes.Clean(value, 300)
	if a, err := mail.ParseAddress(value); err == nil {
		m.From = a.Address
		m.OddName = above127(value)
		return
	}
	// A name that should have been quoted: the address is in the brackets.
	open := strings.LastIndexByte(value, '<')
	if open < 0 || !strings.HasSuffix(value, ">") {
		return
	}
	if a, err := mail.ParseAddress(value[open:]); err == nil {
		m.From, m.OddName = a.Address, true
	}
}
