//go:build interop

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes/graph"
	"offbasic/probes/lab"
	"offbasic/probes/signin"
	"offbasic/wizard"
)

// Postfix as the relay of an office, through the MX host of the lab: by its
// certificate, by its address, by neither. It checks the lab's certificate.
func TestPostfixRelaysThroughTheLab(t *testing.T) {
	l := openLab(t)
	dir := t.TempDir()
	own, err := l.ClientCertificate()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"ca": filepath.Join(dir, "ca.pem"), "own": filepath.Join(dir, "own.pem")}
	for name, content := range map[string][]byte{"ca": l.CA(), "own": own} {
		if err := os.WriteFile(files[name], content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	send := func(id, certificate, to string) string {
		return postfixRelay(t, l, map[string]string{"CA": files["ca"], "CERT": certificate, "FROM": labDevice, "TO": to},
			"From: "+labDevice+"\nTo: "+to+"\nSubject: relayed\nMessage-ID: "+id+"\n\nhello\n")
	}
	if log := send("<p1@relay>", files["own"], labOutside); !strings.Contains(log, "status=sent") || !arrivedOrLeft(t, l, labOutside, "<p1@relay>") {
		t.Errorf("by certificate:\n%s", log)
	}
	if log := send("<p2@relay>", "", labOutside); !strings.Contains(log, "status=bounced") || !strings.Contains(log, "550 5.7.64 TenantAttribution; Relay Access Denied SMTP") {
		t.Errorf("by neither:\n%s", log)
	}
	if log := send("<p3@relay>", "", labInside); !strings.Contains(log, "status=sent") || !inFolder(l, "<p3@relay>", "Junk Email") {
		t.Errorf("Direct Send:\n%s", log)
	}
	s, _ := wizard.ScriptNamed("connector-address", wizard.ScriptValues{Addresses: []string{l.PublicAddress()}})
	if _, err := l.Execute(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if log := send("<p4@relay>", "", labOutside); !strings.Contains(log, "status=sent") || !arrivedOrLeft(t, l, labOutside, "<p4@relay>") {
		t.Errorf("by address:\n%s", log)
	}
	if log := send("<p5@relay>", "", labInside); !strings.Contains(log, "status=sent") || !inFolder(l, "<p5@relay>", "Inbox") {
		t.Errorf("by address, inside:\n%s", log)
	}
	readHeadOf(t, l, labInside, "<p5@relay>")
	// A reply to come back later is one that a real server comes back for.
	if err := l.Refuse("reply:451-4.7.500", 1); err != nil {
		t.Fatal(err)
	}
	if log := send("<p6@relay>", "", labInside); !strings.Contains(log, "status=deferred") || !strings.Contains(log, "451 4.7.500") {
		t.Errorf("throttled:\n%s", log)
	}
}

// readHeadOf reads the header of a message that really passed Postfix: its hop,
// that of the server that delivered it with the TLS between them, and whether
// the time grows from one to the next.
func readHeadOf(t *testing.T, l *lab.Lab, mailbox, id string) {
	t.Helper()
	own := l.App()
	app := signin.App{Authority: l.Authority(), Tenant: l.Tenant().ID, ClientID: own.ClientID, Secret: own.Secret, HTTP: l.HTTPClient()}
	c := graph.Client{Base: l.GraphBase(), HTTP: l.HTTPClient(), Token: func(ctx context.Context) (string, error) {
		token, err := app.Token(ctx, "https://graph.microsoft.com/.default")
		return token.Access(), err
	}}
	r, err := c.Message(t.Context(), mailbox, id)
	if err != nil || !r.Found {
		t.Fatalf("the message of %s: %+v, %v", id, r, err)
	}
	head := checks.ReadHead(r.Head)
	if len(head.Hops) != 3 {
		t.Fatalf("%d hops are read, want Postfix, the MX host and the mailbox server, of\n%s", len(head.Hops), r.Head)
	}
	postfix, door := head.Hops[0], head.Hops[1]
	if postfix.By != "relay.contoso.example" || postfix.At.IsZero() || door.From != "relay.contoso.example" || door.Address != l.PublicAddress() || door.TLS == "" {
		t.Errorf("the hops are %+v and %+v of\n%s", postfix, door, r.Head)
	}
	if way, _ := head.Way(); way != checks.WayMX {
		t.Errorf("it is taken for %q, want the MX host: %+v", way, head)
	}
}

func inFolder(l *lab.Lab, id, folder string) bool {
	return slices.ContainsFunc(l.Delivered(), func(a lab.Arrival) bool { return a.MessageID == id && a.Folder == folder })
}

// postfixRelay gives a message to a Postfix of its own and returns its log.
func postfixRelay(t *testing.T, l *lab.Lab, settings map[string]string, message string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	host, port := l.Endpoint("mx")
	cmd := exec.CommandContext(ctx, "testdata/lab/postfix.sh")
	cmd.Env = append(os.Environ(), "HOST="+host, fmt.Sprintf("PORT=%d", port))
	for name, value := range settings {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdin = strings.NewReader(message)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("postfix: %v", err)
	}
	return string(out)
}
