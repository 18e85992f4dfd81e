package lab

import (
	"html"
	"mime"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// maxHead is how much of a message the lab keeps, in bytes.
const maxHead = 64 << 10

// header is one header field, unfolded.
type header struct{ name, value string }

// parseHead reads the header fields of a message, in their order. What is no
// header field ends them.
func parseHead(raw []byte) []header {
	var list []header
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if n := len(list); n > 0 {
				list[n-1].value += " " + strings.TrimSpace(line)
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			break
		}
		list = append(list, header{name, strings.TrimSpace(value)})
	}
	return list
}

func find(list []header, name string) string {
	for _, h := range list {
		if strings.EqualFold(h.name, name) {
			return h.value
		}
	}
	return ""
}

// posted is a message that a service took, on its way to the mailboxes.
type posted struct {
	service  string
	from     string // envelope
	to       []string
	head     []header
	size     int
	peer     string   // the address that it came from, as the tenant sees it
	trace    []header // what is written above it
	filtered bool     // goes to Junk Email
	saved    bool     // a copy goes to the sender's Sent Items
	by       string   // name of the connector that it came through; "" is none
}

// posting is a message while it is delivered.
type posting struct {
	posted
	id      string // Message-ID
	subject string
	taken   time.Time
	arrives time.Time
	done    []string // recipients, so that nobody gets it twice
}

// Departure is a message that left the tenant. Nothing is sent: it is only
// written down.
type Departure struct {
	Service   string // as Endpoint takes it, or "graph"
	From, To  string // envelope
	MessageID string
	At        time.Time
}

// maxKept bounds what the lab remembers of the mail that it saw.
const maxKept = 5000

// Departed lists what left for recipients outside, the newest last.
func (l *Lab) Departed() []Departure {
	l.dir.mu.Lock()
	defer l.dir.mu.Unlock()
	return slices.Clone(l.dir.departed)
}

// Arrival is a message in a mailbox of the tenant.
type Arrival struct {
	Service   string // as Endpoint takes it, or "graph"
	From, To  string // envelope
	MessageID string
	Folder    string // "Inbox" or "Junk Email"
	At        time.Time
}

// Delivered lists what went into mailboxes, the newest last, whether it has
// arrived by now or not.
func (l *Lab) Delivered() []Arrival {
	l.dir.mu.Lock()
	defer l.dir.mu.Unlock()
	return slices.Clone(l.dir.arrivals)
}

// post delivers a message to its recipients here, and returns its Message-ID.
// Mail for others leaves: it is written down and goes nowhere.
func (l *Lab) post(m posted) string {
	now := l.now()
	m.head = slices.DeleteFunc(slices.Clone(m.head), func(h header) bool { return firewalled(h.name) })
	if l.fault(everythingJunk) {
		m.filtered, m.trace = true, junked(m.trace)
	}
	p := &posting{posted: m, id: find(m.head, "Message-ID"), subject: find(m.head, "Subject"), taken: now, arrives: now.Add(l.delay)}
	if p.id == "" {
		p.id = "<" + strings.ToUpper(strings.ReplaceAll(newID(), "-", "")) + "@" + hub + ">"
		p.head = append(slices.Clip(p.head), header{"Message-ID", p.id})
	}
	p.id = probes.Clean(p.id, 300)
	if d, err := new(mime.WordDecoder).DecodeHeader(p.subject); err == nil {
		p.subject = d
	}
	if r, ok := l.refusals.next(stageBounce, m.service); ok {
		l.log("delivery: returned as asked: " + r.name())
		l.bounce(p, m.to, r.reply(m.peer, m.from, m.to))
		return p.id
	}
	if sender := l.dir.mailbox(m.from); sender != nil && m.saved {
		l.dir.put(sender.kept, p.message(nil))
	}
	for _, to := range m.to {
		l.deliver(p, to)
	}
	return p.id
}

// firewalled tells a field that only the organisation itself may write:
// whoever else does, it is removed (Microsoft, "Header firewall in Exchange
// Server").
func firewalled(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "x-ms-exchange-organization-") || strings.HasPrefix(name, "x-ms-exchange-forest-")
}

// message is the posting as it lies in a mailbox, below the headers of its way.
func (p *posting) message(trace []header) message {
	return message{
		id: "AAMkAD" + randomText(48), messageID: p.id, subject: p.subject, received: p.arrives,
		headers: slices.Concat(trace, p.head),
	}
}

// deliver brings a posting to one recipient.
func (l *Lab) deliver(p *posting, to string) {
	if slices.ContainsFunc(p.done, func(s string) bool { return strings.EqualFold(s, to) }) {
		return
	}
	p.done = append(p.done, to)
	m := l.dir.mailbox(to)
	switch g, isGroup := l.dir.groupAt(to); {
	case m != nil:
		in := m.inbox
		if p.filtered {
			in = m.junk
		}
		l.dir.put(in, p.message(append(slices.Clip(p.trace), header{"X-MS-Exchange-Organization-Network-Message-Id", newID()})))
		l.dir.keepArrival(Arrival{p.service, p.from, to, p.id, in.name, p.arrives})
		l.dir.record(p, to, "delivered", "", event{"Deliver", "The message was successfully delivered."})
		l.log("delivery: " + m.address + " " + in.name + " " + p.id)
	case isGroup:
		l.dir.record(p, to, "expanded", "", event{"Expand", "The message was expanded to the members of the group."})
		for _, member := range g.members {
			l.deliver(p, member)
		}
	case l.dir.accepted(to):
		l.bounce(p, []string{to}, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient "+probes.Clean(to, 200)+" not found by SMTP address lookup")
	default:
		l.dir.depart(Departure{p.service, p.from, to, p.id, p.taken})
		l.dir.record(p, to, "delivered", outsideHost, event{"Send external", "Message sent to the external recipient."})
		l.log("delivery: " + probes.Clean(to, 200) + " is outside: " + p.id)
	}
}

// groupAt finds a distribution group by its address.
func (d *directory) groupAt(address string) (group, bool) {
	i := slices.IndexFunc(d.groups, func(g group) bool { return strings.EqualFold(g.address, address) })
	if i < 0 {
		return group{}, false
	}
	return d.groups[i], true
}

func (d *directory) depart(m Departure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.departed = append(d.departed, m)
	if n := len(d.departed) - maxKept; n > 0 {
		d.departed = slices.Delete(d.departed, 0, n)
	}
}

func (d *directory) keepArrival(a Arrival) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.arrivals = append(d.arrivals, a)
	if n := len(d.arrivals) - maxKept; n > 0 {
		d.arrivals = slices.Delete(d.arrivals, 0, n)
	}
}

// bounce returns a message to its sender, if that is somebody here: a bounce
// has no sender, and is not returned again (RFC 5321 section 4.5.5).
func (l *Lab) bounce(p *posting, to []string, reply string) {
	for _, recipient := range to {
		l.dir.record(p, recipient, "failed", "", event{"Fail", "Reason: [{LED=" + reply + "}]"})
	}
	l.log("delivery: returned: " + reply)
	sender := l.dir.mailbox(p.from)
	if sender == nil {
		return
	}
	id := "<" + newID() + "@" + hub + ">"
	l.dir.put(sender.inbox, message{
		id: "AAMkAD" + randomText(48), messageID: id, subject: "Undeliverable: " + p.subject, received: p.arrives,
		headers: []header{
			{"From", "postmaster@" + l.dir.domains[0]},
			{"To", sender.address},
			{"Subject", "Undeliverable: " + p.subject},
			{"Message-ID", id},
			{"In-Reply-To", p.id},
			{"Content-Type", "multipart/report; report-type=delivery-status"},
			{"X-Failed-Recipients", strings.Join(to, ", ")},
			{"X-MS-Exchange-Message-Is-Ndr", ""},
			{"X-MS-Exchange-Organization-AuthAs", "Internal"},
		},
	})
}

// event is one thing that happened to a message.
type event struct{ name, description string }

// traced is one row of the message trace.
type traced struct {
	id                 string // GUID of the message, the same for each recipient
	messageID, subject string
	from, to           string
	peer, next         string // where it came from, and where it went outside
	status             string // as Graph writes it
	size               int
	taken, arrives     time.Time
	connector          string
	events             []event
}

// record writes one row of the message trace.
func (d *directory) record(p *posting, to, status, next string, last event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := newID()
	for _, t := range d.traces {
		if t.messageID == p.id && t.taken.Equal(p.taken) {
			id = t.id
		}
	}
	d.traces = append(d.traces, &traced{
		id: id, messageID: p.id, subject: p.subject, from: p.from, to: to, peer: p.peer, next: next, status: status,
		size: p.size, taken: p.taken, arrives: p.arrives, connector: p.by,
		events: []event{{"Receive", "Message received by: " + hub}, last},
	})
	if n := len(d.traces) - maxKept; n > 0 {
		d.traces = slices.Delete(d.traces, 0, n)
	}
}

// statusAt is the status of a row: it is pending until it has arrived.
func (t *traced) statusAt(now time.Time) string {
	if t.arrives.After(now) {
		return "pending"
	}
	return t.status
}

// extra is what a trace's detail says besides: the connector.
func (t *traced) extra() string {
	if t.connector == "" {
		return "<root></root>"
	}
	return `<root><MEP Name="ConnectorId" String="` + html.EscapeString(t.connector) + `" /></root>`
}
