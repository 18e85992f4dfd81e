package capture

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
)

func TestEveryTLSVersionIsServed(t *testing.T) {
	r := start(t, &Server{})
	for version, name := range map[uint16]string{
		tls.VersionTLS10: "TLS 1.0", tls.VersionTLS11: "TLS 1.1", tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3",
	} {
		c := r.greeted()
		c.ask("EHLO a.example", "250")
		c.ask("STARTTLS", "220")
		c.startTLS(&tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		c.ask("EHLO a.example", "250")
		c.ask("QUIT", "221")
		if s := r.session(); s.TLS.Version != name || s.TLS.ClientVersions[0] != name || s.End != probes.EndQuit {
			t.Errorf("%s: %+v", name, s.TLS)
		}
	}
}

func TestOldSuitesAreServed(t *testing.T) {
	r := start(t, &Server{})
	for _, suite := range []uint16{
		tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	} {
		c := r.greeted()
		c.ask("STARTTLS", "220")
		c.startTLS(&tls.Config{
			InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, CipherSuites: []uint16{suite},
		})
		c.ask("EHLO a.example", "250")
		c.ask("QUIT", "221")
		if s := r.session(); s.TLS.Cipher != tls.CipherSuiteName(suite) {
			t.Errorf("%s: %+v", tls.CipherSuiteName(suite), s.TLS)
		}
	}
}

func TestTLSFromTheFirstByteIsTakenOnAnyPort(t *testing.T) {
	r := start(t, &Server{Limits: Limits{Peek: patience}})
	c := r.dial()
	c.startTLS(nil)
	c.expect("220")
	c.ask("EHLO a.example", "250")
	c.ask("QUIT", "221")
	s := r.session()
	if s.TLS.Mode != probes.Implicit || !slices.Contains(s.Quirks, quirkImplicitOnPlainPort) {
		t.Errorf("mode %s, quirks %q", s.TLS.Mode, s.Quirks)
	}
}

func TestASilentClientIsGreetedAfterAMoment(t *testing.T) {
	r := start(t, &Server{Limits: Limits{Peek: 50 * time.Millisecond}})
	r.greeted().ask("QUIT", "221")
	if s := r.session(); s.TLS.Mode != probes.NoTLS || s.End != probes.EndQuit {
		t.Errorf("mode %s, end %s", s.TLS.Mode, s.End)
	}
}

func TestTLSAfterTheGreetingIsRecorded(t *testing.T) {
	r := start(t, &Server{})
	c := r.greeted()
	c.send(string(wireHello(0x0301, 0x0303, list("c02f"), nil, 1<<14)))
	c.in.ReadByte()
	c.conn.Close()
	s := r.session()
	if !slices.Contains(s.Quirks, quirkTLSAfterBanner) || !slices.Equal(s.TLS.ClientVersions, []string{"TLS 1.2"}) || s.End != probes.EndTLS {
		t.Errorf("quirks %q, TLS %+v, end %s", s.Quirks, s.TLS, s.End)
	}
}

func TestAHelloBehindSTARTTLSIsTaken(t *testing.T) {
	r := start(t, &Server{})
	c := r.greeted()
	c.ask("EHLO a.example", "250")
	raw := c.conn
	ahead := &aheadConn{Conn: raw, first: []byte("STARTTLS\r\n"), skip: 1}
	s := tls.Client(ahead, &tls.Config{InsecureSkipVerify: true})
	if err := s.Handshake(); err != nil {
		t.Fatal(err)
	}
	c.conn, c.in = s, bufio.NewReader(s)
	c.ask("EHLO a.example", "250")
	c.ask("QUIT", "221")
	if s := r.session(); !slices.Contains(s.Quirks, quirkHelloPipelined) || s.TLS.Version != "TLS 1.3" {
		t.Errorf("quirks %q, TLS %+v", s.Quirks, s.TLS)
	}
}

// aheadConn sends first together with the first write, and drops as many
// lines before what it reads.
type aheadConn struct {
	net.Conn
	first []byte
	skip  int
}

func (a *aheadConn) Write(b []byte) (int, error) {
	if a.first == nil {
		return a.Conn.Write(b)
	}
	_, err := a.Conn.Write(append(a.first, b...))
	a.first = nil
	return len(b), err
}

func (a *aheadConn) Read(b []byte) (int, error) {
	for one := make([]byte, 1); a.skip > 0; {
		if _, err := a.Conn.Read(one); err != nil {
			return 0, err
		}
		if one[0] == '\n' {
			a.skip--
		}
	}
	return a.Conn.Read(b)
}

func TestCommandsBehindSTARTTLSAreDropped(t *testing.T) {
	r := start(t, &Server{})
	c := r.greeted()
	c.ask("EHLO a.example", "250")
	c.ask("STARTTLS\r\nMAIL FROM:<evil@example.org>", "220")
	c.startTLS(nil)
	c.ask("EHLO a.example", "250")
	c.ask("QUIT", "221")
	if s := r.session(); s.MailFrom != "" || !slices.Contains(s.Quirks, quirkPlainAfterSTARTTLS) {
		t.Errorf("from %q, quirks %q", s.MailFrom, s.Quirks)
	}
}

func TestAHandshakeThatCannotFinishStillTellsTheOffer(t *testing.T) {
	groups := []extension{{10, bytes16(pack(list("0017")))}, {11, bytes8([]byte{0})}}
	for _, tt := range []struct {
		name, policy string
		hello        []byte
		versions     string
		id           string
	}{
		{"SSL 2.0", "exchange", sslv2Hello(0x0002, 0x010080), "SSL 2.0", tlsNoCommonVersion},
		{"TLS 1.0 in the format of SSL 2.0", "exchange", sslv2Hello(0x0301, 0x00002f), "TLS 1.0", tlsNoCommonVersion},
		{"SSL 3.0", "exchange", wireHello(0x0300, 0x0300, list("0004 000a"), nil, 1<<14), "SSL 3.0", tlsNoCommonVersion},
		{"DHE only", "exchange", wireHello(0x0301, 0x0301, list("0033 0016"), groups, 1<<14), "TLS 1.0", tlsNoCommonSuite},
		{"export only", "exchange", wireHello(0x0301, 0x0301, list("0003 0008"), nil, 1<<14), "TLS 1.0", tlsNoCommonSuite},
		{"TLS 1.0 where 1.2 is wanted", "tls12-only", wireHello(0x0301, 0x0301, list("002f"), nil, 1<<14), "TLS 1.0", tlsNoCommonVersion},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, &Server{Policy: policy(t, tt.policy), Limits: Limits{Command: 5 * time.Second}})
			c := r.greeted()
			c.ask("EHLO a.example", "250")
			c.ask("STARTTLS", "220")
			c.send(string(tt.hello))
			s := r.session()
			if got := strings.Join(s.TLS.ClientVersions, " "); got != tt.versions || s.TLS.Error != tt.id || len(s.TLS.ClientSuites) == 0 {
				t.Errorf("TLS %+v, want %s offered and error %s", s.TLS, tt.versions, tt.id)
			}
			if s.End != probes.EndTLS || !s.IsSender() {
				t.Errorf("end %s, protocol %q", s.End, s.Protocol)
			}
			if old := tt.hello[0] != 22; old != slices.Contains(s.Quirks, quirkSSLv2Hello) {
				t.Errorf("quirks %q", s.Quirks)
			}
		})
	}
}

// refuse ends a handshake in one of the shapes in which clients refuse a
// certificate.
func TestARefusedCertificateIsSeenInItsFourShapes(t *testing.T) {
	shapes := map[string]func(*testing.T, *client){
		refusalAlert: func(_ *testing.T, c *client) {
			tls.Client(c.conn, &tls.Config{ServerName: "smtp.office365.com"}).Handshake()
		},
		refusalPlainAlert: func(t *testing.T, c *client) {
			plain := &plainAlertConn{Conn: c.conn}
			if err := tls.Client(plain, &tls.Config{ServerName: "smtp.office365.com"}).Handshake(); err == nil || !plain.sent {
				t.Errorf("handshake: %v, alert sent: %v", err, plain.sent)
			}
		},
		refusalReset: func(_ *testing.T, c *client) {
			c.send(string(wireHello(0x0301, 0x0301, list("002f"), nil, 1<<14)))
			c.in.ReadByte()
			c.conn.(*net.TCPConn).SetLinger(0)
			c.conn.Close()
		},
		refusalClosed: func(_ *testing.T, c *client) { c.startTLS(nil).Close() },
	}
	for shape, refuse := range shapes {
		t.Run(shape, func(t *testing.T) {
			r := start(t, &Server{})
			c := r.greeted()
			c.ask("EHLO a.example", "250")
			c.ask("STARTTLS", "220")
			refuse(t, c)
			c.conn.Close()
			s := r.session()
			if s.TLS.Error != tlsCertificateRefused || s.TLS.Refusal != shape || s.End != probes.EndTLS || len(s.TLS.ClientVersions) == 0 {
				t.Errorf("TLS %+v, end %s", s.TLS, s.End)
			}
		})
	}
}

// plainAlertConn sends the alert "unknown certificate authority" unencrypted
// inside TLS 1.3, as OpenSSL up to 3.0 does.
type plainAlertConn struct {
	net.Conn
	writes int
	sent   bool
}

func (p *plainAlertConn) Write(b []byte) (int, error) {
	p.writes++
	encrypted := len(b) > 0 && b[0] == 23
	if at := bytes.Index(b, []byte{23, 3, 3}); at >= 0 {
		encrypted = true
	}
	if !encrypted {
		return p.Conn.Write(b)
	}
	p.sent = true
	_, err := p.Conn.Write([]byte{21, 3, 3, 0, 2, 2, 48})
	return len(b), err
}

func TestPlainAndSTARTTLSAreTakenOnTheTLSPort(t *testing.T) {
	for _, how := range []string{"plain", "starttls"} {
		t.Run(how, func(t *testing.T) {
			c, r := pipeTo(t, "465")
			raw := c.conn
			c.send("EHLO a.example\r\n") // instead of waiting for three seconds
			c.expect("220")
			c.expect("250")
			if how == "starttls" {
				c.ask("STARTTLS", "220")
				c.startTLS(nil)
				c.ask("EHLO a.example", "250")
			}
			c.ask("QUIT", "221")
			raw.Close()
			s := <-r.ended
			if !slices.Contains(s.Quirks, quirkPlainOnTLSPort) || (how == "starttls") != slices.Contains(s.Quirks, quirkSTARTTLSOnTLSPort) {
				t.Errorf("quirks %q", s.Quirks)
			}
		})
	}
}

// pipeTo is a client of one connection that came to the given port.
func pipeTo(t *testing.T, port string) (*client, *run) {
	t.Helper()
	r := newRun(&Server{AllowPublic: true, Limits: Limits{Peek: -1}, certs: sharedCertificates()})
	ours, theirs := net.Pipe()
	c := newConn(r, ours, peerOf(ours.RemoteAddr()))
	c.port = port
	r.serving.Go(c.serve)
	t.Cleanup(func() { theirs.Close(); r.serving.Wait() })
	theirs.SetDeadline(time.Now().Add(patience))
	return &client{t: t, conn: theirs, in: bufio.NewReader(theirs)}, r
}

func TestTheCertificateNamesThisMachineAndMicrosoft(t *testing.T) {
	r := start(t, &Server{Host: "capture.contoso.example"})
	c := r.greeted()
	c.ask("STARTTLS", "220")
	cert := c.startTLS(nil).ConnectionState().PeerCertificates[0]
	c.ask("QUIT", "221")
	r.session()
	for _, name := range []string{"capture.contoso.example", "smtp.office365.com", "smtp.hve.mx.microsoft", "localhost", "127.0.0.1"} {
		if err := cert.VerifyHostname(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
