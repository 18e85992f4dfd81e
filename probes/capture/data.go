package capture

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// intake takes a message in: to the store, to the header reader, counting.
type intake struct {
	id      string // in the store
	file    string
	w       io.WriteCloser
	headers headerReader
	size    int64
	spent   int64  // of the budget of the disk
	failed  string // the reply to the end of data, when it is a refusal
	quirks  []string
	lastEnd lineEnd
	anyLF   bool // a line feed came: its lines do not end with lone CRs
}

// Parts of a message that is being read.
const longLine = 998 // bytes, RFC 5321, section 4.5.3.1.6, without the line end

// newIntake opens the place of the message that begins now.
func (c *conn) newIntake() *intake {
	m := &intake{id: c.rec.ID}
	if c.places++; c.places > 1 { // one that was dropped may still hold its name
		m.id += "-" + strconv.Itoa(c.places)
	}
	if c.Store == nil {
		return m
	}
	w, file, err := c.Store.Message(m.id)
	if err != nil {
		c.rec.note("keep_failed", clean(err.Error(), keptLine))
		m.quirks = append(m.quirks, quirkKeepFailed)
		m.failed = "451 4.3.0 Message could not be kept"
		return m
	}
	m.w, m.file = w, file
	return m
}

// add takes a piece of the message as it goes into the file.
func (m *intake) add(c *conn, piece []byte) {
	before := m.size
	m.size += int64(len(piece))
	if m.failed != "" || len(piece) == 0 {
		return
	}
	m.headers.feed(piece)
	if m.size <= c.limits.MessageSize {
		m.write(c, piece)
		return
	}
	m.write(c, piece[:c.limits.MessageSize-before])
	m.fail(quirkLimitMessage, "552 5.3.4 Message size exceeds fixed maximum message size")
}

func (m *intake) write(c *conn, piece []byte) {
	if m.w == nil {
		return
	}
	if !c.disk.spend(int64(len(piece))) {
		m.fail(quirkLimitDisk, "452 4.3.1 Insufficient system storage")
		return
	}
	m.spent += int64(len(piece))
	if _, err := m.w.Write(piece); err != nil {
		m.fail(quirkKeepFailed, "451 4.3.0 Message could not be kept")
	}
}

func (m *intake) fail(quirk, reply string) {
	m.quirks = append(m.quirks, quirk)
	m.failed = reply
}

// close syncs the file.
func (m *intake) close() {
	if m.w == nil {
		return
	}
	if err := m.w.Close(); err != nil && m.failed == "" {
		m.fail(quirkKeepFailed, "451 4.3.0 Message could not be kept")
	}
	m.w = nil
}

// discarder is what a Store's writer also is when it can give up what was
// written so far, in place of Close.
type discarder interface{ Discard() error }

// dropMail ends the transaction without a message. What came of one in chunks
// is given up.
func (c *conn) dropMail() {
	m := c.mail.intake
	c.mail = transaction{}
	if m == nil || m.w == nil {
		return
	}
	if d, ok := m.w.(discarder); ok {
		_ = d.Discard()
		c.disk.giveBack(m.spent)
	} else {
		_ = m.w.Close()
	}
	m.w = nil
}

func (c *conn) data(cmd command) {
	c.hear(cmd)
	if c.mail.intake != nil { // RFC 3030, section 3
		c.reply("503 5.5.1 BDAT began, BDAT must end")
		return
	}
	if !c.mail.open || c.mail.rcpts == 0 {
		c.reply("503 5.5.2 Need rcpt command")
		return
	}
	if c.answer("354 Start mail input; end with <CRLF>.<CRLF>", "DATA") != '3' || c.end != "" {
		return
	}
	m := c.newIntake()
	c.mail.intake = m
	giveBack := c.widen()
	err := c.readData(m)
	giveBack()
	c.took(m, err)
}

// took ends a message: its record first, then the reply.
func (c *conn) took(m *intake, err error) {
	c.acked = false
	m.close()
	c.rec.quirk(m.quirks...)
	c.rec.quirk(m.headers.quirks(c.mail.smtp8)...)
	if m.size > 0 || err == nil {
		c.enter(m)
	}
	if err != nil {
		c.rec.note("data_broken", count(int(m.size), "byte"))
		c.broke(err)
		return
	}
	c.rec.say(probes.Client, "<message, "+count(int(m.size), "byte")+">")
	reply := c.policy.reply("250 2.6.0 "+m.queued()+" Queued mail for delivery", "MESSAGE")
	if m.failed != "" {
		reply = m.failed
	}
	c.messages++
	c.dropMail()
	c.hold(c.policy.delay("MESSAGE"))
	c.acknowledge(c.fill(reply))
}

// afterMessage is how long a client may be silent once its message is taken:
// many never say QUIT, and their session is to be shown soon.
const afterMessage = 10 * time.Second

// acknowledge replies to the end of a message once the session is on disk.
func (c *conn) acknowledge(reply string) {
	if c.Store != nil {
		s := c.rec.snapshot()
		s.Taken = s.Taken || reply[0] == '2'
		s.End = probes.EndClosed // how it stands if this process dies now
		s.Ended = c.Now().UTC()
		err := c.Store.Keep(s)
		c.acked = err == nil
		if err != nil {
			c.rec.quirk(quirkKeepFailed)
			c.rec.note("keep_failed", clean(err.Error(), keptLine))
			reply = "451 4.3.0 Session could not be kept"
		}
	}
	if reply[0] == '2' {
		c.rec.Taken = true
		c.in.idle = min(c.in.idle, afterMessage)
	}
	c.reply(reply)
}

// enter puts the message into the record.
func (c *conn) enter(m *intake) {
	summary := m.headers.summary()
	summary.File = m.file
	if c.messages == 0 {
		c.rec.MailFrom, c.rec.Size, c.rec.Message = c.mail.from, m.size, &summary
		return
	}
	c.rec.quirk(quirkSeveralMessages)
	if !c.rec.spend(textOf(summary) + perLine) {
		summary = probes.Message{File: m.file} // the message itself is whole
		c.rec.quirk(quirkLimitTranscript)
	}
	more := probes.Delivery{MailFrom: c.mail.from, Size: m.size, Message: &summary}
	for _, to := range c.mail.to {
		if c.rec.spend(len(to)) {
			more.RcptTo = append(more.RcptTo, to)
		}
	}
	c.rec.More = append(c.rec.More, more)
}

// textOf is the size of a summary's text, in bytes.
func textOf(m probes.Message) int {
	n := len(m.From) + len(m.Subject) + len(m.MessageID) + len(m.Mailer) + len(m.Date) + len(m.Boundary)
	for _, list := range [][]string{m.To, m.Attachments} {
		for _, s := range list {
			n += len(s)
		}
	}
	return n
}

// queued is what the reply names the message by: its own id, if that is short
// and plain.
func (m *intake) queued() string {
	id := m.headers.summary().MessageID
	if id == "" || len(id) > 200 || strings.ContainsAny(id, "{}") {
		return "<" + m.id + "@offbasic.invalid>"
	}
	return id
}

// readData reads up to the line that holds only a dot, however lines end.
func (c *conn) readData(m *intake) error {
	fresh := true // at the start of a line
	for {
		n, done := c.dataLines(m, c.in.buffered(), fresh)
		c.in.skip(n)
		if done {
			return nil
		}
		fresh = fresh || n > 0
		b := c.in.buffered()
		if !m.anyLF && loneCREnd(b, fresh) {
			if done, err := c.lastCR(m, b); done || err != nil {
				return err
			}
			continue
		}
		err := c.in.more(bufferData, c.limits.Command)
		switch {
		case err == nil:
		case errors.Is(err, errFull):
			m.piece(c, b, fresh)
			c.in.skip(len(b))
			fresh = false
		default:
			m.piece(c, b, fresh)
			return err
		}
	}
}

// lastCR waits for what follows a lone carriage return after a dot; when
// nothing does, that was the end of the message.
func (c *conn) lastCR(m *intake, b []byte) (done bool, err error) {
	err = c.in.more(len(b)+1, lineEndWait)
	if !isTimeout(err) || c.isStopped() {
		return false, err
	}
	m.add(c, b[:max(len(b)-2, 0)])
	c.in.skip(len(b))
	m.quirks = append(m.quirks, quirkLoneCR, quirkBareEnd)
	return true, nil
}

// loneCREnd tells a message of lone carriage returns that may be over.
func loneCREnd(b []byte, fresh bool) bool {
	return bytes.HasSuffix(b, []byte("\r.\r")) || fresh && string(b) == ".\r"
}

// dataLines takes the whole lines at the start of b, stuffed dots taken off (RFC
// 5321, section 4.5.2), and says how long they are. done means that the last was
// the end of the message.
func (c *conn) dataLines(m *intake, b []byte, fresh bool) (n int, done bool) {
	from := 0 // of what is not added yet
	for {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			m.add(c, b[from:n])
			return n, false
		}
		next := n + i + 1
		switch {
		case m.ends(b[n:next], b[next:], fresh):
			m.add(c, b[from:n])
			return next, true
		case fresh && isStuffed(b[n:next]):
			m.add(c, b[from:n])
			from = n + 1
		}
		n, fresh = next, true
	}
}

// ends tells whether a line, its end included, is the end of the message; rest
// is what came behind it.
func (m *intake) ends(l, rest []byte, fresh bool) bool {
	end := endCRLF
	m.anyLF = true
	text := l[:len(l)-1]
	if n := len(text); n > 0 && text[n-1] == '\r' {
		text = text[:n-1]
	} else {
		end = endLF
	}
	if fresh && len(text) == 1 && text[0] == '.' {
		bare := end == endLF || m.lastEnd == endLF
		if !bare {
			return true
		}
		// A bare line feed ends nothing by RFC 5321, section 4.1.1.4, but
		// devices that send it wait for the answer. What follows at once and
		// is no command shows that the dot was meant as text.
		if len(rest) == 0 || parseCommand(firstLine(rest)).verb != "" {
			m.quirks = append(m.quirks, quirkBareEnd)
			return true
		}
	}
	if end == endLF {
		m.headers.bareLF = true
	}
	m.lastEnd = end
	return false
}

// piece adds part of a line, its stuffed dot taken off.
func (m *intake) piece(c *conn, b []byte, fresh bool) {
	if fresh && isStuffed(b) {
		b = b[1:]
	}
	m.add(c, b)
}

func isStuffed(l []byte) bool {
	return len(l) > 1 && l[0] == '.' && l[1] != '\r' && l[1] != '\n'
}

func firstLine(b []byte) []byte {
	if i := bytes.IndexAny(b, "\r\n"); i >= 0 {
		return b[:i]
	}
	return b
}

// bdat takes a chunk (RFC 3030, section 2).
func (c *conn) bdat(cmd command) {
	c.rec.quirk(quirkBDAT)
	n, last, ok := chunkSize(cmd.arg)
	if !ok {
		c.hear(cmd)
		c.reply("501 5.5.4 Invalid arguments")
		return
	}
	c.heard(cmd, strings.ToUpper(string(cmd.arg)))
	if !c.mail.open || c.mail.rcpts == 0 {
		_ = c.readChunk(nil, n)
		c.reply("503 5.5.2 Need rcpt command")
		return
	}
	m := c.mail.intake
	if m == nil {
		m = c.newIntake()
		c.mail.intake = m
	}
	err := c.readChunk(m, n)
	if err != nil || last {
		c.in.shrink()
		c.took(m, err)
		return
	}
	c.answer("250 2.6.0 CHUNK received OK, "+count(int(n), "octet"), "BDAT")
}

// chunkSize reads what follows BDAT.
func chunkSize(arg []byte) (n int64, last, ok bool) {
	words := strings.Fields(strings.ToUpper(string(arg)))
	if len(words) == 0 || len(words) > 2 || len(words) == 2 && words[1] != "LAST" {
		return 0, false, false
	}
	n, err := strconv.ParseInt(words[0], 10, 64)
	return n, len(words) == 2, err == nil && n >= 0
}

// readChunk takes n bytes as they are; a nil message drops them.
func (c *conn) readChunk(m *intake, n int64) error {
	for n > 0 {
		b := c.in.buffered()
		if len(b) == 0 {
			if err := c.in.more(bufferData, c.limits.Command); err != nil {
				return err
			}
			continue
		}
		b = b[:min(int64(len(b)), n)]
		if m != nil {
			m.add(c, b)
		}
		n -= int64(len(b))
		c.in.skip(len(b))
	}
	return nil
}

// count writes "1 byte", "12 bytes".
func count(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return strconv.Itoa(n) + " " + unit + "s"
}
