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
// says how each line may be shown. It keeps no password, digest or token.
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
	// secret, when set, is told the password before it is wiped.
	secret func([]byte)
}

// tell hands a password over and wipes it.
func (d *dialogue) tell(password []byte) {
	if d.secret != nil {
		d.secret(password)
	}
	clear(password)
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
	if d.step == 1 {
		text, how := decode(resp)
		d.raw = how == notBase64
		d.noteEncoding(how)
		d.auth.Account = clean(text, keptName)
		d.shown = "<account " + d.auth.Account + ">"
		clear(text)
		return d.prompt(1)
	}
	d.done, d.password = true, true
	text, how := bytes.Clone(bytes.TrimSpace(resp)), padded
	if !d.raw {
		clear(text)
		text, how = decode(resp)
	}
	d.noteEncoding(how)
	n := len(text)
	d.tell(text)
	d.notePassword(n)
	d.shown = "<password, " + count(n, "byte") + ">"
	return ""
}

// plain is PLAIN (RFC 4616): an authorization identity, the account and the
// password, with a NUL between them.
func (d *dialogue) plain(resp []byte) {
	d.done = true
	text, how := decode(resp)
	defer clear(text)
	parts := bytes.SplitN(text, []byte{0}, 3)
	if len(parts) < 3 {
		d.auth.Outcome = probes.AuthMalformed
		d.shown = secret("unreadable", resp)
		return
	}
	d.noteEncoding(how)
	d.password = true
	d.auth.Account = clean(parts[1], keptName)
	if len(parts[1]) == 0 {
		d.auth.Account = clean(parts[0], keptName)
	}
	if len(parts[0]) > 0 && !bytes.Equal(parts[0], parts[1]) {
		d.quirks = append(d.quirks, quirkAuthorization)
	}
	n := len(parts[2])
	d.tell(parts[2])
	d.notePassword(n)
	d.shown = "<account " + d.auth.Account + ", password, " + count(n, "byte") + ">"
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
	d.auth.Account = clean(text[:i], keptName)
	d.tell([]byte("<" + d.seed + "> " + string(text[i+1:])))
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
func secret(what string, b []byte) string {
	return "<" + what + ", " + count(len(b), "byte") + ">"
}

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
	if !readable(out) && len(body) == len(resp) && readable(resp) && len(body) < 40 {
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
	return utf8.Valid(b) && !slices.ContainsFunc(b, func(c byte) bool { return c < ' ' && c != 0 && c != 1 || c == 0x7f })
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
			d.auth.Account = clean(authzid(f), keptName)
		case strings.EqualFold(string(key), "user"):
			d.auth.Account = clean(value, keptName)
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
