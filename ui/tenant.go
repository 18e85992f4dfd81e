package ui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"offbasic/checks"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// tenantScreen is what is known of the tenant: findings with their remedy, and
// what is not known. From here the scripts, the registration and the command
// log are reached.
type tenantScreen struct {
	run   int64
	state TenantState
	read  bool
	err   error
	at    picker
	top   int
	one   bool // the finding under the cursor is shown in full
	// outside says what the last test send that must be refused came to.
	outside []string
}

// tenantWantedMsg asks for the tenant's state.
type tenantWantedMsg struct{}

func newTenant(e env) tenantScreen { return tenantScreen{run: e.runs.next()} }

func (tenantScreen) name() string         { return "tenant" }
func (tenantScreen) is(msg tea.Msg) bool  { return msg == tea.Msg(tenantWantedMsg{}) }
func (tenantScreen) typing() bool         { return false }
func (tenantScreen) busy() bool           { return false }
func (s tenantScreen) Init(e env) tea.Cmd { return ask(e.runs, s.run, e.opts.Tenant) }

func (s tenantScreen) heading(e env) (left, right string) {
	left = e.t("tenant.title")
	if d := e.mig.Tenant.Domain; d != "" {
		left += "  " + clean(d)
	}
	if s.read && !s.state.Read.IsZero() {
		right = e.t("tenant.read", text.Args{"ago": e.ago(s.state.Read)})
	}
	return left, right
}

func (s tenantScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case answerMsg[TenantState]:
		if msg.run == s.run {
			s.read, s.state, s.err = true, msg.value, msg.err
		}
	case outsideTriedMsg:
		s.outside = msg.words
	case arrivedMsg, changedMsg:
		s.run = e.runs.next()
		return s, s.Init(e)
	}
	return s, nil
}

// found are the findings, the worst first; those that judged nothing are told
// among what is not known.
func (s tenantScreen) found() []checks.Finding { return worstFirst(s.state.Findings) }

func (s tenantScreen) ids() []string {
	found := s.found()
	ids := make([]string, len(found))
	for i, f := range found {
		ids[i] = string(f.Check) + " " + f.Args["id"] + f.Args["mailbox"] + f.Args["name"] + f.Args["policy"]
	}
	return ids
}

func (s tenantScreen) selected() (*checks.Finding, int) {
	found := s.found()
	if len(found) == 0 {
		return nil, 0
	}
	at := s.at.index(s.ids(), "")
	return &found[at], at
}

// remedyMsg asks for where a finding is mended: a script, or the registration.
func remedyMsg(f checks.Finding) tea.Msg {
	switch {
	case slices.Contains(wizard.ScriptNames(), f.Script):
		return scriptWantedMsg{ScriptRef{Name: f.Script}}
	case slices.Contains([]string{"tenant-app-id", "tenant-consent", "tenant-token-app", "tenant-token-tenant"}, f.Remedy):
		return registerWantedMsg{}
	case f.Remedy == "tenant-consent-remove":
		return undoWantedMsg{}
	case f.Remedy == "tenant-read":
		return scriptWantedMsg{ScriptRef{Name: "tenant-state"}}
	}
	return nil
}

func (s tenantScreen) actions(e env) []action {
	f, at := s.selected()
	var acts []action
	unread := s.read && s.err == nil && s.state.Read.IsZero()
	if f != nil && !unread {
		if msg := remedyMsg(*f); msg != nil {
			acts = append(acts, e.ask("remedy", msg, "enter"))
		}
	}
	if s.one {
		acts = append(acts, e.on("close", func() (screen, tea.Cmd) { s.one = false; return stay(s) }, "esc", "e"))
		last := lastTop(s.everything(e), e.height)
		move := func(n int) (screen, tea.Cmd) { s.top = max(0, min(s.top+n, last)); return stay(s) }
		return append(acts, e.moves(move, e.height-2)...)
	}
	if unread {
		acts = append(acts, e.ask("read_tenant", scriptWantedMsg{ScriptRef{Name: "tenant-state"}}, "enter"))
	} else {
		acts = append(acts, e.ask("read_tenant", scriptWantedMsg{ScriptRef{Name: "tenant-state"}}, "t"))
	}
	if len(s.state.Findings) > 0 {
		acts = append(acts, e.on("evidence", func() (screen, tea.Cmd) { s.one, s.top = true, 0; return stay(s) }, "e"))
	}
	acts = append(acts,
		e.ask("tenant_scripts", scriptsWantedMsg{}, "s"), e.ask("register", registerWantedMsg{}, "r"), e.ask("log", changesWantedMsg{}, "l"))
	if e.opts.ProveOutside != nil && e.mig.App != nil {
		acts = append(acts, e.ask("prove_outside", outsideWantedMsg{}, "o"))
	}
	acts = append(acts, e.ask("back", backMsg{}, "esc"))
	move := func(n int) (screen, tea.Cmd) { s.at = s.at.move(s.ids(), at, n); return stay(s) }
	return append(acts, e.moves(move, 6)...)
}

func (s tenantScreen) View(e env) string {
	width := min(prose, e.width-2)
	switch {
	case s.err != nil:
		return strings.Join(e.threeParts(s.err), "\n")
	case !s.read:
		return " " + e.t("app.reading")
	case s.one:
		return strings.Join(e.page(s.everything(e), s.top, e.height), "\n")
	}
	lines := s.outsideLines(e, width)
	if s.state.Read.IsZero() {
		lines = append(lines, indented(wrap(e.t("tenant.never_read"), width, 0))...)
		lines = append(lines, "")
	}
	unknown := s.unknown(e, width)
	about := s.about(e, width)
	found, room := s.found(), e.height-len(lines)-len(about)-min(len(unknown), 5)
	_, at := s.selected()
	from, to := window(len(found), at, room)
	for i := from; i < to; i++ {
		lines = append(lines, " "+e.marked(e.finding(found[i]), i == at, e.width-1))
	}
	lines = append(lines, about...)
	return strings.Join(append(lines, e.part(unknown, 0, e.height-len(lines), "evidence")...), "\n")
}

// about is the finding under the cursor in full, with its remedy.
func (s tenantScreen) about(e env, width int) []string {
	f, _ := s.selected()
	if f == nil {
		return nil
	}
	lines := append([]string{""}, indented(e.remedyLines(*f, width))...)
	return append(lines[:min(len(lines), 6)], "")
}

// remedyLines is a finding and what to do about it.
func (e env) remedyLines(f checks.Finding, width int) []string {
	lines := e.findingLines(f, width)
	if f.Remedy != "" && e.tr.Has("remedy."+f.Remedy) {
		lines = append(lines, wrap("      > "+e.t("remedy."+f.Remedy, e.args(f.Args)), width, 8)...)
	}
	return lines
}

// unknown is what is not known, and what would tell.
func (s tenantScreen) unknown(e env, width int) []string {
	var lines []string
	for _, f := range s.state.Findings {
		if key := "tenant.unknown." + string(f.Check); f.Status == checks.Skip && e.tr.Has(key) {
			lines = append(lines, indented(wrap("  ? "+e.t(key, e.args(f.Args)), width, 4))...)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return append([]string{" " + e.th.strong.Render(e.t("tenant.unknown"))}, lines...)
}

// everything is each finding with its remedy, then what is not known.
func (s tenantScreen) everything(e env) []string {
	width := min(prose, e.width-2)
	var lines []string
	for _, f := range s.found() {
		lines = append(lines, indented(e.remedyLines(f, width))...)
	}
	return append(append(lines, ""), s.unknown(e, width)...)
}
