package wizard_test

import (
	"fmt"
	"slices"
	"testing"

	"offbasic/probes"
	"offbasic/wizard"
)

const shared = "192.0.2.1"

// anonymous is a session of the shared address without sign-in.
func anonymous(hello, from string, minute int) probes.Session {
	return probes.Session{ID: fmt.Sprint(hello, from, minute), Peer: shared, Started: at(minute), Hello: hello, MailFrom: from}
}

// twoAccounts are two senders behind one address, with the same greeting.
func twoAccounts() []probes.Session {
	return []probes.Session{signedIn(shared, "a@x.example", 1), signedIn(shared, "b@x.example", 2)}
}

func TestSessionsWithoutSignInFindTheirSender(t *testing.T) {
	asked := func(id string) probes.Session {
		c := anonymous("copier", "", 9)
		c.Asked = id
		return c
	}
	other := signedIn(shared, "b@x.example", 2)
	other.Hello = "erp"
	for _, tt := range []struct {
		name     string
		sessions []probes.Session
		want     string // the sender of the last
	}{
		{"nothing tells it", append(twoAccounts(), anonymous("copier", "", 9)), shared + "-others"},
		{"nor the next", append(twoAccounts(), anonymous("copier", "", 8), anonymous("another", "", 9)), shared + "-others"},
		{"its envelope tells it", append(twoAccounts(), anonymous("copier", "b@x.example", 9)), shared + "b"},
		{"its greeting tells it", []probes.Session{signedIn(shared, "a@x.example", 1), other, anonymous("erp", "", 9)}, shared + "b"},
		{"it was interviewed", append(twoAccounts(), asked(shared)), shared},
		{"whoever was interviewed is not known", append(twoAccounts(), asked("nobody")), shared + "-others"},
		{"it came when there was but one", []probes.Session{signedIn(shared, "a@x.example", 1), anonymous("copier", "", 2)}, shared},
		{"the others take no account", append(twoAccounts(), anonymous("copier", "", 3), signedIn(shared, "c@x.example", 9)), shared + "c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m wizard.Migration
			got := ""
			for _, s := range tt.sessions {
				got = m.Attach(s)
			}
			if got != tt.want {
				t.Errorf("it went to %q, want %q; senders %+v", got, tt.want, m.Senders)
			}
			if i := len(tt.sessions) - 1; m.OwnerOf(tt.sessions[i]) != got {
				t.Errorf("and is looked for at %q", m.OwnerOf(tt.sessions[i]))
			}
		})
	}
}

// What a session was taken for when it came, it is taken for ever after, though
// the address has got other senders since.
func TestRecordedSessionsAreSeenAgainTheSameWay(t *testing.T) {
	sessions := []probes.Session{signedIn(shared, "a@x.example", 1), anonymous("copier", "", 2), signedIn(shared, "b@x.example", 3)}
	for n := range 50 {
		sessions = append(sessions, anonymous("copier", "", 4+n))
	}
	var m wizard.Migration
	var first []string
	for _, s := range sessions {
		first = append(first, m.Attach(s))
	}
	if len(m.Senders) != 3 {
		t.Fatalf("%d senders, want the two accounts and the others", len(m.Senders))
	}
	before := fmt.Sprintf("%+v", m.Senders)
	m.Resee(sessions)
	if after := fmt.Sprintf("%+v", m.Senders); after != before {
		t.Errorf("seen again as\n%s, before it was\n%s", after, before)
	}
	var later []string
	for _, s := range sessions {
		later = append(later, m.OwnerOf(s))
	}
	if !slices.Equal(first, later) {
		t.Errorf("the sessions are of %v, when they came of %v", later, first)
	}
}

// One address that signs in with another account each time, or greets with
// another name, costs a bounded amount.
func TestAFloodFromOneAddressMakesFewSenders(t *testing.T) {
	var m wizard.Migration
	for n := range 600 {
		s := signedIn(shared, fmt.Sprintf("u%d@x.example", n), n)
		s.Hello = fmt.Sprint("copier", n)
		m.Attach(s)
	}
	last := m.Senders[len(m.Senders)-1]
	if len(m.Senders) != 51 || !last.Others || last.Account != "" || last.Seen.Sessions != 550 || last.Title() != shared+"-others" {
		t.Errorf("%d senders, the last %s %q with %d sessions", len(m.Senders), last.ID, last.Account, last.Seen.Sessions)
	}
	if len(last.Hellos) > 100 || len(last.Seen.From) > 100 {
		t.Errorf("it has %d names and %d addresses", len(last.Hellos), len(last.Seen.From))
	}
	if m.Senders[1].ID != shared+"b" || m.Senders[25].ID != shared+"z" || m.Senders[26].ID != shared+"-27" {
		t.Errorf("ids are %s, %s, %s", m.Senders[1].ID, m.Senders[25].ID, m.Senders[26].ID)
	}
	before := len(m.Senders)
	for n := range 600 {
		m.Attach(anonymous(fmt.Sprint("x", n), "", n))
	}
	if len(m.Senders) != before {
		t.Errorf("%d senders after the same without sign-in", len(m.Senders))
	}
}

// An interview is held with the sender that was seen last.
func TestWhoIsInterviewed(t *testing.T) {
	var m wizard.Migration
	if got := m.LastAt(shared); got != "" {
		t.Errorf("%q before anybody came", got)
	}
	for _, s := range append(twoAccounts(), anonymous("another", "", 9)) {
		m.Attach(s)
	}
	if got := m.LastAt(shared); got != shared+"b" {
		t.Errorf("%q, want who signed in last", got)
	}
}
