package cli

import (
	"context"
	"crypto/rand"
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

// Try sends a test message over a route. A refusal is a trial that says so,
// not an error; the trial is on disk when it is returned.
func (w *Work) Try(ctx context.Context, t Try, emit func(probes.Step)) (probes.Trial, error) {
	a, err := w.asked(t)
	if err != nil {
		return probes.Trial{}, err
	}
	l, err := w.letter(ctx, a)
	if err != nil {
		return probes.Trial{}, err
	}
	return w.send(ctx, a, l, emit)
}

// send makes the trial and remembers it.
func (w *Work) send(ctx context.Context, a asked, l letter, emit func(probes.Step)) (trial probes.Trial, err error) {
	if a.way.Host == checks.HostGraph {
		trial, err = w.sendMail(ctx, a, l, emit)
	} else {
		var r submit.Request
		if r, err = w.request(a, l); err == nil {
			trial = submit.Send(ctx, r, emit)
		}
	}
	if err != nil {
		return probes.Trial{}, err
	}
	trial.ID = trialID(trial.Started)
	trial.Message, trial.Changes = l.source, l.changes
	trial.Explanation = w.explain(trial).ID
	return trial, w.keepTrial(ctx, trial)
}

// sendMail makes the trial through Graph.
func (w *Work) sendMail(ctx context.Context, a asked, l letter, emit func(probes.Step)) (probes.Trial, error) {
	credential, err := w.token(a, l.account, w.graphScope(), w.cloud().Graph+"/Mail.Send")
	if err != nil {
		return probes.Trial{}, err
	}
	var claims *probes.Claims
	c := w.mail()
	c.Token = func(ctx context.Context) (string, error) {
		token, got, err := credential(ctx)
		claims = got
		return token, err
	}
	return c.Send(ctx, graph.Mail{
		Sender: a.Sender, From: l.account, To: l.rcptTo, MIME: a.MIME || l.source != "", Message: l.raw,
		Subject: l.subject, Text: l.body, MessageID: l.id, Claims: func() *probes.Claims { return claims },
	}, emit), nil
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

func first[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
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
	a := signin.App{Authority: w.cloud().Login, Tenant: m.Tenant.ID, ClientID: m.App.ClientID, Now: w.Now}
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
	if m.App.Credential == wizard.Certificate {
		c, err := w.keptCertificate(m.App.ClientID)
		if err != nil {
			return signin.App{}, &probes.Fault{Op: "take the app's certificate from the keyring", Code: "no_certificate", Args: text.Args{"client": m.App.ClientID}, Err: err}
		}
		a.Certificate = c.PEM()
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
		m.Tenant.ID, m.Tenant.Domain, m.Tenant.Cloud = t.ID, first(t.Domain, m.Tenant.Domain), first(t.Cloud, m.Tenant.Cloud)
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

// Explain says it in the reader's language, with what is known of the tenant.
func (w *Work) Explain(t probes.Trial) checks.Explanation {
	facts, _, err := w.TenantFacts(context.Background()) // reads the folder only
	if err == nil {
		if r, ok := w.explainer.Trial(t, facts); ok {
			return w.why(r)
		}
	}
	e := w.explain(t)
	if e.Code == 0 && e.ID == "" {
		return e
	}
	return e.Worded(func(key string) (string, bool) { return w.Text.T(key), w.Text.Has(key) })
}

func trialID(at time.Time) string {
	return at.UTC().Format("20060102T150405.000") + "-" + strings.ToLower(rand.Text()[:6])
}
