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
	StepWait     = "wait"     // before another attempt, because the reply allows one
	StepSendMail = "sendmail" // the request to Graph, which is all of the dialogue there
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

	// Mode is how the connection was to be encrypted, TLS what became of it.
	Mode TLSMode   `json:"tls_mode,omitempty"`
	TLS  *TrialTLS `json:"tls,omitempty"`
	// Mechanism and Account are what was signed in with; "" without a sign-in.
	Mechanism string `json:"mechanism,omitempty"`
	Account   string `json:"account,omitempty"`
	// Dials are the addresses that the last attempt tried, IPv6 and IPv4.
	Dials []Dial `json:"dials,omitempty"`
	// Quirks are stable ids of what was odd on the way: "banner_masked",
	// "starttls_masked", "ipv6_slow". Their words are under "oddity.<id>".
	Quirks []string `json:"quirks,omitempty"`
	// Size is that of the message on its way, in bytes.
	Size int64 `json:"size,omitempty"`
	// Message is the captured message that was sent: a session's id, or the
	// name of a file; "" for the test message.
	Message string `json:"message,omitempty"`
	// Changes are those that the route demanded of a captured message.
	Changes []MessageChange `json:"changes,omitempty"`
}

// TrialTLS is what a trial's handshake agreed on, and whether the server's
// certificate stands.
type TrialTLS struct {
	Version    string `json:"version,omitempty"` // "TLS 1.3"
	Suite      string `json:"suite,omitempty"`   // IANA name
	ServerName string `json:"server_name"`       // that the certificate must have
	Verified   bool   `json:"verified"`
	// Problem is why the certificate does not stand, in the words of a Fault's
	// Code with Args.
	Problem Code              `json:"problem,omitempty"`
	Args    map[string]string `json:"args,omitempty"`
	Chain   []Certificate     `json:"chain,omitempty"` // as the server sent it, its own first
	// Client is the fingerprint of the certificate that was offered to the
	// server, ClientAsked whether the server asked for one.
	Client      string `json:"client_certificate,omitempty"`
	ClientAsked bool   `json:"client_certificate_asked,omitempty"`
}

// Certificate is one certificate of a chain, cleaned for reading.
type Certificate struct {
	Subject string    `json:"subject,omitempty"`
	Issuer  string    `json:"issuer,omitempty"`
	Names   []string  `json:"names,omitempty"` // subject alternative names
	From    time.Time `json:"from,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	SHA256  string    `json:"sha256"` // fingerprint, hexadecimal
}

// DialOutcome is what became of the connection to one address.
type DialOutcome string

// The outcomes of a dial.
const (
	DialConnected  DialOutcome = "connected"
	DialRefused    DialOutcome = "refused"
	DialTimeout    DialOutcome = "timeout"
	DialNoRoute    DialOutcome = "no_route" // this machine has no way to such an address
	DialFailed     DialOutcome = "failed"
	DialUnfinished DialOutcome = "unfinished" // when the trial was over
)

// Dial is the connection to one address of the server.
type Dial struct {
	Addr    string      `json:"addr"`
	MS      float64     `json:"ms"`
	Outcome DialOutcome `json:"outcome"`
	Used    bool        `json:"used,omitempty"` // the trial went over it
	// Cause is the plain reason of one that failed in another way than to be
	// refused or not to be answered.
	Cause string `json:"cause,omitempty"`
}

// MessageChange is one thing in which what was sent differs from what the
// device made. Its words are under "change.<what>", the reason's under
// "change.why.<why>".
type MessageChange struct {
	What string `json:"what"` // "mail_from", "rcpt_to", "header_from", "message_id", "line_ends"
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	Why  string `json:"why"` // "asked", "route", "found_again", "smtp"
}

// MarshalJSON writes the trial with its type.
func (t Trial) MarshalJSON() ([]byte, error) {
	type plain Trial
	return typed("trial", plain(t))
}

// Reached is the last step that was tried, of the last attempt.
func (t Trial) Reached() Step {
	if len(t.Steps) == 0 {
		return Step{}
	}
	last := 0
	for i, s := range t.Steps {
		if s.Step == StepWait {
			last = i
		}
	}
	for _, s := range t.Steps[last:] {
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
	// By is how it was found: ByMailbox, ByTrace or ByHeader.
	By string `json:"by,omitempty"`
	// Junk tells whether it lies in the junk folder; absent is not known.
	Junk *bool `json:"junk,omitempty"`
	// Mechanism is X-MS-Exchange-Organization-AuthMechanism, a number that
	// Microsoft does not explain.
	Mechanism string `json:"auth_mechanism,omitempty"`
	// Way is how it came in, as its header tells: "submission" or "mx".
	Way string `json:"way,omitempty"`
	// Status is that of the message trace, FromIP the address that it came
	// from, Events what happened to it.
	Status string         `json:"status,omitempty"`
	FromIP string         `json:"from_ip,omitempty"`
	Events []ReceiptEvent `json:"events,omitempty"`
	// Connector is the one that the message trace names; "" is not known.
	Connector string `json:"connector,omitempty"`
	// Head is the message's header, to be judged; it is not kept.
	Head []byte `json:"-"`
}

// The ways in which a message is found.
const (
	ByMailbox = "mailbox" // in the recipient's mailbox, through Graph
	ByTrace   = "trace"   // in the message trace
	ByHeader  = "header"  // by its header, which the admin has
)

// ReceiptEvent is one line of the message trace.
type ReceiptEvent struct {
	At          time.Time `json:"at,omitzero"`
	Event       string    `json:"event"`
	Description string    `json:"description,omitempty"`
}

// MarshalJSON writes the receipt with its type.
func (r Receipt) MarshalJSON() ([]byte, error) {
	type plain Receipt
	return typed("receipt", plain(r))
}
