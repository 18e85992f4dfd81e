package probes

import (
	"slices"
	"time"
)

// TLSMode is how a session came to be encrypted.
type TLSMode string

// The modes of a session.
const (
	NoTLS    TLSMode = "none"
	StartTLS TLSMode = "starttls"
	Implicit TLSMode = "implicit"
)

// TLS is what a client offered and what was agreed. When the handshake failed,
// Error is set, Version and Cipher are not, and the client's offer is kept.
type TLS struct {
	Mode    TLSMode `json:"mode"`
	Version string  `json:"version,omitempty"` // "TLS 1.2"
	Cipher  string  `json:"cipher,omitempty"`  // IANA name
	SNI     string  `json:"sni,omitempty"`
	// ClientVersions are the versions that the ClientHello offers, newest
	// first, as "SSL 2.0", "SSL 3.0", "TLS 1.0" to "TLS 1.3".
	ClientVersions []string `json:"client_versions,omitempty"`
	ClientSuites   []string `json:"client_suites,omitempty"`
	ALPN           []string `json:"alpn,omitempty"`
	JA3            string   `json:"ja3,omitempty"` // MD5 of the JA3 string, hexadecimal
	JA4            string   `json:"ja4,omitempty"`
	// Error is a stable id: "certificate_refused", "no_common_version",
	// "no_common_suite", "closed", "malformed", ...
	Error string `json:"error,omitempty"`
	// Refusal says in which shape a refused certificate showed.
	Refusal string `json:"refusal,omitempty"`
}

// AuthOutcome is how one sign-in attempt ended.
type AuthOutcome string

// The outcomes of a sign-in attempt.
const (
	AuthAccepted  AuthOutcome = "accepted"
	AuthRefused   AuthOutcome = "refused"   // the policy answered no
	AuthCancelled AuthOutcome = "cancelled" // the client gave up with "*" or went away
	AuthMalformed AuthOutcome = "malformed" // what was sent is not a message of this mechanism
)

// Claims are the parts of an access token that say what it is for. The token
// itself is never kept.
type Claims struct {
	Audience string    `json:"aud,omitempty"`
	Tenant   string    `json:"tid,omitempty"`
	App      string    `json:"appid,omitempty"`
	Object   string    `json:"oid,omitempty"`
	User     string    `json:"upn,omitempty"`
	Scopes   []string  `json:"scp,omitempty"`
	Roles    []string  `json:"roles,omitempty"`
	Expires  time.Time `json:"exp,omitzero"`
	// NotBefore is from when on the token counts.
	NotBefore time.Time `json:"nbf,omitzero"`
}

// Auth is one sign-in attempt. The password is never part of it.
type Auth struct {
	Mechanism string      `json:"mechanism"` // LOGIN, PLAIN, XOAUTH2, ...
	Account   string      `json:"account,omitempty"`
	Outcome   AuthOutcome `json:"outcome"`
	Cleartext bool        `json:"cleartext,omitempty"` // sent without TLS
	Domain    string      `json:"domain,omitempty"`    // NTLM
	Host      string      `json:"host,omitempty"`      // NTLM workstation
	Claims    *Claims     `json:"claims,omitempty"`    // of a token
	Reply     string      `json:"reply,omitempty"`     // what it was answered
}

// Message is the part of a captured message that tells who made it.
type Message struct {
	From        string   `json:"from,omitempty"`
	To          []string `json:"to,omitempty"`
	Subject     string   `json:"subject,omitempty"`
	MessageID   string   `json:"message_id,omitempty"`
	Mailer      string   `json:"mailer,omitempty"` // X-Mailer or User-Agent
	Date        string   `json:"date,omitempty"`
	Boundary    string   `json:"boundary,omitempty"`
	Attachments []string `json:"attachments,omitempty"` // file names
	File        string   `json:"file,omitempty"`        // in the migration folder: "messages/<id>.eml"
}

// Delivery is a further message of a session, with its envelope.
type Delivery struct {
	MailFrom string   `json:"mail_from,omitempty"`
	RcptTo   []string `json:"rcpt_to,omitempty"`
	Size     int64    `json:"size,omitempty"`
	Message  *Message `json:"message,omitempty"`
}

// End is how a session ended.
type End string

// The ends of a session.
const (
	EndQuit     End = "quit"     // the client said QUIT
	EndClosed   End = "closed"   // the client closed without QUIT
	EndReset    End = "reset"    // the client reset the connection
	EndTimeout  End = "timeout"  // the client said nothing for too long
	EndTLS      End = "tls"      // the TLS handshake did not finish
	EndLimit    End = "limit"    // a limit of the capture struck
	EndDropped  End = "dropped"  // the policy ended it
	EndShutdown End = "shutdown" // the capture was stopped
)

// Speaker says who a line of a transcript comes from.
type Speaker string

// The speakers of a transcript.
const (
	Client Speaker = "client"
	Server Speaker = "server"
	Note   Speaker = "note" // the program's own remark, an id with its detail
)

// Line is one line of a transcript, cleaned for reading: control characters,
// invalid UTF-8 and bidirectional controls are escaped as \xNN or \u{NNNN},
// passwords and tokens are replaced by their kind and length.
type Line struct {
	MS   int64   `json:"ms"` // since the start
	From Speaker `json:"from"`
	Text string  `json:"text"`
}

// Session is one captured connection.
type Session struct {
	ID      string    `json:"id"` // sorts by time, unique across laptops
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	Peer    string    `json:"peer"` // IP address
	// MAC is the peer's hardware address, "00:00:85:0a:0b:0c", when it is on
	// the same link and the system knows it.
	MAC      string `json:"mac,omitempty"`
	Listener string `json:"listener"` // address:port
	Policy   string `json:"policy,omitempty"`
	// Asked is the id of the sender that was interviewed when it came, Alone that
	// the admin had been told to leave the device alone.
	Asked string `json:"asked,omitempty"`
	Alone bool   `json:"alone,omitempty"`
	// Protocol is absent for SMTP; "http", "lmtp", "pop3", "imap", "scan", "bare" tell
	// what else it was, "refused" that it was not served. Those are not senders.
	Protocol string   `json:"protocol,omitempty"`
	Hello    string   `json:"hello,omitempty"` // the name after EHLO or HELO
	TLS      TLS      `json:"tls"`
	Auth     []Auth   `json:"auth,omitempty"`
	MailFrom string   `json:"mail_from,omitempty"` // "<>" for the null sender
	RcptTo   []string `json:"rcpt_to,omitempty"`
	Size     int64    `json:"size,omitempty"` // of the message, in bytes as received
	Message  *Message `json:"message,omitempty"`
	// More are the further messages that came over the same connection; the
	// fields above are of the first, but for RcptTo, which has all.
	More   []Delivery `json:"more,omitempty"`
	Quirks []string   `json:"quirks,omitempty"` // stable ids, in the order met
	End    End        `json:"end"`
	// Taken says that a message was acknowledged with 250.
	Taken      bool   `json:"taken,omitempty"`
	Transcript []Line `json:"transcript,omitempty"`
}

// MarshalJSON writes the session with its type.
func (s Session) MarshalJSON() ([]byte, error) {
	type plain Session
	return typed("session", plain(s))
}

// Account is the last account name that the client signed in with, or "".
func (s Session) Account() string {
	for _, a := range slices.Backward(s.Auth) {
		if a.Account != "" {
			return a.Account
		}
	}
	return ""
}

// IsSender tells whether the session comes from something that sends mail, as
// against a port scan, a browser or a bare connect.
func (s Session) IsSender() bool { return s.Protocol == "" }

// Listening says what became of one address that the capture was to open.
type Listening struct {
	Wanted string `json:"wanted"`         // address:port asked for
	Addr   string `json:"addr,omitempty"` // address:port that is open; may be the way out
	Fault  *Fault `json:"-"`              // why Wanted is not open
	// Protocol is absent for SMTP; "pop3" where that is spoken.
	Protocol string `json:"protocol,omitempty"`
}

// CaptureEvent is one thing that happened in a running capture. Exactly one
// field is set.
type CaptureEvent struct {
	Listening *Listening
	Session   *Session
}
