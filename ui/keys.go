package ui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
)

// forceQuit works even while a field has the keyboard.
const forceQuit = "ctrl+c"

// on is an action: the words of "key.<id>", under the first of the keys.
func (e env) on(id string, do func() (screen, tea.Cmd), keys ...string) action {
	b := key.NewBinding(key.WithKeys(keys...), key.WithHelp(e.keyName(keys[0]), e.t("key."+id)))
	return action{Binding: b, do: do}
}

// ask is an action that asks App for something and changes nothing here.
func (e env) ask(id string, msg tea.Msg, keys ...string) action {
	return e.on(id, func() (screen, tea.Cmd) { return nil, send(msg) }, keys...)
}

// quietly is an action that everybody expects.
func (e env) quietly(id string, do func() (screen, tea.Cmd), keys ...string) action {
	a := e.on(id, do, keys...)
	a.quiet = true
	return a
}

// keyName is what is printed on the key in the reader's country.
func (e env) keyName(k string) string {
	if name := "key.name." + k; e.tr.Has(name) {
		return e.t(name)
	}
	return k
}

// moves are the actions of a list or a page: by steps, by pages, to its ends.
func (e env) moves(move func(int) (screen, tea.Cmd), page int) []action {
	by := func(n int) func() (screen, tea.Cmd) { return func() (screen, tea.Cmd) { return move(n) } }
	const end = 1 << 20
	return []action{
		e.quietly("up", by(-1), "up", "k"),
		e.quietly("down", by(1), "down", "j"),
		e.quietly("page_up", by(-max(1, page)), "pgup", "ctrl+b"),
		e.quietly("page_down", by(max(1, page)), "pgdown", "ctrl+f", "space"),
		e.quietly("first", by(-end), "home"),
		e.quietly("last", by(end), "end"),
	}
}

// formKeys is huh's key map in the reader's language.
func (e env) formKeys() *huh.KeyMap {
	m := huh.NewDefaultKeyMap()
	say := func(b *key.Binding, k, id string) { b.SetHelp(e.keyName(k), e.t("key."+id)) }
	say(&m.Input.Next, "enter", "next")
	say(&m.Input.Prev, "shift+tab", "previous")
	say(&m.Input.Submit, "enter", "finish")
	say(&m.Input.AcceptSuggestion, "ctrl+e", "complete")
	say(&m.Text.Next, "enter", "next")
	say(&m.Text.Prev, "shift+tab", "previous")
	say(&m.Text.Submit, "enter", "finish")
	say(&m.Text.NewLine, "ctrl+j", "new_line")
	m.Text.Editor.SetEnabled(false)
	say(&m.Select.Next, "enter", "next")
	say(&m.Select.Prev, "shift+tab", "previous")
	say(&m.Select.Submit, "enter", "finish")
	say(&m.Select.Up, "up", "up")
	say(&m.Select.Down, "down", "down")
	m.Select.Filter.SetEnabled(false)
	return m
}
