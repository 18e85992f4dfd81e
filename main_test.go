package main

import (
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"offbasic": main,
		"device":   device,
		"talker":   talker,
	})
}

// TestScript runs the stories in testdata/script with the real program.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			addr, err := freeAddr()
			e.Setenv("ADDR", addr)
			if err != nil {
				return err
			}
			pop, err := freeAddr()
			e.Setenv("POP", pop)
			e.Setenv("LANG", "C")
			e.Setenv("LC_ALL", "")
			e.Setenv("OFFBASIC_KEYRING", "none") // a test must not write into anybody's keyring
			e.Setenv("OFFBASIC_LANG", "")
			return err
		},
	})
}

func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// device stands in for a device that was pointed at the capture: device ADDR
// ACCOUNT FROM TO. It waits until the capture is up, and signs in with a
// password if ACCOUNT is not "-". The password must never be seen again. With
// "stubborn" behind, it sends again and again, whatever it is answered, until
// nothing listens any more. "device pop3 ADDR ACCOUNT" only signs in by POP3.
func device() {
	if os.Args[1] == "pop3" {
		if err := pop3(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 5 {
		insist(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
		return
	}
	if err := scan(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// insist scans until the address that it once reached is gone, at most often
// enough for every question there is. It is one message that it sends again.
func insist(addr, account, from, to string) {
	const often, id = 40, "Message-ID: <scan-1@copier.contoso.example>"
	_ = scan(addr, account, from, to, id) // waits until it listens
	for range often {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		_ = conn.Close()
		_ = scan(addr, account, from, to, id) // a refusal is what it is about
	}
}

func lines(fields []string) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	return b.String()
}

func scan(addr, account, from, to string, more ...string) error {
	c, err := dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if account != "-" {
		if err := c.Auth(login{account}); err != nil {
			return err
		}
	}
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "From: %s\r\nTo: %s\r\nSubject: Scan\r\nX-Mailer: Story\r\n%s\r\nhello\r\n", from, to, lines(more)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// dial tries until the capture listens: the story starts both at once.
func dial(addr string) (*smtp.Client, error) {
	var err error
	for range 500 {
		var c *smtp.Client
		if c, err = smtp.Dial(addr); err == nil {
			return c, nil
		}
		if !strings.Contains(err.Error(), "refused") {
			return nil, err
		}
		<-time.After(20 * time.Millisecond)
	}
	return nil, err
}

// pop3 signs in by POP3 as RFC 1939, section 7 has it. It waits until the
// capture is up.
func pop3(addr, account string) error {
	var conn *textproto.Conn
	var err error
	for range 500 {
		if conn, err = textproto.Dial("tcp", addr); err == nil || !strings.Contains(err.Error(), "refused") {
			break
		}
		<-time.After(20 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ReadLine(); err != nil {
		return err
	}
	for _, l := range []string{"USER " + account, "PASS " + storyPassword, "STAT", "QUIT"} {
		if err := conn.PrintfLine("%s", l); err != nil {
			return err
		}
		if reply, err := conn.ReadLine(); err != nil || !strings.HasPrefix(reply, "+OK") {
			return fmt.Errorf("%.4s was answered %q, %w", l, reply, err)
		}
	}
	return nil
}

// login is AUTH LOGIN without TLS, as old devices do it.
type login struct{ account string }

const storyPassword = "correct-horse-battery"

func (l login) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (l login) Next(prompt []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case strings.HasPrefix(strings.ToLower(string(prompt)), "user"):
		return []byte(l.account), nil
	}
	return []byte(storyPassword), nil
}
