package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/graph"
	"offbasic/probes/powershell"
	"offbasic/probes/signin"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// RegisterRequest is an app registration that is to be made through Graph.
type RegisterRequest struct {
	Tenant     string // domain or id; "" is the migration's, else the one that signs in
	Cloud      string // id in the cloud table; "" is the one that is known
	Name       string // "" is a name that says what it is for
	Route      probes.Route
	Rights     probes.RightsModel
	DropRole   bool              // App RBAC: take the API permission away
	Delegated  bool              // devices sign in as a user, too
	Credential wizard.Credential // "" is the certificate where the tenant allows it
	Adopt      string            // client id of a registration that is there
	DryRun     bool              // only says what it would do
	// Show is told what the admin must do to sign in; nil tells nobody.
	Show func(signin.Prompt)
}

// Register makes the app registration, or completes one, and remembers it. It
// can be run again after it was interrupted anywhere: what is done is found.
// The error is a *probes.Fault.
func (w *Work) Register(ctx context.Context, r RegisterRequest, emit func(probes.SetupStep)) (wizard.Migration, error) {
	if r.Rights == wizard.RoleRights && cmp.Or(r.Route, probes.OAuth) != probes.OAuth {
		return w.Folder.Migration(), &probes.Fault{Op: "register the app", Code: "rbac_route", Args: text.Args{"route": w.Text.T("route." + string(r.Route))}}
	}
	if err := w.keepCloud(ctx, r.Cloud); err != nil {
		return w.Folder.Migration(), err
	}
	q := w.registration(r)
	if q.Rights != wizard.RoleRights {
		if err := w.roleGone(ctx, "register the app"); err != nil {
			return w.Folder.Migration(), err
		}
	}
	all, err := w.ofTenant(ctx)
	if err != nil {
		return w.Folder.Migration(), err
	}
	q.Open = graph.Open(all)
	d := w.directory(r.Tenant, r.Show)
	// One sign-in for all that is needed for sure; each call then asks for its
	// own part of it.
	if _, err := d.Token(ctx, q.Permissions()...); err != nil {
		return w.Folder.Migration(), err
	}
	kept := true
	registrar := graph.Registrar{
		Directory: d,
		Held: func(id string) (graph.Credential, bool) {
			return w.heldCredential(w.registered(id), id)
		},
		Keep: func(id string, c graph.Credential) error {
			kept = w.keepCredential(id, c)
			return nil
		},
		Save: func(g graph.Registered) error { return w.saveRegistered(ctx, r, g) },
		Emit: func(s probes.SetupStep) {
			if s.Step == graph.StepCredential && s.Outcome == probes.SetupCreated && !kept {
				s.Fault = "keyring_memory"
			}
			emit(s)
		},
	}
	_, err = registrar.Register(ctx, q)
	return w.Folder.Migration(), err
}

// registration is what is asked of Graph.
func (w *Work) registration(r RegisterRequest) graph.Request {
	m := w.Folder.Migration()
	standard := w.Text.T("setup.ui.name")
	q := graph.Request{
		Name: cmp.Or(r.Name, standard), Route: cmp.Or(r.Route, probes.OAuth), Rights: r.Rights, DropRole: r.DropRole, Delegated: r.Delegated,
		Kind: string(r.Credential), Adopt: r.Adopt, DryRun: r.DryRun, Tenant: cmp.Or(r.Tenant, m.Tenant.ID),
	}
	q.Marked = q.Name == standard
	if q.Rights == "" && m.App != nil {
		q.Rights = m.App.Rights
	}
	known := m.Registering
	if known == nil && m.App != nil && (!w.isLabsOwn(m.App.ClientID) || m.App.RegistrationID != "") {
		known = m.App
	}
	if known != nil {
		q.Known = graph.Registered{
			Name: known.Name, ClientID: known.ClientID, RegistrationID: known.RegistrationID, ObjectID: known.ObjectID, Began: known.Began,
			PrincipalMade: known.PrincipalMade, Kind: string(known.Credential), KeyID: known.KeyID, KeyName: known.KeyName, Expires: known.Expires,
		}
	}
	return q
}

// isLabsOwn tells the app that is in the lab from the start: who registers one
// wants another, unless that one was taken up.
func (w *Work) isLabsOwn(clientID string) bool {
	return w.Lab != nil && w.Lab.App().ClientID == clientID
}

// registered is what is remembered of an app.
func (w *Work) registered(clientID string) *wizard.Registration {
	m := w.Folder.Migration()
	for _, r := range []*wizard.Registration{m.Registering, m.App} {
		if r != nil && strings.EqualFold(r.ClientID, clientID) {
			return r
		}
	}
	return nil
}

// saveRegistered remembers how far a registration has come. Only a complete
// one is the migration's app. What Graph did is remembered, whoever is in a
// hurry.
func (w *Work) saveRegistered(ctx context.Context, r RegisterRequest, g graph.Registered) error {
	_, err := w.Folder.Change(context.WithoutCancel(ctx), func(m *wizard.Migration) error {
		takeTenant(&m.Tenant, g)
		m.Directory = w.directoryFacts(g)
		app := wizard.Registration{}
		for _, known := range []*wizard.Registration{m.App, m.Registering} {
			if known != nil && strings.EqualFold(known.ClientID, g.ClientID) {
				app = *known
			}
		}
		app.Name, app.ClientID, app.RegistrationID, app.ObjectID = g.Name, g.ClientID, g.RegistrationID, g.ObjectID
		app.Began = g.Began
		app.PrincipalMade, app.KeyID, app.KeyName, app.Expires = g.PrincipalMade, g.KeyID, g.KeyName, g.Expires
		app.Rights = cmp.Or(r.Rights, app.Rights)
		if kind := wizard.Credential(g.Kind); kind != "" && kind != app.Credential {
			app.Credential, app.CertFile = kind, ""
		}
		if g.ObjectID == "" || g.KeyID == "" {
			m.Registering = &app
			return nil
		}
		m.App, m.Registering = &app, nil
		return nil
	})
	return err
}

// takeTenant takes over what the directory says of itself.
func takeTenant(t *wizard.Tenant, g graph.Registered) {
	t.ID, t.Domain = cmp.Or(g.Tenant.ID, t.ID), cmp.Or(t.Domain, g.Tenant.Domain)
	for _, d := range g.Tenant.Domains {
		if !slices.Contains(t.Domains, d) {
			t.Domains = append(t.Domains, d)
		}
	}
}

// directoryFacts is what Graph said, for the judgement of the tenant.
func (w *Work) directoryFacts(g graph.Registered) *checks.GraphFacts {
	return &checks.GraphFacts{
		Read: w.Now().UTC(), TenantID: g.Tenant.ID, Domains: g.Tenant.Domains, SecurityDefaults: g.Defaults, Access: g.Access,
		Registration: g.RegistrationID, Principal: g.ObjectID, Enabled: g.Enabled, Roles: g.Roles,
	}
}

// directory is the tenant's directory in the hands of the admin who signs in.
// Every change is in the command log before the next is made.
func (w *Work) directory(tenant string, show func(signin.Prompt)) graph.Directory {
	if show == nil {
		show = func(signin.Prompt) {}
	}
	user := w.adminOf(tenant, show)
	var mu sync.Mutex
	actor, id := "", ""
	base := w.cloud().Graph
	d := graph.Directory{
		Base: base, Now: w.Now,
		Token: func(ctx context.Context, permissions ...string) (string, error) {
			var scopes []string
			for _, p := range permissions {
				scopes = append(scopes, base+"/"+p)
			}
			t, err := user.Token(ctx, scopes...)
			if err != nil {
				return "", err
			}
			mu.Lock()
			defer mu.Unlock()
			actor, id = t.Claims.User, t.Claims.Tenant
			return t.Access(), nil
		},
		Log: func(c probes.Change) error {
			mu.Lock()
			defer mu.Unlock()
			c.ID = "graph-" + c.At.Format("20060102T150405.000") + "-" + strings.ToLower(rand.Text()[:6])
			c.Actor, c.Tenant, c.Shell = actor, id, powershell.Graph(c)
			return errors.Join(w.Folder.KeepChange(c), w.keepLab())
		},
	}
	if w.Lab != nil {
		d.Base, d.HTTP = w.Lab.GraphBase(), w.Lab.HTTPClient()
	}
	return d
}

// Made is what this program made in the tenant through Graph and can remove,
// the newest first.
func (w *Work) Made(ctx context.Context) ([]probes.Change, error) {
	made, _, err := w.madeAndUnanswered(ctx)
	return made, err
}

// madeAndUnanswered is Made, and how many requests had no answer: the next
// registration finds out what they made.
func (w *Work) madeAndUnanswered(ctx context.Context) ([]probes.Change, int, error) {
	all, err := w.ofTenant(ctx)
	return graph.Undoable(all), len(graph.Open(all)), err
}

// ofTenant is what was done to the migration's tenant.
func (w *Work) ofTenant(ctx context.Context) ([]probes.Change, error) {
	all, err := w.Changes(ctx)
	tenant := w.Folder.Migration().Tenant.ID
	return slices.DeleteFunc(all, func(c probes.Change) bool { return !strings.EqualFold(c.Tenant, tenant) }), err
}

// Undo removes what was made, the newest first: the changes with these ids, or
// all of them when there are none. It can be run again after it was
// interrupted: what is gone is passed over.
func (w *Work) Undo(ctx context.Context, ids []string, show func(signin.Prompt), emit func(probes.SetupStep)) (wizard.Migration, error) {
	list, err := w.Made(ctx)
	if err != nil {
		return w.Folder.Migration(), err
	}
	d := w.directory("", show)
	for _, c := range list {
		if len(ids) > 0 && !slices.Contains(ids, c.ID) {
			continue
		}
		s, err := d.Undo(ctx, c)
		if err != nil {
			return w.Folder.Migration(), err
		}
		emit(s)
		if err := w.undone(ctx, c); err != nil {
			return w.Folder.Migration(), err
		}
	}
	return w.Folder.Migration(), nil
}

// undone forgets a registration that cannot sign in any more, with what was
// kept for it.
func (w *Work) undone(ctx context.Context, c probes.Change) error {
	gone := ""
	_, err := w.Folder.Change(context.WithoutCancel(ctx), func(m *wizard.Migration) error {
		for _, r := range []**wizard.Registration{&m.App, &m.Registering} {
			if *r != nil && belongs(c, **r) {
				gone, *r = (*r).ClientID, nil
			}
		}
		return nil
	})
	if gone != "" {
		w.forget(gone)
	}
	return err
}

// belongs tells whether an object that is gone leaves a registration unfit to
// sign in: the registration, its enterprise application, or its credential.
func belongs(c probes.Change, r wizard.Registration) bool {
	parts := strings.Split(strings.TrimPrefix(c.Object, "/"), "/")
	mine := len(parts) > 1 && (parts[1] == r.RegistrationID || parts[1] == r.ObjectID)
	return mine && (len(parts) == 2 || strings.EqualFold(parts[len(parts)-1], r.KeyID))
}
