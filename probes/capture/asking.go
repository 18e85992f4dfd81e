package capture

import (
	"slices"
	"strings"
)

// WithoutTLS behind the name of a policy takes STARTTLS out of it and
// announces in clear what it announces inside TLS: for a device that refuses
// the certificate, or that has no TLS.
const WithoutTLS = "+no-tls"

// Asking finds the policy that asks a client something: a built-in one, or one
// of those for the dialogue of the sign-in, with or without WithoutTLS.
func Asking(name string) (Policy, bool) {
	base, clear := strings.CutSuffix(name, WithoutTLS)
	p, ok := PolicyNamed(base)
	if !ok {
		all := dialogues()
		i := slices.IndexFunc(all, func(d Policy) bool { return d.Name == base })
		if i < 0 {
			return Policy{}, false
		}
		p = all[i]
	}
	if clear {
		p = p.but(func(p *Policy) {
			p.Name, p.EHLO, p.RequireTLS = name, slices.Clone(p.EHLOTLS), false
		})
	}
	return p, true
}

// AskingNames lists the policies that ask about the dialogue of the sign-in.
func AskingNames() []string {
	var names []string
	for _, p := range dialogues() {
		names = append(names, p.Name)
	}
	return names
}

// Prompts of AUTH LOGIN other than Exchange's: the text of
// draft-murchison-sasl-login in base64, and texts that are no base64 at all.
const (
	promptUserNameNUL = "VXNlciBOYW1lAA==" // "User Name\0"
	promptPasswordNUL = "UGFzc3dvcmQA"     // "Password\0"
)

// dialogues ask how a client signs in: which prompts it understands, which
// mechanism it takes when there is no other, what it does when the one that it
// chose is refused.
func dialogues() []Policy {
	base, _ := PolicyNamed("exchange")
	offering := func(name, auth string, change func(*Policy)) Policy {
		return base.but(func(p *Policy) {
			p.Name = name
			p.EHLOTLS[slices.IndexFunc(p.EHLOTLS, func(l string) bool { return strings.HasPrefix(l, "AUTH ") })] = "AUTH " + auth
			p.Mechanisms = strings.Fields(auth)
			if change != nil {
				change(p)
			}
		})
	}
	prompting := func(name, account, password string) Policy {
		return offering(name, "LOGIN", func(p *Policy) { p.LoginPrompts = []string{account, password} })
	}
	const passwords = "LOGIN PLAIN CRAM-MD5 NTLM"
	refusing := func(name, reply string) Policy {
		return offering(name, passwords, func(p *Policy) { p.Replies["AUTH"] = reply })
	}
	everything, _ := PolicyNamed("everything")
	return []Policy{
		offering("login-only", "LOGIN", nil),
		offering("plain-only", "PLAIN", nil),
		offering("cram-md5-only", "CRAM-MD5", nil),
		offering("ntlm-only", "NTLM", nil),
		offering("oauthbearer-only", "OAUTHBEARER", nil),
		prompting("prompts-plain", "Username:", "Password:"),
		prompting("prompts-draft", promptUserNameNUL, promptPasswordNUL),
		prompting("prompts-words", "Account name", "Pass phrase"),
		refusing("fallback-504", replyUnknownMech),
		refusing("fallback-535", "535 5.7.3 Authentication unsuccessful"),
		offering("helo-only", passwords, func(p *Policy) { p.Replies["EHLO"] = "502 5.3.3 Command not implemented" }),
		everything.but(func(p *Policy) { // announces what shows a password as it was typed
			p.Name = "canary"
			for _, lines := range [][]string{p.EHLO, p.EHLOTLS} {
				for i, l := range lines {
					if strings.HasPrefix(l, "AUTH ") {
						lines[i] = "AUTH LOGIN PLAIN"
					}
				}
			}
		}),
		everything.but(func(p *Policy) {
			p.Name, p.Replies["MESSAGE"] = "deferred", "451 4.3.2 Temporary server error. Please try again later"
		}),
	}
}
