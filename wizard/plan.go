package wizard

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

// PlanInput is what an order of work goes by beside the migration.
type PlanInput struct {
	Now time.Time
	// Rank orders the routes of a sender; nil means that they are not judged.
	Rank func(sender string) []checks.Ranked
	// Recipients is whom a sender was seen to write to, as checks.Recipients
	// says; nil means that only people's answers count.
	Recipients func(sender string) string
	// Program is the program that a sender's messages name, "" for what is no
	// script or application, as the software of a printer; nil means not known.
	Program func(sender string) string
}

// Task is one sender in the order of work.
type Task struct {
	Sender string          `json:"sender"`
	State  State           `json:"state"`
	Next   Step            `json:"next"`
	Left   []Step          `json:"left,omitempty"`  // every step that is left, in order
	Risk   int             `json:"risk"`            // the higher, the earlier
	Why    []checks.Reason `json:"why,omitempty"`   // words under "risk.<id>"
	Route  probes.Route    `json:"route,omitempty"` // chosen, else the one that fits best
	Chosen bool            `json:"chosen"`
	Group  string          `json:"group,omitempty"` // id of its Group
	// MayWait says that nothing known makes it urgent before the end of 2026:
	// an admin can allow passwords again for a while.
	MayWait bool `json:"may_wait,omitempty"`
}

// Group is senders that one change serves.
type Group struct {
	ID      string   `json:"id"`
	By      string   `json:"by"` // "account", "host", "program", "route"; words under "group.<by>"
	Value   string   `json:"value"`
	Senders []string `json:"senders"`
}

// Plan puts the senders into the order of work: the highest risk first, and
// those that one change serves together. What is proved comes last.
func (m Migration) Plan(in PlanInput) ([]Task, []Group) {
	shared := m.sharing(in.Program)
	tasks := make([]Task, 0, len(m.Senders))
	for _, s := range m.Senders {
		t := Task{Sender: s.ID, State: s.State(), Next: m.NextFor(s), Route: s.Route, Chosen: s.Route != ""}
		fit := checks.NoFact
		if in.Rank != nil {
			ranked := in.Rank(s.ID)
			t.Route, fit = routeOf(s, ranked)
		}
		t.Left = m.left(s)
		t.Risk, t.Why = risk(s, fit, shared, in.writesOutside(s), in.Now)
		t.MayWait = t.State != Proved && t.Risk < urgent && s.Answers[AnswerWeight] == "low"
		tasks = append(tasks, t)
	}
	groups := grouped(m.Senders, tasks, shared)
	highest := groupRisks(tasks)
	slices.SortStableFunc(tasks, func(a, b Task) int {
		return cmp.Or(cmp.Compare(proved(a), proved(b)), cmp.Compare(highest(b), highest(a)), cmp.Compare(a.Group, b.Group), cmp.Compare(b.Risk, a.Risk))
	})
	return tasks, groups
}

// urgent is the risk from which on a sender is not to wait.
const urgent = 30

func proved(t Task) int {
	if t.State == Proved {
		return 1
	}
	return 0
}

// routeOf is the chosen route, else the first of those that fit, and how it
// fits.
func routeOf(s Sender, ranked []checks.Ranked) (probes.Route, checks.Fit) {
	for _, r := range ranked {
		if s.Route == r.Route || s.Route == "" && r.Fit != checks.Unfit && r.Fit != checks.NoFact {
			return r.Route, r.Fit
		}
	}
	return s.Route, checks.NoFact
}

// groupRisks gives a task the highest risk in its group, so that a group
// stays together.
func groupRisks(tasks []Task) func(Task) int {
	highest := map[string]int{}
	for _, t := range tasks {
		if t.State != Proved {
			highest[t.Group] = max(highest[t.Group], t.Risk)
		}
	}
	return func(t Task) int {
		if t.Group == "" {
			return t.Risk
		}
		return highest[t.Group]
	}
}

// risk is how much is lost, and how soon, when a sender stops. The weights are
// judgement, not measurement: what the business needs comes first, then what
// sends much, what many depend on, and what is hard to change.
func risk(s Sender, fit checks.Fit, shared sharing, outside bool, now time.Time) (int, []checks.Reason) {
	score, why := 0, []checks.Reason(nil)
	add := func(n int, id string, args map[string]string) {
		score += n
		why = append(why, checks.Reason{ID: id, Args: args})
	}
	switch s.Answers[AnswerWeight] {
	case "high":
		add(40, "weight-high", nil)
	case "low":
		add(-20, "weight-low", nil)
	}
	switch n := s.Volume(); {
	case n >= 1000:
		add(30, "volume", map[string]string{"count": strconv.Itoa(n)})
	case n >= 100:
		add(20, "volume", map[string]string{"count": strconv.Itoa(n)})
	case n > 0:
		add(5, "volume", map[string]string{"count": strconv.Itoa(n)})
	}
	if n := shared.account(s); n > 1 {
		add(15, "shared-account", map[string]string{"account": s.Account, "count": strconv.Itoa(n)})
	}
	if by, what, n := shared.script(s); by != "" {
		add(15, "shared-script", map[string]string{"what": what, "count": strconv.Itoa(n)})
	}
	if outside {
		add(10, "outside", nil)
	}
	if refused := s.counted().Refused; refused > 0 {
		add(25, "refused-already", map[string]string{"count": strconv.Itoa(refused)})
	}
	switch fit {
	case checks.Unfit:
		add(20, "no-route", nil)
	case checks.Needs:
		add(10, "hard-route", nil)
	case checks.Asks:
		add(10, "unclear-route", nil)
	}
	if last := s.LastSeen(); !last.IsZero() {
		if days := int(now.Sub(last) / (24 * time.Hour)); days > 60 {
			add(-25, "not-seen", map[string]string{"days": strconv.Itoa(days)})
		}
	}
	return score, why
}

// Volume is how many messages the sources and the captures tell of, none of them
// twice; 0 is not known.
func (s Sender) Volume() int { return max(s.counted().Messages, s.Seen.Messages) }

// LastSeen is when it last sent, as far as anything tells.
func (s Sender) LastSeen() time.Time {
	last := s.Seen.Last
	for _, src := range s.Sources {
		if src.Last.After(last) {
			last = src.Last
		}
	}
	return last
}

// writesOutside: what was seen needs nobody's word.
func (in PlanInput) writesOutside(s Sender) bool {
	a := s.Answers[AnswerRecipients]
	if in.Recipients != nil {
		a = cmp.Or(in.Recipients(s.ID), a)
	}
	return a == "outside" || a == "both"
}

// left is every step that a sender still needs, in order.
func (m Migration) left(s Sender) []Step {
	if s.State() == Proved {
		return nil
	}
	var out []Step
	if s.Seen.Sessions == 0 {
		out = append(out, StepCapture)
	}
	if s.Route == "" {
		return append(out, StepChoose, StepTry, StepVerify)
	}
	if NeedsApp(s.Route) && m.App == nil {
		out = append(out, StepApp)
	}
	if NeedsScript(s.Route) && s.SetUp.IsZero() {
		out = append(out, StepScript)
	}
	if !Automatic(s.Route) {
		return append(out, StepByHand)
	}
	if s.Last == nil || s.Last.Route != s.Route || s.Last.Outcome != probes.TrialSent {
		out = append(out, StepTry)
	}
	return append(out, StepVerify)
}

// grouped puts senders together that one change serves: those of one account,
// which have one mailbox and one right, those of one script or program, and
// those of a route that is set up for the organisation as a whole.
func grouped(senders []Sender, tasks []Task, shared sharing) []Group {
	var groups []Group
	at := map[string]int{}
	put := func(i int, by, value string) {
		id := by + ":" + value
		n, ok := at[id]
		if !ok {
			n = len(groups)
			at[id] = n
			groups = append(groups, Group{ID: id, By: by, Value: value})
		}
		groups[n].Senders = append(groups[n].Senders, tasks[i].Sender)
		tasks[i].Group = id
	}
	for i, s := range senders {
		by, what, _ := shared.script(s)
		switch {
		case shared.account(s) > 1:
			put(i, "account", strings.ToLower(s.Account))
		case by != "":
			put(i, by, what)
		case tasks[i].Route == probes.Connector, tasks[i].Route == probes.Direct, tasks[i].Route == probes.Relay:
			put(i, "route", string(tasks[i].Route))
		}
	}
	single := map[string]bool{}
	groups = slices.DeleteFunc(groups, func(g Group) bool {
		single[g.ID] = len(g.Senders) < 2
		return single[g.ID]
	})
	for i := range tasks {
		if single[tasks[i].Group] {
			tasks[i].Group = ""
		}
	}
	return groups
}
