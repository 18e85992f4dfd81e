package checks

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// The bounds of a reading. Memory does not grow with the log.
const (
	maxGroups  = 1000      // different refusals told apart; what comes after is counted under its class
	maxLine    = 64 << 10  // of a line that are looked at, in bytes
	maxSenders = 20        // kept for each group
	maxJobs    = 16 << 10  // messages and connections whose sender is remembered, twice over
	maxAnswers = 1000      // answers whose explanation is remembered, twice over
	chunk      = 256 << 10 // read at a time, in bytes
)

// RetiredReply is the id of the answer to a password after the retirement:
// 550 5.7.30.
const RetiredReply = "smtp-550-5.7.30"

// Log reads a log to its end and explains every refusal in it, grouped and
// counted: each is called once per group, the retirement's 550 5.7.30 first,
// then the most frequent. The error is the reader's.
func (e *Explainer) Log(r io.Reader, each func(Explanation)) error {
	reading := e.Reading()
	err := reading.ReadAll(r)
	for _, x := range reading.Explanations() {
		each(x)
	}
	return err
}

// Reading is the reading of one log or of several, one after the other. Any
// log will do: Postfix, Exim, the protocol logs of Exchange and IIS, swaks, a
// printer's export, a transcript, JSON lines. A failure that Postfix or Exim
// tells on two lines, when it happens and as what became of the message,
// counts once. It is for one goroutine.
type Reading struct {
	// Each, if it is set, is told of every refusal as it is found, with a
	// count of 1, its time as First, and its sender if the log tells it.
	Each func(Explanation)

	explainer *Explainer
	rest      []byte // the beginning of a line whose end is still to come
	begun     bool   // the first line of this log was seen
	table     table
	pending   refusal             // a reply whose next line is still to come
	senders   recent[string]      // by message or connection
	told      recent[bool]        // failures whose second line is still to come
	answers   recent[Explanation] // what was explained before
	groups    map[group]*Explanation
}

// group is what refusals of a log are told apart by.
type group struct {
	id       string // of a known one
	code     int
	enhanced string
}

// Reading begins to read logs.
func (e *Explainer) Reading() *Reading {
	return &Reading{
		explainer: e, groups: map[group]*Explanation{},
		senders: recent[string]{most: maxJobs}, told: recent[bool]{most: maxJobs}, answers: recent[Explanation]{most: maxAnswers},
	}
}

// ReadAll reads one log to its end. The error is the reader's.
func (r *Reading) ReadAll(in io.Reader) error {
	buf := make([]byte, chunk)
	for {
		n, err := in.Read(buf)
		_, _ = r.Write(buf[:n]) // takes everything
		if err == nil {
			continue
		}
		r.End()
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
}

// Write takes the next bytes of the log, wherever they are cut. It never
// fails.
func (r *Reading) Write(p []byte) (int, error) {
	n := len(p)
	if len(r.rest) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			r.keep(p)
			return n, nil
		}
		r.keep(p[:end])
		r.endLine()
		p = p[end+1:]
	}
	last := bytes.LastIndexByte(p, '\n')
	if last >= 0 {
		r.block(p[:last+1])
	}
	r.keep(p[last+1:])
	return n, nil
}

// keep adds to the line that is not complete; of a longer line the rest is
// lost.
func (r *Reading) keep(p []byte) {
	r.rest = append(r.rest, p[:min(len(p), maxLine-len(r.rest))]...)
}

func (r *Reading) endLine() {
	line := append(r.rest, '\n')
	r.block(line)
	r.rest = line[:0]
}

// Pause counts a reply whose last line has not come for a while.
func (r *Reading) Pause() { r.flush() }

// End ends one log; the next bytes are another's. The counts go on.
func (r *Reading) End() {
	if len(r.rest) > 0 {
		r.endLine()
	}
	r.flush()
	r.begun, r.table = false, table{}
	r.senders.put("", "")
}

// block reads whole lines: of all lines only those with something to see are
// looked at.
func (r *Reading) block(b []byte) {
	if !r.begun {
		first := b[:bytes.IndexByte(b, '\n')]
		r.table = tableOf(string(first[:min(len(first), maxLine)]))
		r.begun = true
	}
	s := newSearch(b)
	for at := 0; at < len(b); {
		hit := s.next(at)
		if hit < 0 {
			return
		}
		start := at + bytes.LastIndexByte(b[at:hit], '\n') + 1
		end := hit + bytes.IndexByte(b[hit:], '\n')
		if hit-start < maxLine {
			line := strings.TrimRight(string(b[start:min(end, start+maxLine)]), "\r")
			if more := s.next(hit + 1); b[hit] == '<' && line[0] != '{' && (more < 0 || more > end) {
				r.whose(line) // a sender, and nothing that refuses it
			} else {
				r.line(line)
			}
		}
		at = end + 1
	}
}

// line reads one line in which there may be something.
func (r *Reading) line(line string) {
	if strings.HasPrefix(line, "{") && r.object(line) {
		return
	}
	from := r.whose(line)
	if i := strings.Index(line, "AADSTS"); i >= 0 {
		if n, ok := findAADSTS(line[i:min(len(line), i+20)]); ok {
			r.flush()
			r.count(r.explainer.signIn(n, ""), r.complete(from, line))
			return
		}
	}
	if found, ok := r.table.reply(line); ok && found.class() >= "4" {
		r.reply(refusal{found: found, origin: r.complete(from, line)})
	}
}

// refusal is a reply and where it was found.
type refusal struct {
	found
	origin
}

// reply takes a reply of a log; one that refuses nothing is passed over.
func (r *Reading) reply(x refusal) {
	if x.class() < "4" {
		return
	}
	if r.pending.more && r.pending.code == x.code && r.pending.job == x.job {
		x.text = joined(r.pending.text, x.text)
		if x.status == 0 {
			x.status, x.enhanced = r.pending.status, r.pending.enhanced
		}
		x.when, x.sender = r.pending.when, cmp.Or(r.pending.sender, x.sender)
		r.pending = refusal{}
	}
	r.flush()
	if x.more {
		r.pending = x
		return
	}
	r.count(r.explain(x.found), x.origin)
}

// explain explains a reply, which in a log is mostly one that was met before.
func (r *Reading) explain(f found) Explanation {
	if len(f.text) > 512 {
		return r.explainer.reply(f)
	}
	key := strings.Join([]string{strconv.Itoa(f.code), f.enhanced, f.text}, "\x00")
	x, ok := r.answers.get(key)
	if !ok {
		x = r.explainer.reply(f).apart()
		r.answers.put(key, x)
	}
	x.Server = clean(f.server)
	return x
}

// flush counts a reply whose last line never came.
func (r *Reading) flush() {
	if r.pending.more {
		x := r.pending
		r.pending = refusal{}
		r.count(r.explain(x.found), x.origin)
	}
}

func (r *Reading) count(x Explanation, from origin) {
	key := group{id: x.ID, code: x.Code, enhanced: x.Enhanced}
	if x.Known {
		key = group{id: x.ID}
	}
	if r.repeated(key, from) {
		return
	}
	if r.Each != nil {
		one := x
		one.Count, one.First = 1, from.when
		one.meets(from)
		r.Each(one)
	}
	old, ok := r.groups[key]
	if !ok && len(r.groups) >= maxGroups {
		key = group{enhanced: x.Class}
		old, ok = r.groups[key]
		x = Explanation{Class: x.Class}
	}
	if !ok {
		kept := x.apart()
		key.enhanced = strings.Clone(key.enhanced)
		old = &kept
		r.groups[key] = old
	}
	old.Count++
	from.when = strings.Clone(from.when)
	old.First = cmp.Or(old.First, from.when)
	old.Last = cmp.Or(from.when, old.Last)
	old.meets(from)
}

// apart is e without hold on the line that it was read from.
func (e Explanation) apart() Explanation {
	e.Enhanced, e.Text = strings.Clone(e.Enhanced), strings.Clone(e.Text)
	e.Server, e.Sub, e.Class = strings.Clone(e.Server), strings.Clone(e.Sub), strings.Clone(e.Class)
	return e
}

// repeated tells whether this is the second line about one failure: of the
// same message or process, and of the same meaning.
func (r *Reading) repeated(key group, from origin) bool {
	if from.part == whole {
		return false
	}
	for _, job := range []string{from.job, from.process} {
		if job == "" {
			continue
		}
		id := strings.Join([]string{job, key.id, strconv.Itoa(key.code), key.enhanced}, "\x00")
		open, _ := r.told.get(id)
		if from.part == happening {
			r.told.put(id, true)
			return open
		}
		if open {
			r.told.put(id, false)
			return true
		}
	}
	return false
}

// meets adds a sender.
func (e *Explanation) meets(from origin) {
	if from.sender == "" {
		return
	}
	who := clean(from.sender)
	known := func(s string) bool { return strings.EqualFold(s, who) }
	switch {
	case slices.ContainsFunc(e.Senders, known):
	case len(e.Senders) >= maxSenders:
		e.MoreSenders = true
	default:
		e.Senders = append(e.Senders, strings.Clone(who))
	}
}

// Explanations are the refusals so far, grouped: the retirement's first, then
// the most frequent.
func (r *Reading) Explanations() []Explanation {
	var out []Explanation
	for _, x := range r.groups {
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

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// recent remembers what was put last, between most and twice as much.
type recent[T any] struct {
	most     int
	new, old map[string]T
}

func (m *recent[T]) put(key string, v T) {
	if len(m.new) >= m.most || m.new == nil {
		m.new, m.old = make(map[string]T), m.new
	}
	m.new[key] = v
}

func (m *recent[T]) get(key string) (T, bool) {
	if v, ok := m.new[key]; ok {
		return v, true
	}
	v, ok := m.old[key]
	return v, ok
}
