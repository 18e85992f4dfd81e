package text

import (
	"testing"
	"time"

	"offbasic/assets"
)

// Amounts, lengths of time and sources are written as the reader's language
// does; a version stays as it is.
func TestArgumentsAreWrittenByLanguage(t *testing.T) {
	for lang, want := range map[string][5]string{
		"en": {"0.01", "1104 days", "3 hours", "1.2", "field report (undated)"},
		"fr": {"0,01", "1104\u00a0jours", "3\u00a0heures", "1.2", "témoignage (sans date)"},
	} {
		p, err := Load(assets.Locales(), lang)
		if err != nil {
			t.Fatal(err)
		}
		got := [5]string{
			p.written("size", "0.01"), p.written("left", "26496h17m46s"), p.Span(3*time.Hour + time.Minute),
			p.written("version", "1.2"), p.Cite("field report (undated)"),
		}
		if got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}
