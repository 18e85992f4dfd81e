package text_test

import (
	"testing"
	"testing/fstest"

	"offbasic/ui/text"
)

func printer(t *testing.T, lang string) text.Printer {
	t.Helper()
	p, err := text.Load(fstest.MapFS{
		"en.json": {Data: []byte(`{"hello":"hello {name}","only":"english","both":"{a} and {b}","mails":"{count} mails","mails.one":"{count} mail"}`)},
		"fr.json": {Data: []byte(`{"mails":"{count} courriels","mails.one":"{count} courriel","hello":"bonjour {name}","both":"{b} et {a}"}`)},
	}, lang)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWords(t *testing.T) {
	for _, tt := range []struct {
		name, lang, key string
		args            text.Args
		want            string
	}{
		{"in the reader's language", "fr", "hello", text.Args{"name": "Zoé"}, "bonjour Zoé"},
		{"in another order", "fr", "both", text.Args{"a": "1", "b": "2"}, "2 et 1"},
		{"in English where there is no other", "fr", "only", nil, "english"},
		{"visible where there are none", "en", "nothing", nil, "⟦nothing⟧"},
		{"several", "en", "mails", text.Args{"count": "2"}, "2 mails"},
		{"one alone", "en", "mails", text.Args{"count": "1"}, "1 mail"},
		{"none in English", "en", "mails", text.Args{"count": "0"}, "0 mails"},
		{"none in French", "fr", "mails", text.Args{"count": "0"}, "0 courriel"},
		{"a value that looks like an argument stays", "en", "both", text.Args{"a": "{b}", "b": "2"}, "{b} and 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := printer(t, tt.lang).T(tt.key, tt.args); got != tt.want {
				t.Errorf("said %q, want %q", got, tt.want)
			}
		})
	}
}

func TestALanguageThatThereIsNotIsAnError(t *testing.T) {
	if _, err := text.Load(fstest.MapFS{"en.json": {Data: []byte(`{}`)}}, "tlh"); err == nil {
		t.Error("no error")
	}
}

func TestPick(t *testing.T) {
	for in, want := range map[string]string{"fr_FR.UTF-8": "fr", "fr-CA": "fr", "en_GB": "en", "C": "en", "POSIX": "en", "de_DE": "en", "": "en", "C.UTF-8": "en"} {
		if got := text.Pick(in); got != want {
			t.Errorf("%q gives %s, want %s", in, got, want)
		}
	}
}
