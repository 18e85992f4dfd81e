package checks

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
)

// maxGroups bounds how many different refusals of one log are told apart.
// What comes after is counted under its class.
const maxGroups = 1000

// maxLine is how much of a line of a log is looked at, in bytes.
const maxLine = 64 << 10

// Log reads a log to its end and explains every refusal in it, grouped and
// counted: each is called once per group, the retirement's 550 5.7.30 first,
// then the most frequent. Any log will do: Postfix, Exim, swaks, Exchange, a
// transcript. Memory does not grow with the log. The error is the reader's.
func (e *Explainer) Log(r io.Reader, each func(Explanation)) error {
	g := groups{explainer: e, seen: map[group]*Explanation{}}
	in := bufio.NewReaderSize(r, maxLine)
	var err error
	for err == nil {
		var line []byte
		line, err = in.ReadSlice('\n')
		g.line(line)
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of a line that is too long
			_, err = in.ReadSlice('\n')
		}
	}
	g.flush()
	for _, x := range g.sorted() {
		each(x)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// group is what refusals of a log are told apart by.
type group struct {
	id       string // of a known one
	code     int
	enhanced string
}

type groups struct {
	explainer *Explainer
	seen      map[group]*Explanation
	pending   found // a reply whose next line is still to come
}

func (g *groups) line(line []byte) {
	if i := bytes.Index(line, []byte("AADSTS")); i >= 0 {
		if n, ok := findAADSTS(string(line[i:min(len(line), i+20)])); ok {
			g.flush()
			g.count(g.explainer.signIn(n, ""))
			return
		}
	}
	if !mayRefuse(line) {
		return
	}
	r, ok := findReply(string(line), true)
	if !ok || r.class() < "4" {
		return
	}
	if g.pending.more && g.pending.code == r.code {
		r.text = joined(g.pending.text, r.text)
		if r.status == 0 {
			r.status, r.enhanced = g.pending.status, g.pending.enhanced
		}
		g.pending = found{}
	}
	g.flush()
	if r.more {
		g.pending = r
		return
	}
	g.count(g.explainer.reply(r))
}

// flush counts a reply whose last line never came.
func (g *groups) flush() {
	if g.pending.more {
		g.count(g.explainer.reply(g.pending))
		g.pending = found{}
	}
}

func (g *groups) count(x Explanation) {
	key := group{id: x.ID, code: x.Code, enhanced: x.Enhanced}
	if x.Known {
		key = group{id: x.ID}
	}
	old, ok := g.seen[key]
	if !ok && len(g.seen) >= maxGroups {
		key = group{enhanced: x.Class}
		old, ok = g.seen[key]
		x = Explanation{Class: x.Class}
	}
	if !ok {
		old = &x
		g.seen[key] = old
	}
	old.Count++
}

func (g *groups) sorted() []Explanation {
	var out []Explanation
	for _, x := range g.seen {
		out = append(out, *x)
	}
	slices.SortFunc(out, func(a, b Explanation) int {
		return cmp.Or(
			-cmp.Compare(btoi(a.ID == RetiredReply), btoi(b.ID == RetiredReply)),
			-cmp.Compare(a.Count, b.Count),
			cmp.Compare(a.ID, b.ID), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Enhanced, b.Enhanced),
			cmp.Compare(a.Class, b.Class),
		)
	})
	return out
}

// RetiredReply is the id of the answer to a password after the retirement:
// 550 5.7.30.
const RetiredReply = "smtp-550-5.7.30"

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// mayRefuse is a quick look for what could be a code of a refusal: a 4 or 5
// at the beginning of a number of three digits or of an enhanced code.
func mayRefuse(line []byte) bool {
	for i := 0; i+2 < len(line); i++ {
		if line[i] != '4' && line[i] != '5' || i > 0 && isWord(line[i-1]) {
			continue
		}
		if line[i+1] == '.' || isDigit(line[i+1]) && isDigit(line[i+2]) {
			return true
		}
	}
	return false
}
