package ui

import (
	"context"
	"net/netip"
	"slices"

	tea "charm.land/bubbletea/v2"

	"offbasic/probes"
	"offbasic/ui/text"
)

// portsPane is what lies behind "ports" on the live screen: what is open and
// what is refused, the addresses of this computer, and a test connection.
type portsPane struct {
	open   bool
	top    int   // first line shown
	run    int64 // of the test under way; 0 for none
	tested []knocked
}

// knocked is the outcome of one test connection.
type knocked struct {
	addr string
	err  error
}

// host is the address that a device is to be pointed at, "" when there is none.
func (e env) host() string {
	if len(e.opts.Addresses) == 0 {
		return ""
	}
	return e.opts.Addresses[0].Addr
}

// ownKnock tells a connection of this computer to itself that said nothing:
// the test connection, which is nobody's.
func (e env) ownKnock(c probes.Session) bool {
	return c.Protocol == "bare" && slices.ContainsFunc(e.opts.Addresses, func(a Address) bool { return a.Addr == c.Peer })
}

// test connects to every open port at the address that devices are told.
func (s captureScreen) test(e env) (screen, tea.Cmd) {
	s.pane.run, s.pane.tested = e.runs.next(), nil
	targets, knock := s.targets(e), e.opts.Knock
	return s, ask(e.runs, s.pane.run, func(ctx context.Context) ([]knocked, error) {
		out := make([]knocked, len(targets))
		for i, addr := range targets {
			out[i] = knocked{addr, knock(ctx, addr)}
		}
		return out, ctx.Err()
	})
}

// targets are the address and the open ports to test.
func (s captureScreen) targets(e env) []string {
	host, err := netip.ParseAddr(e.host())
	if err != nil {
		return nil
	}
	var out []string
	for _, l := range s.ports {
		if p := port(l.Addr); p != 0 {
			out = include(out, netip.AddrPortFrom(host, p).String())
		}
	}
	return out
}

func (s captureScreen) wasTested(msg answerMsg[[]knocked]) captureScreen {
	if msg.run == s.pane.run {
		s.pane.run, s.pane.tested = 0, msg.value
	}
	return s
}

// paneActions are the keys of the open pane.
func (s captureScreen) paneActions(e env) []action {
	var acts []action
	if len(s.targets(e)) > 0 && s.pane.run == 0 && s.state == running {
		acts = append(acts, e.on("test", func() (screen, tea.Cmd) { return s.test(e) }, "t"))
	}
	if cmd := s.fixCommand(e); cmd != "" {
		acts = append(acts, e.copy("copy_command", cmd, "f", "y"))
	}
	if s.state != stopping {
		acts = append(acts, e.on("retry", func() (screen, tea.Cmd) { return s.restart(e) }, "r"))
	}
	acts = append(acts, e.on("close", func() (screen, tea.Cmd) { s.pane.open = false; return stay(s) }, "esc"))
	last := lastTop(s.paneLines(e), e.height)
	move := func(n int) (screen, tea.Cmd) { s.pane.top = max(0, min(s.pane.top+n, last)); return stay(s) }
	return append(acts, e.moves(move, e.height-2)...)
}

// fixCommand is the one command of this system for what does not work: a port
// that is refused, or a test connection that was stopped.
func (s captureScreen) fixCommand(e env) string {
	for _, k := range s.pane.tested {
		if f, ok := asFault(k.err); ok && f.Args["command"] != "" {
			return f.Args["command"]
		}
	}
	for _, l := range s.refused() {
		if cmd := e.opts.PortFix(l); cmd != "" {
			return cmd
		}
	}
	return ""
}

// fixWords says what the command does: it allows, or shows who is in the way.
func (s captureScreen) fixWords() string {
	if r := s.refused(); len(s.pane.tested) == 0 && len(r) > 0 && r[0].Fault.Code == "port_busy" {
		return "capture.fix_busy"
	}
	return "capture.fix"
}

// paneLines is the pane: what is most wanted first, as it may be cut.
func (s captureScreen) paneLines(e env) []string {
	width := min(prose, e.width-2)
	lines := s.portLines(e, width)
	if cmd := s.fixCommand(e); cmd != "" {
		lines = append(lines, e.th.strong.Render(e.t(s.fixWords())))
		lines = append(lines, wrap("  "+clean(cmd), e.width-4, 4)...)
		lines = append(lines, wrap(e.t("capture.fix_then"), width, 0)...)
	} else if len(s.refused()) > 0 {
		lines = append(lines, wrap(e.t("capture.no_fix"), width, 0)...)
	}
	lines = append(append(lines, ""), s.testLines(e, width)...)
	lines = append(lines, "", e.th.strong.Render(e.t("ports.addresses")))
	for _, a := range e.opts.Addresses {
		lines = append(lines, "  "+pad(clean(a.Addr), 28)+" "+clean(a.Interface))
	}
	if len(e.opts.Addresses) == 0 {
		lines = append(lines, wrap("  "+e.t("ports.no_address"), width, 2)...)
	}
	return indented(lines)
}

// portLines is a line for each port that is open, and why each other is not.
func (s captureScreen) portLines(e env, width int) []string {
	const label = 10
	var lines []string
	for _, l := range s.ports {
		if l.Fault == nil {
			lines = append(lines, pad(portName(l.Addr, l), label)+e.th.good.Render(e.t("ports.open")))
			continue
		}
		said := pad(portName(l.Wanted, l), label) + e.t("ports.refused") + ". " + faultText(e, l.Fault)
		if l.Addr != "" {
			said += " " + e.t("capture.way_out", text.Args{"addr": clean(l.Addr)})
		}
		lines = append(lines, wrap(said, width, label)...)
	}
	return lines
}

// testLines is the test connection: what it is for, or what came of it.
func (s captureScreen) testLines(e env, width int) []string {
	lines := []string{e.th.strong.Render(e.t("ports.test"))}
	switch {
	case s.pane.run != 0:
		return append(lines, "  "+e.t("ports.testing"))
	case len(s.pane.tested) == 0:
		return append(lines, wrap("  "+e.t("ports.try"), width, 2)...)
	}
	var why []string // each once
	for _, k := range s.pane.tested {
		if k.err == nil {
			lines = append(lines, "  "+pad(clean(k.addr), 28)+" "+e.th.good.Render(e.t("ports.answers")))
			continue
		}
		lines = append(lines, "  "+pad(clean(k.addr), 28)+" "+e.th.bad.Render(e.t("ports.silent")))
		why = include(why, e.whyStopped(k.err))
	}
	if len(why) == 0 {
		why = []string{e.t("ports.verdict.good")}
	}
	for _, said := range why {
		lines = append(lines, wrap("  "+said, width, 2)...)
	}
	return lines
}

// whyStopped is what a failed test connection means, without the address.
func (e env) whyStopped(err error) string {
	f, ok := asFault(err)
	if !ok {
		return clean(err.Error())
	}
	if words := "ports.verdict." + string(f.Code); e.tr.Has(words) {
		return e.t(words)
	}
	return faultText(e, err)
}
