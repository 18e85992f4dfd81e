package ui

import (
	"charm.land/huh/v2"
	"charm.land/lipgloss/v2"
)

// theme is every style the program draws with, named by meaning. It is a plain
// value computed from one fact, the background. What a style says is always
// said by a word or a sign as well.
type theme struct {
	dark                  bool
	title, faint, strong  lipgloss.Style
	good, warn, bad, plan lipgloss.Style
	key                   lipgloss.Style
}

func newTheme(dark bool) theme {
	pick := lipgloss.LightDark(dark)
	fg := func(light, dark string) lipgloss.Style {
		return lipgloss.NewStyle().Foreground(pick(lipgloss.Color(light), lipgloss.Color(dark)))
	}
	return theme{
		dark:   dark,
		title:  fg("#005A9E", "#6CB8F6").Bold(true),
		faint:  fg("#5C5C5C", "#9A9A9A"),
		strong: lipgloss.NewStyle().Bold(true),
		good:   fg("#0B6A0B", "#6CCB5F"),
		warn:   fg("#8A4B00", "#FCE100"),
		bad:    fg("#B3261E", "#FF99A4").Bold(true),
		plan:   fg("#005A9E", "#6CB8F6"),
		key:    fg("#005A9E", "#6CB8F6").Bold(true),
	}
}

// Theme implements huh.Theme. It ignores huh's own idea of the background:
// huh tells only the current group, so later groups would draw for the other
// background.
func (t theme) Theme(bool) *huh.Styles {
	s := huh.ThemeBase(t.dark)
	s.Focused.Title, s.Blurred.Title = t.title, t.strong
	s.Focused.Description, s.Blurred.Description = t.faint, t.faint
	s.Focused.ErrorMessage = t.bad
	s.Focused.ErrorIndicator = t.bad
	s.Focused.SelectSelector = t.key.SetString("> ")
	return s
}
