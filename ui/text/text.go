// Package text says things in the reader's language. It looks words up and
// fills in arguments; it never decides what to say.
package text

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
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
// which looks like an argument stays as it is. Where the argument count is 1,
// and in French where it is 0, the words under "<key>.one" come first. A key without words is shown in
// brackets.
func (p Printer) T(key string, args ...Args) string {
	if len(args) > 0 && p.single(key, args[0]["count"]) {
		key += ".one"
	}
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
		pairs = append(pairs, "{"+k+"}", p.written(k, v))
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// single tells whether a count takes the words for one: in French none does as
// well, where those words say the count.
func (p Printer) single(key, count string) bool {
	switch count {
	case "1":
		return p.Has(key + ".one")
	case "0":
		return p.lang == "fr" && strings.Contains(p.msgs[key+".one"], "{count}")
	}
	return false
}

// written is an argument as the reader's language writes it, where its name
// says that it is an amount or a length of time. Others stay as they are:
// "1.2" may be a version.
func (p Printer) written(name, value string) string {
	switch name {
	case "mb", "size", "made", "limit":
		if _, err := strconv.ParseFloat(value, 64); err == nil {
			return p.Decimal(value)
		}
	case "cause":
		// The program's own causes are words; those of others stay as they are.
		if key := "own_cause." + value; value != "" && p.Has(key) {
			return p.T(key)
		}
	case "left":
		if d, err := time.ParseDuration(value); err == nil {
			return p.Span(d)
		}
	}
	return value
}

// Decimal writes a number with the reader's decimal sign.
func (p Printer) Decimal(number string) string {
	return strings.Replace(number, ".", p.T("app.decimal"), 1)
}

// Span is a length of time in the unit that fits it.
func (p Printer) Span(d time.Duration) string {
	const day = 24 * time.Hour
	unit, n := "seconds", d/time.Second
	switch {
	case d >= 2*day:
		unit, n = "days", d/day
	case d >= 2*time.Hour:
		unit, n = "hours", d/time.Hour
	case d >= 2*time.Minute:
		unit, n = "minutes", d/time.Minute
	}
	return p.T("span."+unit, Args{"n": strconv.FormatInt(int64(n), 10)})
}

// Cite says where something comes from. Titles and addresses stay as they are;
// the words around them are the reader's.
func (p Printer) Cite(source string) string {
	if p.lang == "en" {
		return source
	}
	var pairs []string
	for _, key := range p.cites() {
		pairs = append(pairs, p.fallback[key], p.T(key))
	}
	return strings.NewReplacer(pairs...).Replace(source)
}

// cites are the keys of the words of sources, the longest words first.
func (p Printer) cites() []string {
	var keys []string
	for key := range p.fallback {
		if strings.HasPrefix(key, "cite.") {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(len(p.fallback[b])-len(p.fallback[a]), strings.Compare(a, b))
	})
	return keys
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
