package powershell_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/exp/golden"

	"offbasic/assets"
	"offbasic/probes"
	"offbasic/probes/powershell"
	"offbasic/wizard"
)

func ordinary() wizard.ScriptValues {
	return wizard.ScriptValues{
		App:     wizard.Registration{Name: "SMTP devices", ClientID: "11111111-2222-3333-4444-555555555555", ObjectID: "66666666-7777-8888-9999-000000000000"},
		Mailbox: "scan@contoso.example", Mailboxes: []string{"scan@contoso.example", "backup@contoso.example"}, Outside: "ceo@contoso.example",
		SendAs: []string{"invoices@contoso.example"}, Group: "devices@contoso.example", Addresses: []string{"203.0.113.10", "198.51.100.0/28"},
		Certificate: "relay.contoso.example", HVE: "alerts@contoso.example", BillingPolicy: "22222222-3333-4444-5555-666666666666",
		Server: "EX01", Ranges: []string{"192.168.1.10", "192.168.2.0/24"},
	}
}

// hostile are values of the kinds that break quoting: the end of a string and
// a command, an expression, every quote, a line break, a comment, an escape
// sequence.
func hostile() wizard.ScriptValues {
	return wizard.ScriptValues{
		App:     wizard.Registration{Name: "x'; Remove-Mailbox 'y", ClientID: "$(Get-Date)", ObjectID: "a\nb\u2019`c\"d"},
		Mailbox: "O'Brien@contoso.example'; Remove-Mailbox 'y", Mailboxes: []string{"O'Brien@contoso.example'; Remove-Mailbox 'y", "a\u201Bb\r\n}"}, Outside: "${env:PATH}",
		SendAs: []string{"\u2018; Remove-Mailbox y; \u2019"}, Group: "') } Remove-Mailbox y #", Scope: "x' -or Name -like '*",
		Addresses: []string{"203.0.113.10'", "@(1)"}, Certificate: "#>\n<#", Connector: "a | Remove-InboundConnector", HVE: "a\x1b[2J@b",
		BillingPolicy: "\u202E`$x", DisplayName: "\"$(whoami)\"", Policy: "'@\n'@", Server: `..\..\x' + 'y`, Ranges: []string{"0.0.0.0\u2028", "%{$_}"},
	}
}

// The golden text of every script with ordinary and with hostile values, in
// both languages. The same texts are read by a real PowerShell grammar and
// checked against the documented parameters of every cmdlet in CI.
func TestScripts(t *testing.T) {
	for _, name := range wizard.ScriptNames() {
		for kind, v := range map[string]wizard.ScriptValues{"ordinary": ordinary(), "hostile": hostile()} {
			for _, lang := range []string{"en", "fr"} {
				t.Run(name+"/"+kind+"_"+lang, func(t *testing.T) {
					golden.RequireEqual(t, written(t, lang, name, v))
				})
			}
		}
	}
}

func written(t *testing.T, lang, name string, v wizard.ScriptValues) string {
	t.Helper()
	s, ok := wizard.ScriptNamed(name, v)
	if !ok {
		t.Fatalf("no script is named %s", name)
	}
	text, err := powershell.Writer{Frame: assets.PowerShell(), Words: words(t, lang)}.Text(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// eachValue calls change with every value of v, texts and elements of lists.
func eachValue(v *wizard.ScriptValues, change func(*string)) {
	v.Mailboxes, v.SendAs = slices.Clone(v.Mailboxes), slices.Clone(v.SendAs)
	v.Addresses, v.Ranges = slices.Clone(v.Addresses), slices.Clone(v.Ranges)
	v.Mailbox = ""
	for _, in := range wizard.ScriptInputs() {
		if in.Text != nil {
			change(in.Text(v))
			continue
		}
		for i := range *in.List(v) {
			change(&(*in.List(v))[i])
		}
	}
}

// No value reaches a script but quoted: with other values the text is the
// same, but for the quoted values themselves. So no value can end a string,
// add a line or add a statement.
func FuzzNoValueReachesAScriptUnquoted(f *testing.F) {
	for _, s := range []string{
		"", "O'Brien", `a"b`, "$(x)", "`", "a\nb", "a\r\n}", "'; Remove-Mailbox 'y", "\u2018\u2019\u201A\u201B\u201C", "'@\n'@\n", "#>", "%{$_}",
		"\u2028\u2029\u0085", "\u202E", "\x00", "\x1b[2J", "\xff", "\U000E0041", "{{.Name}}", "CN=x,", "' -or Name -like '*", "@(1)", "-WhatIf:$false", "\v\f\u00a0",
	} {
		f.Add(s)
	}
	writer := powershell.Writer{Frame: assets.PowerShell(), Words: func(key string) string { return key }}
	text := func(t *testing.T, name string, v wizard.ScriptValues) string {
		s, _ := wizard.ScriptNamed(name, v)
		text, err := writer.Text(s)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	f.Fuzz(func(t *testing.T, bad string) {
		given, plain := ordinary(), ordinary()
		n := 0
		// A letter tells the values apart; an empty one would mean its default.
		eachValue(&given, func(s *string) { *s = string(rune('A'+n)) + "~" + bad; n++ })
		n = 0
		eachValue(&plain, func(s *string) { *s = string(rune('A' + n)); n++ })
		swap := strings.NewReplacer(pairs(given, plain)...)
		for _, name := range wizard.ScriptNames() {
			got, want := swap.Replace(text(t, name, given)), text(t, name, plain)
			if got != want {
				t.Errorf("%q changes more of %s than itself:\n%s\nwant\n%s", bad, name, got, want)
			}
		}
	})
}

// pairs are the quoted forms of one set of values and of another, in all the
// ways in which a script uses them.
func pairs(from, to wizard.ScriptValues) []string {
	var a, b []string
	collect := func(into *[]string) func(*string) {
		return func(s *string) { *into = append(*into, *s) }
	}
	eachValue(&from, collect(&a))
	eachValue(&to, collect(&b))
	a, b = append(a, from.Server+`\`+from.Connector), append(b, to.Server+`\`+to.Connector)
	var out []string
	for i := range a {
		out = append(out, powershell.Quote(a[i]), powershell.Quote(b[i]),
			powershell.Quote("CN="+a[i]+","), powershell.Quote("CN="+b[i]+","))
		local, _, _ := strings.Cut(a[i], "@")
		localTo, _, _ := strings.Cut(b[i], "@")
		out = append(out, powershell.Quote(local), powershell.Quote(localTo))
	}
	return out
}

// A value of a script is asked for, or given: never a secret. The only
// SecureString is asked for by Read-Host when the script runs.
func TestNoScriptHoldsASecret(t *testing.T) {
	for _, name := range wizard.ScriptNames() {
		text := written(t, "en", name, ordinary())
		for _, s := range []string{"ConvertTo-SecureString", "AsPlainText", "client_secret", "PSCredential"} {
			if strings.Contains(text, s) {
				t.Errorf("%s holds %s", name, s)
			}
		}
		if n := strings.Count(text, "-Password "); n != strings.Count(text, "-Password (Read-Host -AsSecureString -Prompt ") {
			t.Errorf("%s: a password is not asked for", name)
		}
	}
}

// Every change can be looked at with -WhatIf: the cmdlet gets it, or, where it
// knows none, the script asks ShouldProcess.
func TestEveryChangeObeysWhatIf(t *testing.T) {
	for _, name := range wizard.ScriptNames() {
		s, _ := wizard.ScriptNamed(name, ordinary())
		lines := strings.Split(written(t, "en", name, ordinary()), "\n")
		for i, l := range lines {
			changes := slices.ContainsFunc(s.Steps, func(st probes.ScriptStep) bool {
				return st.Do.Changes() && strings.Contains(l, st.Do.Name+" -") || st.Else != nil && strings.Contains(l, st.Else.Name+" -")
			})
			if !changes || strings.HasPrefix(strings.TrimSpace(l), "#") {
				continue
			}
			if !strings.Contains(l, "-WhatIf:$WhatIfPreference") && !strings.Contains(lines[i-1], "$PSCmdlet.ShouldProcess(") {
				t.Errorf("%s changes without asking -WhatIf: %s", name, l)
			}
		}
	}
}

// Every call of a cmdlet stops at its first error: the functions of a module
// do not see $ErrorActionPreference of the script.
func TestEveryCallStopsAtAnError(t *testing.T) {
	for _, name := range wizard.ScriptNames() {
		s, _ := wizard.ScriptNamed(name, ordinary())
		for l := range strings.Lines(written(t, "en", name, ordinary())) {
			for _, c := range calls(s) {
				if strings.Contains(l, c.Name+" -") && !strings.HasPrefix(strings.TrimSpace(l), "#") && !strings.Contains(l, "-ErrorAction Stop") {
					t.Errorf("%s goes on after an error: %s", name, l)
				}
			}
		}
	}
}

// calls are all calls that a script makes.
func calls(s probes.Script) []probes.Cmdlet {
	var out []probes.Cmdlet
	add := func(more ...*probes.Cmdlet) {
		for _, c := range more {
			if c != nil {
				out = append(out, *c)
			}
		}
	}
	for _, st := range s.Steps {
		add(st.Unless, &st.Do, st.Else)
		if st.Each != nil {
			add(st.Each.In)
		}
	}
	for _, r := range s.Reads {
		add(&r.Cmdlet)
		if r.Each != nil {
			add(r.Each.In)
		}
	}
	return out
}

// No variable of a step is one of the frame.
func TestVariablesOfStepsAreTheirOwn(t *testing.T) {
	frame := []string{"name", "at", "readback", "folder", "answer", "connection", "part", "look", "reason", "objects", "names", "object", "row", "property", "found", "input", "args", "error", "host", "home", "matches"}
	for _, name := range wizard.ScriptNames() {
		s, _ := wizard.ScriptNamed(name, ordinary())
		check := func(v string) {
			if slices.Contains(frame, strings.ToLower(v)) {
				t.Errorf("%s uses $%s, which is the frame's", name, v)
			}
		}
		for _, st := range s.Steps {
			check(st.As)
			if st.Each != nil {
				check(st.Each.As)
			}
		}
		for _, r := range s.Reads {
			if r.Each != nil {
				check(r.Each.As)
			}
		}
	}
}

// Every script, paragraph, step and expectation has words in both languages;
// a missing one fails in words.
func TestEveryPartOfAScriptHasWords(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		say := words(t, lang)
		for _, name := range wizard.ScriptNames() {
			s, _ := wizard.ScriptNamed(name, ordinary())
			say("script." + name)
			for _, id := range append([]string{"what"}, s.Notes...) {
				say("script." + name + "." + id)
			}
			for _, st := range s.Steps {
				say("script." + name + "." + st.ID)
			}
			for _, e := range s.Expects {
				say("expect." + e.ID)
			}
		}
		for _, in := range wizard.ScriptInputs() {
			say("script.value." + in.Name)
		}
	}
}

// The hints how to undo stand in comments, where no checker reads them: they
// are collected here as a script of their own. They name what they act on, and
// no variable, so that they can be copied alone.
func TestUndoHints(t *testing.T) {
	var lines []string
	for _, name := range wizard.ScriptNames() {
		s, _ := wizard.ScriptNamed(name, ordinary())
		for _, st := range s.Steps {
			if st.Undo == nil {
				continue
			}
			if v := st.Undo.Variables(); len(v) > 0 {
				t.Errorf("the hint of %s, %s, uses %v", name, st.ID, v)
			}
			line := powershell.Line(*st.Undo)
			lines = append(lines, line)
			if text := written(t, "en", name, ordinary()); !strings.Contains(text, "# To undo it, where this script made it: "+line+"\n") {
				t.Errorf("%s does not say %s", name, line)
			}
		}
	}
	golden.RequireEqual(t, strings.Join(slices.Compact(slices.Sorted(slices.Values(lines))), "\n")+"\n")
}

// Where there is no DNS cmdlet, or no right to read something, the read-back
// says so under "unread" and the rest is read.
func TestOptionalReadsStopNothing(t *testing.T) {
	for _, name := range []string{"tenant-state", "accepted-domains", "basic-usage"} {
		text := written(t, "en", name, ordinary())
		if !strings.Contains(text, "function Add-Reading {") || !strings.Contains(text, "    Add-Reading -Id ") {
			t.Errorf("%s stops where something cannot be read:\n%s", name, text)
		}
	}
	if strings.Contains(written(t, "en", "smtp-auth", ordinary()), "Add-Reading") {
		t.Error("smtp-auth goes on when it cannot read back")
	}
}

// All scripts in one language, as script save --all writes them.
func BenchmarkAllScripts(b *testing.B) {
	w := powershell.Writer{Frame: assets.PowerShell(), Words: func(key string) string { return key }}
	v := ordinary()
	b.ReportAllocs()
	for b.Loop() {
		for _, name := range wizard.ScriptNames() {
			s, _ := wizard.ScriptNamed(name, v)
			if _, err := w.Text(s); err != nil {
				b.Fatal(err)
			}
		}
	}
}
