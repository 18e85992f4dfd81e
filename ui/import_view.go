package ui

import (
	"strings"

	"offbasic/ui/text"
)

func (s importScreen) View(e env) string {
	switch {
	case s.state == idle:
		return strings.Join(s.prompt(e), "\n")
	case s.busy():
		return strings.Join(s.progress(e), "\n")
	case s.picking:
		return strings.Join(s.fieldList(e), "\n")
	case s.asks() == askColumns:
		return strings.Join(s.columnList(e), "\n")
	case s.asks() == askOrder:
		return strings.Join(s.orderList(e), "\n")
	}
	return strings.Join(e.page(s.told(e), s.top, e.height), "\n")
}

// prompt asks for a file, and says which are read.
func (s importScreen) prompt(e env) []string {
	width := min(prose, e.width-2)
	lines := wrap(e.t("import.ui.ask"), width, 0)
	lines = append(lines, "")
	typed := hard(clean(s.typed)+"_", width-2, 0)
	for i, l := range typed {
		mark := "  "
		if i == 0 {
			mark = e.th.key.Render(">") + " "
		}
		lines = append(lines, mark+l)
	}
	lines = append(lines, "", e.th.strong.Render(e.t("import.ui.kinds")))
	for _, kind := range []string{"report", "sign_ins", "trace", "mailboxes", "logs", "list"} {
		lines = append(lines, wrap("  "+e.t("import.ui.kind."+kind), width, 4)...)
	}
	all := "import.ui.all.off"
	if s.req.All {
		all = "import.ui.all.on"
	}
	return indented(append(append(lines, ""), wrap(e.t(all), width, 0)...))
}

// bar is how much of something is done.
func (e env) bar(done, all int64, width int) string {
	n := 0
	if all > 0 {
		n = int(min(done, all) * int64(width) / all)
	}
	return "[" + e.th.good.Render(strings.Repeat("#", n)) + e.th.faint.Render(strings.Repeat("-", width-n)) + "]"
}

func (s importScreen) progress(e env) []string {
	lines := s.resultLines(e)
	file := ""
	if len(s.files) > 0 {
		file = baseName(s.files[0])
	}
	lines = append(lines, e.t("import.ui.reading", text.Args{"file": file}))
	if s.size > 0 {
		args := text.Args{"percent": number(int(s.read * 100 / s.size)), "read": e.size(s.read), "size": e.size(s.size)}
		lines = append(lines, e.bar(s.read, s.size, 30)+" "+e.t("import.ui.progress", args))
	}
	if s.state == stopping {
		lines = append(lines, e.t("setup.ui.stopping"))
	}
	return indented(lines[max(0, len(lines)-e.height):])
}

// baseName is the last part of a path, fit for the screen.
func baseName(path string) string {
	return clean(path[strings.LastIndexAny(path, `/\`)+1:])
}

// told is what the files were, and why one could not be read.
func (s importScreen) told(e env) []string {
	lines := s.resultLines(e)
	switch {
	case s.stopped:
		lines = append(lines, wrap(e.t("import.ui.stopped", text.Args{"file": baseName(s.files[0])}), min(prose, e.width-2), 0)...)
	case s.err != nil:
		lines = append(lines, e.faultLines(s.err, min(prose, e.width-2))...)
	}
	return indented(lines)
}

func (s importScreen) resultLines(e env) []string {
	var lines []string
	for _, r := range s.results {
		lines = append(append(lines, e.imported(r, min(prose, e.width-2))...), "")
	}
	return lines
}

// imported is what a file was, and what it changed.
func (e env) imported(r ImportResult, width int) []string {
	file := text.Args{"file": clean(r.File)}
	if r.Again {
		return wrap(e.t("import.again", file), width, 0)
	}
	var lines []string
	say := func(words string, args text.Args) { lines = append(lines, wrap("  "+e.t(words, args), width, 4)...) }
	lines = wrap(e.t("import.read", text.Args{
		"file": clean(r.File), "kind": e.word("source", string(r.Kind)), "rows": number(r.Rows), "skipped": number(r.Skipped),
	}), width, 0)
	lines = append(lines, "  "+e.th.good.Render(e.t("import.done", text.Args{"new": number(r.New), "known": number(r.Joined)})))
	if len(r.Known) > 0 {
		say("import.columns", text.Args{"columns": e.knownColumns(r.Known)})
	}
	if r.YearsGuessed {
		say("import.years", nil)
	}
	if r.Order != "" {
		say("import.order."+r.Order, nil)
	}
	if r.BadRows > 0 {
		say("import.bad", text.Args{"count": number(r.BadRows)})
	}
	for _, b := range r.Bad {
		args := text.Args{"file": clean(r.File), "line": number(b.Line), "why": e.word("import.bad", b.Why)}
		lines = append(lines, wrap("    "+e.th.warn.Render(e.t("import.bad.line", args)), width, 6)...)
	}
	if r.Left > 0 {
		say("import.ui.left", text.Args{"count": number(r.Left)})
	}
	if r.Dropped > 0 {
		say("import.dropped", text.Args{"count": number(r.Dropped)})
	}
	return append(lines, e.changesOf(r, width)...)
}

// changesOf are the senders that are new, or known better, with the reason.
func (e env) changesOf(r ImportResult, width int) []string {
	var lines []string
	for _, c := range r.Changes {
		sign, name := "=", clean(c.Sender)
		if c.New {
			sign = "+"
		}
		if s, ok := e.mig.Sender(c.Sender); ok {
			name = clean(s.Title())
		}
		lines = append(lines, cut("  "+sign+" "+pad(name, 28)+"  "+e.joinedBy(c.By, c.With, c.Shared), max(width, e.width-2)))
	}
	if more := r.New + r.Joined - len(r.Changes); more > 0 && len(r.Changes) > 0 {
		lines = append(lines, "  "+e.th.faint.Render(e.counted("import.ui.more", more)))
	}
	return lines
}

// columnList asks what the columns of a table hold.
func (s importScreen) columnList(e env) []string {
	width := min(prose, e.width-2)
	lines := indented(wrap(e.t("import.ui.ask_columns", text.Args{"file": baseName(s.files[0])}), width, 0))
	lines = append(lines, "")
	cols := []column{{e.t("import.ui.column"), 34}, {e.t("import.ui.holds"), max(20, width-40)}}
	lines = append(lines, e.th.faint.Render("   "+row(cols, cols[0].head, cols[1].head)))
	from, to := window(len(s.asked), s.at, e.height-len(lines))
	for i := from; i < to; i++ {
		lines = append(lines, " "+e.marked(row(cols, clean(s.asked[i]), e.fieldWords(s.named[i])), i == s.at, e.width-1))
	}
	return lines
}

func (e env) fieldWords(field string) string {
	if field == "" {
		return "-"
	}
	return e.word("import.field", field)
}

// fieldList is what a column can hold.
func (s importScreen) fieldList(e env) []string {
	lines := []string{" " + e.th.strong.Render(e.t("import.ui.ask_field", text.Args{"column": clean(s.asked[s.at])})), ""}
	rows := s.fieldRows(e)
	from, to := window(len(rows), s.field, e.height-len(lines))
	for i := from; i < to; i++ {
		words := e.fieldWords(rows[i])
		if rows[i] == "" {
			words = e.t("import.ui.no_field")
		}
		lines = append(lines, " "+e.marked(words, i == s.field, e.width-1))
	}
	return lines
}

// orderList asks how dates are to be read.
func (s importScreen) orderList(e env) []string {
	lines := indented(wrap(e.orderWords(s), min(prose, e.width-2), 0))
	lines = append(lines, "")
	for i, o := range orders() {
		lines = append(lines, " "+e.marked(e.t("import.ui.order."+o), i == s.at, e.width-1))
	}
	return lines
}

func (e env) orderWords(s importScreen) string {
	f, _ := asFault(s.err)
	return e.t("import.ui.ask_order", text.Args{
		"file": baseName(s.files[0]), "line": clean(f.Args["line"]), "example": clean(f.Args["example"]),
	})
}
