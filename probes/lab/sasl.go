package lab

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
)

// auth is AUTH with the mechanisms of the service (RFC 4954 section 4).
func (s *session) auth(arg string) {
	mech, initial, _ := strings.Cut(arg, " ")
	mech, initial = strings.ToUpper(mech), strings.TrimSpace(initial)
	switch {
	case s.tls == nil && !s.svc.clear:
		s.wrong(tlsFirst)
	case s.hello == "" || s.account != "" || s.mail:
		s.wrong("503 5.5.1 Bad sequence of commands")
	case !slices.Contains(s.svc.mechanisms, mech):
		s.no(unknownMech)
	case mech == "LOGIN":
		s.login(initial)
	case mech == "PLAIN":
		s.plain(initial)
	default:
		s.xoauth2(initial)
	}
}

// ask gets one line of a SASL exchange, unless it came with the command.
func (s *session) ask(challenge, initial string) ([]byte, error) {
	line := initial
	if line == "" {
		s.say("334 " + challenge)
		var err error
		if line, err = s.line(); err != nil {
			return nil, err
		}
	}
	if line == "*" {
		s.wrong("501 5.7.0 Authentication cancelled")
		return nil, errCancelled
	}
	b, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		s.wrong("501 5.5.2 Cannot decode the response")
	}
	return b, err
}

var errCancelled = errors.New("cancelled")

func (s *session) login(initial string) {
	user, err := s.ask("VXNlcm5hbWU6", initial)
	if err != nil {
		return
	}
	password, err := s.ask("UGFzc3dvcmQ6", "")
	if err != nil || s.provoked(stageAuth) {
		return
	}
	s.svc.password(s, string(user), string(password))
}

// plain is SASL PLAIN (RFC 4616 section 2).
func (s *session) plain(initial string) {
	b, err := s.ask("", initial)
	if err != nil || s.provoked(stageAuth) {
		return
	}
	parts := strings.Split(string(b), "\x00")
	if len(parts) != 3 {
		s.wrong("501 5.5.2 Cannot decode the response")
		return
	}
	s.svc.password(s, parts[1], parts[2])
}

func (s *session) xoauth2(initial string) {
	b, err := s.ask("", initial)
	if err != nil || s.provoked(stageAuth) {
		return
	}
	user, token, ok := parseXOAUTH2(string(b))
	if !ok {
		s.refused("XOAUTH2", "", or(s.svc.badToken, unsuccessful))
		return
	}
	s.svc.token(s, user, token)
}

// parseXOAUTH2 reads "user=" mailbox ^A "auth=Bearer " token ^A ^A (Microsoft,
// "Authenticate an IMAP, POP or SMTP connection using OAuth").
func parseXOAUTH2(s string) (user, token string, ok bool) {
	parts := strings.Split(s, "\x01")
	if len(parts) != 4 || parts[2] != "" || parts[3] != "" {
		return "", "", false
	}
	user, okUser := strings.CutPrefix(parts[0], "user=")
	token, okToken := strings.CutPrefix(parts[1], "auth=Bearer ")
	return user, token, okUser && okToken && user != "" && token != ""
}
