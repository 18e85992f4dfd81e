// Package probes is the vocabulary of observations: what was captured, what a
// test send met, what arrived, what a script will do. It holds values and no
// judgement; what they mean is said by package checks, and the packages below
// this one do the observing.
package probes

import (
	"encoding/json"
	"fmt"
	"maps"
)

// Route is a way of sending mail.
type Route string

// The nine routes that a sender can be given, and Basic, which is what it
// does today and can be tried but not chosen.
const (
	OAuth     Route = "oauth"     // client submission with an OAuth token
	HVE       Route = "hve"       // High Volume Email
	Connector Route = "connector" // relay through an inbound connector
	Direct    Route = "direct"    // Direct Send to the MX host
	ACS       Route = "acs"       // Azure Communication Services Email
	Graph     Route = "graph"     // Microsoft Graph sendMail
	Relay     Route = "relay"     // a local relay
	Provider  Route = "provider"  // a third-party SMTP service
	Replace   Route = "replace"   // another device
	Basic     Route = "basic"     // a password over SMTP AUTH, as today
)

// Routes lists the nine routes that can be chosen, in the order of DESIGN.
func Routes() []Route {
	return []Route{OAuth, HVE, Connector, Direct, ACS, Graph, Relay, Provider, Replace}
}

// Code names a failure that a reader can act on. Its words are in the locales
// under "fault.<code>" (why) and "fault.<code>.hint" (what to do now).
type Code string

// Fault is an error with a Code: what was attempted, why it failed.
type Fault struct {
	Op   string            // what was attempted: "listen on 0.0.0.0:25"
	Code Code              // the key of its words
	Args map[string]string // arguments of the words
	Err  error             // the cause; may be nil
}

func (f *Fault) Error() string {
	if f.Err == nil {
		return f.Op + ": " + string(f.Code)
	}
	return fmt.Sprintf("%s: %v", f.Op, f.Err)
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// With returns a copy of f with one more argument for its words.
func (f *Fault) With(key, value string) *Fault {
	c := *f
	c.Args = maps.Clone(f.Args)
	if c.Args == nil {
		c.Args = map[string]string{}
	}
	c.Args[key] = value
	return &c
}

// typed writes v as a JSON object that begins with its type, the first field
// of every line of the JSON contract. v must marshal to a JSON object.
func typed(kind string, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	head := append([]byte(`{"type":"`+kind+`"`), ',')
	if len(b) <= 2 {
		head[len(head)-1] = '}'
		return head, nil
	}
	return append(head, b[1:]...), nil
}
