package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offbasic/assets"
	"offbasic/probes"
	"offbasic/probes/capture"
	"offbasic/ui/text"
	"offbasic/wizard"
	"offbasic/wizard/folder"
)

// openWork is a work on a folder of its own, without the lab and without a
// keyring.
func openWork(t testing.TB, dir string) *Work {
	t.Helper()
	tr, err := text.Load(assets.Locales(), "en")
	if err != nil {
		t.Fatal(err)
	}
	c := &call{Program: Program{Now: time.Now, Env: func(string) string { return "" }}, tr: tr, folder: dir}
	c.Env = func(name string) string { return map[string]string{"OFFBASIC_KEYRING": "none"}[name] }
	w, err := c.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// captureOf runs a capture until n sessions were emitted, while knock sends.
func captureOf(t *testing.T, w *Work, n int, knock func(addr string)) []probes.Session {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	policy, _ := capture.PolicyNamed("relay")
	var seen []probes.Session
	err := w.Capture(ctx, capture.Server{Listen: []string{"127.0.0.1:0"}, Policy: policy, Limits: capture.Limits{Peek: -1}}, func(ev probes.CaptureEvent) {
		if ev.Listening != nil {
			go knock(ev.Listening.Addr)
			return
		}
		// What is emitted is known to the migration on disk already.
		if w.Folder.Migration().OwnerOf(*ev.Session) == "" {
			t.Errorf("session %s was emitted before its sender was written", ev.Session.ID)
		}
		if seen = append(seen, *ev.Session); len(seen) == n {
			stop()
		}
	})
	if err != nil || len(seen) < n {
		t.Fatalf("captured %d of %d, %v", len(seen), n, err)
	}
	return seen
}

// sendMail sends one message as a device without TLS and sign-in does.
func sendMail(t *testing.T, addr string) {
	c, err := smtp.Dial(addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	w, err := func() (io.WriteCloser, error) {
		if err := errors.Join(c.Mail("nas@contoso.example"), c.Rcpt("it@contoso.example")); err != nil {
			return nil, err
		}
		return c.Data()
	}()
	if err != nil {
		t.Error(err)
		return
	}
	fmt.Fprint(w, "Subject: x\r\n\r\nx\r\n")
	if err := errors.Join(w.Close(), c.Quit()); err != nil {
		t.Error(err)
	}
}

func TestACaptureMakesItsSendersKnown(t *testing.T) {
	dir := t.TempDir() + "/m"
	w := openWork(t, dir)
	captureOf(t, w, 3, func(addr string) {
		for range 3 {
			sendMail(t, addr)
		}
	})
	m := w.Folder.Migration()
	if len(m.Senders) != 1 || m.Senders[0].Seen.Sessions != 3 || m.Capturing {
		t.Errorf("the migration holds %+v, capturing %t", m.Senders, m.Capturing)
	}
	sessions, err := w.Sessions(t.Context(), m.Senders[0].ID)
	if err != nil || len(sessions) != 3 {
		t.Errorf("%d sessions are read back, %v", len(sessions), err)
	}
}

// A capture that was cut off leaves sessions that no sender counted. The next
// start counts them all, once.
func TestACaptureThatWasCutOffIsCountedAnew(t *testing.T) {
	dir := t.TempDir() + "/m"
	w := openWork(t, dir)
	captureOf(t, w, 1, func(addr string) { sendMail(t, addr) })
	lost := probes.Session{ID: "99990101T000000.000-x", Peer: "192.0.2.9", Started: time.Now(), MailFrom: "a@contoso.example", Taken: true}
	if err := w.Folder.Keep(lost); err != nil {
		t.Fatal(err)
	}
	if err := w.capturing(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	again := openWork(t, dir)
	m := again.Folder.Migration()
	if s, ok := m.Sender("192.0.2.9"); !ok || s.Seen.Sessions != 1 {
		t.Errorf("the lost session was not counted: %+v", m.Senders)
	}
	if s, ok := m.Sender("127.0.0.1"); !ok || s.Seen.Sessions != 1 || m.Capturing {
		t.Errorf("the counted session is counted as %+v, capturing %t", s, m.Capturing)
	}
}

// A full disk takes sessions that no sender can be written for. They are
// counted here all the same, and by whoever reads the folder later; what the
// disk did not take is not.
func TestOnAFullDiskWhatWasKeptIsCounted(t *testing.T) {
	dir := t.TempDir() + "/m"
	w := openWork(t, dir)
	if err := w.capturing(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	kept := probes.Session{ID: "20261122T104331.000-1", Peer: "192.0.2.9", Started: time.Now(), MailFrom: "a@contoso.example", Taken: true, Quirks: []string{"keep_failed"}}
	if err := w.Folder.Keep(kept); err != nil {
		t.Fatal(err)
	}
	lost := kept
	lost.ID, lost.Peer, lost.Taken = "20261122T104331.000-2", "192.0.2.10", false
	if err := os.RemoveAll(filepath.Join(dir, ".partial")); err != nil { // migration.json cannot be written any more
		t.Fatal(err)
	}
	events := make(chan probes.CaptureEvent, 2)
	events <- probes.CaptureEvent{Session: &kept}
	events <- probes.CaptureEvent{Session: &lost}
	close(events)
	if err := w.attach(events, func(probes.CaptureEvent) {}); err == nil {
		t.Error("the write that failed was not said")
	}
	r, err := folder.OpenRead(dir, folder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for where, m := range map[string]wizard.Migration{"here": w.Folder.Migration(), "read": r.Migration()} {
		if len(m.Senders) != 1 || m.Senders[0].ID != "192.0.2.9" || m.Senders[0].Seen.Sessions != 1 {
			t.Errorf("%s: senders %+v", where, m.Senders)
		}
	}
}

// Events that come while the last write rests are written together, a lone one
// at once.
func TestGather(t *testing.T) {
	ev := func(id string) probes.CaptureEvent { return probes.CaptureEvent{Session: &probes.Session{ID: id}} }
	many := make(chan probes.CaptureEvent, 10)
	many <- ev("2")
	many <- ev("3")
	close(many)
	if got := gather(ev("1"), many, nil); len(got) != 3 || got[2].Session.ID != "3" {
		t.Errorf("gathered %d", len(got))
	}
	none := make(chan probes.CaptureEvent)
	rested := make(chan time.Time)
	close(rested)
	if got := gather(ev("1"), none, rested); len(got) != 1 {
		t.Errorf("gathered %d, want the lone one", len(got))
	}
}

// Of two captures the second says who has the folder, and the first goes on.
func TestAFolderIsHeldByOne(t *testing.T) {
	dir := t.TempDir() + "/m"
	openWork(t, dir)
	c := &call{Program: Program{Now: time.Now, Env: func(string) string { return "" }}, folder: dir}
	_, err := c.open(t.Context())
	if f, ok := errors.AsType[*probes.Fault](err); !ok || f.Code != "folder_held" {
		t.Errorf("said %v, want folder_held", err)
	}
}

// A busy port is a fault, the program ends, and nothing is left of it.
func TestABusyPortEndsTheCapture(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	w := openWork(t, t.TempDir()+"/m")
	err = w.Capture(t.Context(), capture.Server{Listen: []string{ln.Addr().String()}}, func(probes.CaptureEvent) {})
	if f, ok := errors.AsType[*probes.Fault](err); !ok || f.Code != capture.PortBusy {
		t.Errorf("said %v, want %s", err, capture.PortBusy)
	}
	if w.Folder.Migration().Capturing {
		t.Error("the migration still says that a capture runs")
	}
}

// The secret of a registration is in no file of the folder.
func TestASecretIsInNoFile(t *testing.T) {
	w := openWork(t, t.TempDir()+"/m")
	const secret = "s3cr3t~of.the_app"
	r := wizard.Registration{ClientID: "11111111-2222-3333-4444-555555555555", ObjectID: "66666666-7777-8888-9999-000000000000", Credential: wizard.Secret}
	kept, err := w.SaveApp(t.Context(), wizard.Tenant{ID: "contoso.onmicrosoft.com"}, r, secret)
	if err != nil || kept {
		t.Fatalf("kept %t, %v; want memory only", kept, err)
	}
	if got, err := w.app(w.Folder.Migration()); err != nil || got.Secret != secret {
		t.Errorf("the secret is not there for this run: %v", err)
	}
	if dump := fmt.Sprintf("%+v %#v", w.Folder.Migration(), w.Folder.Migration()); strings.Contains(dump, secret) {
		t.Error("the migration holds the secret")
	}
	files := readAll(t, w.Folder.Dir())
	for name, b := range files {
		if strings.Contains(b, secret) {
			t.Errorf("%s holds the secret", name)
		}
	}
	if len(files) == 0 {
		t.Error("the folder holds no file")
	}
}
