package submit_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"offbasic/probes"
	"offbasic/probes/submit"
)

// To a relay at the other end of a pipe: what a trial takes there is its own
// time, and that of a server that does nothing.
func BenchmarkTrial(b *testing.B) {
	r := inClear(func(context.Context, string) (net.Conn, error) { return piped(answers(nil)), nil }, "192.0.2.1")
	for b.Loop() {
		if tr := submit.Send(b.Context(), r, nil); tr.Outcome != probes.TrialSent {
			b.Fatal(steps(tr))
		}
	}
}

// scan20MB is a message as a copier makes it: base64 lines of 76 characters.
func scan20MB() []byte {
	line := strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=", 3)[:76] + "\r\n"
	head := "From: \"Scan\" <scan@contoso.example>\r\nTo: it@contoso.example\r\nSubject: Scan\r\nMessage-ID: <1@copier>\r\n\r\n"
	return []byte(head + strings.Repeat(line, 20_000_000/len(line)))
}

// swallow is a relay that reads a message as fast as it can.
func swallow(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 64<<10)
	say := func(s string) { _, _ = io.WriteString(conn, s+"\r\n") }
	say("220 relay")
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case err != nil:
			return
		case bytes.HasPrefix(line, []byte("EHLO")):
			say("250-relay\r\n250 8BITMIME")
		case bytes.HasPrefix(line, []byte("DATA")):
			say("354 Go ahead")
			for line, err = r.ReadSlice('\n'); err == nil && string(line) != ".\r\n"; line, err = r.ReadSlice('\n') {
			}
			say("250 Queued")
		default:
			say("250 OK")
		}
	}
}

// A captured message of 20 MB, adapted and sent.
func BenchmarkReplay20MB(b *testing.B) {
	raw := scan20MB()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go swallow(conn)
		}
	}()
	r := inClear(func(ctx context.Context, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", ln.Addr().String())
	}, "192.0.2.1")
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		r.Message, _ = submit.Adapt(raw, "<2@offbasic.invalid>", "", submit.ByRoute)
		if tr := submit.Send(b.Context(), r, nil); tr.Outcome != probes.TrialSent {
			b.Fatal(steps(tr))
		}
	}
}

func BenchmarkAdapt20MB(b *testing.B) {
	raw := scan20MB()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		submit.Adapt(raw, "<2@offbasic.invalid>", "", submit.ByRoute)
	}
}
