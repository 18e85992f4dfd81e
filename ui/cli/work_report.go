package cli

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"offbasic/assets"
	"offbasic/ui/report"
	"offbasic/ui/text"
)

// ReportFormats are what a report can be written in, the usual one first.
func ReportFormats() []string { return report.Formats() }

// NewReportPath proposes a file for a report that is not there yet, in the
// migration folder; for the lab, which takes its own with it, in the folder
// that the program was started in.
func (w *Work) NewReportPath(format string) string {
	dir := w.Folder.Dir()
	if w.temporary != "" {
		dir = "."
	}
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole
	}
	const tries = 1000
	path := filepath.Join(dir, "report."+format)
	for n := 2; n < tries; n++ {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return path
		}
		path = filepath.Join(dir, "report-"+itoa(n)+"."+format)
	}
	return path
}

// SaveReport writes a report in a language to a new file, and returns its
// path: what is there already is never overwritten.
func (w *Work) SaveReport(ctx context.Context, format, lang, path string) (string, error) {
	tr, err := text.Load(assets.Locales(), lang)
	if err != nil {
		return "", err
	}
	r, err := w.Report(ctx, tr)
	if err != nil {
		return "", err
	}
	path, err = filepath.Abs(HomePath(path))
	if err != nil {
		return "", notSaved(path, err)
	}
	ext := cmp.Or(filepath.Ext(path), "."+format)
	file, err := create(strings.TrimSuffix(path, filepath.Ext(path)), ext)
	if err != nil {
		return "", notSaved(path, err)
	}
	if err := errors.Join(r.Write(file, format), file.Sync(), file.Close()); err != nil {
		return "", notSaved(file.Name(), errors.Join(err, os.Remove(file.Name())))
	}
	return file.Name(), nil
}

// HomePath is a path with the home folder for a leading "~/", as a shell has
// it.
func HomePath(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	home, err := os.UserHomeDir()
	if !ok || err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
