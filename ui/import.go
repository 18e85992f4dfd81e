package ui

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"offbasic/probes"
	"offbasic/wizard"
)

// importScreen takes up files: their paths are typed, pasted or dragged into
// the terminal. What a file does not tell by itself is asked, and then it is
// read again.
type importScreen struct {
	typed string
	req   ImportRequest
	state runState
	run   stream[importMsg]

	files   []string // that are left; the first is being read
	read    int64
	size    int64
	results []ImportResult
	err     error // that the first of the files ended with
	stopped bool  // by the admin

	asked   []string // headings that are to be named
	named   []string // fields of the headings, "" for none
	at      int      // row of a question
	picking bool     // the fields are shown for the heading at
	field   int
	top     int
}

// importWantedMsg asks for the import, of files when they are known already.
type importWantedMsg struct{ files string }

// importMsg is how far a file is, or what it was.
type importMsg struct {
	read, size int64
	done       bool
	results    []ImportResult
	err        error
}

// The faults that are questions.
const (
	askColumns probes.Code = "import_ask_columns"
	askOrder   probes.Code = "import_ask_order"
)

func newImport(msg importWantedMsg) importScreen { return importScreen{typed: msg.files} }

func (importScreen) name() string { return "import" }

func (importScreen) is(msg tea.Msg) bool {
	_, ok := msg.(importWantedMsg)
	return ok
}

func (s importScreen) typing() bool { return s.state == idle }
func (s importScreen) busy() bool   { return s.state == running || s.state == stopping }

// importGoMsg begins to read what was dragged into another screen.
type importGoMsg struct{}

func (s importScreen) Init(env) tea.Cmd {
	if s.typed == "" {
		return nil
	}
	return send(importGoMsg{})
}

func (s importScreen) heading(e env) (left, right string) {
	right = ""
	if n := len(e.mig.Senders); n > 0 {
		right = e.counted("home.senders", n)
	}
	return e.t("import.ui.title"), right
}

func (s importScreen) Update(e env, msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return s.key(msg), nil
	case tea.PasteMsg:
		return s.paste(msg.Content), nil
	case importGoMsg:
		if s.state == idle && s.typed != "" {
			return s.begin(e)
		}
	case batchMsg[importMsg]:
		if msg.run == s.run.id {
			for _, m := range msg.events {
				s = s.take(m)
			}
			return s, s.run.next
		}
	case endMsg:
		if msg.run == s.run.id {
			return s.ended(), send(arrivedMsg{})
		}
	}
	return s, nil
}

// key is a letter of the path.
func (s importScreen) key(msg tea.KeyPressMsg) screen {
	if msg.String() == "backspace" {
		_, n := utf8.DecodeLastRuneInString(s.typed)
		s.typed = s.typed[:len(s.typed)-n]
		return s
	}
	s.typed += msg.Text
	return s
}

// paste takes what was dragged: a second file stands beside the first.
func (s importScreen) paste(content string) screen {
	if s.busy() {
		return s
	}
	content = strings.Trim(content, "\r\n")
	if s.state != idle {
		s = s.again()
	}
	if s.typed != "" && pathLike(content) && !strings.HasSuffix(s.typed, " ") {
		content = " " + content
	}
	s.typed += content
	return s
}

// again is the screen for the next file.
func (s importScreen) again() importScreen { return importScreen{req: ImportRequest{All: s.req.All}} }

// begin reads what was typed.
func (s importScreen) begin(e env) (screen, tea.Cmd) {
	files := paths(s.typed, runtime.GOOS == "windows")
	if len(files) == 0 {
		return s, send(saidMsg{e.t("app.wrong.empty"), true})
	}
	return importScreen{typed: s.typed, req: ImportRequest{All: s.req.All}, files: files}.start(e)
}

// start reads the files that are left.
func (s importScreen) start(e env) (screen, tea.Cmd) {
	s.state, s.err, s.read, s.size, s.at, s.top = running, nil, 0, 0, 0, 0
	s.asked, s.named, s.picking = nil, nil, false
	files, req := slices.Clone(s.files), s.req
	s.run = start(e.runs, func(ctx context.Context, emit func(importMsg)) error { return e.importAll(ctx, files, req, emit) })
	return s, s.run.next
}

// importAll reads one file after the other, until one cannot be read. What was
// told of one file is not told of the next.
func (e env) importAll(ctx context.Context, files []string, r ImportRequest, emit func(importMsg)) error {
	for _, file := range files {
		const steps = 200
		last := int64(-1)
		got, err := e.opts.Import(ctx, file, r, func(read, size int64) {
			if now := read * steps / max(1, size); now != last {
				last = now
				emit(importMsg{read: read, size: size})
			}
		})
		emit(importMsg{done: true, results: got, err: err})
		if err != nil {
			return err
		}
		r.Columns, r.Order = nil, ""
	}
	return nil
}

func (s importScreen) take(m importMsg) importScreen {
	s.read, s.size = m.read, m.size
	if !m.done {
		return s
	}
	if m.err == nil {
		s.files = s.files[1:]
		s.req.Columns, s.req.Order = nil, ""
	} else if n := len(m.results); isFault(m.err, askColumns) && n > 0 {
		s.asked = m.results[n-1].Columns
		s.named = make([]string, len(s.asked))
		m.results = m.results[:n-1]
	}
	s.err = m.err
	for _, r := range m.results {
		if r.Kind != "" || r.Again { // not of the file that could not be read
			s.results = append(slices.Clip(s.results), r)
		}
	}
	return s
}

func (s importScreen) ended() screen {
	s.stopped = s.state == stopping && len(s.files) > 0
	s.state = ended
	if s.stopped {
		s.err = nil
	}
	return s
}

func isFault(err error, code probes.Code) bool {
	f, ok := asFault(err)
	return ok && f.Code == code
}

// asks tells which question is open.
func (s importScreen) asks() probes.Code {
	switch {
	case s.state != ended || s.err == nil:
		return ""
	case isFault(s.err, askColumns) && len(s.asked) > 0:
		return askColumns
	case isFault(s.err, askOrder):
		return askOrder
	}
	return ""
}

// orders are how a date with slashes can be read.
func orders() []string { return []string{"dmy", "mdy"} }

func (s importScreen) actions(e env) []action {
	back := e.ask("back", backMsg{}, "esc")
	switch {
	case s.state == idle:
		return []action{
			e.on("import_now", func() (screen, tea.Cmd) { return s.begin(e) }, "enter"),
			e.on("import_all", func() (screen, tea.Cmd) { s.req.All = !s.req.All; return stay(s) }, "tab"),
			e.on("import_clear", func() (screen, tea.Cmd) { s.typed = ""; return stay(s) }, "ctrl+u"),
			e.ask("list", addWantedMsg{list: true}, "ctrl+l"), back,
		}
	case s.state == stopping:
		return nil
	case s.state == running:
		return []action{e.on("cancel", func() (screen, tea.Cmd) { s.run.stop(); s.state = stopping; return stay(s) }, "esc")}
	case s.picking:
		return s.pickActions(e)
	case s.asks() == askColumns:
		return s.columnActions(e)
	case s.asks() == askOrder:
		choose := func() (screen, tea.Cmd) { s.req.Order = orders()[s.at]; return s.start(e) }
		move := func(n int) (screen, tea.Cmd) { s.at = max(0, min(s.at+n, 1)); return stay(s) }
		return append([]action{e.on("take_order", choose, "enter"), back}, e.moves(move, 1)...)
	}
	acts := []action{e.on("import_next", func() (screen, tea.Cmd) { return stay(s.again()) }, "enter")}
	if e.opts.Plan != nil {
		acts = append(acts, e.ask("board", boardWantedMsg{}, "p"))
	}
	if s.err != nil || s.stopped {
		acts = append(acts, e.on("retry", func() (screen, tea.Cmd) { return s.start(e) }, "a"))
	}
	last := lastTop(s.told(e), e.height)
	move := func(n int) (screen, tea.Cmd) { s.top = max(0, min(s.top+n, last)); return stay(s) }
	return append(append(acts, back), e.moves(move, e.height-2)...)
}

// columnActions name the columns of a table.
func (s importScreen) columnActions(e env) []action {
	pick := func() (screen, tea.Cmd) {
		s.picking, s.field = true, slices.Index(s.fieldRows(e), s.named[s.at])
		return stay(s)
	}
	run := func() (screen, tea.Cmd) {
		s.req.Columns = s.columns()
		return s.start(e)
	}
	move := func(n int) (screen, tea.Cmd) { s.at = max(0, min(s.at+n, len(s.asked)-1)); return stay(s) }
	acts := []action{e.on("name_column", pick, "enter")}
	if len(s.columns()) > 0 {
		acts = append(acts, e.on("read_with_columns", run, "r"))
	}
	return append(append(acts, e.ask("back", backMsg{}, "esc")), e.moves(move, e.height-4)...)
}

// pickActions choose what the column under the cursor holds.
func (s importScreen) pickActions(e env) []action {
	rows := s.fieldRows(e)
	choose := func() (screen, tea.Cmd) {
		s.named = slices.Clone(s.named)
		s.named[s.at], s.picking = rows[s.field], false
		s.at = min(s.at+1, len(s.asked)-1)
		return stay(s)
	}
	leave := func() (screen, tea.Cmd) { s.picking = false; return stay(s) }
	move := func(n int) (screen, tea.Cmd) { s.field = max(0, min(s.field+n, len(rows)-1)); return stay(s) }
	return append([]action{e.on("take_field", choose, "enter"), e.on("leave_field", leave, "esc")}, e.moves(move, e.height-4)...)
}

// fieldRows are the fields that no other column has, after "" for none.
func (s importScreen) fieldRows(e env) []string {
	rows := []string{""}
	for _, f := range e.opts.ImportFields {
		if i := slices.Index(s.named, f); i < 0 || i == s.at {
			rows = append(rows, f)
		}
	}
	return rows
}

// columns are the headings by what they were said to hold.
func (s importScreen) columns() map[string]string {
	out := map[string]string{}
	for i, f := range s.named {
		if f != "" {
			out[f] = s.asked[i]
		}
	}
	return out
}

// knownColumns are what the columns of a table were taken for.
func (e env) knownColumns(known map[string]string) string {
	var parts []string
	for _, f := range slices.Sorted(maps.Keys(known)) {
		parts = append(parts, e.word("import.field", f)+" = "+clean(known[f]))
	}
	return strings.Join(parts, ", ")
}

// joinedBy is why something is of a sender.
func (e env) joinedBy(by wizard.JoinReason, with string, shared int) string {
	said := e.t("join."+string(by), map[string]string{"with": clean(with)})
	if shared > 1 {
		said += " " + e.t("join.shared", map[string]string{"count": number(shared)})
	}
	return said
}
