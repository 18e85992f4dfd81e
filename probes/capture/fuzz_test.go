package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"offbasic/probes"
)

// shows fails when a text of a record could move a terminal.
func shows(t *testing.T, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }) {
			t.Errorf("not clean: %q", s)
		}
	}
}

func FuzzCommands(f *testing.F) {
	for _, d := range deviceTalks() {
		f.Add([]byte(strings.Join(d.turns, "")))
	}
	f.Add(append([]byte("EHLO a\r\nSTARTTLS\r\n"), wireHello(0x0301, 0x0303, list("c02f"), nil, 1<<14)...))
	p, _ := PolicyNamed("everything")
	certs := sharedCertificates()
	f.Fuzz(func(t *testing.T, sent []byte) {
		r := newRun(&Server{AllowPublic: true, Policy: p, Limits: Limits{Peek: -1, Command: time.Second, LineLength: 1000}, certs: certs})
		s := overBytes(r, sent)
		b, err := s.MarshalJSON()
		if err != nil || s.End == "" || len(b) > 1<<20 {
			t.Errorf("end %q, %d bytes, %v", s.End, len(b), err)
		}
		shows(t, s.Hello, s.MailFrom, strings.Join(s.RcptTo, ""), s.Account())
		for _, l := range s.Transcript {
			shows(t, l.Text)
		}
	})
}

func FuzzPOP3(f *testing.F) {
	for _, d := range popTalks() {
		var sent strings.Builder
		for _, turn := range d.turns {
			line, _, _ := strings.Cut(turn, "|")
			sent.WriteString(line + "\r\n")
		}
		f.Add([]byte(sent.String()))
	}
	p, _ := PolicyNamed("everything")
	certs := sharedCertificates()
	f.Fuzz(func(t *testing.T, sent []byte) {
		r := newRun(&Server{AllowPublic: true, Policy: p, Limits: Limits{Peek: -1, Command: time.Second, LineLength: 1000}, certs: certs})
		const secret = "Geheim-7Qx!"
		s := popOverBytes(r, append([]byte("USER scan\r\nPASS "+secret+"\r\n"), sent...))
		b, err := s.MarshalJSON()
		if err != nil || s.End == "" || s.IsSender() || len(b) > 1<<20 {
			t.Errorf("end %q, protocol %q, %d bytes, %v", s.End, s.Protocol, len(b), err)
		}
		if bytes.Contains(b, []byte(secret)) && !bytes.Contains(sent, []byte(secret)) {
			t.Errorf("the password is in %s", b)
		}
		shows(t, s.Account())
		for _, l := range s.Transcript {
			shows(t, l.Text)
		}
	})
}

// popOverBytes is overBytes for POP3.
func popOverBytes(r *run, sent []byte) probes.Session {
	c := newConn(r, &bytesConn{Reader: bytes.NewReader(sent)}, netip.MustParseAddr("192.168.1.50"))
	c.pop3 = true
	go c.serve()
	return <-r.ended
}

// overBytes is the session of a client that sends all this and reads nothing
// of what it is answered.
func overBytes(r *run, sent []byte) probes.Session {
	c := newConn(r, &bytesConn{Reader: bytes.NewReader(sent)}, netip.MustParseAddr("192.168.1.50"))
	go c.serve()
	return <-r.ended
}

// bytesConn is a connection that the client has already closed.
type bytesConn struct{ *bytes.Reader }

func (*bytesConn) Write(b []byte) (int, error) { return len(b), nil }
func (*bytesConn) Close() error                { return nil }
func (*bytesConn) LocalAddr() net.Addr         { return &net.TCPAddr{IP: net.IPv4(192, 168, 1, 2), Port: 587} }

func (*bytesConn) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 168, 1, 50), Port: 999}
}
func (*bytesConn) SetDeadline(time.Time) error      { return nil }
func (*bytesConn) SetReadDeadline(time.Time) error  { return nil }
func (*bytesConn) SetWriteDeadline(time.Time) error { return nil }
func (b *bytesConn) WriteTo(io.Writer) (int64, error) {
	return 0, io.ErrUnexpectedEOF // only Read is asked
}

func FuzzSignIns(f *testing.F) {
	token := "user=scan@contoso.example\x01auth=Bearer " + jwt(appToken) + "\x01\x01"
	for _, mech := range append(mechanismNames(), "GSSAPI") {
		for _, seed := range []string{
			user64, pass64, "scan", plain64("\x00scan\x00secret"), plain64("scan 3dbc88f0624776a737b39093f6eb6427"), plain64(token),
			plain64("n,a=scan@contoso.example,\x01auth=Bearer x\x01\x01"), plain64(string(authenticate("D", "u", "h", true))), "=", "", "*",
		} {
			f.Add(mech, seed, pass64)
		}
	}
	f.Fuzz(func(t *testing.T, mech, first, second string) {
		const secret = "Geheim-7Qx!"
		d := signIn(mech, first, second, secret, plain64(secret))
		shows(t, d.shown, d.auth.Account, d.auth.Domain, d.auth.Host, d.auth.Mechanism)
		if strings.Contains(first+second, secret) {
			return
		}
		if all := fmt.Sprintf("%+v %s", d.auth, d.shown); strings.Contains(all, secret) && mech != "LOGIN" {
			t.Errorf("the secret is in %s", all)
		}
	})
}

func FuzzClientHello(f *testing.F) {
	f.Add(wireHello(0x0301, 0x0303, list("c02f 0a0a 1301"), []extension{
		{extServerName, bytes16(append([]byte{0}, bytes16([]byte("a.example"))...))},
		{extALPN, bytes16(bytes8([]byte("h2")))},
		{extSupportedVersions, bytes8(pack(list("0304 0303")))},
		{extSupportedGroups, bytes16(pack(list("001d")))},
		{extPointFormats, bytes8([]byte{0})},
		{extSignatures, bytes16(pack(list("0403")))},
	}, 1<<14))
	f.Add(wireHello(0x0300, 0x0300, list("0004"), nil, 5))
	f.Add(sslv2Hello(0x0301, 0x00002f, 0x010080))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHello(b)
		o := h.offer(probes.Implicit)
		shows(t, o.SNI, strings.Join(o.ALPN, ""))
		if err == nil && len(o.ClientVersions) == 0 {
			t.Errorf("a hello without a version: %+v", o)
		}
	})
}

func FuzzHeaders(f *testing.F) {
	f.Add([]byte(scan), 3)
	f.Add([]byte("Subject: x\n\nbody"), 1)
	f.Add([]byte("Content-Type: multipart/mixed; boundary==\r\n\r\n--=\r\nContent-Disposition: x; filename*0*=a'b'c\r\n\r\n"), 5)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		if len(b) > 1<<16 {
			return
		}
		var whole, pieces headerReader
		whole.feed(b)
		size = min(max(size, 1), 1<<16)
		for rest := b; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			pieces.feed(rest[:min(size, len(rest))])
		}
		got, want := pieces.summary(), whole.summary()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("in pieces of %d: %+v, whole: %+v", size, got, want)
		}
		shows(t, got.From, got.Subject, got.MessageID, got.Mailer, got.Date, got.Boundary, strings.Join(got.To, ""), strings.Join(got.Attachments, ""))
	})
}

func FuzzPolicyFile(f *testing.F) {
	f.Add([]byte(`{"base":"everything","name":"x","replies":{"AUTH LOGIN":"535 5.7.3 no"},"delays_ms":{"MAIL":5}}`))
	f.Add([]byte(`{"ehlo":["SIZE 1","AUTH=LOGIN"],"tls_min":"1.0","login_prompts":["a","b"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadPolicy(bytes.NewReader(b))
		if err != nil {
			if f, ok := errors.AsType[*probes.Fault](err); !ok || f.Code != "policy_size" && f.Args["line"] == "" {
				t.Errorf("the error names no line: %v", err)
			}
			return
		}
		if err := (&policyFile{}).check(p); err != nil {
			t.Errorf("it was read and is wrong: %v", err)
		}
	})
}
