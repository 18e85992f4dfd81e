package submit

import (
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"

	"offbasic/probes"
)

// exchange is a SASL mechanism as the lines that the client sends, one to each
// challenge. No mechanism but PLAIN begins by sending anything with the AUTH
// command: Dovecot answers "500 Line too long" to a token there, and Postfix
// cuts it.
type exchange struct {
	mechanism Mechanism
	initial   []byte
	lines     [][]byte
	// afterwards answers a challenge when all is said, which is how a server
	// tells why it refuses a token.
	afterwards []byte
	sending    func()                 // called before the line with the secret
	told       func(challenge []byte) // called with such a challenge
	said       int
}

// sasl is the exchange of the chosen mechanism. initial puts the token on the
// AUTH line, for a server that wants it there.
func (t *try) sasl(initial bool) sasl.Client {
	e := &exchange{
		mechanism: t.mechanism,
		sending:   func() { t.wire.hideNext, t.spoken = true, true },
		told: func(c []byte) {
			if len(c) > 0 {
				t.wire.line(probes.Note, "challenge "+string(c))
			}
		},
	}
	payload := []byte(t.payload())
	switch t.mechanism {
	case XOAUTH2:
		// Microsoft and Google: the client answers the error with an empty line.
		e.lines, e.afterwards = [][]byte{payload}, []byte{}
	case OAUTHBEARER:
		// RFC 7628 section 3.2.3: the client answers the error with ^A.
		e.lines, e.afterwards = [][]byte{payload}, []byte{1}
	case LOGIN:
		e.lines = [][]byte{[]byte(t.r.Account), payload}
	default:
		e.initial = payload
	}
	if initial {
		e.initial, e.lines = payload, nil
	}
	return e
}

// payload is what carries the secret, before base64.
func (t *try) payload() string { return t.payloadOf(t.mechanism) }

func (t *try) payloadOf(m Mechanism) string {
	switch m {
	case XOAUTH2:
		return "user=" + t.r.Account + "\x01auth=Bearer " + t.secret + "\x01\x01"
	case OAUTHBEARER: // RFC 7628 section 3.1, with the name as RFC 5801 section 4 writes it
		name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(t.r.Account)
		return fmt.Sprintf("n,a=%s,\x01host=%s\x01port=%d\x01auth=Bearer %s\x01\x01", name, t.host, t.r.Port, t.secret)
	case PLAIN: // RFC 4616
		return "\x00" + t.r.Account + "\x00" + t.secret
	}
	return t.secret
}

// Start begins the exchange.
func (e *exchange) Start() (mech string, initial []byte, err error) {
	return string(e.mechanism), e.initial, nil
}

// Next answers a challenge. What the challenge says does not matter to these
// mechanisms until the secret is sent.
func (e *exchange) Next(challenge []byte) ([]byte, error) {
	if e.said < len(e.lines) {
		line := e.lines[e.said]
		if e.said++; e.said == len(e.lines) {
			e.sending()
		}
		return line, nil
	}
	e.told(challenge)
	if e.said > len(e.lines) || e.afterwards == nil {
		return nil, sasl.ErrUnexpectedServerChallenge
	}
	e.said++
	return e.afterwards, nil
}
