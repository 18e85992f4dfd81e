package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf16"

	"offbasic/assets"
	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
)

const refused = "Nov 22 10:00:01 mx postfix/smtp[1]: A1B2C: to=<a@example.org>, status=bounced (said: 550 5.7.30 Basic authentication is not supported for Client Submission.)\n"

func refusalOf(id, code string) string {
	return "Nov 22 10:00:09 mx postfix/smtp[1]: " + id + ": to=<a@example.org>, status=bounced (said: " + code + ")\n"
}

func explaining(t *testing.T, in io.Reader) (*call, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	tr, err := text.Load(assets.Locales(), "en")
	if err != nil {
		t.Fatal(err)
	}
	var out, talk bytes.Buffer
	return &call{Program: Program{In: in, Out: &out, Err: &talk, Env: func(string) string { return "" }, Now: time.Now}, tr: tr}, &out, &talk
}

func packed(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func inUTF16(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
		b.WriteByte(byte(u))
		b.WriteByte(byte(u >> 8))
	}
	return b.String()
}

// A log is told by its bytes, not by its name, on stdin as well, however the
// bytes come.
func TestLogIsReadHoweverItIsPacked(t *testing.T) {
	for name, log := range map[string]string{
		"plain": refused, "gzip": packed(t, refused), "two gzips, one behind the other": packed(t, "x\n") + packed(t, refused),
		"UTF-16": inUTF16("é\U0001f5a8\n" + refused), "UTF-8 with a mark": "\ufeff" + refused, "UTF-16 in gzip": packed(t, inUTF16(refused)),
	} {
		c, out, _ := explaining(t, iotest.OneByteReader(strings.NewReader(log)))
		err := c.explain(t.Context(), nil, false)
		if err != nil || !strings.HasPrefix(out.String(), "550 5.7.30 Basic") || !strings.Contains(out.String(), "Nov 22 10:00:01") {
			t.Errorf("%s: error %v, output %q", name, err, out)
		}
	}
}

func TestWhatIsNoLogIsRefusedWithItsReason(t *testing.T) {
	for want, log := range map[string]string{
		"log_empty": "", "log_binary": "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00", "log_damaged": packed(t, strings.Repeat(refused, 100))[:60],
	} {
		c, _, _ := explaining(t, strings.NewReader(log))
		if f, ok := errors.AsType[*probes.Fault](c.explain(t.Context(), nil, false)); !ok || string(f.Code) != want {
			t.Errorf("fault %v, want %s", f, want)
		}
	}
	c, _, _ := explaining(t, nil)
	if f, ok := errors.AsType[*probes.Fault](c.explain(t.Context(), []string{t.TempDir()}, false)); !ok || f.Code != "log_is_directory" {
		t.Errorf("fault %v, want log_is_directory", f)
	}
}

// Typing nothing must not keep ctrl+c from ending the program.
func TestReadingFromASilentTerminalCanBeStopped(t *testing.T) {
	in, typed := io.Pipe()
	defer typed.Close()
	c, _, _ := explaining(t, in)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := c.explain(ctx, []string{"-"}, false); err == nil {
		t.Error("a stopped reading ended as if it had come to its end")
	}
}

// following is a log under watch. Every tick returns when the look before it
// has ended, so that what is written between two ticks is seen by the second.
type following struct {
	t     *testing.T
	path  string
	out   *bytes.Buffer
	ticks chan time.Time
	stop  func()
	ended chan error
}

func followLog(t *testing.T, before string) *following {
	t.Helper()
	f := &following{t: t, path: filepath.Join(t.TempDir(), "mail.log"), ticks: make(chan time.Time), ended: make(chan error, 1)}
	f.add(before)
	c, out, _ := explaining(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	f.out, f.stop = out, stop
	go func() { f.ended <- c.follow(ctx, checks.NewExplainer(), []string{f.path}, f.ticks) }()
	f.look()
	return f
}

func (f *following) add(s string) {
	f.t.Helper()
	w, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteString(s); err != nil {
		f.t.Fatal(err)
	}
}

// look waits for a whole look at the log: the first tick is taken when the
// look under way ends, the second when the look that it began has ended.
func (f *following) look() {
	f.t.Helper()
	for range 2 {
		select {
		case f.ticks <- time.Time{}:
		case err := <-f.ended:
			f.t.Fatalf("the watch ended: %v", err)
		}
	}
}

func (f *following) end() string {
	f.t.Helper()
	f.look()
	f.stop()
	if err := <-f.ended; err != nil {
		f.t.Errorf("a stopped watch ends with %v", err)
	}
	return f.out.String()
}

func TestGrowingLogIsWatched(t *testing.T) {
	f := followLog(t, "Nov 22 09:00:00 mx postfix/qmgr[9]: BBBB2: from=<scan@contoso.example>, size=1, nrcpt=1 (queue active)\n"+refused)
	half := refusalOf("BBBB2", "535 5.7.3 Authentication unsuccessful")
	f.add(half[:40])
	f.look()
	f.add(half[40:])
	f.look()
	f.add(refusalOf("CCCC3", "535 5.7.3 Authentication unsuccessful"))
	got := f.end()
	if strings.Contains(got, "5.7.30") {
		t.Errorf("what was there before is told as new:\n%s", got)
	}
	if n := strings.Count(got, "535 5.7.3 Authentication unsuccessful\n"); n != 2 {
		t.Errorf("%d refusals told, want 2:\n%s", n, got)
	}
	if !strings.HasPrefix(got, "Nov 22 10:00:09  scan@contoso.example  535 5.7.3") {
		t.Errorf("the sender is not told:\n%s", got)
	}
}

// A log that is rotated is read to its end under its old name, then under its
// own; what was written while it had no name is not lost.
func TestRotationIsSurvived(t *testing.T) {
	f := followLog(t, "x\n")
	f.add(refusalOf("AAAA1", "550 5.7.64 TenantAttribution; Relay Access Denied"))
	if err := os.Rename(f.path, f.path+".1"); err != nil {
		t.Fatal(err)
	}
	f.look() // there is no log now
	old, err := os.OpenFile(f.path+".1", os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if _, err := old.WriteString(refusalOf("BBBB2", "535 5.7.3 Authentication unsuccessful")); err != nil {
		t.Fatal(err)
	}
	f.add(refusalOf("CCCC3", "530 5.7.57 Client not authenticated to send mail."))
	got := f.end()
	for _, want := range []string{"550 5.7.64", "535 5.7.3", "530 5.7.57"} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%s is told %d times, want once:\n%s", want, strings.Count(got, want), got)
		}
	}
}

func TestTruncationIsSurvived(t *testing.T) {
	f := followLog(t, strings.Repeat(refused, 10))
	if err := os.Truncate(f.path, 0); err != nil {
		t.Fatal(err)
	}
	f.add(refusalOf("BBBB2", "535 5.7.3 Authentication unsuccessful"))
	f.look()
	f.add(refusalOf("CCCC3", "530 5.7.57 Client not authenticated to send mail."))
	got := f.end()
	for _, want := range []string{"535 5.7.3", "530 5.7.57"} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%s is told %d times, want once:\n%s", want, strings.Count(got, want), got)
		}
	}
}
