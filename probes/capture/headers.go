package capture

import (
	"bytes"
	"encoding/binary"
	"mime"
	"slices"
	"strings"

	"offbasic/probes"
)

// Bounds of what is read of a message's headers.
const (
	headerBytes   = 32 << 10 // of the message itself
	partBytes     = 8 << 10  // of one part's
	keptParts     = 20       // attachments
	keptBoundary  = 8        // boundaries, one in the other
	boundaryBytes = 70       // RFC 2046, section 5.1.1
)

// headerReader watches a message go by, in pieces of any size, and keeps the
// headers that tell who made it and the names of its attachments.
type headerReader struct {
	block  []byte // of the header that is being read
	line   []byte // the part of a line that came so far
	in     section
	found  probes.Message
	bounds []string

	skipping bool // the rest of a line that is no boundary

	bareLF, nul, eightBit, long bool
	lineLen                     int
}

// section is where in a message the reader is.
type section int

const (
	inHeader section = iota
	inBody
	inPart // the header of a part
)

// feed takes the next piece.
func (h *headerReader) feed(b []byte) {
	h.notice(b)
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		whole := i >= 0
		piece := b
		if whole {
			piece = b[:i]
		}
		b = b[len(piece):]
		if whole {
			b = b[1:]
		}
		if h.skipping || h.skips(piece) {
			h.skipping = !whole
			h.line = h.line[:0]
			continue
		}
		h.line = append(h.line, piece[:min(len(piece), max(0, headerBytes-len(h.line)))]...)
		if whole {
			h.take(bytes.TrimRight(h.line, "\r"))
			h.line = h.line[:0]
		}
	}
}

// skips tells a line of a body that is no boundary, without keeping it.
func (h *headerReader) skips(piece []byte) bool {
	if h.in != inBody {
		return false
	}
	if len(h.bounds) == 0 {
		return true
	}
	if len(h.line) == 0 {
		return len(piece) > 0 && piece[0] != '-'
	}
	return len(h.line)+len(piece) > 4*boundaryBytes
}

// notice watches for bytes and lines that mail does not have.
func (h *headerReader) notice(b []byte) {
	if !h.nul && bytes.IndexByte(b, 0) >= 0 {
		h.nul = true
	}
	h.eightBit = h.eightBit || hasEightBit(b)
	for !h.long && len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			h.lineLen += len(b)
			h.long = h.lineLen > longLine
			return
		}
		h.long = h.lineLen+i > longLine+1
		h.lineLen = 0
		b = b[i+1:]
	}
}

// hasEightBit looks at eight bytes at a time: it sees all of every message.
func hasEightBit(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.NativeEndian.Uint64(b)&0x8080808080808080 != 0 {
			return true
		}
	}
	return slices.ContainsFunc(b, func(c byte) bool { return c >= 0x80 })
}

// quirks of the message's bytes.
func (h *headerReader) quirks(declared bool) []string {
	var q []string
	if h.bareLF {
		q = append(q, quirkBareLF)
	}
	if h.nul {
		q = append(q, quirkNUL)
	}
	if h.eightBit && !declared {
		q = append(q, quirkEightBit)
	}
	if h.long {
		q = append(q, quirkLongLine)
	}
	return q
}

// take is one whole line.
func (h *headerReader) take(l []byte) {
	if h.in == inBody {
		h.boundary(l)
		return
	}
	limit := headerBytes
	if h.in == inPart {
		limit = partBytes
	}
	if len(bytes.TrimSpace(l)) == 0 || len(h.block)+len(l) > limit {
		h.endHeader()
		return
	}
	h.block = append(append(h.block, l...), '\n')
}

// boundary tells the line between two parts.
func (h *headerReader) boundary(l []byte) {
	text, ok := bytes.CutPrefix(bytes.TrimRight(l, " \t"), []byte("--"))
	if ok && slices.Contains(h.bounds, string(text)) {
		h.in = inPart
	}
}

func (h *headerReader) endHeader() {
	fields := fields(h.block)
	if h.in == inHeader {
		h.summarise(fields)
	} else {
		h.part(fields)
	}
	h.block, h.in = nil, inBody
}

// field is one header field, unfolded.
type field struct{ name, value string }

// fields splits a header block; a line that is neither a field nor a
// continuation is left out.
func fields(block []byte) []field {
	var fs []field
	for l := range bytes.Lines(block) {
		text := strings.TrimRight(string(l), "\r\n")
		if text != "" && (text[0] == ' ' || text[0] == '\t') {
			if len(fs) > 0 {
				fs[len(fs)-1].value += " " + strings.TrimSpace(text)
			}
			continue
		}
		if name, value, ok := strings.Cut(text, ":"); ok {
			fs = append(fs, field{strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)})
		}
	}
	return fs
}

func (h *headerReader) summarise(fs []field) {
	m := &h.found
	for _, f := range fs {
		text := clean(decodeWords(f.value), keptSubject)
		switch f.name {
		case "from":
			set(&m.From, text)
		case "to", "cc":
			h.recipients(f.value)
		case "subject":
			set(&m.Subject, text)
		case "message-id":
			set(&m.MessageID, text)
		case "x-mailer", "user-agent":
			set(&m.Mailer, text)
		case "date":
			set(&m.Date, text)
		}
	}
	h.part(fs)
}

// recipients splits a list of addresses at its commas, not at those in quotes.
func (h *headerReader) recipients(value string) {
	quoted := false
	list := strings.FieldsFunc(value, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ',' && !quoted
	})
	for _, a := range list {
		if a = clean(decodeWords(strings.TrimSpace(a)), keptName); a != "" && len(h.found.To) < keptParts {
			h.found.To = append(h.found.To, a)
		}
	}
}

// part reads what a header says of the content below it. The file name of the
// disposition goes before the one of the type (RFC 2183, section 2.3).
func (h *headerReader) part(fs []field) {
	name, disposed := "", ""
	for _, f := range fs {
		switch f.name {
		case "content-type":
			params := parameters(f.value)
			h.bound(params["boundary"])
			set(&name, params["name"])
		case "content-disposition":
			set(&disposed, parameters(f.value)["filename"])
		}
	}
	if disposed != "" {
		name = disposed
	}
	if name != "" && len(h.found.Attachments) < keptParts {
		h.found.Attachments = append(h.found.Attachments, clean(decodeWords(name), keptName))
	}
}

// bound remembers what stands between the parts that follow.
func (h *headerReader) bound(b string) {
	if b == "" || len(b) > 4*boundaryBytes {
		return
	}
	set(&h.found.Boundary, clean(b, keptName))
	if len(h.bounds) < keptBoundary {
		h.bounds = append(h.bounds, b)
	}
}

// summary is what was found; it may be asked before the message's end.
func (h *headerReader) summary() probes.Message {
	if h.in != inBody && len(h.block)+len(h.line) > 0 { // a message of headers only
		h.block = append(h.block, h.line...)
		h.line = nil
		h.endHeader()
	}
	return h.found
}

// parameters reads "type; name=value; ..." as devices write it: quotes or
// none, spaces anywhere, RFC 2231 or raw 8-bit names.
func parameters(value string) map[string]string {
	if _, params, err := mime.ParseMediaType(value); err == nil {
		return params
	}
	params := map[string]string{}
	for _, p := range strings.Split(value, ";")[1:] {
		k, v, ok := strings.Cut(p, "=")
		if ok {
			params[strings.ToLower(strings.TrimSpace(k))] = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return params
}

// decodeWords reads RFC 2047 words; what cannot be read stays as it is.
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	d, err := new(mime.WordDecoder).DecodeHeader(s)
	if err != nil {
		return s
	}
	return d
}

// set keeps the first value.
func set(to *string, v string) {
	if *to == "" {
		*to = v
	}
}
