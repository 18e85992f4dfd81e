package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
)

func (c *call) sendCommand() *cobra.Command {
	var t Try
	var f sendFlags
	cmd := c.command("send", func(cmd *cobra.Command, _ []string) error { return c.send(cmd, t, f) })
	cmd.Args = noArgs
	flags := cmd.Flags()
	word := func(into *string, name, key string) { flags.StringVar(into, name, "", c.tr.T("cli.flag."+key)) }
	yes := func(into *bool, name, key string) { flags.BoolVar(into, name, false, c.tr.T("cli.flag."+key)) }
	word((*string)(&t.Route), "route", "send_route")
	word(&t.Sender, "sender", "sender")
	word(&t.From, "from", "from")
	word(&t.To, "to", "to")
	word(&t.Host, "host", "host")
	flags.IntVar(&t.Port, "port", 0, c.tr.T("cli.flag.port"))
	word((*string)(&t.TLS), "tls", "send_tls")
	word(&t.Provider, "provider", "provider")
	word(&t.Region, "region", "region")
	word((*string)(&t.SignIn), "auth", "auth")
	yes(&t.Delegated, "delegated", "delegated")
	word(&t.Account, "account", "account")
	word(&t.Certificate, "client-cert", "client_cert")
	yes(&t.AllowBadCertificate, "allow-bad-certificate", "allow_bad_certificate")
	yes(&t.AllowPlain, "allow-no-tls", "allow_no_tls")
	word(&t.Session, "session", "session")
	word(&t.EML, "eml", "eml")
	yes(&t.MIME, "mime", "mime")
	yes(&f.all, "all", "send_all")
	yes(&f.forecast, "forecast", "forecast")
	word(&f.repeat, "repeat", "repeat")
	yes(&f.verify, "verify", "verify")
	yes(&f.transcript, "transcripts", "transcripts")
	yes(&f.passwordStdin, "password-stdin", "password_stdin")
	yes(&f.keepPassword, "keep-password", "keep_password")
	yes(&f.secretStdin, "secret-stdin", "secret_stdin")
	cmd.MarkFlagsMutuallyExclusive("all", "route")
	cmd.MarkFlagsMutuallyExclusive("all", "forecast")
	cmd.MarkFlagsMutuallyExclusive("session", "eml")
	cmd.MarkFlagsMutuallyExclusive("password-stdin", "secret-stdin")
	return cmd
}

// sendFlags are what a test send is done with.
type sendFlags struct {
	all, forecast, verify, transcript        bool
	repeat                                   string
	passwordStdin, keepPassword, secretStdin bool
}

// check looks at the values before anything is opened.
func (f sendFlags) check(t Try) error {
	if f.repeat != "" && f.repeat != "swaks" && f.repeat != "curl" {
		return badUsage("usage.repeat", text.Args{"name": f.repeat})
	}
	if t.TLS != "" && t.TLS != probes.StartTLS && t.TLS != probes.Implicit && t.TLS != probes.NoTLS {
		return badUsage("usage.tls", text.Args{"name": string(t.TLS)})
	}
	if t.TLS == probes.NoTLS && !t.AllowPlain {
		return badUsage("usage.tls_none", nil)
	}
	if err := t.check(); err != nil {
		return err
	}
	if f.all && t.Sender == "" {
		return badUsage("usage.all_sender", nil)
	}
	return nil
}

// send makes a test send, and with --verify looks for its message. A message
// that was refused or did not arrive is a finding that failed.
func (c *call) send(cmd *cobra.Command, t Try, f sendFlags) error {
	ctx := cmd.Context()
	if err := f.check(t); err != nil {
		return err
	}
	if cmd.Flags().Changed("port") {
		if err := checkPort(t.Port); err != nil {
			return err
		}
	}
	if t.To == "" && !c.lab {
		return badUsage("usage.to", nil)
	}
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
	t.Show = c.prompt
	switch {
	case f.forecast:
		return c.forecasts(ctx, w, t)
	case f.all:
		return c.compareAll(ctx, w, t)
	}
	if w.Lab != nil && t.Sender == "" {
		t.Route = first(t.Route, probes.OAuth)
		if err := c.readyLab(ctx, w, t); err != nil {
			return err
		}
	}
	var typed string
	c.passwords(w, &t, f, &typed)
	return c.sendOne(ctx, w, t, f, &typed)
}

// passwords says where the password comes from: stdin, or the person at the
// terminal. typed is what was given.
func (c *call) passwords(w *Work, t *Try, f sendFlags, typed *string) {
	if !f.passwordStdin {
		if c.ReadPassword == nil || w.Lab != nil {
			return
		}
		if known, err := w.ring.Get(passwordName(t.Route, t.Account)); err == nil && known != "" {
			return
		}
	}
	t.Secret = func(ctx context.Context) (string, error) {
		var err error
		switch {
		case *typed != "":
		case f.passwordStdin:
			*typed, err = c.readSecret()
		default:
			*typed, err = c.ReadPassword(ctx, c.tr.T("cli.password"))
		}
		return *typed, err
	}
}

// sendOne makes the test send and says what came of it.
func (c *call) sendOne(ctx context.Context, w *Work, t Try, f sendFlags, typed *string) error {
	if err := c.foretold(ctx, w, t); err != nil {
		return err
	}
	trial, err := w.Try(ctx, t, func(s probes.Step) { c.say("%s", c.step(s)) })
	if err != nil {
		return err
	}
	if err := c.tried(w, trial, f.transcript); err != nil {
		return err
	}
	if f.repeat != "" {
		if err := c.repeated(w, trial, f.repeat); err != nil {
			return err
		}
	}
	if trial.Outcome != probes.TrialSent {
		return errFindings
	}
	if f.keepPassword && *typed != "" {
		if err := w.ring.Put(passwordName(trial.Route, trial.Account), *typed); err != nil {
			return err
		}
	}
	if !f.verify {
		return nil
	}
	return c.verify(ctx, w, trial)
}

// foretold says on stderr what the message will meet, where that is not
// nothing. It stops nothing: the server has the last word.
func (c *call) foretold(ctx context.Context, w *Work, t Try) error {
	found, err := w.Forecast(ctx, t)
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.Status == checks.Warn || f.Status == checks.Fail {
			fmt.Fprintln(c.Err, c.finding(f))
		}
	}
	return nil
}

// tokenOf is what a token of the registration carries: the ids of the
// tenant, of the app and of its enterprise application, as far as known.
func (w *Work) tokenOf() (tenant, app, object string) {
	m := w.Folder.Migration()
	if m.App != nil {
		app, object = m.App.ClientID, m.App.ObjectID
	}
	return m.Tenant.ID, app, object
}

// Met judges what a trial met on its way: ports, addresses, TLS, the token.
func (w *Work) Met(t probes.Trial) []checks.Finding {
	f := checks.TrialFacts{Trial: t}
	f.Tenant, f.App, f.Object = w.tokenOf()
	return checks.JudgeTrial(f)
}

// tried prints a trial: its JSON line and those of its findings, or what it met
// and what its last word means.
func (c *call) tried(w *Work, t probes.Trial, transcript bool) error {
	met := w.Met(t)
	if c.json {
		if !transcript {
			t.Transcript = nil
		}
		err := c.line(t)
		for _, f := range met {
			err = errors.Join(err, c.line(f))
		}
		return err
	}
	for _, f := range met {
		c.say("%s", c.finding(c.wordedArgs(f)))
	}
	t.Quirks = slices.DeleteFunc(slices.Clone(t.Quirks), func(q string) bool { return checks.Tells(met, q) })
	for _, line := range c.aside(t) {
		c.say("    %s", line)
	}
	if transcript {
		for _, l := range t.Transcript {
			c.say("    %s", c.transcriptLine(l))
		}
	}
	c.lastWord(w, t, checks.Explains(met, t))
	return nil
}

// lastWord says what the end of a trial means, unless that was said.
func (c *call) lastWord(w *Work, t probes.Trial, said bool) {
	e, s := w.Explain(t), t.Reached()
	switch {
	case t.Outcome == probes.TrialSent:
		c.say("")
		c.say("%s", c.tr.T("trial.taken", text.Args{"id": t.MessageID}))
	case e.Meaning != "":
		c.say("")
		c.explained(c.Out, e)
	case s.Fault != "" && !said:
		c.say("")
		c.say("%s", c.tr.T("fault."+string(s.Fault), s.Args))
		c.say("%s %s", c.tr.T("cli.now"), c.tr.T("fault."+string(s.Fault)+".hint", s.Args))
	}
}

// aside is what was odd on the way, what the certificate is, and what was
// changed in a captured message.
func (c *call) aside(t probes.Trial) []string {
	var lines []string
	for _, q := range t.Quirks {
		lines = append(lines, c.tr.T("oddity."+q))
	}
	if tls := t.TLS; tls != nil && len(tls.Chain) > 0 {
		leaf := tls.Chain[0]
		lines = append(lines, c.tr.T("trial.certificate", text.Args{
			"names": strings.Join(leaf.Names[:min(len(leaf.Names), 3)], ", "), "issuer": leaf.Issuer, "until": leaf.Until.Format("2006-01-02"), "sha256": leaf.SHA256[:16],
		}))
	}
	if len(t.Dials) > 1 {
		for _, d := range t.Dials {
			lines = append(lines, c.tr.T("dial."+string(d.Outcome), text.Args{"addr": d.Addr, "ms": fmt.Sprintf("%.0f", d.MS)}))
		}
	}
	for _, ch := range t.Changes {
		lines = append(lines, c.tr.T("change."+ch.What, text.Args{"from": orDash(ch.From), "to": orDash(ch.To)})+" "+c.tr.T("change.why."+ch.Why))
	}
	return lines
}
