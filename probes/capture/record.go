package capture

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// Bounds of what is kept of one session.
const (
	keptLine    = 1000 // bytes of a transcript line
	keptName    = 256  // bytes of a name: EHLO, account, address
	keptAuths   = 20   // sign-in attempts
	keptQuirks  = 100
	keptText    = 96 << 10 // bytes of everything that a client can repeat
	keptRcpts   = 100      // recipients
	keptSubject = 400      // bytes of a header
)

// record is a session while it happens. It belongs to the goroutine of its
// connection.
type record struct {
	probes.Session
	now   func() time.Time
	lines int // left in the transcript
	room  int // bytes left for what a client can repeat
}

func newRecord(now func() time.Time, lines int) *record {
	started := now().UTC()
	return &record{
		Session: probes.Session{ID: newID(started), Started: started, TLS: probes.TLS{Mode: probes.NoTLS}},
		now:     now,
		lines:   lines,
		room:    keptText,
	}
}

// newID sorts by time and is unique across laptops.
func newID(at time.Time) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails, as of Go 1.24
	return at.UTC().Format("20060102T150405.000") + "-" + hex.EncodeToString(b[:])
}

// say adds lines to the transcript. The text must hold no secret.
func (r *record) say(from probes.Speaker, text string) {
	for l := range strings.SplitSeq(strings.TrimRight(text, "\r\n"), "\n") {
		text := clean(strings.TrimRight(l, "\r"), keptLine)
		if r.lines <= 0 || !r.spend(len(text)+perLine) {
			r.quirk(quirkLimitTranscript)
			return
		}
		r.lines--
		r.Transcript = append(r.Transcript, probes.Line{
			MS: r.now().Sub(r.Started).Milliseconds(), From: from, Text: text,
		})
	}
}

// perLine is what a line costs beside its text, in bytes.
const perLine = 40

// spend takes n bytes of the room that one session has; false means that they
// are not there.
func (r *record) spend(n int) bool {
	if n > r.room {
		return false
	}
	r.room -= n
	return true
}

// note adds a remark of our own: an id, and its detail.
func (r *record) note(id, detail string) {
	r.say(probes.Note, strings.TrimSpace(id+" "+detail))
}

// quirk records an oddity once.
func (r *record) quirk(ids ...string) {
	for _, id := range ids {
		if !slices.Contains(r.Quirks, id) && len(r.Quirks) < keptQuirks {
			r.Quirks = append(r.Quirks, id)
		}
	}
}

// auth adds a sign-in attempt.
func (r *record) auth(a probes.Auth) {
	if len(r.Auth) < keptAuths {
		r.Auth = append(r.Auth, a)
	}
}

// snapshot is the record as it stands, sharing nothing that still changes.
func (r *record) snapshot() probes.Session {
	s := r.Session
	s.Auth, s.RcptTo = slices.Clone(s.Auth), slices.Clone(s.RcptTo)
	s.Quirks, s.Transcript = slices.Clone(s.Quirks), slices.Clone(s.Transcript)
	s.More = slices.Clone(s.More)
	return s
}

// unquirk takes back an oddity that turned out otherwise.
func (r *record) unquirk(id string) {
	r.Quirks = slices.DeleteFunc(r.Quirks, func(q string) bool { return q == id })
}
