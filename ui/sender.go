package ui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// senderScreen is one sender: what it was seen to do, what that means, and the
// routes, ranked.
type senderScreen struct {
	id       string
	run      int64
	sessions []probes.Session
	trials   []probes.Trial
	mark     string // the test sends that were read
	facts    checks.Facts
	findings []checks.Finding
	ranked   []checks.Ranked
	read     bool
	err      string

	at  picker // of the routes
	all bool   // the evidence, in full
	top int    // first line shown, of the evidence
}

func newSender(e env, id string) senderScreen {
	return senderScreen{id: id, run: e.runs.next(), mark: lastTrials(e.mig)}
}

func (senderScreen) name() string          { return "sender" }
func (s senderScreen) is(msg tea.Msg) bool { return msg == tea.Msg(senderWantedMsg{s.id}) }
func (senderScreen) typing() bool          { return false }
func (senderScreen) busy() bool            { return false }

func (s senderScreen) Init(e env) tea.Cmd {
	sessions, trials, id := e.opts.Sessions, e.opts.Trials, s.id
	return ask(e.runs, s.run, func(ctx context.Context) (history, error) {
		var h history
		var err error
		if h.sessions, err = sessions(ctx, id); err == nil {
			h.trials, err = trials(ctx)
		}
		return h, err
	})
}

// history is what was read of a sender.
type history struct {
	sessions []probes.Session
	trials   []probes.Trial
}

func (s senderScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case answerMsg[history]:
		if msg.run != s.run {
			return s, nil
		}
		s.read = true
		if msg.err != nil {
			s.err = faultText(e, msg.err)
		}
		s.sessions, s.trials = msg.value.sessions, msg.value.trials
		return s.judge(e), nil
	case changedMsg:
		mark := lastTrials(e.mig)
		if c, ok := e.mig.Sender(s.id); ok && s.read && (c.Seen.Sessions > len(s.sessions) || mark != s.mark) {
			s.run, s.mark = e.runs.next(), mark
			return s, s.Init(e)
		}
		return s.judge(e), nil
	}
	return s, nil
}

// judge is done once for what was read, not for each frame.
func (s senderScreen) judge(e env) senderScreen {
	s.facts = e.facts(s.id, s.sessions, s.trials)
	s.findings, s.ranked = e.opts.Judge(s.facts), e.opts.Rank(s.facts)
	return s
}

func (s senderScreen) heading(e env) (left, right string) {
	c, ok := e.mig.Sender(s.id)
	if !ok {
		return e.t("sender.title"), ""
	}
	left = clean(c.Title())
	right = e.t("state."+string(c.State())) + ", "
	if c.Seen.Sessions == 0 {
		return left, right + e.t("home.seen.never")
	}
	return left, right + e.counted("sender.seen", c.Seen.Sessions)
}

func (s senderScreen) routes() []string {
	ids := make([]string, len(s.ranked))
	for i, r := range s.ranked {
		ids[i] = string(r.Route)
	}
	return ids
}

func (s senderScreen) selected(e env) (*checks.Ranked, int) {
	if len(s.ranked) == 0 {
		return nil, 0
	}
	chosen := ""
	if c, ok := e.mig.Sender(s.id); ok {
		chosen = string(c.Route)
	}
	at := s.at.index(s.routes(), chosen)
	return &s.ranked[at], at
}

func (s senderScreen) actions(e env) []action {
	c, ok := e.mig.Sender(s.id)
	if !ok {
		return []action{e.ask("back", backMsg{}, "esc")}
	}
	acts := s.choices(e, c)
	if !s.all && len(s.findings)+len(s.ranked) > 0 {
		acts = append(acts, e.on("evidence", func() (screen, tea.Cmd) { s.all, s.top = true, 0; return stay(s) }, "e"))
	}
	if n := len(s.sessions); n > 0 {
		acts = append(acts, e.ask("last_session", sessionWantedMsg{s.sessions[n-1].ID}, "x"))
	}
	if !s.all && len(c.Peers) > 0 {
		acts = append(acts, e.askIt(c.Peers[len(c.Peers)-1])...)
	}
	acts = append(acts, e.senderFinds(s.id, s.all)...)
	acts = append(acts,
		e.ask("who", whoWantedMsg{s.id, s.product()}, "w"),
		e.ask("name", editWantedMsg{s.id, "name"}, "r"),
		e.ask("note", editWantedMsg{s.id, "note"}, "n"),
	)
	if s.all {
		acts = append(acts, e.on("close", func() (screen, tea.Cmd) { s.all = false; return stay(s) }, "esc"))
		last := lastTop(s.evidence(e), e.height)
		move := func(n int) (screen, tea.Cmd) { s.top = max(0, min(s.top+n, last)); return stay(s) }
		return append(acts, e.moves(move, e.height-2)...)
	}
	acts = append(acts, e.ask("back", backMsg{}, "esc"))
	_, at := s.selected(e)
	move := func(n int) (screen, tea.Cmd) { s.at = s.at.move(s.routes(), at, n); return stay(s) }
	return append(acts, e.moves(move, 4)...)
}

// product is the id of the product that the sender is taken for.
func (s senderScreen) product() string {
	if s.facts.Device == nil {
		return ""
	}
	return s.facts.Device.ID
}

// choices are the steps of the journey that can be done from here.
func (s senderScreen) choices(e env, c *wizard.Sender) []action {
	var acts []action
	r, _ := s.selected(e)
	step := e.mig.NextFor(*c)
	switch {
	case s.all:
	case r != nil && r.Route != c.Route:
		acts = append(acts, e.on("choose", s.choose(e, r.Route), "enter"))
	case c.Route != "" && step != wizard.StepWatch:
		acts = append(acts, e.ask("next."+string(step), nextMsg(step, c.ID), "enter"))
	}
	if len(e.mig.SenderScripts(*c)) > 0 && (!wizard.NeedsApp(c.Route) || e.mig.App != nil) {
		acts = append(acts, e.ask("set_up", scriptWantedMsg{ScriptRef{Sender: c.ID}}, "s"))
	}
	if wizard.Automatic(c.Route) {
		acts = append(acts, e.ask("try", trialWantedMsg{c.ID}, "t"))
		if !s.all && e.opts.Compare != nil {
			acts = append(acts, e.ask("compare", compareWantedMsg{c.ID}, "v"))
		}
	}
	return acts
}

func (s senderScreen) choose(e env, r probes.Route) func() (screen, tea.Cmd) {
	id, at := s.id, e.now
	return func() (screen, tea.Cmd) {
		said := saidMsg{text: e.t("sender.chosen", text.Args{"route": e.routeName(r)})}
		return s, change(e, func(m *wizard.Migration) error { return m.Choose(id, r, at) }, said)
	}
}

func (s senderScreen) View(e env) string {
	c, ok := e.mig.Sender(s.id)
	switch {
	case !ok:
		return " " + e.t("sender.gone")
	case s.err != "":
		return strings.Join(e.trouble(s.err), "\n")
	case !s.read:
		return " " + e.t("app.reading")
	case s.all:
		return strings.Join(e.page(s.evidence(e), s.top, e.height), "\n")
	case e.width >= wide:
		left := e.paneWidth()
		right := e.width - left - 3
		return strings.Join(panes(s.overview(e, c, left, e.height), s.why(e, right, e.height), left, right), "\n")
	}
	why := s.why(e, min(prose, e.width-2), min(6, e.height/3))
	lines := s.overview(e, c, e.width, e.height-len(why)-1)
	lines = append(lines, "")
	for _, l := range why {
		lines = append(lines, " "+l)
	}
	return strings.Join(lines, "\n")
}

// overview is what was seen, the findings in short and the routes, within
// height lines.
func (s senderScreen) overview(e env, c *wizard.Sender, width, height int) []string {
	lines := s.seen(e, c, width)
	_, at := s.selected(e)
	least := min(len(s.ranked), 6) + 1 // of routes, with their heading
	if found := s.findingHeads(e, width, max(2, height-len(lines)-least-1)); len(found) > 0 {
		lines = append(append(lines, found...), "")
	}
	lines = append(lines, " "+e.th.strong.Render(e.t("sender.routes")))
	room := height - len(lines)
	from, to := window(len(s.ranked), at, room)
	for i := from; i < to; i++ {
		lines = append(lines, " "+e.marked(s.routeRow(e, c, s.ranked[i], width-4), i == at, width-1))
	}
	if to-from < len(s.ranked) && len(lines) > 0 {
		shown := e.t("home.shown", text.Args{"from": number(from + 1), "to": number(to), "n": number(len(s.ranked))})
		head := len(lines) - (to - from) - 1
		lines[head] += "  " + e.th.faint.Render(shown)
	}
	return lines
}

// seen is what the sender does, in two or three lines.
func (s senderScreen) seen(e env, c *wizard.Sender, width int) []string {
	parts := []string{clean(strings.Join(c.Peers, " "))}
	if c.Seen.Sessions > 0 {
		parts = append(parts, e.seen(c))
	}
	if c.Account != "" {
		parts = append(parts, clean(c.Account))
	}
	if len(c.Seen.To) > 0 {
		parts = append(parts, e.t("sender.writes_to", text.Args{"domains": clean(strings.Join(c.Seen.To, ", "))}))
	}
	if c.Seen.MaxSize > 0 {
		parts = append(parts, e.t("sender.up_to", text.Args{"size": e.size(c.Seen.MaxSize)}))
	}
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	if len(parts) == 0 {
		parts = []string{e.t("sender.nothing_seen")}
	}
	lines := wrap(strings.Join(parts, ", "), min(prose, width-2), 0)
	if len(lines) > 3 {
		lines = lines[:3]
	}
	who, oauth := e.identity(c, s.facts)
	if oauth != "" {
		who += ". " + oauth
	}
	said := wrap(e.t("who.line", text.Args{"who": who}), min(prose, width-2), 2)
	lines = append(lines, said[:min(len(said), 2)]...)
	if c.Note != "" {
		lines = append(lines, e.th.faint.Render(cut(e.t("sender.note")+" "+clean(c.Note), width-2)))
	}
	for i := range lines {
		lines[i] = " " + lines[i]
	}
	return append(lines, "")
}

// findingHeads is the findings, the worst first, a line each.
func (s senderScreen) findingHeads(e env, width, room int) []string {
	found := worstFirst(s.findings)
	var lines []string
	for i, f := range found {
		if i == room-1 && len(found) > room {
			lines = append(lines, "   "+e.th.faint.Render(e.counted("sender.more_findings", len(found)-i)))
			break
		}
		lines = append(lines, cut(" "+e.finding(f), width-1))
	}
	return lines
}

// worstFirst orders findings and drops those that judged nothing.
func worstFirst(findings []checks.Finding) []checks.Finding {
	order := []checks.Status{checks.Fail, checks.Warn, checks.Pass}
	var out []checks.Finding
	for _, st := range order {
		for _, f := range findings {
			if f.Status == st {
				out = append(out, f)
			}
		}
	}
	return out
}

// finding is one judgement in a line: a sign, a word, the evidence.
func (e env) finding(f checks.Finding) string {
	style := map[checks.Status]func(...string) string{
		checks.Pass: e.th.good.Render, checks.Warn: e.th.warn.Render, checks.Fail: e.th.bad.Render, checks.Skip: e.th.faint.Render,
	}[f.Status]
	sign := e.t("finding." + string(f.Status))
	return style(pad(sign, statusWidth(e))) + " " + e.findingWords(f)
}

// findingWords are those of a finding, with words for the ids in its evidence.
func (e env) findingWords(f checks.Finding) string {
	args := e.args(f.Args)
	for name, value := range f.Args {
		if id := checks.ArgWords(name) + "." + value; e.tr.Has(id) {
			args[name] = e.t(id, args)
		}
	}
	return e.t("check."+string(f.Check)+"."+string(f.Status), args)
}

// statusWidth is the width of the longest status word.
func statusWidth(e env) int {
	w := 0
	for _, st := range []checks.Status{checks.Pass, checks.Warn, checks.Fail} {
		w = max(w, len([]rune(e.t("finding."+string(st)))))
	}
	return w
}

func (e env) findingLines(f checks.Finding, width int) []string {
	return wrap("  "+e.finding(f), width, 3+statusWidth(e))
}

func (s senderScreen) routeRow(e env, c *wizard.Sender, r checks.Ranked, width int) string {
	mark := " "
	if r.Route == c.Route {
		mark = "*"
	}
	fit := e.fitWidth()
	cols := []column{{width: 1}, {width: 9}, {width: fit}, {width: max(8, width-16-fit)}}
	return row(cols, mark, string(r.Route), e.fit(r.Fit), e.firstReason(r))
}

// fitWidth is the width of the longest word for how well a route fits.
func (e env) fitWidth() int {
	w := 0
	for _, f := range []checks.Fit{checks.Fits, checks.Needs, checks.Asks, checks.Unfit, checks.NoFact} {
		w = max(w, ansi.StringWidth(e.t("fit."+string(f))))
	}
	return min(w, 24)
}

// fit is how well a route fits, in a word.
func (e env) fit(f checks.Fit) string {
	style := e.th.faint
	switch f {
	case checks.Fits:
		style = e.th.good
	case checks.Needs, checks.Asks:
		style = e.th.warn
	case checks.Unfit:
		style = e.th.bad
	case checks.NoFact:
	}
	return style.Render(e.t("fit." + string(f)))
}

// reasonGroup is the reasons of one kind, with the sign of the kind.
type reasonGroup struct {
	sign string
	list []checks.Reason
	say  func(checks.Reason) string
}

// groups are the reasons of a route: for it, against it, what is to be had
// first, what is not known.
func (e env) groups(r checks.Ranked) (speaksFor, against, needs, lacks reasonGroup) {
	return reasonGroup{"+", r.For, e.reason}, reasonGroup{"-", r.Against, e.reason},
		reasonGroup{"!", r.Needs, e.reason}, reasonGroup{"?", r.Lacks, e.lack}
}

func (e env) reason(r checks.Reason) string { return e.t("reason."+r.ID, e.args(r.Args)) }

// lack is what is not known, and what would tell.
func (e env) lack(r checks.Reason) string {
	if k := "lack." + r.ID; e.tr.Has(k) {
		return e.t(k, e.args(r.Args))
	}
	return e.reason(r)
}

// firstReason is the reason that decides: against where it does not fit, what
// is needed or not known where that is open, else what speaks for it.
func (e env) firstReason(r checks.Ranked) string {
	speaksFor, against, needs, lacks := e.groups(r)
	order := []reasonGroup{against, needs, lacks, speaksFor}
	switch r.Fit {
	case checks.Fits:
		order = []reasonGroup{speaksFor, needs, lacks, against}
	case checks.Needs:
		order = []reasonGroup{needs, lacks, against, speaksFor}
	case checks.Asks, checks.NoFact:
		order = []reasonGroup{lacks, needs, against, speaksFor}
	case checks.Unfit:
	}
	for _, g := range order {
		if len(g.list) > 0 {
			return g.say(g.list[0])
		}
	}
	return ""
}

// why is the reasons of the route under the cursor.
func (s senderScreen) why(e env, width, height int) []string {
	r, _ := s.selected(e)
	if r == nil {
		return nil
	}
	return e.part(e.reasons(*r, width), 0, height, "evidence")
}

func (e env) reasons(r checks.Ranked, width int) []string {
	lines := []string{cut(e.th.strong.Render(e.t("sender.why", text.Args{"route": e.routeName(r.Route)})), width)}
	if what := "route." + string(r.Route) + ".what"; e.tr.Has(what) {
		lines = append(lines, wrap("  "+e.t(what), width, 2)...)
	}
	speaksFor, against, needs, lacks := e.groups(r)
	for _, g := range []reasonGroup{speaksFor, against, needs, lacks} {
		for _, reason := range g.list {
			lines = append(lines, wrap("  "+g.sign+" "+g.say(reason), width, 4)...)
		}
	}
	return lines
}

// evidence is everything: each finding with its remedy, each route with its
// reasons.
func (s senderScreen) evidence(e env) []string {
	width := min(prose, e.width-2)
	var lines []string
	if c, ok := e.mig.Sender(s.id); ok {
		lines = append(e.whole(c, s.facts, width), "")
	}
	lines = append(lines, e.th.strong.Render(e.t("sender.findings")))
	for _, f := range worstFirst(s.findings) {
		lines = append(lines, e.findingLines(f, width)...)
		if f.Remedy != "" {
			lines = append(lines, wrap("      > "+e.t("remedy."+f.Remedy, e.args(f.Args)), width, 8)...)
		}
	}
	for _, r := range s.ranked {
		lines = append(lines, "")
		lines = append(lines, e.reasons(r, width)...)
	}
	for i := range lines {
		lines[i] = " " + lines[i]
	}
	return lines
}
