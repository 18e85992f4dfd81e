package submit

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-smtp"

	"offbasic/probes"
)

func (t *try) banner() (string, error) {
	code, err := t.wire.exchange("", t.r.Timeouts.Command)
	if err == nil && code != 220 {
		return "", unexpected(code)
	}
	if last, ok := t.wire.last(); ok && probes.Rewritten(last.Text, nil) != "" {
		t.odd("banner_masked")
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
	for i, line := range t.wire.shown() {
		if i > 0 && len(line) > 4 {
			t.offered = append(t.offered, t.clean(strings.TrimSpace(line[4:])))
		}
	}
	if probes.Rewritten("", t.offered) != "" {
		t.odd("starttls_masked")
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
		if t.r.AllowPlain {
			t.odd("in_clear")
			return "", errSkipped
		}
		f := &probes.Fault{
			Op: "start TLS", Code: NoSTARTTLS,
			Args: map[string]string{"host": t.host, "offered": strings.Join(t.offered, ", ")},
		}
		if slices.Contains(t.trial.Quirks, "starttls_masked") {
			f.Code = Rewritten
		}
		return "", f
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
	offered, _ := t.offers("AUTH")
	i := slices.IndexFunc(t.r.Mechanisms, func(m Mechanism) bool {
		return slices.ContainsFunc(offered, func(o string) bool { return strings.EqualFold(o, string(m)) })
	})
	if i < 0 {
		return "", &probes.Fault{
			Op: "sign in", Code: NoMechanism,
			Args: map[string]string{"mechanism": t.wanted(), "offered": strings.Join(offered, ", ")},
		}
	}
	t.mechanism = t.r.Mechanisms[i]
	t.trial.Mechanism, t.trial.Account = string(t.mechanism), t.clean(t.r.Account)
	if t.mechanism.IsOAuth() && !t.encrypted {
		return "", &probes.Fault{Op: "sign in", Code: TokenInClear}
	}
	if t.secret == "" {
		if err := t.ask("password"); err != nil {
			return "", err
		}
	}
	err := t.client.Auth(t.sasl(false))
	if t.wantsInitial(err) {
		t.odd("initial_response")
		err = t.client.Auth(t.sasl(true))
	}
	return t.r.Account, err
}

func (t *try) wanted() string {
	names := make([]string, len(t.r.Mechanisms))
	for i, m := range t.r.Mechanisms {
		names[i] = string(m)
	}
	return strings.Join(names, ", ")
}

// maxAuthLine is the longest AUTH command, in bytes (RFC 4954 section 4).
const maxAuthLine = 12288

// wantsInitial tells a server that refuses AUTH without an initial response,
// as bad syntax, from one that refuses the token: that one asked for it first.
func (t *try) wantsInitial(err error) bool {
	var no *smtp.SMTPError
	if !t.mechanism.IsOAuth() || !errors.As(err, &no) || t.wire.hideNext {
		return false
	}
	line := len("AUTH ") + len(t.mechanism) + 1 + base64.StdEncoding.EncodedLen(len(t.payload())) + 2
	return (no.Code == 500 || no.Code == 501) && !t.spoken && line <= maxAuthLine
}

// mail announces size and, where the addresses need it, SMTPUTF8. A domain
// that is not ASCII has an ASCII form that every server takes.
func (t *try) mail() (string, error) {
	size := len(t.r.Message)
	if limit := t.sizeLimit(); limit > 0 && size > limit {
		return "", &probes.Fault{Op: "send the message", Code: TooLarge, Args: map[string]string{
			"size": strconv.Itoa(size), "limit": strconv.Itoa(limit),
		}}
	}
	opts := &smtp.MailOptions{Size: int64(size)}
	for _, a := range append([]string{t.r.From}, t.r.To...) {
		opts.UTF8 = opts.UTF8 || !isASCII(t.mailbox(a))
	}
	if _, ok := t.offers("SMTPUTF8"); opts.UTF8 && !ok {
		return "", &probes.Fault{Op: "name the sender", Code: NoUTF8}
	}
	return "", t.client.Mail(t.mailbox(t.r.From), opts)
}

// sizeLimit is what the server says that it takes (RFC 1870); 0 says nothing.
func (t *try) sizeLimit() int {
	params, _ := t.offers("SIZE")
	if len(params) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(params[0])
	return n
}

// mailbox is an address as this server takes it: with its domain in ASCII
// unless the server offers SMTPUTF8.
func (t *try) mailbox(a string) string {
	if _, ok := t.offers("SMTPUTF8"); ok || isASCII(a) {
		return a
	}
	i := strings.LastIndexByte(a, '@')
	return a[:i+1] + ascii(a[i+1:])
}

// rcpt stops at the first recipient that is refused: the message then goes to
// nobody.
func (t *try) rcpt() (string, error) {
	for _, to := range t.r.To {
		if err := t.client.Rcpt(t.mailbox(to), nil); err != nil {
			return to, err
		}
	}
	return strings.Join(t.r.To, ", "), nil
}

// data sends the message. A lone CR and a lone LF become a line end: a server
// that takes either for one could be made to see the end of the message in the
// middle of it.
func (t *try) data() (string, error) {
	body, err := t.client.Data()
	if err != nil {
		return "", err
	}
	t.wire.message = 0
	if _, err := body.Write(crlf(t.r.Message)); err != nil {
		return "", err
	}
	_, err = body.CloseWithResponse()
	return "", err
}
