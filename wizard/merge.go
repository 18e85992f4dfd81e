package wizard

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// The refusals of a merge.
var (
	ErrOtherTenant = errors.New("the migrations are of two tenants")
	ErrLabAndReal  = errors.New("one migration is of the built-in tenant, the other of a real one")
)

// Conflict is a thing that two laptops said differently. What was here
// stays. Its words are under "conflict.<what>".
type Conflict struct {
	Sender string `json:"sender,omitempty"` // id here
	What   string `json:"what"`             // "name", "route", "app"
	Here   string `json:"here"`
	There  string `json:"there"`
}

// Merged is what a merge changed.
type Merged struct {
	New       []string   `json:"new,omitempty"`    // ids of senders that were not known here
	Joined    []string   `json:"joined,omitempty"` // ids of senders that were known in both
	Conflicts []Conflict `json:"conflicts,omitempty"`
	// NewIDs counts the new senders whose ids there are not fit for a command
	// line, and that have one of ours.
	NewIDs int `json:"new_ids,omitempty"`
	// IDs says what the senders of the other are called here.
	IDs map[string]string `json:"-"`
}

// Merge takes up a colleague's migration: nothing is lost, nothing is there
// twice, and what differs stays as it is here and is said. The sessions are to
// be seen anew afterwards (Resee). Merging the same again changes nothing.
func (m *Migration) Merge(o Migration) (Merged, error) {
	out := Merged{IDs: map[string]string{}}
	switch {
	case m.Lab != o.Lab && (m.Tenant.ID != "" || len(m.Senders) > 0):
		return out, ErrLabAndReal
	case m.Tenant.ID != "" && o.Tenant.ID != "" && !strings.EqualFold(m.Tenant.ID, o.Tenant.ID):
		return out, ErrOtherTenant
	case m.Tenant.ID == "" && o.Tenant.ID == "" && m.Tenant.Domain != "" && o.Tenant.Domain != "" && !strings.EqualFold(m.Tenant.Domain, o.Tenant.Domain):
		return out, ErrOtherTenant
	}
	m.Lab = o.Lab
	m.mergeTenant(o, &out)
	for _, s := range o.Senders {
		m.mergeSender(s, &out)
	}
	for _, i := range o.Imports {
		m.mergeImport(i)
	}
	for headings, named := range o.Columns {
		if _, ok := m.Columns[headings]; !ok {
			if m.Columns == nil {
				m.Columns = map[string]map[string]string{}
			}
			m.Columns[headings] = named
		}
	}
	return out, nil
}

// mergeImport takes up what the other imported. A log that was read live on
// both, and not for everybody, is to be read anew: each may know senders that
// it was not read for on the other, and no day counts twice.
func (m *Migration) mergeImport(i Import) {
	at := slices.IndexFunc(m.Imports, func(mine Import) bool { return mine.ID == i.ID })
	if at < 0 {
		m.Imports = append(m.Imports, i)
		return
	}
	mine := &m.Imports[at]
	anew := i.Live && mine.Left+i.Left > 0
	mine.again(i)
	mine.Left = min(mine.Left, i.Left)
	if anew {
		mine.Read = nil
	}
}

func (m *Migration) mergeTenant(o Migration, out *Merged) {
	t := &m.Tenant
	keep(&t.ID, o.Tenant.ID)
	keep(&t.Domain, o.Tenant.Domain)
	keep(&t.Cloud, o.Tenant.Cloud)
	for _, d := range o.Tenant.Domains {
		t.Domains = include(t.Domains, d)
	}
	if m.Directory == nil {
		m.Directory = o.Directory
	}
	for name, values := range o.Told {
		if _, ok := m.Told[name]; !ok {
			if m.Told == nil {
				m.Told = Told{}
			}
			m.Told[name] = values
		}
	}
	switch {
	case o.App == nil:
	case m.App == nil:
		app := *o.App
		m.App = &app
	case !strings.EqualFold(m.App.ClientID, o.App.ClientID):
		out.Conflicts = append(out.Conflicts, Conflict{What: "app", Here: m.App.ClientID, There: o.App.ClientID})
	}
}

func keep(here *string, there string) {
	if *here == "" {
		*here = there
	}
}

// mergeSender takes up one sender of the other.
func (m *Migration) mergeSender(s Sender, out *Merged) {
	theirs := s.ID
	s.ID = fitID(s)
	i := m.sameAs(s)
	if i < 0 {
		if s.ID != theirs {
			out.NewIDs++
		}
		id := freeID(m.indexed().at, s.ID)
		out.IDs[theirs] = id
		for _, was := range s.Was {
			out.IDs[was] = id
		}
		s.ID, s.Was, s.Sources = id, nil, slices.Clone(s.Sources)
		m.Senders = append(m.Senders, s)
		out.New = append(out.New, id)
		return
	}
	mine := &m.Senders[i]
	out.IDs[theirs] = mine.ID
	for _, was := range s.Was {
		out.IDs[was] = mine.ID
	}
	before := *mine
	before.Sources = slices.Clone(mine.Sources)
	for _, d := range []struct{ what, here, there string }{
		{"name", mine.Name, s.Name},
		{"route", string(mine.Route), string(s.Route)},
		{"device", mine.Device + mine.Product, s.Device + s.Product},
		{"note", mine.Note, s.Note},
	} {
		if d.here != "" && d.there != "" && d.here != d.there {
			out.Conflicts = append(out.Conflicts, Conflict{Sender: mine.ID, What: d.what, Here: d.here, There: d.there})
		}
	}
	for id, answer := range s.Answers {
		if here, ok := mine.Answers[id]; ok && here != answer {
			out.Conflicts = append(out.Conflicts, Conflict{Sender: mine.ID, What: "answer." + id, Here: here, There: answer})
		}
	}
	mine.merge(s)
	if mine.differs(before) {
		out.Joined = append(out.Joined, mine.ID)
	}
}

// sameAs finds the sender here that one of the other is: the one of the same
// account and address, or of the same account where one of them has no
// address.
func (m *Migration) sameAs(s Sender) int {
	best := -1
	for i, c := range m.Senders {
		account := c.Account != "" && c.signsInAs(s.Account)
		peer := slices.ContainsFunc(s.Peers, func(p string) bool { return slices.Contains(c.Peers, p) })
		silent := c.Account == "" && s.Account == ""
		named := c.ID == s.ID && len(c.Peers) == 0 && len(s.Peers) == 0 && strings.EqualFold(c.Account, s.Account) && c.Name == s.Name
		switch {
		case peer && (account || silent), named:
			return i
		case best < 0 && account && (len(c.Peers) == 0 || len(s.Peers) == 0):
			best = i
		}
	}
	return best
}

// merge takes over what another laptop knows of the same sender, and is not
// known here.
func (s *Sender) merge(o Sender) {
	sources, was, seen := slices.Clone(s.Sources), s.Was, s.Seen
	last, setUp, scripts := s.Last, s.SetUp, s.Scripts
	same := s.Same
	s.join(o)
	s.Sources, s.Same, s.Was, s.Seen = sources, same, was, seen
	s.Same, s.Apart = union(s.Same, o.Same), union(s.Apart, o.Apart)
	for _, src := range o.Sources {
		s.tell(src)
	}
	if o.Route != s.Route {
		s.Last, s.SetUp, s.Scripts = last, setUp, scripts
		return
	}
	if o.Last != nil && (s.Last == nil || o.Last.At.After(s.Last.At)) {
		s.Last = o.Last
	}
	if s.SetUp.IsZero() {
		s.SetUp = o.SetUp
	}
	s.Scripts = latest(s.Scripts, o.Scripts)
}

// latest has each script's later time.
func latest(mine, theirs map[string]time.Time) map[string]time.Time {
	if len(theirs) == 0 {
		return mine
	}
	all := maps.Clone(theirs)
	for script, at := range mine {
		if at.After(all[script]) {
			all[script] = at
		}
	}
	return all
}

// differs tells whether a merge brought anything.
func (s *Sender) differs(o Sender) bool {
	return len(s.Sources) != len(o.Sources) || s.counted() != o.counted() || len(s.Peers) != len(o.Peers) || len(s.Answers) != len(o.Answers) ||
		s.Route != o.Route || s.State() != o.State() || s.Name != o.Name || s.Account != o.Account || s.Note != o.Note ||
		s.Device != o.Device || s.Product != o.Product
}

// Renamed gives a trial of a merged folder the sender's id here.
func (g Merged) Renamed(t probes.Trial) probes.Trial {
	if id, ok := g.IDs[t.Sender]; ok {
		t.Sender = id
	}
	return t
}
