package lab

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/mail"
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
	recipientLimit = 1000 // the mailbox limit's upper bound
)

// disabled is the reply to an account whose SMTP AUTH is off, by whose switch.
// A token meets it as well as a password.
func disabled(level string) string {
	return "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the " + level +
		". Visit https://aka.ms/smtp_auth_disabled for more information."
}

// auth is AUTH LOGIN and AUTH XOAUTH2 (RFC 4954 section 4).
func (s *session) auth(arg string) {
	mech, initial, _ := strings.Cut(arg, " ")
	switch {
	case s.tls == nil:
		s.wrong(tlsFirst)
	case s.hello == "" || s.account != nil || s.mail:
		s.wrong("503 5.5.1 Bad sequence of commands")
	case strings.EqualFold(mech, "LOGIN"):
		s.login(strings.TrimSpace(initial))
	case strings.EqualFold(mech, "XOAUTH2"):
		s.xoauth2(strings.TrimSpace(initial))
	default:
		s.no(unknownMech)
	}
}

// ask gets one line of a SASL exchange, unless it came with the command.
func (s *session) ask(challenge, initial string) ([]byte, error) {
	line := initial
	if line == "" {
		s.say("334 " + challenge)
		var err error
		if line, err = s.line(); err != nil {
			return nil, err
		}
	}
	if line == "*" {
		s.wrong("501 5.7.0 Authentication cancelled")
		return nil, errCancelled
	}
	b, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		s.wrong("501 5.5.2 Cannot decode the response")
	}
	return b, err
}

var errCancelled = errors.New("cancelled")

func (s *session) login(initial string) {
	user, err := s.ask("VXNlcm5hbWU6", initial)
	if err != nil {
		return
	}
	password, err := s.ask("UGFzc3dvcmQ6", "")
	if err != nil {
		return
	}
	s.password(string(user), string(password))
}

// password decides about Basic authentication.
func (s *session) password(user, password string) {
	m := s.l.dir.mailbox(user)
	if s.l.retired.Load() {
		s.refused("LOGIN", user, retiredReply)
		return
	}
	if m != nil && s.l.dir.basicBlocked(m) { // before the password is looked at (Microsoft, "Disable Basic authentication in Exchange Online")
		s.refused("LOGIN", user, basicOff)
		return
	}
	if m == nil || subtle.ConstantTimeCompare([]byte(password), []byte(m.password)) != 1 {
		s.refused("LOGIN", user, unsuccessful)
		return
	}
	s.admit("LOGIN", m, m.address)
}

// admit lets an account in whose proof was good, if SMTP AUTH is on for it. as
// is who acts for it.
func (s *session) admit(mech string, m *mailbox, as string) {
	if on, level := s.l.dir.smtpAuth(m); !on {
		s.refused(mech, m.address, disabled(level))
		return
	}
	s.account, s.as = m, as
	s.l.log("submission: " + mech + " " + m.address + ": accepted")
	s.say(signedIn)
}

// refused answers a sign-in with a no.
func (s *session) refused(mech, user, reply string) {
	s.l.log("submission: " + mech + " " + probes.Clean(user, 200) + ": " + reply)
	s.no(reply)
}

func (s *session) xoauth2(initial string) {
	b, err := s.ask("", initial)
	if err != nil {
		return
	}
	user, token, ok := parseXOAUTH2(string(b))
	if !ok {
		s.refused("XOAUTH2", "", unsuccessful)
		return
	}
	m := s.l.dir.mailbox(user)
	claims, err := s.l.bearer(token, "https://outlook.office365.com", "https://outlook.office.com")
	if err == nil && !strings.EqualFold(claims.App, s.l.app.ClientID) {
		err = errors.New("of another application")
	}
	if err != nil {
		s.l.log("submission: token " + err.Error())
		s.refused("XOAUTH2", user, unsuccessful)
		return
	}
	if m == nil {
		s.refused("XOAUTH2", user, unsuccessful)
		return
	}
	as, ok := s.l.dir.maySend(claims, m)
	if !ok {
		s.refused("XOAUTH2", user, unsuccessful)
		return
	}
	s.admit("XOAUTH2", m, as)
}

// parseXOAUTH2 reads "user=" mailbox ^A "auth=Bearer " token ^A ^A (Microsoft,
// "Authenticate an IMAP, POP or SMTP connection using OAuth").
func parseXOAUTH2(s string) (user, token string, ok bool) {
	parts := strings.Split(s, "\x01")
	if len(parts) != 4 || parts[2] != "" || parts[3] != "" {
		return "", "", false
	}
	user, okUser := strings.CutPrefix(parts[0], "user=")
	token, okToken := strings.CutPrefix(parts[1], "auth=Bearer ")
	return user, token, okUser && okToken && user != "" && token != ""
}

func (s *session) mailFrom(arg string) {
	from, params, ok := path(arg, "FROM:")
	switch {
	case s.hello == "":
		s.wrong("503 5.5.2 Send hello first")
	case s.tls == nil:
		s.wrong(tlsFirstMail)
	case s.account == nil:
		s.no(notSignedIn)
	case s.mail:
		s.wrong("503 5.5.2 Sender already specified")
	case !ok:
		s.wrong("501 5.1.7 Invalid address")
	case tooBig(params):
		s.no("552 5.3.4 Message size exceeds fixed maximum message size")
	default:
		s.mail, s.from = true, from
		s.say("250 2.1.0 Sender OK")
	}
}

// tooBig reads the SIZE parameter (RFC 1870 section 6).
func tooBig(params string) bool {
	for p := range strings.FieldsSeq(params) {
		if n, ok := strings.CutPrefix(strings.ToUpper(p), "SIZE="); ok {
			return len(n) > len("157286400") || len(n) == len("157286400") && n > "157286400"
		}
	}
	return false
}

func (s *session) rcptTo(arg string) {
	to, _, ok := path(arg, "TO:")
	switch {
	case !s.mail:
		s.wrong("503 5.5.2 Need mail command")
	case !ok || !strings.Contains(to, "@"):
		s.wrong("501 5.1.3 Invalid address")
	case len(s.to) >= recipientLimit:
		s.no("452 4.5.3 Too many recipients")
	default:
		s.to = append(s.to, to)
		s.say("250 2.1.5 Recipient OK")
	}
}

// path reads "FROM:<a@b> SIZE=1".
func path(arg, prefix string) (address, params string, ok bool) {
	if len(arg) < len(prefix) || !strings.EqualFold(arg[:len(prefix)], prefix) {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(strings.TrimSpace(arg[len(prefix):]), "<")
	if !ok {
		return "", "", false
	}
	address, params, ok = strings.Cut(rest, ">")
	return address, params, ok && len(address) <= 320
}

// submit decides about a whole message and delivers it.
func (s *session) submit(raw []byte) {
	defer s.reset()
	headers := parseHead(raw)
	for _, who := range []string{s.from, headerFrom(headers)} {
		if !strings.EqualFold(who, s.account.address) && !s.l.dir.maySendAs(s.as, who) {
			s.l.log("submission: " + s.account.address + " may not send as " + probes.Clean(who, 200))
			s.no("554 5.2.252 SendAsDenied; " + s.account.address + " not allowed to send as " + probes.Clean(who, 200) +
				"; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; " +
				"Failed to process message due to a permanent exception with message Cannot submit message.")
			return
		}
	}
	id := s.deliver(headers)
	s.say("250 2.0.0 OK " + id + " [Hostname=AM0PR10MB0001.EURPRD10.PROD.OUTLOOK.COM]")
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
