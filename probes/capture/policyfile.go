package capture

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"offbasic/probes"
)

// Bounds of a policy file.
const (
	policySize  = 64 << 10 // bytes
	policyDelay = 60_000   // milliseconds
	policyLine  = 500      // bytes of one line that is sent
)

// ReadPolicy reads a policy from JSON. What is absent is as in the policy
// named by "base", or as in "exchange"; "replies" and "delays_ms" are added to
// those of the base, lists take the place of its lists.
//
// What is wrong is a *probes.Fault with the argument line, but for
// "policy_size" (most), and field, a path such as "replies.MAIL" or "ehlo[2]":
// "policy_syntax" (column), "policy_kind" (wanted), "policy_field", "policy_twice"
// (before), "policy_base" and "policy_mechanism" (value, names), "policy_reply"
// (value), "policy_pop3" (value), "policy_key", "policy_delay" (most),
// "policy_prompts", "policy_tls" (value), "policy_tls_order", "policy_long"
// (most) and "policy_break".
func ReadPolicy(r io.Reader) (Policy, error) {
	b, err := io.ReadAll(io.LimitReader(r, policySize+1))
	if err != nil {
		return Policy{}, fmt.Errorf("read policy: %w", err)
	}
	if len(b) > policySize {
		return Policy{}, &probes.Fault{Op: "read the policy", Code: "policy_size", Args: map[string]string{"most": strconv.Itoa(policySize)}}
	}
	// Windows Notepad puts a byte order mark in front.
	file, err := openPolicy(bytes.TrimPrefix(b, []byte("\ufeff")))
	if err != nil {
		return Policy{}, err
	}
	return file.policy()
}

// policyFile is the text of a policy, and the lines on which its values are.
type policyFile struct {
	b     []byte
	lines map[string]int // by path: "replies.MAIL", "ehlo[2]"
	d     *json.Decoder
}

// wrong is a fault of the file, at the line of a path. The nearest path above
// stands in for one that the file does not have.
func (f *policyFile) wrong(code probes.Code, path string, args map[string]string) error {
	all := map[string]string{"field": clean(path, 80), "line": "1"}
	for at := path; ; {
		if n, ok := f.lines[at]; ok {
			all["line"] = strconv.Itoa(n)
			break
		}
		i := strings.LastIndexAny(at, ".[")
		if i < 0 {
			break
		}
		at = at[:i]
	}
	maps.Copy(all, args)
	return &probes.Fault{Op: "read line " + all["line"] + " of the policy, " + all["field"], Code: code, Args: all}
}

// openPolicy reads the file once for its lines and the kinds of its values.
func openPolicy(b []byte) (*policyFile, error) {
	f := &policyFile{b: b, lines: map[string]int{}, d: json.NewDecoder(bytes.NewReader(b))}
	var whole json.RawMessage
	if err := json.Unmarshal(b, &whole); err != nil {
		return nil, f.notJSON(err)
	}
	f.d.UseNumber()
	return f, f.object("", anObject, func(name string) error {
		kind, ok := policyFields()[name]
		if !ok {
			return f.wrong("policy_field", name, nil)
		}
		return f.value(name, kind)
	})
}

// notJSON says where the file stops to be JSON.
func (f *policyFile) notJSON(err error) error {
	at := len(f.b)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok && int(syntax.Offset) <= at {
		at = max(0, int(syntax.Offset)-1)
	}
	before := f.b[:at]
	return &probes.Fault{Op: "read the policy", Code: "policy_syntax", Err: err, Args: map[string]string{
		"line": strconv.Itoa(1 + bytes.Count(before, []byte("\n"))), "column": strconv.Itoa(len(before) - bytes.LastIndexByte(before, '\n')),
	}}
}

// The kinds of value in a policy, as an example of each.
const (
	aText    = `"..."`
	aSwitch  = `true, false`
	aNumber  = `0, 1, 2, ...`
	texts    = `["...", "..."]`
	replies  = `{"MAIL": "250 2.1.0 OK"}`
	delays   = `{"MAIL": 500}`
	anObject = `{"base": "exchange"}`
)

// policyFields are the fields of a policy file and their kinds.
func policyFields() map[string]string {
	return map[string]string{
		"base": aText, "name": aText, "host": aText, "greeting": aText, "hello": aText, "challenge": aText,
		"tls_min": aText, "tls_max": aText, "require_auth": aSwitch, "require_tls": aSwitch,
		"ehlo": texts, "ehlo_tls": texts, "mechanisms": texts, "login_prompts": texts,
		"replies": replies, "delays_ms": delays,
	}
}

// next is the next token; the text was JSON as a whole.
func (f *policyFile) next(path string) json.Token {
	t, err := f.d.Token()
	if err != nil {
		return nil
	}
	if path != "" {
		f.lines[path] = 1 + bytes.Count(f.b[:f.d.InputOffset()], []byte("\n"))
	}
	return t
}

// value reads a value that is to be of a kind.
func (f *policyFile) value(path, kind string) error {
	switch kind {
	case texts:
		return f.list(path)
	case replies:
		return f.object(path, kind, func(name string) error { return f.value(path+"."+name, aText) })
	case delays:
		return f.object(path, kind, func(name string) error { return f.value(path+"."+name, aNumber) })
	}
	ok := false
	switch t := f.next(path).(type) {
	case string:
		ok = kind == aText
	case bool:
		ok = kind == aSwitch
	case json.Number:
		_, err := strconv.Atoi(t.String())
		ok = kind == aNumber && err == nil
	}
	if !ok {
		return f.wrong("policy_kind", path, map[string]string{"wanted": kind})
	}
	return nil
}

// object reads an object, of which each name comes once.
func (f *policyFile) object(path, kind string, field func(name string) error) error {
	if whole := cmp.Or(path, "{}"); f.next(whole) != json.Delim('{') {
		return f.wrong("policy_kind", whole, map[string]string{"wanted": kind})
	}
	for f.d.More() {
		name, _ := f.next("").(string)
		at := strings.TrimPrefix(path+"."+name, ".")
		before, twice := f.lines[at]
		f.lines[at] = 1 + bytes.Count(f.b[:f.d.InputOffset()], []byte("\n"))
		if twice {
			return f.wrong("policy_twice", at, map[string]string{"before": strconv.Itoa(before)})
		}
		if err := field(name); err != nil {
			return err
		}
	}
	f.next("")
	return nil
}

// list reads an array of texts.
func (f *policyFile) list(path string) error {
	if f.next(path) != json.Delim('[') {
		return f.wrong("policy_kind", path, map[string]string{"wanted": texts})
	}
	for i := 0; f.d.More(); i++ {
		if err := f.value(fmt.Sprintf("%s[%d]", path, i), aText); err != nil {
			return err
		}
	}
	f.next("")
	return nil
}

// policy is what the file makes of its base.
func (f *policyFile) policy() (Policy, error) {
	head := struct {
		Base string `json:"base"`
	}{"exchange"}
	if err := json.Unmarshal(f.b, &head); err != nil {
		return Policy{}, fmt.Errorf("read policy: %w", err)
	}
	p, ok := PolicyNamed(head.Base)
	if !ok {
		return Policy{}, f.wrong("policy_base", "base", among(head.Base, PolicyNames()))
	}
	p.Name = "file"
	if err := json.Unmarshal(f.b, &p); err != nil {
		return Policy{}, fmt.Errorf("read policy: %w", err)
	}
	if err := f.check(p); err != nil {
		return Policy{}, err
	}
	return p, nil
}

// check finds what a policy cannot be.
func (f *policyFile) check(p Policy) error {
	for _, check := range []func(Policy) error{f.checkTexts, f.checkChoices, f.checkReplies, f.checkDelays} {
		if err := check(p); err != nil {
			return err
		}
	}
	return nil
}

// among are the arguments for a value that is none of several.
func among(value string, names []string) map[string]string {
	return map[string]string{"value": clean(value, 40), "names": strings.Join(names, ", ")}
}

func (f *policyFile) checkTexts(p Policy) error {
	for _, field := range []struct {
		name string
		one  string
		many []string
	}{
		{name: "name", one: p.Name},
		{name: "host", one: p.Host},
		{name: "greeting", one: p.Greeting},
		{name: "hello", one: p.Hello},
		{name: "challenge", one: p.Challenge},
		{name: "ehlo", many: p.EHLO},
		{name: "ehlo_tls", many: p.EHLOTLS},
		{name: "login_prompts", many: p.LoginPrompts},
	} {
		if err := f.checkLine(field.name, field.one); err != nil {
			return err
		}
		for i, text := range field.many {
			if err := f.checkLine(fmt.Sprintf("%s[%d]", field.name, i), text); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *policyFile) checkChoices(p Policy) error {
	if n := len(p.LoginPrompts); n != 0 && n != 2 {
		return f.wrong("policy_prompts", "login_prompts", nil)
	}
	for i, m := range p.Mechanisms {
		if !slices.Contains(mechanismNames(), m) {
			return f.wrong("policy_mechanism", fmt.Sprintf("mechanisms[%d]", i), among(m, mechanismNames()))
		}
	}
	if _, ok := tlsVersionNumber(p.TLSMin); !ok {
		return f.wrong("policy_tls", "tls_min", map[string]string{"value": clean(p.TLSMin, 40)})
	}
	if _, ok := tlsVersionNumber(p.TLSMax); !ok {
		return f.wrong("policy_tls", "tls_max", map[string]string{"value": clean(p.TLSMax, 40)})
	}
	if p.TLSMin != "" && p.TLSMax != "" && p.TLSMin > p.TLSMax {
		at := "tls_min"
		if f.lines[at] == 0 {
			at = "tls_max" // the other is the base's
		}
		return f.wrong("policy_tls_order", at, nil)
	}
	return nil
}

func (f *policyFile) checkReplies(p Policy) error {
	for _, key := range slices.Sorted(maps.Keys(p.Replies)) {
		path := "replies." + key
		if !isReplyKey(key) {
			return f.wrong("policy_key", path, nil)
		}
		if err := f.checkReply(path, key, p.Replies[key]); err != nil {
			return err
		}
	}
	return nil
}

func (f *policyFile) checkDelays(p Policy) error {
	for _, key := range slices.Sorted(maps.Keys(p.Delays)) {
		path := "delays_ms." + key
		if key != "GREETING" && !isReplyKey(key) {
			return f.wrong("policy_key", path, nil)
		}
		if ms := p.Delays[key]; ms < 0 || ms > policyDelay {
			return f.wrong("policy_delay", path, map[string]string{"most": strconv.Itoa(policyDelay)})
		}
	}
	return nil
}

// isReplyKey tells what a reply can be given for.
func isReplyKey(key string) bool {
	if m, ok := strings.CutPrefix(key, "AUTH "); ok {
		return slices.Contains(mechanismNames(), m)
	}
	return slices.Contains(replyKeys(), key)
}

// replyKeys are what a reply can be given for, but for one mechanism alone.
func replyKeys() []string {
	return []string{
		"EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "MESSAGE",
		"RSET", "NOOP", "VRFY", "EXPN", "HELP", "QUIT", "UNAUTHENTICATED", "UNKNOWN", popPassword,
	}
}

// checkReply checks what is answered to key, every line of it.
func (f *policyFile) checkReply(path, key, text string) error {
	if key == popPassword {
		if !strings.HasPrefix(text, "+OK") && !strings.HasPrefix(text, "-ERR") {
			return f.wrong("policy_pop3", path, map[string]string{"value": clean(text, 40)})
		}
		return f.checkLine(path, text)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if !isReply(line) {
			return f.wrong("policy_reply", path, map[string]string{"value": clean(line, 40)})
		}
		if err := f.checkLine(path, line); err != nil {
			return err
		}
	}
	return nil
}

// isReply tells a reply code from 200 to 599, alone or with a text behind it.
func isReply(line string) bool {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || strings.Trim(line[:3], "0123456789") != "" {
		return false
	}
	return len(line) == 3 || line[3] == ' ' || line[3] == '-'
}

func (f *policyFile) checkLine(path, s string) error {
	if len(s) > policyLine {
		return f.wrong("policy_long", path, map[string]string{"most": strconv.Itoa(policyLine)})
	}
	if strings.ContainsAny(s, "\r\n") {
		return f.wrong("policy_break", path, nil)
	}
	return nil
}
