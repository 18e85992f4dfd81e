package probes

import "time"

// SourceKind is the kind of thing that a fact about a sender came from.
type SourceKind string

// The sources of facts about senders.
const (
	FromReport    SourceKind = "smtp_auth_report" // the SMTP AUTH clients report of the Exchange admin center
	FromSignIns   SourceKind = "sign_ins"         // Entra's sign-in log
	FromTrace     SourceKind = "message_trace"
	FromMailbox   SourceKind = "mailbox_settings" // Get-CASMailbox
	FromPostfix   SourceKind = "postfix_log"
	FromIIS       SourceKind = "iis_log"
	FromList      SourceKind = "list"    // a list that somebody kept
	FromCapture   SourceKind = "capture" // a session
	FromHand      SourceKind = "hand"    // typed by the admin
	FromColleague SourceKind = "folder"  // a colleague's migration
)

// SourceKinds lists every kind.
func SourceKinds() []SourceKind {
	return []SourceKind{FromReport, FromSignIns, FromTrace, FromMailbox, FromPostfix, FromIIS, FromList, FromCapture, FromHand, FromColleague}
}

// Sighting is what one row of an export says about a sender. What the row
// does not say is empty. Every text is cleaned.
type Sighting struct {
	Kind SourceKind `json:"kind"`
	Line int        `json:"line,omitempty"` // of the file, from 1

	Account string `json:"account,omitempty"` // that signed in
	From    string `json:"from,omitempty"`    // the address in MAIL FROM or From
	Peer    string `json:"peer,omitempty"`    // address that it came from, as the source saw it
	// Protocol is how it signed in, where the source tells: "basic", "oauth".
	Protocol string `json:"protocol,omitempty"`
	Refused  bool   `json:"refused,omitempty"` // the sign-in or the message was refused
	Why      string `json:"why,omitempty"`     // the refusal's code
	// OldTLS is the part of messages over TLS 1.0 or 1.1, in percent; -1 where
	// the source does not tell.
	OldTLS   float64   `json:"old_tls,omitempty"`
	Messages int       `json:"messages,omitempty"`
	To       string    `json:"to,omitempty"`   // domain of a recipient
	Size     int64     `json:"size,omitempty"` // bytes
	At       time.Time `json:"at,omitzero"`    // zero where the source tells no time

	// What a list tells.
	Name     string `json:"name,omitempty"`
	Model    string `json:"model,omitempty"`
	Contact  string `json:"contact,omitempty"`
	Site     string `json:"site,omitempty"`
	Mailbox  string `json:"mailbox,omitempty"`
	SMTPAuth string `json:"smtp_auth,omitempty"` // "on", "off": the mailbox's own switch
}
