package lab

import "strings"

// The third-party service: its domain, and the account of the lab's tenant.
const (
	providerHost = "provider.example"
	providerUser = "contoso"
)

// provider is a third-party SMTP service. It stands for those of the catalogue,
// whose replies are their own: these are the general ones of RFC 4954.
func provider() service {
	return service{
		name: providerService, host: "smtp." + providerHost, names: []string{
			"smtp." + providerHost, "smtp-relay.brevo.com", "in-v3.mailjet.com", "smtp.sendgrid.net", "mail.smtp2go.com", "smtp.postmarkapp.com",
			"email-smtp.eu-west-1.amazonaws.com",
		},
		banner: "ESMTP ready", most: 100, size: 20 << 20, extensions: []string{"8BITMIME"}, mechanisms: []string{"PLAIN", "LOGIN"}, unsigned: "530 5.7.0 Authentication required",
		password: (*session).providerKey, from: anyAddress, to: anyAddress, take: (*session).providerMessage,
	}
}

// providerKey takes the key with the account, with "apikey", and twice: as the
// services of the catalogue do.
func (s *session) providerKey(user, password string) {
	key := s.l.providerKey
	if !same(password, key) || user != providerUser && user != "apikey" && !same(user, key) {
		s.refused("LOGIN", "", "535 5.7.8 Authentication credentials invalid")
		return
	}
	s.signIn("LOGIN", providerUser, providerUser)
}

// providerMessage sends a message on from the provider's addresses. It is
// signed for the sender's domain once the domain has the provider's key.
func (s *session) providerMessage(m received) {
	headers := parseHead(m.raw)
	_, domain, _ := strings.Cut(headerFrom(headers), "@")
	signed := ""
	if s.l.txt("provider._domainkey."+domain, "v=DKIM1") != "" {
		signed = domain
	}
	s.hand(onward{head: headers, size: m.size, from: providerAddress, hello: "out." + providerHost, signed: signed})
}
