package report

import (
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"offbasic/checks"
	"offbasic/probes"
)

// redactor puts other names in the place of names and addresses, the same one
// each time. What it does not know it leaves out: only fields that are named
// here come through.
type redactor struct {
	names map[string]string // lower case: instead
	count map[string]int    // by kind
	loose *regexp.Regexp    // what looks like an address in free text
	code  *regexp.Regexp    // a line of base64
}

func newRedactor() *redactor {
	return &redactor{
		names: map[string]string{}, count: map[string]int{}, code: regexp.MustCompile(`^[A-Za-z0-9+/]+={0,2}$`),
		loose: regexp.MustCompile(`[^\s<>"'(),;:=]+@[^\s<>"'(),;:]+|\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}\b|\b(?:[\w-]+\.)+[A-Za-z]{2,}\b|[A-Za-z0-9+/_~-]{16,}={0,2}`),
	}
}

// public are names that say nothing about the tenant.
func public(s string) bool {
	s = strings.ToLower(strings.Trim(s, "[]."))
	if slices.Contains([]string{"", "localhost", "127.0.0.1", "::1", "<>", "smtp.office365.com", "outlook.office365.com", "outlook.office.com", "smtp-legacy.office365.com"}, s) {
		return true
	}
	return slices.ContainsFunc([]string{".prod.outlook.com", ".protection.outlook.com"}, func(end string) bool {
		// A host of the service, but not the tenant's own MX, which holds its name.
		return strings.HasSuffix(s, end) && !strings.Contains(s, ".mail.")
	})
}

// instead is the name in the place of s.
func (r *redactor) instead(kind, s string) string {
	if public(s) {
		return s
	}
	key := strings.ToLower(s)
	if known, ok := r.names[key]; ok {
		return known
	}
	r.count[kind]++
	n := strconv.Itoa(r.count[kind])
	name := map[string]string{
		"user": "user" + n, "domain": "domain" + n + ".example", "host": "host" + n, "ip4": "192.0.2." + n, "ip6": "2001:db8::" + n, "id": "id" + n, "file": "file" + n,
	}[kind]
	r.names[key] = name
	return name
}

// address replaces both parts of an e-mail address, or an account's name.
func (r *redactor) address(s string) string {
	inner := strings.Trim(s, "<>")
	local, domain, ok := strings.Cut(inner, "@")
	switch {
	case public(s), inner == "":
		return s
	case !ok:
		return r.instead("user", inner)
	}
	if known, ok := r.names[strings.ToLower(inner)]; ok {
		return known
	}
	out := r.instead("user", local) + "@" + r.instead("domain", domain)
	r.names[strings.ToLower(inner)] = out
	return out
}

func (r *redactor) addresses(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, r.address(s))
	}
	return out
}

// host replaces the name of a machine, or its address.
func (r *redactor) host(s string) string {
	inner := strings.TrimPrefix(strings.Trim(s, "[]"), "IPv6:")
	a, err := netip.ParseAddr(inner)
	switch {
	case s == "" || public(s):
		return s
	case err == nil && a.Is4():
		return strings.Replace(s, inner, r.instead("ip4", inner), 1)
	case err == nil:
		return strings.Replace(s, inner, r.instead("ip6", inner), 1)
	case strings.Contains(s, "."):
		return r.instead("domain", s)
	}
	return r.instead("host", s)
}

// text replaces every name that is known, and whatever looks like an address,
// a host or a long code, in free text.
func (r *redactor) text(s string) string {
	s = r.loose.ReplaceAllStringFunc(s, func(m string) string {
		_, err := netip.ParseAddr(m)
		switch {
		case public(m):
			return m
		case strings.Contains(m, "@"):
			return r.address(m)
		case err == nil || strings.Contains(m, ".") && !strings.ContainsAny(m, "/+"):
			if m[0] >= '0' && m[0] <= '9' && err != nil {
				return m // an enhanced status code
			}
			return r.host(m)
		}
		return "[" + strconv.Itoa(len(m)) + " characters]"
	})
	for _, name := range r.known() {
		s = replaceFold(s, name, r.names[name])
	}
	return s
}

// known are the names that were met, the longest first, without those that are
// too short to be told from words.
func (r *redactor) known() []string {
	var names []string
	for name := range r.names {
		if len(name) > 3 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	return names
}

// replaceFold replaces a name whatever its case.
func replaceFold(s, name, with string) string {
	lower := strings.ToLower(s)
	if len(lower) != len(s) || !strings.Contains(lower, name) {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(lower, name)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i] + with)
		s, lower = s[i+len(name):], lower[i+len(name):]
	}
}

// session is a session with other names.
func (r *redactor) session(s probes.Session) probes.Session {
	out := probes.Session{
		ID: r.instead("id", s.ID), Started: s.Started, Ended: s.Ended, Policy: s.Policy, Protocol: s.Protocol, TLS: s.TLS, Size: s.Size, Quirks: s.Quirks, End: s.End, Taken: s.Taken,
		Peer: r.host(s.Peer), Hello: r.host(s.Hello), MailFrom: r.address(s.MailFrom), RcptTo: r.addresses(s.RcptTo), Message: r.message(s.Message),
	}
	if _, port, ok := strings.Cut(s.Listener, "]:"); ok {
		out.Listener = ":" + port
	} else if i := strings.LastIndexByte(s.Listener, ':'); i >= 0 {
		out.Listener = s.Listener[i:]
	}
	if len(s.MAC) == 17 {
		out.MAC = s.MAC[:8] + ":00:00:00" // the maker's part
	}
	out.TLS.SNI = r.host(s.TLS.SNI)
	for _, a := range s.Auth {
		out.Auth = append(out.Auth, r.auth(a))
	}
	for _, d := range s.More {
		out.More = append(out.More, probes.Delivery{MailFrom: r.address(d.MailFrom), RcptTo: r.addresses(d.RcptTo), Size: d.Size, Message: r.message(d.Message)})
	}
	out.Transcript = r.transcript(s.Transcript)
	return out
}

func (r *redactor) auth(a probes.Auth) probes.Auth {
	out := probes.Auth{Mechanism: a.Mechanism, Account: r.address(a.Account), Outcome: a.Outcome, Cleartext: a.Cleartext, Reply: r.text(a.Reply)}
	out.Domain, out.Host = r.host(a.Domain), r.host(a.Host)
	if c := a.Claims; c != nil {
		out.Claims = &probes.Claims{Audience: c.Audience, Scopes: c.Scopes, Roles: c.Roles, Expires: c.Expires, NotBefore: c.NotBefore, User: r.address(c.User)}
		for _, id := range []struct {
			to   *string
			from string
		}{{&out.Claims.Tenant, c.Tenant}, {&out.Claims.App, c.App}, {&out.Claims.Object, c.Object}} {
			if id.from != "" {
				*id.to = r.instead("id", id.from)
			}
		}
	}
	return out
}

// message keeps what tells the maker. Subject and names of attachments are
// people's.
func (r *redactor) message(m *probes.Message) *probes.Message {
	if m == nil {
		return nil
	}
	out := probes.Message{From: r.address(m.From), To: r.addresses(m.To), Mailer: r.text(m.Mailer), Date: m.Date, Boundary: r.text(m.Boundary)}
	if m.Subject != "" {
		r.names[strings.ToLower(m.Subject)] = "[subject]"
		out.Subject = "[" + strconv.Itoa(len(m.Subject)) + " characters]"
	}
	if _, domain, ok := strings.Cut(strings.Trim(m.MessageID, "<>"), "@"); ok {
		out.MessageID = "<id@" + r.host(domain) + ">"
	}
	for _, name := range m.Attachments {
		ext := ""
		if i := strings.LastIndexByte(name, '.'); i >= 0 && len(name)-i < 6 {
			ext = name[i:]
		}
		r.names[strings.ToLower(name)] = "attachment" + ext
		out.Attachments = append(out.Attachments, "attachment"+ext)
	}
	return &out
}

// transcript keeps commands and replies. What lies between 354 and the next
// reply is the message, and is left out.
func (r *redactor) transcript(lines []probes.Line) []probes.Line {
	var out []probes.Line
	inMessage := false
	for _, l := range lines {
		if l.From == probes.Server {
			inMessage = strings.HasPrefix(l.Text, "354")
		} else if inMessage {
			continue
		}
		said := r.text(l.Text)
		if l.From == probes.Client {
			said = r.noCode(l.Text, said)
		}
		out = append(out, probes.Line{MS: l.MS, From: l.From, Text: said})
	}
	return out
}

// noCode leaves out what a client says in base64 when it signs in, however
// short: it is a name.
func (r *redactor) noCode(line, said string) string {
	words := strings.Fields(line)
	switch {
	case len(words) == 3 && strings.EqualFold(words[0], "AUTH"):
		return words[0] + " " + words[1] + " [" + strconv.Itoa(len(words[2])) + " characters]"
	case len(words) == 1 && len(line)%4 == 0 && r.code.MatchString(line) && !slices.Contains([]string{"QUIT", "RSET", "NOOP", "DATA", "HELP", "STARTTLS"}, strings.ToUpper(line)):
		return "[" + strconv.Itoa(len(line)) + " characters]"
	}
	return said
}

// finding is a finding with other names in its evidence.
func (r *redactor) finding(f checks.Finding) checks.Finding {
	out := f
	if f.Sender != "" {
		out.Sender = r.instead("id", f.Sender)
	}
	out.Args = map[string]string{}
	for key, value := range f.Args {
		switch {
		case ours(value):
			out.Args[key] = value
		case key == "file":
			out.Args[key] = r.file(value)
		default:
			out.Args[key] = r.text(value)
		}
	}
	return out
}

// ours tells an id of the program's own: the kind of export that something is
// known from.
func ours(value string) bool {
	return slices.Contains(probes.SourceKinds(), probes.SourceKind(value))
}

// file is the name of a file of the admin's: it may hold the tenant's. What
// kind it is stays.
func (r *redactor) file(name string) string {
	if slices.Contains([]string{"", "-", "stdin", "Microsoft Graph"}, name) {
		return name // nobody's
	}
	ext := strings.ToLower(path.Ext(name))
	if !slices.Contains([]string{".csv", ".json", ".jsonl", ".txt", ".log", ".xlsx", ".zip", ".gz", ".bz2", ".eml"}, ext) {
		ext = ""
	}
	return r.instead("file", name) + ext
}
