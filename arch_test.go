package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// imports says what each package may import of ours and of others; the
// standard library is free but for the packages in pure. An entry that ends in
// a slash allows everything below it. A package that is not listed fails.
var imports = map[string][]string{
	"assets":            {},
	"probes":            {},
	"probes/capture":    {"probes"},
	"probes/submit":     {"probes", "github.com/emersion/go-smtp", "github.com/emersion/go-sasl"},
	"probes/graph":      {"probes"},
	"probes/dnsrec":     {"probes", "blitiri.com.ar/go/spf"},
	"probes/reach":      {"probes"},
	"probes/neighbours": {},
	"probes/signin":     {"probes", "github.com/AzureAD/microsoft-authentication-library-for-go/"},
	"probes/keyring":    {"probes", "github.com/zalando/go-keyring"},
	"probes/powershell": {"probes"},
	"probes/replay":     {"probes"},
	"probes/exports":    {"probes", "golang.org/x/text/"},
	"probes/lab":        {"probes", "assets", "github.com/emersion/go-smtp", "github.com/emersion/go-sasl"},
	"checks":            {"probes", "assets"},
	"wizard":            {"probes", "checks"},
	"wizard/folder":     {"probes", "wizard", "github.com/gofrs/flock", "github.com/natefinch/atomic", "golang.org/x/sys/unix"},
	"ui/text":           {"assets"},
	"ui/report":         {"wizard", "checks", "probes", "ui/text", "assets"},
	"ui/cli": {
		"assets", "probes", "probes/", "checks", "wizard", "wizard/", "ui/text", "ui/report",
		"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/muesli/mango-cobra", "github.com/muesli/roff",
	},
	"ui": {
		"probes", "checks", "wizard", "ui/text",
		"charm.land/", "github.com/charmbracelet/x/ansi",
	},
	".": {"assets", "probes", "probes/", "checks", "wizard", "wizard/", "ui", "ui/", "github.com/charmbracelet/x/term"},
}

// pure lists the packages that do no IO, and what they therefore never import.
var pure = map[string][]string{
	"probes": {"os", "net", "net/http", "io/ioutil", "os/exec"},
	"checks": {"os", "net", "net/http", "os/exec"},
	"wizard": {"os", "net", "net/http", "os/exec"},
	"ui":     {"net", "net/http", "os/exec"},
}

// top lists the folders of code at the top.
var top = []string{"assets", "checks", "probes", "ui", "wizard"}

func TestImportTable(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		if _, known := imports[dir]; !known {
			t.Errorf("%s: package %s is not in the import table", path, dir)
			return nil
		}
		seen[dir] = true
		if strings.HasSuffix(path, "_test.go") {
			return nil
		}
		return checkImports(t, dir, path)
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range imports {
		if !seen[dir] {
			t.Errorf("the import table lists %s, which does not exist", dir)
		}
	}
}

func checkImports(t *testing.T, dir, path string) error {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	for _, imp := range f.Imports {
		p := strings.Trim(imp.Path.Value, `"`)
		ours, isOurs := strings.CutPrefix(p, "offbasic/")
		first, _, _ := strings.Cut(p, "/")
		switch {
		case isOurs:
			p = ours
		case !strings.Contains(first, "."):
			if slices.Contains(pure[dir], p) {
				t.Errorf("%s imports %s: package %s does no IO", path, p, dir)
			}
			continue
		}
		if !allowed(imports[dir], p) {
			t.Errorf("%s imports %s", path, p)
		}
	}
	return nil
}

func allowed(table []string, p string) bool {
	return slices.ContainsFunc(table, func(a string) bool {
		return p == a || strings.HasSuffix(a, "/") && strings.HasPrefix(p, a)
	})
}

// A new capability finds its room in one of the five; a folder without code,
// such as a migration, may lie beside them.
func TestTopLevelFolders(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".go") {
			first, _, below := strings.Cut(filepath.ToSlash(path), "/")
			seen[first] = seen[first] || below && !strings.HasPrefix(first, ".")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, code := range seen {
		if code && !slices.Contains(top, dir) {
			t.Errorf("folder %s holds code: a new capability finds its room in one of %v", dir, top)
		}
	}
}
