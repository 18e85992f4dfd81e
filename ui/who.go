package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// facts is what is known of a sender, for judging: sessions and test sends as
// they were read, domains and product as they are now.
func (e env) facts(id string, sessions []probes.Session, trials []probes.Trial) checks.Facts {
	f := checks.Facts{Sender: id, Sessions: sessions, Domains: e.mig.Tenant.Domains}
	c, ok := e.mig.Sender(id)
	if ok {
		c.Inform(&f)
	}
	for _, t := range trials {
		if ok && c.Is(t.Sender) {
			f.Trials = append(f.Trials, t)
		}
	}
	switch {
	case !ok:
		f.Device = e.opts.Devices.Known("", f)
	case c.Product == "":
		f.Device = e.opts.Devices.Known(c.Device, f)
	}
	return f
}

// identity says what a sender is and who says so, and in a second string what
// the catalogue knows of its OAuth; that is "" while the product is not known.
func (e env) identity(c *wizard.Sender, f checks.Facts) (who, oauth string) {
	switch {
	case c.Product != "":
		who = e.t("who.by_admin", text.Args{"product": clean(c.Product)})
		if d, ok := e.opts.Devices.OfMaker(c.Product); ok {
			return who, e.t("who.of_maker", text.Args{"maker": d.Name})
		}
		return who, e.t("who.not_listed")
	case f.Device == nil:
		return e.several(f), ""
	case c.Device == f.Device.ID:
		who = e.t("who.by_admin", text.Args{"product": f.Device.Name})
	default:
		who = e.t("who.by_hints", text.Args{"product": f.Device.Name, "hints": e.hints(f)})
	}
	return who, e.t("support." + string(f.Device.OAuth))
}

// several names the products between which the hints do not decide.
func (e env) several(f checks.Facts) string {
	var names []string
	for _, g := range e.opts.Devices.Identify(f) {
		names = append(names, g.Device.Name)
	}
	if len(names) == 0 {
		return e.t("who.unknown")
	}
	return e.t("who.several", text.Args{"products": strings.Join(names, ", ")})
}

// hints names what gave the product away: "X-Mailer, subject and MAC address".
func (e env) hints(f checks.Facts) string {
	var names []string
	for _, c := range e.clues(f) {
		names = append(names, e.t("hint."+c.Field))
	}
	return e.listed(names)
}

// clues are the hints that speak for the product that is shown.
func (e env) clues(f checks.Facts) []checks.Clue {
	for _, g := range e.opts.Devices.Identify(f) {
		if f.Device != nil && g.Device.ID == f.Device.ID {
			return g.Hints
		}
	}
	return nil
}

// listed joins names as a sentence does.
func (e env) listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return e.t("who.and", text.Args{"list": strings.Join(names[:last], ", "), "last": names[last]})
}

// known is the catalogue's row of a product: for what, whether OAuth, how, and
// who says so.
func (e env) known(d checks.Device, width int) []string {
	var lines []string
	say := func(s string) { lines = append(lines, wrap("  "+s, width, 4)...) }
	if d.Scope != "" {
		scope := d.Scope
		if key := "device." + d.ID + ".scope"; e.tr.Has(key) {
			scope = e.t(key)
		}
		say(e.t("known.scope") + " " + scope)
	}
	say(e.t("support." + string(d.OAuth)))
	if how := "device." + d.ID + ".oauth"; e.tr.Has(how) {
		say(e.t(how))
	}
	if d.Source != "" {
		say(e.t("known.source") + " " + e.tr.Cite(d.Source) + " (" + e.t("confidence."+d.Confidence) + ")")
	}
	return lines
}

// whole is everything about what a sender is, with the hints as they came.
func (e env) whole(c *wizard.Sender, f checks.Facts, width int) []string {
	who, oauth := e.identity(c, f)
	lines := append([]string{e.th.strong.Render(e.t("who.is"))}, wrap("  "+who, width, 4)...)
	for _, clue := range e.clues(f) {
		lines = append(lines, wrap("    "+e.t("hint."+clue.Field)+"  "+clean(clue.Value), width, 6)...)
	}
	if f.Device != nil {
		return append(lines, e.known(*f.Device, width)...)
	}
	if oauth != "" {
		lines = append(lines, wrap("  "+oauth, width, 4)...)
	}
	if d, ok := e.opts.Devices.OfMaker(c.Product); ok {
		lines = append(lines, e.known(d, width)...)
	}
	return lines
}

// whoWantedMsg asks for the choice of what a sender is, beginning at the
// product that it is taken for.
type whoWantedMsg struct{ sender, product string }

// whoScreen lets the admin say what a sender is: by choosing from the
// catalogue, narrowed by what is typed, or by typing.
type whoScreen struct {
	sender string
	guess  string // id of the product that it is taken for
	filter filter
	at     picker
}

// The rows of the list that are no product of the catalogue.
const (
	guessRow = "?"
	typedRow = "="
)

func newWho(msg whoWantedMsg) whoScreen {
	return whoScreen{sender: msg.sender, guess: msg.product, filter: filter{open: true}}
}

func (whoScreen) name() string     { return "who" }
func (whoScreen) Init(env) tea.Cmd { return nil }
func (whoScreen) typing() bool     { return true }
func (whoScreen) busy() bool       { return false }

func (s whoScreen) is(msg tea.Msg) bool {
	m, ok := msg.(whoWantedMsg)
	return ok && m.sender == s.sender
}

func (s whoScreen) heading(e env) (left, right string) {
	c, ok := e.mig.Sender(s.sender)
	if !ok {
		return e.t("who.is"), ""
	}
	return e.t("who.title", text.Args{"sender": clean(c.Title())}), ""
}

func (s whoScreen) Update(_ env, msg tea.Msg) (screen, tea.Cmd) {
	s.filter = s.filter.typed(msg)
	return s, nil
}

// rows are the ids of what can be chosen.
func (s whoScreen) rows(e env) []string {
	var ids []string
	if c, ok := e.mig.Sender(s.sender); ok && c.Device+c.Product != "" && s.filter.text == "" {
		ids = append(ids, guessRow)
	}
	for _, d := range e.opts.Devices.Search(s.filter.text) {
		ids = append(ids, d.ID)
	}
	if s.product() != "" {
		ids = append(ids, typedRow)
	}
	return ids
}

// product is what was typed, as the name of a product.
func (s whoScreen) product() string { return strings.TrimSpace(s.filter.text) }

func (s whoScreen) selected(ids []string) int { return s.at.index(ids, s.guess) }

func (s whoScreen) actions(e env) []action {
	ids := s.rows(e)
	var acts []action
	if len(ids) > 0 {
		at := s.selected(ids)
		acts = append(acts, e.on("take", s.take(e, ids[at]), "enter"))
		move := func(n int) func() (screen, tea.Cmd) {
			return func() (screen, tea.Cmd) { s.at = s.at.move(ids, at, n); return stay(s) }
		}
		acts = append(acts,
			e.quietly("up", move(-1), "up"), e.quietly("down", move(1), "down"),
			e.quietly("page_up", move(-8), "pgup"), e.quietly("page_down", move(8), "pgdown"),
		)
	}
	return append(acts, e.ask("back", backMsg{}, "esc"))
}

func (s whoScreen) take(e env, row string) func() (screen, tea.Cmd) {
	keep, said := s.keep(e, row)
	return func() (screen, tea.Cmd) { return nil, change(e, keep, backMsg{}, saidMsg{text: said}) }
}

// keep is the change that a row asks for, and its words.
func (s whoScreen) keep(e env, row string) (keep func(*wizard.Migration) error, said string) {
	id, device, product := s.sender, row, ""
	said = e.t("who.kept_guess")
	switch d, _ := e.opts.Devices.Find(row); row {
	case guessRow:
		device = ""
	case typedRow:
		device, product = "", s.product()
		said = e.t("who.kept", text.Args{"product": product})
	default:
		said = e.t("who.kept", text.Args{"product": d.Name})
	}
	return func(m *wizard.Migration) error { return m.Identify(id, device, product) }, said
}

func (s whoScreen) View(e env) string {
	ids := s.rows(e)
	lines := []string{
		" " + cut(e.t("who.ask"), e.width-1),
		" " + e.th.key.Render(">") + " " + cut(s.filter.text, e.width-8) + "_", "",
	}
	if len(ids) == 0 {
		return strings.Join(lines, "\n")
	}
	at := s.selected(ids)
	var told []string
	if d, ok := e.opts.Devices.Find(ids[at]); ok {
		told = e.known(d, min(prose, e.width-2))
	}
	const mostTold = 7
	told = told[:min(len(told), mostTold)]
	from, to := window(len(ids), at, e.height-len(lines)-mostTold-1)
	for i := from; i < to; i++ {
		lines = append(lines, " "+e.marked(s.row(e, ids[i]), i == at, e.width-1))
	}
	return strings.Join(append(append(lines, ""), indented(told)...), "\n")
}

func (s whoScreen) row(e env, id string) string {
	switch d, _ := e.opts.Devices.Find(id); id {
	case guessRow:
		return e.t("who.guess")
	case typedRow:
		return e.t("who.typed", text.Args{"product": s.product()})
	default:
		return row([]column{{width: 30}, {width: e.width - 36}}, d.Name, e.t("kind."+d.Kind))
	}
}
