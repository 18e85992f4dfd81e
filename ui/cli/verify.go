package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
)

// verifyFlags say which message is looked for, and where.
type verifyFlags struct {
	mailbox, id, by string
	secretStdin     bool
}

func (c *call) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := c.command("verify [FILE|-]", func(cmd *cobra.Command, args []string) error {
		switch {
		case f.by != probes.ByMailbox && f.by != probes.ByTrace:
			return badUsage("usage.verify_by", text.Args{"by": probes.Clean(f.by, 40)})
		case len(args) > 0:
			return c.verifyFile(cmd.Context(), args[0])
		}
		return c.find(cmd.Context(), f)
	})
	cmd.Args = atMostOne
	cmd.Flags().StringVar(&f.mailbox, "mailbox", "", c.tr.T("cli.flag.verify_mailbox"))
	cmd.Flags().StringVar(&f.id, "message-id", "", c.tr.T("cli.flag.message_id"))
	cmd.Flags().StringVar(&f.by, "by", probes.ByMailbox, c.tr.T("cli.flag.verify_by"))
	cmd.Flags().BoolVar(&f.secretStdin, "secret-stdin", false, c.tr.T("cli.flag.secret_stdin"))
	return cmd
}

// verify waits for the message in the mailbox, with a clock on stderr.
func (c *call) verify(ctx context.Context, w *Work, t probes.Trial) error {
	return c.verifyBy(ctx, w, t, w.Verify)
}

func (c *call) verifyBy(ctx context.Context, w *Work, t probes.Trial,
	look func(context.Context, probes.Trial, func(time.Duration)) (probes.Receipt, error),
) error {
	clock := c.clock()
	r, err := look(ctx, t, clock.tick)
	clock.end()
	if errors.Is(ctx.Err(), context.Canceled) {
		return &probes.Fault{Op: "look for the message", Code: "verify_stopped", Err: ctx.Err()}
	}
	if err != nil {
		return err
	}
	return c.arrived(r, w.Arrival(t, r))
}

// waitingClock shows how long a message was looked for: on a terminal in one
// line that is written over, elsewhere in a line for each look.
type waitingClock struct {
	c       *call
	written bool
}

func (c *call) clock() *waitingClock { return &waitingClock{c: c} }

func (k *waitingClock) tick(waited time.Duration) {
	said := k.c.tr.T("cli.verify.waiting", text.Args{"waited": waited.Round(time.Second).String()})
	if !k.c.Terminal || k.c.json {
		k.c.talk(said + "\n")
		return
	}
	k.c.talk("\r" + said + "\x1b[K")
	k.written = true
}

func (k *waitingClock) end() {
	if k.written {
		k.c.talk("\r\x1b[K")
	}
}

// talk writes to stderr as it is.
func (c *call) talk(s string) { _, _ = c.Err.Write([]byte(s)) }

// arrived prints a receipt and what it tells. A message that did not arrive,
// or not as it should, is a finding that failed.
func (c *call) arrived(r probes.Receipt, found []checks.Finding) error {
	if err := c.received(r); err != nil {
		return err
	}
	if len(found) == 0 {
		return nil
	}
	if !c.json && len(r.Head) > 0 {
		c.say("")
		c.journey(checks.ReadHead(r.Head))
	}
	return c.findings(c.tr.T("checked.arrival"), found)
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
	after := (time.Duration(r.AfterMS) * time.Millisecond).String()
	switch r.By {
	case probes.ByTrace:
		c.say("%s", c.tr.T("receipt.traced", text.Args{"mailbox": r.Mailbox, "status": orDash(r.Status), "after": after, "from_ip": orDash(r.FromIP)}))
		for _, e := range r.Events {
			c.say("  %s  %-12s  %s", e.At.UTC().Format(time.TimeOnly), e.Event, cut(e.Description, 100))
		}
	case probes.ByHeader:
		c.say("%s", c.tr.T("receipt.header", text.Args{"id": r.MessageID, "after": after, "auth_as": orDash(r.AuthAs)}))
	default:
		c.say("%s", c.tr.T("receipt.found", text.Args{
			"mailbox": r.Mailbox, "folder": r.Folder, "after": after, "auth_as": orDash(r.AuthAs),
		}))
	}
	return nil
}

// find looks for one message; without an id for that of the last trial.
func (c *call) find(ctx context.Context, f verifyFlags) error {
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
	t, err := w.sentAs(ctx, f.id)
	if err != nil {
		return err
	}
	if t.ID == "" {
		t = probes.Trial{MessageID: f.id, Started: c.Now()}
	}
	if f.mailbox != "" {
		t.To = []string{f.mailbox}
	}
	switch {
	case (t.MessageID == "" || len(t.To) == 0) && w.temporary != "":
		return badUsage("usage.nothing_sent_lab", nil)
	case t.MessageID == "" || len(t.To) == 0:
		return badUsage("usage.nothing_sent", nil)
	}
	switch {
	case t.ID == "": // sent by somebody else: nothing to remember
		r, err := w.look(ctx, t, f.by)
		return errors.Join(err, c.arrivedUnless(err, r, w.Arrival(t, r)))
	case f.by == probes.ByTrace:
		return c.verifyBy(ctx, w, t, w.VerifyTrace)
	}
	return c.verify(ctx, w, t)
}

// look looks once for a message that no trial of this folder sent.
func (w *Work) look(ctx context.Context, t probes.Trial, by string) (probes.Receipt, error) {
	if by == probes.ByTrace {
		return w.mail().TraceReceipt(ctx, t.To[0], t.MessageID, t.Started)
	}
	return w.mail().Message(ctx, t.To[0], t.MessageID)
}

func (c *call) arrivedUnless(err error, r probes.Receipt, found []checks.Finding) error {
	if err != nil {
		return nil
	}
	return c.arrived(r, found)
}

// verifyFile takes a saved message, or pasted headers, for the receipt of the
// trial that sent it.
func (c *call) verifyFile(ctx context.Context, file string) error {
	raw, err := c.header(ctx, file)
	if err != nil {
		return err
	}
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	t, r, err := w.VerifyHead(ctx, raw)
	if isCode(err, "receipt_of_nobody") && strings.TrimSpace(string(raw)) != "" {
		found := checks.JudgeHead(checks.HeadFacts{Head: checks.ReadHead(raw)})
		return errors.Join(c.findings(c.tr.T("checked.headers"), found), err)
	}
	if err != nil {
		return err
	}
	return c.arrived(r, w.Arrival(t, r))
}
