package checks

import (
	"slices"

	"offbasic/probes"
)

// Limits lists the limits of every route that are known, each with who says
// so: what the table of the ways holds of a message, and the catalogue of
// rates. A limit that is not listed is not known.
func Limits() []Limit {
	var out []Limit
	rates := read[Limit]("limits.json")
	for _, w := range Ways() {
		if !slices.Contains(probes.Routes(), w.Route) {
			continue
		}
		if w.Reach == TenantOnly {
			out = append(out, Limit{Route: w.Route, ID: "inside-only"})
		}
		for _, r := range rates {
			if r.Route == w.Route {
				out = append(out, r)
			}
		}
		if w.Count.N > 0 {
			out = append(out, Limit{Route: w.Route, ID: "recipients", Value: w.Count.N, Source: w.Count.Source})
		}
		if w.Size.N > 0 {
			out = append(out, Limit{Route: w.Route, ID: "size", Value: w.Size.N / 1_000_000, Source: w.Size.Source})
		}
	}
	return out
}

// LimitsOf lists the known limits of one route.
func LimitsOf(r probes.Route) []Limit {
	return slices.DeleteFunc(Limits(), func(l Limit) bool { return l.Route != r })
}
