package cli

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"os"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/graph"
	"offbasic/probes/lab"
	"offbasic/probes/signin"
	"offbasic/probes/submit"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// Try is one test send that is asked for. What is empty comes from the
// migration and the cloud table.
type Try struct {
	Sender string
	Route  probes.Route
	From   string
	To     string
	Host   string
	Port   int
}

// Try sends a test message over a route. A refusal is a trial that says so,
// not an error; the trial is on disk when it is returned.
func (w *Work) Try(ctx context.Context, t Try, emit func(probes.Step)) (probes.Trial, error) {
	r, err := w.request(t)
	if err != nil {
		return probes.Trial{}, err
	}
	trial := submit.Send(ctx, r, emit)
	trial.ID = trialID(trial.Started)
	trial.Explanation = w.explain(trial).ID
	return trial, w.keepTrial(ctx, trial)
}

func (w *Work) keepTrial(ctx context.Context, t probes.Trial) error {
	ctx = context.WithoutCancel(ctx) // what was sent is remembered, whoever is in a hurry
	if err := w.Folder.KeepTrial(t); err != nil {
		return err
	}
	if t.Sender == "" {
		return nil
	}
	_, err := w.Folder.Change(ctx, func(m *wizard.Migration) error { return m.Tried(t) })
	return err
}

// request says what is to be sent, to whom and how.
func (w *Work) request(t Try) (submit.Request, error) {
	m := w.Folder.Migration()
	if t.Sender != "" {
		s, ok := m.Sender(t.Sender)
		if !ok {
			return submit.Request{}, noSender(t.Sender)
		}
		t.From = first(t.From, s.Mailbox())
		t.Route = first(t.Route, s.Route)
	}
	tried := "send a test message"
	switch {
	case t.Route != probes.OAuth:
		return submit.Request{}, &probes.Fault{Op: tried, Code: "route_untried", Args: text.Args{"route": first(string(t.Route), "-")}}
	case t.From == "":
		return submit.Request{}, &probes.Fault{Op: tried, Code: "no_from"}
	case m.App == nil:
		return submit.Request{}, &probes.Fault{Op: tried, Code: "no_app"}
	}
	host, port, roots := w.submission()
	if t.To == "" && w.Lab != nil {
		t.To = labRecipient(w.Lab)
	}
	if t.To == "" {
		return submit.Request{}, &probes.Fault{Op: tried, Code: "no_to"}
	}
	id := "<" + strings.ToLower(rand.Text()) + "@offbasic.invalid>"
	at := w.Now()
	return submit.Request{
		Route: t.Route, Sender: t.Sender,
		Host: first(t.Host, host), Port: first(t.Port, port), TLS: probes.StartTLS, Roots: roots,
		Mechanism: submit.XOAUTH2, Account: t.From, Credential: w.credential(m, w.cloud().AppScope),
		From: t.From, To: []string{t.To}, MessageID: id,
		Message: submit.TestMessage(t.From, []string{t.To}, id, w.Text.T("trial.subject", text.Args{"id": id[1:9]}), at),
		Now:     w.Now,
	}, nil
}

func first[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

// submission is where client submission is: the lab's, or worldwide Exchange
// Online's.
func (w *Work) submission() (host string, port int, roots *x509.CertPool) {
	if w.Lab != nil {
		return w.Lab.SubmissionHost(), w.Lab.SubmissionPort(), w.Lab.Roots()
	}
	cloud := w.cloud()
	return cloud.SMTP, cloud.Ports[0], nil
}

// cloud is the tenant's one: worldwide, unless something else is known.
func (w *Work) cloud() checks.Cloud {
	c, ok := checks.CloudByID(w.Folder.Migration().Tenant.Cloud)
	if !ok {
		c, _ = checks.CloudByID("")
	}
	return c
}

// labRecipient is the mailbox that the lab's test messages go to.
func labRecipient(l *lab.Lab) string {
	all := l.Mailboxes()
	return all[len(all)-1]
}

// credential asks Entra for a token of the app when the trial needs it.
func (w *Work) credential(m wizard.Migration, scope string) func(context.Context) (string, *probes.Claims, error) {
	return func(ctx context.Context) (string, *probes.Claims, error) {
		app, err := w.app(m)
		if err != nil {
			return "", nil, err
		}
		t, err := app.Token(ctx, scope)
		if err != nil {
			return "", nil, err
		}
		return t.Access(), &t.Claims, nil
	}
}

// app is the registration with its credential, taken from the keyring or from
// the admin's file at the moment of use.
func (w *Work) app(m wizard.Migration) (signin.App, error) {
	if m.App == nil {
		return signin.App{}, &probes.Fault{Op: "ask for a token", Code: "no_app"}
	}
	a := signin.App{Authority: w.cloud().Login, Tenant: m.Tenant.ID, ClientID: m.App.ClientID}
	if w.Lab != nil {
		a.Authority, a.HTTP = w.Lab.Authority(), w.Lab.HTTPClient()
	}
	if m.App.Credential == wizard.Certificate && m.App.CertFile != "" {
		pem, err := os.ReadFile(m.App.CertFile)
		if err != nil {
			return signin.App{}, &probes.Fault{Op: "read the certificate " + m.App.CertFile, Code: "certificate_unreadable", Err: err}
		}
		a.Certificate = pem
		return a, nil
	}
	secret, err := w.ring.Get(ringName(m.App.ClientID))
	if err != nil {
		return signin.App{}, &probes.Fault{Op: "take the app's secret from the keyring", Code: "no_secret", Args: text.Args{"client": m.App.ClientID}, Err: err}
	}
	a.Secret = secret
	return a, nil
}

func ringName(clientID string) string { return "app-" + strings.ToLower(clientID) }

// SaveApp remembers a registration: its ids in the folder, its secret in the
// keyring, or in memory for this run when there is no keyring (kept says
// which).
func (w *Work) SaveApp(ctx context.Context, t wizard.Tenant, r wizard.Registration, secret string) (kept bool, err error) {
	kept = true
	if r.Credential == wizard.Secret {
		if err := w.ring.Put(ringName(r.ClientID), secret); err != nil {
			kept, w.ring = false, memoryWith(ringName(r.ClientID), secret)
		}
	}
	_, err = w.Folder.Change(ctx, func(m *wizard.Migration) error {
		m.Tenant.ID, m.Tenant.Domain = t.ID, first(t.Domain, m.Tenant.Domain)
		m.App = &r
		return nil
	})
	return kept, err
}

// mail reads mailboxes through Graph with the app's own token.
func (w *Work) mail() graph.Client {
	c := graph.Client{Base: w.cloud().Graph, Now: w.Now}
	if w.Lab != nil {
		c.Base, c.HTTP = w.Lab.GraphBase(), w.Lab.HTTPClient()
	}
	m := w.Folder.Migration()
	c.Token = func(ctx context.Context) (string, error) {
		token, _, err := w.credential(m, w.graphScope())(ctx)
		return token, err
	}
	return c
}

// graphScope is what a token for Graph is asked with. The lab is asked as the
// real one is.
func (w *Work) graphScope() string { return w.cloud().Graph + "/.default" }

// Verify looks for a trial's message in the mailbox of its recipient and
// remembers the receipt.
func (w *Work) Verify(ctx context.Context, t probes.Trial, tick func(waited time.Duration)) (probes.Receipt, error) {
	if len(t.To) == 0 || t.MessageID == "" {
		return probes.Receipt{}, &probes.Fault{Op: "look for the message", Code: "nothing_sent"}
	}
	sent := t.Started
	for _, s := range t.Steps {
		if s.Step != probes.StepQUIT {
			sent = sent.Add(time.Duration(s.MS * float64(time.Millisecond)))
		}
	}
	r, err := w.mail().Wait(ctx, t.To[0], t.MessageID, sent, graph.Waits(), func(_ int, waited time.Duration) { tick(waited) })
	if err != nil {
		return r, err
	}
	t.Receipt = &r
	return r, w.keepTrial(ctx, t)
}

// explain says what a trial's last word means. A trial without one has
// nothing to explain.
func (w *Work) explain(t probes.Trial) checks.Explanation {
	if t.AADSTS != "" {
		e, _ := w.explainer.SignIn(t.AADSTS)
		return e
	}
	if t.Reply != nil && t.Outcome != probes.TrialSent {
		return w.explainer.Reply(*t.Reply)
	}
	return checks.Explanation{}
}

// Explain says it in the reader's language.
func (w *Work) Explain(t probes.Trial) checks.Explanation {
	e := w.explain(t)
	if e.Code == 0 && e.ID == "" {
		return e
	}
	return e.Worded(func(key string) (string, bool) { return w.Text.T(key), w.Text.Has(key) })
}

func trialID(at time.Time) string {
	return at.UTC().Format("20060102T150405.000") + "-" + strings.ToLower(rand.Text()[:6])
}
