package powershell_test

import (
	"encoding/json"
	"strings"
	"testing"

	"offbasic/assets"
	"offbasic/probes/powershell"
	"offbasic/wizard"
)

// A value is data whatever it holds. What each must become follows from
// about_Quoting_Rules: in single quotes only the quote is special, and U+2018
// to U+201B are quotes too.
func TestQuoteIsAlwaysData(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"an ordinary value", "scan@contoso.example", `'scan@contoso.example'`},
		{"nothing", "", `''`},
		{"an apostrophe", "O'Brien", `'O''Brien'`},
		{"a double quote", `a"b`, `'a"b'`},
		{"a subexpression", "$(Remove-Mailbox x)", `'$(Remove-Mailbox x)'`},
		{"a backtick", "a`n", "'a`n'"},
		{"the end of a string and a command", "x'; Remove-Mailbox 'y", `'x''; Remove-Mailbox ''y'`},
		{"typographic quotes", "\u2018a\u2019b\u201Ac\u201B", `('' + [char]8216 + 'a' + [char]8217 + 'b' + [char]8218 + 'c' + [char]8219)`},
		{"a line break", "a\nb", `('a' + [char]10 + 'b')`},
		{"a line break first", "\r\nb", `('' + [char]13 + [char]10 + 'b')`},
		{"an escape sequence", "\x1b[2J", `('' + [char]27 + '[2J')`},
		{"a direction override", "a\u202Eb", `('a' + [char]8238 + 'b')`},
		{"a tag character beyond the first plane", "\U000E0041", `('' + [char]56128 + [char]56385)`},
		{"accents", "Zoë Müller", `'Zoë Müller'`},
		{"invalid UTF-8", "a\xffb", "'a\uFFFDb'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := powershell.Quote(tt.in); got != tt.want {
				t.Errorf("Quote(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

func words(t *testing.T, lang string) func(string) string {
	t.Helper()
	f, err := assets.Locales().Open(lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := map[string]string{}
	if err := json.NewDecoder(f).Decode(&m); err != nil {
		t.Fatal(err)
	}
	return func(key string) string {
		if m[key] == "" {
			t.Errorf("no words for %s in %s", key, lang)
		}
		return m[key]
	}
}

// The file has a byte order mark: Windows PowerShell 5.1 reads a file without
// one in the ANSI code page (about_Character_Encoding).
func TestFileHasByteOrderMark(t *testing.T) {
	var b strings.Builder
	w := powershell.Writer{Frame: assets.PowerShell(), Words: words(t, "fr")}
	if err := w.Write(&b, wizard.ServicePrincipal(wizard.Registration{}, "m")); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), "\uFEFF#Requires") || !strings.Contains(b.String(), "\r\n") {
		t.Errorf("begins with %q", b.String()[:20])
	}
}
