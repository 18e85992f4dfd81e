package checks

import (
	"strings"

	"offbasic/probes"
)

// Compared is one expectation of a script against what was read back. Its
// words are under "expect.<id>".
type Compared struct {
	ID   string `json:"id"`
	OK   bool   `json:"ok"`
	Got  string `json:"got,omitempty"` // absent when nothing was read
	Want string `json:"want"`
}

// CompareReadBack says which of a script's expectations its answer meets. An
// object that was not read meets none. Of several rows one is enough.
func CompareReadBack(s probes.Script, f probes.ReadBackFile) []Compared {
	out := make([]Compared, 0, len(s.Expects))
	for _, e := range s.Expects {
		c := Compared{ID: e.ID, Want: e.Want}
		var got []string
		for _, row := range f.Results[e.Read] {
			v := row[e.Property]
			got = append(got, v)
			c.OK = c.OK || holds(v, e.Want)
		}
		c.Got = strings.Join(got, "; ")
		out = append(out, c)
	}
	return out
}

// holds tells whether want is the value or one of its comma-separated parts,
// as a list of rights is written.
func holds(value, want string) bool {
	for part := range strings.SplitSeq(value, ",") {
		if strings.EqualFold(strings.TrimSpace(part), want) {
			return true
		}
	}
	return false
}

// AllAsExpected tells whether every expectation is met.
func AllAsExpected(cs []Compared) bool {
	for _, c := range cs {
		if !c.OK {
			return false
		}
	}
	return len(cs) > 0
}
