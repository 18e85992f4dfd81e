package ui

import (
	"errors"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"

	"offbasic/ui/text"
	"offbasic/wizard"
)

// scriptsScreen lists the scripts: those of a sender's route first, then all,
// with what each is for.
type scriptsScreen struct {
	sender string // "" means all
	at     picker
	filter filter
}

// scriptsWantedMsg asks for the list of scripts.
type scriptsWantedMsg struct{ sender string }

func (scriptsScreen) name() string { return "scripts" }
func (s scriptsScreen) is(msg tea.Msg) bool {
	return msg == tea.Msg(scriptsWantedMsg{s.sender})
}
func (scriptsScreen) Init(env) tea.Cmd { return nil }
func (scriptsScreen) busy() bool       { return false }
func (s scriptsScreen) typing() bool   { return s.filter.open }

func (s scriptsScreen) heading(e env) (left, right string) {
	if c, ok := e.mig.Sender(s.sender); ok {
		return e.t("scripts.title_for", text.Args{"sender": clean(c.Title())}), ""
	}
	return e.t("scripts.title"), ""
}

func (s scriptsScreen) Update(_ env, msg tea.Msg) (screen, tea.Cmd) {
	s.filter = s.filter.typed(msg)
	return s, nil
}

// names are the scripts that the filter lets through; those of the sender's
// route come first.
func (s scriptsScreen) names(e env) []string {
	all := wizard.ScriptNames()
	if c, ok := e.mig.Sender(s.sender); ok {
		mine := e.mig.SenderScripts(*c)
		rest := slices.DeleteFunc(slices.Clone(all), func(n string) bool { return slices.Contains(mine, n) })
		all = append(slices.Clone(mine), rest...)
	}
	return slices.DeleteFunc(all, func(n string) bool {
		return !s.filter.passes(n, e.scriptTitle(n), e.t("script."+n+".what"))
	})
}

// ref is a script as it is asked for: that of the route by the sender alone
// when it is the one that is to be preferred.
func (s scriptsScreen) ref(e env, name string) ScriptRef {
	if c, ok := e.mig.Sender(s.sender); ok {
		if mine := e.mig.SenderScripts(*c); len(mine) == 1 && mine[0] == name {
			return ScriptRef{Sender: s.sender}
		}
	}
	return ScriptRef{Name: name, Sender: s.sender}
}

func (s scriptsScreen) actions(e env) []action {
	if s.filter.open {
		return s.filter.actions(e, func(f filter) (screen, tea.Cmd) { s.filter = f; return stay(s) })
	}
	names := s.names(e)
	var acts []action
	at := s.at.index(names, "")
	if len(names) > 0 {
		acts = append(acts, e.ask("show_script", scriptWantedMsg{s.ref(e, names[at])}, "enter"))
	}
	acts = append(acts, e.on("filter", func() (screen, tea.Cmd) { s.filter.open = true; return stay(s) }, "/"))
	if s.filter.text != "" {
		acts = append(acts, e.on("filter_off", func() (screen, tea.Cmd) { s.filter = filter{}; return stay(s) }, "esc"))
	} else {
		acts = append(acts, e.ask("back", backMsg{}, "esc"))
	}
	move := func(n int) (screen, tea.Cmd) { s.at = s.at.move(names, at, n); return stay(s) }
	return append(acts, e.moves(move, e.height-8)...)
}

func (s scriptsScreen) View(e env) string {
	names := s.names(e)
	at := s.at.index(names, "")
	var lines []string
	if s.filter.open || s.filter.text != "" {
		lines = append(lines, s.filter.view(e, len(names), len(wizard.ScriptNames())))
	}
	const about = 6 // lines on the script under the cursor
	from, to := window(len(names), at, e.height-len(lines)-about)
	for i := from; i < to; i++ {
		lines = append(lines, " "+e.marked(s.row(e, names[i]), i == at, e.width-1))
	}
	if len(names) == 0 {
		return strings.Join(lines, "\n")
	}
	lines = append(lines, "")
	said := wrap(e.t("script."+names[at]+".what"), min(prose, e.width-2), 0)
	return strings.Join(append(lines, indented(append(said, s.about(e, names[at])...))...), "\n")
}

// row is a script: whether it changes something, its name, its title.
func (s scriptsScreen) row(e env, name string) string {
	script, _ := wizard.ScriptNamed(name, wizard.ScriptValues{})
	kind := e.t("scripts.reads")
	if script.Changes() {
		kind = e.t("scripts.changes")
	}
	mark := " "
	if c, ok := e.mig.Sender(s.sender); ok && slices.Contains(e.mig.SenderScripts(*c), name) {
		mark = "*"
	}
	return row([]column{{width: 1}, {width: 24}, {width: 9}, {width: max(10, e.width-48)}}, mark, name, kind, e.scriptTitle(name))
}

// about says what a script needs to be told and whether that is known.
func (s scriptsScreen) about(e env, name string) []string {
	width := min(prose, e.width-2)
	v := e.scriptValues(ScriptRef{name, s.sender})
	_, missing := v.Filled(name)
	if len(missing) == 0 {
		return wrap(e.t("scripts.nothing_missing"), width, 0)
	}
	return wrap(e.t("scripts.missing", text.Args{"values": e.inputs(missing)}), width, 0)
}

// scriptValues is what is known of what a script is told.
func (e env) scriptValues(ref ScriptRef) wizard.ScriptValues {
	if c, ok := e.mig.Sender(ref.Sender); ok {
		return e.mig.ScriptValues(*c)
	}
	return e.mig.TenantValues()
}

// newValues asks for what a script is told.
func newValues(e env, ref ScriptRef) formScreen {
	name := ref.Name
	if name == "" {
		if s, err := e.opts.Script(ref); err == nil {
			name = s.Name
		}
	}
	needed, _ := wizard.ScriptInputsOf(name)
	known := e.scriptValues(ref)
	v := validator{e}
	var asked []wizard.ScriptInput
	var answers []*string
	for _, in := range e.askedInputs(name) {
		asked, answers = append(asked, in), append(answers, new(strings.Join(valuesOf(in, known), " ")))
	}
	fields := func() []*huh.Group {
		var groups []*huh.Group
		for i, in := range asked {
			valid := v.scriptValue(name, in, isNeeded(needed, in))
			field := huh.NewInput().Title(e.word("script.input", in.Name)).Description(e.t("script.value." + in.Name)).
				Prompt("> ").CharLimit(2000).Value(answers[i]).Validate(valid)
			groups = append(groups, huh.NewGroup(field))
		}
		return groups
	}
	return newForm(e, "values", e.t("script.ui.values_title", text.Args{"script": e.scriptTitle(name)}), fields, func(e env) ([]tea.Msg, error) {
		m, err := e.opts.Change(e.runs.ctx, func(m *wizard.Migration) error {
			var errs []error
			for i, in := range asked {
				if *answers[i] != strings.Join(valuesOf(in, known), " ") {
					errs = append(errs, m.Tell(ref.Sender, in.Name, split(in, *answers[i])...))
				}
			}
			return errors.Join(errs...)
		})
		return []tea.Msg{changedMsg{m}}, err
	})
}

// askedInputs are the inputs of a script that the admin is asked for: the ids of
// the app come from its registration.
func (e env) askedInputs(script string) []wizard.ScriptInput {
	needed, optional := wizard.ScriptInputsOf(script)
	return slices.DeleteFunc(wizard.ScriptInputs(), func(in wizard.ScriptInput) bool {
		ofApp := slices.Contains([]string{"client-id", "object-id", "app-name"}, in.Name)
		return ofApp && strings.Join(valuesOf(in, e.mig.TenantValues()), "") != "" || !isNeeded(needed, in) && !slices.Contains(optional, in.Name)
	})
}

func isNeeded(needed []string, in wizard.ScriptInput) bool { return slices.Contains(needed, in.Name) }

// valuesOf are the values that an input has.
func valuesOf(in wizard.ScriptInput, v wizard.ScriptValues) []string {
	if in.List == nil {
		return []string{*in.Text(&v)}
	}
	if in.Name == "mailbox" && len(v.Mailboxes) == 0 && v.Mailbox != "" {
		return []string{v.Mailbox}
	}
	return *in.List(&v)
}

// split reads an answer: one value, or several with spaces or commas between.
func split(in wizard.ScriptInput, answer string) []string {
	answer = strings.TrimSpace(answer)
	switch {
	case answer == "":
		return nil
	case in.List == nil:
		return []string{answer}
	}
	return slices.Collect(strings.FieldsFuncSeq(answer, func(r rune) bool { return strings.ContainsRune(" ,;\t\n", r) }))
}

// scriptValue says what is wrong with an answer for a script.
func (v validator) scriptValue(script string, in wizard.ScriptInput, needed bool) func(string) error {
	return func(answer string) error {
		values, given := split(in, answer), wizard.ScriptValues{}
		if len(values) == 0 {
			if needed {
				return v.err("empty")
			}
			return nil
		}
		if in.List != nil {
			*in.List(&given) = values
		} else {
			*in.Text(&given) = values[0]
		}
		return v.wrong(in.Name, given.Validate(script))
	}
}

// wrong are the words for what is wrong with one input, if anything is.
func (v validator) wrong(name string, err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, err := range joined.Unwrap() {
		if bad, ok := errors.AsType[*wizard.ValueError](err); ok && bad.Name == name && !errors.Is(bad, wizard.ErrMissing) {
			return v.err(valueFault(bad))
		}
	}
	return nil
}

// valueFault is the id of the words for a wrong value.
func valueFault(err error) string {
	for _, known := range []struct {
		err error
		id  string
	}{
		{wizard.ErrAddress, "address"},
		{wizard.ErrPublicIPv4, "public_ipv4"},
		{wizard.ErrRange, "range"},
		{wizard.ErrCertificate, "certificate"},
		{wizard.ErrHost, "host"},
		{wizard.ErrName, "name"},
		{wizard.ErrAppName, "app_name"},
		{wizard.ErrApostrophe, "apostrophe"},
		{wizard.ErrGUID, "guid"},
		{wizard.ErrSameID, "object"},
		{wizard.ErrSameMailbox, "same_mailbox"},
	} {
		if errors.Is(err, known.err) {
			return known.id
		}
	}
	return "value"
}

// newAnswer asks for an answer that was made on another machine.
func newAnswer(e env, ref ScriptRef) formScreen {
	given, v := new(string), validator{e}
	fields := func() []*huh.Group {
		return []*huh.Group{huh.NewGroup(
			huh.NewText().Title(e.t("script.ui.paste")).Description(e.t("script.ui.paste.why")).
				Lines(8).CharLimit(1 << 20).ExternalEditor(false).Value(given).Validate(v.given),
		)}
	}
	return newForm(e, "answer", e.t("script.ui.paste_title"), fields, func(e env) ([]tea.Msg, error) {
		rows, err := e.opts.TakeReadBack(e.runs.ctx, ref, dropped(*given))
		return []tea.Msg{answerTakenMsg{ref, rows}}, err
	})
}
