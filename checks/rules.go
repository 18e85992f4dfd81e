package checks

import (
	"cmp"
	"slices"
	"strconv"

	"offbasic/probes"
)

// rules is the table of the judgement: which evidence says what about which
// routes. What the routes demand is said at the functions.
func rules() []rule {
	return slices.Concat(signedInRules(), anyoneRules(), canaryRules(), heardRules())
}

// signedInRules are about the routes that the sender signs in on.
func signedInRules() []rule {
	var (
		submission = on(probes.OAuth)
		signedIn   = on(probes.HVE, probes.ACS, probes.Provider)
		greeted    = on(probes.OAuth, probes.HVE, probes.ACS, probes.Provider)
		modernTLS  = on(probes.OAuth, probes.HVE, probes.ACS)
		small      = on(probes.HVE, probes.ACS)
	)
	return []rule{
		{speaksFor, "speaks-oauth", submission, speaksOAuth},
		{speaksFor, "maker-oauth", submission, makerSays(OAuthYes)},
		{speaksFor, "maker-claims-oauth", submission, makerSays(OAuthClaimed)},
		{speaksAgainst, "stops-at-oauth", submission, stopsAtOAuth},
		{speaksAgainst, "maker-no-oauth", submission, makerSays(OAuthNo)},
		{needs, "oauth-setting", submission, oauthToTurnOn},
		{needs, "token-audience", submission, otherAudience},
		{lacks, "oauth", submission, oauthNotKnown},

		{speaksAgainst, "helo-only", greeted, saysHELO},
		{speaksFor, "tls-12", modernTLS, tls12},
		{speaksAgainst, "tls-old", modernTLS, tlsOld},
		{lacks, "tls", modernTLS, tlsNotKnown},
		{needs, "port-587", submission, onlyImplicit},
		{needs, "send-as", submission, sendsAsAnother},

		{speaksFor, "keeps-password", signedIn, usesPassword},
		{lacks, "sign-in", signedIn, signInNotKnown},
		{needs, "hve-billing", on(probes.HVE), always},
		{lacks, "hve-password", on(probes.HVE), usesPassword},
		{speaksAgainst, "over-size", small, overSize},
		{speaksAgainst, "over-recipients", small, overRecipients},
		{needs, "azure", on(probes.ACS), always},
		{needs, "provider-account", on(probes.Provider), always},
		{lacks, "provider-tls", on(probes.Provider), tlsOld},
	}
}

// anyoneRules are about whom the sender writes to, and about the routes that
// know it without a sign-in or ask something else of it.
func anyoneRules() []rule {
	var (
		anonymous = on(probes.Connector, probes.Direct)
		insiders  = on(probes.HVE, probes.Direct)
		anywhere  = on(probes.OAuth, probes.Connector, probes.ACS, probes.Provider)
	)
	return []rule{
		{speaksFor, "inside-only", insiders, insideOnly},
		{speaksAgainst, "writes-outside", insiders, writesOutside},
		{speaksFor, "may-write-outside", anywhere, writesOutside},
		{lacks, "recipients", insiders, recipientsNotKnown},
		{lacks, "domains", insiders, domainsNotKnown},

		{speaksFor, "sends-unauthenticated", anonymous, sendsUnauthenticated},
		{speaksAgainst, "stops-without-sign-in", anonymous, stopsWithoutSignIn},
		{lacks, "unauthenticated", anonymous, unauthenticatedNotKnown},
		{speaksFor, "sends-without-tls", anonymous, sendsWithoutTLS},
		{speaksAgainst, "stops-without-tls", anonymous, stopsWithoutTLS},
		{lacks, "without-tls", anonymous, withoutTLSNotKnown},
		{needs, "from-accepted", anonymous, foreignSender},
		{needs, "fixed-address", on(probes.Connector), always},
		{lacks, "reject-direct-send", on(probes.Direct), always},

		{speaksFor, "maker-graph", on(probes.Graph), makerSays(OAuthGraph)},
		{lacks, "software", on(probes.Graph), softwareNotKnown},

		{speaksFor, "relay-takes-password", on(probes.Relay), usesPassword},
		{speaksFor, "relay-takes-old-tls", on(probes.Relay), tlsOld},
		{speaksFor, "relay-as-today", on(probes.Relay), sendsToday},
		{needs, "machine", on(probes.Relay), always},

		{needs, "replacement", on(probes.Replace), always},
		{lacks, "capture", probes.Routes(), neverSeen},
	}
}

func on(r ...probes.Route) []probes.Route { return r }

// ReasonIDs lists every reason that Rank can give for or against a route, or
// as what it needs.
func ReasonIDs() []string {
	ids := trialReasonIDs()
	for _, r := range rules() {
		if r.side != lacks {
			ids = include(ids, r.id)
		}
	}
	return ids
}

// LackIDs lists everything that Rank can find not known.
func LackIDs() []string {
	var ids []string
	for _, r := range rules() {
		if r.side == lacks {
			ids = include(ids, r.id)
		}
	}
	return ids
}

// seenAs is the evidence of a session, nil without one.
func seenAs(c *probes.Session, more ...string) map[string]string {
	if c == nil {
		return nil
	}
	return evidence(c, more...)
}

// when gives empty arguments for a reason without evidence in a session.
func when(is bool) map[string]string {
	if !is {
		return nil
	}
	return map[string]string{}
}

// always is for what a route asks of every sender that anything is known of.
func always(s *seen) map[string]string { return when(s.known()) }

// known tells whether anything is known of the sender beside its name.
func (s *seen) known() bool { return len(s.sessions) > 0 || len(s.Heard) > 0 || len(s.Answers) > 0 }

// tellers says what would tell each thing that is not known.
func tellers() map[string]Teller {
	return map[string]Teller{
		"capture": "capture", "tls": "capture", "sign-in": "capture:" + asExchange, "oauth": "capture:" + oauthOnly,
		"unauthenticated": "capture:" + asRelay, "without-tls": "capture:" + withoutTLS,
		"recipients": "ask:" + askRecipients, "domains": "tenant", "reject-direct-send": "tenant",
		"software": "maker", "hve-password": "microsoft", "provider-tls": "provider",
	}
}

func neverSeen(s *seen) map[string]string { return when(len(s.sessions) == 0) }

func speaksOAuth(s *seen) map[string]string {
	if s.token.at == nil {
		return nil
	}
	return evidence(s.token.at, "mechanism", s.token.auth.Mechanism)
}

// stopsAtOAuth: a device whose maker says that it can may only be set up for a
// password.
func stopsAtOAuth(s *seen) map[string]string {
	if s.token.at != nil || makerSays(OAuthYes, OAuthClaimed)(s) != nil {
		return nil
	}
	return seenAs(s.noOAuth)
}

func oauthToTurnOn(s *seen) map[string]string {
	if s.token.at != nil || makerSays(OAuthYes, OAuthClaimed)(s) == nil {
		return nil
	}
	return seenAs(s.noOAuth)
}

// makerSays applies when the product is known and its support is one of these.
// A doubtful no is none.
func makerSays(wanted ...OAuthSupport) func(*seen) map[string]string {
	return func(s *seen) map[string]string {
		if s.Device == nil || s.token.at != nil || !slices.Contains(wanted, s.Device.OAuth) {
			return nil
		}
		if s.Device.OAuth == OAuthNo && s.Device.Confidence == "low" {
			return nil
		}
		return map[string]string{"device": s.Device.Name, "source": s.Device.Source}
	}
}

// oauthNotKnown: neither seen nor asked; what the maker says of a product is
// not yet this device's setting and firmware.
func oauthNotKnown(s *seen) map[string]string {
	known := s.token.at != nil || s.heard.token != nil || s.noOAuth != nil || makerSays(OAuthNo)(s) != nil
	return when(s.known() && !known)
}

func otherAudience(s *seen) map[string]string {
	status, args := tokenAudience(s)
	if status != Warn {
		return nil
	}
	return args
}

// saysHELO: STARTTLS and AUTH are extensions, which only EHLO tells (RFC 5321
// section 2.2.1).
func saysHELO(s *seen) map[string]string {
	if s.password.at != nil || s.token.at != nil {
		return nil
	}
	return seenAs(s.heloOnly())
}

// tls12: client submission, HVE and ACS take TLS 1.2 and later.
func tls12(s *seen) map[string]string {
	if is, _ := s.speaksTLS12(); !is {
		return nil
	}
	return evidence(s.topAt, "tls", s.top)
}

func tlsOld(s *seen) map[string]string {
	if is, known := s.speaksTLS12(); is || !known {
		return nil
	}
	return evidence(s.topAt, "tls", s.top)
}

func tlsNotKnown(s *seen) map[string]string {
	_, known := s.speaksTLS12()
	heard := s.heard.oldTLS != nil || s.heard.someOld != nil || s.heard.newTLS != nil
	return when(s.known() && !known && !heard)
}

// onlyImplicit: client submission has no port 465.
func onlyImplicit(s *seen) map[string]string {
	if s.starttls != nil || s.untied != nil {
		return nil
	}
	return seenAs(s.implicit)
}

func usesPassword(s *seen) map[string]string {
	if !s.usesPassword() {
		return nil
	}
	return evidence(s.password.at, "mechanism", s.password.auth.Mechanism)
}

func signInNotKnown(s *seen) map[string]string {
	heard := s.heard.basic != nil || s.heard.token != nil
	return when(s.known() && s.password.at == nil && s.token.at == nil && !heard)
}

// overSize: HVE takes 10 MB, ACS a request of 10 MB.
func overSize(s *seen) map[string]string {
	if s.largest == nil || s.largest.Size <= smallLimit {
		return nil
	}
	return evidence(s.largest, "mb", megabytes(s.largest.Size), "limit", smallLimitText)
}

// overRecipients: HVE and ACS take 50 recipients in a message.
func overRecipients(s *seen) map[string]string {
	if s.most == nil || len(s.most.RcptTo) <= fewRecipients {
		return nil
	}
	return evidence(s.most, "count", strconv.Itoa(len(s.most.RcptTo)), "limit", strconv.Itoa(fewRecipients))
}

// insideOnly: HVE and Direct Send reach recipients of the tenant only.
func insideOnly(s *seen) map[string]string {
	if s.outsideAt != nil || s.inside == nil {
		return nil
	}
	return evidence(s.inside, "domains", several(s.to))
}

func writesOutside(s *seen) map[string]string {
	return seenAs(s.outsideAt, "domains", several(s.outside))
}

func recipientsNotKnown(s *seen) map[string]string {
	heard := s.heard.outsideAt != nil || s.heard.insideAt != nil
	return when(s.known() && s.toAt == nil && !heard && !saidRecipients(s))
}

func domainsNotKnown(s *seen) map[string]string {
	heard := slices.ContainsFunc(s.Heard, func(h Heard) bool { return len(h.To) > 0 })
	return when((s.toAt != nil || heard) && len(s.Domains) == 0 && !saidRecipients(s))
}

// sendsUnauthenticated: the connector and Direct Send offer no sign-in.
func sendsUnauthenticated(s *seen) map[string]string { return seenAs(s.unauthenticated()) }

func stopsWithoutSignIn(s *seen) map[string]string {
	if s.unauthenticated() != nil {
		return nil
	}
	return seenAs(s.stopped)
}

func unauthenticatedNotKnown(s *seen) map[string]string {
	return when(s.known() && s.unauthenticated() == nil && s.stopped == nil)
}

// sendsWithoutTLS counts only for a sender whose TLS is too old: for any other
// STARTTLS on port 25 does.
func sendsWithoutTLS(s *seen) map[string]string {
	if tlsOld(s) == nil {
		return nil
	}
	return seenAs(cmp.Or(s.bare, s.untied))
}

func stopsWithoutTLS(s *seen) map[string]string {
	if tlsOld(s) == nil || s.bare != nil || s.untied != nil {
		return nil
	}
	return seenAs(s.noTLS)
}

func withoutTLSNotKnown(s *seen) map[string]string {
	return when(tlsOld(s) != nil && s.bare == nil && s.untied == nil && s.noTLS == nil)
}

// foreignSender: MAIL FROM must be in an accepted domain.
func foreignSender(s *seen) map[string]string {
	foreign := s.foreignFrom()
	if foreign == nil {
		return nil
	}
	return evidence(foreign, "domain", domain(foreign.MailFrom))
}

// sendsAsAnother: the mailbox needs Send As for any other From.
func sendsAsAnother(s *seen) map[string]string {
	other, _ := s.otherFrom()
	if other == nil {
		return nil
	}
	return evidence(other, "from", sendsAs(other), "account", other.Account())
}

func softwareNotKnown(s *seen) map[string]string {
	return when(s.known() && makerSays(OAuthGraph)(s) == nil)
}

func sendsToday(s *seen) map[string]string {
	return seenAs(s.sent, "count", strconv.Itoa(s.count))
}
