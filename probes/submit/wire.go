package submit

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// Limits of what a server may send.
const (
	maxReply      = 64 << 10 // bytes of one reply, all its lines together
	maxLine       = 2000     // bytes of one line; twice RFC 5321 section 4.5.3.1.5
	maxTranscript = 2000     // lines
)

// The ways in which a reply is none.
var (
	errTooLong   = errors.New("the reply is too long")
	errMalformed = errors.New("the reply is not one of SMTP")
	errInjected  = errors.New("more came in clear behind the reply to STARTTLS")
)

// wire is the connection as go-smtp's client sees it. It writes the
// transcript, keeps the last reply word by word, and bounds what is read:
// go-smtp v0.25.1 takes replies of any number of lines and gives back only
// their text.
type wire struct {
	net.Conn
	r     *bufio.Reader
	now   func() time.Time
	began time.Time
	block time.Duration
	mask  *mask

	transcript []probes.Line // as it was said: the secret is cut out at the end of the trial
	replay     []byte        // given to the reader before what comes from the server
	partial    []byte        // of a server's line
	earlier    []string      // the last lines of the server before the last reply
	reply      []string      // lines of the last reply
	whole      bool          // the reply is complete
	read       int           // bytes since the last command
	hideNext   bool          // the next client line is the secret
	message    int           // bytes of the message under way; -1 outside of DATA
}

func newWire(conn net.Conn, now func() time.Time, began time.Time, block time.Duration) *wire {
	w := &wire{now: now, began: began, block: block, message: -1}
	w.attach(conn)
	return w
}

// attach reads and writes on conn from here on.
func (w *wire) attach(conn net.Conn) { w.Conn, w.r = conn, bufio.NewReaderSize(conn, 4096) }

// line adds one line to the transcript.
func (w *wire) line(from probes.Speaker, text string) {
	if len(w.transcript) >= maxTranscript {
		return
	}
	w.transcript = append(w.transcript, probes.Line{MS: w.now().Sub(w.began).Milliseconds(), From: from, Text: text})
}

// written is a transcript without secrets and cleaned. What each side said is
// looked through as a whole: a secret can begin in one line and end in another.
func (m *mask) written(transcript []probes.Line) []probes.Line {
	for _, from := range []probes.Speaker{probes.Client, probes.Server, probes.Note} {
		var said []string
		for _, l := range transcript {
			if l.From == from {
				said = append(said, l.Text)
			}
		}
		said = m.lines(said)
		for i := range transcript {
			if transcript[i].From == from {
				transcript[i].Text, said = probes.Clean(said[0], maxLine), said[1:]
			}
		}
	}
	return transcript
}

// Read gives what the server says, and takes it down.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.replay) > 0 {
		n := copy(p, w.replay)
		w.replay = w.replay[n:]
		return n, nil
	}
	w.endMessage()
	n, err := w.r.Read(p[:min(len(p), maxReply)])
	if e := w.heard(p[:n]); e != nil {
		return 0, e
	}
	return n, err
}

// heard takes down what came, line by line.
func (w *wire) heard(b []byte) error {
	if w.read += len(b); w.read > maxReply {
		return errTooLong
	}
	for _, c := range b {
		if c != '\n' {
			if w.partial = append(w.partial, c); len(w.partial) > maxLine {
				return errTooLong
			}
			continue
		}
		text := strings.TrimSuffix(string(w.partial), "\r")
		w.partial = w.partial[:0]
		w.line(probes.Server, text)
		if w.whole {
			w.next()
		}
		w.reply = append(w.reply, text)
		w.whole = len(text) < 4 || text[3] != '-'
	}
	return nil
}

// Write sends what the client says, and takes it down.
func (w *wire) Write(p []byte) (int, error) {
	if string(p) == "*\r\n" && w.code() != 334 {
		// go-smtp v0.25.1 cancels an exchange that the server has ended: to
		// the server that is an unknown command, to the reader noise.
		w.replay = []byte("501 5.5.1 Not sent\r\n")
		return len(p), nil
	}
	w.spoke(p)
	if err := w.SetWriteDeadline(time.Now().Add(w.block)); err != nil { //nolint:forbidigo // a socket's deadline is real time
		return 0, err
	}
	return w.Conn.Write(p)
}

func (w *wire) spoke(p []byte) {
	w.read = 0
	if w.message >= 0 {
		w.message += len(p)
		return
	}
	for text := range strings.Lines(string(p)) {
		if w.hideNext && w.mask != nil {
			text, w.hideNext = w.mask.label, false
		}
		w.line(probes.Client, strings.TrimRight(text, "\r\n"))
	}
}

// endMessage takes down a message that was sent, by its length on the wire.
func (w *wire) endMessage() {
	if w.message > 0 {
		w.line(probes.Client, "<message, "+strconv.Itoa(w.message)+" bytes>")
	}
	w.message = -1
}

// code is that of the last whole reply; 0 when there is none.
func (w *wire) code() int {
	if !w.whole || len(w.reply) == 0 || len(w.reply[0]) < 3 {
		return 0
	}
	n, _ := strconv.Atoi(w.reply[0][:3])
	return n
}

// maxEarlier is how much is kept of what the server said before, in bytes.
const maxEarlier = 4096

// next puts the last reply behind, and waits for another.
func (w *wire) next() {
	w.earlier = append(w.earlier, w.reply...)
	size := 0
	for i, line := range slices.Backward(w.earlier) {
		if size += len(line); size > maxEarlier {
			w.earlier = slices.Clone(w.earlier[i+1:])
			break
		}
	}
	w.reply, w.whole = nil, false
}

// shown are the lines of the last reply, without the secret and cleaned.
func (w *wire) shown() []string {
	said := w.mask.lines(slices.Concat(w.earlier, w.reply))[len(w.earlier):]
	out := make([]string, len(said))
	for i, line := range said {
		out[i] = probes.Clean(line, maxLine)
	}
	return out
}

// last is the last reply, without the secret and cleaned.
func (w *wire) last() (probes.Reply, bool) {
	if !w.whole {
		return probes.Reply{}, false
	}
	r, ok := probes.ParseReply(strings.Join(w.shown(), "\n"))
	r.Text, r.Server = w.mask.cut(r.Text), w.mask.cut(r.Server) // its lines are one text now
	return r, ok
}

// exchange sends a command, unless it is "", and reads one reply.
func (w *wire) exchange(command string, limit time.Duration) (code int, err error) {
	if err := w.SetDeadline(time.Now().Add(limit)); err != nil { //nolint:forbidigo // a socket's deadline is real time
		return 0, err
	}
	if command != "" {
		if _, err := w.Write([]byte(command + "\r\n")); err != nil {
			return 0, err
		}
	}
	w.read = 0
	w.next()
	one := make([]byte, 1)
	for !w.whole {
		if _, err := w.Read(one); err != nil {
			return 0, err
		}
	}
	if _, ok := w.last(); !ok {
		return 0, errMalformed
	}
	return w.code(), nil
}

// startTLS shakes hands on what was a plain connection.
func (w *wire) startTLS(conf *tls.Config) (*tls.Conn, error) {
	if w.r.Buffered() > 0 {
		return nil, errInjected
	}
	return tls.Client(w.Conn, conf), nil
}
