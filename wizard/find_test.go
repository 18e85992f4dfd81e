package wizard

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"offbasic/probes"
)

func onDay(day int) time.Time { return time.Date(2026, 11, day, 8, 0, 0, 0, time.UTC) }

func gather(rows ...probes.Sighting) *Leads {
	l := &Leads{}
	for i, r := range rows {
		r.Line = i + 2
		l.Add(r)
	}
	return l
}

func fromReport(account string, messages int) probes.Sighting {
	return probes.Sighting{Kind: probes.FromReport, Account: account, From: account, Messages: messages, Protocol: "basic", OldTLS: 3}
}

func signIn(account string, day int) probes.Sighting {
	return probes.Sighting{Kind: probes.FromSignIns, Account: account, Peer: "203.0.113.1", Messages: 1, OldTLS: -1, At: onDay(day)}
}

func takeUp(t *testing.T, m *Migration, id string, l *Leads) Taken {
	t.Helper()
	got, err := m.TakeUp(l, Import{ID: id, File: id + ".csv"}, false)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRowsOfOneAccountFromTwoSourcesAreOneSender(t *testing.T) {
	var m Migration
	first := takeUp(t, &m, "report", gather(fromReport("scan@contoso.example", 40), fromReport("erp@contoso.example", 7)))
	if !slices.Equal(first.New, []string{"scan", "erp"}) {
		t.Fatalf("new are %v", first.New)
	}
	second := takeUp(t, &m, "sign-ins", gather(signIn("scan@contoso.example", 3), signIn("scan@contoso.example", 5), signIn("fax@contoso.example", 4)))
	if !slices.Equal(second.New, []string{"fax"}) || !slices.Equal(second.Joined, []string{"scan"}) {
		t.Errorf("new are %v, joined %v", second.New, second.Joined)
	}
	s, _ := m.Sender("scan")
	if len(s.Sources) != 2 {
		t.Fatalf("it is known from %+v", s.Sources)
	}
	if src := s.Sources[1]; src.By != ByAccount || src.With != "scan@contoso.example" || src.Messages != 2 || !src.First.Equal(onDay(3)) || !src.Last.Equal(onDay(5)) || src.Line != 2 {
		t.Errorf("the sign-ins are %+v", src)
	}
	if len(s.Peers) != 0 {
		t.Errorf("the office's public address is taken for the device's: %v", s.Peers)
	}
}

func TestTheSameFileTwiceChangesNothing(t *testing.T) {
	var m Migration
	takeUp(t, &m, "report", gather(fromReport("scan@contoso.example", 40)))
	before := fmt.Sprintf("%+v", m)
	_, err := m.TakeUp(gather(fromReport("scan@contoso.example", 40)), Import{ID: "report"}, false)
	if !errors.Is(err, ErrImported) || fmt.Sprintf("%+v", m) != before {
		t.Errorf("got %v, and the migration changed: %+v", err, m)
	}
}

func TestATraceMakesNoSenderOfSomebodysMail(t *testing.T) {
	var m Migration
	takeUp(t, &m, "report", gather(fromReport("scan@contoso.example", 40)))
	trace := gather(
		probes.Sighting{Kind: probes.FromTrace, From: "scan@contoso.example", Peer: "203.0.113.1", To: "example.org", Messages: 1, At: onDay(3)},
		probes.Sighting{Kind: probes.FromTrace, From: "somebody@contoso.example", To: "example.org", Messages: 1, At: onDay(3)},
	)
	got := takeUp(t, &m, "trace", trace)
	if len(got.New) != 0 || got.Left != 1 || len(m.Senders) != 1 {
		t.Errorf("got %+v and %d senders", got, len(m.Senders))
	}
	if to := m.Senders[0].Sources[1].To; !slices.Equal(to, []string{"example.org"}) {
		t.Errorf("its recipients are %v", to)
	}
}

func TestAListJoinsByAddressNameAndMailboxAndKeepsDevicesApart(t *testing.T) {
	m := Migration{Senders: []Sender{{ID: "a", Name: "Second floor", Account: "scan@contoso.example", Peers: []string{"192.0.2.7"}}}}
	row := func(name, account, peer, model string) probes.Sighting {
		return probes.Sighting{Kind: probes.FromList, Name: name, Account: account, Peer: peer, Model: model, OldTLS: -1}
	}
	got := takeUp(t, &m, "list", gather(
		row("second FLOOR", "", "", "C3320i"),                  // the same name
		row("Copier", "scan@contoso.example", "192.0.2.8", ""), // the same mailbox at another address: another device
		row("", "", "192.0.2.7", ""),                           // the same address
	))
	a, _ := m.Sender("a")
	var why []JoinReason
	for _, s := range a.Sources {
		why = append(why, s.By)
	}
	if !slices.Equal(why, []JoinReason{ByName, ByPeer}) || a.Product != "C3320i" {
		t.Errorf("it was joined by %v, and is %q", why, a.Product)
	}
	if !slices.Equal(got.New, []string{"192.0.2.8"}) {
		t.Errorf("new are %v", got.New)
	}
}

func TestTwoLinesOfAListWithOneNameAndTwoAddressesAreTwoDevices(t *testing.T) {
	var m Migration
	row := func(peer string) probes.Sighting {
		return probes.Sighting{Kind: probes.FromList, Name: "Printer", Peer: peer, OldTLS: -1}
	}
	got := takeUp(t, &m, "list", gather(row("192.0.2.7"), row("192.0.2.8")))
	if !slices.Equal(got.New, []string{"192.0.2.7", "192.0.2.8"}) {
		t.Errorf("new are %v", got.New)
	}
}

func TestAnAccountOfTwoDevicesTellsOfBoth(t *testing.T) {
	m := Migration{Senders: []Sender{
		{ID: "a", Account: "scan@contoso.example", Peers: []string{"192.0.2.7"}},
		{ID: "b", Account: "scan@contoso.example", Peers: []string{"192.0.2.8"}},
	}}
	takeUp(t, &m, "report", gather(fromReport("scan@contoso.example", 40)))
	for _, s := range m.Senders {
		if len(s.Sources) != 1 || s.Sources[0].Shared != 2 {
			t.Errorf("%s is known from %+v", s.ID, s.Sources)
		}
	}
}

func TestACapturedSessionFindsItsSender(t *testing.T) {
	var m Migration
	takeUp(t, &m, "report", gather(fromReport("scan@contoso.example", 40)))
	session := func(peer string) probes.Session {
		return probes.Session{ID: peer, Peer: peer, MailFrom: "scan@contoso.example", Auth: []probes.Auth{{Mechanism: "LOGIN", Account: "SCAN@contoso.example"}}}
	}
	if id := m.Attach(session("192.0.2.7")); id != "scan" {
		t.Errorf("the first device is %q, want scan", id)
	}
	if id := m.Attach(session("192.0.2.8")); id != "192.0.2.8" {
		t.Errorf("the second device with that account is %q", id)
	}
}

func TestJoinsAndSplitsByHandAreKept(t *testing.T) {
	var m Migration
	takeUp(t, &m, "report", gather(fromReport("scan@contoso.example", 40), fromReport("old@contoso.example", 2)))
	if err := m.JoinSenders("scan", "old"); err != nil {
		t.Fatal(err)
	}
	got := takeUp(t, &m, "later", gather(fromReport("old@contoso.example", 3)))
	if len(got.New) != 0 || !slices.Equal(got.Joined, []string{"scan"}) {
		t.Errorf("after a join the row makes %+v", got)
	}
	s, _ := m.Sender("scan")
	if s.Sources[2].By != ByHand || !slices.Equal(s.Also, []string{"old@contoso.example"}) || !slices.Equal(s.Was, []string{"old"}) {
		t.Errorf("the joined sender is %+v", s)
	}

	id, err := m.SplitSender("scan", "smtp_auth_report:old@contoso.example")
	if err != nil {
		t.Fatal(err)
	}
	got = takeUp(t, &m, "last", gather(fromReport("old@contoso.example", 4)))
	if !slices.Equal(got.Joined, []string{id}) {
		t.Errorf("after a split the row goes to %v, want %s", got.Joined, id)
	}
	if err := m.JoinSenders("scan", "scan"); !errors.Is(err, ErrSameSender) {
		t.Errorf("a join with itself gives %v", err)
	}
	if _, err := m.SplitSender("scan", "nothing"); !errors.Is(err, ErrNoSource) {
		t.Errorf("a split of nothing gives %v", err)
	}
}

func BenchmarkTakeUpTenThousandSenders(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		var m Migration
		var l, again Leads
		for i := range 10_000 {
			l.Add(fromReport(fmt.Sprintf("s%d@contoso.example", i), i))
			again.Add(signIn(fmt.Sprintf("s%d@contoso.example", i), 3))
		}
		b.StartTimer()
		if _, err := m.TakeUp(&l, Import{ID: "1"}, false); err != nil {
			b.Fatal(err)
		}
		if _, err := m.TakeUp(&again, Import{ID: "2"}, false); err != nil {
			b.Fatal(err)
		}
	}
}
