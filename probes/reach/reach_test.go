package reach

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
)

// authority signs certificates for tests.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{key: key}
	a.cert, _ = a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, key)
	return a
}

func (a authority) sign(t *testing.T, c *x509.Certificate, key *ecdsa.PrivateKey) (*x509.Certificate, tls.Certificate) {
	t.Helper()
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	parent := a.cert
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// leaf is a certificate for mx.example, after edit changed it.
func (a authority) leaf(t *testing.T, edit func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: "mx.example"}, DNSNames: []string{"mx.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if edit != nil {
		edit(c)
	}
	_, pair := a.sign(t, c, a.key)
	return pair
}

func (a authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// server is a mail server of which a test says what it answers.
type server struct {
	banner, ehlo string // with their line ends
	config       *tls.Config
	implicit     bool
}

// serve answers until the test ends, and returns the port.
func (s server) serve(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go s.answer(conn)
		}
	}()
	return ln.Addr().(*net.TCPAddr).Port
}

func (s server) answer(conn net.Conn) {
	defer conn.Close()
	if s.implicit {
		_ = tls.Server(conn, s.config).Handshake()
		return
	}
	_, _ = conn.Write([]byte(s.banner))
	for in := bufio.NewReader(conn); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch {
		case strings.HasPrefix(line, "EHLO"):
			_, _ = conn.Write([]byte(s.ehlo))
		case strings.HasPrefix(line, "STARTTLS"):
			_, _ = conn.Write([]byte("220 go\r\n"))
			_ = tls.Server(conn, s.config).Handshake()
			return
		default:
			_, _ = conn.Write([]byte("221 bye\r\n"))
			return
		}
	}
}

const offered = "250-mx.example\r\n250-STARTTLS\r\n250 SIZE 1000\r\n"

func TestHandshakeIsDescribed(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	for name, tt := range map[string]struct {
		cert     tls.Certificate
		lowest   uint16
		implicit bool
		problem  string
		versions []string
	}{
		"sound":        {ca.leaf(t, nil), tls.VersionTLS12, false, "", []string{"TLS 1.2", "TLS 1.3"}},
		"on connect":   {ca.leaf(t, nil), tls.VersionTLS13, true, "", []string{"TLS 1.3"}},
		"old versions": {ca.leaf(t, nil), tls.VersionTLS10, false, "", []string{"TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"}},
		"another name": {ca.leaf(t, func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} }), tls.VersionTLS12, false, "name", nil},
		"over":         {ca.leaf(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), tls.VersionTLS12, false, "expired", nil},
		"not yet":      {ca.leaf(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), tls.VersionTLS12, false, "early", nil},
		"unknown CA":   {other.leaf(t, nil), tls.VersionTLS12, false, "untrusted", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := server{banner: "220 mx.example\r\n", ehlo: offered, implicit: tt.implicit, config: &tls.Config{Certificates: []tls.Certificate{tt.cert}, MinVersion: tt.lowest}}
			p := Probe{Host: "127.0.0.1", Port: s.serve(t), ServerName: "mx.example", Roots: ca.pool()}
			if tt.implicit {
				p.Mode = probes.Implicit
			}
			h, err := p.TLS(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if h.Problem != tt.problem || h.Verified != (tt.problem == "") || len(h.Chain) != 1 || h.Suite == "" {
				t.Errorf("it is %+v", h)
			}
			if tt.versions != nil && !slices.Equal(h.Versions, tt.versions) {
				t.Errorf("it takes %v, want %v", h.Versions, tt.versions)
			}
		})
	}
}

// What no handshake is possible with is told in three parts.
func TestNothingToShakeHandsWith(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := closed.Addr().(*net.TCPAddr).Port
	closed.Close()
	for name, tt := range map[string]struct {
		host string
		port int
		code probes.Code
	}{
		"no STARTTLS":    {"127.0.0.1", server{banner: "220 x\r\n", ehlo: "250 x\r\n"}.serve(t), Unencrypted},
		"not SMTP":       {"127.0.0.1", server{banner: "SSH-2.0-x\r\n"}.serve(t), NoGreeting},
		"half a banner":  {"127.0.0.1", server{banner: "22"}.serve(t), Closed},
		"endless line":   {"127.0.0.1", server{banner: "220 " + strings.Repeat("x", 1<<20)}.serve(t), Closed},
		"endless EHLO":   {"127.0.0.1", server{banner: "220 x\r\n", ehlo: strings.Repeat("250-x\r\n", 100_000)}.serve(t), NoGreeting},
		"nothing there":  {"127.0.0.1", port, Closed},
		"no host":        {"a b", 25, HostInvalid},
		"a host in lies": {"a\r\nb", 25, HostInvalid},
	} {
		_, err := Probe{Host: tt.host, Port: tt.port, Limit: 200 * time.Millisecond}.TLS(t.Context())
		if f, ok := errors.AsType[*probes.Fault](err); !ok || f.Code != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
}

// both resolves a name to two addresses, of which nothing listens on one.
type both struct{}

func (both) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) {
	return []net.IPAddr{{IP: net.ParseIP("127.0.0.2")}, {IP: net.ParseIP("127.0.0.1")}}, nil
}

func TestDoorsOfEveryAddress(t *testing.T) {
	port := server{banner: "220 mx.example ESMTP\r\n", ehlo: offered}.serve(t)
	doors, err := Probe{Host: "mx.example", Port: port, DNS: both{}, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if strings.HasPrefix(addr, "127.0.0.2:") {
			return nil, &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}.Doors(t.Context())
	if err != nil || len(doors) != 2 {
		t.Fatalf("%+v (%v)", doors, err)
	}
	if doors[0].Outcome != probes.DialTimeout || doors[1].Outcome != probes.DialConnected || !doors[1].STARTTLS || doors[1].Banner != "mx.example ESMTP" {
		t.Errorf("%+v", doors)
	}
}

// The marks of firewalls that inspect SMTP (Cisco, "ESMTP inspection": names of
// commands are overwritten with X, the banner with asterisks).
func TestRewritingFirewallIsNamed(t *testing.T) {
	for name, tt := range map[string]struct{ banner, ehlo, want string }{
		"banner of stars":  {"220 " + strings.Repeat("*", 60) + "2******200**\r\n", offered, "banner_masked"},
		"STARTTLS with X":  {"220 mx\r\n", "250-mx\r\n250-XXXXXXXA\r\n250 SIZE\r\n", "starttls_masked"},
		"another protocol": {"HTTP/1.1 400 Bad Request\r\n", "", "not_smtp"},
		"nothing":          {"220 mx\r\n", "250-mx\r\n250-STARTTLS\r\n250-XCLIENT NAME\r\n250 X-EXPS LOGIN\r\n", ""},
	} {
		port := server{banner: tt.banner, ehlo: tt.ehlo}.serve(t)
		doors, err := Probe{Host: "127.0.0.1", Port: port}.Doors(t.Context())
		if err != nil || doors[0].Rewritten != tt.want {
			t.Errorf("%s: %+v (%v), want %q", name, doors, err, tt.want)
		}
	}
}

// A look ends with its context while a server says nothing.
func TestCancelledLookEnds(t *testing.T) {
	port := server{}.serve(t)
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	doors, err := Probe{Host: "127.0.0.1", Port: port, Limit: time.Hour}.Doors(ctx)
	if err != nil || doors[0].Outcome == probes.DialConnected && doors[0].Banner != "" {
		t.Errorf("%+v (%v)", doors, err)
	}
}

func TestPublicAddressIsAskedOverHTTPSOnly(t *testing.T) {
	answer, status := "203.0.113.9\n", http.StatusOK
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://127.0.0.1/")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	defer s.Close()
	ask := func(service string) string {
		ip, err := PublicAddress(t.Context(), s.Client(), service)
		if f, ok := errors.AsType[*probes.Fault](err); ok {
			return string(f.Code)
		}
		return ip.String()
	}
	for _, tt := range []struct {
		service, answer string
		status          int
		want            string
	}{
		{s.URL, "203.0.113.9\n", 200, "203.0.113.9"},
		{s.URL, `{"ip":"2001:db8::9"}`, 200, "2001:db8::9"},
		{s.URL, "your address is 192.168.1.1", 200, string(NoAddress)},
		{s.URL, "<html>hello</html>", 200, string(NoAddress)},
		{s.URL, "203.0.113.9", 302, string(ServiceFailed)},
		{strings.Replace(s.URL, "https", "http", 1), "203.0.113.9", 200, string(ServiceInvalid)},
		{"https://user:secret@127.0.0.1/", "", 200, string(ServiceInvalid)},
		{"file:///etc/hosts", "", 200, string(ServiceInvalid)},
	} {
		answer, status = tt.answer, tt.status
		if got := ask(tt.service); got != tt.want {
			t.Errorf("%s answering %s %q: %s, want %s", tt.service, strconv.Itoa(tt.status), tt.answer, got, tt.want)
		}
	}
	if _, err := PublicAddress(t.Context(), s.Client(), "https://user:secret@127.0.0.1/"); strings.Contains(fmt.Sprintf("%+v", err), "secret") {
		t.Errorf("a password is shown: %v", err)
	}
}
