package folder

import (
	"bytes"
	"encoding/json"
	"strings"

	"offbasic/probes"
)

// cleaned is a JSON text whose strings are fit for a screen. What this program
// writes was cleaned before; a folder that somebody else wrote was not. Line
// breaks and tabs stay: notes and commands have them.
func cleaned(b []byte) []byte {
	if isClean(b) {
		return b
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return b // whoever reads it says where it is damaged
	}
	c, err := json.Marshal(cleanValue(v))
	if err != nil {
		return b
	}
	return c
}

// isClean tells a text that hides nothing: no character that Clean would
// replace, and no escape but those that encoding/json writes for HTML.
func isClean(b []byte) bool {
	rest := b
	for i := bytes.Index(rest, []byte(`\u`)); i >= 0; i = bytes.Index(rest, []byte(`\u`)) {
		if rest = rest[i:]; len(rest) < 6 || !harmless(string(rest[2:6])) {
			return false
		}
		rest = rest[6:]
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

func cleanValue(v any) any {
	switch v := v.(type) {
	case string:
		return cleanLines(v)
	case []any:
		for i := range v {
			v[i] = cleanValue(v[i])
		}
	case map[string]any:
		fit := make(map[string]any, len(v))
		for key, value := range v {
			fit[cleanLines(key)] = cleanValue(value)
		}
		return fit
	}
	return v
}
