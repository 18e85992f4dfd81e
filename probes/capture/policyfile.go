package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Bounds of a policy file.
const (
	policySize  = 64 << 10 // bytes
	policyDelay = 60_000   // milliseconds
	policyLine  = 500      // bytes of one line that is sent
)

// ReadPolicy reads a policy from JSON. What is absent is as in the policy
// named by "base", or as in "exchange". The error names the line and the field
// that is wrong.
func ReadPolicy(r io.Reader) (Policy, error) {
	b, err := io.ReadAll(io.LimitReader(r, policySize+1))
	if err != nil {
		return Policy{}, fmt.Errorf("read policy: %w", err)
	}
	if len(b) > policySize {
		return Policy{}, fmt.Errorf("read policy: more than %d bytes", policySize)
	}
	var head struct {
		Base string `json:"base"`
	}
	head.Base = "exchange"
	if err := json.Unmarshal(b, &head); err != nil {
		return Policy{}, policyError(b, err)
	}
	base, ok := PolicyNamed(head.Base)
	if !ok {
		return Policy{}, lineError(b, "base", fmt.Errorf("no policy is named %q", clean(head.Base, 40)))
	}
	file := struct {
		Base string `json:"base"`
		*Policy
	}{Policy: &base}
	base.Name = "file"
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return Policy{}, policyError(b, err)
	}
	if field, err := base.check(); err != nil {
		return Policy{}, lineError(b, field, err)
	}
	return base, nil
}

// check returns the field that is wrong and why.
func (p Policy) check() (field string, err error) {
	texts := map[string][]string{
		"name": {p.Name}, "host": {p.Host}, "greeting": {p.Greeting}, "hello": {p.Hello},
		"ehlo": p.EHLO, "ehlo_tls": p.EHLOTLS, "login_prompts": p.LoginPrompts, "challenge": {p.Challenge},
	}
	for _, field := range []string{"name", "host", "greeting", "hello", "ehlo", "ehlo_tls", "login_prompts", "challenge"} {
		for _, text := range texts[field] {
			if err := checkLine(text); err != nil {
				return field, err
			}
		}
	}
	if n := len(p.LoginPrompts); n != 0 && n != 2 {
		return "login_prompts", errors.New("two prompts are needed")
	}
	for _, m := range p.Mechanisms {
		if !slices.Contains(mechanismNames(), m) {
			return "mechanisms", fmt.Errorf("%q is none of %s", clean(m, 40), strings.Join(mechanismNames(), ", "))
		}
	}
	if _, ok := tlsVersionNumber(p.TLSMin); !ok {
		return "tls_min", fmt.Errorf("%q is none of 1.0, 1.1, 1.2, 1.3", clean(p.TLSMin, 40))
	}
	if _, ok := tlsVersionNumber(p.TLSMax); !ok {
		return "tls_max", fmt.Errorf("%q is none of 1.0, 1.1, 1.2, 1.3", clean(p.TLSMax, 40))
	}
	if p.TLSMin != "" && p.TLSMax != "" && p.TLSMin > p.TLSMax {
		return "tls_min", errors.New("it is above tls_max")
	}
	return p.checkReplies()
}

func (p Policy) checkReplies() (field string, err error) {
	for _, key := range slices.Sorted(maps.Keys(p.Replies)) {
		if !isReplyKey(key) {
			return key, errors.New("nothing is answered by that name")
		}
		if err := checkReplyTo(key, p.Replies[key]); err != nil {
			return key, err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.Delays)) {
		if key != "GREETING" && !isReplyKey(key) {
			return key, errors.New("nothing is answered by that name")
		}
		if ms := p.Delays[key]; ms < 0 || ms > policyDelay {
			return key, fmt.Errorf("the delay is not from 0 to %d ms", policyDelay)
		}
	}
	return "", nil
}

// isReplyKey tells what a reply can be given for.
func isReplyKey(key string) bool {
	if key == popPassword {
		return true
	}
	if m, ok := strings.CutPrefix(key, "AUTH "); ok {
		return slices.Contains(mechanismNames(), m)
	}
	return slices.Contains([]string{
		"EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "MESSAGE",
		"RSET", "NOOP", "VRFY", "EXPN", "HELP", "QUIT", "UNAUTHENTICATED", "UNKNOWN",
	}, key)
}

// checkReplyTo checks what is answered to key, every line of it.
func checkReplyTo(key, text string) error {
	if key == popPassword {
		if !strings.HasPrefix(text, "+OK") && !strings.HasPrefix(text, "-ERR") {
			return fmt.Errorf("%q does not begin with +OK or -ERR", clean(text, 40))
		}
		return checkLine(text)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if err := checkReply(line); err != nil {
			return err
		}
	}
	return nil
}

func checkReply(line string) error {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || strings.Trim(line[:3], "0123456789") != "" {
		return fmt.Errorf("%q does not begin with a reply code from 200 to 599", clean(line, 40))
	}
	if len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return fmt.Errorf("%q has no space after its reply code", clean(line, 40))
	}
	return checkLine(line)
}

func checkLine(s string) error {
	if len(s) > policyLine {
		return fmt.Errorf("it is longer than %d bytes", policyLine)
	}
	if strings.ContainsAny(s, "\r\n") {
		return errors.New("it holds a line break")
	}
	return nil
}

// policyError adds the line to an error of the JSON reader.
func policyError(b []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("policy line %d: %w", lineAt(b, syntax.Offset), err)
	case errors.As(err, &kind):
		return fmt.Errorf("policy line %d, field %q: a %s is not wanted here", lineAt(b, kind.Offset), strings.TrimPrefix(kind.Field, "Policy."), kind.Value)
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return lineError(b, strings.Trim(field, `"`), errors.New("no such field"))
	}
	return fmt.Errorf("policy line %d: %w", lineAt(b, int64(len(b))), err)
}

// lineError finds the line on which the field stands.
func lineError(b []byte, field string, err error) error {
	at := bytes.Index(b, []byte(`"`+field+`"`))
	return fmt.Errorf("policy line %d, field %q: %w", lineAt(b, int64(max(at, 0))), clean(field, 40), err)
}

func lineAt(b []byte, offset int64) int {
	return 1 + bytes.Count(b[:min(offset, int64(len(b)))], []byte("\n"))
}
