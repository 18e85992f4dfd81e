package checks

import (
	"cmp"
	"slices"
	"time"

	"offbasic/probes"
)

// side says what a rule's reason is for a route.
type side int

const (
	speaksFor side = iota
	speaksAgainst
	needs // something must be had or changed first
	lacks // something is not known
)

// rule gives a reason about some routes when its evidence is there. The words
// of a reason are under "reason.<id>", of what lacks under "lack.<id>".
type rule struct {
	side   side
	id     string
	routes []probes.Route
	when   func(*seen) map[string]string // nil: does not apply
}

// preference orders routes that fit equally well: what is safest to run and
// least work first. Replacing the sender is always the last resort.
func preference() map[probes.Route]int {
	return map[probes.Route]int{
		probes.OAuth: 0, probes.Connector: 2, probes.HVE: 4, probes.Direct: 6, probes.Relay: 7,
		probes.ACS: 8, probes.Graph: 9, probes.Provider: 10, probes.Replace: 50,
	}
}

// Rank orders the nine routes for a sender, best first, each with what speaks
// for and against it, what it needs and what is not known. A route that
// evidence speaks against comes after all that are open; of those that are
// open, each thing that is needed or not known counts against a route, and a
// test send that got through for it.
func Rank(f Facts) []Ranked {
	s := look(f)
	at, tellers, liked := map[probes.Route]int{}, tellers(), preference()
	out := make([]Ranked, 0, len(probes.Routes()))
	for i, r := range probes.Routes() {
		out = append(out, Ranked{Route: r})
		at[r] = i
	}
	for _, r := range rules() {
		args := r.when(s)
		if args == nil {
			continue
		}
		for _, route := range r.routes {
			why := Reason{ID: r.id, Args: args}
			if r.side == lacks {
				why.By = tellers[r.id]
			}
			out[at[route]].add(r.side, why)
		}
	}
	for i := range out {
		sent := s.trialReasons(&out[i])
		out[i].Fit = out[i].fit(sent, s.known())
		if sent {
			liked[out[i].Route] -= worksFromHere
		}
	}
	slices.SortStableFunc(out, func(a, b Ranked) int {
		return cmp.Compare(a.cost(liked), b.cost(liked))
	})
	return out
}

func (r *Ranked) add(s side, why Reason) {
	switch s {
	case speaksFor:
		r.For = append(r.For, why)
	case speaksAgainst:
		r.Against = append(r.Against, why)
	case needs:
		r.Needs = append(r.Needs, why)
	case lacks:
		r.Lacks = append(r.Lacks, why)
	}
}

// fit weighs the reasons. A test send that got through proves the route, and
// nothing of the device: it was sent from here.
func (r *Ranked) fit(sent, observed bool) Fit {
	switch {
	case len(r.Against) > 0:
		return Unfit
	case !observed && !sent:
		return NoFact
	case len(r.Lacks) > 0:
		return Asks
	case len(r.Needs) > 0:
		return Needs
	}
	return Fits
}

// worksFromHere is what a test send that got through counts in the order.
const worksFromHere = 20

// cost orders routes: lower is better.
func (r *Ranked) cost(liked map[probes.Route]int) int {
	const each = 2 // for a thing that is needed or not known
	c := liked[r.Route]
	switch r.Fit {
	case Fits:
		return c - 100
	case Unfit:
		return c + 100
	case NoFact:
		return c
	}
	return c + each*(len(r.Needs)+len(r.Lacks))
}

// settled are the reasons of the route and of the tenant's side that a test send
// which got through answers. What the others ask is the device's own, or
// people's to know.
func settled(r Reason) bool {
	return slices.Contains([]string{
		"reject-direct-send", "hve-password", "hve-billing", "azure", "provider-account", "fixed-address", "machine",
	}, r.ID)
}

// trialReasons adds what the last test send over the route said, takes out what
// it settled, and tells whether it got through.
func (s *seen) trialReasons(r *Ranked) (sent bool) {
	var last *probes.Trial
	for i := range s.Trials {
		t := &s.Trials[i]
		if t.Route == r.Route && (last == nil || !t.Started.Before(last.Started)) {
			last = t
		}
	}
	if last == nil {
		return false
	}
	args := map[string]string{"trial": last.ID, "at": last.Started.UTC().Format(time.RFC3339)}
	switch last.Outcome {
	case probes.TrialSent:
		if last.Receipt != nil && last.Receipt.Found {
			r.add(speaksFor, Reason{ID: "arrived", Args: args})
		} else {
			r.add(speaksFor, Reason{ID: "sent", Args: args})
		}
		r.Needs, r.Lacks = slices.DeleteFunc(r.Needs, settled), slices.DeleteFunc(r.Lacks, settled)
		return true
	case probes.TrialRefused:
		args["reply"] = short(last.Reply)
		r.add(needs, Reason{ID: "was-refused", Args: args})
	}
	return false
}

// short is code and enhanced code of a reply.
func short(r *probes.Reply) string {
	if r == nil {
		return ""
	}
	c := probes.Reply{Code: r.Code, Enhanced: r.Enhanced}
	return c.String()
}

// trialReasonIDs lists the reasons that Rank can give beside its rules.
func trialReasonIDs() []string { return []string{"arrived", "sent", "was-refused"} }
