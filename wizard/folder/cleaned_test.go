package folder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"offbasic/probes"
)

// A folder that a colleague, or somebody else, wrote is no less hostile than a
// device.
func TestTextOfAForeignFolderIsCleanedAsItIsRead(t *testing.T) {
	dir := t.TempDir()
	state := `{"version":1,"senders":[{"id":"a\u001b[2J","name":"N\u001b]0;PWN\u0007\u202e\nrow\rx","told":{"x":["a\nb"]},"note":"two\nlines \u003c1\u003e"}]}`
	trial := `{"type":"trial","id":"t1","route":"oauth","outcome":"sent","steps":[{"step":"x\u001b[31m","outcome":"ok","ms":1}]}` + "\n"
	for name, text := range map[string]string{"migration.json": state, "trials.jsonl": trial} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := OpenRead(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := f.Migration().Senders[0]
	if strings.ContainsAny(s.ID+s.Name, "\x1b\a\u202e\n\r") || s.Told["x"][0] != "a\nb" || s.Note != "two\nlines <1>" {
		t.Errorf("it reads %q %q %q", s.ID, s.Name, s.Note)
	}
	_ = f.Trials(t.Context(), func(tr probes.Trial) error {
		if strings.Contains(tr.Steps[0].Step, "\x1b") {
			t.Errorf("a trial's step is %q", tr.Steps[0].Step)
		}
		return nil
	})
}
