// Package lab is a tenant on this machine: Entra's sign-in endpoint, the Graph
// calls that the program uses, and every way to send mail, all on loopback. It
// answers as Microsoft's documentation and recorded sessions say, and refuses
// what they do not describe. It listens on nothing but loopback, sends nothing
// to anybody, and its secrets are made anew at each start.
package lab

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options say where the lab listens and how it behaves.
type Options struct {
	// Addresses to listen on, all on loopback; "" means "127.0.0.1:0".
	SubmissionAddr, SignInAddr, GraphAddr string
	Retired                               bool              // refuse every password with 550 5.7.30
	Now                                   func() time.Time  // nil means time.Now
	Log                                   func(line string) // nil means no log; no secret is ever in a line
	// Secret asks for what a step of a script asks for; nil means that a random
	// throw-away is taken.
	Secret func(script, step string) (string, error)
	Faults []string // what goes wrong, by its name in the table of faults
	// Restore is what Snapshot wrote at an earlier end; nil is a new tenant.
	// What is damaged, or of a newer version, is refused.
	Restore []byte
	// Addresses of the services that Endpoint names, on loopback, where they
	// are not to be any free port. SubmissionAddr comes before.
	Addresses map[string]string
	// Delay is how long a message takes from the service that took it to the
	// mailbox; 0 is no time at all.
	Delay time.Duration
	// NoLimits takes away how much an account may send at once, in a minute and
	// in a day: for measuring.
	NoLimits bool
}

// Tenant is the lab's organisation.
type Tenant struct {
	ID      string   // GUID
	Domain  string   // "contoso.example"
	Domains []string // accepted domains
}

// App is the app registration that is there from the start, with consent to
// SMTP.SendAsApp and Mail.Send of Exchange Online, and to Mail.Read, Mail.Send
// and ExchangeMessageTrace.Read.All of Graph.
type App struct {
	Name                 string
	ClientID             string
	ObjectID             string // of the enterprise application
	RegistrationObjectID string // of the app registration: the wrong one for New-ServicePrincipal
	Secret               string
	Certificate          []byte // PEM with certificate and key
}

// String names the app without its secret.
func (a App) String() string { return "app " + a.Name + " " + a.ClientID }

// Format writes the app without its secret, whatever the verb.
func (a App) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.String()) }

// MarshalJSON writes the app without its secret.
func (a App) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"name": a.Name, "client_id": a.ClientID, "object_id": a.ObjectID})
}

// Lab is a running tenant.
type Lab struct {
	now     func() time.Time
	log     func(string)
	secret  func(script, step string) (string, error)
	retired atomic.Bool
	trust   *authority // of the lab's https and STARTTLS
	signer  *signer    // of the tokens
	app     App
	own     ownApp
	appCert *x509.Certificate
	dir     *directory
	entraID *registry
	signIns signIns
	faults  map[string]bool

	signIn, graph net.Listener
	listeners     map[string]net.Listener // of the SMTP services, by name
	public        atomic.Value            // the office's address, a string
	limited       bool
	delay         time.Duration
	refusals      refusals
	zone          zone

	relayPassword, providerKey string

	client *http.Client
	https  []*httpSide
	smtp   []*smtpSide
	stop   func() bool // no longer waits for the context
	closed sync.Once
}

// Start opens the lab. It runs until Close or until ctx ends. The error is a
// *probes.Fault.
func Start(ctx context.Context, o Options) (*Lab, error) {
	l := &Lab{now: o.Now, log: o.Log, secret: o.Secret, limited: !o.NoLimits, delay: o.Delay}
	l.SetPublicAddress(officeAddress)
	if l.now == nil {
		l.now = time.Now //nolint:forbidigo // the default clock
	}
	if l.log == nil {
		l.log = func(string) {}
	}
	l.retired.Store(o.Retired)
	if err := l.takeFaults(o.Faults); err != nil {
		return nil, err
	}
	if l.fault(deliverySlow) {
		l.delay = max(l.delay, slowDelivery)
	}
	if err := l.listen(ctx, o); err != nil {
		return nil, err
	}
	if err := l.makeKeys(); err != nil {
		l.closeListeners()
		return nil, err
	}
	l.dir = newDirectory()
	l.dir.counts = l.counts
	l.dir.signedIn = formerSignIns(l.now())
	l.entraID = newRegistry(l.dir.tenantID, l.dir.domains[0], l.now())
	if err := l.restore(o.Restore); err != nil {
		l.closeListeners()
		return nil, err
	}
	l.prepareTenant()
	l.signIns.users = newUsers()
	l.client = &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: l.trust.clientConfig(), MaxIdleConns: 10, IdleConnTimeout: time.Minute},
	}
	l.https = []*httpSide{serveHTTPS(l.signIn, l.trust, l.entra()), serveHTTPS(l.graph, l.trust, l.graphAPI())}
	l.zone.records = l.newZone()
	l.relayPassword, l.providerKey = randomText(12), randomText(24)
	for _, s := range services() {
		l.smtp = append(l.smtp, serveSMTP(l, s))
	}
	l.stop = context.AfterFunc(ctx, func() { l.shut() })
	return l, nil
}

// prepareTenant sees to what every tenant has, and to what a fault takes away.
func (l *Lab) prepareTenant() {
	g := l.entraID
	if !l.Has(l.app.ClientID) {
		g.addOwnApp(l.app, l.own, l.appCert, l.now())
	}
	l.standInOwn()
	if _, there := l.enterprise(traceAppID); !there {
		g.addResource("Exchange message trace", traceAppID, l.now(), nil, nil, nil)
	}
	l.seedFaults()
}

// Format writes no secret of the tenant, whatever the verb.
func (l *Lab) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "lab at "+l.listeners[submissionService].Addr().String())
}

// listen opens every address, or none.
func (l *Lab) listen(ctx context.Context, o Options) error {
	for _, side := range []struct {
		ln   *net.Listener
		addr string
	}{{&l.signIn, o.SignInAddr}, {&l.graph, o.GraphAddr}} {
		ln, err := listenLoopback(ctx, side.addr)
		if err != nil {
			l.closeListeners()
			return err
		}
		*side.ln = ln
	}
	if err := l.listenServices(ctx, o); err != nil {
		l.closeListeners()
		return err
	}
	return nil
}

func (l *Lab) closeListeners() {
	for _, ln := range []net.Listener{l.signIn, l.graph} {
		if ln != nil {
			_ = ln.Close()
		}
	}
	for _, ln := range l.listeners {
		_ = ln.Close()
	}
}

// Close stops the lab: nothing listens and no goroutine is left when it
// returns.
func (l *Lab) Close() error {
	l.stop()
	l.shut()
	return nil
}

// shut ends everything once; whoever comes second waits for the first.
func (l *Lab) shut() {
	l.closed.Do(func() {
		l.client.CloseIdleConnections()
		for _, s := range l.https {
			s.close()
		}
		for _, s := range l.smtp {
			s.close()
		}
	})
}

// Tenant is the organisation.
func (l *Lab) Tenant() Tenant {
	return Tenant{ID: l.dir.tenantID, Domain: l.dir.domains[0], Domains: append([]string(nil), l.dir.domains...)}
}

// App is the app registration.
func (l *Lab) App() App { return l.app }

// Mailboxes are the addresses that have one from the start, whatever scripts
// add: "scan@contoso.example", which a device uses,
// "accounting@contoso.example", which nobody has set up, and
// "it@contoso.example", the recipient.
func (l *Lab) Mailboxes() []string {
	var list []string
	for _, m := range l.dir.boxes() {
		if !m.shared {
			list = append(list, m.address)
		}
	}
	return list
}

// Password is what a device signs in with today, or the password of a High
// Volume Email account; "" for an unknown account.
func (l *Lab) Password(account string) string {
	if m := l.dir.mailbox(account); m != nil {
		return m.password
	}
	l.dir.mu.Lock()
	defer l.dir.mu.Unlock()
	if h := l.dir.hveAccount(account); h != nil {
		return h.password
	}
	return ""
}

// Group is the address of the distribution group of the devices' mailboxes:
// "devices@contoso.example" with scan@ and accounting@.
func (l *Lab) Group() string { return l.dir.groups[0].address }

// BillingPolicy is the id of the tenant's billing policy for High Volume
// Email.
func (l *Lab) BillingPolicy() string { return l.dir.billingPolicy }

// Server is the name of the Exchange server on the premises.
func (l *Lab) Server() string { return premisesServer }

// Authority is the address for signin.App: "https://127.0.0.1:port".
func (l *Lab) Authority() string { return "https://" + l.signIn.Addr().String() }

// GraphBase is the address for graph.Client.
func (l *Lab) GraphBase() string { return "https://" + l.graph.Addr().String() }

// SubmissionHost is where client submission listens, without the port.
func (l *Lab) SubmissionHost() string {
	host, _ := l.Endpoint(submissionService)
	return host
}

// SubmissionPort is the port of client submission.
func (l *Lab) SubmissionPort() int {
	_, port := l.Endpoint(submissionService)
	return port
}

// Roots holds the lab's private CA.
func (l *Lab) Roots() *x509.CertPool { return l.trust.pool() }

// HTTPClient trusts the lab's private CA and nothing else.
func (l *Lab) HTTPClient() *http.Client { return l.client }

// SetRetired turns the refusal of every password on or off.
func (l *Lab) SetRetired(on bool) { l.retired.Store(on) }

// IssueToken returns a token for client submission that the lab's Entra has
// signed, after edit (which may be nil) changed its claims: for the wrong
// audience, tenant, app or time.
func (l *Lab) IssueToken(edit func(claims map[string]any)) string {
	const audience = "https://outlook.office365.com"
	exchange, _ := l.resourceFor(audience)
	client, _ := l.enterprise(l.app.ClientID)
	claims := l.appClaims(audience, exchange, client)
	if edit != nil {
		edit(claims)
	}
	return l.signer.sign(claims)
}
