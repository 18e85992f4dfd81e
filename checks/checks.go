// Package checks judges what probes observed: sessions into findings and a
// ranking of routes, replies and sign-in errors into explanations. It does no
// IO: the same observations always give the same judgement. It holds ids and
// arguments; the words are in the locales.
package checks

import (
	"encoding/json"

	"offbasic/probes"
)

// ID names a check. It is stable: it appears in JSON and in locale keys
// ("check.<id>.<status>").
type ID string

// Status is the outcome of a check.
type Status string

// The outcomes of a check.
const (
	Pass Status = "pass"
	Warn Status = "warn"
	Fail Status = "fail"
	Skip Status = "skip" // nothing observed that the check could judge
)

// Finding is one judgement, with its evidence in Args.
type Finding struct {
	Check  ID                `json:"check"`
	Status Status            `json:"status"`
	Sender string            `json:"sender,omitempty"`
	Step   string            `json:"step,omitempty"` // of the trial that it is about
	Args   map[string]string `json:"args,omitempty"`
	// Remedy is a stable id; its words are under "remedy.<id>".
	Remedy string `json:"remedy,omitempty"`
	// Script names the script that mends it, where one does.
	Script string `json:"script,omitempty"`
}

// MarshalJSON writes the finding with its type.
func (f Finding) MarshalJSON() ([]byte, error) {
	type plain Finding
	return json.Marshal(struct {
		Type string `json:"type"`
		plain
	}{"finding", plain(f)})
}

// Facts is what is known of one sender when it is judged.
type Facts struct {
	Sender   string // id
	Sessions []probes.Session
	Trials   []probes.Trial
	// Domains are the tenant's accepted domains; empty means not known.
	Domains []string
	// Device is the product that the sender is, as the admin said or as
	// Devices.Identify guessed; nil means not known.
	Device *Device
	// Canary is what became of canaries that were typed into it.
	Canary []CanaryResult
	// Heard is what files say of it, one for each.
	Heard []Heard
	// Answers are what people said of it, by the id of the question.
	Answers map[string]string
}

// Fit says how well a route fits a sender.
type Fit string

// The fits, best first.
const (
	Fits   Fit = "fits"   // nothing known speaks against it
	Needs  Fit = "needs"  // it would, with something that is not there yet
	Asks   Fit = "asks"   // not known enough: Lacks says what would decide
	Unfit  Fit = "unfit"  // evidence speaks against it
	NoFact Fit = "nofact" // nothing at all is known
)

// Reason is one argument for or against a route, with its evidence. Its words
// are under "reason.<id>".
type Reason struct {
	ID   string            `json:"id"`
	Args map[string]string `json:"args,omitempty"`
	// By is what would tell, where something is not known.
	By Teller `json:"by,omitempty"`
}

// Teller is what would tell what is not known: "capture", a capture with a
// policy as "capture:oauth-only", a question to people as "ask:recipients",
// "tenant", "maker", "provider", "microsoft".
type Teller string

// Ranked is one route as it fits one sender.
type Ranked struct {
	Route   probes.Route `json:"route"`
	Fit     Fit          `json:"fit"`
	For     []Reason     `json:"for,omitempty"`
	Against []Reason     `json:"against,omitempty"`
	Needs   []Reason     `json:"needs,omitempty"` // what is to be had or changed first
	Lacks   []Reason     `json:"lacks,omitempty"` // what is not known, and what would tell
}

// Limit is a limit that a route has, as far as it is known. Its words are under
// "limit.<id>".
type Limit struct {
	Route      probes.Route `json:"route,omitempty"`
	ID         string       `json:"id"`
	Value      int64        `json:"value,omitempty"`
	Source     string       `json:"source,omitempty"`
	Confidence string       `json:"confidence,omitempty"` // words under "confidence.<value>"; "" is not told
}

// Worst is the most severe status among the findings.
func Worst(fs []Finding) Status {
	rank := map[Status]int{Skip: 0, Pass: 1, Warn: 2, Fail: 3}
	worst := Skip
	for _, f := range fs {
		if rank[f.Status] > rank[worst] {
			worst = f.Status
		}
	}
	return worst
}
