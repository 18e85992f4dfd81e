package probes

// A Script is what an admin runs in PowerShell, as structure: the text is
// written by probes/powershell, the lab executes the same steps, and a test
// can ask what it does. No secret is ever a value of it.
type Script struct {
	Name    string       // "service-principal"; its words are under "script.<name>"
	Module  string       // "exchange-online" or "exchange-onprem"
	Steps   []ScriptStep // in order
	Reads   []ReadBack   // at the end, what was set
	Expects []Expect     // what the read-back must say when all is well
}

// ScriptStep is one change, made only where it is not made yet.
type ScriptStep struct {
	ID string // its comment is "script.<name>.<id>"
	// Unless, when set, is run first; the step is skipped when it returns an
	// object.
	Unless *Cmdlet
	Do     Cmdlet
	// As names the variable that keeps the object: what Unless found, or what
	// Do returned.
	As string
}

// ReadBack is one object that is read at the end and written as JSON.
type ReadBack struct {
	ID     string // its key in the read-back
	Cmdlet Cmdlet
	Select []string // properties kept
	Many   bool     // a list of objects, not one
}

// Expect is one value that the read-back must have.
type Expect struct {
	ID       string // "service-principal"; words under "expect.<id>"
	Read     string // a ReadBack's ID
	Property string
	Want     string // compared without regard to case, as PowerShell prints it
}

// Cmdlet is one call.
type Cmdlet struct {
	Name   string
	Params []Param
	// WhatIf says that the cmdlet supports -WhatIf.
	WhatIf bool
}

// Param is one named parameter of a call.
type Param struct {
	Name  string
	Value Value
}

// Value is a parameter's value. Exactly one kind of it is meant.
type Value struct {
	Kind ValueKind
	Text string   // Text, Variable ("$sp.Id" is {Variable: "sp", Property: "Id"} as Text "sp.Id")
	Bool bool     // Bool
	List []string // List
}

// ValueKind tells how a Value is written.
type ValueKind int

// The kinds of values.
const (
	TextValue   ValueKind = iota // a string, always quoted
	BoolValue                    // $true or $false
	SwitchValue                  // the parameter alone
	ListValue                    // an array of strings
	VarValue                     // a variable that an earlier step set, with a property
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
	Error   string                         `json:"error,omitempty"`
}

// ReadBackSchema is the version of the read-back that this program writes and
// reads.
const ReadBackSchema = 1
