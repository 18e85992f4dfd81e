package ui

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"offbasic/ui/text"
	"offbasic/wizard"
)

// mostBelow is how many lines the task under the cursor takes below a list that
// fills the screen.
const mostBelow = 7

func (s boardScreen) View(e env) string {
	switch {
	case s.err != nil:
		return strings.Join(e.threeParts(s.err), "\n")
	case !s.read:
		return " " + e.t("app.reading")
	case len(s.rows) == 0:
		return strings.Join(indented(wrap(e.t("board.none"), min(prose, e.width-2), 0)), "\n")
	}
	lines := []string{" " + cut(s.counts(e), e.width-1), ""}
	if s.filter.open || s.filter.text != "" {
		lines = append(lines, s.filter.view(e, len(s.shown), len(s.rows)))
	}
	t, at := s.selected()
	if t == nil {
		return strings.Join(lines, "\n")
	}
	if e.width >= wide {
		left := e.paneWidth()
		right := e.width - left - 3
		list := s.table(e, at, left, e.height-len(lines))
		told := s.told(e, *t, right)
		return strings.Join(append(lines, panes(list, told[:min(len(told), e.height-len(lines))], left, right)...), "\n")
	}
	told := s.told(e, *t, min(prose, e.width-2))
	most := max(mostBelow, e.height-len(lines)-len(s.shown)-2) // a short list leaves more
	if len(told) > most {
		told = append(told[:most-1], cut(told[most-1]+" …", e.width-2))
	}
	room := e.height - len(lines) - len(told) - 1
	lines = append(append(lines, s.table(e, at, e.width, room)...), "")
	return strings.Join(append(lines, indented(told)...), "\n")
}

// counts is how far the whole is: what is proved of all, then every state.
// Where it would be cut, the bar is shorter.
func (s boardScreen) counts(e env) string {
	n := map[wizard.State]int{}
	for _, r := range s.rows {
		n[r.task.State]++
	}
	done, all, width := n[wizard.Proved], len(s.rows), 10
	if e.width >= wide {
		width = 20
	}
	parts := []string{e.t("board.done", text.Args{"done": number(done), "all": number(all)})}
	for _, st := range slices.Backward(wizard.States()) {
		if n[st] > 0 && st != wizard.Proved {
			parts = append(parts, e.stateCount(st, n[st]))
		}
	}
	said := strings.Join(parts, "  ")
	width = min(width, max(4, e.width-ansi.StringWidth(said)-5))
	return e.bar(int64(done), int64(all), width) + " " + said
}

// table lists the tasks around the cursor.
func (s boardScreen) table(e env, at, width, height int) []string {
	cols := []column{{"", 4}, {e.t("home.col.sender"), 0}, {e.t("home.col.state"), 15}, {e.t("board.col.next"), 24}, {"", 2}}
	if width < 76 {
		cols[3].width = 18
	}
	rest := width - 4
	for _, c := range cols {
		rest -= c.width + 2
	}
	cols[1].width = max(12, rest+2)
	out := []string{e.th.faint.Render("   " + row(cols, "", cols[1].head, cols[2].head, cols[3].head, ""))}
	room := height - 1
	if len(s.shown) > room {
		room-- // for the line that says which part is shown
	}
	from, to := window(len(s.shown), at, room)
	current, _ := s.selected()
	for i := from; i < to; i++ {
		t := s.rows[s.index[s.shown[i]]].task
		out = append(out, " "+e.marked(row(cols, s.cells(e, t, current.Group)...), i == at, width-1))
	}
	if to-from < len(s.shown) {
		out = append(out, e.th.faint.Render("   "+e.t("home.shown", text.Args{"from": number(from + 1), "to": number(to), "n": number(len(s.shown))})))
	}
	return out
}

// cells are a row: & marks those that one change serves together with the one
// under the cursor.
func (s boardScreen) cells(e env, t wizard.Task, group string) []string {
	name := clean(t.Sender)
	if c, ok := e.mig.Sender(t.Sender); ok {
		name = clean(c.Title())
	}
	mark := ""
	if group != "" && t.Group == group {
		mark = "&"
	}
	next := e.t("todo." + string(t.Next))
	if t.State == wizard.Proved {
		next = "-"
	}
	return []string{number(s.index[t.Sender] + 1), name, e.state(t.State), next, mark}
}

// told is everything about the task under the cursor: why it is here, what is
// left, what is done together with it, what is asked.
func (s boardScreen) told(e env, t wizard.Task, width int) []string {
	var lines []string
	say := func(words string, args text.Args) { lines = append(lines, wrap(e.t(words, args), width, 2)...) }
	if c, ok := e.mig.Sender(t.Sender); ok {
		lines = append(lines, e.th.strong.Render(cut(clean(c.Title()), width)))
	}
	if why := e.risks(t); why != "" && t.State != wizard.Proved {
		say("board.why", text.Args{"risk": number(t.Risk), "why": why})
	}
	if len(t.Left) > 0 {
		steps := make([]string, len(t.Left))
		for i, step := range t.Left {
			steps[i] = e.t("todo." + string(step))
		}
		say("board.left", text.Args{"steps": strings.Join(steps, " > ")})
	}
	switch {
	case t.Route != "" && !t.Chosen:
		say("plan.fits_best", text.Args{"route": e.routeName(t.Route)})
	case t.Route != "":
		say("board.route", text.Args{"route": e.routeName(t.Route)})
	}
	if asks := s.plan.Asks[t.Sender]; len(asks) > 0 {
		say("board.asks", text.Args{"count": number(len(asks)), "question": e.t("ask." + asks[0].ID)})
	}
	if said := s.group(e, t); said != "" {
		lines = append(lines, wrap("& "+said, width, 2)...)
	}
	return lines
}

// group is what one change serves, "" for a sender alone.
func (s boardScreen) group(e env, t wizard.Task) string {
	i := slices.IndexFunc(s.plan.Groups, func(g wizard.Group) bool { return g.ID == t.Group })
	if t.Group == "" || i < 0 {
		return ""
	}
	g := s.plan.Groups[i]
	const most = 6
	var names []string
	for _, id := range g.Senders[:min(len(g.Senders), most)] {
		if c, ok := e.mig.Sender(id); ok {
			names = append(names, clean(c.Title()))
		}
	}
	list := strings.Join(names, ", ")
	if more := len(g.Senders) - most; more > 0 {
		list += ", +" + number(more)
	}
	value := clean(g.Value)
	if g.By == "route" {
		value = e.t("route." + g.Value)
	}
	return e.t("group."+g.By, text.Args{"value": value, "senders": list})
}
