package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/assets"
	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

func at(day int) time.Time { return time.Date(2026, 11, day, 8, 0, 0, 0, time.UTC) }

// hostile is a name that means something to a terminal, a page, a spreadsheet
// and Markdown; what reaches a report is cleaned of control characters only.
const hostile = `=cmd|'<script>alert(1)</script>` + "`|*x*"

func migration() wizard.Migration {
	m := wizard.Migration{Tenant: wizard.Tenant{ID: "t", Domain: "contoso.example", Domains: []string{"contoso.example"}}}
	m.Senders = []wizard.Sender{
		{
			ID: "proved", Name: "Second floor", Account: "scan@contoso.example", Route: probes.OAuth, Contact: "Reception",
			Last: &wizard.Attempt{Trial: "1", Route: probes.OAuth, Outcome: probes.TrialSent, Received: at(20)},
		},
		{
			ID: "hostile", Name: hostile, Account: "@erp@contoso.example", Note: "+1",
			Sources: []wizard.Source{{Kind: probes.FromReport, File: "report.csv", Line: 2, Messages: 1200, Protocol: "basic", OldTLS: 12.5, By: wizard.IsNew}},
		},
	}
	return m
}

func build(t testing.TB, lang string, m wizard.Migration) Report {
	t.Helper()
	tr, err := text.Load(assets.Locales(), lang)
	if err != nil {
		t.Fatal(err)
	}
	return Build(Input{
		Text: tr, Now: at(22), Migration: m,
		Facts:   func(id string) checks.Facts { return checks.Facts{Sender: id, Domains: m.Tenant.Domains} },
		Product: func(string) string { return "" },
		Trials: []probes.Trial{{
			ID: "1", Sender: "proved", Route: probes.OAuth, Started: at(20), Outcome: probes.TrialSent, Transcript: []probes.Line{{Text: "AUTH"}},
			Receipt: &probes.Receipt{Found: true, Mailbox: "it@contoso.example", Folder: "Inbox", Received: at(20), AuthAs: "Internal"},
		}},
		Changes: []probes.Change{{At: at(19), By: probes.ByGraph, Step: "consent", Method: "POST", URL: "/v1.0/servicePrincipals", Outcome: "done"}},
	})
}

func written(t testing.TB, r Report, format string) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEveryFormatInEveryLanguageHasAllWords(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		r := build(t, lang, migration())
		for _, format := range Formats() {
			s := written(t, r, format)
			if i := strings.Index(s, "⟦"); i >= 0 {
				t.Errorf("%s in %s lacks the words %s", format, lang, s[i:min(i+60, len(s))])
			}
			if !strings.Contains(s, "contoso.example") {
				t.Errorf("%s in %s does not name the tenant", format, lang)
			}
		}
	}
}

func TestAPageHoldsNoMarkupOfASender(t *testing.T) {
	s := written(t, build(t, "en", migration()), "html")
	if strings.Contains(s, "<script") || !strings.Contains(s, "&lt;script&gt;") {
		t.Error("the name of a sender is markup in the page")
	}
	if strings.Contains(s, "http://") || strings.Contains(s, " src=") || strings.Contains(s, "url(") {
		t.Error("the page loads something")
	}
	md := written(t, build(t, "en", migration()), "md")
	if n := strings.Count(md, "<"); n == 0 || n != strings.Count(md, `\<`) { // CommonMark 0.31 section 2.4
		t.Error("the name of a sender is markup in Markdown")
	}
}

// OWASP, "CSV Injection": a cell that begins with =, +, - or @ is a formula to
// a spreadsheet.
func TestNoCellOfACSVIsAFormula(t *testing.T) {
	s := written(t, build(t, "en", migration()), "csv")
	body, bom := strings.CutPrefix(s, "\ufeff")
	if !bom {
		t.Error("there is no byte order mark")
	}
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 {
		t.Fatalf("%d rows, want a heading and two senders", len(rows))
	}
	for _, cell := range rows[1] {
		if cell != "-" && cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
			t.Errorf("a cell is %q", cell)
		}
	}
	if rows[1][0] != "'"+hostile {
		t.Errorf("the name is %q", rows[1][0])
	}
}

func TestTheJSONHasTheSendersInTheOrderOfWorkAndNoTranscript(t *testing.T) {
	s := written(t, build(t, "fr", migration()), "json")
	var got struct {
		Type    string
		Senders []struct {
			ID    string
			State string
			Task  struct {
				Next string
				Risk int
			}
		}
		Trials []map[string]any
	}
	if err := json.Unmarshal([]byte(s), &got); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, x := range got.Senders {
		ids = append(ids, x.ID+":"+x.State)
	}
	if got.Type != "report" || !slices.Equal(ids, []string{"hostile:unknown", "proved:proved"}) || got.Senders[0].Task.Risk != 30 {
		t.Errorf("got %+v", got)
	}
	if _, has := got.Trials[0]["transcript"]; has {
		t.Error("a transcript is in the report")
	}
}

func TestTheSummaryTellsWhatIsLeftAndByWhen(t *testing.T) {
	s := written(t, build(t, "en", migration()), "md")
	for _, want := range []string{"2026-12-31, 39 days left", "1 of 2", "12.5 % over TLS 1.0 or 1.1", "arrived in Inbox", "POST /v1.0/servicePrincipals"} {
		if !strings.Contains(s, want) {
			t.Errorf("the report does not say %q:\n%s", want, s)
		}
	}
}

func TestAnEmptyMigrationHasAReport(t *testing.T) {
	for _, format := range Formats() {
		if s := written(t, build(t, "en", wizard.Migration{}), format); s == "" {
			t.Errorf("%s is empty", format)
		}
	}
}

func thousand() wizard.Migration {
	var m wizard.Migration
	for i := range 1000 {
		m.Senders = append(m.Senders, wizard.Sender{
			ID: fmt.Sprint("s", i), Name: fmt.Sprint("Printer ", i), Account: fmt.Sprintf("s%d@contoso.example", i), Route: probes.OAuth,
			Sources: []wizard.Source{{Kind: probes.FromReport, File: "report.csv", Line: i, Messages: i}, {Kind: probes.FromSignIns, File: "s.csv", Line: i, Messages: i}},
		})
	}
	return m
}

func TestThePageForAThousandSendersIsBelowFiveMegabytes(t *testing.T) {
	if n := len(written(t, build(t, "fr", thousand()), "html")); n > 5<<20 {
		t.Errorf("it has %d bytes", n)
	}
}

func BenchmarkHTMLOfAThousandSenders(b *testing.B) {
	m := thousand()
	for b.Loop() {
		if err := build(b, "en", m).HTML(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
