package checks_test

import (
	"fmt"
	"regexp"
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

// The maker of the hardware address is a hint like the others: it names a
// product together with another, never alone, and only when the prefix is one
// that the maker holds.
func TestHardwareAddressIsOneMoreHint(t *testing.T) {
	d := checks.NewDevices()
	with := func(subject, mac string) []probes.Session {
		return []probes.Session{{ID: "1", MAC: mac, Message: &probes.Message{Subject: subject}}}
	}
	ricoh := with(`Message from "RNP0026730A0B0C"`, "00:26:73:0a:0b:0c")
	got := d.Identify(checks.Facts{Sessions: ricoh})
	if len(got) != 1 || got[0].Device.ID != "ricoh" || len(got[0].Hints) != 2 {
		t.Fatalf("guessed %+v, want ricoh by two hints", got)
	}
	if c := got[0].Hints[1]; c.Field != "mac" || !strings.Contains(c.Value, "00:26:73:0a:0b:0c (Ricoh") || c.Session != "1" {
		t.Errorf("the hint is %+v", c)
	}
	for name, sessions := range map[string][]probes.Session{
		"the address alone":            with("Scan", "00:26:73:0a:0b:0c"),
		"another maker's address":      with(`Message from "RNP0026730A0B0C"`, "00:00:85:0a:0b:0c"),
		"an address that it made up":   with(`Message from "RNP0026730A0B0C"`, "02:26:73:0a:0b:0c"),
		"something that is no address": with(`Message from "RNP0026730A0B0C"`, "00:26"),
	} {
		if got := d.Identify(checks.Facts{Sessions: sessions}); len(got) != 0 {
			t.Errorf("%s: guessed %+v", name, got)
		}
	}
	if known := d.Known("", checks.Facts{Sessions: ricoh}); known == nil || known.ID != "ricoh" {
		t.Errorf("it is known as %+v, want ricoh", known)
	}
	if known := d.Known("canon", checks.Facts{Sessions: ricoh}); known == nil || known.ID != "canon" {
		t.Errorf("it is known as %+v, want what the admin said", known)
	}
	if known := d.Known("", checks.Facts{}); known != nil {
		t.Errorf("nothing is known as %+v", known)
	}
}

// A prefix is 24 bits that the IEEE gave to one holder for all the world (IEEE
// 802-2014, 8.2.2: the two lowest bits of the first octet are 0).
func TestMakersHoldTheirPrefixes(t *testing.T) {
	d, seen := checks.NewDevices(), map[string]string{}
	form := regexp.MustCompile(`^[0-9a-f][048c](:[0-9a-f]{2}){2}$`)
	for _, m := range checks.Makers() {
		if _, ok := d.Find(m.Device); !ok {
			t.Errorf("%s is not in the catalogue of devices", m.Device)
		}
		if m.Holder == "" || !strings.Contains(m.Source, "IEEE") || !regexp.MustCompile(`20\d\d-\d\d-\d\d`).MatchString(m.Source) {
			t.Errorf("%s: holder %q, source %q", m.Device, m.Holder, m.Source)
		}
		for _, p := range m.Prefixes {
			if !form.MatchString(p) {
				t.Errorf("%s: %q is no prefix", m.Device, p)
			}
			if other := seen[p]; other != "" {
				t.Errorf("%s is both %s's and %s's", p, other, m.Device)
			}
			seen[p] = m.Device
		}
	}
}

func TestDevicesAreSearched(t *testing.T) {
	d := checks.NewDevices()
	if got := d.Search("konica bizhub"); len(got) != 1 || got[0].ID != "konica-minolta" {
		t.Errorf("search finds %+v", got)
	}
	for product, want := range map[string]string{
		"Konica C258": "konica-minolta", "RICOH IM C3000": "ricoh", "Canon": "canon", "Schneider UPS": "apc",
		"": "", "Minolta": "", "Veeam": "", "C258": "",
	} {
		if got, ok := d.OfMaker(product); got.ID != want || ok != (want != "") {
			t.Errorf("the maker of %q is %q, want %q", product, got.ID, want)
		}
	}
	if _, ok := d.Find("no such device"); ok {
		t.Error("a device that is not in the catalogue is found")
	}
	if hp, ok := d.Find("hp"); !ok || hp.OAuth != checks.OAuthNotKnown {
		t.Errorf("HP is %+v, want not known", hp)
	}
}
