package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/signin"
	"offbasic/probes/submit"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// Try is one test send that is asked for. What is empty comes from the
// migration, the table of routes and DNS, and on the lab from the lab.
type Try struct {
	Sender string
	Route  probes.Route
	From   string
	To     string
	Host   string
	Port   int
	TLS    probes.TLSMode
	// Provider is the id of a third-party service, Region goes into its host.
	Provider, Region string
	SignIn           checks.SignIn
	Delegated        bool // a token of the person who signs in, not of the app
	Account          string
	// Secret gives the password; nil means that the keyring or nobody knows
	// it. It is asked when the server wants it, and kept nowhere.
	Secret func(context.Context) (string, error)
	// Certificate is a PEM file with the client's certificate and its key.
	Certificate         string
	AllowBadCertificate bool
	AllowPlain          bool // of a local relay only
	// Session is a captured session, EML a file, whose message is sent as the
	// device made it; neither is a short test message.
	Session, EML string
	MIME         bool // of Graph: the test message as MIME, not as JSON
	// Show is told what the person must do to sign in; nil tells nobody.
	Show func(signin.Prompt)
}

// With takes values by the id of their field: "from", "host", "port", "tls",
// "sign_in", "account", "provider", "region", "certificate", "unverified",
// "delegated", "mime". What t has already is not replaced; an unknown id is
// left out.
func (t Try) With(values map[string]string) Try {
	port, _ := strconv.Atoi(values["port"]) // checked where it was typed, and again by submit
	t.From, t.Host, t.Port = first(t.From, values["from"]), first(t.Host, values["host"]), first(t.Port, port)
	t.TLS = first(t.TLS, probes.TLSMode(values["tls"]))
	t.SignIn = first(t.SignIn, checks.SignIn(values["sign_in"]))
	t.Account, t.Certificate = first(t.Account, values["account"]), first(t.Certificate, values["certificate"])
	t.Provider, t.Region = first(t.Provider, values["provider"]), first(t.Region, values["region"])
	t.AllowBadCertificate = t.AllowBadCertificate || isYes(values["unverified"])
	t.Delegated, t.MIME = t.Delegated || isYes(values["delegated"]), t.MIME || isYes(values["mime"])
	t.AllowPlain = t.AllowPlain || t.TLS == probes.NoTLS
	return t
}

// check looks at what was named, before anything is opened.
func (t Try) check() error {
	if t.Route != "" {
		if _, ok := checks.WayOf(t.Route); !ok && !slices.Contains(probes.Routes(), t.Route) {
			return badUsage("usage.route", text.Args{"name": string(t.Route), "names": routeNames()})
		}
	}
	if _, ok := checks.ServiceByID(t.Provider); t.Provider != "" && !ok {
		return badUsage("usage.provider", text.Args{"names": providerNames()})
	}
	for flag, address := range map[string]string{"--to": t.To, "--from": t.From} {
		if address != "" && !submit.IsAddress(address) {
			return badUsage("usage.mail_address", text.Args{"flag": flag, "value": probes.Clean(address, 100)})
		}
	}
	return nil
}

// checkPort tells of a number that is no port.
func checkPort(n int) error {
	if n < 1 || n > 65535 {
		return badUsage("usage.port_number", text.Args{"port": strconv.Itoa(n)})
	}
	return nil
}

func isYes(s string) bool { return s == "yes" || s == "true" }

const tried = "send a test message"

// asked is a test send with the way it takes.
type asked struct {
	Try
	way    checks.Way
	m      wizard.Migration
	sender *wizard.Sender // nil without one
}

// asked finds the sender and the way, and fills in what the migration knows.
func (w *Work) asked(t Try) (asked, error) {
	a := asked{Try: t, m: w.Folder.Migration()}
	if t.Sender != "" {
		s, ok := a.m.Sender(t.Sender)
		if !ok {
			return a, noSender(t.Sender)
		}
		a.sender = s
		a.Route = first(a.Route, s.Route)
		told := map[string]string{}
		for name, values := range s.Told {
			if id, ok := strings.CutPrefix(name, string(a.Route)+"."); ok && len(values) > 0 {
				told[id] = values[0]
			}
		}
		a.Try = a.With(told)
	}
	way, ok := checks.WayOf(a.Route)
	if !ok {
		return a, &probes.Fault{Op: tried, Code: "route_no_trial", Args: text.Args{"route": first(string(a.Route), "-")}}
	}
	a.way = way
	if w.Lab != nil {
		a.defaultsOfLab(w)
	}
	if err := a.signIn(w); err != nil {
		return a, err
	}
	if a.AllowPlain && !way.Plain {
		return a, badUsage("usage.allow_no_tls", text.Args{"route": string(a.Route)})
	}
	return a, nil
}

// signIn takes the usual way to sign in, unless another one was named.
func (a *asked) signIn(*Work) error {
	if a.SignIn == "" && a.Certificate != "" {
		a.SignIn = checks.ByCertificate
	}
	if a.SignIn == "" && a.way.SignIn[0] == checks.ByToken && a.m.App == nil && len(a.way.SignIn) > 1 {
		a.SignIn = a.way.SignIn[1]
	}
	if a.SignIn = first(a.SignIn, a.way.SignIn[0]); !slices.Contains(a.way.SignIn, a.SignIn) {
		var names []string
		for _, s := range a.way.SignIn {
			names = append(names, string(s))
		}
		return badUsage("usage.auth", text.Args{"route": string(a.Route), "auth": string(a.SignIn), "names": strings.Join(names, ", ")})
	}
	if a.Delegated && (a.SignIn != checks.ByToken || a.Route == probes.HVE) {
		return badUsage("usage.delegated", nil)
	}
	return nil
}

// labService is what the lab calls the server of a route.
func labService(r probes.Route) string {
	switch r {
	case probes.OAuth, probes.Basic:
		return "submission"
	case probes.Connector, probes.Direct:
		return "mx"
	}
	return string(r)
}

// defaultsOfLab fill in whatever is missing.
func (a *asked) defaultsOfLab(w *Work) {
	if a.Host == "" {
		host, port := w.Lab.Endpoint(labService(a.Route))
		a.Host, a.Port = host, first(a.Port, port)
	}
	if (a.sender == nil || a.sender.Mailbox() == "") && a.Session == "" && a.EML == "" {
		a.From = first(a.From, w.labAuthor(a.Route))
	}
	a.To = first(a.To, labRecipient(w.Lab))
}

// server is where the message goes: host, or a domain whose MX host it is.
func (w *Work) server(a asked, from string) (host, mx string, port int, fault error) {
	if a.way.Host == checks.HostCatalogue && a.Host == "" {
		return w.providerServer(a)
	}
	host, port = a.Host, a.Port
	if len(a.way.Ports) > 0 {
		port = first(port, a.way.Ports[0])
	}
	switch a.way.Host {
	case checks.HostOfCloud:
		cloud := w.cloud()
		return first(host, cloud.SMTP), "", first(port, cloud.Ports[0]), nil
	case checks.HostFixed:
		host = first(host, a.way.Name)
	case checks.HostMX:
		if host == "" {
			if mx = mxDomain(a.m.Tenant, from); mx == "" {
				return "", "", 0, &probes.Fault{Op: tried, Code: "no_domain"}
			}
		}
	case checks.HostGiven, checks.HostCatalogue, checks.HostGraph:
	}
	if host == "" && mx == "" {
		return "", "", 0, &probes.Fault{Op: tried, Code: "no_host", Args: text.Args{"route": string(a.Route)}}
	}
	return host, mx, port, nil
}

// mxDomain is the accepted domain whose MX host is asked: that of the sender's
// address where it is one.
func mxDomain(t wizard.Tenant, from string) string {
	domain := strings.ToLower(from[strings.LastIndexByte(from, '@')+1:])
	if domain != "" && (len(t.Domains) == 0 || slices.ContainsFunc(t.Domains, func(d string) bool { return strings.EqualFold(d, domain) })) {
		return domain
	}
	if len(t.Domains) > 0 {
		return t.Domains[0]
	}
	return ""
}

func (w *Work) providerServer(a asked) (host, mx string, port int, fault error) {
	s, ok := checks.ServiceByID(a.Provider)
	if !ok {
		return "", "", 0, badUsage("usage.provider", text.Args{"names": providerNames()})
	}
	if s.Region && a.Region == "" {
		return "", "", 0, badUsage("usage.region", text.Args{"provider": s.Name})
	}
	return strings.ReplaceAll(s.Host, "{region}", a.Region), "", first(a.Port, s.Ports[0]), nil
}

func providerNames() string {
	var ids []string
	for _, s := range checks.Services() {
		ids = append(ids, s.ID)
	}
	return strings.Join(ids, ", ")
}

// mode is how the connection is encrypted: as asked, else by the port.
func (a asked) mode(port int) probes.TLSMode {
	switch {
	case a.TLS != "":
		return a.TLS
	case port == 465: // RFC 8314 section 3.3
		return probes.Implicit
	}
	return a.way.TLS
}

// request says what is to be sent over SMTP, to whom and how.
func (w *Work) request(a asked, l letter) (submit.Request, error) {
	host, mx, port, err := w.server(a, l.mailFrom)
	if err != nil {
		return submit.Request{}, err
	}
	r := submit.Request{
		Route: a.Route, Sender: a.Sender, Host: host, MX: mx, Port: port, TLS: a.mode(port), AllowPlain: a.AllowPlain,
		AllowBadCertificate: a.AllowBadCertificate, Roots: w.roots(),
		Public: w.Lab == nil && a.Host == "" && a.way.Host != checks.HostGiven,
		From:   l.mailFrom, To: l.rcptTo, Message: l.raw, MessageID: l.id, Now: w.Now,
		Retry: func(last probes.Reply, attempts int) (time.Duration, bool) {
			seconds, again := w.explainer.RetryWait(last, attempts)
			return time.Duration(seconds) * time.Second, again
		},
	}
	return r, w.prove(&r, a, l)
}

// prove gives the request what the sender proves itself with.
func (w *Work) prove(r *submit.Request, a asked, l letter) (err error) {
	r.Account = l.account
	switch a.SignIn {
	case checks.ByToken:
		r.Mechanisms, r.AskFirst = []submit.Mechanism{submit.XOAUTH2, submit.OAUTHBEARER}, a.Delegated
		r.Credential, err = w.token(a, r.Account, first(a.way.Scope, w.cloud().AppScope), w.cloud().Delegated)
	case checks.ByPassword:
		r.Mechanisms, r.AskFirst = []submit.Mechanism{submit.LOGIN, submit.PLAIN}, a.Secret != nil
		r.Credential, err = w.password(a, r.Account)
	case checks.ByCertificate:
		r.ClientCertificate, err = w.clientCertificate(a)
	case checks.ByNothing:
	}
	return err
}

// token is the app's, or that of the mailbox, which signs in as a person does.
func (w *Work) token(a asked, account, scope, delegated string) (submit.Credential, error) {
	if a.m.App == nil {
		return nil, &probes.Fault{Op: tried, Code: "no_app"}
	}
	if !a.Delegated && a.Route == probes.HVE {
		return either(w.credential(a.m, scope), w.credential(a.m, hveScope)), nil
	}
	if !a.Delegated {
		return w.credential(a.m, scope), nil
	}
	if delegated == "" {
		return nil, &probes.Fault{Op: tried, Code: "no_delegated_scope", Args: text.Args{"cloud": w.Text.T("cloud." + w.cloud().ID)}}
	}
	show := a.Show
	if show == nil {
		show = func(signin.Prompt) {}
	}
	u := w.userOf("", a.m.App.ClientID, show)
	u.Login = account
	return func(ctx context.Context) (string, *probes.Claims, error) {
		t, err := u.Token(ctx, delegated)
		if err != nil {
			return "", nil, err
		}
		return t.Access(), &t.Claims, nil
	}, nil
}

// hveScope is the second scope that is reported for High Volume Email; the
// documentation's is that of client submission.
const hveScope = "https://outlook.office.com/.default"

// either asks with the second when Entra refuses the first. What it said to
// the first is what is told when both fail.
func either(a, b submit.Credential) submit.Credential {
	return func(ctx context.Context) (string, *probes.Claims, error) {
		secret, claims, err := a(ctx)
		if f, ok := errors.AsType[*probes.Fault](err); !ok || f.Code != signin.Refused {
			return secret, claims, err
		}
		if second, claims, failed := b(ctx); failed == nil {
			return second, claims, nil
		}
		return secret, claims, err
	}
}

// password is the one that was given, else the keyring's, else the lab's.
func (w *Work) password(a asked, account string) (submit.Credential, error) {
	if a.Secret != nil {
		return func(ctx context.Context) (string, *probes.Claims, error) {
			s, err := a.Secret(ctx)
			return s, nil, err
		}, nil
	}
	known, err := w.ring.Get(passwordName(a.Route, account))
	if w.Lab != nil && err != nil {
		known = w.labPassword(a.Route, account)
	}
	if known == "" {
		return nil, &probes.Fault{Op: tried, Code: "no_password", Args: text.Args{"account": account}}
	}
	return func(context.Context) (string, *probes.Claims, error) { return known, nil, nil }, nil
}

// passwordName is what a password is called in the keyring.
func passwordName(r probes.Route, account string) string {
	return "password-" + string(r) + "-" + strings.ToLower(account)
}

func (w *Work) labPassword(r probes.Route, account string) string {
	if user, password := w.Lab.Login(labService(r)); user == account {
		return password
	}
	return w.Lab.Password(account)
}

// clientCertificate reads the certificate that the connector knows.
func (w *Work) clientCertificate(a asked) (*tls.Certificate, error) {
	op := "read the certificate " + a.Certificate
	pem, err := []byte(nil), error(nil)
	switch {
	case a.Certificate != "":
		if pem, err = os.ReadFile(a.Certificate); err != nil {
			return nil, &probes.Fault{Op: op, Code: "certificate_unreadable", Err: err}
		}
	case w.Lab != nil:
		if pem, err = w.Lab.ClientCertificate(); err != nil {
			return nil, err
		}
	default:
		return nil, badUsage("usage.client_cert", nil)
	}
	c, err := tls.X509KeyPair(pem, pem)
	if err != nil {
		return nil, &probes.Fault{Op: op, Code: "client_certificate", Args: text.Args{"file": a.Certificate, "cause": probes.Clean(err.Error(), 200)}}
	}
	return &c, nil
}

// roots are the authorities of certificates: the lab's own, else the system's.
func (w *Work) roots() *x509.CertPool {
	if w.Lab != nil {
		return w.Lab.Roots()
	}
	return nil
}

// submission is where client submission is: the lab's, or that of the tenant's
// cloud.
func (w *Work) submission() (host string, port int, roots *x509.CertPool) {
	if w.Lab != nil {
		return w.Lab.SubmissionHost(), w.Lab.SubmissionPort(), w.Lab.Roots()
	}
	cloud := w.cloud()
	return cloud.SMTP, cloud.Ports[0], nil
}
