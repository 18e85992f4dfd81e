package wizard

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// ScriptValues is what scripts are written about. A script needs some of them;
// the names of those that are empty have a default.
type ScriptValues struct {
	App     Registration
	Mailbox string

	Mailboxes     []string // several mailboxes, where a script takes them; else Mailbox
	Outside       string   // a mailbox that the app must not reach
	SendAs        []string // addresses that the app may send as beside its mailbox
	Group         string   // a distribution or mail-enabled security group
	Scope         string   // name of the management scope
	Addresses     []string // public IPv4 addresses or ranges, /24 to /32
	Certificate   string   // name in the certificate: a domain, or *.domain
	Connector     string   // name of the connector
	HVE           string   // address of the High Volume Email account
	BillingPolicy string   // GUID of the billing policy
	DisplayName   string   // name of a new mailbox or account
	Policy        string   // name of the authentication policy
	Server        string   // name of the Exchange server on the premises
	Ranges        []string // addresses on the premises that may relay
}

// ScriptInput is one value that a script is told. Its words are under
// "script.value.<name>".
type ScriptInput struct {
	Name string // of the flag, too: "client-id"
	// Exactly one of the two finds the value.
	Text func(*ScriptValues) *string
	List func(*ScriptValues) *[]string

	valid func(string) error
}

// Placeholder stands for the value while it is not known. Nothing in Microsoft
// 365 or Exchange can have such a name.
func (i ScriptInput) Placeholder() string { return "<" + i.Name + ">" }

// ScriptInputs lists every value that some script is told.
func ScriptInputs() []ScriptInput {
	one := func(name string, at func(*ScriptValues) *string, valid func(string) error) ScriptInput {
		return ScriptInput{Name: name, Text: at, valid: valid}
	}
	many := func(name string, at func(*ScriptValues) *[]string, valid func(string) error) ScriptInput {
		return ScriptInput{Name: name, List: at, valid: valid}
	}
	return []ScriptInput{
		one("client-id", func(v *ScriptValues) *string { return &v.App.ClientID }, guid),
		one("object-id", func(v *ScriptValues) *string { return &v.App.ObjectID }, guid),
		one("app-name", func(v *ScriptValues) *string { return &v.App.Name }, appName),
		many("mailbox", func(v *ScriptValues) *[]string { return &v.Mailboxes }, address),
		one("outside", func(v *ScriptValues) *string { return &v.Outside }, address),
		many("send-as", func(v *ScriptValues) *[]string { return &v.SendAs }, address),
		one("group", func(v *ScriptValues) *string { return &v.Group }, objectName),
		one("scope", func(v *ScriptValues) *string { return &v.Scope }, objectName),
		many("address", func(v *ScriptValues) *[]string { return &v.Addresses }, publicIPv4),
		one("certificate", func(v *ScriptValues) *string { return &v.Certificate }, certificateName),
		one("connector", func(v *ScriptValues) *string { return &v.Connector }, objectName),
		one("hve", func(v *ScriptValues) *string { return &v.HVE }, address),
		one("billing-policy", func(v *ScriptValues) *string { return &v.BillingPolicy }, guid),
		one("display-name", func(v *ScriptValues) *string { return &v.DisplayName }, objectName),
		one("policy", func(v *ScriptValues) *string { return &v.Policy }, objectName),
		one("server", func(v *ScriptValues) *string { return &v.Server }, hostName),
		many("range", func(v *ScriptValues) *[]string { return &v.Ranges }, relayRange),
	}
}

// Errors of the values of scripts.
var (
	ErrMissing     = errors.New("not given")
	ErrAddress     = errors.New("not an address like scan@contoso.example")
	ErrPublicIPv4  = errors.New("not a public IPv4 address or range from /24 to /32, like 203.0.113.10")
	ErrRange       = errors.New("not an address or a range within one /16 (IPv4) or /64 (IPv6), like 192.168.1.10 or 192.168.1.0/24")
	ErrCertificate = errors.New("not a name in a certificate like relay.contoso.example or *.contoso.example")
	ErrHost        = errors.New("not the name of a server")
	ErrName        = errors.New("not a name: 1 to 64 characters without control characters, none of , * \" \\ < >")
	ErrAppName     = errors.New("not the name of an app: 1 to 256 characters without control characters")
	ErrApostrophe  = errors.New("holds a typographic apostrophe, which no address has: write ' instead")
	ErrSameMailbox = errors.New("the mailbox outside the scope is the one inside")
)

// ValueError is a value that a script cannot be written with.
type ValueError struct {
	Name  string // of the ScriptInput
	Err   error  // ErrMissing, or what is wrong with it
	Value string // that is wrong, if one is
}

func (e *ValueError) Error() string {
	if e.Value != "" {
		return fmt.Sprintf("%s: %q: %v", e.Name, e.Value, e.Err)
	}
	return e.Name + ": " + e.Err.Error()
}
func (e *ValueError) Unwrap() error { return e.Err }

// Validate says everything that is missing or wrong for a script, as joined
// *ValueError. A value that the script does not use is not looked at.
func (v ScriptValues) Validate(script string) error {
	v.Mailboxes = v.mailboxes()
	s, _ := scriptEntryNamed(script)
	var errs []error
	for _, in := range ScriptInputs() {
		needed := slices.Contains(s.needs, in.Name)
		if needed || slices.Contains(s.takes, in.Name) {
			errs = append(errs, in.wrong(in.values(v), needed)...)
		}
	}
	if slices.Contains(s.needs, "object-id") && v.App.ObjectID != "" && v.App.ObjectID == v.App.ClientID {
		errs = append(errs, &ValueError{Name: "object-id", Err: ErrSameID})
	}
	if slices.Contains(s.needs, "outside") && v.Outside != "" && strings.EqualFold(v.Outside, v.mailbox()) {
		errs = append(errs, &ValueError{Name: "outside", Err: ErrSameMailbox})
	}
	return errors.Join(errs...)
}

func (i ScriptInput) wrong(values []string, needed bool) []error {
	var errs []error
	if needed && len(values) == 0 {
		errs = append(errs, &ValueError{Name: i.Name, Err: ErrMissing})
	}
	for _, value := range values {
		if err := i.valid(value); err != nil {
			errs = append(errs, &ValueError{Name: i.Name, Err: err, Value: value})
		}
	}
	return errs
}

// values are what is given for an input; empty texts are none.
func (i ScriptInput) values(v ScriptValues) []string {
	if i.List != nil {
		return *i.List(&v)
	}
	if s := *i.Text(&v); s != "" {
		return []string{s}
	}
	return nil
}

// Filled puts placeholders for what a script needs and v does not have, and
// names what they stand for.
func (v ScriptValues) Filled(script string) (ScriptValues, []string) {
	var missing []string
	v.Mailboxes = v.mailboxes()
	s, _ := scriptEntryNamed(script)
	for _, in := range ScriptInputs() {
		if !slices.Contains(s.needs, in.Name) || len(in.values(v)) > 0 {
			continue
		}
		missing = append(missing, in.Name)
		if in.List != nil {
			*in.List(&v) = []string{in.Placeholder()}
		} else {
			*in.Text(&v) = in.Placeholder()
		}
	}
	return v, missing
}

// mailboxes are all that were named, by either field.
func (v ScriptValues) mailboxes() []string {
	if v.Mailbox == "" || slices.Contains(v.Mailboxes, v.Mailbox) {
		return v.Mailboxes
	}
	return append([]string{v.Mailbox}, v.Mailboxes...)
}

// mailbox is the one that a script for one mailbox is about.
func (v ScriptValues) mailbox() string {
	if all := v.mailboxes(); len(all) > 0 {
		return all[0]
	}
	return ""
}

// or is the value, or else the default of it.
func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func guid(s string) error {
	if !IsGUID(s) {
		return ErrGUID
	}
	return nil
}

func fits(s, pattern string, otherwise error) error {
	if !regexp.MustCompile(pattern).MatchString(s) {
		return otherwise
	}
	return nil
}

const domainPattern = `[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`

const addressPattern = "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@" + domainPattern

// address takes the atoms of RFC 5321, section 4.1.2, without quoted ones.
func address(s string) error {
	if strings.ContainsAny(s, "‘’‚‛") && fits(strings.NewReplacer("‘", "'", "’", "'", "‚", "'", "‛", "'").Replace(s), addressPattern, ErrAddress) == nil {
		return ErrApostrophe
	}
	return fits(s, addressPattern, ErrAddress)
}

func certificateName(s string) error { return fits(s, `^(\*\.)?`+domainPattern, ErrCertificate) }
func hostName(s string) error {
	return fits(s, `^[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9][A-Za-z0-9-]*)*$`, ErrHost)
}

// objectName takes what Exchange takes as a name everywhere (New-AuthenticationPolicy
// and New-ManagementRoleAssignment: at most 64 characters), and nothing that
// means something in an identity or a distinguished name.
func objectName(s string) error {
	runes := []rune(s)
	if len(runes) > 64 || strings.TrimSpace(s) == "" || strings.ContainsAny(s, `,*"\<>`) || slices.ContainsFunc(runes, unicode.IsControl) {
		return ErrName
	}
	return nil
}

// appName takes what Entra takes as the display name of an app (Microsoft Graph
// v1.0, resource type application: at most 256 characters). It is only shown:
// nothing is looked up by it, and quotes are quoted.
func appName(s string) error {
	runes := []rune(s)
	if len(runes) > 256 || strings.TrimSpace(s) == "" || slices.ContainsFunc(runes, unicode.IsControl) {
		return ErrAppName
	}
	return nil
}

// publicIPv4 takes what an inbound connector takes: IPv4, /24 to /32, no IPv6
// (New-InboundConnector, -SenderIPAddresses), and an address that Microsoft
// can see.
func publicIPv4(s string) error {
	p, err := prefix(s)
	a := p.Addr()
	if err != nil || !a.Is4() || p.Bits() < 24 || a.IsPrivate() || !a.IsGlobalUnicast() {
		return ErrPublicIPv4
	}
	return nil
}

func prefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	a, err := netip.ParseAddr(s)
	return netip.PrefixFrom(a, a.BitLen()), err
}

// relayRange takes the forms of New-ReceiveConnector, -RemoteIPRanges, but for
// ranges so wide that they would make an open relay, and for addresses with
// the name of an interface of this machine.
func relayRange(s string) error {
	if strings.Contains(s, "%") {
		return ErrRange
	}
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		p, err := prefix(s)
		if err != nil || p.Bits() < narrowest(p.Addr()) {
			return ErrRange
		}
		return nil
	}
	a, err := netip.ParseAddr(from)
	b, err2 := netip.ParseAddr(to)
	if err != nil || err2 != nil || a.BitLen() != b.BitLen() || b.Less(a) {
		return ErrRange
	}
	if !netip.PrefixFrom(a, narrowest(a)).Contains(b) {
		return ErrRange
	}
	return nil
}

// narrowest is the shortest prefix that a relay may be open for: one site.
func narrowest(a netip.Addr) int {
	if a.Is4() {
		return 16
	}
	return 64
}
