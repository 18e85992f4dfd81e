package cli

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/neighbours"
	"offbasic/wizard"
)

func TestTestConnectionTellsWhatItMet(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := Knock(t.Context(), ln.Addr().String()); err != nil {
		t.Errorf("a port that is open: %v", err)
	}
	ln.Close()
	f, ok := Knock(t.Context(), ln.Addr().String()).(*probes.Fault)
	if !ok || f.Code != "knock_refused" || f.Args["address"] != ln.Addr().String() {
		t.Errorf("a port that is closed: %+v", f)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if f, ok := Knock(ctx, ln.Addr().String()).(*probes.Fault); !ok || f.Code != "knock_stopped" {
		t.Errorf("a connection that is not made: %+v", f)
	}
}

func TestFirewallCommandIsOfTheSystem(t *testing.T) {
	for system, want := range map[string]string{"windows": "localport=587", "darwin": "socketfilterfw", "linux": "nft", "plan9": ""} {
		if got := firewallCommand(system, "587"); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q in it", system, got, want)
		}
	}
}

// keep puts a session with a hostile name and its message into a folder.
func keep(t *testing.T, w *Work, id, file string) {
	t.Helper()
	out, name, err := w.Folder.Message(id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write([]byte("Subject: a\r\n\r\nb\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if file == "" {
		file = name
	}
	err = w.Folder.Keep(probes.Session{
		ID: id, Started: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Peer: "2001:db8::1", Hello: "../../etc/\x1b[2J CON",
		Message: &probes.Message{File: file}, End: probes.EndQuit,
		Transcript: []probes.Line{{MS: 3, From: probes.Client, Text: "EHLO \x1b[2Jx"}, {MS: 4, From: probes.Server, Text: "250 ok"}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Copies have a harmless name, belong to the admin alone and replace nothing.
func TestSavedCopiesAreNewAndPrivate(t *testing.T) {
	w := openWork(t, filepath.Join(t.TempDir(), "m"))
	keep(t, w, "s1", "")
	var paths []string
	for range 2 {
		for _, save := range []func(context.Context, string) (string, error){w.SaveTranscript, w.SaveMessage} {
			path, err := save(t.Context(), "s1")
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
		}
	}
	const name = "20261122-100000_2001-db8--1_etc--x1b-2J-CON"
	for i, want := range []string{name + ".txt", name + ".eml", name + "-2.txt", name + "-2.eml"} {
		if got := filepath.Base(paths[i]); got != want || filepath.Dir(paths[i]) != filepath.Join(w.Folder.Dir(), "saved") {
			t.Errorf("saved as %s, want %s in the folder", paths[i], want)
		}
		info, err := os.Stat(paths[i])
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", paths[i], info.Mode(), err)
		}
	}
	if b, _ := os.ReadFile(paths[0]); string(b) != "      3 C: EHLO \\x1b[2Jx\n      4 S: 250 ok\n" {
		t.Errorf("the transcript is %q", b)
	}
	if b, _ := os.ReadFile(paths[1]); string(b) != "Subject: a\r\n\r\nb\r\n" {
		t.Errorf("the message is %q", b)
	}
}

// A record that names a file outside the folder is not followed.
func TestSavedMessageIsOfTheFolder(t *testing.T) {
	w := openWork(t, filepath.Join(t.TempDir(), "m"))
	secret := filepath.Join(filepath.Dir(w.Folder.Dir()), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	keep(t, w, "s1", "../secret")
	if path, err := w.SaveMessage(t.Context(), "s1"); err == nil {
		t.Errorf("a file outside the folder was copied to %s", path)
	}
}

// What is captured carries the hardware address of its peer, and the facts of
// a sender the product that this and its message give away, unless the admin
// knows better.
func TestCaptureKnowsTheHardwareAddress(t *testing.T) {
	w := openWork(t, filepath.Join(t.TempDir(), "m"))
	// Loopback has no hardware address: no table is read for it.
	w.neighbours.Read = func(context.Context, neighbours.Source) ([]byte, error) {
		t.Error("the table was read for loopback")
		return nil, nil
	}
	if got := captureOf(t, w, 1, func(addr string) { sendMail(t, addr) })[0].MAC; got != "" {
		t.Errorf("loopback has the hardware address %q", got)
	}
	s := probes.Session{
		ID: "r", Started: time.Now(), Peer: "192.0.2.50", MAC: "00:26:73:0a:0b:0c", End: probes.EndQuit,
		Message: &probes.Message{Subject: `Message from "RNP0026730A0B0C"`},
	}
	if err := w.Folder.Keep(s); err != nil {
		t.Fatal(err)
	}
	if err := w.resee(t.Context()); err != nil {
		t.Fatal(err)
	}
	is := func(want string) {
		t.Helper()
		facts, err := w.Facts(t.Context(), "192.0.2.50")
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if facts.Device != nil {
			got = facts.Device.ID
		}
		if got != want {
			t.Errorf("it is taken for %q, want %q", got, want)
		}
	}
	is("ricoh")
	if got := w.Folder.Migration().Senders; got[len(got)-1].MAC != s.MAC {
		t.Errorf("the sender's hardware address is %q", got[len(got)-1].MAC)
	}
	for _, said := range []struct{ device, product, want string }{{"canon", "", "canon"}, {"", "Sage 100", ""}, {"", "", "ricoh"}} {
		_, err := w.Folder.Change(t.Context(), func(m *wizard.Migration) error {
			return m.Identify("192.0.2.50", said.device, said.product)
		})
		if err != nil {
			t.Fatal(err)
		}
		is(said.want)
	}
}
