package checks_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

func TestDeadlineIsTheNextDateForEverybody(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		paris = time.FixedZone("CET", 3600)
	}
	for _, tt := range []struct {
		now  time.Time
		date string
		days int
		id   string
	}{
		{time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC), "2026-12-31", 39, "basic-off"},
		{time.Date(2026, 12, 30, 23, 59, 0, 0, time.UTC), "2026-12-31", 1, "basic-off"},
		{time.Date(2026, 12, 31, 23, 59, 0, 0, paris), "2026-12-31", 0, "basic-off"},
		{time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), "2027-07-01", 181, "removal-announced"},
		{time.Date(2027, 9, 1, 0, 0, 0, 0, time.UTC), "2027-07-01", 0, "removal-announced"},
		{time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC), "0001-01-01", 0, ""},
	} {
		date, days, id := checks.Deadline(tt.now)
		if date.Format(time.DateOnly) != tt.date || days != tt.days || id != tt.id {
			t.Errorf("on %s: %s, %d days, %q; want %s, %d, %q", tt.now, date.Format(time.DateOnly), days, id, tt.date, tt.days, tt.id)
		}
	}
}

func TestCalendarIsInOrderAndWithSources(t *testing.T) {
	last := ""
	for _, e := range checks.Calendar() {
		if e.From < last || e.To < e.From || e.Source == "" || e.Confidence == "" {
			t.Errorf("%+v after %s", e, last)
		}
		for _, d := range []string{e.From, e.To} {
			if _, err := time.Parse(time.DateOnly, d); err != nil {
				t.Errorf("%s: %v", e.ID, err)
			}
		}
		last = e.From
	}
}

func TestCloudIsFoundByIdAndAlias(t *testing.T) {
	for id, want := range map[string]string{
		"": "smtp.office365.com", "worldwide": "smtp.office365.com", "gcc": "smtp.office365.com",
		"gcc-high": "smtp.office365.us", "dod": "outlook-dod.office365.us", "21vianet": "smtp.partner.outlook.cn",
	} {
		if c, ok := checks.CloudByID(id); !ok || c.SMTP != want {
			t.Errorf("cloud %q: %s (%v), want %s", id, c.SMTP, ok, want)
		}
	}
	if c, ok := checks.CloudByID("moon"); ok {
		t.Errorf("cloud moon is %+v", c)
	}
	// The delegated scope of DoD is not confirmed: it must stay unknown.
	if c, _ := checks.CloudByID("dod"); c.Delegated != "" {
		t.Errorf("delegated scope of DoD: %s", c.Delegated)
	}
}

// A row without a source, or with one that only memory knows, may not be
// shipped.
func TestEveryRowHasItsSource(t *testing.T) {
	sure := []string{"primary", "mirror", "field", "vendor"}
	ids := map[string]bool{}
	row := func(id, source, confidence string, allowed []string) {
		t.Helper()
		if source == "" || strings.Contains(source, "recall") || !slices.Contains(allowed, confidence) {
			t.Errorf("%s: source %q, confidence %q", id, source, confidence)
		}
		if ids[id] {
			t.Errorf("%s is there twice", id)
		}
		ids[id] = true
	}
	for _, r := range checks.Replies() {
		row(r.ID, r.Source, r.Confidence, sure)
		if len(r.Match) == 0 && !r.Alone {
			t.Errorf("%s can never be recognised", r.ID)
		}
		if r.Code >= 400 && (r.Handling == "" || r.Remedies == 0) {
			t.Errorf("%s is a refusal without a handling or a remedy", r.ID)
		}
	}
	for _, r := range checks.SignInErrors() {
		row(fmt.Sprintf("AADSTS%d", r.Code), r.Source, r.Confidence, sure)
		if !slices.Contains(checks.Handlings(), r.Handling) || r.Remedies == 0 {
			t.Errorf("AADSTS%d: handling %q, %d remedies", r.Code, r.Handling, r.Remedies)
		}
	}
	for _, c := range checks.Clouds() {
		row(c.ID, c.Source, c.Confidence, sure)
	}
	for _, d := range checks.NewDevices().All() {
		if d.OAuth == checks.OAuthNotKnown {
			if d.Confidence != "unknown" {
				t.Errorf("%s: OAuth is not known, with confidence %q", d.ID, d.Confidence)
			}
			continue
		}
		row(d.ID, d.Source, d.Confidence, []string{"high", "medium", "low"})
	}
}

func TestProductIsNamedOnTwoHintsOnly(t *testing.T) {
	d := checks.NewDevices()
	got := d.Identify(checks.Facts{Sessions: recorded(t, "canon-from")})
	if len(got) != 1 || got[0].Device.ID != "canon" || len(got[0].Hints) != 4 {
		t.Fatalf("guessed %+v, want canon by four hints", got)
	}
	for _, c := range got[0].Hints {
		if c.Field == "" || c.Value == "" || c.Session == "" {
			t.Errorf("a hint without its evidence: %+v", c)
		}
	}
	for _, name := range []string{"copier-inside", "copier-tls10"} { // the subject alone
		if got := d.Identify(checks.Facts{Sessions: recorded(t, name)}); len(got) != 0 {
			t.Errorf("%s: guessed %+v on one hint", name, got)
		}
	}
	// One hint seen in many sessions is one hint.
	s := probes.Session{ID: "1", Message: &probes.Message{Subject: "Attached Image"}}
	if got := d.Identify(checks.Facts{Sessions: []probes.Session{s, s, s}}); len(got) != 0 {
		t.Errorf("guessed %+v on one subject", got)
	}
}

func TestDevicesAreSearched(t *testing.T) {
	d := checks.NewDevices()
	if got := d.Search("konica bizhub"); len(got) != 1 || got[0].ID != "konica-minolta" {
		t.Errorf("search finds %+v", got)
	}
	if _, ok := d.Find("no such device"); ok {
		t.Error("a device that is not in the catalogue is found")
	}
	if hp, ok := d.Find("hp"); !ok || hp.OAuth != checks.OAuthNotKnown {
		t.Errorf("HP is %+v, want not known", hp)
	}
}
