package lab

import (
	"strings"

	"offbasic/probes"
)

// acsResource is the name of the Communication Services resource.
const acsResource = "contoso-mail"

// The limits of Azure Communication Services for a domain of one's own
// (Microsoft, "Service limits for Azure Communication Services").
const (
	acsRecipients = 50
	acsSize       = 10 << 20
)

// The refusals of ACS are not documented: these are the general ones of RFC
// 4954 section 6 and RFC 5321.
const (
	acsRefused = "535 5.7.3 Authentication unsuccessful"
	acsSender  = "550 5.7.60 SMTP; Client does not have permissions to send as this sender"
)

// acs is Email of Azure Communication Services: a user name and a password for
// the device, which are an app and its secret.
func acs() service {
	return service{
		name: acsService, host: "ACS0PR01.azurecomm.net", names: []string{"smtp.azurecomm.net"}, banner: "ESMTP ready", bracket: true,
		most: acsRecipients, size: acsSize, extensions: []string{"8BITMIME"}, mechanisms: []string{"LOGIN", "PLAIN"}, unsigned: "530 5.7.0 Authentication required",
		password: (*session).acsPassword, from: (*session).linkedDomain, to: anyAddress, take: (*session).acsMessage,
	}
}

// acsPassword takes "<resource>|<app id>|<tenant id>" with a secret of the app.
func (s *session) acsPassword(user, password string) {
	parts := strings.Split(user, "|")
	if len(parts) != 3 || !strings.EqualFold(parts[0], acsResource) || !strings.EqualFold(parts[2], s.l.dir.tenantID) ||
		!strings.EqualFold(parts[1], s.l.app.ClientID) || !same(password, s.l.app.Secret) {
		s.refused("LOGIN", "", acsRefused)
		return
	}
	s.signIn("LOGIN", acsResource, acsResource)
}

// linkedDomain takes senders of the domains that are linked to the resource:
// the tenant's.
func (s *session) linkedDomain(from string) string {
	if !s.l.dir.accepted(from) {
		return acsSender
	}
	return ""
}

// acsMessage sends a message on, signed for the sender's domain, from
// Microsoft's addresses.
func (s *session) acsMessage(m received) {
	headers := parseHead(m.raw)
	author := headerFrom(headers)
	if reply := s.linkedDomain(author); reply != "" {
		s.no(reply)
		return
	}
	_, domain, _ := strings.Cut(author, "@")
	s.hand(onward{head: headers, size: m.size, from: microsoftHost, hello: "mail.azurecomm.net", signed: domain})
}

// onward is a message that a service which is not Exchange Online sends on:
// from an address, with a name, signed for a domain.
type onward struct {
	head        []header
	size        int
	from, hello string
	signed      string
	smart       bool // everything goes through the tenant's MX host, mail to the outside as well
}

// hand takes a message and sends it to where its recipients are: to those of
// the tenant through its MX host, which may return it, and to others outside.
func (s *session) hand(m onward) {
	id := find(m.head, "Message-ID")
	if id == "" {
		id = "<" + newID() + "@" + s.svc.host + ">"
		m.head = append(m.head, header{"Message-ID", id})
	}
	id = probes.Clean(id, 300)
	own := header{"Received", "from " + s.client() + " by " + s.svc.host + " with " + s.protocol() + "; " + s.date()}
	var inside []string
	for _, to := range s.to {
		if !s.l.dir.accepted(to) && !m.smart {
			s.l.dir.depart(Departure{s.svc.name, s.from, to, id, s.l.now()})
			s.l.log(s.svc.name + ": " + probes.Clean(to, 200) + " is outside: " + id)
			continue
		}
		if reply := s.l.admission(m.from, s.from, to, nil); reply != "" {
			s.l.log(s.svc.name + ": returned to the sender: " + reply)
			continue
		}
		inside = append(inside, to)
	}
	if len(inside) > 0 {
		reply := s.l.comeIn(incoming{
			service: s.svc.name, hello: m.hello, peer: m.from, from: s.from, to: inside, head: m.head, size: m.size, signed: m.signed,
			hops: []header{own},
		})
		if reply != "" {
			s.l.log(s.svc.name + ": returned to the sender: " + reply)
		}
	}
	s.say("250 2.0.0 OK " + id)
}

// protocol is what the service writes after "with" (RFC 3848).
func (s *session) protocol() string {
	p := "ESMTP"
	if s.tls != nil {
		p += "S"
	}
	if s.account != "" {
		p += "A"
	}
	return p
}

func (s *session) date() string { return s.l.now().UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700") }
