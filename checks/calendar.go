package checks

import "time"

// Event is a date of the retirement. Its words are under "date.<id>".
type Event struct {
	ID string `json:"id"`
	// Date is as exact as the source: "2026-12-31", "2026-07", "2027-H2".
	Date string `json:"date"`
	// From and To bound the date: the same day twice when it is exact.
	From       string `json:"from"`
	To         string `json:"to"`
	Deadline   bool   `json:"deadline,omitempty"` // something ends or is announced for everybody
	Replaced   bool   `json:"replaced,omitempty"` // was moved or cancelled since
	Source     string `json:"source"`
	Confidence string `json:"confidence"`
}

// Calendar lists the dates of the retirement, oldest first.
func Calendar() []Event { return read[Event]("calendar.json") }

// Deadline is the next date that counts for everybody, how many days are left
// until it (0 on the day itself, or in the middle of a period), and its id. The
// id is "" when the catalogue knows nothing that is still to come. Days are
// calendar days of now's time zone.
func Deadline(now time.Time) (date time.Time, days int, id string) {
	y, m, d := now.Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	for _, e := range Calendar() {
		from, to := day(e.From), day(e.To)
		if !e.Deadline || to.Before(today) {
			continue
		}
		return from, max(0, int(from.Sub(today)/(24*time.Hour))), e.ID
	}
	return time.Time{}, 0, ""
}

// day reads "2026-12-31"; the zero time when it is none.
func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
