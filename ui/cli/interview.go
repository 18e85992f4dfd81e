package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/capture"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// interviewFlags are what one interview is asked to do.
type interviewFlags struct {
	listen   []string
	peer     string
	limit    time.Duration
	patience time.Duration
	main     bool
	public   bool
	limits   capture.Limits

	canary bool
	route  string
	length int

	replay, to string
}

func (c *call) interviewCommand() *cobra.Command {
	var f interviewFlags
	cmd := c.command("interview", func(cmd *cobra.Command, _ []string) error { return c.interview(cmd, f) })
	cmd.Args = noArgs
	flags := cmd.Flags()
	flags.StringArrayVar(&f.listen, "listen", nil, c.tr.T("cli.flag.listen"))
	flags.StringVar(&f.peer, "peer", "", c.tr.T("cli.flag.peer"))
	flags.DurationVar(&f.limit, "for", 0, c.tr.T("cli.flag.for"))
	flags.DurationVar(&f.patience, "wait", wizard.DefaultPatience, c.tr.T("cli.flag.wait"))
	flags.BoolVar(&f.main, "main", false, c.tr.T("cli.flag.main"))
	flags.BoolVar(&f.public, "allow-public", false, c.tr.T("cli.flag.allow_public"))
	flags.BoolVar(&f.canary, "canary", false, c.tr.T("cli.flag.canary"))
	flags.StringVar(&f.route, "route", string(probes.OAuth), c.tr.T("cli.flag.canary_route", text.Args{"names": canaryRoutes()}))
	flags.IntVar(&f.length, "length", 0, c.tr.T("cli.flag.length"))
	flags.StringVar(&f.replay, "replay", "", c.tr.T("cli.flag.replay"))
	flags.StringVar(&f.to, "to", "", c.tr.T("cli.flag.replay_to"))
	c.limitFlags(flags, &f.limits)
	return cmd
}

func canaryRoutes() string {
	var names []string
	for _, r := range checks.CanaryRoutes() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// interview runs what the flags ask for: the questions, the canary, or the
// replay of a session.
func (c *call) interview(cmd *cobra.Command, f interviewFlags) error {
	ctx := cmd.Context()
	if err := f.check(cmd.Flags().Changed); err != nil {
		return err
	}
	if err := checkLimits(&f.limits); err != nil {
		return err
	}
	if f.limit > 0 {
		var end context.CancelFunc
		ctx, end = context.WithTimeout(ctx, f.limit)
		defer end()
	}
	server := capture.Server{Listen: f.listen, Fallback: len(f.listen) == 0, AllowPublic: f.public, Limits: f.limits}
	switch {
	case f.replay != "":
		return c.replay(ctx, f)
	case f.canary:
		return c.hearCanary(ctx, server, f)
	}
	return c.ask(ctx, server, f)
}

// check finds flags that do not go together.
func (f *interviewFlags) check(given func(string) bool) error {
	if f.limit < 0 || f.patience < 0 {
		return badUsage("usage.negative", text.Args{"flags": "--for, --wait"})
	}
	if f.peer != "" {
		addr, err := netip.ParseAddr(f.peer)
		if err != nil {
			return badUsage("usage.peer", text.Args{"name": f.peer})
		}
		f.peer = addr.Unmap().String()
	}
	if err := f.belong(given); err != nil {
		return err
	}
	if f.replay != "" && f.to == "" {
		return badUsage("usage.replay_to", nil)
	}
	if host, port, err := net.SplitHostPort(f.to); f.to != "" && (err != nil || host == "" || port == "") {
		return badUsage("usage.host_port", text.Args{"flag": "--to", "value": probes.Clean(f.to, 100)})
	}
	if f.canary && f.length != 0 && (f.length < checks.CanaryShortest || f.length > checks.CanaryLongest) {
		return badUsage("usage.length", text.Args{"least": itoa(checks.CanaryShortest), "most": itoa(checks.CanaryLongest)})
	}
	return nil
}

// belong finds flags that say nothing to what is to be done.
func (f *interviewFlags) belong(given func(string) bool) error {
	for _, x := range []struct {
		flags []string
		ok    bool
		with  string
	}{
		{[]string{"route", "length"}, f.canary, "canary"},
		{[]string{"to"}, f.replay != "", "replay"},
		{[]string{"canary", "listen"}, f.replay == "", "what listens, not to --replay"},
		{[]string{"peer", "main", "wait"}, f.replay == "" && !f.canary, "the questions, not to --canary or --replay"},
	} {
		for _, name := range x.flags {
			if given(name) && !x.ok {
				return badUsage("usage.belongs."+x.with, text.Args{"flag": "--" + name})
			}
		}
	}
	return nil
}

// ask holds the interview and tells it as it goes.
func (c *call) ask(ctx context.Context, s capture.Server, f interviewFlags) error {
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	o := Interviewing{Server: s, Peer: f.peer, Dialogue: !f.main, Patience: f.patience}
	if c.typed() {
		orders := make(chan wizard.Order)
		o.Orders = orders
		go readOrders(ctx, c.In, orders) // ends with the program: a read of a terminal cannot be broken off
		c.note("interview.orders", nil)
	}
	if f.peer == "" {
		c.note("interview.begin", nil)
	}
	err = w.Interview(ctx, o, func(ev wizard.InterviewEvent) {
		if err := c.interviewed(ev); err != nil {
			stop(err) // nobody reads any more
		}
	})
	return endedBy(ctx, err)
}

// endedBy is the error of a run that was ended by a write that failed.
func endedBy(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if err != nil || errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return err
	}
	return cause // nil while ctx goes on
}

// typed tells whether somebody can type orders.
func (c *call) typed() bool {
	f, ok := c.In.(*os.File)
	if !ok || !c.Terminal || c.json {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&fs.ModeCharDevice != 0
}

// readOrders reads "s" and "a", and a peer behind it where there are several.
func readOrders(ctx context.Context, in io.Reader, orders chan<- wizard.Order) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		o, ok := orderOf(lines.Text())
		if !ok {
			continue
		}
		select {
		case orders <- o:
		case <-ctx.Done():
			return
		}
	}
}

func orderOf(line string) (wizard.Order, bool) {
	words := strings.Fields(line)
	if len(words) == 0 || len(words) > 2 || !slices.Contains([]string{"s", "a"}, strings.ToLower(words[0])) {
		return wizard.Order{}, false
	}
	o := wizard.Order{Again: strings.EqualFold(words[0], "a")}
	if len(words) == 2 {
		o.Peer = words[1]
	}
	return o, true
}

// interviewed tells one event: to scripts the answers and the outcome, to
// people also what is asked and who came.
func (c *call) interviewed(ev wizard.InterviewEvent) error {
	switch {
	case ev.Listening != nil:
		c.listening(*ev.Listening)
	case ev.Asking != nil:
		c.asking(*ev.Asking)
	case ev.Session != nil:
		c.say("%s", c.session(*ev.Session))
	case ev.Answer != nil:
		if c.json {
			return c.line(*ev.Answer)
		}
		c.say("  = %s", c.answerWords(ev.Answer.Question))
	case ev.Left != nil:
		c.indented("interview.left", text.Args{"question": c.tr.T("question." + ev.Left.Question)})
	case ev.Outcome != nil:
		if c.json {
			return c.line(*ev.Outcome)
		}
		c.outcome(*ev.Outcome)
	}
	return nil
}

// asking tells which question is asked, and what is to be done for it.
func (c *call) asking(a wizard.Asking) {
	c.note("interview.asking", text.Args{
		"peer": a.Peer, "known": itoa(a.Known), "of": itoa(a.Of), "question": c.tr.T("question." + a.Question.ID),
	})
	switch {
	case a.Waiting:
		c.indented("interview.waiting", text.Args{"until": a.Until.Local().Format(time.TimeOnly)})
	case a.Question.ID == "retries":
		c.indented("interview.press_and_wait", nil)
	default:
		c.indented("interview.press", nil)
	}
}

// answerWords is an answer, or why there is none.
func (c *call) answerWords(q checks.Question) string {
	if slices.Contains(checks.NotAsked(), q.Answer) {
		return c.tr.T("question."+q.ID) + " " + c.tr.T("question.not."+q.Answer)
	}
	return c.tr.T("question."+q.ID+"."+q.Answer, q.Args)
}

// outcome prints the table of one device.
func (c *call) outcome(o wizard.Outcome) {
	c.say("\n%s", c.tr.T("interview.outcome", text.Args{"peer": o.Peer}))
	for _, q := range o.Table {
		switch {
		case slices.Contains(o.Skipped, q.ID):
			c.say("  -  %s %s", c.tr.T("question."+q.ID), c.tr.T("interview.skipped"))
		case q.Answer == "":
			c.say("  ?  %s", c.tr.T("question."+q.ID))
		case q.Answer == checks.Moot:
		default:
			c.say("  =  %s", c.answerWords(q))
		}
	}
}

// hearCanary shows a canary and tells how it arrives, until it did. The verdict
// is kept with the sender.
func (c *call) hearCanary(ctx context.Context, s capture.Server, f interviewFlags) error {
	if !slices.Contains(checks.CanaryRoutes(), probes.Route(f.route)) {
		return badUsage("usage.canary_route", text.Args{"name": f.route, "names": canaryRoutes()})
	}
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	canary, _ := w.Canary(probes.Route(f.route), f.length)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// Shown to the admin alone: stdout may go into a file.
	fmt.Fprintln(c.Err, c.tr.T("canary.type", text.Args{"account": canary.Account, "password": canary.Password}))
	var last *checks.CanaryHeard
	err = w.HearCanary(ctx, s, canary, func(ev wizard.CanaryEvent) {
		if ev.Listening != nil {
			c.listening(*ev.Listening)
			return
		}
		last = ev.Heard
		if err := c.heard(*ev.Heard); err != nil {
			stop(err)
		}
		if ev.Heard.Known() {
			stop(nil)
		}
	})
	if err := endedBy(ctx, err); err != nil {
		return err
	}
	if last == nil || !last.Whole() {
		return errFindings
	}
	return nil
}

// heard tells how a canary arrived.
func (c *call) heard(h checks.CanaryHeard) error {
	if c.json {
		return c.line(h)
	}
	c.say("%s  %s", h.Peer, h.Mechanism)
	for _, part := range []struct {
		id string
		a  checks.Arrived
	}{{"account", h.Account}, {"password", h.Password}} {
		for _, as := range part.a.As {
			c.say("  = %s", c.tr.T("canary."+part.id, text.Args{"how": c.tr.T("canary.as."+as, canaryArgs(part.a))}))
		}
	}
	return nil
}

func canaryArgs(a checks.Arrived) text.Args {
	var at []string
	for _, n := range a.At {
		at = append(at, itoa(n))
	}
	return text.Args{
		"length": itoa(a.Length), "of": itoa(a.Of), "characters": strings.Join(strings.Split(a.Characters, ""), " "),
		"at": strings.Join(at, ", "), "realm": a.Realm,
	}
}

// indented is a line of talk below another.
func (c *call) indented(key string, args text.Args) {
	fmt.Fprintln(c.Err, "  "+c.tr.T(key, args))
}
