package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"offbasic/probes"
	"offbasic/probes/keyring"
	"offbasic/probes/signin"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// registerByHand remembers a registration that was made by hand. The secret is read
// from stdin, never from an argument, which every process list shows.
func (c *call) registerByHand(ctx context.Context, f registerFlags) error {
	r := wizard.Registration{Name: f.name, ClientID: f.client, ObjectID: f.object, Credential: wizard.Secret, CertFile: f.cert}
	t := wizard.Tenant{ID: f.tenant, Domain: f.domain}
	if f.cert != "" {
		r.Credential = wizard.Certificate
	}
	if err := errors.Join(t.Validate(), r.Validate()); err != nil {
		return usageError{err: err}
	}
	if (f.cert == "") == !f.secretStdin {
		return badUsage("usage.credential", nil)
	}
	if f.cert != "" {
		var err error
		if r.CertFile, err = certificateFile(f.cert); err != nil {
			return err
		}
	}
	secret := ""
	if f.secretStdin {
		var err error
		if secret, err = c.readSecret(); err != nil {
			return err
		}
	}
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	kept, err := w.SaveApp(ctx, t, r, secret)
	if err == nil && !kept {
		err = &probes.Fault{Op: "keep the secret in the keyring", Code: "keyring_memory"}
	}
	if err == nil {
		c.note("cli.register.done", text.Args{"client": r.ClientID})
	}
	return errors.Join(err, w.Close())
}

// certificateFile is the full path of a file that holds a certificate and its
// key: what cannot be used later is said now.
func certificateFile(name string) (string, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return "", &probes.Fault{Op: "read the certificate " + name, Code: "certificate_unreadable", Err: err}
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return "", &probes.Fault{Op: "read the certificate " + path, Code: "certificate_unreadable", Err: err}
	}
	return path, signin.CheckCertificate(pem)
}

// readSecret takes one line from stdin.
func (c *call) readSecret() (string, error) {
	line, err := bufio.NewReader(io.LimitReader(c.In, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", &probes.Fault{Op: "read the secret from stdin", Code: "stdin_unreadable", Err: err}
	}
	secret := strings.TrimRight(line, "\r\n")
	if secret == "" {
		return "", badUsage("usage.no_secret", nil)
	}
	return secret, nil
}

// useSecret takes the app's secret from stdin for this run, on a machine
// without a keyring.
func (c *call) useSecret(w *Work) error {
	secret, err := c.readSecret()
	if err != nil {
		return err
	}
	if app := w.Folder.Migration().App; app != nil {
		w.ring = memoryWith(ringName(app.ClientID), secret)
	}
	return nil
}

// memoryWith is a keyring for this run only, with one secret in it.
func memoryWith(name, secret string) keyring.Ring {
	m := keyring.Memory()
	_ = m.Put(name, secret) // memory takes everything
	return m
}
