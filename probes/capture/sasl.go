package capture

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"offbasic/probes"
)

// mechanismNames are the mechanisms that can be gone through without knowing
// the password.
func mechanismNames() []string {
	return []string{"LOGIN", "PLAIN", "CRAM-MD5", "NTLM", "XOAUTH2", "OAUTHBEARER"}
}

// dialogue is one sign-in. It reads the client's lines, keeps the account, and
// says how each line may be shown. It keeps no digest and no token, and of what
// may be a password nothing beyond the next line of the client.
type dialogue struct {
	auth     probes.Auth
	quirks   []string
	shown    string // the last line of the client, without its secrets
	done     bool
	password bool // a password was sent

	prompts []string // of LOGIN; empty means Exchange's
	opening string   // the first challenge of a mechanism that the client begins
	seed    string
	step    int
	raw     bool // the client does not write base64
	inline  bool // the line is the rest of the AUTH command
	// first is the first answer of LOGIN until the second has come; it is
	// wiped then.
	first []byte
	held  *heldLine // of the transcript, which shows it
	// secret, when set, is told the password before it is wiped.
	secret func([]byte)
}

// tell hands a password over and wipes it.
func (d *dialogue) tell(password []byte) {
	defer clear(password)
	if d.secret != nil {
		d.secret(password)
	}
}

func newDialogue(mech, seed string) *dialogue {
	d := &dialogue{seed: seed}
	d.auth.Mechanism = clean(mech, keptMechanism)
	return d
}

// begin is the first challenge, when the client sent nothing with its AUTH.
func (d *dialogue) begin() (challenge string) {
	switch d.auth.Mechanism {
	case "LOGIN":
		return d.prompt(0)
	case "CRAM-MD5":
		return base64.StdEncoding.EncodeToString([]byte("<" + d.seed + ">"))
	}
	return d.opening
}

func (d *dialogue) prompt(i int) string {
	if len(d.prompts) == 2 {
		return d.prompts[i]
	}
	return []string{promptUsername, promptPassword}[i]
}

// next reads one line of the client; the challenge is what to send after 334
// unless the dialogue is done. The line may be wiped afterwards.
func (d *dialogue) next(resp []byte) (challenge string) {
	d.step++
	switch d.auth.Mechanism {
	case "LOGIN":
		return d.login(resp)
	case "PLAIN":
		d.plain(resp)
	case "CRAM-MD5":
		d.cram(resp)
	case "NTLM":
		return d.ntlm(resp)
	case "XOAUTH2", "OAUTHBEARER":
		d.bearer(resp)
	default:
		d.done = true
		d.shown = secret("unreadable", resp)
	}
	return ""
}

// login is AUTH LOGIN: the account, then the password, each base64. Some
// devices send them as they are, or without padding.
func (d *dialogue) login(resp []byte) (challenge string) {
	if d.step > 1 {
		d.loginPassword(resp)
		return ""
	}
	resp = bytes.TrimSpace(resp)
	password := []byte(nil)
	if i := bytes.IndexAny(resp, " \t"); i >= 0 && d.inline {
		resp, password = resp[:i], unquoted(bytes.TrimSpace(resp[i:]))
	}
	text, how := decode(unquoted(resp))
	d.raw = how == notBase64
	d.noteEncoding(how)
	if bytes.IndexByte(bytes.TrimRight(text, "\x00"), 0) >= 0 {
		d.quirks = append(d.quirks, quirkPlainInLogin)
		d.plainText(text, len(resp))
		return ""
	}
	d.hold(text)
	if len(password) == 0 {
		return d.prompt(1)
	}
	d.quirks = append(d.quirks, quirkPasswordInline)
	d.loginPassword(password)
	d.shown = hidden("account and password", len(resp)+len(password))
	return ""
}

// loginPassword takes the second answer of LOGIN.
func (d *dialogue) loginPassword(resp []byte) {
	d.done = true
	text, how := bytes.Clone(bytes.TrimSpace(resp)), padded
	if !d.raw {
		clear(text)
		text, how = decode(resp)
	}
	d.noteEncoding(how)
	n := d.pair(d.first, text)
	d.release()
	d.shown = hidden("password", n)
	if d.swapped() {
		d.shown = "<account " + d.auth.Account + ">"
	}
}

// unquoted is b without quotes around it.
func unquoted(b []byte) []byte {
	if len(b) > 1 && b[0] == '"' && b[len(b)-1] == '"' {
		return b[1 : len(b)-1]
	}
	return b
}

// plain is PLAIN (RFC 4616): an authorization identity, the account and the
// password, with a NUL between them.
func (d *dialogue) plain(resp []byte) {
	text, how := decode(resp)
	if d.plainText(text, len(resp)) {
		d.noteEncoding(how)
	}
}

// plainText takes what PLAIN holds, and wipes it; sent is how long it was on
// the line. False means that it is malformed.
func (d *dialogue) plainText(text []byte, sent int) bool {
	d.done = true
	defer clear(text)
	parts := bytes.SplitN(text, []byte{0}, 3)
	if len(parts) < 3 {
		d.auth.Outcome = probes.AuthMalformed
		d.shown = hidden("unreadable", sent)
		return false
	}
	if len(parts[0]) > 0 && !bytes.Equal(parts[0], parts[1]) {
		d.quirks = append(d.quirks, quirkAuthorization)
	}
	account := parts[1]
	if len(account) == 0 {
		account = parts[0]
	}
	n := d.pair(account, parts[2])
	d.shown = "<account " + d.auth.Account + ", password, " + count(n, "byte") + ">"
	return true
}

// cram is CRAM-MD5 (RFC 2195): the account, a space, a digest. The digest is
// not kept: together with the challenge it lets a password be guessed.
func (d *dialogue) cram(resp []byte) {
	d.done = true
	text, how := decode(resp)
	defer clear(text)
	i := bytes.LastIndexByte(text, ' ')
	if i < 0 || len(text)-i-1 != 32 {
		d.auth.Outcome = probes.AuthMalformed
		d.shown = secret("unreadable", resp)
		return
	}
	d.noteEncoding(how)
	d.name(text[:i])
	d.tell(append([]byte("<"+d.seed+"> "), text[i+1:]...))
	d.shown = "<account " + d.auth.Account + ", digest>"
}

func (d *dialogue) noteEncoding(how encoding) {
	switch how {
	case unpadded:
		d.quirks = append(d.quirks, quirkUnpadded)
	case notBase64:
		d.quirks = append(d.quirks, quirkNotBase64)
	case padded:
	}
}

func (d *dialogue) notePassword(n int) {
	if n == 0 {
		d.quirks = append(d.quirks, quirkEmptyPassword)
	}
}

// secret shows that something was sent, and how long it was.
func secret(what string, b []byte) string { return hidden(what, len(b)) }

func hidden(what string, n int) string { return "<" + what + ", " + count(n, "byte") + ">" }

// encoding is how a client wrote what should be base64.
type encoding int

const (
	padded encoding = iota
	unpadded
	notBase64
)

// decode reads base64 with or without its padding. What is no base64, or is
// readable as it stands and not once decoded, is taken as it stands: "scan" is
// a name and four letters of base64.
func decode(resp []byte) ([]byte, encoding) {
	resp = bytes.TrimSpace(resp)
	if string(resp) == "=" {
		return nil, padded
	}
	body := bytes.TrimRight(resp, "=")
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(body)))
	n, err := base64.RawStdEncoding.Decode(out, body)
	if err != nil {
		clear(out)
		return bytes.Clone(resp), notBase64
	}
	out = out[:n]
	if !readable(out) && !paired(out) && len(body) == len(resp) && readable(resp) && len(body) < 40 {
		clear(out)
		return bytes.Clone(resp), notBase64
	}
	if len(resp)%4 != 0 {
		return out, unpadded
	}
	return out, padded
}

// readable tells text as people type it; a NUL stands between the parts of
// PLAIN.
func readable(b []byte) bool {
	return utf8.Valid(b) && !slices.ContainsFunc(b, func(c byte) bool {
		return c < ' ' && c > 1 && !bytes.ContainsRune([]byte("\t\r\n"), rune(c)) || c == 0x7f
	})
}

// paired tells a name with something behind it, in whatever character set.
func paired(b []byte) bool {
	i := bytes.IndexAny(b, ": \x00")
	return i > 2 && !slices.ContainsFunc(b[:i], func(c byte) bool { return c < ' ' || c > '~' })
}

// bearer is XOAUTH2 (Microsoft's and Google's) or OAUTHBEARER (RFC 7628):
// fields with a 0x01 between them, one of which holds the token.
func (d *dialogue) bearer(resp []byte) {
	d.done = true
	text, how := decode(resp)
	defer clear(text)
	fields := bytes.Split(text, []byte{1})
	var token []byte
	for i, f := range fields {
		key, value, _ := bytes.Cut(f, []byte("="))
		switch {
		case i == 0 && bytes.HasPrefix(f, []byte("n,")):
			d.bearerName(authzid(f))
		case strings.EqualFold(string(key), "user"):
			d.bearerName(value)
		case strings.EqualFold(string(key), "auth"):
			token = value
		}
	}
	if token == nil {
		d.auth.Outcome = probes.AuthMalformed
		d.shown = secret("unreadable", resp)
		return
	}
	d.noteEncoding(how)
	if len(token) > 7 && strings.EqualFold(string(token[:7]), "Bearer ") {
		token = token[7:]
	}
	d.auth.Claims = claims(token)
	kind := "token"
	if d.auth.Claims == nil && looksLikePassword(token) {
		d.quirks = append(d.quirks, quirkPasswordAsToken)
		d.password, kind = true, "password"
	}
	n := len(token)
	if d.password {
		d.tell(token)
	}
	d.shown = "<account " + d.auth.Account + ", " + kind + ", " + count(n, "byte") + ">"
}

// authzid is the account in the first field of OAUTHBEARER, "n,a=user@host,".
func authzid(f []byte) []byte {
	for part := range bytes.SplitSeq(f, []byte(",")) {
		if a, ok := bytes.CutPrefix(part, []byte("a=")); ok {
			return a
		}
	}
	return nil
}

// looksLikePassword tells what is too short for an access token.
func looksLikePassword(token []byte) bool { return len(token) < 100 }
