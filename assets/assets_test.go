package assets_test

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"offbasic/assets"
	"offbasic/probes/capture"
)

func words(t *testing.T, lang string) map[string]string {
	t.Helper()
	b, err := fs.ReadFile(assets.Locales(), lang+".json")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatalf("%s: %v", lang, err)
	}
	return m
}

func TestLanguagesHaveTheSameKeys(t *testing.T) {
	en, fr := words(t, "en"), words(t, "fr")
	for key := range en {
		if _, ok := fr[key]; !ok {
			t.Errorf("%s has no French words", key)
		}
	}
	for key := range fr {
		if _, ok := en[key]; !ok {
			t.Errorf("%s has no English words", key)
		}
	}
}

// The oddities that the capture records are told by their words alone.
func TestEveryQuirkHasWords(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		said := words(t, lang)
		for _, id := range capture.Quirks() {
			if said["quirk."+id] == "" {
				t.Errorf("%s: quirk.%s has no words", lang, id)
			}
		}
	}
}

var argument = regexp.MustCompile(`\{\w+\}`)

func TestLanguagesHaveTheSameArguments(t *testing.T) {
	en, fr := words(t, "en"), words(t, "fr")
	for key := range en {
		a, b := slices.Compact(slices.Sorted(slices.Values(argument.FindAllString(en[key], -1)))),
			slices.Compact(slices.Sorted(slices.Values(argument.FindAllString(fr[key], -1))))
		if !slices.Equal(a, b) {
			t.Errorf("%s: English has %v, French has %v", key, a, b)
		}
	}
}

var exclamation = regexp.MustCompile(`[\p{L}\p{N})][\s\x{a0}]?!(\s|$)`)

func TestNoWordsAreEmptyOrUntidy(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		for key, s := range words(t, lang) {
			switch {
			case strings.TrimSpace(s) == "":
				t.Errorf("%s: %s is empty", lang, key)
			case strings.TrimSpace(s) != s:
				t.Errorf("%s: %s begins or ends with a space: %q", lang, key, s)
			case exclamation.MatchString(s):
				t.Errorf("%s: %s has an exclamation mark: %q", lang, key, s)
			case strings.ContainsRune(s, '\u2026'):
				t.Errorf("%s: %s has an ellipsis: %q", lang, key, s)
			}
		}
	}
}

// In French a no-break space stands before : ; ? ! and inside « ». Code, URLs,
// times and drive letters have their colon without any space, and are left
// alone: only a sign that ends a word of the sentence counts.
var (
	plainSpace = regexp.MustCompile(`[\p{L}\p{N})}%»] [:;?!»](\s|$)|« `)
	noSpace    = regexp.MustCompile(`[\p{L}\p{N})}»][;?!»](\s|$)|[\p{L})}»]{2}:(\s|$)|«[^\x{a0}\x{202f}]`)
)

func TestFrenchTypography(t *testing.T) {
	for key, s := range words(t, "fr") {
		if strings.HasPrefix(key, "script.") && !strings.HasPrefix(key, "script.ui.") {
			continue // the text of scripts is pasted into consoles: plain spaces
		}
		for line := range strings.SplitSeq(s, "\n") {
			if m := plainSpace.FindString(line); m != "" {
				t.Errorf("%s: plain space in %q: %q", key, m, s)
			}
			if m := noSpace.FindString(line); m != "" {
				t.Errorf("%s: no-break space is missing in %q: %q", key, m, s)
			}
		}
	}
}

// A translation that is the English text was most likely forgotten.
func TestFrenchIsFrench(t *testing.T) {
	en, fr := words(t, "en"), words(t, "fr")
	for key, s := range en {
		if strings.HasSuffix(key, ".example") {
			continue // commands
		}
		if fr[key] == s && len(strings.Fields(argument.ReplaceAllString(s, ""))) > 4 {
			t.Errorf("%s is not translated: %q", key, s)
		}
	}
}

func TestCataloguesAreListsOfRows(t *testing.T) {
	err := fs.WalkDir(assets.Catalogues(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(assets.Catalogues(), path)
		if err != nil {
			return err
		}
		var rows []map[string]any
		if err := json.Unmarshal(b, &rows); err != nil || len(rows) == 0 {
			t.Errorf("%s: %d rows, %v", path, len(rows), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPowerShellFrameIsThere(t *testing.T) {
	names, err := fs.Glob(assets.PowerShell(), "*.tmpl")
	if err != nil || len(names) == 0 {
		t.Errorf("frames %v, %v", names, err)
	}
}
