package capture

import (
	"encoding/json"
	"os"
	"testing"

	"offbasic/probes"
)

// Every quirk and every code is said in both languages, and what is to be done
// about a code as well.
func TestEveryQuirkAndCodeHasWords(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		b, err := os.ReadFile("../../assets/locales/" + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		words := map[string]string{}
		if err := json.Unmarshal(b, &words); err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, q := range Quirks() {
			keys = append(keys, "quirk."+q)
		}
		for _, code := range []probes.Code{PortBusy, PortDenied, AddressInvalid, AddressUnavailable} {
			keys = append(keys, "fault."+string(code), "fault."+string(code)+".hint")
		}
		for _, key := range keys {
			if words[key] == "" {
				t.Errorf("%s: no words for %s", lang, key)
			}
		}
	}
}

func TestQuirksAreListedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, q := range Quirks() {
		if seen[q] {
			t.Errorf("%s is listed twice", q)
		}
		seen[q] = true
	}
}
