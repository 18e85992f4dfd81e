package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// TenantFacts is all that the folder knows of the tenant: what scripts read,
// what Graph said, what was done, what the test sends met. The second result
// are read-backs that could not be read.
func (w *Work) TenantFacts(ctx context.Context) (checks.TenantFacts, []error, error) {
	m := w.Folder.Migration()
	f := m.RightsFacts()
	f.Now = w.Now()
	f.Graph = m.Directory
	f.DeviceCode = w.signInByCode(m)
	answers, damaged, err := w.Folder.Answers(ctx)
	if err != nil {
		return f, nil, err
	}
	tenant := w.tenantID()
	for _, a := range answers {
		if what := checks.ExamineValues(a.ReadBackFile); what != "" {
			damaged = append(damaged, &probes.Fault{Op: "read " + a.File, Code: "readback_edited", Args: text.Args{"file": a.File, "what": probes.Clean(what, 100)}})
			continue
		}
		if tenant == "" || a.Tenant == "" || strings.EqualFold(a.Tenant, tenant) {
			f.Answers = append(f.Answers, a.ReadBackFile)
		}
	}
	all, err := w.Changes(ctx)
	if err != nil {
		return f, nil, err
	}
	maps.Copy(f.Made, made(all, tenant))
	err = w.Folder.Trials(ctx, func(t probes.Trial) error {
		learnFromTrial(&f, t, m.App)
		return nil
	})
	return f, damaged, err
}

// signInByCode are the senders whose product signs in with a device code, and
// that may yet do so.
func (w *Work) signInByCode(m wizard.Migration) []string {
	var out []string
	for _, s := range m.Senders {
		if d, known := w.devices.Find(s.Device); known && d.Pattern == checks.DeviceCode && (s.Route == "" || s.Route == probes.OAuth) {
			out = append(out, s.Title())
		}
	}
	return out
}

// learnFromTrial takes from a test send the token's claims and the service's
// clock, which Microsoft's replies end with. A token for Graph carries other
// rights than one for Exchange.
func learnFromTrial(f *checks.TenantFacts, t probes.Trial, app *wizard.Registration) {
	if t.Claims != nil && t.Route != probes.Graph && t.Started.After(f.TokenAt) && (f.Tenant == "" || t.Claims.Tenant == "" || !wizard.IsGUID(f.Tenant) || strings.EqualFold(t.Claims.Tenant, f.Tenant)) {
		f.Token, f.TokenAt = t.Claims, t.Started
	}
	if skew, ok := checks.ClockSkew(t); ok {
		f.Skew = &skew
	}
	if app != nil && app.Negative != nil && app.Negative.Trial == t.ID {
		f.Outside = &t
	}
	if ownRights(t, app) && t.Started.After(f.Inside) {
		f.Inside = t.Started
	}
}

// ownRights tells whether a sender's message was taken by the rights of the
// app itself.
func ownRights(t probes.Trial, app *wizard.Registration) bool {
	return app != nil && t.Sender != "" && t.Route == probes.OAuth && t.Outcome == probes.TrialSent &&
		t.Claims != nil && len(t.Claims.Scopes) == 0 && strings.EqualFold(t.Claims.App, app.ClientID)
}

// Tenant judges what is known of the tenant, and says when it was last read as
// a whole; zero is never.
func (w *Work) Tenant(ctx context.Context) ([]checks.Finding, time.Time, error) {
	f, _, err := w.TenantFacts(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	return checks.TenantState(f), lastRead(f), nil
}

func lastRead(f checks.TenantFacts) time.Time {
	var last time.Time
	for _, a := range f.Answers {
		if at := checks.MadeAt(a); a.Script == "tenant-state" && a.Error == "" && at.After(last) {
			last = at
		}
	}
	return last
}

func (c *call) stateCommand() *cobra.Command {
	read := false
	cmd := c.command("state", func(cmd *cobra.Command, _ []string) error { return c.state(cmd.Context(), read) })
	cmd.Args = noArgs
	cmd.Flags().BoolVar(&read, "read", false, c.tr.T("cli.flag.state_read"))
	return cmd
}

// state says what is known of the tenant, and what is not. With read it is
// read first.
func (c *call) state(ctx context.Context, read bool) error {
	open := c.openRead
	if read {
		open = c.open
	}
	w, err := open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	if read {
		if _, err := w.RunIn(ctx, ScriptRef{Name: "tenant-state"}, false, c.terminal()); err != nil {
			return err
		}
	}
	facts, damaged, err := w.TenantFacts(ctx)
	if err != nil {
		return err
	}
	for _, err := range damaged {
		if f, ok := errors.AsType[*probes.Fault](err); ok {
			c.note("fault."+string(f.Code), f.Args)
		}
	}
	found := checks.TenantState(facts)
	if err := c.stateSaid(facts, found); err != nil {
		return err
	}
	if checks.Worst(found) == checks.Fail {
		return errFindings
	}
	return nil
}

// stateSaid prints the findings, the worst first, then what is not known.
func (c *call) stateSaid(facts checks.TenantFacts, found []checks.Finding) error {
	if c.json {
		return c.stateLines(found)
	}
	when := c.tr.T("state.never")
	if at := lastRead(facts); !at.IsZero() {
		when = c.tr.T("state.read", text.Args{"at": at.Local().Format("2006-01-02 15:04")})
	}
	c.say("%s", when)
	for _, f := range slices.Concat(having(found, checks.Fail), having(found, checks.Warn), having(found, checks.Pass)) {
		c.say("%s", c.tenantFinding(f))
	}
	unknown := having(found, checks.Skip)
	if len(unknown) > 0 {
		c.say("%s", c.tr.T("state.unknown"))
	}
	for _, f := range unknown {
		c.say("  %-9s  %s", c.tr.T("finding.skip"), c.tr.T("tenant.unknown."+string(f.Check), f.Args))
	}
	return nil
}

func (c *call) stateLines(found []checks.Finding) error {
	for _, f := range found {
		if err := c.line(f); err != nil {
			return err
		}
	}
	return nil
}

// having are the findings with a status.
func having(found []checks.Finding, s checks.Status) []checks.Finding {
	return slices.DeleteFunc(slices.Clone(found), func(f checks.Finding) bool { return f.Status != s })
}

// tenantFinding is one finding with its remedy. A model of rights is said in
// words.
func (c *call) tenantFinding(f checks.Finding) string {
	args := text.Args{}
	for k, v := range f.Args {
		args[k] = v
		if strings.HasPrefix(string(f.Check), "tenant-rights") && c.tr.Has("rights."+v) {
			args[k] = c.tr.T("rights." + v)
		}
	}
	f.Args = args
	return c.finding(f)
}

// terminal is that of the command, for what runs in it. With JSON, what a
// script says goes to stderr.
func (c *call) terminal() Terminal {
	t := Terminal{In: c.In, Out: c.Out, Err: c.Err}
	if c.json {
		t.Out = c.Err
	}
	return t
}

func (c *call) rightsCommand() *cobra.Command {
	cmd := c.command("rights [mailbox|rbac]", func(cmd *cobra.Command, args []string) error { return c.rights(cmd.Context(), args) })
	cmd.Args = atMostOne
	cmd.AddCommand(c.proveCommand())
	return cmd
}

// rights says how the app is allowed to send and what speaks for each model,
// or chooses one.
func (c *call) rights(ctx context.Context, args []string) error {
	open := c.openRead
	if len(args) > 0 {
		if m := probes.RightsModel(args[0]); m != probes.MailboxRights && m != probes.RoleRights {
			return badUsage("usage.rights", text.Args{"name": args[0]})
		}
		open = c.open
	}
	w, err := open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	if len(args) > 0 {
		return c.chooseRights(ctx, w, probes.RightsModel(args[0]))
	}
	facts, _, err := w.TenantFacts(ctx)
	if err != nil {
		return err
	}
	return c.rightsSaid(facts, w.consentRefused(ctx))
}

func (c *call) chooseRights(ctx context.Context, w *Work, model probes.RightsModel) error {
	_, err := w.Folder.Change(ctx, func(m *wizard.Migration) error { return m.ChooseRights(model) })
	if errors.Is(err, wizard.ErrNoApp) {
		return &probes.Fault{Op: "choose the model of rights", Code: "no_app"}
	}
	if err != nil {
		return err
	}
	script := checks.RightsScript(model)
	if model == wizard.MailboxRights && isCode(w.roleGone(ctx, "choose the model of rights"), "rights_role_first") {
		script = "app-rbac-remove"
	}
	c.note("rights.chosen", text.Args{"model": c.tr.T("rights." + string(model)), "script": script})
	return nil
}

// consentRefused tells whether Graph refused the consent when it was last
// asked.
func (w *Work) consentRefused(ctx context.Context) bool {
	refused := false
	all, err := w.Changes(ctx)
	for _, c := range all {
		if c.By == probes.ByGraph && checks.MadeByRequest(c.Step) == checks.MadeConsent {
			refused = strings.HasPrefix(c.Outcome, "403")
		}
	}
	return err == nil && refused
}

// rightsLine is one model of rights in the JSON contract, the better first.
type rightsLine struct {
	Type    string             `json:"type"`
	Model   probes.RightsModel `json:"model"`
	Chosen  bool               `json:"chosen"`
	InPlace bool               `json:"in_place"`
	Script  string             `json:"script"`
	For     []checks.Reason    `json:"for,omitempty"`
	Against []checks.Reason    `json:"against,omitempty"`
}

func (c *call) rightsSaid(facts checks.TenantFacts, refused bool) error {
	found := checks.Rights(facts)
	for i, p := range checks.PreferRights(facts, refused) {
		l := rightsLine{"rights", p.Model, facts.App.Rights == p.Model, found.Model == p.Model, checks.RightsScript(p.Model), p.For, p.Against}
		if c.json {
			if err := c.line(l); err != nil {
				return err
			}
			continue
		}
		marks := []string{}
		for key, on := range map[string]bool{"rights.mark.chosen": l.Chosen, "rights.mark.in_place": l.InPlace, "rights.mark.better": i == 0} {
			if on {
				marks = append(marks, c.tr.T(key))
			}
		}
		slices.Sort(marks)
		c.say("%s  (%s)  %s", c.tr.T("rights."+string(p.Model)), p.Model, strings.Join(marks, ", "))
		c.rightsReasons("+", p.For)
		c.rightsReasons("-", p.Against)
		c.say("    %s", c.tr.T("rights.script", text.Args{"script": l.Script}))
	}
	return nil
}

func (c *call) rightsReasons(sign string, all []checks.Reason) {
	for _, r := range all {
		c.say("  %s %s", sign, c.tr.T("reason."+r.ID, r.Args))
	}
}

// why says a refusal in the reader's language: what was read and causes it,
// what may be too new, then the causes that are left.
func (w *Work) why(r checks.Refusal) checks.Explanation {
	e := r.Worded(func(key string) (string, bool) { return w.Text.T(key), w.Text.Has(key) })
	var first, do []string
	for _, f := range r.Findings {
		first = append(first, w.Text.T("check."+string(f.Check)+"."+string(f.Status), f.Args))
		if f.Remedy != "" {
			do = append(do, w.Text.T("remedy."+f.Remedy, f.Args))
		}
	}
	if y := r.Young; y != nil {
		now := w.Now()
		args := text.Args{
			"object": w.Text.T("object." + y.Object), "ago": minutes(now.Sub(y.Made)), "takes": minutes(y.Ends.Sub(y.Made)),
			"next": y.Next.Local().Format("15:04"), "ends": y.Ends.Local().Format("15:04"),
		}
		first = append(first, w.Text.T("cause.young", args))
		do = append(do, w.Text.T("cause.young.do", args))
	}
	e.Causes, e.Remedies = append(first, e.Causes...), append(do, e.Remedies...)
	return e
}

// minutes is a length of time as people say it here.
func minutes(d time.Duration) string {
	if d >= 2*time.Hour {
		return fmt.Sprintf("%d h", int(d.Round(time.Hour)/time.Hour))
	}
	return fmt.Sprintf("%d min", max(1, int(d.Round(time.Minute)/time.Minute)))
}
