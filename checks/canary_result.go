package checks

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// CanaryResult is what is remembered of a sign-in with a canary: the verdict,
// and nothing that was typed.
type CanaryResult struct {
	At        time.Time    `json:"at"`
	Route     probes.Route `json:"route"`
	Mechanism string       `json:"mechanism"`
	Account   Verdict      `json:"account"`
	Password  Verdict      `json:"password"`
}

// Verdict is how one of the two arrived.
type Verdict struct {
	As     []string `json:"as"`
	Length int      `json:"length,omitempty"` // in bytes, of what came
	Of     int      `json:"of,omitempty"`     // of the canary
	// Signs are those that did not arrive as they were shown; letters and
	// digits are not named.
	Signs string `json:"signs,omitempty"`
}

// Result is what is to be remembered of the judgement.
func (h CanaryHeard) Result(at time.Time) CanaryResult {
	return CanaryResult{at.UTC().Truncate(time.Second), h.Route, h.Mechanism, h.Account.verdict(), h.Password.verdict()}
}

func (a Arrived) verdict() Verdict {
	signs := strings.Map(func(r rune) rune {
		letter := r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		if r <= ' ' || r > '~' || letter {
			return -1
		}
		return r
	}, a.Characters)
	return Verdict{slices.Clone(a.As), a.Length, a.Of, signs}
}

func (v Verdict) is(as ...string) bool {
	return slices.ContainsFunc(v.As, func(s string) bool { return slices.Contains(as, s) })
}

// canarySeen is what a sender's canaries showed. What a later one showed
// counts.
type canarySeen struct {
	whole, cut, altered, cutAccount, realm *CanaryResult
}

func lookAtCanaries(all []CanaryResult) canarySeen {
	var s canarySeen
	byTime := slices.Clone(all)
	slices.SortStableFunc(byTime, func(a, b CanaryResult) int { return a.At.Compare(b.At) })
	for i := range byTime {
		r := &byTime[i]
		s.lookAtPassword(r)
		if r.Account.is(AsCut, AsCutFront) {
			s.cutAccount = r
		}
		switch {
		case r.Account.is(AsRealm):
			s.realm = r
		case r.Account.is(AsWhole):
			s.realm = nil
			if s.cutAccount != nil && r.Account.Of > s.cutAccount.Account.Length {
				s.cutAccount = nil
			}
		}
	}
	return s
}

func (s *canarySeen) lookAtPassword(r *CanaryResult) {
	p := r.Password
	switch {
	case p.is(AsWhole):
		if s.whole == nil || p.Of >= s.whole.Password.Of {
			s.whole = r
		}
		if s.cut != nil && p.Of > s.cut.Password.Length {
			s.cut = nil
		}
		s.altered = nil
	case p.is(AsOther, AsUnseen, AsEmpty, AsDiffers): // says nothing of what became of it
	case p.is(AsCut):
		s.cut = r
		if s.whole != nil && s.whole.Password.Of > p.Length {
			s.whole = nil
		}
		if len(p.As) > 1 {
			s.altered = r
		}
	default:
		s.altered, s.whole = r, nil
	}
}

// secretLength is that of a client secret of Entra, in characters.
const secretLength = 40

// canaryRules are about what a device keeps of what is typed into it. ACS
// takes a client secret as the password. For HVE and at a provider the
// password is the admin's to choose.
func canaryRules() []rule {
	var (
		secret = on(probes.ACS)
		chosen = on(probes.HVE, probes.Provider)
		typed  = on(probes.OAuth, probes.HVE, probes.ACS, probes.Provider)
	)
	return []rule{
		{speaksFor, "keeps-secret", secret, keepsSecret},
		{speaksAgainst, "cuts-secret", secret, cutsSecret},
		{needs, "untyped-secret", on(probes.OAuth), cutsSecret},
		{needs, "short-password", chosen, cutsPassword},
		{speaksAgainst, "alters-secret", secret, altersPassword},
		{needs, "plain-password", on(probes.OAuth, probes.HVE, probes.Provider), altersPassword},
		{needs, "short-username", secret, cutsAccount},
		{needs, "no-realm", typed, addsRealm},
	}
}

// showed is the evidence of a canary.
func showed(r *CanaryResult, v Verdict) map[string]string {
	args := map[string]string{
		"at": r.At.UTC().Format(time.RFC3339), "canary": string(r.Route), "mechanism": r.Mechanism,
		"length": strconv.Itoa(v.Length), "of": strconv.Itoa(v.Of),
	}
	if v.Signs != "" {
		args["signs"] = strings.Join(strings.Split(v.Signs, ""), " ")
	}
	return args
}

func keepsSecret(s *seen) map[string]string {
	if w := s.canary.whole; w != nil && w.Password.Of >= secretLength {
		return showed(w, w.Password)
	}
	return nil
}

func cutsSecret(s *seen) map[string]string {
	if c := s.canary.cut; c != nil && c.Password.Length < secretLength {
		return showed(c, c.Password)
	}
	return nil
}

func cutsPassword(s *seen) map[string]string {
	if c := s.canary.cut; c != nil {
		return showed(c, c.Password)
	}
	return nil
}

func altersPassword(s *seen) map[string]string {
	if a := s.canary.altered; a != nil {
		return showed(a, a.Password)
	}
	return nil
}

func cutsAccount(s *seen) map[string]string {
	if c := s.canary.cutAccount; c != nil {
		return showed(c, c.Account)
	}
	return nil
}

func addsRealm(s *seen) map[string]string {
	if r := s.canary.realm; r != nil {
		return showed(r, r.Account)
	}
	return nil
}
