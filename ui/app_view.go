package ui

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"offbasic/wizard"
)

// The smallest window in which everything can be used.
const (
	leastWidth  = 60
	leastHeight = 16
)

// overlay is what lies above the screens.
type overlay int

const (
	noOverlay overlay = iota
	helpOverlay
	quitOverlay
)

type (
	overlayMsg struct{ over overlay }
	scrollMsg  int
)

func (a App) tooSmall() bool { return a.width < leastWidth || a.height < leastHeight }

// footHeight is how many lines the keys may take.
const footHeight = 2

func (a App) env() env {
	return env{
		opts: a.opts, tr: a.opts.Text, th: a.th, runs: a.runs, now: a.now.In(a.opts.Location),
		mig: &a.mig, draft: a.draft,
		width: a.width, height: max(0, a.height-3-footHeight),
	}
}

// actions is every key that works now: the overlay's, or the screen's and
// those that work everywhere.
func (a App) actions() []action {
	e := a.env()
	closing := overlayMsg{noOverlay}
	switch a.over {
	case helpOverlay:
		scroll := func(n int) (screen, tea.Cmd) { return nil, send(scrollMsg(n)) }
		return append(e.moves(scroll, e.height-1), e.ask("close", closing, "esc", "?", "q", "enter"))
	case quitOverlay:
		return []action{
			e.on("quit", func() (screen, tea.Cmd) { return nil, tea.Quit }, "enter", "y"),
			e.ask("stay", closing, "esc", "n"),
		}
	}
	acts := a.top().actions(e)
	if a.top().typing() {
		return acts
	}
	acts = append(acts, e.ask("help", overlayMsg{helpOverlay}, "?"))
	if a.busy() {
		return append(acts, e.ask("quit", overlayMsg{quitOverlay}, "q"))
	}
	return append(acts, e.on("quit", func() (screen, tea.Cmd) { return nil, tea.Quit }, "q"))
}

// View draws the window.
func (a App) View() tea.View {
	v := tea.NewView(a.content())
	v.AltScreen = true
	v.WindowTitle = a.opts.Text.T("app.name")
	return v
}

func (a App) content() string {
	if a.width == 0 {
		return ""
	}
	e := a.env()
	if a.tooSmall() {
		return strings.Join(fit(a.smallLines(e), a.width, a.height), "\n")
	}
	left, right := a.top().heading(e)
	var body []string
	switch a.over {
	case helpOverlay:
		left = e.t("help.title")
		body = e.page(indented(a.helpLines(e)), a.overTop, e.height)
	case quitOverlay:
		body = indented(wrap(e.t("quit.busy"), min(prose, e.width-2), 0))
	default:
		body = strings.Split(a.top().View(e), "\n")
	}
	lines := make([]string, 0, a.height)
	lines = append(lines, a.head(left, right), "")
	notice := a.notice(e)
	lines = append(lines, fit(body, a.width, e.height+1-len(notice))...)
	lines = append(lines, notice...)
	lines = append(lines, fit(a.foot(e), a.width, footHeight)...)
	return strings.Join(lines, "\n")
}

// fit makes lines exactly height lines of at most width cells: whatever a
// screen draws, nothing overflows the window.
func fit(lines []string, width, height int) []string {
	out := make([]string, max(0, height))
	for i := range out {
		if i < len(lines) {
			out[i] = cut(lines[i], width)
		}
	}
	return out
}

func (a App) smallLines(e env) []string {
	said := e.t("app.too_small", map[string]string{
		"width": number(a.width), "height": number(a.height),
		"need_width": number(leastWidth), "need_height": number(leastHeight),
	})
	return wrap(said, a.width, 0)
}

// head is the first line: where this is, and the corner, which is news and is
// cut last.
func (a App) head(left, right string) string {
	right = cut(right, max(a.width*3/4, a.width-ansi.StringWidth(left)-4))
	room := a.width - ansi.StringWidth(right) - 2
	left = a.th.title.Render(cut(left, room-1))
	gap := max(1, a.width-1-ansi.StringWidth(left)-ansi.StringWidth(right))
	return " " + left + strings.Repeat(" ", max(1, gap-1)) + a.th.warn.Render(right)
}

// notice is what was just done, or why it could not be: the line above the
// keys, or as many as it needs.
func (a App) notice(e env) []string {
	const most = 5
	said, style := a.said.text, e.th.good
	if a.said.bad {
		said, style = "! "+said, e.th.bad
	}
	lines := wrap(said, min(prose, a.width-2), 2)
	return indented(paint(style, lines[:min(len(lines), most)]))
}

// foot lists the keys that work now. When they do not fit, those in the middle
// go first and the way back stays: ? lists them all.
func (a App) foot(e env) []string {
	var items []string
	for _, act := range a.actions() {
		if !act.quiet && act.Enabled() && act.Help().Key != "" {
			items = append(items, e.th.key.Render(act.Help().Key)+" "+act.Help().Desc)
		}
	}
	for {
		lines := flow(items, a.width-1)
		if len(lines) <= footHeight || len(items) < 5 {
			return lines
		}
		items = append(items[:len(items)-4:len(items)-4], items[len(items)-3:]...)
	}
}

// flow sets items side by side, in as many lines as they need.
func flow(items []string, width int) []string {
	var lines []string
	line := ""
	for _, it := range items {
		switch {
		case line == "":
			line = " " + it
		case ansi.StringWidth(line)+2+ansi.StringWidth(it) > width:
			lines = append(lines, line)
			line = " " + it
		default:
			line += "  " + it
		}
	}
	return append(lines, line)
}

func (a App) overLines() int { return lastTop(a.helpLines(a.env()), a.env().height) + 1 }

// helpLines says what the screen is for, lists its keys, the deadline and the
// words for how far a sender has come.
func (a App) helpLines(e env) []string {
	width := min(prose, e.width-2)
	lines := wrap(e.t("help."+a.top().name()), width, 0)
	lines = append(lines, "", e.th.strong.Render(e.t("help.keys")))
	a.over = noOverlay
	for _, act := range a.actions() {
		if act.Enabled() && act.Help().Key != "" {
			lines = append(lines, "  "+e.th.key.Render(pad(act.Help().Key, 12))+" "+act.Help().Desc)
		}
	}
	lines = append(lines, "  "+e.th.key.Render(pad(e.keyName(forceQuit), 12))+" "+e.t("key.force_quit"))
	if date, id := e.opts.Deadline(e.now); id != "" {
		lines = append(lines, "", e.th.strong.Render(e.t("help.deadline")))
		lines = append(lines, wrap("  "+e.t("help.deadline_on", map[string]string{
			"what": e.word("deadline", id), "date": date.Format(time.DateOnly),
		}), width, 2)...)
	}
	lines = append(lines, "", e.th.strong.Render(e.t("help.states")))
	for _, s := range wizard.States() {
		lines = append(lines, wrap("  "+pad(e.t("state."+string(s)), 14)+" "+e.t("help.state."+string(s)), width, 17)...)
	}
	return lines
}
