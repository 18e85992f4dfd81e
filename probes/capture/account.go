package capture

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
)

// accountOf is the name in what was sent where an account belongs: up to the
// first space, line end, NUL or colon, since devices write "name password" and
// "name:password" there. Names with a backslash or with "|", as
// those of Azure Communication Services, are whole. more tells that something
// stood behind it.
func accountOf(b []byte) (account string, more bool) {
	b = bytes.TrimSpace(b)
	b = bytes.TrimRight(b, "\x00") // the end of a string in C
	if len(b) > 1 && b[0] == '"' && b[len(b)-1] == '"' {
		b = b[1 : len(b)-1]
	}
	if i := bytes.IndexFunc(b, endsAccount); i >= 0 {
		b, more = b[:i], true
	}
	return clean(b, keptName), more
}

// endsAccount tells what no account name holds.
func endsAccount(r rune) bool {
	return r == ':' || r <= 1 || unicode.IsSpace(r)
}

// name takes the account from what was sent for it.
func (d *dialogue) name(b []byte) {
	account, more := accountOf(b)
	d.auth.Account = account
	if more {
		d.quirks = append(d.quirks, quirkAccountAndMore)
	}
}

// bearerName takes the account of XOAUTH2 and OAUTHBEARER, whose fields may
// have been written with a separator of the device's own: "^A", "\x01", a
// space or none.
func (d *dialogue) bearerName(b []byte) {
	cut := bytes.IndexAny(b, `^\`)
	if i := bytes.Index(bytes.ToLower(b), []byte("auth=")); i >= 0 && (cut < 0 || i < cut) {
		cut = i
	}
	if cut >= 0 {
		d.quirks = append(d.quirks, quirkAccountAndMore)
		b = b[:cut]
	}
	d.name(b)
}

// pair takes an account and a password, exchanged where the password is an
// address and the account is none. The password is told, and both are wiped; n
// is how long it was.
func (d *dialogue) pair(account, password []byte) (n int) {
	defer clear(account)
	defer clear(password)
	d.password = true
	if len(account) > 0 && !bytes.ContainsAny(account, `@\`) && isAddress(password) {
		d.quirks = append(d.quirks, quirkLoginSwapped)
		account, password = password, account
	}
	d.name(account)
	n = len(password)
	d.notePassword(n)
	d.tell(password)
	return n
}

// swapped tells that the account came as the password.
func (d *dialogue) swapped() bool { return slices.Contains(d.quirks, quirkLoginSwapped) }

// isAddress tells an e-mail address. It is strict, since many a password holds
// an "@": what follows must be a domain of two labels at least, the last of
// letters.
func isAddress(b []byte) bool {
	local, domain, ok := bytes.Cut(bytes.TrimSpace(b), []byte("@"))
	if !ok || len(local) == 0 || bytes.ContainsFunc(local, func(r rune) bool { return !isAtom(r) }) {
		return false
	}
	labels := bytes.Split(domain, []byte("."))
	for i, l := range labels {
		last := i == len(labels)-1
		if len(l) == 0 || last && len(l) < 2 || bytes.ContainsFunc(l, func(r rune) bool {
			return !isLetterRune(r) && (last || r != '-' && (r < '0' || r > '9'))
		}) {
			return false
		}
	}
	return len(labels) > 1
}

// isAtom tells the characters of the names of mailboxes.
func isAtom(r rune) bool {
	return isLetterRune(r) || r >= '0' && r <= '9' || strings.ContainsRune("._-+'", r)
}

func isLetterRune(r rune) bool { return r < 0x80 && isLetter(byte(r)) }

// hold keeps the first answer of AUTH LOGIN, which may be the password, until
// the second has come.
func (d *dialogue) hold(first []byte) {
	d.first = first
	d.shown = heldAccount(len(first))
}

// heldAccount stands in the transcript for an answer that is not yet known to
// be the account.
func heldAccount(n int) string { return hidden("account", n) }

// settle ends the wait for the second answer, where it did not come: only an
// address is surely the account.
func (d *dialogue) settle() {
	if d.first == nil {
		return
	}
	if account, _ := accountOf(d.first); isAddress([]byte(account)) {
		d.name(d.first)
	}
	d.release()
}

// release wipes the first answer.
func (d *dialogue) release() {
	clear(d.first)
	d.first = nil
}

// recordedMechanism is a mechanism's name as it may be recorded. What is none
// may be a password.
func recordedMechanism(name string) string {
	if name == "" || slices.Contains(knownMechanisms(), name) {
		return name
	}
	return secret("unreadable", []byte(name))
}

// knownMechanisms are those of the IANA registry "SASL Mechanisms", and the
// names that servers and devices use beside it.
func knownMechanisms() []string {
	return append(mechanismNames(),
		"9798-M-DSA-SHA1", "9798-M-ECDSA-SHA1", "9798-M-RSA-SHA1-ENC", "9798-U-DSA-SHA1", "9798-U-ECDSA-SHA1",
		"9798-U-RSA-SHA1-ENC", "ANONYMOUS", "CRAM-SHA1", "DIGEST-MD5", "DIGEST-MD5-HTTP", "EAP-AES128",
		"EAP-AES128-PLUS", "ECDH-X25519-CHALLENGE", "ECDSA-NIST256P-CHALLENGE", "EXTERNAL", "GS2-KRB5",
		"GS2-KRB5-PLUS", "GSS-SPNEGO", "GSSAPI", "KERBEROS_V4", "KERBEROS_V5", "MSN", "NMAS-SAMBA-AUTH",
		"OAUTH10A", "OPENID20", "OTP", "SAML20", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-224",
		"SCRAM-SHA-224-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-384", "SCRAM-SHA-384-PLUS",
		"SCRAM-SHA-512", "SCRAM-SHA-512-PLUS", "SCRAM-SHA3-512", "SCRAM-SHA3-512-PLUS", "SECURID", "SKEY",
		"SPNEGO", "SPNEGO-PLUS", "SXOVER-PLUS", "X-APPLETOKEN", "X-GOOGLE-TOKEN", "X-MSN", "X-OAUTH", "X-OAUTH2",
		"X-EXPS", "X-LOGIN", "X-PLAIN", "X-NTLM", "XAUTH", "XOAUTH", "XYMCOOKIE", "XYMCOOKIEB64", "XYMPKI")
}
