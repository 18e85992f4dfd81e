// Package replay says to a server what a captured client said, for a bug
// report: line by line, each after the reply to the one before. It sends no
// secret, since none was kept: a dummy of the same length stands in its place.
// It sends no message but a test text, and speaks to no host but the one that
// it is given.
package replay

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"offbasic/probes"
)

// The codes of the faults of a replay.
const (
	ConnectFailed probes.Code = "connect_failed"    // args addr, cause
	NothingSaid   probes.Code = "replay_empty"      // the session holds no line of the client
	Lost          probes.Code = "replay_broken"     // args addr, cause
	TLSFailed     probes.Code = "tls_failed"        // args host, cause
	AddrInvalid   probes.Code = "replay_no_address" // arg addr
)

// Replay is one session said again.
type Replay struct {
	Session probes.Session // with its transcript
	Addr    string         // host:port
	// Patience bounds each step; 0 means 30 s: servers hold back the answer
	// to a sign-in that failed.
	Patience time.Duration
	// Now is the clock of the lines; nil means time.Now.
	Now func() time.Time
}

// Ids of the remarks among the lines.
const (
	noteTLS     = "tls"          // version
	noteUntaken = "not_sent"     // a line that the server's reply left no room for
	noteEnd     = "server_ended" // the server closed the connection
)

// Run says every line of the client and emits both sides as they are said,
// cleaned. A server that ends the dialogue is no error.
func (r Replay) Run(ctx context.Context, emit func(probes.Line)) error {
	if r.Patience == 0 {
		r.Patience = 30 * time.Second
	}
	if r.Now == nil {
		r.Now = time.Now //nolint:forbidigo // the default clock
	}
	host, _, err := net.SplitHostPort(r.Addr)
	if err != nil || host == "" {
		return &probes.Fault{Op: "replay a session", Code: AddrInvalid, Args: map[string]string{"addr": r.Addr}, Err: err}
	}
	said := lines(r.Session)
	if len(said) == 0 {
		return &probes.Fault{Op: "replay session " + r.Session.ID, Code: NothingSaid}
	}
	d := net.Dialer{Timeout: r.Patience}
	conn, err := d.DialContext(ctx, "tcp", r.Addr)
	if ctx.Err() != nil {
		if err == nil {
			_ = conn.Close()
		}
		return ctx.Err()
	}
	if err != nil {
		return &probes.Fault{Op: "connect to " + r.Addr, Code: ConnectFailed, Args: map[string]string{"addr": r.Addr, "cause": err.Error()}}
	}
	t := &talk{Replay: r, host: host, raw: conn, conn: conn, emit: emit, began: r.Now()}
	defer func() { _ = t.conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	err = t.all(ctx, said)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF):
		t.line(probes.Note, noteEnd)
		return nil
	}
	return err
}

// talk is a replay while it goes on.
type talk struct {
	Replay
	host  string
	raw   net.Conn // to set deadlines on
	conn  net.Conn
	in    *bufio.Reader
	emit  func(probes.Line)
	began time.Time
	code  string // of the last reply
}

// all says every line, as far as the replies leave room for it.
func (t *talk) all(ctx context.Context, said []step) error {
	if t.Session.TLS.Mode == probes.Implicit {
		if err := t.startTLS(ctx); err != nil {
			return err
		}
	}
	t.in = bufio.NewReaderSize(t.conn, maxReply)
	if err := t.reply(ctx); err != nil {
		return err
	}
	for _, s := range said {
		if err := t.follow(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// follow says one line if the last reply leaves room for it, and begins TLS
// where that was agreed.
func (t *talk) follow(ctx context.Context, s step) error {
	switch {
	case s.after != "" && t.code != s.after:
		t.line(probes.Note, noteUntaken+" "+s.shown)
		return nil
	case s.after == "" && t.code == "334": // a challenge that the client did not meet
		if err := t.say(ctx, step{shown: "*", wire: "*\r\n"}); err != nil {
			return err
		}
	}
	if err := t.say(ctx, s); err != nil || !s.tls || t.code != "220" {
		return err
	}
	err := t.startTLS(ctx)
	t.in = bufio.NewReaderSize(t.conn, maxReply)
	return err
}

func (t *talk) say(ctx context.Context, s step) error {
	t.line(probes.Client, s.shown)
	t.wait(ctx)
	if _, err := io.WriteString(t.conn, s.wire); err != nil {
		return t.broken(err)
	}
	return t.reply(ctx)
}

// maxReply bounds one line of a reply, maxLines their number.
const (
	maxReply = 4096
	maxLines = 100
)

// reply reads one reply, which may have several lines.
func (t *talk) reply(ctx context.Context) error {
	for range maxLines {
		t.wait(ctx)
		b, err := t.in.ReadSlice('\n')
		if len(b) == 0 && err != nil {
			return t.broken(err)
		}
		l := strings.TrimRight(string(b), "\r\n")
		t.line(probes.Server, l)
		if err != nil {
			return t.broken(err)
		}
		if t.code = l[:min(3, len(l))]; len(l) < 4 || l[3] != '-' {
			return nil
		}
	}
	return t.broken(errors.New("the reply does not end"))
}

// startTLS does not verify the certificate: no secret is sent, and the server
// is often one that is being repaired.
func (t *talk) startTLS(ctx context.Context) error {
	c := tls.Client(t.conn, &tls.Config{
		ServerName: t.host, MinVersion: tls.VersionTLS10,
		InsecureSkipVerify: true, //nolint:gosec // see above
	})
	t.wait(ctx)
	if err := c.HandshakeContext(ctx); err != nil {
		return &probes.Fault{Op: "start TLS with " + t.Addr, Code: TLSFailed, Args: map[string]string{"host": t.host, "cause": err.Error()}}
	}
	t.conn = c
	t.line(probes.Note, noteTLS+" "+tls.VersionName(c.ConnectionState().Version))
	return nil
}

// wait bounds the next read or write, unless the replay was ended meanwhile.
func (t *talk) wait(ctx context.Context) {
	if ctx.Err() == nil {
		_ = t.raw.SetDeadline(time.Now().Add(t.Patience)) //nolint:forbidigo // a socket's deadline is wall time
	}
}

func (t *talk) broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return &probes.Fault{Op: "replay a session to " + t.Addr, Code: Lost, Args: map[string]string{"addr": t.Addr, "cause": err.Error()}}
}

func (t *talk) line(from probes.Speaker, s string) {
	const longest = 1000
	t.emit(probes.Line{MS: t.Now().Sub(t.began).Milliseconds(), From: from, Text: probes.Clean(s, longest)})
}
