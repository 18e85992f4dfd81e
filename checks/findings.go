package checks

import (
	"slices"
	"strconv"
	"strings"
)

// Check is one question that is put to what a sender showed. Its words are
// under "check.<id>.<status>", its remedy's under "remedy.<remedy>".
type Check struct {
	ID       ID
	Outcomes []Status // that it can have; where it has none it says nothing
	Remedy   string   // of Warn and Fail
	judge    func(*seen) (Status, map[string]string)
}

// All lists the checks in the order in which an admin should read them: what
// will stop first, then what limits the choice of a route, then the rest.
func All() []Check {
	return append([]Check{
		{"password", can(Fail), "leave-password", password},
		{"password-unnamed", can(Fail), "leave-password", passwordUnnamed},
		{"cleartext", can(Warn, Fail), "starttls", cleartext},
		{"ssl-version", can(Fail), "tls-version", sslVersion},
		{"tls-version", can(Pass, Fail), "tls-version", tlsVersion},
		{"starttls", can(Warn), "starttls", starttls},
		{"implicit-tls", can(Warn), "port-587", implicitTLS},
		{"mechanism", can(Warn, Fail), "mechanism", mechanism},
		{"helo", can(Fail), "helo", helo},
		{"oauth", can(Pass, Warn), "oauth", oauth},
		{"token-audience", can(Pass, Warn), "token-audience", tokenAudience},
		{"no-sign-in", can(Pass), "", noSignIn},
		{"unauthenticated", can(Pass, Warn), "unauthenticated", unauthenticated},
		{"account", can(Warn), "account", account},
		{"from", can(Pass, Warn), "from", from},
		{"from-domain", can(Warn), "from-domain", fromDomain},
		{"recipients", can(Pass, Warn, Skip), "recipients", recipients},
		{"size", can(Pass, Warn), "size", size},
		{"recipient-count", can(Warn), "recipient-count", recipientCount},
		{"after-refusal", can(Pass, Warn), "after-refusal", afterRefusal},
		{"tries-in-turn", can(Warn), "tries-in-turn", triesInTurn},
		{"certificate", can(Pass, Warn), "certificate", certificate},
		{"hello", can(Warn), "hello", hello},
	}, heardChecks()...)
}

func can(s ...Status) []Status { return s }

// Judge puts every check to a sender's sessions and returns what they say, in
// the order of All. A check that nothing was observed for says nothing.
func Judge(f Facts) []Finding {
	s := look(f)
	var out []Finding
	for _, c := range All() {
		status, args := c.judge(s)
		if status == "" {
			continue
		}
		found := Finding{Check: c.ID, Status: status, Sender: f.Sender, Args: args}
		if status == Warn || status == Fail {
			found.Remedy = c.Remedy
		}
		out = append(out, found)
	}
	return out
}

func password(s *seen) (Status, map[string]string) {
	if !s.usesPassword() || s.password.auth.Account == "" {
		return "", nil
	}
	return Fail, s.signIn()
}

func passwordUnnamed(s *seen) (Status, map[string]string) {
	if !s.usesPassword() || s.password.auth.Account != "" {
		return "", nil
	}
	return Fail, s.signIn()
}

// signIn is the evidence of the last sign-in with a password.
func (s *seen) signIn() map[string]string {
	c, a := s.password.at, s.password.auth
	args := evidence(c, "mechanism", a.Mechanism, "account", a.Account)
	if c.TLS.Version != "" && !a.Cleartext {
		args["tls"] = c.TLS.Version
	}
	return args
}

func cleartext(s *seen) (Status, map[string]string) {
	switch {
	case s.cleartext.at != nil:
		return Fail, evidence(s.cleartext.at, "mechanism", s.cleartext.auth.Mechanism)
	case s.clearIfNone.at != nil:
		return Warn, evidence(s.clearIfNone.at, "mechanism", s.clearIfNone.auth.Mechanism)
	}
	return "", nil
}

// tlsVersion: Exchange Online answers 421 4.7.66 to TLS 1.0 and 1.1 on
// smtp.office365.com (Microsoft, "Opt in to the Exchange Online endpoint for
// legacy TLS clients using SMTP AUTH").
func tlsVersion(s *seen) (Status, map[string]string) {
	is, known := s.speaksTLS12()
	switch {
	case !known || isSSL(s.top):
		return "", nil
	case is:
		return Pass, evidence(s.topAt, "tls", s.top)
	}
	return Fail, evidence(s.topAt, "tls", s.top)
}

// sslVersion: client submission wants TLS 1.2 or newer (Microsoft, "How to set
// up a multifunction device or application"). What it answers to SSL is in no
// source.
func sslVersion(s *seen) (Status, map[string]string) {
	if !isSSL(s.top) {
		return "", nil
	}
	return Fail, evidence(s.topAt, "tls", s.top)
}

func isSSL(version string) bool { return version != "" && rank(version) < rank("TLS 1.0") }

func starttls(s *seen) (Status, map[string]string) {
	if s.untied == nil || s.starttls != nil || s.implicit != nil {
		return "", nil
	}
	return Warn, evidence(s.untied)
}

// implicitTLS: client submission is on 587 with STARTTLS; 465 is not offered
// (Microsoft, "How to set up a multifunction device or application").
func implicitTLS(s *seen) (Status, map[string]string) {
	if s.implicit == nil || s.starttls != nil || s.untied != nil {
		return "", nil
	}
	return Warn, evidence(s.implicit, "listener", s.implicit.Listener)
}

// mechanism: smtp.office365.com offers LOGIN and XOAUTH2 after STARTTLS. A
// client that was offered those two and took another meets 504 5.7.4.
func mechanism(s *seen) (Status, map[string]string) {
	if s.password.at == nil || s.token.at != nil || slices.Contains(s.mechanisms, "LOGIN") {
		return "", nil
	}
	args := evidence(s.password.at, "mechanisms", several(s.mechanisms))
	if p := s.password.at.Policy; p == asExchange || p == asRetired {
		return Fail, args
	}
	return Warn, args
}

func helo(s *seen) (Status, map[string]string) {
	c := s.heloOnly()
	if c == nil || s.password.at != nil && s.password.at.Started.After(c.Started) {
		return "", nil
	}
	return Fail, evidence(c)
}

func oauth(s *seen) (Status, map[string]string) {
	switch {
	case s.token.at != nil:
		return Pass, evidence(s.token.at, "mechanism", s.token.auth.Mechanism)
	case s.noOAuth != nil:
		return Warn, evidence(s.noOAuth)
	}
	return "", nil
}

// tokenAudience: audiences seen in working tokens, per cloud.
func tokenAudience(s *seen) (Status, map[string]string) {
	if s.token.at == nil || s.token.auth.Claims == nil || s.token.auth.Claims.Audience == "" {
		return "", nil
	}
	audience := s.token.auth.Claims.Audience
	args := evidence(s.token.at, "audience", audience)
	if outlook(audience) {
		return Pass, args
	}
	return Warn, args
}

func noSignIn(s *seen) (Status, map[string]string) {
	if s.open == nil || s.password.at != nil || s.token.at != nil {
		return "", nil
	}
	return Pass, evidence(s.open)
}

func unauthenticated(s *seen) (Status, map[string]string) {
	switch {
	case s.relayed != nil:
		return Pass, evidence(s.relayed)
	case s.stopped != nil:
		return Warn, evidence(s.stopped)
	}
	return "", nil
}

func account(s *seen) (Status, map[string]string) {
	if s.password.at == nil || s.password.auth.Account == "" || strings.Contains(s.password.auth.Account, "@") {
		return "", nil
	}
	return Warn, evidence(s.password.at, "account", s.password.auth.Account)
}

// from: another From than the mailbox meets 554 5.2.252 or 550 5.7.60 unless
// Send As was granted.
func from(s *seen) (Status, map[string]string) {
	other, same := s.otherFrom()
	switch {
	case other != nil:
		as := strings.Trim(other.MailFrom, "<>")
		if strings.EqualFold(as, other.Account()) {
			as = sendsAs(other)
		}
		return Warn, evidence(other, "from", as, "account", other.Account())
	case same != nil:
		return Pass, evidence(same, "account", same.Account())
	}
	return "", nil
}

func fromDomain(s *seen) (Status, map[string]string) {
	foreign := s.foreignFrom()
	if foreign == nil {
		return "", nil
	}
	return Warn, evidence(foreign, "domain", domain(foreign.MailFrom))
}

func recipients(s *seen) (Status, map[string]string) {
	switch {
	case s.outsideAt != nil:
		return Warn, evidence(s.outsideAt, "domains", several(s.outside))
	case s.inside != nil:
		return Pass, evidence(s.inside, "domains", several(s.to))
	case s.toAt != nil:
		return Skip, evidence(s.toAt, "domains", several(s.to))
	}
	return "", nil
}

// The limits that a message can meet. HVE: 10 MB and 50 recipients. ACS: 10 MB
// for a request and 50 recipients.
const (
	smallLimit     = 10_000_000
	fewRecipients  = 50
	smallLimitText = "10"
)

func size(s *seen) (Status, map[string]string) {
	if s.largest == nil {
		return "", nil
	}
	args := evidence(s.largest, "mb", megabytes(s.largest.Size), "bytes", strconv.FormatInt(s.largest.Size, 10))
	if s.largest.Size > smallLimit {
		args["limit"] = smallLimitText
		return Warn, args
	}
	return Pass, args
}

func recipientCount(s *seen) (Status, map[string]string) {
	if s.most == nil || len(s.most.RcptTo) <= fewRecipients {
		return "", nil
	}
	return Warn, evidence(s.most, "count", strconv.Itoa(len(s.most.RcptTo)), "limit", strconv.Itoa(fewRecipients))
}

func afterRefusal(s *seen) (Status, map[string]string) {
	switch {
	case s.anyway != nil:
		return Warn, evidence(s.anyway)
	case s.denied != nil:
		return Pass, evidence(s.denied)
	}
	return "", nil
}

func triesInTurn(s *seen) (Status, map[string]string) {
	if s.tried == nil {
		return "", nil
	}
	var names []string
	for _, a := range s.tried.Auth {
		names = include(names, a.Mechanism)
	}
	return Warn, evidence(s.tried, "mechanisms", several(names))
}

func certificate(s *seen) (Status, map[string]string) {
	switch {
	case s.refused != nil:
		return Warn, evidence(s.refused, "shape", s.refused.TLS.Refusal)
	case s.trusted != nil:
		return Pass, evidence(s.trusted)
	}
	return "", nil
}

// hello: a client that greets with the server's own name meets 550 5.7.506.
func hello(s *seen) (Status, map[string]string) {
	for _, c := range slices.Backward(s.sessions) {
		if c.Hello == "" {
			continue
		}
		if !exchangeName(c.Hello) {
			return "", nil
		}
		return Warn, evidence(c, "hello", c.Hello)
	}
	return "", nil
}

// exchangeName tells a name of Exchange Online's own hosts.
func exchangeName(hello string) bool {
	host := strings.ToLower(strings.TrimSuffix(hello, "."))
	for _, own := range []string{".protection.outlook.com", ".office365.com", ".office365.us", ".mx.microsoft"} {
		if strings.HasSuffix(host, own) {
			return true
		}
	}
	return false
}
