package checks

import (
	"slices"
	"strings"

	"offbasic/probes"
)

// Compared is one expectation of a script against what was read back. Its
// words are under "expect.<id>".
type Compared struct {
	ID   string `json:"id"`
	OK   bool   `json:"ok"`
	Got  string `json:"got,omitempty"` // absent when nothing was read
	Want string `json:"want"`          // "-" where nothing is wanted
}

// CompareReadBack says which of a script's expectations its answer meets. An
// object that was not read meets none, but for one that must be absent. Of
// several rows one is enough, unless every one is meant.
func CompareReadBack(s probes.Script, f probes.ReadBackFile) []Compared {
	out := make([]Compared, 0, len(s.Expects))
	for _, e := range s.Expects {
		rows := meant(f.Results[e.Read], e.Where)
		switch {
		case e.Absent:
			out = append(out, absent(e, rows, f))
		case e.Every:
			out = append(out, every(e, rows))
		default:
			out = append(out, some(e, rows))
		}
	}
	return out
}

// meant are the rows that an expectation is about.
func meant(rows []map[string]string, where []probes.Match) []map[string]string {
	return slices.DeleteFunc(slices.Clone(rows), func(row map[string]string) bool {
		return slices.ContainsFunc(where, func(m probes.Match) bool { return !fitsMatch(row[m.Property], m) })
	})
}

// fitsMatch tells whether a value, as it was read back, meets a condition.
func fitsMatch(value string, m probes.Match) bool {
	same := func(s string) bool { return strings.EqualFold(value, s) }
	switch {
	case m.Named != "":
		return named(value, m.Named)
	case m.Has != "":
		return holds(value, m.Has)
	case len(m.Not) > 0:
		return !slices.ContainsFunc(m.Not, same)
	}
	return slices.ContainsFunc(m.Is, same)
}

func some(e probes.Expect, rows []map[string]string) Compared {
	c := Compared{ID: e.ID, Want: e.Want}
	var got []string
	for _, row := range rows {
		got = append(got, row[e.Property])
		c.OK = c.OK || meets(e, row)
	}
	c.Got = strings.Join(got, "; ")
	return c
}

// every wants the value in each row; what it got are the rows that differ.
func every(e probes.Expect, rows []map[string]string) Compared {
	c := Compared{ID: e.ID, Want: e.Want, OK: len(rows) > 0}
	var got []string
	for _, row := range rows {
		if !meets(e, row) {
			c.OK = false
			got = append(got, labelled(e, row))
		}
	}
	c.Got = strings.Join(got, "; ")
	if c.OK {
		c.Got = e.Want
	}
	return c
}

// absent wants no row with the value. Where nothing could be read, nothing is
// known.
func absent(e probes.Expect, rows []map[string]string, f probes.ReadBackFile) Compared {
	_, read := f.Results[e.Read]
	c := Compared{ID: e.ID, Want: "-", OK: read}
	var got []string
	for _, row := range rows {
		if meets(e, row) {
			c.OK = false
			got = append(got, labelled(e, row))
		}
	}
	c.Got = strings.Join(got, "; ")
	return c
}

func labelled(e probes.Expect, row map[string]string) string {
	return strings.TrimSpace(row[e.Label] + " " + row[e.Property])
}

func meets(e probes.Expect, row map[string]string) bool {
	if e.Named {
		return named(row[e.Property], e.Want)
	}
	return holds(row[e.Property], e.Want)
}

// named tells whether a value is a name, or a distinguished name of it.
func named(value, name string) bool {
	dn := "CN=" + name + ","
	return strings.EqualFold(value, name) || len(value) > len(dn) && strings.EqualFold(value[:len(dn)], dn)
}

// holds tells whether want is the value or one of its comma-separated parts,
// as a list of rights is written.
func holds(value, want string) bool {
	if strings.EqualFold(value, want) {
		return true
	}
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
