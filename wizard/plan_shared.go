package wizard

import (
	"net/netip"
	"strings"
)

// sharing is what several senders have in common, so that one change serves
// them and one mistake stops them: an account, a host, a program. The evidence
// of a host is the address that sessions and logs of the network show, or a
// host's full name as greeting; that of a program is the name that its messages
// give it.
type sharing struct {
	accounts, hosts, programs map[string]int // senders of each
	mailDomains               map[string]bool
	program                   func(sender string) string
}

func (m Migration) sharing(program func(string) string) sharing {
	if program == nil {
		program = func(string) string { return "" }
	}
	x := sharing{accounts: map[string]int{}, hosts: map[string]int{}, programs: map[string]int{}, mailDomains: map[string]bool{}, program: program}
	for _, d := range m.Tenant.Domains {
		x.mailDomains[strings.ToLower(d)] = true
	}
	for _, s := range m.Senders {
		for _, a := range append([]string{s.Account}, s.Seen.From...) {
			_, d, _ := strings.Cut(strings.ToLower(a), "@")
			x.mailDomains[d] = true
		}
	}
	for _, s := range m.Senders {
		if s.Account != "" {
			x.accounts[strings.ToLower(s.Account)]++
		}
		for _, h := range x.hostsOf(s) {
			x.hosts[h]++
		}
		if p := program(s.ID); p != "" {
			x.programs[p]++
		}
	}
	return x
}

// account is how many senders a sender's account is shared by.
func (x sharing) account(s Sender) int { return x.accounts[strings.ToLower(s.Account)] }

// script is the host, or else the program, that sends for several senders: by
// "host" or "program", "" where none does.
func (x sharing) script(s Sender) (by, what string, senders int) {
	for _, h := range x.hostsOf(s) {
		if x.hosts[h] > max(1, senders) {
			by, what, senders = "host", h, x.hosts[h]
		}
	}
	if p := x.program(s.ID); by == "" && x.programs[p] > 1 {
		by, what, senders = "program", p, x.programs[p]
	}
	return by, what, senders
}

// hostsOf are the names of the hosts that a sender was seen to be: its
// addresses, without this machine's own, which every forwarded port shows, and
// its greetings that are a host's full name.
func (x sharing) hostsOf(s Sender) []string {
	var hosts []string
	for _, p := range s.Peers {
		if a, err := netip.ParseAddr(p); err == nil && !a.IsLoopback() {
			hosts = include(hosts, p)
		}
	}
	for _, h := range s.Hellos {
		if h = strings.TrimSuffix(strings.ToLower(h), "."); x.isHost(h) {
			hosts = include(hosts, h)
		}
	}
	return hosts
}

// isHost tells a host's full name from what else is greeted with: a short
// name, an address, the domain of the mail.
func (x sharing) isHost(hello string) bool {
	_, notAddress := netip.ParseAddr(hello)
	return strings.Contains(hello, ".") && notAddress != nil && !strings.HasPrefix(hello, "[") &&
		!x.mailDomains[hello] && !strings.HasPrefix(hello, "localhost.")
}
