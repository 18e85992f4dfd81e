package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/exp/golden"

	"offbasic/assets"
	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// office is a world in which senders are found, ordered and reported.
type office struct {
	*world
	paths    []string
	requests []ImportRequest
	reports  []ReportRequest
	mended   []string
}

func (o *office) options() Options {
	opts := o.world.options()
	opts.Import = o.imports
	opts.ImportFields = []string{"account", "contact", "ip", "messages", "name"}
	opts.Plan = func(context.Context) (Plan, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		m := o.copy()
		p := Plan{Asks: map[string][]wizard.Ask{}}
		p.Tasks, p.Groups = m.Plan(wizard.PlanInput{Now: time.Now()})
		for _, c := range m.Senders {
			p.Asks[c.ID] = c.Asked(checks.Facts{})
		}
		return p, nil
	}
	opts.ReportFormats, opts.ReportLanguages = []string{"html", "md", "csv", "json"}, []string{"en", "fr"}
	opts.ReportPath = func(_ context.Context, r ReportRequest) string { return "/home/anna/migration/report." + r.Format }
	opts.Report = func(_ context.Context, r ReportRequest) (string, error) {
		o.reports = append(o.reports, r)
		return r.Path, nil
	}
	opts.Join = func(ctx context.Context, into, other string) error {
		o.mended = append(o.mended, "join "+into+" "+other)
		_, err := o.change(ctx, func(m *wizard.Migration) error { return m.JoinSenders(into, other) })
		return err
	}
	opts.Split = func(ctx context.Context, id, source string) (made string, err error) {
		o.mended = append(o.mended, "split "+id+" "+source)
		_, err = o.change(ctx, func(m *wizard.Migration) error { made, err = m.SplitSender(id, source); return err })
		return made, err
	}
	return opts
}

// imports reads for a second. What a file is, its name says.
func (o *office) imports(ctx context.Context, path string, r ImportRequest, progress func(read, size int64)) ([]ImportResult, error) {
	o.paths, o.requests = append(o.paths, path), append(o.requests, r)
	name := path[strings.LastIndex(path, "/")+1:]
	for i := range int64(4) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
		progress(i*10_000_000, 42_000_000)
	}
	fault := func(code probes.Code, args map[string]string) error {
		args["file"] = name
		return &probes.Fault{Op: "import " + name, Code: code, Args: args}
	}
	switch {
	case strings.HasPrefix(name, "liste") && r.Columns == nil:
		return []ImportResult{{File: name, Columns: []string{"Gerät", "Konto", "Etage"}}}, fault(askColumns, map[string]string{"columns": "Gerät, Konto, Etage"})
	case strings.HasPrefix(name, "dates") && r.Order == "":
		return nil, fault(askOrder, map[string]string{"line": "2", "example": "03/04/2026"})
	case strings.HasSuffix(name, ".pdf"):
		return nil, fault("import_not_text", map[string]string{"what": "pdf"})
	}
	_, err := o.change(ctx, func(m *wizard.Migration) error {
		m.Senders = append(m.Senders, wizard.Sender{ID: "alarm-" + name, Name: "Alarm " + name})
		return nil
	})
	return []ImportResult{{
		File: name, Kind: probes.FromReport, Rows: 212, Skipped: 14, BadRows: 2, Bad: []BadRow{{17, "number"}, {90, "quote"}}, Order: r.Order,
		Columns: []string{"Sender", "Messages"}, Known: map[string]string{"account": "Sender", "messages": "Messages"}, New: 1, Joined: 2, Left: 3,
		Changes: []ImportChange{
			{Sender: "alarm-" + name, New: true, By: wizard.IsNew},
			{Sender: "b", By: wizard.ByAccount, With: "scan@contoso.example"},
			{Sender: "e", By: wizard.ByAddress, With: "erp@contoso.example", Shared: 3},
		},
	}}, err
}

// staff is the fleet, with sources and a shared account.
func staff(w *world) {
	fleet(w)
	now := time.Now()
	w.mig.Senders[0].Account, w.mig.Senders[4].Account = "scan@contoso.example", "scan@contoso.example"
	w.mig.Senders[0].Sources = []wizard.Source{
		{Kind: probes.FromReport, Key: "scan@contoso.example", File: "report.csv", Line: 4, By: wizard.IsNew, Messages: 1200, Last: now, OldTLS: -1},
		{Kind: probes.FromPostfix, Key: "203.0.113.9", File: "mail.log", Line: 90, By: wizard.ByAccount, With: "scan@contoso.example", Shared: 2, OldTLS: -1},
	}
	w.mig.Senders[2].Answers = map[string]string{wizard.AnswerWeight: "high"}
}

// inOffice opens the office.
func inOffice(t *testing.T, lang string, width, height int, prepare func(*world), act func(*office, *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := &office{world: newWorld(t, lang)}
		if prepare != nil {
			prepare(o.world)
		}
		s := newStage(t, o.options(), width, height)
		act(o, s)
		s.end()
	})
}

// findFilm is the way from nothing to a list, its order, and a report.
func findFilm(t *testing.T, lang string, width, height int) {
	inOffice(t, lang, width, height, staff, func(o *office, s *stage) {
		s.shoot("home")
		s.press("i")
		s.shoot("which file")
		s.send(tea.PasteMsg{Content: `'/home/anna/my exports/smtp auth.csv' '/home/anna/liste.csv'`})
		s.shoot("two files were dragged in")
		s.press("enter")
		s.pass(700 * time.Millisecond)
		s.shoot("the first is being read")
		s.pass(2 * time.Second)
		s.shoot("the second: what do the columns hold")
		s.press("down", "enter", "down")
		s.shoot("the fields")
		s.press("enter")
		s.shoot("one column is named")
		s.press("r")
		s.pass(3 * time.Second)
		s.shoot("both are read")
		s.press("enter")
		s.write("/home/anna/dates.csv")
		s.press("enter")
		s.pass(2 * time.Second)
		s.shoot("how are the dates to be read")
		s.press("down", "enter")
		s.pass(2 * time.Second)
		s.press("enter")
		s.write("/home/anna/a.pdf")
		s.press("enter")
		s.pass(2 * time.Second)
		s.shoot("not a text")
		s.press("p")
		s.pass(time.Second)
		s.shoot("the order of work")
		s.press("/")
		s.write("konica")
		s.shoot("filtered")
		s.press("enter", "a")
		s.shoot("the first question")
		s.press("down", "enter", "tab", "tab")
		s.shoot("a question for words")
		s.write("Anna, accounts")
		s.press("enter", "tab")
		s.shoot("all answers")
		s.press("esc", "enter")
		s.shoot("the sender")
		s.press("e", "f")
		s.shoot("what it is known from")
		s.press("down", "down", "x")
		s.pass(2 * time.Second)
		s.shoot("split off")
		s.press("o")
		s.write("sage")
		s.shoot("another that is the same")
		s.press("enter")
		s.pass(2 * time.Second)
		s.shoot("joined")
		s.press("esc", "esc", "esc", "r")
		s.shoot("what report")
		s.press("enter", "enter")
		s.shoot("where it goes")
		s.press("enter")
		s.shoot("saved")
		if want := []string{"/home/anna/my exports/smtp auth.csv", "/home/anna/liste.csv", "/home/anna/liste.csv", "/home/anna/dates.csv", "/home/anna/dates.csv", "/home/anna/a.pdf"}; !slices.Equal(o.paths, want) {
			t.Errorf("read %q, want %q", o.paths, want)
		}
		if got := o.requests[2].Columns["account"]; got != "Konto" || o.requests[4].Order != "mdy" {
			t.Errorf("asked for %+v, want account = Konto and mdy", o.requests)
		}
		if c := o.mig.Senders[0]; c.Answers[wizard.AnswerRecipients] != "outside" || c.Answers[wizard.AnswerOwner] != "Anna, accounts" {
			t.Errorf("answers %v", c.Answers)
		}
		if want := []string{"split a 203.0.113.9", "join a c"}; !slices.Equal(o.mended, want) {
			t.Errorf("mended %q, want %q", o.mended, want)
		}
		if len(o.reports) != 1 || o.reports[0] != (ReportRequest{"html", lang, "/home/anna/migration/report.html"}) {
			t.Errorf("reports %+v", o.reports)
		}
		s.golden()
	})
}

func TestFindFilm(t *testing.T)       { findFilm(t, "en", 80, 24) }
func TestFindFilmFrench(t *testing.T) { findFilm(t, "fr", 80, 24) }
func TestFindFilmWide(t *testing.T)   { findFilm(t, "en", 120, 40) }

func TestImportIsCancelled(t *testing.T) {
	inOffice(t, "en", 80, 24, nil, func(o *office, s *stage) {
		s.send(tea.PasteMsg{Content: "/home/anna/big.csv"})
		s.pass(400 * time.Millisecond)
		s.sees("Reading big.csv")
		s.press("esc")
		s.pass(time.Second)
		s.sees("Stopped. Nothing of big.csv was taken up.")
		if len(o.mig.Senders) != 0 {
			t.Errorf("senders %+v, want none", o.mig.Senders)
		}
		s.press("a")
		s.pass(3 * time.Second)
		s.sees("1 new")
	})
}

func TestBoardSaysWhyItCannotBeRead(t *testing.T) {
	inOffice(t, "en", 80, 24, staff, func(o *office, s *stage) {
		s.app().opts.Plan = func(context.Context) (Plan, error) { return Plan{}, errors.New("the disk is gone") }
		s.press("p")
		s.sees("the disk is gone")
	})
}

// Keys of these screens are shown, have words, and mean one thing.
func TestFindKeys(t *testing.T) {
	for _, way := range [][]string{nil, {"i"}, {"p"}, {"p", "/"}, {"p", "a"}, {"p", "enter"}, {"p", "enter", "e"}, {"p", "enter", "e", "f"}, {"p", "enter", "e", "f", "o"}, {"p", "r"}} {
		for _, lang := range []string{"en", "fr"} {
			inOffice(t, lang, 80, 24, staff, func(_ *office, s *stage) {
				s.press(way...)
				s.pass(100 * time.Millisecond)
				s.frame()
				seen := map[string]bool{}
				for _, act := range s.app().actions() {
					for _, k := range act.Keys() {
						if act.do != nil && seen[k] {
							t.Errorf("after %v the key %s has two meanings", way, k)
						}
						seen[k] = true
					}
				}
			})
		}
	}
}

func TestPathsAsTerminalsWriteThem(t *testing.T) {
	for _, c := range []struct {
		given   string
		windows bool
		want    []string
	}{
		{"/home/anna/report.csv", false, []string{"/home/anna/report.csv"}},
		{"/home/anna/my report.csv", false, []string{"/home/anna/my report.csv"}},
		{`/home/anna/my\ report\ \(1\).csv `, false, []string{"/home/anna/my report (1).csv"}},
		{`'/home/anna/my report.csv' `, false, []string{"/home/anna/my report.csv"}},
		{`'/a/it'\''s.csv'`, false, []string{"/a/it's.csv"}},
		{"/a/anna's list.csv", false, []string{"/a/anna's list.csv"}},
		{`"C:\Users\Anna B\report.csv"`, true, []string{`C:\Users\Anna B\report.csv`}},
		{`C:\Users\Anna\report.csv`, true, []string{`C:\Users\Anna\report.csv`}},
		{"file:///home/anna/my%20report.csv", false, []string{"/home/anna/my report.csv"}},
		{"/a/b.csv /a/c.csv", false, []string{"/a/b.csv", "/a/c.csv"}},
		{"/a/b.csv\r\n/a/c.csv\n", false, []string{"/a/b.csv", "/a/c.csv"}},
		{"  ", false, nil},
	} {
		if got := paths(c.given, c.windows); !slices.Equal(got, c.want) {
			t.Errorf("paths(%q, windows %v) = %q, want %q", c.given, c.windows, got, c.want)
		}
	}
}

// BenchmarkBoardFilter is one key of the filter and its frame, with 10,000
// senders.
func BenchmarkBoardFilter(b *testing.B) {
	tr, err := text.Load(assets.Locales(), "en")
	if err != nil {
		b.Fatal(err)
	}
	w := &world{tr: tr}
	for i := range 10_000 {
		w.mig.Senders = append(w.mig.Senders, wizard.Sender{ID: fmt.Sprintf("s%d", i), Name: fmt.Sprintf("Printer %d", i), Account: fmt.Sprintf("scan%d@contoso.example", i%500)})
	}
	opts := w.options()
	app := New(b.Context(), opts)
	app.width, app.height = 80, 24
	var p Plan
	p.Tasks, p.Groups = w.mig.Plan(wizard.PlanInput{Now: time.Unix(0, 0)})
	s := boardScreen{plan: p, read: true}.build(app.env()).narrow("")
	s.filter.open = true
	b.ReportAllocs()
	for b.Loop() {
		app.stack = []screen{newHome(), s}
		for _, k := range []string{"9", "9"} {
			m, _ := app.Update(keyPress(k))
			app = m.(App)
			if app.View().Content == "" {
				b.Fatal("nothing was drawn")
			}
		}
	}
}

// plainFinds is the import with its questions, the order of work, the
// questions about a sender and the report, without a screen.
func plainFinds(t *testing.T, lang string) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{world: newWorld(t, lang)}
		staff(o.world)
		in, keys := io.Pipe()
		out := &paper{}
		opts := o.options()
		opts.Accessible, opts.In, opts.Out = true, in, out
		done := make(chan error, 1)
		go func() { done <- Run(t.Context(), opts) }()
		for _, l := range []string{
			"11", `'/home/anna/liste.csv'`, "2", "2", "4", // the import, a column named
			"12", "/home/anna/dates.csv", "2", // with the order of dates
			"14",                                     // the order of work
			"6", "6", "2", "4", "3", "Anna", "", "8", // the questions: answered, skipped, in words
			"15", "1", "1", "", "16", // the report, and out
		} {
			io.WriteString(keys, l+"\n")
			time.Sleep(20 * time.Second)
		}
		keys.Close()
		if err := <-done; err != nil {
			t.Errorf("the plain mode ended with %v", err)
		}
		if c := o.mig.Senders[5]; c.Answers[wizard.AnswerRecipients] != "outside" || c.Answers[wizard.AnswerOwner] != "Anna" || len(c.Answers) != 2 {
			t.Errorf("answers %v", c.Answers)
		}
		if len(o.reports) != 1 || len(o.mig.Senders) != 8 {
			t.Errorf("reports %+v, %d senders", o.reports, len(o.mig.Senders))
		}
		if s := out.String(); strings.Contains(s, "\x1b") || strings.Contains(s, "⟦") {
			t.Errorf("it draws, or words are missing:\n%s", s)
		}
		golden.RequireEqual(t, out.String())
	})
}

// plainSources says what a sender is known from, splits off what is another's
// and joins what is the same, without a screen.
func plainSources(t *testing.T, lang string) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{world: newWorld(t, lang)}
		staff(o.world)
		o.mig.Senders = []wizard.Sender{
			{ID: "scan", Account: "scan@contoso.example", Peers: []string{"192.0.2.7"}, Sources: []wizard.Source{
				{Kind: probes.FromReport, Key: "smtp_auth_report:scan@contoso.example", File: "report.csv", Line: 2, By: wizard.ByAccount, With: "scan@contoso.example", Messages: 4},
				{Kind: probes.FromList, Key: "list:cellar", File: "list.csv", Line: 3, By: wizard.ByPeer, With: "192.0.2.7"},
			}},
			{ID: "erp", Name: "ERP", Account: "erp@contoso.example"},
		}
		in, keys := io.Pipe()
		out := &paper{}
		opts := o.options()
		opts.Accessible, opts.In, opts.Out = true, in, out
		done := make(chan error, 1)
		go func() { done <- Run(t.Context(), opts) }()
		for _, l := range []string{
			"1", "4", // the first sender, and what it is known from
			"1", "3", // split off the line of the list
			"2", "nobody", "2", "er", "1", // join another: no such, then this one
			"3", "5",
		} {
			io.WriteString(keys, l+"\n")
			time.Sleep(20 * time.Second)
		}
		keys.Close()
		if err := <-done; err != nil {
			t.Errorf("the plain mode ended with %v", err)
		}
		var known []string
		for _, c := range o.mig.Senders {
			for _, src := range c.Sources {
				known = append(known, c.ID+"="+src.Key)
			}
		}
		if s, ok := o.mig.Sender("scan"); !ok || !slices.Equal(s.Was, []string{"erp"}) || !slices.Equal(known, []string{"scan=smtp_auth_report:scan@contoso.example", "scan-2=list:cellar"}) {
			t.Errorf("senders are %+v, known from %v", o.mig.Senders, known)
		}
		if s := out.String(); strings.Contains(s, "\x1b") || strings.Contains(s, "⟦") {
			t.Errorf("it draws, or words are missing:\n%s", s)
		}
		golden.RequireEqual(t, out.String())
	})
}

func TestPlainSources(t *testing.T)       { plainSources(t, "en") }
func TestPlainSourcesFrench(t *testing.T) { plainSources(t, "fr") }

func TestPlainFinds(t *testing.T)       { plainFinds(t, "en") }
func TestPlainFindsFrench(t *testing.T) { plainFinds(t, "fr") }
