package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offbasic/probes"
	"offbasic/probes/graph"
	"offbasic/probes/signin"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// liveSource is a log that can be read through Graph.
type liveSource struct {
	name  string
	kind  probes.SourceKind
	scope string        // all that is asked for at the sign-in
	days  int           // that are read when nobody says since when
	reach time.Duration // how far back there is anything; 0 is not known
	read  func(graph.Client, context.Context, time.Time, func(graph.LogRead), func(probes.Sighting) error) (graph.LogRead, error)
}

// liveSources are those of --live.
func liveSources() []liveSource {
	return []liveSource{
		{name: "sign-ins", kind: probes.FromSignIns, scope: graph.ReadSignIns, days: 30, read: graph.Client.SignIns},
		{name: "traces", kind: probes.FromTrace, scope: graph.ReadTraces, days: 10, reach: graph.TraceReach, read: graph.Client.Traces},
	}
}

func liveNames() string {
	var names []string
	for _, s := range liveSources() {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

// liveFlags say what is read live.
type liveFlags struct{ source, since, client string }

func (c *call) liveFlags(cmd *cobra.Command, f *liveFlags) {
	cmd.Flags().StringVar(&f.source, "live", "", c.tr.T("cli.flag.import_live", text.Args{"names": liveNames()}))
	cmd.Flags().StringVar(&f.since, "since", "", c.tr.T("cli.flag.import_since"))
	cmd.Flags().StringVar(&f.client, "client-id", "", c.tr.T("cli.flag.import_client"))
}

// check refuses what does not go together.
func (f importFlags) check(files []string) error {
	switch {
	case f.live.source == "" && (f.live.since != "" || f.live.client != ""):
		return badUsage("usage.import_live_only", nil)
	case f.live.source == "" && len(files) == 0:
		return badUsage("usage.import_what", nil)
	case f.live.source != "" && (len(files) > 0 || len(f.columns) > 0 || f.order != ""):
		return badUsage("usage.import_live_or_files", nil)
	case f.live.client != "" && !wizard.IsGUID(f.live.client):
		return badUsage("usage.guid", text.Args{"flag": "--client-id"})
	}
	return nil
}

// options reads the flags.
func (f liveFlags) options(now time.Time) (LiveOptions, error) {
	o := LiveOptions{Source: f.source}
	i := slices.IndexFunc(liveSources(), func(s liveSource) bool { return s.name == f.source })
	if i < 0 {
		return o, badUsage("usage.one_of", text.Args{"flag": "--live", "name": f.source, "names": liveNames()})
	}
	source := liveSources()[i]
	since, ok := sinceOf(f.since, source.days, now)
	switch {
	case !ok || since.After(now):
		return o, badUsage("usage.import_since", text.Args{"name": f.since})
	case source.reach > 0 && since.Before(now.Add(-source.reach)):
		return o, badUsage("usage.import_since_far", text.Args{"days": itoa(int(source.reach.Hours() / 24))})
	}
	o.Since = since
	return o, nil
}

// sinceOf reads "7d", "2026-11-15" or a whole time. A day begins at midnight in
// UTC.
func sinceOf(s string, days int, now time.Time) (time.Time, bool) {
	if s == "" {
		s = itoa(days) + "d"
	}
	if n, err := strconv.Atoi(strings.TrimSuffix(s, "d")); err == nil && strings.HasSuffix(s, "d") {
		return now.AddDate(0, 0, -n).UTC(), n > 0 && n <= 3650
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// importLive reads a log of the tenant and takes it up.
func (c *call) importLive(ctx context.Context, f importFlags) error {
	o, err := f.live.options(c.Now())
	if err != nil {
		return err
	}
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	w.signIn.client = f.live.client
	o.All, o.Show, o.Told = f.all, c.prompt, c.liveProgress()
	r, err := w.ImportLive(ctx, o)
	if err != nil {
		return err
	}
	return c.imported(r)
}

// liveProgress tells how far a log is: after its first page, then after every
// tenth, and before every wait.
func (c *call) liveProgress() func(graph.LogRead) {
	return func(l graph.LogRead) {
		switch {
		case l.Waiting > 0:
			c.note("cli.import.live.waiting", text.Args{"wait": l.Waiting.Round(time.Second / 10).String()})
		case l.Pages == 1 || l.Pages%10 == 0:
			c.note("cli.import.live.pages", text.Args{"pages": itoa(l.Pages), "rows": itoa(l.Rows)})
		}
	}
}

// livePeriod says what time a live import is of.
func (c *call) livePeriod(r Imported) {
	if r.Since.IsZero() {
		return
	}
	c.say("%s", c.tr.T("import.live.period", text.Args{"since": r.Since.Format(time.RFC3339), "until": r.Until.Format(time.RFC3339)}))
	if r.Before > 0 {
		c.say("  %s", c.tr.T("import.live.before", text.Args{"count": itoa(r.Before)}))
	}
}

// LiveOptions say which log is read.
type LiveOptions struct {
	Source string // "sign-ins", "traces"
	Since  time.Time
	// All makes senders of addresses that are only in a trace as well.
	All  bool
	Show func(signin.Prompt) // what the admin must do to sign in; nil tells nobody
	Told func(graph.LogRead) // after every page and before every wait; nil means nobody asks
}

// liveName is the file that the facts of a live import come from.
const liveName = "Microsoft Graph"

// ImportLive reads a log of the tenant through Graph, in the hands of the admin
// who signs in for that log alone, and takes it up as a file is. Nothing counts
// until it was read to its end. A row of a time that was read before is not
// counted again: the same twice changes nothing. The error is a *probes.Fault.
func (w *Work) ImportLive(ctx context.Context, o LiveOptions) (Imported, error) {
	i := slices.IndexFunc(liveSources(), func(s liveSource) bool { return s.name == o.Source })
	if i < 0 {
		return Imported{}, badUsage("usage.one_of", text.Args{"flag": "--live", "name": o.Source, "names": liveNames()})
	}
	source, tenant := liveSources()[i], ""
	g := gathered{seen: liveSeen(w.Folder.Migration(), source.kind), sum: sha256.New(), until: o.Since}
	read, err := source.read(w.logs(source, o, &tenant), ctx, g.seen.from(o.Since), o.Told, g.add)
	if isByHand(err) { // what is then done by hand is another thing than in a registration
		f, _ := errors.AsType[*probes.Fault](err)
		return Imported{}, importFault("sign in to read a log", "live_no_sign_in", err, text.Args{"cause": f.Args["cause"]})
	}
	if err != nil {
		return Imported{}, err
	}
	r := Imported{File: liveName, Before: g.before, Dropped: g.leads.Dropped, Since: o.Since.UTC(), Until: g.until.UTC()}
	r.Kind, r.Rows, r.Skipped, r.BadRows = source.kind, g.rows, read.Skipped, read.Bad
	if g.rows == 0 && len(g.seen) > 0 {
		r.Again = true
		return r, nil
	}
	from := wizard.Import{
		ID: hex.EncodeToString(g.sum.Sum(nil))[:16], File: liveName, Kind: source.kind, At: w.Now(), Rows: g.rows, Bad: read.Bad, Since: r.Since, Until: r.Until,
	}
	if err := w.takeUp(ctx, &r, &g.leads, from, ImportOptions{All: o.All}); err != nil {
		return Imported{}, err
	}
	return r, w.pinTenant(ctx, tenant)
}

// logs asks Graph as the admin, for one permission. Each page asks for the
// token anew: it may end while a long log is read.
func (w *Work) logs(source liveSource, o LiveOptions, tenant *string) graph.Client {
	show := o.Show
	if show == nil {
		show = func(signin.Prompt) {}
	}
	user := w.user(show)
	c := graph.Client{Base: w.cloud().Graph, Now: w.Now}
	scope := c.Base + "/" + source.scope
	c.Token = func(ctx context.Context) (string, error) {
		t, err := user.Token(ctx, scope)
		if err != nil {
			return "", err
		}
		*tenant = t.Claims.Tenant
		return t.Access(), nil
	}
	if w.Lab != nil {
		c.Base, c.HTTP = w.Lab.GraphBase(), w.Lab.HTTPClient()
	}
	return c
}

// pinTenant remembers whose log it was, where that was not known: the next one
// must be of the same tenant.
func (w *Work) pinTenant(ctx context.Context, tenant string) error {
	if !wizard.IsGUID(tenant) || w.Folder.Migration().Tenant.ID != "" {
		return nil
	}
	_, err := w.Folder.Change(ctx, func(m *wizard.Migration) error {
		m.Tenant.ID = tenant
		return nil
	})
	return err
}

// gathered is what a log says, without what was taken up before.
type gathered struct {
	seen         periods
	leads        wizard.Leads
	sum          hash.Hash // of the rows that count, in their order
	rows, before int
	until        time.Time // of the last row
}

func (g *gathered) add(s probes.Sighting) error {
	if s.At.After(g.until) {
		g.until = s.At
	}
	if g.seen.has(s.At) {
		g.before++
		return nil
	}
	row, err := json.Marshal(s)
	if err != nil {
		return err
	}
	g.sum.Write(append(row, '\n'))
	g.rows++
	g.leads.Add(s)
	return nil
}

// period is a time that a log was read for, both ends included.
type period struct{ since, until time.Time }

type periods []period

// liveSeen are the periods that were read live of a kind of log.
func liveSeen(m wizard.Migration, kind probes.SourceKind) periods {
	var all periods
	for _, i := range m.Imports {
		if i.Kind == kind && !i.Until.IsZero() {
			all = append(all, period{i.Since, i.Until})
		}
	}
	return all
}

func (p periods) has(at time.Time) bool {
	return slices.ContainsFunc(p, func(one period) bool { return !at.Before(one.since) && !at.After(one.until) })
}

// from is where reading begins: where what is known of that time ends.
func (p periods) from(since time.Time) time.Time {
	for range p {
		for _, one := range p {
			if !since.Before(one.since) && since.Before(one.until) {
				since = one.until
			}
		}
	}
	return since
}
