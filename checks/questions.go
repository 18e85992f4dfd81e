package checks

import (
	"encoding/json"

	"offbasic/probes"
)

// Question is one thing that a capture can find out about a sender. Its words
// are under "question.<id>", the answers' under "question.<id>.<answer>".
type Question struct {
	ID string `json:"id"`
	// Policy is the capture's policy that asks it on the next attempt.
	Policy string `json:"policy"`
	// Answer is one of Answers, one of NotAsked or, while it is open, "".
	Answer string `json:"answer,omitempty"`
	// Args are the evidence of the answer.
	Args map[string]string `json:"args,omitempty"`
	// Dialogue says that it is about how the sender signs in, and decides
	// nothing between routes: such questions come after the others.
	Dialogue bool `json:"dialogue,omitempty"`
	// Also are the other open questions that the same attempt may answer.
	Also []string `json:"also,omitempty"`
	// Answers are the answers that it can have.
	Answers []string `json:"-"`
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
	Yes         = "yes"
	No          = "no"
	GivesUp     = "gives-up"     // after a refusal
	TriesOthers = "tries-others" // other mechanisms
	SendsAnyway = "sends-anyway" // without signing in
)

// Why a question is not asked, or not again.
const (
	Moot    = "moot"    // it does not arise for this sender
	Blocked = "blocked" // the sender refuses the certificate and stops without TLS
	Unclear = "unclear" // asked often enough without an answer
)

// NotAsked lists what can stand in the place of an answer. Its words are under
// "question.not.<id>".
func NotAsked() []string { return []string{Moot, Blocked, Unclear} }

// asked is a question with what answers it.
type asked struct {
	id, policy string
	// weight is how much the answer tells.
	weight   int
	dialogue bool
	answers  []string
	// moot tells that it does not arise; nil means that it always does.
	moot   func(*seen) bool
	answer func(*seen) (answer string, args map[string]string)
}

// interview is the table of questions that decide between routes.
func interview() []asked {
	is := func(id, policy string, weight int, moot func(*seen) bool, pick func(*seen) (yes, no *probes.Session)) asked {
		return asked{id: id, policy: policy, weight: weight, answers: []string{Yes, No}, moot: moot, answer: either(pick)}
	}
	return []asked{
		is("signs-in", asExchange, 16, nil, func(s *seen) (yes, no *probes.Session) {
			if s.password.at != nil {
				return s.password.at, nil
			}
			return s.token.at, s.open
		}),
		is("oauth", oauthOnly, 12, neverSignsIn, func(s *seen) (yes, no *probes.Session) { return s.token.at, s.noOAuth }),
		is("unauthenticated", asRelay, 12, nil, func(s *seen) (yes, no *probes.Session) { return s.unauthenticated(), s.stopped }),
		is("retired", asRetired, 8, noPassword, func(s *seen) (yes, no *probes.Session) { return s.anyway, s.denied }),
		is("no-tls", withoutTLS, 8, beginsWithTLS, func(s *seen) (yes, no *probes.Session) {
			if s.bare != nil {
				return s.bare, nil
			}
			return s.untied, s.noTLS
		}),
		is("certificate", asExchange, 4, (*seen).staysInClear, func(s *seen) (yes, no *probes.Session) { return s.trusted, s.refused }),
		{id: "retries", policy: deferred, weight: 6, answers: []string{Yes, No}, answer: retries},
	}
}

// either answers yes or no with the session that shows it.
func either(pick func(*seen) (yes, no *probes.Session)) func(*seen) (string, map[string]string) {
	return func(s *seen) (string, map[string]string) {
		yes, no := pick(s)
		switch {
		case yes != nil:
			return Yes, evidence(yes)
		case no != nil:
			return No, evidence(no)
		}
		return "", nil
	}
}

// Interview lists the questions that decide between routes, with their answers
// so far.
func Interview(f Facts) []Question { return look(f).questions(interview()) }

func (s *seen) questions(rows []asked) []Question {
	out := make([]Question, 0, len(rows))
	for _, a := range rows {
		q := Question{ID: a.id, Policy: a.policy, Dialogue: a.dialogue, Answers: a.answers}
		q.Answer, q.Args = a.answer(s)
		out = append(out, q)
	}
	return out
}

// Questions lists what a capture could still ask about a sender and that would
// decide between routes.
//
// A sender that does not sign in with a password is not asked what it does
// when that is refused.
func Questions(f Facts) []Question {
	s := look(f)
	retired := s.usesPassword() || s.open == nil && s.token.at == nil
	var open []Question
	for _, q := range s.questions(interview()) {
		if q.Answer == "" && (retired || q.Policy != asRetired) {
			open = append(open, q)
		}
	}
	return open
}
