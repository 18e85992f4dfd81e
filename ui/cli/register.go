package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offbasic/probes"
	"offbasic/probes/signin"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// registerFlags are those of a registration: made through Graph, or entered by
// hand.
type registerFlags struct {
	tenant, name, client string

	route, rights, credential, adopt string
	delegated, dryRun, undo, yes     bool
	dropRole, signOut                bool

	byHand               bool
	domain, object, cert string
	secretStdin          bool
}

func (c *call) registerCommand() *cobra.Command {
	var f registerFlags
	cmd := c.command("register", func(cmd *cobra.Command, _ []string) error { return c.register(cmd.Context(), f) })
	cmd.Args = noArgs
	flags := cmd.Flags()
	for _, text := range []struct {
		to        *string
		name, key string
	}{
		{&f.tenant, "tenant", "tenant"},
		{&f.name, "name", "app_name"},
		{&f.client, "client-id", "register_client"},
		{&f.route, "route", "register_route"},
		{&f.rights, "rights", "register_rights"},
		{&f.credential, "credential", "register_credential"},
		{&f.adopt, "adopt", "register_adopt"},
		{&f.domain, "domain", "domain"},
		{&f.object, "object-id", "object_id"},
		{&f.cert, "certificate", "certificate"},
	} {
		flags.StringVar(text.to, text.name, "", c.tr.T("cli.flag."+text.key))
	}
	for _, on := range []struct {
		to        *bool
		name, key string
	}{
		{&f.delegated, "delegated", "register_delegated"},
		{&f.dropRole, "drop-role", "register_drop_role"},
		{&f.signOut, "sign-out", "register_sign_out"},
		{&f.dryRun, "dry-run", "register_dry_run"},
		{&f.undo, "undo", "register_undo"},
		{&f.yes, "yes", "register_yes"},
		{&f.byHand, "by-hand", "register_by_hand"},
		{&f.secretStdin, "secret-stdin", "secret_stdin"},
	} {
		flags.BoolVar(on.to, on.name, false, c.tr.T("cli.flag."+on.key))
	}
	return cmd
}

// register does what the flags say: what only a registration by hand has says
// that it is one.
func (c *call) register(ctx context.Context, f registerFlags) error {
	switch {
	case f.signOut:
		return c.withRegistrar(ctx, f, c.forgetSignIn)
	case f.undo:
		return c.withRegistrar(ctx, f, c.undoRegistration)
	case f == registerFlags{byHand: true}:
		c.say("%s", c.tr.T("cli.register.portal"))
		return nil
	case f.byHand || f.object != "" || f.cert != "" || f.secretStdin:
		return c.registerByHand(ctx, f)
	}
	if err := f.check(); err != nil {
		return err
	}
	return c.withRegistrar(ctx, f, c.registerByGraph)
}

// check refuses values that no registration can have.
func (f registerFlags) check() error {
	for _, v := range []struct {
		flag, value string
		allowed     []string
	}{
		{"--route", f.route, []string{"oauth", "hve", "graph"}},
		{"--rights", f.rights, []string{"mailbox", "rbac"}},
		{"--credential", f.credential, []string{"certificate", "secret"}},
	} {
		if v.value != "" && !slices.Contains(v.allowed, v.value) {
			return badUsage("usage.one_of", text.Args{"flag": v.flag, "name": v.value, "names": strings.Join(v.allowed, ", ")})
		}
	}
	if f.dropRole && f.rights != string(probes.RoleRights) {
		return badUsage("usage.drop_role", nil)
	}
	if f.rights == string(probes.RoleRights) && f.route != "" && f.route != string(probes.OAuth) {
		return badUsage("usage.rbac_route", text.Args{"route": f.route})
	}
	for flag, id := range map[string]string{"--client-id": f.client, "--adopt": f.adopt} {
		if id != "" && !wizard.IsGUID(id) {
			return badUsage("usage.guid", text.Args{"flag": flag})
		}
	}
	if f.tenant != "" {
		if err := (wizard.Tenant{ID: f.tenant}).Validate(); err != nil {
			return usageError{err: err}
		}
	}
	return nil
}

// withRegistrar opens the work for one that signs in.
func (c *call) withRegistrar(ctx context.Context, f registerFlags, do func(context.Context, *Work, registerFlags) error) error {
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	w.signIn.client = f.client
	err = do(ctx, w, f)
	return errors.Join(err, w.Close())
}

// registerByGraph makes the registration, a line a step.
func (c *call) registerByGraph(ctx context.Context, w *Work, f registerFlags) error {
	r := RegisterRequest{
		Tenant: f.tenant, Name: f.name, Route: probes.Route(f.route), Rights: probes.RightsModel(f.rights), DropRole: f.dropRole, Delegated: f.delegated,
		Credential: wizard.Credential(f.credential), Adopt: f.adopt, DryRun: f.dryRun, Show: c.prompt,
	}
	written, steps := error(nil), 0
	m, err := w.Register(ctx, r, func(s probes.SetupStep) {
		steps++
		written = errors.Join(written, c.setupStep(s))
	})
	switch {
	case err != nil && isByHand(err):
		c.say("%s", c.tr.T("cli.register.portal"))
		return err
	case err != nil:
		if steps > 0 && !f.dryRun {
			c.note("cli.register.safe", nil)
		}
		return errors.Join(err, written)
	case f.dryRun:
		c.note("cli.register.dry", nil)
		return written
	}
	c.note("cli.register.made", text.Args{"client": m.App.ClientID, "object": m.App.ObjectID})
	return written
}

// isByHand tells that nobody can sign in here: the portal is what is left.
func isByHand(err error) bool {
	f, ok := errors.AsType[*probes.Fault](err)
	return ok && f.Code == signin.ByHand
}

// setupStep prints one step of a set-up: a line of JSON, or of text. What is
// waited for is talk.
func (c *call) setupStep(s probes.SetupStep) error {
	if c.json {
		return c.line(s)
	}
	name := c.tr.T("setup." + s.Step)
	if s.Outcome == probes.SetupWaiting {
		c.note("cli.register.waiting", text.Args{"step": name, "wait": (time.Duration(s.Waited) * time.Millisecond).String()})
		return nil
	}
	outcome := "setup.outcome." + string(s.Outcome)
	switch {
	case s.Would != "":
		outcome = "setup.outcome.would." + string(s.Would)
	case s.Outcome == probes.SetupSkipped && s.Fault != "":
		outcome = "setup.outcome.unread"
	}
	about := strings.TrimSpace(s.Name + "  " + s.ID)
	if kind := s.Args["kind"]; kind != "" && s.Fault == "" {
		about = strings.TrimSpace(about + "  " + strings.TrimSpace(c.tr.T("setup.kind."+kind)+" "+s.Args["expires"]))
	}
	c.say("%s", strings.TrimRight(fmt.Sprintf("%-14s %-34s %s", c.tr.T(outcome), name, about), " "))
	if s.Outcome != probes.SetupFailed && s.Fault != "" {
		c.complain(c.Err, &probes.Fault{Op: name, Code: s.Fault, Args: s.Args})
	}
	return nil
}

// forgetSignIn forgets who signed in on this machine, and says who that was.
func (c *call) forgetSignIn(ctx context.Context, w *Work, f registerFlags) error {
	accounts, err := w.SignOut(ctx, f.tenant, c.prompt)
	switch {
	case err != nil:
		return err
	case len(accounts) == 0:
		c.note("cli.register.nobody_signed_in", nil)
	default:
		c.note("cli.register.signed_out", text.Args{"accounts": strings.Join(accounts, ", ")})
	}
	return nil
}

// undoRegistration lists what was made, and removes it when that is agreed to.
func (c *call) undoRegistration(ctx context.Context, w *Work, f registerFlags) error {
	list, unanswered, err := w.madeAndUnanswered(ctx)
	if err != nil {
		return err
	}
	if unanswered > 0 {
		c.note("cli.undo.unanswered", text.Args{"n": itoa(unanswered)})
	}
	if len(list) == 0 {
		c.note("cli.undo.none", nil)
		return nil
	}
	for _, m := range list {
		c.say("%s", fmt.Sprintf("%s  %-34s %s", m.At.UTC().Format("2006-01-02 15:04:05Z"), c.tr.T("setup."+m.Step), m.Object))
	}
	if f.dryRun {
		return nil
	}
	if agreed, err := c.agreesToUndo(f.yes); err != nil || !agreed {
		return err
	}
	written, deleted := error(nil), false
	_, err = w.Undo(ctx, nil, c.prompt, func(s probes.SetupStep) {
		deleted = deleted || s.Outcome == probes.SetupRemoved && isRegistration(s.ID)
		written = errors.Join(written, c.setupStep(s))
	})
	if err != nil {
		c.note("cli.register.safe", nil)
		return errors.Join(err, written)
	}
	c.note("cli.undo.done", nil)
	if deleted {
		c.note("cli.undo.restorable", nil)
	}
	return written
}

// isRegistration tells the path of an app registration from those of its parts.
func isRegistration(object string) bool {
	id, ok := strings.CutPrefix(object, "/applications/")
	return ok && !strings.Contains(id, "/")
}

// agreesToUndo asks whether what was listed is to be removed.
func (c *call) agreesToUndo(yes bool) (bool, error) {
	if yes {
		return true, nil
	}
	if c.json {
		return false, badUsage("usage.undo_yes", nil)
	}
	fmt.Fprint(c.Err, c.tr.T("cli.undo.ask")+" ")
	said, err := readLine(c.In)
	fmt.Fprintln(c.Err)
	if err != nil {
		return false, &probes.Fault{Op: "read the answer", Code: "stdin_unreadable", Err: err}
	}
	if !slices.Contains(strings.Split(c.tr.T("script.run.yes"), ","), strings.ToLower(strings.TrimSpace(said))) {
		c.note("cli.undo.not", nil)
		return false, nil
	}
	return true, nil
}
