package wizard

import (
	"cmp"
	"slices"
	"strings"

	"offbasic/probes"
)

// senderIndex finds the senders that a lead may be of.
type senderIndex struct {
	account, address, peer, name map[string][]string // lower case: ids
	accountOf, productOf, nameOf map[string]string   // by id, lower case
	peersOf                      map[string][]string // by id
	apart                        map[string][]string // by id: what it is not
	same                         map[string]string   // by what it is: id
	at                           map[string]int      // by id: place in the migration
}

// indexed makes an index of the senders.
func (m *Migration) indexed() *senderIndex {
	x := &senderIndex{
		account: map[string][]string{}, address: map[string][]string{}, peer: map[string][]string{}, name: map[string][]string{},
		accountOf: map[string]string{}, productOf: map[string]string{}, nameOf: map[string]string{}, peersOf: map[string][]string{}, apart: map[string][]string{}, same: map[string]string{}, at: map[string]int{},
	}
	for i := range m.Senders {
		x.add(&m.Senders[i], i)
	}
	return x
}

// add puts a sender, or what is known of it since, into the index.
func (x *senderIndex) add(s *Sender, at int) {
	x.at[s.ID] = at
	put := func(in map[string][]string, key string) {
		if key = strings.ToLower(key); key != "" {
			in[key] = include(in[key], s.ID)
		}
	}
	put(x.account, s.Account)
	put(x.name, s.Name)
	for _, from := range s.Seen.From {
		put(x.address, from)
	}
	for _, src := range s.Sources {
		for _, from := range src.Froms {
			put(x.address, from)
		}
	}
	for _, p := range s.Peers {
		put(x.peer, p)
	}
	x.accountOf[s.ID], x.productOf[s.ID], x.nameOf[s.ID] = strings.ToLower(s.Account), strings.ToLower(s.Product), strings.ToLower(s.Name)
	x.peersOf[s.ID], x.apart[s.ID] = s.Peers, s.Apart
	for _, id := range s.Same {
		x.same[id] = s.ID
	}
}

// owners are the senders that a lead is of, and why.
func (x *senderIndex) owners(l *Lead) (ids []string, by JoinReason, with string) {
	account, peer := strings.ToLower(l.Account), devicePeer(l)
	if id, ok := x.same[l.key()]; ok {
		return []string{id}, ByHand, l.key()
	}
	if peer != "" {
		ids = x.not(l, x.peer[peer], func(id string) bool { return account == "" || x.accountOf[id] == "" || x.accountOf[id] == account })
		if len(ids) == 1 {
			return ids, ByPeer, peer
		}
	}
	if l.Kind == probes.FromList && l.Name != "" {
		ids = x.not(l, x.name[strings.ToLower(l.Name)], func(id string) bool {
			return x.fits(l, peer, id) && (l.Model == "" || x.productOf[id] == "" || x.productOf[id] == strings.ToLower(l.Model))
		})
		if len(ids) == 1 {
			return ids, ByName, l.Name
		}
	}
	for _, way := range []struct {
		by  JoinReason
		in  map[string][]string
		key string
	}{{ByAccount, x.account, account}, {ByAccount, x.account, one(l.Froms)}, {ByAddress, x.address, cmp.Or(account, one(l.Froms))}} {
		if ids = x.not(l, way.in[strings.ToLower(way.key)], func(id string) bool { return x.fits(l, peer, id) }); way.key != "" && len(ids) > 0 {
			return ids, way.by, way.key
		}
	}
	return nil, IsNew, ""
}

// fits tells whether a lead with a device's own address, or a line of a list
// with a name, may be of a sender: not of one that is known by another.
func (x *senderIndex) fits(l *Lead, peer, id string) bool {
	if known := x.peersOf[id]; peer != "" && len(known) > 0 && !slices.Contains(known, peer) {
		return false
	}
	return l.Kind != probes.FromList || l.Name == "" || x.nameOf[id] == "" || x.nameOf[id] == strings.ToLower(l.Name)
}

// not leaves out the senders that the admin said a lead is not of.
func (x *senderIndex) not(l *Lead, ids []string, fits func(string) bool) []string {
	var out []string
	for _, id := range ids {
		if !slices.Contains(x.apart[id], l.key()) && fits(id) {
			out = append(out, id)
		}
	}
	return out
}

// key names what a lead is about, for joins and splits by hand:
// "list:second floor", "sign_ins:scan@contoso.example".
func (l *Lead) key() string {
	what := cmp.Or(l.Account, one(l.Froms))
	switch l.Kind {
	case probes.FromList:
		what = cmp.Or(strings.ToLower(l.Name), what, one(l.Peers))
	case probes.FromPostfix, probes.FromIIS:
		what += "/" + one(l.Peers)
	}
	return string(l.Kind) + ":" + what
}
