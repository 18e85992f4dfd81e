package cli

import (
	"context"
	"os"
	"path/filepath"

	"offbasic/probes/graph"
	"offbasic/wizard"
)

// labFile is the lab's directory in the migration's folder: what was
// registered in it, so that it is there the next time. No secret is in it.
const labFile = "lab.json"

// labBefore is what the lab was at its last end in this folder; nil is a new
// one.
func (w *Work) labBefore() []byte {
	b, err := os.ReadFile(filepath.Join(w.Folder.Dir(), labFile))
	if err != nil {
		return nil
	}
	return b
}

// keepLab writes the lab's directory, unless its folder goes away with it or
// nothing was ever registered.
func (w *Work) keepLab() error {
	if w.temporary != "" || w.Lab.Registered().Applications == 0 && w.labBefore() == nil {
		return nil
	}
	b, err := w.Lab.Snapshot()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.Folder.Dir(), labFile), b, 0o600)
}

// rearm gives the app that was registered in an earlier start a credential
// again: the lab's keyring is in memory. It tells whether there is one.
func (w *Work) rearm(ctx context.Context) bool {
	app := w.Folder.Migration().App
	if app == nil || app.RegistrationID == "" {
		return false
	}
	now := w.Now()
	c, err := graph.MakeCertificate(app.Name, now, now.AddDate(1, 0, 0))
	if err != nil || !w.Lab.SetCertificate(app.ClientID, c.DER) {
		return false
	}
	w.keepCredential(app.ClientID, c)
	return w.rearmed(ctx, c) == nil
}

// rearmed remembers which certificate it is.
func (w *Work) rearmed(ctx context.Context, c graph.Credential) error {
	_, err := w.Folder.Change(ctx, func(m *wizard.Migration) error {
		m.App.Credential, m.App.CertFile = wizard.Certificate, ""
		m.App.KeyID, m.App.KeyName, m.App.Expires = c.Fingerprint(), c.Name, c.Expires
		return nil
	})
	return err
}
