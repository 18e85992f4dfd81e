// Package powershell writes a Script as the PowerShell text that an admin
// reads and runs, and runs a script file where it is asked to. It quotes every
// value in one place, starts no shell by itself, and never puts a secret into a
// script.
package powershell

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"text/template"

	"offbasic/probes"
)

// Writer writes Scripts in one language. Frame and Words must be set.
type Writer struct {
	// Frame holds frame.ps1.tmpl, what stands around the steps.
	Frame fs.FS
	// Words looks up a comment or message in the admin's language.
	Words func(key string) string
	// Environment is the cloud's -ExchangeEnvironmentName; "" leaves it to
	// Connect-ExchangeOnline, which takes the worldwide one.
	Environment string
}

// frame is what the template is given.
type frame struct {
	Name     string
	Cloud    string // argument of Connect-ExchangeOnline, or ""
	Online   bool
	Optional bool // some read may be left out
	Schema   int
	Head     []string
	Words    map[string]string
	Where    []string
	Connect  []string
	ReadBack []string
	Steps    []step
	Reads    []string
}

// step is one step as text: its comment and the lines of its code.
type step struct {
	ID      string
	Comment []string
	Code    []string
}

// Write writes s as a script file: UTF-8 with a byte order mark, which Windows
// PowerShell 5.1 needs to read anything but ASCII, and CRLF line ends.
func (p Writer) Write(w io.Writer, s probes.Script) error {
	text, err := p.Text(s)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "\uFEFF"+strings.ReplaceAll(text, "\n", "\r\n"))
	return err
}

// Text is the script as it is shown and copied.
func (p Writer) Text(s probes.Script) (string, error) {
	t, err := template.New("frame.ps1.tmpl").Option("missingkey=error").ParseFS(p.Frame, "frame.ps1.tmpl")
	if err != nil {
		return "", fmt.Errorf("read the frame of scripts: %w", err)
	}
	where := "online"
	if s.Module == probes.ExchangeOnPremises {
		where = "onprem"
	}
	f := frame{
		Name: Quote(s.Name), Online: where == "online", Schema: probes.ReadBackSchema,
		Optional: slices.ContainsFunc(s.Reads, func(r probes.ReadBack) bool { return r.Optional }),
		Head:     p.head(s),
		Where:    remarks(p.Words("script.frame.where"), ""),
		Connect:  remarks(p.Words("script.frame.connect."+where), "    "),
		ReadBack: remarks(p.Words("script.frame.readback"), "    "),
		Words: map[string]string{
			"missing": Quote(p.Words("script.frame.missing." + where)),
			"written": Quote(p.Words("script.frame.written") + " "),
			"stopped": Quote(p.Words("script.frame.stopped") + " "),
		},
	}
	if p.Environment != "" {
		f.Cloud = " -ExchangeEnvironmentName " + Quote(p.Environment)
	}
	for _, st := range s.Steps {
		f.Steps = append(f.Steps, p.step(s.Name, st))
	}
	for _, r := range s.Reads {
		f.Reads = append(f.Reads, readBack(r)...)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, f); err != nil {
		return "", fmt.Errorf("write script %s: %w", s.Name, err)
	}
	return out.String(), nil
}

// head is what a reader must know before anything runs, a paragraph each.
func (p Writer) head(s probes.Script) []string {
	keys := []string{"script." + s.Name + ".what"}
	for _, n := range s.Notes {
		keys = append(keys, "script."+s.Name+"."+n)
	}
	if s.Changes() {
		keys = append(keys, "script.frame.safe")
	} else {
		keys = append(keys, "script.frame.readonly")
	}
	head := remarks(p.Words("script."+s.Name), "")
	for _, k := range keys {
		head = append(append(head, "#"), remarks(p.Words(k), "")...)
	}
	return head
}

// step writes one step: look first, change only what is not so yet.
func (p Writer) step(script string, s probes.ScriptStep) step {
	key := "script." + script + "." + s.ID
	out := step{ID: Quote(s.ID), Comment: remarks(p.Words(key), "    ")}
	if s.Undo != nil {
		out.Comment = append(out.Comment, "    # "+comment(p.Words("script.frame.undo"))+" "+Line(*s.Undo))
	}
	w := caller{}
	if asksSecret(s.Do) {
		w.prompt = p.Words(key + ".ask")
	}
	code := w.repeated(s.Each, w.guarded(s))
	if names := outer(s); len(names) > 0 {
		code = block("if ($"+strings.Join(names, " -and $")+") {", code)
	}
	out.Code = indent(code)
	return out
}

// outer lists the variables of earlier steps that a step depends on. With
// -WhatIf the object was not made, and the step is left out.
func outer(s probes.ScriptStep) []string {
	names := s.Do.Variables()
	for _, c := range []*probes.Cmdlet{s.Unless, s.Else} {
		if c != nil {
			names = append(names, c.Variables()...)
		}
	}
	if s.As != "" { // Else changes what Unless has just found
		names = slices.DeleteFunc(names, func(n string) bool { return n == s.As })
	}
	return without(names, s.Each)
}

// without leaves out what a loop sets itself, and adds what it loops over.
func without(names []string, e *probes.Each) []string {
	if e != nil {
		names = slices.DeleteFunc(names, func(n string) bool { return n == e.As })
		if e.In != nil {
			names = append(names, e.In.Variables()...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// guarded writes a step for one object: what there is already stays.
func (w caller) guarded(s probes.ScriptStep) []string {
	do := w.change(s.Do, s.As, s.ID)
	if s.Unless == nil {
		return do
	}
	found := s.As
	if found == "" {
		found = "found"
	}
	lines := []string{"$" + found + " = @(Find-Object { " + w.call(*s.Unless) + " })[0]"}
	lines = append(lines, block("if (-not $"+found+") {", do)...)
	if s.Else != nil {
		lines = append(lines, block("else {", w.change(*s.Else, "", s.ID))...)
	}
	return lines
}

// readBack writes one read. What an optional one cannot read is noted by
// Add-Reading of the frame.
func readBack(r probes.ReadBack) []string {
	w := caller{}
	lines := w.repeated(r.Each, []string{
		"ConvertTo-ReadBack -Objects @(Find-Object { " + w.call(r.Cmdlet) + " }) -Names @(" + quoted(r.Select) + ")",
	})
	open, end := "$answer['results']["+Quote(r.ID)+"] = @(", ")"
	if r.Optional {
		open, end = "Add-Reading -Id "+Quote(r.ID)+" -Read { ", " }"
	}
	lines[0] = open + lines[0]
	lines[len(lines)-1] += end
	if names := without(r.Cmdlet.Variables(), r.Each); len(names) > 0 {
		lines = block("if ($"+strings.Join(names, " -and $")+") {", lines)
	}
	return indent(lines)
}

// repeated writes lines once for each object or value.
func (w caller) repeated(e *probes.Each, lines []string) []string {
	if e == nil {
		return lines
	}
	over := "@(" + quoted(e.Values) + ")"
	if e.In != nil {
		over = "@(" + w.call(*e.In) + ")"
	}
	return block("foreach ($"+e.As+" in "+over+") {", lines)
}

// block is lines in braces behind an opening line.
func block(open string, lines []string) []string {
	return append(append([]string{open}, indent(lines)...), "}")
}

func indent(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = "    " + l
	}
	return out
}
