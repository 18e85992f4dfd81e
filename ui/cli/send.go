package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"offbasic/probes"
	"offbasic/ui/text"
)

func (c *call) sendCommand() *cobra.Command {
	var t Try
	var route string
	var f sendFlags
	cmd := c.command("send", func(cmd *cobra.Command, _ []string) error {
		t.Route = probes.Route(route)
		return c.send(cmd.Context(), t, f)
	})
	cmd.Args = noArgs
	flags := cmd.Flags()
	flags.StringVar(&route, "route", "", c.tr.T("cli.flag.send_route"))
	flags.StringVar(&t.Sender, "sender", "", c.tr.T("cli.flag.sender"))
	flags.StringVar(&t.From, "from", "", c.tr.T("cli.flag.from"))
	flags.StringVar(&t.To, "to", "", c.tr.T("cli.flag.to"))
	flags.StringVar(&t.Host, "host", "", c.tr.T("cli.flag.host"))
	flags.IntVar(&t.Port, "port", 0, c.tr.T("cli.flag.port"))
	flags.BoolVar(&f.verify, "verify", false, c.tr.T("cli.flag.verify"))
	flags.BoolVar(&f.transcript, "transcripts", false, c.tr.T("cli.flag.transcripts"))
	flags.BoolVar(&f.secretStdin, "secret-stdin", false, c.tr.T("cli.flag.secret_stdin"))
	return cmd
}

// sendFlags are what a test send is done with.
type sendFlags struct{ verify, transcript, secretStdin bool }

// send makes a test send, and with --verify looks for its message. A message
// that was refused or did not arrive is a finding that failed.
func (c *call) send(ctx context.Context, t Try, f sendFlags) error {
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	if f.secretStdin {
		if err := c.useSecret(w); err != nil {
			return err
		}
	}
	if w.Lab != nil && t.Sender == "" {
		t.Route, t.From = first(t.Route, probes.OAuth), first(t.From, w.Lab.Mailboxes()[0])
	}
	trial, err := w.Try(ctx, t, func(s probes.Step) { c.say("%s", c.step(s)) })
	if err != nil {
		return err
	}
	if err := c.tried(w, trial, f.transcript); err != nil {
		return err
	}
	if trial.Outcome != probes.TrialSent {
		return errFindings
	}
	if !f.verify {
		return nil
	}
	return c.verify(ctx, w, trial)
}

// tried prints a trial: its JSON line, or what its last word means.
func (c *call) tried(w *Work, t probes.Trial, transcript bool) error {
	if c.json {
		if !transcript {
			t.Transcript = nil
		}
		return c.line(t)
	}
	if transcript {
		for _, l := range t.Transcript {
			c.say("    %s", c.transcriptLine(l))
		}
	}
	c.say("")
	if t.Outcome == probes.TrialSent {
		c.say("%s", c.tr.T("trial.taken", text.Args{"id": t.MessageID}))
		return nil
	}
	if e := w.Explain(t); e.Meaning != "" {
		c.explained(c.Out, e)
	} else if s := t.Reached(); s.Fault != "" {
		c.say("%s", c.tr.T("fault."+string(s.Fault), s.Args))
		c.say("%s %s", c.tr.T("cli.now"), c.tr.T("fault."+string(s.Fault)+".hint", s.Args))
	}
	return nil
}

// verify waits for the message, with a clock on stderr.
func (c *call) verify(ctx context.Context, w *Work, t probes.Trial) error {
	r, err := w.Verify(ctx, t, func(waited time.Duration) {
		c.note("cli.verify.waiting", text.Args{"waited": waited.Round(time.Second).String()})
	})
	if err != nil {
		return err
	}
	return c.received(r)
}

func (c *call) received(r probes.Receipt) error {
	if c.json {
		if err := c.line(r); err != nil {
			return err
		}
	}
	if !r.Found {
		c.say("%s", c.tr.T("receipt.missing", text.Args{"mailbox": r.Mailbox}))
		return errFindings
	}
	c.say("%s", c.tr.T("receipt.found", text.Args{
		"mailbox": r.Mailbox, "folder": r.Folder, "after": (time.Duration(r.AfterMS) * time.Millisecond).String(), "auth_as": orDash(r.AuthAs),
	}))
	return nil
}

func (c *call) verifyCommand() *cobra.Command {
	var mailbox, id string
	var secretStdin bool
	cmd := c.command("verify", func(cmd *cobra.Command, _ []string) error {
		return c.find(cmd.Context(), mailbox, id, secretStdin)
	})
	cmd.Args = noArgs
	cmd.Flags().StringVar(&mailbox, "mailbox", "", c.tr.T("cli.flag.verify_mailbox"))
	cmd.Flags().StringVar(&id, "message-id", "", c.tr.T("cli.flag.message_id"))
	cmd.Flags().BoolVar(&secretStdin, "secret-stdin", false, c.tr.T("cli.flag.secret_stdin"))
	return cmd
}

// find looks for one message; without an id for that of the last trial.
func (c *call) find(ctx context.Context, mailbox, id string, secretStdin bool) error {
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
	t := probes.Trial{MessageID: id, Started: c.Now()}
	if mailbox != "" {
		t.To = []string{mailbox}
	}
	err = w.Folder.Trials(ctx, func(old probes.Trial) error {
		if id == "" && old.Outcome == probes.TrialSent || id != "" && old.MessageID == id {
			t = old
		}
		return nil
	})
	if err != nil {
		return err
	}
	if t.MessageID == "" || len(t.To) == 0 {
		return badUsage("usage.nothing_sent", nil)
	}
	if t.ID == "" { // sent by somebody else: nothing to remember
		r, err := w.mail().Message(ctx, t.To[0], t.MessageID)
		return errors.Join(err, c.receivedUnless(err, r))
	}
	return c.verify(ctx, w, t)
}

func (c *call) receivedUnless(err error, r probes.Receipt) error {
	if err != nil {
		return nil
	}
	return c.received(r)
}
