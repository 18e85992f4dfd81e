package report

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"runtime"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
)

// File is one file of a bundle.
type File struct {
	Name string
	Data []byte
}

// Bundle is what a maker's support or a bug report needs of some sessions:
// what the device offered and did, and what was found, with other names in the
// place of names and addresses, the same ones throughout. No message is in it.
func Bundle(tr text.Printer, version string, sessions []probes.Session, findings []checks.Finding) ([]File, error) {
	r := newRedactor()
	// Twice: a name that is met late stands in what was written before.
	for _, s := range sessions {
		r.session(s)
	}
	var lines, judged bytes.Buffer
	for _, s := range sessions {
		if err := line(&lines, r.session(s)); err != nil {
			return nil, err
		}
	}
	for _, f := range findings {
		if err := line(&judged, r.finding(f)); err != nil {
			return nil, err
		}
	}
	about, err := json.MarshalIndent(map[string]any{
		"type": "bundle", "version": version, "os": runtime.GOOS, "arch": runtime.GOARCH, "go": runtime.Version(),
		"sessions": len(sessions), "findings": len(findings),
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	return []File{
		{"README.txt", []byte(tr.T("bundle.readme") + "\n")},
		{"about.json", append(about, '\n')},
		{"sessions.jsonl", lines.Bytes()},
		{"findings.jsonl", judged.Bytes()},
	}, nil
}

func line(to *bytes.Buffer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	to.Write(append(b, '\n'))
	return nil
}

// Zip packs the files of a bundle.
func Zip(w io.Writer, files []File) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		to, err := z.Create(f.Name)
		if err != nil {
			return err
		}
		if _, err := to.Write(f.Data); err != nil {
			return err
		}
	}
	return z.Close()
}
