package lab

import (
	"crypto/subtle"
	"net/mail"
	"slices"
	"strings"

	"offbasic/probes"
)

// The replies of client submission, as they were seen on smtp.office365.com.
// Microsoft's documentation of the codes and public logs are their sources.
const (
	signedIn       = "235 2.7.0 Authentication successful"
	unsuccessful   = "535 5.7.3 Authentication unsuccessful"
	basicOff       = "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."
	retiredReply   = "550 5.7.30 Basic authentication is not supported for Client Submission."
	notSignedIn    = "530 5.7.57 Client not authenticated to send mail."
	tlsFirst       = "530 5.7.0 Must issue a STARTTLS command first"
	tlsFirstMail   = "451 5.7.3 STARTTLS is required to send mail"
	unknownMech    = "504 5.7.4 Unrecognized authentication type"
	tooLarge       = "552 5.3.4 Message size exceeds fixed maximum message size"
	oldTLS         = "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls"
	legacyOff      = "550 5.7.67 TLS 1.0 and 1.1 are not allowed by your organization"
	tooFast        = "421 4.4.2 Message submission rate for this client has exceeded the configured limit"
	tooMany        = "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=" + hub + "]"
	quotaUsed      = "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException"
	recipientLimit = 1000 // the mailbox limit's upper bound
)

// submission is client submission.
func submission() service {
	return service{
		name: submissionService, host: frontend, names: []string{"smtp.office365.com"}, banner: "Microsoft ESMTP MAIL Service ready", bracket: true,
		most: recipientLimit, size: maxMessage, extensions: exchangeExtensions(), mechanisms: []string{"LOGIN", "XOAUTH2"}, unsigned: notSignedIn,
		oldTLS:   func(*Lab) string { return oldTLS },
		password: (*session).basic, token: (*session).oauth, from: (*session).paced, to: anyAddress, take: (*session).submit,
	}
}

// legacy is client submission for TLS 1.0 and 1.1, where the organisation has
// opted in (Microsoft, "Opt in to the Exchange Online endpoint for legacy TLS
// clients using SMTP AUTH").
func legacy() service {
	s := submission()
	s.name, s.names = legacyService, []string{"smtp-legacy.office365.com"}
	s.oldTLS = func(l *Lab) string {
		l.dir.mu.Lock()
		defer l.dir.mu.Unlock()
		if l.dir.legacyTLS {
			return ""
		}
		return legacyOff
	}
	return s
}

// exchangeExtensions are those of smtp.office365.com, beside SIZE, STARTTLS and
// AUTH (log of 2025-11-23).
func exchangeExtensions() []string {
	return []string{"8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8"}
}

// disabled is the reply to an account whose SMTP AUTH is off, by whose switch.
// A token meets it as well as a password.
func disabled(level string) string {
	return "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the " + level +
		". Visit https://aka.ms/smtp_auth_disabled for more information."
}

// basic decides about a password.
func (s *session) basic(user, password string) {
	m := s.l.dir.mailbox(user)
	if s.l.retired.Load() {
		s.refused("LOGIN", user, retiredReply)
		return
	}
	if m != nil && s.l.dir.basicBlocked(&m.account) { // before the password is looked at (Microsoft, "Disable Basic authentication in Exchange Online")
		s.refused("LOGIN", user, basicOff)
		return
	}
	if m == nil || !same(password, m.password) {
		if m != nil {
			s.l.dir.logSignIn(m.address, s.peer(), s.l.now(), 50126)
		}
		s.refused("LOGIN", user, unsuccessful)
		return
	}
	s.admit("LOGIN", m, m.address)
	if s.account != "" {
		s.l.dir.logSignIn(m.address, s.peer(), s.l.now(), 0)
	}
}

// same compares a secret in constant time. An empty one is nobody's.
func same(given, secret string) bool {
	return secret != "" && subtle.ConstantTimeCompare([]byte(given), []byte(secret)) == 1
}

// admit lets an account in whose proof was good, if SMTP AUTH is on for it. as
// is who acts for it.
func (s *session) admit(mech string, m *mailbox, as string) {
	if on, level := s.l.dir.smtpAuth(m); !on {
		s.refused(mech, m.address, disabled(level))
		return
	}
	s.signIn(mech, m.address, as)
}

// oauth decides about a token.
func (s *session) oauth(user, token string) {
	m := s.l.dir.mailbox(user)
	claims, err := s.l.bearer(token, "https://outlook.office365.com", "https://outlook.office.com")
	if err != nil {
		s.l.log(s.svc.name + ": token " + err.Error())
		s.refused("XOAUTH2", user, unsuccessful)
		return
	}
	if m == nil {
		s.refused("XOAUTH2", user, unsuccessful)
		return
	}
	as, ok := s.l.dir.maySend(claims, m)
	if claims.User != "" {
		as, ok = s.l.dir.userMaySend(claims, m)
	}
	if !ok {
		s.refused("XOAUTH2", user, unsuccessful)
		return
	}
	s.admit("XOAUTH2", m, as)
}

// userMaySend tells whether a user's own token is good for a mailbox, and as
// whom: it carries SMTP.Send, and the mailbox is the user's, or one that the
// user has FullAccess to, as with a shared mailbox (Microsoft, "Authenticate an
// IMAP, POP or SMTP connection using OAuth").
func (d *directory) userMaySend(b bearer, m *mailbox) (as string, ok bool) {
	if !slices.Contains(strings.Fields(b.Scopes), "SMTP.Send") {
		return "", false
	}
	own := d.mailbox(b.User)
	d.mu.Lock()
	defer d.mu.Unlock()
	return b.User, own == m || own != nil && slices.Contains(m.rights, right{own.address, "FullAccess"})
}

// paced refuses more than the 30 messages a minute of a mailbox.
func (s *session) paced(string) string {
	if s.l.limited && s.l.dir.pace(s.account, s.l.now()) {
		return tooFast
	}
	return ""
}

// submit decides about a whole message and delivers it.
func (s *session) submit(m received) {
	headers := parseHead(m.raw)
	for _, who := range []string{s.from, headerFrom(headers)} {
		if !s.l.dir.speaksFor(s.account, s.as, who) {
			s.l.log(s.svc.name + ": " + s.account + " may not send as " + probes.Clean(who, 200))
			s.no(sendAsDenied(s.account, who))
			return
		}
	}
	switch {
	case s.l.limited && s.l.dir.present(s.account) > maxTogether:
		s.no(tooMany)
		return
	case s.l.limited && s.l.dir.spend(s.account, len(s.to), s.l.now()):
		s.no(quotaUsed)
		return
	}
	id := s.l.post(posted{
		service: s.svc.name, from: s.from, to: s.to, head: headers, size: m.size, peer: s.peer(),
		trace: s.submitted("06"), saved: true,
	})
	s.say("250 2.0.0 OK " + id + " [Hostname=" + hub + "]")
}

func sendAsDenied(account, who string) string {
	return "554 5.2.252 SendAsDenied; " + account + " not allowed to send as " + probes.Clean(who, 200) +
		"; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; " +
		"Failed to process message due to a permanent exception with message Cannot submit message."
}

// speaksFor tells whether who acts for an account may send as an address.
func (d *directory) speaksFor(account, as, address string) bool {
	return strings.EqualFold(address, account) || d.maySendAs(as, address)
}

// headerFrom is the address of the From header; "" when there is none.
func headerFrom(headers []header) string {
	for _, h := range headers {
		if strings.EqualFold(h.name, "From") {
			if a, err := mail.ParseAddress(h.value); err == nil {
				return a.Address
			}
			return h.value
		}
	}
	return ""
}
