package cli

import (
	"context"
	"slices"
	"strings"

	"offbasic/checks"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// cloud is the tenant's one: worldwide, unless something else is known.
func (w *Work) cloud() checks.Cloud {
	id := w.inCloud
	if id == "" && w.Folder != nil {
		id = w.Folder.Migration().Tenant.Cloud
	}
	c, ok := checks.CloudByID(id)
	if !ok {
		c, _ = checks.CloudByID("")
	}
	return c
}

// environment is what Connect-ExchangeOnline is told of the cloud: nothing in
// the worldwide one.
func (w *Work) environment() string {
	worldwide, _ := checks.CloudByID("")
	if c := w.cloud(); c.ID != worldwide.ID {
		return c.PowerShell
	}
	return ""
}

// keepCloud remembers the tenant's cloud; that of the lab is its own.
func (w *Work) keepCloud(ctx context.Context, id string) error {
	known, _ := checks.CloudByID(w.Folder.Migration().Tenant.Cloud)
	if id == "" || id == known.ID || w.Lab != nil {
		return nil
	}
	_, err := w.Folder.Change(ctx, func(m *wizard.Migration) error { m.Tenant.Cloud = id; return nil })
	return err
}

// cloudNames are what --cloud takes.
func cloudNames() []string {
	var names []string
	for _, c := range checks.Clouds() {
		names = append(append(names, c.ID), c.Aliases...)
	}
	return names
}

// checkCloud refuses a cloud that is not one. The lab is a tenant of the
// worldwide one.
func (c *call) checkCloud() error {
	if c.cloud == "" {
		return nil
	}
	if !slices.Contains(cloudNames(), c.cloud) {
		return badUsage("usage.one_of", text.Args{"flag": "--cloud", "name": c.cloud, "names": strings.Join(cloudNames(), ", ")})
	}
	known, _ := checks.CloudByID(c.cloud)
	if worldwide, _ := checks.CloudByID(""); c.lab && known.ID != worldwide.ID {
		return badUsage("usage.cloud_lab", nil)
	}
	c.cloud = known.ID
	return nil
}

// chooseCloud keeps the cloud that was asked for in the migration, and says
// which of its addresses no page of Microsoft's that was read gives.
func (c *call) chooseCloud(ctx context.Context, w *Work) error {
	if c.cloud == "" || c.lab {
		return nil
	}
	was, _ := checks.CloudByID(w.Folder.Migration().Tenant.Cloud)
	is := w.cloud()
	if was.ID == is.ID {
		return nil
	}
	if err := w.keepCloud(ctx, is.ID); err != nil {
		return err
	}
	c.note("cli.cloud.kept", text.Args{"cloud": w.Text.T("cloud." + is.ID)})
	if is.Confidence != "primary" {
		c.note("cli.cloud.unconfirmed", text.Args{"login": is.Login, "graph": is.Graph, "smtp": is.SMTP, "scope": is.AppScope})
	}
	for _, field := range []string{"smtp", "app_scope"} {
		if other := is.Conflicts[field]; other != "" {
			c.note("cli.cloud.other."+field, text.Args{"other": other})
		}
	}
	return nil
}
