package probes

import "time"

// SetupOutcome is how one step of a set-up in the tenant ended.
type SetupOutcome string

// The outcomes of a step of a set-up.
const (
	SetupCreated SetupOutcome = "created" // it was not there and is now
	SetupFound   SetupOutcome = "found"   // it was there as it should be
	SetupGranted SetupOutcome = "granted" // a consent or a right was given
	SetupRemoved SetupOutcome = "removed" // by an undo
	SetupSkipped SetupOutcome = "skipped" // not needed, or only tried out: Would says what it would be
	SetupFailed  SetupOutcome = "failed"
	// SetupWaiting says that something new, or Graph's own Retry-After, is
	// waited for; the step's outcome follows.
	SetupWaiting SetupOutcome = "waiting"
)

// SetupStep is one step of a set-up through Graph, as it was met. Its words
// are under "setup.<step>".
type SetupStep struct {
	Step    string       `json:"step"` // "application", "service_principal", "consent"
	Outcome SetupOutcome `json:"outcome"`
	// Would is what a dry run would have done.
	Would SetupOutcome `json:"would,omitempty"`
	// ID and Name are those of the object that the step is about.
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	// Waited is how long was waited for a new object, or for Graph that was busy;
	// of SetupWaiting it is the wait that begins. MS is how long the step took,
	// its waits among it.
	Waited int64   `json:"waited_ms,omitempty"`
	MS     float64 `json:"ms,omitempty"`
	// Fault names what failed, in the words of a Fault's Code, with Args.
	Fault Code              `json:"fault,omitempty"`
	Args  map[string]string `json:"args,omitempty"`
}

// MarshalJSON writes the step with its type.
func (s SetupStep) MarshalJSON() ([]byte, error) {
	type plain SetupStep
	return typed("step", plain(s))
}

// The ways in which a change is made.
const (
	ByGraph      = "graph"
	ByPowerShell = "powershell"
)

// Change is one thing that was done to the tenant: the entry of the command
// log, and what an undo goes by. No secret is in it.
type Change struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`                // ByGraph or ByPowerShell
	Actor  string    `json:"actor,omitempty"`   // the account that was signed in
	Tenant string    `json:"tenant,omitempty"`  // id
	Step   string    `json:"step,omitempty"`    // of the SetupStep, or the script's name
	Method string    `json:"method,omitempty"`  // "POST"
	URL    string    `json:"url,omitempty"`     // without a host's secrets: Graph takes none there
	Body   string    `json:"body,omitempty"`    // JSON; a secret's or key's value is never in it
	Shell  string    `json:"command,omitempty"` // the PowerShell that does the same
	// Object is what was made: the path by which Graph removes it, or the entry
	// that was added to something, as in "/applications/{id}/keyCredentials/{SHA-1}".
	// "" means that there is nothing to remove.
	Object string `json:"object,omitempty"`
	// Intent names what was to be made. The entry that is written before a
	// request has it, with the outcome ChangeIntended, and that of its answer: one
	// that stands alone says that the answer was lost.
	Intent string `json:"intent,omitempty"`
	// Outcome is "done", or the refusal in short: "403 Authorization_RequestDenied".
	Outcome string `json:"outcome"`
	// Steps are those of a script that changed something, and when.
	Steps     []DoneStep `json:"steps,omitempty"`
	RequestID string     `json:"request_id,omitempty"` // Graph's, for its support
	// Merged says that the entry came with a colleague's folder: it is shown,
	// and never undone from here.
	Merged bool `json:"merged,omitempty"`
	// Undoes is the id of the change that this one took back.
	Undoes string `json:"undoes,omitempty"`
}

// The outcomes of a Change; another is the error that stopped it.
const (
	ChangeDone      = "done"
	ChangeUnchanged = "unchanged" // all was as it should be already
	ChangeRead      = "read"      // the script only reads
	ChangeIntended  = "intended"  // the request is about to be made
)

// MarshalJSON writes the change with its type.
func (c Change) MarshalJSON() ([]byte, error) {
	type plain Change
	return typed("change", plain(c))
}
