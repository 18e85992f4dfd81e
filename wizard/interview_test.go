package wizard_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

const device = "192.0.2.61"

// tried is an attempt of the device under a policy that ended without a
// message.
func tried(policy string, minute int) probes.Session {
	c := signedIn(device, "scan@contoso.example", minute)
	c.ID, c.Policy, c.Ended = policy, policy, c.Started.Add(time.Second)
	c.Auth[0].Outcome, c.Taken, c.MailFrom, c.RcptTo, c.Size = probes.AuthRefused, false, "", nil, 0
	return c
}

func putOff(minute int, id string) probes.Session {
	c := signedIn(device, "scan@contoso.example", minute)
	c.ID, c.Policy, c.Taken, c.Ended = "put-off", "deferred", false, c.Started.Add(time.Second)
	c.Message = &probes.Message{MessageID: id}
	return c
}

func asked(t *testing.T, i *wizard.Interview) string {
	t.Helper()
	a, ok := i.Asking(device)
	if !ok {
		return "nothing"
	}
	if a.Waiting {
		return "wait for " + a.Question.ID
	}
	return a.Question.ID
}

func answers(got []wizard.Answer) string {
	var s []string
	for _, a := range got {
		s = append(s, a.Question.ID+" "+a.Question.Answer)
	}
	return strings.Join(s, ", ")
}

func TestOnlyTheDeviceThatIsNamedIsAsked(t *testing.T) {
	i := &wizard.Interview{Peer: device}
	i.Meet("192.0.2.99", nil, nil)
	i.Meet(device, nil, nil)
	if !slices.Equal(i.Peers(), []string{device}) || i.Met("192.0.2.99") {
		t.Errorf("asked %v", i.Peers())
	}
	if got := i.Heard(signedIn("192.0.2.99", "x@contoso.example", 1)); got != nil {
		t.Errorf("learnt %v of another", got)
	}
}

func TestWhatIsOnDiskIsNotAskedAgain(t *testing.T) {
	i := &wizard.Interview{}
	i.Meet(device, []probes.Session{signedIn(device, "scan@contoso.example", 0), tried("retired", 2)}, []string{"oauth"})
	if got := asked(t, i); got != "unauthenticated" {
		t.Errorf("asked %s", got)
	}
}

func TestEachAttemptTellsWhatIsNew(t *testing.T) {
	i := &wizard.Interview{}
	i.Meet(device, nil, nil)
	first := signedIn(device, "scan@contoso.example", 0)
	first.Policy = "exchange"
	if got := answers(i.Heard(first)); got != "signs-in yes, certificate yes" {
		t.Errorf("learnt %s", got)
	}
	if got := answers(i.Heard(tried("retired", 2))); got != "retired no, after-refusal gives-up" {
		t.Errorf("then %s", got)
	}
}

// A device that was put off has its time to come back; while other questions
// are open they are asked meanwhile.
func TestADeviceIsWaitedForOnlyAtTheEnd(t *testing.T) {
	skip := []string{"signs-in", "oauth", "unauthenticated", "retired", "after-refusal", "no-tls", "certificate"}
	i := &wizard.Interview{Patience: 5 * time.Minute}
	i.Meet(device, nil, skip)
	if got := asked(t, i); got != "retries" {
		t.Fatalf("asked %s", got)
	}
	i.Heard(putOff(0, "<1@km>"))
	a, _ := i.Asking(device)
	if !a.Waiting || !a.Until.Equal(at(5).Add(time.Second)) || a.Question.Policy != "everything" {
		t.Errorf("waiting %v until %s under %s", a.Waiting, a.Until, a.Question.Policy)
	}
	if got := i.Passed(at(4)); got != nil {
		t.Errorf("after four minutes it is said: %s", answers(got))
	}
	if got := answers(i.Passed(at(6))); got != "retries no" || !i.Done() {
		t.Errorf("after six minutes: %s, done %v", got, i.Done())
	}
	if got := i.Passed(at(7)); got != nil {
		t.Errorf("it is said twice: %s", answers(got))
	}

	i.Again(device, "retries")
	if got := asked(t, i); got != "retries" {
		t.Errorf("asked again: %s", got)
	}
	i.Heard(putOff(10, "<2@km>"))
	back := putOff(11, "<2@km>")
	back.ID, back.Policy, back.Taken = "back", "everything", true
	if got := answers(i.Heard(back)); got != "retries yes" {
		t.Errorf("it came back: %s", got)
	}
}

func TestLeavingOutAndAskingAgain(t *testing.T) {
	i := &wizard.Interview{}
	i.Meet(device, []probes.Session{signedIn(device, "scan@contoso.example", 0)}, nil)
	if got := i.Skip(device); got != "retired" {
		t.Errorf("left out %s", got)
	}
	// The question that the same refusal answers is still open.
	if got := i.Skip(device); got != "oauth" && got != "after-refusal" {
		t.Errorf("then %s", got)
	}
	if got := i.Again(device, "retired"); got != "retired" || asked(t, i) != "retired" || slices.Contains(i.Skipped(device), "retired") {
		t.Errorf("again %s, asked %s, left out %v", got, asked(t, i), i.Skipped(device))
	}
	if got := i.Again(device, "nonsense"); got != "" {
		t.Errorf("asked %s again", got)
	}
}

func TestTheOutcomeIsOneLineOfJSON(t *testing.T) {
	i := &wizard.Interview{}
	i.Meet(device, []probes.Session{signedIn(device, "scan@contoso.example", 0)}, []string{"oauth"})
	b, err := json.Marshal(i.Outcome(device))
	if err != nil || !strings.HasPrefix(string(b), `{"type":"interview","peer":"192.0.2.61","answers":[{"question":"signs-in","answer":"yes","session":`) ||
		!strings.Contains(string(b), `"skipped":["oauth"]`) || !strings.Contains(string(b), `"open":["unauthenticated",`) {
		t.Errorf("%s %v", b, err)
	}
	a := wizard.Answer{Peer: device, Question: checks.Question{ID: "retries", Answer: checks.Yes, Args: map[string]string{"session": "s1", "after": "62"}}}
	b, err = json.Marshal(a)
	if want := `{"type":"answer","peer":"192.0.2.61","question":"retries","answer":"yes","session":"s1","args":{"after":"62"}}`; err != nil || string(b) != want {
		t.Errorf("%s, want %s (%v)", b, want, err)
	}
}

func TestWhatWasLeftOutIsRememberedForTheDevice(t *testing.T) {
	var m wizard.Migration
	m.Attach(signedIn(device, "scan@contoso.example", 0))
	m.LeaveOut(device, []string{"oauth"})
	m.LeaveOut("192.0.2.99", []string{"no-tls"})
	if got := m.LeftOut(device); !slices.Equal(got, []string{"oauth"}) || m.LeftOut("192.0.2.99") != nil {
		t.Errorf("left out %v", got)
	}
}
