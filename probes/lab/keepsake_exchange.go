package lab

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// exchangeKeepsake is Exchange's side of a keepsake: all that a script can set,
// and when each right was made. The domains and the group never change.
type exchangeKeepsake struct {
	BillingPolicy    string               `json:"billing_policy"`
	Mailboxes        []mailboxKeepsake    `json:"mailboxes"`
	Volume           []volumeKeepsake     `json:"high_volume_email,omitempty"`
	Principals       []principalKeepsake  `json:"service_principals,omitempty"`
	SMTPAuthOff      bool                 `json:"smtp_auth_off"`
	LegacyTLS        bool                 `json:"legacy_tls"`
	RejectDirectSend bool                 `json:"reject_direct_send"`
	SendFromAlias    bool                 `json:"send_from_alias"`
	DefaultPolicy    string               `json:"default_policy,omitempty"`
	Policies         store                `json:"authentication_policies,omitempty"`
	Scopes           store                `json:"management_scopes,omitempty"`
	Assignments      store                `json:"role_assignments,omitempty"`
	Connectors       store                `json:"inbound_connectors,omitempty"`
	Premises         store                `json:"receive_connectors,omitempty"`
	PremisesRights   store                `json:"receive_connector_rights,omitempty"`
	Made             map[string]time.Time `json:"made,omitempty"` // when a right was made
}

// accountKeepsake is an account without its password.
type accountKeepsake struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Address string `json:"address"`
	Policy  string `json:"policy,omitempty"`
}

type mailboxKeepsake struct {
	accountKeepsake
	Shared      bool            `json:"shared,omitempty"`
	SMTPAuthOff *bool           `json:"smtp_auth_off,omitempty"`
	Rights      []rightKeepsake `json:"rights,omitempty"`
	SendAs      []string        `json:"send_as,omitempty"`
}

type rightKeepsake struct {
	User   string `json:"user"`
	Access string `json:"access"`
}

type volumeKeepsake struct {
	accountKeepsake
	Billing string   `json:"billing,omitempty"`
	Apps    []string `json:"apps,omitempty"`
}

type principalKeepsake struct {
	App    string `json:"app"`
	Object string `json:"object"`
	Name   string `json:"name,omitempty"`
}

func (a account) keepsake() accountKeepsake {
	return accountKeepsake{a.id, a.name, a.address, a.policy}
}

// account is one with a new password.
func (k accountKeepsake) account() account {
	return account{id: k.ID, name: k.Name, address: k.Address, policy: k.Policy, password: randomText(12)}
}

func (d *directory) keepsake() exchangeKeepsake {
	boxes := d.boxes()
	d.mu.Lock()
	defer d.mu.Unlock()
	k := exchangeKeepsake{
		BillingPolicy: d.billingPolicy, SMTPAuthOff: d.smtpAuthOff, LegacyTLS: d.legacyTLS, RejectDirectSend: d.rejectDirectSend,
		SendFromAlias: d.sendFromAlias, DefaultPolicy: d.defaultPolicy, Policies: d.policies.copied(), Scopes: d.scopes.copied(),
		Assignments: d.assignments.copied(), Connectors: d.connectors.copied(), Premises: d.premises.connectors.copied(),
		PremisesRights: d.premises.rights.copied(), Made: maps.Clone(d.fresh),
	}
	for _, m := range boxes {
		kept := mailboxKeepsake{accountKeepsake: m.keepsake(), Shared: m.shared, SMTPAuthOff: m.smtpAuthOff, SendAs: slices.Clone(m.sendAs)}
		for _, r := range m.rights {
			kept.Rights = append(kept.Rights, rightKeepsake{r.user, r.access})
		}
		k.Mailboxes = append(k.Mailboxes, kept)
	}
	for _, h := range d.hve {
		k.Volume = append(k.Volume, volumeKeepsake{h.keepsake(), h.billing, slices.Clone(h.apps)})
	}
	for _, p := range d.principals {
		k.Principals = append(k.Principals, principalKeepsake{p.appID, p.objectID, p.name})
	}
	return k
}

// copied are the objects as they are now.
func (s store) copied() store {
	var all store
	for _, o := range s {
		all = append(all, maps.Clone(o))
	}
	return all
}

// restore makes Exchange what it was. It is called before anybody asks.
func (d *directory) restore(k exchangeKeepsake) {
	d.billingPolicy, d.smtpAuthOff, d.legacyTLS = k.BillingPolicy, k.SMTPAuthOff, k.LegacyTLS
	d.rejectDirectSend, d.sendFromAlias, d.defaultPolicy = k.RejectDirectSend, k.SendFromAlias, k.DefaultPolicy
	d.policies, d.scopes, d.assignments, d.connectors = k.Policies, k.Scopes, k.Assignments, k.Connectors
	d.premises, d.fresh = premises{connectors: k.Premises, rights: k.PremisesRights}, k.Made
	d.mailboxes = nil
	for _, kept := range k.Mailboxes {
		m := newMailbox(kept.Address, kept.Name)
		m.account, m.shared, m.smtpAuthOff, m.sendAs = kept.account(), kept.Shared, kept.SMTPAuthOff, kept.SendAs
		for _, r := range kept.Rights {
			m.rights = append(m.rights, right{r.User, r.Access})
		}
		d.addMailbox(m)
	}
	for _, kept := range k.Volume {
		d.hve = append(d.hve, &hveAccount{kept.account(), kept.Billing, kept.Apps})
	}
	for _, p := range k.Principals {
		d.principals = append(d.principals, principal{p.App, p.Object, p.Name})
	}
}

// mailKeepsake is the mail that is kept with a tenant: the newest messages with
// a head that is not large, what the trace says of the newest, and the log of
// sign-ins.
type mailKeepsake struct {
	Letters []letterKeepsake `json:"letters,omitempty"`
	Traces  []traceKeepsake  `json:"traces,omitempty"`
	SignIns []signInKeepsake `json:"sign_ins"`
}

// The bounds of the mail that is kept.
const (
	keptLetters = 100
	keptTraces  = 500
	keptHead    = 16 << 10 // bytes
)

type letterKeepsake struct {
	Mailbox   string      `json:"mailbox"`
	Folder    string      `json:"folder"`
	ID        string      `json:"id"`
	MessageID string      `json:"message_id"`
	Subject   string      `json:"subject"`
	Received  time.Time   `json:"received"`
	Head      [][2]string `json:"head"`
}

type traceKeepsake struct {
	ID        string      `json:"id"`
	MessageID string      `json:"message_id"`
	Subject   string      `json:"subject"`
	From      string      `json:"from"`
	To        string      `json:"to"`
	Peer      string      `json:"peer"`
	Next      string      `json:"next,omitempty"`
	Status    string      `json:"status"`
	Size      int         `json:"size"`
	Taken     time.Time   `json:"taken"`
	Arrives   time.Time   `json:"arrives"`
	Connector string      `json:"connector,omitempty"`
	Events    [][2]string `json:"events"`
}

type signInKeepsake struct {
	ID        string    `json:"id"`
	User      string    `json:"user"`
	Peer      string    `json:"peer"`
	ClientApp string    `json:"client_app"`
	At        time.Time `json:"at"`
	ErrorCode int       `json:"error_code"`
}

func (d *directory) keptMail() mailKeepsake {
	boxes := d.boxes()
	d.mu.Lock()
	defer d.mu.Unlock()
	var k mailKeepsake
	for _, m := range boxes {
		for _, f := range m.folders() {
			for _, msg := range f.messages[max(0, len(f.messages)-keptLetters):] {
				if letter, small := msg.keepsake(m.address, f.name); small {
					k.Letters = append(k.Letters, letter)
				}
			}
		}
	}
	slices.SortStableFunc(k.Letters, func(a, b letterKeepsake) int {
		return cmp.Or(a.Received.Compare(b.Received), strings.Compare(a.Mailbox, b.Mailbox))
	})
	k.Letters = k.Letters[max(0, len(k.Letters)-keptLetters):]
	for _, t := range d.traces[max(0, len(d.traces)-keptTraces):] {
		row := traceKeepsake{t.id, t.messageID, t.subject, t.from, t.to, t.peer, t.next, t.status, t.size, t.taken, t.arrives, t.connector, nil}
		for _, e := range t.events {
			row.Events = append(row.Events, [2]string{e.name, e.description})
		}
		k.Traces = append(k.Traces, row)
	}
	for _, s := range d.signedIn {
		k.SignIns = append(k.SignIns, signInKeepsake{s.id, s.user, s.peer, s.clientApp, s.at, s.errorCode})
	}
	return k
}

// keepsake is a message as it is kept; small tells whether it is.
func (m message) keepsake(address, folder string) (k letterKeepsake, small bool) {
	k = letterKeepsake{address, folder, m.id, m.messageID, m.subject, m.received, nil}
	size := len(m.subject)
	for _, h := range m.headers {
		k.Head = append(k.Head, [2]string{h.name, h.value})
		size += len(h.name) + len(h.value)
	}
	return k, size <= keptHead
}

// restoreMail puts the mail back where it lay.
func (d *directory) restoreMail(k mailKeepsake) {
	for _, letter := range k.Letters {
		m := d.mailbox(letter.Mailbox)
		if m == nil {
			continue
		}
		i := slices.IndexFunc(m.folders(), func(f *folder) bool { return f.name == letter.Folder })
		if i < 0 {
			continue
		}
		msg := message{id: letter.ID, messageID: letter.MessageID, subject: letter.Subject, received: letter.Received}
		for _, h := range letter.Head {
			msg.headers = append(msg.headers, header{h[0], h[1]})
		}
		d.put(m.folders()[i], msg)
	}
	for _, t := range k.Traces {
		row := &traced{t.ID, t.MessageID, t.Subject, t.From, t.To, t.Peer, t.Next, or(t.Status, "delivered"), t.Size, t.Taken, t.Arrives, t.Connector, nil}
		for _, e := range t.Events {
			row.events = append(row.events, event{e[0], e[1]})
		}
		d.traces = append(d.traces, row)
	}
	d.signedIn = nil
	for _, s := range k.SignIns {
		d.signedIn = append(d.signedIn, loggedSignIn{s.ID, s.User, s.Peer, s.ClientApp, s.At, s.ErrorCode})
	}
}
