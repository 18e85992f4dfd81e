package checks

import (
	"slices"

	"offbasic/probes"
)

// HostFrom says how a route's server is found.
type HostFrom string

// The ways to find a server.
const (
	HostOfCloud   HostFrom = "cloud"     // client submission, in the table of clouds
	HostFixed     HostFrom = "fixed"     // the same for everybody
	HostMX        HostFrom = "mx"        // the MX host of the accepted domain
	HostCatalogue HostFrom = "catalogue" // of the chosen provider
	HostGiven     HostFrom = "given"     // the admin says it
	HostGraph     HostFrom = "graph"     // no SMTP at all
)

// SignIn is what a sender proves itself with.
type SignIn string

// The ways to sign in.
const (
	ByToken       SignIn = "oauth"
	ByPassword    SignIn = "password"
	ByCertificate SignIn = "certificate" // the TLS client's
	ByNothing     SignIn = "none"        // the address it comes from, or nothing
)

// Whom says whom a route reaches.
type Whom string

// The reaches of a route.
const (
	Anybody    Whom = "anybody"
	TenantOnly Whom = "tenant"  // recipients in the accepted domains
	AsAllowed  Whom = "allowed" // as whoever runs the server allows
)

// FromRule says which envelope sender and which From a route takes.
type FromRule string

// The rules for From.
const (
	FromSendAs   FromRule = "send-as"  // the account's, or another with Send As
	FromAccount  FromRule = "account"  // the account's address only, envelope and header
	FromAccepted FromRule = "accepted" // an envelope sender in an accepted domain
	FromVerified FromRule = "verified" // an address of a domain that the service knows
	FromAny      FromRule = "any"
)

// Bound is a confirmed limit of a route, with who says so. The zero value is
// one that is not known.
type Bound struct {
	N int64
	// Millions says that the source gives whole megabytes and not which: N
	// counts in 1,000,000, and up to 1,048,576 of them nobody knows.
	Millions bool
	Source   string
}

// Way is what a trial over a route needs and may do.
type Way struct {
	Route probes.Route
	Host  HostFrom
	Name  string // of a fixed host
	Ports []int  // the first is the usual one
	TLS   probes.TLSMode
	// Plain says that a trial may be allowed to go in clear.
	Plain  bool
	SignIn []SignIn // the first is the usual one
	// Scope is what an app's token is asked with; "" means the cloud's.
	Scope string
	Reach Whom
	From  FromRule
	// Encoded says that the limit of the size holds for the message in base64.
	Encoded bool
	Size    Bound // bytes
	Count   Bound // recipients of one message
	// Effort is what has to be there first; the words are under "effort.<id>".
	Effort []string
}

// Sources of the limits.
const (
	sourceEHLO   = "EHLO of smtp.office365.com, 2025-11-23"
	sourceSubmit = "Microsoft Learn, SMTP submission improvements; office-docs-powershell, Set-Mailbox -RecipientLimits"
	sourceHVE    = "ercankskn/postfix-entra-relay, 2026-08-06"
	sourceACS    = "Microsoft Learn, Azure Communication Services, service limits for email"
	sourceGraph  = "HTTP 413 of Graph: The maximum request length supported is 4MB"
)

// Ways is the table of the routes that can be tried, in the order of the
// routes, and what is done today at the end.
func Ways() []Way {
	submission := Way{
		Host: HostOfCloud, TLS: probes.StartTLS, Reach: Anybody, From: FromSendAs,
		Size: Bound{N: 157286400, Source: sourceEHLO}, Count: Bound{N: 1000, Source: sourceSubmit},
	}
	mx := Way{Host: HostMX, Ports: []int{25}, TLS: probes.StartTLS, From: FromAccepted}
	return []Way{
		with(submission, func(w *Way) {
			w.Route, w.SignIn = probes.OAuth, []SignIn{ByToken}
			w.Effort = []string{"app", "consent", "service-principal", "mailbox-right", "smtp-auth", "device-oauth"}
		}),
		{
			Route: probes.HVE, Host: HostFixed, Name: "smtp.hve.mx.microsoft", Ports: []int{587}, TLS: probes.StartTLS,
			SignIn: []SignIn{ByToken, ByPassword}, Reach: TenantOnly, From: FromAccount,
			Size: Bound{10_000_000, true, sourceHVE}, Count: Bound{N: 50, Source: sourceHVE},
			Effort: []string{"billing", "hve-account", "device-account"},
		},
		with(mx, func(w *Way) {
			w.Route, w.SignIn, w.Reach = probes.Connector, []SignIn{ByNothing, ByCertificate}, Anybody
			w.Effort = []string{"fixed-address", "connector", "spf", "device-host"}
		}),
		with(mx, func(w *Way) {
			w.Route, w.SignIn, w.Reach = probes.Direct, []SignIn{ByNothing}, TenantOnly
			w.Effort = []string{"spf", "device-host"}
		}),
		{
			Route: probes.ACS, Host: HostFixed, Name: "smtp.azurecomm.net", Ports: []int{587, 25}, TLS: probes.StartTLS,
			SignIn: []SignIn{ByPassword}, Reach: Anybody, From: FromVerified,
			Size: Bound{10_000_000, true, sourceACS}, Count: Bound{N: 50, Source: sourceACS},
			Effort: []string{"azure", "verified-domain", "app", "device-account"},
		},
		{
			Route: probes.Graph, Host: HostGraph, Ports: []int{443}, TLS: probes.Implicit,
			SignIn: []SignIn{ByToken}, Reach: Anybody, From: FromSendAs,
			Encoded: true, Size: Bound{4_000_000, true, sourceGraph}, Count: Bound{N: 1000, Source: sourceSubmit},
			Effort: []string{"app", "consent", "software"},
		},
		{
			Route: probes.Relay, Host: HostGiven, Ports: []int{25, 587}, TLS: probes.StartTLS, Plain: true,
			SignIn: []SignIn{ByNothing, ByPassword}, Reach: AsAllowed, From: FromAny,
			Effort: []string{"machine", "device-host"},
		},
		{
			Route: probes.Provider, Host: HostCatalogue, Ports: []int{587}, TLS: probes.StartTLS,
			SignIn: []SignIn{ByPassword}, Reach: Anybody, From: FromVerified,
			Effort: []string{"provider-account", "spf", "dkim", "device-account"},
		},
		with(submission, func(w *Way) { w.Route, w.SignIn = probes.Basic, []SignIn{ByPassword} }),
	}
}

func with(w Way, change func(*Way)) Way {
	change(&w)
	return w
}

// WayOf finds the way of a route; one that cannot be tried has none.
func WayOf(r probes.Route) (Way, bool) {
	all := Ways()
	i := slices.IndexFunc(all, func(w Way) bool { return w.Route == r })
	if i < 0 {
		return Way{}, false
	}
	return all[i], true
}

// Service is a third-party SMTP service of the catalogue.
type Service struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Host string `json:"host"`
	// Region says that the host has a region in it: "{region}".
	Region bool  `json:"region,omitempty"`
	Ports  []int `json:"ports"`
	// Implicit are the ports on which TLS begins with the connection.
	Implicit []int `json:"implicit,omitempty"`
	// User is the account name where it is the same for everybody; what the
	// login is made of is under "provider.<id>.login".
	User       string `json:"user,omitempty"`
	Source     string `json:"source"`
	Confidence string `json:"confidence"`
}

// Services is the catalogue of third-party SMTP services.
func Services() []Service { return read[Service]("providers.json") }

// ServiceByID finds a service.
func ServiceByID(id string) (Service, bool) {
	all := Services()
	i := slices.IndexFunc(all, func(s Service) bool { return s.ID == id })
	if i < 0 {
		return Service{}, false
	}
	return all[i], true
}
