// Package report writes a migration as a document: HTML in one file, Markdown,
// CSV and JSON, in the language it is given. It reads what it is handed and
// nothing else, and no secret is ever in what it is handed.
package report

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// Input is what a report tells of. Every field but Location must be set.
type Input struct {
	Text      text.Printer
	Now       time.Time
	Location  *time.Location // of the times shown; nil means UTC
	Version   string         // of the program
	Migration wizard.Migration
	// Facts is what is known of a sender, and Product what it is, "" when that
	// is not known.
	Facts   func(sender string) checks.Facts
	Product func(sender string) string
	Trials  []probes.Trial
	Changes []probes.Change
}

// Report is a migration as it is at one moment. Its JSON holds ids and never
// words.
type Report struct {
	Type      string                   `json:"type"` // "report"
	Made      time.Time                `json:"made"`
	Version   string                   `json:"version,omitempty"`
	Lab       bool                     `json:"lab,omitempty"`
	Tenant    wizard.Tenant            `json:"tenant,omitzero"`
	Deadline  *Deadline                `json:"deadline,omitempty"`
	Counts    map[wizard.State]int     `json:"counts"`
	Checklist []wizard.Item            `json:"checklist"`
	Senders   []Sender                 `json:"senders"` // in the order of work
	Groups    []wizard.Group           `json:"groups,omitempty"`
	App       *wizard.Registration     `json:"app,omitempty"`
	Imports   []wizard.Import          `json:"imports,omitempty"`
	Trials    []probes.Trial           `json:"trials,omitempty"` // without transcripts
	Changes   []probes.Change          `json:"changes,omitempty"`
	Calendar  []checks.Event           `json:"calendar"`
	names     map[string]string        // of senders, by id
	tr        text.Printer             // of the documents
	loc       *time.Location           // of the times in them
	trials    map[string]*probes.Trial // the last one of each sender
}

// Deadline is the next date that counts.
type Deadline struct {
	ID   string `json:"id"`
	Date string `json:"date"`
	Days int    `json:"days"`
}

// Sender is one sender with all that is known and judged of it.
type Sender struct {
	wizard.Sender
	State    wizard.State     `json:"state"`
	Product  string           `json:"product_name,omitempty"`
	Task     wizard.Task      `json:"task"`
	Findings []checks.Finding `json:"findings,omitempty"`
	Routes   []checks.Ranked  `json:"routes,omitempty"`
}

// Build gathers and judges everything once, for all formats.
func Build(in Input) Report {
	m := in.Migration
	r := Report{
		Type: "report", Made: in.Now.UTC(), Version: in.Version, Lab: m.Lab, Tenant: m.Tenant, Counts: m.Counts(), App: m.App,
		Imports: m.Imports, Changes: in.Changes, Calendar: checks.Calendar(), Checklist: m.Checklist(in.Changes),
		names: map[string]string{}, tr: in.Text, loc: cmp.Or(in.Location, time.UTC), trials: map[string]*probes.Trial{},
	}
	if date, days, id := checks.Deadline(in.Now); id != "" {
		r.Deadline = &Deadline{id, date.Format(time.DateOnly), days}
	}
	for _, t := range in.Trials {
		t.Transcript = nil
		r.Trials = append(r.Trials, t)
	}
	for i := range r.Trials {
		r.trials[r.Trials[i].Sender] = &r.Trials[i]
	}
	routes, recipients, programs := map[string][]checks.Ranked{}, map[string]string{}, map[string]string{}
	byID := map[string]Sender{}
	for _, s := range m.Senders {
		facts := in.Facts(s.ID)
		routes[s.ID], recipients[s.ID], programs[s.ID] = checks.Rank(facts), checks.Recipients(facts), checks.Program(facts)
		byID[s.ID] = Sender{Sender: s, State: s.State(), Product: in.Product(s.ID), Findings: checks.Judge(facts), Routes: routes[s.ID]}
		r.names[s.ID] = s.Title()
	}
	tasks, groups := m.Plan(wizard.PlanInput{
		Now: in.Now, Rank: func(id string) []checks.Ranked { return routes[id] },
		Recipients: func(id string) string { return recipients[id] },
		Program:    func(id string) string { return programs[id] },
	})
	r.Groups = groups
	for _, t := range tasks {
		s := byID[t.Sender]
		s.Task = t
		r.Senders = append(r.Senders, s)
	}
	return r
}

// JSON writes the report as one object.
func (r Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(true)
	return e.Encode(r)
}

// Formats lists the formats of a report.
func Formats() []string { return []string{"html", "md", "csv", "json"} }

// Write writes the report in one of the Formats.
func (r Report) Write(w io.Writer, format string) error {
	switch format {
	case "html":
		return r.HTML(w)
	case "md":
		return r.Markdown(w)
	case "csv":
		return r.CSV(w)
	}
	return r.JSON(w)
}

// name is what a sender is called.
func (r Report) name(id string) string { return cmp.Or(r.names[id], id) }

// time is a time in the reader's zone, to the minute.
func (r Report) time(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(r.loc).Format("2006-01-02 15:04")
}

// open are the senders that are not proved.
func (r Report) open() []Sender {
	return slices.DeleteFunc(slices.Clone(r.Senders), func(s Sender) bool { return s.State == wizard.Proved })
}
