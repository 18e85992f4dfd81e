package checks

import (
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// How a device's own second attempt is told from a person who pressed Send
// again, where the message itself does not say. How fast it came tells nothing:
// who was asked to press Send may be quick.
const (
	paceSlack  = 2 * time.Second  // between two waits of the same length
	pacedFrom  = 10 * time.Second // from here on equal waits are a pace
	stayedAway = 2 * time.Minute  // a new message after this: it did not come back
	lookedBack = 30               // sessions
	paced      = 3                // equal waits in a row are no person's
)

// comeback finds the session with which the sender tried again by itself what
// it could not send before, and how long it waited; or else the one that shows
// that it did not.
func (s *seen) comeback() (again *probes.Session, waited time.Duration, stayed *probes.Session) {
	for j := 1; j < len(s.sessions); j++ {
		b := s.sessions[j]
		for i := j - 1; i >= max(0, j-lookedBack); i-- {
			a := s.sessions[i]
			if !unsent(a) {
				continue
			}
			wait := b.Started.Sub(over(a))
			switch same, known := sameMessage(a, b); {
			case known && same, !known && i == j-1 && s.ownPace(j, wait):
				again, waited = b, max(wait, 0)
			case i == j-1 && base(a.Policy) == deferred && (known && wait >= stayedAway || wait >= 5*stayedAway):
				stayed = b
				continue
			default:
				continue
			}
			break
		}
	}
	return again, waited, stayed
}

// unsent tells a session of a sender that did not get its message off.
func unsent(c *probes.Session) bool {
	return !c.Taken && c.Hello != "" && c.End != probes.EndLimit && c.End != probes.EndShutdown
}

func over(c *probes.Session) time.Time {
	if c.Ended.IsZero() {
		return c.Started
	}
	return c.Ended
}

// sameMessage compares what two sessions sent by Message-ID, else by date and
// subject; known is false when one of them gave no message.
func sameMessage(a, b *probes.Session) (same, known bool) {
	if a.Message == nil || b.Message == nil {
		return false, false
	}
	x, y := a.Message, b.Message
	switch {
	case x.MessageID != "" && y.MessageID != "":
		return x.MessageID == y.MessageID, true
	case x.Date != "" && y.Date != "":
		return x.Date == y.Date && x.Subject == y.Subject, true
	}
	return false, false
}

// ownPace tells an attempt that came while nothing was to be pressed, or after
// the same wait as the attempts before it.
func (s *seen) ownPace(j int, wait time.Duration) bool {
	a, b := s.sessions[j-1], s.sessions[j]
	if wait < 0 || !alike(a, b) {
		return false
	}
	if b.Alone {
		return true
	}
	if wait < pacedFrom || j < paced {
		return false
	}
	for i := j - 1; i > j-paced; i-- {
		c, before := s.sessions[i], s.sessions[i-1]
		if !unsent(before) || !alike(before, c) || (wait-c.Started.Sub(over(before))).Abs() > max(paceSlack, wait/20) {
			return false
		}
	}
	return true
}

// alike tells two attempts that may be of one message: the same name, and the
// same account and envelope as far as both went.
func alike(a, b *probes.Session) bool {
	agree := func(x, y string) bool { return x == "" || y == "" || strings.EqualFold(x, y) }
	return a.Hello == b.Hello && agree(a.Account(), b.Account()) && agree(a.MailFrom, b.MailFrom) &&
		agree(strings.Join(a.RcptTo, " "), strings.Join(b.RcptTo, " "))
}

// retries answers whether it tries again by itself, with the seconds that it
// waited.
func retries(s *seen) (string, map[string]string) {
	again, waited, stayed := s.comeback()
	switch {
	case again != nil:
		return Yes, evidence(again, "after", strconv.Itoa(int(waited.Round(time.Second).Seconds())))
	case stayed != nil:
		return No, evidence(stayed)
	}
	return "", nil
}
