package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"offbasic/probes"
	"offbasic/probes/keyring"
	"offbasic/probes/signin"
	"offbasic/ui/text"
)

// signInHere is how an admin signs in on this machine.
type signInHere struct {
	// client is the client id to sign in with; "" means Microsoft Graph Command
	// Line Tools.
	client string
	// open opens the browser; nil means that there is none.
	open func(address string) error
	// keys is where the key of the cache is kept.
	keys keyring.Ring
	// dir is where the cache lies: never the migration's folder.
	dir func() (string, error)
	// caches are those of this run, by name: without a keyring they are all
	// that is remembered.
	caches map[string]signin.Cache
}

// signInHere finds out what there is: a browser is opened for somebody who
// sits at a terminal, and OFFBASIC_BROWSER=none says that there is none.
func (c *call) signInHere() signInHere {
	s := signInHere{keys: c.keyring(), dir: configDir, caches: map[string]signin.Cache{}}
	if c.Terminal && c.Env("OFFBASIC_BROWSER") != "none" {
		s.open = func(address string) error { return openBrowser(c.Env, address) }
	}
	return s
}

// configDir is the program's own folder among the owner's settings.
func configDir() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "offbasic"), nil
}

// user is the admin of the migration's tenant, signing in. show is told what
// the admin must do. In the lab the program does it by itself.
func (w *Work) user(show func(signin.Prompt)) *signin.User { return w.adminOf("", show) }

// adminOf is the admin of a tenant; "" is the migration's.
func (w *Work) adminOf(tenant string, show func(signin.Prompt)) *signin.User {
	u := w.userOf(tenant, w.signIn.client, show)
	u.Roles = signin.AppRoles()
	return u
}

// userOf is somebody who signs in to a tenant, "" being the migration's, with a
// client id of its own. What is remembered is that of both.
func (w *Work) userOf(tenant, client string, show func(signin.Prompt)) *signin.User {
	t, cloud := w.Folder.Migration().Tenant, w.cloud()
	u := &signin.User{
		Authority: cloud.Login, Tenant: cmp.Or(tenant, t.ID, t.Domain), ClientID: client,
		Browser: w.signIn.open, Show: show, Now: w.Now,
	}
	if w.Lab != nil {
		return w.labUser(u, show)
	}
	if cloud.Confidence != "primary" {
		u.Notes = append(u.Notes, &probes.Fault{
			Op: "sign in to the cloud " + cloud.ID, Code: "signin_cloud_unconfirmed",
			Args: text.Args{"cloud": w.Text.T("cloud." + cloud.ID), "login": cloud.Login},
		})
	}
	u.Cache = w.signInCache(u, show)
	return u
}

// labUser signs in to the lab: its page needs no person, and no cache outlives
// it.
func (w *Work) labUser(u *signin.User, show func(signin.Prompt)) *signin.User {
	ctx := context.Background() // the lab's client has a limit of its own
	u.Authority, u.HTTP = w.Lab.Authority(), w.Lab.HTTPClient()
	u.Browser = func(address string) error { return w.Lab.Browse(ctx, address) }
	u.Show = func(p signin.Prompt) {
		show(p)
		if p.Kind == signin.PromptDeviceCode {
			_ = w.Lab.EnterCode(ctx, p.Code, u.Login) // the next answer to the client says the same
		}
	}
	u.Cache = w.remembered("lab "+u.ClientID, signin.InMemory)
	return u
}

// SignOut forgets on this machine who signed in to the migration's tenant, or to
// the one that is named: as an admin, and to the migration's own app. It returns
// who that was.
func (w *Work) SignOut(ctx context.Context, tenant string, show func(signin.Prompt)) (accounts []string, err error) {
	m := w.Folder.Migration()
	tenants, clients := []string{tenant, m.Tenant.ID, m.Tenant.Domain, ""}, []string{w.signIn.client}
	if m.App != nil {
		clients = append(clients, m.App.ClientID)
	}
	var errs []error
	for _, t := range tenants {
		for _, client := range clients {
			u := w.userOf(t, client, show)
			if name, known := u.Account(ctx); known && !slices.Contains(accounts, name) {
				accounts = append(accounts, name)
			}
			errs = append(errs, u.SignOut(ctx))
		}
	}
	return accounts, errors.Join(errs...)
}

// remembered is the cache of a name in this run.
func (w *Work) remembered(name string, mk func() signin.Cache) signin.Cache {
	if w.signIn.caches == nil {
		w.signIn.caches = map[string]signin.Cache{}
	}
	if _, ok := w.signIn.caches[name]; !ok {
		w.signIn.caches[name] = mk()
	}
	return w.signIn.caches[name]
}

// signInCache is the file for a tenant and a client id, with its key in the
// keyring.
func (w *Work) signInCache(u *signin.User, show func(signin.Prompt)) signin.Cache {
	name := "signin-" + strings.ToLower(first(u.Tenant, "any")+"-"+first(u.ClientID, signin.GraphTools))
	return w.remembered(name, func() signin.Cache {
		keys := w.signIn.keys
		f := &signin.FileCache{
			Name:    name + " " + u.Authority,
			Key:     func(mk bool) ([]byte, error) { return keyring.Key(keys, name, mk) },
			DropKey: func() error { return keys.Drop(name) },
			Tell:    func(f *probes.Fault) { show(signin.Prompt{Kind: signin.PromptNote, Why: f}) },
		}
		dir, err := w.signIn.dir()
		if err != nil {
			f.Key = func(bool) ([]byte, error) { return nil, errors.New("this system names no folder for settings") }
			return f
		}
		f.Path = filepath.Join(dir, name+".bin")
		return f
	})
}

// prompt says on stderr what the admin must do to sign in.
func (c *call) prompt(p signin.Prompt) {
	if p.Why != nil {
		if p.Kind != signin.PromptNote {
			c.note("signin.why", nil)
		}
		c.complain(c.Err, p.Why)
	}
	args := text.Args{"url": p.URL, "code": p.Code, "time": p.Expires.Local().Format("15:04")} //nolint:gosmopolitan // the admin's watch
	switch {
	case p.Kind == signin.PromptNote:
	case c.lab:
		c.note("signin.lab."+string(p.Kind), args)
	case p.Kind == signin.PromptBrowser:
		c.note("signin.browser", args)
		fmt.Fprintln(c.Err, "  "+p.URL)
	case p.Kind == signin.PromptDeviceCode:
		c.note("signin.device_code", args)
	}
}
