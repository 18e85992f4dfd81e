package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offbasic/probes"
	"offbasic/probes/capture"
	"offbasic/ui/text"
)

// captureFlags are what one run of the capture is asked to do.
type captureFlags struct {
	listen      []string
	policy      string
	count       int
	limit       time.Duration
	public      bool
	transcripts bool
	limits      capture.Limits
}

func (c *call) captureCommand() *cobra.Command {
	var f captureFlags
	cmd := c.command("capture", func(cmd *cobra.Command, _ []string) error { return c.capture(cmd.Context(), f) })
	cmd.Args = noArgs
	flags := cmd.Flags()
	flags.StringArrayVar(&f.listen, "listen", nil, c.tr.T("cli.flag.listen"))
	flags.StringVar(&f.policy, "policy", "exchange", c.tr.T("cli.flag.policy", text.Args{"names": strings.Join(capture.PolicyNames(), ", ")}))
	flags.IntVar(&f.count, "count", 0, c.tr.T("cli.flag.count"))
	flags.DurationVar(&f.limit, "for", 0, c.tr.T("cli.flag.for"))
	flags.BoolVar(&f.public, "allow-public", false, c.tr.T("cli.flag.allow_public"))
	c.limitFlags(flags, &f.limits)
	flags.BoolVar(&f.transcripts, "transcripts", false, c.tr.T("cli.flag.transcripts"))
	return cmd
}

// capture prints a line for each session until the count is reached, the time
// is over or the admin stops it.
func (c *call) capture(ctx context.Context, f captureFlags) error {
	policy, err := c.policy(f.policy)
	if err != nil {
		return err
	}
	if f.count < 0 || f.limit < 0 {
		return badUsage("usage.negative", text.Args{"flags": "--count, --for"})
	}
	if err := checkLimits(&f.limits); err != nil {
		return err
	}
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if f.limit > 0 {
		var end context.CancelFunc
		ctx, end = context.WithTimeout(ctx, f.limit)
		defer end()
	}
	defer collectLess()()
	seen := 0
	server := capture.Server{Listen: f.listen, Fallback: len(f.listen) == 0, Policy: policy, AllowPublic: f.public, Limits: f.limits}
	err = w.Capture(ctx, server, func(ev probes.CaptureEvent) {
		if ev.Listening != nil {
			c.listening(*ev.Listening)
			return
		}
		if f.count > 0 && seen == f.count {
			return // came while the capture was ending; it is in the folder
		}
		if err := c.captured(*ev.Session, f.transcripts); err != nil {
			stop(err) // nobody reads any more
		}
		if seen++; seen == f.count {
			stop(nil)
		}
	})
	return c.captureEnded(ctx, err, seen, f.count)
}

// What a capture lets the heap grow by before it is collected, in per cent, and
// how large the process may become by that, in bytes.
const (
	captureGrowth = 400
	captureMemory = 128 << 20
)

// collectLess trades memory for a tenth of the CPU time of a capture, until
// what it returns is called.
func collectLess() (restore func()) {
	growth, limit := debug.SetGCPercent(captureGrowth), debug.SetMemoryLimit(captureMemory)
	return func() {
		debug.SetGCPercent(growth)
		debug.SetMemoryLimit(limit)
	}
}

// captureEnded says how a capture ended: stopped and complete are both well,
// fewer sessions than asked for are not.
func (c *call) captureEnded(ctx context.Context, err error, seen, count int) error {
	cause := context.Cause(ctx)
	switch {
	case err != nil:
		if f, ok := errors.AsType[*probes.Fault](err); ok && f.Op == c.told {
			return saidError{err}
		}
		return err
	case errors.Is(cause, context.DeadlineExceeded):
		if seen < count {
			c.note("cli.capture.fewer", text.Args{"seen": itoa(seen), "count": itoa(count)})
			return errFindings
		}
	case cause != nil && !errors.Is(cause, context.Canceled):
		return cause
	}
	return nil
}

// policy is a built-in one by name, or one from a file.
func (c *call) policy(name string) (capture.Policy, error) {
	if p, ok := capture.PolicyNamed(name); ok {
		return p, nil
	}
	if !strings.ContainsAny(name, "./\\") {
		return capture.Policy{}, badUsage("usage.policy", text.Args{"name": name, "names": strings.Join(capture.PolicyNames(), ", ")})
	}
	file, err := os.Open(name)
	if err != nil {
		return capture.Policy{}, &probes.Fault{Op: "read policy " + name, Code: "policy_unreadable", Err: err}
	}
	defer file.Close() //nolint:errcheck // it was only read
	return capture.ReadPolicy(io.LimitReader(file, 1<<20))
}

func (c *call) listening(l probes.Listening) {
	if l.Fault != nil {
		c.told = l.Fault.Op
		for _, line := range c.faultLines(l.Fault) {
			fmt.Fprintln(c.Err, line)
		}
	}
	if l.Addr != "" && l.Protocol == "pop3" {
		c.note("cli.capture.listening_pop3", text.Args{"addr": l.Addr})
		return
	}
	if l.Addr != "" {
		c.note("cli.capture.listening", text.Args{"addr": l.Addr})
	}
	if l.Addr == "" || !slices.Contains([]string{"0.0.0.0", "::", "[::]", ""}, hostOf(l.Addr)) {
		return
	}
	if ips := capture.Addresses(); len(ips) > 0 && !ips[0].Addr.IsLoopback() {
		c.note("cli.capture.device", text.Args{"server": ips[0].Addr.String(), "port": portOf(l.Addr)})
	} else if !c.alone {
		c.alone = true // said once
		c.note("capture.no_address", nil)
	}
}

func (c *call) captured(s probes.Session, transcript bool) error {
	if !c.json {
		c.say("%s", c.session(s))
		if transcript {
			for _, l := range s.Transcript {
				c.say("    %s", c.transcriptLine(l))
			}
		}
		return nil
	}
	if !transcript {
		s.Transcript = nil
	}
	return c.line(s)
}

// transcriptLine marks who speaks: C the device, S this program, * a remark.
func (c *call) transcriptLine(l probes.Line) string {
	mark := map[probes.Speaker]string{probes.Client: "C: ", probes.Server: "S: "}[l.From]
	return first(mark, "*  ") + l.Text
}
