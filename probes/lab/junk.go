package lab

import (
	"slices"
	"strings"
	"time"
)

// The faults of delivery.
const (
	deliverySlow   = "delivery-slow"
	everythingJunk = "junk"
	slowDelivery   = 20 * time.Second
)

// junked are the headers above a message that the filter takes for spam,
// whatever it thought of it (Microsoft, "Anti-spam message headers in Microsoft
// 365": SFV:SPM, SCL 5).
func junked(trace []header) []header {
	trace = slices.DeleteFunc(slices.Clone(trace), func(h header) bool {
		return h.name == "X-MS-Exchange-Organization-SCL" || h.name == "X-Forefront-Antispam-Report"
	})
	return append(trace, header{"X-MS-Exchange-Organization-SCL", "5"},
		header{"X-Forefront-Antispam-Report", "CTRY:;LANG:en;SCL:5;SRV:;IPV:NLI;SFV:SPM;PTR:;CAT:SPM;SFS:;DIR:INB;"})
}

func newFolder(name string) *folder { return &folder{id: "AQMkAD" + randomText(24), name: name} }

// folder finds one of a mailbox by its id or its well-known name (Graph,
// resource type mailFolder).
func (m *mailbox) folder(name string) *folder {
	known := map[string]*folder{"inbox": m.inbox, "junkemail": m.junk, "sentitems": m.kept}
	for _, f := range known {
		if f.id == name {
			return f
		}
	}
	return known[strings.ToLower(name)]
}

// put lays a message into a folder. The oldest go first.
func (d *directory) put(f *folder, msg message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	msg.in = f
	f.messages = append(f.messages, msg)
	if n := len(f.messages) - keptMessages; n > 0 {
		f.messages = slices.Delete(f.messages, 0, n)
	}
}

// folders are those of a mailbox.
func (m *mailbox) folders() []*folder { return []*folder{m.inbox, m.junk, m.kept} }

// messages are those of every folder of a mailbox that have arrived by now,
// the newest last.
func (d *directory) messages(m *mailbox, now time.Time) []message {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []message
	for _, f := range m.folders() {
		for _, msg := range f.messages {
			if !msg.received.After(now) {
				all = append(all, msg)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b message) int { return a.received.Compare(b.received) })
	return all
}
