package folder

import (
	"bytes"
	"encoding/json"
	"strings"

	"offbasic/probes"
)

// cleaned is a JSON text whose strings are fit for a screen. What this program
// writes was cleaned before; a folder that somebody else wrote was not. Line
// breaks and tabs stay: replies and commands have them.
func cleaned(b []byte) []byte { return clean(b, `rbf`, func(string) bool { return true }) }

// cleanedState is cleaned for the state, where only notes and what was entered
// for a script have lines: a break in a name would be a row more in a table.
func cleanedState(b []byte) []byte {
	return clean(b, `rbfnt`, func(key string) bool { return key == "note" || key == "told" })
}

// clean cleans a JSON text. escapes are the letters of the escapes that call
// for a closer look; lines tells under which keys line breaks and tabs stay.
func clean(b []byte, escapes string, lines func(key string) bool) []byte {
	if isClean(b, escapes) {
		return b
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return b // whoever reads it says where it is damaged
	}
	c, err := json.Marshal(cleanValue(v, lines(""), lines))
	if err != nil {
		return b
	}
	return c
}

// isClean tells a text that hides nothing: no character that Clean would
// replace, no escape of those letters, and no number of a character but those
// that encoding/json writes for HTML.
func isClean(b []byte, escapes string) bool {
	rest := b
	for i := bytes.IndexByte(rest, '\\'); i >= 0; i = bytes.IndexByte(rest, '\\') {
		rest = rest[i+1:]
		switch {
		case len(rest) == 0, strings.IndexByte(escapes, rest[0]) >= 0, rest[0] == 'u' && (len(rest) < 5 || !harmless(string(rest[1:5]))):
			return false
		}
		rest = rest[1:]
	}
	return cleanLines(string(b)) == string(b)
}

func harmless(escape string) bool {
	switch strings.ToLower(escape) {
	case "003c", "003e", "0026":
		return true
	}
	return false
}

// cleanLines cleans a text that may have line breaks and tabs.
func cleanLines(s string) string {
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "\n\t")
		if i < 0 {
			return b.String() + probes.Clean(s, 0)
		}
		b.WriteString(probes.Clean(s[:i], 0) + s[i:i+1])
		s = s[i+1:]
	}
	return b.String()
}

func cleanValue(v any, many bool, lines func(key string) bool) any {
	switch v := v.(type) {
	case string:
		if !many {
			return probes.Clean(v, 0)
		}
		return cleanLines(v)
	case []any:
		for i := range v {
			v[i] = cleanValue(v[i], many, lines)
		}
	case map[string]any:
		fit := make(map[string]any, len(v))
		for key, value := range v {
			fit[cleanKey(key, many)] = cleanValue(value, many || lines(key), lines)
		}
		return fit
	}
	return v
}

func cleanKey(key string, many bool) string {
	if many {
		return cleanLines(key)
	}
	return probes.Clean(key, 0)
}
