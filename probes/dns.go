package probes

import "net/netip"

// Asked is what came of a question to DNS.
type Asked string

// The outcomes of a question to DNS.
const (
	RecordFound   Asked = "found"
	RecordAbsent  Asked = "absent"  // the name, or a record of this type, does not exist
	RecordUnknown Asked = "unknown" // no answer, or one that cannot be read
)

// MailDNS is what DNS says about the mail of a domain.
type MailDNS struct {
	Domain string // in its ASCII form, lower case, without the last dot
	MX     MX
	SPF    SPF // of Domain, as the domain of MAIL FROM
	DKIM   []DKIM
	DMARC  DMARC // of the domain of the From header
	STS    STS
}

// MX is the answer about a domain's mail exchangers, best first.
type MX struct {
	Asked Asked
	Hosts []MXHost
	Null  bool // the domain takes no mail at all (RFC 7505)
}

// MXHost is one mail exchanger.
type MXHost struct {
	Name       string
	Preference int
	Addresses  []netip.Addr // none: the name leads nowhere
}

// SPF is a domain's SPF policy with everything that it includes (RFC 7208).
type SPF struct {
	Asked   Asked
	Records []string // of the domain itself; more than one is an error (section 4.5)
	// Parts are the policy and what it includes or redirects to, in the order
	// of evaluation, the domain's own first.
	Parts []SPFPart
	// Lookups counts the terms that make a receiver ask DNS, over all parts
	// and up to a limit beyond the ten that are allowed (section 4.6.4).
	Lookups int
	// Voids counts the questions without an answer, of which two are allowed.
	Voids int
	// Wrong is why the policy cannot be used, "" if it can: SPFSyntax and on.
	Wrong string
	// At is the term or the domain that is wrong.
	At string
	// Partial says that a part could not be had for want of an answer, or
	// depends on the message (macros), so that the counts are at least.
	Partial bool
	// Results are those of the addresses that were asked about.
	Results []SPFResult
}

// The reasons why an SPF policy cannot be used.
const (
	SPFSyntax  = "syntax"  // a term cannot be read
	SPFSeveral = "several" // more than one record
	SPFLoop    = "loop"    // it includes itself
	SPFMissing = "missing" // it includes a domain without a policy (section 5.2)
)

// All is the qualifier of the "all" that ends the policy: the domain's own, or
// that of where it redirects to; "" when there is none, which is as "?"
// (section 4.7).
func (s SPF) All() string {
	for _, p := range s.Parts {
		if p.All != "" && (p.Depth == 0 || p.Redirected) {
			return p.All
		}
	}
	return ""
}

// SPFPart is one record of a policy.
type SPFPart struct {
	Domain string
	Record string
	Depth  int // 0 for the domain's own
	// All is the qualifier of "all" in it, "+", "-", "~" or "?"; "" without.
	All string
	// Redirected says that the domain's own policy ends in this one, by one
	// redirect or several.
	Redirected bool
}

// SPFResult is what the policy says of one address (section 2.6).
type SPFResult struct {
	Address netip.Addr
	Sender  string // MAIL FROM
	Result  string // "pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"
}

// DKIM is the answer about one selector's key (RFC 6376 section 3.6.1).
type DKIM struct {
	Asked    Asked
	Selector string
	Revoked  bool   // a record without a key
	Testing  bool   // t=y
	Type     string // "rsa" or "ed25519"
	Bits     int    // of an RSA key; 0 when it cannot be read
}

// DMARC is the policy for the domain of the From header (RFC 7489).
type DMARC struct {
	Asked  Asked
	From   string // the domain asked for
	Domain string // where the record is: From, or a domain above it
	Record string
	// Policy applies to From: p, or sp where the record is of a domain above;
	// "none", "quarantine", "reject".
	Policy    string
	Percent   int
	StrictSPF bool // aspf=s
	StrictKey bool // adkim=s
	Reports   bool // rua is there
	Wrong     string
}

// STS is the answer about MTA-STS (RFC 8461).
type STS struct {
	Asked Asked // the record _mta-sts
	ID    string
	// Policy is the answer about the file at mta-sts.<domain>, which is fetched
	// only where the record is.
	Policy Asked
	Mode   string   // "enforce", "testing", "none"
	MX     []string // the patterns of the policy
	Wrong  string
}
