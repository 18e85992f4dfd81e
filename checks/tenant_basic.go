package checks

import (
	"strconv"
	"strings"
)

// judgeSecurityDefaults: they block Basic. Whether they stop OAuth over SMTP
// as well, the sources do not agree on.
func judgeSecurityDefaults(t *tenant) []Finding {
	switch {
	case t.Graph == nil || t.Graph.SecurityDefaults == nil:
		return one(Skip)
	case *t.Graph.SecurityDefaults:
		return one(Warn)
	}
	return one(Pass)
}

// judgeOrganization: the organisation's switch decides for every mailbox that
// has none of its own (Set-TransportConfig).
func judgeOrganization(t *tenant) []Finding {
	off, read := t.transport["SmtpClientAuthenticationDisabled"]
	switch {
	case !read:
		return by("tenant-state", judged(Skip))
	case isTrue(off):
		return one(Pass)
	}
	return one(Warn)
}

// judgePolicies says of every account that signs in with a password whether an
// authentication policy refuses it: its own, else the organisation's default.
// A policy covers Basic alone.
func judgePolicies(t *tenant) []Finding {
	_, read := t.organization["DefaultAuthenticationPolicy"]
	if t.policies == nil || t.usersPolicies == nil || !read {
		return by("tenant-state", judged(Skip))
	}
	var out []Finding
	for _, account := range t.Passwords {
		if policy := t.policyOf(account); t.blocks(policy) {
			out = append(out, by("basic-exception", judged(Fail, "mailbox", account, "policy", policy))...)
		}
	}
	if out == nil {
		return one(Pass, "policy", dashed(commonName(t.organization["DefaultAuthenticationPolicy"])))
	}
	return out
}

// policyOf is the name of the policy that an account is under.
func (t *tenant) policyOf(account string) string {
	if own := t.usersPolicies[strings.ToLower(account)]; own != "" {
		return commonName(own)
	}
	return commonName(t.organization["DefaultAuthenticationPolicy"])
}

// blocks tells whether a policy refuses Basic for SMTP; one that is not there
// refuses nothing.
func (t *tenant) blocks(policy string) bool {
	allows, there := t.policies[strings.ToLower(policy)]
	return there && !allows
}

// commonName is the name in a distinguished name.
func commonName(s string) string {
	name, isDN := strings.CutPrefix(s, "CN=")
	if !isDN {
		return s
	}
	name, _, _ = strings.Cut(name, ",")
	return name
}

func dashed(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// judgeOpen counts the mailboxes that SMTP AUTH is on for, and that no policy
// keeps from a password.
func judgeOpen(t *tenant) []Finding {
	if !t.allSwitches || t.transport == nil || t.policies == nil {
		return by("tenant-state", judged(Skip))
	}
	orgOff, n := isTrue(t.transport["SmtpClientAuthenticationDisabled"]), 0
	blocked := t.blocks(commonName(t.organization["DefaultAuthenticationPolicy"]))
	for address, own := range t.switches {
		if isTrue(own) || own == "" && orgOff {
			continue
		}
		if policy := t.usersPolicies[address]; policy != "" && t.blocks(commonName(policy)) || policy == "" && blocked {
			continue
		}
		n++
	}
	if n == 0 {
		return one(Pass)
	}
	return by("basic-block-pilot", judged(Warn, "count", strconv.Itoa(n)))
}
