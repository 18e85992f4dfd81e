package submit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"offbasic/probes"
)

// try is one trial under way.
type try struct {
	ctx    context.Context //nolint:containedctx // the life of this value is one call of Send
	r      Request
	emit   func(probes.Step)
	trial  probes.Trial
	secret string
	mask   *mask
	// earlier is what the server said last in the attempt before.
	earlier []string
	talk
}

// talk is what belongs to one attempt of a trial.
type talk struct {
	road      *road
	arrived   bool    // the road's end was read
	host      string  // of the server: the request's, or an MX host
	took      float64 // of a stage that ran beside others, in milliseconds
	wire      *wire
	client    *smtp.Client
	offered   []string // lines of the last EHLO
	mechanism Mechanism
	encrypted bool
	spoken    bool // the line with the secret was sent
	stop      func() bool
}

// stage is one step of a trial. when is nil for one that is always made.
type stage struct {
	step string
	when func(Request) bool
	do   func(*try) (detail string, err error)
}

// errSkipped ends a stage that is left out where the request allows that.
var errSkipped = errors.New("skipped")

// stages is the order of a trial.
func stages() []stage {
	named := func(r Request) bool { _, err := netip.ParseAddr(r.Host); return err != nil }
	mode := func(m probes.TLSMode) func(Request) bool {
		return func(r Request) bool { return r.TLS == m }
	}
	return []stage{
		{probes.StepToken, Request.oauth, (*try).token},
		{probes.StepDNS, named, (*try).lookup},
		{probes.StepConnect, nil, (*try).connect},
		{probes.StepTLS, mode(probes.Implicit), (*try).handshake},
		{probes.StepBanner, nil, (*try).banner},
		{probes.StepEHLO, mode(probes.StartTLS), (*try).firstEHLO},
		{probes.StepSTARTTLS, mode(probes.StartTLS), (*try).startTLS},
		{probes.StepEHLO, nil, (*try).ehlo},
		{probes.StepAUTH, Request.signsIn, (*try).auth},
		{probes.StepMAIL, nil, (*try).mail},
		{probes.StepRCPT, nil, (*try).rcpt},
		{probes.StepDATA, nil, (*try).data},
	}
}

// Send makes one trial, of one attempt or, where Retry says so, of several. It
// is never an error: what went wrong is a failed step and the trial's outcome.
// emit, which may be nil, is called with each step as it ends, from this
// goroutine. The end of ctx ends the trial at once.
func Send(ctx context.Context, r Request, emit func(probes.Step)) probes.Trial {
	t := &try{ctx: ctx, r: r.filled(), emit: emit}
	if t.emit == nil {
		t.emit = func(probes.Step) {}
	}
	server := r.Host
	if r.MX != "" {
		server = r.MX
	}
	t.trial = probes.Trial{
		Sender: r.Sender, Route: r.Route, Started: t.r.Now().UTC(), Outcome: probes.TrialFailed,
		Server: t.serverAt(server), Mode: r.TLS, Size: int64(len(r.Message)),
		From: probes.Clean(r.From, 320), MessageID: probes.Clean(r.MessageID, 300),
	}
	for _, to := range r.To {
		t.trial.To = append(t.trial.To, probes.Clean(to, 320))
	}
	t.trial.ID = newID(t.trial.Started)
	if t.check() {
		t.attempts()
	}
	t.trial.Transcript = t.mask.written(t.trial.Transcript)
	return t.trial
}

// attempts makes one, and others as long as the refusal allows it.
func (t *try) attempts() {
	for n := 1; ; n++ {
		t.talk = talk{host: t.r.Host, stop: func() bool { return true }}
		t.run()
		t.close()
		if !t.again(n) {
			return
		}
	}
}

// again waits as long as the refusal asks for, and tells whether to try again.
// A message that a server took, or may have taken, is not sent again: there is
// no refusal then.
func (t *try) again(attempts int) bool {
	if t.trial.Outcome != probes.TrialRefused || t.trial.Reply == nil || t.r.Retry == nil || t.ctx.Err() != nil {
		return false
	}
	wait, ok := t.r.Retry(*t.trial.Reply, attempts)
	if !ok {
		return false
	}
	t.add(probes.Step{Step: probes.StepWait, Outcome: probes.StepOK, MS: ms(wait), Detail: wait.String()}, nil)
	select {
	case <-t.r.After(wait):
	case <-t.ctx.Done():
		t.trial.Outcome, t.trial.Reply = probes.TrialFailed, nil
		t.add(probes.Step{Step: probes.StepWait, Outcome: probes.StepFailed}, t.fault(t.ctx.Err()))
		return false
	}
	t.trial.Outcome, t.trial.Reply, t.trial.TLS = probes.TrialFailed, nil, nil
	t.secret = ""
	return true
}

func (t *try) serverAt(host string) string {
	return probes.Clean(net.JoinHostPort(host, strconv.Itoa(t.r.Port)), 300)
}

// odd remembers something that was odd on the way, once.
func (t *try) odd(id string) {
	if !slices.Contains(t.trial.Quirks, id) {
		t.trial.Quirks = append(t.trial.Quirks, id)
	}
}

// newID sorts by time and is unique across laptops.
func newID(at time.Time) string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return fmt.Sprintf("%s-%x", at.Format("20060102T150405.000"), b)
}

// check looks at the values before anything is sent.
func (t *try) check() bool {
	step, fault := t.r.check()
	if fault != nil {
		t.add(probes.Step{Step: step, Outcome: probes.StepFailed}, fault)
	}
	return fault == nil
}

// run makes the steps in their order, up to the first that fails.
func (t *try) run() {
	if !t.askFirst() {
		return
	}
	for _, s := range stages() {
		if s.when != nil && !s.when(t.r) {
			continue
		}
		if !t.step(s) {
			return
		}
	}
	t.trial.Outcome = probes.TrialSent
	began := t.r.Now()
	quit := probes.Step{Step: probes.StepQUIT, Outcome: probes.StepOK}
	if t.quit() != nil {
		// The message is taken: a server that only closes is no failure.
		quit.Outcome = probes.StepSkipped
	} else if r, ok := t.wire.last(); ok {
		quit.Reply = r.String()
	}
	quit.MS = t.since(began)
	t.add(quit, nil)
}

// askFirst has the person asked for a password before the server waits, or
// sets out at once. The person who gives a token has a step of their own.
func (t *try) askFirst() bool {
	switch {
	case !t.r.AskFirst:
		t.road = setOut(t.ctx, t.r)
	case t.r.signsIn() && !t.r.oauth():
		if err := t.ask("password"); err != nil {
			t.add(probes.Step{Step: probes.StepAUTH, Outcome: probes.StepFailed}, t.fault(err))
			return false
		}
	}
	return true
}

// step makes one step and says how it ended.
func (t *try) step(s stage) bool {
	began := t.r.Now()
	t.took = 0
	if t.wire != nil {
		t.wire.next()
	}
	detail, err := s.do(t)
	done := probes.Step{Step: s.step, Outcome: probes.StepOK, MS: max(t.took, t.since(began)), Detail: t.clean(detail)}
	if errors.Is(err, errSkipped) {
		done.Outcome = probes.StepSkipped
		t.add(done, nil)
		return true
	}
	reply, answered := t.last()
	if answered {
		done.Reply = reply.String()
	}
	if s.step == probes.StepEHLO && answered && err == nil {
		first, _ := probes.ParseReply(t.wire.shown()[0]) // Detail has the other lines
		done.Reply = first.String()
	}
	if err == nil {
		if answered {
			t.trial.Reply = &reply
		}
		t.add(done, nil)
		return true
	}
	done.Outcome = probes.StepFailed
	if refused(err) && answered && t.ctx.Err() == nil {
		t.trial.Outcome, t.trial.Reply = probes.TrialRefused, &reply
		t.add(done, nil)
		return false
	}
	t.trial.Reply = nil
	t.add(done, t.fault(err))
	return false
}

// refused tells whether an error is the server's no.
func refused(err error) bool {
	var no *smtp.SMTPError
	return errors.As(err, &no) && no.Code >= 400 || errors.Is(err, errRefused)
}

// errRefused is the server's no to a command of our own.
var errRefused = errors.New("refused")

// last is the server's last word in this step.
func (t *try) last() (probes.Reply, bool) {
	if t.wire == nil {
		return probes.Reply{}, false
	}
	return t.wire.last()
}

// add takes the step up and passes it on.
func (t *try) add(s probes.Step, f *probes.Fault) {
	if f != nil {
		s.Fault, s.Args = f.Code, t.cleanArgs(f.Args)
		if f.Err != nil && s.Detail == "" {
			s.Detail = t.clean(f.Err.Error())
		}
		t.trial.AADSTS = f.Args["aadsts"]
	}
	t.trial.Steps = append(t.trial.Steps, s)
	t.emit(s)
}

// clean makes a text fit for the trial.
func (t *try) clean(s string) string { return probes.Clean(t.mask.cut(s), 1000) }

func (t *try) cleanArgs(args map[string]string) map[string]string {
	out := map[string]string{}
	for key, value := range args {
		out[key] = t.clean(value)
	}
	return out
}

// since is the time from began in milliseconds.
func (t *try) since(began time.Time) float64 { return ms(t.r.Now().Sub(began)) }

// quit says goodbye where that is possible, and closes.
func (t *try) quit() error {
	t.client.CommandTimeout = t.r.Timeouts.Quit
	return t.client.Quit()
}

// close ends the connection, after a goodbye when the server is still there,
// and takes over the transcript.
func (t *try) close() {
	if t.wire != nil {
		if t.trial.Outcome == probes.TrialRefused && t.ctx.Err() == nil {
			if t.client != nil {
				_ = t.quit() // the trial is over whatever the server says to that
			} else {
				_, _ = t.wire.exchange("QUIT", t.r.Timeouts.Quit)
			}
		}
		t.stop()
		_ = t.wire.Close()
		t.wire.endMessage()
		t.trial.Transcript = append(t.trial.Transcript, t.wire.transcript...)
		t.wire.next()
		t.earlier = t.wire.earlier
	}
	if t.road == nil {
		return
	}
	dials := t.road.home(t.arrived)
	for _, odd := range lagging(dials) {
		t.odd(odd)
	}
	t.trial.Dials = dials
}

// token asks for the token.
func (t *try) token() (string, error) {
	err := t.ask("token")
	c := t.trial.Claims
	if err == nil && c != nil && !c.Expires.IsZero() && c.Expires.Sub(t.r.Now()) < margin {
		t.odd("token_ending")
	}
	return claimed(c), err
}

// margin is how long a token should still be good for: High Volume Email
// refuses one that is close to its end (535 5.7.142), and those who send there
// keep 20 minutes.
const margin = 20 * time.Minute

// claimed is what a token is for, in a line: its rights first, for there may be
// room for no more.
func claimed(c *probes.Claims) string {
	if c == nil {
		return ""
	}
	var parts []string
	for _, p := range [][2]string{{"roles", strings.Join(c.Roles, " ")}, {"scp", strings.Join(c.Scopes, " ")}, {"aud", c.Audience}} {
		if p[1] != "" {
			parts = append(parts, p[0]+" "+p[1])
		}
	}
	if !c.Expires.IsZero() {
		parts = append(parts, "exp "+c.Expires.UTC().Format(time.RFC3339))
	}
	return strings.Join(parts, ", ")
}

// ask asks for the secret, once in an attempt, and knows it from then on.
func (t *try) ask(kind string) error {
	secret, claims, err := t.r.Credential(t.ctx)
	if err != nil {
		return err
	}
	t.secret, t.trial.Claims = secret, claims
	var payloads []string
	for _, m := range t.r.Mechanisms {
		payloads = append(payloads, t.payloadOf(m))
	}
	t.mask = t.mask.and(kind, secret, payloads, t.public())
	if t.wire != nil {
		t.wire.mask = t.mask
	}
	if secret == "" || strings.ContainsAny(secret, "\x00\x01\r\n") {
		return &probes.Fault{Op: "sign in", Code: CredentialInvalid}
	}
	return nil
}

// public is what is known of the trial without its secret.
func (t *try) public() []string {
	return append([]string{t.r.Account, t.r.From, t.r.Host, t.r.MX, t.host, t.r.ServerName, t.r.Hello, t.r.MessageID}, t.r.To...)
}

// lookup waits for the addresses of the host.
func (t *try) lookup() (string, error) {
	if t.road == nil {
		t.road = setOut(t.ctx, t.r)
	}
	dns := <-t.road.dns
	t.took, t.host = dns.ms, t.road.host
	t.trial.Server = t.serverAt(t.host)
	return dns.detail, dns.err
}

// connect waits for the connection.
func (t *try) connect() (string, error) {
	if t.road == nil {
		t.road = setOut(t.ctx, t.r)
	}
	conn := <-t.road.conn
	t.took, t.arrived = conn.ms, true
	if conn.err != nil {
		return "", conn.err
	}
	won := t.road.won
	t.stop = context.AfterFunc(t.ctx, func() { _ = won.Close() })
	t.wire = newWire(won, t.r.Now, t.trial.Started, t.r.Timeouts.Block)
	t.wire.mask, t.wire.earlier = t.mask, t.earlier
	return conn.detail, nil
}
