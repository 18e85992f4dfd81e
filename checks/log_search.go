package checks

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// search finds the lines of a block that are worth a look. It walks the block
// once for each sign, and never line by line.
type search struct {
	block []byte
	signs [2]sign
	code  int // where the next code or sender may be; len(block): nowhere
}

// sign is a text that makes a line worth a look, and where it comes next.
type sign struct {
	text []byte
	next int
}

// newSearch looks for a hello and a sign-in error, beside the codes and the
// names of senders.
func newSearch(b []byte) *search {
	return &search{block: b, code: -1, signs: [2]sign{{[]byte("EHLO "), -1}, {[]byte("AADSTS"), -1}}}
}

// next is where the next sign or code from at on begins; -1 for none.
func (s *search) next(at int) int {
	if s.code < at {
		s.code = nextCode(s.block, at)
	}
	hit := s.code
	for i := range s.signs {
		x := &s.signs[i]
		if x.next < at {
			x.next = len(s.block)
			if n := bytes.Index(s.block[at:], x.text); n >= 0 {
				x.next = at + n
			}
		}
		hit = min(hit, x.next)
	}
	if hit == len(s.block) {
		return -1
	}
	return hit
}

// nextCode finds what could be a code of a refusal, from at on: 4 or 5 and two
// digits, or the beginning of an enhanced code; or the bracket before a
// sender. It is len(b) for none.
func nextCode(b []byte, at int) int {
	i := at
	for ; i+8 <= len(b); i += 8 { // eight bytes at a time
		for m := fours(binary.LittleEndian.Uint64(b[i:])); m != 0; m &= m - 1 {
			if j := i + bits.TrailingZeros64(m)/8; worth(b, j) {
				return j
			}
		}
	}
	for ; i < len(b); i++ {
		if worth(b, i) {
			return i
		}
	}
	return len(b)
}

// fours marks, by their highest bit, those of eight bytes that are '4', '5' or
// '<' (H. S. Warren, Hacker's Delight, section 6-1).
func fours(x uint64) uint64 {
	const ones, low = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f
	digit := (x | ones) ^ ones*'5' // '4'|1 is '5'
	bracket := x ^ ones*'<'
	digit = (digit&low + low) | digit | low
	bracket = (bracket&low + low) | bracket | low
	return ^(digit & bracket)
}

// worth tells whether a code or a sender may begin at i.
func worth(b []byte, i int) bool {
	switch c := b[i]; {
	case c == '<':
		return namesSender(b, i)
	case c|1 != '5' || i > 0 && isWord(b[i-1]):
		return false
	}
	return mayRefuse(b[i:min(len(b), i+8)])
}

// namesSender tells whether a sender stands at the bracket at i: "from=<" of
// Postfix, "FROM:<" of a dialogue, "id <= sender" of Exim.
func namesSender(b []byte, i int) bool {
	if i >= 5 && (b[i-1] == '=' || b[i-1] == ':') {
		before := string(b[i-5 : i])
		return before == "from=" || before == "FROM:" || before == "from:"
	}
	return i > 0 && b[i-1] == ' ' && bytes.HasPrefix(b[i:], []byte("<= "))
}

// mayRefuse is a quick look for the code of a refusal at the beginning of b.
func mayRefuse(b []byte) bool {
	if len(b) < 3 {
		return false
	}
	if b[1] == '.' { // at most 999.999
		dot := bytes.IndexByte(b[2:], '.')
		return 1 <= dot && dot <= 3 && isDigit(b[2]) && isDigit(b[dot+1])
	}
	if !isDigit(b[1]) || b[1] > '5' || !isDigit(b[2]) {
		return false
	}
	return len(b) == 3 || endsCode(b[3])
}

// endsCode tells the bytes that may follow a reply code in a log.
func endsCode(c byte) bool {
	switch c {
	case ' ', '-', '+', ',', ';', ':', '\'', '"', '#', ')', '\t', '\r', '\n':
		return true
	}
	return false
}
