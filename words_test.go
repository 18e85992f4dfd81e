package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"offbasic/assets"
	"offbasic/ui/text"
)

// Every code of a fault has its three parts in both languages: what was tried,
// why it failed, what to do now.
func TestEveryFaultHasItsThreeParts(t *testing.T) {
	codes := map[string]string{}
	written := regexp.MustCompile(`(?:Code: *|probes\.Code *= *|[fF]ault\([^,(){}]*, *|Code\()"([a-z][a-z_]+)"`)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.HasPrefix(filepath.ToSlash(path), "probes/lab/") {
			b = bytes.ReplaceAll(b, []byte("l.fault("), nil) // the lab's own, which are turned on by name
		}
		for _, m := range written.FindAllStringSubmatch(string(b), -1) {
			codes[m[1]] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(codes) < 20 {
		t.Fatalf("found only %d codes: %v", len(codes), codes)
	}
	for _, lang := range []string{"en", "fr"} {
		tr, err := text.Load(assets.Locales(), lang)
		if err != nil {
			t.Fatal(err)
		}
		for code, path := range codes {
			for _, part := range []string{"", ".tried", ".hint"} {
				if key := "fault." + code + part; !tr.Has(key) {
					t.Errorf("%s: no words for %s (%s)", lang, key, path)
				}
			}
		}
	}
}

// French has the typographic apostrophe, and a no-break space before : ; ! ?
// and inside « », wherever it is not code that is shown.
func TestFrenchTypography(t *testing.T) {
	b, err := fs.ReadFile(assets.Locales(), "fr.json")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]string{}
	if err := json.Unmarshal(b, &words); err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("`[^`]*`|'[^' ]*'|«\u00a0(?:Username|Password):\u00a0»|\\b[CS]: |\\?\u00a0:|https?://\\S+|\\[?:[{0-9:]\\S*|ip[46]:")
	wrong := regexp.MustCompile(`\pL'\pL|[^\x{00a0}\s][:;!?»](?:\s|$)|\s?(?: )[:;!?»](?:\s|$)|«[^\x{00a0}]`)
	for key, said := range words {
		if strings.HasSuffix(key, ".example") {
			continue
		}
		if m := wrong.FindString(code.ReplaceAllString(said, "")); m != "" {
			t.Errorf("%s: %q in %q", key, m, said)
		}
	}
}
