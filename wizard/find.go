package wizard

import (
	"cmp"
	"errors"
	"maps"
	"net/netip"
	"slices"
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
	// Days are Messages and Refused by day, where rows have a time.
	Days Days `json:"days,omitzero"`
}

// Heard is how imported reports say that a sender signs in: "basic", "oauth",
// "both"; "" is not told. What may be of several senders does not count.
func (s Sender) Heard() string {
	how := ""
	for _, src := range s.Sources {
		switch {
		case src.Shared > 1 || src.Protocol == "" || src.Protocol == how:
		case how == "":
			how = src.Protocol
		default:
			how = "both"
		}
	}
	return how
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

// Import is a file that was taken up, or a log of the tenant that is read live.
type Import struct {
	// ID tells the rows of a file apart from those of another, however they are
	// encoded (Leads.Sum). A log that is read live has one for the tenant and the
	// kind (LiveID).
	ID   string            `json:"id"`
	File string            `json:"file"`
	Kind probes.SourceKind `json:"kind"`
	At   time.Time         `json:"at"`
	Rows int               `json:"rows"` // of a log that is read live, those of the richest reading
	Bad  int               `json:"bad,omitempty"`
	// Left are the rows of senders that are nobody's: a trace is of all mail.
	Left int `json:"left,omitempty"`
	// Live is a log that was read through Graph, by Query, of Tenant. It can be
	// read again: no day of it counts twice.
	Live   bool   `json:"live,omitempty"`
	Tenant string `json:"tenant,omitempty"`
	Query  string `json:"query,omitempty"`
	// Read is the time that it covers, in order: of a file, from its first row to
	// its last, where rows have a time; of a log, what was read to its end.
	Read Periods `json:"read,omitempty"`
	// ReadAll is what of it was read for senders that were not known, too.
	ReadAll Periods `json:"read_all,omitempty"`
}

// ErrImported is the answer to a file that was taken up before.
var ErrImported = errors.New("this file was imported before")

// Taken is what an import changed.
type Taken struct {
	New    []string `json:"new,omitempty"`    // ids of senders that were not known
	Joined []string `json:"joined,omitempty"` // ids of senders that are known better now
	Left   int      `json:"left,omitempty"`   // leads that are nobody's
}

// TakeUp takes up what a file said: every lead goes to the sender that it is
// of, with the reason, or makes a new one. unknown says whether a trace makes
// new ones as well: it is of all mail, that of people too. A trace that was
// taken up without them can be taken up with them, and adds those alone. A log
// that is read live can be taken up again: each day counts as the reading that
// knows most of it.
func (m *Migration) TakeUp(leads *Leads, from Import, unknown bool) (Taken, error) {
	before := slices.IndexFunc(m.Imports, func(i Import) bool { return i.ID == from.ID })
	if before >= 0 && !from.Live && (!unknown || m.Imports[before].Left == 0) {
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
		m.Imports[before].again(from)
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
		if i := s.source(src); i >= 0 {
			if s.Sources[i].take(src) {
				told = append(told, id)
			}
			s.Sources[i].Shared = src.Shared
			continue
		}
		s.learn(l, src)
		x.add(s, x.at[id])
		told = append(told, id)
	}
	return told
}

// source is the place of what a sender learnt of something from an import
// before; -1 where it did not. Only a list has a line for each thing.
func (s *Sender) source(o Source) int {
	return slices.IndexFunc(s.Sources, func(src Source) bool {
		return src.Import == o.Import && src.Key == o.Key && (src.Kind != probes.FromList || src.Line == o.Line)
	})
}

// take takes over what another reading of the same says, and tells whether that
// is news.
func (s *Source) take(o Source) bool {
	before := s.Days.Total()
	messages, refused, first, last, size := s.Messages, s.Refused, s.First, s.Last, s.MaxSize
	s.Days.take(o.Days)
	now := s.Days.Total()
	s.Messages, s.Refused = max(s.Messages, o.Messages, now.Messages), max(s.Refused, o.Refused, now.Refused)
	if s.First.IsZero() || !o.First.IsZero() && o.First.Before(s.First) {
		s.First = o.First
	}
	if o.Last.After(s.Last) {
		s.Last = o.Last
	}
	s.MaxSize = max(s.MaxSize, o.MaxSize)
	news := now != before || s.Messages != messages || s.Refused != refused || !s.First.Equal(first) || !s.Last.Equal(last) || s.MaxSize != size
	for _, l := range []struct {
		mine   *[]string
		theirs []string
	}{{&s.Froms, o.Froms}, {&s.To, o.To}, {&s.Peers, o.Peers}, {&s.Why, o.Why}} {
		n := len(*l.mine)
		*l.mine = slices.Clip(*l.mine)
		for _, text := range l.theirs {
			*l.mine = few(*l.mine, text)
		}
		news = news || len(*l.mine) > n
	}
	return news
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
	src.Days = src.Days.clone() // the lead may go on
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
