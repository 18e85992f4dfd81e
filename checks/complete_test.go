package checks_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"offbasic/checks"
	"offbasic/probes"
)

// lines are those of a file of testdata, without its comments.
func lines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "#") {
			out = append(out, strings.TrimRight(line, "\n"))
		}
	}
	return out
}

// Every refusal that is documented or was seen is explained by its own row,
// alone and in a line of a log, with words in both languages.
func TestEveryKnownRefusalIsExplained(t *testing.T) {
	x := checks.NewExplainer()
	met := map[string]bool{}
	for _, line := range lines(t, "replies.tsv") {
		f := strings.Split(line, "\t")
		if len(f) != 4 {
			t.Fatalf("not four columns: %q", line)
		}
		id, said := f[0], strings.Join(strings.Fields(f[1]+" "+f[2]+" "+f[3]), " ")
		met[id] = true
		code, _ := strconv.Atoi(f[1])
		got := x.Reply(probes.Reply{Code: code, Enhanced: f[2], Text: f[3]})
		if got.ID != id {
			t.Errorf("%q is explained as %q, want %s", said, got.ID, id)
			continue
		}
		for lang, words := range locales() {
			w := got.Worded(func(key string) (string, bool) { s, ok := words[key]; return s, ok })
			if w.Meaning == "" || code >= 400 && len(w.Remedies) == 0 {
				t.Errorf("%s: %q has the meaning %q and %d remedies", lang, said, w.Meaning, len(w.Remedies))
			}
		}
		if code < 400 {
			continue
		}
		found := ""
		err := x.Log(strings.NewReader("Nov 22 10:00:00 mx postfix/smtp[9]: 4A1B2: to=<a@b.example>, status=bounced (host x[192.0.2.1] said: "+said+" (in reply to RCPT TO command))\n"),
			func(e checks.Explanation) { found = e.ID })
		if err != nil || found != id {
			t.Errorf("in a log %q is explained as %q (%v), want %s", said, found, err, id)
		}
	}
	for _, r := range checks.Replies() {
		if !met[r.ID] {
			t.Errorf("%s is in the catalogue and in no line of replies.tsv", r.ID)
		}
	}
}

func TestEveryKnownSignInErrorIsExplained(t *testing.T) {
	x := checks.NewExplainer()
	met := map[int]bool{}
	for _, line := range lines(t, "aadsts.txt") {
		n, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		met[n] = true
		got, ok := x.Explain("AADSTS" + line + ": something went wrong")
		if !ok || !got.Known || got.ID != "aadsts-"+line {
			t.Errorf("AADSTS%s is explained as %+v", line, got)
		}
	}
	for _, r := range checks.SignInErrors() {
		if !met[r.Code] {
			t.Errorf("AADSTS%d is in the catalogue and in no line of aadsts.txt", r.Code)
		}
	}
}
