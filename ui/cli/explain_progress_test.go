package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bigLog is a log of so many megabytes, with one refusal in each.
func bigLog(t *testing.T, mb int) string {
	t.Helper()
	filler := strings.Repeat("Nov 22 10:00:00 mx postfix/qmgr[99]: A1B2C: removed\n", (1<<20)/53)
	name := filepath.Join(t.TempDir(), "mail.log")
	if err := os.WriteFile(name, []byte(strings.Repeat(filler+refused, mb)), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Progress is shown on a terminal after a second, in one line, and is gone at
// the end; a pipe or JSON never sees it.
func TestProgressIsShownOnATerminalOnly(t *testing.T) {
	name := bigLog(t, 8)
	for _, tt := range []struct {
		terminal, json bool
		step           time.Duration
		shown          bool
	}{
		{true, false, 300 * time.Millisecond, true},
		{true, false, time.Millisecond, false}, // over before a second
		{false, false, time.Second, false},
		{true, true, time.Second, false},
	} {
		c, _, talk := explaining(t, nil)
		now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		c.Now = func() time.Time { now = now.Add(tt.step); return now }
		c.Terminal, c.json = tt.terminal, tt.json
		if err := c.explain(t.Context(), []string{name}, false); err != nil {
			t.Fatal(err)
		}
		said := talk.String()
		if shown := strings.Contains(said, "reading mail.log: "); shown != tt.shown {
			t.Errorf("terminal %v, JSON %v, %s each MB: stderr is %q", tt.terminal, tt.json, tt.step, said)
		}
		if tt.shown && (!strings.HasSuffix(said, "\r\x1b[K") || !strings.Contains(said, " %") || strings.Contains(said, "\n")) {
			t.Errorf("the line is not taken away: %q", said)
		}
	}
}
