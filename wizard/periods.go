package wizard

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// Period is a time that a source covers, from Since until before Until; where
// it is a file's, its last row is at Until.
type Period struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// with is a period that reaches to a time as well.
func (p Period) with(at time.Time) Period {
	if p.Since.IsZero() || at.Before(p.Since) {
		p.Since = at
	}
	if at.After(p.Until) {
		p.Until = at
	}
	return p
}

// Periods are in order, and do not meet.
type Periods []Period

// And is the periods with one more.
func (p Periods) And(more ...Period) Periods {
	all := slices.Concat(p, more)
	slices.SortFunc(all, func(a, b Period) int { return a.Since.Compare(b.Since) })
	var out Periods
	for _, one := range all {
		if n := len(out); n > 0 && !one.Since.After(out[n-1].Until) {
			if one.Until.After(out[n-1].Until) {
				out[n-1].Until = one.Until
			}
			continue
		}
		out = append(out, one)
	}
	return out
}

// Late is how long after a sign-in, or a message, its row is looked for again:
// a log is written late. Microsoft promises no time.
const Late = day

// From is where a log is to be read on when it is to be known since a time:
// where what was read to its end ends, and Late before, at the beginning of a
// day.
func (p Periods) From(since time.Time) time.Time {
	for _, one := range p {
		if on := one.Until.Add(-Late).UTC().Truncate(day); !since.Before(one.Since) && on.After(since) {
			return on
		}
	}
	return since
}

// LiveID is the id of a log of a tenant that is read live.
func LiveID(kind probes.SourceKind, tenant string) string {
	sum := sha256.Sum256([]byte("live " + string(kind) + " " + strings.ToLower(tenant)))
	return hex.EncodeToString(sum[:])[:16]
}

// LiveImport finds a log that was read live, by its id.
func (m Migration) LiveImport(id string) (Import, bool) {
	i := slices.IndexFunc(m.Imports, func(i Import) bool { return i.Live && i.ID == id })
	if i < 0 {
		return Import{}, false
	}
	return m.Imports[i], true
}

// again takes over another reading of the same.
func (i *Import) again(o Import) {
	if o.At.After(i.At) {
		i.At = o.At
	}
	i.Rows, i.Bad = max(i.Rows, o.Rows), max(i.Bad, o.Bad)
	i.Read, i.ReadAll = i.Read.And(o.Read...), i.ReadAll.And(o.ReadAll...)
}
