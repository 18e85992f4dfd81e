package ui

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// A colour says what a word of a script is; a value can never pass for code.
func TestScriptsAreColouredByWhatAWordIs(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		want         []piece
	}{
		{"a call", "Get-CASMailbox -Identity 'a b'", []piece{
			{inkCmdlet, "Get-CASMailbox"}, {inkPlain, " "}, {inkParameter, "-Identity"}, {inkPlain, " "}, {inkString, "'a b'"},
		}},
		{"a quote in a value", "'O''Brien' # x", []piece{{inkString, "'O''Brien'"}, {inkPlain, " "}, {inkComment, "# x"}}},
		{"a comment sign in a value", "'# no' $a", []piece{{inkString, "'# no'"}, {inkPlain, " "}, {inkVariable, "$a"}}},
		{"a variable with a scope", "$env:PATH", []piece{{inkVariable, "$env:PATH"}}},
		{"a variable in braces", "${a b}", []piece{{inkVariable, "${a b}"}}},
		{"an escaped quote", "\"a`\"b\"", []piece{{inkString, "\"a`\"b\""}}},
		{"a word of the language", "if", []piece{{inkWord, "if"}}},
		{"a switch that is off", "-Confirm:$false", []piece{{inkParameter, "-Confirm"}, {inkPlain, ":"}, {inkVariable, "$false"}}},
		{"a comment that is not closed", "<# a", []piece{{inkComment, "<# a"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []piece
			for _, line := range powershell(tt.script) {
				for _, p := range line {
					if n := len(got); n > 0 && p.ink == inkPlain && got[n-1].ink == inkPlain {
						got[n-1].text += p.text
						continue
					}
					got = append(got, p)
				}
			}
			if len(got) != len(tt.want) {
				t.Fatalf("%q is %v, want %v", tt.script, got, tt.want)
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Errorf("%q is %v, want %v", tt.script, got, tt.want)
				}
			}
		})
	}
}

func TestBlocksRunOverLines(t *testing.T) {
	lines := powershell("<# a\nb #>\n@'\n$x\n'@\n")
	if len(lines) != 5 || lines[1][0].ink != inkComment || lines[3][0].ink != inkString {
		t.Errorf("the lines are %v", lines)
	}
}

// Whatever a script holds, what is shown is what is copied.
func FuzzColoursLoseNothing(f *testing.F) {
	f.Add(scriptText)
	for _, s := range []string{"", "`", "$", "-", "'", "\"", "@'", "<#", "a-", "-a-b", "é-È", "\xff", "${", "\n\n"} {
		f.Add(s)
	}
	th := newTheme(true)
	f.Fuzz(func(t *testing.T, script string) {
		var shown []string
		for _, line := range powershell(script) {
			var b strings.Builder
			for _, p := range line {
				b.WriteString(p.text)
			}
			text := b.String()
			shown = append(shown, text)
			if strings.ContainsAny(text, "\x1b\t\r") || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
				continue
			}
			if drawn := ansi.Strip(th.styled(line)); drawn != text {
				t.Errorf("drawn is %q, the text %q", drawn, text)
			}
		}
		if got := strings.Join(shown, "\n"); got != strings.TrimSuffix(script, "\n") {
			t.Errorf("lost something: %q of %q", got, script)
		}
	})
}
