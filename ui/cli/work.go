package cli

import (
	"context"
	"errors"
	"os"
	"time"

	"offbasic/assets"
	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/keyring"
	"offbasic/probes/lab"
	"offbasic/probes/neighbours"
	"offbasic/probes/powershell"
	"offbasic/probes/signin"
	"offbasic/ui/text"
	"offbasic/wizard"
	"offbasic/wizard/folder"
)

// Work is a migration being worked on: its folder, the tenant it speaks to,
// and what the commands and the wizard do to both. Close it.
type Work struct {
	Text   text.Printer
	Now    func() time.Time
	Folder *folder.Folder
	// Lab is the built-in tenant, or nil for a real one.
	Lab *lab.Lab
	// Plain asks for prompts without redraw, for screen readers.
	Plain bool

	ring      keyring.Ring
	explainer *checks.Explainer
	devices   *checks.Devices
	// neighbours tells the hardware addresses of what is captured.
	neighbours neighbours.Table
	// signIn is how an admin signs in on this machine.
	signIn signInHere
	// prompt shows a sign-in where a command runs; nil in the wizard, where
	// nobody expects one.
	prompt func(signin.Prompt)
	// faults are what happens in the lab.
	faults []string
	// inCloud is the cloud that was asked for in this run; "" is that of the
	// migration.
	inCloud string
	// temporary is the lab's folder, removed at the end; "" for the admin's.
	temporary string
	// standIn is what the app signs in with in the lab.
	standIn standIn
}

// folderDir is where the migration lies: --folder, else OFFBASIC_FOLDER, else
// "migration" here. The lab without either has a temporary one.
func (c *call) folderDir() (dir string, temporary bool, err error) {
	for _, d := range []string{c.folder, c.Env("OFFBASIC_FOLDER")} {
		if d != "" {
			return d, false, nil
		}
	}
	if !c.lab {
		return "migration", false, nil
	}
	dir, err = os.MkdirTemp("", "offbasic-lab-")
	if err != nil {
		return "", false, &probes.Fault{Op: "make a temporary folder", Code: "folder_forbidden", Args: text.Args{"dir": os.TempDir()}, Err: err}
	}
	return dir, true, nil
}

// open takes the folder, and starts the lab when it is asked for.
func (c *call) open(ctx context.Context) (*Work, error) {
	if len(c.faults) > 0 && !c.lab {
		return nil, badUsage("usage.lab_fault", nil)
	}
	dir, temporary, err := c.folderDir()
	if err != nil {
		return nil, err
	}
	f, err := folder.Open(dir, folder.Options{Owner: owner(), Now: c.Now})
	if err != nil {
		return nil, err
	}
	w := c.work(f)
	if temporary {
		w.temporary = dir
	}
	if err := errors.Join(w.begin(ctx, c.lab), c.chooseCloud(ctx, w)); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// openRead opens the folder for a command that only reads: it needs no lock,
// makes no folder, and works beside a capture. With the lab it is open.
func (c *call) openRead(ctx context.Context) (*Work, error) {
	if c.lab {
		return c.open(ctx)
	}
	dir, _, err := c.folderDir()
	if err != nil {
		return nil, err
	}
	f, err := folder.OpenRead(dir, folder.Options{Now: c.Now})
	if err != nil {
		return nil, err
	}
	return c.work(f), nil
}

// work is the work on a folder.
func (c *call) work(f *folder.Folder) *Work {
	return &Work{Text: c.tr, Now: c.Now, Folder: f, Plain: c.plain, ring: c.keyring(), signIn: c.signInHere(), inCloud: c.cloud, prompt: c.prompt, faults: c.faults, explainer: checks.NewExplainer(), devices: checks.NewDevices()}
}

// isMissing tells the fault of a folder that is not there yet.
func isMissing(err error) bool {
	f, ok := errors.AsType[*probes.Fault](err)
	return ok && f.Code == "folder_missing"
}

// keyring is the system's, or none when OFFBASIC_KEYRING says so.
func (c *call) keyring() keyring.Ring {
	if c.Env("OFFBASIC_KEYRING") == "none" {
		return noRing{}
	}
	return keyring.System()
}

// noRing is a machine without a keyring.
type noRing struct{}

func (noRing) Put(string, string) error {
	return &probes.Fault{Op: "keep a secret in the keyring", Code: keyring.Unavailable, Args: text.Args{"cause": "OFFBASIC_KEYRING=none"}}
}
func (noRing) Get(string) (string, error) { return "", keyring.ErrNotFound }
func (noRing) Drop(string) error          { return nil }

// begin brings the migration up to what is on disk, and the lab up.
func (w *Work) begin(ctx context.Context, withLab bool) error {
	m := w.Folder.Migration()
	if m.Lab && !withLab {
		return &probes.Fault{Op: "open the migration", Code: "folder_is_lab"}
	}
	if !m.Lab && withLab && m.Tenant.ID != "" {
		return &probes.Fault{Op: "open the migration with the lab", Code: "folder_is_real"}
	}
	if m.Capturing {
		if err := w.resee(ctx); err != nil {
			return err
		}
	}
	if !withLab {
		return nil
	}
	return w.startLab(ctx)
}

// resee reads the senders' sessions again after a capture that was cut off:
// the sessions are all on disk, what was counted of them may not be.
func (w *Work) resee(ctx context.Context) error {
	var seen []probes.Session
	err := w.Folder.Sessions(ctx, func(s probes.Session) error {
		s.Transcript = nil
		seen = append(seen, s)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = w.Folder.Change(ctx, func(m *wizard.Migration) error {
		m.Resee(seen)
		m.Capturing = false
		return nil
	})
	return err
}

// Close lets go of the folder and ends the lab.
func (w *Work) Close() error {
	var errs []error
	if w.Lab != nil {
		errs = append(errs, w.keepLab(), w.Lab.Close())
	}
	errs = append(errs, w.Folder.Close())
	if w.temporary != "" {
		errs = append(errs, os.RemoveAll(w.temporary))
	}
	return errors.Join(errs...)
}

// Facts is what is known of a sender, for package checks.
func (w *Work) Facts(ctx context.Context, id string) (checks.Facts, error) {
	sessions, err := w.Sessions(ctx, id)
	if err != nil {
		return checks.Facts{}, err
	}
	m := w.Folder.Migration()
	facts := checks.Facts{Sender: id, Sessions: sessions, Domains: m.Tenant.Domains}
	s, ok := m.Sender(id)
	if !ok {
		return facts, noSender(id)
	}
	err = w.Folder.Trials(ctx, func(t probes.Trial) error {
		if s.Is(t.Sender) {
			facts.Trials = append(facts.Trials, t)
		}
		return nil
	})
	s.Inform(&facts)
	if s.Product == "" {
		facts.Device = w.devices.Known(s.Device, facts)
	}
	return facts, err
}

// Devices is the catalogue of products.
func (w *Work) Devices() *checks.Devices { return w.devices }

// Trials are all test sends, oldest first.
func (w *Work) Trials(ctx context.Context) ([]probes.Trial, error) {
	var out []probes.Trial
	err := w.Folder.Trials(ctx, func(t probes.Trial) error {
		out = append(out, t)
		return nil
	})
	return out, err
}

// Sessions are a sender's sessions, oldest first.
func (w *Work) Sessions(ctx context.Context, id string) ([]probes.Session, error) {
	m := w.Folder.Migration()
	if _, ok := m.Sender(id); !ok {
		return nil, noSender(id)
	}
	var out []probes.Session
	err := w.Folder.Sessions(ctx, func(s probes.Session) error {
		if m.OwnerOf(s) == id {
			out = append(out, s)
		}
		return nil
	})
	return out, err
}

func noSender(id string) error {
	return &probes.Fault{Op: "look for sender " + id, Code: "no_such_sender", Args: text.Args{"id": id}}
}

// scripts writes scripts in the language of the work.
func (w *Work) scripts() powershell.Writer {
	return powershell.Writer{Frame: assets.PowerShell(), Words: func(key string) string { return w.Text.T(key) }, Environment: w.environment()}
}
