package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

func (c *call) planCommand() *cobra.Command {
	var sender, route, note string
	var calendar bool
	cmd := c.command("plan", func(cmd *cobra.Command, _ []string) error {
		if calendar {
			return c.calendar()
		}
		return c.plan(cmd.Context(), sender, probes.Route(route), note)
	})
	cmd.Args = noArgs
	cmd.Flags().StringVar(&sender, "sender", "", c.tr.T("cli.flag.sender"))
	cmd.Flags().StringVar(&route, "route", "", c.tr.T("cli.flag.route", text.Args{"names": routeNames()}))
	cmd.Flags().StringVar(&note, "note", "", c.tr.T("cli.flag.note"))
	cmd.Flags().BoolVar(&calendar, "calendar", false, c.tr.T("cli.flag.calendar"))
	cmd.MarkFlagsMutuallyExclusive("calendar", "sender")
	cmd.MarkFlagsMutuallyExclusive("calendar", "route")
	return cmd
}

func routeNames() string {
	var names []string
	for _, r := range probes.Routes() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// plan tells the order of work; with a sender it tells what was found of it and
// how the routes fit, and with a route it gives it that one.
func (c *call) plan(ctx context.Context, sender string, route probes.Route, note string) error {
	if route != "" && !slices.Contains(probes.Routes(), route) {
		return badUsage("usage.route", text.Args{"name": string(route), "names": routeNames()})
	}
	if sender == "" && (route != "" || note != "") {
		return badUsage("usage.need_sender", nil)
	}
	open := c.open
	if route == "" && note == "" {
		open = c.openRead
	}
	w, err := open(ctx)
	if isMissing(err) && sender == "" {
		return c.order(wizard.Migration{}, Order{})
	}
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	if sender == "" {
		return c.orderOf(ctx, w)
	}
	if route != "" || note != "" {
		if err := w.Choose(ctx, sender, route, note); err != nil {
			return err
		}
	}
	return c.planOf(ctx, w, sender)
}

// Choose gives a sender a route, a note, or both.
func (w *Work) Choose(ctx context.Context, sender string, route probes.Route, note string) error {
	if _, ok := w.Folder.Migration().Sender(sender); !ok {
		return noSender(sender)
	}
	_, err := w.Folder.Change(ctx, func(m *wizard.Migration) error {
		s, _ := m.Sender(sender)
		s.Note = first(note, s.Note)
		if route == "" {
			return nil
		}
		return m.Choose(sender, route, w.Now())
	})
	return err
}

// senderLine is a sender in the JSON contract.
type senderLine struct {
	Type string `json:"type"`
	wizard.Sender
	State wizard.State `json:"state"`
	Next  wizard.Step  `json:"next"`
}

// routeLine is a ranked route in the JSON contract.
type routeLine struct {
	Type   string `json:"type"`
	Sender string `json:"sender"`
	checks.Ranked
	Limits []checks.Limit `json:"limits,omitempty"`
}

func (c *call) planOf(ctx context.Context, w *Work, id string) error {
	facts, err := w.Facts(ctx, id)
	if err != nil {
		return err
	}
	m := w.Folder.Migration()
	s, _ := m.Sender(id)
	findings, ranked := checks.Judge(facts), checks.Rank(facts)
	if c.json {
		err = c.judgedJSON(senderLine{"sender", *s, s.State(), m.NextFor(*s)}, findings, ranked, facts.Device)
	} else {
		c.say("%s", c.sender(*s))
		c.judged(findings, ranked)
		c.deciders(*s, facts, ranked)
		c.deviceOf(*s, facts, w.devices)
	}
	if err != nil {
		return err
	}
	if checks.Worst(findings) == checks.Fail {
		return errFindings
	}
	return nil
}

// judgedJSON writes a sender with its findings, routes and product.
func (c *call) judgedJSON(s senderLine, findings []checks.Finding, ranked []checks.Ranked, d *checks.Device) error {
	lines := []any{s}
	for _, f := range findings {
		lines = append(lines, f)
	}
	for _, r := range ranked {
		lines = append(lines, routeLine{"route", s.ID, r, checks.LimitsOf(r.Route)})
	}
	if d != nil {
		lines = append(lines, deviceLine{"device", *d})
	}
	return c.lines(lines)
}

// lines writes objects of the JSON contract.
func (c *call) lines(lines []any) error {
	for _, l := range lines {
		if err := c.line(l); err != nil {
			return err
		}
	}
	return nil
}

// deviceOf shows the row of what the sender is, where that is known, else of
// who makes it.
func (c *call) deviceOf(s wizard.Sender, f checks.Facts, all *checks.Devices) {
	maker, made := all.OfMaker(s.Product)
	switch {
	case f.Device != nil:
		c.say("")
		c.device(*f.Device)
	case made:
		c.say("")
		c.say("%s", c.tr.T("who.of_maker", text.Args{"maker": maker.Name}))
		c.device(maker)
	}
}

// judged prints findings and routes as text.
func (c *call) judged(findings []checks.Finding, ranked []checks.Ranked) {
	for _, f := range findings {
		if f.Status != checks.Skip {
			c.say("%s", c.finding(f))
		}
	}
	c.say("")
	for _, r := range ranked {
		c.say("  %-10s  %s", r.Route, c.tr.T("fit."+string(r.Fit)))
		c.reasons("+", "reason.", r.For)
		c.reasons("-", "reason.", r.Against)
		c.reasons("!", "reason.", r.Needs)
		c.reasons("?", "lack.", r.Lacks)
		c.limitsOf(r)
	}
}

// reasons prints those of one kind: + for, - against, ! needed first, ? not
// known.
func (c *call) reasons(sign, key string, list []checks.Reason) {
	for _, r := range list {
		c.say("              %s %s", sign, c.tr.T(key+r.ID, r.Args))
	}
}
