package folder

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"offbasic/probes"
)

// The mark of UTF-16 gets lost where a file is copied by hand.
func TestUTF16IsToldWithoutItsMark(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		var b []byte
		for _, u := range utf16.Encode([]rune(answer)) {
			b = order.AppendUint16(b, u)
		}
		if r, err := ParseReadBack("a.json", b); err != nil || r.Script != "service-principal" {
			t.Errorf("%s: %+v, %v", order, r, err)
		}
	}
}

// Windows PowerShell 5.1 writes a list of one as that one.
func TestStepThatWasDoneAloneIsRead(t *testing.T) {
	for _, done := range []string{`{"step":"a","at":"2026-11-22T10:00:00Z"}`, `[{"step":"a","at":"2026-11-22T10:00:00Z"}]`} {
		r, err := ParseReadBack("a.json", []byte(strings.Replace(answer, `"made"`, `"done":`+done+`,"made"`, 1)))
		if err != nil || !slices.Equal(r.Done, []probes.DoneStep{{Step: "a", At: "2026-11-22T10:00:00Z"}}) {
			t.Errorf("%s: %+v, %v", done, r.Done, err)
		}
	}
}

func TestImportedAnswerStandsBesideItsScriptOrAlone(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	if _, err := f.SaveScript("connector", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, want string }{
		{"connector", "01-connector.json"},
		{"tenant-state", "02-tenant-state.json"},
		{"tenant-state", "02-tenant-state.json"},
	} {
		path, err := f.Import(tt.name, []byte("\ufeff"+answer))
		if err != nil || path != filepath.Join(f.Dir(), "scripts", tt.want) {
			t.Errorf("%s is kept as %s, %v; want %s", tt.name, path, err, tt.want)
		}
		if got := contents(t, dir, "scripts/"+tt.want); got != answer {
			t.Errorf("%s is %q, want it as UTF-8", tt.want, got)
		}
		if r, err := f.ReadBack(tt.name); err != nil || r.Script != "service-principal" {
			t.Errorf("%s is read back as %+v, %v", tt.name, r, err)
		}
	}
}

func TestImportRefusesWhatIsOlderOrDamagedAndKeepsWhatItHas(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	if _, err := f.Import("x", []byte(answer)); err != nil {
		t.Fatal(err)
	}
	_, err := f.Import("x", []byte(strings.Replace(answer, "2026-11-22", "2026-11-21", 1)))
	wantFault(t, err, "readback_old", map[string]string{"file": "scripts/01-x.json", "made": "2026-11-22T10:00:00Z"})
	_, err = f.Import("x", []byte(answer[:100]))
	wantFault(t, err, "readback_cut", nil)
	if got := contents(t, dir, "scripts/01-x.json"); got != answer {
		t.Errorf("the answer became %q", got)
	}
	if _, err := f.Import("../x", []byte(answer)); err == nil {
		t.Error("an answer was kept outside the folder")
	}
}

// A damaged answer is said, and does not hide the others.
func TestAnswersAreReadInTheirOrder(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	for name, text := range map[string]string{
		"10-b.json": strings.Replace(answer, "service-principal", "b", 1), "2-a.json": strings.Replace(answer, "service-principal", "a", 1),
		"3-cut.json": answer[:50], "4-x.ps1": "x", "notes.json": "{}",
	} {
		put(t, dir, "scripts/"+name, text)
	}
	got, bad, err := f.Answers(t.Context())
	if err != nil || len(got) != 2 || got[0].Script != "a" || got[1].Script != "b" {
		t.Errorf("answers %+v, %v; want a, then b", got, err)
	}
	if len(bad) != 1 {
		t.Fatalf("damaged are %v, want one", bad)
	}
	wantFault(t, bad[0], "readback_cut", map[string]string{"file": "scripts/3-cut.json"})
}

// What a run writes is looked at before it is kept; an old one is not taken for
// it.
func TestPartialAnswerIsTheNewOne(t *testing.T) {
	f := open(t, t.TempDir())
	for range 2 {
		path, err := f.PartialAnswer("scripts/01-x.ps1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadPartialAnswer("scripts/01-x.ps1"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("before the script has run there is an answer: %v", err)
		}
		put(t, filepath.Dir(path), filepath.Base(path), answer)
		if b, err := f.ReadPartialAnswer("scripts/01-x.ps1"); err != nil || string(b) != answer {
			t.Errorf("read %q, %v", b, err)
		}
	}
}

func TestObjectOfTooManyFieldsIsRefused(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(`{"type":"readback","schema":1`)
	for i := range 200000 {
		b.WriteString(`,"f` + strings.Repeat("x", i%9) + string(rune('a'+i%26)) + `":1`)
	}
	b.WriteString("}")
	_, err := ParseReadBack("a.json", b.Bytes())
	wantFault(t, err, "readback_edited", nil)
}
