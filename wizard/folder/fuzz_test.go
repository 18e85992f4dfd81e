package folder

import (
	"bytes"
	"strings"
	"testing"

	"offbasic/probes"
)

// Whatever lies in the file, the folder opens, keeps, and drops no byte: what
// it cannot read stays in the file or is put aside.
func FuzzSessionsFile(f *testing.F) {
	f.Add([]byte(lineA + "\n" + lineB))
	f.Add([]byte(lineA + "\r\n\n" + lineB[:30]))
	f.Add([]byte("\ufeff" + lineA + "\n\x00\x00\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		put(t, dir, sessionsFile, string(text))
		folder := open(t, dir)
		if err := folder.Keep(session("ours")); err != nil {
			t.Fatal(err)
		}
		if s, err := folder.Session(t.Context(), "ours"); err != nil || s.Peer != "192.0.2.50" {
			t.Errorf("the session that was kept: %+v, %v", s, err)
		}
		if err := folder.Sessions(t.Context(), func(probes.Session) error { return nil }); err != nil {
			t.Error(err)
		}
		left := contents(t, dir, sessionsFile)
		var whole bytes.Buffer
		whole.WriteString(left[:strings.LastIndex(strings.TrimSuffix(left, "\n"), "\n")+1])
		for _, w := range folder.Warnings() {
			if w.Code == "folder_tail" {
				whole.WriteString(contents(t, dir, w.Args["moved"]))
			}
		}
		if got := whole.Bytes(); !bytes.Equal(got, text) && !bytes.Equal(bytes.TrimSuffix(got, []byte("\n")), text) {
			t.Errorf("%q became %q", text, got)
		}
	})
}

// A read-back comes from a file that anybody may have written.
func FuzzReadBack(f *testing.F) {
	f.Add([]byte(answer))
	f.Add([]byte("\xff\xfe{\x00"))
	f.Add([]byte(`{"type":"readback","schema":1,"results":{"a":{"b":[1,null,{"c":true}]}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReadBack("a.json", b)
		if err == nil && (r.Type != "readback" || r.Schema != probes.ReadBackSchema) {
			t.Errorf("%q was read as %+v", b, r)
		}
		if err != nil && r.Results != nil {
			t.Errorf("%q is damaged and gave results %v", b, r.Results)
		}
	})
}
