package probes

import (
	"strings"
	"time"
)

// Reply is one answer of an SMTP server.
type Reply struct {
	Code     int    `json:"code"`
	Enhanced string `json:"enhanced,omitempty"`
	Text     string `json:"text,omitempty"`
	// Server is the bracket at the end of Microsoft's replies: server, time
	// and id. It is cut from Text and kept for support.
	Server string `json:"server,omitempty"`
}

// ParseReply reads "535 5.7.3 Authentication unsuccessful [SERVER time id]".
// Several lines of one reply are joined with a space. ok is false when s does
// not begin with a three-digit reply code.
func ParseReply(s string) (r Reply, ok bool) {
	var text []string
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if len(line) < 3 || !digits(line[:3]) || line[0] < '2' || line[0] > '5' {
			if r.Code == 0 {
				return Reply{}, false
			}
			text = append(text, line)
			continue
		}
		rest := line[3:]
		if rest != "" && rest[0] != ' ' && rest[0] != '-' {
			return Reply{}, false
		}
		r.Code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
		if rest != "" {
			rest = strings.TrimSpace(rest[1:])
		}
		if e, after, _ := strings.Cut(rest, " "); isEnhanced(e) {
			r.Enhanced, rest = e, strings.TrimSpace(after)
		}
		text = append(text, rest)
	}
	if r.Code == 0 {
		return Reply{}, false
	}
	r.Text, r.Server = cutBracket(strings.TrimSpace(strings.Join(text, " ")))
	return r, true
}

// cutBracket splits off "[PR3P192CA0001.EURP192.PROD.OUTLOOK.COM 2024-06-24T08:58:06.389Z 08DC93087F48F48A]".
func cutBracket(s string) (text, server string) {
	if !strings.HasSuffix(s, "]") {
		return s, ""
	}
	i := strings.LastIndexByte(s, '[')
	if i < 0 {
		return s, ""
	}
	inside := s[i+1 : len(s)-1]
	host, _, _ := strings.Cut(inside, " ")
	if strings.Count(host, ".") < 2 || strings.ContainsAny(host, "=/:") || digits(strings.ReplaceAll(host, ".", "")) {
		return s, "" // an address and "[Hostname=...]" are part of the sentence
	}
	return strings.TrimSpace(s[:i]), inside
}

// isEnhanced tells an enhanced status code of RFC 3463, "5.7.139".
func isEnhanced(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(parts[0]) != 1 || !strings.Contains("245", parts[0]) {
		return false
	}
	return len(parts[1]) <= 3 && digits(parts[1]) && len(parts[2]) <= 3 && digits(parts[2])
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// String writes the reply as it came, without the bracket.
func (r Reply) String() string {
	parts := []string{string([]byte{'0' + byte(r.Code/100%10), '0' + byte(r.Code/10%10), '0' + byte(r.Code%10)})}
	for _, p := range []string{r.Enhanced, r.Text} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " ")
}

// StepOutcome is how one step of a trial ended.
type StepOutcome string

// The outcomes of a step.
const (
	StepOK      StepOutcome = "ok"
	StepFailed  StepOutcome = "failed"
	StepSkipped StepOutcome = "skipped"
)

// The steps of a trial over SMTP, in order. "token" is asked from Entra.
const (
	StepToken    = "token"
	StepDNS      = "dns"
	StepConnect  = "connect"
	StepTLS      = "tls" // the handshake on connecting, for implicit TLS
	StepBanner   = "banner"
	StepEHLO     = "ehlo"
	StepSTARTTLS = "starttls"
	StepAUTH     = "auth"
	StepMAIL     = "mail"
	StepRCPT     = "rcpt"
	StepDATA     = "data"
	StepQUIT     = "quit"
)

// Step is one step of a trial.
type Step struct {
	Step    string      `json:"step"`
	Outcome StepOutcome `json:"outcome"`
	MS      float64     `json:"ms"`
	Reply   string      `json:"reply,omitempty"`
	// Detail is what the step is about when there is no reply: an address,
	// "TLS 1.3 TLS_AES_128_GCM_SHA256", an error's text.
	Detail string `json:"detail,omitempty"`
	// Fault names what failed when it was not the server that said no. Its
	// words are those of a Fault's Code, with Args as their arguments.
	Fault Code              `json:"fault,omitempty"`
	Args  map[string]string `json:"args,omitempty"`
}

// TrialOutcome is how a trial ended.
type TrialOutcome string

// The outcomes of a trial.
const (
	TrialSent    TrialOutcome = "sent"    // the server took the message
	TrialRefused TrialOutcome = "refused" // a server said no
	TrialFailed  TrialOutcome = "failed"  // no answer to judge: network, TLS, sign-in
)

// Trial is one test send over a route.
type Trial struct {
	ID        string       `json:"id"`
	Sender    string       `json:"sender,omitempty"` // id of the sender it is for
	Route     Route        `json:"route"`
	Started   time.Time    `json:"started"`
	Server    string       `json:"server,omitempty"` // host:port
	From      string       `json:"from,omitempty"`
	To        []string     `json:"to,omitempty"`
	MessageID string       `json:"message_id,omitempty"` // with its angle brackets
	Outcome   TrialOutcome `json:"outcome"`
	Steps     []Step       `json:"steps"`
	// Reply is the server's last word.
	Reply *Reply `json:"reply,omitempty"`
	// AADSTS is the sign-in error's code when the token was refused: "7000215".
	AADSTS string `json:"aadsts,omitempty"`
	// Claims of the token that was used.
	Claims *Claims `json:"claims,omitempty"`
	// Explanation is the id of what explains the last word.
	Explanation string   `json:"explanation,omitempty"`
	Receipt     *Receipt `json:"receipt,omitempty"`
	Transcript  []Line   `json:"transcript,omitempty"`
}

// MarshalJSON writes the trial with its type.
func (t Trial) MarshalJSON() ([]byte, error) {
	type plain Trial
	return typed("trial", plain(t))
}

// Reached is the last step that was tried.
func (t Trial) Reached() Step {
	if len(t.Steps) == 0 {
		return Step{}
	}
	for _, s := range t.Steps {
		if s.Outcome == StepFailed {
			return s
		}
	}
	return t.Steps[len(t.Steps)-1]
}

// Receipt is the proof that a trial arrived.
type Receipt struct {
	MessageID string    `json:"message_id"`
	Mailbox   string    `json:"mailbox"`
	Found     bool      `json:"found"`
	Received  time.Time `json:"received,omitzero"`
	AfterMS   int64     `json:"after_ms,omitempty"` // from the end of DATA to the mailbox
	Folder    string    `json:"folder,omitempty"`   // display name, as Graph gives it
	Subject   string    `json:"subject,omitempty"`
	AuthAs    string    `json:"auth_as,omitempty"` // X-MS-Exchange-Organization-AuthAs
	Results   string    `json:"authentication_results,omitempty"`
	Waited    int64     `json:"waited_ms,omitempty"` // how long it was looked for
}

// MarshalJSON writes the receipt with its type.
func (r Receipt) MarshalJSON() ([]byte, error) {
	type plain Receipt
	return typed("receipt", plain(r))
}
