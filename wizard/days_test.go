package wizard

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"offbasic/probes"
)

// reading is a live reading of the sign-ins up to a time.
func reading(until time.Time, rows ...probes.Sighting) (*Leads, Import) {
	l := &Leads{}
	var since time.Time
	for _, r := range rows {
		l.Add(r)
		since = onDay(1)
	}
	return l, Import{ID: LiveID(probes.FromSignIns, "t1"), Kind: probes.FromSignIns, Live: true, Tenant: "t1", Read: Periods{{since, until}}}
}

func at(account string, day, hour int) probes.Sighting {
	s := signIn(account, day)
	s.At = time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC)
	return s
}

func refusedAt(account string, day, hour int) probes.Sighting {
	s := at(account, day, hour)
	s.Refused, s.Why, s.Messages = true, "AADSTS50126", 0
	return s
}

func TestDaysAreWrittenAndReadBack(t *testing.T) {
	var d Days
	d.add(onDay(22), 2, 0)
	d.add(onDay(20), 1, 0)
	d.add(onDay(20), 0, 3)
	b, err := json.Marshal(d)
	if err != nil || string(b) != `"2026-11-20 1/3 0 2"` {
		t.Fatalf("written as %s (%v)", b, err)
	}
	var back Days
	if err := json.Unmarshal(b, &back); err != nil || back.Total() != (Count{3, 3}) || back.on(dayOf(onDay(22))) != (Count{2, 0}) {
		t.Errorf("read back as %+v (%v)", back, err)
	}
	for _, bad := range []string{`"x"`, `"2026-11-20 -1"`, `"2026-11-20 1/x"`, `"2026-11-20 99999999999999"`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s is taken for %+v", bad, back)
		}
	}
	d.add(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 1, 0)
	d.add(time.Time{}, 1, 0)
	if len(d.counts) > maxDays {
		t.Errorf("%d days are kept, want at most %d", len(d.counts), maxDays)
	}
}

// The same log read twice, by two laptops, at two times of a day: a day counts
// as the reading that knows most of it, whatever the order of the merges.
func TestReadingsOfOneLogAreNotAdded(t *testing.T) {
	monday := []probes.Sighting{at("scan@contoso.example", 16, 8), at("scan@contoso.example", 16, 9)}
	tuesday := append(slices.Clone(monday), at("scan@contoso.example", 16, 20), at("scan@contoso.example", 17, 8), refusedAt("scan@contoso.example", 17, 9))
	take := func(m *Migration, until time.Time, rows ...probes.Sighting) {
		t.Helper()
		l, from := reading(until, rows...)
		if _, err := m.TakeUp(l, from, false); err != nil {
			t.Fatal(err)
		}
	}
	var a, b Migration
	take(&a, onDay(16), monday...)
	take(&b, onDay(17), tuesday...)
	take(&b, onDay(18), tuesday[3:]...) // goes on from Tuesday
	for name, pair := range map[string][2]*Migration{"a with b": {&a, &b}, "b with a": {&b, &a}} {
		var m Migration
		for _, o := range []*Migration{pair[0], pair[1], pair[0]} {
			if _, err := m.Merge(*o); err != nil {
				t.Fatal(err)
			}
		}
		s, ok := m.Sender("scan")
		if !ok || len(m.Senders) != 1 || len(s.Sources) != 1 || s.counted() != (Count{4, 1}) || s.Sources[0].Messages != 4 || s.Sources[0].Refused != 1 {
			t.Errorf("%s: %+v", name, m.Senders)
		}
		if len(m.Imports) != 1 || !slices.Equal(m.Imports[0].Read, Periods{{onDay(1), onDay(18)}}) {
			t.Errorf("%s covers %+v", name, m.Imports)
		}
	}
	if s, _ := a.Sender("scan"); s.Sources[0].Messages != 2 {
		t.Errorf("a merge changed what was merged: %+v", s.Sources[0])
	}
}

// Files have rows in common with each other and with a live reading where
// their times meet; parts of a log that was cut in two have none.
func TestOverlappingFilesCountOnceAndPartsOfALogTogether(t *testing.T) {
	var m Migration
	takeUp(t, &m, "first week", gather(at("scan@contoso.example", 1, 8), at("scan@contoso.example", 5, 8), at("scan@contoso.example", 7, 8)))
	takeUp(t, &m, "second week", gather(at("scan@contoso.example", 5, 8), at("scan@contoso.example", 7, 8), at("scan@contoso.example", 9, 8)))
	s, _ := m.Sender("scan")
	if s.Volume() != 4 {
		t.Errorf("two weeks that meet are %d messages, want 4: %+v", s.Volume(), s.Sources)
	}
	l, from := reading(onDay(10), at("scan@contoso.example", 7, 8), at("scan@contoso.example", 9, 8), at("scan@contoso.example", 9, 9))
	if _, err := m.TakeUp(l, from, false); err != nil {
		t.Fatal(err)
	}
	if s, _ = m.Sender("scan"); s.Volume() != 5 {
		t.Errorf("with the live reading it is %d messages, want 5", s.Volume())
	}

	m = Migration{}
	takeUp(t, &m, "maillog.1", gather(at("scan@contoso.example", 3, 2), at("scan@contoso.example", 3, 5)))
	takeUp(t, &m, "maillog", gather(at("scan@contoso.example", 3, 7), at("scan@contoso.example", 4, 5)))
	if s, _ = m.Sender("scan"); s.Volume() != 4 {
		t.Errorf("a log that was cut in the morning is %d messages, want 4", s.Volume())
	}
}

func TestKindsOfSourceAreNotAdded(t *testing.T) {
	var m Migration
	takeUp(t, &m, "report", gather(fromReport("scan@contoso.example", 3)))
	takeUp(t, &m, "sign-ins", gather(at("scan@contoso.example", 3, 2), refusedAt("scan@contoso.example", 3, 5)))
	if s, _ := m.Sender("scan"); s.counted() != (Count{3, 1}) {
		t.Errorf("it is counted as %+v", s.counted())
	}
}

// Where a reading is gone on with: a day before what is known ends, and never
// across a gap.
func TestReadingIsGoneOnWithWhereItEnded(t *testing.T) {
	known := Periods{{onDay(1), onDay(5)}}.And(Period{onDay(4), onDay(8)}, Period{onDay(12), onDay(14)})
	if len(known) != 2 {
		t.Fatalf("known are %v", known)
	}
	midnight := func(d int) time.Time { return onDay(d).Truncate(day) }
	for since, want := range map[int]time.Time{2: midnight(7), 9: onDay(9), 12: midnight(13), 13: onDay(13), 20: onDay(20)} {
		if got := known.From(onDay(since)); !got.Equal(want) {
			t.Errorf("since the %dth it is read from %s, want %s", since, got, want)
		}
	}
}

// A trace that was read for other senders on the other laptop is to be read
// anew; one that was read for all is not.
func TestTraceOfOtherSendersIsReadAnewAfterAMerge(t *testing.T) {
	log := func(left int, all bool) Import {
		i := Import{ID: LiveID(probes.FromTrace, "t1"), Kind: probes.FromTrace, Live: true, Left: left}
		if i.Read = (Periods{{onDay(1), onDay(9)}}); all {
			i.Read, i.ReadAll = nil, i.Read
		}
		return i
	}
	for _, tt := range []struct {
		here, there Import
		read, all   int
	}{
		{log(0, false), log(0, false), 1, 0}, {log(3, false), log(0, false), 0, 0}, {log(0, false), log(2, false), 0, 0}, {log(0, true), log(4, false), 0, 1},
	} {
		m := Migration{Imports: []Import{tt.here}}
		if _, err := m.Merge(Migration{Imports: []Import{tt.there}}); err != nil {
			t.Fatal(err)
		}
		if got := m.Imports[0]; len(m.Imports) != 1 || len(got.Read) != tt.read || len(got.ReadAll) != tt.all {
			t.Errorf("%+v with %+v is %+v", tt.here, tt.there, got)
		}
	}
}

func TestRowsAreToldApartHoweverTheyWereWritten(t *testing.T) {
	sum := func(rows ...probes.Sighting) string {
		l := gather(rows...)
		return l.Sum(probes.FromSignIns, 0, 0)
	}
	a, b := signIn("a@contoso.example", 3), signIn("b@contoso.example", 3)
	both := sum(a, b)
	if sum(a, b) != both || both == sum(a) || both == sum(a, a) || sum() == sum(a) {
		t.Error("rows that differ have one sum, or the same rows two")
	}
	moved := a
	moved.At = moved.At.Add(time.Nanosecond)
	if sum(a) == sum(moved) {
		t.Error("a row of another time has the same sum")
	}
}
