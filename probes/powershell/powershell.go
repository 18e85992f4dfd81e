// Package powershell writes a Script as the PowerShell text that an admin
// reads and runs, and runs it where there is a PowerShell. It quotes every
// value in one place and never puts a secret into a script.
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

// Writer writes Scripts in one language. Both fields must be set.
type Writer struct {
	// Frame holds frame.ps1.tmpl, what stands around the steps.
	Frame fs.FS
	// Words looks up a comment or message in the admin's language.
	Words func(key string) string
}

// frame is what the template is given.
type frame struct {
	Name, Module string
	Schema       int
	Head         []string
	Words        map[string]string
	Steps        []step
	Reads        []string
}

type step struct{ Comment, Code string }

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
	f := frame{
		Name: Quote(s.Name), Module: s.Module, Schema: probes.ReadBackSchema,
		Head: p.head(s),
		Words: map[string]string{
			"where":    comment(p.Words("script.frame.where")),
			"connect":  comment(p.Words("script.frame.connect")),
			"module":   Quote(p.Words("script.frame.module")),
			"readback": comment(p.Words("script.frame.readback")),
			"written":  Quote(p.Words("script.frame.written") + " "),
		},
	}
	for _, st := range s.Steps {
		f.Steps = append(f.Steps, step{comment(p.Words("script." + s.Name + "." + st.ID)), p.code(st)})
	}
	for _, r := range s.Reads {
		f.Reads = append(f.Reads, readBack(r))
	}
	var out bytes.Buffer
	if err := t.Execute(&out, f); err != nil {
		return "", fmt.Errorf("write script %s: %w", s.Name, err)
	}
	return out.String(), nil
}

func (p Writer) head(s probes.Script) []string {
	head := []string{comment(p.Words("script." + s.Name)), comment(p.Words("script." + s.Name + ".what"))}
	whatIf := slices.ContainsFunc(s.Steps, func(st probes.ScriptStep) bool { return st.Do.WhatIf })
	if whatIf {
		return append(head, comment(p.Words("script.frame.safe")))
	}
	return append(head, comment(p.Words("script.frame.readonly")))
}

// code writes one step: look first, change only what is not so yet.
func (p Writer) code(s probes.ScriptStep) string {
	var b strings.Builder
	indent, do := "    ", Line(s.Do)
	if s.As != "" {
		do = "$" + s.As + " = " + do
	}
	if s.Unless != nil {
		found := "$found"
		if s.As != "" {
			found = "$" + s.As
		}
		fmt.Fprintf(&b, "%s%s = %s -ErrorAction SilentlyContinue\n%sif (-not %s) {\n", indent, found, Line(*s.Unless), indent, found)
		fmt.Fprintf(&b, "%s    %s\n%s}\n", indent, do, indent)
		return b.String()
	}
	if name := needs(s.Do); name != "" {
		fmt.Fprintf(&b, "%sif ($%s) {\n%s    %s\n%s}\n", indent, name, indent, do, indent)
		return b.String()
	}
	fmt.Fprintf(&b, "%s%s\n", indent, do)
	return b.String()
}

// needs names the variable that a call depends on. With -WhatIf the object was
// not made, and the call is left out.
func needs(c probes.Cmdlet) string {
	for _, p := range c.Params {
		if p.Value.Kind == probes.VarValue {
			name, _, _ := strings.Cut(p.Value.Text, ".")
			return name
		}
	}
	return ""
}

func readBack(r probes.ReadBack) string {
	names := make([]string, len(r.Select))
	for i, n := range r.Select {
		names[i] = Quote(n)
	}
	code := fmt.Sprintf("$answer['results'][%s] = @(ConvertTo-ReadBack -Objects @(%s) -Names @(%s))\n",
		Quote(r.ID), Line(r.Cmdlet), strings.Join(names, ", "))
	if name := needs(r.Cmdlet); name != "" {
		return fmt.Sprintf("    if ($%s) {\n        %s    }\n", name, code)
	}
	return "    " + code
}

// Line writes one call on one line.
func Line(c probes.Cmdlet) string {
	parts := []string{c.Name}
	for _, p := range c.Params {
		parts = append(parts, param(p))
	}
	if c.WhatIf {
		parts = append(parts, "-WhatIf:$WhatIfPreference")
	}
	return strings.Join(parts, " ")
}

func param(p probes.Param) string {
	switch v := p.Value; v.Kind {
	case probes.BoolValue:
		return fmt.Sprintf("-%s $%t", p.Name, v.Bool)
	case probes.SwitchValue:
		return "-" + p.Name
	case probes.ListValue:
		quoted := make([]string, len(v.List))
		for i, s := range v.List {
			quoted[i] = Quote(s)
		}
		return fmt.Sprintf("-%s @(%s)", p.Name, strings.Join(quoted, ", "))
	case probes.VarValue:
		return fmt.Sprintf("-%s $%s", p.Name, v.Text)
	default:
		return fmt.Sprintf("-%s %s", p.Name, Quote(v.Text))
	}
}
