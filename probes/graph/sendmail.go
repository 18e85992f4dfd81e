package graph

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"offbasic/probes"
)

// The codes of the faults of sendMail; args as those of Refused.
const (
	SendDenied     probes.Code = "graph_send_denied"     // ErrorAccessDenied: no permission, or outside its scope
	SendAsDenied   probes.Code = "graph_send_as_denied"  // ErrorSendAsDenied: another From
	MailboxMissing probes.Code = "graph_mailbox_missing" // no cloud mailbox of that name
	TooLarge       probes.Code = "graph_too_large"       // 413
	Cancelled      probes.Code = "cancelled"             // the person or the program ended it
)

// Mail is one message for sendMail.
type Mail struct {
	Sender string // id of the sender that the trial is for
	From   string // the mailbox that sends; required
	To     []string
	// MIME sends Message as it is, in base64. Without it Subject, Text and
	// MessageID go as JSON.
	MIME          bool
	Message       []byte
	Subject, Text string
	MessageID     string
	// Claims are those of the token, once it was asked for; may be nil.
	Claims func() *probes.Claims
	// Patience is the longest wait that is taken when Graph asks for one; 0 is
	// one minute.
	Patience time.Duration
}

// attempts is how often a message is sent that Graph asks to wait with.
const attempts = 4

// Send makes one trial by "user: sendMail". It is never an error: what went
// wrong is a failed step and the trial's outcome. emit, which may be nil, is
// called with each step as it ends. A message that Graph may have taken is not
// sent again.
//
// Source: Microsoft Graph, "user: sendMail" and "Microsoft Graph throttling
// guidance" (429 with Retry-After).
func (c Client) Send(ctx context.Context, m Mail, emit func(probes.Step)) probes.Trial {
	s := &sending{c: c, m: m, emit: emit}
	if s.emit == nil {
		s.emit = func(probes.Step) {}
	}
	s.trial = probes.Trial{
		Sender: m.Sender, Route: probes.Graph, Started: c.now().UTC(), Server: host(c.Base), Mode: probes.Implicit,
		From: probes.Clean(m.From, 320), MessageID: probes.Clean(m.MessageID, 300), Outcome: probes.TrialFailed,
		Account: probes.Clean(m.From, 320),
	}
	for _, to := range m.To {
		s.trial.To = append(s.trial.To, probes.Clean(to, 320))
	}
	s.run(ctx)
	return s.trial
}

// sending is one message under way.
type sending struct {
	c     Client
	m     Mail
	emit  func(probes.Step)
	trial probes.Trial
}

func (s *sending) run(ctx context.Context) {
	began := s.c.now()
	token, err := s.c.Token(ctx)
	if s.m.Claims != nil {
		s.trial.Claims = s.m.Claims()
	}
	if !s.step(ctx, probes.StepToken, "", began, err) {
		return
	}
	body, kind := s.body()
	s.trial.Size = int64(len(body))
	for n := 1; ; n++ {
		began = s.c.now()
		err = s.c.post(ctx, token, "/users/"+url.PathEscape(s.m.From)+"/sendMail", kind, body)
		if s.step(ctx, probes.StepSendMail, "202", began, err) {
			s.trial.Outcome = probes.TrialSent
			return
		}
		if !throttled(err) || n == attempts || !s.wait(ctx, asked(err)) {
			return
		}
	}
}

// wait waits as long as Graph asks for, and tells whether to try again.
func (s *sending) wait(ctx context.Context, d time.Duration) bool {
	patience := s.m.Patience
	if patience == 0 {
		patience = time.Minute
	}
	if d <= 0 || d > patience {
		return false
	}
	s.add(probes.Step{Step: probes.StepWait, Outcome: probes.StepOK, MS: float64(d.Milliseconds()), Detail: d.String()})
	if !s.c.sleep(ctx, d) {
		s.trial.Outcome = probes.TrialFailed
		s.add(probes.Step{Step: probes.StepWait, Outcome: probes.StepFailed, Fault: Cancelled})
		return false
	}
	return true
}

// step takes up how one step ended, and tells whether it went well.
func (s *sending) step(ctx context.Context, name, detail string, began time.Time, err error) bool {
	done := probes.Step{Step: name, Outcome: probes.StepOK, Detail: detail, MS: float64(s.c.now().Sub(began).Microseconds()) / 1000}
	if err == nil {
		s.add(done)
		return true
	}
	done.Outcome, done.Detail = probes.StepFailed, probes.Clean(err.Error(), 300)
	var f *probes.Fault
	switch {
	case ctx.Err() != nil:
		done.Fault, done.Detail = Cancelled, ""
	case errors.As(err, &f):
		done.Fault, done.Args = f.Code, f.Args
		s.trial.AADSTS = f.Args["aadsts"]
		if f.Args["status"] != "" {
			s.trial.Outcome = probes.TrialRefused
		}
	default:
		done.Fault, done.Args = Unreachable, map[string]string{"host": host(s.c.Base), "cause": done.Detail}
	}
	s.add(done)
	return false
}

func (s *sending) add(step probes.Step) {
	s.trial.Steps = append(s.trial.Steps, step)
	s.emit(step)
}

// body is the request's, with its content type.
func (s *sending) body() (body []byte, kind string) {
	if s.m.MIME {
		body = make([]byte, base64.StdEncoding.EncodedLen(len(s.m.Message)))
		base64.StdEncoding.Encode(body, s.m.Message)
		return body, "text/plain"
	}
	type address struct {
		Address string `json:"address"`
	}
	type recipient struct {
		EmailAddress address `json:"emailAddress"`
	}
	type content struct {
		Kind string `json:"contentType"`
		Text string `json:"content"`
	}
	v := struct {
		Message struct {
			Subject   string      `json:"subject"`
			MessageID string      `json:"internetMessageId,omitempty"`
			Body      content     `json:"body"`
			To        []recipient `json:"toRecipients"`
		} `json:"message"`
	}{}
	v.Message.Subject, v.Message.MessageID, v.Message.Body = s.m.Subject, s.m.MessageID, content{"Text", s.m.Text}
	for _, to := range s.m.To {
		v.Message.To = append(v.Message.To, recipient{address{to}})
	}
	body, _ = json.Marshal(v) // strings always marshal
	return body, "application/json"
}

// post sends a body and wants 202.
func (c Client) post(ctx context.Context, token, path, kind string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.Base, "/")+"/v1.0"+path, bytes.NewReader(body))
	if err != nil {
		return c.unreachable(errors.New("the address of Graph is not one"))
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", kind)
	res, err := c.http().Do(req)
	if err != nil {
		return c.unreachable(plain(ctx, err))
	}
	defer res.Body.Close() //nolint:errcheck // everything wanted has been read
	answer, err := io.ReadAll(io.LimitReader(res.Body, bodyLimit))
	if err != nil {
		return c.unreachable(plain(ctx, err))
	}
	if res.StatusCode == http.StatusAccepted {
		return nil
	}
	return sendFault(c.refused(res, answer))
}

// sendFault names the refusals that sendMail is known to give.
func sendFault(err error) error {
	var f *probes.Fault
	if !errors.As(err, &f) {
		return err
	}
	switch f.Args["code"] {
	case "ErrorAccessDenied":
		f.Code = SendDenied
	case "ErrorSendAsDenied":
		f.Code = SendAsDenied
	case "ErrorInvalidUser", "MailboxNotEnabledForRESTAPI", "ResourceNotFound":
		f.Code = MailboxMissing
	}
	if f.Args["status"] == "413" {
		f.Code = TooLarge
	}
	return f
}

func host(base string) string {
	if u, err := url.Parse(base); err == nil && u.Host != "" {
		return probes.Clean(u.Host, 100)
	}
	return probes.Clean(base, 100)
}
