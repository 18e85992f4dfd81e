package wizard

import (
	"cmp"
	"strconv"
	"strings"
)

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

// FreeID is an id for a new sender: readable, fit for a command line, and
// nobody's. It is made of the first name that is not empty.
func (m *Migration) FreeID(names ...string) string {
	taken := make(map[string]int, len(m.Senders))
	for i, s := range m.Senders {
		taken[s.ID] = i
	}
	return freeID(taken, readable(cmp.Or(names...)))
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

// fitID is the id of a sender of another folder, as it is kept here: its own,
// where that has the form of ours, else one that is made as for a new sender.
func fitID(s Sender) string {
	fit := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
	}
	if s.ID != "" && len(s.ID) <= maxID && s.ID[0] != '.' && strings.IndexFunc(s.ID, func(r rune) bool { return !fit(r) }) < 0 {
		return s.ID
	}
	return readable(cmp.Or(one(s.Peers), s.Name, localPart(s.Account), s.ID))
}

// maxID is the longest id that is taken from another folder, in bytes. Ours are
// shorter.
const maxID = 100
