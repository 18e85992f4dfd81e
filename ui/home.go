package ui

import (
	"cmp"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// homeScreen is the state of the migration and the next useful thing to do.
type homeScreen struct {
	at     picker
	filter filter
}

func newHome() homeScreen { return homeScreen{} }

func (homeScreen) name() string     { return "home" }
func (homeScreen) Init(env) tea.Cmd { return nil }
func (homeScreen) busy() bool       { return false }
func (homeScreen) is(tea.Msg) bool  { return false }
func (s homeScreen) typing() bool   { return s.filter.open }

func (s homeScreen) heading(e env) (left, right string) {
	left = e.t("app.name")
	if d := e.mig.Tenant.Domain; d != "" {
		left += "  " + clean(d)
	}
	if e.mig.Lab {
		left += " " + e.t("home.lab_tenant")
	}
	return left, e.deadline()
}

func (s homeScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	if !s.filter.open {
		return s, e.dragged(msg)
	}
	s.filter = s.filter.typed(msg)
	return s, nil
}

// ids are the senders that the filter lets through, in their order.
func (s homeScreen) ids(e env) []string {
	var ids []string
	for _, c := range e.mig.Senders {
		if s.filter.passes(c.Title(), c.Account, strings.Join(c.Peers, " "), string(c.Route), e.t("state."+string(c.State()))) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// selected is the sender under the cursor. Before the cursor is moved it is
// the one whose next step brings the migration furthest.
func (s homeScreen) selected(e env, ids []string) (*wizard.Sender, int) {
	if len(ids) == 0 {
		return nil, 0
	}
	at := s.at.index(ids, e.mig.Next().Sender)
	c, _ := e.mig.Sender(ids[at])
	return c, at
}

func (s homeScreen) actions(e env) []action {
	if s.filter.open {
		return s.filter.actions(e, func(f filter) (screen, tea.Cmd) { s.filter = f; return stay(s) })
	}
	ids := s.ids(e)
	c, at := s.selected(e, ids)
	var acts []action
	switch {
	case len(e.mig.Senders) == 0:
		acts = append(acts, e.ask("capture", captureWantedMsg{}, "enter", "c"))
	case c != nil:
		step := e.mig.NextFor(*c)
		next := e.ask("next."+string(step), nextMsg(step, c.ID), "enter")
		if step == wizard.StepCapture {
			next = e.ask("capture", captureWantedMsg{}, "enter", "c")
		}
		acts = append(acts, next)
		if step != wizard.StepChoose && step != wizard.StepWatch {
			acts = append(acts, e.ask("open", senderWantedMsg{c.ID}, "o"))
		}
		if step != wizard.StepCapture {
			acts = append(acts, e.ask("capture", captureWantedMsg{}, "c"))
		}
	default:
		acts = append(acts, e.ask("capture", captureWantedMsg{}, "c"))
	}
	acts = append(append(acts, e.ask("add", addWantedMsg{}, "a")), e.findActions()...)
	if len(e.mig.Senders) == 0 {
		return acts
	}
	acts = append(acts, e.ask("register", registerWantedMsg{}, "r"))
	if e.opts.Tenant != nil {
		acts = append(acts, e.ask("tenant", tenantWantedMsg{}, "m"))
	}
	if c != nil && wizard.Automatic(c.Route) {
		acts = append(acts, e.ask("try", trialWantedMsg{c.ID}, "t"))
	}
	acts = append(acts, e.on("filter", func() (screen, tea.Cmd) { s.filter.open = true; return stay(s) }, "/"))
	if s.filter.text != "" {
		acts = append(acts, e.on("filter_off", func() (screen, tea.Cmd) { s.filter = filter{}; return stay(s) }, "esc"))
	}
	move := func(n int) (screen, tea.Cmd) { s.at = s.at.move(ids, at, n); return stay(s) }
	return append(acts, e.moves(move, s.rowsHeight(e))...)
}

// nextMsg asks for the screen on which a step is done.
func nextMsg(step wizard.Step, sender string) tea.Msg {
	switch step {
	case wizard.StepFind, wizard.StepCapture:
		return captureWantedMsg{}
	case wizard.StepApp:
		return registerWantedMsg{}
	case wizard.StepScript:
		return scriptWantedMsg{ScriptRef{Sender: sender}}
	case wizard.StepByHand:
		return editWantedMsg{sender, "note"}
	case wizard.StepTry, wizard.StepRepair, wizard.StepVerify:
		return trialWantedMsg{sender}
	}
	return senderWantedMsg{sender}
}

func (s homeScreen) View(e env) string {
	if len(e.mig.Senders) == 0 {
		return strings.Join(s.firstStart(e), "\n")
	}
	ids := s.ids(e)
	c, at := s.selected(e, ids)
	lines := []string{" " + cut(s.counts(e), e.width-1), ""}
	lines = append(lines, s.next(e, c)...)
	lines = append(lines, "")
	if s.filter.open || s.filter.text != "" {
		lines = append(lines, s.filter.view(e, len(ids), len(e.mig.Senders)))
	}
	lines = append(lines, s.table(e, ids, at, e.height-len(lines))...)
	return strings.Join(lines, "\n")
}

// counts is one line: how many senders have come how far.
func (s homeScreen) counts(e env) string {
	n := e.mig.Counts()
	parts := []string{e.th.strong.Render(e.counted("home.senders", len(e.mig.Senders)))}
	for _, st := range slices.Backward(wizard.States()) {
		if n[st] > 0 {
			parts = append(parts, e.stateCount(st, n[st]))
		}
	}
	return strings.Join(parts, "   ")
}

// state is the word for how far a sender has come, in its colour.
func (e env) state(s wizard.State) string { return e.stateStyle(s).Render(e.t("state." + string(s))) }

// stateCount is how many senders have come so far.
func (e env) stateCount(s wizard.State, n int) string {
	return e.stateStyle(s).Render(e.t("home.state."+string(s), text.Args{"count": number(n)}))
}

func (e env) stateStyle(s wizard.State) lipgloss.Style {
	switch s {
	case wizard.Proved:
		return e.th.good
	case wizard.Refused:
		return e.th.bad
	case wizard.IsSetUp, wizard.RouteChosen:
		return e.th.plan
	case wizard.Unknown:
	}
	return e.th.faint
}

// nextHeight is how many lines the next step takes.
const nextHeight = 3

// next says what enter does for the sender under the cursor, and why.
func (s homeScreen) next(e env, c *wizard.Sender) []string {
	step, args := e.mig.Next().Step, text.Args{}
	if c == nil { // the filter lets none through: what is next for all of them
		c, _ = e.mig.Sender(e.mig.Next().Sender)
	}
	if c != nil {
		step = e.mig.NextFor(*c)
		if step == wizard.StepCapture && c.Heard() != "" {
			step = wizard.Step("capture_" + c.Heard())
		}
		args = text.Args{"sender": clean(c.Title()), "route": e.routeName(c.Route), "reply": lastReply(c)}
		if step == wizard.StepWatch && e.mig.Next().Step != wizard.StepWatch {
			step = "proved"
		}
	}
	label := e.t("home.next") + " "
	lines := wrap(label+e.t("next."+string(step), args), min(prose, e.width-2), len([]rune(label)))
	for i := range lines {
		lines[i] = " " + lines[i]
	}
	lines[0] = strings.Replace(lines[0], label, e.th.strong.Render(label), 1)
	return fit(lines, e.width, nextHeight)
}

func lastReply(c *wizard.Sender) string {
	if c.Last == nil {
		return ""
	}
	return clean(c.Last.Reply)
}

func (e env) routeName(r probes.Route) string {
	if r == "" {
		return "-"
	}
	return e.t("route." + string(r))
}

// rowsHeight is how many senders a page shows.
func (s homeScreen) rowsHeight(e env) int { return max(1, e.height-nextHeight-4) }

// table lists the senders around the cursor.
func (s homeScreen) table(e env, ids []string, at, height int) []string {
	width := e.width - 3
	cols := s.columns(e, width)
	heads := make([]string, len(cols))
	for i, c := range cols {
		heads[i] = c.head
	}
	out := []string{e.th.faint.Render("   " + row(cols, heads...))}
	room := height - 1
	if len(ids) > room {
		room-- // for the line that says which part is shown
	}
	from, to := window(len(ids), at, room)
	for i := from; i < to; i++ {
		c, _ := e.mig.Sender(ids[i])
		out = append(out, " "+e.marked(row(cols, s.cells(e, c)...), i == at, e.width-1))
	}
	if to-from < len(ids) {
		out = append(out, e.th.faint.Render("   "+e.t("home.shown", text.Args{
			"from": number(from + 1), "to": number(to), "n": number(len(ids)),
		})))
	}
	return out
}

func (s homeScreen) columns(e env, width int) []column {
	cols := []column{
		{e.t("home.col.sender"), 0}, {e.t("home.col.seen"), 20}, {e.t("home.col.route"), 9}, {e.t("home.col.state"), 20},
	}
	if e.width < 72 {
		cols[1].width = 12
	}
	if e.width >= wide {
		cols[1].width, cols[2].width, cols[3].width = 24, 30, 28
	}
	rest := width
	for _, c := range cols {
		rest -= c.width + 2
	}
	cols[0].width = max(12, rest+2)
	return cols
}

func (s homeScreen) cells(e env, c *wizard.Sender) []string {
	route := "-"
	if c.Route != "" {
		route = string(c.Route)
		if e.width >= wide {
			route = e.routeName(c.Route)
		}
	}
	return []string{clean(c.Title()), e.seen(c), route, s.stateCell(e, c)}
}

// seen is how a sender was seen signing in, in two words: by a capture, else
// as imported reports say.
func (e env) seen(c *wizard.Sender) string {
	s := c.Seen
	if s.Sessions == 0 {
		return e.t("home.seen." + cmp.Or(c.Heard(), "never"))
	}
	how, tls := clean(s.Mechanism), clean(s.TLS)
	if how == "" {
		how = e.t("home.seen.no_auth")
	}
	switch {
	case s.TLSError != "":
		tls = e.t("session.tls_failed")
	case tls == "":
		tls = e.t("home.seen.no_tls")
	}
	return how + ", " + tls
}

// stateCell is the state, with what makes it worth reading.
func (s homeScreen) stateCell(e env, c *wizard.Sender) string {
	st := c.State()
	switch {
	case st == wizard.Proved:
		return e.state(st) + " " + e.ago(c.Last.Received)
	case st == wizard.Refused && c.Last.Reply != "":
		return e.state(st) + " " + clean(c.Last.Reply)
	case st == wizard.IsSetUp && c.Last == nil:
		return e.state(st) + ", " + e.t("home.not_tried")
	case c.Last != nil && c.Last.Route == c.Route && c.Last.Outcome == probes.TrialSent:
		return e.th.plan.Render(e.t("home.sent"))
	}
	return e.state(st)
}

// firstStart is the screen when no sender is known: the ways in.
func (s homeScreen) firstStart(e env) []string {
	width := min(prose, e.width-2)
	var lines []string
	for _, l := range wrap(e.t("home.first"), width, 0) {
		lines = append(lines, " "+l)
	}
	lines = append(lines, "")
	third := "list"
	if e.opts.Import != nil {
		third = "import"
	}
	for _, way := range []struct{ key, id string }{{"c", "capture"}, {"a", "add"}, {"i", third}} {
		mark := "   "
		if way.id == "capture" {
			mark = " > "
		}
		lines = append(lines, e.th.key.Render(mark+way.key)+"  "+e.th.strong.Render(e.t("home.way."+way.id)))
		for _, l := range wrap(e.t("home.way."+way.id+".why"), width-5, 0) {
			lines = append(lines, "      "+l)
		}
	}
	lines = append(lines, "")
	if e.mig.Lab {
		return lines
	}
	for _, l := range wrap(e.t("home.way.lab"), width, 0) {
		lines = append(lines, " "+l)
	}
	return lines
}
