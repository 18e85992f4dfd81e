package submit

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"offbasic/probes"
)

// check looks at every value that will be part of a command, before anything
// is sent: none may carry a command of its own.
func (r Request) check() (step string, fault *probes.Fault) {
	switch {
	case r.MX != "" && !isHost(r.MX):
		return probes.StepDNS, bad(HostInvalid, "host", r.MX)
	case r.MX == "" && !isHost(r.Host) || r.Port < 1 || r.Port > 65535:
		return probes.StepConnect, bad(HostInvalid, "host", r.Host)
	case !isHost(r.Hello):
		return probes.StepEHLO, bad(HostInvalid, "host", r.Hello)
	case r.oauth() && r.TLS == probes.NoTLS:
		return probes.StepToken, &probes.Fault{Op: "sign in", Code: TokenInClear}
	case r.signsIn() && r.Credential == nil:
		return probes.StepAUTH, bad(CredentialInvalid, "", "")
	case r.signsIn() && (r.Account == "" || len(r.Account) > maxAddress || !printable(r.Account)):
		return probes.StepAUTH, bad(AccountInvalid, "account", r.Account)
	case r.From != "" && !IsAddress(r.From):
		return probes.StepMAIL, bad(AddressMalformed, "address", r.From)
	case len(r.To) == 0:
		return probes.StepRCPT, bad(NoRecipient, "", "")
	case len(r.Message) == 0:
		return probes.StepDATA, bad(NoMessage, "", "")
	}
	for _, to := range r.To {
		if !IsAddress(to) {
			return probes.StepRCPT, bad(AddressMalformed, "address", to)
		}
	}
	return "", nil
}

func bad(code probes.Code, key, value string) *probes.Fault {
	f := &probes.Fault{Op: "prepare the test send", Code: code, Err: errors.New(string(code))}
	if key != "" {
		f = f.With(key, probes.Clean(value, 200))
	}
	return f
}

// maxAddress is the longest address, in bytes (RFC 5321 section 4.5.3.1).
const maxAddress = 320

// IsAddress tells what can stand between the angle brackets of MAIL and RCPT.
// Whether the mailbox exists is the server's to say.
func IsAddress(s string) bool {
	i := strings.LastIndexByte(s, '@')
	if i < 1 || i == len(s)-1 || len(s) > maxAddress || !printable(s) {
		return false
	}
	local, domain := s[:i], s[i+1:]
	quoted := len(local) > 2 && local[0] == '"' && local[len(local)-1] == '"'
	return !strings.ContainsAny(domain, " <>\"@,;") && (quoted || !strings.ContainsAny(local, " <>\"@,;:\\()"))
}

// isHost tells a name or an address.
func isHost(s string) bool {
	return s != "" && len(s) <= 255 && strings.IndexFunc(s, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune(".-_:%", c)
	}) < 0
}

// printable tells a text without control characters.
func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c > unicode.MaxASCII }) < 0
}
