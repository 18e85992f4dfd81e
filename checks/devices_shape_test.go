package checks_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"offbasic/assets"
	"offbasic/checks"
)

// The form of a row, as docs/devices.md tells it.
func TestEveryRowOfTheCatalogueHasItsShape(t *testing.T) {
	b, err := fs.ReadFile(assets.Catalogues(), "devices.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []checks.Device
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&rows); err != nil {
		t.Fatal(err)
	}
	id, date := regexp.MustCompile(`^[a-z0-9-]+$`), regexp.MustCompile(`^$|^[0-9]{4}(-[0-9]{2}){0,2}$`)
	seen := map[string]bool{}
	for _, r := range rows {
		known := r.OAuth != checks.OAuthNotKnown
		switch {
		case !id.MatchString(r.ID) || seen[r.ID]:
			t.Errorf("%q is no id, or is there twice", r.ID)
		case r.Name == "" || r.Kind == "":
			t.Errorf("%s has no name or no kind", r.ID)
		case !slices.Contains(checks.OAuthSupports(), r.OAuth):
			t.Errorf("%s: oauth is %q", r.ID, r.OAuth)
		case known != (r.Source != "") || known != (r.Confidence != "unknown"):
			t.Errorf("%s is known without a source, or has a source and is not known", r.ID)
		case !slices.Contains([]string{"high", "medium", "low", "unknown"}, r.Confidence):
			t.Errorf("%s: confidence is %q", r.ID, r.Confidence)
		case r.Pattern != "" && !slices.Contains(checks.SignInPatterns(), r.Pattern):
			t.Errorf("%s: pattern is %q", r.ID, r.Pattern)
		case !known && (r.Pattern != "" || r.Since != "" || len(r.Menu)+len(r.Consent) > 0):
			t.Errorf("%s is not known, and tells how it is done", r.ID)
		case r.OAuth == checks.OAuthNo && (r.Pattern != "" || r.Since != ""):
			t.Errorf("%s has none, and tells how it is done", r.ID)
		case len(r.Consent) > 0 && !r.Pattern.Delegated():
			t.Errorf("%s asks for delegated permissions and signs in as %q", r.ID, r.Pattern)
		case !date.MatchString(r.Date):
			t.Errorf("%s: date is %q", r.ID, r.Date)
		}
		seen[r.ID] = true
	}
}

// The example in the document is a row that the program takes.
func TestTheDocumentedRowIsOne(t *testing.T) {
	b, err := os.ReadFile("../docs/devices.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "    {")
	row, _, _ := strings.Cut(rest, "}")
	var got checks.Device
	d := json.NewDecoder(strings.NewReader("{" + row + "}"))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil || got.ID != "example-mfp" || got.Pattern != checks.DeviceCode {
		t.Errorf("the example is %+v (%v)", got, err)
	}
}
