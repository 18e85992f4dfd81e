package ui

import (
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"offbasic/ui/text"
)

// filter is what the admin typed after "/". It keeps the rows that hold every
// word of it.
type filter struct {
	open bool // it has the keyboard
	text string
}

// typed takes up keys and pastes while the filter has the keyboard.
func (f filter) typed(msg tea.Msg) filter {
	if !f.open {
		return f
	}
	switch msg := msg.(type) {
	case tea.PasteMsg:
		f.text += clean(strings.TrimSpace(msg.Content))
	case tea.KeyPressMsg:
		switch msg.String() {
		case "backspace":
			_, n := utf8.DecodeLastRuneInString(f.text)
			f.text = f.text[:len(f.text)-n]
		default:
			f.text += msg.Text
		}
	}
	return f
}

func (f filter) passes(fields ...string) bool {
	if f.text == "" {
		return true
	}
	all := strings.ToLower(strings.Join(fields, " "))
	for word := range strings.FieldsSeq(strings.ToLower(f.text)) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

// actions are the keys of an open filter: enter keeps it, esc drops it.
func (f filter) actions(e env, set func(filter) (screen, tea.Cmd)) []action {
	return []action{
		e.on("filter_keep", func() (screen, tea.Cmd) { return set(filter{text: f.text}) }, "enter"),
		e.on("filter_off", func() (screen, tea.Cmd) { return set(filter{}) }, "esc"),
	}
}

func (f filter) view(e env, shown, all int) string {
	caret := ""
	if f.open {
		caret = "_"
	}
	return " " + e.th.key.Render("/") + " " + cut(f.text, e.width-30) + caret + "  " +
		e.th.faint.Render(e.t("home.filtered", text.Args{"n": number(shown), "all": number(all)}))
}
