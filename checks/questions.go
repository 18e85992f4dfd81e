package checks

import (
	"encoding/json"

	"offbasic/probes"
)

// Question is one thing that a capture can find out about a sender. Its words
// are under "question.<id>", the answers' under "question.<id>.yes" and
// "question.<id>.no".
type Question struct {
	ID string `json:"id"`
	// Policy is the capture's policy that asks it on the next attempt.
	Policy string `json:"policy"`
	// Answer is "yes", "no" or, while it is open, "".
	Answer string `json:"answer,omitempty"`
	// Args are the evidence of the answer.
	Args map[string]string `json:"args,omitempty"`
}

// MarshalJSON writes the question with its type.
func (q Question) MarshalJSON() ([]byte, error) {
	type plain Question
	return json.Marshal(struct {
		Type string `json:"type"`
		plain
	}{"question", plain(q)})
}

// The answers of a question.
const (
	Yes = "yes"
	No  = "no"
)

// asked is a question with the sessions that answer it.
type asked struct {
	id, policy string
	answer     func(*seen) (yes, no *probes.Session)
}

// interview is the table of questions, the one that tells most first.
func interview() []asked {
	return []asked{
		{"signs-in", asExchange, func(s *seen) (yes, no *probes.Session) {
			if s.password.at != nil {
				return s.password.at, nil
			}
			return s.token.at, s.open
		}},
		{"oauth", oauthOnly, func(s *seen) (yes, no *probes.Session) { return s.token.at, s.noOAuth }},
		{"unauthenticated", asRelay, func(s *seen) (yes, no *probes.Session) {
			return s.unauthenticated(), s.stopped
		}},
		{"retired", asRetired, func(s *seen) (yes, no *probes.Session) { return s.anyway, s.denied }},
		{"no-tls", withoutTLS, func(s *seen) (yes, no *probes.Session) {
			if s.bare != nil {
				return s.bare, nil
			}
			return s.untied, s.noTLS
		}},
		{"certificate", asExchange, func(s *seen) (yes, no *probes.Session) { return s.trusted, s.refused }},
		{"retries", asRetired, func(s *seen) (yes, no *probes.Session) { return s.back, nil }},
	}
}

// Interview lists every question with its answer so far, in the order that
// tells most.
func Interview(f Facts) []Question { return look(f).interview() }

func (s *seen) interview() []Question {
	var out []Question
	for _, a := range interview() {
		q := Question{ID: a.id, Policy: a.policy}
		yes, no := a.answer(s)
		switch {
		case yes != nil:
			q.Answer, q.Args = Yes, evidence(yes)
		case no != nil:
			q.Answer, q.Args = No, evidence(no)
		}
		out = append(out, q)
	}
	return out
}

// Questions lists what a capture could still ask about a sender, in the order
// that tells most.
//
// A sender that does not sign in with a password is not asked what it does
// when that is refused.
func Questions(f Facts) []Question {
	s := look(f)
	retired := s.usesPassword() || s.open == nil && s.token.at == nil
	var open []Question
	for _, q := range s.interview() {
		if q.Answer == "" && (retired || q.Policy != asRetired) {
			open = append(open, q)
		}
	}
	return open
}
