package submit

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// shortest is the shortest text that is looked for: shorter ones are
// everywhere, and nothing is told by an echo of them.
const shortest = 4

// window is how much of a longer secret is enough to recognise it.
const window = 16

// mask knows a secret and everything it is sent as, and cuts it out of
// whatever the server repeats.
type mask struct {
	label   string                      // "<token, 1432 bytes>"
	windows map[int]map[string]struct{} // by length
}

// hide makes a mask for a secret; kind is "token" or "password". payloads are
// what it is sent as, before base64.
func hide(kind, secret string, payloads ...string) *mask {
	m := &mask{label: fmt.Sprintf("<%s, %d bytes>", kind, len(secret)), windows: map[int]map[string]struct{}{}}
	m.add(secret)
	for _, p := range append(payloads, secret) {
		m.add(strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(p)), "="))
	}
	return m
}

func (m *mask) add(needle string) {
	if len(needle) < shortest {
		return
	}
	w := min(window, len(needle))
	if m.windows[w] == nil {
		m.windows[w] = map[string]struct{}{}
	}
	for i := range len(needle) - w + 1 {
		m.windows[w][needle[i:i+w]] = struct{}{}
	}
}

// find marks the bytes of s that come from the secret; nil when none does.
func (m *mask) find(s string) (secret []bool) {
	for w, known := range m.windows {
		for i := range len(s) - w + 1 {
			if _, ok := known[s[i:i+w]]; !ok {
				continue
			}
			if secret == nil {
				secret = make([]bool, len(s))
			}
			for k := i; k < i+w; k++ {
				secret[k] = true
			}
		}
	}
	return secret
}

// cut replaces every stretch of s that comes from the secret. A nil mask knows
// no secret.
func (m *mask) cut(s string) string {
	if m == nil {
		return s
	}
	secret := m.find(s)
	if secret == nil {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		switch {
		case !secret[i]:
			b.WriteByte(s[i])
		case i == 0 || !secret[i-1]:
			b.WriteString(m.label)
		}
	}
	return b.String()
}
