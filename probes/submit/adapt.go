package submit

import (
	"bytes"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"offbasic/probes"
)

// The reasons for a change of a captured message.
const (
	Asked      = "asked"       // the person asked for another value
	ByRoute    = "route"       // the route takes no other
	FoundAgain = "found_again" // the original may lie in the mailbox already
	ForSMTP    = "smtp"        // SMTP knows one line end
)

// Adapt makes a captured message ready to be sent again. It changes the line
// ends where they are not those of SMTP, gives the message an id of its own,
// and puts from in place of the address in its From, unless from is "" or the
// address that is there. Everything else stays byte by byte as the device made
// it. Each change is told, cleaned for reading.
func Adapt(message []byte, messageID, from, why string) ([]byte, []probes.MessageChange) {
	var changes []probes.MessageChange
	whole := crlf(message)
	if n := len(whole) - len(message); n > 0 {
		changes = append(changes, probes.MessageChange{What: "line_ends", From: strconv.Itoa(n), Why: ForSMTP})
	}
	head, body := split(whole)
	head, old := setHeader(head, "Message-ID", func(string) string { return oneLine(messageID) })
	changes = append(changes, probes.MessageChange{What: "message_id", From: shown(old), To: shown(messageID), Why: FoundAgain})
	if from != "" && !sameFrom(head, from) {
		var was string
		head, was = setHeader(head, "From", func(old string) string { return named(old, from) })
		changes = append(changes, probes.MessageChange{What: "header_from", From: shown(was), To: shown(from), Why: why})
	}
	return append(head, body...), changes
}

func shown(s string) string { return probes.Clean(strings.TrimSpace(s), 300) }

// split cuts a message before the empty line, which goes with the body. A
// message that begins with its body gets a header.
func split(message []byte) (head, body []byte) {
	if i := bytes.Index(message, []byte("\r\n\r\n")); i >= 0 {
		return bytes.Clone(message[:i+2]), message[i+2:]
	}
	if i := bytes.IndexByte(message, ':'); i > 0 && !bytes.ContainsAny(message[:i], " \t\r\n") {
		return bytes.Clone(message), nil
	}
	return nil, append([]byte("\r\n"), message...)
}

// setHeader gives every field of that name the value that change makes of the
// first; one that is not there is put at the end. old is the first's value.
func setHeader(head []byte, name string, change func(old string) string) (out []byte, old string) {
	found := false
	for len(head) > 0 {
		n := field(head)
		f := head[:n]
		head = head[n:]
		colon := bytes.IndexByte(f, ':')
		if colon < 0 || !strings.EqualFold(string(bytes.TrimRight(f[:colon], " \t")), name) {
			out = append(out, f...)
			continue
		}
		if found {
			continue // of two fields nobody knows which one counts
		}
		found, old = true, unfolded(f[colon+1:])
		out = append(out, name+": "+change(old)+"\r\n"...)
	}
	if !found {
		if len(out) > 0 && !bytes.HasSuffix(out, []byte("\r\n")) {
			out = append(out, "\r\n"...)
		}
		out = append(out, name+": "+change("")+"\r\n"...)
	}
	return out, old
}

// field is the length of the first field with its folded lines.
func field(head []byte) int {
	for at := 0; ; {
		i := bytes.Index(head[at:], []byte("\r\n"))
		if i < 0 {
			return len(head)
		}
		at += i + 2
		if at >= len(head) || head[at] != ' ' && head[at] != '\t' {
			return at
		}
	}
}

func unfolded(value []byte) string {
	return strings.TrimSpace(strings.ReplaceAll(string(value), "\r\n", ""))
}

// sameFrom tells whether the message's From is that address.
func sameFrom(head []byte, from string) bool {
	_, old := setHeader(head, "From", func(old string) string { return old })
	a, err := mail.ParseAddress(old)
	return err == nil && strings.EqualFold(a.Address, from)
}

// named is an address with the display name that another one had.
func named(old, from string) string {
	a := mail.Address{Address: oneLine(from)}
	if was, err := mail.ParseAddress(old); err == nil {
		a.Name = was.Name
	}
	return a.String()
}

// Readdress puts recipients in the place of those that a message names, for a
// route that goes by its header and not by an envelope.
func Readdress(message []byte, to []string, why string) ([]byte, []probes.MessageChange) {
	head, body := split(message)
	var changes []probes.MessageChange
	for _, name := range []string{"Cc", "Bcc"} {
		without, old := dropHeader(head, name)
		if old != "" {
			head = without
			changes = append(changes, probes.MessageChange{What: "header_" + strings.ToLower(name), From: shown(old), Why: why})
		}
	}
	list := make([]string, len(to))
	for i, a := range to {
		list[i] = address(a)
	}
	all := strings.Join(list, ", ")
	head, old := setHeader(head, "To", func(string) string { return all })
	if old != all && !sameAddresses(old, to) {
		changes = append(changes, probes.MessageChange{What: "header_to", From: shown(old), To: shown(all), Why: why})
	}
	return append(head, body...), changes
}

// sameAddresses tells whether a To field names just these recipients, in
// whatever form.
func sameAddresses(field string, to []string) bool {
	list, err := mail.ParseAddressList(field)
	return err == nil && slices.EqualFunc(list, to, func(a *mail.Address, b string) bool { return a.Address == b })
}

// dropHeader takes every field of that name out; old is the first's value.
func dropHeader(head []byte, name string) (out []byte, old string) {
	for len(head) > 0 {
		n := field(head)
		key, value, _ := bytes.Cut(head[:n], []byte(":"))
		if strings.EqualFold(string(bytes.TrimRight(key, " \t")), name) {
			if old == "" {
				old = unfolded(value)
			}
		} else {
			out = append(out, head[:n]...)
		}
		head = head[n:]
	}
	return out, old
}
