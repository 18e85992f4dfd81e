package cli

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"

	"offbasic/probes"
	"offbasic/ui/text"
)

// OpenFolder shows the folder of a file in the system's file manager. No shell
// reads the path.
func OpenFolder(env func(string) string) func(context.Context, string) error {
	return func(ctx context.Context, path string) error {
		dir := filepath.Dir(path)
		failed := func(err error) error {
			return &probes.Fault{Op: "open the folder " + dir, Code: "folder_not_shown", Args: text.Args{"dir": dir}, Err: err}
		}
		if runtime.GOOS == "linux" && env("DISPLAY") == "" && env("WAYLAND_DISPLAY") == "" {
			return failed(errors.New("there is no display"))
		}
		// It is not ended with the program: the file manager may be its child.
		cmd := exec.CommandContext(context.WithoutCancel(ctx), folderCommand(runtime.GOOS), dir)
		cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
		if err := cmd.Start(); err != nil {
			return failed(err)
		}
		go cmd.Wait() //nolint:errcheck // the file manager's end is nobody's business
		return nil
	}
}

// folderCommand is what shows a folder.
func folderCommand(system string) string {
	switch system {
	case "windows":
		return "explorer"
	case "darwin":
		return "open"
	}
	return "xdg-open"
}
