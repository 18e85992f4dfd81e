package ui

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// heading shows which ports are open and which are refused.
func (s captureScreen) heading(e env) (left, right string) {
	left = e.t("capture.title")
	switch s.state {
	case stopping:
		return left, e.t("capture.stopping")
	case ended:
		return left, e.t("capture.ended")
	case idle, running:
	}
	if len(s.ports) == 0 {
		return left, e.t("capture.opening")
	}
	var open, refused []string
	for _, l := range s.ports {
		if l.Addr != "" {
			open = include(open, portName(l.Addr, l))
		}
		if l.Fault != nil {
			refused = include(refused, portName(l.Wanted, l))
		}
	}
	right = e.t("capture.none_open")
	if len(open) > 0 {
		right = e.t("capture.open", text.Args{"ports": strings.Join(open, " ")})
	}
	if len(refused) > 0 {
		right += ", " + e.t("capture.refused", text.Args{"ports": strings.Join(refused, " ")})
	}
	return left, right
}

// portName is a port, with what is spoken there unless that is SMTP.
func portName(addr string, l probes.Listening) string {
	name := number(int(port(addr)))
	if l.Protocol != "" {
		name += " " + strings.ToUpper(clean(l.Protocol))
	}
	return name
}

func include(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// paneWidth is the width of the first of two panes.
func (e env) paneWidth() int { return e.width*3/5 - 2 }

func (s captureScreen) View(e env) string {
	if s.pane.open {
		return strings.Join(e.page(s.paneLines(e), s.pane.top, e.height), "\n")
	}
	lines := s.panel(e)
	shown := s.rows(e)
	c, at := s.selected(shown)
	if s.filter.open || s.filter.text != "" {
		lines = append(lines, s.filter.view(e, len(shown), len(s.seen)))
	}
	room := e.height - len(lines)
	if c == nil {
		return strings.Join(append(lines, s.waiting(e)...), "\n")
	}
	if e.width >= wide {
		wide := max(78, e.paneWidth())
		width := e.width - wide - 4
		left, right := s.list(e, shown, at, wide, room), s.told(e, c, width, room)
		return strings.Join(append(lines, panes(left, right, wide, width)...), "\n")
	}
	list := s.list(e, shown, at, e.width, min(len(shown)+1, max(4, room/3)))
	lines = append(append(lines, list...), "")
	told := s.told(e, c, min(prose, e.width-2), room-len(list)-1)
	return strings.Join(append(lines, indented(told)...), "\n")
}

// panel says what to type on the device.
func (s captureScreen) panel(e env) []string {
	var ports []uint16
	for _, l := range s.ports {
		if p := port(l.Addr); p != 0 && l.Protocol == "" {
			ports = append(ports, p)
		}
	}
	lines := []string{}
	if s.err != "" {
		return append(e.trouble(s.err), "")
	}
	lines = append(lines, s.notKept(e)...)
	if len(ports) == 0 {
		return append(lines, " "+e.t("capture.no_port_yet"), "")
	}
	best, encryption := bestPort(ports)
	host := "?"
	if h := e.host(); h != "" {
		host = clean(h)
	}
	lines = append(lines, " "+cut(e.th.strong.Render(e.t("capture.on_device"))+"   "+e.t("capture.type", text.Args{
		"host": host, "port": number(int(best)), "encryption": e.t("capture.encryption." + encryption),
	}), e.width-1))
	if ip, err := netip.ParseAddr(e.host()); err != nil || ip.IsLoopback() {
		lines = append(lines, indented(paint(e.th.warn, wrap(e.t("capture.no_address"), min(prose, e.width-2), 0)))...)
	}
	if others := otherAddresses(e); others != "" {
		lines = append(lines, " "+cut(e.t("capture.other_addresses", text.Args{"list": others}), e.width-1))
	}
	if s.policy != "" {
		lines = append(lines, " "+cut(e.t("capture.as", text.Args{"policy": e.word("policy", s.policy)}), e.width-1))
	}
	lines = append(lines, indented(paint(e.th.faint, wrap(e.t("capture.any_account"), min(prose, e.width-2), 0)))...)
	if s.total == 0 {
		return append(lines, "")
	}
	return append(lines, " "+e.th.strong.Render(s.counts(e)))
}

// notKept says at once that the last session is not on the disk, and what to
// do: nothing that comes now is acknowledged.
func (s captureScreen) notKept(e env) []string {
	if len(s.seen) == 0 || !unkept(s.seen[len(s.seen)-1]) {
		return nil
	}
	return append(e.trouble(e.t("capture.not_kept")), "")
}

// unkept tells a session with a message that was not acknowledged: the disk
// did not take it.
func unkept(c probes.Session) bool { return !c.Taken && slices.Contains(c.Quirks, "keep_failed") }

// otherAddresses are those of this computer that a device may reach instead of
// the likely one, with their interfaces.
func otherAddresses(e env) string {
	var out []string
	for _, a := range e.opts.Addresses[min(1, len(e.opts.Addresses)):] {
		if ip, err := netip.ParseAddr(a.Addr); err == nil && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			out = append(out, clean(a.Addr+" ("+a.Interface+")"))
		}
	}
	return strings.Join(out, "  ")
}

// bestPort is the port to type first, and the encryption that goes with it.
func bestPort(open []uint16) (best uint16, encryption string) {
	for _, p := range []uint16{587, 1587, 25, 2525} {
		if slices.Contains(open, p) {
			return p, "starttls"
		}
	}
	for _, p := range []uint16{465, 1465} {
		if slices.Contains(open, p) {
			return p, "implicit"
		}
	}
	return open[0], "starttls"
}

func (s captureScreen) waiting(e env) []string {
	if len(s.seen) > 0 {
		return nil // the filter says it
	}
	var lines []string
	for _, l := range wrap(e.t("capture.waiting"), min(prose, e.width-2), 0) {
		lines = append(lines, " "+l)
	}
	return lines
}

// list is the sessions around the cursor, and how many there are besides.
func (s captureScreen) list(e env, shown []seenRow, at, width, height int) []string {
	var lines []string
	older := s.total - len(s.seen)
	if older > 0 && height > 3 {
		lines = append(lines, "   "+e.th.faint.Render(cut(e.counted("capture.older", older), width-4)))
		height--
	}
	hidden := len(shown) > height && height > 2
	if hidden {
		height--
	}
	from, to := window(len(shown), at, height)
	cols := columnsFor(e, shown[from:to], width-4)
	for i := from; i < to; i++ {
		lines = append(lines, " "+e.marked(s.cells(e, cols, shown[i]), i == at, width-1))
	}
	if hidden {
		lines = append(lines, "   "+e.th.faint.Render(cut(e.counted("list.hidden", len(shown)-to+from), width-4)))
	}
	return lines
}

// cells is one row. Where the handshake failed, that is the news.
func (captureScreen) cells(e env, cols []column, r seenRow) string {
	c, times := *r.session, ""
	if r.n > 1 {
		times = e.t("capture.times", text.Args{"n": number(r.n)}) + " "
	}
	head := []string{e.clock(c.Started), clean(c.Peer), clean(c.Hello)}
	if why, args := checks.FailedTLS(c.TLS); why != "" && len(c.Auth) == 0 && !c.Taken {
		rest := cols[3].width + cols[4].width + cols[5].width + 4
		return row(append(slices.Clone(cols[:3]), column{width: rest}), append(head, times+e.t("tls.short."+why, e.args(args)))...)
	}
	return row(cols, append(head, signedIn(e, c), tlsWord(e, c), times+outcome(e, c))...)
}

// columnsFor gives the account what the other columns leave of the width.
func columnsFor(e env, shown []seenRow, width int) []column {
	cols := []column{{width: 8}, {width: 7}, {width: 1}, {}, {width: 7}, {width: 5}}
	for _, r := range shown {
		c := *r.session
		cols[1].width = max(cols[1].width, min(15, ansi.StringWidth(clean(c.Peer))))
		cols[2].width = max(cols[2].width, min(12, ansi.StringWidth(clean(c.Hello))))
		cols[4].width = max(cols[4].width, min(9, ansi.StringWidth(tlsWord(e, c))))
		cols[5].width = max(cols[5].width, min(9, ansi.StringWidth(outcome(e, c))))
		if r.n > 1 {
			cols[5].width = 14
		}
	}
	rest := width - 2*(len(cols)-1)
	for _, col := range cols {
		rest -= col.width
	}
	cols[3].width = max(8, rest)
	return cols
}

// signedIn is the mechanism and account of a session in one cell.
func signedIn(e env, c probes.Session) string {
	switch {
	case c.Protocol == "pop3" && c.Account() != "":
		return "POP3 " + clean(c.Account())
	case c.Protocol != "":
		return e.word("protocol", c.Protocol)
	case len(c.Auth) == 0:
		return e.t("session.no_auth")
	}
	return clean(strings.TrimSpace(c.Auth[len(c.Auth)-1].Mechanism + " " + c.Account()))
}

func tlsWord(e env, c probes.Session) string {
	switch {
	case c.TLS.Error != "":
		return e.t("session.tls_failed")
	case c.TLS.Version != "":
		return clean(c.TLS.Version)
	}
	return e.t("session.no_tls")
}

// outcome is what became of the session, in one word.
func outcome(e env, c probes.Session) string {
	if c.Taken {
		return e.t("session.taken")
	}
	if unkept(c) {
		return e.t("session.not_kept")
	}
	if n := len(c.Auth); n > 0 && c.Auth[n-1].Outcome == probes.AuthRefused {
		return e.t("session.refused")
	}
	return e.word("session.end", string(c.End))
}

// told is what the device under the cursor said of itself, the worst first,
// and what is not known of it yet.
func (s captureScreen) told(e env, c *probes.Session, width, height int) []string {
	facts := e.facts(e.mig.OwnerOf(*c), s.ofSameDevice(*c), s.trials)
	var known, unknown []string
	if facts.Device != nil {
		known = wrap("  "+s.what(e, facts), width, 4)
	}
	if why, args := checks.FailedTLS(c.TLS); why != "" {
		known = append(known, wrap("  "+e.t("tls.why."+why, e.args(args)), width, 4)...)
	}
	for _, f := range worstFirst(e.opts.Judge(facts)) {
		known = append(known, e.findingLines(f, width)...)
	}
	if len(known) == 0 {
		known = []string{"  " + e.t("capture.told_nothing")}
	}
	for _, r := range lacking(e.opts.Rank(facts)) {
		unknown = append(unknown, wrap("  "+e.lack(r), width, 4)...)
	}
	room := max(2, height-2-min(len(unknown), max(2, height/3)))
	lines := append([]string{e.th.strong.Render(e.t("capture.told"))}, e.part(known, 0, room, "sender")...)
	if len(unknown) == 0 {
		return lines
	}
	lines = append(lines, e.th.strong.Render(e.t("capture.not_known")))
	return append(lines, e.part(unknown, 0, height-len(lines), "sender")...)
}

// what is the product that the device under the cursor is.
func (s captureScreen) what(e env, f checks.Facts) string {
	c, ok := e.mig.Sender(f.Sender)
	if !ok {
		c = &wizard.Sender{}
	}
	who, oauth := e.identity(c, f)
	return who + ". " + oauth
}

// ofSameDevice are the sessions of the same peer and account.
func (s captureScreen) ofSameDevice(c probes.Session) []probes.Session {
	const enough = 20
	var out []probes.Session
	for _, o := range slices.Backward(s.seen) {
		if o.Peer == c.Peer && o.Account() == c.Account() && len(out) < enough {
			out = append(out, o)
		}
	}
	slices.Reverse(out)
	return out
}

// lacking is what is not known for any route, each once.
func lacking(ranked []checks.Ranked) []checks.Reason {
	var out []checks.Reason
	for _, r := range ranked {
		for _, l := range r.Lacks {
			if !slices.ContainsFunc(out, func(o checks.Reason) bool { return o.ID == l.ID }) {
				out = append(out, l)
			}
		}
	}
	return out
}
