package checks

import (
	"encoding/json"
	"fmt"
	"io/fs"

	"offbasic/assets"
)

// ReplyFact is one SMTP reply of the catalogue: how it is recognised, where it
// is met, and who says so. Its words are under "reply.<id>.meaning",
// "reply.<id>.cause.1" and on, "reply.<id>.remedy.1" and on.
type ReplyFact struct {
	ID   string `json:"id"`
	Code int    `json:"code,omitempty"` // 0: seen in bounces only
	// Enhanced are the enhanced status codes of RFC 3463, each one code or a
	// range, "5.7.606-5.7.649".
	Enhanced []string `json:"enhanced,omitempty"`
	Text     string   `json:"text,omitempty"` // as it was seen
	// Match are pieces of the text, of which one must be in a reply. Case and
	// white space do not count.
	Match []string `json:"match,omitempty"`
	// Alone says that code and enhanced code are enough, whatever the text.
	Alone      bool     `json:"alone,omitempty"`
	Paths      []string `json:"paths"` // "submission", "hve", "relay", "direct", "any", ...
	Stage      string   `json:"stage"` // of the SMTP dialogue, or "NDR"
	Handling   Handling `json:"handling,omitempty"`
	Source     string   `json:"source"`
	Confidence string   `json:"confidence"` // "primary", "mirror" or "field"
	Causes     int      `json:"causes,omitempty"`
	Remedies   int      `json:"remedies,omitempty"`
}

// AADSTSFact is one sign-in error of Entra. Its words are under
// "aadsts.<code>.meaning" and on, as a reply's.
type AADSTSFact struct {
	Code       int      `json:"code"`
	Name       string   `json:"name"`
	Handling   Handling `json:"handling"`
	Source     string   `json:"source"`
	Confidence string   `json:"confidence"`
	Causes     int      `json:"causes,omitempty"`
	Remedies   int      `json:"remedies,omitempty"`
}

// Handling says what a program does about an error. Its words are under
// "handling.<value>".
type Handling string

// The ways to handle an error.
const (
	Fatal      Handling = "fatal"        // the same again meets the same answer
	Act        Handling = "user"         // a person must do something first
	Pending    Handling = "pending"      // keep asking at the interval given
	Retry      Handling = "retry"        // again after a pause
	RetryLater Handling = "retry_later"  // again after a long pause
	RetryIfNew Handling = "retry_if_new" // again for some minutes if something was just made, else fatal
)

// Handlings lists every way to handle an error.
func Handlings() []Handling {
	return []Handling{Fatal, Act, Pending, Retry, RetryLater, RetryIfNew}
}

// Replies is the catalogue of SMTP replies.
func Replies() []ReplyFact { return read[ReplyFact]("replies.json") }

// SignInErrors is the catalogue of AADSTS codes.
func SignInErrors() []AADSTSFact { return read[AADSTSFact]("aadsts.json") }

// read decodes an embedded catalogue. A catalogue that cannot be read is a
// fault of the build, which every test of this package would meet.
func read[T any](name string) []T {
	b, err := fs.ReadFile(assets.Catalogues(), name)
	if err != nil {
		panic(err)
	}
	var rows []T
	if err := json.Unmarshal(b, &rows); err != nil {
		panic(fmt.Errorf("read catalogue %s: %w", name, err))
	}
	return rows
}
