package cli

import (
	"context"
	"errors"
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
	read  func(graph.Client, context.Context, time.Time, graph.Logged) (graph.LogRead, error)
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
	if err != nil && !r.Cut {
		return err
	}
	if said := c.imported(r); said != nil {
		return said
	}
	return err
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
	period := text.Args{"since": r.Since.Format(time.RFC3339), "until": r.Until.Format(time.RFC3339)}
	c.say("%s", c.tr.T("import.live.period", period))
	if r.Cut {
		c.say("%s", c.tr.T("import.live.cut", period))
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
// who signs in for that log alone. What was read to the end of a day counts,
// whatever comes then: the import is Cut, and the next one goes on from there.
// No day counts twice, however often and on however many machines it is read.
// The error is a *probes.Fault.
func (w *Work) ImportLive(ctx context.Context, o LiveOptions) (Imported, error) {
	i := slices.IndexFunc(liveSources(), func(s liveSource) bool { return s.name == o.Source })
	if i < 0 {
		return Imported{}, badUsage("usage.one_of", text.Args{"flag": "--live", "name": o.Source, "names": liveNames()})
	}
	l := liveReading{w: w, source: liveSources()[i], o: o}
	err := l.read(ctx)
	if isByHand(err) { // what is then done by hand is another thing than in a registration
		f, _ := errors.AsType[*probes.Fault](err)
		err = importFault("sign in to read a log", "live_no_sign_in", err, text.Args{"cause": f.Args["cause"]})
	}
	l.r.Cut = err != nil && !l.r.Until.IsZero()
	if err != nil && !l.r.Cut {
		return Imported{}, err
	}
	return l.r, err
}

// liveReading is one reading of a log.
type liveReading struct {
	w      *Work
	source liveSource
	o      LiveOptions
	tenant string
	from   wizard.Import
	again  bool // the log was read before
	leads  wizard.Leads
	rows   int
	r      Imported
}

// read reads the log from where it is not known yet.
func (l *liveReading) read(ctx context.Context) error {
	client := l.w.logs(l.source, l.o, &l.tenant)
	if _, err := client.Token(ctx); err != nil { // it tells the tenant
		return l.noToken(ctx, err)
	}
	l.from = wizard.Import{
		ID: wizard.LiveID(l.source.kind, l.tenant), File: liveName, Kind: l.source.kind, Live: true, Tenant: l.tenant, Query: l.source.name,
	}
	l.r = Imported{File: liveName, Since: l.since()}
	l.r.Kind = l.source.kind
	read, err := l.source.read(client, ctx, l.r.Since, graph.Logged{Told: l.o.Told, Emit: l.add, Whole: func(until time.Time) error { return l.whole(ctx, until) }})
	if err != nil {
		return err
	}
	l.r.Skipped, l.r.BadRows, l.r.Dropped = read.Skipped, read.Bad, l.leads.Dropped
	l.r.Again = l.again && l.r.New+l.r.Joined == 0
	return nil
}

func (l *liveReading) noToken(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return importFault("read a log through Graph", graph.LogStopped, ctx.Err(), text.Args{"pages": "0", "rows": "0"})
}

// since is where the reading begins: at the beginning of a day, so that the
// larger count of two readings of a day is that of the later one.
func (l *liveReading) since() time.Time {
	since := l.o.Since.UTC().Truncate(24 * time.Hour)
	if l.source.reach > 0 && since.Before(l.w.Now().Add(-l.source.reach)) {
		since = l.o.Since.UTC()
	}
	before, ok := l.w.Folder.Migration().LiveImport(l.from.ID)
	l.again = ok
	if l.o.All {
		return before.ReadAll.From(since)
	}
	return before.Read.And(before.ReadAll...).From(since)
}

func (l *liveReading) add(s probes.Sighting) error {
	l.rows++
	s.Line = l.rows
	l.leads.Add(s)
	return nil
}

// whole takes up what was read to the end of a day; of who stops it then, too.
func (l *liveReading) whole(ctx context.Context, until time.Time) error {
	ctx = context.WithoutCancel(ctx)
	l.r.Until, l.r.Rows = until, l.rows
	l.from.At, l.from.Rows = l.w.Now(), l.rows
	read := wizard.Periods{{Since: l.r.Since, Until: until}}
	if l.from.Read = read; l.o.All {
		l.from.Read, l.from.ReadAll = nil, read
	}
	if err := l.w.takeUp(ctx, &l.r, &l.leads, l.from, ImportOptions{All: l.o.All}); err != nil {
		return err
	}
	return l.w.pinTenant(ctx, l.tenant)
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
