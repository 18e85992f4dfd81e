package cli

import (
	"testing"

	"offbasic/assets"
	"offbasic/probes/graph"
	"offbasic/probes/lab"
	"offbasic/ui/text"
)

// What can be made to go wrong, and the steps of a registration, have words in
// both languages.
func TestFaultsOfTheLabAndStepsHaveWords(t *testing.T) {
	var keys []string
	for _, f := range lab.Faults() {
		keys = append(keys, "lab.fault."+f.Name)
	}
	for _, s := range graph.Steps() {
		keys = append(keys, "setup."+s)
	}
	for _, lang := range []string{"en", "fr"} {
		tr, err := text.Load(assets.Locales(), lang)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			if !tr.Has(key) {
				t.Errorf("%s has no words for %s", lang, key)
			}
		}
	}
}
