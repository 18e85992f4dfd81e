package wizard

import (
	"offbasic/checks"
	"offbasic/probes"
)

// InterviewEvent is one thing that happened in a running interview. Exactly one
// field is set.
type InterviewEvent struct {
	Listening *probes.Listening
	Asking    *Asking // what is asked now, or with the next attempt
	Session   *probes.Session
	Answer    *Answer
	Left      *Left
	Outcome   *Outcome // the last word on a device, at the end
}

// CanaryEvent is one thing that happened while a canary was waited for.
// Exactly one field is set.
type CanaryEvent struct {
	Listening *probes.Listening
	Heard     *checks.CanaryHeard
}

// Left is a question that the admin left out.
type Left struct{ Peer, Question string }

// Order is what the admin asks of a running interview.
type Order struct {
	// Again asks a question once more; otherwise the one that is asked now is
	// left out.
	Again bool
	// Peer is the device; "" means the one that was heard last.
	Peer string
	// Question is what to ask again; "" means what was asked last.
	Question string
}
