package wizard

import (
	"slices"
	"time"

	"offbasic/probes"
)

// Progress is how far an item of the checklist is.
type Progress string

// The states of an item.
const (
	Open  Progress = "open"
	Begun Progress = "begun"
	Done  Progress = "done"
)

// Item is one line of the checklist of a migration. Its words are under
// "checklist.<id>".
type Item struct {
	ID    string   `json:"id"`
	State Progress `json:"state"`
	Done  int      `json:"done"`
	Total int      `json:"total"`
	// Lacks names what is missing; words under "checklist.lack.<id>".
	Lacks []string `json:"lacks,omitempty"`
}

// Checklist is the migration as the six things that have to be done.
func (m Migration) Checklist(changes []probes.Change) []Item {
	n := len(m.Senders)
	return []Item{
		m.inventory(),
		counted("categorise", n, m.count(func(s Sender) bool { return s.Device != "" || s.Product != "" || s.Kind != "" })),
		counted("choose", n, m.count(func(s Sender) bool { return s.Route != "" })),
		counted("test", n, m.count(func(s Sender) bool { return s.State() == Proved })),
		disabled(changes),
		m.watched(),
	}
}

func (m Migration) count(is func(Sender) bool) int {
	n := 0
	for _, s := range m.Senders {
		if is(s) {
			n++
		}
	}
	return n
}

func counted(id string, total, done int) Item {
	i := Item{ID: id, State: Begun, Done: done, Total: total}
	switch done {
	case 0:
		i.State = Open
	case total:
		i.State = Done
	}
	return i
}

// inventory is done when the tenant's own records were read: a capture alone
// does not show what does not come to this machine.
func (m Migration) inventory() Item {
	captured := m.count(func(s Sender) bool { return s.Seen.Sessions > 0 })
	i := Item{ID: "inventory", State: Begun, Done: captured, Total: len(m.Senders)}
	if !m.imported(probes.FromReport) && !m.imported(probes.FromSignIns) {
		i.Lacks = append(i.Lacks, "tenant-records")
	}
	if captured < len(m.Senders) {
		i.Lacks = append(i.Lacks, "captures")
	}
	switch {
	case len(m.Senders) == 0:
		i.State = Open
	case len(i.Lacks) == 0:
		i.State = Done
	}
	return i
}

func (m Migration) imported(kind probes.SourceKind) bool {
	return slices.ContainsFunc(m.Imports, func(i Import) bool { return i.Kind == kind })
}

// disabled goes by what was run in the tenant: a pilot group first, then
// everybody.
func disabled(changes []probes.Change) Item {
	i := Item{ID: "disable", State: Open, Total: 2}
	ran := func(script string) bool {
		on := false
		for _, c := range changes {
			if c.Outcome != "done" {
				continue
			}
			switch c.Step {
			case script:
				on = true
			case "basic-block-remove":
				on = false
			}
		}
		return on
	}
	if ran("basic-block-pilot") {
		i.State, i.Done = Begun, 1
	}
	if ran("basic-block-all") {
		i.State, i.Done = Done, 2
	}
	if i.State != Done {
		i.Lacks = []string{[]string{"pilot", "all"}[i.Done]}
	}
	return i
}

// watched is done when the tenant's records were read again a week after the
// last sender was proved.
func (m Migration) watched() Item {
	i := Item{ID: "watch", State: Open, Total: 1}
	var last time.Time
	for _, s := range m.Senders {
		if s.State() != Proved {
			i.Lacks = []string{"unproved"}
			return i
		}
		if s.Last.Received.After(last) {
			last = s.Last.Received
		}
	}
	if len(m.Senders) == 0 {
		i.Lacks = []string{"unproved"}
		return i
	}
	i.State = Begun
	for _, im := range m.Imports {
		if (im.Kind == probes.FromReport || im.Kind == probes.FromSignIns) && im.At.After(last.Add(7*24*time.Hour)) {
			i.State, i.Done = Done, 1
			return i
		}
	}
	i.Lacks = []string{"later-records"}
	return i
}
