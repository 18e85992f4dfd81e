package ui

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/exp/golden"
	"github.com/charmbracelet/x/exp/teatest/v2"
	"github.com/charmbracelet/x/vt"
)

// TestLoop drives the real tea.Program once, and reads what a person sees
// through a terminal emulator.
func TestLoop(t *testing.T) {
	const width, height = 80, 24
	w := newWorld(t, "en")
	opts := w.options()
	opts.Now = func() time.Time { return time.Date(2000, 1, 1, 10, 42, 7, 0, time.UTC) }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tm := teatest.NewTestModel(t, New(ctx, opts),
		teatest.WithInitialTermSize(width, height),
		teatest.WithProgramOptions(tea.WithColorProfile(colorprofile.NoTTY), tea.WithEnvironment([]string{"TERM=xterm-256color"})),
	)
	var raw bytes.Buffer
	until := func(want string, there func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			io.Copy(&raw, tm.Output())
			if there() {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("never saw %q; screen:\n%s", want, screenOf(raw.Bytes(), width, height))
			}
		}
	}
	see := func(want string) {
		t.Helper()
		until(want, func() bool { return strings.Contains(screenOf(raw.Bytes(), width, height), want) })
	}
	see("No sender is known yet")
	tm.Send(keyPress("c"))
	see("server 192.0.2.23   port 587")
	c := copier
	c.Started = opts.Now()
	w.knock(c)
	see("LOGIN scan@contoso.example")
	tm.Send(keyPress("enter"))
	see("KONICA MINOLTA bizhub C258")
	tm.Send(keyPress("c"))
	see("Sent to the clipboard")
	until("the clipboard", func() bool { return bytes.Contains(raw.Bytes(), []byte("\x1b]52;c;")) })
	tm.Send(keyPress("q"))
	see("Something is still running")
	shown := screenOf(raw.Bytes(), width, height)
	tm.Send(keyPress("enter"))
	final := tm.FinalModel(t, teatest.WithFinalTimeout(20*time.Second)).(App)
	cancel()
	final.runs.wg.Wait()
	if w.captures != 0 {
		t.Errorf("%d captures run after the end", w.captures)
	}
	golden.RequireEqual(t, shown+"\n")
}

// Run ends with its context, and nothing is left running.
func TestRunEndsWithItsContext(t *testing.T) {
	w := newWorld(t, "en")
	ctx, cancel := context.WithCancel(t.Context())
	in, keys := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, w.options(), tea.WithInput(in), tea.WithOutput(io.Discard), tea.WithWindowSize(80, 24), tea.WithoutSignals())
	}()
	// A key that comes before the window's size is known does nothing, so it is
	// pressed until the capture runs.
	running := func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.captures > 0
	}
	for deadline := time.Now().Add(20 * time.Second); !running(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("c did not start a capture")
		}
		if _, err := keys.Write([]byte("c")); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run returned %v", err)
	}
	keys.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.captures != 0 {
		t.Errorf("%d captures run after Run returned", w.captures)
	}
}

// screenOf replays raw through a terminal emulator and returns what a person
// would see. The stream itself holds only the cells that changed.
func screenOf(raw []byte, w, h int) string {
	e := vt.NewEmulator(w, h)
	done := make(chan struct{})
	go func() { defer close(done); io.Copy(io.Discard, e) }() // answers to queries
	e.WriteString("\x1b[20h")
	e.Write(bytes.ReplaceAll(raw, []byte("\x1b[?1049l"), nil))
	lines := strings.Split(e.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	if c, ok := e.InputPipe().(io.Closer); ok {
		c.Close()
	}
	<-done
	e.Close()
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}
