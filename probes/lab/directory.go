package lab

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// directory is what the tenant knows: Exchange's mailboxes, service
// principals, policies and switches, and the connectors of the server on the
// premises. Domains and groups never change. What is in a mailbox, and
// everything below mu, is guarded by mu; the list of mailboxes by list.
type directory struct {
	tenantID      string
	domains       []string
	groups        []group
	billingPolicy string // GUID

	list      sync.RWMutex
	mailboxes []*mailbox

	mu sync.Mutex
	// principals are Exchange's own, made by New-ServicePrincipal.
	principals []principal
	// smtpAuthOff is the organisation's switch, true by default in
	// organisations made after January 2020 (Set-TransportConfig).
	smtpAuthOff bool
	legacyTLS   bool

	rejectDirectSend, sendFromAlias bool
	defaultPolicy                   string // name of the authentication policy; "" is none

	policies, scopes, assignments, connectors store
	hve                                       []*hveAccount
	premises                                  premises

	// fresh is when a right was made; counts tells whether it counts already.
	fresh  map[string]time.Time
	counts func(right string) bool

	traces   []*traced
	signedIn []loggedSignIn // Entra's log, the newest last
	departed []Departure
	arrivals []Arrival
	sessions map[string]int         // SMTP sessions by the account that is signed in
	sent     map[string][]time.Time // by account, one for each message of the last minute
	spent    map[string][]spending  // by account, of the last day
}

// account is what somebody, or a device, signs in with. policy is the
// distinguished name of its authentication policy; "" is none of its own.
type account struct {
	id, name, address, password string

	policy string
}

// mailbox is one mailbox. A nil smtpAuthOff follows the organisation.
type mailbox struct {
	account
	shared bool

	smtpAuthOff *bool
	rights      []right
	sendAs      []string // who may send as its address, as grantee names them
	inbox       *folder
	junk, kept  *folder // Junk Email and Sent Items
}

// group is a distribution group; members are addresses. A member without a
// mailbox is a contact.
type group struct {
	name, address string
	members       []string
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
	in                     *folder
}

// keptMessages bounds a mailbox; the oldest go first.
const keptMessages = 1000

// newDirectory is a tenant where one device signs in with a password today.
func newDirectory() *directory {
	on := false
	d := &directory{
		tenantID: newID(), domains: []string{"contoso.example"}, smtpAuthOff: true, billingPolicy: newID(),
		premises: newPremises(),
	}
	for _, address := range []string{"scan@contoso.example", "accounting@contoso.example", "it@contoso.example"} {
		d.addMailbox(newMailbox(address, localPart(address)))
	}
	d.mailboxes[0].smtpAuthOff = &on
	d.groups = []group{{
		name: "Devices", address: "devices@contoso.example",
		members: []string{"scan@contoso.example", "accounting@contoso.example", "support@example.org"},
	}}
	return d
}

func newMailbox(address, name string) *mailbox {
	return &mailbox{
		account: account{id: newID(), name: name, address: address, password: randomText(12)},
		inbox:   newFolder("Inbox"), junk: newFolder("Junk Email"), kept: newFolder("Sent Items"),
	}
}

// localPart is what stands before the @ of an address.
func localPart(address string) string {
	local, _, _ := strings.Cut(address, "@")
	return local
}

func (d *directory) addMailbox(m *mailbox) {
	d.list.Lock()
	defer d.list.Unlock()
	d.mailboxes = append(slices.Clip(d.mailboxes), m)
}

func (d *directory) removeMailbox(m *mailbox) {
	d.list.Lock()
	defer d.list.Unlock()
	d.mailboxes = slices.DeleteFunc(slices.Clone(d.mailboxes), func(o *mailbox) bool { return o == m })
}

// boxes are the mailboxes now.
func (d *directory) boxes() []*mailbox {
	d.list.RLock()
	defer d.list.RUnlock()
	return d.mailboxes
}

// mailbox finds one by address, id or distinguished name.
func (d *directory) mailbox(name string) *mailbox {
	for _, m := range d.boxes() {
		if strings.EqualFold(m.address, name) || strings.EqualFold(m.id, name) || strings.EqualFold(d.dn(m.name), name) {
			return m
		}
	}
	return nil
}

// dn is the distinguished name of an object of the organisation.
func (d *directory) dn(name string) string {
	return "CN=" + name + ",OU=" + d.domains[0] + ",OU=Microsoft Exchange Hosted Organizations,DC=EURPR10A001,DC=PROD,DC=OUTLOOK,DC=COM"
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

// basicBlocked tells whether an authentication policy blocks Basic for an
// account: its own, else the organisation's default. A policy covers Basic
// alone, and blocks it unless AllowBasicAuthSmtp is set
// (New-AuthenticationPolicy).
func (d *directory) basicBlocked(a *account) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.policies.find(a.policy)
	if p == nil { // none, or one that was removed
		p = d.policies.find(d.defaultPolicy)
	}
	return p != nil && p["AllowBasicAuthSmtp"] != "True"
}

// maySend tells whether Exchange lets the bearer of a token act for a mailbox,
// and as whom: a service principal made with the object id that the token
// carries, which has either FullAccess on the mailbox, with SMTP.SendAsApp in
// the token, or an assignment of the role with the mailbox in its scope. With
// the claim Exchange looks at the mailbox's rights as well (Microsoft, "SMTP
// Onboarding to App RBAC Overview").
func (d *directory) maySend(b bearer, m *mailbox) (as string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.principals {
		if strings.EqualFold(p.appID, b.App) && strings.EqualFold(p.objectID, b.Object) {
			granted := slices.Contains(b.Roles, "SMTP.SendAsApp") && slices.Contains(m.rights, right{p.objectID, "FullAccess"}) && d.counts(mailboxRight(p.objectID, m))
			assigned := d.assigned(p, m) && d.counts(roleRight(p))
			return p.objectID, (granted || assigned) && d.counts(principalRight(p.objectID))
		}
	}
	return "", false
}

// maySendAs tells whether somebody may send as an address that is not the
// mailbox's own (Add-RecipientPermission).
func (d *directory) maySendAs(who, address string) bool {
	m := d.mailbox(address)
	if m == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(m.sendAs, who)
}
