package probes

import (
	"slices"
	"strings"
)

// A Script is what an admin runs in PowerShell, as structure: the text is
// written by probes/powershell, the lab executes the same steps, and a test
// can ask what it does. No secret is ever a value of it.
type Script struct {
	Name    string       // "service-principal"; its words are under "script.<name>"
	Module  string       // ExchangeOnline or ExchangeOnPremises
	Notes   []string     // what to know before: words under "script.<name>.<note>"
	Steps   []ScriptStep // in order
	Reads   []ReadBack   // at the end, what was set
	Expects []Expect     // what the read-back must say when all is well
}

// Where a Script runs.
const (
	ExchangeOnline     = "exchange-online"
	ExchangeOnPremises = "exchange-onprem"
)

// Changes tells whether the script changes anything. One that does not only
// reads.
func (s Script) Changes() bool {
	return slices.ContainsFunc(s.Steps, func(st ScriptStep) bool { return st.Do.Changes() })
}

// ScriptStep is one change, made only where it is not made yet.
type ScriptStep struct {
	ID string // its comment is "script.<name>.<id>"
	// Each, when set, makes the step once for every object or value.
	Each *Each
	// Unless, when set, is run first; the step is skipped when it returns an
	// object.
	Unless *Cmdlet
	Do     Cmdlet
	// Else is run instead of Do when Unless returned an object.
	Else *Cmdlet
	// As names the variable that keeps the object: what Unless found, or what
	// Do returned. A step whose call uses a variable that holds nothing is
	// skipped, as after a call with -WhatIf.
	As string
	// Undo is the call that takes the change back. It is a hint to the reader
	// and is never run.
	Undo *Cmdlet
}

// Each is what a step or a read is repeated over: the objects that In returns,
// or else Values. As names the variable that holds the one at hand.
type Each struct {
	As     string
	In     *Cmdlet
	Values []string
}

// ReadBack is one object that is read at the end and written as JSON. What is
// not found is no row; every other error stops the script.
type ReadBack struct {
	ID     string // its key in the read-back
	Each   *Each  // when set, the call is made for each, and the rows follow each other
	Cmdlet Cmdlet
	Select []string // properties kept
	Many   bool     // a list of objects, not one
	// Optional says that an error here stops nothing: it is noted under Unread
	// in the read-back.
	Optional bool
}

// Expect is one value that the read-back must have.
type Expect struct {
	ID       string  // "service-principal"; words under "expect.<id>"
	Read     string  // a ReadBack's ID
	Where    []Match // the rows that are meant; all of the read when empty
	Property string
	Want     string // compared without regard to case, as PowerShell prints it
	// Named says that Want is a name, and that the value may be the
	// distinguished name of it.
	Named bool
	// Every wants the value in every row, not in one of them.
	Every bool
	// Absent wants no row with the value.
	Absent bool
	// Label names the property that tells several rows apart.
	Label string
}

// Cmdlet is one call.
type Cmdlet struct {
	Name   string
	Params []Param
	// Where keeps the returned objects that match all of it. Some Get cmdlets
	// return every object for an identity that nobody has
	// (Get-ServicePrincipal, -Identity, Caution).
	Where []Match
	// WhatIf says that the cmdlet supports -WhatIf. One that changes something
	// and does not support it is asked for by ShouldProcess in the text.
	WhatIf bool
}

// Changes tells whether the call changes anything, by its verb.
func (c Cmdlet) Changes() bool {
	verb, _, _ := strings.Cut(c.Name, "-")
	return !slices.Contains([]string{"Get", "Test", "Resolve"}, verb)
}

// Match is one condition on an object's property, compared as PowerShell
// prints it and without regard to case. Exactly one of the values is meant.
type Match struct {
	Property string
	Is       []string // the property is one of these
	Has      string   // the property is a list that has this
	Not      []string // the property is none of these
	Named    string   // the property is this name, or a distinguished name of it
}

// Param is one named parameter of a call.
type Param struct {
	Name  string
	Value Value
}

// Value is a parameter's value. Exactly one kind of it is meant.
type Value struct {
	Kind ValueKind
	Text string   // Text, Variable ("$sp.Id" is {Variable: "sp", Property: "Id"} as Text "sp.Id"), Account
	Bool bool     // Bool
	List []string // List
	// Property is that of the objects that a Filter keeps; Text is then the
	// variable with the value that it must have.
	Property string
	Days     int // DaysAgo
}

// ValueKind tells how a Value is written.
type ValueKind int

// The kinds of values.
const (
	TextValue    ValueKind = iota // a string, always quoted
	BoolValue                     // $true or $false
	SwitchValue                   // the parameter alone
	ListValue                     // an array of strings
	VarValue                      // a variable that an earlier step set, with a property
	OffValue                      // a switch that is turned off: -Name:$false
	NullValue                     // $null, which takes a setting away
	SecretValue                   // asked for when the script runs, as a SecureString; words under "script.<name>.<id>.ask"
	FilterValue                   // an OPATH filter: Property -eq the value of a variable
	DaysAgoValue                  // the time so many days before the script runs, UTC
	AccountValue                  // a Windows account by its SID, whose name differs from language to language
)

// Text is a string value.
func Text(s string) Value { return Value{Kind: TextValue, Text: s} }

// Bool is $true or $false.
func Bool(b bool) Value { return Value{Kind: BoolValue, Bool: b} }

// Switch is a parameter without a value.
func Switch() Value { return Value{Kind: SwitchValue} }

// List is an array of strings.
func List(s ...string) Value { return Value{Kind: ListValue, List: s} }

// Var is a property of an object that an earlier step kept: "sp.Id".
func Var(path string) Value { return Value{Kind: VarValue, Text: path} }

// Off turns a switch off.
func Off() Value { return Value{Kind: OffValue} }

// Null takes a setting away.
func Null() Value { return Value{Kind: NullValue} }

// Secret is a SecureString that the script asks for when it runs.
func Secret() Value { return Value{Kind: SecretValue} }

// Filter keeps the objects whose property is what a variable holds:
// Filter("MemberOfGroup", "group.DistinguishedName").
func Filter(property, path string) Value {
	return Value{Kind: FilterValue, Property: property, Text: path}
}

// DaysAgo is the time n days before the script runs; 0 is now.
func DaysAgo(n int) Value { return Value{Kind: DaysAgoValue, Days: n} }

// Account is the Windows account with a well-known SID, like "S-1-5-7".
func Account(sid string) Value { return Value{Kind: AccountValue, Text: sid} }

// Variables lists the variables that the call uses, without their properties.
func (c Cmdlet) Variables() []string {
	var names []string
	for _, p := range c.Params {
		if p.Value.Kind == VarValue || p.Value.Kind == FilterValue {
			name, _, _ := strings.Cut(p.Value.Text, ".")
			names = append(names, name)
		}
	}
	return names
}

// Call is a cmdlet with its parameters, given as name and value in turn.
func Call(name string, params ...Param) Cmdlet { return Cmdlet{Name: name, Params: params} }

// P is one parameter.
func P(name string, v Value) Param { return Param{Name: name, Value: v} }

// Param finds a parameter's value by name.
func (c Cmdlet) Param(name string) (Value, bool) {
	for _, p := range c.Params {
		if p.Name == name {
			return p.Value, true
		}
	}
	return Value{}, false
}

// ReadBackFile is what a script writes beside itself.
type ReadBackFile struct {
	Type    string                         `json:"type"`   // "readback"
	Schema  int                            `json:"schema"` // ReadBackSchema
	Script  string                         `json:"script"`
	Made    string                         `json:"made"`             // RFC 3339
	Tenant  string                         `json:"tenant,omitempty"` // tenant id
	Results map[string][]map[string]string `json:"results"`
	Unread  map[string]string              `json:"unread,omitempty"` // why an optional read has no rows, by its id
	Done    []DoneStep                     `json:"done,omitempty"`   // what was changed, in order; nothing with -WhatIf
	Step    string                         `json:"step,omitempty"`   // where the script stopped
	Error   string                         `json:"error,omitempty"`
}

// DoneStep is a step of a script that changed something.
type DoneStep struct {
	Step string `json:"step"` // id of the ScriptStep
	At   string `json:"at"`   // RFC 3339
}

// ReadBackSchema is the version of the read-back that this program writes and
// reads.
const ReadBackSchema = 1
