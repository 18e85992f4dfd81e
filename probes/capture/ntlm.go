package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"unicode/utf16"

	"offbasic/probes"
)

// ntlmHead begins every NTLM message ([MS-NLMP], section 2.2.1).
const ntlmHead = "NTLMSSP\x00"

// ntlm is AUTH NTLM ([MS-SMTPNTLM]): the client negotiates, is challenged,
// and authenticates. Account, domain and workstation are kept; its responses
// are not.
func (d *dialogue) ntlm(resp []byte) (challenge string) {
	text, _ := decode(resp)
	defer clear(text)
	kind := ntlmKind(text)
	switch {
	case kind == 1:
		d.shown = secret("NTLM negotiate", text)
		return base64.StdEncoding.EncodeToString(ntlmChallenge(d.seed))
	case kind == 3:
		d.ntlmAccount(text)
		d.done = true
		d.tell(nil)
		d.shown = "<NTLM account " + d.auth.Account + ", response>"
	case len(text) == 0 && d.step == 1:
		d.shown = "<empty line>"
		return d.opening
	default:
		d.done = true
		d.auth.Outcome = probes.AuthMalformed
		d.shown = secret("unreadable", resp)
	}
	return ""
}

func ntlmKind(b []byte) uint32 {
	if len(b) < 12 || !bytes.HasPrefix(b, []byte(ntlmHead)) {
		return 0
	}
	return binary.LittleEndian.Uint32(b[8:])
}

// Flags of NTLM ([MS-NLMP], section 2.2.2.5).
const (
	ntlmUnicode = 0x00000001
	ntlmFlags   = ntlmUnicode | 0x00000200 | 0x00008000 | 0x00080000 // NTLM, always sign, extended session security
)

// ntlmChallenge is a CHALLENGE message without target information ([MS-NLMP],
// section 2.2.1.2). Its eight bytes need not be secret: no response to them
// is kept.
func ntlmChallenge(seed string) []byte {
	b := make([]byte, 48)
	copy(b, ntlmHead)
	binary.LittleEndian.PutUint32(b[8:], 2)
	binary.LittleEndian.PutUint32(b[16:], 48)
	binary.LittleEndian.PutUint32(b[20:], ntlmFlags)
	copy(b[24:32], seed[max(0, len(seed)-8):])
	binary.LittleEndian.PutUint32(b[44:], 48)
	return b
}

// ntlmAccount reads the names of an AUTHENTICATE message ([MS-NLMP], section
// 2.2.1.3): domain at 28, user at 36, workstation at 44, flags at 60.
func (d *dialogue) ntlmAccount(b []byte) {
	wide := true
	if len(b) >= 64 {
		wide = binary.LittleEndian.Uint32(b[60:])&ntlmUnicode != 0
	}
	d.auth.Domain, _ = accountOf(ntlmName(b, 28, wide))
	d.name(ntlmName(b, 36, wide))
	d.auth.Host, _ = accountOf(ntlmName(b, 44, wide))
}

// ntlmName reads the name whose length and offset stand at the given place.
func ntlmName(b []byte, at int, wide bool) []byte {
	if len(b) < at+8 {
		return nil
	}
	n, from := int(binary.LittleEndian.Uint16(b[at:])), int64(binary.LittleEndian.Uint32(b[at+4:]))
	if from+int64(n) > int64(len(b)) {
		return nil
	}
	name := b[from : from+int64(n)]
	if !wide {
		return name
	}
	units := make([]uint16, 0, n/2)
	for i := 0; i+1 < n; i += 2 {
		units = append(units, binary.LittleEndian.Uint16(name[i:]))
	}
	return []byte(string(utf16.Decode(units)))
}
