package ui

import (
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

// RegisterRequest is an app registration that is to be made through Graph.
type RegisterRequest struct {
	Tenant     string // a domain or an id; "" means the one that signs in
	Cloud      string // id in the cloud table
	Name       string
	Credential wizard.Credential
	Rights     probes.RightsModel
	DryRun     bool // only says what it would do
}

// SetupEvent is what happened in a set-up. Exactly one field is set.
type SetupEvent struct {
	Step   *probes.SetupStep
	SignIn *SignIn
}

// SignIn asks the admin to sign in.
type SignIn struct {
	// Way is "browser", "device_code", or "note" when there is nothing to do and
	// Before is worth knowing. Its words are under "signin.ui.<way>".
	Way     string
	URL     string
	Code    string    // to be typed at URL; of "device_code" only
	Expires time.Time // zero means that it does not
	// Before is why the way before this one did not do, nil when there was
	// none.
	Before error
}

// ScriptRef names a script: that of a sender's route, or one by its name.
type ScriptRef struct {
	Name   string // "" means that of the sender's route
	Sender string // id; "" means that it is about no sender
}

// ScriptText is a script as it is shown. Its values are those of the migration.
type ScriptText struct {
	Name, Text string
	// Missing are the inputs that are not known: placeholders stand for them.
	Missing []string
	Onprem  bool // runs in the Exchange Management Shell
	Changes bool // does more than reading
}

// ReadBackLine is one thing that a script was to set, as it was read back. Its
// words are under "expect.<id>".
type ReadBackLine struct {
	ID        string
	OK        bool
	Got, Want string
	// Read says that the script only reads, Rows how many objects were read,
	// and Why why none could be.
	Read bool
	Rows int
	Why  string
}

// TenantState is what is known of the tenant. What is not known is a finding
// with the status Skip.
type TenantState struct {
	Findings []checks.Finding
	// Read is when the state was last read from the tenant; zero means never.
	Read time.Time
}
