package checks

import (
	"bytes"
	"net/mail"
	"strings"
	"time"

	"offbasic/probes"
)

// Head is what the header of a message that arrived tells. Everything in it is
// cleaned for showing.
type Head struct {
	MessageID string // with its angle brackets
	From      string // the address of the From header
	Date      time.Time
	// Hops are the servers that the message went through, the first one first.
	Hops []Hop
	// Results are those of the server that delivered it: of several headers
	// the one on top, which alone it wrote itself (RFC 8601 section 5).
	Results []AuthResult
	// Spam are the fields of X-Forefront-Antispam-Report, with BCL of
	// X-Microsoft-Antispam.
	Spam map[string]string
	// AuthAs is "Internal" or "Anonymous", "" when the header is not there;
	// AuthSource the server that decided it, AuthMechanism its number.
	AuthAs, AuthSource, AuthMechanism string
	Direction                         string // "Originating" or "Incoming"
	// CrossTenant says that AuthAs is the one that survives outside the tenant.
	CrossTenant bool
	// Fields counts the header fields; 0 means that this is no header.
	Fields int
}

// Hop is one Received header.
type Hop struct {
	From     string // who handed it over, as it named itself
	Address  string // of it, as the server saw it
	By       string
	With     string // "ESMTPS", "Microsoft SMTP Server", ...
	At       time.Time
	After    time.Duration // since the hop before; negative where clocks differ
	TLS      string        // "TLS 1.3"; "" when nothing is said of it
	Cipher   string
	Secured  bool // TLS, of whatever version
	Internal bool // inside of one service: no network of others lies between
}

// The bounds of a header.
const (
	maxHead   = 1 << 20 // bytes that are read
	maxFields = 2000
	maxHops   = 100
	maxValue  = 8 << 10 // of one field that are looked at, in bytes
)

// headField is one header field, unfolded.
type headField struct{ name, value string }

// ReadHead reads the header of a message: of a whole message, of an .mbox with
// one, or of text that was pasted, whatever its line ends. What is no header
// field is passed over.
func ReadHead(raw []byte) Head {
	var h Head
	fields := splitFields(raw)
	h.Fields = len(fields)
	for _, f := range fields {
		h.take(f)
	}
	h.order()
	return h
}

// splitFields splits and unfolds a header (RFC 5322 section 2.2.3). An empty
// line ends it once there was a field.
func splitFields(raw []byte) []headField {
	var out []headField
	for line := range bytes.Lines(bytes.TrimPrefix(raw[:min(len(raw), maxHead)], []byte("\ufeff"))) {
		s := strings.TrimRight(string(line), "\r\n")
		switch {
		case strings.TrimSpace(s) == "":
			if len(out) > 0 {
				return out
			}
		case s[0] == ' ' || s[0] == '\t':
			if n := len(out); n > 0 {
				out[n-1].fold(s)
			}
		default: // what is no field is "From sender Sun ..." of an mbox among others
			if f, ok := fieldOn(s); ok && len(out) < maxFields {
				out = append(out, f)
			}
		}
	}
	return out
}

// fold adds a further line of the field.
func (f *headField) fold(s string) {
	if len(f.value) < maxValue {
		f.value = strings.TrimSpace(f.value + " " + strings.TrimSpace(s))
	}
}

// fieldOn reads the first line of a field.
func fieldOn(s string) (f headField, ok bool) {
	name, value, ok := strings.Cut(s, ":")
	if !ok || !isFieldName(name) {
		return f, false
	}
	return headField{name: strings.ToLower(strings.TrimSpace(name)), value: strings.TrimSpace(value)}, true
}

// isFieldName tells the name of a field (RFC 5322 section 3.6.8); the blanks
// before the colon that section 4.5 allows are taken.
func isFieldName(s string) bool {
	s = strings.TrimRight(s, " \t")
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) < 100
}

// take reads one field. Of fields that the last server writes the first one
// counts.
func (h *Head) take(f headField) {
	v := f.value[:min(len(f.value), maxValue)]
	switch f.name {
	case "received":
		if len(h.Hops) < maxHops {
			h.Hops = append(h.Hops, readHop(v))
		}
	case "authentication-results":
		if h.Results == nil {
			h.Results = ReadResults(v)
		}
	case "x-forefront-antispam-report":
		h.spam(v, "")
	case "x-microsoft-antispam":
		h.spam(v, "BCL")
	case "message-id":
		h.MessageID = first(h.MessageID, probes.Clean(v, 300))
	case "date":
		if h.Date.IsZero() {
			h.Date, _ = mail.ParseDate(v)
		}
	case "from":
		if h.From == "" {
			h.From = addressOf(v)
		}
	default:
		h.takeExchange(f.name, probes.Clean(v, 300))
	}
}

// takeExchange reads one of Exchange's own fields.
func (h *Head) takeExchange(name, v string) {
	switch name {
	case "x-ms-exchange-organization-authas":
		if h.AuthAs == "" || h.CrossTenant {
			h.AuthAs, h.CrossTenant = v, false
		}
	case "x-ms-exchange-organization-authsource":
		h.AuthSource = first(h.AuthSource, v)
	case "x-ms-exchange-organization-authmechanism":
		h.AuthMechanism = first(h.AuthMechanism, v)
	case "x-ms-exchange-organization-messagedirectionality":
		h.Direction = first(h.Direction, v)
	case "x-ms-exchange-crosstenant-authas":
		if h.AuthAs == "" {
			h.AuthAs, h.CrossTenant = v, true
		}
	}
}

// addressOf is the first address of a From header.
func addressOf(v string) string {
	if list, err := mail.ParseAddressList(v); err == nil && len(list) > 0 {
		return probes.Clean(list[0].Address, 320)
	}
	if open := strings.LastIndexByte(v, '<'); open >= 0 {
		v = v[open+1:]
		v, _, _ = strings.Cut(v, ">")
	}
	return probes.Clean(strings.TrimSpace(v), 320)
}

// order puts the hops in the order of the journey and reckons their delays.
func (h *Head) order() {
	for i, j := 0, len(h.Hops)-1; i < j; i, j = i+1, j-1 {
		h.Hops[i], h.Hops[j] = h.Hops[j], h.Hops[i]
	}
	last := time.Time{}
	for i := range h.Hops {
		hop := &h.Hops[i]
		if hop.At.IsZero() {
			continue
		}
		if !last.IsZero() {
			hop.After = hop.At.Sub(last)
		}
		last = hop.At
	}
}

// spam reads the fields of a report, "SCL:1;SFV:NSPM;..." (Microsoft,
// "Anti-spam message headers"). only, when it is set, is the one field wanted.
func (h *Head) spam(v, only string) {
	if h.Spam == nil {
		h.Spam = map[string]string{}
	}
	for part := range strings.SplitSeq(v, ";") {
		name, value, ok := strings.Cut(part, ":")
		name = strings.ToUpper(strings.TrimSpace(name))
		if _, known := h.Spam[name]; !ok || known || name == "" || len(name) > 20 || only != "" && name != only || len(h.Spam) > 60 {
			continue
		}
		h.Spam[name] = probes.Clean(strings.TrimSpace(value), 100)
	}
}
