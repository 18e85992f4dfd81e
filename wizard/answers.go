package wizard

import (
	"errors"
	"slices"
	"strings"

	"offbasic/checks"
)

// The ids of the questions about a sender that only people can answer.
const (
	AnswerRecipients = "recipients" // "inside", "outside", "both"
	AnswerWeight     = "weight"     // "high", "normal", "low": what stops when it stops
	AnswerReplace    = "replace"    // "yes", "no": can it be replaced
	AnswerOwner      = "owner"      // free text: who decides on it
	AnswerUser       = "user"       // free text: who uses it
)

// Ask is a question about a sender that only people can answer. Its words are
// under "ask.<id>", why it is asked under "ask.<id>.why", and those of its
// choices under "ask.<id>.<choice>".
type Ask struct {
	ID string `json:"question"`
	// Choices are the answers that are taken; none means any text of a line.
	Choices []string `json:"choices,omitempty"`
}

// Asks lists every question, what decides most first: whom it writes to rules
// routes out, what stops with it sets the order of work, whether it can be
// replaced may end the search. Who owns and uses it can answer the others.
func Asks() []Ask {
	return []Ask{
		{AnswerRecipients, []string{"inside", "outside", "both"}},
		{AnswerWeight, []string{"high", "normal", "low"}},
		{AnswerReplace, []string{"yes", "no"}},
		{AnswerOwner, nil},
		{AnswerUser, nil},
	}
}

// Asked lists the questions that are open for a sender: neither answered nor
// told by evidence.
func (s Sender) Asked(f checks.Facts) []Ask {
	var out []Ask
	for _, a := range Asks() {
		if s.Answers[a.ID] == "" && !s.told(a.ID, f) {
			out = append(out, a)
		}
	}
	return out
}

// told tells whether evidence answers a question.
func (s Sender) told(id string, f checks.Facts) bool {
	switch id {
	case AnswerRecipients:
		return checks.Recipients(f) != ""
	case AnswerReplace, AnswerWeight: // a sender that is proved needs neither
		return s.State() == Proved
	case AnswerOwner:
		return s.Contact != ""
	}
	return false
}

// The refusals of an answer.
var (
	ErrNoAsk  = errors.New("there is no such question")
	ErrChoice = errors.New("the question does not take this answer")
)

// maxAnswer is how long an answer in words may be, in bytes.
const maxAnswer = 200

// Answer keeps what people say of a sender; an empty answer takes it back. The
// text must be clean.
func (m *Migration) Answer(id, question, answer string) error {
	s, ok := m.Sender(id)
	if !ok {
		return ErrNoSender
	}
	i := slices.IndexFunc(Asks(), func(a Ask) bool { return a.ID == question })
	if i < 0 {
		return ErrNoAsk
	}
	answer = strings.TrimSpace(answer)
	choices := Asks()[i].Choices
	switch {
	case answer == "":
		delete(s.Answers, question)
		return nil
	case choices != nil && !slices.Contains(choices, answer), len(answer) > maxAnswer:
		return ErrChoice
	}
	if s.Answers == nil {
		s.Answers = map[string]string{}
	}
	s.Answers[question] = answer
	return nil
}
