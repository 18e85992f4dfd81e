package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A report goes to a new file in the language asked for; what is there already
// stays as it is.
func TestReportNeverOverwrites(t *testing.T) {
	w := openWork(t, t.TempDir())
	first := w.NewReportPath("md")
	if filepath.Base(first) != "report.md" || filepath.Dir(first) != w.Folder.Dir() {
		t.Errorf("proposed %s, want report.md in %s", first, w.Folder.Dir())
	}
	if err := os.WriteFile(first, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if next := w.NewReportPath("md"); filepath.Base(next) != "report-2.md" {
		t.Errorf("proposed %s, want report-2.md", next)
	}
	got, err := w.SaveReport(t.Context(), "md", "fr", first)
	if err != nil {
		t.Fatal(err)
	}
	mine, _ := os.ReadFile(first)
	text, _ := os.ReadFile(got)
	if string(mine) != "mine" || got == first || !strings.Contains(string(text), "En bref") {
		t.Errorf("%s holds %q, %s begins %.80q", first, mine, got, text)
	}
	if _, err := w.SaveReport(t.Context(), "md", "en", filepath.Join(t.TempDir(), "no", "such", "report.md")); err == nil {
		t.Error("a report into no folder was written")
	}
}
