package checks

import (
	"slices"

	"offbasic/probes"
)

// inClear stands behind a policy's name for a device that refuses the
// certificate or has no TLS.
const inClear = "+no-tls"

// enough is how often a question is asked before it is given up.
const enough = 3

// rows is every question: those that decide between routes, then those about
// the dialogue of the sign-in.
func rows() []asked {
	main := interview()
	i := slices.IndexFunc(main, func(a asked) bool { return a.id == "retired" })
	return append(slices.Insert(main, i+1, afterRefusalRow()), dialogues()...)
}

// Table lists every question with its answer so far, or why it is not asked.
func Table(f Facts) []Question { return look(f).table(rows()) }

func (s *seen) table(rows []asked) []Question {
	out := s.questions(rows)
	blocked, tries := s.blocked(), s.tries()
	for i, a := range rows {
		q := &out[i]
		switch {
		case q.Answer != "":
		case a.moot != nil && a.moot(s):
			q.Answer = Moot
		case blocked:
			q.Answer = Blocked
		case tries[a.policy] >= enough:
			q.Answer = Unclear
		}
	}
	return out
}

// Asking is what the choice of the next question heeds.
type Asking struct {
	// Dialogue also asks about the dialogue of the sign-in.
	Dialogue bool
	// Skip are questions that are not to be asked.
	Skip []string
	// Again is a question to be asked whatever is known.
	Again string
}

// Ask chooses the question for the sender's next attempt: that of the policy
// whose answers tell most about what is not known. Policy is that policy, with
// TLS taken out of it where the sender cannot use ours. False means that there
// is nothing left to ask.
//
// A policy that was tried without an answer counts for less, so that a device
// which keeps silent under one is asked under the others first.
func Ask(f Facts, o Asking) (Question, bool) {
	s, all := look(f), rows()
	questions, tries := s.table(all), s.tries()
	gain, best := map[string]int{}, -1
	for i, q := range questions {
		if !o.wants(q) {
			continue
		}
		a := all[i]
		const scale = 1000
		n := 1 + tries[a.policy]
		gain[a.policy] += s.worth(a) * scale / (n * n)
	}
	for i, q := range questions {
		switch {
		case !o.wants(q):
		case best < 0, gain[q.Policy] > gain[questions[best].Policy],
			q.Policy == questions[best].Policy && all[i].weight > all[best].weight:
			best = i
		}
	}
	if o.Again != "" {
		best = slices.IndexFunc(questions, func(q Question) bool { return q.ID == o.Again })
	}
	if best < 0 {
		return Question{}, false
	}
	q := questions[best]
	for _, other := range questions {
		if other.Policy == q.Policy && other.ID != q.ID && o.wants(other) {
			q.Also = append(q.Also, other.ID)
		}
	}
	q.Policy += s.suffix(q.Policy)
	return q, true
}

func (o Asking) wants(q Question) bool {
	return q.Answer == "" && (o.Dialogue || !q.Dialogue) && !slices.Contains(o.Skip, q.ID)
}

// worth is the weight of a question for this sender: once the certificate is
// refused, everything hangs on whether it goes without TLS.
func (s *seen) worth(a asked) int {
	const decisive = 100
	if a.id == "no-tls" && s.refused != nil && s.trusted == nil {
		return decisive
	}
	return a.weight
}

// tries counts the sessions under each policy that could have answered.
func (s *seen) tries() map[string]int {
	n := map[string]int{}
	for _, c := range s.sessions {
		if c.End != probes.EndLimit && c.End != probes.EndShutdown {
			n[base(c.Policy)]++
		}
	}
	return n
}

// blocked tells that nothing more can be asked: it refuses the certificate,
// and stops where there is no TLS or cannot be asked to do without.
func (s *seen) blocked() bool {
	if s.refused == nil || s.trusted != nil {
		return false
	}
	return s.refused.TLS.Mode == probes.Implicit || s.noTLS != nil && s.bare == nil && s.untied == nil
}

// suffix is what stands behind the policy's name for this sender.
func (s *seen) suffix(policy string) string {
	refuses := s.refused != nil && s.trusted == nil
	if policy == withoutTLS || policy == deferred && !refuses || !refuses && !s.staysInClear() {
		return ""
	}
	return inClear
}

// staysInClear tells a sender that does not begin TLS where it could.
func (s *seen) staysInClear() bool {
	if s.starttls != nil || s.implicit != nil {
		return false
	}
	return slices.ContainsFunc(s.sessions, func(c *probes.Session) bool {
		return talked(c) && c.TLS.Mode == probes.NoTLS && offered(c).starttls
	})
}
