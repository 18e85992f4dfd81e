package lab_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/lab"
)

func start(t *testing.T, o lab.Options) *lab.Lab {
	t.Helper()
	l, err := lab.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	l, err := lab.Start(t.Context(), lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	smtp := net.JoinHostPort(l.SubmissionHost(), fmt.Sprint(l.SubmissionPort()))
	idle, err := net.Dial("tcp", smtp) // a client that says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	bufio.NewReader(idle).ReadString('\n')
	if res, err := l.HTTPClient().Get(l.Authority() + "/common/v2.0/.well-known/openid-configuration"); err != nil {
		t.Fatal(err)
	} else {
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	l.Close()
	l.Close() // again is no harm
	for _, addr := range []string{smtp, strings.TrimPrefix(l.Authority(), "https://"), strings.TrimPrefix(l.GraphBase(), "https://")} {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Errorf("%s still listens", addr)
		}
	}
	// What is the lab's own has ended; the http client's goroutines end by
	// themselves, soon after their connections.
	buf := make([]byte, 1<<20)
	stacks := string(buf[:runtime.Stack(buf, true)])
	if strings.Contains(stacks, "offbasic/probes/lab.") {
		t.Errorf("goroutines of the lab are left:\n%s", stacks)
	}
	for runtime.NumGoroutine() > before {
		runtime.Gosched()
		if t.Context().Err() != nil {
			t.Fatal("goroutines are left")
		}
	}
}

func TestEndOfTheContextClosesTheLab(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", net.JoinHostPort(l.SubmissionHost(), fmt.Sprint(l.SubmissionPort())))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the connection ended with %v", err)
	}
	l.Close()
}

func TestAddressesThatCannotBeOpened(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, tt := range []struct {
		o    lab.Options
		want probes.Code
	}{
		{lab.Options{SubmissionAddr: busy.Addr().String()}, lab.PortBusy},
		{lab.Options{GraphAddr: busy.Addr().String()}, lab.PortBusy},
		{lab.Options{SignInAddr: "hello"}, lab.AddrInvalid},
		{lab.Options{SignInAddr: "127.0.0.1"}, lab.AddrInvalid},
		{lab.Options{SubmissionAddr: "0.0.0.0:0"}, lab.NotLoopback},
		{lab.Options{SubmissionAddr: "192.0.2.1:587"}, lab.NotLoopback},
	} {
		l, err := lab.Start(t.Context(), tt.o)
		var f *probes.Fault
		if !errors.As(err, &f) || f.Code != tt.want || f.Args["address"] == "" || l != nil {
			t.Errorf("%+v: %v, want %s", tt.o, err, tt.want)
		}
	}
}

func TestSecretsAreNewAtEachStartAndNeverLogged(t *testing.T) {
	var mu sync.Mutex
	var logged strings.Builder
	o := lab.Options{Log: func(s string) { mu.Lock(); logged.WriteString(s + "\n"); mu.Unlock() }}
	a, b := start(t, o), start(t, o)
	if a.App().Secret == b.App().Secret || a.Password("scan@contoso.example") == b.Password("scan@contoso.example") ||
		bytes.Equal(a.App().Certificate, b.App().Certificate) || a.Tenant().ID == b.Tenant().ID {
		t.Error("two labs share a secret")
	}
	token := issue(t, a, "https://graph.microsoft.com/.default")
	call(t, a, token, "/v1.0/users/it@contoso.example/messages")
	c := dial(t, a)
	c.startTLS()
	c.say("AUTH LOGIN", b64("scan@contoso.example"), b64(a.Password("scan@contoso.example")))
	mu.Lock()
	defer mu.Unlock()
	if logged.Len() == 0 {
		t.Error("nothing was logged")
	}
	j, _ := json.Marshal(a.App())
	shown := fmt.Sprintf("%v %+v %#v %s %v %+v %#v %s", a.App(), a.App(), a.App(), j, a, a, a, a)
	for _, secret := range []string{a.App().Secret, a.Password("scan@contoso.example"), token[:40], string(a.App().Certificate[40:80])} {
		if strings.Contains(logged.String(), secret) || strings.Contains(shown, secret) {
			t.Errorf("the log or the formatted lab holds a secret:\n%s\n%s", logged.String(), shown)
		}
	}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// issue gets a token with the secret, as plain HTTP.
func issue(t *testing.T, l *lab.Lab, scope string) string {
	t.Helper()
	res, err := l.HTTPClient().PostForm(l.Authority()+"/"+l.Tenant().ID+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {l.App().ClientID}, "client_secret": {l.App().Secret}, "scope": {scope},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var v struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil || v.Token == "" {
		t.Fatalf("no token: HTTP %d, %v", res.StatusCode, err)
	}
	return v.Token
}

func TestSignInRefusesIncompleteForms(t *testing.T) {
	l := start(t, lab.Options{})
	good := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {l.App().ClientID}, "client_secret": {l.App().Secret},
		"scope": {"https://outlook.office365.com/.default"},
	}
	for _, tt := range []struct {
		name, value string
		code        int
	}{
		{"client_id", "", 900144},
		{"scope", "", 900144},
		{"client_secret", "", 7000218},
		{"grant_type", "password", 9002313},
		{"client_assertion", "a.b.c", 700027},
		{"scope", "https://outlook.office365.com/.default https://graph.microsoft.com/.default", 70011},
		{"scope", "SMTP.Send", 70011},
	} {
		form := url.Values{}
		maps.Copy(form, good)
		form.Set(tt.name, tt.value)
		if tt.name == "client_assertion" {
			form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		}
		res, err := l.HTTPClient().PostForm(l.Authority()+"/"+l.Tenant().ID+"/oauth2/v2.0/token", form)
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
			Codes       []int  `json:"error_codes"`
			Trace       string `json:"trace_id"`
			Correlation string `json:"correlation_id"`
		}
		err = json.NewDecoder(res.Body).Decode(&e)
		res.Body.Close()
		if err != nil || len(e.Codes) != 1 || e.Codes[0] != tt.code || e.Error == "" || e.Trace == "" || e.Correlation == "" ||
			!strings.HasPrefix(e.Description, fmt.Sprintf("AADSTS%d: ", tt.code)) {
			t.Errorf("%s %q: %+v (%v), want AADSTS%d", tt.name, tt.value, e, err, tt.code)
		}
	}
}

// call asks Graph and gives the status and the error's code.
func call(t *testing.T, l *lab.Lab, token, path string) (status int, code string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, l.GraphBase()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := l.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var e struct {
		Error struct {
			Code  string `json:"code"`
			Inner struct {
				ID string `json:"request-id"`
			} `json:"innerError"`
		} `json:"error"`
	}
	if err := json.NewDecoder(res.Body).Decode(&e); err != nil {
		t.Fatal(err)
	}
	if e.Error.Code != "" && (e.Error.Inner.ID == "" || e.Error.Inner.ID != res.Header.Get("Request-Id")) {
		t.Errorf("%s: the error has no request id", path)
	}
	return res.StatusCode, e.Error.Code
}

func TestGraphRefusesWhatIsNotDocumented(t *testing.T) {
	l := start(t, lab.Options{})
	token := issue(t, l, "https://graph.microsoft.com/.default")
	const messages = "/v1.0/users/it@contoso.example/messages"
	filter := "?$filter=" + url.QueryEscape("internetMessageId eq '<1@contoso.example>'")
	for _, tt := range []struct {
		name, token, path string
		status            int
		code              string
	}{
		{"the call we make", token, messages + filter + "&$select=subject,receivedDateTime,internetMessageHeaders,parentFolderId", 200, ""},
		{"a folder", token, "/v1.0/users/it@contoso.example/mailFolders/inbox?$select=displayName", 200, ""},
		{"no token", "", messages, 401, "InvalidAuthenticationToken"},
		{"not a token", "abc", messages, 401, "InvalidAuthenticationToken"},
		{"a token for Exchange", l.IssueToken(nil), messages, 401, "InvalidAuthenticationToken"},
		{"a token without the permission", l.IssueToken(func(c map[string]any) {
			c["aud"], c["roles"] = "https://graph.microsoft.com", []string{"User.Read.All"}
		}), messages, 403, "ErrorAccessDenied"},
		{"an expired token", l.IssueToken(func(c map[string]any) {
			c["aud"], c["roles"], c["exp"] = "https://graph.microsoft.com", []string{"Mail.Read"}, 1
		}), messages, 401, "InvalidAuthenticationToken"},
		{"an unknown mailbox", token, "/v1.0/users/nobody@contoso.example/messages", 404, "ErrorInvalidUser"},
		{"an unknown folder", token, "/v1.0/users/it@contoso.example/mailFolders/nowhere", 404, "ErrorItemNotFound"},
		{"an unknown property", token, messages + "?$select=subjects", 400, "RequestBroker--ParseUri"},
		{"an unknown option", token, messages + "?$filters=x", 400, "RequestBroker--ParseUri"},
		{"another filter", token, messages + "?$filter=subject+eq+'x'", 400, "ErrorInvalidUrlQueryFilter"},
		{"a quote that is not doubled", token, messages + "?$filter=" + url.QueryEscape("internetMessageId eq '<o'b@c>'"), 400, "ErrorInvalidUrlQueryFilter"},
		{"an unknown path", token, "/v1.0/me", 400, "BadRequest"},
		{"another version", token, "/beta/users/it@contoso.example/messages", 400, "BadRequest"},
	} {
		if status, code := call(t, l, tt.token, tt.path); status != tt.status || code != tt.code {
			t.Errorf("%s: %d %s, want %d %s", tt.name, status, code, tt.status, tt.code)
		}
	}
}

// client is an SMTP client that says what it is told.
type client struct {
	t    *testing.T
	l    *lab.Lab
	conn net.Conn
	r    *bufio.Reader
}

func dial(t *testing.T, l *lab.Lab) *client {
	t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort(l.SubmissionHost(), fmt.Sprint(l.SubmissionPort())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	c := &client{t, l, conn, bufio.NewReader(conn)}
	c.reply()
	return c
}

// reply reads one reply, with all its lines.
func (c *client) reply() string {
	var all strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		all.WriteString(line)
		if err != nil || len(line) < 4 || line[3] != '-' {
			return strings.TrimSpace(all.String())
		}
	}
}

// say sends lines and returns the reply to the last.
func (c *client) say(lines ...string) (last string) {
	for _, l := range lines {
		fmt.Fprintf(c.conn, "%s\r\n", l)
		last = c.reply()
	}
	return last
}

func (c *client) startTLS() string {
	c.say("EHLO printer", "STARTTLS")
	conn := tls.Client(c.conn, &tls.Config{RootCAs: c.l.Roots(), ServerName: "127.0.0.1"})
	c.conn, c.r = conn, bufio.NewReader(conn)
	return c.say("EHLO printer")
}

// signIn opens a session that may send as scan@.
func signIn(t *testing.T, l *lab.Lab) *client {
	t.Helper()
	c := dial(t, l)
	c.startTLS()
	if got := c.say("AUTH LOGIN", b64("scan@contoso.example"), b64(l.Password("scan@contoso.example"))); got != "235 2.7.0 Authentication successful" {
		t.Fatal(got)
	}
	return c
}

// EHLO25: the capabilities of smtp.office365.com, recorded on 2025-11-23.
func TestEHLOOffersWhatExchangeOnlineOffers(t *testing.T) {
	c := dial(t, start(t, lab.Options{}))
	plain, secure := c.say("EHLO printer"), ""
	c = dial(t, c.l)
	secure = c.startTLS()
	for _, line := range []string{
		"SIZE 157286400", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8",
	} {
		if !strings.Contains(plain, line) || !strings.Contains(secure, line) {
			t.Errorf("%s is not offered", line)
		}
	}
	if !strings.Contains(plain, "STARTTLS") || strings.Contains(plain, "AUTH") {
		t.Errorf("in clear: %s", plain)
	}
	if strings.Contains(secure, "STARTTLS") || !strings.Contains(secure, "AUTH LOGIN XOAUTH2\r\n") {
		t.Errorf("over TLS: %s", secure)
	}
}

func TestRepliesOfTheSubmissionSide(t *testing.T) {
	l := start(t, lab.Options{})
	for _, tt := range []struct {
		name  string
		tls   bool
		lines []string
		want  string
	}{
		{"AUTH in clear", false, []string{"EHLO x", "AUTH LOGIN"}, "530 5.7.0 Must issue a STARTTLS command first"},
		{"MAIL in clear", false, []string{"EHLO x", "MAIL FROM:<a@contoso.example>"}, "451 5.7.3 STARTTLS is required to send mail"},
		{"MAIL before EHLO", false, []string{"MAIL FROM:<a@contoso.example>"}, "503 5.5.2 Send hello first"},
		{"MAIL without AUTH", true, []string{"MAIL FROM:<a@contoso.example>"}, "530 5.7.57 Client not authenticated to send mail. ["},
		{"AUTH PLAIN", true, []string{"AUTH PLAIN"}, "504 5.7.4 Unrecognized authentication type ["},
		{"user on the AUTH line", true, []string{"AUTH LOGIN " + b64("scan@contoso.example")}, "334 UGFzc3dvcmQ6"},
		{"cancelled", true, []string{"AUTH LOGIN", "*"}, "501 5.7.0"},
		{"not base64", true, []string{"AUTH LOGIN", "???"}, "501 5.5.2"},
		{"token on the AUTH line", true, []string{"AUTH XOAUTH2 " + b64("user=scan@contoso.example\x01auth=Bearer x.y.z\x01\x01")}, "535 5.7.3 Authentication unsuccessful ["},
		{"not an XOAUTH2 line", true, []string{"AUTH XOAUTH2", b64("hello")}, "535 5.7.3 Authentication unsuccessful ["},
		{"a command that is none", false, []string{"HELP\x1b[31m"}, `500 5.3.3 Unrecognized command 'HELP\x1b[31m'`},
		{"second STARTTLS", true, []string{"STARTTLS"}, "503 5.5.2"},
		{"goodbye", false, []string{"QUIT"}, "221 2.0.0 Service closing transmission channel"},
		{"ten errors", false, strings.Split(strings.Repeat("WHAT,", 9)+"WHAT", ","), "500 5.3.3"},
	} {
		c := dial(t, l)
		if tt.tls {
			c.startTLS()
		}
		got := c.say(tt.lines...)
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if r, _ := probes.ParseReply(got); strings.HasSuffix(tt.want, "[") && r.Server == "" {
			t.Errorf("%s: no bracket at the end of %q", tt.name, got)
		}
		if tt.name == "ten errors" {
			if got := c.reply(); !strings.HasPrefix(got, "421 4.7.0 Too many errors") {
				t.Errorf("after ten errors: %q", got)
			}
		}
	}
}

// 421 4.7.66 is what the normal endpoint says to TLS 1.0 and 1.1.
func TestOldTLSIsTurnedAwayWithItsReply(t *testing.T) {
	c := dial(t, start(t, lab.Options{}))
	c.say("EHLO printer", "STARTTLS")
	conn := tls.Client(c.conn, &tls.Config{RootCAs: c.l.Roots(), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	c.conn, c.r = conn, bufio.NewReader(conn)
	conn.Handshake()
	if got := c.reply(); !strings.HasPrefix(got, "421 4.7.66 TLS 1.0 and 1.1 are not supported.") {
		t.Errorf("said %q", got)
	}
}

func TestSizeLimitIsExchangeOnlines(t *testing.T) {
	c := signIn(t, start(t, lab.Options{}))
	if got := c.say("MAIL FROM:<scan@contoso.example> SIZE=157286401"); !strings.HasPrefix(got, "552 5.3.4 Message size exceeds") {
		t.Errorf("one byte too many: %q", got)
	}
	if got := c.say("MAIL FROM:<scan@contoso.example> SIZE=157286400"); got != "250 2.1.0 Sender OK" {
		t.Errorf("the limit itself: %q", got)
	}
}

// RFC 5321 section 4.1.1.4: only CRLF.CRLF ends a message. RFC 3030: BDAT.
func TestMessagesByDATAAndBDATArrive(t *testing.T) {
	l := start(t, lab.Options{})
	c := signIn(t, l)
	c.say("MAIL FROM:<scan@contoso.example>", "RCPT TO:<it@contoso.example>", "DATA")
	long := "X-Long: " + strings.Repeat("x", 4096-len("X-Long: ")-1) // its CR is the last byte of the server's buffer
	fmt.Fprintf(c.conn, "Message-ID: <data@contoso.example>\r\nFrom: scan@contoso.example\r\n\n.\n%s\r\nMAIL FROM:<x@example.org>\n.\r\n.\r\n", long)
	if got := c.reply(); !strings.HasPrefix(got, "250 2.0.0 OK <data@contoso.example>") {
		t.Errorf("DATA: %q", got)
	}
	body := "Message-ID: <bdat@contoso.example>\r\nFrom: scan@contoso.example\r\n\r\n.\r\n"
	c.say("MAIL FROM:<scan@contoso.example>", "RCPT TO:<it@contoso.example>")
	fmt.Fprintf(c.conn, "BDAT %d\r\n%s", 20, body[:20])
	if got := c.reply(); got != "250 2.0.0 20 octets received" {
		t.Errorf("BDAT: %q", got)
	}
	fmt.Fprintf(c.conn, "BDAT %d LAST\r\n%s", len(body)-20, body[20:])
	if got := c.reply(); !strings.HasPrefix(got, "250 2.0.0 OK <bdat@contoso.example>") {
		t.Errorf("BDAT LAST: %q", got)
	}
	if got := c.say("NOOP"); got != "250 2.0.0 OK" {
		t.Errorf("what followed was taken for commands: %q", got)
	}
	token := issue(t, l, "https://graph.microsoft.com/.default")
	for _, id := range []string{"<data@contoso.example>", "<bdat@contoso.example>"} {
		if n := count(t, l, token, id); n != 1 {
			t.Errorf("%d messages %s in the mailbox, want 1", n, id)
		}
	}
}

func count(t *testing.T, l *lab.Lab, token, id string) int {
	t.Helper()
	req, _ := http.NewRequest(http.MethodGet, l.GraphBase()+"/v1.0/users/it@contoso.example/messages?$filter="+
		url.QueryEscape("internetMessageId eq '"+id+"'"), nil)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := l.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var list struct{ Value []map[string]any }
	json.NewDecoder(res.Body).Decode(&list)
	return len(list.Value)
}
