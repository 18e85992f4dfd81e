package wizard

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

// Interview asks devices, attempt by attempt, what is not known of them yet:
// it names the policy for a device's next attempt and takes the session that
// came of it. All that it learns is in the sessions; the zero value asks every
// device what decides between routes. It belongs to one goroutine.
type Interview struct {
	// Peer is the only device that is asked; "" means every one that comes.
	Peer string
	// Dialogue also asks about the dialogue of the sign-in.
	Dialogue bool
	// Patience is how long a device has to come back by itself; 0 means
	// DefaultPatience.
	Patience time.Duration

	devices []*device
}

// DefaultPatience is longer than what most devices wait between two attempts.
const DefaultPatience = 5 * time.Minute

// device is one that is interviewed.
type device struct {
	peer     string
	sessions []probes.Session
	skip     []string
	again    string
	stayed   bool   // it had time to come back, and did not
	last     string // the question that was asked last
}

// keptSessions bounds what is remembered of one device.
const keptSessions = 300

// The question that time answers, and the policy that asks it.
const (
	comesBack = "retries"
	deferred  = "deferred"
)

// Asking is what a device is asked with its next attempt.
type Asking struct {
	Peer     string
	Question checks.Question
	Known    int // questions that need not be asked any more
	Of       int // questions
	// Waiting says that nothing is to be pressed: the device may come back by
	// itself until then.
	Waiting bool
	Until   time.Time
	// Table is what is known so far, Skipped what was left out.
	Table   []checks.Question
	Skipped []string
}

// Answer is what an attempt taught.
type Answer struct {
	Peer     string
	Question checks.Question
}

// answerLine is an answer in the JSON contract.
type answerLine struct {
	Type     string            `json:"type,omitempty"`
	Peer     string            `json:"peer,omitempty"`
	Question string            `json:"question"`
	Answer   string            `json:"answer"`
	Session  string            `json:"session,omitempty"`
	Args     map[string]string `json:"args,omitempty"`
}

func lineOf(q checks.Question) answerLine {
	l := answerLine{Question: q.ID, Answer: q.Answer, Session: q.Args["session"]}
	for k, v := range q.Args {
		if k == "session" {
			continue
		}
		if l.Args == nil {
			l.Args = map[string]string{}
		}
		l.Args[k] = v
	}
	return l
}

// MarshalJSON writes the answer with its type.
func (a Answer) MarshalJSON() ([]byte, error) {
	l := lineOf(a.Question)
	l.Type, l.Peer = "answer", a.Peer
	return json.Marshal(l)
}

// Outcome is what is known of a device at the end.
type Outcome struct {
	Peer    string
	Table   []checks.Question // those that were to be asked
	Skipped []string          // left out by the admin
}

// Open lists the questions that are still without an answer.
func (o Outcome) Open() []string {
	var ids []string
	for _, q := range o.Table {
		if q.Answer == "" && !slices.Contains(o.Skipped, q.ID) {
			ids = append(ids, q.ID)
		}
	}
	return ids
}

// MarshalJSON writes the outcome as the summary of an interview.
func (o Outcome) MarshalJSON() ([]byte, error) {
	answers := []answerLine{}
	for _, q := range o.Table {
		if q.Answer != "" {
			answers = append(answers, lineOf(q))
		}
	}
	return json.Marshal(struct {
		Type    string       `json:"type"`
		Peer    string       `json:"peer"`
		Answers []answerLine `json:"answers"`
		Open    []string     `json:"open,omitempty"`
		Skipped []string     `json:"skipped,omitempty"`
	}{"interview", o.Peer, answers, o.Open(), o.Skipped})
}

// Meet begins with a device, with what is known of it from before. It does
// nothing for one that is known or is not to be asked.
func (i *Interview) Meet(peer string, before []probes.Session, skip []string) {
	if i.find(peer) != nil || i.Peer != "" && i.Peer != peer {
		return
	}
	d := &device{peer: peer, skip: slices.Clone(skip)}
	for _, s := range before {
		d.add(s)
	}
	i.devices = append(i.devices, d)
}

// Peers lists the devices that were met, in that order.
func (i *Interview) Peers() []string {
	var peers []string
	for _, d := range i.devices {
		peers = append(peers, d.peer)
	}
	return peers
}

// Met tells whether the device is one that is asked.
func (i *Interview) Met(peer string) bool { return i.find(peer) != nil }

func (i *Interview) find(peer string) *device {
	for _, d := range i.devices {
		if d.peer == peer {
			return d
		}
	}
	return nil
}

func (d *device) add(s probes.Session) {
	d.sessions = append(d.sessions, s)
	if over := len(d.sessions) - keptSessions; over > 0 {
		d.sessions = slices.Clone(d.sessions[over:])
	}
}

func (d *device) facts() checks.Facts { return checks.Facts{Sender: d.peer, Sessions: d.sessions} }

// table is every question that may be asked of the device.
func (i *Interview) table(d *device) []checks.Question {
	all := checks.Table(d.facts())
	for n := range all {
		if q := &all[n]; q.ID == comesBack && q.Answer == "" && d.stayed {
			q.Answer = checks.No
			q.Args = map[string]string{"waited": strconv.Itoa(int(i.patience().Seconds()))}
		}
	}
	return slices.DeleteFunc(all, func(q checks.Question) bool { return q.Dialogue && !i.Dialogue })
}

func (i *Interview) patience() time.Duration {
	if i.Patience == 0 {
		return DefaultPatience
	}
	return i.Patience
}

// Asking is what the device's next attempt is for. False means that there is
// nothing left to ask, or that the device was not met.
func (i *Interview) Asking(peer string) (Asking, bool) {
	d := i.find(peer)
	if d == nil {
		return Asking{}, false
	}
	a := Asking{Peer: peer, Table: i.table(d), Skipped: slices.Clone(d.skip)}
	for _, q := range a.Table {
		if a.Of++; q.Answer != "" || slices.Contains(d.skip, q.ID) {
			a.Known++
		}
	}
	since := d.awaited()
	skip := d.skip
	if !since.IsZero() || d.stayed {
		skip = append(slices.Clip(skip), comesBack) // time answers it now
	}
	q, ok := checks.Ask(d.facts(), checks.Asking{Dialogue: i.Dialogue, Skip: skip, Again: d.again})
	if !ok && !since.IsZero() && !slices.Contains(d.skip, comesBack) {
		q, ok = checks.Ask(d.facts(), checks.Asking{Again: comesBack})
		// What comes back is to be seen whole, and to be rid of.
		q.Policy = "everything" + strings.TrimPrefix(q.Policy, deferred)
		a.Waiting, a.Until = true, since.Add(i.patience())
	}
	a.Question = q
	return a, ok
}

// awaited is when the device was put off with its message, while it is open
// whether it comes back by itself.
func (d *device) awaited() time.Time {
	for _, q := range checks.Table(d.facts()) {
		if q.ID == comesBack && q.Answer != "" || d.stayed {
			return time.Time{}
		}
	}
	for _, s := range slices.Backward(d.sessions) {
		if name, _, _ := strings.Cut(s.Policy, "+"); name == deferred && s.Message != nil && !s.Taken {
			return s.Ended
		}
	}
	return time.Time{}
}

// Policy is the policy for the device's next attempt, and whether nothing was
// to be pressed for it; ok false means that it is not asked anything.
func (i *Interview) Policy(peer string) (name string, alone, ok bool) {
	a, ok := i.Asking(peer)
	if !ok {
		return "", false, false
	}
	i.find(peer).last = a.Question.ID
	return a.Question.Policy, a.Waiting, true
}

// Heard takes a session and returns what it taught, each answer that is new or
// was asked for again.
func (i *Interview) Heard(s probes.Session) []Answer {
	d := i.find(s.Peer)
	if d == nil {
		return nil
	}
	before := map[string]string{}
	for _, q := range i.table(d) {
		before[q.ID] = q.Answer
	}
	again := d.again
	d.add(s)
	if s.IsSender() {
		d.again = ""
	}
	if name, _, _ := strings.Cut(s.Policy, "+"); name == deferred {
		d.stayed = false // it is put off anew
	}
	var out []Answer
	for _, q := range i.table(d) {
		if q.Answer != "" && q.Answer != checks.Moot && (q.Answer != before[q.ID] || q.ID == again && q.Args["session"] == s.ID) {
			out = append(out, Answer{d.peer, q})
		}
	}
	return out
}

// Passed takes the time into account: a device that had its time to come back
// by itself, and did not, has answered.
func (i *Interview) Passed(now time.Time) []Answer {
	var out []Answer
	for _, d := range i.devices {
		since := d.awaited()
		if since.IsZero() || now.Before(since.Add(i.patience())) {
			continue
		}
		d.stayed = true
		for _, q := range i.table(d) {
			if q.ID == comesBack {
				out = append(out, Answer{d.peer, q})
			}
		}
	}
	return out
}

// Skip leaves out the question that the device is being asked and returns its
// id, "" when there is none.
func (i *Interview) Skip(peer string) string {
	a, ok := i.Asking(peer)
	if !ok {
		return ""
	}
	d := i.find(peer)
	if d.again != "" {
		d.again = ""
		return ""
	}
	d.skip = append(d.skip, a.Question.ID)
	return a.Question.ID
}

// Again asks a question once more with the next attempt: the one of that id,
// or the one that was asked last. It returns the id, "" when there is none.
func (i *Interview) Again(peer, id string) string {
	d := i.find(peer)
	if d == nil {
		return ""
	}
	if id == "" {
		id = d.last
	}
	known := slices.ContainsFunc(i.table(d), func(q checks.Question) bool { return q.ID == id })
	if !known {
		return ""
	}
	d.again, d.skip = id, slices.DeleteFunc(d.skip, func(s string) bool { return s == id })
	d.stayed = d.stayed && id != comesBack
	return id
}

// Skipped lists what was left out for a device.
func (i *Interview) Skipped(peer string) []string {
	if d := i.find(peer); d != nil {
		return slices.Clone(d.skip)
	}
	return nil
}

// Done tells that every device that was met has been asked everything.
func (i *Interview) Done() bool {
	for _, d := range i.devices {
		if _, more := i.Asking(d.peer); more {
			return false
		}
	}
	return len(i.devices) > 0
}

// Outcome is what is known of a device by now.
func (i *Interview) Outcome(peer string) Outcome {
	d := i.find(peer)
	if d == nil {
		return Outcome{Peer: peer}
	}
	return Outcome{Peer: peer, Table: i.table(d), Skipped: slices.Clone(d.skip)}
}

// LeaveOut remembers which questions the admin left out for the device at an
// address.
func (m *Migration) LeaveOut(peer string, questions []string) {
	for i := range m.Senders {
		if slices.Contains(m.Senders[i].Peers, peer) {
			m.Senders[i].Skipped = slices.Clone(questions)
		}
	}
}

// LeftOut are the questions that the admin left out for the device at an
// address.
func (m Migration) LeftOut(peer string) []string {
	for _, s := range m.Senders {
		if slices.Contains(s.Peers, peer) && len(s.Skipped) > 0 {
			return slices.Clone(s.Skipped)
		}
	}
	return nil
}
