package wizard

import (
	"slices"
	"strconv"
	"strings"

	"offbasic/probes"
)

// Bounds of what one address can make.
const (
	sendersHere = 50  // what signs in with more accounts is no device
	keptNames   = 100 // greetings, envelope senders, recipient domains of one sender
)

// ownerOf tells a sender apart by peer and account. A session without sign-in
// belongs to the peer's only sender, to the one that was interviewed, or to the
// one that greets or sends as it does; else to the others of the peer. A sender
// that is known from an export by its account alone is who first signs in with
// it. -1 means that it is of none that is known.
func (m Migration) ownerOf(s probes.Session) int {
	account, others, count := s.Account(), -1, 0
	var here []int // that it may be of
	for i, c := range m.Senders {
		if !slices.Contains(c.Peers, s.Peer) {
			continue
		}
		count++
		if c.Others || slices.Contains(c.Was, othersID(s.Peer)) {
			others = i
		}
		switch {
		case c.isOf(s):
			return i
		case c.Others:
		case account == "" || c.Account == "":
			here = append(here, i)
		}
	}
	if i := m.oneOf(here, s); i >= 0 {
		return i
	}
	exported := slices.IndexFunc(m.Senders, func(c Sender) bool { return len(c.Peers) == 0 && account != "" && c.signsInAs(account) })
	if exported < 0 && (account == "" || count >= sendersHere) {
		return others
	}
	return exported
}

// isOf tells a session that says whose it is: by its account, else by who was
// interviewed when it came.
func (s Sender) isOf(c probes.Session) bool {
	if account := c.Account(); account != "" {
		return s.signsInAs(account)
	}
	return c.Asked != "" && s.Is(c.Asked)
}

// oneOf is the one sender of an address that a session can be of, or -1. Who
// was seen by then comes before who was not, and then it is told by its
// greeting and by the address that it sends as.
func (m Migration) oneOf(here []int, s probes.Session) int {
	tells := []func(Sender) bool{
		func(c Sender) bool { return !c.Seen.First.IsZero() && !c.Seen.First.After(s.Started) },
		func(c Sender) bool { return s.Hello != "" && slices.Contains(c.Hellos, s.Hello) },
		func(c Sender) bool { return s.MailFrom != "" && slices.Contains(c.Seen.From, s.MailFrom) },
	}
	if s.Account() != "" {
		tells = nil
	}
	for _, tell := range tells {
		if len(here) < 2 {
			break
		}
		alike := slices.DeleteFunc(slices.Clone(here), func(i int) bool { return !tell(m.Senders[i]) })
		if len(alike) > 0 {
			here = alike
		}
	}
	if len(here) == 1 {
		return here[0]
	}
	return -1
}

func (s Sender) signsInAs(account string) bool {
	return strings.EqualFold(s.Account, account) ||
		slices.ContainsFunc(s.Also, func(a string) bool { return strings.EqualFold(a, account) })
}

// newcomer is the sender of a session that is of none that is known: a new one,
// or the others of an address that has senders enough, or several that do not
// tell themselves apart.
func (m *Migration) newcomer(s probes.Session) Sender {
	here := 0
	for _, c := range m.Senders {
		if slices.Contains(c.Peers, s.Peer) {
			here++
		}
	}
	if here >= sendersHere || here > 0 && s.Account() == "" {
		return Sender{ID: freeID(m.indexed().at, othersID(s.Peer)), Others: true}
	}
	return Sender{ID: m.newID(s)}
}

// newID is the peer's address, with a letter when that is taken, and with a
// number when all letters are: stable, readable, fit for a command line.
func (m *Migration) newID(s probes.Session) string {
	base := addressID(s.Peer)
	id := base
	for n := 2; ; n++ {
		if _, taken := m.Sender(id); !taken {
			return id
		}
		if letter := 'a' + rune(n) - 1; letter <= 'z' {
			id = base + string(letter)
		} else {
			id = base + "-" + strconv.Itoa(n)
		}
	}
}

func addressID(peer string) string { return strings.NewReplacer(":", "-", "%", "-").Replace(peer) }

func othersID(peer string) string { return addressID(peer) + "-others" }

// LastAt is the id of the sender that was seen last from an address, "" where
// none is known: with whom an interview of that address is held.
func (m Migration) LastAt(peer string) string {
	last := -1
	for i, c := range m.Senders {
		if c.Others || !slices.Contains(c.Peers, peer) {
			continue
		}
		if last < 0 || c.Seen.Last.After(m.Senders[last].Seen.Last) {
			last = i
		}
	}
	if last < 0 {
		return ""
	}
	return m.Senders[last].ID
}

// some is include, of so many that a flood of names costs a bounded amount.
func some(list []string, s string) []string {
	if len(list) >= keptNames {
		return list
	}
	return include(list, s)
}
