package capture

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"offbasic/probes"
)

// A dialogue is what a device sends, turn by turn: each turn is sent once the
// reply to the one before has come. What each shows was seen in real clients
// and devices.
type deviceTalk struct {
	name   string
	policy string
	turns  []string
	quirks []string // exactly these
	auth   string   // "LOGIN scan@contoso.example accepted", joined by "; "
	hello  string
	from   string
	to     string
	taken  bool
	end    probes.End
	proto  string
}

const (
	user64 = "c2NhbkBjb250b3NvLmV4YW1wbGU=" // scan@contoso.example
	pass64 = "aHVudGVyMnNlY3JldA=="         // hunter2secret
	signed = "LOGIN scan@contoso.example accepted"
	body   = "Subject: x\r\n\r\nbody\r\n.\r\n"
	sender = "scan@contoso.example"
	rcpt   = "bob@example.org"
)

func plain64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func deviceTalks() []deviceTalk {
	mail := []string{"MAIL FROM:<" + sender + ">\r\n", "RCPT TO:<" + rcpt + ">\r\n", "DATA\r\n", body, "QUIT\r\n"}
	after := func(first ...string) []string { return append(slices.Clone(first), mail...) }
	ehlo := "EHLO a.example\r\n"
	sent := deviceTalk{from: sender, to: rcpt, taken: true, end: probes.EndQuit, hello: "a.example"}
	with := func(name string, turns, quirks []string, auth string) deviceTalk {
		d := sent
		d.name, d.turns, d.quirks, d.auth = name, turns, quirks, auth
		return d
	}
	clear := func(q ...string) []string { return append(q, quirkCleartextPassword) }
	hello := func(d deviceTalk, name string) deviceTalk { d.hello = name; return d }
	under := func(d deviceTalk, policy string) deviceTalk { d.policy = policy; return d }
	from := func(d deviceTalk, from, to string) deviceTalk { d.from, d.to = from, to; return d }
	ended := func(d deviceTalk, end probes.End) deviceTalk { d.end = end; return d }
	stopped := func(d deviceTalk, end probes.End) deviceTalk {
		d.end, d.taken, d.from, d.to = end, false, "", ""
		return d
	}
	spoke := func(d deviceTalk, proto string, end probes.End) deviceTalk {
		d = stopped(d, end)
		d.proto, d.hello = proto, ""
		return d
	}
	return []deviceTalk{
		with("login in two steps", after(ehlo, "AUTH LOGIN\r\n", user64+"\r\n", pass64+"\r\n"), clear(), signed),
		with("login with the account inline", after(ehlo, "AUTH LOGIN "+user64+"\r\n", pass64+"\r\n"), clear(quirkLoginInline), signed),
		with("login without padding", after(ehlo, "AUTH LOGIN\r\n", "c2NhbkBjb250b3NvLmV4YW1wbGU\r\n", "aHVudGVyMnNlY3JldA\r\n"), clear(quirkUnpadded), signed),
		with("login without base64", after(ehlo, "AUTH LOGIN\r\n", sender+"\r\n", "hunter2secret\r\n"), clear(quirkNotBase64), signed),
		with("login with a name that could be base64", after(ehlo, "AUTH LOGIN\r\n", "scan\r\n", "hunter2secret\r\n"), clear(quirkNotBase64), "LOGIN scan accepted"),
		with("login with equals sign", after(ehlo, "AUTH=LOGIN\r\n", user64+"\r\n", pass64+"\r\n"), clear(quirkAuthEquals), signed),
		with("login in lower case", after("ehlo a.example\r\n", "auth login\r\n", user64+"\r\n", pass64+"\r\n"), clear(quirkLowerCase), signed),
		with("login with an empty password", after(ehlo, "AUTH LOGIN\r\n", user64+"\r\n", "\r\n"), clear(quirkEmptyPassword), signed),
		with("login cancelled", after(ehlo, "AUTH LOGIN\r\n", "*\r\n"), []string{quirkSendsAfterRefusal}, "LOGIN  cancelled"),
		with("plain inline", after(ehlo, "AUTH PLAIN "+plain64("\x00"+sender+"\x00hunter2secret")+"\r\n"), clear(), "PLAIN scan@contoso.example accepted"),
		with("plain after 334", after(ehlo, "AUTH PLAIN\r\n", plain64("\x00"+sender+"\x00hunter2secret")+"\r\n"), clear(), "PLAIN scan@contoso.example accepted"),
		with("plain for another", after(ehlo, "AUTH PLAIN "+plain64("boss@contoso.example\x00"+sender+"\x00hunter2secret")+"\r\n"), clear(quirkAuthorization), "PLAIN scan@contoso.example accepted"),
		with("plain without its parts", after(ehlo, "AUTH PLAIN "+plain64("hunter2secret")+"\r\n"), []string{quirkSendsAfterRefusal}, "PLAIN  malformed"),
		with("cram", after(ehlo, "AUTH CRAM-MD5\r\n", plain64(sender+" 3dbc88f0624776a737b39093f6eb6427")+"\r\n"), nil, "CRAM-MD5 scan@contoso.example accepted"),
		with("sign-in before the greeting", after("AUTH LOGIN\r\n", user64+"\r\n", pass64+"\r\n", ehlo), clear(quirkAuthBeforeHello), signed),
		with("sign-in after HELO", after("HELO a.example\r\n", "AUTH LOGIN\r\n", user64+"\r\n", pass64+"\r\n"), []string{quirkHeloOnly, quirkCleartextPassword}, signed),
		with("a mechanism that nobody can take", after(ehlo, "AUTH DIGEST-MD5\r\n", "AUTH LOGIN\r\n", user64+"\r\n", pass64+"\r\n"),
			[]string{quirkUnofferedMechanism, quirkTriesOthers, quirkCleartextPassword}, "DIGEST-MD5  refused; "+signed),
		with("helo only", after("HELO a.example\r\n"), []string{quirkHeloOnly}, ""),
		with("helo after ehlo was not wanted", after("HELO a.example\r\n", ehlo), []string{quirkHelloRepeated}, ""),
		hello(with("no name", after("EHLO\r\n"), []string{quirkHelloEmpty}, ""), ""),
		hello(with("bare name", after("EHLO KM_C258\r\n"), []string{quirkHelloBare}, ""), "KM_C258"),
		hello(with("address literal", after("EHLO [192.0.2.50]\r\n"), []string{quirkHelloLiteral}, ""), "[192.0.2.50]"),
		hello(with("address literal without a space", after("EHLO[192.0.2.50]\r\n"), []string{quirkHelloLiteral}, ""), "[192.0.2.50]"),
		with("three greetings", after(ehlo, ehlo, ehlo), []string{quirkHelloRepeated}, ""),
		hello(with("no greeting", mail, []string{quirkMailBeforeHello}, ""), ""),
		with("space before the colon", []string{ehlo, "MAIL FROM :<" + sender + ">\r\n", "RCPT TO :<" + rcpt + ">\r\n", "DATA\r\n", body, "QUIT\r\n"}, []string{quirkSpaceBeforeColon}, ""),
		with("no brackets", []string{ehlo, "MAIL FROM: " + sender + "\r\n", "RCPT TO: " + rcpt + "\r\n", "DATA\r\n", body, "QUIT\r\n"}, []string{quirkSpaceAfterColon, quirkNoBrackets}, ""),
		with("display name", []string{ehlo, "MAIL FROM:\"Scan\" <" + sender + ">\r\n", "RCPT TO:<" + rcpt + ">\r\n", "DATA\r\n", body, "QUIT\r\n"}, []string{quirkDisplayName}, ""),
		from(with("no domain", []string{ehlo, "MAIL FROM:<scanner>\r\n", "RCPT TO:<bob>\r\n", "DATA\r\n", body, "QUIT\r\n"}, []string{quirkNoDomain}, ""), "scanner", "bob"),
		from(with("null sender", []string{ehlo, "MAIL FROM:<>\r\n", "RCPT TO:<" + rcpt + ">\r\n", "DATA\r\n", body, "QUIT\r\n"}, nil, ""), "<>", rcpt),
		with("unknown parameter", []string{ehlo, "MAIL FROM:<" + sender + "> SIZE=40 X-FOO=1\r\n", "RCPT TO:<" + rcpt + ">\r\n", "DATA\r\n", body, "QUIT\r\n"}, []string{quirkUnknownParameter}, ""),
		with("bare line feeds all the way", []string{"EHLO a.example\n", "MAIL FROM:<" + sender + ">\n", "RCPT TO:<" + rcpt + ">\n", "DATA\n", "Subject: x\n\nbody\n.\n", "QUIT\n"},
			[]string{quirkBareLF, quirkBareEnd}, ""),
		with("lone carriage returns all the way", []string{"EHLO a.example\r", "MAIL FROM:<" + sender + ">\r", "RCPT TO:<" + rcpt + ">\r", "DATA\r", "Subject: x\r\rbody\r.\r", "QUIT\r"},
			[]string{quirkLoneCR, quirkBareEnd}, ""),
		with("two carriage returns", []string{"EHLO a.example\r\r\n", "MAIL FROM:<" + sender + ">\r\r\n", "RCPT TO:<" + rcpt + ">\r\r\n", "DATA\r\r\n", body, "QUIT\r\r\n"}, nil, ""),
		with("only the end of data is bare", []string{ehlo, mail[0], mail[1], "DATA\r\n", "Subject: x\r\n\r\nbody\n.\n", "QUIT\r\n"}, []string{quirkBareEnd, quirkBareLF}, ""),
		hello(with("NUL bytes", []string{"EHLO a.example\x00\r\n", mail[0], mail[1], "DATA\r\n", "Subject: x\x00\r\n\r\nbody\r\n.\r\n", "QUIT\r\n"}, []string{quirkNUL}, ""), "a.example"),
		with("8-bit text", []string{ehlo, mail[0], mail[1], "DATA\r\n", "Subject: x\r\n\r\nd\xe9j\xe0 vu\r\n.\r\n", "QUIT\r\n"}, []string{quirkEightBit}, ""),
		with("8-bit text, declared", []string{ehlo, "MAIL FROM:<" + sender + "> BODY=8BITMIME\r\n", mail[1], "DATA\r\n", "Subject: x\r\n\r\nd\xe9j\xe0 vu\r\n.\r\n", "QUIT\r\n"}, nil, ""),
		with("a line of 6 kB", []string{ehlo, mail[0], mail[1], "DATA\r\n", "Subject: x\r\n\r\n" + strings.Repeat("a", 6000) + "\r\n.\r\n", "QUIT\r\n"}, []string{quirkLongLine}, ""),
		with("pipelining that was not offered", []string{"HELO a.example\r\n" + mail[0] + mail[1] + "DATA\r\n", "", "", "", body, "QUIT\r\n"}, []string{quirkPipelining, quirkHeloOnly}, ""),
		with("chunks", []string{ehlo, mail[0], mail[1], "BDAT 12\r\nSubject: x\r\n", "BDAT 6 LAST\r\n\r\nbody", "QUIT\r\n"}, []string{quirkBDAT}, ""),
		ended(with("no quit", after(ehlo)[:5], []string{quirkNoQuit}, ""), probes.EndClosed),
		ended(under(stopped(with("no sign-in where one is wanted", []string{ehlo, mail[0], "QUIT\r\n"}, nil, ""), probes.EndQuit), "exchange"), probes.EndQuit),
		spoke(with("a browser", []string{"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n"}, []string{quirkUnknownCommand}, ""), "http", probes.EndDropped),
		spoke(with("a POP client", []string{"CAPA\r\n"}, []string{quirkUnknownCommand}, ""), "pop3", probes.EndDropped),
		spoke(with("an IMAP client", []string{"a1 LOGIN scan hunter2secret\r\n"}, []string{quirkUnknownCommand}, ""), "imap", probes.EndDropped),
		spoke(with("an LMTP client", []string{"LHLO a.example\r\n", "QUIT\r\n"}, nil, ""), "lmtp", probes.EndQuit),
		spoke(with("a port scan", []string{"\x03\x00\x00\x13\x0e\xe0\r\n"}, []string{quirkNUL, quirkUnknownCommand}, ""), "scan", probes.EndDropped),
		spoke(with("a bare connection", nil, nil, ""), "bare", probes.EndClosed),
		with("sign-in that does not read the refusal", []string{ehlo, "AUTH DIGEST-MD5\r\n", user64 + "\r\n", pass64 + "\r\n", mail[0], mail[1], "DATA\r\n", body, "QUIT\r\n"},
			[]string{quirkUnofferedMechanism, quirkUnknownCommand, quirkAuthNotWaiting, quirkSendsAfterRefusal}, "DIGEST-MD5  refused"),
	}
}

func TestDialoguesOfDevices(t *testing.T) {
	for _, d := range deviceTalks() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			if d.policy == "" {
				d.policy = "everything"
			}
			store := &memory{}
			r := start(t, &Server{Policy: policy(t, d.policy), Store: store})
			c := r.greeted()
			for _, turn := range d.turns {
				c.send(turn)
				c.reply()
			}
			c.conn.Close()
			s := r.session()
			if d.policy == "exchange" {
				d.from = s.MailFrom // recorded although it was refused
			}
			checkDialogue(t, d, s)
			assertNoSecret(t, s, "hunter2secret", pass64, strings.TrimRight(pass64, "="), plain64("hunter2secret")[:12])
		})
	}
}

func checkDialogue(t *testing.T, d deviceTalk, s probes.Session) {
	t.Helper()
	var auths []string
	for _, a := range s.Auth {
		auths = append(auths, fmt.Sprintf("%s %s %s", a.Mechanism, a.Account, a.Outcome))
	}
	if got := strings.Join(auths, "; "); got != d.auth {
		t.Errorf("auth %q, want %q", got, d.auth)
	}
	slices.Sort(s.Quirks)
	want := slices.Sorted(slices.Values(d.quirks))
	if !slices.Equal(s.Quirks, want) {
		t.Errorf("quirks %q, want %q", s.Quirks, want)
	}
	got := fmt.Sprintf("hello %q from %q to %q taken %v end %s protocol %q", s.Hello, s.MailFrom, strings.Join(s.RcptTo, " "), s.Taken, s.End, s.Protocol)
	wanted := fmt.Sprintf("hello %q from %q to %q taken %v end %s protocol %q", d.hello, d.from, d.to, d.taken, d.end, d.proto)
	if got != wanted {
		t.Errorf("\n got %s\nwant %s\n%v", got, wanted, s.Transcript)
	}
	if d.taken && s.Message.Subject[:1] != "x" {
		t.Errorf("message %+v", s.Message)
	}
}

func TestBytesThatAreNoLineAreAScan(t *testing.T) {
	for _, sent := range []string{"\x16\x03\x01\x00\x05hello", strings.Repeat("\x00", 100<<10), "hello"} {
		r := start(t, &Server{})
		c := r.greeted()
		c.send(sent)
		c.conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c.conn)
		if s := r.session(); s.Protocol != "scan" {
			t.Errorf("%.10q: protocol %q, end %s, TLS %+v", sent, s.Protocol, s.End, s.TLS)
		}
	}
}
