package lab_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/lab"
)

// clock is a time that a test moves on while the lab reads it.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.nanos.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time        { return time.Unix(0, c.nanos.Load()) }
func (c *clock) pass(by time.Duration) { c.nanos.Add(int64(by)) }

// connect opens a connection, and reads nothing.
func connect(t *testing.T, l *lab.Lab, host string, port int) *client {
	t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return &client{t, l, conn, bufio.NewReader(conn)}
}

// open connects to a service of the lab and reads its greeting.
func open(t *testing.T, l *lab.Lab, service string) *client {
	t.Helper()
	host, port := l.Endpoint(service)
	c := connect(t, l, host, port)
	if got := c.reply(); !strings.HasPrefix(got, "220 ") {
		t.Fatalf("%s greets with %q", service, got)
	}
	return c
}

// encrypt speaks TLS from here on, with a client certificate or none.
func (c *client) encrypt(certificates ...tls.Certificate) {
	conn := tls.Client(c.conn, &tls.Config{RootCAs: c.l.Roots(), ServerName: "127.0.0.1", Certificates: certificates})
	c.conn, c.r = conn, bufio.NewReader(conn)
}

// secure opens a session with TLS, with a client certificate or none.
func secure(t *testing.T, l *lab.Lab, service string, certificate ...[]byte) *client {
	t.Helper()
	c := open(t, l, service)
	var own []tls.Certificate
	for _, pem := range certificate {
		pair, err := tls.X509KeyPair(pem, pem)
		if err != nil {
			t.Fatal(err)
		}
		own = append(own, pair)
	}
	c.say("EHLO printer.contoso.example", "STARTTLS")
	c.encrypt(own...)
	c.say("EHLO printer.contoso.example")
	return c
}

func xoauth2(user, token string) string {
	return b64("user=" + user + "\x01auth=Bearer " + token + "\x01\x01")
}

// send gives a message with From and Subject to the service, and returns the
// first refusal, or the last reply.
func (c *client) send(from string, to ...string) string {
	return c.sendAs(from, from, to...)
}

// sendAs has another From field than the envelope.
func (c *client) sendAs(from, author string, to ...string) string {
	if got := c.say("MAIL FROM:<" + from + ">"); !strings.HasPrefix(got, "250") {
		return got
	}
	for _, a := range to {
		if got := c.say("RCPT TO:<" + a + ">"); !strings.HasPrefix(got, "250") {
			return got
		}
	}
	if got := c.say("DATA"); !strings.HasPrefix(got, "354") {
		return got
	}
	return c.say("From: " + author + "\r\nTo: " + strings.Join(to, ", ") + "\r\nSubject: scan\r\nMessage-ID: <" + c.id() + "@printer.contoso.example>\r\n\r\nhello\r\n.")
}

// id is the message id of a session's messages.
func (c *client) id() string { return strings.ReplaceAll(c.conn.LocalAddr().String(), ":", ".") }

// bare is a reply without Microsoft's bracket.
func bare(reply string) string {
	r, _ := probes.ParseReply(reply)
	return r.String()
}

// mail is a message as Graph shows it.
type mail struct {
	Subject   string                         `json:"subject"`
	MessageID string                         `json:"internetMessageId"`
	Folder    string                         `json:"parentFolderId"`
	Headers   []struct{ Name, Value string } `json:"internetMessageHeaders"`
}

// header is the first field of a name.
func (m mail) header(name string) string {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// all are the fields of a name, from the top.
func (m mail) all(name string) []string {
	var list []string
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			list = append(list, h.Value)
		}
	}
	return list
}

// fetch is a GET of Graph with the lab's own app.
func fetch(t *testing.T, l *lab.Lab, path string, v any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.GraphBase()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+issue(t, l, "https://graph.microsoft.com/.default"))
	res, err := l.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(v); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

// inbox lists what a mailbox holds, the newest first, with folders by name.
func inbox(t *testing.T, l *lab.Lab, address string) []mail {
	t.Helper()
	var list struct{ Value []mail }
	fetch(t, l, "/v1.0/users/"+address+"/messages?$select="+url.QueryEscape("subject,internetMessageId,internetMessageHeaders,parentFolderId"), &list)
	var found []mail
	for _, m := range list.Value {
		var f struct {
			Name string `json:"displayName"`
		}
		fetch(t, l, "/v1.0/users/"+address+"/mailFolders/"+m.Folder, &f)
		m.Folder = f.Name
		found = append(found, m)
	}
	return found
}

// arrived is the one message in a mailbox.
func arrived(t *testing.T, l *lab.Lab, address string) mail {
	t.Helper()
	list := inbox(t, l, address)
	if len(list) != 1 {
		t.Fatalf("%s has %d messages, want 1: %+v", address, len(list), list)
	}
	return list[0]
}

func wantReply(t *testing.T, what, got, want string) {
	t.Helper()
	if bare(got) != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func wantTaken(t *testing.T, what, got string) {
	t.Helper()
	if !strings.HasPrefix(got, "250") {
		t.Fatalf("%s: %q, want it taken", what, got)
	}
}

// requireTLS is a connector's script with -RequireTls.
func requireTLS(s probes.Script) probes.Script {
	s.Steps = slices.Clone(s.Steps)
	step := &s.Steps[0]
	for _, c := range []*probes.Cmdlet{&step.Do, step.Else} {
		if c != nil {
			c.Params = append(slices.Clip(c.Params), probes.P("RequireTls", probes.Bool(true)))
		}
	}
	return s
}
