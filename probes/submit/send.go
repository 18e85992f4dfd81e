package submit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"offbasic/probes"
)

// try is one trial under way.
type try struct {
	ctx     context.Context //nolint:containedctx // the life of this value is one call of Send
	r       Request
	emit    func(probes.Step)
	trial   probes.Trial
	secret  string
	mask    *mask
	addrs   []string // of the host
	wire    *wire
	client  *smtp.Client
	offered []string // lines of the last EHLO
	stop    func() bool
}

// stage is one step of a trial. when is nil for one that is always made.
type stage struct {
	step string
	when func(Request) bool
	do   func(*try) (detail string, err error)
}

// stages is the order of a trial.
func stages() []stage {
	oauth := func(r Request) bool { return r.Mechanism.IsOAuth() }
	named := func(r Request) bool { _, err := netip.ParseAddr(r.Host); return err != nil }
	mode := func(m probes.TLSMode) func(Request) bool {
		return func(r Request) bool { return r.TLS == m }
	}
	signsIn := func(r Request) bool { return r.Mechanism != None }
	return []stage{
		{probes.StepToken, oauth, (*try).token},
		{probes.StepDNS, named, (*try).lookup},
		{probes.StepConnect, nil, (*try).connect},
		{probes.StepTLS, mode(probes.Implicit), (*try).handshake},
		{probes.StepBanner, nil, (*try).banner},
		{probes.StepEHLO, mode(probes.StartTLS), (*try).firstEHLO},
		{probes.StepSTARTTLS, mode(probes.StartTLS), (*try).startTLS},
		{probes.StepEHLO, nil, (*try).ehlo},
		{probes.StepAUTH, signsIn, (*try).auth},
		{probes.StepMAIL, nil, (*try).mail},
		{probes.StepRCPT, nil, (*try).rcpt},
		{probes.StepDATA, nil, (*try).data},
	}
}

// Send makes one trial. It is never an error: what went wrong is a failed step
// and the trial's outcome. emit, which may be nil, is called with each step as
// it ends, from this goroutine. The end of ctx ends the trial at once.
func Send(ctx context.Context, r Request, emit func(probes.Step)) probes.Trial {
	t := &try{ctx: ctx, r: r.filled(), emit: emit, stop: func() bool { return true }}
	if t.emit == nil {
		t.emit = func(probes.Step) {}
	}
	t.trial = probes.Trial{
		Sender: r.Sender, Route: r.Route, Started: t.r.Now().UTC(), Outcome: probes.TrialFailed,
		Server: probes.Clean(net.JoinHostPort(r.Host, strconv.Itoa(r.Port)), 300),
		From:   probes.Clean(r.From, 320), MessageID: probes.Clean(r.MessageID, 300),
	}
	for _, to := range r.To {
		t.trial.To = append(t.trial.To, probes.Clean(to, 320))
	}
	t.trial.ID = newID(t.trial.Started)
	if t.check() {
		t.run()
	}
	t.close()
	return t.trial
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

// step makes one step and says how it ended.
func (t *try) step(s stage) bool {
	began := t.r.Now()
	if t.wire != nil {
		t.wire.reply, t.wire.whole = nil, false
	}
	detail, err := s.do(t)
	done := probes.Step{Step: s.step, Outcome: probes.StepOK, MS: t.since(began), Detail: t.clean(detail)}
	reply, answered := t.last()
	if answered {
		done.Reply = reply.String()
	}
	if s.step == probes.StepEHLO && answered && err == nil {
		first, _ := probes.ParseReply(t.clean(t.wire.reply[0])) // Detail has the other lines
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
		s.Fault, s.Args = f.Code, map[string]string{}
		for key, value := range f.Args {
			s.Args[key] = t.clean(value)
		}
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

// since is the time from began in milliseconds.
func (t *try) since(began time.Time) float64 {
	return float64(t.r.Now().Sub(began).Microseconds()) / 1000
}

// quit says goodbye where that is possible, and closes.
func (t *try) quit() error {
	t.client.CommandTimeout = t.r.Timeouts.Quit
	return t.client.Quit()
}

// close ends the connection, after a goodbye when the server is still there,
// and takes over the transcript.
func (t *try) close() {
	if t.wire == nil {
		return
	}
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
	t.trial.Transcript = t.wire.transcript
}

// token asks for the token.
func (t *try) token() (string, error) {
	if t.r.TLS == probes.NoTLS {
		return "", &probes.Fault{Op: "sign in", Code: TokenInClear}
	}
	return "", t.ask("token")
}

// ask asks for the secret, once, and knows it from then on.
func (t *try) ask(kind string) error {
	secret, claims, err := t.r.Credential(t.ctx)
	if err != nil {
		return err
	}
	t.secret, t.trial.Claims = secret, claims
	t.mask = hide(kind, secret, t.payload())
	if t.wire != nil {
		t.wire.mask = t.mask
	}
	if secret == "" || strings.ContainsAny(secret, "\x00\x01\r\n") {
		return &probes.Fault{Op: "sign in", Code: CredentialInvalid}
	}
	return nil
}

// lookup finds the addresses of the host.
func (t *try) lookup() (string, error) {
	ctx, cancel := context.WithTimeout(t.ctx, t.r.Timeouts.Connect)
	defer cancel()
	addrs, err := t.r.Lookup(ctx, t.r.Host)
	if err != nil {
		return "", t.dnsFault(err)
	}
	for _, a := range addrs {
		if _, err := netip.ParseAddr(a); err == nil && len(t.addrs) < maxAddrs {
			t.addrs = append(t.addrs, a)
		}
	}
	if len(t.addrs) == 0 {
		return "", t.dnsFault(&net.DNSError{Name: t.r.Host, Err: "no address", IsNotFound: true})
	}
	return strings.Join(t.addrs, ", "), nil
}

// maxAddrs is how many addresses of a name are tried.
const maxAddrs = 8

// connect tries the addresses in the resolver's order.
func (t *try) connect() (string, error) {
	if len(t.addrs) == 0 {
		t.addrs = []string{t.r.Host}
	}
	var failed error
	for _, a := range t.addrs {
		addr := net.JoinHostPort(a, strconv.Itoa(t.r.Port))
		ctx, cancel := context.WithTimeout(t.ctx, t.r.Timeouts.Connect)
		conn, err := t.r.Dial(ctx, "tcp", addr)
		cancel()
		if err == nil {
			t.stop = context.AfterFunc(t.ctx, func() { _ = conn.Close() })
			t.wire = newWire(conn, t.r.Now, t.trial.Started, t.r.Timeouts.Block)
			t.wire.mask = t.mask
			return addr, nil
		}
		failed = t.connectFault(addr, err)
		if t.ctx.Err() != nil {
			break
		}
	}
	return "", failed
}
