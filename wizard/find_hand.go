package wizard

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"offbasic/probes"
)

// The refusals of a join or a split.
var (
	ErrSameSender = errors.New("a sender cannot be joined with itself")
	ErrNoSource   = errors.New("the sender has no such source")
	ErrOnlySource = errors.New("it is all that the sender is known from")
)

// JoinSenders says that two senders are one: into takes over what other is
// known from. What the admin said of into counts.
func (m *Migration) JoinSenders(into, other string) error {
	a, ok := m.Sender(into)
	b, known := m.Sender(other)
	switch {
	case !ok || !known:
		return ErrNoSender
	case into == other:
		return ErrSameSender
	}
	a.join(*b)
	m.Senders = slices.DeleteFunc(m.Senders, func(s Sender) bool { return s.ID == other })
	return nil
}

func (s *Sender) join(o Sender) {
	s.Was = append(include(s.Was, o.ID), o.Was...)
	s.Peers, s.Hellos = union(s.Peers, o.Peers), union(s.Hellos, o.Hellos)
	for _, account := range append([]string{o.Account}, o.Also...) {
		if s.Account == "" {
			s.Account = account
		}
		if !strings.EqualFold(account, s.Account) {
			s.Also = include(s.Also, account)
		}
	}
	for _, src := range o.Sources {
		s.Same = include(s.Same, src.Key)
		src.By, src.With = ByHand, o.ID
		s.tell(src)
	}
	s.Apart = slices.DeleteFunc(s.Apart, func(key string) bool { return slices.Contains(s.Same, key) })
	s.Name, s.Kind, s.MAC = cmp.Or(s.Name, o.Name), cmp.Or(s.Kind, o.Kind), cmp.Or(s.MAC, o.MAC)
	if s.Device == "" && s.Product == "" {
		s.Device, s.Product = o.Device, o.Product
	}
	s.Contact, s.Site, s.Note = cmp.Or(s.Contact, o.Contact), cmp.Or(s.Site, o.Site), cmp.Or(s.Note, o.Note)
	s.Seen = s.Seen.plus(o.Seen)
	s.Answers = known(s.Answers, o.Answers)
	if s.Route == "" {
		s.Route, s.Chosen, s.SetUp, s.Last = o.Route, o.Chosen, o.SetUp, o.Last
		s.Scripts = maps.Clone(o.Scripts)
	}
}

// tell adds a source, or what it says beyond what is known of the same.
func (s *Sender) tell(o Source) {
	if i := s.source(o); i >= 0 {
		s.Sources[i].take(o)
		return
	}
	s.Sources = append(s.Sources, o)
}

// union is a with what is only in b.
func union(a, b []string) []string {
	for _, s := range b {
		a = include(a, s)
	}
	return a
}

// known is mine with what is only in theirs.
func known(mine, theirs map[string]string) map[string]string {
	if len(theirs) == 0 {
		return mine
	}
	all := maps.Clone(theirs)
	maps.Copy(all, mine)
	return all
}

// plus is what two senders' sessions showed together.
func (s Seen) plus(o Seen) Seen {
	if o.Last.After(s.Last) {
		s.Mechanism, s.TLS, s.Last = o.Mechanism, o.TLS, o.Last
	}
	if s.First.IsZero() || !o.First.IsZero() && o.First.Before(s.First) {
		s.First = o.First
	}
	s.Sessions += o.Sessions
	s.Messages += o.Messages
	s.Cleartext = s.Cleartext || o.Cleartext
	s.MaxSize = max(s.MaxSize, o.MaxSize)
	s.From, s.To = union(slices.Clone(s.From), o.From), union(slices.Clone(s.To), o.To)
	return s
}

// SplitSender says that one thing that a sender is known from is another
// sender's: the sources of that key, or the sessions from that address, go to
// a new one. An import does not join them again. The sessions are to be seen
// anew afterwards (Resee).
func (m *Migration) SplitSender(id, what string) (string, error) {
	s, ok := m.Sender(id)
	if !ok {
		return "", ErrNoSender
	}
	n := Sender{}
	if slices.Contains(s.Peers, what) {
		if len(s.Peers) == 1 {
			return "", ErrOnlySource
		}
		s.Peers = slices.DeleteFunc(s.Peers, func(p string) bool { return p == what })
		n.Peers, n.Account = []string{what}, s.Account
	}
	var mine, theirs []Source
	for _, src := range s.Sources {
		if src.Key == what || slices.Contains(n.Peers, one(src.Peers)) && src.Kind != probes.FromSignIns && src.Kind != probes.FromTrace {
			theirs = append(theirs, src)
			continue
		}
		mine = append(mine, src)
	}
	switch {
	case len(n.Peers) == 0 && len(theirs) == 0:
		return "", ErrNoSource
	case len(n.Peers) == 0 && len(mine) == 0 && s.Seen.Sessions == 0:
		return "", ErrOnlySource
	}
	s.Sources = mine
	s.Same = slices.DeleteFunc(s.Same, func(key string) bool { return key == what })
	for i := range theirs {
		s.Apart = include(s.Apart, theirs[i].Key)
		n.Same = include(n.Same, theirs[i].Key)
		n.Account = cmp.Or(n.Account, one(theirs[i].Froms))
		theirs[i].By, theirs[i].With = ByHand, id
	}
	n.Sources = theirs
	n.ID = m.FreeID(one(n.Peers), localPart(n.Account), id)
	m.Senders = append(m.Senders, n)
	return n.ID, nil
}
