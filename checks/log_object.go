package checks

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"

	"offbasic/probes"
)

// object is a line of JSON: one of our sessions or trials, or a log's line
// with its text in it, as "journalctl -o json" writes them.
type object struct {
	Type       string        `json:"type"`
	Started    string        `json:"started"`
	Peer       string        `json:"peer"`
	MailFrom   string        `json:"mail_from"`
	From       string        `json:"from"`
	Auth       []spoken      `json:"auth"`
	Transcript []probes.Line `json:"transcript"`
	Reply      *probes.Reply `json:"reply"`
	AADSTS     string        `json:"aadsts"`

	Journal  string `json:"MESSAGE"`
	Program  string `json:"SYSLOG_IDENTIFIER"`
	PID      string `json:"SYSLOG_PID"`
	Realtime string `json:"__REALTIME_TIMESTAMP"` // microseconds since 1970
	Host     string `json:"_HOSTNAME"`
}

// spoken is a sign-in of a session.
type spoken struct {
	Account string `json:"account"`
	Reply   string `json:"reply"`
}

// object reads a line that is a JSON object of a kind that it knows.
func (r *Reading) object(line string) bool {
	var o object
	var odd *json.UnmarshalTypeError
	if err := json.Unmarshal([]byte(line), &o); err != nil && !errors.As(err, &odd) {
		return r.cutObject(line)
	}
	switch {
	case o.Type == "session", o.Type == "trial":
		r.ours(o)
		return true
	case o.Journal != "":
		return r.journal(o)
	}
	return false
}

// ours reads a session or a trial.
func (r *Reading) ours(o object) {
	from := origin{when: probes.Clean(o.Started, maxTime), job: o.Peer, sender: cmp.Or(o.MailFrom, o.From)}
	for _, a := range o.Auth {
		from.sender = cmp.Or(from.sender, a.Account)
	}
	from.sender = cmp.Or(from.sender, o.Peer)
	r.flush()
	if n, ok := bareNumber(o.AADSTS); ok {
		r.count(r.explainer.signIn(n, ""), from)
	}
	said := []string{}
	for _, l := range o.Transcript {
		if l.From == probes.Server {
			said = append(said, l.Text)
		}
	}
	if len(o.Transcript) == 0 {
		for _, a := range o.Auth {
			said = append(said, a.Reply)
		}
		if o.Reply != nil {
			said = append(said, o.Reply.String())
		}
	}
	for _, s := range said {
		if f, ok := findReply(s, false); ok {
			r.reply(refusal{found: f, origin: from})
		}
	}
	r.flush()
}

// journal reads the line that systemd's journal holds, as syslog writes it.
func (r *Reading) journal(o object) bool {
	if strings.HasPrefix(o.Journal, "{") {
		return false
	}
	line := o.Program + "[" + o.PID + "]: " + o.Journal
	from := r.whose(line)
	if f, ok := r.table.reply(line); ok && f.class() >= "4" {
		from = r.complete(from, line)
		from.when = probes.Clean(o.Realtime, maxTime)
		r.reply(refusal{found: f, origin: from})
	}
	return true
}

// cutObject reads the texts of an object that was cut for its length.
func (r *Reading) cutObject(line string) bool {
	if len(line) < maxLine {
		return false
	}
	head, _, _ := strings.Cut(line, `"transcript"`)
	from := origin{job: textOf(head, "peer"), when: probes.Clean(textOf(head, "started"), maxTime)}
	from.sender = cmp.Or(textOf(head, "mail_from"), textOf(head, "account"), from.job)
	r.flush()
	for piece := range strings.SplitSeq(line[len(head):], "{") {
		if textOf(piece, "from") != string(probes.Server) {
			continue
		}
		if f, ok := findReply(textOf(piece, "text"), false); ok {
			r.reply(refusal{found: f, origin: from})
		}
	}
	r.flush()
	return true
}

// textOf finds the text of a name in a piece of JSON.
func textOf(piece, name string) string {
	_, after, ok := strings.Cut(piece, `"`+name+`"`)
	if !ok {
		return ""
	}
	after = strings.TrimLeft(after, ": ")
	text, _, _ := strings.Cut(strings.TrimPrefix(after, `"`), `"`)
	return text[:min(len(text), maxText)]
}
