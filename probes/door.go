package probes

import "net/netip"

// Door is what was met at one address of a mail server's port.
type Door struct {
	Address netip.Addr
	Outcome DialOutcome
	Cause   string // of what is not connected, and of a server that said nothing
	MS      float64
	Banner  string // without its code
	// Capabilities are the lines of the reply to EHLO after the first.
	Capabilities []string
	STARTTLS     bool
	// Rewritten is what shows that something on the way changes SMTP:
	// "banner_masked" (a banner of stars), "starttls_masked" (XXXXXXXA in place
	// of STARTTLS), "not_smtp" (another protocol answers); "" for nothing.
	Rewritten string
}

// Handshake is what a server's TLS is like.
type Handshake struct {
	Host    string
	Port    int
	Address netip.Addr
	Mode    TLSMode
	Name    string // that the certificate must have
	// Versions are those that the server takes, oldest first: each was tried.
	Versions []string
	Version  string // agreed on with everything on offer
	Suite    string
	Verified bool
	// Problem is why the certificate does not stand: "name", "expired",
	// "early", "untrusted", "chain"; "" when it does.
	Problem string
	Cause   string
	Chain   []Certificate // as the server sent it, its own first
}
