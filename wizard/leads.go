package wizard

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
	"strings"

	"offbasic/probes"
)

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
	covers  Period    // from the first row that has a time to the last
	sum     hash.Hash // of the rows
	rows    []byte    // that are not in it yet
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
	l.hash(&s)
	if !s.At.IsZero() {
		l.covers = l.covers.with(s.At)
	}
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

// hash takes a row into the sum, without its line.
func (l *Leads) hash(s *probes.Sighting) {
	const chunk = 16 << 10
	b := l.rows
	for _, text := range [...]string{
		string(s.Kind), s.Account, s.From, s.Peer, s.Protocol, s.Why, s.To, s.Name, s.Model, s.Contact, s.Site, s.Mailbox, s.SMTPAuth,
	} {
		b = append(append(b, text...), 0)
	}
	if s.Refused {
		b = append(b, 1)
	}
	for _, n := range [...]uint64{math.Float64bits(s.OldTLS), uint64(s.Messages), uint64(s.Size), uint64(s.At.Unix()), uint64(s.At.Nanosecond())} { //nolint:gosec // only told apart
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	if l.rows = append(b, '\n'); len(l.rows) > chunk {
		l.flush()
	}
}

func (l *Leads) flush() {
	if l.sum == nil {
		l.sum = sha256.New()
	}
	l.sum.Write(l.rows)
	l.rows = l.rows[:0]
}

// Sum tells the rows apart from others, whatever the encoding, the separator
// and the packing of their file. skipped and bad are the rows that said
// nothing.
func (l *Leads) Sum(kind probes.SourceKind, skipped, bad int) string {
	l.flush()
	sum := sha256.New()
	sum.Write(l.sum.Sum(nil))
	fmt.Fprintf(sum, "%s %d %d", kind, skipped, bad)
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// Covers is the time from the first row to the last; none where rows have no
// time.
func (l *Leads) Covers() Periods {
	if l.covers.Since.IsZero() {
		return nil
	}
	return Periods{l.covers}
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
	refused := 0
	if s.Refused {
		refused = 1
		l.Why = few(l.Why, s.Why)
	}
	l.Refused += refused
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
	l.Days.add(s.At, s.Messages, refused)
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
