package cli

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"syscall"
)

// copier is a device with habits of its own. The zero value sends to anybody,
// in clear and without signing in.
type copier struct {
	account, password string
	mechanisms        []string // that it knows, the one that it likes best first
	tls               bool     // begins TLS where it is offered
	onlyTLS           bool     // and stops where it is not
	verifies          bool     // refuses our certificate
	tryAll            bool     // goes on to the next mechanism after a refusal
	anyway            bool     // sends although it was refused
	open              bool     // sends where no sign-in is offered
	prompts           bool     // looks at the text of the prompts
	helo              bool     // falls back to HELO
}

const copierPassword = "Winter-of-2019"

// press makes the copier send one message. What it cannot do ends the attempt,
// as a device does; only what the network does is an error.
func (c copier) press(addr, messageID string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	d := &copying{copier: c, conn: conn, in: textproto.NewReader(bufio.NewReader(conn))}
	err = d.send(messageID)
	var refused *textproto.Error
	if errors.As(err, &refused) || errors.Is(err, errStops) || errors.Is(err, io.EOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) { // a server that hung up on what it has not read
		return nil
	}
	return err
}

// errStops is a device that goes no further.
var errStops = errors.New("the device stops")

type copying struct {
	copier
	conn net.Conn
	in   *textproto.Reader
	ehlo string
}

func (d *copying) say(code int, format string, a ...any) (string, error) {
	if _, err := fmt.Fprintf(d.conn, format+"\r\n", a...); err != nil {
		return "", err
	}
	_, text, err := d.in.ReadResponse(code)
	return text, err
}

func (d *copying) hello() (err error) {
	d.ehlo, err = d.say(250, "EHLO KM_C258")
	if err != nil && d.helo {
		d.ehlo, err = d.say(250, "HELO KM_C258")
		d.ehlo = "AUTH " + strings.Join(d.mechanisms, " ")
	}
	return err
}

func (d *copying) offers(word string) bool {
	for l := range strings.Lines(d.ehlo) {
		if words := strings.Fields(l); len(words) > 0 && slices.Contains(words, word) {
			return true
		}
	}
	return false
}

func (d *copying) send(messageID string) error {
	if _, _, err := d.in.ReadResponse(220); err != nil {
		return err
	}
	if err := d.hello(); err != nil {
		return err
	}
	if err := d.startTLS(); err != nil {
		return err
	}
	if err := d.signIn(); err != nil {
		return err
	}
	for _, step := range []struct {
		code int
		line string
	}{
		{250, "MAIL FROM:<scan@contoso.example>"},
		{250, "RCPT TO:<it@contoso.example>"},
		{354, "DATA"},
		{250, "From: scan@contoso.example\r\nMessage-ID: <" + messageID + "@km>\r\nSubject: Scan\r\n\r\nhello\r\n."},
	} {
		if _, err := d.say(step.code, "%s", step.line); err != nil {
			return err
		}
	}
	_, err := d.say(221, "QUIT")
	return err
}

func (d *copying) startTLS() error {
	if !d.tls || !d.offers("STARTTLS") {
		if d.onlyTLS {
			return errStops
		}
		return nil
	}
	if _, err := d.say(220, "STARTTLS"); err != nil {
		return err
	}
	c := tls.Client(d.conn, &tls.Config{InsecureSkipVerify: !d.verifies, ServerName: "smtp.office365.com"})
	if err := c.Handshake(); err != nil {
		return errStops
	}
	d.conn, d.in = c, textproto.NewReader(bufio.NewReader(c))
	return d.hello()
}

// signIn tries the mechanisms that it knows and that are offered.
func (d *copying) signIn() error {
	if len(d.mechanisms) == 0 {
		return nil
	}
	tried := false
	for _, m := range d.mechanisms {
		if !d.offers(m) {
			continue
		}
		tried = true
		err := d.auth(m)
		var refused *textproto.Error
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &refused) && !errors.Is(err, errStops):
			return err
		case d.tryAll:
			continue
		}
		break
	}
	if tried && d.anyway || !tried && d.open {
		return nil
	}
	return errStops
}

func (d *copying) auth(mechanism string) error {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	switch mechanism {
	case "LOGIN":
		for i, line := range []string{"AUTH LOGIN", b64(d.account)} {
			prompt, err := d.say(334, "%s", line)
			if err != nil {
				return err
			}
			if d.prompts && prompt != []string{"VXNlcm5hbWU6", "UGFzc3dvcmQ6"}[i] {
				_, err := d.say(501, "*")
				return errors.Join(err, errStops)
			}
		}
		_, err := d.say(235, "%s", b64(d.password))
		return err
	case "PLAIN":
		_, err := d.say(235, "AUTH PLAIN %s", b64("\x00"+d.account+"\x00"+d.password))
		return err
	case "XOAUTH2":
		if _, err := d.say(334, "AUTH XOAUTH2"); err != nil {
			return err
		}
		_, err := d.say(235, "%s", b64("user="+d.account+"\x01auth=Bearer "+strings.Repeat("t", 300)+"\x01\x01"))
		return err
	}
	return errStops
}
