package lab

// relayUser is the account of the relay in the office.
const relayUser = "relay"

// relayHost is what the relay calls itself.
const relayHost = "relay.contoso.example"

// relay is a mail server in the office that takes what devices give it, with or
// without TLS and with or without a password, and sends it on: everything
// through the tenant's MX host, from the office's address. What that host does
// not take goes back to the sender, after the device has heard that all is
// well: such is a relay.
func relay() service {
	return service{
		name: relayService, host: relayHost, names: []string{relayHost}, banner: "ESMTP ready",
		most: 1000, size: 50 << 20, extensions: []string{"8BITMIME", "SMTPUTF8"}, mechanisms: []string{"PLAIN", "LOGIN"}, clear: true, open: true,
		oldTLS:   func(*Lab) string { return "" },
		password: (*session).relayPassword, from: anyAddress, to: anyAddress, take: (*session).relayMessage,
	}
}

func (s *session) relayPassword(user, password string) {
	if user != relayUser || !same(password, s.l.relayPassword) {
		s.refused("LOGIN", user, "535 5.7.8 Error: authentication failed")
		return
	}
	s.signIn("LOGIN", relayUser, relayUser)
}

// relayMessage sends a message on through the MX host, whoever it is for.
func (s *session) relayMessage(m received) {
	headers := parseHead(m.raw)
	s.hand(onward{head: headers, size: m.size, from: s.l.PublicAddress(), hello: relayHost, smart: true})
}
