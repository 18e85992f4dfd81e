package exports

import (
	"strings"
	"time"
)

// dates reads the dates of one file. A date with slashes has one order in the
// whole file; which one is told by the first that can only be read one way.
type dates struct {
	order Order
	now   time.Time
	// unclear is a date that could be read two ways before the order was told.
	unclear   string
	unclearAt int
	guessed   bool   // a year was
	memo      string // the date read last, and what it was: many rows have one
	memoTime  time.Time
}

// parse reads a date and time. ok is false when it is none. An order that is
// told too late is an orderError.
func (d *dates) parse(s string, line int) (t time.Time, ok bool, err error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}, true, nil // not told
	}
	if s == d.memo {
		return d.memoTime, true, nil
	}
	if strings.IndexByte(s, '/') > 0 && s[0] <= '9' {
		t, ok, err = d.slashed(s, line)
	} else {
		t, ok = plainDate(s)
	}
	if ok && err == nil && !t.IsZero() {
		d.memo, d.memoTime = s, t
	}
	return t, ok, err
}

// plainDate reads the forms that begin with the year, and Entra's and
// PowerShell's long ones. A time without a zone is UTC.
func plainDate(s string) (time.Time, bool) {
	for _, form := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999",
		"2006-01-02 15:04:05 -0700", "2006-01-02 15:04", "2006-01-02", "20060102", "02.01.2006 15:04:05", "02.01.2006 15:04", "02.01.2006",
		"Jan 2, 2006 3:04:05 PM", "Jan 2, 2006, 3:04:05 PM", "2 Jan 2006 15:04:05", time.RFC1123Z, time.RFC1123,
	} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// slashed reads "11/22/2026 7:05:58 PM" and "22/11/2026 19:05:58".
func (d *dates) slashed(s string, line int) (time.Time, bool, error) {
	if s[:strings.IndexByte(s, '/')] > "31" && strings.IndexByte(s, '/') == 4 {
		t, ok := plainDate(strings.ReplaceAll(s, "/", "-"))
		return t, ok, nil
	}
	asDay, dayOK := withOrder(s, DayFirst)
	asMonth, monthOK := withOrder(s, MonthFirst)
	told := Order("")
	switch {
	case !dayOK && !monthOK:
		return time.Time{}, false, nil
	case !monthOK:
		told = DayFirst
	case !dayOK:
		told = MonthFirst
	}
	if d.order == "" && told != "" {
		d.order = told
		if d.unclear != "" {
			return time.Time{}, true, orderError{told}
		}
	}
	switch d.order {
	case DayFirst:
		return asDay, dayOK, nil
	case MonthFirst:
		return asMonth, monthOK, nil
	}
	if asDay.Equal(asMonth) {
		return asDay, true, nil
	}
	if d.unclear == "" {
		d.unclear, d.unclearAt = s, line
	}
	return time.Time{}, true, nil
}

func withOrder(s string, o Order) (time.Time, bool) {
	day := "2/1/2006"
	if o == MonthFirst {
		day = "1/2/2006"
	}
	s = strings.ReplaceAll(strings.ReplaceAll(s, ",", ""), "\u202f", " ")
	for _, clock := range []string{" 15:04:05", " 3:04:05 PM", " 15:04", " 3:04 PM", ""} {
		if t, err := time.Parse(day+clock, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// syslog reads "Nov 22 19:05:58", which has no year: a log grows, so that a
// month that goes back begins a new year, and the last line is not in the
// future.
func (d *dates) syslog(s string) (time.Time, bool) {
	t, err := time.Parse("Jan _2 15:04:05", s)
	if err != nil {
		return time.Time{}, false
	}
	d.guessed = true
	year := d.now.UTC().Year()
	t = t.AddDate(year, 0, 0)
	if t.After(d.now.Add(24 * time.Hour)) {
		t = t.AddDate(-1, 0, 0)
	}
	return t, true
}
