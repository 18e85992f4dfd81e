package ui

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
)

// compareScreen tries every route that is set up for a sender, and shows what
// became of them side by side.
type compareScreen struct {
	sender string
	run    stream[compareMsg]
	state  runState
	rows   []compared
	err    error
	at     picker
	top    int
	one    bool // the route under the cursor is shown in full
}

// compared is what became of one route.
type compared struct {
	route   probes.Route
	step    string // under way
	trial   *probes.Trial
	why     Explained
	receipt *probes.Receipt
	err     error
}

// compareMsg is what became of a route, and what a refusal means.
type compareMsg struct {
	CompareEvent
	why Explained
}

// compareWantedMsg asks for a comparison of a sender's routes.
type compareWantedMsg struct{ sender string }

func newCompare(id string) compareScreen { return compareScreen{sender: id} }

func (compareScreen) name() string          { return "compare" }
func (s compareScreen) is(msg tea.Msg) bool { return msg == tea.Msg(compareWantedMsg{s.sender}) }
func (compareScreen) typing() bool          { return false }
func (s compareScreen) busy() bool          { return s.state == running || s.state == stopping }
func (compareScreen) Init(env) tea.Cmd      { return nil }

func (s compareScreen) heading(e env) (left, right string) {
	title := ""
	if c, ok := e.mig.Sender(s.sender); ok {
		title = clean(c.Title())
	}
	return e.t("compare.title", text.Args{"sender": title}), ""
}

func (s compareScreen) Update(_ env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case batchMsg[compareMsg]:
		if msg.run == s.run.id {
			for _, ev := range msg.events {
				s = s.take(ev)
			}
			return s, s.run.next
		}
	case endMsg:
		if msg.run == s.run.id {
			if s.state != stopping {
				s.err = msg.err
			}
			s.state = ended
			return s, send(arrivedMsg{})
		}
	}
	return s, nil
}

func (s compareScreen) take(ev compareMsg) compareScreen {
	s.rows = slices.Clone(s.rows)
	i := slices.IndexFunc(s.rows, func(r compared) bool { return r.route == ev.Route })
	if i < 0 {
		s.rows = append(s.rows, compared{route: ev.Route})
		i = len(s.rows) - 1
	}
	r := &s.rows[i]
	switch {
	case ev.Step != nil:
		r.step = ev.Step.Step
	case ev.Trial != nil:
		r.trial, r.why = ev.Trial, ev.why
	case ev.Receipt != nil:
		r.receipt = ev.Receipt
	case ev.Err != nil:
		r.err = ev.Err
	}
	return s
}

func (s compareScreen) begin(e env) (screen, tea.Cmd) {
	id := s.sender
	s = compareScreen{sender: id, state: running}
	s.run = start(e.runs, func(ctx context.Context, emit func(compareMsg)) error { return e.compare(ctx, id, emit) })
	return s, s.run.next
}

// compare tries every route, and explains what was refused.
func (e env) compare(ctx context.Context, sender string, emit func(compareMsg)) error {
	return e.opts.Compare(ctx, sender, func(ev CompareEvent) {
		msg := compareMsg{CompareEvent: ev}
		if t := ev.Trial; t != nil && t.Outcome != probes.TrialSent {
			msg.why, _ = e.opts.Explain(ctx, *t) // without one the reply stands alone
		}
		emit(msg)
	})
}

func (s compareScreen) ids() []string {
	ids := make([]string, len(s.rows))
	for i, r := range s.rows {
		ids[i] = string(r.route)
	}
	return ids
}

func (s compareScreen) actions(e env) []action {
	begin := func() (screen, tea.Cmd) { return s.begin(e) }
	at := s.at.index(s.ids(), "")
	var acts []action
	switch {
	case s.state == stopping:
		return nil
	case s.state == running:
		acts = append(acts, e.on("cancel", func() (screen, tea.Cmd) { s.run.stop(); s.state = stopping; return stay(s) }, "esc"))
	case s.one:
		acts = append(acts, e.on("close", func() (screen, tea.Cmd) { s.one = false; return stay(s) }, "esc", "enter"))
		last := lastTop(s.full(e, s.rows[at]), e.height)
		move := func(n int) (screen, tea.Cmd) { s.top = max(0, min(s.top+n, last)); return stay(s) }
		return append(acts, e.moves(move, e.height-2)...)
	case s.state == idle:
		return []action{e.on("compare_now", begin, "enter"), e.ask("back", backMsg{}, "esc")}
	default:
		if len(s.rows) > 0 {
			acts = append(acts, e.on("details", func() (screen, tea.Cmd) { s.one, s.top = true, 0; return stay(s) }, "enter"),
				e.copy("copy", strings.Join(s.plainTable(e), "\n")+"\n", "c"))
		}
		acts = append(acts, e.on("retry", begin, "a"), e.ask("back", backMsg{}, "esc"))
	}
	move := func(n int) (screen, tea.Cmd) { s.at = s.at.move(s.ids(), at, n); return stay(s) }
	return append(acts, e.moves(move, 4)...)
}

func (s compareScreen) View(e env) string {
	width := min(prose, e.width-2)
	at := s.at.index(s.ids(), "")
	switch {
	case s.state == idle:
		return strings.Join(indented(wrap(e.t("compare.ready"), width, 0)), "\n")
	case s.one:
		return strings.Join(e.page(s.full(e, s.rows[at]), s.top, e.height), "\n")
	}
	lines := s.table(e, at)
	switch {
	case s.state == stopping:
		lines = append(lines, "", " "+e.t("setup.ui.stopping"))
	case s.state == running:
		lines = append(lines, "", " "+e.th.faint.Render(e.t("compare.running")))
	case s.err != nil:
		lines = append(append(lines, ""), e.threeParts(s.err)...)
	case len(s.rows) == 0:
		lines = indented(wrap(e.t("compare.none"), width, 0))
	}
	if len(s.rows) > 0 && s.state == ended {
		lines = append(append(lines, ""), s.full(e, s.rows[at])...)
	}
	return strings.Join(e.part(lines, 0, e.height, "details"), "\n")
}

// table is the routes side by side.
func (s compareScreen) table(e env, at int) []string {
	cols := s.columns(e)
	heads := make([]string, len(cols))
	for i, c := range cols {
		heads[i] = c.head
	}
	lines := []string{e.th.faint.Render("   " + row(cols, heads...))}
	for i, r := range s.rows {
		lines = append(lines, " "+e.marked(row(cols, s.cells(e, r)...), i == at, e.width-1))
	}
	return lines
}

func (s compareScreen) columns(e env) []column {
	cols := []column{
		{e.t("compare.col.route"), 10},
		{e.t("compare.col.result"), 0},
		{e.t("compare.col.arrived"), 18},
		{e.t("compare.col.outside"), 10},
		{e.t("compare.col.effort"), 9},
	}
	if e.width >= wide {
		cols[0].width, cols[2].width, cols[4].width = 28, 22, 24
	}
	rest := e.width - 4
	for _, c := range cols {
		rest -= c.width + 2
	}
	cols[1].width = max(12, rest+2)
	return cols
}

func (s compareScreen) cells(e env, r compared) []string {
	name := string(r.route)
	if e.width >= wide {
		name = e.routeName(r.route)
	}
	way, _ := checks.WayOf(r.route)
	reach := way.Reach
	if r.noConnector() {
		reach = ""
	}
	return []string{
		name, s.result(e, r), s.arrived(e, r), e.t("compare.outside." + string(reach)),
		e.counted("compare.effort", len(way.Effort)),
	}
}

// noConnector tells a message that was to come through a connector, and of
// which nothing says that it did not come by Direct Send.
func (r compared) noConnector() bool {
	return r.route == probes.Connector && r.receipt != nil && r.receipt.Found && r.receipt.Connector == ""
}

// result is what a route came to: works, refused with what, or why it could
// not be tried.
func (s compareScreen) result(e env, r compared) string {
	switch {
	case r.err != nil:
		return e.th.bad.Render(e.t("compare.not_tried") + " " + faultText(e, r.err))
	case r.trial == nil:
		return e.th.faint.Render(e.word("step", r.step) + "...")
	case r.trial.Outcome == probes.TrialSent:
		return e.th.good.Render(e.t("compare.works"))
	case r.trial.Reply != nil:
		return e.th.bad.Render(e.t("compare.refused", text.Args{"reply": clean(r.trial.Reply.String())}))
	}
	return e.th.bad.Render(e.t("trial.outcome.failed", text.Args{"step": e.word("step", r.trial.Reached().Step)}))
}

// arrived is how long the message took, and where it lies.
func (s compareScreen) arrived(e env, r compared) string {
	switch {
	case r.receipt != nil && r.receipt.Found:
		after := time.Duration(r.receipt.AfterMS) * time.Millisecond
		return e.t("trial.seconds", text.Args{"n": e.decimal(trimZero(after))}) + ", " + clean(r.receipt.Folder)
	case r.receipt != nil:
		return e.t("compare.not_arrived")
	case r.trial != nil && r.trial.Outcome == probes.TrialSent && s.state == running:
		return e.th.faint.Render(e.t("compare.looking"))
	}
	return "-"
}

// full is a route with what its last word means and what it takes.
func (s compareScreen) full(e env, r compared) []string {
	width := min(prose, e.width-2)
	lines := []string{e.th.strong.Render(e.routeName(r.route))}
	switch {
	case r.err != nil:
		lines = append(lines, wrap("! "+faultText(e, r.err), width, 2)...)
	case r.trial != nil && r.trial.Outcome != probes.TrialSent:
		lines = append(lines, trialScreen{trial: r.trial, why: r.why}.explained(e, width)...)
	case r.receipt != nil && r.receipt.Found:
		lines = append(lines, trialScreen{trial: r.trial, receipt: r.receipt}.receiptLines(e, width)...)
	}
	if r.noConnector() {
		lines = append(lines, wrap(e.t("check.head-connector.skip")+". "+e.t("remedy.connector-trace"), width, 2)...)
	}
	way, _ := checks.WayOf(r.route)
	words := make([]string, len(way.Effort))
	for i, id := range way.Effort {
		words[i] = e.word("effort", id)
	}
	if len(words) > 0 {
		lines = append(lines, wrap(e.t("compare.takes", text.Args{"effort": strings.Join(words, ", ")}), width, 2)...)
	}
	return indented(lines)
}

// plainTable is the table as text.
func (s compareScreen) plainTable(e env) []string {
	e.th, e.width = theme{}, 160
	cols := s.columns(e)
	lines := make([]string, len(s.rows))
	for i, r := range s.rows {
		lines[i] = row(cols, s.cells(e, r)...)
	}
	return lines
}
