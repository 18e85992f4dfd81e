package checks

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// seen is what a sender's sessions showed, gathered once for all checks and
// rules. A nil session means that it was not seen.
type seen struct {
	Facts
	sessions []*probes.Session // of the sender, in the order of time
	canary   canarySeen
	heard    heardSeen

	password    use      // the last sign-in with a password
	cleartext   use      // the last one without TLS although it was to be had
	clearIfNone use      // the last one without TLS where there was none
	token       use      // the last sign-in with a token
	mechanisms  []string // of passwords, in the order met

	top      string          // newest TLS version that it speaks
	topAt    *probes.Session // where that was seen
	untied   *probes.Session // sent without TLS although it was to be had
	implicit *probes.Session // TLS from the first byte, never STARTTLS
	starttls *probes.Session
	refused  *probes.Session // refused the certificate
	trusted  *probes.Session // took it

	noOAuth *probes.Session // was offered OAuth alone, and stopped
	open    *probes.Session // sent without signing in where it could have
	relayed *probes.Session // sent where no sign-in was offered
	stopped *probes.Session // stopped where no sign-in was offered
	bare    *probes.Session // sent where no TLS was offered
	noTLS   *probes.Session // stopped where no TLS was offered

	denied *probes.Session // had its password refused
	anyway *probes.Session // sent without sign-in after that
	tried  *probes.Session // tried several mechanisms after that

	outside   []string        // recipients' domains that are not the tenant's
	outsideAt *probes.Session // where the first was seen
	inside    *probes.Session // wrote to an accepted domain
	to        []string        // recipients' domains, whether known as inside or not
	toAt      *probes.Session
	most      *probes.Session // most recipients
	largest   *probes.Session
	sent      *probes.Session // the last session whose message was taken
	count     int             // of such sessions
}

// use is one sign-in.
type use struct {
	at   *probes.Session
	auth *probes.Auth
}

// The names of the capture's policies that ask something.
const (
	asExchange = "exchange"
	asRetired  = "retired"
	oauthOnly  = "oauth-only"
	asRelay    = "relay"
	withoutTLS = "no-tls"
)

func look(f Facts) *seen {
	s := &seen{Facts: f, canary: lookAtCanaries(f.Canary)}
	for i := range f.Sessions {
		if f.Sessions[i].IsSender() {
			s.sessions = append(s.sessions, &f.Sessions[i])
		}
	}
	slices.SortStableFunc(s.sessions, func(a, b *probes.Session) int { return a.Started.Compare(b.Started) })
	for _, c := range s.sessions {
		s.lookAtAuth(c)
		s.lookAtTLS(c)
		s.lookAtMail(c)
		s.lookAtPolicy(c)
	}
	s.listen()
	return s
}

func (s *seen) lookAtAuth(c *probes.Session) {
	denied := false
	var tried []string
	for i := range c.Auth {
		a := &c.Auth[i]
		switch {
		case !wentThrough(*a):
		case a.Account == "" && !taken(*a): // nothing was sent for it
		case isToken(a.Mechanism) && usedToken(c):
			s.token = use{c, a}
		default:
			s.lookAtPassword(c, a)
			tried = include(tried, a.Mechanism)
			denied = denied || a.Outcome == probes.AuthRefused
		}
	}
	if !denied {
		return
	}
	s.denied = c
	if len(tried) > 1 {
		s.tried = c
	}
	if c.MailFrom != "" && !accepted(c) {
		s.anyway = c
	}
}

func (s *seen) lookAtPassword(c *probes.Session, a *probes.Auth) {
	s.password = use{c, a}
	s.mechanisms = include(s.mechanisms, a.Mechanism)
	switch {
	case !a.Cleartext:
	case offered(c).starttls:
		s.cleartext = use{c, a}
	default:
		s.clearIfNone = use{c, a}
	}
}

func (s *seen) lookAtTLS(c *probes.Session) {
	version := c.TLS.Version
	for _, v := range c.TLS.ClientVersions {
		if rank(v) > rank(version) {
			version = v
		}
	}
	if rank(version) > rank(s.top) {
		s.top, s.topAt = version, c
	}
	switch {
	case c.TLS.Error == "certificate_refused":
		s.refused = c
	case c.TLS.Mode == probes.Implicit:
		s.implicit, s.trusted = c, handshaken(s.trusted, c)
	case c.TLS.Mode == probes.StartTLS:
		s.starttls, s.trusted = c, handshaken(s.trusted, c)
	case (c.MailFrom != "" || len(c.Auth) > 0) && offered(c).starttls:
		s.untied = c
	}
}

func handshaken(old, c *probes.Session) *probes.Session {
	if c.TLS.Version == "" || c.TLS.Error != "" {
		return old
	}
	return c
}

func (s *seen) lookAtMail(c *probes.Session) {
	if c.Taken {
		s.sent = c
		s.count++
	}
	if s.largest == nil && c.Size > 0 || s.largest != nil && c.Size > s.largest.Size {
		s.largest = c
	}
	if len(c.RcptTo) > 0 && (s.most == nil || len(c.RcptTo) > len(s.most.RcptTo)) {
		s.most = c
	}
	for _, to := range c.RcptTo {
		if d := domain(to); d != "" {
			s.lookAtRecipient(c, d)
		}
	}
}

func (s *seen) lookAtRecipient(c *probes.Session, domain string) {
	s.to, s.toAt = include(s.to, domain), c
	switch {
	case len(s.Domains) == 0:
	case s.ours(domain):
		s.inside = c
	default:
		s.outsideAt = cmp.Or(s.outsideAt, c)
		s.outside = include(s.outside, domain)
	}
}

// lookAtPolicy takes what a session showed as an answer to what it was
// offered. A session that never greeted, whose TLS failed or that the capture
// ended answers nothing.
func (s *seen) lookAtPolicy(c *probes.Session) {
	mute := c.Hello == "" && c.MailFrom == "" && len(c.Auth) == 0
	if mute || c.TLS.Error != "" || c.End == probes.EndLimit || c.End == probes.EndShutdown {
		return
	}
	o, sends := offered(c), c.MailFrom != ""
	noTLS := c.TLS.Mode != probes.StartTLS && c.TLS.Mode != probes.Implicit && !o.starttls
	if noTLS {
		s.bare, s.noTLS = answer(sends || len(c.Auth) > 0, c, s.bare, s.noTLS)
	}
	switch {
	case slices.ContainsFunc(c.Auth, taken) && !o.onlyTokens():
	case len(o.auth) == 0:
		if sends || !noTLS || s.bare != nil || s.untied != nil { // else it may have stopped for want of TLS
			s.relayed, s.stopped = answer(sends, c, s.relayed, s.stopped)
		}
	case o.onlyTokens() && !usedToken(c):
		s.noOAuth = c
	case sends && len(c.Auth) == 0:
		s.open = c
	}
}

// taken tells an attempt whose mechanism was gone through with, and not
// answered as unknown.
func taken(a probes.Auth) bool { return !strings.HasPrefix(a.Reply, "504") }

// offer is what a session was offered.
type offer struct {
	auth     []string
	starttls bool
}

func (o offer) onlyTokens() bool {
	return len(o.auth) > 0 && !slices.ContainsFunc(o.auth, func(m string) bool { return !isToken(m) })
}

// offered reads what the client was offered from the transcript, else from the
// policy's name.
func offered(c *probes.Session) offer {
	var o offer
	greeted := false
	for _, l := range c.Transcript {
		if l.From != probes.Server || len(l.Text) < 4 || l.Text[:3] != "250" {
			continue
		}
		greeted = true
		words := strings.FieldsFunc(l.Text[4:], func(r rune) bool { return r == ' ' || r == '=' })
		switch {
		case len(words) > 0 && strings.EqualFold(words[0], "STARTTLS"):
			o.starttls = true
		case len(words) > 1 && strings.EqualFold(words[0], "AUTH"):
			o.auth = words[1:]
		}
	}
	if greeted {
		return o
	}
	return offeredBy(c.Policy)
}

// offeredBy is what the policy of that name offers at its most.
func offeredBy(policy string) offer {
	name := base(policy)
	o := offer{[]string{"LOGIN", "XOAUTH2"}, name != withoutTLS && !strings.HasSuffix(policy, inClear)}
	switch {
	case name == oauthOnly:
		o.auth = []string{"XOAUTH2"}
	case name == asRelay:
		o.auth = nil
	case name == withoutTLS || strings.HasPrefix(name, "prompts-"):
		o.auth = []string{"LOGIN"}
	default:
		for _, d := range dialogues() {
			if m, alone := strings.CutPrefix(d.id, "mech-"); alone && d.policy == name {
				o.auth = []string{strings.ToUpper(m)}
			}
		}
	}
	return o
}

// answer keeps the last session that says yes or no.
func answer(is bool, c, yes, no *probes.Session) (y, n *probes.Session) {
	if is {
		return c, no
	}
	return yes, c
}

func (s *seen) ours(domain string) bool {
	return slices.ContainsFunc(s.Domains, func(d string) bool { return strings.EqualFold(d, domain) })
}

// speaksTLS12 tells whether it speaks TLS 1.2; known is false when no TLS was
// seen.
func (s *seen) speaksTLS12() (is, known bool) {
	return rank(s.top) >= rank("TLS 1.2"), s.top != ""
}

// usesPassword tells whether its last sign-in was with a password.
func (s *seen) usesPassword() bool {
	return s.password.at != nil && (s.token.at == nil || !s.token.at.Started.After(s.password.at.Started))
}

// unauthenticated is the session that shows that it sends without signing in.
func (s *seen) unauthenticated() *probes.Session { return cmp.Or(s.relayed, s.open, s.anyway) }

// headerFrom is the address in the From header of a session's message.
func headerFrom(c *probes.Session) string {
	if c.Message == nil {
		return ""
	}
	from := c.Message.From
	if _, inside, ok := strings.Cut(from, "<"); ok {
		from, _, _ = strings.Cut(inside, ">")
	}
	return strings.TrimSpace(from)
}

// sendsAs is the address that a session sends as: the From header's, else the
// envelope's.
func sendsAs(c *probes.Session) string {
	if h := headerFrom(c); strings.Contains(h, "@") {
		return h
	}
	return strings.Trim(c.MailFrom, "<>")
}

// otherFrom finds the last session that signs in as one address and sends as
// another, and the last that does not.
func (s *seen) otherFrom() (other, same *probes.Session) {
	for _, c := range s.sessions {
		account := c.Account()
		from := strings.Trim(c.MailFrom, "<>")
		if !strings.Contains(account, "@") || !strings.Contains(from, "@") {
			continue
		}
		if !strings.EqualFold(account, from) || !strings.EqualFold(account, sendsAs(c)) {
			other = c
		} else {
			same = c
		}
	}
	return other, same
}

// foreignFrom is the last session whose envelope sender is in none of the
// accepted domains.
func (s *seen) foreignFrom() *probes.Session {
	if len(s.Domains) == 0 {
		return nil
	}
	for _, c := range slices.Backward(s.sessions) {
		if d := domain(c.MailFrom); d != "" && !s.ours(d) {
			return c
		}
	}
	return nil
}

// heloOnly is the last session that greeted with HELO and never with EHLO, as
// the capture or the transcript says.
func (s *seen) heloOnly() *probes.Session {
	var last *probes.Session
	for _, c := range s.sessions {
		helo, ehlo := slices.Contains(c.Quirks, "helo_only"), false
		for _, l := range c.Transcript {
			if l.From != probes.Client || len(l.Text) < 4 {
				continue
			}
			helo = helo || strings.EqualFold(l.Text[:4], "HELO")
			ehlo = ehlo || strings.EqualFold(l.Text[:4], "EHLO")
		}
		if helo && !ehlo {
			last = c
		}
	}
	return last
}

// evidence is what every argument list holds: the session and its time, and
// more names and values in turn.
func evidence(c *probes.Session, more ...string) map[string]string {
	args := map[string]string{"session": c.ID, "at": c.Started.UTC().Format(time.RFC3339)}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] != "" { // what is not known is absent
			args[more[i]] = more[i+1]
		}
	}
	return args
}

func isToken(mechanism string) bool {
	return strings.EqualFold(mechanism, "XOAUTH2") || strings.EqualFold(mechanism, "OAUTHBEARER")
}

// usedToken tells a sign-in with a token from none, and from a password that
// was sent as if it were one.
func usedToken(c *probes.Session) bool {
	return !slices.Contains(c.Quirks, "password_as_token") && slices.ContainsFunc(c.Auth, func(a probes.Auth) bool { return isToken(a.Mechanism) })
}

func accepted(c *probes.Session) bool {
	return slices.ContainsFunc(c.Auth, func(a probes.Auth) bool { return a.Outcome == probes.AuthAccepted })
}

// rank orders TLS versions; 0 is none.
func rank(version string) int {
	switch version {
	case "SSL 2.0":
		return 1
	case "SSL 3.0":
		return 2
	case "TLS 1.0":
		return 3
	case "TLS 1.1":
		return 4
	case "TLS 1.2":
		return 5
	case "TLS 1.3":
		return 6
	}
	return 0
}

// domain is the part of an address behind its last @, in lower case.
func domain(address string) string {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return ""
	}
	return strings.ToLower(strings.Trim(address[i+1:], "<> ."))
}

func include(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// megabytes is a size in whole megabytes (1,000,000 bytes), rounded up.
func megabytes(size int64) string { return strconv.FormatInt((size+999_999)/1_000_000, 10) }

// several lists at most three names and says how many there are.
func several(names []string) string {
	const shown = 3
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:shown], ", ") + " (+" + strconv.Itoa(len(names)-shown) + ")"
}
