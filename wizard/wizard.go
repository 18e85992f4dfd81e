// Package wizard is the migration: what is known of the tenant and its
// senders, the route chosen for each, what is set up and proved, and the next
// useful thing to do. It is pure: it reads no file, opens no socket, knows no
// clock and no screen. Package folder keeps it on disk.
package wizard

import (
	"slices"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

// Version of the migration's form on disk. A newer one is refused.
const Version = 1

// Migration is the whole job for one tenant.
type Migration struct {
	Version int       `json:"version"`
	Updated time.Time `json:"updated,omitzero"`
	// Lab says that the tenant is the built-in one.
	Lab bool `json:"lab,omitempty"`
	// Capturing is set while a capture runs. Found set at the start, it says
	// that one was cut off and the senders are to be seen again.
	Capturing bool `json:"capturing,omitempty"`

	Tenant Tenant        `json:"tenant,omitzero"`
	App    *Registration `json:"app,omitempty"`
	// Registering is a registration that is not complete: what an interrupted
	// run had made of it.
	Registering *Registration `json:"registering,omitempty"`
	// Directory is what Graph last said of the tenant; nil means that it was
	// not asked.
	Directory *checks.GraphFacts `json:"directory,omitempty"`
	Senders   []Sender           `json:"senders,omitempty"`
	// Imports are the files that were taken up, and Columns what the columns of
	// tables were said to hold, by their headings.
	Imports []Import                     `json:"imports,omitempty"`
	Columns map[string]map[string]string `json:"columns,omitempty"`
	// Told is what was entered for the scripts about no sender.
	Told Told `json:"told,omitempty"`
}

// Tenant is what is known of the Microsoft 365 tenant.
type Tenant struct {
	ID      string   `json:"id,omitempty"`      // GUID
	Domain  string   `json:"domain,omitempty"`  // the name it is shown by
	Domains []string `json:"domains,omitempty"` // accepted domains; empty means not known
	Cloud   string   `json:"cloud,omitempty"`   // id in the cloud table; "" means worldwide
}

// Credential is what the app proves itself with.
type Credential string

// The credentials of an app registration.
const (
	Secret      Credential = "secret"
	Certificate Credential = "certificate"
)

// Registration is the app registration in Entra. The secret or private key is
// never part of it: it lies in the system's keyring or in memory.
type Registration struct {
	Name       string     `json:"name,omitempty"`
	ClientID   string     `json:"client_id"` // application (client) id
	ObjectID   string     `json:"object_id"` // of the enterprise application, not of the registration
	Credential Credential `json:"credential"`
	// Rights is the model of rights that was chosen; "" is MailboxRights where
	// nothing else is found. An app has one.
	Rights RightsModel `json:"rights,omitempty"`
	// Group and Outside belong to RoleRights: whose members the app may send
	// as, and a mailbox that is none of them.
	Group   string `json:"group,omitempty"`
	Outside string `json:"outside,omitempty"`
	// Negative is the last test send as the mailbox outside: the other half of
	// the proof.
	Negative *Attempt `json:"negative,omitempty"`
	// CertFile is where the admin keeps the certificate and key (PEM); only
	// its path is remembered.
	CertFile string `json:"cert_file,omitempty"`
	// RegistrationID is the object id of the app registration, which Graph goes
	// by and Exchange does not.
	RegistrationID string `json:"registration_id,omitempty"`
	// Began is when it was asked for: the answer may have been lost.
	Began time.Time `json:"began,omitzero"`
	// PrincipalMade is when this program made the enterprise application;
	// Exchange may not know a young one.
	PrincipalMade time.Time `json:"principal_made,omitzero"`
	// KeyID and KeyName tell the credential among others: the id of the secret,
	// or the SHA-1 of the certificate. Expires is its end.
	KeyID   string    `json:"key_id,omitempty"`
	KeyName string    `json:"key_name,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

// Seen is what a sender's sessions showed, in short.
type Seen struct {
	Sessions  int       `json:"sessions,omitempty"`
	Messages  int       `json:"messages,omitempty"` // that were acknowledged
	First     time.Time `json:"first,omitzero"`
	Last      time.Time `json:"last,omitzero"`
	Mechanism string    `json:"mechanism,omitempty"` // of the last sign-in
	TLS       string    `json:"tls,omitempty"`       // version of the last session
	TLSError  string    `json:"tls_error,omitempty"` // of the last session, where none came to TLS
	Cleartext bool      `json:"cleartext,omitempty"` // signed in without TLS
	From      []string  `json:"from,omitempty"`      // envelope senders
	To        []string  `json:"to,omitempty"`        // recipient domains
	MaxSize   int64     `json:"max_size,omitempty"`  // bytes
}

// Sender is a device or application that sends mail.
type Sender struct {
	ID      string   `json:"id"`
	Name    string   `json:"name,omitempty"` // given by the admin, else derived
	Kind    string   `json:"kind,omitempty"`
	Peers   []string `json:"peers,omitempty"`   // addresses it was seen from
	Hellos  []string `json:"hellos,omitempty"`  // names it greeted with
	Account string   `json:"account,omitempty"` // mailbox it signs in as
	MAC     string   `json:"mac,omitempty"`     // hardware address it was last seen with
	// Others says that it is no one sender: it is what came from an address that
	// has several, and could not be told apart. It has no account.
	Others bool `json:"others,omitempty"`
	// Device is the product that the admin said it is, by its id in the
	// catalogue; Product is what was typed for one that is not in it. Without
	// either the product is guessed.
	Device  string `json:"device,omitempty"`
	Product string `json:"product,omitempty"`
	Seen    Seen   `json:"seen,omitzero"`
	Note    string `json:"note,omitempty"`
	Contact string `json:"contact,omitempty"`
	Site    string `json:"site,omitempty"`
	// Sources are what it is known from beside its sessions. Same and Apart are
	// keys of sources that the admin joined with it and split from it; Also are
	// other accounts, and Was the ids of senders that were joined with it.
	Sources []Source `json:"sources,omitempty"`
	Same    []string `json:"same,omitempty"`
	Apart   []string `json:"apart,omitempty"`
	Also    []string `json:"also,omitempty"`
	Was     []string `json:"was,omitempty"`
	// Answers are what the admin said of it, by the id of the question.
	Answers map[string]string `json:"answers,omitempty"`
	// Canary is what became of the canaries that were typed into it.
	Canary []checks.CanaryResult `json:"canary,omitempty"`
	// Skipped are the questions of the interview that the admin left out.
	Skipped []string `json:"skipped,omitempty"`

	Route  probes.Route `json:"route,omitempty"`
	Chosen time.Time    `json:"chosen,omitzero"`
	// Scripts that were written for it, by name, with the time.
	Scripts map[string]time.Time `json:"scripts,omitempty"`
	// Told is what was entered for its scripts and its test sends.
	Told Told `json:"told,omitempty"`
	// SetUp is when a read-back first said that the set-up is as it should be.
	SetUp time.Time `json:"set_up,omitzero"`
	// Last is the last trial over the chosen route.
	Last *Attempt `json:"last_trial,omitempty"`
}

// Attempt is what the migration remembers of a trial.
type Attempt struct {
	Trial    string              `json:"trial"`
	Route    probes.Route        `json:"route"`
	At       time.Time           `json:"at"`
	Outcome  probes.TrialOutcome `json:"outcome"`
	Reply    string              `json:"reply,omitempty"` // code and enhanced code
	Received time.Time           `json:"received,omitzero"`
}

// State is how far a sender has come.
type State string

// The states of a sender, in their order.
const (
	Unknown     State = "unknown"
	RouteChosen State = "chosen"
	IsSetUp     State = "set_up"
	Refused     State = "refused"
	Proved      State = "proved"
)

// States lists every state in order.
func States() []State { return []State{Unknown, RouteChosen, IsSetUp, Refused, Proved} }

// State says how far the sender has come.
func (s Sender) State() State {
	if l := s.Last; l != nil && l.Route == s.Route {
		if !l.Received.IsZero() {
			return Proved
		}
		if l.Outcome != probes.TrialSent {
			return Refused
		}
	}
	switch {
	case s.Route == "":
		return Unknown
	case !s.SetUp.IsZero():
		return IsSetUp
	}
	return RouteChosen
}

// Title is the name to show: the admin's, else the greeting, else an address.
// Others have the name of nobody.
func (s Sender) Title() string {
	if s.Others && s.Name == "" {
		return s.ID
	}
	for _, name := range [][]string{{s.Name}, s.Hellos, {s.Account}, s.Peers} {
		if len(name) > 0 && name[0] != "" {
			return name[0]
		}
	}
	return s.ID
}

// Mailbox is the address that the sender sends as: the account it signs in
// with, else the envelope sender it was seen to use.
func (s Sender) Mailbox() string {
	if strings.Contains(s.Account, "@") {
		return s.Account
	}
	for _, from := range s.Seen.From {
		if strings.Contains(from, "@") {
			return from
		}
	}
	return ""
}

// Sender finds a sender by id.
func (m Migration) Sender(id string) (*Sender, bool) {
	for i := range m.Senders { // not by value: a sender is large, and there can be thousands
		if m.Senders[i].ID == id {
			return &m.Senders[i], true
		}
	}
	return nil, false
}

// Attach adds a captured session to its sender, making the sender when it is
// new, and returns its id. A session that is no sender's is left out: id "".
func (m *Migration) Attach(s probes.Session) (id string) {
	if !s.IsSender() {
		return ""
	}
	i := m.ownerOf(s)
	if i < 0 {
		m.Senders = append(m.Senders, m.newcomer(s))
		i = len(m.Senders) - 1
	}
	m.Senders[i].saw(s)
	return m.Senders[i].ID
}

// OwnerOf is the id of the sender that a session belongs to, or "".
func (m Migration) OwnerOf(s probes.Session) string {
	if i := m.ownerOf(s); i >= 0 && s.IsSender() {
		return m.Senders[i].ID
	}
	return ""
}

// Resee counts every sender's sessions anew. Senders keep their id, name,
// route and proof.
func (m *Migration) Resee(sessions []probes.Session) {
	for i := range m.Senders {
		m.Senders[i].Seen = Seen{}
	}
	for _, s := range sessions {
		m.Attach(s)
	}
}

// saw takes up what one session showed.
func (s *Sender) saw(c probes.Session) {
	s.Peers = include(s.Peers, c.Peer)
	s.Hellos = some(s.Hellos, c.Hello)
	if c.MAC != "" {
		s.MAC = c.MAC
	}
	if a := c.Account(); s.Account == "" && !s.Others && !s.signsInAs(a) {
		s.Account = a
	}
	seen := &s.Seen
	seen.Sessions++
	if c.Taken {
		seen.Messages += 1 + len(c.More)
	}
	if seen.First.IsZero() || c.Started.Before(seen.First) {
		seen.First = c.Started
	}
	if c.Started.After(seen.Last) {
		seen.Last = c.Started
	}
	if n := len(c.Auth); n > 0 {
		seen.Mechanism = c.Auth[n-1].Mechanism
		seen.Cleartext = seen.Cleartext || c.Auth[n-1].Cleartext
	}
	switch {
	case c.TLS.Version != "":
		seen.TLS, seen.TLSError = c.TLS.Version, ""
	case seen.TLS == "" && c.TLS.Error != "":
		seen.TLSError = c.TLS.Error
	}
	seen.From = some(seen.From, c.MailFrom)
	for _, to := range c.RcptTo {
		_, domain, _ := strings.Cut(to, "@")
		seen.To = some(seen.To, strings.ToLower(domain))
	}
	seen.MaxSize = max(seen.MaxSize, c.Size)
}

// include adds s to list unless it is empty or there already.
func include(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// Counts is how many senders are in each state.
func (m Migration) Counts() map[State]int {
	n := map[State]int{}
	for _, s := range m.Senders {
		n[s.State()]++
	}
	return n
}
