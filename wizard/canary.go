package wizard

import (
	"slices"

	"offbasic/checks"
	"offbasic/probes"
)

// keptCanaries bounds what is remembered of one sender.
const keptCanaries = 20

// HeardCanary remembers, with the senders at an address, what became of a
// canary that came from there. A device that was not met before becomes a
// sender. A result takes the place of an earlier one of the same kind.
func (m *Migration) HeardCanary(peer string, r checks.CanaryResult) {
	met := false
	for i := range m.Senders {
		if s := &m.Senders[i]; slices.Contains(s.Peers, peer) {
			s.heardCanary(r)
			met = true
		}
	}
	if !met {
		s := Sender{ID: m.newID(probes.Session{Peer: peer}), Peers: []string{peer}}
		s.heardCanary(r)
		m.Senders = append(m.Senders, s)
	}
}

func (s *Sender) heardCanary(r checks.CanaryResult) {
	all := slices.DeleteFunc(slices.Clone(s.Canary), func(old checks.CanaryResult) bool {
		return old.Route == r.Route && old.Mechanism == r.Mechanism &&
			old.Account.Of == r.Account.Of && old.Password.Of == r.Password.Of
	})
	all = append(all, r)
	s.Canary = slices.Clone(all[max(0, len(all)-keptCanaries):])
}
