package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"strings"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/submit"
	"offbasic/ui/text"
)

// letter is what is sent, with its envelope.
type letter struct {
	raw           []byte
	id            string // with its angle brackets
	subject, body string // of the test message
	mailFrom      string
	rcptTo        []string
	account       string
	source        string // of a captured message
	changes       []probes.MessageChange
}

// maxMessage is how large a message from a file may be, in bytes: that of
// smtp.office365.com.
const maxMessage = 157286400

// letter makes the test message, or takes a captured one and changes what the
// route demands.
func (w *Work) letter(ctx context.Context, a asked) (letter, error) {
	l := letter{id: "<" + strings.ToLower(rand.Text()) + "@offbasic.invalid>"}
	was, err := w.captured(ctx, a)
	if err != nil {
		return l, err
	}
	if a.To == "" {
		return l, &probes.Fault{Op: tried, Code: "no_to"}
	}
	l.rcptTo = []string{a.To}
	l.mailFrom = first(a.From, was.from)
	if a.sender != nil {
		l.mailFrom = first(l.mailFrom, a.sender.Mailbox())
	}
	l.account = w.account(a, l.mailFrom, was.account)
	if a.way.From == checks.FromAccount && strings.Contains(l.account, "@") {
		l.mailFrom = first(a.From, l.account)
	}
	if l.mailFrom == "" && was.raw == nil {
		return l, &probes.Fault{Op: tried, Code: "no_from"}
	}
	if was.raw == nil {
		l.subject = w.Text.T("trial.subject", text.Args{"id": l.id[1:9]})
		l.raw = submit.TestMessage(l.mailFrom, l.rcptTo, l.id, l.subject, w.Now())
		_, l.body, _ = strings.Cut(string(l.raw), "\r\n\r\n")
		return l, nil
	}
	l.adapt(a, was)
	return l, nil
}

// adapt changes a captured message as the route demands, and as was asked.
func (l *letter) adapt(a asked, was captured) {
	from, why := "", submit.ByRoute
	switch {
	case a.From != "":
		from, why = a.From, submit.Asked
	case a.way.From == checks.FromAccount:
		from = l.account
	}
	l.source = was.source
	l.raw, l.changes = submit.Adapt(was.raw, l.id, from, why)
	if a.way.Host == checks.HostGraph {
		raw, changes := submit.Readdress(l.raw, l.rcptTo, submit.ByRoute)
		l.raw, l.changes = raw, append(l.changes, changes...)
	}
	if !strings.EqualFold(was.from, l.mailFrom) {
		l.changes = append(l.changes, probes.MessageChange{What: "mail_from", From: first(was.from, "<>"), To: l.mailFrom, Why: why})
	}
	if to := strings.Join(was.to, ", "); to != "" && !strings.EqualFold(to, l.rcptTo[0]) {
		l.changes = append(l.changes, probes.MessageChange{What: "rcpt_to", From: probes.Clean(to, 300), To: l.rcptTo[0], Why: submit.Asked})
	}
}

// account is who signs in: as asked, else as the service or the lab has it,
// else the device's own account, else the address that sends.
func (w *Work) account(a asked, from, device string) string {
	if a.Account != "" || a.SignIn == checks.ByNothing || a.SignIn == checks.ByCertificate {
		return a.Account
	}
	if s, ok := checks.ServiceByID(a.Provider); ok && s.User != "" {
		return s.User
	}
	if w.Lab != nil && a.SignIn == checks.ByPassword {
		if user, _ := w.Lab.Login(labService(a.Route)); user != "" {
			return user
		}
	}
	if a.Route == probes.HVE && a.sender != nil {
		if v := a.m.ScriptValues(*a.sender); v.HVE != "" {
			return v.HVE
		}
	}
	if strings.Contains(device, "@") && a.From == "" {
		return device
	}
	return from
}

// captured is a message as a device made it, with its envelope.
type captured struct {
	raw     []byte
	source  string
	from    string
	to      []string
	account string
}

// captured reads the message of a session or of a file; neither is none.
func (w *Work) captured(ctx context.Context, a asked) (captured, error) {
	switch {
	case a.Session != "" && a.EML != "":
		return captured{}, badUsage("usage.one_message", nil)
	case a.Session != "":
		return w.capturedSession(ctx, a.Session)
	case a.EML != "":
		return readEML(a.EML)
	}
	return captured{}, nil
}

func (w *Work) capturedSession(ctx context.Context, id string) (captured, error) {
	s, err := w.recorded(ctx, id)
	if err != nil {
		return captured{}, err
	}
	op := "send the message of session " + id
	if s.Message == nil || s.Message.File == "" {
		return captured{}, &probes.Fault{Op: op, Code: "no_message"}
	}
	f, err := w.Folder.OpenFile(s.Message.File)
	if err != nil {
		return captured{}, notRead(s.Message.File, err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	raw, err := readMessage(f, s.Message.File)
	return captured{raw, "session " + s.ID, strings.Trim(s.MailFrom, "<>"), s.RcptTo, s.Account()}, err
}

// readEML reads a message from a file; its envelope is what its header says.
func readEML(name string) (captured, error) {
	f, err := os.Open(name)
	if err != nil {
		return captured{}, notRead(name, err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	raw, err := readMessage(f, name)
	return captured{raw: raw, source: probes.Clean(filepath.Base(name), 200), from: checks.ReadMessage(raw).From}, err
}

func readMessage(r io.Reader, name string) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
	switch {
	case err != nil:
		return nil, notRead(name, err)
	case len(raw) > maxMessage:
		return nil, &probes.Fault{Op: "read the message " + name, Code: "message_huge", Args: text.Args{"file": name, "limit": itoa(maxMessage)}}
	case len(bytes.TrimSpace(raw)) == 0:
		return nil, &probes.Fault{Op: "read the message " + name, Code: "message_empty", Args: text.Args{"file": name}}
	}
	return raw, nil
}

func notRead(name string, err error) error {
	return &probes.Fault{Op: "read the message " + name, Code: "message_unreadable", Args: text.Args{"file": name, "cause": err.Error()}, Err: err}
}

// Forecast says what a test send will meet, before it is made. Nothing is
// connected to, and no secret is asked for.
func (w *Work) Forecast(ctx context.Context, t Try) ([]checks.Finding, error) {
	a, err := w.asked(t)
	if err != nil {
		return nil, err
	}
	l, err := w.letter(ctx, a)
	if err != nil {
		return nil, err
	}
	facts, _, err := w.TenantFacts(ctx)
	if err != nil {
		return nil, err
	}
	return w.foretell(a, l, facts), nil
}

func (w *Work) foretell(a asked, l letter, facts checks.TenantFacts) []checks.Finding {
	found := checks.Forecast(checks.Envelope{
		Message: checks.ReadMessage(l.raw), MailFrom: l.mailFrom, RcptTo: l.rcptTo, Account: l.account,
	}, a.way, facts)
	for i := range found {
		found[i].Sender = a.Sender
		if found[i].Args == nil {
			found[i].Args = map[string]string{}
		}
		found[i].Args["route"] = string(a.Route)
	}
	return found
}
