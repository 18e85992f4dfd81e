package lab

import (
	"context"
	"net"
	"slices"
	"strconv"
)

// The names of the services, as Endpoint takes them.
const (
	submissionService = "submission" // smtp.office365.com
	legacyService     = "legacy"     // smtp-legacy.office365.com
	hveService        = "hve"        // smtp.hve.mx.microsoft
	mxService         = "mx"         // the tenant's MX host
	acsService        = "acs"        // smtp.azurecomm.net
	relayService      = "relay"      // a local relay in the office
	providerService   = "provider"   // a third-party SMTP service
)

// service is one of the lab's SMTP servers: what it offers, and what it
// decides. The table of services is all there is; the dialogue is the same for
// each.
type service struct {
	name       string   // as Endpoint takes it
	host       string   // what it calls itself
	names      []string // by which clients know it, in the lab's DNS
	banner     string   // after the host in the greeting
	bracket    bool     // its refusals end in Microsoft's bracket
	most       int      // recipients of a message
	size       int      // of a message, in bytes
	extensions []string // of EHLO, beside SIZE, STARTTLS and AUTH
	mechanisms []string // of AUTH; nil is no AUTH
	clear      bool     // takes AUTH and mail without TLS
	open       bool     // takes mail without AUTH

	unsigned string // what it says to mail from somebody who has not signed in
	badToken string // what it says to a malformed answer to XOAUTH2; "" is "535 5.7.3"

	// oldTLS is what it says to TLS 1.0 and 1.1; "" takes them. nil lets the
	// handshake fail.
	oldTLS func(*Lab) string
	// password and token decide about a sign-in, and say so.
	password, token func(s *session, user, secret string)
	// from and to say why they refuse an address; "" takes it.
	from, to func(s *session, address string) string
	// take decides about a whole message, and says so.
	take func(s *session, m received)
}

// The names of the hosts that are Exchange Online's: the front end of client
// submission, and the mailbox server behind it.
const (
	frontend = "AM0PR10CA0001.EURPRD10.PROD.OUTLOOK.COM"
	hub      = "AM0PR10MB0001.EURPRD10.PROD.OUTLOOK.COM"
)

// received is a message as it came in by SMTP. Of a large one only the head is
// kept.
type received struct {
	raw  []byte
	size int
}

// services is the table of SMTP servers.
func services() []service {
	return []service{submission(), legacy(), hve(), mx(), acs(), relay(), provider()}
}

// Endpoint is where a service listens: "submission" (client submission),
// "legacy" (its endpoint for TLS 1.0 and 1.1), "hve" (High Volume Email), "mx"
// (the tenant's MX host: connectors and Direct Send), "acs" (Azure
// Communication Services), "relay" (a relay in the office) or "provider" (a
// third-party service). An unknown name gives "" and 0.
func (l *Lab) Endpoint(name string) (host string, port int) {
	ln, ok := l.listeners[name]
	if !ok {
		return "", 0
	}
	host, text, _ := net.SplitHostPort(ln.Addr().String())
	port, _ = strconv.Atoi(text) // a listener's own port is a number
	return host, port
}

// Services are the names that Endpoint knows, and Options.Addresses.
func Services() []string {
	var names []string
	for _, s := range services() {
		names = append(names, s.name)
	}
	return names
}

// Login is what a client signs in with at a service, for those where that is
// not an account of the tenant: "acs", "relay" and "provider". For the others
// both are "": see Password.
//
// The user of ACS is "<resource>|<app id>|<tenant id>" with the app's secret
// as password (Microsoft, "Create credentials for Simple Mail Transfer
// Protocol (SMTP) authentication"). A provider takes its key in each of the
// ways in use: an account with the key, "apikey" with the key, and the key
// twice.
func (l *Lab) Login(name string) (user, password string) {
	switch name {
	case acsService:
		return acsResource + "|" + l.app.ClientID + "|" + l.dir.tenantID, l.app.Secret
	case relayService:
		return relayUser, l.relayPassword
	case providerService:
		return providerUser, l.providerKey
	}
	return "", ""
}

// PublicAddress is the address that the tenant sees when a client on loopback
// connects, as if the office were behind it: "203.0.113.10" (RFC 5737) from
// the start. A client on another address of loopback, 127.0.0.2, is seen as
// what it is.
func (l *Lab) PublicAddress() string { return l.public.Load().(string) }

// SetPublicAddress changes it, as a provider of Internet access does overnight.
func (l *Lab) SetPublicAddress(address string) { l.public.Store(address) }

// officeAddress is the public address from the start.
const officeAddress = "203.0.113.10"

// seen is the address of a client as the tenant sees it.
func (l *Lab) seen(host string) string {
	if host == "127.0.0.1" || host == "::1" {
		return l.PublicAddress()
	}
	return host
}

// listenServices opens one listener for each service, or none.
func (l *Lab) listenServices(ctx context.Context, o Options) error {
	l.listeners = map[string]net.Listener{}
	for _, s := range services() {
		addr := o.Addresses[s.name]
		if s.name == submissionService {
			addr = or(o.SubmissionAddr, addr)
		}
		ln, err := listenLoopback(ctx, addr)
		if err != nil {
			return err
		}
		l.listeners[s.name] = ln
	}
	return nil
}

// serviceNames are the names by which clients know the services.
func serviceNames() []string {
	var names []string
	for _, s := range services() {
		names = append(names, s.names...)
	}
	return slices.Compact(names)
}
