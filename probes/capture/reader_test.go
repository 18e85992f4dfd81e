package capture

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// slow gives out one piece a read; an empty one is a time limit that struck.
type slow struct{ pieces []string }

func (s *slow) Read(b []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	p := s.pieces[0]
	s.pieces = s.pieces[1:]
	if p == "" {
		return 0, os.ErrDeadlineExceeded
	}
	return copy(b, p), nil
}

// lines reads all lines of the pieces, with a mark for how each ended.
func lines(pieces ...string) string {
	r := newReader(&slow{pieces}, time.Minute, func(time.Duration) {})
	var got []string
	for {
		l, err := r.line(40)
		if err != nil {
			return strings.Join(got, " ")
		}
		text := string(l.text) + []string{"/crlf", "/lf", "/cr"}[l.end]
		if l.cut {
			text += "/cut"
		}
		got = append(got, text)
		r.take(l.size)
	}
}

func TestLinesAreFoundHoweverTheyEndAndArrive(t *testing.T) {
	for _, tt := range []struct {
		name   string
		pieces []string
		want   string
	}{
		{"the standard", []string{"a\r\nb\r\n"}, "a/crlf b/crlf"},
		{"in pieces", []string{"a", "\r", "\nb\r", "\n"}, "a/crlf b/crlf"},
		{"line feeds", []string{"a\nb\n"}, "a/lf b/lf"},
		{"carriage returns", []string{"a\rb\r", ""}, "a/cr b/cr"},
		{"a line feed that comes late", []string{"a\r", "", "\nb\r\n"}, "a/cr b/crlf"},
		{"doubled carriage returns", []string{"a\r\r\n"}, "a/crlf"},
		{"empty lines", []string{"\r\n\n"}, "/crlf /lf"},
		{"a line that is too long", []string{strings.Repeat("x", 30), strings.Repeat("y", 30), "z\r\nb\r\n"}, strings.Repeat("x", 20) + "/crlf/cut b/crlf"},
		{"nothing", nil, ""},
	} {
		if got := lines(tt.pieces...); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWhatWasTakenIsWiped(t *testing.T) {
	r := newReader(&slow{[]string{"hunter2secret\r\nQUIT\r\n"}}, time.Minute, func(time.Duration) {})
	l, err := r.line(1000)
	if err != nil {
		t.Fatal(err)
	}
	r.take(l.size)
	if strings.Contains(string(r.buf), "hunter2") {
		t.Errorf("the buffer still holds %q", r.buf[:16])
	}
}

func TestAReaderThatGivesNothingIsGivenUp(t *testing.T) {
	r := newReader(readerFunc(func([]byte) (int, error) { return 0, nil }), time.Minute, func(time.Duration) {})
	if _, err := r.line(1000); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }
