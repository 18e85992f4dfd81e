package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/capture"
	"offbasic/probes/submit"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// tourPace is how long a step stands before the next one, in a terminal.
const tourPace = 900 * time.Millisecond

// tour is the whole journey of one printer against the lab. Every step is
// really made, and told only after it was checked.
type tour struct {
	*call
	work *Work

	account string         // the mailbox that the device signs in as
	sender  string         // its id in the migration
	session probes.Session // the last that was captured
	sent    probes.Trial
}

// tourStep is one stop of the tour. Its words are "tour.<id>", with the
// arguments that run returns.
type tourStep struct {
	id  string
	run func(context.Context) (text.Args, error)
}

// tourLine is one stop in the JSON contract.
type tourLine struct {
	Type    string    `json:"type"`
	Step    string    `json:"step"`
	Outcome string    `json:"outcome"`
	Args    text.Args `json:"args,omitempty"`
}

func (t *tour) steps() []tourStep {
	return []tourStep{
		{"lab", t.meetLab},
		{"capture", t.beCaptured},
		{"findings", t.judgeIt},
		{"retired", t.meetRetirement},
		{"oauth", t.askForOAuth},
		{"route", t.chooseRoute},
		{"app", t.enterApp},
		{"too_early", t.sendTooEarly},
		{"script", t.setUp},
		{"send", t.sendIt},
		{"receipt", t.findIt},
		{"proved", t.end},
	}
}

func (c *call) tourCommand() *cobra.Command {
	cmd := c.command("tour", func(cmd *cobra.Command, _ []string) error { return c.tour(cmd.Context()) })
	cmd.Args = noArgs
	return cmd
}

// tour ends without an error only if every step really happened.
func (c *call) tour(ctx context.Context) error {
	c.lab = true
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // the lab's folder is thrown away
	t := &tour{call: c, work: w}
	for i, s := range t.steps() {
		if i > 0 {
			if err := t.pause(ctx); err != nil {
				return err
			}
		}
		args, err := s.run(ctx)
		if err != nil {
			_ = t.told(s.id, "failed", args)
			return fmt.Errorf("tour, step %s: %w", s.id, err)
		}
		if err := t.told(s.id, "ok", args); err != nil {
			return err
		}
	}
	return nil
}

func (t *tour) told(id, outcome string, args text.Args) error {
	if t.json {
		return t.line(tourLine{"tour", id, outcome, args})
	}
	t.say("%s\n", t.tr.T("tour."+id, args))
	return nil
}

// pause waits at the pace of reading, and not at all for a pipe.
func (t *tour) pause(ctx context.Context) error {
	if !t.Terminal || t.json {
		return ctx.Err()
	}
	select {
	case <-time.After(tourPace):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *tour) meetLab(context.Context) (text.Args, error) {
	t.account = t.work.Lab.Mailboxes()[0]
	return text.Args{"domain": t.work.Lab.Tenant().Domain, "mailbox": t.account}, nil
}

// knock lets the device sign in once to a capture with the given policy, and
// returns what was captured and what the device was answered.
func (t *tour) knock(ctx context.Context, policy string, how submit.Mechanism, secret string) (probes.Session, probes.Trial, error) {
	p, ok := capture.PolicyNamed(policy)
	if !ok {
		return probes.Session{}, probes.Trial{}, fmt.Errorf("no policy %s", policy)
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	var captured *probes.Session
	addr, roots, heard := make(chan string, 1), make(chan *x509.CertPool, 1), make(chan probes.Trial, 1)
	go func() { heard <- t.device(ctx, addr, roots, how, secret) }()
	server := capture.Server{Listen: []string{"127.0.0.1:0"}, Policy: p, Limits: capture.Limits{Peek: -1}, Trust: func(ca *x509.CertPool) { roots <- ca }}
	err := t.work.Capture(ctx, server, func(ev probes.CaptureEvent) {
		switch {
		case ev.Listening != nil && ev.Listening.Addr != "":
			addr <- ev.Listening.Addr
		case ev.Session != nil:
			captured = ev.Session
			stop()
		}
	})
	stop()
	trial := <-heard
	if err == nil && captured == nil {
		err = errors.New("the device was not captured")
	}
	if err != nil {
		return probes.Session{}, trial, err
	}
	return *captured, trial, nil
}

// device is a printer that scans to e-mail: a real SMTP client, which waits
// for the capture to be up.
func (t *tour) device(ctx context.Context, addrs chan string, pools chan *x509.CertPool, how submit.Mechanism, secret string) probes.Trial {
	var addr string
	var roots *x509.CertPool
	for addr == "" || roots == nil {
		select {
		case addr = <-addrs:
		case roots = <-pools:
		case <-ctx.Done():
			return probes.Trial{Outcome: probes.TrialFailed}
		}
	}
	id := "<scan-0001@copier.contoso.example>"
	to := labRecipient(t.work.Lab)
	return submit.Send(ctx, submit.Request{
		Route: probes.Basic, Host: hostOf(addr), Port: atoi(portOf(addr)), TLS: probes.StartTLS, Roots: roots,
		Mechanism: how, Account: t.account, Hello: "copier",
		Credential: func(context.Context) (string, *probes.Claims, error) { return secret, nil, nil },
		From:       t.account, To: []string{to}, MessageID: id,
		Message: submit.TestMessage(t.account, []string{to}, id, "Scan", t.Now()),
	}, nil)
}

func (t *tour) beCaptured(ctx context.Context) (text.Args, error) {
	s, heard, err := t.knock(ctx, "exchange", submit.LOGIN, t.work.Lab.Password(t.account))
	if err != nil {
		return nil, err
	}
	if err := t.show(s); err != nil {
		return nil, err
	}
	args := text.Args{"account": s.Account(), "tls": s.TLS.Version, "peer": s.Peer, "hello": s.Hello}
	if !s.Taken || s.Account() != t.account || heard.Outcome != probes.TrialSent {
		return args, fmt.Errorf("captured account %q, taken %t, device heard %s", s.Account(), s.Taken, heard.Outcome)
	}
	t.session = s
	t.sender = t.work.Folder.Migration().OwnerOf(s)
	return args, nil
}

// show writes a session as the capture command does.
func (t *tour) show(s probes.Session) error {
	if t.json {
		s.Transcript = nil
		return t.line(s)
	}
	t.say("    %s", t.call.session(s))
	return nil
}

func (t *tour) judgeIt(ctx context.Context) (text.Args, error) {
	facts, err := t.work.Facts(ctx, t.sender)
	if err != nil {
		return nil, err
	}
	found := checks.Judge(facts)
	for _, f := range found {
		if f.Status == checks.Skip {
			continue
		}
		if t.json {
			if err := t.line(f); err != nil {
				return nil, err
			}
			continue
		}
		t.say("%s", t.finding(f))
	}
	if checks.Worst(found) == checks.Skip {
		return nil, errors.New("nothing was found of a captured sender")
	}
	return text.Args{"sender": t.session.Hello}, nil
}

// meetRetirement shows the device the answer that it will get, and what the
// program says of it.
func (t *tour) meetRetirement(ctx context.Context) (text.Args, error) {
	_, heard, err := t.knock(ctx, "retired", submit.LOGIN, t.work.Lab.Password(t.account))
	if err != nil {
		return nil, err
	}
	if heard.Reply == nil || heard.Reply.Code != 550 || heard.Reply.Enhanced != "5.7.30" {
		return nil, fmt.Errorf("the device heard %v", heard.Reply)
	}
	e := t.work.Explain(heard)
	if !e.Known {
		return nil, errors.New("550 5.7.30 is not explained")
	}
	return text.Args{"reply": heard.Reply.String(), "meaning": e.Meaning}, nil
}

// askForOAuth asks the device, by offering nothing else, whether it speaks
// OAuth. This one does.
func (t *tour) askForOAuth(ctx context.Context) (text.Args, error) {
	s, _, err := t.knock(ctx, "oauth-only", submit.XOAUTH2, t.work.Lab.IssueToken(nil))
	if err != nil {
		return nil, err
	}
	if err := t.show(s); err != nil {
		return nil, err
	}
	if len(s.Auth) == 0 || s.Auth[0].Mechanism != "XOAUTH2" || s.Auth[0].Claims == nil {
		return nil, fmt.Errorf("captured sign-ins %v", s.Auth)
	}
	return text.Args{"audience": s.Auth[0].Claims.Audience}, nil
}

func (t *tour) chooseRoute(ctx context.Context) (text.Args, error) {
	facts, err := t.work.Facts(ctx, t.sender)
	if err != nil {
		return nil, err
	}
	best := checks.Rank(facts)[0]
	if best.Route != probes.OAuth {
		return nil, fmt.Errorf("the best route is %s, %s", best.Route, best.Fit)
	}
	for _, r := range best.For {
		if !t.json {
			t.say("    %s", t.tr.T("reason."+r.ID, r.Args))
		}
	}
	return text.Args{"route": t.tr.T("route." + string(best.Route))}, t.work.Choose(ctx, t.sender, best.Route, "")
}

func (t *tour) enterApp(context.Context) (text.Args, error) {
	app := t.work.Folder.Migration().App
	if app == nil {
		return nil, errors.New("the app registration is not entered")
	}
	return text.Args{"app": app.Name, "client": app.ClientID}, nil
}

// sendTooEarly sends before Exchange knows the app, to see the refusal that
// stops most people, and its explanation.
func (t *tour) sendTooEarly(ctx context.Context) (text.Args, error) {
	trial, err := t.try(ctx)
	if err != nil {
		return nil, err
	}
	if trial.Outcome != probes.TrialRefused || trial.Reply == nil {
		return nil, fmt.Errorf("the send ended %s at %s", trial.Outcome, trial.Reached().Step)
	}
	e := t.work.Explain(trial)
	if !e.Known {
		return nil, fmt.Errorf("%s is not explained", trial.Reply)
	}
	return text.Args{"reply": trial.Reply.String(), "meaning": e.Meaning}, nil
}

func (t *tour) try(ctx context.Context) (probes.Trial, error) {
	trial, err := t.work.Try(ctx, Try{Sender: t.sender}, func(s probes.Step) { t.say("%s", t.step(s)) })
	if err == nil && t.json {
		trial.Transcript = nil
		err = t.line(trial)
	}
	return trial, err
}

func (t *tour) setUp(ctx context.Context) (text.Args, error) {
	if err := t.work.RunScript(ctx, t.sender); err != nil {
		return nil, err
	}
	got, err := t.work.ReadBack(ctx, t.sender)
	if err != nil {
		return nil, err
	}
	if err := t.compared(got); err != nil {
		return nil, err
	}
	if !checks.AllAsExpected(got) {
		return nil, errors.New("the read-back is not as it should be")
	}
	s, err := t.work.Script(t.sender)
	return text.Args{"script": t.tr.T("script." + s.Name), "cmdlets": itoa(len(s.Steps))}, err
}

func (t *tour) sendIt(ctx context.Context) (text.Args, error) {
	trial, err := t.try(ctx)
	if err != nil {
		return nil, err
	}
	if trial.Outcome != probes.TrialSent {
		return nil, fmt.Errorf("the send ended %s at %s: %v", trial.Outcome, trial.Reached().Step, trial.Reply)
	}
	t.sent = trial
	return text.Args{"id": trial.MessageID}, nil
}

func (t *tour) findIt(ctx context.Context) (text.Args, error) {
	r, err := t.work.Verify(ctx, t.sent, func(time.Duration) {})
	if err != nil {
		return nil, err
	}
	if !r.Found || r.MessageID != t.sent.MessageID {
		return nil, fmt.Errorf("message %s is not in %s", t.sent.MessageID, r.Mailbox)
	}
	if t.json {
		if err := t.line(r); err != nil {
			return nil, err
		}
	}
	return text.Args{"mailbox": r.Mailbox, "folder": r.Folder, "auth_as": orDash(r.AuthAs)}, nil
}

func (t *tour) end(context.Context) (text.Args, error) {
	s, ok := t.work.Folder.Migration().Sender(t.sender)
	if !ok || s.State() != wizard.Proved {
		return nil, errors.New("the sender is not proved")
	}
	return text.Args{"sender": s.Title()}, nil
}
