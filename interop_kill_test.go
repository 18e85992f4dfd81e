//go:build interop

package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/wizard/folder"
)

// The program itself is killed a hundred times while clients send to it. What
// got its last 250 must be in the folder, with its message, each time; and the
// next start must be able to go on.
func TestNoAcknowledgedSessionIsLostWhenTheProgramIsKilled(t *testing.T) {
	const rounds, senders = 100, 8
	program := filepath.Join(t.TempDir(), "offbasic")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	dir := filepath.Join(t.TempDir(), "migration")
	var acknowledged []string
	for round := range rounds {
		c := starting(t, program, dir)
		taken := make(chan string, 1<<12)
		var sending sync.WaitGroup
		for sender := range senders {
			sending.Go(func() { sendUntilKilled(c.addr, fmt.Sprintf("%d-%d", round, sender), taken) })
		}
		acknowledged = append(acknowledged, c.killAfter(t, taken, 1+round%40)...)
		sending.Wait()
		close(taken)
		for id := range taken {
			acknowledged = append(acknowledged, id)
		}
		allThere(t, dir, acknowledged)
	}
	c := starting(t, program, dir)
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait()
	t.Logf("%d sessions were acknowledged in %d rounds, and all are there", len(acknowledged), rounds)
}

// capturing is a running "offbasic capture".
type capturing struct {
	cmd  *exec.Cmd
	addr string
}

func starting(t *testing.T, program, dir string) capturing {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "capture", "--listen", "127.0.0.1:0", "--policy", "relay", "--peek=-1s", "--json")
	cmd.Env = append(os.Environ(), "OFFBASIC_FOLDER="+dir, "LC_ALL=C")
	cmd.Dir, cmd.WaitDelay = t.TempDir(), time.Second
	talk, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	var said strings.Builder
	for lines := bufio.NewScanner(talk); lines.Scan(); {
		if addr := address.FindString(lines.Text()); addr != "" {
			return capturing{cmd, addr}
		}
		said.WriteString(lines.Text() + "\n")
	}
	t.Fatalf("the capture did not start:\n%s", said.String())
	return capturing{}
}

// killAfter kills the program once n sessions were acknowledged, and returns
// them.
func (c capturing) killAfter(t *testing.T, taken <-chan string, n int) []string {
	t.Helper()
	var ids []string
	late := time.After(patience)
	for len(ids) < n {
		select {
		case id := <-taken:
			ids = append(ids, id)
		case <-late:
			t.Errorf("%d of %d sessions were acknowledged in %v", len(ids), n, patience)
			n = 0
		}
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = c.cmd.Wait() // it was killed
	return ids
}

// sendUntilKilled sends one message for each connection until there is nobody
// to send to, and hands over the id of each that was acknowledged.
func sendUntilKilled(addr, name string, taken chan<- string) {
	for i := range 1000 {
		id := fmt.Sprintf("%s-%d@copier.contoso.example", name, i)
		if sendOne(addr, id) != nil {
			return
		}
		taken <- id
	}
}

// sendOne returns nil as soon as the message was answered with 250.
func sendOne(addr, id string) error {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	for _, turn := range []struct{ say, want string }{
		{"", "220 "},
		{"EHLO copier.contoso.example\r\n", "250 "},
		{"MAIL FROM:<scan@contoso.example>\r\n", "250 "},
		{"RCPT TO:<invoices@example.org>\r\n", "250 "},
		{"DATA\r\n", "354 "},
		{body(id) + ".\r\n", "250 "},
	} {
		if _, err := conn.Write([]byte(turn.say)); err != nil {
			return err
		}
		for line := ""; !strings.HasPrefix(line, turn.want); {
			if line, err = in.ReadString('\n'); err != nil {
				return err
			}
		}
	}
	return nil
}

func body(id string) string {
	return "Message-ID: <" + id + ">\r\nSubject: Scan\r\n\r\n" + strings.Repeat("One page.\r\n", 100)
}

// allThere reads the folder as the program does, and looks for every session.
func allThere(t *testing.T, dir string, acknowledged []string) {
	t.Helper()
	f, err := folder.OpenRead(dir, folder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	file := map[string]string{}
	err = f.Sessions(t.Context(), func(s probes.Session) error {
		if s.Taken && s.Message != nil {
			file[s.Message.MessageID] = s.Message.File
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range acknowledged {
		name := file["<"+id+">"]
		if name == "" {
			t.Fatalf("session %s was acknowledged and is not there", id)
		}
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || string(got) != body(id) {
			t.Fatalf("the message of %s is not whole: %d bytes, %v", id, len(got), err)
		}
	}
	for _, w := range f.Warnings() {
		t.Errorf("the folder says %v", w)
	}
}
