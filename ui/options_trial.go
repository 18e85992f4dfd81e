package ui

import (
	"offbasic/checks"
	"offbasic/probes"
)

// TryRequest is one test send that the admin asks for. What is empty has the
// route's default.
type TryRequest struct {
	Sender string // id
	Route  probes.Route
	To     string
	// Session is the captured session whose message is sent as the device made
	// it; "" means a short test message.
	Session string
	// Values are what the admin entered, by the id of its words under
	// "trial.field.<id>": "from", "host", "port", "sign_in", "account",
	// "provider", "region", "certificate", "tls", "unverified".
	Values map[string]string
	// Secret is the password, where the route signs in with one. It is kept
	// nowhere.
	Secret string
}

// Explained is the meaning of a server's last word.
type Explained struct {
	ID, Meaning      string
	Causes, Remedies []string
	Known            bool
	// Findings are what was read of the tenant and causes it.
	Findings []checks.Finding
	// Young is what may be too new to count: nothing is wrong before its end.
	Young *checks.Young
}

// CompareEvent is what became of one route in a comparison.
type CompareEvent struct {
	Route probes.Route
	Step  *probes.Step // under way
	// At the end of the route one of these is set.
	Trial *probes.Trial
	Err   error // it could not be tried
	// Receipt comes after a trial that was taken.
	Receipt *probes.Receipt
}
