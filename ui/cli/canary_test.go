package cli

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"offbasic/wizard/folder"
)

// What a device makes of a canary is told, and neither what was shown nor what
// came is written anywhere.
func TestACanaryIsJudgedAndNeverWritten(t *testing.T) {
	for _, tt := range []struct {
		name              string
		route             string
		became            func(account, password string) (string, string)
		account, password string
		code              int
	}{
		{"whole", "acs", func(a, p string) (string, string) { return a, p }, "account arrived whole: 80 characters", "password arrived whole: 40 characters", ExitOK},
		{"cut at 31", "acs", func(a, p string) (string, string) { return a[:31], p[:31] }, "account cut at 31 of 80", "password cut at 31 of 40", ExitFindings},
		{"lower case", "hve", func(a, p string) (string, string) { return a, strings.ToLower(p) }, "account arrived whole", "password arrived in lower case", ExitFindings},
		{"a realm", "oauth", func(a, p string) (string, string) { return a + "@COPIER", p }, "account arrived with a domain added: COPIER", "password arrived whole", ExitFindings},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "migration")
			var out safe
			talk := &typist{addr: make(chan string, 1), canary: make(chan [2]string, 1)}
			p := Program{In: strings.NewReader(""), Out: &out, Err: talk, Now: time.Now, Env: func(n string) string { return map[string]string{"OFFBASIC_KEYRING": "none"}[n] }}
			var device sync.WaitGroup
			var shown [2]string
			device.Go(func() {
				shown = <-talk.canary
				account, password := tt.became(shown[0], shown[1])
				c := copier{account: account, password: password, tls: true, mechanisms: []string{"LOGIN"}}
				if err := c.press(<-talk.addr, "m1"); err != nil {
					t.Error(err)
				}
			})
			code := p.Run(t.Context(), []string{"interview", "--canary", "--route", tt.route, "--listen", "127.0.0.1:0", "--peek", "-1ms", "--folder", dir, "--for", "1m"})
			device.Wait()
			for _, want := range []string{tt.account, tt.password} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("said %q, want %q", out.String(), want)
				}
			}
			if code != tt.code || strings.Contains(out.String(), shown[1][:31]) {
				t.Errorf("ended with %d, want %d: %s", code, tt.code, out.String())
			}
			noPasswordIn(t, dir, shown[1][:16])
			verdictKept(t, dir, tt.route, tt.code == ExitOK)
		})
	}
}

// verdictKept looks for the one verdict, with the device at the address that it
// came from.
func verdictKept(t *testing.T, dir, route string, whole bool) {
	t.Helper()
	f, err := folder.OpenRead(dir, folder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	senders := f.Migration().Senders
	if len(senders) != 1 || !slices.Equal(senders[0].Peers, []string{"127.0.0.1"}) || len(senders[0].Canary) != 1 {
		t.Fatalf("senders %+v", senders)
	}
	got := senders[0].Canary[0]
	both := slices.Equal(slices.Concat(got.Account.As, got.Password.As), []string{"whole", "whole"})
	if string(got.Route) != route || got.At.IsZero() || both != whole {
		t.Errorf("kept %+v", got)
	}
}

// typist reads what the program says to the admin: where it listens, and the
// canary.
type typist struct {
	text   string
	addr   chan string
	canary chan [2]string
}

func (y *typist) Write(b []byte) (int, error) {
	y.text += string(b)
	fields := strings.Fields(y.text)
	for i, f := range fields {
		if f == "password" && i > 2 && fields[i-2] == "account" && i+1 < len(fields) && strings.HasPrefix(fields[i+1], "Canary") {
			send(y.canary, [2]string{fields[i-1], fields[i+1]})
		}
		if strings.HasPrefix(f, "127.0.0.1:") {
			send(y.addr, strings.TrimRight(f, ".,"))
		}
	}
	return len(b), nil
}

func send[T any](c chan T, v T) {
	select {
	case c <- v:
	default:
	}
}

// safe is a buffer that several goroutines write.
type safe struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *safe) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
