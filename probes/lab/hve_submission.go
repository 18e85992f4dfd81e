package lab

import (
	"slices"
	"strings"
	"time"
)

// The replies of High Volume Email. Those without words were seen by others
// with theirs left out.
const (
	hveBasicOff  = "535 5.7.139 Authentication unsuccessful, the organization configuration doesn't allow this authentication request."
	hveNoAccount = "550 5.2.240"
	hveBadToken  = "501 5.5.121 Invalid XOAUTH2 argument"
	hveEnding    = "535 5.7.142 Token will expire soon"
	hveExpired   = "535 5.7.143 Expired token"
	hveNoRole    = "535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions"
	hveNoApp     = "550 5.7.240 The application is not allowed for use with this High Volume Email account"
	hveEnvelope  = "550 5.7.62"
	hveAuthor    = "550 5.6.241"
	hveOutside   = "550 5.5.105 External sending is not supported for High Volume Email accounts"
)

// The limits of High Volume Email, as its users report them. How close to its
// end a token may be is not known; those who send keep 20 minutes.
const (
	hveRecipients = 50
	hveSize       = 10 << 20
	hveMargin     = 5 * time.Minute
)

// hve is High Volume Email: mail to recipients inside, from accounts that are
// no mailboxes.
func hve() service {
	return service{
		name: hveService, host: "AM0PR10CA0002.EURPRD10.PROD.OUTLOOK.COM", names: []string{"smtp.hve.mx.microsoft"},
		banner: "Microsoft ESMTP MAIL Service ready", bracket: true, most: hveRecipients, size: hveSize,
		extensions: exchangeExtensions(), mechanisms: []string{"LOGIN", "XOAUTH2"}, unsigned: notSignedIn, badToken: hveBadToken,
		oldTLS:   func(*Lab) string { return oldTLS },
		password: (*session).volumePassword, token: (*session).volumeToken,
		from: (*session).volumeSender, to: (*session).volumeRecipient, take: (*session).volumeMessage,
	}
}

// volumeAccount finds the account that signs in, or refuses: an ordinary
// mailbox is known, and is not one.
func (s *session) volumeAccount(mech, user string) (hveAccount, bool) {
	s.l.dir.mu.Lock()
	var found hveAccount
	h := s.l.dir.hveAccount(user)
	if h != nil {
		found = *h
	}
	s.l.dir.mu.Unlock()
	switch {
	case h != nil:
		return found, true
	case s.l.dir.mailbox(user) != nil:
		s.refused(mech, user, hveNoAccount)
	default:
		s.refused(mech, user, unsuccessful)
	}
	return found, false
}

// volumePassword decides about a password: an authentication policy must allow
// it. The organisation's switch of SMTP AUTH is not asked (Microsoft, "Manage
// high volume emails for Microsoft 365").
func (s *session) volumePassword(user, password string) {
	h, ok := s.volumeAccount("LOGIN", user)
	switch {
	case !ok:
	case !s.l.dir.basicAllowed(&h.account):
		s.refused("LOGIN", user, hveBasicOff)
	case !same(password, h.password):
		s.refused("LOGIN", user, unsuccessful)
	default:
		s.signIn("LOGIN", h.address, h.address)
	}
}

// basicAllowed tells whether an authentication policy that is in effect for an
// account allows Basic for SMTP.
func (d *directory) basicAllowed(a *account) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.policies.find(a.policy)
	if p == nil {
		p = d.policies.find(d.defaultPolicy)
	}
	return p != nil && p["AllowBasicAuthSmtp"] == "True"
}

// volumeToken decides about a token: for Exchange Online, with Mail.Send, of an
// app that the account allows (Add-HVEAppAccess).
func (s *session) volumeToken(user, token string) {
	h, ok := s.volumeAccount("XOAUTH2", user)
	if !ok {
		return
	}
	claims, err := s.l.bearer(token, "https://outlook.office365.com", "https://outlook.office.com")
	left := time.Unix(claims.Expires, 0).Sub(s.l.now())
	permitted, app := slices.Contains(claims.Roles, "Mail.Send"), claims.Object
	if claims.User != "" { // a user's token: the account's own
		e, _ := s.l.enterprise(claims.App)
		permitted, app = slices.Contains(strings.Fields(claims.Scopes), "Mail.Send") && strings.EqualFold(claims.User, h.address), e.ID
	}
	switch {
	case err != nil && claims.Expires > 0 && left <= 0:
		s.refused("XOAUTH2", user, hveExpired)
	case err != nil:
		s.refused("XOAUTH2", user, unsuccessful)
	case left < hveMargin:
		s.refused("XOAUTH2", user, hveEnding)
	case !permitted:
		s.refused("XOAUTH2", user, hveNoRole)
	case !slices.ContainsFunc(h.apps, func(id string) bool { return strings.EqualFold(id, app) }):
		s.refused("XOAUTH2", user, hveNoApp)
	default:
		s.signIn("XOAUTH2", h.address, h.address)
	}
}

func (s *session) volumeSender(from string) string {
	if !strings.EqualFold(from, s.account) {
		return hveEnvelope
	}
	return ""
}

func (s *session) volumeRecipient(to string) string {
	if !s.l.dir.accepted(to) {
		return hveOutside
	}
	return ""
}

// volumeMessage takes a message with the account in its From field.
func (s *session) volumeMessage(m received) {
	headers := parseHead(m.raw)
	if !strings.EqualFold(headerFrom(headers), s.account) {
		s.no(hveAuthor)
		return
	}
	id := s.l.post(posted{
		service: s.svc.name, from: s.from, to: s.to, head: headers, size: m.size, peer: s.peer(), trace: s.submitted("06"),
	})
	s.say("250 2.0.0 OK " + id + " [Hostname=" + hub + "]")
}
