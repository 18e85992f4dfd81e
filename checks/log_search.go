package checks

import "bytes"

// search finds the lines of a block that are worth a look. It walks the block
// once for each sign, and never line by line.
type search struct {
	block []byte
	signs [5]sign
	code  int // where the next code may be; len(block): nowhere
}

// sign is a text that makes a line worth a look, and where it comes next.
type sign struct {
	text []byte
	next int
}

// newSearch looks for who sends (Postfix, Exim, a dialogue), who says hello,
// and a sign-in error, beside the codes.
func newSearch(b []byte) *search {
	s := &search{block: b, code: -1}
	for i, text := range [...]string{"from=<", " <= ", "FROM:<", "EHLO ", "AADSTS"} {
		s.signs[i] = sign{text: []byte(text), next: -1}
	}
	return s
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
// digits, or the beginning of an enhanced code. It is len(b) for none.
func nextCode(b []byte, at int) int {
	for i := at; i < len(b); i++ {
		if b[i]|1 == '5' && (i == 0 || !isWord(b[i-1])) && mayRefuse(b[i:min(len(b), i+8)]) {
			return i
		}
	}
	return len(b)
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
