package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/graph"
	"offbasic/probes/keyring"
	"offbasic/probes/signin"
	"offbasic/wizard"
)

// newLabWork is a work with the lab in which something goes wrong.
func newLabWork(t *testing.T, faults ...string) *Work {
	t.Helper()
	w := openWork(t, t.TempDir()+"/m")
	w.faults = faults
	if err := w.begin(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	return w
}

// registered runs a registration and returns how its steps ended.
func registered(t *testing.T, w *Work, r RegisterRequest) (string, error) {
	t.Helper()
	var said []string
	_, err := w.Register(t.Context(), r, func(s probes.SetupStep) {
		if s.Outcome != probes.SetupWaiting {
			said = append(said, s.Step+" "+string(s.Outcome))
		}
	})
	return strings.Join(said, "\n"), err
}

func mustRegister(t *testing.T, w *Work, r RegisterRequest) string {
	t.Helper()
	said, err := registered(t, w, r)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return said
}

// The registration that was made signs in, with the role that the route needs,
// whichever credential it has.
func TestWhatWasRegisteredSignsIn(t *testing.T) {
	for _, kind := range []wizard.Credential{wizard.Certificate, wizard.Secret} {
		w := newLabWork(t)
		mustRegister(t, w, RegisterRequest{Credential: kind})
		m := w.Folder.Migration()
		if m.App == nil || w.isLabsOwn(m.App.ClientID) || m.App.Credential != kind || m.App.KeyID == "" || m.App.Expires.IsZero() ||
			m.App.RegistrationID == "" || m.App.PrincipalMade.IsZero() || m.Registering != nil {
			t.Fatalf("the migration remembers %+v and %+v", m.App, m.Registering)
		}
		app, err := w.app(m)
		if err != nil {
			t.Fatal(err)
		}
		token, err := app.Token(t.Context(), w.cloud().AppScope)
		if err != nil || !slices.Contains(token.Claims.Roles, probes.SendAsApp) || token.Claims.Object != m.App.ObjectID {
			t.Errorf("with a %s: claims %+v, %v", kind, token.Claims, err)
		}
		if d := m.Directory; d == nil || d.Registration != m.App.RegistrationID || d.Principal != m.App.ObjectID || !slices.Equal(*d.Roles, []string{probes.SendAsApp}) {
			t.Errorf("of the directory is known %+v", d)
		}
		if again := mustRegister(t, w, RegisterRequest{}); strings.Contains(again, "created") || strings.Contains(again, "granted") {
			t.Errorf("the second run said\n%s", again)
		}
	}
}

// Neither the folder nor a line that is printed holds what the app signs in
// with.
func TestNoSecretOfARegistrationIsWritten(t *testing.T) {
	for _, kind := range []wizard.Credential{wizard.Certificate, wizard.Secret} {
		w := newLabWork(t)
		var printed bytes.Buffer
		_, err := w.Register(t.Context(), RegisterRequest{Credential: kind}, func(s probes.SetupStep) {
			b, err := json.Marshal(s)
			printed.Write(b)
			if err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		id := w.Folder.Migration().App.ClientID
		if err := w.keepLab(); err != nil {
			t.Fatal(err)
		}
		var secrets []string
		for _, name := range []string{ringName(id), certificateKey(id)} {
			if s, err := w.ring.Get(name); err == nil {
				secrets = append(secrets, s)
			}
		}
		if len(secrets) != 1 {
			t.Fatalf("the keyring holds %d secrets of the app", len(secrets))
		}
		err = filepath.WalkDir(w.Folder.Dir(), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			printed.Write(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range append(secrets, "PRIVATE KEY", "Bearer") {
			if strings.Contains(printed.String(), s) {
				t.Errorf("a %s is written somewhere", kind)
			}
		}
	}
}

// The keyring of Windows takes 2560 bytes at a time
// (CRED_MAX_CREDENTIAL_BLOB_SIZE).
func TestACertificateFitsIntoEveryKeyring(t *testing.T) {
	c, err := graph.MakeCertificate(strings.Repeat("x", 64), time.Now(), time.Now().AddDate(2, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	cert, key := c.Pack()
	if len(cert) > 2560 || len(key) > 2560 {
		t.Errorf("certificate %d bytes, key %d bytes", len(cert), len(key))
	}
	back, err := graph.Unpack(cert, key)
	if err != nil || !bytes.Equal(back.PEM(), c.PEM()) || signin.CheckCertificate(back.PEM()) != nil {
		t.Errorf("what was packed is not what is unpacked: %v", err)
	}
}

// A locked keyring takes nothing: the credential is kept for this run, and that
// is said.
func TestALockedKeyringIsSaidAndTheRunGoesOn(t *testing.T) {
	for _, kind := range []wizard.Credential{wizard.Certificate, wizard.Secret} {
		w := newLabWork(t)
		w.ring = noRing{}
		said := false
		m, err := w.Register(t.Context(), RegisterRequest{Credential: kind}, func(s probes.SetupStep) {
			said = said || s.Step == graph.StepCredential && s.Outcome == probes.SetupCreated && s.Fault == "keyring_memory"
		})
		if err != nil || !said {
			t.Fatalf("said %t, %v", said, err)
		}
		app, err := w.app(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := app.Token(t.Context(), w.cloud().AppScope); err != nil {
			t.Errorf("with a %s in memory: %v", kind, err)
		}
	}
}

// What was made before the network was lost is remembered, and completed by
// the next run.
func TestAnInterruptedRegistrationIsRemembered(t *testing.T) {
	w := newLabWork(t, "network-lost", "replication")
	said, err := registered(t, w, RegisterRequest{})
	f, ok := errors.AsType[*probes.Fault](err)
	if !ok || f.Code != graph.Unreachable {
		t.Fatalf("the first run ended with %v\n%s", err, said)
	}
	mustRegister(t, w, RegisterRequest{})
	if n := w.Lab.Registered(); n.Applications != 1 || n.Enterprise != 1 || n.Roles != 1 || n.Certificates != 1 {
		t.Errorf("the tenant holds %+v", n)
	}
}

func TestADryRunRemembersNothing(t *testing.T) {
	w := newLabWork(t)
	before := w.Folder.Migration()
	mustRegister(t, w, RegisterRequest{DryRun: true})
	after := w.Folder.Migration()
	made, err := w.Made(t.Context())
	if after.App.ClientID != before.App.ClientID || after.Registering != nil || len(made) > 0 || err != nil || w.Lab.Registered().Applications > 0 {
		t.Errorf("remembered %+v, made %v, %v", after.App, made, err)
	}
}

func TestUndoForgetsTheApp(t *testing.T) {
	w := newLabWork(t)
	mustRegister(t, w, RegisterRequest{})
	id := w.Folder.Migration().App.ClientID
	m, err := w.Undo(t.Context(), nil, nil, func(probes.SetupStep) {})
	if err != nil || m.App != nil {
		t.Fatalf("after undo the app is %+v, %v", m.App, err)
	}
	if _, err := w.ring.Get(certificateKey(id)); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("the keyring still holds the key: %v", err)
	}
	if n := w.Lab.Registered(); n.Applications+n.Enterprise+n.Roles > 0 {
		t.Errorf("the tenant holds %+v", n)
	}
	all, err := w.Changes(t.Context())
	for _, c := range all {
		if c.Shell == "" || c.Actor == "" || c.Tenant != m.Tenant.ID || c.RequestID == "" {
			t.Errorf("the log has no command, account, tenant or request for %+v", c)
		}
	}
	if err != nil || len(all) != 6 {
		t.Errorf("the log has %d entries, %v", len(all), err)
	}
}

// The lab is the same tenant at the next start in the same folder.
func TestTheLabRemembersWhatWasRegistered(t *testing.T) {
	dir := t.TempDir() + "/m"
	w := openWork(t, dir)
	if err := w.begin(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	mustRegister(t, w, RegisterRequest{})
	id := w.Folder.Migration().App.ClientID
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c := &call{Program: Program{Now: time.Now, Env: func(string) string { return "" }}, tr: w.Text, folder: dir, lab: true}
	w, err := c.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	if again := mustRegister(t, w, RegisterRequest{}); strings.Contains(again, "created") || w.Folder.Migration().App.ClientID != id {
		t.Errorf("the second start said\n%s", again)
	}
	app, err := w.app(w.Folder.Migration())
	if err == nil {
		_, err = app.Token(t.Context(), w.cloud().AppScope)
	}
	if err != nil {
		t.Errorf("the app does not sign in: %v", err)
	}
}

// A stopped registration ends soon, and says so.
func TestARegistrationCanBeStopped(t *testing.T) {
	w := newLabWork(t)
	ctx, stop := context.WithCancel(t.Context())
	_, err := w.Register(ctx, RegisterRequest{}, func(s probes.SetupStep) {
		if s.Step == graph.StepApplication {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	mustRegister(t, w, RegisterRequest{})
	if n := w.Lab.Registered(); n.Applications != 1 || n.Certificates != 1 {
		t.Errorf("the tenant holds %+v", n)
	}
}
