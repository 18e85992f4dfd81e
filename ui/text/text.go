// Package text says things in the reader's language. It looks words up and
// fills in arguments; it never decides what to say.
package text

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
)

// Args are the named arguments of a message.
type Args = map[string]string

// Printer renders message keys in one language, falling back to English.
type Printer struct {
	lang           string
	msgs, fallback map[string]string
}

// Load reads <lang>.json and en.json from fsys.
func Load(fsys fs.FS, lang string) (Printer, error) {
	en, err := read(fsys, "en")
	if err != nil {
		return Printer{}, err
	}
	if lang == "en" {
		return Printer{lang, en, en}, nil
	}
	msgs, err := read(fsys, lang)
	return Printer{lang, msgs, en}, err
}

func read(fsys fs.FS, lang string) (map[string]string, error) {
	b, err := fs.ReadFile(fsys, lang+".json")
	if err != nil {
		return nil, fmt.Errorf("language %q: %w", lang, err)
	}
	m := map[string]string{}
	return m, json.Unmarshal(b, &m)
}

// Lang is the language of the printer: "en", "fr".
func (p Printer) Lang() string { return p.lang }

// Has tells whether there are words for key.
func (p Printer) Has(key string) bool {
	_, ok := p.msgs[key]
	if !ok {
		_, ok = p.fallback[key]
	}
	return ok
}

// T renders key. Arguments are named and filled in one pass, so that a value
// which looks like an argument stays as it is. A key without words is shown in
// brackets.
func (p Printer) T(key string, args ...Args) string {
	s, ok := p.msgs[key]
	if !ok {
		if s, ok = p.fallback[key]; !ok {
			return "⟦" + key + "⟧"
		}
	}
	if len(args) == 0 || !strings.Contains(s, "{") {
		return s
	}
	pairs := make([]string, 0, 2*len(args[0]))
	for k, v := range args[0] {
		pairs = append(pairs, "{"+k+"}", v)
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// Pick chooses the first of the wanted languages that there are words for:
// "fr_FR.UTF-8" gives "fr". English is the answer to everything else.
func Pick(wanted ...string) string {
	for _, w := range wanted {
		lang, _, _ := strings.Cut(strings.ToLower(w), "_")
		lang, _, _ = strings.Cut(lang, "-")
		lang, _, _ = strings.Cut(lang, ".")
		switch lang {
		case "en", "fr":
			return lang
		case "c", "posix":
			return "en"
		}
	}
	return "en"
}
