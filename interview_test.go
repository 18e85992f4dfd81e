package main

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"offbasic/ui/cli"
)

// runFor runs the program in this process while knock goes on, and returns
// stdout. knock is given an address to listen on, and what the program says.
func runFor(t *testing.T, knock func(addr string, talk func() string), args ...string) string {
	t.Helper()
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	var out, talk spoken
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	p := cli.Program{
		In: strings.NewReader(""), Out: &out, Err: &talk, Now: time.Now,
		Env: func(name string) string { return map[string]string{"OFFBASIC_KEYRING": "none"}[name] },
	}
	var knocking sync.WaitGroup
	knocking.Go(func() { knock(addr, talk.String) })
	code := p.Run(ctx, append(args, "--listen", addr, "--peek", "-1ms"))
	knocking.Wait()
	if code == cli.ExitUsage || code == cli.ExitFault {
		t.Fatalf("offbasic %s ended with %d: %s", strings.Join(args, " "), code, talk.String())
	}
	return out.String()
}

// spoken is what the program says, read while it is written.
type spoken struct {
	mu sync.Mutex
	strings.Builder
}

func (s *spoken) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Builder.Write(b)
}

func (s *spoken) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Builder.String()
}

// runInterview writes every line that an interview can write.
func runInterview(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "migration")
	out := runFor(t, func(addr string, _ func() string) {
		insist(addr, "scan@contoso.example", "scan@contoso.example", "it@example.org")
	}, "interview", "--main", "--json", "--folder", dir)
	out += runFor(t, func(addr string, talk func() string) {
		_ = scan(addr, "scan@contoso.example", "scan@contoso.example", "it@example.org") // not the canary
		fields := strings.Fields(talk())
		for i, f := range fields {
			if f == "account" && i+3 < len(fields) && strings.HasPrefix(fields[i+3], "Canary") {
				_ = scan(addr, fields[i+1][:20]+"@COPIER", "scan@contoso.example", "it@example.org")
			}
		}
	}, "interview", "--canary", "--route", "acs", "--json", "--folder", dir)
	return out + run(t, "", "interview", "--replay", "last", "--to", takesAnything(t), "--json", "--folder", dir)
}

// takesAnything is a server that answers 250 to every line.
func takesAnything(t *testing.T) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, 4096)
		for err == nil {
			if _, err = io.WriteString(c, "250 ok\r\n"); err == nil {
				_, err = c.Read(buf)
			}
		}
	}()
	return ln.Addr().String()
}
