package checks

import (
	"slices"
	"strings"

	"offbasic/probes"
)

// The policies that ask about the dialogue of the sign-in, beside those that
// are named after what they alone offer.
const (
	loginOnly   = "login-only"
	deferred    = "deferred"
	fallback504 = "fallback-504"
	fallback535 = "fallback-535"
	heloPolicy  = "helo-only"
)

// dialogues is the table of questions about how a sender signs in. One attempt
// under a policy with LOGIN answers several of them.
func dialogues() []asked {
	var rows []asked
	for _, m := range []struct{ id, mechanism, policy string }{
		{"mech-login", "LOGIN", loginOnly},
		{"mech-plain", "PLAIN", "plain-only"},
		{"mech-cram-md5", "CRAM-MD5", "cram-md5-only"},
		{"mech-ntlm", "NTLM", "ntlm-only"},
		{"mech-oauthbearer", "OAUTHBEARER", "oauthbearer-only"},
	} {
		moot := noPassword
		if isToken(m.mechanism) {
			moot = noToken
		}
		rows = append(rows, about(m.id, m.policy, moot, takesAlone(m.mechanism)))
	}
	for _, p := range []struct{ id, policy string }{
		{"prompts-exchange", loginOnly},
		{"prompts-plain", "prompts-plain"},
		{"prompts-draft", "prompts-draft"},
		{"prompts-words", "prompts-words"},
	} {
		rows = append(rows, about(p.id, p.policy, noLogin, understands(p.id, p.policy)))
	}
	rows = append(rows,
		about("account-inline", loginOnly, noLogin, accountInline),
		about("auth-after-helo", heloPolicy, noPassword, authAfterHelo),
	)
	for _, policy := range []string{fallback504, fallback535} {
		rows = append(rows, asked{
			id: policy, policy: policy, weight: 1, dialogue: true, moot: noPassword,
			answers: []string{GivesUp, TriesOthers, SendsAnyway}, answer: fallsBack(policy),
		})
	}
	return rows
}

func about(id, policy string, moot func(*seen) bool, pick func(*seen) (yes, no *probes.Session)) asked {
	return asked{
		id: id, policy: policy, weight: 1, dialogue: true, moot: moot,
		answers: []string{Yes, No}, answer: either(pick),
	}
}

// afterRefusalRow is what it does when a sign-in is refused, with whatever
// code: what the question "retired" does not tell.
func afterRefusalRow() asked {
	return asked{
		id: "after-refusal", policy: asRetired, weight: 8, moot: noPassword,
		answers: []string{GivesUp, TriesOthers, SendsAnyway},
		answer: func(s *seen) (string, map[string]string) {
			switch {
			case s.anyway != nil:
				return SendsAnyway, evidence(s.anyway)
			case s.tried != nil:
				return TriesOthers, evidence(s.tried, "mechanisms", several(triedIn(s.tried)))
			case s.denied != nil:
				return GivesUp, evidence(s.denied)
			}
			return "", nil
		},
	}
}

// Why a question does not arise.

func neverSignsIn(s *seen) bool {
	return s.password.at == nil && s.token.at == nil && s.open != nil
}

func noPassword(s *seen) bool {
	return neverSignsIn(s) || s.token.at != nil && !s.usesPassword()
}

func noToken(s *seen) bool { return s.token.at == nil && (s.noOAuth != nil || s.password.at != nil) }

// beginsWithTLS: a sender that is set to TLS from the first byte would have to
// be set otherwise first.
func beginsWithTLS(s *seen) bool { return s.implicit != nil && s.starttls == nil && s.untied == nil }

func noLogin(s *seen) bool {
	yes, no := takesAlone("LOGIN")(s)
	return noPassword(s) || yes == nil && no != nil
}

// takesAlone tells whether it signs in with a mechanism: it did, or it was
// offered nothing else and did not.
func takesAlone(mechanism string) func(*seen) (yes, no *probes.Session) {
	return func(s *seen) (yes, no *probes.Session) {
		for _, c := range s.sessions {
			switch {
			case signedInWith(c, mechanism):
				yes = c
			case talked(c) && slices.Equal(offered(c).auth, []string{mechanism}):
				no = c
			}
		}
		return yes, no
	}
}

// signedInWith tells a sign-in that was gone through with.
func signedInWith(c *probes.Session, mechanism string) bool {
	return slices.ContainsFunc(c.Auth, func(a probes.Auth) bool {
		return a.Mechanism == mechanism && a.Account != "" && wentThrough(a)
	})
}

func wentThrough(a probes.Auth) bool {
	return a.Outcome == probes.AuthAccepted || a.Outcome == probes.AuthRefused
}

// understands tells whether AUTH LOGIN was gone through with under the prompts
// of a policy. Exchange's are those of every policy that has none of its own.
func understands(id, policy string) func(*seen) (yes, no *probes.Session) {
	return func(s *seen) (yes, no *probes.Session) {
		for _, c := range s.sessions {
			own := strings.HasPrefix(c.Policy, "prompts-")
			if id == "prompts-exchange" && own || id != "prompts-exchange" && base(c.Policy) != policy {
				continue
			}
			tried := func(a probes.Auth) bool { return a.Mechanism == "LOGIN" && !wentThrough(a) }
			switch {
			case signedInWith(c, "LOGIN"):
				yes = c
			case slices.ContainsFunc(c.Auth, tried):
				no = c
			}
		}
		return yes, no
	}
}

// accountInline tells whether the account stands on the AUTH LOGIN line.
func accountInline(s *seen) (yes, no *probes.Session) {
	for _, c := range s.sessions {
		switch {
		case !signedInWith(c, "LOGIN"):
		case slices.Contains(c.Quirks, "login_inline"):
			yes = c
		default:
			no = c
		}
	}
	return yes, no
}

// authAfterHelo tells whether it falls back to HELO where EHLO is refused, and
// signs in all the same.
func authAfterHelo(s *seen) (yes, no *probes.Session) {
	for _, c := range s.sessions {
		if base(c.Policy) != heloPolicy || !talked(c) {
			continue
		}
		yes, no = answer(len(c.Auth) > 0, c, yes, no)
	}
	return yes, no
}

// fallsBack tells what it does when the mechanism that it chose is refused.
func fallsBack(policy string) func(*seen) (string, map[string]string) {
	return func(s *seen) (string, map[string]string) {
		for _, c := range slices.Backward(s.sessions) {
			if base(c.Policy) != policy || len(c.Auth) == 0 {
				continue
			}
			tried := triedIn(c)
			switch {
			case c.MailFrom != "":
				return SendsAnyway, evidence(c)
			case len(tried) > 1:
				return TriesOthers, evidence(c, "mechanisms", several(tried))
			}
			return GivesUp, evidence(c)
		}
		return "", nil
	}
}

// triedIn are the mechanisms that a session tried, each once.
func triedIn(c *probes.Session) []string {
	var names []string
	for _, a := range c.Auth {
		names = include(names, a.Mechanism)
	}
	return names
}

// talked tells a session that went far enough to be an answer.
func talked(c *probes.Session) bool {
	return c.Hello != "" && c.TLS.Error == "" && c.End != probes.EndLimit && c.End != probes.EndShutdown
}

// base is a policy's name without what stands behind it for a device that has
// no TLS.
func base(policy string) string {
	name, _, _ := strings.Cut(policy, "+")
	return name
}
