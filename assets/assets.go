// Package assets holds what is embedded in the program: the words in each
// language, the PowerShell frame, and the catalogues of facts. It reads
// nothing else and knows nothing of who uses it.
package assets

import (
	"embed"
	"io/fs"
)

//go:embed locales/*.json powershell/*.tmpl catalogues/*.json relay/*.tmpl
var files embed.FS

// Locales holds <lang>.json, one flat catalogue per language.
func Locales() fs.FS { return sub("locales") }

// PowerShell holds the frame that every script is written in.
func PowerShell() fs.FS { return sub("powershell") }

// Relay holds the files of a local relay, as templates.
func Relay() fs.FS { return sub("relay") }

// Catalogues holds the facts as data: replies, AADSTS codes, clouds, dates.
func Catalogues() fs.FS { return sub("catalogues") }

func sub(dir string) fs.FS {
	f, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // the name is a constant of this file
	}
	return f
}
