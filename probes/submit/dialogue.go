package submit

import (
	"bytes"
	"crypto/tls"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"offbasic/probes"
)

// tlsConfig verifies the certificate, always.
func (t *try) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: t.r.ServerName, RootCAs: t.r.Roots, MinVersion: tls.VersionTLS12}
}

// handshake encrypts the connection from here on.
func (t *try) handshake() (string, error) {
	conn, err := t.wire.startTLS(t.tlsConfig())
	if err != nil {
		return "", err
	}
	limit := time.Now().Add(t.r.Timeouts.Command) //nolint:forbidigo // a socket's deadline is real time
	if err := conn.SetDeadline(limit); err != nil {
		return "", err
	}
	if err := conn.HandshakeContext(t.ctx); err != nil {
		return "", t.tlsFault(err)
	}
	t.wire.attach(conn)
	state := conn.ConnectionState()
	detail := tls.VersionName(state.Version) + " " + tls.CipherSuiteName(state.CipherSuite)
	t.wire.line(probes.Note, "tls "+detail)
	return detail, nil
}

func (t *try) banner() (string, error) {
	code, err := t.wire.exchange("", t.r.Timeouts.Command)
	if err == nil && code != 220 {
		return "", unexpected(code)
	}
	return "", err
}

// unexpected is the error for a reply that is not the one hoped for: a no, or
// none that SMTP allows here.
func unexpected(code int) error {
	if code >= 400 {
		return errRefused
	}
	return errMalformed
}

// firstEHLO is the one in clear.
func (t *try) firstEHLO() (string, error) {
	code, err := t.wire.exchange("EHLO "+t.r.Hello, t.r.Timeouts.Command)
	if err == nil && code != 250 {
		err = unexpected(code)
	}
	t.heard()
	return strings.Join(t.offered, ", "), err
}

// heard keeps what the last EHLO offered.
func (t *try) heard() {
	t.offered = nil
	for i, line := range t.wire.reply {
		if i > 0 && len(line) > 4 {
			t.offered = append(t.offered, t.clean(strings.TrimSpace(line[4:])))
		}
	}
}

// offers finds an extension and gives its parameters.
func (t *try) offers(name string) (params []string, ok bool) {
	for _, line := range t.offered {
		if words := strings.Fields(line); len(words) > 0 && strings.EqualFold(words[0], name) {
			return words[1:], true
		}
	}
	return nil, false
}

func (t *try) startTLS() (string, error) {
	if _, ok := t.offers("STARTTLS"); !ok {
		t.wire.whole = false // the reply of the step before is none to this one
		return "", &probes.Fault{
			Op: "start TLS", Code: NoSTARTTLS,
			Args: map[string]string{"host": t.r.Host, "offered": strings.Join(t.offered, ", ")},
		}
	}
	code, err := t.wire.exchange("STARTTLS", t.r.Timeouts.Command)
	if err == nil && code != 220 {
		err = unexpected(code)
	}
	if err != nil {
		return "", err
	}
	return t.handshake()
}

// ehlo hands the connection over to go-smtp's client, which wants to see a
// banner first and is shown one.
func (t *try) ehlo() (string, error) {
	t.wire.replay = []byte("220 -\r\n")
	t.client = smtp.NewClient(t.wire)
	t.client.CommandTimeout, t.client.SubmissionTimeout = t.r.Timeouts.Command, t.r.Timeouts.Final
	err := t.client.Hello(t.r.Hello)
	t.heard()
	return strings.Join(t.offered, ", "), err
}

func (t *try) auth() (string, error) {
	mechanisms, _ := t.offers("AUTH")
	if !slices.ContainsFunc(mechanisms, func(m string) bool { return strings.EqualFold(m, string(t.r.Mechanism)) }) {
		return "", &probes.Fault{
			Op: "sign in", Code: NoMechanism,
			Args: map[string]string{"mechanism": string(t.r.Mechanism), "offered": strings.Join(mechanisms, ", ")},
		}
	}
	if t.secret == "" {
		if err := t.ask("password"); err != nil {
			return "", err
		}
	}
	return t.r.Account, t.client.Auth(t.sasl())
}

// mail announces size and, where the addresses need it, SMTPUTF8.
func (t *try) mail() (string, error) {
	opts := &smtp.MailOptions{Size: int64(len(t.r.Message))}
	for _, a := range append([]string{t.r.From}, t.r.To...) {
		opts.UTF8 = opts.UTF8 || !isASCII(a)
	}
	if _, ok := t.offers("SMTPUTF8"); opts.UTF8 && !ok {
		return "", &probes.Fault{Op: "name the sender", Code: NoUTF8}
	}
	return "", t.client.Mail(t.r.From, opts)
}

// rcpt stops at the first recipient that is refused: the message then goes to
// nobody.
func (t *try) rcpt() (string, error) {
	for _, to := range t.r.To {
		if err := t.client.Rcpt(to, nil); err != nil {
			return to, err
		}
	}
	return strings.Join(t.r.To, ", "), nil
}

// data sends the message. A lone CR becomes a line end like a lone LF does in
// go-smtp: a server that takes either for one could be made to see the end of
// the message in the middle of it.
func (t *try) data() (string, error) {
	body, err := t.client.Data()
	if err != nil {
		return "", err
	}
	t.wire.message = 0
	text := bytes.ReplaceAll(bytes.ReplaceAll(t.r.Message, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	if _, err := body.Write(text); err != nil {
		return "", err
	}
	_, err = body.CloseWithResponse()
	return "", err
}
