package lab

import (
	"strings"
	"time"
)

// The limits of a mailbox that sends (Microsoft, "SMTP submission
// improvements"; Exchange Online limits).
const (
	maxTogether = 3      // sessions of one mailbox that send at once
	maxAMinute  = 30     // messages
	maxADay     = 10_000 // recipients
)

// spending is how many recipients a message had.
type spending struct {
	at         time.Time
	recipients int
}

func (d *directory) enter(account string) { d.count(account, 1) }
func (d *directory) leave(account string) { d.count(account, -1) }

func (d *directory) count(account string, by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sessions == nil {
		d.sessions = map[string]int{}
	}
	d.sessions[strings.ToLower(account)] += by
}

// present is how many sessions an account has.
func (d *directory) present(account string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sessions[strings.ToLower(account)]
}

// pace counts one more message of an account, and tells whether it is one too
// many for this minute.
func (d *directory) pace(account string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sent == nil {
		d.sent = map[string][]time.Time{}
	}
	name, recent := strings.ToLower(account), []time.Time{}
	for _, at := range d.sent[name] {
		if now.Sub(at) < time.Minute {
			recent = append(recent, at)
		}
	}
	if len(recent) >= maxAMinute {
		d.sent[name] = recent
		return true
	}
	d.sent[name] = append(recent, now)
	return false
}

// spend counts the recipients of one more message of an account, and tells
// whether they are too many for this day.
func (d *directory) spend(account string, recipients int, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.spent == nil {
		d.spent = map[string][]spending{}
	}
	name, recent, sum := strings.ToLower(account), []spending{}, recipients
	for _, s := range d.spent[name] {
		if now.Sub(s.at) < 24*time.Hour {
			recent, sum = append(recent, s), sum+s.recipients
		}
	}
	if sum <= maxADay {
		recent = append(recent, spending{now, recipients})
	}
	d.spent[name] = recent
	return sum > maxADay
}
