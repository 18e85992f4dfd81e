package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
)

// CompareEvent is what became of one route in a comparison. One of the
// pointers or Err is set.
type CompareEvent struct {
	Route probes.Route
	Step  *probes.Step  // under way
	Trial *probes.Trial // at the end of the test send
	Err   error         // it could not be made
	// Receipt comes after a trial that was taken; Found false is a message
	// that did not arrive in the time.
	Receipt *probes.Receipt
}

// Compared is one route as it served a sender in a comparison.
type Compared struct {
	Route probes.Route
	// Trial is nil when Err says why there was none.
	Trial   *probes.Trial
	Err     error
	Receipt *probes.Receipt
	Reach   checks.Whom
	Effort  []string // what the route needs; words under "effort.<id>"
}

// MarshalJSON writes the row with its type.
func (c Compared) MarshalJSON() ([]byte, error) {
	row := struct {
		Type      string              `json:"type"`
		Sender    string              `json:"sender,omitempty"`
		Route     probes.Route        `json:"route"`
		Outcome   probes.TrialOutcome `json:"outcome,omitempty"`
		Trial     string              `json:"trial,omitempty"`
		Reply     *probes.Reply       `json:"reply,omitempty"`
		Fault     probes.Code         `json:"fault,omitempty"`
		Arrived   *bool               `json:"arrived,omitempty"`
		AfterMS   int64               `json:"after_ms,omitempty"`
		Folder    string              `json:"folder,omitempty"`
		Reach     checks.Whom         `json:"reach"`
		Effort    []string            `json:"effort,omitempty"`
		Explained string              `json:"explanation,omitempty"`
	}{Type: "comparison", Route: c.Route, Reach: c.Reach, Effort: c.Effort}
	if f, ok := errors.AsType[*probes.Fault](c.Err); ok {
		row.Fault = f.Code
	}
	if t := c.Trial; t != nil {
		row.Sender, row.Outcome, row.Trial, row.Explained = t.Sender, t.Outcome, t.ID, t.Explanation
		if t.Outcome != probes.TrialSent {
			row.Reply, row.Fault = t.Reply, t.Reached().Fault
		}
	}
	if r := c.Receipt; r != nil {
		row.Arrived, row.AfterMS, row.Folder = &r.Found, r.AfterMS, r.Folder
	}
	return json.Marshal(row)
}

// Compare tries every route for a sender, one after the other, and looks for
// what was taken. A route that is not set up is an event with Err. emit may be
// nil.
func (w *Work) Compare(ctx context.Context, sender string, emit func(CompareEvent)) ([]Compared, error) {
	return w.compare(ctx, Try{Sender: sender}, emit)
}

func (w *Work) compare(ctx context.Context, t Try, emit func(CompareEvent)) ([]Compared, error) {
	if emit == nil {
		emit = func(CompareEvent) {}
	}
	if _, ok := w.Folder.Migration().Sender(t.Sender); t.Sender != "" && !ok {
		return nil, noSender(t.Sender)
	}
	var out []Compared
	for _, way := range checks.Ways() {
		if ctx.Err() != nil {
			return out, &probes.Fault{Op: tried, Code: "cancelled", Err: ctx.Err()}
		}
		t.Route = way.Route
		row := Compared{Route: way.Route, Reach: way.Reach, Effort: way.Effort}
		w.compareOne(ctx, t, &row, emit)
		out = append(out, row)
	}
	return out, nil
}

func (w *Work) compareOne(ctx context.Context, t Try, row *Compared, emit func(CompareEvent)) {
	trial, err := w.Try(ctx, t, func(s probes.Step) { emit(CompareEvent{Route: row.Route, Step: &s}) })
	if row.Err = err; err != nil {
		emit(CompareEvent{Route: row.Route, Err: err})
		return
	}
	row.Trial = &trial
	emit(CompareEvent{Route: row.Route, Trial: &trial})
	if trial.Outcome != probes.TrialSent {
		return
	}
	patience := time.Minute
	if w.Lab != nil {
		patience = 3 * time.Second // its mail takes no longer
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := w.Verify(limited, trial, func(time.Duration) {})
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		r = probes.Receipt{MessageID: trial.MessageID, Mailbox: trial.To[0], Waited: patience.Milliseconds()}
	case err != nil:
		return // whether it arrived is not known
	}
	row.Receipt = &r
	emit(CompareEvent{Route: row.Route, Receipt: &r})
}

// compareAll prints the comparison as a table or as JSON lines. That no route
// works, or one that is set up does not, is a finding that failed.
func (c *call) compareAll(ctx context.Context, w *Work, t Try) error {
	rows, err := w.compare(ctx, t, func(e CompareEvent) {
		if e.Step == nil && e.Receipt == nil {
			c.note("cli.compare.done", text.Args{"route": c.tr.T("route." + string(e.Route))})
		}
	})
	if err != nil {
		return err
	}
	c.say("%s", c.tr.T("cli.compare.head"))
	works, fails := false, false
	for _, row := range rows {
		works, fails = works || row.served(), fails || row.Trial != nil && !row.served()
		if err := c.compareRow(w, row); err != nil {
			return err
		}
	}
	if fails || !works {
		return errFindings
	}
	return nil
}

func (c *call) compareRow(w *Work, row Compared) error {
	if c.json {
		return c.line(row)
	}
	c.say("%-11s %-11s %-9s %-10s %s", row.Route, c.tr.T("cli.compare.outcome."+row.outcome()), row.arrival(), c.tr.T("reach."+string(row.Reach)), c.effort(row.Effort))
	for _, note := range append(c.reservations(row), c.whyNot(w, row)) {
		if note != "" {
			c.say("    %s", note)
		}
	}
	return nil
}

// served tells a route whose message was taken, and was not looked for in vain.
func (c Compared) served() bool {
	return c.Trial != nil && c.Trial.Outcome == probes.TrialSent && (c.Receipt == nil || c.Receipt.Found)
}

// reservations are what an arrival does not prove, or how it is less than it
// should be.
func (c *call) reservations(row Compared) []string {
	r := row.Receipt
	if r == nil || !r.Found {
		return nil
	}
	var notes []string
	if r.Junk != nil && *r.Junk {
		notes = append(notes, c.tr.T("cli.compare.junk", text.Args{"folder": r.Folder}))
	}
	if row.Route == probes.Connector && r.Connector == "" {
		notes = append(notes, c.tr.T("check.head-connector.skip")+". "+c.tr.T("remedy.connector-trace"))
	}
	return notes
}

func (c Compared) outcome() string {
	if c.Trial == nil {
		return "not_set_up"
	}
	return string(c.Trial.Outcome)
}

func (c Compared) arrival() string {
	switch {
	case c.Receipt == nil:
		return "-"
	case !c.Receipt.Found:
		return "?"
	}
	return (time.Duration(c.Receipt.AfterMS) * time.Millisecond).String()
}

func (c *call) effort(ids []string) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = c.tr.T("effort." + id)
	}
	return strings.Join(words, ", ")
}

// whyNot is why a route did not serve, in a line.
func (c *call) whyNot(w *Work, row Compared) string {
	if row.Trial == nil {
		if f, ok := errors.AsType[*probes.Fault](row.Err); ok {
			return c.tr.T("fault."+string(f.Code), f.Args)
		}
		var u usageError
		if errors.As(row.Err, &u) && u.key != "" {
			return c.tr.T(u.key, u.args)
		}
		return row.Err.Error()
	}
	if row.Trial.Outcome == probes.TrialSent {
		return ""
	}
	if s := row.Trial.Reached(); s.Fault != "" {
		return c.tr.T("fault."+string(s.Fault), s.Args)
	}
	if e := w.Explain(*row.Trial); e.Meaning != "" {
		return row.Trial.Reply.String() + ": " + e.Meaning
	}
	if row.Trial.Reply != nil {
		return row.Trial.Reply.String()
	}
	return ""
}

// forecasts prints what a message will meet on one route, or on every one.
func (c *call) forecasts(ctx context.Context, w *Work, t Try) error {
	routes := []probes.Route{t.Route}
	if t.Route == "" {
		routes = nil
		for _, way := range checks.Ways() {
			routes = append(routes, way.Route)
		}
	}
	worst := checks.Skip
	for _, r := range routes {
		t.Route = r
		found, err := w.Forecast(ctx, t)
		if err != nil {
			return err
		}
		c.say("%s", c.tr.T("route."+string(r)))
		for _, f := range found {
			if err := c.found(f); err != nil {
				return err
			}
		}
		if len(routes) == 1 {
			worst = checks.Worst(found)
		}
	}
	if worst == checks.Fail {
		return errFindings
	}
	return nil
}

func (c *call) found(f checks.Finding) error {
	if c.json {
		return c.line(f)
	}
	c.say("%s", c.finding(f))
	return nil
}
