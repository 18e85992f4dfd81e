package submit_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/submit"
)

// peer is the server's end of a scripted conversation.
type peer struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	conf *tls.Config
	said []string // every line of the client
}

func (p *peer) say(lines ...string) {
	for _, l := range lines {
		if _, err := p.conn.Write([]byte(l + "\r\n")); err != nil {
			return
		}
	}
}

// hear reads one line; "" when the client is gone.
func (p *peer) hear() string {
	line, err := p.r.ReadString('\n')
	if err != nil {
		return ""
	}
	line = strings.TrimRight(line, "\r\n")
	p.said = append(p.said, line)
	return line
}

func (p *peer) startTLS() {
	c := tls.Server(p.conn, p.conf)
	if err := c.Handshake(); err != nil {
		return
	}
	p.conn, p.r = c, bufio.NewReader(c)
}

// script plays a conversation up to but without the answer to stop, and
// reports whether it came so far. An empty stop plays it to the end.
func (p *peer) script(stop string) bool {
	for _, s := range []struct {
		command string
		do      func()
	}{
		{"banner", func() { p.say("220 mail.example.org ESMTP") }},
		{"EHLO", func() { p.say("250-mail.example.org", "250 STARTTLS") }},
		{"STARTTLS", func() { p.say("220 2.0.0 Ready"); p.startTLS() }},
		{"EHLO again", func() { p.say("250-mail.example.org", "250-8BITMIME", "250 AUTH XOAUTH2 OAUTHBEARER LOGIN PLAIN") }},
		{"AUTH", func() { p.say("334 ") }},
		{"token", func() { p.say("235 2.7.0 Accepted") }},
		{"MAIL", func() { p.say("250 2.1.0 OK") }},
		{"RCPT", func() { p.say("250 2.1.5 OK") }},
		{"DATA", func() { p.say("354 Go ahead") }},
		{"message", func() { p.say("250 2.0.0 Queued") }},
		{"QUIT", func() { p.say("221 2.0.0 Bye") }},
	} {
		switch s.command {
		case "banner":
		case "message":
			for line := p.hear(); line != "."; line = p.hear() {
				if line == "" && p.gone() {
					return false
				}
			}
		default:
			if p.hear() == "" {
				return false
			}
		}
		if s.command == stop {
			return true
		}
		s.do()
	}
	return stop == ""
}

func (p *peer) gone() bool { _, err := p.r.Peek(1); return err != nil }

// leaf is a certificate for names, signed by itself unless valid says how long.
func leaf(t *testing.T, from, until time.Time, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until, DNSNames: names,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	if len(names) > 0 {
		c.IPAddresses = nil
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func today(t *testing.T) (tls.Certificate, *x509.CertPool) {
	return leaf(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
}

// talk runs do for the one connection that a trial makes, and returns a
// request for it. ended is closed when do is over.
func talk(t *testing.T, do func(*peer)) (r submit.Request, p *peer, ended chan struct{}) {
	t.Helper()
	cert, pool := today(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p = &peer{t: t, conf: &tls.Config{Certificates: []tls.Certificate{cert}}}
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		p.conn, p.r = conn, bufio.NewReader(conn)
		do(p)
		p.conn.Close()
	}()
	t.Cleanup(func() { ln.Close(); <-ended })
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	n, _ := strconv.Atoi(port)
	return submit.Request{
		Route: probes.OAuth, Host: "127.0.0.1", Port: n, TLS: probes.StartTLS, Roots: pool,
		Mechanism: submit.XOAUTH2, Account: "scan@contoso.example", Credential: secret(fakeToken),
		From: "scan@contoso.example", To: []string{"it@contoso.example"},
		Message: []byte("Subject: test\r\n\r\nbody\r\n"), MessageID: "<1@contoso.example>",
	}, p, ended
}

const fakeToken = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL291dGxvb2sub2ZmaWNlMzY1LmNvbSJ9.c2lnbmF0dXJlLW9mLWEtdG9rZW4tZm9yLXRlc3Rz"

func secret(s string) submit.Credential {
	return func(context.Context) (string, *probes.Claims, error) { return s, &probes.Claims{}, nil }
}
