package folder

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"offbasic/probes"
	"offbasic/wizard"
)

// The test binary is also the other process: OFFBASIC_CHILD says what it does
// with the folder that is its last argument.
func TestMain(m *testing.M) {
	child := map[string]func(string, io.Writer) error{"load": load, "hold": hold, "fill": fill}[os.Getenv("OFFBASIC_CHILD")]
	if child == nil {
		os.Exit(m.Run())
	}
	if err := child(os.Args[len(os.Args)-1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// other is another process on the folder.
func other(t *testing.T, role, dir string, wrap ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(wrap, self, dir)
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Env = append(os.Environ(), "OFFBASIC_CHILD="+role)
	c.Stderr = os.Stderr
	return c
}

// load keeps sessions, messages and changes from several goroutines for ever,
// and says what was acknowledged.
func load(dir string, out io.Writer) error {
	f, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	errs := make(chan error, 8)
	for worker := range 8 {
		all.Go(func() { errs <- keepForEver(f, worker, out) })
	}
	all.Wait()
	return <-errs
}

func keepForEver(f *Folder, worker int, out io.Writer) error {
	for i := 0; ; i++ {
		id := fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, i)
		w, name, err := f.Message(id)
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, "Subject: "+id+"\r\n")
		if err = errors.Join(err, w.Close()); err != nil {
			return err
		}
		s := session(id)
		s.Message = &probes.Message{File: name}
		if err := f.Keep(s); err != nil {
			return err
		}
		if worker == 0 {
			if _, err := f.Change(context.Background(), func(m *wizard.Migration) error {
				m.Attach(s)
				return nil
			}); err != nil {
				return err
			}
		}
		if _, err := io.WriteString(out, id+"\n"); err != nil {
			return err
		}
	}
}

func TestNothingAcknowledgedIsLostWhenKilled(t *testing.T) {
	dir := t.TempDir()
	var acknowledged []string
	for round := range 12 {
		acknowledged = append(acknowledged, killedAfter(t, dir, 5+round*7)...)
		f, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		there := map[string]string{}
		err = f.Sessions(t.Context(), func(s probes.Session) error {
			there[s.ID] = s.Message.File
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range acknowledged {
			if there[id] == "" {
				t.Fatalf("round %d: session %s was acknowledged and is not there", round, id)
			}
			if got := contents(t, dir, there[id]); got != "Subject: "+id+"\r\n" {
				t.Fatalf("round %d: the message of %s is %q", round, id, got)
			}
		}
		for _, w := range f.Warnings() {
			if w.Code != "folder_tail" {
				t.Errorf("round %d: %v", round, w)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killedAfter kills a loading process after it acknowledged n sessions, and
// returns all that it acknowledged.
func killedAfter(t *testing.T, dir string, n int) (ids []string) {
	t.Helper()
	c := other(t, "load", dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			break
		}
		if ids = append(ids, strings.TrimSpace(line)); len(ids) == n {
			if err := c.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.Wait(); err == nil || len(ids) < n {
		t.Fatalf("the process ended with %v after %d sessions, want it killed after %d", err, len(ids), n)
	}
	return ids
}

// hold has the folder until its standard input ends.
func hold(dir string, out io.Writer) error {
	f, err := Open(dir, Options{Owner: "jo\x1b[31m"})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, os.Getpid()); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return f.Close()
}

func TestFolderHeldByAnotherProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "migration")
	c := other(t, "hold", dir)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}

	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	wantFault(t, err, "folder_held", map[string]string{"pid": strings.TrimSpace(line), "owner": `jo\x1b[31m@` + host})
	if r, err := OpenRead(dir, Options{}); err != nil {
		t.Errorf("reading a folder that is held: %v", err)
	} else if err := r.Close(); err != nil {
		t.Error(err)
	}

	if err := errors.Join(in.Close(), c.Wait()); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	_, err = Open(dir, Options{})
	wantFault(t, err, "folder_held", map[string]string{"pid": strconv.Itoa(os.Getpid()), "owner": "maria@" + host})
}

// fill keeps sessions until it is refused, and says how many were kept and
// that the refusal left the file whole.
func fill(dir string, out io.Writer) error {
	signal.Ignore(syscall.Signal(25)) // SIGXFSZ on Linux and macOS: the write then returns EFBIG
	f, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	n := 0
	for err == nil {
		if err = f.Keep(session(strconv.Itoa(n))); err == nil {
			n++
		}
	}
	var full *probes.Fault
	if !errors.As(err, &full) {
		return err
	}
	fmt.Fprintln(out, full.Code, n)
	return f.Close()
}
