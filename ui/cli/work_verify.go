package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/graph"
	"offbasic/probes/signin"
	"offbasic/ui/text"
)

// Verify looks for a trial's message in the mailbox of its recipient and
// remembers the receipt.
func (w *Work) Verify(ctx context.Context, t probes.Trial, tick func(waited time.Duration)) (probes.Receipt, error) {
	if len(t.To) == 0 || t.MessageID == "" {
		return probes.Receipt{}, &probes.Fault{Op: "look for the message", Code: "nothing_sent"}
	}
	look := func(c graph.Client) (probes.Receipt, error) {
		return c.Wait(ctx, t.To[0], t.MessageID, sentAt(t), graph.Waits(), func(_ int, waited time.Duration) { tick(waited) })
	}
	r, err := look(w.mail())
	if f, ok := errors.AsType[*probes.Fault](err); ok && f.Code == graph.Refused && f.Args["status"] == "403" && (w.prompt != nil || w.Lab != nil) {
		// The app may send and not read: who received it reads their own.
		r, err = look(w.mailOf(t.To[0]))
	}
	if err != nil {
		return r, err
	}
	return w.receipt(ctx, t, r)
}

// mailOf reads a mailbox as the person who signs in to it, with the least
// permission that does (Graph, "List messages": Mail.ReadBasic).
func (w *Work) mailOf(mailbox string) graph.Client {
	show := w.prompt
	if show == nil {
		show = func(signin.Prompt) {}
	}
	u := w.userOf("", w.signIn.client, show)
	u.Login = mailbox
	c := w.mail()
	c.Token = func(ctx context.Context) (string, error) {
		t, err := u.Token(ctx, w.cloud().Graph+"/Mail.ReadBasic")
		if err != nil {
			return "", err
		}
		return t.Access(), nil
	}
	return c
}

// VerifyTrace looks for it in the message trace, which takes some minutes to
// know a message.
func (w *Work) VerifyTrace(ctx context.Context, t probes.Trial, tick func(waited time.Duration)) (probes.Receipt, error) {
	if len(t.To) == 0 || t.MessageID == "" {
		return probes.Receipt{}, &probes.Fault{Op: "look for the message", Code: "nothing_sent"}
	}
	r, err := w.mail().WaitTrace(ctx, t.To[0], t.MessageID, sentAt(t), graph.TraceWaits(), func(_ int, waited time.Duration) { tick(waited) })
	if err != nil {
		return r, err
	}
	return w.receipt(ctx, t, r)
}

// VerifyHead takes the header of a message for the receipt of the trial that
// sent it. The error is a *probes.Fault when no trial did.
func (w *Work) VerifyHead(ctx context.Context, raw []byte) (probes.Trial, probes.Receipt, error) {
	head := checks.ReadHead(raw)
	t, err := w.sentAs(ctx, head.MessageID)
	if err != nil {
		return t, probes.Receipt{}, err
	}
	if t.ID == "" {
		id := first(head.MessageID, "-")
		return t, probes.Receipt{}, &probes.Fault{Op: "look for the trial of " + id, Code: "receipt_of_nobody", Args: text.Args{"id": id}}
	}
	r := probes.Receipt{MessageID: t.MessageID, Found: true, By: probes.ByHeader, Head: raw, AuthAs: head.AuthAs, Mechanism: head.AuthMechanism}
	if len(t.To) > 0 {
		r.Mailbox = t.To[0]
	}
	if n := len(head.Hops); n > 0 && !head.Hops[n-1].At.IsZero() {
		r.Received = head.Hops[n-1].At.UTC()
		// A Received header has whole seconds: up to one is lost.
		r.AfterMS = max(0, r.Received.Sub(sentAt(t)).Milliseconds())
	}
	r, err = w.receipt(ctx, t, r)
	return t, r, err
}

// receipt remembers a receipt with its trial.
func (w *Work) receipt(ctx context.Context, t probes.Trial, r probes.Receipt) (probes.Receipt, error) {
	if len(r.Head) > 0 {
		r.Way, _ = checks.ReadHead(r.Head).Way()
	}
	t.Receipt = &r
	return r, w.keepTrial(ctx, t)
}

// sentAs is the last trial that sent a message with that id; without an id the
// last that sent one at all. It has no id itself when there is none.
func (w *Work) sentAs(ctx context.Context, messageID string) (probes.Trial, error) {
	var t probes.Trial
	bare := strings.Trim(messageID, "<> ")
	err := w.Folder.Trials(ctx, func(old probes.Trial) error {
		if bare == "" && old.Outcome == probes.TrialSent || bare != "" && strings.Trim(old.MessageID, "<>") == bare {
			t = old
		}
		return nil
	})
	return t, err
}

// sentAt is when a trial's server took the message: the end of DATA.
func sentAt(t probes.Trial) time.Time {
	sent := t.Started
	for _, s := range t.Steps {
		if s.Step != probes.StepQUIT {
			sent = sent.Add(time.Duration(s.MS * float64(time.Millisecond)))
		}
	}
	return sent
}

// Arrival judges a receipt: by its header where there is one, else by what the
// trace says.
func (w *Work) Arrival(t probes.Trial, r probes.Receipt) []checks.Finding {
	if len(r.Head) > 0 {
		return checks.JudgeHead(checks.HeadFacts{Head: checks.ReadHead(r.Head), Route: t.Route, Junk: r.Junk})
	}
	return checks.JudgeTrace(r, t.Route)
}

// isCode tells a fault of one of the codes.
func isCode(err error, codes ...probes.Code) bool {
	f, ok := errors.AsType[*probes.Fault](err)
	return ok && slices.Contains(codes, f.Code)
}
