// Package submit sends one message over SMTP and reports every step of it: the
// time it took, what the server said, and the transcript. It never sends a
// message again that a server took or may have taken, never sends a token
// without TLS, takes a certificate that does not stand only where the request
// says so, and never writes down the password or token it was given.
package submit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"

	"offbasic/probes"
)

// Mechanism is how the client signs in.
type Mechanism string

// The mechanisms. None sends without signing in.
const (
	XOAUTH2     Mechanism = "XOAUTH2"
	OAUTHBEARER Mechanism = "OAUTHBEARER"
	LOGIN       Mechanism = "LOGIN"
	PLAIN       Mechanism = "PLAIN"
	None        Mechanism = ""
)

// IsOAuth tells whether the credential is a token.
func (m Mechanism) IsOAuth() bool { return m == XOAUTH2 || m == OAUTHBEARER }

// Credential gives the token or password when it is needed, and for a token
// the claims. It is asked once. A *probes.Fault that it returns names the
// fault of the step, and its argument "aadsts" goes into the trial.
type Credential func(context.Context) (secret string, claims *probes.Claims, err error)

// Request is one test send.
type Request struct {
	Route  probes.Route
	Sender string // id of the sender that the trial is for
	Host   string // name or address; required without MX
	// MX is a domain whose MX host of the lowest preference is the server, in
	// place of a Host that is known.
	MX   string
	Port int // required
	TLS  probes.TLSMode
	// AllowPlain goes on in clear where STARTTLS is not offered. A token is
	// not sent then, a password is.
	AllowPlain bool
	// AllowBadCertificate goes on with a server whose certificate does not
	// stand. What is wrong with it is in the trial.
	AllowBadCertificate bool
	// Public says that the server is a known service with a certificate that
	// everybody trusts: another one is somebody in between.
	Public bool
	// ServerName is the name in the certificate; "" means Host.
	ServerName string
	Roots      *x509.CertPool // nil means the system's
	// ClientCertificate is shown to a server that asks for one.
	ClientCertificate *tls.Certificate
	// Mechanism is how to sign in, Mechanisms several of which the first that
	// is offered is taken. All take the same kind of credential.
	Mechanism  Mechanism
	Mechanisms []Mechanism
	Account    string     // who signs in: the mailbox
	Credential Credential // required with a mechanism
	// AskFirst says that the credential is given by a person: the connection
	// is opened after that. Without it both begin together.
	AskFirst  bool
	Hello     string   // the name after EHLO; "" means "offbasic.invalid"
	From      string   // envelope sender; "" is the null sender
	To        []string // envelope recipients; at least one
	Message   []byte   // RFC 5322; required
	MessageID string   // of the message, with its angle brackets
	// Retry says how long to wait before another attempt after a refusal, the
	// attempts made so far counting from 1; nil means never again.
	Retry func(last probes.Reply, attempts int) (wait time.Duration, again bool)
	// Dial opens the connection; nil means net.Dialer. Lookup finds the
	// addresses of a name, LookupMX the MX hosts of a domain; nil means the
	// system's resolver.
	Dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	Lookup   func(ctx context.Context, host string) ([]string, error)
	LookupMX func(ctx context.Context, domain string) ([]*net.MX, error)
	Timeouts Timeouts
	Now      func() time.Time // nil means time.Now
	// After is the clock that the wait before another attempt goes by; nil
	// means time.After.
	After func(time.Duration) <-chan time.Time
}

// Timeouts limit a trial. They are shorter than those of RFC 5321 section
// 4.5.3.2, because somebody is waiting; a zero one has the length given here.
type Timeouts struct {
	Connect time.Duration // for the addresses of the name, and for each of them: 20 s
	Command time.Duration // for a reply or a handshake: 60 s, because Dovecot slows down after a refusal
	Block   time.Duration // for a write to be taken: 60 s
	Final   time.Duration // for the reply to the end of the message: 3 min
	Quit    time.Duration // for the reply to QUIT: 2 s
}

// filled are the timeouts with their defaults.
func (t Timeouts) filled() Timeouts {
	for _, f := range []struct {
		value *time.Duration
		usual time.Duration
	}{
		{&t.Connect, 20 * time.Second},
		{&t.Command, 60 * time.Second},
		{&t.Block, 60 * time.Second},
		{&t.Final, 3 * time.Minute},
		{&t.Quit, 2 * time.Second},
	} {
		if *f.value <= 0 {
			*f.value = f.usual
		}
	}
	return t
}

// filled is the request with its defaults.
func (r Request) filled() Request {
	if r.Now == nil {
		r.Now = time.Now //nolint:forbidigo // the default clock
	}
	if r.Dial == nil {
		r.Dial = (&net.Dialer{}).DialContext
	}
	if r.Lookup == nil {
		r.Lookup = net.DefaultResolver.LookupHost
	}
	if r.LookupMX == nil {
		r.LookupMX = net.DefaultResolver.LookupMX
	}
	if r.After == nil {
		r.After = time.After
	}
	if r.Mechanism != None {
		r.Mechanisms = []Mechanism{r.Mechanism}
	}
	if r.Hello == "" {
		r.Hello = "offbasic.invalid"
	}
	r.Timeouts = r.Timeouts.filled()
	return r
}

// signsIn tells whether there is a mechanism, oauth whether it takes a token.
func (r Request) signsIn() bool { return len(r.Mechanisms) > 0 }
func (r Request) oauth() bool   { return r.signsIn() && r.Mechanisms[0].IsOAuth() }
