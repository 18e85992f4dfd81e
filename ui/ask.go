package ui

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"offbasic/checks"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// askScreen asks what only people know of a sender, one question at a time.
// Each answer is kept at once; what is skipped is asked another time. At the
// end every answer can be changed.
type askScreen struct {
	sender string
	run    int64
	read   bool
	err    error
	facts  checks.Facts
	open   []string // questions that neither people nor evidence answered
	now    string   // the one that is asked; "" shows all answers
	at     int      // row of the choices, or of the answers
	typed  string
}

// askWantedMsg asks for the questions about a sender.
type askWantedMsg struct{ sender string }

// askedMsg says that an answer is on disk.
type askedMsg struct{ run int64 }

func newAsk(e env, sender string) askScreen { return askScreen{sender: sender, run: e.runs.next()} }

func (askScreen) name() string          { return "ask" }
func (s askScreen) is(msg tea.Msg) bool { return msg == tea.Msg(askWantedMsg{s.sender}) }
func (askScreen) busy() bool            { return false }

// typing is true while the answer is words.
func (s askScreen) typing() bool {
	a, ok := askNamed(s.now)
	return ok && len(a.Choices) == 0
}

func askNamed(id string) (wizard.Ask, bool) {
	all := wizard.Asks()
	i := slices.IndexFunc(all, func(a wizard.Ask) bool { return a.ID == id })
	if i < 0 {
		return wizard.Ask{}, false
	}
	return all[i], true
}

func (s askScreen) Init(e env) tea.Cmd {
	sessions, trials, id := e.opts.Sessions, e.opts.Trials, s.sender
	return ask(e.runs, s.run, func(ctx context.Context) (history, error) {
		var h history
		var err error
		if h.sessions, err = sessions(ctx, id); err == nil {
			h.trials, err = trials(ctx)
		}
		return h, err
	})
}

func (s askScreen) heading(e env) (left, right string) {
	left = e.t("ask.ui.title")
	if c, ok := e.mig.Sender(s.sender); ok {
		left = e.t("ask.ui.about", text.Args{"sender": clean(c.Title())})
	}
	if n := len(s.open); s.now != "" && slices.Contains(s.open, s.now) {
		right = e.t("ask.ui.which", text.Args{"n": number(slices.Index(s.open, s.now) + 1), "all": number(n)})
	}
	return left, right
}

func (s askScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case answerMsg[history]:
		if msg.run == s.run {
			return s.begin(e, msg.value, msg.err), nil
		}
	case askedMsg:
		if msg.run == s.run {
			return s.next(), nil
		}
	case tea.KeyPressMsg:
		if s.typing() {
			s.typed = typedInto(s.typed, msg)
		}
	case tea.PasteMsg:
		if s.typing() {
			s.typed += clean(strings.TrimSpace(msg.Content))
		}
	}
	return s, nil
}

// typedInto is a line with one more key.
func typedInto(line string, msg tea.KeyPressMsg) string {
	if msg.String() == "backspace" {
		_, n := utf8.DecodeLastRuneInString(line)
		return line[:len(line)-n]
	}
	return line + msg.Text
}

// begin asks the first question that is open.
func (s askScreen) begin(e env, h history, err error) screen {
	s.read, s.err = true, err
	if c, ok := e.mig.Sender(s.sender); ok && err == nil {
		s.facts = e.facts(s.sender, h.sessions, h.trials)
		for _, a := range c.Asked(s.facts) {
			s.open = append(s.open, a.ID)
		}
	}
	if len(s.open) > 0 {
		s.now = s.open[0]
	}
	return s
}

// next is the question after this one; after the last, all answers.
func (s askScreen) next() screen {
	i := slices.Index(s.open, s.now)
	s.at, s.typed = 0, ""
	if i < 0 || i+1 >= len(s.open) {
		s.now = ""
		return s
	}
	s.now = s.open[i+1]
	return s
}

func (s askScreen) actions(e env) []action {
	c, ok := e.mig.Sender(s.sender)
	if !ok || !s.read || s.err != nil {
		return []action{e.ask("back", backMsg{}, "esc")}
	}
	if s.now == "" {
		return s.answerActions(e, c)
	}
	a, _ := askNamed(s.now)
	given := strings.TrimSpace(s.typed)
	if len(a.Choices) > 0 {
		given = a.Choices[s.at]
	}
	answer := e.on("answer_this", func() (screen, tea.Cmd) {
		if given == "" {
			return stay(s.next())
		}
		return s, s.keep(e, given)
	}, "enter")
	acts := []action{answer, e.on("skip_question", func() (screen, tea.Cmd) { return stay(s.next()) }, "tab"), e.ask("back", backMsg{}, "esc")}
	if len(a.Choices) == 0 {
		return acts
	}
	move := func(n int) (screen, tea.Cmd) { s.at = max(0, min(s.at+n, len(a.Choices)-1)); return stay(s) }
	return append(acts, e.moves(move, len(a.Choices))...)
}

// answerActions change an answer, or take it back.
func (s askScreen) answerActions(e env, c *wizard.Sender) []action {
	all := wizard.Asks()
	a := all[s.at]
	change := func() (screen, tea.Cmd) {
		s.now, s.typed, s.at = a.ID, c.Answers[a.ID], max(0, slices.Index(a.Choices, c.Answers[a.ID]))
		return stay(s)
	}
	acts := []action{e.on("change_answer", change, "enter")}
	if c.Answers[a.ID] != "" {
		forget := func() (screen, tea.Cmd) { return s, s.set(e, a.ID, "", saidMsg{text: e.t("ask.ui.forgotten")}) }
		acts = append(acts, e.on("forget_answer", forget, "x"))
	}
	move := func(n int) (screen, tea.Cmd) { s.at = max(0, min(s.at+n, len(all)-1)); return stay(s) }
	return append(append(acts, e.ask("back", backMsg{}, "esc")), e.moves(move, len(all))...)
}

// keep writes an answer, and asks the next question when it is on disk.
func (s askScreen) keep(e env, answer string) tea.Cmd {
	return s.set(e, s.now, answer, askedMsg{s.run}, saidMsg{text: e.t("app.kept")})
}

func (s askScreen) set(e env, question, answer string, after ...tea.Msg) tea.Cmd {
	id := s.sender
	return change(e, func(m *wizard.Migration) error { return m.Answer(id, question, clean(answer)) }, after...)
}

func (s askScreen) View(e env) string {
	width := min(prose, e.width-2)
	c, ok := e.mig.Sender(s.sender)
	switch {
	case !ok:
		return " " + e.t("sender.gone")
	case s.err != nil:
		return strings.Join(e.threeParts(s.err), "\n")
	case !s.read:
		return " " + e.t("app.reading")
	case s.now == "":
		return strings.Join(s.answers(e, c, width), "\n")
	}
	a, _ := askNamed(s.now)
	lines := append(paint(e.th.strong, wrap(e.t("ask."+a.ID), width, 0)), "")
	lines = indented(append(lines, paint(e.th.faint, wrap(e.t("ask."+a.ID+".why"), width, 0))...))
	lines = append(lines, "")
	for i, choice := range a.Choices {
		lines = append(lines, " "+e.marked(e.choiceWords(a, choice), i == s.at, e.width-1))
	}
	if len(a.Choices) == 0 {
		lines = append(lines, " "+e.th.key.Render(">")+" "+cut(clean(s.typed), e.width-8)+"_")
	}
	return strings.Join(lines, "\n")
}

// choiceWords are the words of an answer, without the id that a command line
// takes for it.
func (e env) choiceWords(a wizard.Ask, answer string) string {
	if len(a.Choices) == 0 {
		return clean(answer)
	}
	words := e.word("ask."+a.ID, answer)
	if rest, ok := strings.CutPrefix(words, answer); ok && rest != "" {
		words = strings.TrimLeft(rest, " \u00a0:")
	}
	return words
}

// answers are all questions with what is known.
func (s askScreen) answers(e env, c *wizard.Sender, width int) []string {
	words := "ask.ui.all"
	if len(s.open) == 0 {
		words = "ask.none"
	}
	lines := append(indented(wrap(e.t(words), width, 0)), "")
	for i, a := range wizard.Asks() {
		lines = append(lines, " "+e.marked(e.t("ask."+a.ID), i == s.at, e.width-1))
		lines = append(lines, "     "+e.th.faint.Render(cut(s.answer(e, c, a), e.width-7)))
	}
	return lines
}

// answer is what people said, or that evidence tells it, or nothing.
func (s askScreen) answer(e env, c *wizard.Sender, a wizard.Ask) string {
	switch {
	case c.Answers[a.ID] != "":
		return e.choiceWords(a, c.Answers[a.ID])
	case slices.ContainsFunc(c.Asked(s.facts), func(o wizard.Ask) bool { return o.ID == a.ID }):
		return e.t("ask.ui.open")
	}
	return e.t("ask.ui.told")
}
