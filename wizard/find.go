package wizard

import (
	"cmp"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// Source is one thing that a sender is known from, and what it said.
type Source struct {
	Kind     probes.SourceKind `json:"kind"`
	Key      string            `json:"key"`              // what it is about, for a join or a split by hand
	File     string            `json:"file,omitempty"`   // its name, without the folder
	Import   string            `json:"import,omitempty"` // the Import's id
	Line     int               `json:"line,omitempty"`   // of its first row
	By       JoinReason        `json:"by"`               // why the sender is this one
	With     string            `json:"with,omitempty"`   // what they have in common
	Shared   int               `json:"shared,omitempty"` // how many senders it could be of; 0 is this one alone
	First    time.Time         `json:"first,omitzero"`
	Last     time.Time         `json:"last,omitzero"`
	Messages int               `json:"messages,omitempty"`
	Refused  int               `json:"refused,omitempty"`
	Why      []string          `json:"why,omitempty"`      // codes of the refusals
	Protocol string            `json:"protocol,omitempty"` // "basic", "oauth", "both"
	OldTLS   float64           `json:"old_tls,omitempty"`  // percent of messages; -1 is not told
	Froms    []string          `json:"from,omitempty"`
	To       []string          `json:"to,omitempty"` // domains
	Peers    []string          `json:"peers,omitempty"`
	MaxSize  int64             `json:"max_size,omitempty"`
	SMTPAuth string            `json:"smtp_auth,omitempty"` // "on": the mailbox's own switch
}

// JoinReason says why a row is of a sender. Its words are under "join.<id>".
type JoinReason string

// The reasons, the strongest first.
const (
	ByHand    JoinReason = "hand"    // the admin joined them
	ByPeer    JoinReason = "peer"    // the same address in the network, and no other account
	ByAccount JoinReason = "account" // the same account
	ByAddress JoinReason = "address" // the same sender address
	ByName    JoinReason = "name"    // the same name, and the model is no other
	IsNew     JoinReason = "new"
)

// Import is a file that was taken up.
type Import struct {
	ID   string            `json:"id"` // the first 16 hexadecimal digits of the SHA-256 of its text
	File string            `json:"file"`
	Kind probes.SourceKind `json:"kind"`
	At   time.Time         `json:"at"`
	Rows int               `json:"rows"`
	Bad  int               `json:"bad,omitempty"`
	// Left are the rows of senders that are nobody's: a trace is of all mail.
	Left int `json:"left,omitempty"`
	// Since and Until are what a log was read for, where it was read live: rows
	// of that time are not counted again.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// ErrImported is the answer to a file that was taken up before.
var ErrImported = errors.New("this file was imported before")

// Lead is what one file says about one sender.
type Lead struct {
	Source
	Account, Name, Model, Contact, Site string
}

// maxKept bounds the lists of a lead.
const maxKept = 20

// Leads gathers the rows of one file. Its memory grows with the senders in the
// file, not with its rows. The zero value is empty.
type Leads struct {
	byKey map[leadKey]*Lead
	order []*Lead
	// Dropped counts rows of more senders than are kept.
	Dropped int
}

// maxLeads is how many senders one file may tell of. A file with more is not
// about devices.
const maxLeads = 100_000

type leadKey struct {
	kind          probes.SourceKind
	account, peer string
	name          string
}

// Add takes up one row.
func (l *Leads) Add(s probes.Sighting) {
	key := keyOf(s)
	lead, ok := l.byKey[key]
	if !ok {
		if len(l.order) >= maxLeads {
			l.Dropped++
			return
		}
		if l.byKey == nil {
			l.byKey = map[leadKey]*Lead{}
		}
		lead = &Lead{Source: Source{Kind: s.Kind, Line: s.Line, OldTLS: -1}, Account: s.Account}
		l.byKey[key] = lead
		l.order = append(l.order, lead)
	}
	lead.add(s)
}

// Clear forgets everything.
func (l *Leads) Clear() { *l = Leads{} }

// All are the leads, in the order of the file.
func (l *Leads) All() []*Lead { return l.order }

// keyOf tells senders apart as far as the kind of source can: a sign-in log and
// a trace see the address of the whole office, a relay's log that of the
// device, a list is a line for each.
func keyOf(s probes.Sighting) leadKey {
	k := leadKey{kind: s.Kind, account: cmp.Or(s.Account, s.From)}
	switch s.Kind {
	case probes.FromPostfix, probes.FromIIS:
		k.peer = s.Peer
	case probes.FromList:
		k.peer, k.name = s.Peer, strings.ToLower(s.Name)
	}
	return k
}

// add takes up one more row.
func (l *Lead) add(s probes.Sighting) {
	l.Name, l.Model = cmp.Or(l.Name, s.Name), cmp.Or(l.Model, s.Model)
	l.Contact, l.Site = cmp.Or(l.Contact, s.Contact), cmp.Or(l.Site, s.Site)
	l.SMTPAuth = cmp.Or(l.SMTPAuth, s.SMTPAuth)
	l.Messages += s.Messages
	l.MaxSize = max(l.MaxSize, s.Size)
	l.OldTLS = max(l.OldTLS, s.OldTLS)
	l.Froms, l.To, l.Peers = few(l.Froms, s.From), few(l.To, s.To), few(l.Peers, s.Peer)
	if s.Refused {
		l.Refused++
		l.Why = few(l.Why, s.Why)
	}
	switch {
	case s.Protocol == "", s.Protocol == l.Protocol:
	case l.Protocol == "":
		l.Protocol = s.Protocol
	default:
		l.Protocol = "both"
	}
	if s.At.IsZero() {
		return
	}
	if l.First.IsZero() || s.At.Before(l.First) {
		l.First = s.At
	}
	if s.At.After(l.Last) {
		l.Last = s.At
	}
}

func few(list []string, s string) []string {
	if len(list) >= maxKept {
		return list
	}
	return include(list, s)
}

// Taken is what an import changed.
type Taken struct {
	New    []string `json:"new,omitempty"`    // ids of senders that were not known
	Joined []string `json:"joined,omitempty"` // ids of senders that are known better now
	Left   int      `json:"left,omitempty"`   // leads that are nobody's
}

// TakeUp takes up what a file said: every lead goes to the sender that it is
// of, with the reason, or makes a new one. unknown says whether a trace makes
// new ones as well: it is of all mail, that of people too. A trace that was
// taken up without them can be taken up with them, and adds those alone.
func (m *Migration) TakeUp(leads *Leads, from Import, unknown bool) (Taken, error) {
	before := slices.IndexFunc(m.Imports, func(i Import) bool { return i.ID == from.ID })
	if before >= 0 && (!unknown || m.Imports[before].Left == 0) {
		return Taken{}, ErrImported
	}
	var t Taken
	index, joined := m.indexed(), map[string]bool{}
	for _, lead := range leads.All() {
		lead.File, lead.Import, lead.Key = from.File, from.ID, lead.key()
		owners, by, with := index.owners(lead)
		switch {
		case len(owners) == 0 && lead.Kind == probes.FromTrace && !unknown:
			t.Left++
			continue
		case len(owners) == 0:
			t.New = append(t.New, m.newFrom(lead, index))
			continue
		}
		lead.By, lead.With = by, with
		for _, id := range m.tellOwners(lead, owners, index) {
			joined[id] = true
		}
	}
	if from.Left = t.Left; before >= 0 {
		m.Imports[before].Left = t.Left
	} else {
		m.Imports = append(m.Imports, from)
	}
	for _, id := range t.New {
		delete(joined, id)
	}
	t.Joined = slices.Sorted(maps.Keys(joined))
	return t, nil
}

// tellOwners gives a lead to every sender that it may be of, but not twice, and
// returns those that it was news to.
func (m *Migration) tellOwners(l *Lead, owners []string, x *senderIndex) []string {
	src := l.Source
	if len(owners) > 1 {
		src.Shared = len(owners)
	}
	var told []string
	for _, id := range owners {
		s := &m.Senders[x.at[id]]
		if s.hasSource(src) {
			continue
		}
		s.learn(l, src)
		x.add(s, x.at[id])
		told = append(told, id)
	}
	return told
}

// hasSource tells whether a sender learnt of something from an import.
func (s *Sender) hasSource(o Source) bool {
	return slices.ContainsFunc(s.Sources, func(src Source) bool {
		return src.Import == o.Import && src.Key == o.Key && src.Line == o.Line
	})
}

// newFrom makes a sender of a lead.
func (m *Migration) newFrom(l *Lead, x *senderIndex) string {
	s := Sender{ID: freeID(x.at, readable(cmp.Or(devicePeer(l), l.Name, localPart(l.Account), localPart(one(l.Froms)))))}
	src := l.Source
	src.By = IsNew
	s.learn(l, src)
	m.Senders = append(m.Senders, s)
	x.add(&s, len(m.Senders)-1)
	return s.ID
}

// learn takes up what a lead says of a sender. What the admin said, and what
// was captured, is never replaced.
func (s *Sender) learn(l *Lead, src Source) {
	s.Name = cmp.Or(s.Name, l.Name)
	s.Contact, s.Site = cmp.Or(s.Contact, l.Contact), cmp.Or(s.Site, l.Site)
	if s.Device == "" {
		s.Product = cmp.Or(s.Product, l.Model)
	}
	if s.Account == "" && strings.Contains(cmp.Or(l.Account, one(l.Froms)), "@") {
		s.Account = cmp.Or(l.Account, one(l.Froms))
	}
	if peer := devicePeer(l); peer != "" {
		s.Peers = include(s.Peers, peer)
	}
	s.Sources = append(s.Sources, src)
}

// devicePeer is the address of the device itself, where the source saw it.
func devicePeer(l *Lead) string {
	switch l.Kind {
	case probes.FromPostfix, probes.FromIIS, probes.FromList:
		if a, err := netip.ParseAddr(one(l.Peers)); err == nil && !a.IsLoopback() {
			return a.String()
		}
	}
	return ""
}

func one(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// readable makes an id that is fit for a command line.
func readable(from string) string {
	id := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		}
		return '-'
	}, strings.ToLower(from))
	for strings.Contains(id, "--") {
		id = strings.ReplaceAll(id, "--", "-")
	}
	if id = strings.Trim(id[:min(len(id), 40)], "-."); id == "" {
		return "sender"
	}
	return id
}

// freeID is base, with a number when that is taken.
func freeID(taken map[string]int, base string) string {
	id := base
	for n := 2; ; n++ {
		if _, is := taken[id]; !is {
			return id
		}
		id = base + "-" + strconv.Itoa(n)
	}
}
