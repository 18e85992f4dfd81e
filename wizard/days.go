package wizard

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// Count is what a log says of one day.
type Count struct{ Messages, Refused int }

// Days is what a log says of each day, in UTC. Two readings of one log have the
// larger count of each day: a reading of a day begins at its beginning, so that
// the later one has what the earlier one had. The zero value has no day.
//
// As text it is the first day, then each day's messages, and its refusals
// behind a slash: "2026-11-20 5 0 3/1".
type Days struct {
	first  int64 // days since 1970
	counts []Count
}

// maxDays is how many days are kept, the newest of them.
const maxDays = 1100

const day = 24 * time.Hour

func dayOf(t time.Time) int64 { return t.Truncate(day).Unix() / int64(day/time.Second) }

// IsZero tells that there is no day.
func (d Days) IsZero() bool { return len(d.counts) == 0 }

// Total is what all days say together.
func (d Days) Total() Count {
	var all Count
	for _, c := range d.counts {
		all.Messages += c.Messages
		all.Refused += c.Refused
	}
	return all
}

// on is what one day says.
func (d Days) on(n int64) Count {
	if n < d.first || n >= d.end() {
		return Count{}
	}
	return d.counts[n-d.first]
}

func (d Days) end() int64 { return d.first + int64(len(d.counts)) }

func (d Days) clone() Days { return Days{d.first, slices.Clone(d.counts)} }

// add counts one row more.
func (d *Days) add(at time.Time, messages, refused int) {
	n := dayOf(at)
	if n < d.first || n >= d.end() {
		d.widen(n, n+1)
	}
	if n >= d.first {
		c := &d.counts[n-d.first]
		c.Messages += messages
		c.Refused += refused
	}
}

// widen makes room for the days from first to end, of which the newest are
// kept.
func (d *Days) widen(first, end int64) {
	if !d.IsZero() {
		first, end = min(first, d.first), max(end, d.end())
	}
	first = max(first, end-maxDays)
	counts := make([]Count, end-first)
	for n := max(first, d.first); n < d.end(); n++ {
		counts[n-first] = d.on(n)
	}
	d.first, d.counts = first, counts
}

// take takes over what another reading of the same log says: the larger count
// of each day.
func (d *Days) take(o Days) {
	if o.IsZero() {
		return
	}
	d.widen(o.first, o.end())
	for n := max(d.first, o.first); n < o.end(); n++ {
		c, theirs := &d.counts[n-d.first], o.on(n)
		c.Messages, c.Refused = max(c.Messages, theirs.Messages), max(c.Refused, theirs.Refused)
	}
}

// MarshalText writes it as text.
func (d Days) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return nil, nil
	}
	b := time.Unix(d.first*int64(day/time.Second), 0).UTC().AppendFormat(nil, time.DateOnly)
	for _, c := range d.counts {
		b = strconv.AppendInt(append(b, ' '), int64(c.Messages), 10)
		if c.Refused > 0 {
			b = strconv.AppendInt(append(b, '/'), int64(c.Refused), 10)
		}
	}
	return b, nil
}

// UnmarshalText reads what MarshalText wrote.
func (d *Days) UnmarshalText(b []byte) error {
	*d = Days{}
	words := strings.Fields(string(b))
	if len(words) == 0 {
		return nil
	}
	first, err := time.Parse(time.DateOnly, words[0])
	if err != nil || len(words) > maxDays+1 {
		return fmt.Errorf("read the days of a log: %w", errDays)
	}
	d.first = dayOf(first)
	for _, w := range words[1:] {
		messages, refused, _ := strings.Cut(w, "/")
		c := Count{natural(messages), natural(cmp.Or(refused, "0"))}
		if c.Messages < 0 || c.Refused < 0 {
			return fmt.Errorf("read the days of a log: %w", errDays)
		}
		d.counts = append(d.counts, c)
	}
	return nil
}

var errDays = errors.New("they are a date and a number for each day")

// natural is -1 for what is no number from 0.
func natural(s string) int {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return -1
	}
	return int(n)
}

// counted is how many messages, and how many refusals, the sources tell of.
// What two of them may both tell of counts once: of one kind the larger of
// each day, unless the times of the two do not meet; and kinds are not added,
// because a message is in the report, the sign-ins and the trace.
func (s Sender) counted() Count {
	kinds := map[probes.SourceKind][]Source{}
	for _, src := range s.Sources {
		kinds[src.Kind] = append(kinds[src.Kind], src)
	}
	var most Count
	for _, sources := range kinds {
		slices.SortFunc(sources, func(a, b Source) int { return a.Last.Compare(b.Last) })
		most.Messages = max(most.Messages, together(sources, func(s Source) int { return s.Messages }, func(c Count) int { return c.Messages }))
		most.Refused = max(most.Refused, together(sources, func(s Source) int { return s.Refused }, func(c Count) int { return c.Refused }))
	}
	return most
}

// together is what sources of one kind, the earlier ones first, tell of. One
// that is of several senders is divided among them.
func together(sources []Source, all func(Source) int, of func(Count) int) int {
	first, end, most := int64(1)<<40, int64(-1)<<40, 0
	for _, s := range sources {
		most = max(most, all(s)/max(1, s.Shared))
		if !s.Days.IsZero() {
			first, end = min(first, s.Days.first), max(end, s.Days.end())
		}
	}
	sum, weight := 0.0, make([]float64, len(sources))
	for n := first; n < end; n++ {
		for i, s := range sources {
			weight[i] = float64(of(s.Days.on(n))) / float64(max(1, s.Shared))
		}
		sum += heaviest(sources, weight)
	}
	return max(most, int(sum+0.5))
}

// heaviest is the most that sources whose times do not meet tell of together:
// those cannot have a row in common.
func heaviest(sources []Source, weight []float64) float64 {
	most := 0.0
	best := make([]float64, len(sources))
	for i, s := range sources {
		if weight[i] == 0 {
			continue
		}
		for j := range i {
			if best[j] > best[i] && sources[j].Last.Before(s.First) {
				best[i] = best[j]
			}
		}
		best[i] += weight[i]
		most = max(most, best[i])
	}
	return most
}
