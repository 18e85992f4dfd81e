package checks

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"offbasic/probes"
)

// Explanation says what a reply or a sign-in error means. It holds ids; Worded
// fills in the sentences.
type Explanation struct {
	// Code is the SMTP reply code or the AADSTS number; 0 when the reply came
	// without one.
	Code     int    `json:"code,omitempty"`
	Enhanced string `json:"enhanced,omitempty"`
	// ID is the row of the catalogue, "smtp-550-5.7.30" or "aadsts-7000215".
	ID    string `json:"id,omitempty"`
	Known bool   `json:"known"`
	// Class is all that is sure of an unknown one: "5", "5.7" (RFC 3463,
	// section 2 and 3.1 to 3.8) or "aadsts".
	Class string `json:"class,omitempty"`
	// Variants are the rows that share the code of an unknown text.
	Variants []string `json:"variants,omitempty"`
	Handling Handling `json:"handling,omitempty"`
	Meaning  string   `json:"meaning,omitempty"`
	Causes   []string `json:"causes,omitempty"`
	Remedies []string `json:"remedies,omitempty"`
	Text     string   `json:"text,omitempty"` // as the server said it, cleaned
	// Server is Microsoft's bracket at the end: server, time and id.
	Server string `json:"server,omitempty"`
	// Sub is the sub-code inside the text: "AS46601", "ATTR34".
	Sub string `json:"sub,omitempty"`
	// Count is how often a log held it; 0 for a single reply.
	Count int `json:"count,omitempty"`
	// Senders are who met it, as far as the log tells: envelope senders, else
	// accounts, else hosts; at most 20. MoreSenders says that there were others.
	Senders     []string `json:"senders,omitempty"`
	MoreSenders bool     `json:"more_senders,omitempty"`
	// First and Last are when it was met, as the log writes times.
	First string `json:"first,omitempty"`
	Last  string `json:"last,omitempty"`

	causes, remedies int
	// likely and helpful, when set, are the numbers of the causes and remedies
	// that are left, the likeliest first.
	likely, helpful []int
}

// MarshalJSON writes the explanation with its type.
func (e Explanation) MarshalJSON() ([]byte, error) {
	type plain Explanation
	return json.Marshal(struct {
		Type string `json:"type"`
		plain
	}{"explanation", plain(e)})
}

// Key is the beginning of the keys of its words: "reply.smtp-550-5.7.30",
// "aadsts.7000215"; "" for an unknown one.
func (e Explanation) Key() string {
	if n, ok := strings.CutPrefix(e.ID, "aadsts-"); ok {
		return "aadsts." + n
	}
	if e.ID == "" {
		return ""
	}
	return "reply." + e.ID
}

// Worded returns e with its sentences, as words has them. Of an unknown reply
// it says that nobody knows it, what its class means, and what else the same
// code was seen to mean.
func (e Explanation) Worded(words func(key string) (string, bool)) Explanation {
	say := func(key string) string { s, _ := words(key); return s }
	if !e.Known {
		return e.wordedUnknown(say)
	}
	key := e.Key()
	e.Meaning = say(key + ".meaning")
	e.Causes = numbered(say, key+".cause.", e.causes, e.likely)
	e.Remedies = numbered(say, key+".remedy.", e.remedies, e.helpful)
	return e
}

func (e Explanation) wordedUnknown(say func(string) string) Explanation {
	keys := []string{"explain.unknown"}
	if len(e.Variants) > 0 {
		keys = []string{"explain.variants"}
	}
	if class, subject, _ := strings.Cut(e.Class, "."); e.Class != "" {
		keys = append(keys, "class."+class)
		if subject != "" {
			keys = append(keys, "subject."+subject)
		}
	}
	said := make([]string, len(keys))
	for i, k := range keys {
		said[i] = say(k)
	}
	e.Meaning = strings.Join(said, " ")
	e.Causes = nil
	for _, id := range e.Variants {
		e.Causes = append(e.Causes, say("reply."+id+".meaning"))
	}
	return e
}

// numbered are the sentences 1 to n of a row, or those that are picked.
func numbered(say func(string) string, key string, n int, picked []int) []string {
	var out []string
	for i := range n {
		if picked == nil {
			out = append(out, say(key+strconv.Itoa(i+1)))
		}
	}
	for _, i := range picked {
		out = append(out, say(key+strconv.Itoa(i)))
	}
	return out
}

// Explainer knows the catalogues of replies and of sign-in errors. It is safe
// for use by several goroutines.
type Explainer struct {
	rows    []replyRow
	subject map[status][]int // rows by class and subject of the enhanced code
	code    map[int][]int    // rows by reply code
	aadsts  map[int]AADSTSFact
}

// replyRow is a ReplyFact made ready for matching.
type replyRow struct {
	ReplyFact
	ranges [][2]status
	pieces [][]byte // of the text, squeezed
}

// NewExplainer reads the catalogues. Build one and keep it.
func NewExplainer() *Explainer {
	e := &Explainer{subject: map[status][]int{}, code: map[int][]int{}, aadsts: map[int]AADSTSFact{}}
	for i, f := range Replies() {
		row := replyRow{ReplyFact: f}
		for _, s := range f.Enhanced {
			lo, hi := parseRange(s)
			row.ranges = append(row.ranges, [2]status{lo, hi})
		}
		for _, s := range f.Match {
			row.pieces = append(row.pieces, squeeze(nil, s))
		}
		e.rows = append(e.rows, row)
		if len(row.ranges) > 0 {
			k := row.ranges[0][0].subject()
			e.subject[k] = append(e.subject[k], i)
		}
		e.code[f.Code] = append(e.code[f.Code], i)
	}
	for _, f := range SignInErrors() {
		e.aadsts[f.Code] = f
	}
	return e
}

// Explain explains one reply or sign-in error in whatever form it was copied:
// a reply of one or several lines, a line of swaks, Postfix, Exim or of a
// transcript, "AADSTS7000215: ...", a bare code, or the text without its code.
// ok is false when there is nothing of the kind in text.
func (e *Explainer) Explain(text string) (x Explanation, ok bool) {
	if n, ok := findAADSTS(text); ok {
		return e.signIn(n, text), true
	}
	if r, ok := findReplies(text); ok {
		return e.reply(r), true
	}
	if n, ok := bareNumber(text); ok {
		return e.signIn(n, ""), true
	}
	if id, many := e.byText(text); id >= 0 && !many {
		return e.known(e.rows[id], found{text: text}), true
	}
	return Explanation{}, false
}

// Reply explains a reply that was read already.
func (e *Explainer) Reply(r probes.Reply) Explanation {
	return e.reply(found{
		code: r.Code, status: parseStatus(r.Enhanced), enhanced: r.Enhanced, text: r.Text, server: r.Server,
	})
}

// SignIn explains an AADSTS number, given with or without its prefix.
func (e *Explainer) SignIn(code string) (x Explanation, ok bool) {
	if n, ok := findAADSTS(code); ok {
		return e.signIn(n, ""), true
	}
	if n, ok := bareNumber(code); ok {
		return e.signIn(n, ""), true
	}
	return Explanation{}, false
}

func (e *Explainer) signIn(n int, text string) Explanation {
	x := Explanation{Code: n, Class: "aadsts"}
	if f, ok := e.aadsts[n]; ok {
		x = Explanation{
			Code: n, ID: "aadsts-" + strconv.Itoa(n), Known: true, Handling: f.Handling,
			causes: f.Causes, remedies: f.Remedies,
		}
	}
	x.Text = clean(text)
	if said, ok := strings.CutPrefix(x.Text, "AADSTS"+strconv.Itoa(n)); ok {
		x.Text = strings.TrimLeft(said, ": ")
	}
	return x
}

func (e *Explainer) reply(r found) Explanation {
	id, variants := e.match(r)
	if id >= 0 {
		return e.known(e.rows[id], r)
	}
	x := Explanation{Code: r.code, Enhanced: r.enhanced, Class: r.class(), Text: clean(r.text), Server: clean(r.server)}
	for _, i := range variants {
		x.Variants = append(x.Variants, e.rows[i].ID)
	}
	return x
}

func (e *Explainer) known(row replyRow, r found) Explanation {
	return Explanation{
		Code: r.code, Enhanced: r.enhanced, ID: row.ID, Known: true, Handling: row.Handling,
		Text: clean(r.text), Server: clean(r.server), Sub: subCode(r.text),
		causes: row.Causes, remedies: row.Remedies,
	}
}

// match finds the row of a reply: of those that have its enhanced code, the
// one whose piece of text is the longest in it, else the one that needs no
// text. When the code is known and the text is not, the rows that share the
// code are returned as variants.
func (e *Explainer) match(r found) (id int, variants []int) {
	var buf [512]byte
	text := squeeze(buf[:0], r.text)
	m := matching{found: r, best: -1, alone: -1}
	candidates := e.code[r.code]
	if r.status != 0 {
		candidates = e.subject[r.status.subject()]
	}
	for _, i := range candidates {
		m.weigh(i, &e.rows[i], text)
	}
	switch {
	case m.best >= 0:
		return m.best, nil
	case m.alone >= 0:
		return m.alone, nil
	case r.status == 0:
		if id, many := e.byText(r.text); !many {
			return id, nil
		}
	}
	if len(text) > 0 && len(m.shared) < 2 {
		return -1, nil // a text of its own under a common code
	}
	return -1, m.shared
}

// matching is the search for a reply's row.
type matching struct {
	found
	best   int // the row of the longest piece so far; -1: none, or several
	length int // of that piece, as weigh counts it
	alone  int // the row that needs no text
	shared []int
}

// weigh holds one row against the reply, whose squeezed text is text.
func (m *matching) weigh(i int, row *replyRow, text []byte) {
	if m.status != 0 && !row.has(m.status) {
		return
	}
	same := m.code == row.Code || m.code == 0 || row.Code == 0
	n := 2 * row.longest(text)
	if n > 0 && same {
		n++ // the same text under another code is the second choice
	}
	switch {
	case n > m.length:
		m.best, m.length = i, n
	case n > 0 && n == m.length:
		m.best = -1 // two rows of the same text: the code does not tell
	}
	if !same {
		return
	}
	if row.Alone && (m.status != 0 || len(row.ranges) == 0) {
		m.alone = i
	}
	if m.status != 0 {
		m.shared = append(m.shared, i)
	}
}

// minPiece is how much text must agree where no code does.
const minPiece = 20

// byText finds the row by its text alone; many says that several rows share it.
func (e *Explainer) byText(s string) (id int, many bool) {
	text := squeeze(nil, s)
	id, best := -1, minPiece-1
	for i := range e.rows {
		n := e.rows[i].longest(text)
		if n > best {
			id, best, many = i, n, false
		} else if n == best && id >= 0 {
			many = true
		}
	}
	return id, many
}

func (r *replyRow) has(s status) bool {
	for _, x := range r.ranges {
		if x[0] <= s && s <= x[1] {
			return true
		}
	}
	return false
}

// longest is the length of the longest of its pieces that text contains.
func (r *replyRow) longest(text []byte) int {
	n := 0
	for _, p := range r.pieces {
		if len(p) > n && bytes.Contains(text, p) {
			n = len(p)
		}
	}
	return n
}
