package ui

import (
	"strconv"
	"strings"
	"time"
)

func number(n int) string { return strconv.Itoa(n) }

// counted chooses between the words for one and for several: "<key>.one" and
// "<key>.many".
func (e env) counted(key string, n int) string {
	if n == 1 {
		return e.t(key + ".one")
	}
	return e.t(key+".many", map[string]string{"n": number(n)})
}

// word is the words of an id that another package gives, or the id itself
// where there are none.
func (e env) word(prefix, id string) string {
	if k := prefix + "." + id; e.tr.Has(k) {
		return e.t(k)
	}
	return clean(id)
}

// policy is the words of a policy, which may be one without TLS.
func (e env) policy(id string) string {
	name, bare := strings.CutSuffix(id, "+no-tls")
	if !bare {
		return e.word("policy", id)
	}
	return e.t("policy.without_tls", map[string]string{"policy": e.word("policy", name)})
}

// deadline is the corner of the home screen.
func (e env) deadline() string {
	date, id := e.opts.Deadline(e.now)
	if id == "" {
		return ""
	}
	days := daysBetween(e.now, date)
	args := map[string]string{"what": e.word("deadline", id), "days": number(days)}
	switch {
	case days < 0:
		return e.t("home.deadline.past", args)
	case days == 0:
		return e.t("home.deadline.today", args)
	case days == 1:
		return e.t("home.deadline.tomorrow", args)
	}
	return e.t("home.deadline.in", args)
}

// daysBetween counts calendar days.
func daysBetween(from, to time.Time) int {
	day := func(t time.Time) time.Time {
		y, m, d := t.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(day(to).Sub(day(from)).Hours() / 24)
}

// ago says how long ago something was, in the unit that fits.
func (e env) ago(t time.Time) string {
	d := e.now.Sub(t)
	switch {
	case d < time.Minute:
		return e.t("home.ago.now")
	case d < time.Hour:
		return e.counted("home.ago.minutes", int(d.Minutes()))
	case d < 24*time.Hour:
		return e.counted("home.ago.hours", int(d.Hours()))
	}
	return e.counted("home.ago.days", int(d.Hours()/24))
}

// clock is the time of day in the reader's place.
func (e env) clock(t time.Time) string { return t.In(e.opts.Location).Format(time.TimeOnly) }

// moment is date and time in the reader's place.
func (e env) moment(t time.Time) string {
	return t.In(e.opts.Location).Format("2006-01-02 15:04:05")
}

// size is a number of bytes in the unit that fits.
func (e env) size(n int64) string {
	switch {
	case n >= 1_000_000:
		s := strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64)
		return e.t("session.size.mb", map[string]string{"n": e.decimal(s)})
	case n >= 1000:
		return e.t("session.size.kb", map[string]string{"n": strconv.FormatInt((n+500)/1000, 10)})
	}
	return e.t("session.size.b", map[string]string{"n": strconv.FormatInt(n, 10)})
}

// decimal writes a number with the reader's decimal sign.
func (e env) decimal(s string) string { return e.tr.Decimal(s) }

// millis is how long a step took.
func (e env) millis(ms float64) string {
	s := strconv.FormatFloat(ms, 'f', 0, 64)
	if ms < 1 {
		s = "<1"
	}
	return s + " ms"
}

// args are the arguments of words that another package wrote: cleaned, and
// moments said in the reader's place.
func (e env) args(args map[string]string) map[string]string {
	out := make(map[string]string, len(args))
	for k, v := range args {
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			v = e.when(at)
		}
		out[k] = clean(v)
	}
	return out
}

// when is a moment as short as it can be: the time today, else the date too.
func (e env) when(at time.Time) string {
	if at = at.In(e.opts.Location); daysBetween(at, e.now) == 0 {
		return at.Format(time.TimeOnly)
	}
	return at.Format("2006-01-02 15:04")
}
