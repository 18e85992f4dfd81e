package submit

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// The lengths of the pieces that are looked for, in bytes. Six characters of a
// secret are eight of its base64.
const (
	shortest = 4 // of a whole secret: shorter ones are everywhere
	piece    = 6
	encoded  = 8
)

// mask knows secrets and everything that they are sent as, and cuts pieces of
// them out of whatever the server repeats, however it is split over lines. The
// nil mask knows none.
//
// A piece that also stands in something that is no secret, an address or the
// name of a host, tells nothing: it is cut only as part of a longer one.
type mask struct {
	label    string    // "<token, 1432 bytes>"
	literal  []*pieces // of the secret as it is
	squeezed []*pieces // of the secret without white space, and of its base64
}

// pieces are those of one length in bytes, at most eight, each as a number.
type pieces struct {
	length int
	public map[uint64]bool // of each piece, whether what is no secret has it too
}

// and makes a mask for one more secret; kind is "token" or "password".
// payloads are what it is sent as, before base64; public is what is no secret.
func (m *mask) and(kind, secret string, payloads, public []string) *mask {
	if m == nil {
		m = &mask{}
	}
	m.label = fmt.Sprintf("<%s, %d bytes>", kind, len(secret))
	m.literal = with(m.literal, secret, piece, shortest)
	m.squeezed = with(m.squeezed, squeezed(secret), piece, shortest)
	for _, p := range payloads {
		m.squeezed = with(m.squeezed, base64.RawStdEncoding.EncodeToString([]byte(p)), encoded, piece)
	}
	for _, e := range encodings(secret) {
		m.squeezed = with(m.squeezed, e, encoded, piece)
	}
	for _, p := range append(usual(), append(public, m.label)...) {
		if secret == "" || strings.Contains(p, secret) {
			continue
		}
		forget(m.literal, p)
		forget(m.squeezed, squeezed(p))
		for _, e := range append(encodings(p), base64.RawStdEncoding.EncodeToString([]byte(p))) {
			forget(m.squeezed, e)
		}
	}
	return m
}

// usual is what servers say to everybody.
func usual() []string {
	return []string{"Username:", "Password:", "User Name\x00", "Password\x00", "username", "password", "Authentication", "authentication"}
}

// encodings are the base64 of s wherever it stands in a longer text, without
// the characters that it shares with its neighbours there; in both alphabets
// (RFC 4648 sections 4 and 5).
func encodings(s string) []string {
	var out []string
	for before := range 3 {
		all := base64.RawStdEncoding.EncodeToString([]byte("\x00\x00"[:before] + s))
		end := (before + len(s)) * 8 / 6
		own := all[min((before*8+5)/6, end):end]
		out = append(out, own)
		if other := strings.NewReplacer("+", "-", "/", "_").Replace(own); other != own {
			out = append(out, other)
		}
	}
	return out
}

// with takes up all pieces of s of that length. A shorter s, down to the
// least, is a piece as a whole.
func with(sets []*pieces, s string, length, least int) []*pieces {
	length = min(length, len(s))
	if length < least {
		return sets
	}
	var set *pieces
	for _, p := range sets {
		if p.length == length {
			set = p
		}
	}
	if set == nil {
		set = &pieces{length, make(map[uint64]bool, 4*len(s))}
		sets = append(sets, set)
	}
	set.each(s, func(_ int, n uint64) { set.public[n] = false })
	return sets
}

// forget remembers which pieces s has too.
func forget(sets []*pieces, s string) {
	for _, set := range sets {
		set.each(s, func(_ int, n uint64) {
			if _, ok := set.public[n]; ok {
				set.public[n] = true
			}
		})
	}
}

// each goes through the pieces of s in their order, which end before end.
func (p *pieces) each(s string, do func(end int, n uint64)) {
	var n uint64
	within := ^uint64(0) >> (64 - 8*p.length)
	for i := range len(s) {
		if n = n<<8&within | uint64(s[i]); i+1 >= p.length {
			do(i+1, n)
		}
	}
}

// mark calls found with each stretch of s that is made of pieces, unless all
// of them are public.
func (p *pieces) mark(s string, found func(from, end int)) {
	from, end, secret := 0, 0, false // of the stretch under way
	over := func() {
		if secret {
			found(from, end)
		}
		secret = false
	}
	p.each(s, func(at int, n uint64) {
		public, ok := p.public[n]
		if !ok {
			return
		}
		if at != end+1 {
			over()
			from = at - p.length
		}
		end, secret = at, secret || !public
	})
	over()
}

// lines cuts every stretch out of lines that comes from a secret, also one
// that goes on from one line to the next. The code that a reply begins with
// stays.
func (m *mask) lines(lines []string) []string {
	if m == nil {
		return lines
	}
	text := strings.Join(lines, "\n")
	secret, hit := make([]bool, len(text)), false
	mark := func(from, end int) {
		hit = true
		for i := from; i < end; i++ {
			secret[i] = true
		}
	}
	for _, p := range m.literal {
		p.mark(text, mark)
	}
	for _, enhanced := range []bool{false, true} {
		tight, at := tightened(lines, enhanced)
		for _, p := range m.squeezed {
			p.mark(tight, func(from, end int) { mark(at[from], at[end-1]+1) })
		}
	}
	if !hit {
		return lines
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		code := codeLength(l)
		out[i] = l[:code] + m.labelled(l[code:], secret[code:])
		secret = secret[min(len(l)+1, len(secret)):]
	}
	return out
}

// labelled puts the label where s is secret.
func (m *mask) labelled(s string, secret []bool) string {
	var b strings.Builder
	for i := range len(s) {
		switch {
		case !secret[i]:
			b.WriteByte(s[i])
		case i == 0 || !secret[i-1]:
			b.WriteString(m.label)
		}
	}
	return b.String()
}

// cut is lines for one text.
func (m *mask) cut(s string) string {
	if m == nil {
		return s
	}
	return strings.Join(m.lines(strings.Split(s, "\n")), "\n")
}

// codeLength is how long the code is that a line of a reply begins with, with
// the sign behind it.
func codeLength(l string) int {
	if len(l) < 4 || l[0] < '2' || l[0] > '5' || strings.Trim(l[:3], "0123456789") != "" || l[3] != ' ' && l[3] != '-' {
		return 0
	}
	return 4
}

// tightened is what lines say without the codes that they begin with, the
// enhanced ones (RFC 2034) too or not, and without white space, and where each
// byte of it stands in the lines joined by a line end.
func tightened(lines []string, enhanced bool) (tight string, at []int) {
	var b strings.Builder
	before := 0
	for _, l := range lines {
		from := codeLength(l)
		if enhanced && from > 0 {
			from += enhancedLength(l[from:])
		}
		for i := from; i < len(l); i++ {
			if !blank(l[i]) {
				b.WriteByte(l[i])
				at = append(at, before+i)
			}
		}
		before += len(l) + 1
	}
	return b.String(), at
}

// enhancedLength is how long the enhanced code is that s begins with, with the
// white space before it.
func enhancedLength(s string) int {
	begin := 0
	for begin < len(s) && blank(s[begin]) {
		begin++
	}
	end := begin
	for end < len(s) && !blank(s[end]) {
		end++
	}
	if word := s[begin:end]; strings.Count(word, ".") != 2 || strings.Trim(word, "0123456789.") != "" {
		return 0
	}
	return end
}

// blank tells white space and the control characters.
func blank(c byte) bool { return c <= ' ' || c == 0x7f }

// squeezed is s without white space and control characters.
func squeezed(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if !blank(s[i]) {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
