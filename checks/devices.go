package checks

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"offbasic/probes"
)

// OAuthSupport is what is known of a product's OAuth for mail. Its words are
// under "support.<value>".
type OAuthSupport string

// The kinds of support.
const (
	OAuthYes      OAuthSupport = "yes"
	OAuthNo       OAuthSupport = "no"
	OAuthGraph    OAuthSupport = "graph"   // sends through Microsoft Graph instead
	OAuthClaimed  OAuthSupport = "claimed" // by a dealer, not by the maker
	OAuthToken    OAuthSupport = "token"   // takes a token that something else must renew
	OAuthNotKnown OAuthSupport = "unknown"
)

// OAuthSupports lists every kind of support.
func OAuthSupports() []OAuthSupport {
	return []OAuthSupport{OAuthYes, OAuthNo, OAuthGraph, OAuthClaimed, OAuthToken, OAuthNotKnown}
}

// SignInPattern is how a product gets its token. Its words are under
// "pattern.<value>", and what breaks it under "pattern.<value>.breaks".
type SignInPattern string

// The patterns. All but OwnApp are delegated: one account, a refresh token.
const (
	DeviceCode SignInPattern = "device-code"  // a code is typed on Microsoft's page
	Panel      SignInPattern = "panel"        // sign-in on the panel, with its browser
	MakerApp   SignInPattern = "maker-app"    // through the maker's multi-tenant app
	Browser    SignInPattern = "browser"      // in an admin's browser
	OwnAppUser SignInPattern = "own-app-user" // an app registration of yours, as a user
	OwnApp     SignInPattern = "own-app"      // an app registration of yours, as the app
)

// SignInPatterns lists every pattern.
func SignInPatterns() []SignInPattern {
	return []SignInPattern{DeviceCode, Panel, MakerApp, Browser, OwnAppUser, OwnApp}
}

// Delegated tells whether the product signs in as a person does.
func (p SignInPattern) Delegated() bool { return p != "" && p != OwnApp }

// Device is one product of the catalogue. How it does OAuth is said under
// "device.<id>.oauth", unless it is not known.
type Device struct {
	ID    string       `json:"id"`
	Name  string       `json:"name"`
	Kind  string       `json:"kind"` // words under "kind.<kind>"
	Scope string       `json:"scope,omitempty"`
	OAuth OAuthSupport `json:"oauth"`
	// Since is the first version that has it, as the source names it.
	Since string `json:"since,omitempty"`
	// Menu is the path to it, in the product's own words.
	Menu    []string      `json:"menu,omitempty"`
	Pattern SignInPattern `json:"pattern,omitempty"`
	// Consent are the delegated permissions that its app asks for.
	Consent []string `json:"consent,omitempty"`
	// Limits are what else is to be minded; words under "device.limit.<id>".
	Limits []string `json:"limits,omitempty"`
	Source string   `json:"source,omitempty"`
	// Date of the source, as exact as it is known.
	Date       string `json:"date,omitempty"`
	Confidence string `json:"confidence"`
	Hints      []Hint `json:"hints,omitempty"`
}

// Hint is what gives a product away in a session.
type Hint struct {
	// Field is "mailer", "subject", "message_id" or "boundary"; its words are
	// under "hint.<field>", as those of "mac" are, which is met by the maker's
	// own prefixes.
	Field string `json:"field"`
	// Match is a regular expression (RE2) on that field.
	Match  string `json:"match"`
	Source string `json:"source"`
}

// Guess is a product that a sender may be, with what speaks for it.
type Guess struct {
	Device Device `json:"device"`
	Hints  []Clue `json:"hints"`
}

// Clue is a hint that was met.
type Clue struct {
	Field   string `json:"field"`
	Value   string `json:"value"`
	Session string `json:"session"`
}

// Devices knows the catalogue of products. It is safe for use by several
// goroutines.
type Devices struct {
	rows []deviceRow
}

type deviceRow struct {
	Device
	hints []*regexp.Regexp
	// prefixes of hardware addresses, with who holds them.
	prefixes map[string]string
}

// Maker says which prefixes of hardware addresses the maker of a product
// holds. It may make other things as well: a prefix alone names nothing.
type Maker struct {
	Device   string   `json:"device"` // id
	Holder   string   `json:"holder"` // as registered with the IEEE
	Prefixes []string `json:"prefixes"`
	Source   string   `json:"source"`
}

// Makers is the catalogue of makers' prefixes.
func Makers() []Maker { return read[Maker]("makers.json") }

// NewDevices reads the catalogue. Build one and keep it.
func NewDevices() *Devices {
	d := &Devices{}
	holders := map[string]map[string]string{}
	for _, m := range Makers() {
		if holders[m.Device] == nil {
			holders[m.Device] = map[string]string{}
		}
		for _, p := range m.Prefixes {
			holders[m.Device][p] = m.Holder
		}
	}
	for _, f := range read[Device]("devices.json") {
		row := deviceRow{Device: f, prefixes: holders[f.ID]}
		for _, h := range f.Hints {
			row.hints = append(row.hints, regexp.MustCompile(h.Match))
		}
		d.rows = append(d.rows, row)
	}
	return d
}

// All lists the products in the order of the catalogue.
func (d *Devices) All() []Device {
	out := make([]Device, len(d.rows))
	for i, r := range d.rows {
		out[i] = r.Device
	}
	return out
}

// Find looks a product up by id.
func (d *Devices) Find(id string) (Device, bool) {
	for _, r := range d.rows {
		if r.ID == id {
			return r.Device, true
		}
	}
	return Device{}, false
}

// OfMaker finds the row of a machine's maker by the first word of its name, as
// "Konica C258" is written on lists. What the row says is known of the models
// in its scope, not of this one.
func (d *Devices) OfMaker(product string) (Device, bool) {
	word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(product)), " ")
	for _, r := range d.rows {
		names := strings.FieldsFunc(strings.ToLower(r.Name), func(c rune) bool { return c == ' ' || c == '/' })
		machine := r.Kind == "mfp" || r.Kind == "nas" || r.Kind == "ups"
		if machine && word != "" && (names[0] == word || strings.Contains(r.Name, "/") && slices.Contains(names, word)) {
			return r.Device, true
		}
	}
	return Device{}, false
}

// Known is what the sender is: the product that the admin named by its id,
// else the one that speaks most for itself; nil when it is not known. Of two
// guesses with as many hints neither is taken.
func (d *Devices) Known(id string, f Facts) *Device {
	if dev, ok := d.Find(id); ok {
		return &dev
	}
	guesses := d.Identify(f)
	if len(guesses) == 0 || len(guesses) > 1 && len(guesses[1].Hints) == len(guesses[0].Hints) {
		return nil
	}
	return &guesses[0].Device
}

// Search lists the products whose name, kind or scope contains all words of s.
func (d *Devices) Search(s string) []Device {
	var out []Device
	for _, r := range d.rows {
		text := strings.ToLower(r.Name + " " + r.Scope + " " + r.Kind)
		missing := slices.ContainsFunc(strings.Fields(strings.ToLower(s)), func(w string) bool {
			return !strings.Contains(text, w)
		})
		if !missing {
			out = append(out, r.Device)
		}
	}
	return out
}

// hintsForAGuess is how many different hints name a product: a site can change
// its subject or sender.
const hintsForAGuess = 2

// Identify guesses which product a sender is. A product is named only on two
// or more different hints; the guess with most hints comes first.
func (d *Devices) Identify(f Facts) []Guess {
	var out []Guess
	for _, r := range d.rows {
		if clues := r.clues(f.Sessions); len(clues) >= hintsForAGuess {
			out = append(out, Guess{r.Device, clues})
		}
	}
	slices.SortStableFunc(out, func(a, b Guess) int { return -cmp.Compare(len(a.Hints), len(b.Hints)) })
	return out
}

// clues lists the hints that the sessions show, each once.
func (r deviceRow) clues(sessions []probes.Session) []Clue {
	var out []Clue
	for i, h := range r.hints {
		for _, s := range sessions {
			if v := field(s, r.Hints[i].Field); v != "" && h.MatchString(v) {
				out = append(out, Clue{r.Hints[i].Field, v, s.ID})
				break
			}
		}
	}
	if c, ok := r.maker(sessions); ok {
		out = append(out, c)
	}
	return out
}

// maker tells whether a session came from a hardware address of the maker's.
func (r deviceRow) maker(sessions []probes.Session) (Clue, bool) {
	const prefix = len("00:00:85")
	for _, s := range sessions {
		if len(s.MAC) < prefix {
			continue
		}
		if holder, ok := r.prefixes[s.MAC[:prefix]]; ok {
			return Clue{"mac", s.MAC + " (" + holder + ")", s.ID}, true
		}
	}
	return Clue{}, false
}

func field(s probes.Session, name string) string {
	if s.Message == nil {
		return ""
	}
	switch name {
	case "mailer":
		return s.Message.Mailer
	case "subject":
		return s.Message.Subject
	case "message_id":
		return s.Message.MessageID
	case "boundary":
		return s.Message.Boundary
	}
	return ""
}
