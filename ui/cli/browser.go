package cli

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"runtime"
	"time"
)

// openWait is how long the command that opens a browser is watched: it fails
// at once when there is none, and may run as long as the browser.
const openWait = 2 * time.Second

// openBrowser hands an https address to the system's browser.
func openBrowser(env func(string) string, address string) error {
	name, args := browserCommand(runtime.GOOS)
	if runtime.GOOS != "windows" && runtime.GOOS != "darwin" && env("DISPLAY") == "" && env("WAYLAND_DISPLAY") == "" {
		return errors.New("no_display") // words under "own_cause."
	}
	// It is not ended with the sign-in: the browser may be its child.
	cmd := exec.CommandContext(context.Background(), name, append(args, address)...)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(openWait):
		return nil
	}
}

// browserCommand is what opens an address; the address is its last argument,
// and no shell reads it.
func browserCommand(system string) (name string, args []string) {
	switch system {
	case "windows":
		return "rundll32", []string{"url.dll,FileProtocolHandler"}
	case "darwin":
		return "open", nil
	}
	return "xdg-open", nil
}
