package powershell

import (
	"fmt"
	"slices"
	"strings"

	"offbasic/probes"
)

// caller writes calls. prompt is what is said where a secret is asked for.
type caller struct{ prompt string }

// Line writes one call on one line, as an admin would type it.
func Line(c probes.Cmdlet) string {
	return strings.Join(caller{}.words(c), " ") + kept(c)
}

// call writes a call as it stands in a script. -ErrorAction is always given:
// the cmdlets of the Exchange Online module are functions of a module, which
// does not see the script's own preference (about_Preference_Variables:
// a module has its own scope).
func (w caller) call(c probes.Cmdlet) string {
	return strings.Join(append(w.words(c), "-ErrorAction Stop"), " ") + kept(c)
}

// change writes a call that changes something, so that -WhatIf holds it back.
// The object that it returns is kept in the variable as; that it was made is
// noted under the step's id.
func (w caller) change(c probes.Cmdlet, as, step string) []string {
	held := c.Changes() && (!c.WhatIf || asksSecret(c))
	words := w.words(c)
	if c.WhatIf && !held {
		words = append(words, "-WhatIf:$WhatIfPreference")
	}
	line := strings.Join(append(words, "-ErrorAction Stop"), " ") + kept(c)
	if as != "" {
		line = "$" + as + " = " + line
	}
	lines := []string{line}
	if c.Changes() {
		lines = append(lines, "Add-Done -Id "+Quote(step))
	}
	if !held {
		return lines
	}
	return block("if ($PSCmdlet.ShouldProcess("+target(c)+", "+Quote(c.Name)+")) {", lines)
}

// target is what a call changes, for the words of -WhatIf.
func target(c probes.Cmdlet) string {
	for _, name := range []string{"Identity", "PrimarySmtpAddress", "Name"} {
		switch v, ok := c.Param(name); {
		case ok && v.Kind == probes.VarValue:
			object, property, _ := strings.Cut(v.Text, ".")
			if property == "" {
				return "[string]$" + object
			}
			return "[string]$" + object + ".Name" // an id says nothing to a reader
		case ok:
			return Quote(v.Text)
		}
	}
	return Quote(c.Name)
}

func asksSecret(c probes.Cmdlet) bool {
	return slices.ContainsFunc(c.Params, func(p probes.Param) bool { return p.Value.Kind == probes.SecretValue })
}

func (w caller) words(c probes.Cmdlet) []string {
	parts := []string{c.Name}
	for _, p := range c.Params {
		parts = append(parts, w.param(p))
	}
	return parts
}

func (w caller) param(p probes.Param) string {
	switch p.Value.Kind {
	case probes.SwitchValue:
		return "-" + p.Name
	case probes.OffValue:
		return "-" + p.Name + ":$false"
	default:
		return "-" + p.Name + " " + w.value(p.Value)
	}
}

func (w caller) value(v probes.Value) string {
	switch v.Kind {
	case probes.BoolValue:
		return fmt.Sprintf("$%t", v.Bool)
	case probes.ListValue:
		return "@(" + quoted(v.List) + ")"
	case probes.VarValue:
		return "$" + v.Text
	case probes.NullValue:
		return "$null"
	case probes.SecretValue:
		if w.prompt == "" {
			return "(Read-Host -AsSecureString)"
		}
		return "(Read-Host -AsSecureString -Prompt " + Quote(w.prompt) + ")"
	case probes.FilterValue: // in OPATH, too, a quote is doubled
		return fmt.Sprintf("(%s + ([string]$%s).Replace(%s, %s) + %s)",
			Quote(v.Property+" -eq '"), v.Text, Quote("'"), Quote("''"), Quote("'"))
	case probes.DaysAgoValue:
		if v.Days == 0 {
			return "([DateTime]::UtcNow)"
		}
		return fmt.Sprintf("([DateTime]::UtcNow.AddDays(-%d))", v.Days)
	case probes.AccountValue:
		return "([System.Security.Principal.SecurityIdentifier]::new(" + Quote(v.Text) +
			").Translate([System.Security.Principal.NTAccount]).Value)"
	default:
		return Quote(v.Text)
	}
}

// kept writes the condition on the objects that a call returns.
func kept(c probes.Cmdlet) string {
	if len(c.Where) == 0 {
		return ""
	}
	parts := make([]string, len(c.Where))
	for i, m := range c.Where {
		parts[i] = match(m)
	}
	return " | Where-Object { " + strings.Join(parts, " -and ") + " }"
}

// match compares what PowerShell prints: $false -eq 'False' would be false,
// for any text but an empty one is true.
func match(m probes.Match) string {
	printed := "[string]$_." + m.Property
	switch {
	case m.Named != "":
		return fmt.Sprintf("(%s -eq %s -or (%s).StartsWith(%s, [System.StringComparison]::OrdinalIgnoreCase))",
			printed, Quote(m.Named), printed, Quote("CN="+m.Named+","))
	case m.Has != "":
		return "@($_." + m.Property + " | ForEach-Object { [string]$_ }) -contains " + Quote(m.Has)
	case len(m.Not) == 1:
		return printed + " -ne " + Quote(m.Not[0])
	case len(m.Not) > 1:
		return "@(" + quoted(m.Not) + ") -notcontains " + printed
	case len(m.Is) == 1:
		return printed + " -eq " + Quote(m.Is[0])
	default:
		return "@(" + quoted(m.Is) + ") -contains " + printed
	}
}

// quoted is a list of strings without its parentheses.
func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = Quote(s)
	}
	return strings.Join(out, ", ")
}
