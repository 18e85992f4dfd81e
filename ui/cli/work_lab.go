package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/graph"
	"offbasic/probes/keyring"
	"offbasic/probes/lab"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// labFile is the built-in tenant in the migration's folder.
const labFile = "lab.json"

// startLab brings the built-in tenant up, as it was at its last end in this
// folder.
func (w *Work) startLab(ctx context.Context) error {
	before, err := w.Folder.Lab()
	if err != nil {
		return err
	}
	l, err := lab.Start(ctx, lab.Options{Now: w.Now, Faults: w.faults, Restore: before})
	if f, ok := errors.AsType[*probes.Fault](err); ok && isCode(err, lab.Damaged, lab.Newer) {
		f.Args["file"], f.Args["dir"] = labFile, w.Folder.Dir()
	}
	if err != nil {
		return err
	}
	w.Lab, w.ring = l, keyring.Memory()
	if err := w.moveIn(ctx); err != nil {
		return err
	}
	return w.keepLab()
}

// keepLab writes the built-in tenant, unless its folder goes away with it. It
// is written after each change, so that what is remembered of the tenant and
// the tenant itself are of one time.
func (w *Work) keepLab() error {
	if w.Lab == nil || w.temporary != "" {
		return nil
	}
	b, err := w.Lab.Snapshot()
	if err != nil {
		return err
	}
	return w.Folder.SaveLab(b)
}

// moveIn makes the lab the migration's tenant. What was set up in another one,
// whose file is gone, is to be set up again.
func (w *Work) moveIn(ctx context.Context) error {
	t := w.Lab.Tenant()
	_, err := w.Folder.Change(ctx, func(m *wizard.Migration) error {
		if m.Tenant.ID != t.ID {
			m.Directory, m.Registering = nil, nil
			for i := range m.Senders {
				m.Senders[i].SetUp = time.Time{}
			}
		}
		m.Lab = true
		m.Tenant = wizard.Tenant{ID: t.ID, Domain: t.Domain, Domains: t.Domains}
		return nil
	})
	if err != nil || w.rearm() {
		return err
	}
	app := w.Lab.App()
	r := wizard.Registration{Name: app.Name, ClientID: app.ClientID, ObjectID: app.ObjectID, Credential: wizard.Secret}
	_, err = w.SaveApp(ctx, w.Folder.Migration().Tenant, r, app.Secret)
	return err
}

// rearm gives the migration's app something to sign in with, where it is one of
// the lab's: the lab's keyring is in memory, and what the app has in the
// directory stays as it is. It tells whether there is such an app.
func (w *Work) rearm() bool {
	app := w.Folder.Migration().App
	if app == nil || !w.Lab.Has(app.ClientID) {
		return false
	}
	switch {
	case app.CertFile != "":
	case app.Credential == wizard.Certificate:
		w.standInFor(app)
	case app.KeyID == "" && w.isLabsOwn(app.ClientID):
		w.keep(ringName(app.ClientID), w.Lab.App().Secret)
	default:
		if secret, ok := w.Lab.StandInSecret(app.ClientID, app.KeyID); ok {
			w.keep(ringName(app.ClientID), secret)
		}
	}
	return true
}

// standInFor lets the app of a certificate whose key is gone sign in with the
// one that the lab's own app has at this start.
func (w *Work) standInFor(app *wizard.Registration) {
	pem := w.Lab.App().Certificate
	pair, err := tls.X509KeyPair(pem, pem)
	key, isRSA := pair.PrivateKey.(*rsa.PrivateKey)
	if err != nil || !isRSA {
		return // that there is none is said when it is asked for
	}
	if registered, ok := w.Lab.StandIn(app.ClientID, app.KeyID, pair.Certificate[0]); ok {
		w.keepCredential(app.ClientID, graph.Credential{Kind: graph.Certificate, DER: pair.Certificate[0], Key: key})
		w.standIn = standIn{pair.Certificate[0], registered}
	}
}

// standIn is a certificate that an app signs in with in the lab, and the one of
// the directory in whose place it does.
type standIn struct{ der, registered []byte }

// standsFor is the certificate of the directory, where c stands in for it.
func (w *Work) standsFor(c graph.Credential) graph.Credential {
	if w.standIn.der == nil || !bytes.Equal(c.DER, w.standIn.der) {
		return c
	}
	registered, err := x509.ParseCertificate(w.standIn.registered)
	if err != nil {
		return c
	}
	c.DER, c.Expires = registered.Raw, registered.NotAfter
	return c
}

// labVolumeAccount is the account of High Volume Email that a lab without one
// is given.
const labVolumeAccount = "hve@contoso.example"

// labValues are what a script is told on the lab where nobody says anything
// else.
func (w *Work) labValues(v wizard.ScriptValues) wizard.ScriptValues {
	if w.Lab == nil {
		return v
	}
	v.BillingPolicy = first(v.BillingPolicy, w.Lab.BillingPolicy())
	v.Server = first(v.Server, w.Lab.Server())
	if len(v.Addresses) == 0 {
		v.Addresses = []string{w.Lab.PublicAddress()}
	}
	return v
}

// readyLab sets up what a test send needs in a lab that ends with the command:
// nobody could have done it before. In a folder the steps are the admin's.
func (c *call) readyLab(ctx context.Context, w *Work, t Try) error {
	if w.temporary == "" || t.Sender != "" || t.Host != "" {
		return nil
	}
	v := w.labValues(w.Folder.Migration().TenantValues())
	v.Mailbox, v.HVE, v.Certificate = cmp.Or(t.From, t.Account, w.Lab.Mailboxes()[0]), labVolumeAccount, lab.ClientCertificateName
	for _, name := range labScripts(t) {
		if name == checks.RightsScript(wizard.MailboxRights) && !slices.Contains(w.Lab.Mailboxes(), v.Mailbox) {
			continue // nobody's mailbox: the send says so
		}
		if _, err := w.run(ctx, job{ref: ScriptRef{Name: name}, script: wizard.RouteScript(name, v), values: v}); err != nil {
			return err
		}
		c.note("lab.ready", text.Args{"script": name})
	}
	return nil
}

// labScripts are those that set up what a test send needs.
func labScripts(t Try) []string {
	switch t.Route {
	case probes.OAuth:
		if !t.Delegated {
			return wizard.RouteScripts(t.Route)
		}
	case probes.Connector:
		if t.SignIn == checks.ByCertificate || t.Certificate != "" {
			return []string{"connector-certificate"}
		}
		return wizard.RouteScripts(t.Route)[:1]
	case probes.HVE:
		if t.SignIn == checks.ByPassword {
			return append(wizard.RouteScripts(t.Route), "hve-password")
		}
		return wizard.RouteScripts(t.Route)
	}
	return nil
}

// labAuthor is who sends on the lab: an account of High Volume Email on its
// route, else the device's mailbox.
func (w *Work) labAuthor(r probes.Route) string {
	if accounts := w.Lab.VolumeAccounts(); r == probes.HVE && len(accounts) > 0 {
		return accounts[0]
	}
	return w.Lab.Mailboxes()[0]
}
