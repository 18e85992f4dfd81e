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

// Outside is what a test send as a mailbox that the app must not reach came
// to. A refusal is what is wanted.
type Outside struct {
	Trial   probes.Trial
	Finding checks.Finding
	// Young is set while nothing is proved because a right may be too new.
	Young *checks.Young
	// Alone says that no message as a sender's mailbox was taken yet: an app
	// that may send as nobody is refused as well.
	Alone bool
}

// ProveOutside sends a test message with the app's token as a mailbox that the
// app must not reach, to that mailbox itself. "" means the mailbox that the
// migration knows. What was proved is remembered.
func (w *Work) ProveOutside(ctx context.Context, mailbox string, emit func(probes.Step)) (Outside, error) {
	const op = "send as a mailbox outside"
	m := w.Folder.Migration()
	if m.App == nil {
		return Outside{}, &probes.Fault{Op: op, Code: "no_app"}
	}
	if mailbox = first(mailbox, m.App.Outside); mailbox == "" {
		return Outside{}, &probes.Fault{Op: op, Code: "no_outside"}
	}
	if i := slices.IndexFunc(m.Senders, func(s wizard.Sender) bool {
		return s.Route == probes.OAuth && strings.EqualFold(s.Mailbox(), mailbox)
	}); i >= 0 {
		return Outside{}, &probes.Fault{Op: op, Code: "outside_is_inside", Args: text.Args{"mailbox": mailbox, "sender": m.Senders[i].Title()}}
	}
	trial, err := w.Try(ctx, Try{Route: probes.OAuth, SignIn: checks.ByToken, From: mailbox, Account: mailbox, To: mailbox}, emit)
	if err != nil {
		return Outside{Trial: trial}, err
	}
	facts, _, err := w.TenantFacts(ctx)
	if err != nil {
		return Outside{Trial: trial}, err
	}
	o := Outside{Trial: trial, Alone: facts.Inside.IsZero()}
	if o.Finding, o.Young = checks.ProveOutside(trial, facts); o.Finding.Status == checks.Skip {
		return o, nil
	}
	_, err = w.Folder.Change(context.WithoutCancel(ctx), func(m *wizard.Migration) error { return m.TriedOutside(trial) })
	return o, err
}

// OutsideWords say in plain words what it came to, and what to do.
func (w *Work) OutsideWords(o Outside) []string {
	args := text.Args{"mailbox": o.Trial.From}
	switch {
	case o.Young != nil:
		args["object"], args["takes"] = w.Text.T("object."+o.Young.Object), minutes(o.Young.Ends.Sub(o.Young.Made))
		args["ago"] = minutes(o.Trial.Started.Sub(o.Young.Made))
		args["next"], args["ends"] = o.Young.Next.Local().Format("15:04"), o.Young.Ends.Local().Format("15:04")
		why := "rights.prove.young.refused"
		if o.Trial.Outcome == probes.TrialSent {
			why = "rights.prove.young.taken"
		}
		return []string{w.Text.T("cause.young", args), w.Text.T(why, args), w.Text.T("rights.prove.wait", args)}
	case o.Finding.Status == checks.Pass && o.Alone:
		return []string{w.Text.T("rights.prove.refused", args), w.Text.T("rights.prove.alone", args)}
	case o.Finding.Status == checks.Pass:
		return []string{w.Text.T("rights.prove.refused", args)}
	case o.Finding.Status == checks.Fail:
		return []string{w.Text.T("rights.prove.taken", args), w.Text.T("remedy."+o.Finding.Remedy, args)}
	}
	return []string{w.Text.T("rights.prove.nothing", args)}
}

func (c *call) proveCommand() *cobra.Command {
	var mailbox string
	secretStdin := false
	cmd := &cobra.Command{
		Use: "prove", Short: c.tr.T("cli.rights.prove"), Long: c.tr.T("cli.rights.prove.long"), Example: c.tr.T("cli.rights.prove.example"),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.prove(cmd.Context(), mailbox, secretStdin) },
	}
	cmd.Flags().StringVar(&mailbox, "outside", "", c.tr.T("script.value.outside"))
	cmd.Flags().BoolVar(&secretStdin, "secret-stdin", false, c.tr.T("cli.flag.secret_stdin"))
	return cmd
}

// prove makes the test send that must be refused. What is not proved is a
// finding that failed.
func (c *call) prove(ctx context.Context, mailbox string, secretStdin bool) error {
	if err := outsideAddress(mailbox); err != nil {
		return err
	}
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	if secretStdin {
		if err := c.useSecret(w); err != nil {
			return err
		}
	}
	if mailbox, err = c.outside(w, mailbox, secretStdin); err != nil {
		return err
	}
	o, err := w.ProveOutside(ctx, mailbox, func(s probes.Step) { c.say("%s", c.step(s)) })
	if err != nil {
		return err
	}
	if err := c.proved(w, o); err != nil {
		return err
	}
	if o.Finding.Status != checks.Pass {
		return errFindings
	}
	return nil
}

// outside is the mailbox that was named, else the one that is known, else what
// the person says.
func (c *call) outside(w *Work, mailbox string, stdinTaken bool) (string, error) {
	if m := w.Folder.Migration(); mailbox != "" || m.App == nil || m.App.Outside != "" || c.json || stdinTaken {
		return mailbox, nil
	}
	c.note("rights.prove.ask", nil)
	said, err := readLine(c.In)
	if err != nil {
		return "", &probes.Fault{Op: "read the answer", Code: "stdin_unreadable", Err: err}
	}
	said = strings.TrimSpace(said)
	return said, outsideAddress(said)
}

// outsideAddress refuses what is no address; "" is none yet.
func outsideAddress(mailbox string) error {
	if mailbox == "" {
		return nil
	}
	wrong := wizard.ScriptValues{Outside: mailbox}.Validate(checks.RightsScript(wizard.RoleRights))
	if slices.Contains(flagsOf(wrong), "--outside") {
		return badUsage("usage.outside", text.Args{"name": probes.Clean(mailbox, 100)})
	}
	return nil
}

// proved says what the test send came to; with JSON the trial, then the
// finding.
func (c *call) proved(w *Work, o Outside) error {
	if c.json {
		trial := o.Trial
		trial.Transcript = nil
		if err := c.line(trial); err != nil {
			return err
		}
		return c.line(o.Finding)
	}
	c.say("")
	for _, line := range w.OutsideWords(o) {
		c.say("%s", line)
	}
	if o.Finding.Status == checks.Skip && o.Young == nil {
		return c.tried(w, o.Trial, false)
	}
	return nil
}
