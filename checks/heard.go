package checks

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"offbasic/probes"
)

// Heard is what one file says of a sender: an export, a log, a list.
type Heard struct {
	Kind     probes.SourceKind
	File     string
	Line     int    // of its first row
	Protocol string // "basic", "oauth", "both"; "" is not told
	// OldTLS is the part of messages over TLS 1.0 and 1.1, in percent; -1 is
	// not told.
	OldTLS      float64
	Messages    int
	First, Last time.Time // of the messages; zero is not told
	Refused     int
	Why         []string // codes of the refusals
	To          []string // domains of recipients
	MaxSize     int64    // bytes
	// Shared says that the row is of several senders together: what is true of
	// a part of it may be another's.
	Shared bool
}

// The answers of people that Rank goes by; the questions are wizard's.
const (
	askRecipients = "recipients"
	askReplace    = "replace"
)

// heardSeen is what the files say, gathered once for all rules.
type heardSeen struct {
	basic, token    *Heard
	oldTLS, someOld *Heard // all of its messages, some of them
	newTLS          *Heard // none of them
	outsideAt       *Heard
	outside         []string
	insideAt        *Heard
	largest         *Heard
	busiest         *Heard
	refused         *Heard
}

func (s *seen) listen() {
	for i := range s.Heard {
		h := &s.Heard[i]
		s.heard.protocol(h)
		s.heard.tls(h)
		s.hearRecipients(h)
		if h.Refused > 0 && !h.Shared {
			s.heard.refused = h
		}
		if h.MaxSize > 0 && !h.Shared && (s.heard.largest == nil || h.MaxSize > s.heard.largest.MaxSize) {
			s.heard.largest = h
		}
		if perDay(h) > 0 && !h.Shared && (s.heard.busiest == nil || perDay(h) > perDay(s.heard.busiest)) {
			s.heard.busiest = h
		}
	}
}

// protocol: a row of several senders that says one protocol says it of each.
func (s *heardSeen) protocol(h *Heard) {
	if h.Protocol == "basic" || h.Protocol == "both" && !h.Shared {
		s.basic = h
	}
	if h.Protocol == "oauth" || h.Protocol == "both" && !h.Shared {
		s.token = h
	}
}

// tls: only the report counts messages by TLS version. All and none are true of
// every sender of a row.
func (s *heardSeen) tls(h *Heard) {
	if h.Kind != probes.FromReport || h.OldTLS < 0 {
		return
	}
	switch {
	case h.OldTLS >= 100:
		s.oldTLS = h
	case h.OldTLS == 0:
		s.newTLS = h
	case !h.Shared:
		s.someOld = h
	}
}

func (s *seen) hearRecipients(h *Heard) {
	if h.Shared || len(s.Domains) == 0 {
		return
	}
	for _, d := range h.To {
		if s.ours(d) {
			s.heard.insideAt = h
			continue
		}
		s.heard.outsideAt = cmp.Or(s.heard.outsideAt, h)
		s.heard.outside = include(s.heard.outside, d)
	}
}

// perDay is how many messages a day a file tells of; 0 is not known. A file of
// less than a day says nothing of a day.
func perDay(h *Heard) int {
	days := int(h.Last.Sub(h.First) / (24 * time.Hour))
	if h.First.IsZero() || days < 1 {
		return 0
	}
	return h.Messages / days
}

// heardAs is the evidence of a file, nil without one: its name and line, and
// more names and values in turn.
func heardAs(h *Heard, more ...string) map[string]string {
	if h == nil {
		return nil
	}
	args := map[string]string{"file": cmp.Or(h.File, "-"), "line": strconv.Itoa(h.Line), "source": string(h.Kind)}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] != "" {
			args[more[i]] = more[i+1]
		}
	}
	return args
}

// heardRules are about what exports say of a sender, and what people said of
// it. A captured session says it better where there is one.
func heardRules() []rule {
	var (
		insiders  = on(probes.HVE, probes.Direct)
		anywhere  = on(probes.OAuth, probes.Connector, probes.ACS, probes.Provider)
		modernTLS = on(probes.OAuth, probes.HVE, probes.ACS)
	)
	return []rule{
		{speaksFor, "heard-oauth", on(probes.OAuth), heardOAuth},
		{speaksFor, "heard-password", on(probes.HVE, probes.ACS, probes.Provider, probes.Relay), heardPassword},
		{speaksFor, "heard-tls-new", modernTLS, heardNewTLS},
		{speaksAgainst, "heard-tls-old", modernTLS, heardOldTLS},
		{needs, "heard-tls-some", modernTLS, heardSomeOldTLS},
		{speaksFor, "heard-tls-old-relay", on(probes.Relay), heardOldTLS},

		{speaksAgainst, "heard-outside", insiders, heardOutside},
		{speaksFor, "heard-may-outside", anywhere, heardOutside},
		{speaksFor, "heard-inside", insiders, heardInside},
		{speaksAgainst, "said-outside", insiders, saidOutside},
		{speaksFor, "said-may-outside", anywhere, saidOutside},
		{speaksFor, "said-inside", insiders, saidInside},

		{speaksAgainst, "heard-over-size", on(probes.HVE, probes.ACS), heardOverSize},
		{speaksAgainst, "heard-over-day", on(probes.OAuth), heardOverDay},
		{needs, "heard-quota", on(probes.ACS), heardOverQuota},

		{speaksFor, "said-replaceable", on(probes.Replace), said(askReplace, "yes")},
		{speaksAgainst, "said-irreplaceable", on(probes.Replace), said(askReplace, "no")},
	}
}

func heardOAuth(s *seen) map[string]string {
	if s.token.at != nil {
		return nil
	}
	return heardAs(s.heard.token)
}

func heardPassword(s *seen) map[string]string {
	if s.usesPassword() {
		return nil
	}
	return heardAs(s.heard.basic)
}

func heardNewTLS(s *seen) map[string]string {
	if s.top != "" || s.heard.oldTLS != nil || s.heard.someOld != nil {
		return nil
	}
	return heardAs(s.heard.newTLS)
}

func heardOldTLS(s *seen) map[string]string {
	if is, _ := s.speaksTLS12(); is {
		return nil
	}
	return heardAs(s.heard.oldTLS)
}

func heardSomeOldTLS(s *seen) map[string]string {
	if s.top != "" || s.heard.oldTLS != nil || s.heard.someOld == nil {
		return nil
	}
	return heardAs(s.heard.someOld, "percent", percent(s.heard.someOld.OldTLS))
}

func percent(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) }

func heardOutside(s *seen) map[string]string {
	if s.outsideAt != nil {
		return nil
	}
	return heardAs(s.heard.outsideAt, "domains", several(s.heard.outside))
}

func heardInside(s *seen) map[string]string {
	if s.toAt != nil || s.heard.outsideAt != nil {
		return nil
	}
	return heardAs(s.heard.insideAt)
}

func said(question string, answers ...string) func(*seen) map[string]string {
	return func(s *seen) map[string]string { return when(slices.Contains(answers, s.Answers[question])) }
}

// saidOutside: what was seen needs nobody's word.
func saidOutside(s *seen) map[string]string {
	if s.outsideAt != nil || s.heard.outsideAt != nil {
		return nil
	}
	return said(askRecipients, "outside", "both")(s)
}

// saidInside gives way to what was seen.
func saidInside(s *seen) map[string]string {
	if s.outsideAt != nil || s.heard.outsideAt != nil || insideOnly(s) != nil {
		return nil
	}
	return said(askRecipients, "inside")(s)
}

// saidRecipients tells whether people said whom it writes to.
func saidRecipients(s *seen) bool { return s.Answers[askRecipients] != "" }

func heardOverSize(s *seen) map[string]string {
	if overSize(s) != nil || s.heard.largest == nil || s.heard.largest.MaxSize <= smallLimit {
		return nil
	}
	return heardAs(s.heard.largest, "mb", megabytes(s.heard.largest.MaxSize), "limit", smallLimitText)
}

// heardOverDay: client submission takes 10,000 recipients a day of a mailbox;
// a message has one at least.
func heardOverDay(s *seen) map[string]string { return s.heard.over(10_000) }

// heardOverQuota: ACS takes 100 messages an hour by default, as is reported.
func heardOverQuota(s *seen) map[string]string { return s.heard.over(100 * 24) }

func (s *heardSeen) over(limit int) map[string]string {
	if s.busiest == nil || perDay(s.busiest) <= limit {
		return nil
	}
	return heardAs(s.busiest, "count", strconv.Itoa(perDay(s.busiest)), "limit", strconv.Itoa(limit))
}

// Recipients is whom a sender writes to as far as evidence tells, without
// anybody's word: "inside", "outside", "both" or "".
func Recipients(f Facts) string {
	s := look(f)
	outside := s.outsideAt != nil || s.heard.outsideAt != nil
	inside := s.inside != nil || s.heard.insideAt != nil
	switch {
	case outside && inside:
		return "both"
	case outside:
		return "outside"
	case inside:
		return "inside"
	}
	return ""
}

// heardChecks are about what files say, where no captured session says it.
func heardChecks() []Check {
	return []Check{
		{"heard-password", can(Fail), "leave-password", judgePasswordHeard},
		{"heard-old-tls", can(Fail), "tls-version", judgeOldTLSHeard},
		{"heard-refused", can(Warn), "heard-refused", judgeRefusalsHeard},
		{"heard-contradicts", can(Warn), "ask-again", judgeContradiction},
	}
}

func judgePasswordHeard(s *seen) (Status, map[string]string) {
	if len(s.sessions) > 0 {
		return "", nil
	}
	return given(Fail, heardPassword(s))
}

func judgeOldTLSHeard(s *seen) (Status, map[string]string) {
	h := cmp.Or(s.heard.oldTLS, s.heard.someOld)
	if s.top != "" || h == nil {
		return "", nil
	}
	return given(Fail, heardAs(h, "percent", percent(h.OldTLS)))
}

func judgeRefusalsHeard(s *seen) (Status, map[string]string) {
	h := s.heard.refused
	if h == nil {
		return "", nil
	}
	return given(Warn, heardAs(h, "count", strconv.Itoa(h.Refused), "why", cmp.Or(several(h.Why), "-")))
}

// judgeContradiction: people said inside only, and it was seen otherwise.
func judgeContradiction(s *seen) (Status, map[string]string) {
	domains := s.outside
	for _, d := range s.heard.outside {
		domains = include(slices.Clone(domains), d)
	}
	if len(domains) == 0 || s.Answers[askRecipients] != "inside" {
		return "", nil
	}
	return Warn, map[string]string{"domains": several(domains)}
}

func given(s Status, args map[string]string) (Status, map[string]string) {
	if args == nil {
		return "", nil
	}
	return s, args
}
