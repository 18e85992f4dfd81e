package checks

import (
	"encoding/base64"
	"strings"
)

// hidden stands where a secret stood.
const hidden = "[...]"

// withoutSecrets takes out of a text what may be a password or a token: what
// follows AUTH and its mechanism or a name such as "password=", a bearer token,
// and base64 that holds readable text, as some servers repeat a line that they
// refuse.
func withoutSecrets(s string) string {
	if !maybeSecret(s) {
		return s
	}
	words := strings.Split(s, " ")
	hide := 0 // this many words before the next is a secret
	for i, word := range words {
		if word == "" {
			continue
		}
		before := hide
		hide = max(0, hide-1)
		switch lower := strings.ToLower(strings.Trim(word, `"'(<,`)); {
		case before == 1 && (isSecret(word) || len(word) >= 4 && !isProse(words[i:])):
			words[i] = hidden
		case lower == "auth" && i+2 < len(words) && isMechanism(words[i+1]):
			hide = 2
		case lower == "bearer" || lower == "password:" || lower == "pass:":
			hide = 1
		case assigned(word) > 0:
			words[i] = word[:assigned(word)] + hidden
		case isSecret(word):
			words[i] = hidden
		}
	}
	return strings.Join(words, " ")
}

// maybeSecret is a quick look: most texts hold none.
func maybeSecret(s string) bool {
	run := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '=':
			return true
		case isWord(c) || c == '+' || c == '/':
			run++
		default:
			run = 0
		}
		if run >= 8 {
			return true
		}
	}
	return strings.Contains(strings.ToUpper(s), "AUTH ") || strings.Contains(strings.ToLower(s), "pass")
}

func isMechanism(s string) bool {
	switch strings.ToUpper(strings.Trim(s, `"'`)) {
	case "LOGIN", "PLAIN", "CRAM-MD5", "NTLM", "XOAUTH2", "OAUTHBEARER", "DIGEST-MD5", "GSSAPI":
		return true
	}
	return false
}

// isProse tells a sentence behind "AUTH LOGIN" from its argument: a word of
// letters alone, and another behind it.
func isProse(words []string) bool {
	letters := strings.Trim(words[0], ".,;:()'\"")
	for i := range len(letters) {
		if !isLetter(letters[i]) {
			return false
		}
	}
	return len(letters) > 0 && letters == strings.ToLower(letters)
}

// assigned is where the value of "password=...", "pwd:..." begins in word; 0
// when it is nothing of the kind.
func assigned(word string) int {
	i := strings.IndexAny(word, "=:")
	if i < 0 || i+1 == len(word) {
		return 0
	}
	name := strings.ToLower(strings.TrimLeft(word[:i], `"'(<[{`))
	name = strings.TrimRight(name, `"'`)
	for _, s := range [...]string{"password", "passwd", "pass", "pwd", "secret", "token"} {
		if strings.HasSuffix(name, s) {
			return i + 1
		}
	}
	if strings.HasSuffix(name, "auth") && strings.HasPrefix(strings.ToLower(word[i+1:]), "bearer") {
		return i + 1
	}
	return 0
}

// isSecret tells a word that is a token, or base64 of readable text.
func isSecret(word string) bool {
	word = strings.Trim(word, `"'<>()[]{},;:.`)
	if strings.HasPrefix(word, "eyJ") && len(word) > 20 { // a JSON Web Token begins with {"
		return true
	}
	core := strings.TrimRight(word, "=")
	if len(core) < 6 {
		return false
	}
	var first [6]byte // mostly enough to see that it is none
	if n, err := base64.RawStdEncoding.Decode(first[:], []byte(core[:min(len(core), 8)])); err != nil && len(core) >= 8 || !isReadable(first[:n]) {
		return false
	}
	plain, err := base64.RawStdEncoding.DecodeString(core)
	if err != nil {
		return false
	}
	prompt := string(plain)
	return isReadable(plain) && !strings.EqualFold(prompt, "username:") && !strings.EqualFold(prompt, "password:") // what LOGIN asks
}

// isReadable tells text, with the bytes that PLAIN and XOAUTH2 put between
// their parts.
func isReadable(plain []byte) bool {
	for _, c := range plain {
		if c != 0 && c != 1 && (c < ' ' || c > '~') {
			return false
		}
	}
	return true
}
