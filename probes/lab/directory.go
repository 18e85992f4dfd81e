package lab

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// directory is what the tenant knows: Exchange's mailboxes, service principals
// and switches. The lists of mailboxes and domains never change; what is in
// them is guarded by mu.
type directory struct {
	tenantID  string
	domains   []string
	mailboxes []*mailbox

	mu sync.Mutex
	// principals are Exchange's own, made by New-ServicePrincipal.
	principals []principal
	// smtpAuthOff is the organisation's switch, true by default in
	// organisations made after January 2020 (Set-TransportConfig).
	smtpAuthOff bool
}

// mailbox is one mailbox. A nil smtpAuthOff follows the organisation.
type mailbox struct {
	id, address, password string

	smtpAuthOff *bool
	rights      []right
	inbox       *folder
}

// folder holds messages, the newest last.
type folder struct {
	id, name string
	messages []message
}

// right is what a principal may do with a mailbox.
type right struct{ user, access string }

// principal is a service principal of Exchange.
type principal struct{ appID, objectID, name string }

// message is a delivered message. Only its head is kept: nothing reads more.
type message struct {
	id, messageID, subject string
	received               time.Time
	headers                []header
}

// keptMessages bounds a mailbox; the oldest go first.
const keptMessages = 1000

// newDirectory is a tenant where one device signs in with a password today.
func newDirectory() *directory {
	on := false
	d := &directory{
		tenantID: newID(), domains: []string{"contoso.example"}, smtpAuthOff: true,
	}
	for _, m := range []mailbox{
		{address: "scan@contoso.example", smtpAuthOff: &on},
		{address: "accounting@contoso.example"},
		{address: "it@contoso.example"},
	} {
		m.id, m.password = newID(), randomText(12)
		m.inbox = &folder{id: "AQMkAD" + randomText(24), name: "Inbox"}
		d.mailboxes = append(d.mailboxes, &m)
	}
	return d
}

// mailbox finds one by address or id.
func (d *directory) mailbox(name string) *mailbox {
	for _, m := range d.mailboxes {
		if strings.EqualFold(m.address, name) || strings.EqualFold(m.id, name) {
			return m
		}
	}
	return nil
}

// accepted tells whether an address is in a domain of the tenant.
func (d *directory) accepted(address string) bool {
	_, domain, _ := strings.Cut(address, "@")
	return slices.ContainsFunc(d.domains, func(s string) bool { return strings.EqualFold(s, domain) })
}

// principal finds a service principal by any of its names. mu is held.
func (d *directory) principal(name string) (principal, bool) {
	i := slices.IndexFunc(d.principals, func(p principal) bool {
		return name != "" && (strings.EqualFold(p.appID, name) || strings.EqualFold(p.objectID, name) || strings.EqualFold(p.name, name))
	})
	if i < 0 {
		return principal{}, false
	}
	return d.principals[i], true
}

// smtpAuth tells whether SMTP AUTH is on for a mailbox, and whose switch said
// so: the mailbox's value wins (Set-CASMailbox).
func (d *directory) smtpAuth(m *mailbox) (on bool, level string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m.smtpAuthOff != nil {
		return !*m.smtpAuthOff, "Mailbox"
	}
	return !d.smtpAuthOff, "Tenant"
}

// maySend tells whether Exchange lets the bearer of a token act for a mailbox:
// a service principal made with the object id that the token carries, and
// FullAccess given to it.
func (d *directory) maySend(b bearer, m *mailbox) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.principals {
		if strings.EqualFold(p.appID, b.App) && strings.EqualFold(p.objectID, b.Object) {
			return slices.Contains(m.rights, right{p.objectID, "FullAccess"})
		}
	}
	return false
}

// deliver puts a message into a mailbox's Inbox.
func (d *directory) deliver(m *mailbox, msg message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m.inbox.messages = append(m.inbox.messages, msg)
	if n := len(m.inbox.messages) - keptMessages; n > 0 {
		m.inbox.messages = slices.Delete(m.inbox.messages, 0, n)
	}
}

// messages are those of a mailbox's Inbox now.
func (d *directory) messages(m *mailbox) []message {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(m.inbox.messages)
}
