package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// Order is the order of work, and what it was made from.
type Order struct {
	Tasks  []wizard.Task
	Groups []wizard.Group
	// Asks are the questions that are open, by the sender's id.
	Asks    map[string][]wizard.Ask
	Changes []probes.Change
}

// Order puts the senders into the order of work.
func (w *Work) Order(ctx context.Context) (Order, error) {
	m := w.Folder.Migration()
	trials, err := w.Trials(ctx)
	if err != nil {
		return Order{}, err
	}
	facts, err := w.allFacts(ctx, trials)
	if err != nil {
		return Order{}, err
	}
	o := Order{Asks: map[string][]wizard.Ask{}}
	err = w.Folder.Changes(ctx, func(c probes.Change) error {
		o.Changes = append(o.Changes, c)
		return nil
	})
	for _, s := range m.Senders {
		o.Asks[s.ID] = s.Asked(facts[s.ID])
	}
	o.Tasks, o.Groups = m.Plan(wizard.PlanInput{
		Now: w.Now(), Rank: func(id string) []checks.Ranked { return checks.Rank(facts[id]) },
		Recipients: func(id string) string { return checks.Recipients(facts[id]) },
		Program:    func(id string) string { return checks.Program(facts[id]) },
	})
	return o, err
}

// taskLine, groupLine and eventLine are the order of work in the JSON contract.
type taskLine struct {
	Type string `json:"type"`
	wizard.Task
	Asks []string `json:"asks,omitempty"` // open questions
}

type groupLine struct {
	Type string `json:"type"`
	wizard.Group
}

type eventLine struct {
	Type string `json:"type"`
	checks.Event
	Days *int `json:"days,omitempty"` // left until it; not of what is past
}

// orderOf makes the order of work and prints it.
func (c *call) orderOf(ctx context.Context, w *Work) error {
	o, err := w.Order(ctx)
	if err != nil {
		return err
	}
	return c.order(w.Folder.Migration(), o)
}

// order prints the deadline, the work in its order, and the steps for all.
func (c *call) order(m wizard.Migration, o Order) error {
	if c.json {
		return c.orderJSON(m, o)
	}
	if len(m.Senders) == 0 {
		c.note("cli.plan.none", nil)
		return nil
	}
	c.deadline()
	c.say("")
	c.say("%s", c.tr.T("plan.order"))
	for i, t := range o.Tasks {
		c.task(i+1, m, t, o.Asks[t.Sender])
	}
	c.groups(m, o.Groups)
	c.mayWait(o.Tasks)
	c.pilot(m, o)
	return nil
}

func (c *call) orderJSON(m wizard.Migration, o Order) error {
	var lines []any
	for _, s := range m.Senders {
		lines = append(lines, senderLine{"sender", s, s.State(), m.NextFor(s)})
	}
	for _, t := range o.Tasks {
		lines = append(lines, taskLine{"task", t, askIDs(o.Asks[t.Sender])})
	}
	for _, g := range o.Groups {
		lines = append(lines, groupLine{"group", g})
	}
	if e, ok := c.nextEvent(); ok {
		lines = append(lines, e)
	}
	return c.lines(lines)
}

func askIDs(asks []wizard.Ask) []string {
	var ids []string
	for _, a := range asks {
		ids = append(ids, a.ID)
	}
	return ids
}

// nextEvent is the next date that counts for everybody.
func (c *call) nextEvent() (eventLine, bool) {
	_, days, id := checks.Deadline(c.Now())
	all := checks.Calendar()
	i := slices.IndexFunc(all, func(e checks.Event) bool { return e.ID == id })
	if i < 0 {
		return eventLine{}, false
	}
	return eventLine{"event", all[i], &days}, true
}

func (c *call) deadline() {
	if e, ok := c.nextEvent(); ok {
		c.say("%s", c.tr.T("plan.deadline", text.Args{"date": e.Date, "days": itoa(*e.Days), "what": c.tr.T("date." + e.ID)}))
	}
}

// task is one sender in the order of work: what is next, and why it is where it
// is.
func (c *call) task(n int, m wizard.Migration, t wizard.Task, asks []wizard.Ask) {
	s, ok := m.Sender(t.Sender)
	if !ok {
		return
	}
	c.say("%3d  %s", n, c.sender(*s))
	if t.State == wizard.Proved {
		c.say("       %s", c.tr.T("todo."+string(t.Next)))
		return
	}
	var left []string
	for _, step := range t.Left {
		left = append(left, c.tr.T("todo."+string(step)))
	}
	c.say("       %s", c.tr.T("plan.next", text.Args{"next": c.tr.T("todo." + string(t.Next)), "left": orDash(strings.Join(left, " > "))}))
	if !t.Chosen && t.Route != "" {
		c.say("       %s", c.tr.T("plan.fits_best", text.Args{"route": c.tr.T("route." + string(t.Route))}))
	}
	if why := c.risks(t); why != "" {
		c.say("       %s", c.tr.T("plan.why", text.Args{"risk": itoa(t.Risk), "why": why}))
	}
	if len(asks) > 0 {
		c.say("       %s", c.tr.T("plan.asks", text.Args{"count": itoa(len(asks)), "question": c.tr.T("ask." + asks[0].ID), "id": s.ID}))
	}
}

func (c *call) risks(t wizard.Task) string {
	var parts []string
	for _, why := range t.Why {
		parts = append(parts, c.tr.T("risk."+why.ID, why.Args))
	}
	if t.MayWait {
		parts = append(parts, c.tr.T("report.wait"))
	}
	return strings.Join(parts, ", ")
}

// groups are the senders that one change serves.
func (c *call) groups(m wizard.Migration, groups []wizard.Group) {
	if len(groups) == 0 {
		return
	}
	c.say("")
	c.say("%s", c.tr.T("plan.groups"))
	for _, g := range groups {
		var names []string
		for _, id := range g.Senders {
			if s, ok := m.Sender(id); ok {
				names = append(names, cut(s.Title(), maxTitle))
			}
		}
		value := g.Value
		if g.By == "route" {
			value = c.tr.T("route." + g.Value)
		}
		c.say("  %s", c.tr.T("group."+g.By, text.Args{"value": value, "senders": strings.Join(names, ", ")}))
	}
}

// mayWait says what may wait until 2027, and why that is a risk.
func (c *call) mayWait(tasks []wizard.Task) {
	n := 0
	for _, t := range tasks {
		if t.MayWait {
			n++
		}
	}
	if n == 0 {
		return
	}
	c.say("")
	c.say("%s", c.tr.T("report.may_wait", text.Args{"count": itoa(n)}))
	c.say("  %s", c.tr.T("report.wait.risk"))
}

// pilot are the steps for all: block for a few, watch, extend.
func (c *call) pilot(m wizard.Migration, o Order) {
	list := m.Checklist(o.Changes)
	i := slices.IndexFunc(list, func(i wizard.Item) bool { return i.ID == "disable" })
	done := 0
	if i >= 0 {
		done = list[i].Done
	}
	c.say("")
	c.say("%s", c.tr.T("plan.pilot"))
	for n, step := range []string{"pilot", "watch", "all", "back"} {
		mark := " "
		if step == "pilot" && done > 0 || step == "all" && done > 1 {
			mark = "x"
		}
		c.say("  %s %d  %s", mark, n+1, c.tr.T("plan.pilot."+step))
	}
}

// calendar prints every date of the retirement with its source, those that were
// moved or cancelled as well.
func (c *call) calendar() error {
	now := c.Now()
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	if !c.json {
		c.deadline()
		c.say("")
		c.say("%s", c.tr.T("report.sources.why"))
	}
	for _, e := range checks.Calendar() {
		if err := c.event(e, today); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) event(e checks.Event, today time.Time) error {
	if c.json {
		l := eventLine{"event", e, nil}
		if from, err := time.Parse(time.DateOnly, e.From); err == nil && !from.Before(today) {
			days := int(from.Sub(today) / (24 * time.Hour))
			l.Days = &days
		}
		return c.line(l)
	}
	what := c.tr.T("date." + e.ID)
	if e.Replaced {
		what += " " + c.tr.T("report.replaced")
	}
	if e.Confidence != "primary" {
		what += " " + c.tr.T("report.unconfirmed")
	}
	c.say("  %-10s  %s", e.Date, what)
	c.say("              %s %s", c.tr.T("known.source"), c.tr.Cite(e.Source))
	return nil
}

// limitsOf says what a route allows, as far as it is known, and by whom; a
// route that is ruled out needs none.
func (c *call) limitsOf(r checks.Ranked) {
	if r.Fit == checks.Unfit {
		return
	}
	for _, l := range checks.LimitsOf(r.Route) {
		said := c.tr.T("limit."+l.ID, text.Args{"value": itoa(int(l.Value))})
		if l.Source != "" {
			said += " (" + c.tr.Cite(l.Source) + ")"
		}
		c.say("              = %s", said)
	}
}

// deciders says what would decide what is not known: each thing once, with the
// command that does it. The question that decides most comes first.
func (c *call) deciders(s wizard.Sender, f checks.Facts, ranked []checks.Ranked) {
	asks := askIDs(s.Asked(f))
	var lines []string
	for _, by := range tellers(ranked) {
		kind, rest, _ := strings.Cut(string(by), ":")
		switch {
		case kind == "ask":
			asks = append([]string{rest}, asks...)
			continue
		case rest != "":
			kind += "_as"
		}
		lines = append(lines, c.tr.T("teller."+kind, text.Args{"policy": rest}))
	}
	if len(asks) > 0 {
		lines = append([]string{c.tr.T("teller.ask", text.Args{"question": c.tr.T("ask." + asks[0]), "id": s.ID})}, lines...)
	}
	if len(lines) == 0 {
		return
	}
	c.say("")
	c.say("%s", c.tr.T("plan.decides"))
	for _, l := range lines {
		c.say("  %s", l)
	}
}

// tellers are what would tell what the routes that are open lack, each once.
func tellers(ranked []checks.Ranked) []checks.Teller {
	var out []checks.Teller
	for _, r := range ranked {
		if r.Fit == checks.Unfit {
			continue
		}
		for _, l := range r.Lacks {
			if !slices.Contains(out, l.By) {
				out = append(out, l.By)
			}
		}
	}
	return out
}
