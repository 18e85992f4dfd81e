package wizard_test

import (
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

func result(minute, of int, as string) checks.CanaryResult {
	return checks.CanaryResult{
		At: time.Date(2026, 11, 22, 10, minute, 0, 0, time.UTC), Route: probes.ACS, Mechanism: "LOGIN",
		Account: checks.Verdict{As: []string{"whole"}, Of: 80}, Password: checks.Verdict{As: []string{as}, Of: of},
	}
}

func TestACanaryIsRememberedWithItsDevice(t *testing.T) {
	m := wizard.Migration{Senders: []wizard.Sender{{ID: "a", Peers: []string{"192.0.2.50"}}, {ID: "b", Peers: []string{"192.0.2.51"}}}}
	m.HeardCanary("192.0.2.50", result(1, 40, "cut"))
	m.HeardCanary("192.0.2.50", result(2, 40, "whole"))
	m.HeardCanary("192.0.2.50", result(3, 64, "cut"))
	if got := m.Senders[0].Canary; len(got) != 2 || got[0].Password.As[0] != "whole" || got[1].Password.Of != 64 {
		t.Errorf("kept %+v", got)
	}
	if len(m.Senders[1].Canary) != 0 || len(m.Senders) != 2 {
		t.Errorf("others: %+v", m.Senders[1:])
	}
	m.HeardCanary("192.0.2.52", result(4, 40, "whole"))
	if s := m.Senders[len(m.Senders)-1]; s.ID != "192.0.2.52" || len(s.Canary) != 1 {
		t.Errorf("a device that was not met: %+v", s)
	}
	m.Attach(probes.Session{ID: "s", Peer: "192.0.2.52", Hello: "copier", MailFrom: "scan@contoso.example"})
	if len(m.Senders) != 3 {
		t.Errorf("%d senders after the device was captured, want 3", len(m.Senders))
	}
	for n := range 40 {
		m.HeardCanary("192.0.2.50", result(5, 16+n, "cut"))
	}
	if n := len(m.Senders[0].Canary); n > 20 {
		t.Errorf("%d results kept", n)
	}
}
