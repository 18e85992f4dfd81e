package checks

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // CRAM-MD5 is what the device speaks (RFC 2195)
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"

	"offbasic/probes"
)

// Canary is an account and a password that were made up to be typed into a
// device: of the length and with the characters that a route will need. Both
// begin with a mark, and are of use to nobody.
type Canary struct {
	Route             probes.Route
	Account, Password string
}

// Bounds of a canary's password, in characters.
const (
	CanaryShortest = 16
	CanaryLongest  = 128
)

// mark begins every canary.
const mark = "Canary"

// canaryShape is what a route asks a device to keep.
type canaryShape struct {
	route   probes.Route
	length  int    // of the password
	signs   string // in the password, each at least once
	account func(domain, hex string) string
}

// canaryShapes: a client secret of Entra has 40 characters, with ~ . - _ among
// them. ACS takes "<resource>|<application id>|<tenant id>" as an account
// (Microsoft, "Set up SMTP authentication for sending emails"). The keys of
// providers are the longest passwords in use.
func canaryShapes() []canaryShape {
	address := func(domain, hex string) string { return "canary-" + hex[:8] + "@" + domain }
	return []canaryShape{
		{probes.ACS, 40, "~.-_", func(_, hex string) string { return "canary|" + guid(hex[:32]) + "|" + guid(hex[32:]) }},
		{probes.OAuth, 40, "~.-_", address},
		{probes.HVE, 32, "!#$%&*+-=?@_~", address},
		{probes.Provider, 69, ".-_", func(_, hex string) string { return "canary-" + hex[:8] }},
	}
}

func guid(hex string) string {
	return strings.Join([]string{hex[:8], hex[8:12], hex[12:16], hex[16:20], hex[20:32]}, "-")
}

// CanaryRoutes lists the routes that there is a canary for.
func CanaryRoutes() []probes.Route {
	var routes []probes.Route
	for _, s := range canaryShapes() {
		routes = append(routes, s.route)
	}
	return routes
}

// NewCanary makes a canary for a route, from random numbers below n. domain is
// that of the account where it is an address; length is the password's, 0
// means what the route gives. False means that the route has no canary.
func NewCanary(route probes.Route, domain string, length int, random func(n int) int) (Canary, bool) {
	all := canaryShapes()
	i := slices.IndexFunc(all, func(s canaryShape) bool { return s.route == route })
	if i < 0 {
		return Canary{}, false
	}
	s := all[i]
	if length == 0 {
		length = s.length
	}
	length = min(max(length, CanaryShortest), CanaryLongest)
	if domain == "" {
		domain = "contoso.example"
	}
	const hexDigits = "0123456789abcdef"
	return Canary{route, s.account(domain, pick(hexDigits, 64, random)), s.password(length, random)}, true
}

func pick(from string, n int, random func(int) int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = from[random(len(from))]
	}
	return string(b)
}

// password is the mark and random characters, with every sign at a place of
// its own, never the last: a sign that is cut off tells nothing of signs.
func (s canaryShape) password(length int, random func(int) int) string {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789" // none that look alike
	b := []byte(mark + pick(letters, length-len(mark), random))
	free := make([]int, 0, length)
	for i := len(mark); i < length-1; i++ {
		free = append(free, i)
	}
	for _, sign := range []byte(s.signs) {
		if len(free) == 0 {
			break
		}
		i := random(len(free))
		b[free[i]] = sign
		free = slices.Delete(free, i, i+1)
	}
	return string(b)
}

// How a canary arrived. The words are under "canary.as.<id>".
const (
	AsWhole    = "whole"
	AsEmpty    = "empty"
	AsCut      = "cut"       // its end is missing
	AsCutFront = "cut-front" // its beginning is missing
	AsLower    = "lower-case"
	AsUpper    = "upper-case"
	AsCase     = "case" // some letters
	AsPadded   = "padded"
	AsRepeated = "repeated" // twice in a row
	AsDropped  = "dropped"  // characters are missing
	AsDoubled  = "doubled"  // characters came twice
	AsChanged  = "changed"  // characters became others
	AsEscaped  = "escaped"  // as in a web form or a page
	AsRealm    = "realm"    // a domain was put to it
	AsDiffers  = "differs"  // a digest that is of something else
	AsUnseen   = "unseen"   // the mechanism does not show it
	AsOther    = "other"    // it is not the canary
)

// Arrived is how one of the two arrived. It holds nothing of what came but its
// length, and a realm.
type Arrived struct {
	As         []string `json:"as"`
	Length     int      `json:"length,omitempty"` // in bytes, of what came
	Of         int      `json:"of,omitempty"`     // of the canary
	Characters string   `json:"characters,omitempty"`
	At         []int    `json:"at,omitempty"` // places of those, from 1
	Realm      string   `json:"realm,omitempty"`
}

// Whole tells that nothing is amiss.
func (a Arrived) Whole() bool { return slices.Equal(a.As, []string{AsWhole}) }

// Known tells that what came was the canary, whatever became of it.
func (a Arrived) Known() bool {
	return !slices.ContainsFunc(a.As, func(s string) bool {
		return s == AsOther || s == AsUnseen || s == AsEmpty || s == AsDiffers
	})
}

// CanaryHeard is the judgement on one sign-in.
type CanaryHeard struct {
	Peer      string       `json:"peer"`
	Route     probes.Route `json:"route"`
	Mechanism string       `json:"mechanism"`
	Account   Arrived      `json:"account"`
	Password  Arrived      `json:"password"`
}

// MarshalJSON writes the judgement with its type.
func (h CanaryHeard) MarshalJSON() ([]byte, error) {
	type plain CanaryHeard
	return json.Marshal(struct {
		Type string `json:"type"`
		plain
	}{"canary", plain(h)})
}

// Whole tells that both arrived as they were shown.
func (h CanaryHeard) Whole() bool { return h.Account.Whole() && h.Password.Whole() }

// Known tells that it was this canary that came.
func (h CanaryHeard) Known() bool { return h.Account.Known() || h.Password.Known() }

// Judge compares a sign-in with what was shown. password is what the client
// sent; with CRAM-MD5 it is the challenge, a space and the digest; nil means
// that the mechanism does not show it. Nothing of it is kept.
func (c Canary) Judge(peer, mechanism, account string, password []byte) CanaryHeard {
	h := CanaryHeard{Peer: peer, Route: c.Route, Mechanism: mechanism, Account: c.judgeAccount(account)}
	switch {
	case password == nil:
		h.Password = Arrived{As: []string{AsUnseen}}
	case mechanism == "CRAM-MD5":
		h.Password = c.judgeDigest(password)
	default:
		h.Password = compare(c.Password, string(password))
	}
	return h
}

// judgeDigest computes what the device computes (RFC 2195, section 2).
func (c Canary) judgeDigest(b []byte) Arrived {
	i := slices.Index(b, ' ')
	if i < 0 {
		return Arrived{As: []string{AsOther}}
	}
	mac := hmac.New(md5.New, []byte(c.Password))
	mac.Write(b[:i])
	if hex.EncodeToString(mac.Sum(nil)) == strings.ToLower(string(b[i+1:])) {
		return Arrived{As: []string{AsWhole}, Length: len(c.Password), Of: len(c.Password)}
	}
	return Arrived{As: []string{AsDiffers}}
}

// judgeAccount also looks for a realm: "account@realm", `REALM\account`.
func (c Canary) judgeAccount(got string) Arrived {
	a := compare(c.Account, got)
	if a.Known() || got == "" {
		return a
	}
	for _, sign := range []string{`\`, "/", "@", "%"} {
		for _, cut := range []struct{ name, realm string }{before(got, sign), after(got, sign)} {
			named := compare(c.Account, cut.name)
			marked := strings.HasPrefix(strings.ToLower(cut.name), strings.ToLower(mark))
			if cut.realm == "" || !marked || !named.Known() {
				continue
			}
			if named.Whole() {
				named.As = nil
			}
			named.As = append(named.As, AsRealm)
			named.Length, named.Realm = len(got), cut.realm
			return named
		}
	}
	return a
}

func before(s, sign string) struct{ name, realm string } {
	i := strings.LastIndex(s, sign)
	if i < 0 {
		return struct{ name, realm string }{}
	}
	return struct{ name, realm string }{s[:i], s[i+1:]}
}

func after(s, sign string) struct{ name, realm string } {
	realm, name, _ := strings.Cut(s, sign)
	return struct{ name, realm string }{name, realm}
}

// compare says what became of a text on its way.
func compare(shown, got string) Arrived {
	a := Arrived{Length: len(got), Of: len(shown)}
	for _, look := range []func(shown, got string, a *Arrived) bool{
		asWhole, asPadded, asCut, asTwice, asEscaped, asDropped, asDoubled, asChanged,
	} {
		if look(shown, got, &a) {
			return a
		}
	}
	a.As = []string{AsOther}
	return a
}

func asWhole(shown, got string, a *Arrived) bool {
	switch got {
	case "":
		a.As = []string{AsEmpty}
	case shown:
		a.As = []string{AsWhole}
	default:
		return false
	}
	return true
}

func asPadded(shown, got string, a *Arrived) bool {
	a.As = []string{AsPadded}
	return strings.Trim(got, " \t\x00") == shown
}

// fewest is how many characters of a canary must have come to be recognised.
const fewest = 6

// asCut also finds one in other letters.
func asCut(shown, got string, a *Arrived) bool {
	if len(got) < fewest || len(got) > len(shown) {
		return false
	}
	front, end := shown[:len(got)], shown[len(shown)-len(got):]
	a.As = nil
	switch {
	case len(got) == len(shown):
	case strings.EqualFold(front, got):
		a.As = []string{AsCut}
	default:
		front = end
		a.As = []string{AsCutFront}
	}
	switch {
	case !strings.EqualFold(front, got):
		return false
	case front == got:
	case got == strings.ToLower(front):
		a.As = append(a.As, AsLower)
	case got == strings.ToUpper(front):
		a.As = append(a.As, AsUpper)
	default:
		a.As = append(a.As, AsCase)
	}
	return true
}

func asTwice(shown, got string, a *Arrived) bool {
	a.As = []string{AsRepeated}
	return got == shown+shown
}

func asEscaped(shown, got string, a *Arrived) bool {
	a.As = []string{AsEscaped}
	path, err := url.PathUnescape(got)
	return err == nil && path == shown || html.UnescapeString(got) == shown
}

// asDropped finds what came without some of its characters, wherever they
// stood.
func asDropped(shown, got string, a *Arrived) bool {
	var missing []byte
	rest := got
	for i := range len(shown) {
		if rest != "" && rest[0] == shown[i] {
			rest = rest[1:]
			continue
		}
		missing, a.At = append(missing, shown[i]), append(a.At, i+1)
	}
	if rest != "" || len(missing) == 0 || len(got) < fewest || len(missing) > len(shown)/4 {
		a.At = nil
		return false
	}
	a.As, a.Characters = []string{AsDropped}, distinct(missing)
	return true
}

func asDoubled(shown, got string, a *Arrived) bool {
	for _, c := range distinct([]byte(shown)) {
		if strings.ReplaceAll(shown, string(c), string(c)+string(c)) == got {
			a.As, a.Characters = []string{AsDoubled}, string(c)
			return true
		}
	}
	return false
}

// asChanged finds what came with a few other characters, cut or not.
func asChanged(shown, got string, a *Arrived) bool {
	if len(got) < fewest || len(got) > len(shown) {
		return false
	}
	var gone []byte
	for i := range len(got) {
		if got[i] != shown[i] {
			gone, a.At = append(gone, shown[i]), append(a.At, i+1)
		}
	}
	if len(gone) > max(1, len(got)/4) {
		a.At = nil
		return false
	}
	a.As, a.Characters = []string{AsChanged}, distinct(gone)
	if len(got) < len(shown) {
		a.As = append(a.As, AsCut)
	}
	return true
}

// distinct is each character once, in the order met.
func distinct(b []byte) string {
	var out []byte
	for _, c := range b {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return string(out)
}

// CanaryJudgements lists how a canary can arrive.
func CanaryJudgements() []string {
	return []string{
		AsWhole, AsEmpty, AsCut, AsCutFront, AsLower, AsUpper, AsCase, AsPadded, AsRepeated, AsDropped,
		AsDoubled, AsChanged, AsEscaped, AsRealm, AsDiffers, AsUnseen, AsOther,
	}
}
