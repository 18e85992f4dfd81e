package report

import (
	"strconv"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// doc is a document without its format.
type doc struct {
	Title, Lang string
	Sections    []section
}

// section is a heading and what stands under it.
type section struct {
	ID, Title string
	Sub       bool // a heading of the second order
	Page      bool // begins a page when printed
	Blocks    []block
}

// block is one of a paragraph, a list, a table.
type block struct {
	Para string
	List []string
	Head []string
	Rows [][]string
	Name string // of a table, for those who do not see it
}

func para(s string) block        { return block{Para: s} }
func list(items ...string) block { return block{List: items} }
func itoa(n int) string          { return strconv.Itoa(n) }
func dash(s string) string {
	if strings.TrimSpace(s) == "" {
		return "-"
	}
	return s
}

func (r Report) t(key string, args ...text.Args) string { return r.tr.T(key, args...) }

// document is the report in words.
func (r Report) document() doc {
	d := doc{Title: r.t("report.title", text.Args{"tenant": r.tenant()}), Lang: r.tr.Lang()}
	d.Sections = append(d.Sections, r.summary(), r.checklist(), r.order(), r.list())
	d.Sections = append(d.Sections, r.evidence()...)
	d.Sections = append(d.Sections, r.tests(), r.changes(), r.left(), r.sources())
	return d
}

func (r Report) tenant() string {
	if r.Lab {
		return r.t("report.lab")
	}
	if r.Tenant.Domain != "" {
		return r.Tenant.Domain
	}
	return dash(r.Tenant.ID)
}

// summary is the page for somebody who decides.
func (r Report) summary() section {
	total, proved := len(r.Senders), r.Counts[wizard.Proved]
	s := section{ID: "summary", Title: r.t("report.summary")}
	s.Blocks = append(s.Blocks, para(r.t("report.made", text.Args{"at": r.time(r.Made)})), para(r.t("report.what")))
	if d := r.Deadline; d != nil {
		s.Blocks = append(s.Blocks, para(r.t("report.deadline", text.Args{"date": d.Date, "days": itoa(d.Days), "what": r.t("date." + d.ID)})))
	}
	facts := []string{
		r.t("report.senders", text.Args{"count": itoa(total)}),
		r.t("report.proved", text.Args{"count": itoa(proved), "total": itoa(total)}),
		r.t("report.open", text.Args{"count": itoa(total - proved)}),
	}
	if n := r.outside(); n > 0 {
		facts = append(facts, r.t("report.basic", text.Args{"count": itoa(n)}))
	}
	if n := r.mayWait(); n > 0 {
		facts = append(facts, r.t("report.may_wait", text.Args{"count": itoa(n)}))
	}
	s.Blocks = append(s.Blocks, list(facts...))
	var first []string
	for _, o := range r.open() {
		if len(first) == 5 {
			break
		}
		first = append(first, r.t("report.next_of", text.Args{"sender": o.Title(), "next": r.t("todo." + string(o.Task.Next))}))
	}
	if len(first) > 0 {
		s.Blocks = append(s.Blocks, para(r.t("report.first")), list(first...))
	}
	if total == 0 {
		s.Blocks = append(s.Blocks, para(r.t("report.none")))
	}
	return s
}

// outside counts the senders that sign in with a password as far as is known.
func (r Report) outside() int {
	n := 0
	for _, s := range r.open() {
		if usesPassword(s) {
			n++
		}
	}
	return n
}

func usesPassword(s Sender) bool {
	for _, src := range s.Sources {
		if src.Protocol == "basic" || src.Protocol == "both" {
			return true
		}
	}
	switch s.Seen.Mechanism {
	case "", "XOAUTH2", "OAUTHBEARER":
		return false
	}
	return true
}

func (r Report) mayWait() int {
	n := 0
	for _, s := range r.Senders {
		if s.Task.MayWait {
			n++
		}
	}
	return n
}

// checklist is the state of the six things that a migration is.
func (r Report) checklist() section {
	b := block{Name: r.t("report.checklist"), Head: []string{r.t("report.col.item"), r.t("report.col.state"), r.t("report.col.done"), r.t("report.col.lacks")}}
	for _, i := range r.Checklist {
		var lacks []string
		for _, id := range i.Lacks {
			lacks = append(lacks, r.t("checklist.lack."+id))
		}
		b.Rows = append(b.Rows, []string{r.t("checklist." + i.ID), r.t("progress." + string(i.State)), itoa(i.Done) + "/" + itoa(i.Total), dash(strings.Join(lacks, " "))})
	}
	return section{ID: "checklist", Title: r.t("report.checklist"), Blocks: []block{b}, Page: true}
}

// order is the order of work.
func (r Report) order() section {
	s := section{ID: "order", Title: r.t("report.order"), Blocks: []block{para(r.t("report.order.why"))}}
	b := block{Name: r.t("report.order"), Head: []string{"#", r.t("report.col.sender"), r.t("report.col.next"), r.t("report.col.why")}}
	for i, o := range r.open() {
		b.Rows = append(b.Rows, []string{itoa(i + 1), o.Title(), r.t("todo." + string(o.Task.Next)), dash(r.reasons(o.Task))})
	}
	if len(b.Rows) == 0 {
		return section{ID: "order", Title: s.Title, Blocks: []block{para(r.t("report.order.none"))}}
	}
	s.Blocks = append(s.Blocks, b)
	for _, g := range r.Groups {
		var names []string
		for _, id := range g.Senders {
			names = append(names, r.name(id))
		}
		value := g.Value
		if g.By == "route" {
			value = r.t("route." + g.Value)
		}
		s.Blocks = append(s.Blocks, para(r.t("group."+g.By, text.Args{"value": value, "senders": strings.Join(names, ", ")})))
	}
	if r.mayWait() > 0 {
		s.Blocks = append(s.Blocks, para(r.t("report.wait.risk")))
	}
	return s
}

func (r Report) reasons(t wizard.Task) string {
	var parts []string
	for _, why := range t.Why {
		parts = append(parts, r.t("risk."+why.ID, why.Args))
	}
	if t.MayWait {
		parts = append(parts, r.t("report.wait"))
	}
	return strings.Join(parts, " / ")
}

// list is every sender in a line.
func (r Report) list() section {
	b := block{Name: r.t("report.list"), Head: r.columns()[:7]}
	for _, s := range r.Senders {
		b.Rows = append(b.Rows, r.row(s)[:7])
	}
	sec := section{ID: "senders", Title: r.t("report.list"), Blocks: []block{b}, Page: true}
	if len(b.Rows) == 0 {
		sec.Blocks = []block{para(r.t("report.none"))}
	}
	return sec
}

// columns are those of the list; the CSV has all of them.
func (r Report) columns() []string {
	var out []string
	for _, id := range []string{"sender", "account", "product", "state", "route", "next", "proved", "id", "addresses", "contact", "site", "volume", "last_seen", "risk", "note"} {
		out = append(out, r.t("report.col."+id))
	}
	return out
}

func (r Report) row(s Sender) []string {
	route, proved := "-", "-"
	if s.Route != "" {
		route = r.t("route." + string(s.Route))
	}
	if s.State == wizard.Proved {
		proved = r.time(s.Last.Received)
	}
	volume := ""
	if n := s.Volume(); n > 0 {
		volume = itoa(n)
	}
	return []string{
		s.Title(), dash(s.Account), dash(s.Product), r.t("state." + string(s.State)), route, r.t("todo." + string(s.Task.Next)), proved,
		s.ID, strings.Join(s.Peers, " "), s.Contact, s.Site, volume, r.time(s.LastSeen()), itoa(s.Task.Risk), s.Note,
	}
}

// evidence is a part for each sender.
func (r Report) evidence() []section {
	out := []section{{ID: "evidence", Title: r.t("report.evidence"), Page: true, Blocks: []block{para(r.t("report.evidence.why"))}}}
	for _, s := range r.Senders {
		out = append(out, r.sender(s))
	}
	return out
}

func (r Report) sender(s Sender) section {
	sec := section{ID: "sender-" + s.ID, Title: s.Title(), Sub: true}
	var known []string
	for _, f := range s.Findings {
		if f.Status == checks.Skip {
			continue
		}
		known = append(known, r.t("finding."+string(f.Status))+" - "+r.t("check."+string(f.Check)+"."+string(f.Status), f.Args))
	}
	for _, src := range s.Sources {
		known = append(known, r.source(src))
	}
	if len(known) == 0 {
		known = []string{r.t("report.nothing_known")}
	}
	sec.Blocks = append(sec.Blocks, list(known...))
	if s.Route != "" {
		sec.Blocks = append(sec.Blocks, para(r.t("report.chosen", text.Args{"route": r.t("route." + string(s.Route)), "why": r.routeReasons(s)})))
	}
	if t := r.trials[s.ID]; t != nil {
		sec.Blocks = append(sec.Blocks, para(r.trial(*t)))
	}
	if s.Note != "" {
		sec.Blocks = append(sec.Blocks, para(r.t("report.note", text.Args{"note": s.Note})))
	}
	return sec
}

// source is one thing that a sender is known from.
func (r Report) source(src wizard.Source) string {
	parts := []string{r.t("report.source", text.Args{"kind": r.t("source." + string(src.Kind)), "file": dash(src.File), "line": itoa(src.Line)})}
	if src.Messages > 0 {
		parts = append(parts, r.t("report.source.messages", text.Args{"count": itoa(src.Messages)}))
	}
	if src.Refused > 0 {
		parts = append(parts, r.t("report.source.refused", text.Args{"count": itoa(src.Refused), "why": dash(strings.Join(src.Why, " "))}))
	}
	if src.Protocol != "" {
		parts = append(parts, r.t("report.source.protocol."+src.Protocol))
	}
	if src.OldTLS > 0 {
		parts = append(parts, r.t("report.source.old_tls", text.Args{"percent": strconv.FormatFloat(src.OldTLS, 'f', -1, 64)}))
	}
	if src.Shared > 1 {
		parts = append(parts, r.t("join.shared", text.Args{"count": itoa(src.Shared)}))
	}
	return strings.Join(parts, ", ")
}

// routeReasons are what speaks for the chosen route, and against it.
func (r Report) routeReasons(s Sender) string {
	var parts []string
	for _, ranked := range s.Routes {
		if ranked.Route != s.Route {
			continue
		}
		for _, reasons := range [][]checks.Reason{ranked.For, ranked.Against, ranked.Needs} {
			for _, why := range reasons {
				parts = append(parts, r.t("reason."+why.ID, why.Args))
			}
		}
	}
	return dash(strings.Join(parts, " / "))
}

// trial is one test send in a line.
func (r Report) trial(t probes.Trial) string {
	said := r.t("report.trial."+string(t.Outcome), text.Args{"reply": r.reply(t), "step": t.Reached().Step})
	if t.Receipt != nil && t.Receipt.Found {
		said = r.t("receipt.found", text.Args{
			"mailbox": t.Receipt.Mailbox, "folder": dash(t.Receipt.Folder), "auth_as": dash(t.Receipt.AuthAs),
			"after": (time.Duration(t.Receipt.AfterMS) * time.Millisecond).Round(100 * time.Millisecond).String(),
		})
	}
	return r.t("report.trial", text.Args{"at": r.time(t.Started), "route": r.t("route." + string(t.Route)), "said": said})
}

func (r Report) reply(t probes.Trial) string {
	if t.Reply == nil {
		return "-"
	}
	return t.Reply.String()
}

// tests are all test sends.
func (r Report) tests() section {
	b := block{Name: r.t("report.tests"), Head: []string{r.t("report.col.at"), r.t("report.col.sender"), r.t("report.col.route"), r.t("report.col.from"), r.t("report.col.to"), r.t("report.col.result")}}
	for _, t := range r.Trials {
		result := r.t("report.outcome." + string(t.Outcome))
		if t.Outcome != probes.TrialSent {
			result += ": " + r.reply(t)
		}
		if t.Receipt != nil && t.Receipt.Found {
			result = r.t("report.arrived", text.Args{"folder": dash(t.Receipt.Folder), "at": r.time(t.Receipt.Received)})
		}
		b.Rows = append(b.Rows, []string{r.time(t.Started), dash(r.name(t.Sender)), r.t("route." + string(t.Route)), dash(t.From), dash(strings.Join(t.To, " ")), result})
	}
	if len(b.Rows) == 0 {
		b = para(r.t("report.tests.none"))
	}
	return section{ID: "tests", Title: r.t("report.tests"), Blocks: []block{b}, Page: true}
}

// changes are what was done to the tenant.
func (r Report) changes() section {
	b := block{Name: r.t("report.changes"), Head: []string{r.t("report.col.at"), r.t("report.col.step"), r.t("report.col.by"), r.t("report.col.what"), r.t("report.col.result")}}
	for _, c := range r.Changes {
		what := c.Shell
		if what == "" {
			what = strings.TrimSpace(c.Method + " " + c.URL)
		}
		b.Rows = append(b.Rows, []string{r.time(c.At), dash(c.Step), c.By, dash(what), c.Outcome})
	}
	if len(b.Rows) == 0 {
		b = para(r.t("report.changes.none"))
	}
	return section{ID: "changes", Title: r.t("report.changes"), Blocks: []block{b}}
}

// left is what is to be done, sender by sender.
func (r Report) left() section {
	s := section{ID: "left", Title: r.t("report.left")}
	for _, o := range r.open() {
		var steps []string
		for _, step := range o.Task.Left {
			steps = append(steps, r.t("todo."+string(step)))
		}
		who := ""
		if o.Contact != "" {
			who = " (" + o.Contact + ")"
		}
		s.Blocks = append(s.Blocks, list(o.Title()+who+": "+strings.Join(steps, " > ")))
	}
	if len(s.Blocks) == 0 {
		s.Blocks = []block{para(r.t("report.left.none"))}
	}
	s.Blocks = append(s.Blocks, para(r.t("report.pilot")))
	return s
}

// sources are the dates of the retirement, with where they come from.
func (r Report) sources() section {
	b := block{Name: r.t("report.sources"), Head: []string{r.t("report.col.date"), r.t("report.col.what"), r.t("report.col.source")}}
	for _, e := range r.Calendar {
		what := r.t("date." + e.ID)
		if e.Replaced {
			what += " " + r.t("report.replaced")
		}
		if e.Confidence != "primary" {
			what += " " + r.t("report.unconfirmed")
		}
		b.Rows = append(b.Rows, []string{e.Date, what, e.Source})
	}
	return section{ID: "sources", Title: r.t("report.sources"), Blocks: []block{para(r.t("report.sources.why")), b}, Page: true}
}
