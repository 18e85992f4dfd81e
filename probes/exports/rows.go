package exports

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"offbasic/probes"
)

// takers say how a row of each kind of table is read.
func takers() map[probes.SourceKind]func(*table) error {
	return map[probes.SourceKind]func(*table) error{
		probes.FromReport:  (*table).reportRow,
		probes.FromSignIns: (*table).signInRow,
		probes.FromTrace:   (*table).traceRow,
		probes.FromMailbox: (*table).mailboxRow,
		probes.FromList:    (*table).listRow,
	}
}

// maxText is the longest text that is kept of a cell, in bytes.
const maxText = 320

// reportRow is a row of the SMTP AUTH clients report: one sender, with its
// percentages and how many messages it sent.
func (t *table) reportRow() error {
	s := probes.Sighting{Kind: probes.FromReport, Account: address(t.text(From, maxText)), Protocol: protocol(t.text(Protocol, 60)), OldTLS: -1}
	if s.Account == "" {
		return t.badRow("address")
	}
	s.From = s.Account
	if t.cols.has(Messages) {
		n, ok := count(t.cell(Messages))
		if !ok {
			return t.badRow("number")
		}
		s.Messages = n
	}
	for _, f := range []Field{TLS10, TLS11} {
		if !t.cols.has(f) {
			continue
		}
		part, ok := percent(t.cell(f))
		if !ok {
			return t.badRow("number")
		}
		s.OldTLS = max(s.OldTLS, 0) + part
	}
	return t.dated(s)
}

func (t *table) badRow(why string) error {
	t.r.bad(why)
	return nil
}

// dated gives a row its date and hands it on.
func (t *table) dated(s probes.Sighting) error {
	cell := t.cell(Date)
	if len(cell) > 0 {
		at, ok, err := t.r.dates.parse(string(cell[:min(len(cell), 64)]), t.r.line)
		switch {
		case err != nil:
			return err
		case !ok:
			return t.badRow("date")
		}
		s.At = at
	}
	return t.r.saw(s)
}

// signInRow is a row of Entra's sign-in log. Only sign-ins over SMTP count.
// Whether one was by password is not told: no page of Microsoft says so.
func (t *table) signInRow() error {
	if !isSMTP(t.cell(ClientApp)) {
		t.r.sum.Skipped++
		return nil
	}
	s := probes.Sighting{Kind: probes.FromSignIns, OldTLS: -1, Messages: 1, Peer: peer(t.cell(Peer))}
	s.Account = address(t.text(Account, maxText))
	if s.Account == "" {
		s.Account = address(t.text(From, maxText))
	}
	if s.Account == "" {
		return t.badRow("address")
	}
	if code := t.cell(ErrorCode); len(code) > 0 && !bytes.Equal(code, []byte("0")) {
		if _, err := strconv.Atoi(string(code)); err != nil {
			return t.badRow("number")
		}
		s.Refused, s.Why, s.Messages = true, "AADSTS"+probes.Clean(string(code), 12), 0
	}
	return t.dated(s)
}

// isSMTP tells the client apps that sign in over SMTP: "Authenticated SMTP"
// and "SMTP" (clientAppUsed of Graph's signIn).
func isSMTP(app []byte) bool {
	return bytes.EqualFold(app, []byte("Authenticated SMTP")) || bytes.EqualFold(app, []byte("SMTP")) ||
		bytes.EqualFold(app, []byte("SMTP authentifié"))
}

// traceRow is a row of a message trace.
func (t *table) traceRow() error {
	s := probes.Sighting{Kind: probes.FromTrace, OldTLS: -1, Messages: 1, From: address(t.text(From, maxText)), Peer: peer(t.cell(Peer))}
	if s.From == "" {
		if sender := t.text(From, 10); sender == "" || sender == "<>" {
			t.r.sum.Skipped++ // a bounce
			return nil
		}
		return t.badRow("address")
	}
	s.To = domain(t.text(To, maxText))
	if list, _, ok := strings.Cut(t.text(Recipients, maxText), "##"); ok && s.To == "" {
		s.To = domain(list)
	}
	if size := t.cell(Size); len(size) > 0 {
		n, ok := count(size)
		if !ok {
			return t.badRow("number")
		}
		s.Size = int64(n)
	}
	if bytes.EqualFold(t.cell(StatusText), []byte("Failed")) {
		s.Refused = true
	}
	return t.dated(s)
}

// mailboxRow is a row of Get-CASMailbox.
func (t *table) mailboxRow() error {
	s := probes.Sighting{Kind: probes.FromMailbox, OldTLS: -1, Name: t.text(Name, maxText)}
	for _, f := range []Field{From, Account, Mailbox} {
		if s.Account == "" {
			s.Account = address(t.text(f, maxText))
		}
	}
	if s.Account == "" {
		return t.badRow("address")
	}
	switch strings.ToLower(t.text(SMTPAuth, 10)) {
	case "false":
		s.SMTPAuth = "on"
	case "true":
		s.SMTPAuth = "off"
	}
	if s.SMTPAuth != "on" {
		t.r.sum.Skipped++ // follows the organisation, or is off: no sign of a sender
		return nil
	}
	return t.r.saw(s)
}

// listRow is a row of a list that somebody kept.
func (t *table) listRow() error {
	s := probes.Sighting{
		Kind: probes.FromList, OldTLS: -1, Name: t.text(Name, maxText), Model: t.text(Model, maxText),
		Contact: t.text(Contact, maxText), Site: t.text(Site, maxText), Peer: peer(t.cell(Peer)),
	}
	for _, f := range []Field{Mailbox, Account, From, Peer} {
		if s.Account == "" {
			s.Account = address(t.text(f, maxText))
		}
	}
	if s.Name == "" && s.Account == "" && s.Peer == "" {
		return t.badRow("nobody")
	}
	return t.r.saw(s)
}

// address is an e-mail address in lower case, or "".
func address(s string) string {
	s = strings.ToLower(strings.Trim(s, " <>\""))
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at == len(s)-1 || strings.ContainsAny(s, " \t,;\\") { // a backslash is of Clean
		return ""
	}
	return s
}

func domain(s string) string {
	_, d, _ := strings.Cut(address(s), "@")
	return d
}

// peer is an address of the network, or "".
func peer(b []byte) string {
	if len(b) == 0 || len(b) > 60 {
		return ""
	}
	a, err := netip.ParseAddr(string(b))
	if err != nil {
		ap, err := netip.ParseAddrPort(string(b))
		if err != nil {
			return ""
		}
		a = ap.Addr()
	}
	return a.Unmap().String()
}

// protocol is the report's Authentication Protocol: Basic or OAuth.
func protocol(s string) string {
	switch s = strings.ToLower(s); {
	case strings.Contains(s, "oauth"), strings.Contains(s, "modern"):
		return "oauth"
	case strings.Contains(s, "basic"), strings.Contains(s, "base"):
		return "basic"
	}
	return ""
}

// count reads "1234", "1,234", "1 234" and "1.234".
func count(b []byte) (int, bool) {
	s := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" ,.'\u00a0\u202f’", r) {
			return -1
		}
		return r
	}, utf8OrWindows(b))
	if s == "" {
		return 0, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0
}

// percent reads "12.5", "12,5%" and "12 %".
func percent(b []byte) (float64, bool) {
	s := strings.TrimSpace(strings.TrimRight(strings.ReplaceAll(utf8OrWindows(b), ",", "."), "% \u00a0\u202f"))
	if s == "" {
		return 0, true
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && f >= 0 && f <= 100.5
}
