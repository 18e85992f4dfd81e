package powershell

import (
	"slices"
	"strings"

	"offbasic/probes"
)

// Commands writes the calls of a script alone, without what stands around them
// in a script: to be read in a change ticket, or pasted into a shell that is
// connected. Only the steps in done are written, with what their variables
// hold; nil means every step that changes something.
func Commands(s probes.Script, done []string) string {
	w := &commands{script: s, set: map[string]bool{}}
	for _, st := range s.Steps {
		if done == nil && st.Do.Changes() || slices.Contains(done, st.ID) {
			w.step(st)
		}
	}
	return strings.Join(w.lines, "\n")
}

// Readings writes the calls by which a script reads.
func Readings(s probes.Script) string {
	w := &commands{script: s, set: map[string]bool{}}
	for _, r := range s.Reads {
		w.hold(without(r.Cmdlet.Variables(), r.Each))
		w.lines = append(w.lines, caller{}.plainly(r.Each, []string{Line(r.Cmdlet)})...)
	}
	return strings.Join(w.lines, "\n")
}

// commands collects lines, and knows which variables they have set.
type commands struct {
	script probes.Script
	set    map[string]bool
	lines  []string
}

// step writes what a step does. One that makes or changes, whichever is due,
// is written with its question.
func (w *commands) step(s probes.ScriptStep) {
	w.hold(outer(s))
	do := assign(s.As, Line(s.Do))
	lines := []string{do}
	if s.Unless != nil && s.Else != nil {
		found := s.As
		if found == "" {
			found = "found"
		}
		lines = []string{assign(found, Line(*s.Unless))}
		lines = append(lines, block("if (-not $"+found+") {", []string{do})...)
		lines = append(lines, block("else {", []string{Line(*s.Else)})...)
	}
	if s.As != "" {
		w.set[s.As] = true
	}
	w.lines = append(w.lines, caller{}.plainly(s.Each, lines)...)
}

// hold sets the variables that are used and not set yet: by looking up what
// the step that keeps them found.
func (w *commands) hold(names []string) {
	for _, name := range names {
		i := slices.IndexFunc(w.script.Steps, func(s probes.ScriptStep) bool { return s.As == name })
		if i < 0 || w.set[name] {
			continue
		}
		w.set[name] = true
		look := w.script.Steps[i].Do
		if u := w.script.Steps[i].Unless; u != nil {
			look = *u
		}
		w.hold(look.Variables())
		w.lines = append(w.lines, assign(name, Line(look)))
	}
}

func assign(name, call string) string {
	if name == "" {
		return call
	}
	return "$" + name + " = " + call
}

// plainly writes lines once for each object or value.
func (w caller) plainly(e *probes.Each, lines []string) []string {
	if e == nil {
		return lines
	}
	over := "@(" + quoted(e.Values) + ")"
	if e.In != nil {
		over = "@(" + Line(*e.In) + ")"
	}
	return block("foreach ($"+e.As+" in "+over+") {", lines)
}
