package replay

import (
	"encoding/base64"
	"encoding/binary"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"offbasic/probes"
)

// step is one line of the client, as it is shown and as it is sent.
type step struct {
	shown, wire string
	after       string // the code that the server must have answered before it
	tls         bool   // TLS follows when it is answered with 220
}

// testBody is sent in the place of every message.
const testBody = "From: test@example.org\r\nSubject: Replayed session\r\n\r\nA test text in the place of the recorded message.\r\n"

// placeholder is what the capture writes where a secret or a content stood:
// "<account scan@contoso.example, password, 21 bytes>".
func placeholder() *regexp.Regexp {
	return regexp.MustCompile(`^<(?:NTLM )?(?:account (.*?))?(?:, )?(password|token|digest|response|unreadable|NTLM negotiate|message|unknown command)?(?:, (\d+) bytes?)?>$`)
}

// lines are what the client said, made ready to be said again.
func lines(s probes.Session) []step {
	var out []step
	mech, chunked := "", false
	raw := slices.Contains(s.Quirks, "not_base64")
	for _, l := range s.Transcript {
		if l.From != probes.Client {
			continue
		}
		words := strings.Fields(l.Text)
		switch {
		case l.Text == "<empty line>" || len(words) == 0:
			out = append(out, step{shown: l.Text, wire: "\r\n"})
		case l.Text == "<line too long>":
			out = append(out, step{shown: l.Text, wire: strings.Repeat("X", longLine) + "\r\n"})
		case words[0] == "AUTH" && len(words) > 1:
			mech = strings.ToUpper(words[1])
			out = append(out, auth(l.Text, mech, raw))
		case strings.EqualFold(words[0], "BDAT"):
			out, chunked = append(out, chunk(l.Text, words)), true
		case strings.HasPrefix(l.Text, "<message, "):
			if !chunked {
				out = append(out, step{shown: "<test message>", wire: testBody + ".\r\n", after: "354"})
			}
			chunked = false
		case strings.HasPrefix(l.Text, "<"):
			out = append(out, step{shown: l.Text, wire: fill(l.Text, mech, raw) + "\r\n", after: afterOf(l.Text)})
		default:
			out = append(out, step{shown: l.Text, wire: l.Text + "\r\n", tls: strings.EqualFold(words[0], "STARTTLS")})
		}
	}
	return out
}

// longLine is longer than servers take.
const longLine = 8192

// afterOf: an answer to a challenge is sent only after one.
func afterOf(text string) string {
	if strings.HasPrefix(text, "<unknown command") {
		return ""
	}
	return "334"
}

// auth is the AUTH line, with what stood behind the mechanism.
func auth(text, mech string, raw bool) step {
	head, rest, inline := strings.Cut(text, "<")
	wire := strings.TrimRight(head, " ")
	if inline {
		wire += " " + fill("<"+rest, mech, raw)
	}
	return step{shown: text, wire: wire + "\r\n"}
}

// chunk is a BDAT with a test text of its own length.
func chunk(text string, words []string) step {
	last := ""
	if strings.EqualFold(words[len(words)-1], "LAST") {
		last = " LAST"
	}
	return step{shown: text, wire: "BDAT " + strconv.Itoa(len(testBody)) + last + "\r\n" + testBody}
}

// fill puts a dummy of the same length in the place of a secret.
func fill(text, mech string, raw bool) string {
	m := placeholder().FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	n, _ := strconv.Atoi(m[3])
	account, dummy := m[1], strings.Repeat("x", min(n, longLine))
	encode := func(s string) string {
		if raw {
			return s
		}
		return base64.StdEncoding.EncodeToString([]byte(s))
	}
	switch {
	case m[2] == "unreadable" || m[2] == "unknown command":
		return dummy
	case m[2] == "NTLM negotiate":
		return base64.StdEncoding.EncodeToString(ntlm(1, "", n))
	case m[2] == "response":
		return base64.StdEncoding.EncodeToString(ntlm(3, account, 0))
	case m[2] == "digest":
		return encode(account + " " + strings.Repeat("0", 32))
	case mech == "XOAUTH2":
		return encode("user=" + account + "\x01auth=Bearer " + dummy + "\x01\x01")
	case mech == "OAUTHBEARER":
		return encode("n,a=" + account + ",\x01auth=Bearer " + dummy + "\x01\x01")
	case mech == "PLAIN":
		return encode("\x00" + account + "\x00" + dummy)
	case account != "":
		return encode(account)
	}
	return encode(dummy)
}

// ntlm is a message of a kind ([MS-NLMP], section 2.2.1) without a secret: an
// AUTHENTICATE has the account and empty responses.
func ntlm(kind uint32, account string, size int) []byte {
	const head = 64
	b := make([]byte, max(head, min(size, longLine)))
	copy(b, "NTLMSSP\x00")
	binary.LittleEndian.PutUint32(b[8:], kind)
	if kind == 3 {
		binary.LittleEndian.PutUint16(b[36:], uint16(min(len(account), 256))) //nolint:gosec // bounded here
		binary.LittleEndian.PutUint32(b[40:], head)
		b = append(b[:head], account[:min(len(account), 256)]...)
	}
	return b
}
