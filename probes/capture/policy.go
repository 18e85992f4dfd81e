package capture

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Policy is how the server behaves: what it offers and what it answers. It is
// data; ReadPolicy reads one from JSON.
//
// Texts may hold {host}, {peer}, {date} (RFC 5322) and {id} (of the session).
type Policy struct {
	Name string `json:"name"`
	// Host is the server's name in its texts and in its certificate.
	Host string `json:"host,omitempty"`
	// Greeting is the text after 220.
	Greeting string `json:"greeting,omitempty"`
	// Hello is the first line of the answer to EHLO and HELO.
	Hello string `json:"hello,omitempty"`
	// EHLO are the further lines without TLS, EHLOTLS those inside TLS.
	EHLO    []string `json:"ehlo,omitempty"`
	EHLOTLS []string `json:"ehlo_tls,omitempty"`
	// Mechanisms are what AUTH takes, announced or not. Others get 504.
	Mechanisms []string `json:"mechanisms,omitempty"`
	// LoginPrompts are sent after 334 for the account and the password of
	// AUTH LOGIN, as they are. Empty means Exchange's, which are base64.
	LoginPrompts []string `json:"login_prompts,omitempty"`
	// Challenge is sent after 334 where a mechanism begins with the client.
	Challenge string `json:"challenge,omitempty"`
	// Replies by what is answered: a command ("MAIL"), "AUTH LOGIN" for one
	// mechanism, "MESSAGE" for the end of data, "UNAUTHENTICATED" for MAIL
	// without sign-in. A reply of several lines holds "\n". One that begins
	// with 421 ends the connection. An AUTH reply of 500 to 504, 530, 534 or
	// 538 is given to the command, any other to the credentials. "POP3" is the
	// answer to a password over POP3: "+OK ..." or "-ERR ...".
	Replies map[string]string `json:"replies,omitempty"`
	// Delays by the same keys, and "GREETING", in milliseconds, at most 60000.
	Delays map[string]int `json:"delays_ms,omitempty"`
	// RequireAuth refuses MAIL before sign-in, RequireTLS AUTH and MAIL before
	// TLS.
	RequireAuth bool `json:"require_auth,omitempty"`
	RequireTLS  bool `json:"require_tls,omitempty"`
	// TLSMin and TLSMax are "1.0" to "1.3"; empty means no bound.
	TLSMin string `json:"tls_min,omitempty"`
	TLSMax string `json:"tls_max,omitempty"`

	// Asked and Alone are written into the session: the sender that is
	// interviewed, and that its admin was told to leave the device alone.
	Asked string `json:"-"`
	Alone bool   `json:"-"`
}

// Base64 of "Username:" and "Password:", as Exchange prompts.
const (
	promptUsername = "VXNlcm5hbWU6"
	promptPassword = "UGFzc3dvcmQ6"
)

// The replies that the built-in policies share, worded as Exchange words them.
const (
	replyAuthOK          = "235 2.7.0 Authentication successful"
	replyUnauthenticated = "530 5.7.57 Client not authenticated to send mail."
	replyRetired         = "550 5.7.30 Basic authentication is not supported for Client Submission."
	replyUnknownMech     = "504 5.7.4 Unrecognized authentication type"
	replyNeedTLS         = "530 5.7.0 Must issue a STARTTLS command first"
)

// PolicyNames lists the built-in policies.
func PolicyNames() []string {
	var names []string
	for _, p := range policies() {
		names = append(names, p.Name)
	}
	return names
}

// PolicyNamed finds a built-in policy.
func PolicyNamed(name string) (Policy, bool) {
	for _, p := range policies() {
		if p.Name == name {
			return p, true
		}
	}
	return Policy{}, false
}

// policies are the built-in ones. The EHLO lines of Exchange Online are those
// of a session of smtp.office365.com recorded in November 2025.
func policies() []Policy {
	exchange := Policy{
		Name: "exchange", Host: "smtp.office365.com",
		Greeting: "{host} Microsoft ESMTP MAIL Service ready at {date}",
		Hello:    "{host} Hello [{peer}]",
		EHLO: []string{
			"SIZE 157286400", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS",
			"8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8",
		},
		EHLOTLS: []string{
			"SIZE 157286400", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "AUTH LOGIN XOAUTH2",
			"8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8",
		},
		Mechanisms:  []string{"LOGIN", "XOAUTH2", "PLAIN", "OAUTHBEARER", "CRAM-MD5", "NTLM"},
		Replies:     map[string]string{"UNAUTHENTICATED": replyUnauthenticated},
		RequireAuth: true,
	}
	return []Policy{
		exchange,
		exchange.but(func(p *Policy) {
			p.Name = "retired"
			for _, m := range []string{"LOGIN", "PLAIN", "CRAM-MD5", "NTLM"} {
				p.Replies["AUTH "+m] = replyRetired
			}
			p.Replies[popPassword] = popRefused // POP3 takes no password since October 2022
		}),
		exchange.but(func(p *Policy) {
			p.Name = "oauth-only"
			p.EHLOTLS[slices.Index(p.EHLOTLS, "AUTH LOGIN XOAUTH2")] = "AUTH XOAUTH2"
			p.Mechanisms = []string{"XOAUTH2"}
			p.Replies[popPassword] = popRefused
		}),
		exchange.but(func(p *Policy) {
			p.Name, p.Host = "relay", "mail.protection.outlook.com"
			p.withoutAuth()
		}),
		exchange.but(func(p *Policy) {
			p.Name = "no-tls"
			p.EHLO = slices.DeleteFunc(p.EHLOTLS, func(l string) bool { return strings.HasPrefix(l, "AUTH") })
			p.EHLO = append(p.EHLO, "AUTH LOGIN PLAIN")
			p.RequireAuth = false
		}),
		exchange.but(func(p *Policy) {
			p.Name, p.TLSMin, p.RequireTLS = "tls12-only", "1.2", true
		}),
		exchange.but(func(p *Policy) {
			p.Name, p.Host = "hve", "smtp.hve.mx.microsoft"
			p.TLSMin, p.RequireTLS = "1.2", true
		}),
		exchange.but(func(p *Policy) {
			p.Name, p.RequireAuth = "everything", false
			const auth = "AUTH LOGIN PLAIN CRAM-MD5 NTLM XOAUTH2 OAUTHBEARER"
			const old = "AUTH=LOGIN PLAIN" // for clients older than RFC 2554
			p.EHLO = append(p.EHLO, auth, old)
			p.EHLOTLS[slices.Index(p.EHLOTLS, "AUTH LOGIN XOAUTH2")] = auth
			p.EHLOTLS = append(p.EHLOTLS, old)
		}),
	}
}

// but is a changed copy of p that shares nothing with it.
func (p Policy) but(change func(*Policy)) Policy {
	p.EHLO, p.EHLOTLS = slices.Clone(p.EHLO), slices.Clone(p.EHLOTLS)
	replies := map[string]string{}
	maps.Copy(replies, p.Replies)
	p.Replies = replies
	change(&p)
	return p
}

func (p *Policy) withoutAuth() {
	p.EHLOTLS = slices.DeleteFunc(p.EHLOTLS, func(l string) bool { return strings.HasPrefix(l, "AUTH") })
	p.Mechanisms, p.RequireAuth = nil, false
}

// reply is the policy's answer for the first of keys that it has one for.
func (p Policy) reply(def string, keys ...string) string {
	for _, k := range keys {
		if r, ok := p.Replies[k]; ok {
			return r
		}
	}
	return def
}

// delay is how long the answer for the first known key is held back.
func (p Policy) delay(keys ...string) time.Duration {
	for _, k := range keys {
		if ms, ok := p.Delays[k]; ok {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return 0
}

// takes tells whether AUTH with this mechanism is gone through with.
func (p Policy) takes(mechanism string) bool { return slices.Contains(p.Mechanisms, mechanism) }

// announces tells whether one of the EHLO lines begins with the word.
func (p Policy) announces(inTLS bool, word string) bool {
	return slices.ContainsFunc(p.lines(inTLS), func(l string) bool {
		first, _, _ := strings.Cut(l, " ")
		return strings.EqualFold(first, word)
	})
}

// announcesAuth tells whether AUTH with the mechanism is announced.
func (p Policy) announcesAuth(inTLS bool, mechanism string) bool {
	return slices.ContainsFunc(p.lines(inTLS), func(l string) bool {
		words := strings.Fields(strings.ToUpper(strings.Replace(l, "=", " ", 1)))
		return len(words) > 1 && words[0] == "AUTH" && slices.Contains(words[1:], mechanism)
	})
}

func (p Policy) lines(inTLS bool) []string {
	if inTLS {
		return p.EHLOTLS
	}
	return p.EHLO
}
