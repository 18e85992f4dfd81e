package folder

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"offbasic/probes"
)

const answer = `{"type":"readback","schema":1,"script":"service-principal","made":"2026-11-22T10:00:00Z",
 "results":{"cas_mailbox":[{"SmtpClientAuthenticationDisabled":"False"}]}}`

func TestScriptsAreNumberedAndNeverReplaced(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	for _, step := range []struct{ name, text, want string }{
		{"service-principal-192.0.2.50", "one", "01-service-principal-192.0.2.50.ps1"},
		{"service-principal-192.0.2.51", "two", "02-service-principal-192.0.2.51.ps1"},
		{"service-principal-192.0.2.50", "one", "01-service-principal-192.0.2.50.ps1"},
		{"service-principal-192.0.2.50", "changed", "03-service-principal-192.0.2.50.ps1"},
		{"service-principal-192.0.2.50", "changed", "03-service-principal-192.0.2.50.ps1"},
	} {
		path, err := f.SaveScript(step.name, []byte(step.text))
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(f.Dir(), "scripts", step.want); path != want {
			t.Errorf("%s saved as %s, want %s", step.name, path, want)
		}
	}
	if got := contents(t, dir, "scripts/01-service-principal-192.0.2.50.ps1"); got != "one" {
		t.Errorf("the first script became %q", got)
	}
}

func TestReadBackIsThatOfTheLastScriptOfTheName(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	_, err := f.ReadBack("connector")
	wantFault(t, err, "readback_missing", nil)
	old, err := f.SaveScript("connector", []byte("old"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.SaveReadBack("connector", []byte(strings.Replace(answer, "False", "True", 1))); err != nil {
		t.Fatal(err)
	}
	last, err := f.SaveScript("connector", []byte("last"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.ReadBack("connector")
	wantFault(t, err, "readback_missing", map[string]string{"file": "scripts/02-connector.json"})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error of an answer that is not there: %v", err)
	}
	if err := f.SaveReadBack("connector", []byte(answer)); err != nil {
		t.Fatal(err)
	}
	for script, want := range map[string]string{"connector": "False", last: "False", old: "True"} {
		r, err := f.ReadBack(script)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Results["cas_mailbox"][0]["SmtpClientAuthenticationDisabled"]; got != want {
			t.Errorf("%s: the switch is %q, want %q", script, got, want)
		}
	}
}

// Windows PowerShell 5.1 writes UTF-16 by default and UTF-8 with a byte order
// mark when asked for UTF-8; PowerShell 7 writes UTF-8 without one.
// Source: Microsoft, "about_Character_Encoding".
func TestReadBackInEveryEncodingOfPowerShell(t *testing.T) {
	for name, b := range map[string][]byte{
		"UTF-8":                         []byte(answer),
		"UTF-8 with a byte order mark":  []byte("\ufeff" + answer),
		"UTF-16, little end first":      inUTF16(answer, binary.LittleEndian),
		"UTF-16, big end first":         inUTF16(answer, binary.BigEndian),
		"UTF-16 with Windows line ends": inUTF16(strings.ReplaceAll(answer, "\n", "\r\n"), binary.LittleEndian),
	} {
		r, err := ParseReadBack("a.json", b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := map[string][]map[string]string{"cas_mailbox": {{"SmtpClientAuthenticationDisabled": "False"}}}
		if r.Script != "service-principal" || !reflect.DeepEqual(r.Results, want) {
			t.Errorf("%s: read %+v", name, r)
		}
	}
}

func inUTF16(s string, order binary.AppendByteOrder) []byte {
	b := order.AppendUint16(nil, 0xFEFF)
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

// ConvertTo-Json writes one object where a pipeline gave one, and values with
// their types.
func TestReadBackWithTypesReadsAsPowerShellPrints(t *testing.T) {
	r, err := ParseReadBack("a.json", []byte(`{"type":"readback","schema":1,"script":"x","made":"",
		"results":{"one":{"Off":false,"On":true,"Count":3,"None":null,"Rights":["FullAccess","SendAs"]},"none":null,"empty":[]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]map[string]string{
		"one":  {{"Off": "False", "On": "True", "Count": "3", "None": "", "Rights": "FullAccess, SendAs"}},
		"none": nil, "empty": nil,
	}
	if !reflect.DeepEqual(r.Results, want) {
		t.Errorf("read %v, want %v", r.Results, want)
	}
}

func TestReadBackThatIsNone(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		code       probes.Code
		args       map[string]string
	}{
		{"cut off", answer[:120], "readback_cut", map[string]string{"file": "a.json", "bytes": "120"}},
		{"cut off within a value", answer[:100], "readback_cut", map[string]string{"bytes": "100"}},
		{"empty", "", "readback_cut", map[string]string{"bytes": "0"}},
		{"another file", `{"version":1}`, "readback_not_ours", map[string]string{"file": "a.json"}},
		{"text", "Connect-ExchangeOnline : failed", "readback_damaged", map[string]string{"line": "1", "column": "1"}},
		{"something behind it", answer + "}", "readback_damaged", nil},
		{"a field that no script writes", strings.Replace(answer, `"made"`, `"by":"me","made"`, 1), "readback_edited", map[string]string{"what": "by"}},
		{"a field twice", strings.Replace(answer, `"made"`, `"script":"x","made"`, 1), "readback_edited", map[string]string{"what": "script"}},
		{"a property twice", strings.Replace(answer, `[{`, `[{"SmtpClientAuthenticationDisabled":"True",`, 1), "readback_edited", map[string]string{"what": "SmtpClientAuthenticationDisabled"}},
		{"a list of lists", strings.Replace(answer, `[{`, `[[{`, 1), "readback_damaged", nil},
		{"of a newer version", strings.Replace(answer, `"schema":1`, `"schema":2`, 1), "readback_newer", map[string]string{"schema": "2", "ours": "1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseReadBack("a.json", []byte(tt.text))
			wantFault(t, err, tt.code, tt.args)
		})
	}
}

func TestReadBackTooLargeIsNotRead(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	if _, err := f.SaveScript("big", []byte("x")); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "scripts/01-big.json", strings.Repeat(" ", maxReadBack+1)+answer)
	if _, err := f.ReadBack("big"); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("error %v", err)
	}
}
