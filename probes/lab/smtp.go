package lab

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"offbasic/probes"
)

// Limits of the SMTP services.
const (
	maxConns   = 50
	maxErrors  = 10
	maxLine    = 12288 // RFC 4954 section 4, for AUTH
	maxMessage = 157286400
	idle       = 5 * time.Minute // RFC 5321 section 4.5.3.2.7
)

// smtpSide is one SMTP service with its connections.
type smtpSide struct {
	lab *Lab
	svc service
	ln  net.Listener

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
	wg     sync.WaitGroup
}

// serveSMTP answers on a service's address until close.
func serveSMTP(l *Lab, svc service) *smtpSide {
	s := &smtpSide{lab: l, svc: svc, ln: l.listeners[svc.name], conns: map[net.Conn]bool{}}
	s.wg.Go(func() {
		for {
			conn, err := s.ln.Accept()
			if err != nil {
				return // closed
			}
			if !s.add(conn) {
				_ = conn.Close()
			}
		}
	})
	return s
}

// add serves one more connection, unless there are too many.
func (s *smtpSide) add(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= maxConns {
		return false
	}
	s.conns[conn] = true
	s.wg.Go(func() {
		defer func() {
			s.mu.Lock()
			delete(s.conns, conn)
			s.mu.Unlock()
			_ = conn.Close()
		}()
		c := &session{svc: s.svc, l: s.lab, conn: conn}
		c.run()
		c.signOut()
	})
	return true
}

// close ends the server and every connection.
func (s *smtpSide) close() {
	_ = s.ln.Close()
	s.mu.Lock()
	s.closed = true
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// session is one SMTP connection.
type session struct {
	svc  service
	l    *Lab
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer

	tls     *tls.ConnectionState // nil before STARTTLS
	hello   string               // after EHLO or HELO
	account string               // address of who is signed in; "" is nobody
	as      string               // who acts for the account
	mail    bool                 // MAIL was accepted
	from    string
	to      []string
	chunks  received // BDAT so far
	errors  int
	over    bool // the session ends
}

// verb is a command with what it does.
type verb func(*session, string)

// verbs is the table of commands.
func verbs() map[string]verb {
	return map[string]verb{
		"EHLO": (*session).ehlo, "HELO": (*session).helo, "STARTTLS": (*session).startTLS,
		"AUTH": (*session).auth, "MAIL": (*session).mailFrom, "RCPT": (*session).rcptTo,
		"DATA": (*session).data, "BDAT": (*session).bdat,
		"RSET": func(s *session, _ string) { s.reset(); s.say("250 2.0.0 Resetting") },
		"NOOP": func(s *session, _ string) { s.say("250 2.0.0 OK") },
		"QUIT": (*session).quit,
	}
}

// quit lets the account go before it says so: whoever hears it may come back.
func (s *session) quit(string) {
	s.signOut()
	s.over = true
	s.say("221 2.0.0 Service closing transmission channel")
}

// run serves the connection until it ends.
func (s *session) run() {
	s.attach(s.conn)
	if s.provoked(stageConnect) {
		_ = s.w.Flush()
		return
	}
	s.say("220 " + s.svc.host + " " + s.svc.banner + " at " + s.l.now().UTC().Format(time.RFC1123Z))
	table := verbs()
	for !s.over {
		line, err := s.line()
		if err != nil {
			break
		}
		name, rest, _ := strings.Cut(line, " ")
		do, known := table[strings.ToUpper(name)]
		if !known {
			s.wrong("500 5.3.3 Unrecognized command '" + probes.Clean(name, 40) + "'")
			continue
		}
		do(s, strings.TrimSpace(rest))
	}
	_ = s.w.Flush()
}

// attach reads and writes on conn from here on.
func (s *session) attach(conn net.Conn) {
	s.conn, s.r, s.w = conn, bufio.NewReaderSize(conn, 4096), bufio.NewWriter(conn)
}

// line reads one command. A line that is too long ends the session.
func (s *session) line() (string, error) {
	if s.r.Buffered() == 0 {
		if err := s.w.Flush(); err != nil {
			return "", err
		}
	}
	var b []byte
	_ = s.conn.SetReadDeadline(time.Now().Add(idle)) //nolint:forbidigo // a socket's deadline is real time
	for {
		part, err := s.r.ReadSlice('\n')
		b = append(b, part...)
		if len(b) > maxLine {
			s.say("500 5.2.3 Line too long")
			s.over = true
			return "", bufio.ErrTooLong
		}
		if err == nil {
			return strings.TrimRight(string(b), "\r\n"), nil
		}
		if err != bufio.ErrBufferFull { //nolint:errorlint // ReadSlice returns it as it is
			return "", err
		}
	}
}

// say writes a reply. It goes out when the client waits for it.
func (s *session) say(reply string) {
	_, _ = s.w.WriteString(reply + "\r\n") // the flush says whether it went
}

// no refuses with a reply that ends in Microsoft's bracket: server, time, id.
// A reply of 421 ends the session (RFC 5321 section 3.8).
func (s *session) no(reply string) {
	if s.svc.bracket {
		reply = fmt.Sprintf("%s [%s %s %X]", reply, s.svc.host, s.l.now().UTC().Format("2006-01-02T15:04:05.000Z"), randomBytes(8))
	}
	s.wrong(reply)
	s.over = s.over || strings.HasPrefix(reply, "421")
}

// wrong refuses, and ends a session with too many errors.
func (s *session) wrong(reply string) {
	s.say(reply)
	if s.errors++; s.errors >= maxErrors {
		s.say("421 4.7.0 Too many errors on this connection, closing transmission channel")
		s.over = true
	}
}

// reset forgets the message under way (RFC 5321 section 4.1.1.5).
func (s *session) reset() { s.mail, s.from, s.to, s.chunks = false, "", nil, received{} }

func (s *session) helo(name string) {
	if s.provoked(stageHello) {
		return
	}
	s.hello = name
	s.reset()
	s.say("250 " + s.svc.host + " Hello [" + s.peer() + "]")
}

// ehlo lists what the service has, in the order of smtp.office365.com (log of
// 2025-11-23).
func (s *session) ehlo(name string) {
	if s.provoked(stageHello) {
		return
	}
	s.hello = name
	s.reset()
	list := []string{s.svc.host + " Hello [" + s.peer() + "]", fmt.Sprintf("SIZE %d", s.svc.size), "PIPELINING", "DSN", "ENHANCEDSTATUSCODES"}
	if s.tls == nil {
		list = append(list, "STARTTLS")
	}
	if len(s.svc.mechanisms) > 0 && (s.tls != nil || s.svc.clear) {
		list = append(list, "AUTH "+strings.Join(s.svc.mechanisms, " "))
	}
	list = append(list, s.svc.extensions...)
	for i, text := range list {
		sep := "-"
		if i == len(list)-1 {
			sep = " "
		}
		s.say("250" + sep + text)
	}
}

// peer is the client's address as the tenant sees it.
func (s *session) peer() string {
	host, _, _ := net.SplitHostPort(s.conn.RemoteAddr().String())
	return s.l.seen(host)
}

// startTLS takes TLS 1.0 as well where the service has something to say to it.
// A client's certificate is asked for and not verified: what it is worth is
// decided where it is used. What came in clear behind the command is dropped
// (RFC 3207 section 4).
func (s *session) startTLS(string) {
	if s.tls != nil {
		s.wrong("503 5.5.2 Only one STARTTLS command can be issued per session")
		return
	}
	if s.provoked(stageSTARTTLS) {
		return
	}
	s.say("220 2.0.0 SMTP server ready")
	if s.w.Flush() != nil {
		s.over = true
		return
	}
	conf := s.l.trust.serverConfig()
	if s.svc.oldTLS != nil {
		conf.MinVersion = tls.VersionTLS10
		conf.CipherSuites = oldSuites()
	}
	if s.svc.open {
		conf.ClientAuth = tls.RequestClientCert
	}
	conn := tls.Server(s.conn, conf)
	_ = s.conn.SetDeadline(time.Now().Add(30 * time.Second)) //nolint:forbidigo // a socket's deadline is real time
	if err := conn.Handshake(); err != nil {                 //nolint:noctx // the deadline ends it, and so does close
		s.over = true
		return
	}
	_ = s.conn.SetDeadline(time.Time{})
	state := conn.ConnectionState()
	s.attach(conn)
	s.tls, s.hello = &state, ""
	s.signOut()
	s.reset()
	if s.provoked(stageAfterTLS) {
		s.over = true
		return
	}
	if state.Version < tls.VersionTLS12 {
		if reply := s.svc.oldTLS(s.l); reply != "" {
			s.say(reply)
			s.over = true
		}
	}
}

// oldSuites are all that Go can do: an old device has nothing better than what
// Go calls insecure.
func oldSuites() []uint16 {
	var ids []uint16
	for _, c := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, c.ID)
	}
	return ids
}

// data reads a message up to the line with a single dot. Only CRLF.CRLF ends
// it: anything else would let a message smuggle a second one in.
func (s *session) data(string) {
	if len(s.to) == 0 {
		s.wrong("503 5.5.1 Bad sequence of commands")
		return
	}
	s.say("354 Start mail input; end with <CRLF>.<CRLF>")
	if s.w.Flush() != nil {
		s.over = true
		return
	}
	msg, size, err := s.body()
	if err != nil {
		s.over = true
		return
	}
	s.take(received{msg, size})
}

// take decides about a whole message.
func (s *session) take(m received) {
	defer s.reset()
	switch {
	case m.size > s.svc.size:
		s.no(tooLarge)
	case s.provoked(stageData):
	default:
		s.svc.take(s, m)
	}
}

// body reads the lines of DATA. What is over the limits is counted and
// dropped, so that the reply can still be given.
func (s *session) body() (msg []byte, size int, err error) {
	tail := "\r\n" // the last two bytes read
	for {
		_ = s.conn.SetReadDeadline(time.Now().Add(idle)) //nolint:forbidigo // a socket's deadline is real time
		part, err := s.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull { //nolint:errorlint // ReadSlice returns it as it is
			return nil, 0, err
		}
		start := tail == "\r\n"
		if start && string(part) == ".\r\n" {
			return msg, size, nil
		}
		tail += string(part[max(0, len(part)-2):])
		tail = tail[len(tail)-2:]
		if start && part[0] == '.' {
			part = part[1:] // RFC 5321 section 4.5.2
		}
		size += len(part)
		msg = keep(msg, part)
	}
}

// keep appends up to the limit of what the lab looks at: the head.
func keep(msg, text []byte) []byte {
	if room := maxHead - len(msg); room < len(text) {
		text = text[:max(0, room)]
	}
	return append(msg, text...)
}

// bdat takes a chunk of a message (RFC 3030 section 2).
func (s *session) bdat(arg string) {
	var n int
	var last string
	if c, _ := fmt.Sscanf(arg, "%d %s", &n, &last); c == 0 || n < 0 || n > maxMessage {
		s.wrong("501 5.5.4 Invalid arguments")
		s.over = true // the chunk cannot be told from commands
		return
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(idle)) //nolint:forbidigo // a socket's deadline is real time
	head := make([]byte, min(n, maxHead-len(s.chunks.raw)))
	if _, err := io.ReadFull(s.r, head); err != nil {
		s.over = true
		return
	}
	if _, err := io.CopyN(io.Discard, s.r, int64(n-len(head))); err != nil {
		s.over = true
		return
	}
	s.chunks.raw, s.chunks.size = append(s.chunks.raw, head...), s.chunks.size+n
	switch {
	case len(s.to) == 0:
		s.wrong("503 5.5.1 Bad sequence of commands")
	case strings.EqualFold(last, "LAST"):
		s.take(s.chunks)
	default:
		s.say(fmt.Sprintf("250 2.0.0 %d octets received", n))
	}
}
